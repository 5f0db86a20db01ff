"""The section "treadle" at the end of a session: only what a person has to know, and nothing if that is nothing."""

from __future__ import annotations

from typing import Any

from ..verdict import UNCHECKED

__all__ = ["write_summary"]

_SINGLE = (
    "there is a single interleaving; to open the test up, put `await checkpoint()` where it would wait for the outside world, "
    "or let cancellations strike its tasks: @pytest.mark.treadle(cancel=1)"
)


def write_summary(terminal: Any, reports: list[Any]) -> None:
    """Write which explored tests are not verified and why, and the warnings; with -v also the runs that show these."""
    verbose = terminal.config.get_verbosity() > 0
    lines: list[tuple[str, bool]] = []
    for report in reports:
        verdict = report.treadle
        if verdict["verdict"] not in ("verified", "violated"):
            lines.append((f"{verdict['verdict']}: {report.nodeid}: {'; '.join(verdict['reasons'])}", True))
        for warning in verdict["warnings"]:
            when = "cannot happen on the stock loop as written; it can as soon as the start of a task or a sleep(0) takes its time"
            lines.append((f"warning: {report.nodeid}: {warning['headline']} ({when}{'' if verbose else '; -v shows how'})", True))
            if verbose:
                lines.append((warning["text"], False))
        if verdict["verdict"] == "verified" and verdict["stats"]["executions"] == 1:
            lines.append((f"note: {report.nodeid}: {_SINGLE}", False))
        lines += [(f"note: {report.nodeid}: {note}", False) for note in verdict["notes"] if note in UNCHECKED]
    if lines:
        terminal.section("treadle", sep="=")
        for line, marked in lines:
            terminal.line(line, yellow=marked)
