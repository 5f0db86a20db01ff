"""How each kind of evidence is run: exploration, refinement, proof, law, example, a scenario of one's own."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

from .api import check
from .errors import TreadleError
from .evidence import Result, Work
from .implementations import CLASS_NAMES, ImplementationError, resolve
from .results import Progress
from .targets import resolve as resolve_target
from .verdict import Verdict, versions, worst
from .verification import Request, explore_part, parse_rounds

__all__ = ["namespace_of", "perform"]


def perform(work: Work, progress: Progress | None = None) -> Result:
    """Do one piece of work; see `evidence.perform`."""
    try:
        return _KINDS[work.kind](work, progress)
    except TreadleError as error:
        return Result("inconclusive", str(error))


def namespace_of(impl: str, primitive: str, stdlib_paths: tuple[str, ...] = ()) -> SimpleNamespace:
    """Return the classes of an implementation as attributes, for examples and laws.

    Raises:
        ImplementationError: if it lacks the primitive, or for `general` any of the five.
    """
    implementation = resolve(impl, None if primitive == "general" else primitive, stdlib_paths)
    for role in CLASS_NAMES if primitive == "general" else (primitive,):
        implementation.require(role)
    return SimpleNamespace(**{CLASS_NAMES[role]: cls for role, cls in implementation.classes.items()})


# --- one function a kind -------------------------------------------------------------------------------------------


def _explore(work: Work, progress: Progress | None) -> Result:
    options = work.options
    what = options["what"] if work.kind == "explored" else f"{work.primitive}/refinement"
    request = Request(
        work.primitive,
        options["impl"],
        options["tasks"],
        parse_rounds(options["rounds"]),
        options["contract"],
        tuple(options["stdlib_paths"]),
        {"cancel": options["cancel"], "keep_going": True, "ignore": tuple(options.get("ignore", ())), **options["limits"]},
    )
    part = next((part for part in request.parts() if part.name == what), None)
    if part is None:
        lacks = ", ".join(request.implementation().lacks(work.primitive)) or "what it is about"
        return Result("inconclusive", f"{request.implementation().name} can't be held to {what}: it has no {lacks}")
    explored = explore_part(request, what, lambda _: contextlib.nullcontext(progress), smallest=options.get("smallest", True))
    violations = [
        {**counterexample.to_json(), "scenario": what, "primitive": work.primitive, "tasks": tasks, "rounds": _rounds(rounds)}
        for counterexample, tasks, rounds in explored.counterexamples
    ]
    result = _result(explored.verdict, violations)
    result.scope |= {"properties": list(part.properties), "tasks": options["tasks"], "rounds": options["rounds"]}
    result.unseen_witnesses = _unseen(explored.verdict, explored.verdict.scope["witnesses"])
    return result


def _unseen(verdict: Verdict, demanded: Iterable[str]) -> list[str]:
    """Return what was demanded and did not happen, if the search ended because nothing was left to see."""
    if verdict.verdict != "verified" and {violation.property for violation in verdict.violations} != {"witness"}:
        return []
    return sorted(set(demanded) - verdict.witnesses)


def _rounds(rounds: float) -> str | int:
    return "inf" if rounds == float("inf") else int(rounds)


def _prove(work: Work, progress: Progress | None) -> Result:
    from treadle.model.models import family
    from treadle.model.proofs import prove_family

    proofs = list(prove_family(family(work.options["what"]), spacer_seconds=0))
    open_ = [proof for proof in proofs if proof.status != "proved"]
    violations = [
        {"property": proof.property, "message": f"the model breaks it in {proof.length} steps", "contract": "", "schedule": []}
        for proof in open_
        if proof.status == "violated"
    ]
    verdict = "violated" if violations else "inconclusive" if open_ else "verified"
    sizes = "; ".join(dict.fromkeys(f"{proof.engine}: {proof.sizes}" for proof in proofs))
    left = ", ".join(proof.property for proof in open_)
    message = f"not proved: {left}" if left else f"{len(proofs)} properties of the model proved"
    shown = [{name: value for name, value in asdict(proof).items() if name in _OF_A_PROOF} for proof in proofs]
    stats = {"seconds": round(sum(proof.seconds for proof in proofs), 3)}
    return Result(verdict, message, violations, {"proofs": shown, "sizes": sizes, "versions": versions()}, stats)


_OF_A_PROOF = ("property", "status", "engine", "sizes")


def _example(work: Work, progress: Progress | None) -> Result:
    from treadle.specs.examples import EXAMPLES

    name = work.options["what"]
    if name not in EXAMPLES:
        return Result("inconclusive", f"there is no example {name!r} in specs/examples")
    try:
        locks = namespace_of(work.options["impl"], work.primitive, tuple(work.options["stdlib_paths"]))
    except ImplementationError as error:
        return Result("violated", str(error), [_violation("assertion", str(error))])
    scenario = functools.partial(EXAMPLES[name], locks)
    verdict = check(scenario, contract="stock", name=name, progress=progress, **work.options["limits"])
    result = _result(verdict, [violation.to_json() for violation in verdict.violations])
    result.notes = [note for note in result.notes if "single interleaving" not in note]  # a program that needs no more
    return result


def _law(work: Work, progress: Progress | None) -> Result:
    try:
        import hypothesis  # noqa: F401
    except ImportError:
        return Result("inconclusive", "laws are tested with Hypothesis, which is not installed: pip install 'treadle[hypothesis]'")
    from treadle.specs.laws import LAWS
    from treadle.specs.laws.trying import try_law

    name = work.options["what"]
    if name not in LAWS:
        return Result("inconclusive", f"there is no law {name!r} in specs/laws")
    try:
        locks = namespace_of(work.options["impl"], work.primitive, tuple(work.options["stdlib_paths"]))
    except ImplementationError as error:
        return Result("violated", str(error), [_violation("assertion", str(error))])
    broken, examples = try_law(
        LAWS[name], locks, work.options.get("examples", _EXAMPLES), shrink=work.options.get("smallest", True)
    )
    scope = {"search": "law", "examples": examples, "versions": versions()}
    if broken is not None:
        return Result("violated", broken, [_violation("assertion", broken)], scope, {"executions": examples})
    return Result("sampled", f"held for {examples} examples", [], scope, {"executions": examples})


_EXAMPLES = 200


def _check(work: Work, progress: Progress | None) -> Result:
    options = work.options
    verdicts = [
        check(
            target.function,
            name=target.name,
            progress=progress,
            witnesses=frozenset(options["witnesses"]),
            keep_going=True,
            **{**options["limits"], **options["options"]},
        )
        for target in resolve_target(options["what"])
    ]
    result = _result(verdicts[0], [])
    result.verdict = worst(verdicts)
    result.violations = [
        {**violation.to_json(), "target": verdict.target} for verdict in verdicts for violation in verdict.violations
    ]
    result.message = _told(result.verdict, result.violations, [reason for verdict in verdicts for reason in verdict.reasons])
    result.scope["properties"] = options["properties"]
    result.witnesses = sorted(frozenset().union(*(verdict.witnesses for verdict in verdicts)))
    unseen = [set(_unseen(verdict, options["witnesses"])) for verdict in verdicts]
    result.unseen_witnesses = sorted(frozenset.intersection(*map(frozenset, unseen)))
    return result


_KINDS: dict[str, Callable[[Work, Progress | None], Result]] = {
    "explored": _explore,
    "refinement": _explore,
    "proof": _prove,
    "example": _example,
    "law": _law,
    "check": _check,
}


# --- results -------------------------------------------------------------------------------------------------------


def _result(verdict: Verdict, violations: list[dict[str, Any]]) -> Result:
    message = _told(verdict.verdict, violations, verdict.reasons)
    scope, stats, witnesses = dict(verdict.scope), dict(verdict.stats), sorted(verdict.witnesses)
    return Result(verdict.verdict, message, violations, scope, stats, [], list(verdict.notes), witnesses)


def _told(verdict: str, violations: list[dict[str, Any]], reasons: list[str]) -> str:
    if violations:
        return f"{violations[0]['property']}: {violations[0]['message']}"
    return "; ".join(reasons) if reasons else verdict


def _violation(property: str, message: str) -> dict[str, Any]:
    """Return a violation that no schedule shows."""
    return {"property": property, "message": message, "contract": "stock", "schedule": []}
