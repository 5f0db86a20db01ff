"""`treadle replay --pdb STEP`: the run of a trace with Python's own debugger, which stops where a step begins.

The schedule is followed as in any replay, so one can look as long as one likes, quit, and come back to the same place.
The debugger sees the program, the primitives and the clients of `verify`; what drives them is passed over. Leaving it
lets the run go on to its end: an exception in the middle would be one more thing that happens to the program.
"""

from __future__ import annotations

import pdb
import sys
import types
from typing import Any

from .errors import UsageError
from .events import Handle
from .execution import Outcome, execute, simulation
from .replaying import scenario_of, settings_of
from .runtime import Run
from .shrinking import Replay
from .trace import Trace

__all__ = ["debug"]

_PASSED_OVER = (
    "treadle.checker", "contextlib", "asyncio.tasks", "asyncio.futures", "asyncio.runners", "asyncio.timeouts", "asyncio.taskgroups",
)  # fmt: skip
_SHOWN = ("treadle.checker.clients",)


class Debugger(pdb.Pdb):
    """Stops in the program, not in what drives it; quitting lets the run go on."""

    def is_skipped_module(self, module_name: str | None) -> bool:
        """Return True for the modules that a person who looks at a program does not want to step through."""
        return module_name is None or (_is_in(module_name, _PASSED_OVER) and not _is_in(module_name, _SHOWN))

    def get_stack(self, f: types.FrameType | None, t: types.TracebackType | None) -> tuple[list[tuple[types.FrameType, int]], int]:
        """Return the frames of the program only, from the task's outermost to the innermost, and the index of the present one."""
        stack, index = super().get_stack(f, t)
        present = stack[index][0]
        driver = max((i for i, (frame, _) in enumerate(stack) if self.is_skipped_module(frame.f_globals.get("__name__"))), default=-1)
        stack = stack[driver + 1 :] or stack
        return stack, next((i for i, (frame, _) in enumerate(stack) if frame is present), len(stack) - 1)

    def do_quit(self, arg: str) -> bool:
        """Leave the debugger; the run goes on to its end."""
        self.clear_all_breaks()
        self.set_continue()
        return True

    do_q = do_exit = do_EOF = do_quit


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


class _StopAt:
    """A recorder that starts the debugger before a step."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.steps = 0

    def chosen(self, run: Run, options: list[Any], index: int) -> None:
        """Do nothing: only steps are counted."""

    def before(self, run: Run, handle: Handle) -> None:
        """Start the debugger if this is the step; it stops at the first line of the program that runs."""
        self.steps += 1
        if self.steps == self.step:
            run.loop.reporting = True  # who looks at names or times here is a person, not the program
            Debugger(nosigint=True, skip=_PASSED_OVER).set_trace(sys._getframe())

    def after(self, run: Run, handle: Handle) -> None:
        """Do nothing: the debugger goes on as its user says."""

    def note(self, text: str) -> None:
        """Do nothing: only steps are counted."""


def debug(trace: Trace, step: int) -> Outcome:
    """Follow the schedule of a trace and stop in the program at a step, numbered from 1 as in the table.

    Raises:
        UsageError: if there is no such step, or the target cannot be found any more.
    """
    if not 1 <= step <= len(trace.steps):
        raise UsageError(f"--pdb {step}: the trace has the steps 1 to {len(trace.steps)}; `treadle trace show` prints them")
    scenario, settings = scenario_of(trace), settings_of(trace)
    try:
        with simulation():
            return execute(scenario, settings, Replay(tuple(trace.schedule)), _StopAt(step))
    finally:
        sys.settrace(None)
