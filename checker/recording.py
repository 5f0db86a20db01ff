"""Watch one run step by step, and say of each step what a person wants to know: who, where, why, and what changed."""

from __future__ import annotations

import asyncio
import inspect
import linecache
from typing import Any

from .events import RUN, Cancellation, Checkpoint, Delay, Delayed, ExecutorJob, Handle, Then, TimerHandle
from .execution import Scenario, execute, simulation
from .observing import changed, snapshot
from .runtime import MAYBE, Run, Settings
from .scheduling import is_stretchable
from .shrinking import Replay
from .trace import TRACE_VERSION, Step, Target, Trace, TracedViolation
from .verdict import versions
from .waiting import innermost_frame

__all__ = ["record"]


class Recorder:
    """Collects the steps of a run."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.tasks: list[str] = []
        self.observed: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._options: list[str] = []
        self._chosen = 0
        self._reasons: dict[asyncio.Task[Any], str] = {}
        self._values: dict[str, str] = {}
        self._task: asyncio.Task[Any] | None = None

    def chosen(self, run: Run, options: list[Any], index: int) -> None:
        """Note a choice; it belongs to the step that follows, or, for `choose(n)`, to the present one."""
        run.loop.reporting = True
        if isinstance(options[0], int):
            if options is not MAYBE:
                self.note(f"choose({len(options)}) → {index}")
        else:
            self._options = [describe_option(option) for option in options]
            self._chosen = index
        run.loop.reporting = False

    def note(self, text: str) -> None:
        """Add a note to the present step."""
        if self.steps:
            self.steps[-1].notes.append(text)

    def before(self, run: Run, handle: Handle) -> None:
        """Open the record of a step."""
        run.loop.reporting = True
        kind, task, why = self._describe(handle)
        name = task.get_name() if task is not None else ""
        if name and name not in self.tasks:
            self.tasks.append(name)
        self.steps.append(Step(len(self.steps) + 1, kind, name, why, "", "", [], {}, self._options, self._chosen))
        self._options = []
        self._chosen = 0
        self._task = task
        run.loop.reporting = False

    def after(self, run: Run, handle: Handle) -> None:
        """Complete the record of the step."""
        run.loop.reporting = True
        step = self.steps[-1]
        if self._task is not None:
            step.place, step.source = _where(self._task)
        if not run.observers:  # who observes has said what is worth seeing
            values = snapshot(run.loop)
            step.notes += changed(self._values, values)
            self._values |= values
        for label, describe in run.observers:
            value = describe()
            if self._seen.get(label) != value:
                self._seen[label] = value
                step.changes[label] = value
        self.observed = dict(self._seen)
        self._task = None
        run.loop.reporting = False

    def _describe(self, handle: Handle) -> tuple[str, asyncio.Task[Any] | None, str]:
        """Return the kind of a step, the task that it belongs to and why it runs."""
        callback = handle._callback
        owner = getattr(callback, "__self__", None)
        name = getattr(callback, "__name__", type(callback).__name__)
        if isinstance(owner, asyncio.Task):
            if name == "cancel":
                return "cancel", owner, "cancelled from outside"
            if is_stretchable(handle):
                coroutine: Any = owner.get_coro()
                if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                    return "start", owner, "starts"
                return "resume", owner, "goes on after a bare yield"
            if name == "task_wakeup" or "wakeup" in name:
                future: Any = handle._args[0] if handle._args else None
                if owner._must_cancel or (owner.cancelling() and (future is None or future.cancelled())):  # type: ignore[attr-defined]
                    return "resume", owner, "its cancellation arrives"
                reason = self._reasons.pop(owner, None)
                if isinstance(future, asyncio.Task):
                    reason = f"{future.get_name()} is done"
                return "resume", owner, reason or "is woken"
            return "resume", owner, "goes on"
        if isinstance(handle, TimerHandle):
            return "timer", None, f"a timer fires at {handle._when:g} s ({name})"
        if name == "_resolve":
            for waiter in _waiters(handle._args[0]):
                self._reasons[waiter] = "checkpoint completes"
            return "outside", None, "a checkpoint completes"
        return "callback", None, f"callback {getattr(callback, '__qualname__', name)}"


def record(scenario: Scenario, settings: Settings, schedule: tuple[int, ...], target: Target) -> tuple[Trace, bool]:
    """Run a schedule once and return its trace, and whether the schedule fitted the program."""
    recorder = Recorder()
    replay = Replay(schedule)
    with simulation():
        outcome = execute(scenario, settings, replay, recorder)
    violation = outcome.violation
    trace = Trace(
        version=TRACE_VERSION,
        target=target,
        scope={
            "contract": settings.contract,
            "time": settings.time,
            "cancel": settings.cancel,
            "ignore": sorted(settings.ignore),
            "forbid": ["leaked-tasks"] if settings.forbid_leaked_tasks else [],
        },
        versions=versions(),
        schedule=list(schedule),
        steps=recorder.steps,
        tasks=recorder.tasks,
        observed=recorder.observed,
        violation=None if violation is None else TracedViolation(violation.property, violation.message),
    )
    fits = not replay.misfits and len(replay.taken) >= len(schedule)
    return trace, fits


def describe_option(option: Any) -> str:
    """Say in words what a choice could have been."""
    if option is RUN:
        return "go on"
    if isinstance(option, Cancellation):
        return f"cancel {option.task.get_name()}"
    if isinstance(option, Then):
        return f"{describe_option(option.event)}, and more"
    if isinstance(option, Checkpoint):
        names = ", ".join(task.get_name() for task in _waiters(option.future))
        return f"the checkpoint of {names} completes" if names else "a checkpoint completes"
    if isinstance(option, (Delay, Delayed)):
        verb = "takes its time" if isinstance(option, Delay) else "goes on at last"
        owner = getattr(option.handle._callback, "__self__", None)
        return f"{owner.get_name() if isinstance(owner, asyncio.Task) else 'a callback'} {verb}"
    if isinstance(option, ExecutorJob):
        return f"the executor runs {getattr(option.function, '__qualname__', option.function)}"
    if isinstance(option, TimerHandle):
        return f"the timer of {option._when:g} s fires"
    if isinstance(option, Handle):
        owner = getattr(option._callback, "__self__", None)
        if isinstance(owner, asyncio.Task):
            return f"{owner.get_name()} runs"
        return f"{getattr(option._callback, '__qualname__', 'a callback')} runs"
    return str(option)


def _waiters(future: asyncio.Future[Any]) -> list[asyncio.Task[Any]]:
    found = []
    for callback, _ in future._callbacks or ():
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, asyncio.Task):
            found.append(owner)
    return found


def _where(task: asyncio.Task[Any]) -> tuple[str, str]:
    """Return where a task stands, `file:line`, and the source line; or how it ended."""
    if task.done():
        if task.cancelled():
            return "", "ends, cancelled"
        error = task._exception  # exception() would mark it as retrieved
        if error is not None:
            return "", f"ends with {type(error).__name__}" + (f": {error}" if str(error) else "")
        return "", "ends"
    frame = innermost_frame(task)
    if frame is None:
        return "", ""
    file = frame.f_code.co_filename
    line = linecache.getline(file, frame.f_lineno).strip()
    short = file.replace("\\", "/").rsplit("/", 1)[-1]
    return f"{short}:{frame.f_lineno}", line
