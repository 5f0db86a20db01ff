"""Whether clauses and evidence fit each other: nothing that is promised goes unchecked, nothing is checked for nobody.

The clauses' files are well formed when they load (`treadle.specs.clauses`); what they name is known only here, where
scenarios, properties and models are at hand.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Sequence

from treadle.model.bmc import properties
from treadle.model.models import FAMILIES
from treadle.model.models.family import Size
from treadle.specs.clauses import Check, Clause, Example, Explored, Law, Proof, Refinement, load_clauses
from treadle.specs.examples import EXAMPLES
from treadle.specs.outline import Place, uncovered

from . import witnesses
from .evidence import CONTRACT
from .implementations import PRIMITIVES, resolve
from .properties import MEANINGS
from .verification import scenarios_of

__all__ = ["lint_specs", "unknown_evidence"]


def lint_specs(clauses: Sequence[Clause] | None = None, outline: Sequence[Place] | None = None) -> list[str]:
    """Return what is wrong with this project's clauses, a sentence each; empty if nothing is.

    - a sentence of the documentation has no clause, or a clause comes from a sentence that does not exist;
    - a clause names evidence, a property or a witness that does not exist;
    - an example, a law, a property that a scenario watches, or a witness is named by no clause.

    Laws are looked at only where Hypothesis is installed.
    """
    clauses = load_clauses() if clauses is None else clauses
    return [*uncovered(clauses, outline), *unknown_evidence(clauses), *_unclaimed(clauses)]


_UNASKED = {witnesses.INSIDE_TOGETHER}  # of the refinement, which is evidence of many clauses and demands it by itself
_NAMES = [getattr(witnesses, name) for name in witnesses.__all__ if name.isupper()]


@functools.cache
def _demands() -> dict[str, tuple[str, tuple[str, ...], frozenset[str]]]:
    """Return of each scenario its primitive, its properties, and what it demands at a size that is large enough for all."""
    reference = resolve("reference")
    return {
        part.name: (primitive, part.properties, part.demands(1))
        for primitive in PRIMITIVES
        for part in scenarios_of(primitive, reference, 4, 2)
    }


def _demanded_of(clause: Clause) -> set[str]:
    explored = [evidence for evidence in clause.evidence if isinstance(evidence, Explored)]
    return {
        name
        for part, (primitive, watched, demands) in _demands().items()
        if any(evidence.what in (primitive, part) and set(evidence.properties) & set(watched) for evidence in explored)
        for name in demands
    }


@functools.cache
def _scenarios() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the properties of each scenario of each primitive, refinement apart, as far as they are claimed under `stock`."""
    reference = resolve("reference")
    return {
        primitive: {
            part.name: part.properties
            for part in scenarios_of(primitive, reference, 2, 1)
            if CONTRACT in part.contracts and part.properties != ("refinement",)
        }
        for primitive in PRIMITIVES
    }


def _laws() -> list[str]:
    try:
        from treadle.specs.laws import LAWS
    except ImportError:
        return []
    return list(LAWS)


@functools.cache
def _proved(model: str) -> set[str]:
    built = FAMILIES[model].build(Size())
    return {invariant.name for invariant in properties(built)} | {progress.name for progress in built.progress}


def unknown_evidence(clauses: Iterable[Clause]) -> list[str]:
    """Return what clauses name that does not exist, a sentence each; scenarios of one's own are not looked for."""
    scenarios, laws = _scenarios(), _laws()
    wrong: list[str] = []

    def known(clause: Clause, what: str, name: str, names: Iterable[str]) -> bool:
        names = list(names)
        if name in names:
            return True
        near = difflib.get_close_matches(name, names, 1)
        wrong.append(f"{clause.id}: there is no {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return False

    for clause in clauses:
        for evidence in clause.evidence:
            if isinstance(evidence, Explored):
                owner, _, part = evidence.what.partition("/")
                if not known(clause, "primitive", owner, PRIMITIVES) or (
                    part and not known(clause, "scenario", evidence.what, scenarios[owner])
                ):
                    continue
                watched = {
                    name for part, names in scenarios[owner].items() if evidence.what in (owner, part) for name in names
                }
                for name in evidence.properties:
                    if known(clause, "property", name, MEANINGS) and name not in watched:
                        wrong.append(f"{clause.id}: {evidence.what} does not watch {name}")
            elif isinstance(evidence, Proof):
                if known(clause, "model", evidence.what, FAMILIES):
                    for name in evidence.properties:
                        known(clause, f"property of the model {evidence.what}", name, _proved(evidence.what))
            elif isinstance(evidence, Refinement):
                known(clause, "primitive", evidence.what, PRIMITIVES)
            elif isinstance(evidence, Example):
                known(clause, "example", evidence.what, EXAMPLES)
            elif isinstance(evidence, Law) and laws:
                known(clause, "law", evidence.what, laws)
        for name in clause.witnesses:
            if any(isinstance(evidence, Check) for evidence in clause.evidence):
                continue  # it may be one of their own
            if known(clause, "witness", name, _NAMES) and name not in _demanded_of(clause):
                wrong.append(f"{clause.id}: no scenario that it rests on demands {name!r}")
    return wrong


def _unclaimed(clauses: Iterable[Clause]) -> list[str]:
    evidence = [evidence for clause in clauses for evidence in clause.evidence]
    wrong = []
    for primitive, scenarios in _scenarios().items():
        for part, names in scenarios.items():
            for name in names:
                if not any(
                    isinstance(each, Explored) and each.what in (primitive, part) and name in each.properties for each in evidence
                ):
                    wrong.append(f"the scenario {part} watches {name}, which no clause of it names")
        if not any(isinstance(each, Refinement) and each.what == primitive for each in evidence):
            wrong.append(f"no clause names the refinement of {primitive}")
    examples = {each.what for each in evidence if isinstance(each, Example)}
    wrong += [f"the example {name} is evidence of no clause" for name in EXAMPLES if name not in examples]
    asked = {name for clause in clauses for name in clause.witnesses}
    wrong += [f"no clause asks for the witness {name!r}" for name in _NAMES if name not in asked | _UNASKED]
    laws = {each.what for each in evidence if isinstance(each, Law)}
    wrong += [f"the law {name} is evidence of no clause" for name in _laws() if name not in laws]
    return wrong
