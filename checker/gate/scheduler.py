"""All jobs, a few at a time, to the end: after a failure, a crash, and, with what is known by then, after a Ctrl-C.

The first interrupt (Ctrl-C, or the SIGTERM of a CI server that runs out of patience) and the end of the budget of time
do the same: what runs may end with what it has found, what has not begun is reported as that. A second interrupt
stops at once.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from ..outcomes import EVIDENCE, Outcome
from .children import Child
from .jobs import Event, Job

__all__ = ["Run", "Watcher", "run_jobs"]


class Watcher(Protocol):
    """Who is told how it goes."""

    def started(self, job: Job) -> None:
        """A job has begun."""

    def heard(self, job: Job, event: Event) -> None:
        """The process that does a job says something."""

    def ended(self, job: Job, outcome: Outcome) -> None:
        """A job is done, or its process is dead."""


class Run:
    """The outcomes of a run, by the numbers of their jobs; `cut` says why it ended early, empty if it did not."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.cut = ""
        self.seconds = 0.0


def run_jobs(jobs: Sequence[Job], watcher: Watcher, processes: int, budget: float | None = None) -> Run:
    """Do the jobs in this order, `processes` of them at a time, and return the outcome of each.

    `budget` is in seconds, for all of them together.
    """
    return asyncio.run(_Scheduler(jobs, watcher, budget).run(processes))


class _Scheduler:
    def __init__(self, jobs: Sequence[Job], watcher: Watcher, budget: float | None) -> None:
        self._jobs = list(jobs)
        self._waiting = list(jobs)
        self._watcher = watcher
        self._budget = budget
        self._children: set[Child] = set()
        self._result = Run()

    async def run(self, processes: int) -> Run:
        """Run all, and wind up."""
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        main = asyncio.current_task()
        assert main is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError, ValueError):  # not every system, and not outside the main thread
                loop.add_signal_handler(number, self._interrupt, main)
        alarm = loop.call_later(self._budget, self._cut, f"the budget of {self._budget:g} seconds was over") if self._budget else None
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(processes, len(self._jobs))):
                    group.create_task(self._work())
        except asyncio.CancelledError:
            main.uncancel()
        if alarm is not None:
            alarm.cancel()
        for job in self._jobs:
            if job.number not in self._result.outcomes:
                message = f"not decided: {self._result.cut or 'it was not begun'}"
                self._end(job, Outcome(job.name, job.kind, "inconclusive", message, EVIDENCE.get(job.kind, job.kind), reasons=[message]))
        self._result.seconds = time.monotonic() - started
        return self._result

    async def _work(self) -> None:
        """Do one job after another. A process is kept only for jobs that know nothing of the user's code."""
        child: Child | None = None
        try:
            while self._waiting and not self._result.cut:
                job = self._waiting.pop(0)
                if child is not None and not (child.alive and job.shares):
                    await self._dismiss(child)
                    child = None
                self._watcher.started(job)
                if child is None:
                    child = await Child().__aenter__()
                    self._children.add(child)
                    if self._result.cut:
                        return
                outcome = await child.perform(job, lambda event, job=job: self._watcher.heard(job, event))  # type: ignore[misc]
                self._end(job, outcome)
                if not job.shares:
                    await self._dismiss(child)
                    child = None
        finally:
            if child is not None:
                await self._dismiss(child)

    def _end(self, job: Job, outcome: Outcome) -> None:
        self._result.outcomes[job.number] = outcome
        self._watcher.ended(job, outcome)

    async def _dismiss(self, child: Child) -> None:
        self._children.discard(child)
        await child.__aexit__(None, None, None)

    def _interrupt(self, main: asyncio.Task[object]) -> None:
        if self._result.cut.startswith("interrupted"):
            main.cancel()
        else:
            self._cut("interrupted")

    def _cut(self, why: str) -> None:
        self._result.cut = why
        for child in self._children:
            child.stop()
