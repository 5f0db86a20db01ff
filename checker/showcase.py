"""`make verify`: the reference primitives, explored in all interleavings, and beside them the asyncio of this very
interpreter.

Fails only if the reference does not hold: what asyncio breaks is shown, with the trace of one counterexample a
primitive.
"""

from __future__ import annotations

import os
import platform
import sys

from rich.rule import Rule
from rich.text import Text

from .console import make_console, progress_on, show
from .recording import record
from .report import render_trace, render_verdict
from .runtime import Settings
from .trace import Target
from .verification import verify

__all__ = ["main"]

TASKS, ROUNDS, CANCEL = 3, 2, 1


def main() -> int:
    """Verify both; return 1 if the reference breaks a promise, 3 if that could not be decided."""
    console = make_console()
    code = 0
    for impl, title in (
        ("reference", "treadle.reference"),
        ("asyncio", f"asyncio of CPython {platform.python_version()}, which you are running"),
    ):
        show(console, Rule(title))
        jobs = os.cpu_count() or 1
        for verification in verify("all", impl=impl, tasks=TASKS, rounds=ROUNDS, cancel=CANCEL, jobs=jobs, progress_on=progress_on):
            show(console, render_verdict(verification.verdict))
            for found in verification.counterexamples:
                counterexample = found.counterexample
                settings = Settings(counterexample.contract, counterexample.time, counterexample.cancel)
                target = Target("verify", verification.primitive, impl, found.tasks, str(int(found.rounds)), found.part.name)
                trace, _ = record(found.part.fn, settings, counterexample.schedule, target)
                show(console, render_trace(counterexample, trace))
            if impl == "reference":
                code = max(code, verification.verdict.exit_code)
    if code == 0:
        show(console, Text("The reference keeps every promise that was checked, in every schedule of the scope above."))
    return code


if __name__ == "__main__":
    sys.exit(main())
