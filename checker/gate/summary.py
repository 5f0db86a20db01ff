"""The end of a run: what failed, with its table, and then one line for every target and clause.

The summary comes last, since the last screen is what people see; whoever wants a trace scrolls up, or opens the file
that is named with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..blame import relative
from ..outcomes import Outcome, counterexample_of
from ..report import MARKS, render_trace

__all__ = ["render_details", "render_summary"]

_TITLES = ("target or clause", "evidence", "scope", "verdict", "time")
_GAP = 3  # columns between two columns
_CLAUSE = 40  # columns for the text of a clause, if there is room
_KINDS = {"check": "scenarios", "verify": "primitives", "prove": "models", "clause": "clauses"}


def render_details(outcome: Outcome, root: Path, kept: Sequence[Path] = ()) -> RenderableType:
    """Return what there is to say of a target that is not simply verified: its violations, each with its place and its run."""
    lines: list[RenderableType] = [_head(outcome)]
    if outcome.place is not None:
        where = f"{relative(outcome.place.file, root)}:{outcome.place.line}"
        lines.append(Padding(Text.assemble((f"at {where}", "bold"), f": {outcome.place.source}"), (0, 0, 0, 2)))
    for reason in outcome.reasons:
        lines.append(Padding(Text(f"not exhaustive: {reason}", style="yellow"), (0, 0, 0, 2)))
    for note in outcome.notes:
        lines.append(Padding(Text(f"note: {note}", style="dim"), (0, 0, 0, 2)))
    for broken in outcome.broken:
        if broken.known is not None:
            until = f", until {broken.known.expires}" if broken.known.expires else ""
            lines.append(Padding(Text(f"known: {broken.property}: {broken.known.reason}{until}"), (0, 0, 0, 2)))
            continue
        if broken.place is not None:
            where = f"{relative(broken.place.file, root)}:{broken.place.line}"
            why = broken.blame.why if broken.blame is not None else ""
            lines.append(Padding(Text.assemble((f"at {where}", "bold"), f": {broken.place.source}\n  {why}"), (0, 0, 0, 2)))
        if broken.trace is not None:
            lines.append(render_trace(counterexample_of(broken), broken.trace, broken.warning))
        else:
            lines.append(Padding(Text(f"{broken.property}: {broken.message}"), (0, 0, 0, 2)))
    for path in kept:
        file = relative(str(path.resolve()), root)
        lines.append(Padding(Text(f"see it again with: treadle replay {file}"), (0, 0, 0, 2)))
    return Group(*lines, Text(""))


class _Summary:
    """The table of targets and clauses: scopes are wrapped before names, and verdicts never."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._outcomes = outcomes

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table for the width at hand."""
        rows = [(outcome, _cells(outcome)) for outcome in self._outcomes]
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
        least = _CLAUSE if any(outcome.rule is not None for outcome in self._outcomes) else 0
        widths = _widths([cells for _, cells in rows], options.max_width, least)
        for title, width in zip(_TITLES, widths, strict=True):
            table.add_column(title, width=width, overflow="fold", justify="right" if title == "time" else "left")
        for kind, title in _KINDS.items():
            members = [(outcome, cells) for outcome, cells in rows if outcome.kind == kind]
            if members:
                table.add_row(Text(title, style="bold"))
            for outcome, cells in members:
                name, evidence, scope, verdict, seconds = cells
                style = "yellow" if outcome.counted != outcome.verdict else MARKS[outcome.verdict][1]
                table.add_row(_name(name, outcome), Text(evidence), Text(scope), Text(verdict, style=style), Text(seconds))
        yield table


def _name(name: str, outcome: Outcome) -> RenderableType:
    """Return the name, and of a clause, in the line below it, as much of its text as there is room for."""
    lines: list[RenderableType] = [Text(name)]
    if outcome.rule is not None:
        lines.append(Text(outcome.rule.text, style="dim", no_wrap=True, overflow="ellipsis"))
    return Padding(Group(*lines), (0, 0, 0, 2))


def _cells(outcome: Outcome) -> tuple[str, str, str, str, str]:
    verdict = "✘ known" if outcome.counted != outcome.verdict else f"{MARKS[outcome.verdict][0]} {outcome.verdict}"
    return outcome.name, outcome.evidence, outcome.scope, verdict, f"{outcome.seconds:.1f} s"


def _widths(rows: Sequence[Sequence[str]], room: int, least: int) -> list[int]:
    """Return the width of each column: what it asks for, if all get that; else the scope yields first, then the evidence, then names.

    `least` is what the first column asks for at least.
    """
    wanted = [max(map(len, column)) for column in zip(_TITLES, *rows, strict=True)]
    wanted[0] = max(wanted[0] + 2, least)  # names are set in, and clauses have their text below
    room -= _GAP * (len(_TITLES) - 1)
    if sum(wanted) <= room:
        return wanted
    name, evidence, _, verdict, seconds = wanted
    room -= verdict + seconds
    evidence = min(evidence, room // 4)
    name = min(name, room - evidence - room // 4)
    return [name, evidence, max(1, room - name - evidence), verdict, seconds]


def render_summary(outcomes: Sequence[Outcome], verdict: str, seconds: float, remarks: Sequence[str]) -> RenderableType:
    """Return the table of all targets and clauses, and the sentence below it."""
    lines: list[RenderableType] = [_Summary(outcomes), Text("")]
    lines += [Text(remark, style="yellow") for remark in remarks]
    counts = {name: sum(1 for outcome in outcomes if outcome.verdict == name) for name in MARKS}
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    known = sum(1 for outcome in outcomes if outcome.counted != outcome.verdict)
    if known:
        told += f" ({known} known)"
    mark, colour = MARKS[verdict]
    lines.append(Text.assemble((f"{mark} {verdict}", f"bold {colour}"), f": {told}; {seconds:.1f} s"))
    return Group(*lines)


def _head(outcome: Outcome) -> Text:
    mark, colour = MARKS[outcome.verdict]
    head = Text.assemble((f"{mark} {outcome.verdict}", f"bold {colour}"), "  ", (outcome.name, "bold"))
    if outcome.rule is not None:
        head.append(f"  {outcome.rule.text}", "dim")
    return head

