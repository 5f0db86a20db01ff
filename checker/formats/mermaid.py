"""A Mermaid sequence diagram: what a README, an issue or a chat can show by itself.

Participants are tasks; a note is a step, an arrow is a wake, a cross is a cancellation; what can repeat for
ever is in a loop block. A text of the program's could
end a statement, so every character that means something to Mermaid is written as its number.
"""

from __future__ import annotations

import re

from ..endless import loop_of
from ..trace import Step, Trace
from .words import LOOP, columns, told, worth_showing

__all__ = ["mermaid"]

_SPECIAL = re.compile(r"""[^\w .,()\[\]=+*/'→…?!&|:-]""")
_LONGEST = 90


def mermaid(trace: Trace) -> str:
    """Write a trace as a sequence diagram."""
    shown = worth_showing(trace)
    verifies = trace.target.kind == "verify"
    if verifies:
        shown = [step for step in shown if step.task != "main"]
    named = {step.task or LOOP for step in shown} | {wake.task for step in shown for wake in step.wakes}
    names = [name for name in columns(trace) if name in named]
    participants = {name: f"p{number}" for number, name in enumerate(names)}
    title = trace.explanation or (trace.violation.message if trace.violation else "nothing is violated")
    lines = ["---", f"title: {_quoted(title)}", "---", "sequenceDiagram"]
    if any(step.kind == "cancel" for step in shown):
        lines.append("    participant out as outside")
    lines += [f"    participant {identifier} as {_text(name)}" for name, identifier in participants.items()]
    loop = loop_of(trace)
    first = next((step.number for step in shown if loop is not None and step.number >= loop.first), 0)
    for step in shown:
        if loop is not None and step.number == first:
            lines.append(f"    loop {_text(f'for ever: {loop.name}')}")
        lines += [f"    {line}" for line in _statements(step, participants, verifies)]
        if trace.parting is not None and trace.parting.step == step.number:
            last = participants[names[-1]]
            text = _text(f"here the nearest passing run parts: {trace.parting.instead}")
            lines.append(f"    Note over {participants[names[0]]},{last}: {text}")
    if first:
        lines.append("    end")
    return "\n".join([*lines, ""])


def _statements(step: Step, participants: dict[str, str], verifies: bool) -> list[str]:
    me = participants[step.task or LOOP]
    if step.kind == "cancel":
        window = ", woken and not resumed" if step.in_window else ""
        return [f"out-x{me}: {_text(f'{step.number} cancel{window}')}"]
    words = [f"{step.number} {told(step, verifies)[0]}", *told(step, verifies)[1:]]
    lines = [f"Note over {me}: " + "<br/>".join(_text(word) for word in words)]
    for wake in step.wakes:
        if wake.task in participants and wake.task != step.task:
            operation = wake.operation.rsplit(".", 1)[-1] if verifies else wake.operation
            lines.append(f"{me}-{'x' if wake.cancelled else ')'}{participants[wake.task]}: {_text(operation or 'wakes')}")
    return lines


def _text(text: str) -> str:
    """Return a text with what Mermaid would read as its own written as numbers."""
    text = " ".join(text.split())
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return _SPECIAL.sub(lambda found: f"#{ord(found.group())};", text) or " "


def _quoted(text: str) -> str:
    """Return a text as a YAML string."""
    return '"' + " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'
