"""`check`, and what else a scenario file imports.

`check` explores a scenario under `stock`, whose verdict counts, and, unless a contract is asked for, then under
`stretched` within a share of the budget: what breaks only there is a warning. A violation is replayed before it is
reported, its schedule is simplified, and weaker contracts are tried for the same property, so that the report names
the weakest one that shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from .errors import UsageError
from .execution import Scenario
from .explorer import explore
from .properties import MEANINGS
from .recording import record
from .results import Finding, Limits, Progress, Result
from .runtime import Settings
from .sampling import sample
from .shrinking import replays, simplify
from .stock import confirm
from .trace import Target
from .verdict import Counterexample, Verdict, judge, versions

__all__ = ["CONTRACTS", "TIMES", "check", "scenario"]

F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, Any]])
CONTRACTS = ("stock", "stretched", "any")
TIMES = ("virtual", "any")
PROPERTIES = frozenset(MEANINGS)
# The budget of the search for warnings: a share of what the search under stock took, and never less than so many runs and steps.
_SHARE = 0.5
_WARNING_RUNS = 2_000
_WARNING_STEPS = 100_000


def scenario(function: F) -> F:
    """Mark an `async def` without arguments as a scenario, for `treadle check FILE`."""
    function._treadle_scenario = True  # type: ignore[attr-defined]
    return function


def check(
    fn: Scenario,
    *,
    contract: str | None = None,
    time: str = "virtual",
    cancel: int = 0,
    ignore: frozenset[str] | set[str] | tuple[str, ...] = (),
    forbid: frozenset[str] | set[str] | tuple[str, ...] = (),
    strict: bool = False,
    merge: str = "auto",
    search: str = "exhaustive",
    seed: int = 0,
    runs: int | None = None,
    max_states: int | None = None,
    max_depth: int = 10_000,
    timeout: float | None = None,
    witnesses: frozenset[str] | set[str] | tuple[str, ...] = (),
    keep_going: bool = False,
    name: str | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Explore all interleavings of the scenario `fn`, an `async def` without arguments.

    Args:
        fn: called anew for every run.
        contract: `stock`, `stretched` or `any`; None explores `stock` and warns of what breaks under `stretched`.
        time: `virtual` or `any`.
        cancel: how many cancellations may strike.
        ignore: names of properties that do not count.
        forbid: `{"leaked-tasks"}` makes tasks that outlive the scenario a violation.
        strict: warnings count as violations.
        merge: `auto`, `on` or `off`: whether equal states are explored once.
        search: `exhaustive`, `random` or `pct`; the latter two draw `runs` schedules with `seed`.
        max_states, max_depth, timeout: limits, in states, steps a run and seconds; what hits one is `bounded`.
        witnesses: what `witness()` must have noted in at least one run.
        keep_going: collect a counterexample of every property instead of stopping at the first.
        name: what the verdict calls the scenario.
        progress: called after every run with the figures so far.

    Raises:
        UsageError: for an option that does not exist, or if `fn` is not a coroutine function.
        FenceError: if the scenario does something that cannot be simulated.
        NondeterminismError: if it does not do the same in two runs of one schedule.
    """
    _validate(contract, time, merge, search, cancel, frozenset(ignore), frozenset(forbid))
    settings = Settings(
        contract=contract or "stock",
        time=time,
        cancel=cancel,
        ignore=frozenset(ignore),
        forbid_leaked_tasks="leaked-tasks" in forbid,
        max_steps=max_depth,
    )
    limits = Limits(max_states, max_depth, timeout, runs)
    target = str(name or getattr(fn, "__qualname__", repr(fn)))
    if search == "exhaustive":
        result = explore(fn, settings, limits, merge=merge, keep_going=keep_going, progress=progress)
    else:
        limits = replace(limits, runs=runs or 1_000)
        result = sample(fn, settings, limits, seed=seed, strategy=search, keep_going=keep_going, progress=progress)
    if result.fence is not None:
        raise result.fence
    if not result.findings:
        result.findings += [finding for finding in result.resting if _holds_a_deadlock(fn, settings, finding)][:1]
    counterexamples, defects = _confirmed(fn, settings, result, result.findings, merge, progress)
    scope = _scope(settings, limits, merge, search, seed)
    verdict = judge(target, result, counterexamples, scope, frozenset(witnesses), defects)
    verdict.warnings, _ = _confirmed(fn, settings, result, result.warnings, merge)
    if contract is None and search == "exhaustive" and verdict.verdict in ("verified", "bounded") and not result.interrupted:
        _warn(fn, settings, limits, merge, result, verdict)
    if strict and verdict.warnings and verdict.verdict in ("verified", "bounded"):
        verdict.verdict = "violated"
        verdict.violations = verdict.warnings
        verdict.warnings = []
    return verdict


def _validate(
    contract: str | None, time: str, merge: str, search: str, cancel: int, ignore: frozenset[str], forbid: frozenset[str]
) -> None:
    for what, value, allowed in (
        ("contract", contract or "stock", CONTRACTS),
        ("time", time, TIMES),
        ("merge", merge, ("auto", "on", "off")),
        ("search", search, ("exhaustive", "random", "pct")),
    ):
        if value not in allowed:
            hint = "; elastic time is not available yet" if value == "elastic" else ""
            raise UsageError(f"unknown {what} {value!r}; expected one of {', '.join(allowed)}{hint}")
    if cancel < 0:
        raise UsageError(f"the budget of cancellations is {cancel}; expected 0 or more")
    if unknown := sorted(ignore - PROPERTIES):
        raise UsageError(f"unknown property {unknown[0]!r}; the properties are {', '.join(sorted(PROPERTIES))}")
    if unknown := sorted(forbid - {"leaked-tasks"}):
        raise UsageError(f"cannot forbid {unknown[0]!r}; only leaked-tasks can be forbidden")


def _confirmed(
    fn: Scenario, settings: Settings, result: Result, findings: list[Finding], merge: str, progress: Progress | None = None
) -> tuple[list[Counterexample], list[str]]:
    """Replay, simplify and place every finding, and run it on asyncio's own loop.

    Return the counterexamples, and a sentence for each finding that did not replay.
    """
    counterexamples: list[Counterexample] = []
    defects: list[str] = []
    for finding in findings:
        if not replays(fn, replace(settings, lasso=finding.lasso), finding.schedule, finding.violation.property):
            defects.append(
                f"a violation of {finding.violation.property} was found but did not happen again when its schedule was replayed: "
                "the program is not deterministic, or this is a defect of treadle"
            )
            continue
        weakest, found = _weakest(fn, settings, finding, result, merge)
        simplified = simplify(fn, weakest, found, _telling(result, progress))
        simple = simplified.finding
        proof = confirm(fn, replace(weakest, lasso=simple.lasso), simple.schedule)
        counterexamples.append(
            Counterexample(
                simple.violation.property,
                simple.violation.message,
                weakest.contract,
                simple.schedule,
                weakest.time,
                weakest.cancel,
                simplified.cancellations,
                bool(proof),
                proof.message,
                simple.lasso,
            )
        )
    return counterexamples, defects


def _holds_a_deadlock(fn: Scenario, settings: Settings, finding: Finding) -> bool:
    """Return True if tasks wait for each other in a circle for ever, while others go round: meant to go on, and yet stuck."""
    trace, _ = record(fn, replace(settings, lasso=finding.lasso), finding.schedule, Target("check", ""))
    return bool(trace.deadlock)


def _telling(result: Result, progress: Progress | None) -> Callable[[int, int], None] | None:
    """Return a function that shows, where a search's progress is shown, how the simplification of what it found is getting on."""
    if progress is None:
        return None

    def tell(runs: int, departures: int) -> None:
        what = f"{departures} departure{'' if departures == 1 else 's'} from stock order left"
        progress(replace(result, doing=f"making the counterexample simpler: {runs:,} runs, {what}"))

    return tell


def _weakest(fn: Scenario, settings: Settings, finding: Finding, result: Result, merge: str) -> tuple[Settings, Finding]:
    """Look for the same violation under weaker contracts, within about the effort that the first search took."""
    limits = Limits(depth=settings.max_steps, runs=max(2_000, 2 * result.executions))
    for contract in CONTRACTS[: CONTRACTS.index(settings.contract)]:
        weaker = replace(settings, contract=contract)
        only = frozenset({finding.violation.property})
        found = explore(fn, weaker, limits, merge=merge, only=only)
        for other in found.findings or (found.warnings if finding in result.warnings else []):
            if replays(fn, replace(weaker, lasso=other.lasso), other.schedule, other.violation.property):
                return weaker, other
    return settings, finding


def _warn(fn: Scenario, settings: Settings, limits: Limits, merge: str, result: Result, verdict: Verdict) -> None:
    """Explore `stretched` within a share of the budget, and note what breaks only there."""
    stretched = replace(settings, contract="stretched")
    seconds = None if limits.seconds is None else max(0.1, (limits.seconds - result.seconds) * _SHARE)
    budget = Limits(
        limits.states,
        limits.depth,
        seconds,
        runs=max(_WARNING_RUNS, int(result.executions * _SHARE)),
        steps=max(_WARNING_STEPS, int(result.steps * _SHARE)),
    )
    found = explore(fn, stretched, budget, merge=merge)
    if found.fence is not None:
        raise found.fence
    warnings, _ = _confirmed(fn, stretched, found, [*found.findings, *found.warnings], merge)
    verdict.warnings += [warning for warning in warnings if warning.contract == "stretched"]
    verdict.scope["warnings"] = {
        "contract": "stretched",
        "exhausted": not found.held_back and not found.findings,
        "executions": found.executions,
    }


def _reductions(settings: Settings, merge: str, search: str) -> list[str]:
    """Return the names of the reductions that the search used; `any` has no iterations to deliver late in."""
    reductions = ["counting-callbacks"] if settings.contract == "any" else ["late-delivery"]
    return [*reductions, *(["state-merging"] if merge != "off" else [])] if search == "exhaustive" else []


def _scope(settings: Settings, limits: Limits, merge: str, search: str, seed: int) -> dict[str, Any]:
    scope: dict[str, Any] = {
        "contract": settings.contract,
        "time": settings.time,
        "cancel": settings.cancel,
        "search": search,
        "merge": merge,
        "reductions": _reductions(settings, merge, search),
        "limits": {
            name: value
            for name, value in (
                ("max_states", limits.states),
                ("max_depth", limits.depth),
                ("timeout", limits.seconds),
                ("runs", limits.runs),
            )
            if value is not None
        },
        "versions": versions(),
    }
    if settings.ignore:
        scope["ignored"] = sorted(settings.ignore)
    if search != "exhaustive":
        scope["seed"] = seed
    if settings.forbid_leaked_tasks:
        scope["forbidden"] = ["leaked-tasks"]
    return scope
