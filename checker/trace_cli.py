"""`treadle trace`: what can be done with a trace file. All but `test` do it without running the program."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from .console import make_console, show, write_bytes
from .report import render_recorded
from .sources import changed_functions
from .trace import load_trace

__all__ = ["trace_app"]

trace_app = typer.Typer(help="Show or convert a trace file, written with --trace.", no_args_is_help=True)
TraceArgument = Annotated[str, typer.Argument(help="A trace file, written with --trace.", metavar="TRACE")]


@trace_app.command("export")
def export_trace(
    trace: TraceArgument,
    format: Annotated[str, typer.Option("--format", "-f", help="perfetto, mermaid, itf or dot.", show_default=False)],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - is standard output.")] = "-",
) -> None:
    """Write a trace in the format of another viewer."""
    from .formats import export

    write_bytes(export(load_trace(trace), format).encode("utf-8", "replace"), output)


@trace_app.command("html")
def html(
    trace: TraceArgument,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to write the page; - is standard output.")],
) -> None:
    """Write a trace as one self-contained page, to step through in a browser."""
    from .viewer import write_page  # jinja2 takes a while to import

    write_page(load_trace(trace), output)


@trace_app.command("show")
def show_trace(trace: TraceArgument) -> None:
    """Print a trace: what went wrong, the table of the run, and where the nearest passing run parts."""
    recorded = load_trace(trace)
    console = make_console()
    show(console, render_recorded(recorded))
    changed = changed_functions(recorded)
    if changed:
        text = f"the program has changed since this trace was written: {', '.join(changed)}; run the check again for a new one"
        show(console, Text(text, style="yellow"))


@trace_app.command("test")
def write_standalone_test(
    trace: TraceArgument,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to write the test; - is standard output.")] = "-",
) -> None:
    """Write a small test in plain asyncio, without treadle, that fails for the same reason: ready for a bug report."""
    from .stock.standalone import write_test  # runs the program, which the other commands do not

    write_bytes(write_test(load_trace(trace)).encode("utf-8", "replace"), output)
