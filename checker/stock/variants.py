"""Variants of a straight-line program: the same operations at other moments, the likely ones first."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from .statements import BLOCK, SLEEPS, Cancel, Change, Do, Leave, Make, Pause, Program, Start, Statement

__all__ = ["variants_of"]

_MOST_MOVED = 5  # starts for which every combination is tried


def variants_of(program: Program) -> Iterator[Program]:
    """Yield the program with other pauses between its statements, and tasks started earlier; endlessly.

    If it waits for predicates, each with what they speak of becoming true at every moment, the latest first, or never: a
    history says nothing about data.
    """
    makes = tuple(statement for statement in program if isinstance(statement, Make))
    variants = _in_other_moments(program[len(makes) :])
    if any(isinstance(statement, Start) and statement.operation == "wait_for" for statement in program):
        variants = itertools.chain.from_iterable(map(_with_change, variants))
    return ((*makes, *variant) for variant in variants)


def _with_change(program: Program) -> Iterator[Program]:
    yield program
    for position in range(len(program) - 1, -1, -1):
        if not isinstance(program[position], Pause):
            yield (*program[:position], Change(), *program[position:])


def _in_other_moments(program: Program) -> Iterator[Program]:
    """Yield the program with other pauses between its statements, and tasks started earlier; endlessly.

    A client that calls in the step in which something else happens is a task that starts before the tasks that this wakes.
    """
    for length in range(len(program), -1, -1):  # what came last may have come of the fault
        yield program[:length]
    acts: list[Statement] = [statement for statement in program if not isinstance(statement, Pause)]
    orders = list(_orders(acts))
    orders += [[*acts, *_releases_after(acts)[:count]] for count in range(1, len(_releases_after(acts)) + 1)]
    while acts and isinstance(acts.pop(), Do):  # what a client did last it may have done because of the fault
        orders += _orders(acts)
    for count in (1, 2):
        for order in orders:
            yield _with_pauses(order, [count] * len(order))
    for sparing in range(1, max(map(len, orders)) + 1):  # few pauses, which come after tasks were started
        for order in orders:
            starts = [number for number, act in enumerate(order) if isinstance(act, Start)]
            for chosen in itertools.combinations(starts, min(sparing, len(starts))):
                yield _with_pauses(order, [int(number in chosen) for number in range(len(order))])
                yield _with_pauses(order, [int(number in chosen or isinstance(act, Cancel)) for number, act in enumerate(order)])
    generator = random.Random(0)
    while True:
        order = generator.choice(orders)
        yield _with_pauses(order, [generator.choice((0, 0, 1, 1, 2)) for _ in order])


def _releases_after(acts: list[Statement]) -> list[Statement]:
    """Return what comes when those go on who wait at the end, releases and ends of blocks: in a run that ends badly it never comes."""
    starts = [act for act in acts if isinstance(act, Start)]
    left = {act.task for act in acts if isinstance(act, (Leave, Cancel))}
    releases: list[Statement] = [Do(start.owner, "release", (), start.client) for start in starts if start.operation in SLEEPS]
    return releases + [Leave(start.task, False) for start in starts if start.operation == BLOCK and start.task not in left]


def _orders(acts: list[Statement]) -> Iterator[list[Statement]]:
    """Yield the statements with none, some or all of the starts moved before what comes right before them."""
    starts = [number for number, act in enumerate(acts) if isinstance(act, Start)]
    choices = list(itertools.product((False, True), repeat=len(starts))) if len(starts) <= _MOST_MOVED else [(True,) * len(starts)]
    seen: set[tuple[Statement, ...]] = set()
    for moved in choices:
        order: list[Statement] = []
        which = iter(moved)
        for act in acts:
            position = len(order)
            if isinstance(act, Start) and next(which):
                while position and not isinstance(order[position - 1], Start):
                    position -= 1
            order.insert(position, act)
        if tuple(order) not in seen and _is_sound(order):
            seen.add(tuple(order))
            yield order


def _is_sound(order: list[Statement]) -> bool:
    """Return True if nothing is cancelled or left before it is started."""
    started: set[str] = set()
    for act in order:
        if isinstance(act, Start):
            started.add(act.task)
        elif isinstance(act, (Cancel, Leave)) and act.task not in started:
            return False
    return True


def _with_pauses(acts: list[Statement], pauses: list[int]) -> Program:
    return tuple(itertools.chain.from_iterable((act, *[Pause()] * count) for act, count in zip(acts, pauses, strict=True)))
