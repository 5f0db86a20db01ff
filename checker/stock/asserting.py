"""How a written test looks at what is wrong: the lines at its end, or around the one call that must be refused."""

from __future__ import annotations

import builtins
import textwrap
from collections.abc import Mapping

from .statements import BLOCK, Act, Do, Start
from .straight_line import StraightLine

__all__ = ["ending_of", "refusing"]


def ending_of(line: StraightLine, names: Mapping[int, str]) -> list[str]:
    """Return the lines that look at the end: what is expected, and in words what is wrong if it is not so."""
    kind, about = line.key
    if kind == "refused":
        return []
    if kind == "truth":
        name = names[about]
        asserted = f'assert locked == has_to_wait({name}.acquire()), f"locked() says {{locked}}, which is not true"'
        return [f"locked = {name}.locked()", asserted]
    if kind == "late":
        (operation,) = (each.operation for each in line.program if isinstance(each, Start) and each.task == about)
        return [f'assert {about}.done(), "{operation}() does not return at once"']
    lines = ["await settle()"]
    if kind == "task":
        return lines + _about_task(line, str(about))
    name = names[about]
    if kind == "free":
        count = line.expected
        if count == 1 and line.found < 1:
            ending = [f"probe = asyncio.ensure_future({name}.acquire())", "await settle()"]
            return [*lines, *ending, 'assert probe.done(), "what is free cannot be acquired"']
        if line.found > count:
            lines.append(f"probes = [asyncio.ensure_future({name}.acquire()) for _ in range({count + 1})]")
            return [*lines, "await settle()", f'assert not probes[-1].done(), "more can be acquired than the {count} that are free"']
        lost = f"{count - line.found} of {count} permits that are free cannot be acquired"
        lines.append(f"probes = [asyncio.ensure_future({name}.acquire()) for _ in range({count})]")
        return [*lines, "await settle()", f'assert all(probe.done() for probe in probes), "{lost}"']
    return [*lines, f'assert {name}.{kind}() is {line.expected}, "{kind}() is {line.found}"']


def _about_task(line: StraightLine, task: str) -> list[str]:
    starts: Mapping[str, Start] = {statement.task: statement for statement in line.program if isinstance(statement, Start)}
    operation = BLOCK if starts[task].operation == BLOCK else f"{starts[task].operation}()"
    expected, found = str(line.expected), str(line.found)
    if expected.startswith("raised"):
        error = expected.removeprefix("raised ")
        says = "waits" if found == "pending" else "was cancelled" if found.startswith("cancelled") else found
        asked = f"error = {task}.exception() if {task}.done() and not {task}.cancelled() else None"
        return [asked, f'assert isinstance(error, {error}), "{operation} {says}, and must raise {error}"']
    if found == "pending" and expected.startswith("cancelled"):
        return [f'assert {task}.done(), "{task} was cancelled in {operation}, and goes on waiting"']
    if found == "pending":
        served = [name for name in starts if _comes_after(line, name, task)]
        overtaken = f"; {served[0]}, which came later, was served" if served else ""
        return [f'assert {task}.done(), "{task} waits in {operation} for ever{overtaken}"']
    if expected == "pending":
        ended = "returned" if found.startswith("returned") else "ended before it could have the lock"
        return [f'assert not {task}.done(), "{task}\'s {operation} {ended}, and must not"']
    if expected.startswith("cancelled") and found.startswith("cancelled"):
        return [
            "try:",
            f"    await {task}",
            "except asyncio.CancelledError as error:",
            f'    assert error.args == {expected.removeprefix("cancelled ")}, f"the CancelledError carries {{error.args}}"',
        ]
    if expected.startswith("cancelled"):
        return [f'assert {task}.cancelled(), "{task} was cancelled in {operation}, which {found}"']
    if found.startswith("cancelled"):
        return [f'assert not {task}.cancelled(), "{operation} raised CancelledError"']
    if found.startswith("raised"):
        return [f'assert {task}.exception() is None, "{operation} {found}"']
    value = expected.removeprefix("returned ")
    compared = f"is {value}" if value in ("True", "False", "None") else f"== {value}"
    return [f'assert {task}.result() {compared}, "{operation} {found}"']


def _comes_after(line: StraightLine, other: str, task: str) -> bool:
    """Return True if `other` was started after `task`, calls the same, and has returned."""
    starts = [statement for statement in line.program if isinstance(statement, Start)]
    order = [start.task for start in starts]
    operations = {start.task: start.operation for start in starts}
    later = order.index(other) > order.index(task) and operations[other] == operations[task]
    return later and str(line.sight["task", other]).startswith("returned")


def refusing(line: StraightLine, position: int, statement: Act, rendered: list[str]) -> list[str]:
    """Return the lines of a statement with what becomes of an exception that it raises or should raise, if there is one."""
    key = ("refused", position)
    if line.key == key:
        error, found = (None if each is None else each.__name__ for each in (line.expected, line.found))
        call = f"{statement.operation}()" if isinstance(statement, (Start, Do)) else "the constructor"
        must = f", and must raise {error}" if error else ""
        lines = ["try:", *_indented(rendered)]
        if error is not None:
            lines += [f"except {error}:", "    pass"]
        if found is not None:
            lines += ["except Exception as error:", f'    raise AssertionError("{call} raised {found}{must}") from error']
        else:
            lines += ["else:", f'    raise AssertionError("{call} raised nothing{must}")']
        return lines
    if key in line.sight:  # it is refused, as it must be
        return ["try:", *_indented(rendered), f"except {_known(line.sight[key])}:", "    pass  # as it must be"]
    return rendered


def _known(error: type[BaseException]) -> str:
    """Return the name of an exception, or of the nearest one above it, that needs no import."""
    names: list[str] = [known.__name__ for known in error.__mro__ if getattr(builtins, known.__name__, None) is known]
    return names[0]


def _indented(lines: list[str]) -> list[str]:
    return textwrap.indent("\n".join(lines), "    ").split("\n")
