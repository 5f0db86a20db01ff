"""Bugs that real primitives had, each retold as a faulty twin beside a fixed one.

asyncio's locks and semaphores do not hand over: a release frees the permit and wakes the first waiter, which takes it
when it runs. Between the two a newcomer may come, and a cancellation may strike; most of what went wrong over the years
went wrong there. `WokenTakes` is that design done right, and the faults are the ways in which it was done wrong. The
references are to the trackers of CPython (bpo- until 2022, gh- since), of asyncio when it was a project of its own, and
of anyio; the code is ours.
"""

from __future__ import annotations

from asyncio import CancelledError, Future
from typing import Any

from .fault import breaks
from .twins import Condition, Permits, new_future

__all__ = ["WokenTakes", "WokenTakesLock"]


class WokenTakes(Permits):
    """A release frees the permit and wakes the first waiter, which takes it when it runs. Done right."""

    async def acquire(self) -> Any:
        """Take a permit if nobody is before us; wait for our turn otherwise."""
        if self.may_take():
            self.free -= 1
            return True
        future = new_future()
        self.queue.append(future)
        try:
            try:
                await future
            finally:
                self.queue.remove(future)
        except BaseException:
            self.give_up(future)
            raise
        self.free -= 1
        if self.free > 0:
            self.wake()
        return True

    def may_take(self) -> bool:
        """Return True if a permit is free and nobody waits for it."""
        return self.free > 0 and all(future.cancelled() for future in self.queue)

    def locked(self) -> Any:
        """Return True if acquire() has to wait."""
        return not self.may_take()

    def give_up(self, future: Future[None]) -> None:
        """Deal with a cancellation: if a permit is free, it may have been meant for us."""
        if self.free > 0:
            self.wake()

    def give(self) -> None:
        """Free a permit and wake the first waiter."""
        self.free += 1
        self.wake()

    def wake(self) -> None:
        """Wake the first who still waits, unless it has been woken and has not run yet."""
        for future in self.queue:
            if not future.cancelled():
                if not future.done():
                    future.set_result(None)
                return


class WokenTakesLock(WokenTakes):
    """The same for a lock, which is locked as long as it is held, and says nothing about who waits."""

    def locked(self) -> Any:
        """Return True if it is held."""
        return self.free == 0


@breaks("LOCK-18", history="CPython 3.4 to 3.6.1, bpo-27585: asyncio.Lock")
class CancelledWakesNobody(WokenTakesLock):
    """A waiter that was woken and is then cancelled wakes nobody in its place: the lock is free and all wait."""

    def give_up(self, future: Future[None]) -> None:
        """Do nothing."""


@breaks("LOCK-9", history="CPython 3.6.2 to 3.6.4, bpo-32734: asyncio.Lock")
class WakesTheNextAsWell(WokenTakesLock):
    """While a woken waiter has not run, a cancelled one wakes the next, too, and neither looks whether the lock is free."""

    def wake(self) -> None:
        """Wake the first that has not been woken."""
        for future in self.queue:
            if not future.done():
                future.set_result(None)
                return


@breaks("LOCK-18", history="anyio, pull request 1145 of 2026: Lock and Semaphore", tasks=3)
class StrandsNewcomers(Permits):
    """A newcomer queues up behind waiters that are cancelled and have not run yet; nobody is left to wake it."""

    async def acquire(self) -> Any:
        """Take it if it is free and the queue is empty."""
        if self.free > 0 and not self.queue:
            self.take()
            return True
        return await self.wait_in_line()

    def give(self) -> None:
        """Hand over to the first live waiter; leave the dead ones where they are."""
        for future in self.queue:
            if not future.done():
                self.queue.remove(future)
                future.set_result(None)
                return
        self.put()


@breaks("SEM-17", history="CPython until 3.10, bpo-45997: asyncio.Semaphore", tasks=3, cancel=0)
class Barging(WokenTakes):
    """A newcomer takes a permit that is meant for a waiter, which has been woken and has not run yet."""

    async def acquire(self) -> Any:
        """Take a permit as soon as one is free."""
        while self.free == 0:
            future = new_future()
            self.queue.append(future)
            try:
                await future
            except CancelledError:
                self.give_up(future)
                raise
            finally:
                self.queue.remove(future)
        self.free -= 1
        return True

    def may_take(self) -> bool:
        """Return True if a permit is free."""
        return self.free > 0


@breaks("SEM-15", history="CPython 3.4 and 3.5.0, issue 270 of python/asyncio: asyncio.Semaphore")
class WokenAndCancelled(WokenTakes):
    """A waiter that was woken and is then cancelled wakes nobody in its place: a permit is free and all wait."""

    def give_up(self, future: Future[None]) -> None:
        """Do nothing."""


@breaks("SEM-19", history="CPython 3.10.5 to 3.10.7, gh-90155: asyncio.Semaphore")
class StaysAnnounced(WokenTakes):
    """That somebody has been woken is remembered, and not forgotten if that one is cancelled: everybody waits for ever."""

    announced = False

    def may_take(self) -> bool:
        """Return True if a permit is free and nobody has been woken for it."""
        return self.free > 0 and not self.announced

    def wake(self) -> None:
        """Wake the first, and remember it."""
        for future in self.queue:
            if not future.done():
                self.announced = True
                future.set_result(None)
                return

    def give_up(self, future: Future[None]) -> None:
        """Forget that we were in the queue, and nothing else."""

    async def acquire(self) -> Any:
        """Take a permit; whoever was woken has taken it."""
        waits = not self.may_take()
        result = await super().acquire()
        if waits:
            self.announced = False
        return result


@breaks("COND-33", cancel=2, history="CPython 3.4 to 3.5.1, bpo-22970: asyncio.Condition")
class CancelledInReacquire(Condition):
    """A wait() that is cancelled while it gets the lock back raises without it."""

    async def acquire_again(self) -> CancelledError | None:
        """Acquire the lock, if nothing comes between."""
        try:
            await self.lock.acquire()
        except CancelledError as error:
            return error
        return None


@breaks("COND-36", history="CPython 3.6 and 3.7 before their releases of 2018, bpo-32841: asyncio.Condition")
class SwallowsInReacquire(Condition):
    """A cancellation that strikes while wait() gets the lock back is forgotten, and wait() returns True."""

    async def acquire_again(self) -> CancelledError | None:
        """Acquire the lock, whatever comes."""
        await super().acquire_again()
        return None


@breaks("COND-34", history="CPython until 3.12, gh-112202: asyncio.Condition")
class LosesNotification(Condition):
    """A notification ends with its receiver, even if that is cancelled."""

    def pass_on(self) -> None:
        """Do nothing."""


@breaks("COND-35", tasks=3, history="CPython 3.13: asyncio.Condition")
class PassesOnWhatItNeverGot(Condition):
    """A waiter that is cancelled notifies another one, although it had not been notified itself."""

    async def wait(self) -> Any:
        """Wait for a notification."""
        try:
            return await super().wait()
        except CancelledError:
            self.wake(1)
            raise
