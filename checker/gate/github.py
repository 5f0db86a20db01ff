"""What GitHub shows of a run: annotations at the lines of a pull request, and the summary of the step.

Both are switched on by the variables that its runners set, GITHUB_ACTIONS and GITHUB_STEP_SUMMARY. A runner shows ten
annotations of a kind and step; violations come first. What a program says is escaped, so that it can neither end the
command early nor start another, nor make markup.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from ..blame import Place, relative
from ..errors import UsageError
from ..outcomes import Outcome
from ..report import MARKS, plain_text, render_table

__all__ = ["annotate", "step_summary", "write_step_summary"]

_WIDTH = 120
_MOST = 900_000  # bytes of a step's summary; GitHub takes no more than 1 MiB


def annotate(outcomes: Sequence[Outcome], root: Path, allow_bounded: bool) -> Iterator[str]:
    """Yield the workflow commands of a run, violations first."""
    errors: list[str] = []
    warnings: list[str] = []
    for outcome in outcomes:
        for broken in outcome.broken:
            if broken.known is None:
                line = _command(
                    "warning" if broken.warning else "error",
                    broken.place or outcome.listed, root, f"{outcome.name}: {broken.property}",
                    broken.message + (f". {broken.explanation}" if broken.explanation else ""),
                )  # fmt: skip
                (warnings if broken.warning else errors).append(line)
        if not outcome.violations and outcome.verdict != "verified":
            kind = "warning" if allow_bounded else "error"
            line = _command(kind, outcome.place or outcome.listed, root, f"{outcome.name}: {outcome.verdict}", outcome.message)
            (warnings if allow_bounded else errors).append(line)
    yield from errors
    yield from warnings


def _command(kind: str, place: Place | None, root: Path, title: str, message: str) -> str:
    where = f"file={_property(relative(place.file, root))},line={place.line}," if place is not None else ""
    return f"::{kind} {where}title={_property('treadle: ' + title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def write_step_summary(text: str, environment: Mapping[str, str] = os.environ) -> None:
    """Append the summary to the file that the runner names, if it names one.

    Raises:
        UsageError: if the file cannot be written.
    """
    path = environment.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"cannot write the step summary to {path}: {error.strerror}; GITHUB_STEP_SUMMARY must name a file") from None


def step_summary(outcomes: Sequence[Outcome], root: Path, verdict: str, seconds: float, remarks: Sequence[str]) -> str:
    """Return the summary in Markdown: a table of what there is, the runs of what failed folded below it."""
    lines = [f"### treadle gate: {MARKS[verdict][0]} {verdict}", ""]
    lines += ["| target or clause | evidence | scope | verdict | time |", "|---|---|---|---|---:|"]
    for outcome in outcomes:
        said = f"{MARKS[outcome.verdict][0]} {outcome.verdict}" + (" (known)" if outcome.counted != outcome.verdict else "")
        cells = [outcome.name, outcome.evidence, outcome.scope, said, f"{outcome.seconds:.1f} s"]
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    lines += ["", *(f"- {_cell(remark)}" for remark in remarks), f"{seconds:.1f} s in all.", ""]
    for outcome in outcomes:
        for broken in outcome.broken:
            place = broken.place
            where = f" at `{relative(place.file, root)}:{place.line}`" if place is not None else ""
            title = _cell(f"{outcome.name}: {broken.property}: {broken.message}")
            lines += [f"<details><summary>{title}</summary>", "", where.strip(), ""]
            if broken.trace is not None:
                lines += ["<pre>", escape(plain_text([render_table(broken.trace)], _WIDTH)), "</pre>"]
            lines += ["</details>", ""]
            if sum(len(line.encode()) for line in lines) > _MOST:
                return "\n".join([*lines, "The rest is left out: a step's summary may not be longer.", ""])
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return escape(text, quote=False).replace("|", "\\|").replace("\n", " ")
