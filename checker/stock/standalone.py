"""`treadle trace test`: a small test that fails for the same reason as a trace, without treadle.

A test is written only after it was run: it must fail on the implementation or program that the trace is of, with an
AssertionError of its own, and where there is a correct implementation it must pass there.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
from typing import Any

from ..errors import UsageError
from ..execution import close_task, simulation
from ..implementations import Implementation, resolve
from ..replaying import scenario_of, settings_of
from ..rounds import go_round
from ..scheduling import CANCEL_MESSAGE
from ..trace import Trace
from .confirming import write
from .excerpting import excerpt
from .history import History, history_of
from .rendering import import_line, render_straight_line
from .scenario_test import Rounds, render_scenario
from .script import Iteration, Script, Step
from .statements import Make
from .straight_line import find_straight_line

__all__ = ["run_test", "write_test"]

_ROUNDS = 10  # of the loop of a run that need not end
_PATIENCE = 60  # seconds for a test that takes milliseconds


def write_test(trace: Trace) -> str:
    """Return the source of a test that fails for the reason that the trace shows.

    Raises:
        UsageError: if the trace has no violation, cannot happen on asyncio's own loop, or no such test was found.
    """
    if trace.violation is None:
        raise UsageError("this trace violates nothing, so there is nothing for a test to show; give the trace of a violation")
    if trace.scope.get("contract") != "stock":
        raise UsageError(
            f"this trace needs the contract {trace.scope.get('contract')}: it cannot happen on asyncio's own event loop, "
            "where the test would run; give a trace of a violation under stock"
        )
    if trace.target.kind == "verify" and trace.loop:
        raise UsageError(
            "this run goes on for ever, and a straight line of calls ends; `treadle replay --stock` goes round the loop on asyncio's own. "
            "Who lets a client starve lets others overtake it, too: trace the violation of fifo, of which there is a test"
        )
    if trace.target.kind == "verify":
        return _for_implementation(trace)
    return _for_scenario(trace)


def _for_implementation(trace: Trace) -> str:
    target, violation = trace.target, trace.violation
    assert violation is not None
    implementation = resolve(target.implementation, target.name)
    right = resolve("reference")
    line = None
    tried: list[History] = []
    for blocks in (False, True):
        history = history_of(trace, settings_of(trace), blocks=blocks)
        if line is None and history not in tried:
            line = find_straight_line(history, violation.property, implementation.classes, right.classes)
        tried.append(history)
    if line is None:
        raise UsageError(
            f"no straight-line program was found that shows this violation of {violation.property} ({target.part} of {target.name}); "
            "another trace of the same property may be simpler: `treadle verify … --keep-going` finds one for each scenario"
        )
    message = violation.message.replace(repr(CANCEL_MESSAGE), "'why'")
    source = render_straight_line(line, violation.property, message, implementation)
    roles = list(dict.fromkeys(statement.role for statement in line.program if isinstance(statement, Make)))
    if run_test(source, implementation, roles, implementation) is None or run_test(source, implementation, roles, right) is not None:
        raise UsageError("the test that was written for this trace does not fail as it should: a defect of treadle, please report it")
    return source


def _for_scenario(trace: Trace) -> str:
    violation = trace.violation
    assert violation is not None
    function = inspect.unwrap(scenario_of(trace))
    module = inspect.getmodule(function)
    if module is None or not inspect.isfunction(function) or function.__qualname__ not in vars(module):
        raise UsageError(
            f"{trace.target.name} is no function at the top level of a module, from where its source could be taken; move it there"
        )
    scenario, settings, schedule = scenario_of(trace), settings_of(trace), tuple(trace.schedule)
    if settings.lasso is not None:
        schedule, settings = go_round(scenario, settings, schedule, _ROUNDS) or (schedule, settings)
    with simulation():
        script, outcome = write(scenario, settings, schedule)
    if outcome.violation is None or outcome.violation.property != violation.property:
        raise UsageError(f"the trace does not show a violation of {violation.property} any more; run the check again and write a new one")
    excerpted = excerpt(inspect.getsource(module), function.__name__)
    rounds = None if settings.lasso is None else Rounds(settings.lasso, _ROUNDS, _iteration_of(script, outcome.looped_from))
    source = render_scenario(script, excerpted, function.__name__, violation.property, violation.message, rounds)
    said = _run_alone(source)
    if said is None or (violation.property in ("assertion", "progress") and "AssertionError" not in said):
        raise UsageError(
            f"the test that was written for this trace {'passes' if said is None else f'fails otherwise ({said})'}: the run depends on "
            "something that plain asyncio cannot be told, such as an invariant in the middle of an iteration, or a tie between timers"
        )
    return source


def _iteration_of(script: Script, steps: int) -> int:
    """Return the number, from 1, of the iteration in which so many steps have been made."""
    iterations = 0
    for item in script.items:
        iterations += isinstance(item, Iteration)
        steps -= isinstance(item, Step)
        if steps <= 0 and iterations:
            break
    return iterations


def _run_alone(source: str) -> str | None:
    """Run a test in an interpreter of its own; return the last line that it says when it fails, None if it passes."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path)}
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith((" ", "\t"))]
    return None if done.returncode == 0 else next((line for line in reversed(lines) if "Error" in line), "it ended without an error")


def run_test(source: str, written_for: Implementation, roles: list[str], classes_of: Implementation) -> str | None:
    """Run a test on the classes of an implementation; return what its assertion says, None if it passes."""
    namespace: dict[str, Any] = {"__name__": "standalone"}
    for role in roles:
        source = source.replace(import_line(written_for, role), "")
        namespace[written_for.classes[role].__name__] = classes_of.classes[role]
    exec(compile(source, "<test>", "exec"), namespace)
    loop = asyncio.SelectorEventLoop()
    loop.set_exception_handler(lambda loop, context: None)
    try:
        loop.run_until_complete(namespace["scenario"]())
    except AssertionError as error:
        return str(error)
    finally:
        for task in asyncio.all_tasks(loop):
            close_task(task)
        loop.close()
    return None
