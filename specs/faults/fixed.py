"""The fixed twins of `history`: asyncio's design, keeping every clause. Of Event and Condition the plain twin is the fixed one."""

from __future__ import annotations

from . import history, twins
from .twins import Condition, Event

__all__ = ["BoundedSemaphore", "Condition", "Event", "Lock", "Semaphore"]


class Lock(history.WokenTakesLock, twins.Lock):
    """A lock whose release wakes the first waiter, which then takes it."""


class Semaphore(history.WokenTakes, twins.Semaphore):
    """A semaphore whose release wakes the first waiter, which then takes a permit."""


class BoundedSemaphore(history.WokenTakes, twins.BoundedSemaphore):
    """The same, which refuses to rise above its initial value."""
