"""Bounded model checking: the shortest schedule that breaks a property, found by z3, and k-induction.

An oracle that shares nothing with the explicit engine but the model's text. The depth grows by one until every
property that can be broken is, so the first answer for each is a shortest one.

Tasks are interchangeable, and a solver does not see that: the last unsatisfiable depth would be searched once for
each naming. One constraint removes it: a task may move for the first time only after the task before it has. Every
run can be renamed so, and properties do not depend on names; so lengths stay exact.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import z3

from .bounded_encoding import BoundedEncoding
from .errors import ModelError
from .language import Invariant, Model
from .symbolic import Term, conjunction, no_deadlock


@dataclass(frozen=True)
class Refutation:
    """A property and a shortest schedule (step names) after which it does not hold."""

    property: str
    schedule: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.schedule)


@dataclass
class BoundedResult:
    """What was refuted, up to which depth everything else holds, and why the search ended early, if it did."""

    refuted: list[Refutation] = field(default_factory=list)
    depth: int = 0
    limit: str | None = None
    seconds: float = 0.0


def properties(model: Model, names: Iterable[str] | None = None) -> list[Invariant]:
    """Give the model's invariants and the absence of deadlock, or only those that are named."""
    everything = [*model.invariants, no_deadlock(model)]
    if names is None:
        return everything
    wanted = list(names)
    known = {invariant.name for invariant in everything}
    for name in wanted:
        if name not in known:
            raise ModelError(f"{model.name} has no property {name!r}; it has {', '.join(sorted(known))}")
    return [invariant for invariant in everything if invariant.name in wanted]


class Unrolling:
    """A model's steps, one after another, in a solver."""

    def __init__(self, model: Model, *, ordered: bool = True):
        self.encoding = BoundedEncoding(model)
        self.solver = z3.SolverFor("QF_BV")
        self._transition = self.encoding.transition()
        self._ordered = ordered
        self.length = 0

    def start(self) -> None:
        """Begin in the initial state."""
        self.solver.add(self.encoding.at(self.encoding.initial(), 0))

    def add_step(self) -> None:
        """Append one step."""
        self.solver.add(self.encoding.at(self._transition, self.length))
        if self._ordered:
            self.solver.add(self._in_order(self.length))
        self.length += 1

    def _in_order(self, step: int) -> Term:
        """Task i moves for the first time only after task i - 1 has moved."""
        encoding, parts = self.encoding, []
        tasks = encoding.model.tasks
        here = encoding.step_at(step)
        for task in range(1, tasks):
            mine = [number for number, (_, owner) in enumerate(encoding.instances) if owner == task]
            moved = z3.Bool(f"task {task - 1} has moved@{step}")
            parts += [z3.Implies(here == number, moved) for number in mine]
        for task in range(tasks - 1):
            mine = [number for number, (_, owner) in enumerate(encoding.instances) if owner == task]
            now, after = z3.Bool(f"task {task} has moved@{step}"), z3.Bool(f"task {task} has moved@{step + 1}")
            parts.append(after == z3.Or(now, *(here == number for number in mine)))
            if step == 0:
                parts.append(z3.Not(now))
        return conjunction(parts)

    def schedule(self) -> tuple[str, ...]:
        """Read the steps out of the solver's model."""
        found = self.solver.model()
        numbers = [
            found.eval(self.encoding.step_at(step), model_completion=True).as_long() for step in range(self.length)
        ]
        return tuple(self.encoding.step_name(number) for number in numbers)


def refute(
    model: Model,
    names: Iterable[str] | None = None,
    *,
    max_depth: int,
    timeout: float | None = None,
    ordered: bool = True,
) -> BoundedResult:
    """Look for a shortest counterexample of each property, up to `max_depth` steps."""
    started = time.perf_counter()
    unrolling = Unrolling(model, ordered=ordered)
    unrolling.start()
    result = BoundedResult()
    open_properties = {
        invariant.name: unrolling.encoding.holds(invariant.expr) for invariant in properties(model, names)
    }
    try:
        while open_properties:
            for name, holds in list(open_properties.items()):
                answer = _check(unrolling, z3.Not(unrolling.encoding.at(holds, unrolling.length)), started, timeout)
                if answer is None:
                    result.limit = f"timeout {timeout:g} s"
                    break
                if answer:
                    result.refuted.append(Refutation(name, answer[0]))
                    del open_properties[name]
            if result.limit or not open_properties or unrolling.length == max_depth:
                break
            unrolling.add_step()
    except KeyboardInterrupt:
        result.limit = "interrupted"
    result.depth = unrolling.length
    result.seconds = time.perf_counter() - started
    return result


def _check(unrolling: Unrolling, bad: Term, started: float, timeout: float | None) -> list[tuple[str, ...]] | None:
    """Give [schedule] when a bad state is reachable here, [] when none is, None when the time was up."""
    solver = unrolling.solver
    if timeout is not None:
        left = timeout - (time.perf_counter() - started)
        if left <= 0:
            return None
        solver.set("timeout", max(1, int(left * 1000)))
    solver.push()
    try:
        solver.add(bad)
        answer = str(solver.check())
        if answer == "sat":
            return [unrolling.schedule()]
        if answer == "unsat":
            return []
        if timeout is None:
            raise ModelError(f"z3 gave up: {solver.reason_unknown()}")
        return None
    finally:
        solver.pop()


def bounded_problem(model: Model, property_name: str, depth: int) -> str:
    """Give, as SMT-LIB 2, the question whether a schedule of exactly `depth` steps ends in a state that breaks the
    property.
    """
    unrolling = Unrolling(model)
    unrolling.start()
    for _ in range(depth):
        unrolling.add_step()
    (invariant,) = properties(model, [property_name])
    unrolling.solver.add(z3.Not(unrolling.encoding.at(unrolling.encoding.holds(invariant.expr), depth)))
    return "(set-logic QF_BV)\n" + str(unrolling.solver.to_smt2())
