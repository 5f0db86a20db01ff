"""Run a trace's schedule again, against the program as it is now: on the simulated loop, and on asyncio's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .errors import UsageError
from .execution import Scenario
from .recording import record
from .runtime import Lasso, Settings
from .sources import changed_functions
from .stock import Confirmation, confirm
from .targets import resolve
from .trace import Trace
from .verdict import versions
from .verification import find_part

__all__ = ["Replayed", "replay_on_stock", "replay_trace", "scenario_of", "settings_of"]


@dataclass
class Replayed:
    """What came of a replay. `confirmed` means: the schedule fitted, and the same property was violated."""

    confirmed: bool
    message: str
    trace: Trace
    stock: Confirmation | None = None  # what came of it on asyncio's own loop, where that was asked for

    def to_json(self) -> dict[str, Any]:
        """Return the outcome for `--json`."""
        violation = self.trace.violation
        document: dict[str, Any] = {
            "confirmed": self.confirmed,
            "message": self.message,
            "violation": None if violation is None else {"property": violation.property, "message": violation.message},
            "steps": len(self.trace.steps),
        }
        if self.stock is not None:
            document["stock"] = {"status": self.stock.status, "message": self.stock.message, "steps": self.stock.steps}
        return document


def replay_trace(trace: Trace) -> Replayed:
    """Run the schedule of a trace.

    Raises:
        UsageError: if its target cannot be found any more.
    """
    new, fits = record(scenario_of(trace), settings_of(trace), tuple(trace.schedule), trace.target)
    wanted = trace.violation.property if trace.violation else None
    found = new.violation.property if new.violation else None
    if fits and found == wanted:
        if new.violation is None:
            return Replayed(True, "replayed: no violation, as recorded", new)
        again = "; whether a way out of the loop has been made since only a search can say: run the check again" if new.loop else ""
        return Replayed(True, f"replayed: {new.violation.property}: {new.violation.message}{again}", new)
    if not fits:
        why = "the schedule does not fit the program any more"
    else:
        why = f"this time the violation is {found or 'none'}, the trace says {wanted or 'none'}"
    if trace.versions != new.versions:
        why += f"; it was recorded under Python {trace.versions.get('python')}, this is {new.versions.get('python')}"
    edited = changed_functions(trace)
    since = f"The program has changed since then: {', '.join(edited)}." if edited else "Has the program changed?"
    return Replayed(False, f"not reproduced: {why}. {since} Run the check again and write a new trace", new)


def replay_on_stock(trace: Trace) -> Replayed:
    """Run the schedule of a trace on the simulated loop, and if that still does the same, on asyncio's own event loop.

    Raises:
        UsageError: if its target cannot be found any more.
    """
    replayed = replay_trace(trace)
    if not replayed.confirmed:
        return replayed
    proof = confirm(scenario_of(trace), settings_of(trace), tuple(trace.schedule))
    where = f" ({proof.steps} callbacks, all in the same order, under Python {versions()['python']})" if proof else ""
    replayed.trace.confirmation = proof.message
    return replace(replayed, confirmed=bool(proof), message=proof.message + where, stock=proof)


def settings_of(trace: Trace) -> Settings:
    """Return the settings that a trace was recorded under."""
    return Settings(
        trace.scope["contract"],
        trace.scope["time"],
        trace.scope["cancel"],
        frozenset(trace.scope.get("ignore", ())),
        "leaked-tasks" in trace.scope.get("forbid", ()),
        lasso=Lasso(**lasso) if (lasso := trace.scope.get("lasso")) else None,
    )


def scenario_of(trace: Trace) -> Scenario:
    """Return the scenario that a trace is of, as it is now.

    Raises:
        UsageError: if it cannot be found any more.
    """
    target = trace.target
    if target.kind == "verify":
        return find_part(target.name, target.implementation, target.tasks, target.rounds, target.part).fn
    if target.kind == "pytest":
        raise UsageError(
            f"this is a trace of the test {target.name}, whose fixtures only pytest can set up; "
            f"run it with: pytest --treadle-replay TRACE {target.name.partition('::')[0]}"
        )
    return resolve(target.name)[0].function
