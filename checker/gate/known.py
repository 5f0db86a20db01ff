"""Violations that a project knows of: they do not count, until the day on which they do again.

One that did not happen any more is worth a line: either it is mended, and its entry can go, or the search was cut off
before it, and nothing can be said.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence

from ..outcomes import Known, Outcome
from .jobs import Job
from .settings import GateError, KnownViolation, Settings

__all__ = ["excuse", "expect"]


def expect(settings: Settings, jobs: Sequence[Job], clauses: Collection[str] = ()) -> None:
    """Tell each job which of its violations are known.

    Raises:
        GateError: if a known violation is one of a target that does not exist.
    """
    for known, line in settings.known:
        matching = [job for job in jobs if job.name == known.target and job.kind != "clause"]
        if not matching and known.target not in clauses:
            names = ", ".join(dict.fromkeys([*(job.name for job in jobs if job.kind != "clause"), *clauses]))
            raise GateError(f"{settings.file}:{line}: there is no target {known.target!r}; the targets are {names}")
        for job in matching:
            job.known.append(known.property)


def excuse(settings: Settings, outcomes: Sequence[Outcome], today: datetime.date) -> list[str]:
    """Mark what is known in the outcomes; return a sentence for each entry that is of no use any more."""
    remarks = []
    for known, line in settings.known:
        where = f"{settings.file}:{line}"
        outcome = next((outcome for outcome in outcomes if outcome.name == known.target), None)
        if outcome is None:
            continue  # it was not asked for this time
        matching = [broken for broken in outcome.violations if broken.property == known.property]
        if matching and _is_over(known, today):
            what = f"the known violation of {known.property} by {known.target}"
            remarks.append(f"{where}: {what} counts again: it expired on {known.expires}")
            continue
        for broken in matching:
            broken.known = Known(known.reason, str(known.expires or ""))
        if not matching:
            remarks.append(f"{where}: {_absent(known, outcome)}")
    return remarks


def _is_over(known: KnownViolation, today: datetime.date) -> bool:
    return known.expires is not None and today > known.expires


def _absent(known: KnownViolation, outcome: Outcome) -> str:
    what = f"the known violation of {known.property} by {known.target}"
    if outcome.verdict == "verified" or (outcome.verdict == "violated" and not outcome.reasons):
        return f"{what} does not happen any more; remove the entry"
    return f"{what} was not met, but the search was not exhaustive ({outcome.verdict})"
