"""Watch one run step by step, and say of each step what a person wants to know: who, where, why, what it called, what
changed, whom it woke.

Recording must not change the run. Whatever is asked of the program's objects is asked between steps, nothing of them is
kept, and the loop knows that it is treadle who reads names and times. The one thing that might disturb a program all
the same is the trace function that sees its calls (`calls`): if a run that is watched so does not come out like the
schedule's own run, it is recorded again without.
"""

from __future__ import annotations

import asyncio
import inspect
import linecache
import sys
from dataclasses import asdict, replace
from typing import Any

from .calls import RAISED, CallTracer, is_engine
from .contrasting import Choice, find_parting
from .events import Cancellation, Checkpoint, Handle, Then, TimerHandle
from .execution import Outcome, Scenario, execute, simulation
from .explaining import explain
from .observing import Sight, look
from .runtime import MAYBE, Run, Settings, Violation, describe_error
from .scheduling import is_stretchable
from .shrinking import Replay
from .sources import Sources, digest_of, shown_path
from .stategraph import draw
from .trace import TRACE_VERSION, Change, Frame, Primitive, Step, Target, Trace, TracedViolation, Wait, Wake
from .verdict import versions
from .waiting import frames_of, innermost_frame
from .waits import circle
from .wording import describe_options, describe_timer
from .world import World

__all__ = ["Recorder", "record"]


_SCHEDULING = "treadle.checker.scheduling"


class Recorder:
    """Collects the steps of a run."""

    def __init__(self, with_calls: bool = True) -> None:
        self.steps: list[Step] = []
        self.tasks: list[str] = []
        self.observed: list[str] = []
        self.waits: list[Wait] = []
        self.sources = Sources()
        self._tracer = CallTracer(self._name_of, self._call_ended) if with_calls else None
        self._sight = Sight()
        self._primitives: dict[str, Primitive] = {}
        self._values: dict[str, str] = {}
        self._holders: dict[int, list[str]] = {}
        self._windows: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        self._known: set[str] = set()
        self._options: list[str] = []
        self._chosen = 0
        self._position = -1
        self.choices: list[Choice] = []
        self._cancelling: dict[str, tuple[bool, int]] = {}
        self._task: asyncio.Task[Any] | None = None
        self._loop: Any = None

    # --- what the run tells ---------------------------------------------------------------------------------------

    def chosen(self, run: Run, options: list[Any], index: int) -> None:
        """Note a choice; it belongs to the step that follows, or, for `choose(n)`, to the present one."""
        run.loop.reporting = True
        if isinstance(options[0], int):
            words = describe_options(options)
            if options is not MAYBE:
                self.note(words[index])
            self.choices.append(Choice(len(self.steps), words, of_program=True))
        else:
            self._options = describe_options(options)
            self._chosen = index
            self._position = len(self.choices)
            strikes = frozenset(number for number, option in enumerate(options) if isinstance(option, (Cancellation, Then)))
            self.choices.append(Choice(len(self.steps) + 1, self._options, of_program=False, strikes=strikes))
        run.loop.reporting = False

    def note(self, text: str) -> None:
        """Add a note to the present step."""
        if self.steps:
            self.steps[-1].notes.append(text)

    def before(self, run: Run, handle: Handle) -> None:
        """Open the record of a step."""
        loop = run.loop
        loop.reporting = True
        if self._loop is None:
            self._loop = loop
            self._known = {task.get_name() for task in loop.live_tasks()}
            _watch_the_queue(loop, self._woken)
        kind, task, why = self._describe(handle)
        name = task.get_name() if task is not None else ""
        if name and name not in self.tasks:
            self.tasks.append(name)
        window = self._windows.get(name, "")
        if kind in ("start", "resume"):
            self._windows.pop(name, None)
        self.steps.append(
            Step(
                len(self.steps) + 1, loop.iteration, kind, name, why, window,
                options=self._options, chosen=self._chosen, position=self._position,
            )
        )  # fmt: skip
        self._options, self._chosen, self._position = [], 0, -1
        self._task = task
        self._cancelling = {each.get_name(): _is_struck(each) for each in loop.live_tasks()}
        loop.reporting = False
        if self._tracer is not None:
            frames = list(frames_of(task)) if task is not None and kind in ("start", "resume") else []
            self._tracer.start(frames)
            del frames

    def after(self, run: Run, handle: Handle) -> None:
        """Complete the record of the step."""
        step = self.steps[-1]
        if self._tracer is not None:
            step.calls = self._tracer.stop()
            if self._tracer.left_out:
                step.notes.append(f"… and {self._tracer.left_out} more calls")
        loop = run.loop
        loop.reporting = True
        live = loop.live_tasks()
        for task in live:
            name = task.get_name()
            if name not in self._known:
                self._known.add(name)
                step.created.append(name)
            if _is_struck(task) > self._cancelling.get(name, (False, 0)):
                woken = self._windows.get(name, "") == "woken"
                self._windows[name] = "woken and cancelled" if woken else "cancelled"
                if not any(wake.task == name for wake in step.wakes):
                    step.wakes.append(Wake(name, "cancel()", True))
        self._look(run, step)
        if self._task is not None:
            self._place(step, self._task)
        self.waits = [wait for task in live if (wait := self._wait_of(task)) is not None]
        own = next((wait for wait in self.waits if wait.task == step.task), None)
        step.waits_for = _waits_for(own)
        self._task = None
        loop.reporting = False

    def close(self) -> None:
        """Leave nothing switched on: an interrupt may have ended the run inside of a step."""
        if self._tracer is not None:
            self._tracer.stop()

    # --- what a step is about -------------------------------------------------------------------------------------

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
                reason = self._reasons.pop(owner.get_name(), "")
                if owner._must_cancel or (owner.cancelling() and (future is None or future.cancelled())):  # type: ignore[attr-defined]
                    return "resume", owner, "its cancellation arrives"
                if isinstance(future, asyncio.Task):
                    reason = f"{future.get_name()} is done"
                return "resume", owner, reason or "is woken"
            return "resume", owner, "goes on"
        if isinstance(handle, TimerHandle):
            return "timer", None, f"{describe_timer(handle)} fires"
        if getattr(callback, "__module__", "") == _SCHEDULING:
            return "outside", None, "an executor's job is done" if "job" in name else "a checkpoint completes"
        return "callback", None, f"callback {getattr(callback, '__qualname__', name)}"

    def _woken(self, task: asyncio.Task[Any], future: asyncio.Future[Any], frame: Any) -> None:
        """A task's wakeup was queued, by the code that `frame` is in."""
        self._loop.reporting = True
        name = task.get_name()
        step = self.steps[-1]
        if future.cancelled():
            self._windows[name] = "cancelled"
        else:
            operation = "" if isinstance(future, asyncio.Task) else self._operation(frame)
            self._windows[name] = "woken"
            if step.kind == "outside":
                self._reasons[name] = step.why.removeprefix("a ")
            elif operation:
                self._reasons[name] = f"woken by {step.task or 'a callback'}: {operation}"
            elif step.kind == "timer":
                self._reasons[name] = "its time has come"
            elif step.kind == "callback":
                self._reasons[name] = "all that it waited for is done"
            step.wakes.append(Wake(name, operation, False))
        self._loop.reporting = False

    def _operation(self, frame: Any) -> str:
        """Return the innermost public function out of which a future was resolved, such as `lock.release()`."""
        private = ""
        while frame is not None and not is_engine(frame.f_globals.get("__name__", "")):
            code = frame.f_code
            module = frame.f_globals.get("__name__", "")
            inside_asyncio = module.startswith("asyncio.") and module not in ("asyncio.locks", "asyncio.queues")
            if code.co_flags & inspect.CO_COROUTINE or inside_asyncio:
                break
            owner = self._name_of(id(frame.f_locals.get("self")))
            name = f"{owner}.{code.co_name}()" if owner else f"{code.co_name}()"
            if not code.co_name.startswith(("_", "<")):
                return name
            private = private or name
            frame = frame.f_back
        return private

    def _name_of(self, identity: int) -> str:
        return self._sight.names.get(identity, "")

    def _call_ended(self, owner: int, name: str, result: object) -> None:
        """Keep the books of who holds what: who comes back from `acquire()` has it, `release()` gives it back."""
        task = self.steps[-1].task or "a callback"
        holders = self._holders.setdefault(owner, [])
        if name == "acquire" and result is not False:
            holders.append(task)
        elif name == "release" and holders:
            holders.remove(task if task in holders else holders[0])

    # --- what is seen after it ------------------------------------------------------------------------------------

    def _look(self, run: Run, step: Step) -> None:
        """Note what has changed among values and primitives."""
        sight = self._sight = look(run.loop)
        holders = {sight.names[identity]: names for identity, names in self._holders.items() if identity in sight.names}
        for identity in [identity for identity in self._holders if identity not in sight.names]:
            if not self._holders[identity]:
                del self._holders[identity]
        described = {label: describe() for label, describe in run.observers}
        for name in described.keys() & sight.states.keys():  # what it says of itself is a value beside what is observed of it
            sight.values[f"{name} itself"] = sight.states[name]
        seen = []
        for name in dict.fromkeys([*described, *sight.states, *sight.waiting]):
            state = described.get(name, sight.states.get(name, ""))
            seen.append(Primitive(name, state, list(holders.get(name, ())), sight.waiting.get(name, [])))
        for primitive in seen:
            if primitive.name not in self.observed and (not described or primitive.name in described):
                self.observed.append(primitive.name)
        gone = self._primitives.keys() - {primitive.name for primitive in seen}
        seen += [Primitive(name, "", [], []) for name in sorted(gone)]
        for primitive in seen:
            if self._primitives.get(primitive.name) != primitive:
                self._primitives[primitive.name] = primitive
                step.primitives.append(primitive)
        for name in sorted(self._values.keys() | sight.values.keys()):
            before, after = self._values.get(name), sight.values.get(name)
            if before != after:
                step.changes.append(Change(name, before, after))
        self._values = sight.values

    def _place(self, step: Step, task: asyncio.Task[Any]) -> None:
        """Note where a task stands, or how it ended."""
        if task.done():
            step.source = _ending(task)
            raised = "CancelledError" if task.cancelled() else type(task._exception).__name__
            for call in step.calls:
                if call.result == RAISED:  # out of the task: there is no caller at which it would have been seen
                    call.result = f"raises {raised}"
            return
        for frame in frames_of(task):
            if not is_engine(frame.f_globals.get("__name__", "")):
                step.stack.append(self._frame(frame))
        frame = innermost_frame(task)
        if frame is not None:
            line = self._frame(frame)
            step.place, step.source = f"{line.file}:{line.line}", line.source

    def _frame(self, frame: Any) -> Frame:
        code = frame.f_code
        self.sources.add(code)
        source = linecache.getline(code.co_filename, frame.f_lineno).strip()
        return Frame(code.co_qualname, shown_path(code.co_filename), frame.f_lineno, source)

    def _wait_of(self, task: asyncio.Task[Any]) -> Wait | None:
        """Return what a suspended task waits for; None if it is about to run."""
        future: Any = task._fut_waiter  # type: ignore[attr-defined]
        if future is None or future.done():
            return None
        frame = innermost_frame(task)
        place = "" if frame is None else f"{shown_path(frame.f_code.co_filename)}:{frame.f_lineno}"
        name = self._sight.awaited.get(task.get_name())
        if name is not None:
            primitive = self._primitives[name]
            return Wait(task.get_name(), name, primitive.holders, place)
        if any(isinstance(event, Checkpoint) and event.future is future for event in self._loop.outside):
            return Wait(task.get_name(), "a checkpoint", [], place)
        others = _tasks_behind(future, task)
        if others:
            return Wait(task.get_name(), f"the end of {', '.join(others)}", others, place)
        if any(future is argument for timer in self._loop.timers for argument in timer._args):
            return Wait(task.get_name(), "a timer", [], place)
        return Wait(task.get_name(), "a future", [], place)


def _waits_for(wait: Wait | None) -> str:
    if wait is None:
        return ""
    held = [name for name in wait.holders if name not in wait.what]
    return f"{wait.what}, held by {', '.join(held)}" if held else wait.what


def _watch_the_queue(loop: Any, woken: Any) -> None:
    """Have `woken(task, future, frame)` called whenever a task's wakeup is queued on this loop, which lives for one run."""
    queue = loop.call_soon

    def call_soon(callback: Any, *args: Any, context: Any = None) -> Any:
        owner = getattr(callback, "__self__", None)
        name = getattr(callback, "__name__", type(callback).__name__)
        if isinstance(owner, asyncio.Task) and args and "wakeup" in name and not loop.dead:
            woken(owner, args[0], sys._getframe(1))
        return queue(callback, *args, context=context)

    loop.call_soon = call_soon


def _is_struck(task: asyncio.Task[Any]) -> tuple[bool, int]:
    return task._must_cancel, task.cancelling()  # type: ignore[attr-defined]


def _tasks_behind(future: Any, waiter: asyncio.Task[Any]) -> list[str]:
    """Return the tasks whose end resolves a future: itself, the children of a gather, the members of a group."""
    if isinstance(future, asyncio.Task):
        return [future.get_name()]
    children = getattr(future, "_children", None)
    if children is None:
        for frame in frames_of(waiter):
            variables = frame.f_locals
            group = variables.get("self")
            if isinstance(group, asyncio.TaskGroup):
                children = list(group._tasks)
            elif variables.get("waiter") is future:
                children = list(variables.get("fs", ()))  # asyncio.wait
            if type(variables) is dict:
                variables.clear()
    return sorted(child.get_name() for child in children or () if isinstance(child, asyncio.Task) and not child.done())


def _ending(task: asyncio.Task[Any]) -> str:
    if task.cancelled():
        return "ends, cancelled"
    error = task._exception  # exception() would mark it as retrieved
    if error is not None:
        return f"ends with {describe_error(error)}"
    return "ends"


def record(scenario: Scenario, settings: Settings, schedule: tuple[int, ...], target: Target) -> tuple[Trace, bool]:
    """Run a schedule once and return its trace, and whether the schedule fitted the program."""
    world = World()
    free = replace(settings, lasso=None)  # other schedules go round no loop of this one's
    with simulation():
        world.prepare(scenario)
        plain = Replay(schedule)
        wanted = execute(scenario, settings, plain)
        world.restore()
        recorder, outcome, replay = _watch(scenario, settings, schedule, world, with_calls=True)
        if not _is_same(wanted, plain, outcome, replay):
            recorder, outcome, replay = _watch(scenario, settings, schedule, world, with_calls=False)

        def passes(other: tuple[int, ...]) -> tuple[bool, int]:
            ended = execute(scenario, free, Replay(other))
            world.restore()
            return ended.violation is None and ended.kind in ("done", "cancelled"), ended.steps

        parting = None
        if outcome.violation is not None:
            parting = find_parting(
                recorder.choices, replay, passes, lambda other: _watch(scenario, free, other, world, with_calls=True)[0].steps
            )
        graph = None if outcome.violation is None else draw(scenario, settings, replay.taken)
    violation = outcome.violation
    # A program that has changed may break something else on its way: then it has gone round no loop.
    goes_round = settings.lasso is not None and violation is not None and violation.property == "progress"
    looped = outcome.looped_from + 1 if goes_round else 0
    sources = recorder.sources.excerpts()
    trace = Trace(
        version=TRACE_VERSION,
        target=target,
        scope={
            "contract": settings.contract,
            "time": settings.time,
            "cancel": settings.cancel,
            "ignore": sorted(settings.ignore),
            "forbid": ["leaked-tasks"] if settings.forbid_leaked_tasks else [],
            **({"lasso": asdict(settings.lasso)} if settings.lasso is not None else {}),
        },
        versions=versions(),
        schedule=list(schedule),
        steps=recorder.steps,
        tasks=recorder.tasks,
        observed=recorder.observed,
        sources=sources,
        digest=digest_of(sources),
        violation=None if violation is None else TracedViolation(violation.property, violation.message),
        waits=recorder.waits,
        deadlock=_deadlock(recorder, violation, looped),
        parting=parting,
        graph=graph,
        loop=looped,
    )
    trace.explanation = explain(trace)
    fits = not replay.misfits and len(replay.taken) >= len(schedule)
    return trace, fits


def _deadlock(recorder: Recorder, violation: Violation | None, looped: int) -> list[str]:
    """Return the tasks that wait for each other in a circle at the end, or all along while others go round a loop."""
    if looped:
        going = {step.task for step in recorder.steps[looped - 1 :] if step.kind in ("start", "resume")}
        return circle(wait for wait in recorder.waits if wait.task not in going)
    return circle(recorder.waits) if violation is not None and violation.property == "no-deadlock" else []


def _watch(
    scenario: Scenario, settings: Settings, schedule: tuple[int, ...], world: World, with_calls: bool
) -> tuple[Recorder, Outcome, Replay]:
    recorder = Recorder(with_calls)
    replay = Replay(schedule)
    try:
        outcome = execute(scenario, settings, replay, recorder)
    finally:
        recorder.close()
        world.restore()
    return recorder, outcome, replay


def _is_same(wanted: Outcome, plain: Replay, outcome: Outcome, replay: Replay) -> bool:
    return (wanted.violation, wanted.steps, plain.taken) == (outcome.violation, outcome.steps, replay.taken)
