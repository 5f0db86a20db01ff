"""The `--json` document of a run: the stable names of a verdict, of all targets together, and each of them under `results`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..blame import Place, relative
from ..outcomes import Broken, Outcome
from ..verdict import versions

__all__ = ["gate_document"]

_FIGURES = ("executions", "states", "transitions", "steps")


def gate_document(
    outcomes: Sequence[Outcome], root: Path, verdict: str, seconds: float, remarks: Sequence[str], cut: str
) -> dict[str, Any]:
    """Return the document; `cut` says why the run ended early, empty if it did not."""
    stats: dict[str, Any] = {name: sum(outcome.document.get("stats", {}).get(name, 0) for outcome in outcomes) for name in _FIGURES}
    stats["seconds"] = round(seconds, 3)
    return {
        "verdict": verdict,
        "violations": [
            _violation(broken, root) | {"target": outcome.name}
            for outcome in outcomes
            for broken in outcome.violations
            if broken.known is None
        ],
        "stats": stats,
        "scope": {"versions": versions()},
        "interrupted": cut,
        "remarks": list(remarks),
        "results": [_result(outcome, root) for outcome in outcomes],
    }


def _result(outcome: Outcome, root: Path) -> dict[str, Any]:
    result: dict[str, Any] = dict(outcome.document)
    result |= {
        "target": outcome.name,
        "kind": outcome.kind,
        "verdict": outcome.verdict,
        "counts_as": outcome.counted,
        "message": outcome.message,
        "evidence": outcome.evidence,
        "scope_summary": outcome.scope,
        "reasons": outcome.reasons,
        "notes": outcome.notes,
        "seconds": round(outcome.seconds, 3),
        "place": _place(outcome.place, root),
        "violations": [_violation(broken, root) for broken in outcome.violations],
        "warnings": [_violation(broken, root) for broken in outcome.broken if broken.warning],
    }
    if outcome.rule is not None:
        result["clause"] = {"id": outcome.rule.id, "text": outcome.rule.text}
    return result


def _violation(broken: Broken, root: Path) -> dict[str, Any]:
    document = {**broken.violation, "place": _place(broken.place, root)}
    if broken.blame is not None:
        document["why"] = broken.blame.why
    if broken.known is not None:
        document["known"] = {"reason": broken.known.reason, "expires": broken.known.expires or None}
    return document


def _place(place: Place | None, root: Path) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"file": relative(place.file, root), "line": place.line, "function": place.function, "source": place.source}
