"""The three contracts: what may happen next, and who is asked.

`stock` and `stretched` go in iterations, as asyncio's loop does: an *intake*, in which outside events queue their callbacks, then every callback that is
in the queue. An intake is a sequence of choices: take one more event in, or run. `any` has no iterations: each choice is the next step.

*Late delivery.* An event taken in before an iteration that queues nothing new gives the same sequence of callbacks as the same event taken in
after it. So the options of an intake that take an event in although the loop could run (`deferred_from` is the index of the first) are explored
only after the iteration has turned out to queue something, which `Chooser.confirm` says.

*Within one intake* timers come after other events, as asyncio's loop has it, and in order of their deadlines. Under virtual time the
clock stands still while anything but a cancellation can happen; a timer whose deadline is not after *now* is taken in at the next intake without a
choice, as asyncio's loop would, and equal deadlines come in any order.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

from .events import RUN, Cancellation, Checkpoint, Delay, Delayed, ExecutorJob, Handle, OutsideEvent, TimerHandle
from .runtime import Run

__all__ = ["deliver", "drive", "drive_default", "is_stretchable"]

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
    deferred = False
    boring = 0
    while True:
        # A fast path for boundaries at which nothing but the next iteration is possible.
        if ready and not loop.outside and not loop.timers and not run.budget and run.settings.contract == "stock":
            boring += 1
            if boring >= _LOOKUP_EVERY:
                boring = 0
                if run.chooser.seen(run):
                    run.cut = True
                    return
        else:
            asked, deferred = _intake(run, boring)
            boring = 0 if asked else boring + 1
            if run.halted or run.deadlocked:
                return
        for _ in range(len(ready)):
            if loop.threadsafe and any(isinstance(event, ExecutorJob) for event in loop.outside):
                deferred = False
                _between_callbacks(run)
            handle = ready.popleft()
            if not handle._cancelled:
                execute(handle)
                if run.violation is not None or loop.fence is not None:
                    return
        if deferred and (ready or run.stopping):
            run.chooser.confirm()
        deferred = False
        if run.stopping:
            return
        if run.steps > max_steps:
            run.depth_exceeded = True
            return


def _intake(run: Run, boring: int) -> tuple[bool, bool]:
    """Take outside events in. Return whether there was a choice, and whether the last one was deferred."""
    loop = run.loop
    ready = loop.ready
    settings = run.settings
    virtual = settings.time == "virtual"
    stretched = settings.contract == "stretched"
    _drop_dead_events(run)
    timers_too = False  # a timer was taken in: nothing but timers may follow in this intake
    delay_from = 0
    taken = False
    first = True
    if not ready and run.stable_hooks:
        _stable(run)
        if run.violation is not None:
            return False, False
    # At rest the clock may jump. A cancellation out of the budget may come in the same intake, before the timers.
    jump = virtual and not ready and not loop.outside and not _due(run)
    while True:
        options: list[Any] = [RUN] if ready or (virtual and _due(run)) else []
        deferred_from = 1
        if stretched and not taken:
            delays = _delays(ready, delay_from)
            options += delays
            deferred_from += len(delays)
        if not timers_too:
            options += loop.outside
        if not virtual:
            options += loop.timers
        elif jump and not timers_too:
            options += _earliest(loop.timers)
        if not options:
            run.deadlocked = True  # only a cancellation, which need not come, could go on from here
            return False, False
        if run.budget and not timers_too:
            options += [Cancellation(task) for task in loop.live_tasks() if task is not run.main]
        asked = len(options) > 1 or boring >= _LOOKUP_EVERY
        if first and asked:
            first = False
            if run.chooser.seen(run):
                run.cut = True
                return True, False
        deferred = False
        if len(options) == 1:
            index = 0
        elif options[0] is RUN:
            deferred = deferred_from < len(options)
            index = run.choose(options, deferred_from)
        else:
            index = run.choose(options)
        option = options[index]
        if option is RUN:
            if virtual and loop.timers:
                _take_due(run)
            return not first, deferred
        if isinstance(option, Delay):
            delay_from = ready.index(option.handle)
            option.handle._delayed = True
            ready.remove(option.handle)
            loop.outside.append(Delayed(option.handle))
            continue
        taken = True
        if isinstance(option, TimerHandle):
            timers_too = True
        deliver(run, option)


def _drive_any(run: Run) -> None:
    loop = run.loop
    ready = loop.ready
    main = run.main
    assert main is not None
    virtual = run.settings.time == "virtual"
    max_steps = run.settings.max_steps
    boring = 0
    outside = loop.outside
    choose = run.choose
    execute = run.execute
    while not main.done():
        options: list[Any] = list(ready)
        for handle in options:
            if handle._cancelled:
                options = [handle for handle in options if not handle._cancelled]
                ready.clear()
                ready.extend(options)
                break
        if outside or loop.timers:
            _drop_dead_events(run)
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
                options += _due(run)
            else:
                options += _earliest(loop.timers)
        if not options:
            run.deadlocked = True
            return
        if run.budget:
            options += [Cancellation(task) for task in loop.live_tasks() if task is not main]
        index = 0
        if len(options) > 1 or boring >= _LOOKUP_EVERY:
            boring = 0
            if run.chooser.seen(run):
                run.cut = True
                return
            if len(options) > 1:
                index = choose(options)
        else:
            boring += 1
        if index < len(ready):
            handle = ready[index]
            del ready[index]
        else:
            deliver(run, options[index])
            handle = ready.pop()
        execute(handle)
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
            deliver(run, loop.outside[0])
        if not loop.ready:
            if not loop.timers:
                return False
            deliver(run, _earliest(loop.timers)[0])
        for _ in range(len(loop.ready)):
            handle = loop.ready.popleft()
            if not handle._cancelled:
                run.execute(handle)
        if run.steps > limit:
            return False
    return True


def deliver(run: Run, event: object) -> None:
    """Let an outside event queue its callback at the end of the ready queue."""
    loop = run.loop
    if isinstance(event, TimerHandle):
        loop.timers.remove(event)
        if event._when > loop.now:
            loop.now = event._when
        loop.ready.append(event)
    elif isinstance(event, Checkpoint):
        loop.outside.remove(event)
        loop.call_soon(_resolve, event.future)
    elif isinstance(event, Delayed):
        loop.outside.remove(event)
        loop.ready.append(event.handle)
    elif isinstance(event, Cancellation):
        run.budget -= 1
        run.injected += 1
        loop.call_soon(event.task.cancel, CANCEL_MESSAGE)
    elif isinstance(event, ExecutorJob):
        loop.outside.remove(event)
        loop.threadsafe = any(isinstance(other, ExecutorJob) for other in loop.outside)
        loop.call_soon(_finish_job, event.future, *_perform(event))
    else:
        raise TypeError(f"not an outside event: {event!r}")


CANCEL_MESSAGE = "treadle"


def _resolve(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)


def _perform(job: ExecutorJob) -> tuple[Any, BaseException | None]:
    """Run an executor's job, as another thread would: without a running loop, in a context of its own."""
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return job.context.run(job.function, *job.args), None
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        return None, error
    finally:
        asyncio._set_running_loop(loop)


def _finish_job(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
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
        deliver(run, options[index])


def _drop_dead_events(run: Run) -> None:
    """Forget checkpoints whose future is done (its waiter was cancelled, so nobody listens) and cancelled timers and callbacks."""
    loop = run.loop
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


def _due(run: Run) -> list[TimerHandle]:
    now = run.loop.now
    return [timer for timer in run.loop.timers if timer._when <= now]


def _earliest(timers: list[TimerHandle]) -> list[TimerHandle]:
    """Return the timers with the earliest deadline, in order of creation."""
    if not timers:
        return []
    first = min(timer._when for timer in timers)
    return [timer for timer in timers if timer._when == first]


def _take_due(run: Run) -> None:
    """Take in the timers that are due, in order of their deadlines; equal deadlines in any order."""
    while due := _due(run):
        group = _earliest(due)
        index = run.choose(list(group)) if len(group) > 1 else 0
        deliver(run, group[index])


def _delays(ready: Any, start: int) -> list[Delay]:
    """Return the decisions to delay a task start or a bare yield that is in the queue at `start` or later."""
    found = []
    for position, handle in enumerate(ready):
        if position >= start and not handle._delayed and is_stretchable(handle):
            found.append(Delay(handle))
    return found


def is_stretchable(handle: Handle) -> bool:
    """Return True for the start of a task and for a bare yield: the steps that asyncio's C task queues by itself, without a future or an error."""
    callback = handle._callback
    return type(callback).__name__ == "TaskStepMethWrapper" and not any(
        isinstance(referent, BaseException) for referent in gc.get_referents(callback)
    )
