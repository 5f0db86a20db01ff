"""Which line of the user's own code a counterexample blames.

A trace says where each task stands; a reviewer who sees only an annotation in a pull request wants one line, and one
of theirs. So the schedule is run once more with Python's own tracing of lines, and of every step the last line is kept
that belongs to the program: not to treadle, not to the standard library, not to an installed package. Where an
implementation is verified, its own file comes first, since its clients are ours.

What is blamed depends on what broke. An exception: the line that raised it. A deadlock or a leaked task: the line at
which the task is suspended; the others are related. A run that goes on for ever: the line at which the task stands whose
progress does not come, or else one that goes round. Everything else: the last line of the program that ran before
the violation was seen. That line is evidence, not a proof: the report shows it as the place, the trace as the reason.

Refused: the place at which a task is suspended as the only answer, which for a lock that lets a newcomer pass without
waiting is somebody else's line.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import linecache
import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

import msgspec

from .circling import StopAfter
from .events import Handle
from .execution import Outcome, Scenario, execute, leaves, simulation
from .runtime import Run, Settings
from .shrinking import Replay
from .world import World

__all__ = ["Blame", "Place", "Stand", "blame", "files_of", "is_program", "place_at", "place_of_definition", "relative"]

_ASKED = frozenset({"locked", "is_set", "__repr__"})  # what clients and monitors only ask, to see whether it is true
_CHECK = Run.check.__code__
_OWN = os.path.dirname(os.path.realpath(__file__))  # in this order: a strict editable install links files, not folders
_LIBRARIES = tuple(os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib"))


class Place(msgspec.Struct, frozen=True):
    """A line of a program: the absolute path of its file, its number from 1, the function that it is in, its text."""

    file: str
    line: int
    function: str = ""
    source: str = ""


class Stand(msgspec.Struct, frozen=True):
    """A task and the place that says something about it: the last line that it ran in a step, or where it waits.

    `step` counts from 1, as in the trace of the same schedule; 0 for what holds at the end of the run.
    """

    step: int
    task: str
    place: Place


class Blame(msgspec.Struct):
    """The place at fault (None if no line of the program ran), why that one, what is related, and the way there."""

    place: Place | None
    why: str = ""
    related: list[Stand] = []
    steps: list[Stand] = []


def blame(scenario: Scenario, settings: Settings, schedule: tuple[int, ...], first: frozenset[str] = frozenset()) -> Blame:
    """Run a schedule once more, and say which line of the program its violation blames.

    `first` are real paths of files whose lines come before those of all others, such as an implementation's.
    """
    watch = _Watch(first)
    runs: list[Run] = []
    with simulation():
        world = World()
        world.prepare(scenario)
        looped = _go_round(scenario, settings, schedule)
        world.restore()

        def attach(run: Run) -> None:
            runs.append(run)
            if looped is not None:  # instead of comparing states
                run.circling = StopAfter(looped.steps)

        try:
            outcome = execute(scenario, settings, Replay(schedule), watch, attach)
        finally:
            watch.stop()
            world.restore()
    if looped is not None and settings.lasso is not None:
        return _judge_loop(watch, settings.lasso.who, looped.looped_from) or _judge(watch, "progress", [], scenario)
    property = outcome.violation.property if outcome.violation is not None else ""
    told = [context["exception"] for run in runs for context in run.loop.told if context.get("exception") is not None]
    return _judge(watch, property, told, scenario)


def _go_round(scenario: Scenario, settings: Settings, schedule: tuple[int, ...]) -> Outcome | None:
    """Return how a run that goes on for ever comes to its loop, which is seen only if nobody watches its lines; else None."""
    outcome = execute(scenario, settings, Replay(schedule)) if settings.lasso is not None else None
    goes_round = outcome is not None and outcome.violation is not None and outcome.violation.property == "progress"
    return outcome if goes_round else None


def _judge_loop(watch: _Watch, who: str, looped_from: int) -> Blame | None:
    """Blame the line of whom the loop starves, or keeps busy; None if no task stands in the program's code."""
    stands = [(Stand(0, task, place), watch.ran.get(task, 0) > looped_from) for task, place in watch.stands.items()]
    # Whoever it is about first. Of the others those who go round say more than those who wait for them, and main says least.
    stands.sort(key=lambda found: (found[0].task != who, not found[1], found[0].task == "main"))
    if not stands:
        return None
    (stand, goes_round), *others = stands
    what = "waits here for ever" if not goes_round else "waits here again and again" if stand.task == who else "goes round here for ever"
    why = f"{stand.task} {what}"
    return Blame(stand.place, why, [other for other, _ in others], watch.steps)


def _judge(watch: _Watch, property: str, told: list[BaseException], scenario: Scenario) -> Blame:
    steps = watch.steps
    waits = [Stand(0, task, place) for task, place in watch.stands.items()]
    if property in ("no-deadlock", "no-leaked-task") and waits:
        waits.sort(key=lambda stand: stand.task == "main")  # the main task waits for the others: their lines say more
        why = "waits here for ever" if property == "no-deadlock" else "is still pending here when the scenario is done"
        return Blame(waits[0].place, f"{waits[0].task} {why}", waits[1:], steps)
    if property in ("assertion", "no-unhandled-exception"):
        for error in [*reversed(watch.errors), *told]:
            for leaf in leaves(error):
                place = watch.raised_at(leaf)
                if place is not None:
                    return Blame(place, f"{type(leaf).__name__} is raised here", [], steps)
    if watch.struck is not None:
        return Blame(watch.struck.place, f"the last line here that {watch.struck.task} ran after it was cancelled", waits, steps)
    for of_first in (True, False):
        for stand in reversed(steps):
            if (stand.place.file in watch.first) == of_first:
                why = f"the last line of the program that ran before the violation was seen, in {stand.task}"
                return Blame(stand.place, why, waits, steps)
    why = "no line of the program ran in this schedule; this is where the scenario begins"
    return Blame(place_of_definition(scenario), why, [], steps)


class _Watch:
    """A recorder of `runtime.Run` that keeps, for each step, the last line of the program that ran in it."""

    def __init__(self, first: frozenset[str]) -> None:
        self.first = first
        self.steps: list[Stand] = []
        self.stands: dict[str, Place] = {}
        self.ran: dict[str, int] = {}  # task → the last step in which it ran
        self.errors: list[BaseException] = []
        self.struck: Stand | None = None  # what a task did in a file of `first` when a cancellation of the budget arrived
        self._cancelled: set[str] = set()
        self._number = 0
        self._last: tuple[CodeType, int] | None = None
        self._last_of_first: tuple[CodeType, int] | None = None
        self._others = sys.gettrace()
        self._shown: dict[CodeType, str | None] = {}

    def chosen(self, run: Run, options: list[Any], index: int) -> None:
        """Do nothing: lines are what counts here."""

    def note(self, text: str) -> None:
        """Do nothing: the trace has the notes."""

    def before(self, run: Run, handle: Handle) -> None:
        """Begin to watch a step."""
        self._number += 1
        self._last = self._last_of_first = None
        sys.settrace(self._called)

    def after(self, run: Run, handle: Handle) -> None:
        """Keep what the step did."""
        self.stop()
        task = getattr(handle._callback, "__self__", None)
        if not isinstance(task, asyncio.Task):
            return
        run.loop.reporting = True
        name = task.get_name()
        run.loop.reporting = False
        last = self._last_of_first or self._last
        if last is not None:
            self.steps.append(Stand(self._number, name, place_at(last[0], last[1])))
        strikes = getattr(handle._callback, "__name__", "") == "cancel"
        if not strikes:
            self.ran[name] = self._number
        if strikes:
            self._cancelled.add(name)
        elif name in self._cancelled:
            self._cancelled.discard(name)
            if self._last_of_first is not None:
                self.struck = self.steps[-1]
        self.stands.pop(name, None)
        if not task.done():
            stand = self._suspended(task)
            if stand is not None:
                self.stands[name] = stand
        elif not task.cancelled() and task._exception is not None:  # exception() would mark it as retrieved
            self.errors.append(task._exception)

    def stop(self) -> None:
        """Give tracing back to whom it belonged."""
        sys.settrace(self._others)

    def raised_at(self, error: BaseException) -> Place | None:
        """Return the innermost line of the program in the traceback of an exception."""
        best: Place | None = None
        trace: TracebackType | None = error.__traceback__
        while trace is not None:
            if self._is_program(trace.tb_frame.f_code):
                best = place_at(trace.tb_frame.f_code, trace.tb_lineno)
            trace = trace.tb_next
        return best

    def _called(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        if frame.f_code is _CHECK:  # from here on it is treadle who calls the program: its invariants
            self.stop()
            return None
        return self._line if self._is_program(frame.f_code) else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        if frame.f_code.co_name in _ASKED:
            return self._line
        if event == "line" or (event == "exception" and not self._comes_from_deeper(argument[2])):
            self._last = (frame.f_code, frame.f_lineno)
            if self._file(frame.f_code) in self.first:
                self._last_of_first = self._last
        return self._line

    def _comes_from_deeper(self, trace: TracebackType | None) -> bool:
        """Return True if the exception has been seen in a frame of the program further in; one of C code may have no traceback."""
        inner = trace.tb_next if trace is not None else None
        while inner is not None:
            if self._is_program(inner.tb_frame.f_code):
                return True
            inner = inner.tb_next
        return False

    def _suspended(self, task: asyncio.Task[Any]) -> Place | None:
        """Return the innermost line of the program at which a task is suspended."""
        best: Place | None = None
        coroutine: Any = task.get_coro()
        while coroutine is not None:
            frame = _first_of(coroutine, "cr_frame", "gi_frame", "ag_frame")
            if frame is None:
                break
            if self._is_program(frame.f_code):
                best = place_at(frame.f_code, frame.f_lineno)
            coroutine = _first_of(coroutine, "cr_await", "gi_yieldfrom", "ag_await")
        return best

    def _is_program(self, code: CodeType) -> bool:
        return self._file(code) is not None

    def _file(self, code: CodeType) -> str | None:
        """Return the real path of the file that the code is from; None if it is not the program's."""
        try:
            return self._shown[code]
        except KeyError:
            path = os.path.realpath(code.co_filename)
            found = path if path in self.first or is_program(path) else None
            self._shown[code] = found
            return found


def _first_of(owner: Any, *names: str) -> Any:
    return next((value for name in names if (value := getattr(owner, name, None)) is not None), None)


@functools.cache
def is_program(path: str) -> bool:
    """Return True for the real path of a file that is the user's own: none of treadle's checker, none of a library's."""
    if path.startswith(_OWN + os.sep) or not os.path.isfile(path):
        return False
    if "site-packages" in path or "dist-packages" in path:
        return False
    return not path.startswith(_LIBRARIES)


def files_of(classes: list[type[Any]]) -> frozenset[str]:
    """Return the real paths of the files in which classes and what they inherit from are written."""
    files = set()
    for each in classes:
        for base in each.__mro__:
            try:
                file = inspect.getsourcefile(base)
            except TypeError:  # a built-in class
                continue
            if file is not None:
                files.add(os.path.realpath(file))
    return frozenset(files)


def place_of_definition(function: Any) -> Place | None:
    """Return where a function or class begins; None if that cannot be told."""
    function = inspect.unwrap(function) if callable(function) else function
    code = getattr(function, "__code__", None)
    if code is not None:
        return place_at(code, code.co_firstlineno)
    try:
        file = inspect.getsourcefile(function)
        _, line = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return None
    return None if file is None else Place(os.path.realpath(file), line, getattr(function, "__qualname__", ""), _text(file, line))


def place_at(code: CodeType, line: int) -> Place:
    """Return the place of a line of some code."""
    return Place(os.path.realpath(code.co_filename), line, code.co_qualname, _text(code.co_filename, line))


def _text(file: str, line: int) -> str:
    return linecache.getline(file, line).strip()


def relative(path: str, root: Path) -> str:
    """Return a path as a reader of a report wants it: relative to the root, with slashes, if it is below it."""
    try:
        return Path(path).relative_to(os.path.realpath(root)).as_posix()
    except ValueError:
        return Path(path).as_posix()
