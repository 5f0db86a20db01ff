"""The end of a run: what failed, with its table, and then one line for every target and clause.

The summary comes last, since the last screen is what people see; whoever wants a trace scrolls up, or opens the file
that is named with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..blame import relative
from ..outcomes import MARKS, Outcome, counterexample_of
from ..report import render_trace

__all__ = ["render_details", "render_summary"]

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


def render_summary(outcomes: Sequence[Outcome], verdict: str, seconds: float, remarks: Sequence[str]) -> RenderableType:
    """Return the table of all targets and clauses, and the sentence below it."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    table.add_column("target or clause", overflow="fold")
    table.add_column("evidence", overflow="fold")
    table.add_column("scope", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for kind, title in _KINDS.items():
        members = [outcome for outcome in outcomes if outcome.kind == kind]
        if members:
            table.add_row(Text(title, style="bold"))
        for outcome in members:
            table.add_row(
                Text(f"  {outcome.name}"), Text(outcome.evidence), Text(outcome.scope), _verdict(outcome), Text(f"{outcome.seconds:.1f} s")
            )
    lines: list[RenderableType] = [table, Text("")]
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


def _verdict(outcome: Outcome) -> Text:
    mark, colour = MARKS[outcome.verdict]
    if outcome.counted != outcome.verdict:
        return Text("✘ known", style="yellow")
    return Text(f"{mark} {outcome.verdict}", style=colour)

