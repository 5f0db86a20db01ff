"""Doing a job, in the process that was started for it: the library's own functions, then the outcome.

Failing schedules that an earlier run has stored come first: if one still fails, that is said at once and the search is
not made, since the next thing that anybody does is to mend it. A violation that is known must not end the search, or
it would hide others: such a job collects a counterexample of every property.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from ..api import CONTRACTS, check
from ..blame import files_of
from ..errors import TreadleError
from ..execution import Scenario
from ..interrupts import Interrupts
from ..outcomes import Broken, Outcome, broken_by, counterexample_of, outcome_of, worst_of
from ..replaying import settings_of
from ..results import Progress, Result
from ..shrinking import replays
from ..stock import confirm
from ..targets import resolve
from ..trace import Target, Trace, load_trace
from ..verdict import Counterexample, judge, versions
from ..verification import Explored, Request, explore_part, find_part, parse_rounds, verify_one
from .jobs import Event, Job, Note, Tick

__all__ = ["perform"]

_EVERY = 0.2  # seconds between two ticks
Tell = Callable[[Event], None]


class _Work(NamedTuple):
    """A job under way: whom to tell, when its budget is over (a `perf_counter` value), whether it was interrupted."""

    job: Job
    tell: Tell
    until: float
    interrupts: Interrupts

    @property
    def is_over(self) -> bool:
        """Return True if nothing more must be begun."""
        return self.interrupts.requested or time.perf_counter() >= self.until


def perform(job: Job, tell: Tell) -> Outcome:
    """Do a job and return its outcome; `tell` is told what is known on the way.

    Raises:
        TreadleError: what the library raises: a fence, nondeterminism.
    """
    started = time.perf_counter()
    with Interrupts() as interrupts:  # an interrupt between two searches must not lose what the first has found
        work = _Work(job, tell, started + job.budget, interrupts)
        outcome = _stored(job, tell) or _KINDS[job.kind](work)
    outcome.name = job.name
    outcome.seconds = time.perf_counter() - started
    return _without_memory(outcome, job)


# --- stored schedules --------------------------------------------------------------------------------------------


def _stored(job: Job, tell: Tell) -> Outcome | None:
    """Replay what failed before; return the outcome if something still fails that is not known."""
    broken: list[Broken] = []
    for path in job.stored:
        try:
            trace = load_trace(path)
            scenario, first = _scenario_of(trace)
        except TreadleError as error:
            tell(Note(f"a stored schedule cannot be replayed and is forgotten: {error}", forget=path))
            continue
        old = trace.violation
        if not _is_in_scope(trace, job):
            tell(Note("a stored schedule is out of the target's scope now and is forgotten", forget=path))
            continue
        if trace.loop:
            tell(Note("whether a run still need not end only a search can say; its stored schedule is forgotten", forget=path))
            continue
        settings = settings_of(trace)
        schedule = tuple(trace.schedule)
        if old is None or not replays(scenario, settings, schedule, old.property):
            name = old.property if old is not None else "no violation"
            tell(Note(f"a stored schedule passes now and is forgotten ({name})", forget=path))
            continue
        if old.property in job.known:
            continue
        cancellations = sum(1 for step in trace.steps if step.kind == "cancel")
        proof = confirm(scenario, settings, schedule)
        counterexample = Counterexample(
            old.property,
            old.message,
            settings.contract,
            schedule,
            settings.time,
            settings.cancel,
            cancellations,
            bool(proof),
            proof.message,
        )
        found = broken_by(counterexample, scenario, settings, trace.target, first)
        if found.trace is not None and found.trace.violation is not None:
            found.violation["message"] = found.trace.violation.message  # what it says now
        tell(Note(f"still fails: {found.property}: {found.message}"))
        broken.append(found)
    if not broken:
        return None
    result = Result(executions=len(broken), held_back=["a stored schedule still fails, so the search was not made"])
    counterexamples = [counterexample_of(each) for each in broken]
    scope = {"contract": counterexamples[0].contract, "time": counterexamples[0].time, "cancel": counterexamples[0].cancel}
    verdict = judge(job.what, result, counterexamples, scope | {"search": "stored schedules", "versions": versions()})
    return outcome_of(verdict, job.kind, broken)


def _is_in_scope(trace: Trace, job: Job) -> bool:
    """Return True if a search with the target's present options could meet the schedule: they may have changed since."""
    scope, options, target = trace.scope, job.options, trace.target
    contract = options["contract"] or ("stretched" if options.get("strict") else "stock")
    return (
        target.kind == job.kind
        and target.name == job.what
        and CONTRACTS.index(scope["contract"]) <= CONTRACTS.index(contract)
        and scope["time"] in ("virtual", options["time"])
        and scope["cancel"] <= options["cancel"]
        and set(options["ignore"]) <= set(scope.get("ignore", ()))
        and set(scope.get("forbid", ())) <= set(options.get("forbid", ()))
        and (
            target.kind != "verify"
            or (
                target.implementation == options["impl"]
                and target.tasks <= options["tasks"]
                and parse_rounds(target.rounds) <= parse_rounds(options["rounds"])
            )
        )
    )


def _scenario_of(trace: Trace) -> tuple[Scenario, frozenset[str]]:
    target = trace.target
    if target.kind == "verify":
        part = find_part(target.name, target.implementation, target.tasks, target.rounds, target.part)
        request = Request(target.name, target.implementation, target.tasks, parse_rounds(target.rounds), "stock", (), {})
        return part.fn, files_of(list(request.implementation().classes.values()))
    return resolve(target.name)[0].function, frozenset()


# --- scenarios ---------------------------------------------------------------------------------------------------


def _check(work: _Work) -> Outcome:
    job, tell, until, _ = work
    options = dict(job.options)
    for name in ("ignore", "forbid", "witnesses"):
        options[name] = frozenset(options[name])
    scenario = resolve(job.what)[0].function
    verdict = check(
        scenario,
        name=job.what,
        keep_going=bool(job.known),
        progress=_progress(tell, "exploring"),
        **options | {"timeout": _left(options, until)},
    )
    broken = []
    for counterexample, warning in [(c, False) for c in verdict.violations] + [(c, True) for c in verdict.warnings]:
        settings = counterexample.settings(options["ignore"], bool(options["forbid"]), options["max_depth"])
        broken.append(broken_by(counterexample, scenario, settings, Target("check", job.what), warning=warning))
    return outcome_of(verdict, "check", broken)


# --- primitives --------------------------------------------------------------------------------------------------


def _verify(work: _Work) -> Outcome:
    job, tell, until, _ = work
    options = dict(job.options)
    tasks, impl = options.pop("tasks"), options.pop("impl")
    rounds, contract = parse_rounds(options.pop("rounds")), options.pop("contract")
    paths = tuple(options.pop("stdlib_paths"))
    options["ignore"] = frozenset(options["ignore"])
    request = Request(job.what, impl, tasks, rounds, contract, paths, options | {"keep_going": bool(job.known)})

    def explored(request: Request, part: Any) -> Explored | None:
        if work.is_over:
            return None
        limited = replace(request, options=request.options | {"timeout": _left(options, until)})
        found = explore_part(limited, part.name, lambda name: _told(tell, name))
        tell(Note(f"{part.name}: {found.verdict.verdict}"))
        return found

    verification = verify_one(request, explored)
    first = files_of(list(verification.implementation.classes.values()))
    broken = []
    for found in verification.counterexamples:
        size = "inf" if found.rounds == float("inf") else str(int(found.rounds))
        target = Target("verify", job.what, impl, found.tasks, size, found.part.name)
        settings = found.counterexample.settings(options["ignore"], False, options["max_depth"])
        broken.append(broken_by(found.counterexample, found.part.fn, settings, target, first))
    return outcome_of(verification.verdict, "verify", broken)


# --- models ------------------------------------------------------------------------------------------------------

_VERDICTS = {"proved": "verified", "violated": "violated", "unknown": "inconclusive"}


def _prove(work: _Work) -> Outcome:
    job, tell, until, interrupts = work
    from treadle.model.models import family
    from treadle.model.proofs import Proof, prove_family  # z3 takes its time to load, and only proofs need it

    proofs: list[Proof] = []
    tell(Tick("proving"))
    for proof in prove_family(family(job.what), until=until):
        proofs.append(proof)
        if interrupts.requested:
            break
        tell(Note(f"{proof.property}: {proof.status} ({proof.engine})"))
    verdict = worst_of([_VERDICTS[proof.status] for proof in proofs])
    broken = [
        Broken({"property": proof.property, "message": f"broken in {proof.sizes}", "schedule": list(proof.schedule)})
        for proof in proofs
        if proof.status == "violated"
    ]
    if interrupts.requested:
        verdict = worst_of([verdict, "inconclusive"])
    reasons = ["interrupted before the other properties"] if interrupts.requested else []
    reasons += [f"{proof.property} could be neither proved nor refuted for {proof.sizes}" for proof in proofs if proof.status == "unknown"]
    sizes = list(dict.fromkeys(proof.sizes for proof in proofs))
    return Outcome(
        job.name,
        "prove",
        verdict,
        message=broken[0].message if broken else "; ".join(reasons),
        evidence=", ".join(dict.fromkeys(proof.engine for proof in proofs)),
        scope="; ".join(sizes),
        broken=broken,
        reasons=reasons,
        document={"target": job.name, "verdict": verdict, "proofs": [_proof_document(proof) for proof in proofs]},
    )


def _proof_document(proof: Any) -> dict[str, Any]:
    return {"property": proof.property, "status": proof.status, "engine": proof.engine, "sizes": proof.sizes, "lemmas": list(proof.lemmas)}


# --- clauses -----------------------------------------------------------------------------------------------------


def _clause(work: _Work) -> Outcome:
    from .clausing import perform_evidence

    return perform_evidence(work.job, _progress(work.tell, "exploring"), work.until - time.perf_counter())


_KINDS: dict[str, Callable[[_Work], Outcome]] = {"check": _check, "verify": _verify, "prove": _prove, "clause": _clause}


# --- what they share ---------------------------------------------------------------------------------------------


def _left(options: dict[str, Any], until: float) -> float:
    """Return how many seconds the next search may take: its own limit, or what the budget leaves."""
    left = max(0.001, until - time.perf_counter())
    timeout = options.get("timeout")
    return left if timeout is None else min(float(timeout), left)


@contextmanager
def _told(tell: Tell, phase: str) -> Iterator[Progress]:
    yield _progress(tell, phase)


def _progress(tell: Tell, phase: str) -> Progress:
    tell(Tick(phase))
    last = time.perf_counter()

    def update(result: Result) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last > _EVERY:
            last = now
            tell(Tick(phase, result.executions, result.states, result.frontier))

    return update


def _without_memory(outcome: Outcome, job: Job) -> Outcome:
    """Take a violation that is only the limit of memory for what it is: something that was not decided."""
    short = [broken for broken in outcome.violations if "MemoryError" in broken.message]
    if job.memory is None or not short:
        return outcome
    outcome.place = short[0].place
    outcome.broken = [broken for broken in outcome.broken if broken not in short]
    if not outcome.violations:
        outcome.verdict = "inconclusive"
        outcome.message = f"it needs more than {job.memory} MB of memory (--max-memory); raise the limit, or make the scenario smaller"
        outcome.reasons = [outcome.message]
    return outcome


