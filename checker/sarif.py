"""SARIF 2.1.0, for code scanning: each violation is a result at a line of the user's own code, its run a code flow.

The rule is the clause, or else the property. A task is a thread flow, and `executionOrder` counts the steps over all
of them, so that a viewer can interleave them as the loop did. Places below the root are relative, with the base
`PROJECT`, which a reader may set to wherever the checkout is; other places (an installed library, another Python's
asyncio) are absolute. Code scanning wants a location for every result: where no line is to blame, it is the one where
the target itself stands.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0 with errata 01; the schema is in `tests/data`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .blame import Place, Stand, relative
from .outcomes import Broken, Outcome, Rule, meaning_of
from .trace import Step

__all__ = ["sarif_document"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BASE = "PROJECT"
Document = dict[str, Any]


def sarif_document(outcomes: Sequence[Outcome], root: Path, allow_bounded: bool = False) -> Document:
    """Return the document of a run.

    Args:
        outcomes: what is known of each target; of a verified one nothing is written.
        root: the folder that places are relative to.
        allow_bounded: what could not be decided is a note instead of a warning.
    """
    rules: dict[str, Rule] = {}
    results = [
        _result(outcome, broken, _rule(rules, outcome, broken.property), root)
        for outcome in outcomes
        for broken in outcome.broken
    ]
    for outcome in outcomes:
        if not outcome.violations and outcome.verdict != "verified":
            results.append(_undecided(outcome, _rule(rules, outcome, outcome.verdict), root, allow_bounded))
    driver = {
        "name": "treadle",
        "semanticVersion": version("treadle"),
        "rules": [
            {
                "id": rule.id,
                "shortDescription": {"text": rule.text},
                "fullDescription": {"text": rule.text},
                "defaultConfiguration": {"level": "error"},
            }
            for rule in rules.values()
        ],
    }
    order = {rule: index for index, rule in enumerate(rules)}
    for result in results:
        result["ruleIndex"] = order[result["ruleId"]]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"description": {"text": "the folder that treadle was run in"}}},
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rules: dict[str, Rule], outcome: Outcome, name: str) -> Rule:
    texts = {
        "bounded": "a limit was reached before the search was through",
        "sampled": "schedules were sampled, not exhausted",
        "inconclusive": "it could not be decided whether the target holds",
    }
    rule = outcome.rule or Rule(name, texts.get(name, meaning_of(name)))
    return rules.setdefault(rule.id, rule)


def _result(outcome: Outcome, broken: Broken, rule: Rule, root: Path) -> Document:
    level = "note" if broken.known is not None else "warning" if broken.warning else "error"
    message = f"{outcome.name}: {broken.property}: {broken.message}"
    if broken.explanation:
        message += f". {broken.explanation[:1].upper()}{broken.explanation[1:]}"
    if broken.blame is not None and broken.blame.why:
        message += f". This line: {broken.blame.why}"
    result: Document = {
        "ruleId": rule.id,
        "level": level,
        "message": {"text": message},
        "locations": _locations(broken.place or outcome.listed, root),
        "partialFingerprints": {"treadle/v1": _digest(outcome.name, rule.id, broken.property)},
        "properties": {
            name: broken.violation[name] for name in ("property", "contract", "schedule", "cancellations") if name in broken.violation
        },
    }
    if broken.known is not None:
        until = f" (until {broken.known.expires})" if broken.known.expires else ""
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": broken.known.reason + until}]
    if broken.blame is not None and broken.blame.related:
        result["relatedLocations"] = [
            {"id": number, **_location(stand.place, root, f"{stand.task} waits here")}
            for number, stand in enumerate(broken.blame.related, 1)
        ]
    if flows := _flows(broken, root):
        result["codeFlows"] = flows
    return result


def _flows(broken: Broken, root: Path) -> list[Document]:
    """Return the run as one code flow with a thread flow for each task; empty if no line of the program ran in it."""
    if broken.blame is None or not broken.blame.steps:
        return []
    tasks: dict[str, list[Document]] = {}
    for stand in broken.blame.steps:
        tasks.setdefault(stand.task, []).append(
            {"executionOrder": stand.step, "location": _location(stand.place, root, _told(broken, stand))}
        )
    last = tasks[broken.blame.steps[-1].task][-1]
    last["importance"] = "essential"
    threads = [{"id": task, "message": {"text": f"task {task}"}, "locations": locations} for task, locations in tasks.items()]
    return [{"message": {"text": f"{broken.property}: {broken.message}"}, "threadFlows": threads}]


def _told(broken: Broken, stand: Stand) -> str:
    """Say what a step does: its reason, and what it changed."""
    said = f"step {stand.step}, {stand.task}"
    trace = broken.trace
    if trace is not None and 0 < stand.step <= len(trace.steps):
        step = trace.steps[stand.step - 1]
        said += f": {'; '.join(_news(step))}"
    return said


def _news(step: Step) -> Iterator[str]:
    """Yield what is worth knowing of a step: why it ran, what it called and noted, what changed, whom it woke."""
    yield step.why
    for call in step.calls:
        if call.operation:
            yield f"{call.receiver}.{call.function}() {call.result or 'waits'}".lstrip(".")
    yield from step.notes
    for change in step.changes:
        yield f"{change.name}: {change.before or 'nothing'} → {change.after or 'nothing'}"
    for wake in step.wakes:
        yield f"wakes {wake.task}"


def _undecided(outcome: Outcome, rule: Rule, root: Path, allow_bounded: bool) -> Document:
    return {
        "ruleId": rule.id,
        "level": "note" if allow_bounded else "error" if outcome.verdict == "violated" else "warning",
        "message": {"text": f"{outcome.name}: {outcome.verdict}: {outcome.message or 'no reason is known'}"},
        "locations": _locations(outcome.place or outcome.listed, root),
        "partialFingerprints": {"treadle/v1": _digest(outcome.name, rule.id, outcome.verdict)},
    }


def _locations(place: Place | None, root: Path) -> list[Document]:
    return [] if place is None else [_location(place, root)]


def _location(place: Place, root: Path, message: str = "") -> Document:
    path = relative(place.file, root)
    artifact = {"uri": Path(path).as_uri()} if Path(path).is_absolute() else {"uri": quote(path), "uriBaseId": _BASE}
    region: Document = {"startLine": max(1, place.line)}
    if place.source:
        region["snippet"] = {"text": place.source}
    location: Document = {"physicalLocation": {"artifactLocation": artifact, "region": region}}
    if place.function:
        location["logicalLocations"] = [{"fullyQualifiedName": place.function, "kind": "function"}]
    if message:
        location["message"] = {"text": message}
    return location


def _digest(*parts: str) -> str:
    """Return what tells a result from others across runs: not its line, which moves when the file is edited."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()
