"""One run of a scenario from its first callback to its end: set up, drive, drain, and leave nothing behind.

A run that ends by itself is wound up as `asyncio.run` does it: the other tasks are cancelled and awaited,
asynchronous generators closed. A run that is cut short (its state is known, a property is violated) is not wound up:
its coroutines are closed quietly, and nothing that they do then is seen. Cyclic garbage is collected between runs,
every now and then, and never inside one, so that the death of an object happens at the same moment in every run.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from . import fences
from .circling import Circle
from .errors import FenceError, UsageError
from .events import Delayed, Handle, OutsideEvent
from .loop import SimulatedLoop, SimulatedTask, make_loop
from .runtime import Chooser, Recorder, Run, Settings, Violation, describe_error, describe_told, set_current, text_of
from .scheduling import drive, drive_default
from .waiting import explain_deadlock

__all__ = ["Outcome", "Scenario", "close_task", "conclude", "execute", "leaves", "simulation"]

Scenario = Callable[[], Coroutine[Any, Any, Any]]
_GARBAGE_EVERY = 100  # runs between two collections of cyclic garbage


@dataclass
class Outcome:
    """How a run ended.

    `kind` is one of `done`, `violated`, `cut` (a known state was reached), `cancelled` (the scenario ended by an
    injected cancellation), `depth` (the limit on steps) and `fence`. `result` is what the scenario returned, and
    `shown` its repr.
    """

    kind: str
    steps: int
    choices: int
    violation: Violation | None = None
    result: Any = None
    shown: str = ""
    fence: FenceError | None = None
    witnesses: set[str] = field(default_factory=set)
    fired: set[str] = field(default_factory=set)
    outrun: set[str] = field(default_factory=set)
    names_matter: bool = False
    time_matters: bool = False
    injected: int = 0  # cancellations out of the budget that have struck
    looped_from: int = 0  # after how many steps the loop of a lasso begins


_runs = 0


def execute(
    scenario: Scenario,
    settings: Settings,
    chooser: Chooser,
    recorder: Recorder | None = None,
    attach: Callable[[Run], None] | None = None,
) -> Outcome:
    """Run `scenario` once; `chooser` decides. Must be called inside `simulation()`.

    `attach(run)` is called before the first step. Raises UsageError if the scenario isn't a coroutine function, and
    whatever the chooser raises.
    """
    try:
        return _execute(scenario, settings, chooser, recorder, attach)
    finally:
        _collect_garbage()


def _execute(
    scenario: Scenario,
    settings: Settings,
    chooser: Chooser,
    recorder: Recorder | None,
    attach: Callable[[Run], None] | None,
) -> Outcome:
    loop = make_loop()
    run = Run(loop, chooser, settings, recorder, budget=settings.cancel)
    set_current(run)
    asyncio._set_running_loop(loop)
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=loop.asyncgen_first_iterated, finalizer=loop.asyncgen_finalized)
    try:
        coroutine = scenario()
        if not asyncio.iscoroutine(coroutine):
            raise UsageError(
                f"the scenario {getattr(scenario, '__name__', scenario)!r} returned {type(coroutine).__name__}, not a coroutine; "
                "a scenario is an `async def` without arguments"
            )
        main: SimulatedTask = SimulatedTask(coroutine, loop=loop, name="main")
        loop.adopt(main)
        run.main = main
        main.add_done_callback(lambda _: _stop(run))
        if settings.lasso is not None:
            run.circling = Circle(scenario, settings.lasso)
        if attach is not None:
            attach(run)
        drive(run)
        if run.broken is not None:
            raise run.broken
        outcome = conclude(run, main, _drain)
        if outcome.kind == "done":
            outcome.shown = text_of(outcome.result, repr)  # while the run lives: a repr may look at names and times
        outcome.injected, outcome.looped_from = run.injected, run.looped_from
        outcome.names_matter = loop.names_matter
        outcome.time_matters = loop.time_matters
        return outcome
    finally:
        loop.dead = True
        _close_quietly(loop)
        sys.set_asyncgen_hooks(*hooks)
        asyncio._set_running_loop(None)
        set_current(None)


def _collect_garbage() -> None:
    """Now and then look for cyclic garbage: after a run, so that what finalizers do to globals is undone before the next."""
    global _runs
    _runs += 1
    if _runs % _GARBAGE_EVERY == 0:
        gc.collect(0)  # what is young: the search's own memory, which grows, is not looked at again and again


def _stop(run: Run) -> None:
    run.stopping = True


def conclude(run: Run, main: asyncio.Task[Any], drain: Callable[[Run, asyncio.Task[Any]], None]) -> Outcome:
    """Wind the run up, by `drain` if it has come to its end by itself, and say how it ended."""
    loop = run.loop
    result: Any = None
    kind = "done"
    if run.deadlocked and run.may_rest and not main.done():
        pass
    elif run.deadlocked and not main.done():
        loop.reporting = True
        run.violate("no-deadlock", explain_deadlock(run))
        loop.reporting = False
        kind = "deadlock"
    elif run.depth_exceeded:
        kind = "depth"
    elif not run.halted:
        if main.cancelled():
            kind = "cancelled"
            if not run.injected:
                run.violate("no-unhandled-exception", "the scenario ended with a CancelledError that nobody injected")
        elif (error := main.exception()) is not None:
            _blame(run, error)
        else:
            result = main.result()
        if not run.halted:
            drain(run, main)
    if run.violation is not None:
        kind = "violated"
    elif loop.fence is not None:
        kind = "fence"
    elif run.cut:
        kind = "cut"
    return Outcome(kind, run.steps, run.choices, run.violation, result, "", loop.fence, run.witnesses, run.fired, run.outrun)


def _blame(run: Run, error: BaseException) -> None:
    """Record the exception that the scenario ended with."""
    for inner in leaves(error):
        if isinstance(inner, AssertionError):
            run.violate("assertion", text_of(inner) or "an assertion of the scenario does not hold")
        else:
            run.violate("no-unhandled-exception", f"the scenario raised {describe_error(inner)}")


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions that a group is made of, or the one that is none."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def _drain(run: Run, main: asyncio.Task[Any]) -> None:
    """Cancel and await what is left, as `asyncio.run` does; then look for exceptions that nobody has retrieved."""
    loop = run.loop
    loop.draining = True
    run.invariants.clear()
    run.watched = False
    pending = [task for task in loop.live_tasks() if task is not main]
    if pending:
        if run.settings.forbid_leaked_tasks:
            loop.reporting = True
            names = ", ".join(task.get_name() for task in pending)
            loop.reporting = False
            run.violate("no-leaked-task", f"the scenario is done, but these tasks are still pending: {names}")
            if run.halted:
                return
        _forget_order(run)
        for task in pending:
            task.cancel()
        if not drive_default(run, lambda: all(task.done() for task in pending)):
            loop.reporting = True
            names = ", ".join(task.get_name() for task in pending if not task.done())
            loop.reporting = False
            run.violate(
                "no-deadlock", f"after the scenario was done, these tasks were cancelled, but they never end: {names}"
            )
            return
        for task in pending:
            if not task.cancelled() and (error := task.exception()) is not None:
                loop.reporting = True
                message = f"an exception during the shutdown of {task.get_name()}"
                loop.reporting = False
                loop.told.append({"message": message, "exception": error})
    if loop.asyncgens or loop.ready:  # what was queued last (gather's callbacks, for one) runs while asyncio.run closes generators
        if not pending:
            _forget_order(run)
        closing = SimulatedTask(loop.shutdown_asyncgens(), loop=loop, name="shutdown")
        drive_default(run, closing.done)
    loop.live_tasks()
    for ref in loop.unretrieved:
        late = ref()
        if late is not None and late._log_traceback:
            late._log_traceback = False
            loop.told.append({"message": "Task exception was never retrieved", "exception": late._exception})
    if loop.told:
        run.violate("no-unhandled-exception", describe_told(loop.told[0]))


def _forget_order(run: Run) -> None:
    """Put what is pending into the order of the tasks that it belongs to.

    Pending events have no order, and under `any` nor have ready callbacks: fingerprints leave it out. Winding up makes no
    choices, so without an order of its own it would depend on what equal states differ in.
    """
    loop = run.loop
    owners: dict[int, int] = {}
    for number, task in enumerate(loop.live_tasks()):
        owners[id(task)] = owners[id(task._fut_waiter)] = number  # type: ignore[attr-defined]
    last = len(owners)

    def rank(handle: Handle) -> tuple[int, str]:
        callback = handle._callback
        held = [getattr(callback, "__self__", None), *gc.get_referents(callback)]
        return min((owners[id(item)] for item in held if id(item) in owners), default=last), type(callback).__name__

    def rank_event(event: OutsideEvent) -> tuple[str, int]:
        if isinstance(event, Delayed):
            return "Delayed", rank(event.handle)[0]
        return type(event).__name__, owners.get(id(getattr(event, "future", None)), last)

    loop.outside.sort(key=rank_event)
    if run.settings.contract == "any":
        ready = sorted(loop.ready, key=rank)
        loop.ready.clear()
        loop.ready.extend(ready)


def _close_quietly(loop: SimulatedLoop) -> None:
    """Close the coroutines that a run left behind. What they do about it is not seen: the loop is dead."""
    for task in loop.tasks:
        close_task(task)
    loop.tasks.clear()
    loop.ready.clear()
    loop.outside.clear()
    loop.timers.clear()


def close_task(task: asyncio.Task[Any]) -> None:
    """Close the coroutine of a task that will never run again."""
    if not task.done():
        coroutine: Any = task.get_coro()
        for _ in range(100):  # a coroutine may await again and again while it is being closed
            try:
                coroutine.close()
            except BaseException:  # whatever it raises belongs to a run that is over
                continue
            break


@contextlib.contextmanager
def simulation() -> Iterator[None]:
    """Prepare the process for runs: fences up, garbage collection off, nothing printed by coroutines that are closed."""
    enabled = gc.isenabled()
    hook = sys.unraisablehook
    gc.freeze()  # what was there before is never looked at: collections between runs stay short
    gc.disable()
    sys.unraisablehook = lambda _: None
    try:
        with warnings.catch_warnings(), fences.raised():
            warnings.filterwarnings("ignore", message="coroutine .* was never awaited", category=RuntimeWarning)
            try:
                yield
            finally:
                gc.collect()  # while this is not printed; what was frozen is not looked at
    finally:
        gc.unfreeze()
        sys.unraisablehook = hook
        if enabled:
            gc.enable()
