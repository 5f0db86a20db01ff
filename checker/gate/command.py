"""`treadle gate`: collects options, runs everything, and says it in every way that was asked for."""

from __future__ import annotations

import asyncio
import datetime
import fnmatch
import linecache
import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from .. import cli_options as options
from ..blame import Place
from ..console import make_console, show, write_json
from ..errors import UsageError
from ..outcomes import Outcome, worst_of
from ..reports import one_standard_output, write_reports
from ..verdict import EXIT_CODES
from . import github
from .children import Child
from .clausing import judged
from .documents import gate_document
from .jobs import Asked, Job, Linked, Planned, Refused
from .known import excuse, expect
from .live import Progress
from .scheduler import Run, run_jobs
from .settings import GateError, Settings, load
from .store import Store
from .summary import render_details, render_summary

__all__ = ["gate"]

_IMPORTING = 60.0  # seconds that importing all targets may take


def gate(
    only: Annotated[
        list[str] | None, typer.Argument(help="Names or patterns of targets; all by default.", metavar="[TARGET]...", show_default=False)
    ] = None,
    config: Annotated[Path, typer.Option("--config", help="The TOML file with the table tool.treadle.")] = Path("pyproject.toml"),
    jobs: Annotated[int, typer.Option("--jobs", help="Processes at a time; 0 is one a processor.")] = 0,
    budget: Annotated[
        float | None, typer.Option("--budget", help="Limit on time for everything, in seconds.", show_default=False)
    ] = None,
    max_memory: Annotated[
        int | None, typer.Option("--max-memory", help="Limit on the memory of each process, in MB.", show_default=False)
    ] = None,
    faults: Annotated[
        bool, typer.Option("--faults", help="Show instead that every clause of treadle's own catches the faults made for it.")
    ] = False,
    allow_bounded: options.AllowBounded = False,
    json: options.JsonFile = None,
    junit: options.JunitFile = None,
    sarif: options.SarifFile = None,
) -> None:
    """Check everything that the table tool.treadle of pyproject.toml lists."""
    console = make_console(to_stderr=one_standard_output(json=json, junit=junit, sarif=sarif))
    if faults:
        raise typer.Exit(_faults(console, jobs or os.cpu_count() or 1, only or [], json))
    settings = load(config)
    planned = _planned(settings)
    todo, clauses = _chosen(planned, only or [])
    expect(settings, planned.jobs, [linked.name for linked in planned.clauses])
    store = Store(settings.store)
    store.prepare()
    for job in todo:
        job.stored = [str(path) for path in store.failing(job.name)]
        job.memory = max_memory or job.memory or settings.max_memory
    processes = jobs or settings.jobs or os.cpu_count() or 1
    root = Path.cwd()
    times = store.times()
    # What failed last time comes first, since whoever mends it waits for just that; then what takes longest.
    order = sorted(todo, key=lambda job: (not job.stored, -times.get(job.name, 0.0)))
    with Progress(console, todo, times, processes) as progress:
        run = run_jobs(order, _Keeper(progress, store), processes, budget or settings.budget)
    for job in todo:
        run.outcomes[job.number].listed = _listed(settings, job)
    outcomes = [run.outcomes[job.number] for job in todo if job.kind != "clause"]
    if clauses:
        outcomes += judged(clauses, {job.number: job for job in todo}, run.outcomes)
    if not only:
        outcomes += planned.decided
    remarks = excuse(settings, outcomes, datetime.date.today())
    allowed = allow_bounded or settings.allow_bounded
    verdict = worst_of([outcome.counted for outcome in outcomes])
    if json is not None:
        write_json(gate_document(outcomes, root, verdict, run.seconds, remarks, run.cut), json)
    write_reports(outcomes, allowed, junit, sarif, "treadle gate")
    github.write_step_summary(github.step_summary(outcomes, root, verdict, run.seconds, remarks))
    _show(console, outcomes, root, store, verdict, run, remarks)  # after the files: whoever reads it may stop reading
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in github.annotate(outcomes, root, allowed):
            console.file.write(line + "\n")
    code = EXIT_CODES[verdict]
    raise typer.Exit(0 if code == 3 and allowed else code)


def _faults(console: Console, jobs: int, only: list[str], json: str | None) -> int:
    """Hold faults to clauses, and return the exit code."""
    from .faults import matrix_document, render_matrix, run_faults, verdict_of

    matrix, count = run_faults(console, jobs, only)
    if json is not None:
        write_json(matrix_document(matrix, count), json)
    show(console, render_matrix(matrix, count))
    return EXIT_CODES[verdict_of(matrix, count)]


def _planned(settings: Settings) -> Planned:
    """Find out what the targets mean, in a process of its own: their files may do anything when they are imported."""
    tables = [(msgspec.to_builtins(target), line) for target, line in settings.targets]

    async def ask() -> Planned | Refused:
        async with Child() as child:
            return await child.plan(Asked(tables), _IMPORTING)

    answer = asyncio.run(ask())
    if isinstance(answer, Refused):
        raise GateError(f"{settings.file}:{answer.line}: {answer.message}")
    return _unique(answer, settings)


def _unique(planned: Planned, settings: Settings) -> Planned:
    """Refuse targets that reports and known violations could not tell apart."""
    seen: dict[str, Job] = {}
    for job in planned.jobs:
        if job.name in seen:
            raise GateError(
                f"{settings.file}:{job.line}: {job.name} is listed twice (also in line {seen[job.name].line}); "
                'give one of the two another name, as in { check = "…", name = "…" }'
            )
        seen[job.name] = job
    return planned


def _chosen(planned: Planned, only: list[str]) -> tuple[list[Job], list[Linked]]:
    """Return the jobs and the clauses that the patterns name; all of them without patterns."""
    names = [*(job.name for job in planned.jobs if job.kind != "clause"), *(linked.name for linked in planned.clauses)]
    for pattern in only:
        if not fnmatch.filter(names, pattern):
            raise UsageError(f"no target is called {pattern!r}; the targets are {', '.join(names)}")

    def wanted(name: str) -> bool:
        return not only or any(fnmatch.fnmatch(name, pattern) for pattern in only)

    clauses = [linked for linked in planned.clauses if wanted(linked.name)]
    evidence = {number for linked in clauses for number in linked.jobs}
    jobs = [job for job in planned.jobs if (job.number in evidence if job.kind == "clause" else wanted(job.name))]
    return jobs, clauses


def _listed(settings: Settings, job: Job) -> Place:
    """Return the line where the target of a job is listed."""
    file = str(settings.file.resolve())
    return Place(file, job.line, source=linecache.getline(file, job.line).strip())


class _Keeper:
    """Passes on what happens, and keeps failing schedules as soon as they are known."""

    def __init__(self, progress: Progress, store: Store) -> None:
        self._progress = progress
        self._store = store

    def started(self, job: Job) -> None:
        self._progress.started(job)

    def heard(self, job: Job, event: Any) -> None:
        if path := getattr(event, "forget", ""):
            self._store.forget(path)
        self._progress.heard(job, event)

    def ended(self, job: Job, outcome: Outcome) -> None:
        if job.kind != "clause":
            self._store.keep(outcome)
        self._store.keep_times([outcome])
        self._progress.ended(job, outcome)


def _show(console: Console, outcomes: list[Outcome], root: Path, store: Store, verdict: str, run: Run, remarks: list[str]) -> None:
    show(console, "")
    for outcome in outcomes:
        if outcome.verdict != "verified" or outcome.broken:
            kept = store.failing(outcome.name) if outcome.violations else []
            show(console, render_details(outcome, root, kept))
    show(console, render_summary(outcomes, verdict, run.seconds, remarks))

