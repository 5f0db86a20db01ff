"""What `make verify` shows beside the gate: which promises the asyncio of this very interpreter breaks.

The gate has shown that the reference keeps them all; here the same is asked of asyncio, and what breaks is shown with
the trace of one counterexample a primitive. It decides nothing: whoever runs it cannot mend their interpreter.
"""

from __future__ import annotations

import os
import platform

from rich.rule import Rule
from rich.text import Text

from .console import make_console, progress_on, show
from .recording import record
from .report import render_trace, render_verdict
from .runtime import Settings
from .trace import Target
from .verification import verify

__all__ = ["main"]

TASKS, ROUNDS, CANCEL = 3, 1, 1


def main() -> None:
    """Verify this interpreter's asyncio, and show what it breaks."""
    console = make_console()
    show(console, Rule(f"for comparison: asyncio of CPython {platform.python_version()}, which you are running"))
    jobs = os.cpu_count() or 1
    broken = 0
    for verification in verify("all", impl="asyncio", tasks=TASKS, rounds=ROUNDS, cancel=CANCEL, jobs=jobs, progress_on=progress_on):
        show(console, render_verdict(verification.verdict))
        broken += bool(verification.counterexamples)
        for found in verification.counterexamples:
            counterexample = found.counterexample
            settings = Settings(counterexample.contract, counterexample.time, counterexample.cancel)
            target = Target("verify", verification.primitive, "asyncio", found.tasks, str(int(found.rounds)), found.part.name)
            trace, _ = record(found.part.fn, settings, counterexample.schedule, target)
            show(console, render_trace(counterexample, trace))
    if broken:
        show(console, Text("treadle.reference, which the gate above has checked, keeps these promises; asyncio of this version does not."))
    else:
        show(console, Text("This asyncio keeps every promise that was checked, in every schedule of the scope above."))


if __name__ == "__main__":
    main()
