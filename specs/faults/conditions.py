"""Faults of a Condition."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError, Future
from collections.abc import Callable
from typing import Any

from .fault import breaks
from .permits import LastComeFirstServed
from .twins import Condition, Lock, new_future

# --- the lock ------------------------------------------------------------------------------------------------------


@breaks("COND-1")
class TakesLoopByPosition(Condition):
    """`loop` may be given by position, after the lock."""

    def __init__(self, lock: Lock | None = None, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(lock)


@breaks("COND-2")
class TellsHowManyWait(Condition):
    """notify() returns how many still wait."""

    def notify(self, n: int = 1) -> Any:
        """Notify n and say how many are left."""
        super().notify(n)
        return len(self.waiting)


@breaks("COND-3", "COND-10")
class NeverWaitsForTheLock(Condition):
    """acquire() returns at once, although the lock is held."""

    async def acquire(self) -> Any:
        """Acquire the lock, if it is free."""
        return self.lock.locked() or await super().acquire()

    def release(self) -> Any:
        """Release the lock, if it is locked."""
        return super().release() if self.lock.locked() else None


@breaks("COND-4")
class NotifiesAllOfTheLock(Condition):
    """A notification also wakes who waits on another condition of the same lock."""

    def __init__(self, lock: Lock | None = None, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(lock, loop=loop)
        self.siblings: list[NotifiesAllOfTheLock] = vars(self.lock).setdefault("conditions", [])
        self.siblings.append(self)

    def notify(self, n: int = 1) -> Any:
        """Notify n of each condition."""
        self.check()
        for condition in self.siblings:
            condition.wake(n)

    def notify_all(self) -> Any:
        """Notify all of each condition."""
        self.check()
        for condition in self.siblings:
            condition.wake(len(condition.waiting))


@breaks("COND-5")
class OwnLockIfInDoubt(Condition):
    """What is no lock is ignored, without an error."""

    def __init__(self, lock: Any = None, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(lock if hasattr(lock, "acquire") else None)


@breaks("COND-6")
class OneLockForAll(Condition):
    """Conditions that were given no lock share one."""

    shared: Lock | None = None

    def new_lock(self) -> Any:
        """Return the one lock of this loop."""
        loop: Any = asyncio.get_running_loop()
        if not hasattr(loop, "_the_lock"):
            loop._the_lock = Lock()
        return loop._the_lock


@breaks("COND-9")
class OwnLockUnnoticed(Condition):
    """The lock that it was given is not the one that it uses."""

    def __init__(self, lock: Lock | None = None, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(lock)
        self.lock = Lock()


@breaks("COND-11")
class AcquireReturnsNothing(Condition):
    """acquire() returns None."""

    async def acquire(self) -> Any:
        """Acquire the lock and say nothing."""
        await super().acquire()


@breaks("COND-12", tasks=3, cancel=0)
class LockIsLastComeFirstServed(Condition):
    """The one that came last gets the lock first."""

    def new_lock(self) -> Any:
        """Make an unfair lock."""
        return type("UnfairLock", (LastComeFirstServed, Lock), {})()


@breaks("COND-19")
class AlwaysSaysLocked(Condition):
    """locked() is always True."""

    def locked(self) -> Any:
        """Return True."""
        return True


@breaks("COND-19")
class NeverSaysLocked(Condition):
    """locked() is always False."""

    def locked(self) -> Any:
        """Return False."""
        return False


@breaks("COND-22")
class ReleaseKeepsTheLock(Condition):
    """release() hands the lock on if somebody waits for it, and keeps it otherwise."""

    def release(self) -> Any:
        """Release the lock, if somebody waits for it."""
        self.check()
        if any(not future.done() for future in self.lock.queue):
            super().release()


@breaks("COND-23")
class ReleasesSilently(Condition):
    """release() of an unlocked lock does nothing."""

    def release(self) -> Any:
        """Release the lock, if it is locked."""
        return super().release() if self.lock.locked() else None


@breaks("COND-7")
class EntersWithoutAcquiring(Condition):
    """`async with` waits for a lock that is held, and does not acquire one that is free."""

    async def __aenter__(self) -> None:
        self.entered = self.lock.locked()
        if self.entered:
            await self.acquire()

    async def __aexit__(self, *exc_info: Any) -> Any:
        if self.entered:
            self.release()


@breaks("COND-8")
class KeepsOnException(Condition):
    """A block that raises an exception does not release."""

    async def __aexit__(self, kind: Any = None, *rest: Any) -> Any:
        if kind is None or kind is CancelledError:
            self.release()


# --- notifications -------------------------------------------------------------------------------------------------


@breaks("COND-13", tasks=3, cancel=0)
class NotifiesOneMore(Condition):
    """notify(n) wakes n + 1."""

    def notify(self, n: int = 1) -> Any:
        """Notify one more."""
        super().notify(n + 1)


@breaks("COND-13", tasks=3, cancel=0)
class NotifiesOneOnly(Condition):
    """notify(n) wakes one, whatever n is."""

    def notify(self, n: int = 1) -> Any:
        """Notify one."""
        super().notify(min(n, 1))


@breaks("COND-13", tasks=3, cancel=0)
class NotifiesTheSameTwice(Condition):
    """Who was notified counts as waiting until it has run: a second notify() is lost on it."""

    def wake(self, n: int) -> None:
        """Wake the first n, woken or not."""
        for future in list(self.waiting)[:n]:
            if not future.done():
                future.set_result(None)


@breaks("COND-14", tasks=3, cancel=0)
class AllByDefault(Condition):
    """notify() without a number wakes all."""

    def notify(self, n: int = 1_000) -> Any:
        """Notify n."""
        super().notify(n)


@breaks("COND-15", tasks=3, cancel=0)
class NotifiesLast(Condition):
    """notify() wakes the one that came last."""

    def take_next(self) -> Future[None]:
        """Take the last."""
        return self.waiting.pop()


@breaks("COND-15", tasks=3, cancel=0)
class NotifiesAllBackwards(Condition):
    """Of several that are notified at once, the one that came last goes on first."""

    def wake(self, n: int) -> None:
        """Wake the first n, backwards."""
        chosen = [self.take_next() for _ in range(min(n, len(self.waiting)))]
        for future in reversed(chosen):
            if not future.done():
                future.set_result(None)


@breaks("COND-16", tasks=3, cancel=0)
class RemembersNotifications(Condition):
    """A notification that nobody waits for is kept for the next who does."""

    kept = 0

    def notify(self, n: int = 1) -> Any:
        """Notify n, or keep it."""
        self.check()
        if not self.waiting:
            self.kept = 1
        super().notify(n)

    async def wait(self) -> Any:
        """Wait, unless a notification was kept."""
        if self.kept:
            self.check()
            self.kept = 0
            self.release()
            await self.acquire()
            return True
        return await super().wait()


@breaks("COND-17")
class ReturnsUnlocked(Condition):
    """Who was notified goes on at once, without the lock."""

    async def acquire_again(self) -> CancelledError | None:
        """Do nothing."""
        return None


@breaks("COND-18")
class NotifyIsUnchecked(Condition):
    """notify() works without the lock."""

    def notify(self, n: int = 1) -> Any:
        """Notify n."""
        self.wake(n)


@breaks("COND-20", tasks=3, cancel=0)
class NotifiesAllButOne(Condition):
    """notify_all() leaves one out, if there is more than one."""

    def notify_all(self) -> Any:
        """Notify almost all."""
        self.notify(max(1, len(self.waiting) - 1))


@breaks("COND-21")
class NotifyAllIsUnchecked(Condition):
    """notify_all() works without the lock."""

    def notify_all(self) -> Any:
        """Notify all."""
        self.wake(len(self.waiting))


# --- waiting -------------------------------------------------------------------------------------------------------


@breaks("COND-24")
class ReleaseNotifies(Condition):
    """release() notifies one, unasked."""

    def release(self) -> Any:
        """Release the lock, and wake one."""
        super().release()
        self.wake(1)


@breaks("COND-25")
class NotifiesNobody(Condition):
    """notify() and notify_all() wake nobody."""

    def wake(self, n: int) -> None:
        """Do nothing."""


@breaks("COND-26")
class WaitIsUnchecked(Condition):
    """wait() works without the lock."""

    async def wait(self) -> Any:
        """Wait for a notification."""
        if not self.lock.locked():
            await self.lock.acquire()
        return await super().wait()


@breaks("COND-27")
class KeepsTheLock(Condition):
    """wait() does not release the lock."""

    async def wait(self) -> Any:
        """Wait for a notification, with the lock."""
        self.check()
        future = new_future()
        self.waiting.append(future)
        try:
            await future
        finally:
            if future in self.waiting:
                self.waiting.remove(future)
        return True


@breaks("COND-28")
class ReturnsWithoutTheLock(Condition):
    """When wait() returns, the lock is free if it was free when the task woke up."""

    async def acquire_again(self) -> CancelledError | None:
        """Acquire the lock, if somebody else holds it."""
        return await super().acquire_again() if self.lock.locked() else None


@breaks("COND-29")
class WaitReturnsFalse(Condition):
    """wait() returns False."""

    async def wait(self) -> Any:
        """Wait for a notification."""
        return not await super().wait()

    async def wait_for(self, predicate: Callable[[], Any]) -> Any:
        """Wait until the predicate is true."""
        while not (value := predicate()):
            await super().wait()
        return value


# --- predicates ----------------------------------------------------------------------------------------------------


@breaks("COND-30")
class WaitForLooksOnce(Condition):
    """wait_for() returns after the first notification, whatever its predicate says."""

    async def wait_for(self, predicate: Callable[[], Any]) -> Any:
        """Wait once."""
        value = predicate()
        if not value:
            await self.wait()
            value = predicate()
        return value


@breaks("COND-30")
class WaitForWaitsFirst(Condition):
    """wait_for() waits for a notification even if its predicate is true at the start."""

    async def wait_for(self, predicate: Callable[[], Any]) -> Any:
        """Wait, then look."""
        await self.wait()
        while not (value := predicate()):
            await self.wait()
        return value


@breaks("COND-31")
class OnlyTrueIsTrue(Condition):
    """wait_for() goes on waiting unless its predicate returns True itself."""

    async def wait_for(self, predicate: Callable[[], Any]) -> Any:
        """Wait until the predicate returns True."""
        while (value := predicate()) is not True:
            await self.wait()
        return value


@breaks("COND-32")
class WaitForReturnsTrue(Condition):
    """wait_for() returns True instead of the predicate's value."""

    async def wait_for(self, predicate: Callable[[], Any]) -> Any:
        """Wait until the predicate is true."""
        return bool(await super().wait_for(predicate))


# --- cancellation --------------------------------------------------------------------------------------------------


@breaks("COND-33")
class CancelledUnlocked(Condition):
    """A wait() that is cancelled raises at once, without the lock."""

    async def wait(self) -> Any:
        """Wait for a notification."""
        self.check()
        future = new_future()
        self.waiting.append(future)
        self.lock.release()
        try:
            await future
        finally:
            if future in self.waiting:
                self.waiting.remove(future)
        await self.lock.acquire()
        return True


@breaks("COND-36")
class LosesTheMessage(Condition):
    """The CancelledError that comes out of wait() is another one, without the message."""

    async def wait(self) -> Any:
        """Wait for a notification."""
        try:
            return await super().wait()
        except CancelledError:
            raise CancelledError from None


@breaks("COND-36")
class TellsTheLast(Condition):
    """Of several cancellations the last comes out."""

    async def acquire_again(self) -> CancelledError | None:
        """Acquire the lock; return the last cancellation."""
        cancelled: CancelledError | None = None
        while True:
            try:
                await self.lock.acquire()
            except CancelledError as error:
                cancelled = error
                continue
            if cancelled is not None:
                raise cancelled
            return None


