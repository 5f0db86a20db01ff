"""Make the trace of the first counterexample of something that goes wrong."""

from pathlib import Path

from treadle.checker.api import check
from treadle.checker.recording import record
from treadle.checker.trace import Target
from treadle.checker.verification import verify

ROOT = Path(__file__).resolve().parents[2]
SWALLOWING = str(ROOT / "tests" / "golden" / "swallowing.py")


def recorded(what, tasks=2, cancel=0):
    """Return the trace of a scenario, or of the verification of a primitive that swallows permits."""
    if isinstance(what, str):
        (verification,) = verify(what, impl=SWALLOWING, tasks=tasks, rounds=1, cancel=cancel)
        found = verification.counterexamples[0]
        counterexample = found.counterexample
        target = Target("verify", what, "tests/golden/swallowing.py", found.tasks, str(int(found.rounds)), found.part.name)
        scenario = found.part.fn
    else:
        counterexample = check(what, cancel=cancel, contract="stock").violations[0]
        target = Target("check", f"tests/traces/mishaps.py::{what.__name__}")
        scenario = what
    trace, fits = record(scenario, counterexample.settings(), counterexample.schedule, target)
    assert fits
    assert trace.violation.property == counterexample.property
    return trace
