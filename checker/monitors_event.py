"""Event from outside: a flag, and everybody who waits for it.

`set()` wakes all who wait at that moment, even if `clear()` follows in the same breath. So the monitor remembers of
each waiting client whether `set()` has been called since it began to wait. In which order they wake is nobody's
promise.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Callable

from .monitors import Monitor, enumerate_names
from .runtime import fail, witness
from .witnesses import CANCELLED, CANCELLED_WOKEN, CLEARED_EARLY, TWO_WAITED, WOKEN

__all__ = ["EventMonitor"]


class EventMonitor(Monitor):
    """Watches one event.

    Args:
        is_set: its `is_set()`, or None if it has none.

    Attributes:
        flag: what `is_set()` must say.
        waiting: who waits and has not been woken, sorted.
        woken: who waits and must wake up, since `set()` was called meanwhile or before; sorted.
    """

    def __init__(self, is_set: Callable[[], bool] | None) -> None:
        super().__init__()
        self.is_set = is_set
        self.flag = False
        self.waiting: list[str] = []
        self.woken: list[str] = []

    def calls_wait(self, name: str) -> None:
        """The client is about to call `wait()`, in the same step."""
        self.settle()
        self.calling = name
        insort(self.woken if self.flag else self.waiting, name)

    def returned(self, name: str, result: object) -> None:
        """`wait()` has returned to the client."""
        if self.calling != name:
            self.settle()
            witness(WOKEN)
        self.calling = ""
        self.check_not_swallowed(name, "wait()")
        self.check_result(name, "wait()", result, True)
        if name in self.waiting:
            fail("no-spurious-wakeup", f"wait() returned to {name}, although the event was not set at any time during it")
        self._leave(name)

    def cancelled(self, name: str, error: asyncio.CancelledError) -> None:
        """A CancelledError has reached the client, inside or outside of `wait()`."""
        self.settle()
        if name in self.waiting or name in self.woken:
            self._leave(name)
            self.check_error(name, error, "wait()")
        self.forget_cancellations(name)
        self.gets_on(name)

    def sets(self) -> None:
        """Somebody is about to call `set()`."""
        self.settle()
        self.flag = True
        self.woken = sorted(self.woken + self.waiting)
        self.waiting = []

    def clears(self) -> None:
        """Somebody is about to call `clear()`."""
        self.settle()
        if self.woken:
            witness(CLEARED_EARLY)
        self.flag = False

    def _leave(self, name: str) -> None:
        self.waiting = [other for other in self.waiting if other != name]
        self.woken = [other for other in self.woken if other != name]

    # --- what must hold ------------------------------------------------------------------------------------------

    def suspended(self, name: str) -> None:
        """`wait()` has not returned in the step in which it was called."""
        if name in self.woken and self.flag:
            fail("returns-as-documented", f"{name} called wait() while the event was set, and has to wait")
        if len(self.waiting) > 1:
            witness(TWO_WAITED)

    def strikes(self, name: str) -> None:
        """A cancellation is about to strike the client."""
        if name in self.waiting + self.woken and not self.is_cancelled(name):
            witness(CANCELLED_WOKEN if name in self.woken else CANCELLED)

    def after_step(self) -> bool:
        """Check what must hold after every step. Always True: what is wrong is reported in its own words."""
        self.settle()
        if self.is_set is not None and bool(self.is_set()) != self.flag:
            fail("state-as-reported", f"is_set() says {not self.flag}, although the event is {'' if self.flag else 'not '}set")
        return True

    def stable(self) -> None:
        """Check a state in which nothing is in flight: who still waits, waits until the next `set()`."""
        for name in self.waiting + self.woken:
            self.check_came_out(name, "wait()")
        if self.woken:
            fail(
                "wakes-all",
                f"set() was called while {enumerate_names(self.woken)} waited, and did not wake "
                f"{'it' if len(self.woken) == 1 else 'them'}",
            )

    def is_asleep(self, name: str) -> bool:
        """Return True if the client waits for a `set()` that has not been called."""
        return name in self.waiting and not self.is_cancelled(name)

    def describe(self) -> str:
        """Say whether the event is set and who waits, for the table of a trace."""
        state = "set" if self.flag else "not set"
        waiting = sorted(self.waiting + self.woken)
        return f"{state}; waiting: {', '.join(waiting)}" if waiting else state
