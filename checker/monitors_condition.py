"""Condition from outside: the lock, and a ledger of the notifications that are still owed.

`notify(n)` owes a wakeup to each of the first n who wait at that moment: its *receivers*. The others who wait then are
*heirs*: if a receiver is cancelled, its notification must pass on to one of them, in order. When exactly it does is the
implementation's business: as soon as the receiver runs again, or only when its `wait()` ends, after it has got the lock
back. The ledger accepts both.

- While a receiver that has been cancelled is still inside `wait()`, anybody else who waits may return by virtue of
  its notification, if nobody waits longer.
- When the receiver's `wait()` has ended with the CancelledError, the first heir who still waits is owed the wakeup
  instead.
- If none of the heirs waits any more, nothing is owed to anybody. But who began to wait after the `notify()` may get
  the notification all the same, from an implementation that passes it on late: an *optional* wakeup.

Anybody else who returns from `wait()` was woken for nothing. Receivers return in the order of notification where the
ready queue is FIFO: each has to get the lock back, and which of two woken tasks asks for it first is otherwise a matter
of chance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from .monitors import enumerate_names
from .monitors_permits import LOCK, PermitMonitor
from .runtime import fail, witness
from .witnesses import CANCELLED, CANCELLED_WOKEN, NOTIFIED, PASSED_ON, TWO_ASLEEP

__all__ = ["ConditionMonitor", "Notification"]


@dataclass
class Notification:
    """A wakeup that is owed: to whom, and who inherits it, in order."""

    receiver: str
    heirs: list[str]


class ConditionMonitor(PermitMonitor):
    """Watches one condition and its lock.

    Args:
        locked: the condition's `locked()`, or None if it has none.
        in_order: whether receivers return in the order in which they were notified, which rests on a FIFO ready queue.
        message: whether to check that a CancelledError comes out with the message that went in.

    Attributes:
        waiting: who waits and has not been notified, in order of the calls of `wait()`.
        owed: the notifications that nobody has used, in order.
        optional: how many wakeups may, but need not, still reach somebody.
    """

    def __init__(self, locked: Callable[[], bool] | None, *, in_order: bool = True, message: bool = True) -> None:
        super().__init__(LOCK, 1, locked, in_order=in_order, message=message)
        self.waiting: list[str] = []
        self.owed: list[Notification] = []
        self.optional = 0

    # --- what clients do -----------------------------------------------------------------------------------------

    def waits(self, name: str) -> None:
        """The client, which holds the lock, is about to call `wait()`."""
        self.releases(name)
        self.waiting.append(name)
        if len(self.waiting) > 1:
            witness(TWO_ASLEEP)

    def notifies(self, n: int | None = None) -> None:
        """The holder is about to call `notify(n)`, or `notify_all()` if n is None."""
        self.settle()
        receivers = self.waiting if n is None else self.waiting[:n]
        heirs = self.waiting[len(receivers) :]
        self.owed += [Notification(receiver, list(heirs)) for receiver in receivers]
        self.waiting = heirs

    def returned(self, name: str, result: object) -> None:
        """`wait()` has returned to the client."""
        self.settle()
        self.check_not_swallowed(name, "wait()")
        self._retake(name, "returned")
        self.check_result(name, "wait()", result, True)
        own = self._notification_of(name)
        if own is None:
            self._inherit(name)
            return
        late = [note.receiver for note in self.owed[: self.owed.index(own)] if not self.is_cancelled(note.receiver)]
        if late and self.in_order:
            fail("fifo", f"{enumerate_names(late)} was notified before {name}, and {name} returned from wait() first")
        self.owed.remove(own)
        witness(NOTIFIED)

    def wait_cancelled(self, name: str, error: asyncio.CancelledError, *, timeout: bool = False) -> None:
        """A CancelledError has come out of the client's `wait()`; with `timeout`, it may be a timeout that cancelled it."""
        self.settle()
        if self.message and not timeout:
            self.check_error(name, error, "wait()")
        self._retake(name, "was cancelled")
        own = self._notification_of(name)
        if own is None:
            self._stop_waiting(name)
            return
        self.owed.remove(own)
        heirs = [heir for heir in own.heirs if heir in self.waiting]
        if heirs:
            witness(PASSED_ON)
            self._stop_waiting(heirs[0])
            self.owed.append(Notification(heirs[0], heirs[1:]))
        elif self.waiting:
            self.optional += 1

    def strikes(self, name: str) -> None:
        """A cancellation is about to strike the client, in `acquire()` or in `wait()`."""
        super().strikes(name)
        if not self.is_cancelled(name):
            if name in self.waiting:
                witness(CANCELLED)
            elif self._notification_of(name) is not None:
                witness(CANCELLED_WOKEN)

    def _inherit(self, name: str) -> None:
        """The client has returned although no notification was its own: look for one that it may have inherited."""
        passed_on = [note for note in self.owed if self.is_cancelled(note.receiver)]
        ahead = [other for other in self.waiting[: self.waiting.index(name)] if not self.is_cancelled(other)]
        if not passed_on and not self.optional:
            fail("no-spurious-wakeup", f"{name} returned from wait(), although no notification was meant for it")
        elif len(ahead) >= len(passed_on) + self.optional:
            fail("fifo", f"{enumerate_names(ahead)} waited before {name}, and {name} was notified first")
        if passed_on:  # of several that it may have been, the one with the most heirs: nobody is accused for an ambiguity
            used = max(passed_on, key=lambda note: len(note.heirs))
            self.owed.remove(used)
            self.waiting.insert(0, used.receiver)  # it is still in there, on its way out, and has nothing to pass on any more
        elif self.optional:
            self.optional -= 1
        self._stop_waiting(name)

    def _retake(self, name: str, how: str) -> None:
        """`wait()` has ended, however it did: the client must hold the lock."""
        if self.free == 0:
            fail("lock-held-on-return", f"{name}'s wait() {how} while {enumerate_names(self.holders)} held the lock")
        elif self.locked is not None and not self.locked():
            fail("lock-held-on-return", f"{name}'s wait() {how}, and the lock is not locked")
        self.take(name)
        self.gets_on(name)

    def _notification_of(self, name: str) -> Notification | None:
        return next((note for note in self.owed if note.receiver == name), None)

    def _stop_waiting(self, name: str) -> None:
        self.waiting = [other for other in self.waiting if other != name]

    # --- what must hold ------------------------------------------------------------------------------------------

    def is_in_flight(self) -> bool:
        """Return True if the lock may be on its way to somebody."""
        # Who waits may have been woken for nothing; that is wrong, but it is not the lock's fault, and comes out when it returns.
        return bool(self.inside or self.owed or self.waiting)

    def is_asleep(self, name: str) -> bool:
        """Return True if the client waits for a notification."""
        return name in self.waiting and not self.is_cancelled(name)

    def after_step(self) -> bool:
        """Check what must hold after every step. Always True: what is wrong is reported in its own words."""
        super().after_step()
        if not self.waiting and not self.owed:
            self.optional = 0
        return True

    def stable(self) -> None:
        """Check a state in which nothing is in flight.

        While somebody holds the lock, those who were woken may rightly wait.
        """
        super().stable()
        if self.free == 0:
            return
        # Nobody is coming back, so the lock can be free for all those who wait; what is optional is no longer under way.
        self.optional = 0
        for name in (*self.waiting, *(note.receiver for note in self.owed)):
            self.check_came_out(name, "wait()")
        if self.owed:
            names = [note.receiver for note in self.owed]
            fail(
                "no-lost-wakeup",
                f"a notification is lost: it was {enumerate_names(names)}'s, the lock is free, nothing is under way, and "
                f"{'it goes' if len(names) == 1 else 'they go'} on waiting",
            )

    def describe(self) -> str:
        """Say who holds, who waits for the lock and who for a notification, for the table of a trace."""
        parts = [super().describe().replace("waiting:", "want it:")]
        if self.owed:
            parts.append(f"notified: {', '.join(note.receiver for note in self.owed)}")
        if self.waiting:
            parts.append(f"waiting: {', '.join(self.waiting)}")
        return "; ".join(parts)
