"""Faults: deliberately broken primitives, each of which a clause must catch.

A checker that passes everything is worth nothing, so every clause has at least one implementation that breaks just
its promise. Faults are broken versions of `twins`, which keep every clause; `history` retells bugs that real libraries
had, each as a faulty and a fixed twin. All of it is written for this project.
"""

from __future__ import annotations

from . import conditions, events, general, history, permits  # noqa: F401  # importing them registers their faults
from .fault import FAULTS, Fault
from .twins import CORRECT

__all__ = ["CORRECT", "FAULTS", "Fault"]

