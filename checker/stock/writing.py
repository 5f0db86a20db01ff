"""From a run on the simulated loop to the script of the same run on asyncio's.

`scheduling` decides after an iteration what had been taken in before it; the real loop takes it in first. So the events
that were chosen after an iteration are handed over at its beginning. Where nothing was ready the real loop waits in
`select()`, and what it takes in then is an iteration of its own.

A job of an executor is done at the last moment at which that gives the same order: right before the callback that follows
it, or, if an iteration begins first, while `select()` is waiting.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..events import Cancellation, Checkpoint, ExecutorJob, Handle, TimerHandle
from ..runtime import Run
from ..scheduling import is_idle
from .labels import Numbers, label_of
from .script import Event, Iteration, Job, Script, Step, TimerBirth

__all__ = ["ScriptWriter"]


class ScriptWriter:
    """Watches one run on the simulated loop, as its recorder, and writes the script."""

    def __init__(self) -> None:
        self.script = Script()
        self._tasks = Numbers()
        self._checkpoints = Numbers()
        self._jobs = Numbers()
        self._timer_numbers = Numbers()
        self._timers: dict[int, TimerHandle] = {}  # by number, those that have not fired
        self._done: list[Job] = []  # jobs whose place in the script is not known yet
        self._iteration: Iteration | None = None
        self._iterations = 0
        self._batch = 0  # the simulated loop's number of the iteration whose callbacks were last seen
        self._intake = -1  # and of the one after which events were last taken in
        self._event: str | None = None  # the label of the outside event whose callback is about to run

    def attach(self, run: Run) -> None:
        """Begin to watch: every task, checkpoint, job and timer from here on gets its number."""
        loop: Any = run.loop  # its methods are wrapped, for this run only
        run.perform_hooks.append(lambda event: self._performed(run, event))
        assert run.main is not None
        self._name(run.main)
        adopt, checkpoint, run_in_executor, add_timer = loop.adopt, loop.checkpoint, loop.run_in_executor, loop._add_timer

        def adopt_and_name(task: Any) -> None:
            self._name(task)
            adopt(task)

        def number_checkpoint() -> Any:
            future = checkpoint()
            self._checkpoints.add(future)
            return future

        def number_job(*args: Any) -> Any:
            future = run_in_executor(*args)
            self._jobs.add(future)
            return future

        def number_timer(when: float, *args: Any) -> Any:
            timer = add_timer(when, *args)
            if not loop.draining:
                self._timers[self._timer_numbers.add(timer)] = timer
                self.script.timers.append(TimerBirth(self._iterations - 1, when - loop.now))
            return timer

        loop.adopt, loop.checkpoint, loop.run_in_executor, loop._add_timer = adopt_and_name, number_checkpoint, number_job, number_timer

    def _name(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        self.script.names.append(asyncio.Task.get_name(task))

    # -- the recorder ---------------------------------------------------------------------------------------------------------------

    def chosen(self, run: Run, options: list[Any], index: int) -> None:
        """Keep the choices that steps make; those of the scheduler show in what happens."""
        if isinstance(options[0], int):
            self.script.choices.append((index, len(options)))

    def before(self, run: Run, handle: Handle) -> None:
        """Write a step down, and the iteration that it is the first of."""
        loop = run.loop
        if loop.draining:
            return
        if self._event is not None:
            label, self._event = self._event, None
        else:
            if loop.iteration != self._batch:
                self._write_jobs()
                self._begin(run)
            label = label_of(handle, self._tasks, self._timer_numbers) or ""
        self._write_jobs()
        assert self._iteration is not None
        self._iteration.clock = max(self._iteration.clock, loop.now)
        self.script.items.append(Step(label))

    def after(self, run: Run, handle: Handle) -> None:
        """Do nothing: what a step has done shows in what follows."""

    def note(self, text: str) -> None:
        """Do nothing: what the program says is not part of the script."""

    # -- outside events -------------------------------------------------------------------------------------------------------------

    def _performed(self, run: Run, event: object) -> None:
        """Give an outside event its place: the iteration before which the real loop takes it in."""
        loop = run.loop
        if loop.draining:
            return
        # The first event of this intake; a job done between two callbacks leaves its result in the queue: no idle intake follows.
        if self._intake != loop.iteration:
            self._intake = loop.iteration
            self._idle = is_idle(run)
        if isinstance(event, ExecutorJob):
            if not self._idle and loop.iteration != self._batch:  # before the first callback of an iteration
                self._write_jobs()
                self._begin(run)
            self._done.append(Job(self._jobs.of(event.future)))
            return
        if self._idle or self._iteration is None or loop.iteration != self._batch:
            self._begin(run)
            self._idle = False
        iteration = self._iteration
        assert iteration is not None
        if isinstance(event, TimerHandle):
            number = self._timer_numbers.of(event)
            del self._timers[number]
            iteration.fired.append(number)
            iteration.clock = max(iteration.clock, event._when)
            self._event = label_of(event, self._tasks, self._timer_numbers)
        elif isinstance(event, Checkpoint):
            self._take_in(iteration, Event("checkpoint", self._checkpoints.of(event.future)))
        elif isinstance(event, Cancellation):
            self._take_in(iteration, Event("cancel", self._tasks.of(event.task)))
        else:
            raise TypeError(f"cannot happen under stock: {event!r}")

    def _take_in(self, iteration: Iteration, event: Event) -> None:
        iteration.events.append(event)
        self._event = event.label

    def _begin(self, run: Run) -> None:
        """Begin an iteration of the real loop."""
        for number in [number for number, timer in self._timers.items() if timer._cancelled]:
            del self._timers[number]
        self._iteration = Iteration(run.loop.now, pending=list(self._timers))
        self._iterations += 1
        self._batch = run.loop.iteration
        self.script.items.append(self._iteration)

    def _write_jobs(self) -> None:
        self.script.items += self._done
        self._done.clear()
