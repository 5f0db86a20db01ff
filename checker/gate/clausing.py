"""Clauses in the gate: their evidence as jobs, and a line for each clause out of what came of them.

Several clauses rest on one piece of work, which is one job; clauses are judged when all jobs are done, by the same
function that everybody else uses (`checker.evidence`). A piece of work that crashed or was not begun is a result like
any other: inconclusive, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from treadle.specs.clauses import Clause, Proof, SpecError, load_clauses

from ..blame import files_of
from ..errors import UsageError
from ..evidence import Result, Work, judge_clause, work_for
from ..evidence import perform as perform_work
from ..execution import Scenario
from ..outcomes import Broken, Outcome, Rule, broken_by, counterexample_of
from ..results import Progress
from ..runtime import Settings
from ..trace import Target
from .jobs import Job, Linked
from .settings import BUDGET, ClausesTarget

__all__ = ["jobs_of_clauses", "judged", "lint", "perform_evidence"]


# --- before: in the process that looks at targets ----------------------------------------------------------------


def jobs_of_clauses(target: ClausesTarget, first: int) -> tuple[list[Job], list[Linked]]:
    """Return the jobs of a target, numbered from `first`, and for each clause which of them it rests on.

    Raises:
        UsageError: if the clauses, the implementation or what a clause names is not as it has to be.
    """
    paths = target.clauses if isinstance(target.clauses, list) else None
    if target.clauses is False:
        raise UsageError('clauses = false lists nothing; write clauses = true, or clauses = ["my/clauses.toml"]')
    try:
        clauses = load_clauses(paths)
    except SpecError as error:
        raise UsageError(str(error)) from None
    works = work_for(
        clauses,
        impl=target.impl,
        tasks=target.tasks,
        rounds=target.rounds,
        cancel=1 if target.cancel is None else target.cancel,
        check={"cancel": target.cancel or 0},
    )
    other = "" if target.impl == "reference" or paths else f" --impl {target.impl}"
    jobs: dict[str, Job] = {}
    linked = []
    for clause in clauses:
        for work in works[clause.id]:
            jobs.setdefault(
                work.name,
                Job(
                    number=first + len(jobs),
                    kind="clause",
                    name=work.name + other,
                    what=work.name,
                    options={"work": msgspec.to_builtins(work)},
                    budget=target.budget or BUDGET,
                    memory=target.max_memory,
                    step_timeout=target.step_timeout,
                    shares=work.kind != "check",  # what others have written gets a process of its own
                ),
            )
        linked.append(Linked(clause.id + other, msgspec.to_builtins(clause), [jobs[work.name].number for work in works[clause.id]]))
    return list(jobs.values()), linked


def lint() -> Outcome:
    """Return whether this project's clauses and their evidence fit each other, as the outcome of a check of its own."""
    from ..evidence_lint import lint_specs

    wrong = lint_specs()
    broken = [Broken({"property": "lint", "message": message, "schedule": []}) for message in wrong]
    return Outcome(
        "clauses and evidence fit",
        "clause",
        "violated" if wrong else "verified",
        message=wrong[0] if wrong else "",
        evidence="lint",
        broken=broken,
        rule=Rule("SPECS-LINT", "every promise has evidence, and all evidence belongs to a promise"),
    )


# --- during: in the process that does a job ----------------------------------------------------------------------


def perform_evidence(job: Job, progress: Progress, seconds: float) -> Outcome:
    """Do the piece of work of a job; the outcome has its result as `document["result"]`."""
    work = msgspec.convert(job.options["work"], Work)
    if "limits" in work.options:
        work.options["limits"]["timeout"] = seconds
    result = perform_work(work, progress)
    broken = [_broken(work, violation) for violation in result.violations]
    return Outcome(
        job.name,
        "clause",
        result.verdict,
        message="" if result.verdict == "verified" else result.message,
        evidence=work.kind,
        broken=broken,
        notes=result.notes,
        document={"result": msgspec.to_builtins(result)},
    )


def _broken(work: Work, violation: dict[str, Any]) -> Broken:
    """Add trace and place to a violation, if a schedule shows it."""
    found = _scenario_of(work, violation)
    if found is None:
        return Broken(violation)
    scenario, target, first = found
    counterexample = counterexample_of(Broken(violation))
    settings = Settings(counterexample.contract, counterexample.time, counterexample.cancel)
    broken = broken_by(counterexample, scenario, settings, target, first)
    broken.violation = violation
    return broken


def _scenario_of(work: Work, violation: dict[str, Any]) -> tuple[Scenario, Target, frozenset[str]] | None:
    """Return the program that a violation is one of, how a trace names it, and the files of the implementation."""
    from ..evidence_works import namespace_of
    from ..targets import resolve
    from ..verification import find_part

    impl = work.options.get("impl", "reference")
    if work.kind in ("explored", "refinement"):
        size = str(violation["rounds"])
        part = find_part(work.primitive, impl, violation["tasks"], size, violation["scenario"])
        target = Target("verify", work.primitive, impl, violation["tasks"], size, part.name)
        return part.fn, target, _files(impl, work.primitive)
    if work.kind == "check":
        return resolve(violation["target"])[0].function, Target("check", violation["target"]), frozenset()
    if work.kind == "example" and "cancellations" in violation:  # else it is an implementation that has no such class
        from treadle.specs.examples import EXAMPLES

        locks = namespace_of(impl, work.primitive, tuple(work.options["stdlib_paths"]))
        scenario = partial(EXAMPLES[work.options["what"]], locks)
        return scenario, Target("example", work.options["what"], impl), _files(impl, work.primitive)
    return None


def _files(impl: str, primitive: str) -> frozenset[str]:
    from ..implementations import resolve

    return files_of(list(resolve(impl, None if primitive == "general" else primitive).classes.values()))


# --- after: in the process that has all results ------------------------------------------------------------------


def judged(linked: Sequence[Linked], jobs: Mapping[int, Job], outcomes: Mapping[int, Outcome]) -> list[Outcome]:
    """Return the outcome of each clause, out of those of the jobs that it rests on."""
    return [_judged(each, jobs, outcomes) for each in linked]


def _judged(linked: Linked, jobs: Mapping[int, Job], outcomes: Mapping[int, Outcome]) -> Outcome:
    clause = msgspec.convert(linked.clause, Clause)
    pieces = [(msgspec.convert(jobs[number].options["work"], Work), outcomes[number]) for number in linked.jobs]
    verdict, message = judge_clause(clause, [(work, _result_of(outcome)) for work, outcome in pieces])
    broken = [
        each
        for work, outcome in pieces
        for each in outcome.broken
        if verdict == "violated" and message == f"{work.name}: {each.property}: {each.message}"
    ]
    undecided = next((outcome for _, outcome in pieces if outcome.place is not None), None)
    return Outcome(
        linked.name,
        "clause",
        verdict,
        message=message,
        evidence=", ".join(dict.fromkeys(work.kind for work, _ in pieces)) or "none needed",
        scope=_scope(clause, pieces),
        seconds=sum(outcome.seconds for _, outcome in pieces),
        broken=broken or ([Broken({"property": clause.kind, "message": message, "schedule": []})] if verdict == "violated" else []),
        reasons=[] if verdict in ("verified", "violated") else [message],
        place=undecided.place if undecided is not None and verdict == "inconclusive" else None,
        listed=pieces[0][1].listed if pieces else None,
        rule=Rule(clause.id, clause.text),
        document={"source": clause.source, "clause_kind": clause.kind, "works": [work.name for work, _ in pieces]},
    )


def _result_of(outcome: Outcome) -> Result:
    if "result" in outcome.document:
        return msgspec.convert(outcome.document["result"], Result)
    return Result("inconclusive", outcome.message)


def _sizes(sizes: str) -> str:
    """Say in a word for which sizes a proof holds: all of them, or so many tasks of the model."""
    from treadle.model.proofs import EVERY_SIZE

    return "any size" if sizes.startswith(EVERY_SIZE) else f"model of {sizes.partition(',')[0]}"


def _scope(clause: Clause, pieces: Sequence[tuple[Work, Outcome]]) -> str:
    """Say for which sizes: of what is explored the clients, of a proof its sizes, of a law its examples."""
    said: list[str] = []
    proved = {name for evidence in clause.evidence if isinstance(evidence, Proof) for name in evidence.properties}
    for work, outcome in pieces:
        scope = outcome.document.get("result", {}).get("scope", {})
        if work.kind in ("explored", "refinement") and "tasks" in scope:
            said.append(f"{scope['tasks']}×{scope['rounds']}, {scope.get('cancel', 0)} cancel")
        elif work.kind == "law" and "examples" in scope:
            said.append(f"{scope['examples']} examples")
        elif work.kind == "proof" and scope.get("proofs"):
            said += [_sizes(proof["sizes"]) for proof in scope["proofs"] if proof["property"] in proved]
        elif work.kind in ("example", "check"):
            said.append("all orders")
    return "; ".join(dict.fromkeys(said))
