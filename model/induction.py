"""k-induction at a fixed number of tasks: for what the proofs for every size cannot express or cannot find.

A property is proved if no run of fewer than k steps breaks it (the bounded engine) and k states in a row that satisfy
it are never followed by one that does not. What helps is strengthening, not a larger k: the types' bounds, the order
of the queues and the lemmas are assumed, and proved along with the property.
"""

from __future__ import annotations

from dataclasses import dataclass

import z3

from .bmc import Unrolling, properties, refute
from .language import Invariant, Model
from .symbolic import conjunction


@dataclass(frozen=True)
class Induction:
    """The k at which a property (with the lemmas) is inductive, or None when it is not up to the largest k tried."""

    k: int | None


def k_induction(model: Model, names: list[str], *, max_k: int = 2, timeout: float = 10.0) -> Induction:
    """Try to prove that the named properties hold together at this model's size."""
    lemmas = [Invariant(lemma.name, lemma.expr, "") for lemma in model.lemmas]
    wanted = [*properties(model, names), *lemmas]
    for k in range(1, max_k + 1):
        base = refute(model, names, max_depth=k - 1, timeout=timeout, ordered=False)
        if base.refuted or base.limit:
            return Induction(None)
        if _lemmas_break(model, lemmas, k - 1):
            return Induction(None)
        unrolling = Unrolling(model, ordered=False)
        encoding = unrolling.encoding
        together = conjunction([encoding.well_formed(), *(encoding.holds(invariant.expr) for invariant in wanted)])
        for step in range(k):
            unrolling.solver.add(encoding.at(together, step))
            unrolling.add_step()
        unrolling.solver.add(z3.Not(encoding.at(together, k)))
        unrolling.solver.set("timeout", int(timeout * 1000))
        if str(unrolling.solver.check()) == "unsat":
            return Induction(k)
    return Induction(None)


def _lemmas_break(model: Model, lemmas: list[Invariant], depth: int) -> bool:
    unrolling = Unrolling(model, ordered=False)
    unrolling.start()
    encoding = unrolling.encoding
    together = conjunction([encoding.well_formed(), *(encoding.holds(lemma.expr) for lemma in lemmas)])
    for step in range(depth + 1):
        unrolling.solver.push()
        unrolling.solver.add(z3.Not(encoding.at(together, step)))
        broken = str(unrolling.solver.check()) != "unsat"
        unrolling.solver.pop()
        if broken:
            return True
        unrolling.add_step()
    return False
