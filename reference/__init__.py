"""The five synchronization primitives of asyncio, written to be read.

Drop-in replacements for `asyncio.Lock`, `Event`, `Condition`, `Semaphore` and `BoundedSemaphore`, a file each. They
keep what asyncio's documentation promises, and two rules on top of it: waiters of every kind are served strictly first
come, first served, and every promise also holds when a task is cancelled, at any moment. `docs/reference.md` tells
both in full.

How: a lock or a permit is never put down for somebody to pick up. Whoever gives it back *hands it over* to the first
waiter, so that it is never visible as free while anybody waits for it. Nobody can overtake, because there is nothing
to take. The price is paid in one place: a waiter that is cancelled after it was served has to pass on what it was
handed.

Refused: asyncio's own scheme, in which a release frees the lock and wakes a waiter, which then looks whether the lock
is still free. Between the two, a newcomer may take the lock and a cancellation may eat the wakeup, and either needs a
guard of its own.
"""

from .bounded_semaphore import BoundedSemaphore
from .condition import Condition
from .event import Event
from .lock import Lock
from .semaphore import Semaphore

__all__ = ["BoundedSemaphore", "Condition", "Event", "Lock", "Semaphore"]

# Reprs and pickles name a class by its public place, not by the file it happens to be written in.
for _primitive in (BoundedSemaphore, Condition, Event, Lock, Semaphore):
    _primitive.__module__ = __name__
del _primitive
