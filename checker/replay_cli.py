"""`treadle replay`: run the schedule of a trace again, on the simulated loop or on asyncio's own."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from . import cli_options as options
from .console import make_console, show, write_json
from .replaying import replay_on_stock, replay_trace
from .report import render_table
from .trace import load_trace

__all__ = ["replay"]


def replay(
    trace: Annotated[str, typer.Argument(help="A trace file, written with --trace.", metavar="TRACE")],
    stock: Annotated[
        bool, typer.Option("--stock", help="On asyncio's own event loop, too: confirmed there, or not reproduced.")
    ] = False,
    json: options.JsonFile = None,
) -> None:
    """Run a trace's schedule again; it must reach the same violation."""
    console = make_console(to_stderr=json == "-")
    recorded = load_trace(trace)
    outcome = replay_on_stock(recorded) if stock else replay_trace(recorded)
    show(console, Text(outcome.message, style="bold" if outcome.confirmed else "bold red"))
    show(console, render_table(outcome.trace))
    if json is not None:
        write_json(outcome.to_json(), json)
    raise typer.Exit(0 if outcome.confirmed else 3)
