"""Graphviz: the run as a path of its choices, with what else could have come beside it; and the wait-for graph at its end.

From the end of a run that goes on for ever an edge leads back to the first choice of its loop, or to the end itself if there is
none in it.
"""

from __future__ import annotations

from ..endless import loop_of
from ..trace import Step, Trace

__all__ = ["dot"]


def dot(trace: Trace) -> str:
    """Write a trace as a DOT digraph."""
    lines = [
        f"digraph {_quoted(trace.target.name)} {{",
        "  rankdir=LR; node [shape=circle, fontname=sans, fontsize=10, width=0.25, height=0.25, fixedsize=false, margin=0.04];",
        "  edge [fontname=sans, fontsize=9];",
        '  start [shape=point, label=""];',
    ]
    points = [step for step in trace.steps if len(step.options) > 1]
    previous, label = "start", ""
    for step in points:
        node = f"s{step.number}"
        lines.append(f"  {node} [label={_quoted(str(step.number))}];")
        lines.append(f"  {previous} -> {node} [penwidth=2, label={_quoted(label)}];")
        lines += _branches(step, node, trace)
        previous, label = node, step.options[step.chosen]
    if trace.violation is None:
        lines.append('  end [shape=doublecircle, label="passes"];')
    else:
        lines.append(f"  end [shape=box, color=red, fontcolor=red, label={_quoted(trace.violation.property)}];")
    lines.append(f"  {previous} -> end [penwidth=2, label={_quoted(label)}];")
    loop = loop_of(trace)
    if loop is not None:
        back = next((f"s{step.number}" for step in points if step.number >= loop.first), "end")
        lines.append(f"  end -> {back} [penwidth=2, style=dashed, color=purple, fontcolor=purple, label={_quoted(loop.repeats)}];")
    if trace.waits:
        lines += _waits(trace)
    return "\n".join([*lines, "}", ""])


def _branches(step: Step, node: str, trace: Trace) -> list[str]:
    lines = []
    for number, text in enumerate(step.options):
        if number == step.chosen:
            continue
        parting = trace.parting
        passes = parting is not None and parting.position == step.position and parting.instead == text
        style = 'color=darkgreen, label="passes", fontcolor=darkgreen' if passes else 'shape=point, color=gray, label=""'
        lines.append(f"  {node}_{number} [{style}];")
        lines.append(f"  {node} -> {node}_{number} [color={'darkgreen' if passes else 'gray'}, label={_quoted(text)}];")
    return lines


def _waits(trace: Trace) -> list[str]:
    """Return the wait-for graph: boxes are tasks, ellipses what they wait for."""
    lines = ["  subgraph cluster_waits {", '    label="who waits for whom at the end"; fontname=sans; fontsize=10; color=gray;']
    names: dict[tuple[str, str], str] = {}

    def node(kind: str, text: str) -> str:
        if (kind, text) not in names:
            names[kind, text] = f"w{len(names)}"
            shape = "box" if kind == "task" else "ellipse"
            colour = ", color=red" if kind == "task" and text in trace.deadlock else ""
            lines.append(f"    {names[kind, text]} [shape={shape}, label={_quoted(text)}{colour}];")
        return names[kind, text]

    for wait in trace.waits:
        waiter, thing = node("task", wait.task), node("thing", wait.what)
        lines.append(f'    {waiter} -> {thing} [label="waits for"];')
        for holder in wait.holders:
            owner = node("task", holder)
            edge = f'    {thing} -> {owner} [style=dashed, label="held by"];'
            if edge not in lines:
                lines.append(edge)
    return [*lines, "  }"]


def _quoted(text: str) -> str:
    text = "".join(character if character.isprintable() else " " for character in text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
