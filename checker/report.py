"""What treadle prints: verdicts and counterexamples, for a terminal, a CI log or a file.

The table of a counterexample has a column a task and a row a step. Steps that only carry news (the callback that
resolves a checkpoint's future) have no row of their own: they are the reason of the step that they wake. Nothing here
depends on a clock, an address or a terminal: the same verdict gives the same text for the same width, figures of time
aside.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .properties import MEANINGS
from .trace import Step, Trace
from .verdict import Counterexample, Verdict

__all__ = ["plain_text", "render_table", "render_trace", "render_verdict"]

_MARKS = {
    "verified": ("✔", "green"),
    "violated": ("✘", "red"),
    "bounded": ("…", "yellow"),
    "sampled": ("…", "yellow"),
    "inconclusive": ("?", "yellow"),
}
_CONTRACTS = {
    "stock": "can happen on the unmodified asyncio event loop",
    "stretched": "needs a task start or a bare yield, sleep(0), to take its time",
    "any": "needs ready callbacks to run in another order than asyncio's",
}
_MAX_ROWS = 60


def render_verdict(verdict: Verdict, detail: str = "") -> RenderableType:
    """Return the lines of one verdict: what was found, in which scope, at which cost."""
    mark, colour = _MARKS[verdict.verdict]
    head = Text.assemble((f"{mark} {verdict.verdict}", f"bold {colour}"), "  ", (verdict.target, "bold"), f"  {detail}" if detail else "")
    lines: list[RenderableType] = [head, Padding(Text(_scope_line(verdict), style="dim"), (0, 0, 0, 2))]
    for reason in verdict.reasons:
        lines.append(Padding(Text(f"not exhaustive: {reason}", style="yellow"), (0, 0, 0, 2)))
    for note in verdict.notes:
        lines.append(Padding(Text(f"note: {note}", style="dim"), (0, 0, 0, 2)))
    return Group(*lines)


def _scope_line(verdict: Verdict) -> str:
    stats = verdict.stats
    cancel = verdict.scope.get("cancel", 0)
    scope = [
        f"contract {verdict.scope.get('contract')}",
        f"time {verdict.scope.get('time')}",
        "no cancellation" if not cancel else f"up to {cancel} cancellation{'s' if cancel > 1 else ''}",
    ]
    if "tasks" in verdict.scope:
        rounds = verdict.scope["rounds"]
        scope += [_count(verdict.scope["tasks"], "client"), _count(rounds, "round") if rounds != "inf" else "any number of rounds"]
    runs, states = _count(stats.get("executions", 0), "run"), _count(stats.get("states", 0), "state")
    return f"{', '.join(scope)}: {runs}, {states}, {stats.get('seconds', 0.0):.2f} s"


def render_trace(counterexample: Counterexample, trace: Trace, warning: bool = False) -> RenderableType:
    """Return the report of a counterexample: the property, the message, the contract, and the table of the run."""
    meaning = MEANINGS.get(counterexample.property, "")
    colour = "yellow" if warning else "red"
    departures = sum(1 for index in counterexample.schedule if index)
    kind = "warning" if warning else "violated"
    lines: list[RenderableType] = [
        Text.assemble((f"{kind}: {counterexample.property}", f"bold {colour}"), f" ({meaning})" if meaning else ""),
        Text(counterexample.message, style="bold"),
        Text(
            f"weakest contract: {counterexample.contract} ({_CONTRACTS[counterexample.contract]}); "
            f"{_size(trace)}{_count(len(trace.steps), 'step')}, {_count(departures, 'departure')} from stock order, "
            f"{_count(counterexample.cancellations, 'cancellation')}; replayed",
            style="dim",
        ),
        render_table(trace),
    ]
    return Padding(Group(*lines), (0, 0, 1, 2))


def render_table(trace: Trace) -> Table:
    """Return a table with a column a task and a row a step."""
    rows = [step for step in trace.steps if _is_shown(step)]
    shown = {step.task for step in rows}
    tasks = [name for name in trace.tasks if name in shown and not (name == "main" and trace.target.kind == "verify")]
    rows = [step for step in rows if step.task in tasks or not step.task]
    outside = any(not step.task for step in rows)
    labels = list(trace.observed)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    table.add_column("step", justify="right", style="dim", no_wrap=True)
    for name in tasks:
        table.add_column(Text(name), ratio=2)
    if outside:
        table.add_column("loop", ratio=1)
    for label in labels:
        table.add_column(Text(label), ratio=1, style="cyan")
    left_out = max(0, len(rows) - _MAX_ROWS)
    for step in rows[left_out:]:
        cells: list[RenderableType] = [Text(str(step.number))]
        for name in tasks:
            cells.append(_cell(step) if step.task == name else Text(""))
        if outside:
            cells.append(_cell(step) if not step.task else Text(""))
        cells += [Text(step.changes.get(label, "")) for label in labels]
        table.add_row(*cells)
    if left_out:
        table.caption = f"the first {left_out} rows are left out; the trace file has them (--trace FILE)"
    return table


def _is_shown(step: Step) -> bool:
    return step.kind in ("start", "resume", "cancel", "timer") or bool(step.notes or step.changes)


def _cell(step: Step) -> RenderableType:
    lines: list[RenderableType] = [Text(step.why, style="bold red" if step.kind == "cancel" else "dim")]
    lines += [Text(note) for note in step.notes]
    if step.place and step.kind != "cancel":
        # What the program says is wrapped; a source line is only there to be recognised.
        lines.append(Text.assemble(step.source, (f"  {step.place}", "dim"), no_wrap=True, overflow="ellipsis"))
    elif step.source and step.kind != "cancel":
        lines.append(Text(step.source))
    return Group(*lines)


def plain_text(renderables: Sequence[RenderableType], width: int = 100) -> str:
    """Return what would be printed, without colours, for logs and golden files."""
    console = Console(width=width, force_terminal=False, color_system=None, record=True, file=io.StringIO())
    for renderable in renderables:
        console.print(renderable)
    lines = console.export_text(styles=False).splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _size(trace: Trace) -> str:
    """Say how small a verification shows the violation."""
    if trace.target.kind != "verify":
        return ""
    return f"{_count(trace.target.tasks, 'client')}, {trace.target.rounds} round{'' if trace.target.rounds == '1' else 's'}, "
