"""What is known of one target when all is done, in plain data: what the outputs (JUnit, SARIF, annotations) are made of.

A `Verdict` belongs to the process that explored; an `Outcome` crosses processes, carries for each violation its trace
and the line of the user's code that it blames, and knows nothing of how it came about. `check`, `verify` and `gate`
all make their outputs from it, so that the same failure looks the same wherever it is met.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .blame import Blame, Place, blame, place_of_definition
from .execution import Scenario
from .properties import MEANINGS
from .recording import record
from .runtime import Settings
from .trace import Target, Trace
from .verdict import EXIT_CODES, RANK, Counterexample, Verdict

__all__ = ["EVIDENCE", "Broken", "Known", "Outcome", "Rule", "broken_by", "counterexample_of", "outcome_of", "worst_of"]

EVIDENCE = {"check": "explored", "verify": "explored + refinement", "prove": "proof"}
"""What each kind of target rests on, in a word."""


class Rule(msgspec.Struct, frozen=True):
    """What was checked: the name of a property or the id of a clause, and what it says."""

    id: str
    text: str


class Known(msgspec.Struct, frozen=True):
    """Why a violation does not count, and until when (an ISO date; empty if for good)."""

    reason: str
    expires: str = ""


class Broken(msgspec.Struct):
    """A violation: the counterexample's own fields (`violation`, as in `--json`), its trace, and the line that it blames."""

    violation: dict[str, Any]
    trace: Trace | None = None
    blame: Blame | None = None
    known: Known | None = None
    warning: bool = False

    @property
    def message(self) -> str:
        """Return what happened, in one sentence."""
        return str(self.violation["message"])

    @property
    def place(self) -> Place | None:
        """Return the line that is blamed, if one is."""
        return self.blame.place if self.blame is not None else None

    @property
    def explanation(self) -> str:
        """Return the sentence that says how it came about; empty if there is none."""
        return self.trace.explanation if self.trace is not None else ""

    @property
    def property(self) -> str:  # the last of them: from here on the name is taken
        """Return the name of the property that is violated."""
        return str(self.violation["property"])


class Outcome(msgspec.Struct):
    """What is known of one target.

    `kind` is `check`, `verify`, `prove` or `clause`; `verdict` one of section 5 of the design; `message` says in one
    sentence why it is not `verified`, and `place` where, if no violation does; `listed` is where the target itself
    stands, for what has no place. `seconds` is the time that it took.
    """

    name: str
    kind: str
    verdict: str
    message: str = ""
    evidence: str = ""
    scope: str = ""
    seconds: float = 0.0
    broken: list[Broken] = []
    reasons: list[str] = []
    notes: list[str] = []
    place: Place | None = None
    listed: Place | None = None
    rule: Rule | None = None
    document: dict[str, Any] = {}

    @property
    def counted(self) -> str:
        """Return the verdict that counts: where every violation is known, what would hold without them."""
        if self.verdict == "violated" and self.violations and all(broken.known is not None for broken in self.violations):
            return "bounded" if self.reasons else "verified"
        return self.verdict

    @property
    def violations(self) -> list[Broken]:
        """Return what decides."""
        return [broken for broken in self.broken if not broken.warning]

    @property
    def exit_code(self) -> int:
        """Return the exit code that the verdict which counts asks for."""
        return EXIT_CODES[self.counted]


def worst_of(verdicts: list[str]) -> str:
    """Return the worst of several verdicts; of none, `inconclusive`."""
    return max(verdicts, key=RANK.index) if verdicts else "inconclusive"


def broken_by(
    counterexample: Counterexample,
    scenario: Scenario,
    settings: Settings,
    target: Target,
    first: frozenset[str] = frozenset(),
    warning: bool = False,
) -> Broken:
    """Record the run of a counterexample, and find the line that it blames; `first` as for `blame`."""
    trace, _ = record(scenario, settings, counterexample.schedule, target)
    trace.confirmation = counterexample.confirmation
    if counterexample.property == "witness":  # what never happens has no line; this is where it might have
        blamed = Blame(place_of_definition(scenario), "where the scenario begins")
    else:
        blamed = blame(scenario, settings, counterexample.schedule, first)
    return Broken(counterexample.to_json(), trace, blamed, warning=warning)


def outcome_of(verdict: Verdict, kind: str, broken: list[Broken], listed: Place | None = None) -> Outcome:
    """Return the outcome of a verdict whose violations and warnings have been looked into; `listed` as in `Outcome`."""
    first = next((each for each in broken if not each.warning), None)
    message = first.message if first is not None else "; ".join(verdict.reasons)
    return Outcome(
        name=verdict.target,
        kind=kind,
        verdict=verdict.verdict,
        message=message,
        evidence=EVIDENCE.get(kind, kind),
        scope=_scope(verdict),
        seconds=float(verdict.stats.get("seconds", 0.0)),
        broken=broken,
        reasons=list(verdict.reasons),
        notes=list(verdict.notes),
        listed=listed,
        document=verdict.to_json(),
    )


def _scope(verdict: Verdict) -> str:
    scope = verdict.scope
    parts = [str(scope.get("contract", ""))]
    if scope.get("time", "virtual") != "virtual":
        parts.append(f"time {scope['time']}")
    if "tasks" in scope:
        parts.append(f"{scope['tasks']}×{scope['rounds']}")
    cancel = scope.get("cancel", 0)
    parts.append(f"{cancel} cancel" if cancel else "no cancel")
    return ", ".join(part for part in parts if part)


def counterexample_of(broken: Broken) -> Counterexample:
    """Return the counterexample that a violation was made of."""
    return msgspec.convert(broken.violation, Counterexample)


def meaning_of(property: str) -> str:
    """Return what a property means to a reader."""
    return MEANINGS.get(property, property)
