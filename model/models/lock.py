"""Lock: one permit, so at most one holder; a release hands the lock to the task that has waited longest.

Releasing a lock that is not locked raises RuntimeError and changes nothing. A release by a task that is not the holder
is left out: the documentation allows it and promises nothing about it.
"""

from __future__ import annotations

from .family import Family
from .permits import FAULTS, Kind, construct

KIND = Kind("lock", has_value=False, misuse="RuntimeError")

FAMILY = Family(
    "lock", "mutual exclusion, first come first served", lambda size, fault: construct(KIND, size, fault), FAULTS
)
