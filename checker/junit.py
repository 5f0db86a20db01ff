"""JUnit XML: the format that every CI server reads.

A target or clause is a test case, its kind the test suite. There is no official schema; written is what the schema of
Jenkins' xUnit plugin allows, which pytest is held to as well (`tests/data/junit-10.xsd`): no attributes of our own,
the place of a failure stands in its text. `violated` is a failure; what could not be decided is an error, unless it
is allowed; a known violation is skipped with its reason, so that it stays in sight.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from .blame import Place, relative
from .outcomes import Broken, Outcome, meaning_of
from .report import plain_text, render_table

__all__ = ["junit_document"]

_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\\uD7FF\\uE000-\\uFFFD\\U00010000-\\U0010FFFF]")
_WIDTH = 120


def junit_document(outcomes: Sequence[Outcome], root: Path, name: str = "treadle", allow_bounded: bool = False) -> bytes:
    """Return the XML document of a run, in UTF-8; `root` is the folder that places are relative to."""
    suites = ElementTree.Element("testsuites", {"name": name, **_figures(outcomes, allow_bounded, suites=True)})
    for kind in dict.fromkeys(outcome.kind for outcome in outcomes):
        members = [outcome for outcome in outcomes if outcome.kind == kind]
        suite = ElementTree.SubElement(suites, "testsuite", {"name": f"{name} {kind}", **_figures(members, allow_bounded)})
        for outcome in members:
            suite.append(_case(outcome, root, name, allow_bounded))
    ElementTree.indent(suites)
    buffer = io.BytesIO()
    ElementTree.ElementTree(suites).write(buffer, encoding="utf-8", xml_declaration=True)
    return buffer.getvalue() + b"\n"


def _figures(outcomes: Sequence[Outcome], allow_bounded: bool, suites: bool = False) -> dict[str, str]:
    kinds = [_kind(outcome, allow_bounded) for outcome in outcomes]
    figures = {
        "tests": str(len(outcomes)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "time": _seconds(sum(outcome.seconds for outcome in outcomes)),
    }
    return figures if suites else {**figures, "skipped": str(kinds.count("skipped"))}


def _kind(outcome: Outcome, allow_bounded: bool) -> str:
    """Return the element that says how it went; empty for a pass."""
    if outcome.counted == "violated":
        return "failure"
    if outcome.verdict == "violated":
        return "skipped"
    return "" if outcome.counted == "verified" or allow_bounded else "error"


def _case(outcome: Outcome, root: Path, name: str, allow_bounded: bool) -> ElementTree.Element:
    case = ElementTree.Element("testcase", name=_clean(outcome.name), classname=f"{name}.{outcome.kind}", time=_seconds(outcome.seconds))
    kind = _kind(outcome, allow_bounded)
    if kind == "error":
        element = ElementTree.SubElement(case, "error", type=outcome.verdict, message=_clean(outcome.message))
        element.text = _clean("\n".join([*_place_lines(outcome.place, root), *outcome.reasons, *outcome.notes]))
    elif kind:
        for broken in outcome.violations or [Broken({"property": outcome.kind, "message": outcome.message})]:
            message = broken.message if broken.known is None else f"known: {broken.known.reason}"
            element = ElementTree.SubElement(
                case, "skipped" if broken.known is not None else "failure", type=broken.property, message=_clean(message)
            )
            element.text = _clean(_explained(broken, root))
    lines = [f"{outcome.verdict}: {outcome.scope}".strip(": "), *outcome.reasons, *outcome.notes]
    lines += [f"warning: {broken.property}: {broken.message}" for broken in outcome.broken if broken.warning]
    ElementTree.SubElement(case, "system-out").text = _clean("\n".join(lines))
    return case


def _explained(broken: Broken, root: Path) -> str:
    """Return the text of a failure: the property, the place, and the table of the run."""
    lines = [f"{broken.property} ({meaning_of(broken.property)}): {broken.message}"]
    lines += [broken.explanation] if broken.explanation else []
    lines += _place_lines(broken.place, root)
    if broken.blame is not None and broken.blame.why:
        lines.append(f"  {broken.blame.why}")
    text = "\n".join(lines)
    if broken.trace is not None:
        text += "\n\n" + plain_text([render_table(broken.trace)], _WIDTH)
    return text


def _place_lines(place: Place | None, root: Path) -> list[str]:
    if place is None:
        return []
    function = f" in {place.function}" if place.function else ""
    return [f"{relative(place.file, root)}:{place.line}{function}: {place.source}".rstrip(": ")]


def _seconds(seconds: float) -> str:
    return f"{max(0.0, seconds):.3f}"


def _clean(text: str) -> str:
    """Return a text without the characters that XML cannot hold; a program's messages may have any."""
    return _NOT_XML.sub("�", text)
