"""The simulated loop, the explorer, and everything that a person meets of treadle.

from treadle.checker import check, checkpoint

async def scenario():
    ...

assert check(scenario, cancel=1)

A name is imported from where it is defined when it is first asked for: pytest imports this package in every project
that has treadle installed, and must not pay for the explorer where nothing is explored.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import FenceError, NondeterminismError, TreadleError, UsageError

if TYPE_CHECKING:
    from .api import check, scenario
    from .runtime import checkpoint, choose, fail, invariant, observe, progress, when_stable, witness
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
    "progress",
    "scenario",
    "when_stable",
    "witness",
]

for _error in (FenceError, NondeterminismError, TreadleError, UsageError):
    _error.__module__ = __name__  # so that reprs and messages show the public name
del _error

if not TYPE_CHECKING:  # mypy would take `__getattr__` as leave for any name
    _HOMES = {
        "api": ("check", "scenario"),
        "runtime": ("checkpoint", "choose", "fail", "invariant", "observe", "progress", "when_stable", "witness"),
        "verdict": ("Counterexample", "Verdict"),
    }
    _HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

    def __getattr__(name):
        """Import a public name when it is first asked for (PEP 562)."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
        value.__module__ = __name__
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
