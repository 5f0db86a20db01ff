"""Spacer: inductive invariants of the counter abstraction that nobody wrote down.

The same paths as in the counter abstraction become constrained Horn clauses over one unknown relation, with the
initial value and the number of tasks as symbols; z3's Spacer engine looks for the relation. It needs no lemma and no
other property as a hypothesis, so its proof of a property stands alone. It may give up; then the property is simply
not proved here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import z3

from .counter_abstraction import CounterAbstraction, Counters
from .errors import Unsupported
from .language import Invariant, Model
from .symbolic import Term


@dataclass(frozen=True)
class Found:
    """What Spacer said: proved (True), a bad state is reachable in the abstraction (False), or it gave up (None)."""

    proved: bool | None
    seconds: float
    invariant: str = ""


class Spacer:
    """The Horn clauses of a model, made once; each property is a query."""

    def __init__(self, model: Model):
        self.encoding = CounterAbstraction(model)
        self._before = self.encoding.any_state()
        self._paths = self.encoding.step_paths(self._before)

    def ask(self, invariant: Invariant, timeout: float = 5.0) -> Found:
        """Look for an inductive invariant that implies a property."""
        started = time.perf_counter()
        holds = self.encoding.property(invariant.expr, self._before)
        engine = z3.Fixedpoint()
        engine.set(engine="spacer")
        engine.set("timeout", int(timeout * 1000))
        columns = self._columns(self._before)
        relation = z3.Function("reachable", *(column.sort() for column in columns), z3.BoolSort())
        engine.register_relation(relation)
        start = self.encoding.initial_state()
        rules = [z3.Implies(z3.And(*self.encoding.parameter_assumptions()), relation(*self._columns(start)))]
        rules += [
            z3.Implies(z3.And(relation(*columns), *path.conditions), relation(*self._columns(path.after)))
            for path in self._paths
        ]
        for rule in rules:
            engine.rule(z3.ForAll(variables, rule) if (variables := _constants(rule)) else rule)
        bad = z3.And(relation(*columns), z3.Not(holds))
        try:
            answer = engine.query(z3.Exists(_constants(bad), bad))
        except z3.Z3Exception:
            return Found(None, time.perf_counter() - started)
        # A query that ran out of time may answer with the bytes b"canceled" instead of a CheckSatResult.
        proved = {"unsat": True, "sat": False}.get(str(answer))
        text = str(engine.get_answer()) if proved else ""
        return Found(proved, time.perf_counter() - started, text)

    def _columns(self, state: Counters) -> list[Term]:
        encoding = self.encoding
        return [
            *encoding.parameters.values(),
            *(state.scalars[name] for name in encoding.model.scalars),
            *(state.counts.get(local, z3.IntVal(0)) for local in encoding.locals),
        ]


def unaided(model: Model, invariants: list[Invariant], timeout: float = 5.0) -> dict[str, Found]:
    """Ask Spacer for each property that counters can express."""
    spacer = Spacer(model)
    answers = {}
    for invariant in invariants:
        try:
            answers[invariant.name] = spacer.ask(invariant, timeout)
        except Unsupported:
            continue
    return answers


def _constants(term: Term) -> list[Any]:
    """Give the free constants of a term."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    pending = [term]
    while pending:
        node = pending.pop()
        if node.get_id() in seen:
            continue
        seen.add(node.get_id())
        if z3.is_const(node) and node.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            found[node.get_id()] = node
        pending.extend(node.children())
    return list(found.values())
