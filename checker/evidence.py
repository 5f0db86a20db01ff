"""Evidence: from clauses to pieces of work, from the pieces' results to a verdict on each clause.

A clause (`treadle.specs.clauses`) names what shows it; here that is found, run and judged. Several clauses may rest on
one piece of work: one exploration of a scenario watches many properties at once, so it runs once, and each clause looks
at its own properties in the result. Works and results are plain data, so that whoever runs them may do it in other
processes.

A clause is judged by all of its evidence together, never by the best piece: a violation counts before anything else,
then what could not be decided. A law alone samples; beside an exhaustive piece it adds to that one and takes nothing
away. A violation of something that no clause claims (an exception that nobody retrieves, say) counts against every
clause that rests on that piece: no finding falls between two clauses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from treadle.specs.clauses import Check, Clause, Evidence, Example, Explored, Law, Proof, Refinement

from .clients import VerificationScenario
from .errors import UsageError
from .implementations import PRIMITIVES, resolve
from .verdict import RANK
from .verification import parse_rounds, scenarios_of

if TYPE_CHECKING:
    from .evidence_faults import Matrix, Row

__all__ = ["Result", "Work", "fault_matrix", "judge_clause", "perform", "rests_on", "work_for"]

CONTRACT = "stock"


class Work(msgspec.Struct, frozen=True):
    """One piece of work.

    Attributes:
        kind: `explored`, `refinement`, `proof`, `law`, `example` or `check`.
        name: for people; no two works of a call have the same.
        primitive: whose clauses it is for; `general` for all.
        options: what `perform` needs, in plain data.
    """

    kind: str
    name: str
    primitive: str
    options: dict[str, Any]


class Result(msgspec.Struct):
    """What came out of a piece of work.

    Attributes:
        verdict: `verified`, `violated`, `bounded`, `sampled` or `inconclusive`.
        message: one sentence.
        violations: as `Counterexample.to_json`; those of `verify` also say `scenario`, `tasks` and `rounds`.
        scope: what the verdict holds for.
        stats: the figures of the search.
        unseen_witnesses: what had to happen somewhere and did not.
        notes: what a reader has to know, a sentence each.
        witnesses: what of that kind did happen.
    """

    verdict: str
    message: str = ""
    violations: list[dict[str, Any]] = []
    scope: dict[str, Any] = {}
    stats: dict[str, Any] = {}
    unseen_witnesses: list[str] = []
    notes: list[str] = []
    witnesses: list[str] = []


# --- from clauses to works -----------------------------------------------------------------------------------------


def work_for(
    clauses: Iterable[Clause],
    *,
    impl: str = "reference",
    tasks: int = 3,
    rounds: str | int = 2,
    cancel: int = 1,
    stdlib_paths: Sequence[str] = (),
    limits: Mapping[str, Any] | None = None,
    check: Mapping[str, Any] | None = None,
) -> dict[str, list[Work]]:
    """Return the work that each clause rests on, by the clause's id. Equal works of several clauses are equal objects.

    Args:
        clauses: which.
        impl: the implementation that is held to them, as `--impl` names it.
        tasks, rounds, cancel: the size of the most general clients, and how many cancellations may strike.
        stdlib_paths: where other standard libraries are, for `stdlib:X.Y`.
        limits: of each search: `timeout`, `max_states`, `max_depth`, `runs`.
        check: options of `check` for the scenarios that clauses of one's own name, such as `{"cancel": 1}`.

    Raises:
        UsageError: if the implementation does not exist or lacks a primitive, or a clause names what does not exist.
    """
    from .evidence_lint import unknown_evidence

    clauses = list(clauses)
    if unknown := unknown_evidence(clauses):
        raise UsageError(unknown[0])
    planner = _Planner(impl, tasks, rounds, cancel, list(map(str, stdlib_paths)), dict(limits or {}), dict(check or {}))
    return {clause.id: planner.works_of(clause) for clause in clauses}


class _Planner:
    """Makes each work once."""

    def __init__(
        self,
        impl: str,
        tasks: int,
        rounds: str | int,
        cancel: int,
        stdlib_paths: list[str],
        limits: dict[str, Any],
        check: dict[str, Any],
    ) -> None:
        parse_rounds(rounds)
        self.verify: dict[str, Any] = {
            "impl": impl,
            "tasks": tasks,
            "rounds": rounds,
            "cancel": cancel,
            "contract": CONTRACT,
            "stdlib_paths": stdlib_paths,
            "limits": limits,
        }
        self.plain = {"impl": impl, "stdlib_paths": stdlib_paths, "limits": limits}
        self.check = {"options": check, "limits": limits}
        self.works: dict[str, Work] = {}
        self._parts: dict[str, list[VerificationScenario]] = {}

    def works_of(self, clause: Clause) -> list[Work]:
        """Return the works that a clause rests on, each once."""
        works: dict[str, Work] = {}
        for evidence in clause.evidence:
            for work in self._works(clause, evidence):
                works.setdefault(work.name, work)
        return list(works.values())

    def _works(self, clause: Clause, evidence: Evidence) -> list[Work]:
        primitive = clause.primitive
        if isinstance(evidence, Explored):
            owner, _, part = evidence.what.partition("/")
            if part:
                return [self._explored(owner, evidence.what)]
            return [self._explored(owner, part.name) for part in self._parts_of(owner) if set(part.properties) & set(evidence.properties)]
        if isinstance(evidence, Refinement):
            return [self._work("refinement", f"{evidence.what}/refinement", evidence.what, {**self.verify, "what": evidence.what})]
        if isinstance(evidence, Proof):
            return [self._work("proof", f"proof of the model of {evidence.what}", evidence.what, {"what": evidence.what})]
        if isinstance(evidence, Law):
            return [self._work("law", f"law {evidence.what}", _owner(evidence.what, primitive), {**self.plain, "what": evidence.what})]
        if isinstance(evidence, Example):
            return [self._work("example", f"example {evidence.what}", primitive, {**self.plain, "what": evidence.what})]
        assert isinstance(evidence, Check)
        shared = {"witnesses": sorted(clause.witnesses), "properties": sorted(evidence.properties)}
        return [self._work("check", f"check {evidence.what}", primitive, {**self.check, "what": evidence.what, **shared})]

    def _explored(self, primitive: str, part: str) -> Work:
        return self._work("explored", part, primitive, {**self.verify, "what": part})

    def _work(self, kind: str, name: str, primitive: str, options: dict[str, Any]) -> Work:
        known = self.works.get(name)
        if known is None:
            known = self.works[name] = Work(kind, name, primitive, options)
        elif kind == "check":  # several clauses ask different things of one scenario
            for name in ("witnesses", "properties"):
                known.options[name][:] = sorted({*known.options[name], *options[name]})
        return known

    def _parts_of(self, primitive: str) -> list[VerificationScenario]:
        if primitive not in self._parts:
            options = self.verify
            implementation = resolve(options["impl"], primitive, options["stdlib_paths"])
            parts = scenarios_of(primitive, implementation, options["tasks"], parse_rounds(options["rounds"]))
            self._parts[primitive] = [part for part in parts if CONTRACT in part.contracts and part.properties != ("refinement",)]
        return self._parts[primitive]


def _owner(law: str, primitive: str) -> str:
    """Laws about one primitive begin with its name; others are for all."""
    return next((name for name in PRIMITIVES if law.startswith(name.replace("-", "_") + "_")), "general" if primitive else "")


# --- from results to a verdict on a clause -------------------------------------------------------------------------


def perform(work: Work, progress: Any = None) -> Result:
    """Do one piece of work. `progress` is called after every run of a search with its figures so far.

    What goes wrong inside of it is its result, `inconclusive` with the message, and no exception.
    """
    from . import evidence_works

    return evidence_works.perform(work, progress)


def fault_matrix(
    primitive: str | None = None,
    *,
    faults: Sequence[str] | None = None,
    everything: bool = True,
    jobs: int = 1,
    progress: Callable[[int, int, Row], None] | None = None,
) -> Matrix:
    """Hold every fault to the clauses; see `evidence_faults.fault_matrix`."""
    from . import evidence_faults

    return evidence_faults.fault_matrix(primitive, faults=faults, everything=everything, jobs=jobs, progress=progress)


def rests_on(evidence: Evidence, work: Work) -> bool:
    """Return True if the work is (part of) what the evidence names."""
    kind = type(evidence).__struct_config__.tag
    if kind != work.kind:
        return False
    what = str(work.options["what"])
    return evidence.what == what or (isinstance(evidence, Explored) and evidence.what == work.primitive)


def _watches(evidence: Evidence, result: Result) -> bool:
    """Return False if the result is that of a scenario which watches none of the evidence's properties."""
    claimed = result.scope.get("properties")
    return claimed is None or not isinstance(evidence, Explored) or bool(set(evidence.properties) & set(claimed))


def judge_clause(clause: Clause, results: Sequence[tuple[Work, Result]]) -> tuple[str, str]:
    """Return the verdict on a clause, and why, from the results of the work that it rests on.

    Works whose results are missing make it `inconclusive`.
    """
    if not clause.evidence:
        return "verified", f"there is nothing to check: {clause.unbreakable}"
    judged: list[tuple[str, str, str]] = []
    for evidence in clause.evidence:
        own = [(work, result) for work, result in results if rests_on(evidence, work) and _watches(evidence, result)]
        if not own:
            judged.append(("inconclusive", f"{evidence.what} was not run", "missing"))
        judged += [(*_judge(evidence, work, result), work.kind) for work, result in own]
    judged += [(*entry, "witness") for entry in _judge_witnesses(clause, results)]
    exhaustive = [verdict for verdict, _, kind in judged if kind != "law"]
    if exhaustive:  # a law adds to what is exhaustive and takes nothing away
        judged = [entry for entry in judged if not (entry[2] == "law" and entry[0] == "sampled")]
    verdict, message, _ = max(judged, key=lambda entry: RANK.index(entry[0]))
    if verdict == "verified":
        return verdict, f"{len(judged)} piece{'s' if len(judged) > 1 else ''} of evidence"
    return verdict, message


def _judge_witnesses(clause: Clause, results: Sequence[tuple[Work, Result]]) -> list[tuple[str, str]]:
    """Judge what the clause wants to have happened: in any of the works that it rests on is enough."""
    seen = {name for _, result in results for name in result.witnesses}
    missing = [name for name in clause.witnesses if name not in seen]
    for work, result in results:
        never = [name for name in missing if name in result.unseen_witnesses]
        if never:
            return [("violated", f"{work.name}: never happened in any run: {', '.join(never)}")]
    if not missing or any(result.verdict in ("bounded", "inconclusive", "violated") for _, result in results):
        return []  # what did not happen may still happen in what was left out
    happened = ", ".join(missing)
    return [("inconclusive", f"at this size it is not put to the test: {happened}; allow more clients, rounds or cancellations")]


def _judge(evidence: Evidence, work: Work, result: Result) -> tuple[str, str]:
    """Judge one piece of evidence by one result."""
    if isinstance(evidence, Proof):
        return _judge_proof(evidence, work, result)
    wanted = getattr(evidence, "properties", ())
    claimed = result.scope.get("properties", ())
    for violation in result.violations:
        name = violation["property"]
        if not wanted or name in wanted or name not in claimed:
            return "violated", f"{work.name}: {name}: {violation['message']}"
    if result.verdict == "violated":
        broken = ", ".join(sorted({violation["property"] for violation in result.violations}))
        return "inconclusive", f"{work.name}: what it explored was cut short where {broken} is violated"
    return result.verdict, f"{work.name}: {result.message or result.verdict}"


def _judge_proof(evidence: Proof, work: Work, result: Result) -> tuple[str, str]:
    proofs = {entry["property"]: entry for entry in result.scope.get("proofs", ())}
    for name in evidence.properties:
        proof = proofs.get(name)
        if proof is None:
            return "inconclusive", f"{work.name}: nothing is known of {name}"
        if proof["status"] != "proved":
            verdict = "violated" if proof["status"] == "violated" else "inconclusive"
            return verdict, f"{work.name}: {name} is {proof['status']} ({proof['engine']}, {proof['sizes']})"
    return "verified", f"{work.name}: {', '.join(evidence.properties)} proved"
