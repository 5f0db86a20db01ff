"""A straight-line program: its statements, and the ones that a client's history comes to.

Nothing that waits is waited for: it is started as a task. So a program is a list that is gone through once, and what it
does can be read from top to bottom. A timeout is no statement of its own: what a primitive notices of `asyncio.timeout` and
`asyncio.wait_for` is that the task inside of it is cancelled, and that is what the program does, without a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .history import WAITING, History

__all__ = [
    "FALSE", "SLEEPS", "TRUE", "Cancel", "Change", "Do", "Pause", "Program", "Start", "Statement", "statements_of",
]  # fmt: skip

_MOST_PAUSES = 3
FALSE, TRUE = "", "ready"
"""What the predicates of all `wait_for()` say, before and after a `Change`. No booleans: `wait_for()` returns the value itself."""
SLEEPS = frozenset({"wait", "wait_for"})
"""The operations in which a task sleeps until it is woken; those of a condition give its lock back meanwhile."""


@dataclass(frozen=True)
class Start:
    """`task = ensure_future(object.operation(…))`, for a client; a `wait_for` looks at the value that all of them share."""

    task: str
    owner: int
    operation: str
    arguments: tuple[Any, ...] = ()
    client: str = ""


@dataclass(frozen=True)
class Do:
    """`object.operation(…)`, which does not wait, for a client; "" is a callback."""

    owner: int
    operation: str
    arguments: tuple[Any, ...] = ()
    client: str = ""


@dataclass(frozen=True)
class Cancel:
    """`task.cancel("why")`. `by` is who did that in the run, if it was asyncio itself, such as `asyncio.timeout`."""

    task: str
    by: str = ""


@dataclass(frozen=True)
class Change:
    """`shared = …`: what every `wait_for()` waits for is true from now on."""


@dataclass(frozen=True)
class Pause:
    """`await asyncio.sleep(0)`: one iteration of the loop."""


Statement = Start | Do | Cancel | Change | Pause
Program = tuple[Statement, ...]


def statements_of(history: History) -> Program:
    """Return the history as a program. Where what is waited for becomes true it does not say: that is for the variants."""
    statements: list[Statement] = []
    current: dict[str, str] = {}  # client → the task that stands for what it waits in
    counts: dict[str, int] = {}
    before = history.happenings[0].iteration if history.happenings else 0
    for happening in history.happenings:
        statements += [Pause()] * min(_MOST_PAUSES, happening.iteration - before)
        before = happening.iteration
        if happening.what == "call" and happening.operation in WAITING:
            name = happening.client.lower() + ("_wait" if happening.operation in SLEEPS else "")
            counts[name] = counts.get(name, 0) + 1
            name += str(counts[name]) if counts[name] > 1 else ""
            current[happening.client] = name
            statements.append(Start(name, happening.owner, happening.operation, happening.arguments, happening.client))
        elif happening.what == "call":
            statements.append(Do(happening.owner, happening.operation, happening.arguments, happening.client))
        elif happening.what == "cancel" and happening.client in current:
            statements.append(Cancel(current[happening.client], happening.by))
        elif happening.what == "end":
            current.pop(happening.client, None)
    return tuple(statements)
