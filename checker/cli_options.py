"""The options that several commands share, once, as `typer` wants them."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "AllowBounded", "Cancel", "Contract", "Forbid", "HtmlFile", "Ignore", "JsonFile", "JunitFile", "KeepGoing", "MaxDepth", "MaxStates",
    "Merge", "Runs", "SarifFile", "Search", "Seed", "Strict", "Time", "Timeout", "TraceFile",
]  # fmt: skip

_SEARCH = "Search"
_OUTPUT = "Output"

Contract = Annotated[
    str | None,
    typer.Option("--contract", help="stock, stretched or any; without it stock decides and stretched warns.", show_default=False),
]
Time = Annotated[str, typer.Option("--time", help="virtual or any.")]
Cancel = Annotated[int, typer.Option("--cancel", min=0, help="How many cancellations may strike, at any moment.")]
Ignore = Annotated[list[str] | None, typer.Option("--ignore", metavar="PROPERTY", help="A property that does not count; can be repeated.")]
Forbid = Annotated[
    list[str] | None, typer.Option("--forbid", metavar="leaked-tasks", help="Make tasks that outlive the scenario a violation.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Warnings count as violations.")]
Merge = Annotated[str, typer.Option("--merge", help="auto, on or off: explore equal states once.", rich_help_panel=_SEARCH)]
Search = Annotated[str, typer.Option("--search", help="exhaustive, random or pct.", rich_help_panel=_SEARCH)]
Seed = Annotated[int, typer.Option("--seed", help="Seed of a random search.", rich_help_panel=_SEARCH)]
Runs = Annotated[
    int | None,
    typer.Option("--runs", min=1, help="Limit on runs (a random search: how many).", rich_help_panel=_SEARCH, show_default=False),
]
MaxStates = Annotated[
    int | None, typer.Option("--max-states", min=1, help="Limit on states.", rich_help_panel=_SEARCH, show_default=False)
]
MaxDepth = Annotated[int, typer.Option("--max-depth", min=1, help="Limit on the steps of one run.", rich_help_panel=_SEARCH)]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", min=0, help="Limit on time, in seconds, for each search.", rich_help_panel=_SEARCH, show_default=False),
]
KeepGoing = Annotated[bool, typer.Option("--keep-going", help="Collect a counterexample of every property.", rich_help_panel=_SEARCH)]
AllowBounded = Annotated[
    bool, typer.Option("--allow-bounded", help="Exit with 0 instead of 3 where nothing was violated.", rich_help_panel=_OUTPUT)
]
JsonFile = Annotated[
    str | None,
    typer.Option(
        "--json", metavar="FILE", help="Write the verdict as JSON; - is standard output.", rich_help_panel=_OUTPUT, show_default=False
    ),
]
TraceFile = Annotated[
    str | None,
    typer.Option(
        "--trace",
        metavar="FILE",
        help="Write the first counterexample's trace; - is standard output.",
        rich_help_panel=_OUTPUT,
        show_default=False,
    ),
]
HtmlFile = Annotated[
    str | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write the first counterexample as a page to step through in a browser; - is standard output.",
        rich_help_panel=_OUTPUT,
        show_default=False,
    ),
]
JunitFile = Annotated[
    str | None,
    typer.Option(
        "--junit",
        metavar="FILE",
        help="Write JUnit XML, for CI servers; - is standard output.",
        rich_help_panel=_OUTPUT,
        show_default=False,
    ),
]
SarifFile = Annotated[
    str | None,
    typer.Option(
        "--sarif",
        metavar="FILE",
        help="Write SARIF 2.1.0, for code scanning; - is standard output.",
        rich_help_panel=_OUTPUT,
        show_default=False,
    ),
]
