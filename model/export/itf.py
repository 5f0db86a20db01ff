"""ITF, the trace format of Apalache and Quint: a counterexample, state by state.

Arrays over tasks become maps from task numbers; queues stay lists. Each state but the first names the step that led
to it.
"""

from __future__ import annotations

import json

from ..explicit import Violation
from ..language import Model


def itf(model: Model, violation: Violation) -> str:
    """Write a counterexample as an ITF trace."""
    states = []
    for index, state in enumerate(violation.states):
        meta: dict[str, object] = {"index": index}
        if index:
            meta["step"] = violation.schedule[index - 1]
        states.append({"#meta": meta, **{name: _value(model, name, value) for name, value in state.items()}})
    document: dict[str, object] = {
        "#meta": {
            "format": "ITF",
            "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
            "source": model.name,
            "status": "violation",
            "description": f"{violation.property}: {violation.message}",
        },
        "vars": list(violation.states[0]),
        "states": states,
    }
    if violation.loop is not None:
        document["loop"] = violation.loop
    return json.dumps(document, indent=2) + "\n"


def _value(model: Model, name: str, value: object) -> object:
    if name in model.arrays and isinstance(value, list):
        return {"#map": [[task, cell] for task, cell in enumerate(value)]}
    return value
