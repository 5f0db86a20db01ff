"""A straight-line program: its statements, and the ones that a client's history comes to.

Nothing that waits is waited for: it is started as a task. So a program is a list that is gone through once, and what it
does can be read from top to bottom. A timeout is no statement of its own: what a primitive notices of `asyncio.timeout` and
`asyncio.wait_for` is that the task inside of it is cancelled, and that is what the program does, without a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .history import BLOCK, WAITING, History, Made

__all__ = [
    "BLOCK", "FALSE", "SLEEPS", "TRUE", "Act", "Cancel", "Change", "Do", "Leave", "Make", "Pause", "Program", "Start", "Statement",
    "statements_of", "without",
]  # fmt: skip

_MOST_PAUSES = 3
FALSE, TRUE = "", "ready"
"""What the predicates of all `wait_for()` say, before and after a `Change`. No booleans: `wait_for()` returns the value itself."""
SLEEPS = frozenset({"wait", "wait_for"})
"""The operations in which a task sleeps until it is woken; those of a condition give its lock back meanwhile."""


@dataclass(frozen=True)
class Make:
    """`object = Class(…)`; `number` is what the other statements call it by."""

    number: int
    role: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Start:
    """`task = ensure_future(object.operation(…))`, for a client.

    A `wait_for` looks at the value that all of them share. An `async with` is a task that holds the object until it `Leave`s.
    """

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
class Leave:
    """The body of a task's `async with` block ends, as it should or by an exception."""

    task: str
    raises: bool


@dataclass(frozen=True)
class Change:
    """`shared = …`: what every `wait_for()` waits for is true from now on."""


@dataclass(frozen=True)
class Pause:
    """`await asyncio.sleep(0)`: one iteration of the loop."""


Act = Make | Start | Do | Cancel | Leave | Change
Statement = Act | Pause
Program = tuple[Statement, ...]


def statements_of(history: History, *, refused: bool) -> Program:
    """Return the history as a program, with the calls that raised an exception or without.

    Where what is waited for becomes true it does not say: that is for the variants.
    """
    statements: list[Statement] = [Make(number, role, arguments) for number, (role, arguments) in enumerate(history.objects)]
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
        elif happening.what == "leave" and happening.client in current:
            statements.append(Leave(current[happening.client], *happening.arguments))
        elif happening.what == "call" and (refused or not happening.refused):
            statements.append(Do(happening.owner, happening.operation, happening.arguments, happening.client))
        elif happening.what == "cancel" and happening.client in current:
            statements.append(Cancel(current[happening.client], happening.by))
        elif happening.what == "end":
            current.pop(happening.client, None)
    return tuple(statements)


def without(program: Program, left_out: Statement) -> Program:
    """Return the program without the first statement like that, and without what is about the task or the object that it makes."""
    position = program.index(left_out)
    return tuple(each for number, each in enumerate(program) if number != position and not _needs(each, left_out))


def _needs(statement: Statement, other: Statement) -> bool:
    if isinstance(other, Start):
        return isinstance(statement, (Cancel, Leave)) and statement.task == other.task
    if isinstance(other, Make):
        made = isinstance(statement, Make) and Made(other.number) in statement.arguments
        return made or (isinstance(statement, (Start, Do)) and statement.owner == other.number)
    return False
