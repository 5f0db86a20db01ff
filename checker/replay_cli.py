"""`treadle replay`: run the schedule of a trace again, on the simulated loop or on asyncio's own."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from . import cli_options as options
from .console import make_console, prints_to_stderr, show, write_json
from .replaying import replay_on_stock, replay_trace
from .report import render_table
from .reports import one_standard_output
from .trace import Trace, load_trace

__all__ = ["replay"]


def replay(
    trace: Annotated[str, typer.Argument(help="A trace file, written with --trace.", metavar="TRACE")],
    stock: Annotated[
        bool, typer.Option("--stock", help="On asyncio's own event loop, too: confirmed there, or not reproduced.")
    ] = False,
    pdb: Annotated[
        int | None, typer.Option("--pdb", metavar="STEP", help="Stop in the debugger where this step begins.", show_default=False)
    ] = None,
    json: options.JsonFile = None,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write the run as a page to step through in a browser.", show_default=False)
    ] = None,
) -> None:
    """Run a trace's schedule again; it must reach the same violation."""
    aside = one_standard_output(json=json, html=html)
    console = make_console(to_stderr=aside)
    recorded = load_trace(trace)
    if pdb is not None:
        raise typer.Exit(_debug(recorded, pdb))
    with prints_to_stderr(aside):
        outcome = replay_on_stock(recorded) if stock else replay_trace(recorded)
    show(console, Text(outcome.message, style="bold" if outcome.confirmed else "bold red"))
    show(console, render_table(outcome.trace))
    if json is not None:
        write_json(outcome.to_json(), json)
    if html is not None:
        from .viewer import write_page  # jinja2 takes a while to import

        write_page(outcome.trace, html)
    raise typer.Exit(0 if outcome.confirmed else 3)


def _debug(trace: Trace, step: int) -> int:
    """Run the trace with a debugger; return the exit code, 0 if it reached the violation that it is of."""
    from .debugging import debug

    wanted = trace.steps[step - 1] if 1 <= step <= len(trace.steps) else None
    if wanted is not None:
        print(f"step {step}: {wanted.task or 'the loop'}, {wanted.why}")
        print("n goes to the next line of this task, s also into other tasks, c to the end, q leaves")
    violation = debug(trace, step).violation
    expected = trace.violation.property if trace.violation else None
    print(f"the run ended: {violation.property}: {violation.message}" if violation else "the run ended without a violation")
    return 0 if (violation.property if violation else None) == expected else 3
