"""One run of a scenario, while it runs: what the scenario has asked for, and what has been seen so far.

The functions that scenarios call (`checkpoint`, `choose`, `fail`, …) find their run here. There is one run at a time
in a process, so it is a module global and not a context variable: a context variable would be part of every task's
context and so of every state.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .errors import FenceError, NondeterminismError, TreadleError
from .events import Handle
from .loop import SimulatedLoop

__all__ = [
    "Chooser",
    "Lasso",
    "Run",
    "Settings",
    "Violation",
    "checkpoint",
    "choose",
    "current_run",
    "expect_progress",
    "fail",
    "invariant",
    "may_rest",
    "note",
    "note_progress",
    "observe",
    "progress",
    "when_cancelled",
    "when_stable",
    "witness",
]


@dataclass(frozen=True)
class Violation:
    """A property that a run broke, and how, in one sentence."""

    property: str
    message: str


@dataclass(frozen=True)
class Lasso:
    """A run that goes on for ever: a schedule, the end of which is a loop that leads back to the state in which it began.

    Attributes:
        start: how many choices come before the loop.
        end: how many choices there are when it closes; as many as `start` if it makes none.
        who: whose progress it is that does not come; "" if it is the end of the scenario.
        inevitable: whether it is not a matter of this loop: no run that comes to this state makes the progress any more.
        names, times: whether states differ in generated names, and in the absolute time.
        rounds: how often the state must come back, of a loop without choices; one with choices is as long as they are.
    """

    start: int
    end: int
    who: str = ""
    inevitable: bool = False
    names: bool = False
    times: bool = False
    rounds: int = 1


class Circling(Protocol):
    """Who watches whether a run goes round a lasso's loop."""

    def closes(self, run: Run) -> bool:
        """Look at the state between two steps; return True, and end the run, if the loop closes, or cannot any more."""


@dataclass(frozen=True)
class Settings:
    """What a run may do: contract, time, the budget of cancellations, and which properties count.

    With a `lasso` a run is one of the schedule that it belongs to, and violates `progress` when its loop closes.
    """

    contract: str = "stock"
    time: str = "virtual"
    cancel: int = 0
    ignore: frozenset[str] = frozenset()
    forbid_leaked_tasks: bool = False
    max_steps: int = 10_000
    lasso: Lasso | None = None


class Chooser(Protocol):
    """Who decides: an explorer, a replayed schedule, a random walk."""

    def pick(self, options: list[Any], deferred_from: int = 0) -> int:
        """Return the index of the chosen one of at least two options; see `scheduling` for `deferred_from`."""

    def confirm(self) -> None:
        """The last choice that was deferred makes a difference after all."""

    def seen(self, run: Run) -> bool:
        """Return True if the run is in a state from which everything has been explored, and may end."""


class Recorder(Protocol):
    """Who watches a run step by step, for its trace."""

    def chosen(self, run: Run, options: list[Any], index: int) -> None:
        """Note a choice of at least two options."""

    def before(self, run: Run, handle: Handle) -> None:
        """Note that a callback is about to run."""

    def after(self, run: Run, handle: Handle) -> None:
        """Note that it has run."""

    def note(self, text: str) -> None:
        """Note what the program says about the present step."""


@dataclass
class Run:
    """The state of one run that is not the program's own."""

    loop: SimulatedLoop
    chooser: Chooser
    settings: Settings
    recorder: Recorder | None = None
    main: asyncio.Task[Any] | None = None
    budget: int = 0
    injected: int = 0
    steps: int = 0
    choices: int = 0
    inner: int = 0  # choices that steps made: `choose`, `checkpoint(maybe=True)`
    stopping: bool = False
    cut: bool = False
    depth_exceeded: bool = False
    deadlocked: bool = False
    violation: Violation | None = None
    thread: int = field(default_factory=threading.get_ident)  # the one that executes the run
    broken: NondeterminismError | None = None  # the run does not repeat what it was to repeat
    invariants: list[tuple[Callable[[], object], str, str]] = field(default_factory=list)
    stable_hooks: list[Callable[[], object]] = field(default_factory=list)
    cancel_hooks: list[Callable[[asyncio.Task[Any]], object]] = field(default_factory=list)
    perform_hooks: list[Callable[[object], object]] = field(default_factory=list)  # told of every outside event, before it happens
    may_rest: bool = False  # a state in which nothing can happen is a legitimate end
    observers: list[tuple[str, Callable[[], str]]] = field(default_factory=list)
    witnesses: set[str] = field(default_factory=set)
    fired: set[str] = field(default_factory=set)  # kinds of timers that have fired
    outrun: set[str] = field(default_factory=set)  # kinds of timers that were pending when an outside event happened before them
    watched: bool = False  # there are invariants
    boundaries: int = 0  # moments between two steps at which something was, or could have been, decided
    expected: dict[str, list[weakref.ref[asyncio.Task[Any]]]] = field(default_factory=dict)  # progress that must come, and who makes it
    progressed: set[str] = field(default_factory=set)  # what came of it since a search last looked
    circling: Circling | None = None  # the run is to go round a loop
    looped_from: int = 0  # and has; its loop begins after so many steps

    def violate(self, property: str, message: str) -> None:
        """Record the first violation of a property that counts; the run ends after the present step."""
        if self.violation is None and property not in self.settings.ignore and not self.loop.dead:
            self.violation = Violation(property, message)

    def makers(self, name: str) -> list[asyncio.Task[Any]]:
        """Return the tasks that have not ended of those that are to make a progress."""
        return [task for known in self.expected.get(name, ()) if (task := known()) is not None and not task.done()]

    def choose(self, options: list[Any], deferred_from: int = 0) -> int:
        """Let the chooser pick one of at least two options."""
        self.choices += 1
        index = self.chooser.pick(options, deferred_from)
        if self.recorder is not None:
            self.recorder.chosen(self, options, index)
        return index

    def choose_inside(self, options: list[int]) -> int:
        """Let the chooser pick one of the options inside of a step; the first one where no choices are made any more."""
        if len(options) == 1 or self.loop.draining or self.loop.dead:
            return 0
        self.inner += 1
        try:
            return self.choose(options)
        except NondeterminismError as error:
            self.broken = error  # the program may catch what is raised here, and must not carry on
            self.loop.fence = FenceError(str(error))
            raise

    def execute(self, handle: Handle) -> None:
        """Run one callback: a step."""
        self.steps += 1
        if self.recorder is not None:
            self.recorder.before(self, handle)
        try:
            handle._context.run(handle._callback, *handle._args)
        except (SystemExit, KeyboardInterrupt) as error:
            if self.loop.dead:
                return
            self.violate("no-unhandled-exception", f"a callback raised {type(error).__name__}, which ends the event loop")
            if isinstance(error, KeyboardInterrupt):
                raise
        except BaseException as error:
            self.loop.call_exception_handler(
                {"message": "an exception came out of a callback", "exception": error, "handle": handle}
            )
        if self.watched or self.loop.told:
            self.check()
        if self.recorder is not None:
            self.recorder.after(self, handle)

    def note(self, text: str) -> None:
        """Say in the trace, if there is one, what the present step does."""
        if self.recorder is not None:
            self.recorder.note(text)

    def check(self) -> None:
        """Check the invariants and what the exception handler was told."""
        for predicate, property, message in self.invariants:
            if not predicate():
                self.violate(property, message)
        if self.loop.told and self.violation is None:
            self.violate("no-unhandled-exception", describe_told(self.loop.told[0]))

    @property
    def halted(self) -> bool:
        """True when nothing more of this run may be executed."""
        return self.violation is not None or self.cut or self.loop.fence is not None


def describe_told(context: dict[str, Any]) -> str:
    """Say in one sentence what an exception handler was told."""
    message = str(context.get("message", "the exception handler was called"))
    error = context.get("exception")
    return message if error is None else f"{message}: {describe_error(error)}"


def describe_error(error: BaseException) -> str:
    """Return the kind of an exception and what it says, if it says anything."""
    text = text_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def text_of(value: object, how: Callable[[object], str] = str) -> str:
    """Return the `str` (or the `repr`) of an object of the program's, or, if that raises, a remark that says so."""
    try:
        return how(value)
    except Exception as error:  # the program's own method
        return f"its {how.__name__} raises {type(error).__name__}"


_current: Run | None = None


def set_current(run: Run | None) -> None:
    """Make `run` the one that the functions below mean."""
    global _current
    _current = run


def current_run() -> Run:
    """Return the run that is under way.

    Raises:
        TreadleError: outside of a run.
    """
    if _current is None:
        raise TreadleError(
            "this function works only inside a scenario that treadle runs; "
            "start it with `treadle check FILE` or `treadle.checker.check(scenario)`"
        )
    return _current


class Maybe(int):
    """An option of `checkpoint(maybe=True)`."""

    __slots__ = ()


MAYBE: list[int] = [Maybe(0), Maybe(1)]  # to suspend, not to


async def checkpoint(*, maybe: bool = False) -> None:
    """Wait for the outside world: resumes at any later moment. With `maybe`, not suspending at all is explored too."""
    run = current_run()
    if maybe and run.choose_inside(MAYBE):
        run.note("a checkpoint returns at once")
        return
    await run.loop.checkpoint()


def choose(n: int) -> int:
    """Return a number in 0 … n-1; all of them are explored.

    Raises:
        ValueError: if n is less than 1.
    """
    if n < 1:
        raise ValueError(f"choose(n) needs at least one option, got n = {n}")
    run = current_run()
    return run.choose_inside(list(range(n)))


def fail(property: str, message: str) -> None:
    """Report that a property is violated; the run ends after the present step."""
    current_run().violate(property, message)


def invariant(
    predicate: Callable[[], object], property: str = "assertion", message: str = "an invariant does not hold"
) -> None:
    """Check `predicate()` after every step of this run; false means that `property` is violated."""
    run = current_run()
    run.invariants.append((predicate, property, message))
    run.watched = True


def when_stable(hook: Callable[[], object]) -> None:
    """Call `hook()` in every state in which nothing is in flight: only checkpoints and cancellations could happen next."""
    current_run().stable_hooks.append(hook)


def when_cancelled(hook: Callable[[asyncio.Task[Any]], object]) -> None:
    """Call `hook(task)` whenever a cancellation out of the budget strikes, before it does."""
    current_run().cancel_hooks.append(hook)


def may_rest() -> None:
    """Declare that this scenario need not end: a state in which nothing can happen any more is no deadlock."""
    current_run().may_rest = True


def observe(label: str, describe: Callable[[], str]) -> None:
    """Show `describe()` in the column `label` of a trace."""
    current_run().observers.append((label, describe))


def note(text: str) -> None:
    """Say in the trace what the present step does, such as "acquire() returns True"; costs nothing while nobody records."""
    current_run().note(text)


def witness(name: str) -> None:
    """Note that something happened that must happen in at least one run."""
    current_run().witnesses.add(name)


def expect_progress(name: str, task: asyncio.Task[Any]) -> None:
    """Demand that a progress comes again and again as long as `task`, or another one of which that was demanded, has not ended."""
    run = current_run()
    makers = run.makers(name)
    if not any(task is maker for maker in makers):
        run.expected[name] = [weakref.ref(maker) for maker in (*makers, task)]


def note_progress(name: str) -> None:
    """Say that a progress has come, whoever has made it."""
    current_run().progressed.add(name)


def progress(name: str) -> None:
    """Say that something has happened that must happen again and again as long as a task that has said so has not ended.

    An endless run in which it does not, although every wait on the outside world ends, violates `progress`.
    """
    task = asyncio.current_task()
    if task is None:
        raise TreadleError("progress() was called outside of a task; call it in the task that must get on")
    expect_progress(name, task)
    note_progress(name)
