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
from .performing import Key, Sight, perform
from .statements import SLEEPS, Do, Make, Program, Start, statements_of, without
from .variants import variants_of

__all__ = ["StraightLine", "find_straight_line"]

_MOST_VARIANTS = 3_000


@dataclass(frozen=True)
class StraightLine:
    """A program, and what is different at its end: `key`, as `found`, where `expected` is right."""

    program: Program
    key: Key
    found: Any
    expected: Any
    sight: Sight  # all that was found, on the way too


def find_straight_line(
    history: History, property: str, classes: Mapping[str, type[Any]], right: Mapping[str, type[Any]]
) -> StraightLine | None:
    """Return a program at whose end `classes` differ from `right`, as a violation of `property` does; None if none was found.

    Calls that were refused are left out at first: mostly they are how a client makes sure, and no part of the story.
    """
    search = _Search(property, classes, right)
    try:
        for first in dict.fromkeys(statements_of(history, refused=refused) for refused in (False, True)):
            for variant in dict.fromkeys(itertools.islice(variants_of(first), _MOST_VARIANTS)):
                if search.key_of(variant) is not None:
                    return search.shrunk(variant)
        return None
    finally:
        search.close()


class _Search:
    """Runs programs on a loop of its own, on both sets of classes."""

    def __init__(self, property: str, classes: Mapping[str, type[Any]], right: Mapping[str, type[Any]]) -> None:
        self.property = property
        self.classes = classes
        self.right = right
        self.loop = asyncio.SelectorEventLoop()
        self.loop.set_exception_handler(lambda loop, context: None)

    def close(self) -> None:
        self.loop.close()

    def key_of(self, program: Program) -> Key | None:
        """Return what differs at the end of a program, and matters to the property; None if nothing does."""
        found, expected = self._run(program, self.classes), self._run(program, self.right)
        if not _makes_sense(found, expected, may_raise=self.property in _MAY_RAISE):
            return None
        for kind in _KINDS.get(self.property, _ALL_KINDS):
            for key in {**expected, **found}:
                if _is_of(kind, key, found, expected, program):
                    return key
        return None

    def shrunk(self, program: Program) -> StraightLine:
        """Leave out what can be left out: objects, statements, pauses."""
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
        found, expected = self._run(program, self.classes), self._run(program, self.right)
        return StraightLine(program, key, found.get(key), expected.get(key), {**expected, **found})

    def _run(self, program: Program, classes: Mapping[str, type[Any]]) -> Sight:
        sight = self.loop.run_until_complete(perform(program, classes))
        if self.property == "state-as-reported":
            for number in [statement.number for statement in program if isinstance(statement, Make)]:
                asked = self.loop.run_until_complete(perform(program, classes, number))
                sight |= {key: value for key, value in asked.items() if key[0] == "truth"}
        return sight


def _makes_sense(found: Sight, expected: Sight, *, may_raise: bool) -> bool:
    """Return True if what clients may not do is refused where all is right, and nothing else is, unless that is the point."""
    bold = {key[1] for key in (*found, *expected) if key[0] == "bold"}
    for what in bold:
        refused = ("refused", what) in expected if isinstance(what, int) else str(expected.get(("task", what))).startswith("raised")
        if not refused:
            return False
    keys = {*found, *expected}
    return ("broken", "") not in keys and (may_raise or all(key[0] != "refused" or key[1] in bold for key in keys))


def _shorter(program: Program) -> Iterator[Program]:
    """Yield the program without one of its statements, and without a start and a call: what a client takes it has to give back.

    Who came last goes first: the names that are left begin with A.
    """
    makes = [statement for statement in program if isinstance(statement, Make)]
    starts = [statement for statement in reversed(program) if isinstance(statement, Start)]
    others = [number for number, statement in enumerate(program) if not isinstance(statement, (Make, Start))]
    for make in reversed(makes):
        yield without(program, make)
    for start in starts:
        yield without(program, start)
    for position in others:
        yield program[:position] + program[position + 1 :]
    for start in starts:
        for position in others:
            if isinstance(program[position], Do):
                yield without(program[:position] + program[position + 1 :], start)


# --- which differences a property speaks of -----------------------------------------------------------------------------

_ALL_KINDS = ("overtaken", "stuck", "woken", "unlocked", "served", "lost permit", "deaf", "message", "refusal")
_MAY_RAISE = frozenset({"raises-as-documented", "refinement", "no-unhandled-exception"})
_KINDS: dict[str, tuple[str, ...]] = {
    "fifo": ("overtaken",),
    "no-lost-wakeup": ("stuck", "lost permit"),
    "no-deadlock": ("stuck",),
    "wakes-all": ("stuck",),
    "notifies-n": ("stuck", "woken"),
    "permits-conserved": ("lost permit", "new permit", "stuck", "served", "report", "late"),
    "counter-bounded": ("lost permit", "new permit", "served"),
    "counter-non-negative": ("served",),
    "mutual-exclusion": ("served", "unlocked"),
    "no-spurious-wakeup": ("woken",),
    "cancellation-delivered": ("message", "deaf"),
    "state-as-reported": ("lie", "report"),
    "lock-held-on-return": ("report", "unlocked"),
    "returns-as-documented": ("message", "stuck", "woken", "late", "new permit"),
    "raises-as-documented": ("refusal", "message"),
    "progress": ("overtaken", "stuck"),
}


def _is_of(kind: str, key: Key, found: Sight, expected: Sight, program: Program) -> bool:
    """Return True if the difference in `key` is one of that kind."""
    here: Any = found.get(key)
    there: Any = expected.get(key)
    if here == there:
        return False
    if key[0] == "free":
        return None not in (here, there) and kind == ("lost permit" if here < there else "new permit")
    if key[0] == "late":
        return kind == "late" and bool(here)
    if key[0] == "refused":
        return kind == "refusal" and (here is None or there is None or not issubclass(here, there))
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
    if kind in ("served", "woken", "unlocked"):
        sleeps = _start_of(key, program).operation in SLEEPS
        ended = str(here).startswith("returned") or (kind == "unlocked" and str(here).startswith("cancelled"))
        return ended and there == "pending" and sleeps is (kind != "served")
    if kind == "deaf":
        return here == "pending" and str(there).startswith("cancelled")
    if kind == "refusal":
        return str(here).startswith("raised") or str(there).startswith("raised")
    return kind == "message" and "pending" not in (here, there)


def _start_of(key: Key, program: Program) -> Start:
    (start,) = (statement for statement in program if isinstance(statement, Start) and statement.task == key[1])
    return start


def _is_free_to_go(key: Key, found: Sight, program: Program) -> bool:
    """A task that waits for the condition's lock while somebody holds it is not stuck."""
    start = _start_of(key, program)
    return start.operation not in SLEEPS or not found.get(("locked", start.owner), False)
