"""What targets mean, found out before anything long starts: in a process of its own, since it imports the user's code.

Each target is resolved as `treadle check` and `treadle verify` would resolve it. What cannot be is refused, with the
line where it is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from treadle.model.models import FAMILIES

from ..errors import TreadleError, UsageError
from ..implementations import resolve as resolve_implementation
from ..targets import resolve as resolve_scenarios
from ..verification import PRIMITIVES, parse_rounds
from .jobs import Job, Planned, Refused
from .settings import BUDGET, KINDS, CheckTarget, ClausesTarget, ProveTarget, Target, VerifyTarget

__all__ = ["plan"]


def plan(targets: list[tuple[dict[str, Any], int]], say: Callable[[str, int], None]) -> Planned | Refused:
    """Return the jobs of all targets, or the first one that is refused. `say` is told which is being looked at."""
    planned = Planned([])
    for table, line in targets:
        kind = next(name for name in KINDS if name in table)
        target: Target = msgspec.convert(table, KINDS[kind])
        say(f"{kind} {table[kind]}", line)
        try:
            for job in _jobs_of(target, planned):
                job.number = len(planned.jobs)
                job.line = line
                planned.jobs.append(job)
        except TreadleError as error:
            return Refused(line, str(error))
    return planned


def _jobs_of(target: Target, planned: Planned) -> Iterator[Job]:
    match target:
        case CheckTarget():
            yield from _check(target)
        case VerifyTarget():
            yield from _verify(target)
        case ProveTarget():
            yield from _prove(target)
        case ClausesTarget():
            from .clausing import jobs_of_clauses, lint

            jobs, linked = jobs_of_clauses(target, len(planned.jobs))
            planned.clauses += linked
            if target.clauses is True and not planned.decided:
                planned.decided.append(lint())
            yield from jobs


def _check(target: CheckTarget) -> Iterator[Job]:
    options = _options(target, "check", "cancel") | {"cancel": target.cancel or 0}
    scenarios = resolve_scenarios(target.check)
    for scenario in scenarios:
        name = target.name if target.name and len(scenarios) == 1 else scenario.name
        yield _job(target, "check", name, scenario.name, options)


def _verify(target: VerifyTarget) -> Iterator[Job]:
    if target.verify not in (*PRIMITIVES, "all"):
        raise UsageError(f"unknown primitive {target.verify!r}; expected one of {', '.join(PRIMITIVES)}, all")
    parse_rounds(target.rounds)
    implementation = resolve_implementation(target.impl, None if target.verify == "all" else target.verify, target.stdlib_path)
    options = _options(target, "verify", "cancel", "rounds", "contract", "stdlib_path") | {
        "cancel": 1 if target.cancel is None else target.cancel,
        "rounds": str(target.rounds),
        "contract": target.contract or "stock",
        "stdlib_paths": target.stdlib_path,
    }
    names = PRIMITIVES if target.verify == "all" else (target.verify,)
    for primitive in names:
        if primitive in implementation.classes:
            name = f"{primitive} --impl {target.impl}"
            yield _job(target, "verify", target.name if target.name and len(names) == 1 else name, primitive, options)


def _prove(target: ProveTarget) -> Iterator[Job]:
    if target.prove not in (*FAMILIES, "all"):
        raise UsageError(f"there is no model {target.prove!r}; expected one of {', '.join(FAMILIES)}, all")
    names = list(FAMILIES) if target.prove == "all" else [target.prove]
    for model in names:
        yield _job(target, "prove", target.name if target.name and len(names) == 1 else f"model {model}", model, {})


_OF_THE_GATE = {"name", "budget", "max_memory", "step_timeout"}


def _options(target: Target, *without: str) -> dict[str, Any]:
    options = {field.name: getattr(target, field.name) for field in msgspec.structs.fields(target)}
    return {name: value for name, value in options.items() if name not in {*without, *_OF_THE_GATE}}


def _job(target: Target, kind: str, name: str, what: str, options: dict[str, Any]) -> Job:
    return Job(
        number=0,
        kind=kind,
        name=name,
        what=what,
        options=options,
        budget=target.budget or BUDGET,
        memory=target.max_memory,
        step_timeout=target.step_timeout,
    )
