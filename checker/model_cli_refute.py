"""`treadle model refute`: the shortest counterexample that z3 finds in a faulty model, driven through real code if wanted."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from treadle.model import bmc
from treadle.model.errors import ModelError
from treadle.model.explicit import Explorer
from treadle.model.models import family
from treadle.model.models.family import Family, Size

from .closing import Closing, close_loop
from .errors import TreadleError
from .implementations import PRIMITIVES, resolve
from .model_cli_common import (
    AllowBounded,
    Cancel,
    Document,
    FaultOption,
    Json,
    ModelArgument,
    Rounds,
    Tasks,
    Timeout,
    Value,
    described,
    finish,
    print_violation,
    scope_of,
    size_of,
    usage_error,
    verdict_of,
    violation_document,
)  # fmt: skip
from .report import render_trace

__all__ = ["refute"]


def refute(
    name: ModelArgument,
    fault: FaultOption = None,
    tasks: Tasks = 3,
    value: Value = None,
    rounds: Rounds = "1",
    cancel: Cancel = "1",
    properties: Annotated[list[str] | None, typer.Option("--property", help="Only this property (repeatable).")] = None,
    max_depth: Annotated[int, typer.Option("--max-depth", help="Look at schedules of up to so many steps.")] = 12,
    timeout: Timeout = None,
    allow_bounded: AllowBounded = False,
    replay_on: Annotated[
        str | None,
        typer.Option(
            "--replay-on", metavar="IMPL", help="Drive the counterexample through this code: reference, asyncio, stdlib:3.9, a file, ..."
        ),
    ] = None,
    target: Json = None,
) -> None:
    """Find a shortest counterexample with z3, which shares nothing with the explicit engine but the model.

    With --fault, the properties that the fault is said to break; --property chooses others. With --replay-on, the exit
    code is 1 if the code does the same and 3 if it does not.
    """
    closing: Closing | None = None
    try:
        chosen = family(name)
        if replay_on is not None and fault is None:
            raise ModelError("--replay-on needs --fault: a correct model has no counterexample to replay")
        size = size_of(chosen, tasks, value, rounds, cancel)
        model = chosen.build(size, fault)
        explorer = Explorer(model)
        wanted = properties or (list(chosen.fault(fault).breaks) if fault else None)
        result = bmc.refute(model, wanted, max_depth=max_depth, timeout=timeout)
        violations = [
            explorer.violation_along(found.property, "z3 found a schedule that breaks it", found.schedule)
            for found in result.refuted
        ]
        if replay_on is not None and fault is not None:
            closing = closed(chosen, size, fault, replay_on, wanted, max_depth, timeout)
    except (ModelError, TreadleError) as error:
        raise usage_error(str(error)) from None
    limit = result.limit or (None if violations else f"max-depth {result.depth}")
    document: Document = {
        "verdict": verdict_of(len(violations), limit),
        "violations": [violation_document(violation) for violation in violations],
        "stats": {"depth": result.depth, "seconds": round(result.seconds, 3)},
        "scope": scope_of(chosen, size, fault, engine="bmc", max_depth=max_depth, limit=limit),
    }
    if closing is not None:
        document["replay"] = closing.to_json()

    def show(console: Console) -> None:
        console.print(f"[bold]{document['verdict']}[/]  {described(chosen, size, fault)}")
        if limit:
            console.print(f"no (further) counterexample up to {result.depth} steps; held back by: {limit}.")
        for violation in violations:
            print_violation(console, violation)
        if closing is not None:
            print_closing(console, closing)

    if closing is not None and not closing.confirmed:
        finish(document, target, show, allow_bounded)
        raise typer.Exit(0 if allow_bounded else 3)
    raise finish(document, target, show, allow_bounded)


def closed(
    chosen: Family, size: Size, fault: str, replay_on: str, names: list[str] | None, max_depth: int, timeout: float | None
) -> Closing:
    """Drive the counterexamples of a faulty model through an implementation."""
    primitive = chosen.name if chosen.name in PRIMITIVES else None
    return close_loop(
        chosen, size, fault, resolve(replay_on, primitive), names=names, max_depth=max_depth, timeout=timeout
    )


def print_closing(console: Console, closing: Closing) -> None:
    """Print what came of driving a model's counterexamples through code."""
    for line in closing.lines():
        console.print(Text(line))
    if closing.counterexample is not None and closing.recorded is not None:
        console.print(render_trace(closing.counterexample, closing.recorded))
