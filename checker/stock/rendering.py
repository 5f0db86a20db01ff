"""A straight-line program as the source of a test: plain asyncio, as a person would write it into a bug report."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from ..implementations import Implementation
from ..properties import MEANINGS
from .statements import FALSE, TRUE, Cancel, Change, Pause, Program, Start, Statement
from .straight_line import StraightLine

__all__ = ["import_line", "render_straight_line"]

_SHARED = "shared"  # the variable that the predicates look at
_SETTLE = '''
async def settle():
    """Let everything happen that can happen."""
    for _ in range(12):
        await asyncio.sleep(0)
'''
_HAS_TO_WAIT = '''
def has_to_wait(call):
    """Run a call up to the point where it suspends, if it does."""
    try:
        call.send(None)
    except StopIteration:
        return False
    call.close()
    return True
'''
_RUN = '''
def test_NAME():
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(scenario())
    finally:
        loop.close()  # asyncio.run() would wait for those who wait for ever


if __name__ == "__main__":
    test_NAME()
'''


def import_line(implementation: Implementation, role: str) -> str:
    """Return the line that imports the class in question: from asyncio itself for what is asyncio's own."""
    found = implementation.classes[role]
    name = implementation.name
    if name == "asyncio" or name.startswith("stdlib:"):
        return f"from asyncio import {found.__name__}"
    if name.endswith(".py"):
        stem = name.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
        return f"from {stem} import {found.__name__}  # {name}"
    module = "treadle.reference" if name == "reference" else name.partition(":")[0]
    return f"from {module} import {found.__name__}"


def render_straight_line(line: StraightLine, property: str, message: str, implementation: Implementation) -> str:
    """Return the source of a test that fails as `line` shows."""
    roles = list(dict.fromkeys(role for role, _ in line.objects))
    imports = "\n".join(import_line(implementation, role) for role in roles)
    names = _names(line.objects)
    body = [f"{names[number]} = {_class(implementation, role)}({_arguments(args)})" for number, (role, args) in enumerate(line.objects)]
    body += [f'{_SHARED} = "{FALSE}"'] * _looks_before_change(line.program)
    stood: dict[str, str] = {}
    for number, statement in enumerate(line.program):
        body += _statement(statement, names, line.key)
        if isinstance(statement, Pause):
            now = line.sight["after", number]
            news = [f"{task} {_stands(line, task, state)}" for task, state in now.items() if stood.get(task) != state]
            stood = now
            body[-1] += f"  # {', '.join(news)}" if news else ""
    body += _ending(line, names)
    parts = [
        _docstring(property, message, implementation, roles),
        "import asyncio\n\n" + imports + "\n\n",
        _HAS_TO_WAIT + "\n" if line.key[0] == "truth" else _SETTLE + "\n",
        "\nasync def scenario():\n" + textwrap.indent("\n".join(body), "    ") + "\n\n",
        _RUN.replace("NAME", property.replace("-", "_")),
    ]
    return "".join(parts)


def _docstring(property: str, message: str, implementation: Implementation, roles: list[str]) -> str:
    classes = " and ".join(_class(implementation, role) for role in roles)
    head = f"{classes} of {implementation.version}: {property} does not hold"
    head += f" ({MEANINGS[property]})." if property in MEANINGS else "."
    tail = "Plain asyncio, one schedule, the same every time: run it with pytest, or as a script. It fails where the bug is."
    paragraphs = [head, f"In the run that showed it: {message}.", tail]
    text = "\n\n".join(textwrap.fill(paragraph.replace("\\", "\\\\").replace('"""', "'''"), 100) for paragraph in paragraphs)
    return f'"""{text}\n"""\n\n'


def _class(implementation: Implementation, role: str) -> str:
    return implementation.classes[role].__name__


def _names(objects: list[tuple[str, tuple[Any, ...]]]) -> list[str]:
    roles = [role.replace("bounded-", "") for role, _ in objects]
    return [role if roles.count(role) == 1 else f"{role}{roles[:number].count(role) + 1}" for number, role in enumerate(roles)]


def _stands(line: StraightLine, task: str, state: str) -> str:
    """Say how a task stands: "waits", "has it", "returned True", "was cancelled"."""
    (start,) = (statement for statement in line.program if isinstance(statement, Start) and statement.task == task)
    if state == "pending":
        return "waits"
    if state == "returned True":
        return "has it" if start.operation == "acquire" else "returned"
    return "was cancelled" if state.startswith("cancelled") else state


def _arguments(arguments: tuple[Any, ...]) -> str:
    return ", ".join(map(repr, arguments))


def _looks_before_change(program: Program) -> bool:
    """Return True if somebody waits for a predicate before it becomes true."""
    for statement in program:
        if isinstance(statement, Change):
            return False
        if isinstance(statement, Start) and statement.operation == "wait_for":
            return True
    return False


def _statement(statement: Statement, names: list[str], key: tuple[str, Any]) -> list[str]:
    if isinstance(statement, Pause):
        return ["await asyncio.sleep(0)"]
    if isinstance(statement, Start):
        arguments = f"lambda: {_SHARED}" if statement.operation == "wait_for" else _arguments(statement.arguments)
        call = f"{names[statement.owner]}.{statement.operation}({arguments})"
        return [f"{statement.task} = asyncio.ensure_future({call})"]
    if isinstance(statement, Cancel):
        call = f'{statement.task}.cancel("why")' if key == ("task", statement.task) else f"{statement.task}.cancel()"
        return [f"{call}  # as {statement.by} does when it gives up" if statement.by else call]
    if isinstance(statement, Change):
        return [f'{_SHARED} = "{TRUE}"']
    return [f"{names[statement.owner]}.{statement.operation}({_arguments(statement.arguments)})"]


def _ending(line: StraightLine, names: list[str]) -> list[str]:
    """Return the lines that look at the end: what is expected, and in words what is wrong if it is not so."""
    kind, about = line.key
    if kind == "truth":
        name = names[about]
        asserted = f'assert locked == has_to_wait({name}.acquire()), f"locked() says {{locked}}, which is not true"'
        return [f"locked = {name}.locked()", asserted]
    lines = ["await settle()"]
    if kind == "task":
        return lines + _about_task(line, str(about))
    name = names[about]
    if kind == "free":
        count = line.expected
        if count == 1:
            ending = [f"probe = asyncio.ensure_future({name}.acquire())", "await settle()"]
            return [*lines, *ending, 'assert probe.done(), "what is free cannot be acquired"']
        lost = f"{count - line.found} of {count} permits that are free cannot be acquired"
        lines.append(f"probes = [asyncio.ensure_future({name}.acquire()) for _ in range({count})]")
        return [*lines, "await settle()", f'assert all(probe.done() for probe in probes), "{lost}"']
    return [*lines, f'assert {name}.{kind}() is {line.expected}, "{kind}() is {line.found}"']


def _about_task(line: StraightLine, task: str) -> list[str]:
    starts: Mapping[str, Start] = {statement.task: statement for statement in line.program if isinstance(statement, Start)}
    operation = f"{starts[task].operation}()"
    expected, found = str(line.expected), str(line.found)
    if found == "pending":
        served = [name for name in starts if _comes_after(line, name, task)]
        overtaken = f"; {served[0]}, which came later, was served" if served else ""
        return [f'assert {task}.done(), "{task} waits in {operation} for ever{overtaken}"']
    if expected == "pending":
        return [f'assert not {task}.done(), "{task}\'s {operation} returned, and must not"']
    if expected.startswith("cancelled") and found.startswith("cancelled"):
        return [
            "try:",
            f"    await {task}",
            "except asyncio.CancelledError as error:",
            f'    assert error.args == {expected.removeprefix("cancelled ")}, f"the CancelledError carries {{error.args}}"',
        ]
    if expected.startswith("cancelled"):
        return [f'assert {task}.cancelled(), "{task} was cancelled in {operation}, which {found}"']
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
