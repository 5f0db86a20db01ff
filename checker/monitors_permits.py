"""Lock, Semaphore and BoundedSemaphore from outside: permits are handed out, in order, and none is lost or invented.

A lock is one permit. The monitor counts for itself: `free` is the initial number, plus one for each call of
`release()`, minus one for each `acquire()` that has returned to its client. The primitive's own counter may be
smaller for a while, when it has given a permit to a waiter who has not run yet (*handed over*), or equal, when it
lets the waiter take it. Both are correct. So about a state with somebody inside `acquire()` and permits free nothing
can be said from outside, but:

- `free` = 0: `locked()` is True, and no `acquire()` may return (mutual exclusion; the counter is never negative);
- nobody is inside `acquire()`: `locked()` says whether `free` = 0, and an `acquire()` with `free` > 0 returns at once;
- nothing is in flight and `free` > 0: nobody is inside `acquire()` (a lost wakeup otherwise, or a lost permit);
- an `acquire()` that returns leaves nobody behind who came earlier and could not have had a permit of his own.

The last is FIFO in a form that holds under every contract. Two permits that were handed over in order may reach their
tasks in the other order if ready callbacks may, so the completions as such are in order only where the ready queue is
FIFO (`in_order`), and only among those that had to wait: who comes while permits are left over for him may pass those
who have been served and not run yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from .monitors import Monitor, enumerate_names
from .runtime import fail, witness
from .witnesses import CANCELLED, CANCELLED_WOKEN, NEWCOMER, SERVED, TIMED_OUT, TWO_WAITED

__all__ = ["LOCK", "SEMAPHORE", "PermitMonitor", "Terms"]


@dataclass(frozen=True)
class Terms:
    """How messages speak of a primitive, and by which names its properties go.

    Attributes:
        permit: what a client gets, such as "the lock".
        all_held: why nobody can get one.
        exclusion: the property that no more clients hold it than may.
        report: the property that `locked()` agrees with what can be had.
        loss: the property that what nobody holds can be had.
    """

    permit: str
    all_held: str
    exclusion: str
    report: str
    loss: str


LOCK = Terms("the lock", "the lock is held by {holders}", "mutual-exclusion", "state-as-reported", "no-lost-wakeup")
SEMAPHORE = Terms("a permit", "no permit is free", "counter-non-negative", "permits-conserved", "permits-conserved")


class PermitMonitor(Monitor):
    """Watches one lock or semaphore.

    Args:
        terms: how to speak of it.
        permits: how many are free at first.
        locked: its `locked()`, or None if it has none.
        in_order: whether completions must be in the order of arrival, which rests on a FIFO ready queue.
        message: whether to check that a CancelledError comes out with the message that went in.
        immediate: whether `locked()` says that `acquire()` must wait; a semaphore's does, a lock's only that it is locked.

    Attributes: free: permits that nobody holds, counted from outside. holders: who holds one, sorted. inside: who has
    called `acquire()` and has neither got a permit nor been cancelled out of it, in order of the calls. promised: who
    of these called it when it had to return at once; "" if nobody did. said_locked: what `locked()` said just before
    the call that is in progress, if that is to be checked.
    """

    def __init__(
        self,
        terms: Terms,
        permits: int,
        locked: Callable[[], bool] | None,
        *,
        in_order: bool = True,
        message: bool = True,
        immediate: bool = False,
    ) -> None:
        super().__init__()
        self.immediate = immediate
        self.terms = terms
        self.locked = locked
        self.in_order = in_order
        self.message = message
        self.free = permits
        self.holders: list[str] = []
        self.inside: list[str] = []
        self.promised = ""
        self.said_locked: bool | None = None

    # --- what clients do -----------------------------------------------------------------------------------------

    def calls(self, name: str) -> None:
        """The client is about to call `acquire()`, in the same step."""
        self.settle()
        if self.free > 0 and not self.is_in_flight():
            self.promised = name
        if self.free > 0 and self.inside:
            witness(NEWCOMER)
        self.said_locked = bool(self.locked()) if self.locked is not None and self.immediate else None
        self.calling = name
        self.inside.append(name)

    def acquired(self, name: str, result: object, *, keep: bool = True) -> None:
        """`acquire()` has returned to the client.

        Without `keep` the client is no holder: it will not give the permit back.
        """
        at_once = self.calling == name
        if not at_once:
            self.settle()
        self.calling = ""
        permit = self.terms.permit
        self.check_not_swallowed(name, "acquire()")
        if self.free == 0:
            held = self.terms.all_held.format(holders=enumerate_names(self.holders or ["nobody"]))
            fail(self.terms.exclusion, f"{name} got {permit} although {held}")
        if at_once and self.said_locked:
            fail("state-as-reported", f"locked() said True, yet {name} could acquire {permit} at once")
        self.check_result(name, "acquire()", result, True)
        if not at_once:
            witness(SERVED)
        if self.promised == name and not at_once:
            fail("returns-as-documented", f"{name} had to wait in acquire(), although {self._free()} and nobody waited")
        ahead = [other for other in self.inside[: self.inside.index(name)] if not self.is_cancelled(other)]
        if ahead and (len(ahead) >= self.free or (self.in_order and not at_once)):
            fail(
                "fifo",
                f"{name} called acquire() when {enumerate_names(ahead)} {'was' if len(ahead) == 1 else 'were'} already waiting, "
                f"and got {permit} before {'it' if len(ahead) == 1 else 'them'}",
            )
        self._leave(name)
        self.take(name if keep else "")
        self.gets_on(name)

    def cancelled(self, name: str, error: asyncio.CancelledError) -> None:
        """A CancelledError has reached the client, which holds nothing, inside or outside of `acquire()`."""
        self.settle()
        if name in self.inside:
            self._leave(name)
            self.check_error(name, error, "acquire()", message=self.message)
        self.forget_cancellations(name)
        self.gets_on(name)

    def timed_out(self, name: str) -> None:
        """A timeout has ended the client's `acquire()`."""
        self.settle()
        witness(TIMED_OUT)
        self._leave(name)
        self.gets_on(name)

    def releases(self, name: str = "") -> None:
        """Somebody is about to call `release()`: the client, which holds a permit, or "" for an extra one."""
        self.settle()
        if name:
            self.holders.remove(name)
        self.free += 1

    def take(self, name: str) -> None:
        """A permit is held from now on, by `name`, or for ever if that is ""."""
        self.free -= 1
        if name:
            self.holders.append(name)
            self.holders.sort()

    def _leave(self, name: str) -> None:
        self.inside.remove(name)
        if self.promised == name:
            self.promised = ""

    # --- what must hold ------------------------------------------------------------------------------------------

    def is_in_flight(self) -> bool:
        """Return True if permits may be on their way to somebody: the primitive may know better than we how many are free."""
        return bool(self.inside)

    def suspended(self, name: str) -> None:
        """`acquire()` has not returned in the step in which it was called."""
        if self.said_locked is False:
            fail("state-as-reported", f"locked() said False, yet {name} has to wait in acquire()")
        self.said_locked = None
        if len(self.inside) > 1:
            witness(TWO_WAITED)

    def strikes(self, name: str) -> None:
        """A cancellation is about to strike the client."""
        if name in self.inside and not self.is_cancelled(name):
            ahead = [other for other in self.inside[: self.inside.index(name)] if not self.is_cancelled(other)]
            witness(CANCELLED_WOKEN if self.free > len(ahead) else CANCELLED)

    def _free(self) -> str:
        if self.terms is LOCK:
            return "the lock is free"
        return f"{self.free} permit{' is' if self.free == 1 else 's are'} free"

    def after_step(self) -> bool:
        """Check what must hold after every step. Always True: what is wrong is reported in its own words."""
        self.settle()
        if self.locked is None:
            return True
        says = bool(self.locked())
        if self.free == 0 and not says:
            held = self.terms.all_held.format(holders=enumerate_names(self.holders or ["nobody"]))
            fail(self.terms.report, f"locked() says False although {held}")
        if self.free > 0 and says and not self.is_in_flight():
            self._fail_locked()
        return True

    def _fail_locked(self) -> None:
        fail(
            self.terms.report,
            "locked() says True although nobody holds the lock and nobody is about to"
            if self.terms is LOCK
            else f"locked() says True although {self._free()} and nobody waits",
        )

    def stable(self) -> None:
        """Check a state in which nothing is in flight: who still waits, waits for ever unless somebody releases."""
        for name in self.inside:
            self.check_came_out(name, "acquire()")
        if self.free > 0 and self.inside:
            names = f"{enumerate_names(self.inside)} wait{'s' if len(self.inside) == 1 else ''} in acquire()"
            if self.promised:
                fail(
                    self.terms.loss,
                    f"{self.terms.permit} is lost: {self._free()} and nobody waited when {self.promised} called acquire(), "
                    "and it waits for ever",
                )
            fail("no-lost-wakeup", f"{names}, although {self._free()} and nothing is under way that would wake anybody")
        elif self.free > 0 and self.locked is not None and self.locked():
            self._fail_locked()

    def describe(self) -> str:
        """Say who holds and who waits, for the table of a trace."""
        held = f"held by {', '.join(self.holders)}" if self.holders else ""
        count = "" if self.terms is LOCK else f"{self.free} free"
        state = ", ".join(part for part in (count, held) if part) or "free"
        return f"{state}; waiting: {', '.join(self.inside)}" if self.inside else state
