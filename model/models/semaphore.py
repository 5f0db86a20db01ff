"""Semaphore: a counter of permits. A task may release what it never acquired, which adds a permit for good.

The number of such surplus releases is counted (`extra`), so that conservation can be stated. With unlimited rounds the
explicit engine needs a bound on them (`Size.surplus`); proofs do not.
"""

from __future__ import annotations

from .family import Family
from .permits import FAULTS, Kind, construct

KIND = Kind("semaphore", has_value=True, surplus=True)

FAMILY = Family(
    "semaphore",
    "a counter of permits that never goes below zero, first come first served",
    lambda size, fault: construct(KIND, size, fault),
    FAULTS,
    has_value=True,
)
