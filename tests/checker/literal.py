"""asyncio's loop to the letter: outside events are taken in *before* an iteration and their callbacks run at its end.

A cancellation is the callback of an outside event, too: whom it strikes it looks up when it runs, as a signal handler would.

The scheduler under test decides after the iteration instead, and defers what cannot matter. This driver knows no such tricks: one choice a
taken-in event, each queues a callback. It must give the same outcomes.
"""

import contextvars

from treadle.checker.events import RUN, Cancellation, Checkpoint, Delay, Delayed, Handle, TimerHandle
from treadle.checker.scheduling import CANCEL_MESSAGE, _delays, _drop_dead_events, _earliest, _resolve


def drive_literally(run):
    """Stand in for `scheduling.drive` under `stock` and `stretched`; knows no executors."""
    loop = run.loop
    while True:
        if not take_in(run):
            return
        for _ in range(len(loop.ready)):
            handle = loop.ready.popleft()
            if not handle._cancelled:
                run.execute(handle)
                if run.violation is not None or loop.fence is not None:
                    return
        if run.stopping:
            return
        if run.steps > run.settings.max_steps:
            run.depth_exceeded = True
            return


def due_now(loop):
    return [timer for timer in loop.timers if timer._when <= loop.now]


def take_in(run):
    loop = run.loop
    ready = loop.ready
    virtual = run.settings.time == "virtual"
    _drop_dead_events(run)
    timers_too = False
    taken = False
    delay_from = 0
    jump = virtual and not ready and not loop.outside and not due_now(loop)
    while True:
        due = virtual and due_now(loop)
        options = [RUN] if ready or due else []
        if run.settings.contract == "stretched" and not taken:
            options += _delays(ready, delay_from)
        if not timers_too:
            options += loop.outside
        if not virtual:
            options += loop.timers
        elif jump and not timers_too:
            options += _earliest(loop.timers)
        stuck = not options
        if run.budget and not timers_too:
            options.append(Cancellation(run.main))  # somebody's: whose, its callback finds out when it runs
        if stuck:  # a cancellation could come, but it need not
            options.insert(0, RUN)
        option = options[run.choose(options) if len(options) > 1 else 0]
        if stuck and option is RUN:
            run.deadlocked = True
            return False
        if option is RUN:
            while due := (virtual and due_now(loop)):
                group = _earliest(due)
                queue(run, group[run.choose(group) if len(group) > 1 else 0])
            return True
        if isinstance(option, Delay):
            delay_from = ready.index(option.handle)
            option.handle._delayed = True
            ready.remove(option.handle)
            loop.outside.append(Delayed(option.handle, 0))
            continue
        taken = True
        timers_too = isinstance(option, TimerHandle)
        queue(run, option)


def queue(run, event):
    loop = run.loop
    if isinstance(event, TimerHandle):
        loop.timers.remove(event)
        loop.now = max(loop.now, event._when)
        loop.ready.append(event)
    elif isinstance(event, Checkpoint):
        loop.outside.remove(event)
        loop.ready.append(Handle(_resolve, (event.future,), contextvars.copy_context()))
    elif isinstance(event, Delayed):
        # The wait that it stands for ends by a callback of its own, as a checkpoint does.
        loop.outside.remove(event)
        loop.ready.append(Handle(loop.ready.append, (event.handle,), contextvars.copy_context()))
    elif isinstance(event, Cancellation):
        run.budget -= 1
        run.injected += 1
        loop.ready.append(Handle(cancel_somebody, (run,), contextvars.copy_context()))
    else:
        raise TypeError(event)


def cancel_somebody(run):
    tasks = [task for task in run.loop.live_tasks() if task is not run.main]
    if tasks:
        tasks[run.choose(tasks) if len(tasks) > 1 else 0].cancel(CANCEL_MESSAGE)
