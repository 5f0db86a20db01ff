"""What is seen while the gate runs: on a terminal what is under way, elsewhere a line for everything that ends.

A target that ends is printed for good at once, so that nothing is lost if the terminal is. What is left is estimated
from how long the targets took last time; of one that never ran nothing is known but its limit, and that is said.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..console import show
from ..outcomes import Outcome
from ..report import MARKS
from .jobs import Event, Job, Note, Tick

__all__ = ["Progress"]

_QUIET = 30.0  # seconds without a line after which a log is told what is running


class Progress:
    """Watches a run and shows it; a context manager. `times` is how many seconds each target took last time."""

    def __init__(self, console: Console, jobs: Sequence[Job], times: dict[str, float], processes: int) -> None:
        self._console = console
        self._jobs = jobs
        self._times = times
        self._processes = processes
        self._running: dict[int, tuple[Job, float, str]] = {}
        self._ended: dict[int, Outcome] = {}
        self._spoke = time.monotonic()
        self._lock = threading.Lock()
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def started(self, job: Job) -> None:
        """Show a job as running."""
        with self._lock:
            self._running[job.number] = (job, time.monotonic(), "starts")

    def heard(self, job: Job, event: Event) -> None:
        """Show how far it is."""
        if isinstance(event, Tick):
            figures = f": {event.runs:,} runs, {event.states:,} states, {event.left:,} choices left" if event.runs else ""
            with self._lock:
                if job.number in self._running:
                    self._running[job.number] = (job, self._running[job.number][1], event.phase + figures)
        elif isinstance(event, Note) and event.text.startswith(("still fails", "a stored schedule")):
            self._print(Text(f"  {job.name}: {event.text}"))
        if not self._console.is_terminal and time.monotonic() - self._spoke > _QUIET:
            names = ", ".join(f"{running.name} ({told})" for running, _, told in self._running.values())
            self._print(Text(f"… {self._count()}; running: {names}"))

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Print its line for good."""
        with self._lock:
            self._running.pop(job.number, None)
            self._ended[job.number] = outcome
        if job.kind != "clause" or outcome.verdict not in ("verified", "sampled"):
            self._print(line_of(outcome))

    def _print(self, renderable: RenderableType) -> None:
        self._spoke = time.monotonic()
        if self._console.is_terminal:
            self._live.console.print(renderable)
        else:
            show(self._console, renderable)
            self._console.file.flush()

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=3)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=4, style="dim")
        table.add_column(no_wrap=True, justify="right")
        table.expand = True
        now = time.monotonic()
        with self._lock:
            for job, since, told in self._running.values():
                table.add_row(Text(f"  {job.name}"), Text(told), Text(f"{now - since:.0f} s"))
        return Group(table, Text(f"  {self._count()}{self._left(now)} (Ctrl-C keeps what was found)", style="bold"))

    def _count(self) -> str:
        broken = sum(1 for outcome in self._ended.values() if outcome.verdict == "violated")
        return f"{len(self._ended)} of {len(self._jobs)} done" + (f", {broken} violated" if broken else "")

    def _left(self, now: float) -> str:
        """Say how long it may take yet, and how that is known."""
        with self._lock:
            open_jobs = [job for job in self._jobs if job.number not in self._ended]
            spent = {number: now - since for number, (_, since, _) in self._running.items()}
        if not open_jobs:
            return ""
        known = all(job.name in self._times for job in open_jobs)
        expected = [self._times[job.name] if known else job.budget for job in open_jobs]
        seconds = [max(0.0, each - spent.get(job.number, 0.0)) for job, each in zip(open_jobs, expected, strict=True)]
        left = max(max(seconds), sum(seconds) / self._processes)
        return f", about {left:.0f} s left, as last time" if known else f", at most {left:.0f} s left by its budgets"


def line_of(outcome: Outcome) -> RenderableType:
    """Return the line that says how a target ended, and below it why, if it is not verified."""
    mark, colour = MARKS[outcome.verdict]
    line = Text.assemble((f"{mark} {outcome.verdict:12}", f"bold {colour}"), f" {outcome.name}", (f"  {outcome.seconds:.1f} s", "dim"))
    if outcome.verdict == "verified" or not outcome.message:
        return line
    return Group(line, Padding(Text(outcome.message), (0, 0, 0, 4)))
