"""The part of a module that a scenario needs, as source without treadle.

Kept are the top-level statements that define what the scenario uses, and what these use, in their order. Imports of
`treadle.checker` fall away: the test that the source is put into defines these names itself.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

__all__ = ["Excerpted", "excerpt"]


@dataclass
class Excerpted:
    """The source that is left; the functions of treadle that it uses, by their own names; and lines that give them the program's."""

    future: list[str] = field(default_factory=list)
    source: str = ""
    uses: set[str] = field(default_factory=set)
    renamed: list[str] = field(default_factory=list)


def excerpt(source: str, name: str) -> Excerpted:
    """Return what the top-level function `name` needs of the module with that source."""
    found = Excerpted()
    tree = ast.parse(source)
    lines = source.splitlines()
    ours: dict[str, str] = {}  # the program's name → treadle's; "*" is the package itself
    defining: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            found.future += lines[statement.lineno - 1 : statement.end_lineno]
        elif (names := _names_of_ours(statement)) is not None:
            ours |= names
        else:
            for defined in _defined(statement):
                defining.setdefault(defined, []).append(statement)
    kept: list[ast.stmt] = []
    wanted = [name]
    seen: set[str] = set()
    while wanted:
        current = wanted.pop()
        if current in seen:
            continue
        seen.add(current)
        if current in ours:
            found.uses.add(ours[current])
        for statement in defining.get(current, []):
            if statement not in kept:
                kept.append(statement)
                wanted += [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]
                texts = [node.value for node in ast.walk(statement) if isinstance(node, ast.Constant)]
                wanted += [text for text in texts if isinstance(text, str) and text.isidentifier()]  # it may be an annotation
    kept = [statement for statement in kept if lines[statement.lineno - 1].strip() != "import asyncio"]  # the test has it
    kept.sort(key=lambda statement: statement.lineno)
    found.source = "\n\n\n".join(_text(statement, lines, ours) for statement in kept)
    for alias, own in ours.items():
        if alias in seen and own == "*":
            found.uses |= {node.attr for statement in kept for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
            found.renamed.append(alias)
        elif alias in seen and alias != own:
            found.renamed.append(f"{alias} = {own}")
    return found


def _names_of_ours(statement: ast.stmt) -> dict[str, str] | None:
    """Return what an import of treadle.checker defines; None for any other statement."""
    if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("treadle"):
        if statement.module == "treadle":
            return {alias.asname or alias.name: "*" for alias in statement.names}
        if statement.module == "treadle.checker":
            return {alias.asname or alias.name: alias.name for alias in statement.names}
    if isinstance(statement, ast.Import) and all(alias.name.startswith("treadle.checker") for alias in statement.names):
        return {alias.asname or "treadle": "*" for alias in statement.names}
    return None


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).partition(".")[0] for alias in statement.names]
    return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


def _text(statement: ast.stmt, lines: list[str], ours: dict[str, str]) -> str:
    """Return the lines of a statement, comments included, without treadle's own decorator."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    dropped = {
        number
        for decorator in decorators
        if any(isinstance(node, ast.Name) and node.id in ours for node in ast.walk(decorator))
        for number in range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1)
    }
    end = statement.end_lineno or statement.lineno
    return "\n".join(lines[number - 1] for number in range(first, end + 1) if number not in dropped)
