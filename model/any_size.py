"""Proofs for every number of tasks: what the counter abstraction and the ticket encoding share.

Both over-approximate the model (they forget how many rounds and cancellations are left, so that there may be any
number), so what is inductive for them holds in every model of the family, whatever its size, initial value, rounds
and cancellations. An integer array is forgotten: reading it gives any number.

A proof works on all candidates at once (the invariants, the absence of deadlock, the lemmas): those that are false at
first, or not preserved by some step, are dropped, until those that are left are inductive together (Houdini). What is
dropped is not refuted, just not proved; the bounded engine refutes.
"""

from __future__ import annotations

import itertools
import time
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import z3

from .errors import Unsupported
from .expr import BOOL, Enumeration, Expr, Parameter, Task
from .language import Action, Model
from .symbolic import Encoding, Path, Term, conjunction, negation, no_deadlock

S = TypeVar("S")
TIMEOUT = 5.0


@dataclass(frozen=True)
class StepPath:
    """One way through one action: its name, when it can happen, and the state after it."""

    action: str
    conditions: tuple[Term, ...]
    after: Any


class AnySizeEncoding(Encoding[S]):
    """An encoding whose states stand for states of models of every size."""

    def __init__(self, model: Model):
        super().__init__(model)
        self.exact = True
        self._fresh = itertools.count()
        self.parameters = {parameter.name: z3.Int(parameter.name) for parameter in model.parameters}

    def number(self, value: int) -> Term:
        """Give an unbounded integer constant."""
        return z3.IntVal(value)

    def parameter(self, parameter: Parameter) -> Term:
        """Give a symbol: the proof is for every value."""
        return self.parameters[parameter.name]

    def fresh(self, sort: Term) -> Term:
        """Give a constant that nothing else uses."""
        return z3.Const(f"any{next(self._fresh)}", sort)

    def forgotten(self, name: str) -> Term:
        """Give "some number" for a cell of an array that is not tracked."""
        if self.exact:
            raise Unsupported(f"{self.model.name}: variable {name} is forgotten by proofs for every size")
        return self.fresh(z3.IntSort())

    def tracked(self, name: str) -> bool:
        """Tell whether an array is kept: integer arrays are not."""
        return self.model.arrays[name][0].type != "int"

    def parameter_assumptions(self) -> list[Term]:
        """Give what the model demands of its parameters."""
        return [self.parameters[parameter.name] >= parameter.low for parameter in self.model.parameters]

    def scalar_start(self, name: str) -> Term:
        """Give the initial value of a variable."""
        scalar, value = self.model.scalars[name]
        if isinstance(value, Parameter):
            return self.parameter(value)
        if scalar.type == BOOL:
            return z3.BoolVal(bool(value.value))
        return (
            self.constant(scalar.type, value.value)
            if isinstance(scalar.type, Enumeration)
            else self.number(value.value)
        )

    @abstractmethod
    def initial_state(self) -> S:
        """Give the initial state."""

    @abstractmethod
    def any_state(self) -> S:
        """Give a state about which nothing is known."""

    @abstractmethod
    def assumptions(self, state: S) -> list[Term]:
        """Give what holds of every state by construction."""

    @abstractmethod
    def acting(self, action: Action, state: S) -> list[Path[S]]:
        """Give the ways to pick the acting task."""

    @abstractmethod
    def own_candidates(self) -> dict[str, Any]:
        """Give the encoding's own auxiliary invariants: name -> function from a state to a term."""

    def finished(self, state: S) -> S:
        """Tidy a state after a step."""
        return state

    def step_paths(self, state: S) -> list[StepPath]:
        """Give every way through every action."""
        self.exact = False
        try:
            result = []
            for action in self.model.actions:
                for start in self.acting(action, state):
                    guard = z3.simplify(self.read(action.guard, start.state, start.binding))
                    if z3.is_false(guard):
                        continue
                    entered = Path((*start.conditions, guard), start.state, start.binding)
                    for path in self.run(action.effect, entered):
                        conditions = tuple(part for part in map(z3.simplify, path.conditions) if not z3.is_true(part))
                        if not any(z3.is_false(part) for part in conditions):
                            result.append(StepPath(action.name, conditions, self.finished(path.state)))
            return result
        finally:
            self.exact = True

    def after(self, candidates: dict[str, Any], held: dict[str, Term], before: S, path: StepPath) -> dict[str, Term]:
        """Give the candidates after a step, by name."""
        return {name: holds(path.after) for name, holds in candidates.items()}

    def property(self, expr: Expr, state: S) -> Term:
        """Read a closed expression exactly; raise `Unsupported` when the encoding cannot."""
        binding: dict[Task, Any] = {}
        return self.read(expr, state, binding)


@dataclass
class AnySizeProof:
    """Which candidates are inductive together, which are not, and which the encoding cannot express."""

    proved: list[str] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    unsupported: dict[str, str] = field(default_factory=dict)
    lemmas: list[str] = field(default_factory=list)
    paths: int = 0
    seconds: float = 0.0


def prove(
    encoding: AnySizeEncoding[Any], wanted: Iterable[str] | None = None, timeout: float = TIMEOUT
) -> AnySizeProof:
    """Prove as many of the model's properties (or of those wanted) as are inductive together; see the module for how.
    """
    started = time.perf_counter()
    model = encoding.model
    result = AnySizeProof()
    before, start = encoding.any_state(), encoding.initial_state()
    candidates: dict[str, Any] = dict(encoding.own_candidates())
    chosen = None if wanted is None else set(wanted)
    named: list[tuple[str, Expr]] = [
        (invariant.name, invariant.expr)
        for invariant in [*model.invariants, no_deadlock(model)]
        if chosen is None or invariant.name in chosen
    ]
    named += [(f"lemma {lemma.name}", lemma.expr) for lemma in model.lemmas]
    for name, expr in named:
        try:
            encoding.property(expr, before)
        except Unsupported as error:
            result.unsupported[name] = str(error)
        else:
            candidates[name] = lambda state, expr=expr: encoding.property(expr, state)
    paths = encoding.step_paths(before)
    result.paths = len(paths)
    context = [*encoding.parameter_assumptions(), *encoding.assumptions(before)]
    for name in list(candidates):
        if not _implied(encoding.parameter_assumptions(), candidates[name](start), timeout):
            result.dropped[name] = "it does not hold at first"
            del candidates[name]
    held = {name: holds(before) for name, holds in candidates.items()}
    after = [encoding.after(candidates, held, before, path) for path in paths]
    stable = False
    while not stable:
        stable = True
        for path, goals in zip(paths, after, strict=True):
            for name in _not_preserved([*context, *held.values(), *path.conditions], held, goals, timeout):
                result.dropped[name] = f"{path.action} does not preserve it"
                del held[name]
                stable = False
    result.proved = [name for name, _ in named if name in held and not name.startswith("lemma ")]
    result.lemmas = [name for name in held if name not in result.proved]
    result.seconds = time.perf_counter() - started
    return result


def _not_preserved(known: list[Term], held: dict[str, Term], goals: dict[str, Term], timeout: float) -> list[str]:
    changed = {name: goals[name] for name in held if not goals[name].eq(held[name])}
    if not changed:
        return []
    solver = z3.Solver()
    solver.set("timeout", int(timeout * 1000))
    solver.add(*known)
    if len(changed) > 1:
        solver.push()
        solver.add(negation(conjunction(changed.values())))
        together = solver.check()
        solver.pop()
        if together == z3.unsat:
            return []
    broken = []
    for name, goal in changed.items():
        solver.push()
        solver.add(negation(goal))
        if solver.check() != z3.unsat:
            broken.append(name)
        solver.pop()
    return broken


def _implied(known: Iterable[Term], goal: Term, timeout: float) -> bool:
    solver = z3.Solver()
    solver.set("timeout", int(timeout * 1000))
    solver.add(*known, negation(goal))
    return bool(solver.check() == z3.unsat)
