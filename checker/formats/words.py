"""What the formats share: the steps worth showing, a step in few words, and the state after each step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..endless import loop_of
from ..report_table import call_lines
from ..trace import Primitive, Step, Trace

__all__ = ["LOOP", "State", "columns", "speaks", "states", "told", "worth_showing"]

LOOP = "loop"
"""The name of the column of what belongs to no task; a task of that name shares it."""


@dataclass
class State:
    """The state after a step: values and primitives by name, and what each task is doing."""

    values: dict[str, str] = field(default_factory=dict)
    primitives: dict[str, Primitive] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)


def columns(trace: Trace) -> list[str]:
    """Return the tasks in the order in which they first ran, then those that never did, then the loop if it has steps."""
    names = list(dict.fromkeys([*trace.tasks, *(name for step in trace.steps for name in step.created)]))
    return [*names, LOOP] if any(not step.task for step in trace.steps) and LOOP not in names else names


def speaks(step: Step) -> bool:
    """Return True for steps that do more than carry news."""
    return step.kind not in ("outside", "callback") or bool(step.notes or step.primitives)


def worth_showing(trace: Trace) -> list[Step]:
    """Return the steps that do more than carry news; all steps of a loop in which none does."""
    loop = loop_of(trace)
    silent = loop is not None and not any(speaks(step) for step in trace.steps[loop.first - 1 :])
    return [step for step in trace.steps if speaks(step) or (silent and loop is not None and step.number >= loop.first)]


def told(step: Step, verifies: bool) -> list[str]:
    """Return what a step did, in few words: why it ran, its operations, how it ended."""
    lines = [step.why, *call_lines(step.calls, receivers=not verifies), *step.notes]
    if not verifies:
        lines += [
            f"{change.name.removeprefix(f'{step.task}: ')}: {change.before} → {change.after}"
            for change in step.changes
            if change.before is not None and change.after is not None
        ]
    if not step.place and step.kind != "cancel" and step.source:
        lines.append(step.source)
    return lines


def states(trace: Trace) -> Iterator[State]:
    """Yield the state after each step: the sum of the changes up to it. It is one object, which goes on changing."""
    state = State()
    for step in trace.steps:
        for change in step.changes:
            if change.after is None:
                state.values.pop(change.name, None)
            else:
                state.values[change.name] = change.after
        for primitive in step.primitives:
            state.primitives[primitive.name] = primitive
        if step.task and step.kind != "cancel":
            state.tasks[step.task] = (f"waits for {step.waits_for}" if step.waits_for else "ready") if step.stack else "done"
        for name in step.created:
            state.tasks.setdefault(name, "created")
        for wake in step.wakes:
            if state.tasks.get(wake.task) != "done":
                state.tasks[wake.task] = "cancelled, has not resumed" if wake.cancelled else "woken, has not resumed"
        yield state
