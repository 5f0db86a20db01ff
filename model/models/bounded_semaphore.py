"""BoundedSemaphore: a semaphore whose counter never exceeds its initial value; a release that would raises ValueError.

Clients release what they acquired, or release one too many while nothing is held or awaited. Releasing without having
acquired while others hold permits is allowed by the documentation, but makes the holders' own releases fail; it is left
out.
"""

from __future__ import annotations

from .family import Family, Fault
from .permits import FAULTS, Kind, construct

KIND = Kind("bounded-semaphore", has_value=True, misuse="ValueError")

FAMILY = Family(
    "bounded-semaphore",
    "a semaphore whose counter never exceeds its initial value",
    lambda size, fault: construct(KIND, size, fault),
    (
        *FAULTS,
        Fault(
            "unbounded",
            "a release above the initial value is accepted (what a plain Semaphore does)",
            ("counter-bounded", "permits-conserved"),
        ),
    ),
    has_value=True,
)
