"""The simulated loop, the explorer, and everything that a person meets of treadle.

from treadle.checker import check, checkpoint

async def scenario():
    ...

assert check(scenario, cancel=1)
"""

from .api import check, scenario
from .errors import FenceError, NondeterminismError, TreadleError, UsageError
from .runtime import checkpoint, choose, fail, invariant, observe, when_stable, witness
from .verdict import Counterexample, Verdict

__all__ = [
    "Counterexample",
    "FenceError",
    "NondeterminismError",
    "TreadleError",
    "UsageError",
    "Verdict",
    "check",
    "checkpoint",
    "choose",
    "fail",
    "invariant",
    "observe",
    "scenario",
    "when_stable",
    "witness",
]

for _public in (
    Counterexample, FenceError, NondeterminismError, TreadleError, UsageError, Verdict, check, checkpoint, choose, fail, invariant,
    observe, scenario, when_stable, witness,
):  # fmt: skip
    _public.__module__ = __name__  # so that reprs and messages show the public name
del _public
