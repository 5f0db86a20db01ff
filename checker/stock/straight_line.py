"""The shortest straight-line program that shows what a trace shows: calls, bare yields and cancellations, one after the other.

A client's history says which operations came in which order. A person would write them down as one coroutine that starts the
ones that wait as tasks, yields once an iteration, and calls the others itself. That is not the same schedule (who releases is
another task), so it is not trusted but tried: variants are run on asyncio's own loop, on the implementation and on
`treadle.reference`, until one ends differently in the way that the violated property speaks of. What can be left out of it is.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .history import History
from .performing import Key, Objects, Sight, perform
from .statements import SLEEPS, Cancel, Do, Program, Start, statements_of
from .variants import variants_of

__all__ = ["StraightLine", "find_straight_line"]

_MOST_VARIANTS = 3_000


@dataclass(frozen=True)
class StraightLine:
    """A program, the objects that it is about, and what is different at its end: `key`, as `found`, where `expected` is right."""

    objects: Objects
    program: Program
    key: Key
    found: Any
    expected: Any
    sight: Sight  # what could be seen on the way: ("after", n) is how the tasks stood after the pause at position n


def find_straight_line(
    history: History, property: str, classes: Mapping[str, type[Any]], right: Mapping[str, type[Any]]
) -> StraightLine | None:
    """Return a program at whose end `classes` differ from `right`, as a violation of `property` does; None if none was found."""
    search = _Search(history.objects, property, classes, right)
    try:
        for variant in itertools.islice(variants_of(statements_of(history)), _MOST_VARIANTS):
            if search.key_of(variant) is not None:
                program, key = search.shrunk(variant)
                found, expected = search.both(program)
                return StraightLine(history.objects, program, key, found.get(key), expected.get(key), found)
        return None
    finally:
        search.close()


class _Search:
    """Runs programs on a loop of its own, on both sets of classes."""

    def __init__(
        self,
        objects: Objects,
        property: str,
        classes: Mapping[str, type[Any]],
        right: Mapping[str, type[Any]],
    ) -> None:
        self.objects = objects
        self.property = property
        self.classes = classes
        self.right = right
        self.loop = asyncio.SelectorEventLoop()
        self.loop.set_exception_handler(lambda loop, context: None)

    def close(self) -> None:
        self.loop.close()

    def both(self, program: Program) -> tuple[Sight, Sight]:
        return self._run(program, self.classes), self._run(program, self.right)

    def key_of(self, program: Program) -> Key | None:
        """Return what differs at the end of a program, and matters to the property; None if nothing does."""
        found, expected = self.both(program)
        if any(key[0] == "error" for key in (*found, *expected)) and self.property != "raises-as-documented":
            return None
        for kind in _KINDS.get(self.property, _ALL_KINDS):
            for key in found:
                if _is_of(kind, key, found, expected, program):
                    return key
        return None

    def shrunk(self, program: Program) -> tuple[Program, Key]:
        """Leave out what can be left out: statements, and then pauses."""
        key = self.key_of(program)
        assert key is not None
        improved = True
        while improved:
            improved = False
            for shorter in _shorter(program):
                other = self.key_of(shorter)
                if other is not None:
                    program, key, improved = shorter, other, True
                    break
        return program, key

    def _run(self, program: Program, classes: Mapping[str, type[Any]]) -> Sight:
        return self.loop.run_until_complete(perform(program, self.objects, classes, self.property == "state-as-reported"))


def _shorter(program: Program) -> Iterator[Program]:
    """Yield the program without one of its statements, and without two: what a client takes it has to give back.

    Who came last goes first: the names that are left begin with A.
    """
    starts = [statement for statement in reversed(program) if isinstance(statement, Start)]
    others = [number for number, statement in enumerate(program) if not isinstance(statement, Start)]
    for start in starts:
        yield _without(program, start)
    for position in others:
        yield program[:position] + program[position + 1 :]
    for start, second in itertools.combinations(starts, 2):
        yield _without(_without(program, start), second)
    for start in starts:
        for position in others:
            if isinstance(program[position], Do):
                yield _without(program[:position] + program[position + 1 :], start)


def _without(program: Program, start: Start) -> Program:
    """Return the program without a task, and without its cancellations."""
    return tuple(each for each in program if each != start and not (isinstance(each, Cancel) and each.task == start.task))


# --- which differences a property speaks of -----------------------------------------------------------------------------

_ALL_KINDS = ("overtaken", "stuck", "spurious", "lost permit", "message")
_KINDS: dict[str, tuple[str, ...]] = {
    "fifo": ("overtaken",),
    "no-lost-wakeup": ("stuck", "lost permit"),
    "no-deadlock": ("stuck",),
    "wakes-all": ("stuck",),
    "notifies-n": ("stuck", "spurious"),
    "permits-conserved": ("lost permit", "stuck", "spurious", "report"),
    "counter-bounded": ("lost permit", "spurious"),
    "counter-non-negative": ("spurious",),
    "mutual-exclusion": ("spurious",),
    "no-spurious-wakeup": ("spurious",),
    "cancellation-delivered": ("message",),
    "state-as-reported": ("lie", "report"),
    "lock-held-on-return": ("report",),
    "returns-as-documented": ("message", "stuck", "spurious"),
    "raises-as-documented": ("message",),
}


def _is_of(kind: str, key: Key, found: Sight, expected: Sight, program: Program) -> bool:
    """Return True if the difference in `key` is one of that kind."""
    here: Any = found.get(key)
    there: Any = expected.get(key)
    if here == there:
        return False
    if key[0] == "free":
        return kind == "lost permit" and bool(here < there)
    if key[0] == "truth":
        return kind == "lie" and there is True
    if key[0] in ("locked", "is_set"):
        return kind == "report"
    if key[0] != "task":
        return False
    stuck = here == "pending" and str(there).startswith("returned")
    if kind == "stuck":
        return stuck and _is_free_to_go(key, found, program)
    if kind == "overtaken":
        return stuck and any(found[other] != "pending" and expected[other] == "pending" for other in found if other[0] == "task")
    if kind == "spurious":
        return str(here).startswith("returned") and there == "pending"
    return kind == "message" and "pending" not in (here, there)


def _is_free_to_go(key: Key, found: Sight, program: Program) -> bool:
    """A task that waits for the condition's lock while somebody holds it is not stuck."""
    (start,) = (statement for statement in program if isinstance(statement, Start) and statement.task == key[1])
    return start.operation not in SLEEPS or not found.get(("locked", start.owner), False)
