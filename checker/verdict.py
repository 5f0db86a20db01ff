"""The verdict on a scenario: made here and nowhere else.

`verified` is said only if a search ended because nothing was left, held nothing back and saw every witness that was
asked for. Everything that a person needs to judge how far a verdict reaches travels with it as its scope.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from .results import Result
from .runtime import Lasso, Settings

__all__ = ["EXIT_CODES", "RANK", "UNCHECKED", "Counterexample", "Verdict", "judge", "worst"]

EXIT_CODES = {"verified": 0, "violated": 1, "bounded": 3, "sampled": 3, "inconclusive": 3}
RANK = ("verified", "sampled", "bounded", "inconclusive", "violated")
"""Verdicts from the best to the worst."""

_NEVER_FIRED = (
    "a timeout or another timer never fired in any run: under virtual time the clock stands still as long as a checkpoint or an "
    "executor's job can complete; --time any lets timers fire first, too"
)
_CANCELLED = (
    "in some runs the scenario awaited a task that was cancelled, and ended there with its CancelledError: what it asserts further "
    "down was not checked in them; to go on, await tasks with `asyncio.wait(tasks)` or `gather(..., return_exceptions=True)`"
)
_ENDLESS = (
    "no run of this scenario ends: what is verified holds for ever, for any number of rounds; if somebody must get on in it again and "
    "again, say so there with `progress(name)`, or let the scenario end when the work is done"
)
_STALLED = (
    "in some runs tasks go round for ever while another one waits for the clock, which under virtual time stands still as long as anything "
    "can run: what happens when its time has come is not explored in them; --time any lets timers fire at any moment"
)
UNCHECKED = (_NEVER_FIRED, _CANCELLED, _ENDLESS, _STALLED)
"""Notes on what a person may believe to be checked, and is not."""


@dataclass(frozen=True)
class Counterexample:
    """A violated property with the schedule that shows it, and the weakest contract under which it does."""

    property: str
    message: str
    contract: str
    schedule: tuple[int, ...]
    time: str = "virtual"
    cancel: int = 0
    cancellations: int = 0  # how many of the budget strike
    confirmed: bool = False  # the same run was had on asyncio's own event loop
    confirmation: str = ""  # what came of trying that, or why it was not tried
    lasso: Lasso | None = None  # the schedule goes once round a loop that can be gone round for ever

    def to_json(self) -> dict[str, Any]:
        """Return the counterexample as in DESIGN section 6, with what a replay needs."""
        return {
            "property": self.property,
            "message": self.message,
            "contract": self.contract,
            "schedule": list(self.schedule),
            "time": self.time,
            "cancel": self.cancel,
            "cancellations": self.cancellations,
            "confirmed": self.confirmed,
            "confirmation": self.confirmation,
            **({"lasso": asdict(self.lasso)} if self.lasso is not None else {}),
        }

    def settings(self, ignore: Iterable[str] = (), forbid_leaked_tasks: bool = False, max_steps: int = Settings.max_steps) -> Settings:
        """Return what its run may do."""
        return Settings(self.contract, self.time, self.cancel, frozenset(ignore), forbid_leaked_tasks, max_steps, self.lasso)


@dataclass
class Verdict:
    """What is known of a target.

    `violations` decide; `warnings` break only under a stronger contract, or are runs that need not end although they can;
    `reasons` say what was held back; `notes` are for people.
    """

    target: str
    verdict: str
    violations: list[Counterexample] = field(default_factory=list)
    warnings: list[Counterexample] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stats: dict[str, Any] = field(default_factory=dict)
    scope: dict[str, Any] = field(default_factory=dict)
    outcomes: frozenset[str] = frozenset()
    witnesses: frozenset[str] = frozenset()
    parts: list[Verdict] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """Return the exit code of the command line: 0 verified, 1 violated, 3 not decided."""
        return EXIT_CODES[self.verdict]

    def __bool__(self) -> bool:
        """A verdict is true if it is `verified`, so that `assert check(scenario)` reads as it should."""
        return self.verdict == "verified"

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as in DESIGN section 6; `seconds` is its only figure of time."""
        document: dict[str, Any] = {
            "target": self.target,
            "verdict": self.verdict,
            "violations": [violation.to_json() for violation in self.violations],
            "warnings": [warning.to_json() for warning in self.warnings],
            "reasons": self.reasons,
            "notes": self.notes,
            "stats": self.stats,
            "scope": self.scope,
        }
        if self.parts:
            document["parts"] = [part.to_json() for part in self.parts]
        return document


def judge(
    target: str,
    result: Result,
    counterexamples: list[Counterexample],
    scope: dict[str, Any],
    expected_witnesses: frozenset[str] = frozenset(),
    defects: list[str] | None = None,
) -> Verdict:
    """Return the verdict on what a search saw.

    `defects` are findings that could not be replayed: they make a verdict inconclusive, never violated.
    """
    reasons = list(result.held_back)
    if counterexamples:
        verdict = "violated"
    elif defects:
        verdict = "inconclusive"
        reasons += defects
    elif result.interrupted:
        verdict = "inconclusive" if not result.executions else "bounded"
    elif result.sampled:
        verdict = "sampled"
    elif reasons or result.frontier:
        verdict = "bounded"
    else:
        unseen = sorted(expected_witnesses - result.witnesses)
        if unseen:
            verdict = "violated"
            counterexamples = [Counterexample("witness", f"never happened in any run: {', '.join(unseen)}", scope["contract"], ())]
        else:
            verdict = "verified"
    return Verdict(
        target,
        verdict,
        violations=counterexamples,
        reasons=reasons,
        notes=_notes(result, scope.get("time")),
        stats=stats_of(result),
        scope=scope,
        outcomes=frozenset(result.outcomes),
        witnesses=frozenset(result.witnesses),
    )


def stats_of(result: Result) -> dict[str, Any]:
    """Return the figures of a search under their stable names."""
    return {
        "executions": result.executions,
        "states": result.states,
        "transitions": result.transitions,
        "steps": result.steps,
        "seconds": round(result.seconds, 3),
        "lookups": result.lookups,
        "merged": result.merged,
    }


def _notes(result: Result, time: str | None) -> list[str]:
    notes = []
    if result.opaque:
        names = ", ".join(sorted(result.opaque))
        notes.append(f"states that hold one of these could not be merged with others, which costs time and nothing else: {names}")
    if not result.sampled and result.executions == 1 and not result.findings and not result.held_back:
        notes.append(
            "the scenario has a single interleaving under this contract; to open it up, put `await checkpoint()` where it would wait "
            "for the outside world, allow cancellations (--cancel 1), or take another contract (--contract stretched)"
        )
    if time == "virtual" and result.outrun - result.fired and not (result.findings or result.held_back or result.sampled):
        notes.append(_NEVER_FIRED)
    elif result.stalled and not result.findings:
        notes.append(_STALLED)
    if result.cancelled:
        notes.append(_CANCELLED)
    if result.endless and not result.findings:
        notes.append(_ENDLESS)
    return notes


def worst(verdicts: list[Verdict]) -> str:
    """Return the verdict on several targets together."""
    if not verdicts:
        return "inconclusive"
    return max((verdict.verdict for verdict in verdicts), key=RANK.index)


def versions() -> dict[str, str]:
    """Return the versions that a verdict holds for."""
    return {"python": platform.python_version(), "implementation": platform.python_implementation()}
