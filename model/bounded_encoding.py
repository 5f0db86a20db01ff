"""Models with a fixed number of tasks for z3: bit-vectors and booleans, one transition relation, instantiated by
substitution.

A queue is a relation: who is in it, and who stands before whom, both false for tasks outside, so that equal queues
have equal encodings. Integers are signed bit-vectors of one width, wide enough for all declared bounds plus a margin,
so that nothing wraps round. Each step picks one action of one task by a number.
"""

# ruff: noqa: D102 (the methods of an encoding are documented in `symbolic.Encoding` and `any_size.AnySizeEncoding`)
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import z3

from .errors import Unsupported
from .expr import (
    BOOL,
    Array,
    Count,
    Each,
    Enumeration,
    Exists,
    First,
    Forall,
    IsFirst,
    Parameter,
    Queue,
    Scalar,
    SomeBefore,
    Task,
)
from .language import Action, Model
from .symbolic import Encoding, Path, Term, conjunction, disjunction


@dataclass(frozen=True)
class Variables:
    """One symbolic state: a term for each variable, keyed by ("c",), ("pc", 0), ("q in", 0) or ("q before", 0, 1)."""

    terms: dict[tuple[Any, ...], Term]

    def set(self, key: tuple[Any, ...], value: Term) -> Variables:
        """Give a copy with one term replaced."""
        return replace(self, terms={**self.terms, key: value})


class BoundedEncoding(Encoding[Variables]):
    """The encoding of a model at its own number of tasks."""

    def __init__(self, model: Model):
        super().__init__(model)
        numbers = [model.tasks, *(parameter.value for parameter in model.parameters)]
        declared: list[Scalar | Array] = [scalar for scalar, _ in model.scalars.values()]
        declared += [array for array, _ in model.arrays.values()]
        for variable in declared:
            if variable.type == "int":
                if variable.low is None or variable.high is None:
                    raise Unsupported(
                        f"{model.name}: variable {variable.name}: bounded model checking needs bounds for an integer"
                    )
                numbers += [abs(variable.low), abs(variable.high)]
        self.width = (2 * max(numbers) + 2).bit_length() + 1
        self.now = self._variables("")
        self.then = self._variables("'")
        self.instances: list[tuple[Action, int]] = [
            (action, task)
            for action in model.actions
            for task in (range(model.tasks) if action.task is not None else (-1,))
        ]
        self.choice_bits = max(1, (len(self.instances) - 1).bit_length())
        self.choice = z3.BitVec("step", self.choice_bits)

    def _variables(self, mark: str) -> Variables:
        terms: dict[tuple[Any, ...], Term] = {}
        for name, (scalar, _) in self.model.scalars.items():
            terms[(name,)] = self._variable(f"{name}{mark}", scalar.type)
        for name, (array, _) in self.model.arrays.items():
            for i in range(self.model.tasks):
                terms[name, i] = self._variable(f"{name}[{i}]{mark}", array.type)
        for name in self.model.queues:
            for i in range(self.model.tasks):
                terms[f"{name} in", i] = z3.Bool(f"{name} has {i}{mark}")
                for j in range(i + 1, self.model.tasks):
                    terms[f"{name} before", i, j] = z3.Bool(f"{name}: {i} before {j}{mark}")
        return Variables(terms)

    def _variable(self, name: str, kind: object) -> Term:
        if kind == BOOL:
            return z3.Bool(name)
        if isinstance(kind, Enumeration):
            return z3.BitVec(name, _bits(kind))
        return z3.BitVec(name, self.width)

    # -- the interface of encodings

    def number(self, value: int) -> Term:
        return z3.BitVecVal(value, self.width)

    def constant(self, kind: Enumeration, value: int) -> Term:
        return z3.BitVecVal(value, _bits(kind))

    def parameter(self, parameter: Parameter) -> Term:
        return self.number(parameter.value)

    def scalar(self, state: Variables, name: str) -> Term:
        return state.terms[(name,)]

    def with_scalar(self, state: Variables, name: str, value: Term) -> Variables:
        return state.set((name,), value)

    def cell(self, state: Variables, name: str, task: Any) -> Term:
        return state.terms[name, task]

    def with_cell(self, state: Variables, name: str, task: Any, value: Term) -> Variables:
        return state.set((name, task), value)

    def quantified(self, expr: Count | Exists | Forall, state: Variables, binding: dict[Task, Any]) -> Term:
        bodies = [self.read(expr.body, state, {**binding, expr.task: i}) for i in range(self.model.tasks)]
        if isinstance(expr, Exists):
            return disjunction(bodies)
        if isinstance(expr, Forall):
            return conjunction(bodies)
        return z3.Sum([z3.If(body, self.number(1), self.number(0)) for body in bodies])

    def before(self, state: Variables, queue: Queue, i: int, j: int) -> Term:
        """Tell whether task i stands before task j (false when one of them is not in the queue)."""
        if i < j:
            return state.terms[f"{queue.name} before", i, j]
        both = conjunction((self.member(state, queue, i), self.member(state, queue, j)))
        return conjunction((both, z3.Not(state.terms[f"{queue.name} before", j, i])))

    def member(self, state: Variables, queue: Queue, task: Any) -> Term:
        return state.terms[f"{queue.name} in", task]

    def is_first(self, expr: IsFirst, state: Variables, binding: dict[Task, Any]) -> Term:
        matches = [self.read(expr.test, state, {**binding, expr.each: j}) for j in range(self.model.tasks)]
        return self._leads(state, expr.queue, binding[expr.task], matches, expr.last)

    def _leads(self, state: Variables, queue: Queue, i: int, matches: list[Term], last: bool) -> Term:
        better = [
            z3.Not(conjunction((matches[j], self.before(state, queue, *((i, j) if last else (j, i))))))
            for j in range(self.model.tasks)
            if j != i
        ]
        return conjunction((self.member(state, queue, i), matches[i], *better))

    def some_before(self, expr: SomeBefore, state: Variables, binding: dict[Task, Any]) -> Term:
        early = [self.read(expr.earlier, state, {**binding, expr.first_task: i}) for i in range(self.model.tasks)]
        late = [self.read(expr.later, state, {**binding, expr.second_task: j}) for j in range(self.model.tasks)]
        return disjunction(
            conjunction((self.before(state, expr.queue, i, j), early[i], late[j]))
            for i in range(self.model.tasks)
            for j in range(self.model.tasks)
            if i != j
        )

    def pushed(self, state: Variables, queue: Queue, task: Any) -> Variables:
        terms = dict(state.terms)
        terms[f"{queue.name} in", task] = z3.BoolVal(True)
        for j in range(self.model.tasks):
            if j < task:
                terms[f"{queue.name} before", j, task] = self.member(state, queue, j)
            elif j > task:
                terms[f"{queue.name} before", task, j] = z3.BoolVal(False)
        return Variables(terms)

    def removed(self, state: Variables, queue: Queue, task: Any) -> Variables:
        terms = dict(state.terms)
        terms[f"{queue.name} in", task] = z3.BoolVal(False)
        for j in range(self.model.tasks):
            if j != task:
                terms[f"{queue.name} before", min(j, task), max(j, task)] = z3.BoolVal(False)
        return Variables(terms)

    def first(self, statement: First, path: Path[Variables]) -> tuple[list[Path[Variables]], list[Path[Variables]]]:
        state = path.state
        matches = [
            self.read(statement.test, state, {**path.binding, statement.task: j}) for j in range(self.model.tasks)
        ]
        found = []
        for j in range(self.model.tasks):
            leads = z3.simplify(self._leads(state, statement.queue, j, matches, statement.last))
            if not z3.is_false(leads):
                found.append(Path((*path.conditions, leads), state, {**path.binding, statement.task: j}))
        nobody = conjunction(
            z3.Not(conjunction((self.member(state, statement.queue, j), matches[j]))) for j in range(self.model.tasks)
        )
        return found, [Path((*path.conditions, nobody), state, path.binding)]

    def each(self, statement: Each, state: Variables, binding: dict[Task, Any]) -> Variables:
        after = state
        for j in range(self.model.tasks):
            own = {**binding, statement.task: j}
            test = self.read(statement.test, state, own)
            changed = state
            for assignment in statement.body:
                name = assignment.target.array.name  # type: ignore[union-attr]
                value = self.read(assignment.value, changed, own)
                changed = self.with_cell(changed, name, j, value)
                after = self.with_cell(after, name, j, z3.If(test, value, self.cell(state, name, j)))
        return after

    # -- what the engines use

    def holds(self, expr: Any, state: Variables | None = None) -> Term:
        """Give a closed boolean expression as a term."""
        return self.read(expr, state or self.now, {})

    def initial(self) -> Term:
        """Give "this is the initial state" over the unprimed variables."""
        parts = []
        for name, (scalar, value) in self.model.scalars.items():
            parts.append(self.now.terms[(name,)] == self._initial_value(scalar.type, value.value))
        for name, (array, number) in self.model.arrays.items():
            for i in range(self.model.tasks):
                parts.append(self.now.terms[name, i] == self._initial_value(array.type, number))
        parts += [z3.Not(term) for key, term in self.now.terms.items() if str(key[0]).endswith((" in", " before"))]
        return conjunction(parts)

    def _initial_value(self, kind: object, value: int) -> Term:
        if kind == BOOL:
            return z3.BoolVal(bool(value))
        return self.constant(kind, value) if isinstance(kind, Enumeration) else self.number(value)

    def well_formed(self) -> Term:
        """Give what holds by the types: enumerations and integers in their bounds, queues totally ordered."""
        parts: list[Term] = []
        for name, (array, _) in self.model.arrays.items():
            for i in range(self.model.tasks):
                term = self.now.terms[name, i]
                if isinstance(array.type, Enumeration):
                    parts.append(
                        z3.ULT(term, len(array.type.values))
                        if len(array.type.values) < 1 << _bits(array.type)
                        else z3.BoolVal(True)
                    )
                elif array.type != BOOL:
                    parts += [term >= array.low, term <= array.high]
        for name, (scalar, _) in self.model.scalars.items():
            if scalar.type == "int":
                parts += [self.now.terms[(name,)] >= scalar.low, self.now.terms[(name,)] <= scalar.high]
        tasks = range(self.model.tasks)
        for queue in self.model.queues.values():
            for i in tasks:
                if queue.members is not None:
                    parts.append(
                        self.member(self.now, queue, i) == self.read(queue.members, self.now, {queue.member_task: i})
                    )
                for j in range(i + 1, self.model.tasks):
                    ordered = self.now.terms[f"{queue.name} before", i, j]
                    parts.append(
                        z3.Implies(ordered, z3.And(self.member(self.now, queue, i), self.member(self.now, queue, j)))
                    )
            for i in tasks:
                for j in tasks:
                    for k in tasks:
                        if len({i, j, k}) == 3:
                            first, second = self.before(self.now, queue, i, j), self.before(self.now, queue, j, k)
                            parts.append(z3.Implies(z3.And(first, second), self.before(self.now, queue, i, k)))
        return conjunction(parts)

    def transition(self) -> Term:
        """Give the transition relation between the unprimed and the primed variables, with the step's number in
        `choice`.
        """
        parts: list[Term] = []
        if len(self.instances) < 1 << self.choice_bits:
            parts.append(z3.ULT(self.choice, len(self.instances)))
        changers: dict[tuple[Any, ...], list[Term]] = {key: [] for key in self.now.terms}
        for number, (action, task) in enumerate(self.instances):
            chosen = self.choice == number
            binding: dict[Task, Any] = {} if action.task is None else {action.task: task}
            guard = z3.simplify(self.read(action.guard, self.now, binding))
            parts.append(z3.Implies(chosen, guard))
            if z3.is_false(guard):
                continue
            paths = self.run(action.effect, Path((), self.now, binding))
            for key, old in self.now.terms.items():
                values = [path.state.terms[key] for path in paths]
                if all(value is old or value.eq(old) for value in values):
                    continue
                merged = values[-1]
                for path, value in zip(paths[-2::-1], values[-2::-1], strict=True):
                    merged = z3.If(conjunction(path.conditions), value, merged)
                changers[key].append(chosen)
                parts.append(z3.Implies(chosen, self.then.terms[key] == merged))
        for key, choices in changers.items():
            unchanged = self.then.terms[key] == self.now.terms[key]
            parts.append(disjunction((*choices, unchanged)))
        return conjunction(parts)

    def at(self, term: Term, step: int) -> Term:
        """Instantiate a term over unprimed (and primed) variables at a step of an unrolling."""
        pairs = [(self.choice, z3.BitVec(f"step@{step}", self.choice_bits))]
        for key in self.now.terms:
            pairs.append((self.now.terms[key], self._instance(key, step)))
            pairs.append((self.then.terms[key], self._instance(key, step + 1)))
        return z3.substitute(term, *pairs)

    def _instance(self, key: tuple[Any, ...], step: int) -> Term:
        term = self.now.terms[key]
        return z3.Const(f"{term.decl().name()}@{step}", term.sort())

    def step_at(self, step: int) -> Term:
        """Give the number of the step taken at this point of an unrolling."""
        return z3.BitVec(f"step@{step}", self.choice_bits)

    def step_name(self, number: int) -> str:
        """Name a step as schedules do."""
        action, task = self.instances[number]
        return action.step_name(task if task >= 0 else None)


def _bits(kind: Enumeration) -> int:
    return max(1, (len(kind.values) - 1).bit_length())
