"""Any number of tasks with their order: an uninterpreted sort of tasks, and a ticket for each queued one.

Cells are functions of a task; a queue is a predicate (who is in it), a function (the ticket that each drew on
arrival) and the next ticket. "First" means least ticket. Invariants become quantified formulas, and a step is checked
with a few fresh constants for the tasks it touches. Numbers of tasks are beyond it: counting is left to the counter
abstraction.

What it adds by itself, and proves with the rest: tickets in a queue are distinct and below the next one, and a task
is in a queue exactly when the model's declaration says so (on which the counter abstraction relies).
"""

# ruff: noqa: D102 (the methods of an encoding are documented in `symbolic.Encoding` and `any_size.AnySizeEncoding`)
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import z3

from .any_size import AnySizeEncoding
from .errors import Unsupported
from .expr import BOOL, Count, Each, Enumeration, Exists, First, Forall, IsFirst, Queue, SomeBefore, Task
from .language import Action, Model
from .symbolic import Path, Term, conjunction, negation

Function = Callable[[Term], Term]


@dataclass(frozen=True)
class Line:
    """A queue: who is in it, the ticket of each, and the next ticket."""

    has: Function
    ticket: Function
    next: Term


@dataclass(frozen=True)
class World:
    """A symbolic state: variables, cells as functions of a task, queues."""

    scalars: dict[str, Term]
    arrays: dict[str, Function]
    lines: dict[str, Line]


@cache
def _enumeration(kind: Enumeration) -> tuple[Term, list[Term]]:
    """Give z3's sort of an enumeration and its values: z3 wants each such sort declared once in a process."""
    name = "/".join(kind.values)
    sort, values = z3.EnumSort(name, [f"{value} of {name}" for value in kind.values])
    return sort, list(values)


class TicketEncoding(AnySizeEncoding[World]):
    """The ticket encoding of a model."""

    def __init__(self, model: Model):
        super().__init__(model)
        self.task_sort = z3.DeclareSort("Task")

    def _kind(self, kind: Enumeration) -> tuple[Term, list[Term]]:
        return _enumeration(kind)

    def _sort(self, kind: Any) -> Term:
        if isinstance(kind, Enumeration):
            return self._kind(kind)[0]
        return z3.BoolSort() if kind == BOOL else z3.IntSort()

    # -- states

    def initial_state(self) -> World:
        arrays: dict[str, Function] = {}
        for name, (array, value) in self.model.arrays.items():
            if self.tracked(name):
                first = (
                    self.constant(array.type, value) if isinstance(array.type, Enumeration) else z3.BoolVal(bool(value))
                )
                arrays[name] = _everywhere(first)
        empty = Line(lambda task: z3.BoolVal(False), lambda task: z3.IntVal(0), z3.IntVal(0))
        lines = dict.fromkeys(self.model.queues, empty)
        return World({name: self.scalar_start(name) for name in self.model.scalars}, arrays, lines)

    def any_state(self) -> World:
        scalars = {name: z3.Const(name, self._sort(scalar.type)) for name, (scalar, _) in self.model.scalars.items()}
        arrays: dict[str, Function] = {
            name: z3.Function(name, self.task_sort, self._sort(array.type))
            for name, (array, _) in self.model.arrays.items()
            if self.tracked(name)
        }
        lines = {
            name: Line(
                z3.Function(f"{name} has", self.task_sort, z3.BoolSort()),
                z3.Function(f"{name} ticket", self.task_sort, z3.IntSort()),
                z3.Int(f"{name} next"),
            )
            for name in self.model.queues
        }
        return World(scalars, arrays, lines)

    def assumptions(self, state: World) -> list[Term]:
        return []

    def own_candidates(self) -> dict[str, Any]:
        candidates: dict[str, Any] = {}
        for queue in self.model.queues.values():
            candidates[f"tickets of {queue.name} are distinct"] = lambda state, queue=queue: self._distinct(
                state, queue
            )
        return candidates

    def _distinct(self, state: World, queue: Queue) -> Term:
        line, a, b = state.lines[queue.name], self.fresh(self.task_sort), self.fresh(self.task_sort)
        below = z3.Implies(line.has(a), line.ticket(a) < line.next)
        differ = z3.Implies(z3.And(line.has(a), line.has(b), a != b), line.ticket(a) != line.ticket(b))
        return z3.And(z3.ForAll([a], below), z3.ForAll([a, b], differ))

    def acting(self, action: Action, state: World) -> list[Path[World]]:
        return [Path((), state, {} if action.task is None else {action.task: self.fresh(self.task_sort)})]

    # -- reading and writing

    def constant(self, kind: Enumeration, value: int) -> Term:
        return self._kind(kind)[1][value]

    def scalar(self, state: World, name: str) -> Term:
        return state.scalars[name]

    def with_scalar(self, state: World, name: str, value: Term) -> World:
        return replace(state, scalars={**state.scalars, name: value})

    def cell(self, state: World, name: str, task: Any) -> Term:
        return state.arrays[name](task) if name in state.arrays else self.forgotten(name)

    def with_cell(self, state: World, name: str, task: Any, value: Term) -> World:
        if name not in state.arrays:
            return state
        return replace(state, arrays={**state.arrays, name: _updated(state.arrays[name], task, value)})

    def quantified(self, expr: Count | Exists | Forall, state: World, binding: dict[Task, Any]) -> Term:
        if isinstance(expr, Count):
            if self.exact:
                raise Unsupported(f"{self.model.name}: tickets do not count tasks")
            return self.fresh(z3.IntSort())
        task = self.fresh(self.task_sort)
        body = self.read(expr.body, state, {**binding, expr.task: task})
        return z3.Exists([task], body) if isinstance(expr, Exists) else z3.ForAll([task], body)

    def member(self, state: World, queue: Queue, task: Any) -> Term:
        return state.lines[queue.name].has(task)

    def is_first(self, expr: IsFirst, state: World, binding: dict[Task, Any]) -> Term:
        return self._leads(expr.queue, expr.each, expr.test, expr.last, binding[expr.task], state, binding)

    def _leads(
        self, queue: Queue, each: Task, test: Any, last: bool, task: Term, state: World, binding: dict[Task, Any]
    ) -> Term:
        line, other = state.lines[queue.name], self.fresh(self.task_sort)
        matches = conjunction((line.has(task), self.read(test, state, {**binding, each: task})))
        rival = conjunction((line.has(other), self.read(test, state, {**binding, each: other})))
        earlier = line.ticket(other) <= line.ticket(task) if last else line.ticket(task) <= line.ticket(other)
        return conjunction((matches, z3.ForAll([other], z3.Implies(rival, earlier))))

    def some_before(self, expr: SomeBefore, state: World, binding: dict[Task, Any]) -> Term:
        line, a, b = state.lines[expr.queue.name], self.fresh(self.task_sort), self.fresh(self.task_sort)
        early = self.read(expr.earlier, state, {**binding, expr.first_task: a})
        late = self.read(expr.later, state, {**binding, expr.second_task: b})
        return z3.Exists([a, b], z3.And(line.has(a), line.has(b), line.ticket(a) < line.ticket(b), early, late))

    def pushed(self, state: World, queue: Queue, task: Any) -> World:
        line = state.lines[queue.name]
        after = Line(_updated(line.has, task, z3.BoolVal(True)), _updated(line.ticket, task, line.next), line.next + 1)
        return replace(state, lines={**state.lines, queue.name: after})

    def removed(self, state: World, queue: Queue, task: Any) -> World:
        line = state.lines[queue.name]
        after = replace(line, has=_updated(line.has, task, z3.BoolVal(False)))
        return replace(state, lines={**state.lines, queue.name: after})

    def first(self, statement: First, path: Path[World]) -> tuple[list[Path[World]], list[Path[World]]]:
        state, queue = path.state, statement.queue
        chosen, anyone = self.fresh(self.task_sort), self.fresh(self.task_sort)
        leads = self._leads(queue, statement.task, statement.test, statement.last, chosen, state, path.binding)
        matches = self.read(statement.test, state, {**path.binding, statement.task: anyone})
        nobody = z3.ForAll([anyone], negation(conjunction((state.lines[queue.name].has(anyone), matches))))
        found = Path((*path.conditions, leads), state, {**path.binding, statement.task: chosen})
        return [found], [Path((*path.conditions, nobody), state, path.binding)]

    def each(self, statement: Each, state: World, binding: dict[Task, Any]) -> World:
        arrays = dict(state.arrays)
        for assignment in statement.body:
            name = assignment.target.array.name  # type: ignore[union-attr]
            if name in arrays:
                arrays[name] = self._selective(statement, assignment.value, arrays[name], state, binding)
        return replace(state, arrays=arrays)

    def _selective(
        self, statement: Each, value: Any, old: Function, state: World, binding: dict[Task, Any]
    ) -> Function:
        def function(task: Term) -> Term:
            own = {**binding, statement.task: task}
            return z3.If(self.read(statement.test, state, own), self.read(value, state, own), old(task))

        return function


def _everywhere(value: Term) -> Function:
    return lambda task: value


def _updated(function: Function, task: Term, value: Term) -> Function:
    def changed(other: Term) -> Term:
        return value if other.eq(task) else z3.If(other == task, value, function(other))

    return changed
