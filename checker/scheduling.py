"""The three contracts: what may happen next, and who is asked.

`stock` and `stretched` go in iterations, as asyncio's loop does: it takes outside events in, which queue their
callbacks behind what is ready, and runs everything in the queue. What is taken in before an iteration runs at its
end, and what runs before it cannot depend on it. So we decide later than the loop does: *after* an iteration we
choose which outside callbacks had been taken in before it, and run them there and then. That is the same sequence of
callbacks, with fewer choices made in vain. An event that came up during an iteration is too young to have been taken
in before it (`born`), unless nothing was ready: then the loop waits, and takes in what it likes. `any` has no
iterations: each choice is the next step.

*Late delivery.* A checkpoint that completes before an iteration that queues nothing, and touches nothing that the
checkpoint's callback touches, could as well complete after it. These options come last (`deferred_from` is the index
of the first) and are explored only after the iteration has turned out to queue something, which `Chooser.confirm`
says. Whether a cancellation, a timer or an executor's job comes early can always matter; so they are not deferred,
and where one of them follows a deferred event in the same intake, that pair is explored at once (`Then`).

*Within one intake* timers come after other events, as asyncio's loop has it, and in order of their deadlines. Under
virtual time the clock stands still while anything but a cancellation can happen; a timer whose deadline is not after
*now* is taken in without a choice, as asyncio's loop would, and equal deadlines come in any order.

Under `any`, callbacks that only count are run at once (`inert`).
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
from collections.abc import Callable
from typing import Any, TypeVar

from . import inert
from .events import RUN, Cancellation, Checkpoint, Delay, Delayed, ExecutorJob, Handle, OutsideEvent, Then, TimerHandle
from .loop import SimulatedLoop
from .runtime import Run

__all__ = ["CANCEL_MESSAGE", "drive", "drive_default", "finish_job", "is_idle", "is_stretchable", "perform", "run_outside"]

T = TypeVar("T")
_LOOKUP_EVERY = 64  # boundaries without a choice after which a state is looked up all the same: programs may loop without choices


def drive(run: Run) -> None:
    """Run until the main task is done, nothing can happen, or the run is halted."""
    if run.settings.contract == "any":
        _drive_any(run)
    else:
        _drive_iterations(run)


def _drive_iterations(run: Run) -> None:
    loop = run.loop
    ready = loop.ready
    execute = run.execute
    max_steps = run.settings.max_steps
    intake = Intake(run)
    quiet = run.settings.contract == "stock"
    while True:
        # A fast path for boundaries at which nothing but the next iteration is possible.
        if quiet and ready and not loop.outside and not loop.timers and not run.budget:
            intake.deferred = False
            if intake.is_known(1):
                return
        else:
            intake.take()
            if run.halted or run.deadlocked:
                return
        if run.stopping:
            return
        loop.iteration += 1
        threadsafe = False
        for _ in range(len(ready)):
            if loop.threadsafe:
                threadsafe = True
                _between_callbacks(run)
            handle = ready.popleft()
            if not handle._cancelled:
                execute(handle)
                if run.violation is not None or loop.fence is not None:
                    return
        if intake.deferred and (ready or run.stopping or threadsafe or intake.was_touched()):
            run.chooser.confirm()
        if run.steps > max_steps:
            run.depth_exceeded = True
            return


class Intake:
    """Takes outside events in between two iterations.

    `deferred` is whether the last choice deferred options.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.loop = run.loop
        self.virtual = run.settings.time == "virtual"
        self.stretched = run.settings.contract == "stretched"
        self.deferred = False
        self.newest = 0  # the number of the last timer that was made before this intake
        self._boring = 0
        self._inner = 0
        self._postponed: list[OutsideEvent] = []

    def is_known(self, options: int) -> bool:
        """Look the present state up if that may pay; return True, and cut the run, if everything from here on is known.

        It may pay where there is a choice, where a step has made one since the last time, and now and then in a
        program that loops without choices.
        """
        run = self.run
        run.boundaries += 1
        if run.circling is not None and run.circling.closes(run):
            return True
        if options > 1 or run.inner != self._inner or self._boring >= _LOOKUP_EVERY:
            self._boring = 0
            self._inner = run.inner
            if run.chooser.seen(run):
                run.cut = True
        else:
            self._boring += 1
        return run.cut

    def was_touched(self) -> bool:
        """Return True if the iteration has done something to an event that was deferred."""
        return any(isinstance(event, Checkpoint) and event.future.done() for event in self._postponed)

    def take(self) -> None:
        """Choose what is taken in, event by event, and run its callbacks, until the choice is to run the next iteration."""
        run = self.run
        loop = self.loop
        ready = loop.ready
        self.deferred = False
        _drop_dead_events(run)
        idle = is_idle(run)
        self.newest = loop.timers_created
        if idle and run.stable_hooks:
            _stable(run)
            if run.violation is not None:
                return
        first = True
        obliged = False  # an event was taken in only for the sake of another that must follow
        alone = False  # an event was taken in by itself: what must not be deferred comes before it or not at all
        delay_from = 0
        delaying = self.stretched
        timers_too = False  # a timer was taken in: nothing but timers may follow in this intake
        # At rest the clock may jump. A cancellation out of the budget may come in the same intake, before the timers.
        jump = self.virtual and idle and not loop.outside and not self._due(idle)
        while True:
            waits, strikes = self._pending(idle, jump, timers_too)
            go = bool(ready) or (self.virtual and bool(self._due(idle)))
            stuck = not (go or waits or strikes or run.stopping)
            if run.budget and not timers_too:
                strikes += [Cancellation(task) for task in loop.live_tasks() if task is not run.main]
            options: list[Any]
            deferred_from = 0
            if run.stopping or stuck:  # what was taken in before the last iteration still runs; there is no later
                options = [RUN, *waits, *strikes]
            elif obliged and strikes:
                options = [*strikes, *(Then(event) for event in waits)]
            elif go:
                options = [RUN, *(_delays(ready, delay_from) if delaying else ())]
                if not alone:
                    options += strikes
                    if strikes:
                        options += [Then(event) for event in waits]
                if waits:
                    deferred_from = len(options)
                    options += waits
            else:
                options = [*waits, *strikes]
            if first:
                first = False
                if self.is_known(len(options)):
                    return
            self.deferred = deferred_from > 0
            self._postponed = waits
            option = options[run.choose(options, deferred_from) if len(options) > 1 else 0]
            if option is RUN:
                if stuck:
                    run.deadlocked = True  # a cancellation could go on from here, but it need not come
                elif self.virtual and loop.timers:
                    self._take_due(idle)
                return
            if isinstance(option, Delay):
                delay_from = ready.index(option.handle)
                option.handle._delayed = True
                ready.remove(option.handle)
                loop.outside.append(Delayed(option.handle, loop.iteration))
                idle = not ready  # then the loop waits, and takes in what it likes
                continue
            delaying = False
            obliged = isinstance(option, Then)
            alone = not obliged and go and isinstance(option, (Checkpoint, Delayed))
            timers_too = isinstance(option, TimerHandle)
            perform(run, option.event if isinstance(option, Then) else option)
            if run.violation is not None or loop.fence is not None:
                return
            _drop_dead_events(run)
            if not (ready or obliged or (self.virtual and timers_too and self._due(idle))):
                self.deferred = False
                return  # the callback queued nothing: that was an iteration

    def _pending(self, idle: bool, jump: bool, timers_too: bool) -> tuple[list[OutsideEvent], list[Any]]:
        """Return the events that may be deferred, and the ones that may not (cancellations apart)."""
        loop = self.loop
        waits: list[OutsideEvent] = []
        strikes: list[Any] = []
        if not timers_too:
            for event in loop.outside:
                if isinstance(event, ExecutorJob):
                    strikes.append(event)
                elif idle or event.born < loop.iteration:  # type: ignore[attr-defined]
                    waits.append(event)
        if not self.virtual:
            strikes += [timer for timer in loop.timers if idle or timer.born < loop.iteration]
        elif jump and not timers_too:
            strikes += _earliest([timer for timer in loop.timers if timer.ordinal <= self.newest])
        return waits, strikes

    def _due(self, idle: bool) -> list[TimerHandle]:
        """Return the timers that the loop must have taken in before the last iteration, or, if it is idle, takes in now.

        One that a callback of this very intake has made is seen by the next.
        """
        return [timer for timer in _due(self.loop, idle) if timer.ordinal <= self.newest]

    def _take_due(self, idle: bool) -> None:
        """Run the timers that are due, in order of their deadlines; equal deadlines in any order."""
        run = self.run
        while due := self._due(idle):
            group = _earliest(due)
            index = run.choose(list(group)) if len(group) > 1 else 0
            perform(run, group[index])
            if run.violation is not None:
                return


def is_idle(run: Run) -> bool:
    """Return True if the loop has nothing to run, and waits: then it takes in what it likes, however young that is.

    A timer that was due before the last iteration runs at its end, as part of it.
    """
    loop = run.loop
    if loop.ready or run.stopping:
        return False
    return run.settings.time != "virtual" or not _due(loop, False)


def _drive_any(run: Run) -> None:
    loop = run.loop
    ready = loop.ready
    main = run.main
    assert main is not None
    virtual = run.settings.time == "virtual"
    max_steps = run.settings.max_steps
    intake = Intake(run)
    outside = loop.outside
    choose = run.choose
    execute = run.execute
    while not main.done():
        # A fast path for steps without an alternative.
        if len(ready) == 1 and not (outside or loop.timers or run.budget or ready[0]._cancelled):
            if intake.is_known(1):
                return
            execute(ready.popleft())
            if run.violation is not None or loop.fence is not None:
                return
            if run.steps > max_steps:
                run.depth_exceeded = True
                return
            continue
        _drop_dead_events(run)
        if len(ready) > 1 and (counting := inert.take(ready)) is not None:
            execute(counting)
            if run.violation is not None or loop.fence is not None:
                return
            continue
        options: list[Any] = list(ready)
        if not options and run.stable_hooks:
            _stable(run)
            if run.violation is not None:
                return
        if outside:
            options += outside
        if loop.timers:
            if not virtual:
                options += loop.timers
            elif options:
                options += _due(loop, True)
            else:
                options += _earliest(loop.timers)
        stuck = not options
        if run.budget:
            options += [Cancellation(task) for task in loop.live_tasks() if task is not main]
        if stuck:  # a cancellation could go on from here, but it need not come
            options.insert(0, RUN)
        if intake.is_known(len(options)):
            return
        index = choose(options) if len(options) > 1 else 0
        if options[index] is RUN:
            run.deadlocked = True
            return
        if index < len(ready):
            handle = ready[index]
            del ready[index]
            execute(handle)
        else:
            perform(run, options[index])
        if run.violation is not None or loop.fence is not None:
            return
        if run.steps > max_steps:
            run.depth_exceeded = True
            return


def drive_default(run: Run, until: Callable[[], bool]) -> bool:
    """Run in stock order, without choices, until `until()`; return False if nothing can happen before, or too many steps went by."""
    loop = run.loop
    limit = run.steps + run.settings.max_steps
    while not until():
        _drop_dead_events(run)
        while loop.outside:
            perform(run, loop.outside[0])
        if not loop.ready:
            if not loop.timers:
                return False
            perform(run, _earliest(loop.timers)[0])
        for _ in range(len(loop.ready)):
            handle = loop.ready.popleft()
            if not handle._cancelled:
                run.execute(handle)
        if run.steps > limit:
            return False
    return True


def perform(run: Run, event: object) -> None:
    """Let an outside event happen: run its callback now."""
    loop = run.loop
    for told in run.perform_hooks:
        told(event)
    if isinstance(event, TimerHandle):
        loop.timers.remove(event)
        run.fired.add(_kind(event))
        if event._when > loop.now:
            loop.now = event._when
        run.execute(event)
    elif isinstance(event, Checkpoint):
        loop.outside.remove(event)
        _outrun_timers(run)
        run.execute(Handle(_resolve, (event.future,), contextvars.copy_context()))
    elif isinstance(event, Delayed):
        loop.outside.remove(event)
        loop.ready.append(event.handle)
    elif isinstance(event, Cancellation):
        run.budget -= 1
        run.injected += 1
        for hook in run.cancel_hooks:
            hook(event.task)
        run.execute(Handle(event.task.cancel, (CANCEL_MESSAGE,), contextvars.copy_context()))
    elif isinstance(event, ExecutorJob):
        loop.outside.remove(event)
        loop.threadsafe = any(isinstance(other, ExecutorJob) for other in loop.outside)
        _outrun_timers(run)
        loop.call_soon(finish_job, event.future, *_run_job(event))
    else:
        raise TypeError(f"not an outside event: {event!r}")


def _outrun_timers(run: Run) -> None:
    """Take note of the timers that would have fired if the outside event that happens now had taken longer."""
    if run.loop.timers and not run.loop.draining:
        run.outrun.update(map(_kind, run.loop.timers))


def _kind(timer: TimerHandle) -> str:
    """Tell timers of a sleep, a timeout and a callback of the program's own apart."""
    return getattr(timer._callback, "__qualname__", type(timer._callback).__qualname__)


CANCEL_MESSAGE = "treadle"


def _resolve(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)


def _run_job(job: ExecutorJob) -> tuple[Any, BaseException | None]:
    try:
        return run_outside(lambda: job.context.run(job.function, *job.args)), None
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        return None, error


def run_outside(function: Callable[[], T]) -> T:
    """Run a function as another thread would: without a running loop."""
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return function()
    finally:
        asyncio._set_running_loop(loop)


def finish_job(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    """Hand a job's result over to the future that stands for it, unless that was cancelled meanwhile."""
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, asyncio.CancelledError):
        future.cancel()
    else:
        future.set_exception(error)


def _between_callbacks(run: Run) -> None:
    """Results of executors may arrive between two callbacks of one iteration."""
    while True:
        jobs = [event for event in run.loop.outside if isinstance(event, ExecutorJob)]
        if not jobs:
            return
        options: list[OutsideEvent] = [RUN, *jobs]
        index = run.choose(options)
        if index == 0:
            return
        perform(run, options[index])


def _drop_dead_events(run: Run) -> None:
    """Forget checkpoints whose future is done (its waiter was cancelled, so nobody listens) and cancelled timers and callbacks."""
    loop = run.loop
    ready = loop.ready
    for handle in ready:
        if handle._cancelled:  # the state with it and the one without it must not be two that look alike
            kept_handles = [kept for kept in ready if not kept._cancelled]
            ready.clear()
            ready.extend(kept_handles)
            break
    outside = loop.outside
    if outside:
        for event in outside:
            if isinstance(event, Checkpoint) and event.future.done():
                outside[:] = [
                    kept for kept in outside if not (isinstance(kept, Checkpoint) and kept.future.done())
                ]
                break
    timers = loop.timers
    if timers:
        for timer in timers:
            if timer._cancelled:
                timers[:] = [kept for kept in timers if not kept._cancelled]
                break


def _stable(run: Run) -> None:
    """Call the hooks for stable states, if this is one."""
    loop = run.loop
    if loop.timers or any(not isinstance(event, Checkpoint) for event in loop.outside):
        return
    for hook in run.stable_hooks:
        hook()


def _due(loop: SimulatedLoop, idle: bool) -> list[TimerHandle]:
    """Return the timers that are due, and not younger than the last iteration unless the loop is idle."""
    now = loop.now
    return [timer for timer in loop.timers if timer._when <= now and (idle or timer.born < loop.iteration)]


def _earliest(timers: list[TimerHandle]) -> list[TimerHandle]:
    """Return the timers with the earliest deadline, in order of creation."""
    if not timers:
        return []
    first = min(timer._when for timer in timers)
    return [timer for timer in timers if timer._when == first]


def _delays(ready: Any, start: int) -> list[Delay]:
    """Return the decisions to delay a task start or a bare yield that is in the queue at `start` or later."""
    found = []
    for position, handle in enumerate(ready):
        if position >= start and not handle._delayed and is_stretchable(handle):
            found.append(Delay(handle))
    return found


def is_stretchable(handle: Handle) -> bool:
    """Return True for the start of a task and for a bare yield: what asyncio's C task queues by itself, without an error."""
    callback = handle._callback
    return type(callback).__name__ == "TaskStepMethWrapper" and not any(
        isinstance(referent, BaseException) for referent in gc.get_referents(callback)
    )
