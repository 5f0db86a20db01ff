"""`treadle trace test`: a small test that fails for the same reason as a trace, without treadle.

A test is written only after it was run: it must fail on the implementation or program that the trace is of, with an
AssertionError of its own, and where there is a correct implementation it must pass there.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..errors import UsageError
from ..execution import close_task
from ..implementations import Implementation, resolve
from ..replaying import settings_of
from ..scheduling import CANCEL_MESSAGE
from ..trace import Trace
from .history import history_of
from .rendering import import_line, render_straight_line
from .straight_line import find_straight_line

__all__ = ["run_test", "write_test"]


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
    if trace.target.kind == "verify":
        return _for_implementation(trace)
    raise UsageError("not yet")


def _for_implementation(trace: Trace) -> str:
    target, violation = trace.target, trace.violation
    assert violation is not None
    implementation = resolve(target.implementation, target.name)
    right = resolve("reference")
    history = history_of(trace, settings_of(trace))
    line = find_straight_line(history, violation.property, implementation.classes, right.classes)
    if line is None:
        raise UsageError(
            f"no straight-line program was found that shows this violation of {violation.property} ({target.part} of {target.name}); "
            "another trace of the same property may be simpler: `treadle verify … --keep-going` finds one for each scenario"
        )
    message = violation.message.replace(repr(CANCEL_MESSAGE), "'why'")
    source = render_straight_line(line, violation.property, message, implementation)
    roles = [role for role, _ in line.objects]
    if run_test(source, implementation, roles, implementation) is None or run_test(source, implementation, roles, right) is not None:
        raise UsageError("the test that was written for this trace does not fail as it should: a defect of treadle, please report it")
    return source


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
