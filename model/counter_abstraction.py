"""Any number of tasks by counting: how many tasks are in each local state, in linear arithmetic.

A *local state* is the tuple of a task's enumerations and booleans; only those that some task can reach at all are
counted (a closure that ignores every global condition finds them). A step takes its acting task out of its counter,
runs, and puts it back where it then belongs; "the first waiting task" is any task of a counter that matches, which
forgets the order and nothing else.

Exact for properties that count (conservation, mutual exclusion, absence of deadlock); the order in a queue is beyond
it and is refused. Membership of a queue is read off a task's local state, as the model declares it; the ticket
encoding proves that declaration.
"""

# ruff: noqa: D102 (the methods of an encoding are documented in `symbolic.Encoding` and `any_size.AnySizeEncoding`)
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import z3

from .any_size import AnySizeEncoding, StepPath
from .codegen import substitute
from .errors import Unsupported
from .expr import (
    BOOL,
    Binary,
    Cell,
    Const,
    Count,
    Each,
    Enumeration,
    Exists,
    Expr,
    First,
    Forall,
    IsFirst,
    Not,
    Queue,
    SomeBefore,
    Task,
    conjuncts,
)
from .language import Action, Model
from .symbolic import Path, Term, conjunction, disjunction, negation

Local = tuple[int, ...]


@dataclass(frozen=True)
class Person:
    """A task that has been taken out of its counter: its local state, and in which queues it was put or taken from
    meanwhile.
    """

    local: Local
    queued: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class Counters:
    """A symbolic state: variables, a counter for each local state, and the tasks that a step has taken out."""

    scalars: dict[str, Term]
    counts: dict[Local, Term]
    people: tuple[Person, ...] = ()


class CounterAbstraction(AnySizeEncoding[Counters]):
    """The counter abstraction of a model."""

    def __init__(self, model: Model):
        super().__init__(model)
        self.names = [name for name in model.arrays if self.tracked(name)]
        self._place = {name: index for index, name in enumerate(self.names)}
        self._start: Local = tuple(model.arrays[name][1] for name in self.names)
        self.locals: list[Local] = [self._start]
        self._known: dict[tuple[int, Task, Local], bool | None] = {}
        self._kept: list[Expr] = []  # what _known refers to by identity must stay alive
        self._close()

    def _close(self) -> None:
        """Find the local states that a task can be in at all."""
        while True:
            found = dict.fromkeys(self.locals)
            for path in self.step_paths(self._anything()):
                found.update(dict.fromkeys(path.after.counts))
            if len(found) == len(self.locals):
                return
            self.locals = list(found)

    def _anything(self) -> Counters:
        scalars: dict[str, Term] = {}
        for name, (scalar, _) in self.model.scalars.items():
            scalars[name] = z3.Bool(name) if scalar.type == BOOL else z3.Int(name)
        return Counters(scalars, {local: z3.Int(f"#{self.describe(local)}") for local in self.locals})

    def describe(self, local: Local) -> str:
        """Name a local state."""
        parts = []
        for name, value in zip(self.names, local, strict=True):
            kind = self.model.arrays[name][0].type
            if isinstance(kind, Enumeration):
                parts.append(kind.values[value])
            elif value:
                parts.append(name)
        return "+".join(parts)

    # -- states

    def initial_state(self) -> Counters:
        counts = {local: self.number(0) for local in self.locals}
        counts[self._start] = z3.Int("number of tasks")
        return Counters({name: self.scalar_start(name) for name in self.model.scalars}, counts)

    def any_state(self) -> Counters:
        return self._anything()

    def parameter_assumptions(self) -> list[Term]:
        return [*super().parameter_assumptions(), z3.Int("number of tasks") >= 1]

    def assumptions(self, state: Counters) -> list[Term]:
        return [count >= 0 for count in state.counts.values()]

    def own_candidates(self) -> dict[str, Any]:
        return {}

    def acting(self, action: Action, state: Counters) -> list[Path[Counters]]:
        if action.task is None:
            return [Path((), state, {})]
        return [
            Path((count >= 1,), self._taken(state, local), {action.task: 0}) for local, count in state.counts.items()
        ]

    def finished(self, state: Counters) -> Counters:
        counts = dict(state.counts)
        for person in state.people:
            counts[person.local] = (counts[person.local] if person.local in counts else self.number(0)) + 1
        return Counters(state.scalars, {local: z3.simplify(count) for local, count in counts.items()})

    def after(
        self, candidates: dict[str, Any], held: dict[str, Term], before: Counters, path: StepPath
    ) -> dict[str, Term]:
        pairs = [(before.scalars[name], path.after.scalars[name]) for name in before.scalars]
        pairs += [(before.counts[local], path.after.counts[local]) for local in before.counts]
        changed = [(old, new) for old, new in pairs if not old.eq(new)]
        return {name: z3.substitute(term, *changed) if changed else term for name, term in held.items()}

    @staticmethod
    def _taken(state: Counters, local: Local) -> Counters:
        counts = {**state.counts, local: state.counts[local] - 1}
        return Counters(state.scalars, counts, (*state.people, Person(local)))

    # -- reading and writing; a task is the number of a person, or a local state while a quantifier looks at it

    def constant(self, kind: Enumeration, value: int) -> Term:
        return z3.IntVal(value)

    def scalar(self, state: Counters, name: str) -> Term:
        return state.scalars[name]

    def with_scalar(self, state: Counters, name: str, value: Term) -> Counters:
        return replace(state, scalars={**state.scalars, name: value})

    def _local(self, state: Counters, task: Any) -> Local:
        return state.people[task].local if isinstance(task, int) else task

    def cell(self, state: Counters, name: str, task: Any) -> Term:
        if name not in self._place:
            return self.forgotten(name)
        value = self._local(state, task)[self._place[name]]
        return z3.BoolVal(bool(value)) if self.model.arrays[name][0].type == BOOL else z3.IntVal(value)

    def with_cell(self, state: Counters, name: str, task: Any, value: Term) -> Counters:
        if name not in self._place:
            return state
        person = state.people[task]
        changed = replace(person, local=self._changed(person.local, name, value))
        return replace(state, people=(*state.people[:task], changed, *state.people[task + 1 :]))

    def _changed(self, local: Local, name: str, value: Term) -> Local:
        known = z3.simplify(value)
        if z3.is_int_value(known):
            number = known.as_long()
        elif z3.is_true(known) or z3.is_false(known):
            number = int(z3.is_true(known))
        else:
            raise Unsupported(
                f"{self.model.name}: variable {name}: counters need to know the value that a cell is given"
            )
        place = self._place[name]
        return (*local[:place], number, *local[place + 1 :])

    def quantified(self, expr: Count | Exists | Forall, state: Counters, binding: dict[Task, Any]) -> Term:
        body = self._order_free(expr) if self.exact and isinstance(expr, Exists) else expr.body
        tasks = [*state.counts, *range(len(state.people))]
        bodies = [self._asked(body, state, binding, expr.task, task) for task in tasks]
        groups = list(zip(state.counts.values(), bodies, strict=False))
        singles = bodies[len(state.counts) :]
        if isinstance(expr, Exists):
            return disjunction([*(conjunction((holds, count >= 1)) for count, holds in groups), *singles])
        if isinstance(expr, Forall):
            return conjunction([*(disjunction((holds, count <= 0)) for count, holds in groups), *singles])
        amounts = [self._amount(holds, count) for count, holds in groups] + [
            self._amount(holds, self.number(1)) for holds in singles
        ]
        return z3.Sum(
            [amount for amount in amounts if not (z3.is_int_value(amount) and amount.as_long() == 0)]
            or [self.number(0)]
        )

    def _asked(self, body: Expr, state: Counters, binding: dict[Task, Any], task: Task, value: Any) -> Term:
        """Read a test of one task; most look at its local state only, and are answered without building a term."""
        local = self._local(state, value)
        key = (id(body), task, local)
        if key not in self._known:
            self._kept.append(body)
            self._known[key] = _decided(body, task, dict(zip(self.names, local, strict=True)))
        known = self._known[key]
        return self.read(body, state, {**binding, task: value}) if known is None else z3.BoolVal(known)

    def _amount(self, holds: Term, count: Term) -> Term:
        if z3.is_true(holds):
            return count
        return self.number(0) if z3.is_false(holds) else z3.If(holds, count, self.number(0))

    def _order_free(self, expr: Exists) -> Expr:
        """Some task is the first that matches iff some task matches, provided that nothing else is asked of it."""
        parts = list(conjuncts(expr.body))
        firsts = [part for part in parts if isinstance(part, IsFirst) and part.task == expr.task]
        if not firsts:
            return expr.body
        others = [part for part in parts if part is not firsts[0]]
        if any(_mentions(part, expr.task) for part in others):
            raise Unsupported(
                f"{self.model.name}: counters do not know which task is first in queue {firsts[0].queue.name}"
            )
        body = firsts[0].queue.has(expr.task) & substitute(firsts[0].test, firsts[0].each, expr.task)
        for part in others:
            body = body & part
        return body

    def member(self, state: Counters, queue: Queue, task: Any) -> Term:
        if isinstance(task, int):
            for name, inside in reversed(state.people[task].queued):
                if name == queue.name:
                    return z3.BoolVal(inside)
        if queue.members is None:
            raise Unsupported(f"{self.model.name}: queue {queue.name} does not declare who is in it")
        return self._asked(queue.members, state, {}, queue.member_task, task)

    def is_first(self, expr: IsFirst, state: Counters, binding: dict[Task, Any]) -> Term:
        if self.exact:
            raise Unsupported(f"{self.model.name}: counters do not know which task is first in queue {expr.queue.name}")
        task = binding[expr.task]
        matches = self.read(expr.test, state, {**binding, expr.each: task})
        return conjunction((self.member(state, expr.queue, task), matches, self.fresh(z3.BoolSort())))

    def some_before(self, expr: SomeBefore, state: Counters, binding: dict[Task, Any]) -> Term:
        raise Unsupported(f"{self.model.name}: counters do not know the order in queue {expr.queue.name}")

    def pushed(self, state: Counters, queue: Queue, task: Any) -> Counters:
        return self._queued(state, queue, task, True)

    def removed(self, state: Counters, queue: Queue, task: Any) -> Counters:
        return self._queued(state, queue, task, False)

    def _queued(self, state: Counters, queue: Queue, task: int, inside: bool) -> Counters:
        person = replace(state.people[task], queued=(*state.people[task].queued, (queue.name, inside)))
        return replace(state, people=(*state.people[:task], person, *state.people[task + 1 :]))

    def first(self, statement: First, path: Path[Counters]) -> tuple[list[Path[Counters]], list[Path[Counters]]]:
        state, found, nobody = path.state, [], []
        everyone: list[Any] = [*range(len(state.people)), *state.counts]
        for task in everyone:
            binding = {**path.binding, statement.task: task}
            inside = self.member(state, statement.queue, task)
            matches = z3.simplify(conjunction((inside, self.read(statement.test, state, binding))))
            if z3.is_false(matches):
                continue
            if isinstance(task, int):
                found.append(Path((*path.conditions, matches), state, binding))
                nobody.append(negation(matches))
            else:
                some = state.counts[task] >= 1
                taken = {**path.binding, statement.task: len(state.people)}
                found.append(Path((*path.conditions, matches, some), self._taken(state, task), taken))
                nobody.append(negation(conjunction((matches, some))))
        return found, [Path((*path.conditions, *nobody), state, path.binding)]

    def each(self, statement: Each, state: Counters, binding: dict[Task, Any]) -> Counters:
        counts: dict[Local, Term] = {}

        def add(local: Local, amount: Term) -> None:
            counts[local] = counts[local] + amount if local in counts else amount

        for local, count in state.counts.items():
            test = z3.simplify(self.read(statement.test, state, {**binding, statement.task: local}))
            target = self._after(statement, state, local, {**binding, statement.task: local})
            if not z3.is_false(test):
                add(target, self._amount(test, count))
            add(local, self._amount(negation(test), count))
        people = []
        for index, person in enumerate(state.people):
            own = {**binding, statement.task: index}
            test = z3.simplify(self.read(statement.test, state, own))
            if not (z3.is_true(test) or z3.is_false(test)):
                raise Unsupported(
                    f"{self.model.name}: counters need to know whether the acting task is among those of `each`"
                )
            target = self._after(statement, state, person.local, own) if z3.is_true(test) else person.local
            people.append(replace(person, local=target))
        return Counters(state.scalars, counts, tuple(people))

    def _after(self, statement: Each, state: Counters, local: Local, binding: dict[Task, Any]) -> Local:
        for assignment in statement.body:
            name = assignment.target.array.name  # type: ignore[union-attr]
            if name in self._place:
                local = self._changed(local, name, self.read(assignment.value, state, binding))
        return local


def _decided(expr: Expr, task: Task, cells: dict[str, int]) -> bool | None:
    """Evaluate a boolean expression of one task's tracked cells and constants; None if it is anything else."""
    match expr:
        case Not():
            body = _decided(expr.body, task, cells)
            return None if body is None else not body
        case Cell() if expr.type == BOOL and expr.task == task:
            return bool(cells[expr.array.name])
        case Binary(op="=="):
            left, right = expr.left, expr.right
            if isinstance(left, Cell) and left.task == task and left.array.name in cells and isinstance(right, Const):
                return cells[left.array.name] == right.value
        case Binary(op="and" | "or"):
            sides = [_decided(expr.left, task, cells), _decided(expr.right, task, cells)]
            deciding = expr.op == "or"
            if deciding in sides:
                return deciding
            return None if None in sides else not deciding
    return None


def _mentions(expr: Expr, task: Task) -> bool:
    """Tell whether an expression reads anything of a task."""
    if getattr(expr, "task", None) == task:
        return True
    parts = (
        getattr(expr, name, None) for name in ("left", "right", "body", "test", "then", "orelse", "earlier", "later")
    )
    return any(isinstance(part, Expr) and _mentions(part, task) for part in parts)
