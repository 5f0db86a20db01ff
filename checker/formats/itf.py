"""ITF, the trace format of Apalache and Quint: the run state by state.

Variables: which task ran and why, what every task is doing, what the primitives say of themselves, who holds them and
who waits for them, and the values of the program's variables as text.

A run that goes on for ever has a `loop`: the index of the first of the states that are repeated, the last of which is the
last state. State i is the one after step i + 1. A loop's first step leads *from* the state in which the last one ends, so
that is the one before the loop, and the states that are repeated begin with the one after that step.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from ..endless import loop_of
from ..trace import Trace
from .words import LOOP, columns, states

__all__ = ["itf"]

_VARIABLES = ["running", "why", "tasks", "primitives", "holders", "waiting", "values"]


def itf(trace: Trace) -> str:
    """Write a trace in ITF."""
    names = [name for name in columns(trace) if name != LOOP]
    found = []
    for step, state in zip(trace.steps, states(trace), strict=True):
        primitives = state.primitives.values()
        found.append(
            {
                "#meta": {"index": step.number - 1, "iteration": step.iteration, "place": step.place},
                "running": step.task,
                "why": step.why,
                "tasks": _map({name: state.tasks.get(name, "not created yet") for name in names}),
                "primitives": _map({each.name: each.state for each in primitives}),
                "holders": _map({each.name: _set(each.holders) for each in primitives}),
                "waiting": _map({each.name: each.waiting for each in primitives}),
                "values": _map(state.values),
            }
        )
    document = {
        "#meta": {
            "format": "ITF",
            "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
            "source": trace.target.name,
            "status": "ok" if trace.violation is None else "violation",
            "description": "" if trace.violation is None else f"{trace.violation.property}: {trace.violation.message}",
        },
        "vars": _VARIABLES,
        "states": found,
        **({"loop": loop.first - 1} if (loop := loop_of(trace)) is not None else {}),
    }
    return json.dumps(document, indent=2) + "\n"


def _map(pairs: Mapping[str, object]) -> dict[str, object]:
    return {"#map": [[key, value] for key, value in sorted(pairs.items())]}


def _set(items: Iterable[str]) -> dict[str, object]:
    return {"#set": sorted(set(items))}
