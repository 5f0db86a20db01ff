"""Going round the loop of a lasso more than once.

The choices of one round need not fit the next: they are indices into options, and an equal state may list its options in
another order (`transitions`). So the states that the first round comes by are looked at, and for each further round the
choices are found that lead through the same states again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .execution import Scenario, execute, simulation
from .fingerprint import Fingerprinter
from .probing import Follower, Probe
from .runtime import Lasso, Run, Settings

__all__ = ["go_round"]

_TRIES = 200  # runs to find the choices between two states


@dataclass(frozen=True)
class _Stop:
    """A state that the loop comes by: after how many choices, and its fingerprint."""

    choices: int
    digest: bytes


class _Stops(Follower):
    """Notes the states of one round, the first of each number of choices."""

    def __init__(self, schedule: tuple[int, ...], lasso: Lasso, fingerprinter: Fingerprinter) -> None:
        super().__init__(schedule)
        self.lasso = lasso
        self.fingerprinter = fingerprinter
        self.stops: list[_Stop] = []
        self.boundary = 0

    def looks(self, run: Run) -> bool:
        """Note the state if choices have been made since the last one that was noted."""
        if run.choices < self.lasso.start:
            return False
        if not self.stops or run.choices > self.stops[-1].choices:
            self.stops.append(_Stop(run.choices, self.fingerprinter.fingerprint(run)))
            self.boundary = run.boundaries
        return run.choices >= self.lasso.end


def go_round(scenario: Scenario, settings: Settings, schedule: tuple[int, ...], rounds: int) -> tuple[tuple[int, ...], Settings] | None:
    """Return a schedule that goes round the loop of `settings.lasso` so often, and settings whose lasso is that long.

    None if one of the rounds could not be found.
    """
    lasso = settings.lasso
    assert lasso is not None
    schedule += (0,) * (lasso.end - len(schedule))  # where a schedule ends, stock order goes on
    if lasso.start == lasso.end:
        return schedule, replace(settings, lasso=replace(lasso, rounds=rounds))
    with simulation():
        fingerprinter = Fingerprinter()
        fingerprinter.world.prepare(scenario)
        fingerprinter.names_matter, fingerprinter.time_matters = lasso.names, lasso.times
        free = replace(settings, lasso=None)

        def run(follower: Follower) -> None:
            execute(scenario, free, follower, None, follower.attach)
            fingerprinter.world.restore()

        first = _Stops(schedule[: lasso.end], lasso, fingerprinter)
        run(first)
        longer, place = schedule[: lasso.end], first.boundary
        for _ in range(rounds - 1):
            for before, after in itertools.pairwise(first.stops):
                wanted = schedule[before.choices : after.choices]
                for choices in itertools.islice(_alternatives(wanted), _TRIES):
                    probe = Probe((*longer, *choices), fingerprinter, after.digest, len(longer) + len(choices), place)
                    run(probe)
                    if probe.arrived is not None:
                        longer, place = (*longer, *choices), probe.arrived
                        break
                else:
                    return None
    return longer, replace(settings, lasso=replace(lasso, end=len(longer)))


def _alternatives(choices: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the choices as they were made in the first round, and then all others of small numbers."""
    yield choices
    for most in range(1, 8):
        for other in itertools.product(range(most + 1), repeat=len(choices)):
            if max(other) == most and other != choices:
                yield other
