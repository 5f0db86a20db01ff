"""A straight-line program as the source of a test: plain asyncio, as a person would write it into a bug report."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from ..implementations import CLASS_NAMES, Implementation
from ..properties import MEANINGS
from .asserting import ending_of, refusing
from .history import Made
from .statements import BLOCK, FALSE, TRUE, Act, Cancel, Change, Leave, Make, Pause, Program, Start
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
_HOLD = '''
async def hold(what, until):
    """Hold it in an `async with` block until a future is done."""
    async with what:
        await until
'''
_HELPERS = {"has_to_wait(": _HAS_TO_WAIT, "hold(": _HOLD, "settle()": _SETTLE}
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
    if name.startswith("fault:"):
        made = f'FAULTS["{name.removeprefix("fault:")}"].namespace().{CLASS_NAMES[role]}'
        return f"from treadle.specs.faults import FAULTS\n\n{found.__name__} = {made}"
    module = "treadle.reference" if name == "reference" else name.partition(":")[0]
    return f"from {module} import {found.__name__}"


def render_straight_line(line: StraightLine, property: str, message: str, implementation: Implementation) -> str:
    """Return the source of a test that fails as `line` shows."""
    makes = [statement for statement in line.program if isinstance(statement, Make)]
    roles = list(dict.fromkeys(statement.role for statement in makes))
    imports = "\n".join(import_line(implementation, role) for role in roles)
    names = _names(makes)
    body: list[str] = []
    stood: dict[str, str] = {}
    for position, statement in enumerate(line.program):
        if position == len(makes) and _looks_before_change(line.program):
            body.append(f'{_SHARED} = "{FALSE}"')
        if not isinstance(statement, Pause):
            body += refusing(line, position, statement, _statement(statement, names, line.key, implementation))
        else:
            body.append("await asyncio.sleep(0)")
            now = line.sight["after", position]
            news = [f"{task} {_stands(line, task, state)}" for task, state in now.items() if stood.get(task) != state]
            stood = now
            body[-1] += f"  # {', '.join(news)}" if news else ""
    body += ending_of(line, names)
    does = "\n".join(body)
    helpers = [helper for call, helper in _HELPERS.items() if call in does]
    parts = [
        _docstring(property, message, implementation, roles),
        "import asyncio\n\n" + imports + "\n\n",
        *[helper + "\n" for helper in helpers],
        "\nasync def scenario():\n" + textwrap.indent(does, "    ") + "\n\n",
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


def _names(makes: list[Make]) -> dict[int, str]:
    """Return what each object is called: by its role, with a number if there are others."""
    roles = [make.role.replace("bounded-", "") for make in makes]
    numbered = [role if roles.count(role) == 1 else f"{role}{roles[:number].count(role) + 1}" for number, role in enumerate(roles)]
    return dict(zip([make.number for make in makes], numbered, strict=True))


def _stands(line: StraightLine, task: str, state: str) -> str:
    """Say how a task stands: "waits", "has it", "returned True", "was cancelled"."""
    (start,) = (statement for statement in line.program if isinstance(statement, Start) and statement.task == task)
    if start.operation == BLOCK:
        return "has left its block" if state == "returned None" else "waits or is in its block" if state == "pending" else state
    if state == "pending":
        return "waits"
    if state == "returned True":
        return "has it" if start.operation == "acquire" else "returned"
    return "was cancelled" if state.startswith("cancelled") else state


def _arguments(arguments: tuple[Any, ...], names: Mapping[int, str]) -> str:
    return ", ".join(
        names[each.number] if isinstance(each, Made) else "object()" if type(each) is object else repr(each) for each in arguments
    )


def _looks_before_change(program: Program) -> bool:
    """Return True if somebody waits for a predicate before it becomes true."""
    for statement in program:
        if isinstance(statement, Change):
            return False
        if isinstance(statement, Start) and statement.operation == "wait_for":
            return True
    return False


def _statement(
    statement: Act, names: Mapping[int, str], key: tuple[str, Any], implementation: Implementation
) -> list[str]:
    if isinstance(statement, Make):
        return [f"{names[statement.number]} = {_class(implementation, statement.role)}({_arguments(statement.arguments, names)})"]
    if isinstance(statement, Start) and statement.operation == BLOCK:
        leaves = f"{statement.task}_leaves"
        started = f"{statement.task} = asyncio.ensure_future(hold({names[statement.owner]}, {leaves}))"
        return [f"{leaves} = asyncio.get_running_loop().create_future()", started]
    if isinstance(statement, Start):
        arguments = f"lambda: {_SHARED}" if statement.operation == "wait_for" else _arguments(statement.arguments, names)
        return [f"{statement.task} = asyncio.ensure_future({names[statement.owner]}.{statement.operation}({arguments}))"]
    if isinstance(statement, Leave):
        return [f"{statement.task}_leaves.set_{'exception(ValueError())' if statement.raises else 'result(None)'}"]
    if isinstance(statement, Cancel):
        call = f'{statement.task}.cancel("why")' if key == ("task", statement.task) else f"{statement.task}.cancel()"
        return [f"{call}  # as {statement.by} does when it gives up" if statement.by else call]
    if isinstance(statement, Change):
        return [f'{_SHARED} = "{TRUE}"']
    return [f"{names[statement.owner]}.{statement.operation}({_arguments(statement.arguments, names)})"]
