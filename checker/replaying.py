"""Run a trace's schedule again, against the program as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .execution import Scenario
from .recording import record
from .runtime import Settings
from .targets import resolve
from .trace import Trace
from .verification import find_part

__all__ = ["Replayed", "replay_trace"]


@dataclass
class Replayed:
    """What came of a replay. `confirmed` means: the schedule fitted, and the same property was violated."""

    confirmed: bool
    message: str
    trace: Trace

    def to_json(self) -> dict[str, Any]:
        """Return the outcome for `--json`."""
        violation = self.trace.violation
        return {
            "confirmed": self.confirmed,
            "message": self.message,
            "violation": None if violation is None else {"property": violation.property, "message": violation.message},
            "steps": len(self.trace.steps),
        }


def replay_trace(trace: Trace) -> Replayed:
    """Run the schedule of a trace.

    Raises:
        UsageError: if its target cannot be found any more.
    """
    settings = Settings(
        trace.scope["contract"],
        trace.scope["time"],
        trace.scope["cancel"],
        frozenset(trace.scope.get("ignore", ())),
        "leaked-tasks" in trace.scope.get("forbid", ()),
    )
    new, fits = record(_scenario(trace), settings, tuple(trace.schedule), trace.target)
    wanted = trace.violation.property if trace.violation else None
    found = new.violation.property if new.violation else None
    if fits and found == wanted:
        if new.violation is None:
            return Replayed(True, "replayed: no violation, as recorded", new)
        return Replayed(True, f"replayed: {new.violation.property}: {new.violation.message}", new)
    if not fits:
        why = "the schedule does not fit the program any more"
    else:
        why = f"this time the violation is {found or 'none'}, the trace says {wanted or 'none'}"
    changed = (
        ""
        if trace.versions == new.versions
        else f"; it was recorded under Python {trace.versions.get('python')}, this is {new.versions.get('python')}"
    )
    return Replayed(False, f"not reproduced: {why}{changed}. Has the program changed? Run the check again and write a new trace", new)


def _scenario(trace: Trace) -> Scenario:
    target = trace.target
    if target.kind == "verify":
        return find_part(target.name, target.implementation, target.tasks, target.rounds, target.part).fn
    return resolve(target.name)[0].function
