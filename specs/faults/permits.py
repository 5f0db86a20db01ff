"""Faults of what hands out permits: Lock, Semaphore and BoundedSemaphore."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError, Future
from typing import Any

from .fault import breaks
from .twins import BoundedSemaphore, Lock, Permits, Semaphore, new_future

# --- how it is built -----------------------------------------------------------------------------------------------


@breaks("LOCK-1")
class TakesLoopByPosition(Lock):
    """`loop` may be given by position."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__()


@breaks("SEM-1", "BSEM-1")
class TakesLoopAfterValue(Permits):
    """`loop` may be given by position, after the value."""

    def __init__(self, value: int = 1, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(value)


@breaks("SEM-6", "BSEM-2")
class IgnoresInitialValue(Permits):
    """A value above 1 counts as 1."""

    def __init__(self, value: int = 1, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(min(value, 1))


@breaks("SEM-7", "BSEM-1")
class TwoByDefault(Permits):
    """Without a value there are two permits."""

    def __init__(self, value: int = 2, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(value)


@breaks("SEM-8", "BSEM-1")
class TakesNegative(Permits):
    """A negative value counts as 0."""

    def __init__(self, value: int = 1, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(max(value, 0))


@breaks("LOCK-2", "SEM-2")
class AcquireIsNoCoroutineFunction(Permits):
    """acquire() returns an awaitable, and is no coroutine."""

    def acquire(self) -> Any:
        """Return what acquires it."""
        return super().acquire()


@breaks("SEM-2")
class TellsWhatIsFree(Permits):
    """release() returns how many permits are free."""

    def release(self) -> Any:
        """Give a permit back and say how many are free."""
        super().release()
        return self.free


@breaks("LOCK-13")
class ReleaseReturnsTrue(Permits):
    """release() returns True."""

    def release(self) -> Any:
        """Give a permit back."""
        super().release()
        return True


# --- who holds it --------------------------------------------------------------------------------------------------


@breaks("LOCK-3", "SEM-4", "BSEM-2", tasks=3, cancel=0)
class LetsTwoIn(Permits):
    """A release that hands over also frees the permit."""

    def give(self) -> None:
        """Hand over and count as free."""
        handed_over = any(not future.done() for future in self.queue)
        super().give()
        self.free += handed_over


@breaks("LOCK-6", "SEM-5")
class NeverWaits(Permits):
    """acquire() returns although nothing is free."""

    async def acquire(self) -> Any:
        """Take what there is."""
        self.free = max(0, self.free - 1)
        return True


@breaks("LOCK-7")
class LeavesItFree(Permits):
    """acquire() of a free one does not take it."""

    def take(self) -> None:
        """Take nothing."""


@breaks("LOCK-9")
class WakesTwo(Permits):
    """A release wakes two waiters if there are two."""

    def give(self) -> None:
        """Hand over to one, and to another."""
        super().give()
        if any(not future.done() for future in self.queue):
            super().give()


@breaks("SEM-3")
class TakesTheRest(Permits):
    """acquire() takes two permits if two are free."""

    def take(self) -> None:
        """Take up to two."""
        self.free -= min(2, self.free)


@breaks("SEM-14", "LOCK-12")
class KeepsWhatNobodyWaitsFor(Permits):
    """A release frees nothing if nobody waits."""

    def put(self) -> None:
        """Count nothing."""


@breaks("SEM-16")
class ForgetsExtraReleases(Permits):
    """The counter does not rise above 1."""

    def release(self) -> Any:
        """Give a permit back, if none is free."""
        if self.free == 0:
            self.give()


@breaks("SEM-11")
class PausesFirst(Permits):
    """acquire() of a free one lets others run first."""

    async def acquire(self) -> Any:
        """Acquire, later."""
        await asyncio.sleep(0)
        return await super().acquire()


@breaks("LOCK-8")
class ReturnsNothing(Permits):
    """acquire() returns None."""

    async def acquire(self) -> Any:
        """Acquire and say nothing."""
        await super().acquire()


@breaks("LOCK-8", "SEM-12")
class ReturnsNothingAfterWaiting(Permits):
    """acquire() returns None if it had to wait."""

    async def acquire(self) -> Any:
        """Acquire."""
        waits = self.free == 0
        result = await super().acquire()
        return None if waits else result


@breaks("LOCK-8")
class RaisesWhenFree(Permits):
    """acquire() of a free one raises an error."""

    async def acquire(self) -> Any:
        """Acquire, if there is somebody to wait for."""
        if self.free:
            raise IndexError("nobody to wait for")
        return await super().acquire()


@breaks("SEM-12", tasks=3, cancel=0)
class RaisesOnFullQueue(Permits):
    """acquire() raises an error if somebody waits already."""

    async def acquire(self) -> Any:
        """Acquire, unless that means to queue."""
        if len(self.queue) == 1:
            raise IndexError("queue is full")
        return await super().acquire()


# --- in which order, and whether at all ----------------------------------------------------------------------------


@breaks("LOCK-11", "SEM-17", "BSEM-4", tasks=3, cancel=0)
class LastComeFirstServed(Permits):
    """The one that came last is served first."""

    def take_next(self) -> Future[None]:
        """Take the last."""
        return self.queue.pop()


@breaks("SEM-17", tasks=3, cancel=0)
class SlowHandOver(Permits):
    """Permits that are given back at the same time reach their waiters in the wrong order."""

    def give(self) -> None:
        """Count as free, and hand over later."""
        self.free += 1
        asyncio.get_running_loop().call_soon(self.serve_all)

    def serve_all(self) -> None:
        """Hand over what is free, backwards."""
        for future in reversed([future for future in self.queue if not future.done()][: self.free]):
            self.queue.remove(future)
            self.free -= 1
            future.set_result(None)


@breaks("LOCK-10", "SEM-15", "BSEM-3")
class ForgetsToWake(Permits):
    """A release frees the permit and wakes nobody."""

    def give(self) -> None:
        """Count as free."""
        self.free += 1


# --- what locked() says --------------------------------------------------------------------------------------------


@breaks("LOCK-16", "SEM-13", "BSEM-2")
class NeverLocked(Permits):
    """locked() is always False."""

    def locked(self) -> Any:
        """Return False."""
        return False


@breaks("LOCK-16", "SEM-13")
class AlwaysLocked(Permits):
    """locked() is always True."""

    def locked(self) -> Any:
        """Return True."""
        return True


# --- blocks --------------------------------------------------------------------------------------------------------


@breaks("LOCK-4", "SEM-9", "BSEM-5")
class EntersWithoutAcquiring(Permits):
    """`async with` does not acquire, and releases nothing either."""

    async def __aenter__(self) -> None:
        """Do nothing."""

    async def __aexit__(self, *exc_info: Any) -> Any:
        """Do nothing."""


@breaks("LOCK-5", "SEM-10", "BSEM-5")
class KeepsOnException(Permits):
    """A block that raises an exception does not release."""

    async def __aexit__(self, kind: Any = None, *rest: Any) -> Any:
        if kind is None or kind is CancelledError:
            self.release()


@breaks("LOCK-5", "SEM-10")
class KeepsOnCancellation(Permits):
    """A block that is cancelled does not release."""

    async def __aexit__(self, kind: Any = None, *rest: Any) -> Any:
        if kind is not CancelledError:
            self.release()


@breaks("LOCK-5")
class SwallowsExceptions(Permits):
    """The exception of a block does not come out."""

    async def __aexit__(self, kind: Any = None, *rest: Any) -> Any:
        self.release()
        return kind is not None and issubclass(kind, Exception)


# --- errors --------------------------------------------------------------------------------------------------------


@breaks("LOCK-14", "BSEM-8")
class ReleasesSilently(Permits):
    """A release that must be refused does nothing."""

    def release(self) -> Any:
        """Give a permit back, if one is taken."""
        if self.free < getattr(self, "initial", 1):
            self.give()


@breaks("LOCK-14")
class RaisesAnotherError(Lock):
    """release() of an unlocked lock raises a ValueError."""

    def release(self) -> Any:
        """Unlock it."""
        if self.free:
            raise ValueError("not locked")
        return super().release()


@breaks("BSEM-8")
class RaisesOnceOnly(BoundedSemaphore):
    """Only the first release too many is refused."""

    warned = False

    def release(self) -> Any:
        """Give a permit back, if that is not too many."""
        if self.warned and self.free >= self.initial:
            return None
        self.warned = self.free >= self.initial
        return super().release()


@breaks("LOCK-15")
class LocksWhenItRefuses(Permits):
    """A release that is refused leaves it locked."""

    def release(self) -> Any:
        """Unlock it."""
        try:
            super().release()
        except RuntimeError:
            self.free = 0
            raise


@breaks("LOCK-15", "BSEM-9")
class AddsWhenItRefuses(Permits):
    """A release that is refused adds a permit."""

    def release(self) -> Any:
        """Give a permit back."""
        try:
            super().release()
        except (RuntimeError, ValueError):
            self.free += 1
            raise


# --- cancellation --------------------------------------------------------------------------------------------------


@breaks("LOCK-17", "SEM-18", "BSEM-6")
class SwallowsCancellation(Permits):
    """A waiter that is cancelled after it was served goes on as if it had not been."""

    async def wait_in_line(self) -> Any:
        """Wait until a permit is handed over."""
        future = new_future()
        self.queue.append(future)
        try:
            await future
        except BaseException as error:
            if future.cancelled() or not isinstance(error, CancelledError):
                self.withdraw(future)
                raise
        return True


@breaks("LOCK-17")
class WaitsOn(Permits):
    """A waiter that is cancelled queues up again."""

    async def wait_in_line(self) -> Any:
        """Wait, whatever comes."""
        while True:
            try:
                return await super().wait_in_line()
            except CancelledError:
                if self.free:
                    self.take()
                    return True


@breaks("LOCK-17")
class NeverComesOut(Permits):
    """A waiter that is cancelled stays where it is."""

    async def acquire(self) -> Any:
        """Acquire, or wait for ever."""
        try:
            return await super().acquire()
        except CancelledError:
            await new_future()


@breaks("LOCK-17", "SEM-18")
class LosesTheMessage(Permits):
    """The CancelledError that comes out is another one, without the message."""

    async def acquire(self) -> Any:
        """Acquire."""
        try:
            return await super().acquire()
        except CancelledError:
            raise CancelledError from None


@breaks("LOCK-17")
class CancelsTheNext(Permits):
    """A waiter that is cancelled takes the next one with it."""

    def withdraw(self, future: Future[None]) -> None:
        """Leave, and cancel the next."""
        super().withdraw(future)
        if self.queue:
            self.queue[0].cancel("treadle")


@breaks("LOCK-18", "SEM-19", "BSEM-7")
class LosesWhatWasHandedOver(Permits):
    """A waiter that is cancelled after it was served keeps the permit for ever."""

    def withdraw(self, future: Future[None]) -> None:
        """Leave the queue, and nothing else."""
        if future in self.queue:
            self.queue.remove(future)


@breaks("LOCK-18", "SEM-19")
class StopsAtCancelledWaiter(Permits):
    """A release that meets a cancelled waiter, which has not run yet, is lost on it."""

    def give(self) -> None:
        """Hand over to the first, whoever it is."""
        if self.queue:
            future = self.queue.popleft()
            if not future.done():
                future.set_result(None)
            return
        self.put()


@breaks("SEM-19")
class GoesOnBehindTheScenes(Semaphore):
    """What waits is a task of its own, which a cancellation does not reach: it takes the permit later."""

    async def acquire(self) -> Any:
        """Acquire, in a task that is shielded."""
        if self.free > 0:
            return await super().acquire()
        return await asyncio.shield(super().acquire())
