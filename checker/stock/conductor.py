"""Plays a script on asyncio's own loop, and notices the first callback that is another one.

The loop asks twice in every iteration: `select()` for outside events, and its ready queue for each callback. At both
moments the conductor looks what the script says. It hands events over, lets jobs be done, checks the invariants after each
callback, and never changes the order of anything. What departs from the script ends the run.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable
from typing import Any

from ..runtime import Run, describe_told
from ..scheduling import CANCEL_MESSAGE
from ..scheduling import _resolve as resolve
from .labels import Delivery, Numbers, label_of
from .readings import Readings
from .script import Event, Item, Iteration, Job, Script, Step

__all__ = ["Conductor", "Departed", "Halted", "ReadyQueue", "ScriptedSelector", "Stuck"]


class Halted(BaseException):
    """The run is over: a property is violated, or nothing can happen any more."""


class Stuck(BaseException):
    """Nothing can happen any more while the loop is being wound up."""


class Departed(BaseException):
    """asyncio's loop does something else than the script says, at step `step` (counted from 1)."""

    def __init__(self, step: int, expected: str, found: str) -> None:
        super().__init__(f"step {step}: the simulation had {expected}, asyncio's loop has {found}")
        self.step = step


class ScriptedSelector(selectors.SelectSelector):
    """A selector that waits for nothing: what it reports is what the conductor hands over."""

    take_in: Callable[[], list[Any]]

    def select(self, timeout: float | None = None) -> list[Any]:
        """Report the next events, whatever the timeout: time is the conductor's."""
        return self.take_in()


class ReadyQueue(deque[Any]):
    """The loop's ready queue; says what it hands out."""

    conductor: Conductor

    def popleft(self) -> Any:
        """Hand the first callback out."""
        self.conductor.before_callback(self[0])
        handle = super().popleft()
        self.conductor.callback(handle)
        return handle


class Conductor:
    """Plays `script`. `tasks` and `timers` number the program's; `checkpoints` and `jobs` are what the program waits for, by number.

    With `observed` off it is asked by `select()` alone: events are handed over, callbacks are not looked at.
    """

    def __init__(self, script: Script, run: Run, loop: asyncio.SelectorEventLoop, readings: Readings, observed: bool = True) -> None:
        self.script = script
        self.observed = observed
        self.run = run
        self.loop = loop
        self.readings = readings
        self.tasks = Numbers()
        self.timers = Numbers()
        self.find_task: Callable[[int], asyncio.Task[Any] | None] = lambda number: None
        self.checkpoints: list[asyncio.Future[Any]] = []
        self.jobs: list[Callable[[], None] | None] = []
        self.position = 0
        self.steps = 0
        self.steps_when_draining = 0
        self.draining = False
        self.departed: Departed | None = None  # what a callback noticed: an exception would not get out of it
        self.running = False  # a callback has begun, and nobody has looked at what it did

    # -- the loop's two questions -----------------------------------------------------------------------------------------------------

    def take_in(self) -> list[Any]:
        """Answer `select()`."""
        self.look()
        if self.draining:
            return self._drain()
        ready: Any = self.loop._ready  # type: ignore[attr-defined]
        idle = all(handle._cancelled for handle in ready)
        if idle:
            self._rest()
        self._do_jobs()
        item = self._next()
        if isinstance(item, Iteration):
            self.position += 1
            self.readings.begin(item)
            return [self._deliver(event) for event in item.events]
        if item is not None:
            raise Departed(self.steps + 1, f"“{_words(item)}”", "the end of the iteration")
        self._close_loop()
        if not all(handle._cancelled for handle in ready):
            raise self._goes_on(next(handle for handle in ready if not handle._cancelled))
        if not ready:
            if self._timers() or self._open_checkpoints() or any(self.jobs):
                raise Departed(self.steps + 1, "the end", "something that could still happen")
            self.run.deadlocked = True
            raise Halted
        return []

    def before_callback(self, handle: Any) -> None:
        """Look at what the last callback did, and let the jobs be done that come before the next one."""
        self.look()
        if not (self.draining or handle._cancelled or label_of(handle, self.tasks, self.timers) is None):
            self._do_jobs()

    def callback(self, handle: Any) -> None:
        """A callback is about to run: it must be the one of the script."""
        if handle._cancelled:
            return
        label = label_of(handle, self.tasks, self.timers)
        if label is None:
            return
        self.steps += 1
        self.run.steps += 1
        self.running = True
        self.readings.computing = True
        if self.draining:
            return
        item = self._next()
        if item is None:
            self._close_loop()
            raise self._goes_on(handle)
        if not isinstance(item, Step) or item.label != label:
            raise Departed(self.steps, f"“{_words(item)}”", f"“{label}”")
        self.position += 1

    def look(self) -> None:
        """Look at what the last callback did: check the invariants, and end the run if a property is violated.

        Raises:
            Halted: if nothing more of this run may be executed.
        """
        if self.observed and not self.running:
            return
        self.running = False
        if self.draining:
            return
        if self.departed is not None:
            raise self.departed
        run = self.run
        for predicate, property, message in run.invariants:
            if not predicate():
                run.violate(property, message)
        # What is told when an object dies may be told earlier here: the simulated loop holds tasks a little longer.
        if run.loop.told and run.violation is None and self.at_end:
            run.violate("no-unhandled-exception", describe_told(run.loop.told[0]))
        if run.violation is not None or run.loop.fence is not None:
            raise Halted

    # -- the script -------------------------------------------------------------------------------------------------------------------

    @property
    def at_end(self) -> bool:
        """True when the whole script has been played."""
        return self._next() is None

    def _next(self) -> Item | None:
        items = self.script.items
        while not self.observed and self.position < len(items) and isinstance(items[self.position], Step):
            self.position += 1
        return None if self.position == len(items) else items[self.position]

    def _close_loop(self) -> None:
        """End a run that was to go round a loop: the script goes once round it, and ends in the state in which it began."""
        if self.run.settings.lasso is not None:
            self.run.violate("progress", "")
            raise Halted

    def _goes_on(self, handle: Any) -> Departed:
        return Departed(self.steps + 1, "its end", f"“{label_of(handle, self.tasks, self.timers)}”")

    def _do_jobs(self) -> None:
        while isinstance(item := self._next(), Job):
            self.position += 1
            self._do_job(item.number)

    def _do_job(self, number: int) -> None:
        job = self.jobs[number] if number < len(self.jobs) else None
        if job is None:
            raise Departed(self.steps + 1, f"job {number} of an executor", "no such job")
        self.jobs[number] = None
        job()

    def _deliver(self, event: Event) -> Any:
        if event.kind == "checkpoint":
            if not 0 <= event.number < len(self.checkpoints):
                raise Departed(self.steps + 1, f"“{event.label}”", "no such checkpoint")
            future = self.checkpoints[event.number]
            return self._report(event.label, lambda: resolve(future))
        return self._report(event.label, lambda: self._strike(event))

    def _strike(self, event: Event) -> None:
        """Cancel a task; as in a signal's handler, which task is found out now, and it may be younger than the signal."""
        task = self.find_task(event.number)
        if task is None:
            self.departed = Departed(self.steps, f"“{event.label}”", "no such task")
            return
        self.run.injected += 1
        for hook in self.run.cancel_hooks:
            hook(task)
        task.cancel(CANCEL_MESSAGE)

    def _report(self, label: str, action: Callable[[], None]) -> Any:
        """Return an event as selectors report it: the loop queues its callback, as that of a socket which can be read."""
        handle = asyncio.Handle(Delivery(label, action), (), self.loop)
        return selectors.SelectorKey(-1, -1, selectors.EVENT_READ, (handle, None)), selectors.EVENT_READ

    # -- at rest, and at the end ------------------------------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Call the hooks for stable states, if this is one."""
        if self._timers() or any(self.jobs):
            return
        for hook in self.run.stable_hooks:
            hook()
        if self.run.violation is not None:
            raise Halted

    def _timers(self) -> list[Any]:
        scheduled: list[Any] = self.loop._scheduled  # type: ignore[attr-defined]
        return [timer for timer in scheduled if not timer._cancelled]

    def _open_checkpoints(self) -> list[asyncio.Future[Any]]:
        return [future for future in self.checkpoints if not future.done()]

    def _drain(self) -> list[Any]:
        """While the loop is wound up everything that can happen happens at once."""
        for number, job in enumerate(self.jobs):
            if job is not None:
                self._do_job(number)
        events = [self._report("", lambda future=future: resolve(future)) for future in self._open_checkpoints()]  # type: ignore[misc]
        if not (events or self.loop._ready):  # type: ignore[attr-defined]
            if not (timers := self._timers()):
                raise Stuck
            self.readings.jump(min(timer._when for timer in timers))
        if self.steps > self.steps_when_draining + self.run.settings.max_steps:
            raise Stuck
        return events

    def begin_draining(self) -> None:
        """From here on there is no script: the program is done, and what is left is cancelled."""
        self.look()
        self.draining = True
        self.steps_when_draining = self.steps


def _words(item: Item | None) -> str:
    if isinstance(item, Step):
        return item.label
    return "the next iteration" if isinstance(item, Iteration) else "a job of an executor"
