"""What treadle prints: verdicts and counterexamples, for a terminal, a CI log or a file.

The table of a run is `report_table`'s. Nothing here
depends on a clock, an address or a terminal: the same verdict gives the same text for the same width, figures of time
aside.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from .endless import loop_of, numbers
from .properties import MEANINGS
from .report_table import StepTable
from .trace import Trace, Wait
from .verdict import Counterexample, Verdict

__all__ = ["MARKS", "kind_of", "plain_text", "render_end", "render_recorded", "render_table", "render_trace", "render_verdict"]

MARKS = {
    "verified": ("✔", "green"),
    "violated": ("✘", "red"),
    "bounded": ("…", "yellow"),
    "sampled": ("…", "yellow"),
    "inconclusive": ("?", "yellow"),
}
"""The sign and the colour of each verdict."""

_CONTRACTS = {
    "stock": "can happen on the unmodified asyncio event loop",
    "stretched": "needs a task start or a bare yield, sleep(0), to take its time",
    "any": "needs ready callbacks to run in another order than asyncio's",
}


def render_verdict(verdict: Verdict, detail: str = "") -> RenderableType:
    """Return the lines of one verdict: what was found, in which scope, at which cost."""
    mark, colour = MARKS[verdict.verdict]
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
    head = Text.assemble((f"{kind}: {counterexample.property}", f"bold {colour}"), f" ({meaning})" if meaning else "")
    lines: list[RenderableType] = [head]
    if trace.explanation:
        lines.append(Text(trace.explanation, style="bold"))
    lines += [
        Text(counterexample.message, style="" if trace.explanation else "bold"),
        Text(
            f"weakest contract: {counterexample.contract}{_possible(counterexample)}; "
            f"{_size(trace)}{_count(len(trace.steps), 'step')}, {_count(departures, 'departure')} from stock order, "
            f"{_count(counterexample.cancellations, 'cancellation')}; {_proof(counterexample)}",
            style="dim",
        ),
        *([Text(counterexample.confirmation, style="bold red")] if _is_doubtful(counterexample) else []),
        Text(),
        render_table(trace),
        *render_end(trace),
    ]
    return Padding(Group(*lines), (0, 0, 1, 2))


def _possible(counterexample: Counterexample) -> str:
    return "" if _is_doubtful(counterexample) else f" ({_CONTRACTS[counterexample.contract]})"


def _proof(counterexample: Counterexample) -> str:
    return "replayed, and confirmed on asyncio's own event loop" if counterexample.confirmed else "replayed"


def _is_doubtful(counterexample: Counterexample) -> bool:
    """Return True for what should have been confirmed on asyncio's own loop, and was not."""
    return counterexample.contract == "stock" and bool(counterexample.confirmation) and not counterexample.confirmed


def render_recorded(trace: Trace) -> RenderableType:
    """Return the report of a trace file: what was run, what went wrong, and the table of the run."""
    target = f"{trace.target.name} --impl {trace.target.implementation}" if trace.target.kind == "verify" else trace.target.name
    lines: list[RenderableType] = [Text(f"{target}  {_scope_of(trace)}", style="dim")]
    if trace.violation is None:
        lines.append(Text("nothing is violated in this run", style="bold"))
    else:
        meaning = MEANINGS.get(trace.violation.property, "")
        kind = kind_of(trace)
        colour = "yellow" if kind == "warning" else "red"
        lines.append(Text.assemble((f"{kind}: {trace.violation.property}", f"bold {colour}"), f" ({meaning})" if meaning else ""))
        if trace.explanation:
            lines.append(Text(trace.explanation, style="bold"))
        lines.append(Text(trace.violation.message, style="" if trace.explanation else "bold"))
        if trace.confirmation:
            lines.append(Text(trace.confirmation, style="dim"))
    return Padding(Group(*lines, Text(), render_table(trace), *render_end(trace)), (0, 0, 1, 2))


def kind_of(trace: Trace) -> str:
    """Return `violated`, or `warning` where the run only need not end: what a trace tells by itself."""
    lasso = trace.scope.get("lasso")
    return "warning" if trace.loop and lasso and not (lasso["inevitable"] or lasso["who"]) else "violated"


def _scope_of(trace: Trace) -> str:
    return f"contract {trace.scope.get('contract')}, time {trace.scope.get('time')}, {_size(trace)}Python {trace.versions.get('python')}"


def render_table(trace: Trace) -> RenderableType:
    """Return the table of a run, a column a task and a row a step."""
    return StepTable(trace)


def render_end(trace: Trace) -> list[RenderableType]:
    """Return what follows the table: who goes round and who waits meanwhile, or who is left waiting; the nearest passing run."""
    lines: list[RenderableType] = _render_loop(trace)
    if lines and trace.deadlock:
        lines.append(_circle(trace))
    if not lines and trace.violation is not None and (trace.deadlock or trace.violation.property == "no-deadlock") and trace.waits:
        lines += [Text(), Text("who waits for whom:", style="bold")]
        for wait in trace.waits:
            lines.append(_fact(wait.task, f"→ {_awaited(wait)}", wait.place))
        if trace.deadlock:
            lines.append(_circle(trace))
    parting = trace.parting
    if parting is not None:
        first = f"the same before step {parting.step}" if parting.step > 1 else "another first step"
        head = f"nearest passing run: {first}; there “{parting.instead}” instead of “{parting.chosen}”"
        lines += [Text(), Text.assemble((head, "bold"), " and then:" if parting.goes_on else "")]
        lines += [Padding(Text(line), (0, 0, 0, 2)) for line in parting.goes_on]
    return lines


def _render_loop(trace: Trace) -> list[RenderableType]:
    """Return what each task does in the loop with which the run ends."""
    loop = loop_of(trace)
    if loop is None:
        return []
    head = "who goes round, and who waits all along:" if loop.goers and loop.waits else "who goes round:" if loop.goers else "who waits:"
    lines: list[RenderableType] = [Text(), Text(head, style="bold")]
    lines += [_fact(goer.task, f"{goer.does} ({numbers(goer.steps)})", goer.place) for goer in loop.goers]
    return lines + [_fact(wait.task, f"→ {_awaited(wait)}", wait.place) for wait in loop.waits]


def _awaited(wait: Wait) -> str:
    held = [name for name in wait.holders if name not in wait.what]
    return f"{wait.what}, held by {', '.join(held)}" if held else wait.what


def _fact(task: str, told: str, place: str) -> RenderableType:
    return Padding(Text.assemble((task, "bold"), f" {told}", (f"  {place}", "dim")), (0, 0, 0, 2))


def _circle(trace: Trace) -> RenderableType:
    return Padding(Text(f"a circle: {' → '.join([*trace.deadlock, trace.deadlock[0]])}"), (0, 0, 0, 2))


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
    """Say how many clients the violation needs."""
    if trace.target.kind != "verify":
        return ""
    return f"{_count(sum(name != 'main' for name in trace.tasks), 'client')}, "
