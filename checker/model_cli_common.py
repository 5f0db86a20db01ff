"""What the commands of `treadle model` share: their options, their documents, how they print and end.

Nothing here decides a verdict but `verdict_of`, in one place: a search that was held back is never `verified`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from treadle.model.errors import ModelError
from treadle.model.explicit import Violation
from treadle.model.models.family import Family, Size

from .verdict import EXIT_CODES

__all__ = [
    "AllowBounded", "Cancel", "Document", "FaultOption", "Json", "ModelArgument", "Rounds", "Tasks", "Timeout", "Value", "Watcher",
    "described", "finish", "print_violation", "scope_of", "size_of", "usage_error", "verdict_of", "violation_document", "write_json",
]  # fmt: skip

Document = dict[str, object]

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A name from `treadle model list`.")]
Tasks = Annotated[int, typer.Option("--tasks", help="Number of tasks.")]
Value = Annotated[int | None, typer.Option("--value", help="Initial value, for the semaphores (default 1).")]
Rounds = Annotated[str, typer.Option("--rounds", help="Rounds a task, or inf.")]
Cancel = Annotated[str, typer.Option("--cancel", help="Cancellations a task, or inf.")]
FaultOption = Annotated[str | None, typer.Option("--fault", help="Build the model with this fault.")]
Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is standard output.")
]
Timeout = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", help="Stop after so long: bounded.")]
AllowBounded = Annotated[
    bool, typer.Option("--allow-bounded", help="Exit with 0 instead of 3 when a limit was reached.")
]


def verdict_of(violations: int, limit: str | None) -> str:
    """Give the verdict of a search: `violated`, `bounded` (it was held back), or `verified`."""
    if violations:
        return "violated"
    return "bounded" if limit else "verified"


def usage_error(message: str) -> typer.Exit:
    """Print one clear message on standard error; give the exit for usage errors."""
    typer.echo(f"treadle model: {message}", err=True)
    return typer.Exit(2)


def size_of(chosen: Family, tasks: int, value: int | None, rounds: str, cancel: str) -> Size:
    """Read the options that say how large the model is."""
    if value is not None and not chosen.has_value:
        raise ModelError(f"{chosen.name} has no initial value to choose; leave --value out")
    return Size(tasks, 1 if value is None else value, unlimited("--rounds", rounds), unlimited("--cancel", cancel))


def unlimited(option: str, text: str) -> int | None:
    """Read a number or `inf` (None)."""
    if text == "inf":
        return None
    if text.isdigit():
        return int(text)
    raise ModelError(f"{option} expects a whole number or inf, not {text!r}")


def scope_of(chosen: Family, size: Size, fault: str | None, **more: object) -> Document:
    """Give what a verdict holds for, in the words of the options."""
    scope: Document = {
        "model": chosen.name,
        "tasks": size.tasks,
        **({"value": size.value} if chosen.has_value else {}),
        "rounds": "inf" if size.rounds is None else size.rounds,
        "cancel": "inf" if size.cancel is None else size.cancel,
        "fault": fault,
    }
    return scope | more


def finish(document: Document, target: str | None, show: Callable[[Console], None], allow_bounded: bool) -> typer.Exit:
    """Print or write a result; give the exit that its verdict asks for."""
    if target != "-":
        show(Console())
    if target is not None:
        write_json(document, target)
    code = EXIT_CODES[str(document["verdict"])]
    return typer.Exit(0 if code == 3 and allow_bounded else code)


def write_json(document: Document, target: str) -> None:
    """Write a document to a file, or to standard output."""
    text = json.dumps(document, indent=2)
    if target == "-":
        typer.echo(text)
        return
    try:
        with open(target, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
    except OSError as error:
        raise usage_error(f"cannot write {target}: {error.strerror}") from None


def violation_document(violation: Violation) -> Document:
    """Give a violation as JSON: the stable names, then what helps to read it."""
    document: Document = {
        "property": violation.property,
        "message": violation.message,
        "length": violation.length,
        "schedule": list(violation.schedule),
        "states": list(violation.states),
    }
    if violation.id:
        document["id"] = violation.id
    if violation.loop is not None:
        document["loop"] = violation.loop
    return document


class Watcher:
    """Shows how far a search has come, on a terminal only."""

    def __init__(self, wanted: bool):
        self._progress = (
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            if wanted and sys.stderr.isatty()
            else None
        )
        self._task = self._progress.add_task("exploring") if self._progress else None

    def __enter__(self) -> Watcher:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def say(self, text: str) -> None:
        """Show a line."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, description=text)

    def __call__(self, states: int, depth: int) -> None:
        """Take the number of states visited so far and the depth."""
        self.say(f"{states:,} states, depth {depth}")


def described(chosen: Family, size: Size, fault: str | None) -> str:
    """Describe a size in one line."""
    value = f", value {size.value}" if chosen.has_value else ""
    rounds = "any number of rounds" if size.rounds is None else f"{size.rounds} round(s) a task"
    cancel = "any number of cancellations" if size.cancel is None else f"{size.cancel} cancellation(s) a task"
    return f"{chosen.name}: {size.tasks} task(s){value}, {rounds}, {cancel}{f', fault {fault}' if fault else ''}"


def print_violation(console: Console, violation: Violation) -> None:
    """Print a counterexample as a table with a row a step: the step, and what it changed."""
    number = f" ({violation.id})" if violation.id else ""
    console.print(
        f"\n[bold]{violation.property}[/]{number}: {violation.message}; shortest counterexample, "
        f"{violation.length} steps:"
    )
    table = Table("", "step", "what changes")
    for index, (step, before, after) in enumerate(
        zip(violation.schedule, violation.states, violation.states[1:], strict=False), start=1
    ):
        mark = " <- the loop begins after this step" if violation.loop == index else ""
        table.add_row(str(index), step + mark, "; ".join(changes(before, after)))
    console.print(table)


def changes(before: Document, after: Document) -> list[str]:
    """Describe the difference of two decoded states."""
    lines = []
    for name, old in before.items():
        new = after[name]
        if old == new:
            continue
        if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            lines += [f"{name}[{i}]: {a} -> {b}" for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
        else:
            lines.append(f"{name}: {old} -> {new}")
    return lines
