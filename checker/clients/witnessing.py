"""Which witnesses each size of a scenario makes possible, for every implementation that keeps its promises.

What only some correct designs show (a lock that is handed over has other moments than one that is put down) is not
demanded. Each rule is tested to be exact: at the sizes around its threshold, what is demanded is what is seen.
"""

from __future__ import annotations

import math

from ..witnesses import (
    CANCELLED,
    CANCELLED_WOKEN,
    CLEARED_EARLY,
    INSIDE_TOGETHER,
    NEWCOMER,
    NOTIFIED,
    PASSED_ON,
    SERVED,
    THREE_WAITED,
    TIMED_OUT,
    TWO_ASLEEP,
    TWO_WAITED,
    WOKEN,
    Witness,
)

__all__ = [
    "among_conditions",
    "among_events",
    "among_permits",
    "exact_counts",
    "extra_releases",
    "refinement",
    "shared_lock",
    "timeouts",
    "waits_with_timeouts",
]

_CANCELLED = (Witness(CANCELLED, 1), Witness(CANCELLED_WOKEN, 1))


def among_permits(permits: int, tasks: int, rounds: float) -> tuple[Witness, ...]:
    """So many clients acquire and release so many permits."""
    found: list[Witness] = []
    if tasks > permits:
        found += [Witness(SERVED), *_CANCELLED]
    if _two_wait(permits, tasks, rounds):
        found += [Witness(TWO_WAITED), Witness(NEWCOMER)]
    return tuple(found)


def _two_wait(permits: int, tasks: int, rounds: float) -> bool:
    """Two can be inside at once: besides the holders, or besides all but one, who comes back at once."""
    return tasks >= permits + 2 or (tasks == permits + 1 and rounds >= 2)


def extra_releases(tasks: int) -> tuple[Witness, ...]:
    """Clients acquire, and the main task releases."""
    together = (Witness(TWO_WAITED), Witness(NEWCOMER)) if tasks >= 2 else ()
    return (Witness(SERVED), *_CANCELLED, *together)


def timeouts() -> tuple[Witness, ...]:
    """One client waits for a time, another without limit."""
    return (Witness(SERVED), Witness(TIMED_OUT), Witness(TWO_WAITED), *_CANCELLED)


def among_events(tasks: int, clears: bool) -> tuple[Witness, ...]:
    """So many clients wait, set and, if there is such a thing, clear."""
    if tasks < 2:
        return ()
    # Somebody must be awake while one waits: a third client, or one that is being cancelled.
    together = Witness(TWO_WAITED, 0 if tasks >= 3 else 1)
    return (Witness(WOKEN), together, *_CANCELLED, *([Witness(CLEARED_EARLY)] if clears else []))


def among_conditions(tasks: int) -> tuple[Witness, ...]:
    """So many clients wait and notify."""
    if tasks < 2:
        return ()
    found = [Witness(NOTIFIED), Witness(SERVED), Witness(TWO_ASLEEP, 0 if tasks >= 3 else 1), *_CANCELLED]
    if tasks >= 3:
        found += [Witness(TWO_WAITED), Witness(NEWCOMER), Witness(PASSED_ON, 1)]
    return tuple(found)


def waits_with_timeouts(*, passes_on: bool) -> tuple[Witness, ...]:
    """Two clients wait on a condition; a notification may tie with a timeout, and then goes on (`passes_on`)."""
    late = (Witness(PASSED_ON),) if passes_on else ()
    return (Witness(NOTIFIED), Witness(TWO_ASLEEP), *late, *_CANCELLED)


def exact_counts() -> tuple[Witness, ...]:
    """Three clients wait, and some are notified."""
    return (*shared_lock(), Witness(THREE_WAITED))


def shared_lock() -> tuple[Witness, ...]:
    """Two clients wait on conditions that share a lock."""
    return (Witness(NOTIFIED), Witness(TWO_ASLEEP))


def refinement(primitive: str, tasks: int, rounds: float) -> tuple[Witness, ...]:
    """So many clients are followed in the model."""
    waits_alone = primitive in ("event", "condition")  # for a set() or a notification that need not come
    # Clients that go on for ever never come back at once, so two of them are not enough then.
    together = tasks >= 2 if waits_alone else _two_wait(1, tasks, rounds if rounds < math.inf else 1)
    found = [Witness(INSIDE_TOGETHER)] if together else []
    if tasks >= 2 or waits_alone:
        found.append(Witness(CANCELLED, 1))
    return tuple(found)
