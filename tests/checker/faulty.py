"""Primitives that are correct, and beside each a number of faulty twins, each of which breaks one promise.

The correct ones are as simple as can be and differ from both asyncio's and ours, so that they also show that the monitors accept
more than one way of keeping the promises.
"""

import asyncio
from asyncio import CancelledError
from collections import deque


def new_future():
    return asyncio.get_running_loop().create_future()


# --- semaphores and locks ------------------------------------------------------------------------------------------


class Semaphore:
    """A release hands its permit to the first waiter."""

    def __init__(self, value=1):
        if value < 0:
            raise ValueError("value below 0")
        self.free = value
        self.queue = deque()

    def locked(self):
        return self.free == 0

    async def acquire(self):
        if self.free > 0:
            self.free -= 1
            return True
        future = new_future()
        self.queue.append(future)
        try:
            await future
        except CancelledError:
            self.withdraw(future)
            raise
        return True

    def withdraw(self, future):
        if future.cancelled():
            if future in self.queue:
                self.queue.remove(future)
        else:
            self.give()

    def give(self):
        while self.queue:
            future = self.take_next()
            if not future.done():
                future.set_result(None)
                return
        self.free += 1

    def take_next(self):
        return self.queue.popleft()

    def release(self):
        self.give()

    async def __aenter__(self):
        await self.acquire()

    async def __aexit__(self, *exc_info):
        self.release()


class BoundedSemaphore(Semaphore):
    def __init__(self, value=1):
        super().__init__(value)
        self.initial = value

    def release(self):
        if self.free >= self.initial:
            raise ValueError("released too often")
        self.give()


class Lock(Semaphore):
    def __init__(self):
        super().__init__(1)

    def release(self):
        if not self.locked():
            raise RuntimeError("not locked")
        self.give()


class LastComeFirstServed:
    def take_next(self):
        return self.queue.pop()


class SlowHandOver:
    """Two permits that are given back at the same time reach their waiters in the wrong order."""

    def give(self):
        self.free += 1
        asyncio.get_running_loop().call_soon(self.serve_all)

    def serve_all(self):
        for future in reversed([future for future in self.queue if not future.done()][: self.free]):
            self.queue.remove(future)
            self.free -= 1
            future.set_result(None)


class Barging:
    """A release frees the permit and wakes a waiter, which looks whether it is still free: newcomers overtake."""

    async def acquire(self):
        while self.free == 0:
            future = new_future()
            self.queue.append(future)
            try:
                await future
            except CancelledError:
                if future in self.queue:
                    self.queue.remove(future)
                if not future.cancelled() and self.free:
                    self.wake()
                raise
        self.free -= 1
        return True

    def give(self):
        self.free += 1
        self.wake()

    def wake(self):
        while self.queue:
            future = self.queue.popleft()
            if not future.done():
                future.set_result(None)
                return


class LetsTwoIn:
    """A release that hands over also frees the permit."""

    def give(self):
        handed_over = any(not future.done() for future in self.queue)
        super().give()
        self.free += handed_over


class ForgetsToWake:
    def give(self):
        self.free += 1


class LosesWhatWasHandedOver:
    """A waiter that is cancelled after it was served keeps the permit."""

    def withdraw(self, future):
        if future in self.queue:
            self.queue.remove(future)


class StopsAtCancelledWaiter:
    """A release that meets a cancelled waiter, which has not run yet, is lost on it."""

    def give(self):
        if self.queue:
            future = self.queue.popleft()
            if not future.done():
                future.set_result(None)
            return
        self.free += 1


class NeverLocked:
    def locked(self):
        return False


class AlwaysLocked:
    def locked(self):
        return True


class ReturnsNothing:
    async def acquire(self):
        await super().acquire()


class PausesFirst:
    async def acquire(self):
        await asyncio.sleep(0)
        return await super().acquire()


class SwallowsCancellation:
    """A waiter that is cancelled after it was served goes on as if it had not been."""

    async def acquire(self):
        if self.free > 0:
            self.free -= 1
            return True
        future = new_future()
        self.queue.append(future)
        try:
            await future
        except CancelledError:
            if future.cancelled():
                self.withdraw(future)
                raise
        return True


class WaitsOn:
    """A waiter that is cancelled queues up again."""

    async def acquire(self):
        while True:
            try:
                return await super().acquire()
            except CancelledError:
                continue


class NeverComesOut:
    """A waiter that is cancelled stays where it is."""

    async def acquire(self):
        try:
            return await super().acquire()
        except CancelledError:
            await new_future()


class ReturnsNothingAfterWaiting:
    async def acquire(self):
        waits = self.free == 0
        result = await super().acquire()
        return None if waits else result


class RaisesWhenFree:
    async def acquire(self):
        if self.free:
            raise IndexError("nobody to wait for")
        return await super().acquire()


class LosesTheMessage:
    async def acquire(self):
        try:
            return await super().acquire()
        except CancelledError:
            raise CancelledError from None


class RaisesCancelledTwice:
    """The cancellation is delivered, and then once more."""

    async def acquire(self):
        try:
            return await super().acquire()
        except CancelledError:
            asyncio.get_running_loop().call_soon(asyncio.current_task().cancel, "treadle")
            raise


class CancelledSomebodyElse:
    """A cancelled waiter takes the next one with it."""

    def withdraw(self, future):
        super().withdraw(future)
        if self.queue:
            self.queue[0].cancel("treadle")


class ReleasesSilently:
    def release(self):
        self.give()


class ChangesWhenItRefuses:
    def release(self):
        try:
            super().release()
        except ValueError:
            self.free += 1
            raise


class TakesNegative:
    def __init__(self, value=1):
        super().__init__(max(value, 0))


class IgnoresInitialValue:
    def __init__(self, value=1):
        super().__init__(min(value, 1))


class ForgetsExtraReleases:
    def release(self):
        if self.free == 0:
            self.give()


class KeepsOnException:
    async def __aexit__(self, kind, *rest):
        if kind is None or kind is CancelledError:
            self.release()


class KeepsOnCancellation:
    async def __aexit__(self, kind, *rest):
        if kind is not CancelledError:
            self.release()


class SwallowsExceptions:
    async def __aexit__(self, kind, *rest):
        self.release()
        return kind is not None and issubclass(kind, Exception)


class RaisesOnFullQueue:
    async def acquire(self):
        if len(self.queue) == 1:
            raise IndexError("queue is full")
        return await super().acquire()


# --- events --------------------------------------------------------------------------------------------------------


class Event:
    def __init__(self):
        self.value = False
        self.waiting = []

    def is_set(self):
        return self.value

    def set(self):
        self.value = True
        for future in self.waiting:
            if not future.done():
                future.set_result(True)
        self.waiting.clear()

    def clear(self):
        self.value = False

    async def wait(self):
        if self.value:
            return True
        future = new_future()
        self.waiting.append(future)
        try:
            return await future
        finally:
            if future in self.waiting:
                self.waiting.remove(future)


class WakesOne:
    def set(self):
        self.value = True
        if self.waiting:
            future = self.waiting.pop(0)
            if not future.done():
                future.set_result(True)


class ClearedTooSoon:
    """Who was woken looks again whether the event is set."""

    async def wait(self):
        while not self.value:
            await super().wait()
        return True


class ClearWakes:
    def clear(self):
        self.set()
        self.value = False


class ClearForgets:
    """clear() takes back wakeups that are under way, by dropping who waits."""

    def set(self):
        self.value = True
        asyncio.get_running_loop().call_soon(self.wake)

    def wake(self):
        if self.value:
            super().set()


class BreaksOnCancelled:
    """set() trips over a waiter that was cancelled and has not run yet."""

    def set(self):
        self.value = True
        for future in self.waiting:
            future.set_result(True)
        self.waiting.clear()


class IsSetLate:
    def is_set(self):
        return self.value and not self.waiting and self.seen()

    def seen(self):
        self.looks = getattr(self, "looks", 0) + 1
        return self.looks > 1


class WaitReturnsNothing:
    async def wait(self):
        await super().wait()


class WaitPauses:
    async def wait(self):
        await asyncio.sleep(0)
        return await super().wait()


class WaitSwallows:
    async def wait(self):
        try:
            return await super().wait()
        except CancelledError:
            return True


class WaitLosesTheMessage:
    async def wait(self):
        try:
            return await super().wait()
        except CancelledError:
            raise CancelledError from None


class StartsSet:
    def __init__(self):
        super().__init__()
        self.value = True


# --- conditions ----------------------------------------------------------------------------------------------------


class Condition:
    """Wakes the notified, who then acquire the lock like anybody else."""

    def __init__(self, lock=None):
        if lock is None:
            lock = Lock()
        elif not isinstance(lock, Lock):
            raise TypeError("not a lock")
        self.lock = lock
        self.waiting = deque()

    def locked(self):
        return self.lock.locked()

    async def acquire(self):
        return await self.lock.acquire()

    def release(self):
        self.lock.release()

    async def __aenter__(self):
        await self.acquire()

    async def __aexit__(self, *exc_info):
        self.release()

    def check(self):
        if not self.locked():
            raise RuntimeError("the lock is not acquired")

    async def wait(self):
        self.check()
        future = new_future()
        self.waiting.append(future)
        self.release()
        cancelled = None
        try:
            await future
        except CancelledError as error:
            cancelled = error
        again = await self.acquire_again()
        cancelled = cancelled or again
        if future in self.waiting:
            self.waiting.remove(future)
        if cancelled is not None:
            if not future.cancelled():
                self.wake(1)
            raise cancelled
        return True

    async def acquire_again(self):
        cancelled = None
        while True:
            try:
                await self.acquire()
                return cancelled
            except CancelledError as error:
                cancelled = error

    async def wait_for(self, predicate):
        while not (value := predicate()):
            await self.wait()
        return value

    def notify(self, n=1):
        self.check()
        self.wake(n)

    def notify_all(self):
        self.notify(len(self.waiting))

    def wake(self, n):
        while n > 0 and self.waiting:
            future = self.take_next()
            if not future.done():
                future.set_result(None)
                n -= 1

    def take_next(self):
        return self.waiting.popleft()


class LosesNotification:
    """A notification ends with its receiver, even if that is cancelled."""

    async def wait(self):
        self.check()
        future = new_future()
        self.waiting.append(future)
        self.release()
        try:
            await future
        finally:
            if future in self.waiting:
                self.waiting.remove(future)
            cancelled = await self.acquire_again()
            if cancelled is not None:
                raise cancelled
        return True


class NotifiesLast:
    def take_next(self):
        return self.waiting.pop()


class NotifiesAllBackwards:
    def notify_all(self):
        self.check()
        self.waiting.reverse()
        self.wake(len(self.waiting))


class NotifiesNobody:
    def wake(self, n):
        pass


class NotifiesAllOfTheLock:
    """A notification also wakes who waits on another condition of the same lock."""

    def __init__(self, lock=None):
        super().__init__(lock)
        self.lock.conditions = [*getattr(self.lock, "conditions", []), self]

    def notify(self, n=1):
        self.check()
        for condition in self.lock.conditions:
            condition.wake(n)


class WaitReturnsFalse:
    async def wait(self):
        return not await super().wait()


class NotifiesOneMore:
    def notify(self, n=1):
        super().notify(n + 1)


class NotifiesOneOnly:
    def wake(self, n):
        super().wake(min(n, 1))


class NotifiesTheSameTwice:
    """Whoever is notified counts as waiting until it has run."""

    def wake(self, n):
        for future in list(self.waiting)[:n]:
            if not future.done():
                future.set_result(None)


class PassesOnWhatItNeverGot:
    """A cancelled waiter notifies another one, although it had not been notified itself."""

    async def wait(self):
        try:
            return await super().wait()
        except CancelledError:
            self.wake(1)
            raise


class ReturnsUnlocked:
    async def acquire_again(self):
        return None


class NeverWaitsForTheLock:
    async def acquire(self):
        return self.locked() or await super().acquire()


class CancelledUnlocked:
    """A cancelled wait doesn't acquire the lock again."""

    async def wait(self):
        self.check()
        future = new_future()
        self.waiting.append(future)
        self.release()
        await future
        await self.acquire()
        return True


class KeepsTheLock:
    """The lock is not released while its holder waits."""

    async def wait(self):
        self.check()
        future = new_future()
        self.waiting.append(future)
        await future
        return True


class LosesTheMessageOfWait:
    async def wait(self):
        try:
            return await super().wait()
        except CancelledError:
            raise CancelledError from None


class SwallowsInReacquire:
    async def acquire_again(self):
        await super().acquire_again()


class NeverChecks:
    def check(self):
        pass


class WaitForReturnsTrue:
    async def wait_for(self, predicate):
        return bool(await super().wait_for(predicate))


class WaitForLooksOnce:
    async def wait_for(self, predicate):
        value = predicate()
        if not value:
            await self.wait()
            value = predicate()
        return value


class OwnLockAlways:
    def __init__(self, lock=None):
        super().__init__()


class OwnLockUnnoticed:
    def __init__(self, lock=None):
        super().__init__(lock)
        self.lock = Lock()


class RemembersNotifications:
    """A notification that nobody waits for is kept for the next who does."""

    kept = 0

    def notify(self, n=1):
        self.check()
        if not self.waiting:
            self.kept = 1
        super().notify(n)

    async def wait(self):
        if self.kept:
            self.check()
            self.kept = 0
            self.release()
            await self.acquire()
            return True
        return await super().wait()


FAULTS = [
    # primitive, fault, a property that it breaks, how many cancellations that needs, and the scenario that must show it ("": any)
    ("lock", LastComeFirstServed, "fifo", 0, ""),
    ("lock", Barging, "fifo", 0, ""),
    ("lock", LetsTwoIn, "mutual-exclusion", 0, ""),
    ("lock", ForgetsToWake, "no-lost-wakeup", 0, ""),
    ("lock", LosesWhatWasHandedOver, "no-lost-wakeup", 1, ""),
    ("lock", StopsAtCancelledWaiter, "no-lost-wakeup", 1, ""),
    ("lock", NeverLocked, "state-as-reported", 0, "clients"),
    ("lock", AlwaysLocked, "state-as-reported", 0, "clients"),
    ("lock", ReturnsNothing, "returns-as-documented", 0, "errors"),
    ("lock", PausesFirst, "returns-as-documented", 0, "clients"),
    ("lock", SwallowsCancellation, "cancellation-delivered", 1, ""),
    ("lock", WaitsOn, "cancellation-delivered", 1, ""),
    ("lock", LosesTheMessage, "cancellation-delivered", 1, ""),
    ("lock", CancelledSomebodyElse, "cancellation-delivered", 1, ""),
    ("lock", ReleasesSilently, "raises-as-documented", 0, ""),
    ("lock", RaisesOnFullQueue, "raises-as-documented", 0, ""),
    ("lock", KeepsOnException, "state-as-reported", 0, "async with"),
    ("lock", KeepsOnCancellation, "state-as-reported", 1, "async with"),
    ("lock", SwallowsExceptions, "raises-as-documented", 0, ""),
    ("lock", NeverLocked, "state-as-reported", 0, "errors"),
    ("lock", PausesFirst, "returns-as-documented", 0, "errors"),
    ("lock", NeverComesOut, "cancellation-delivered", 1, "clients"),
    ("lock", ReturnsNothingAfterWaiting, "returns-as-documented", 0, "clients"),
    ("lock", RaisesWhenFree, "raises-as-documented", 0, "errors"),
    ("lock", LosesWhatWasHandedOver, "no-lost-wakeup", 0, "timeout"),
    ("lock", LosesWhatWasHandedOver, "no-lost-wakeup", 0, "wait_for"),
    ("semaphore", AlwaysLocked, "state-as-reported", 0, "locked"),
    ("semaphore", NeverLocked, "permits-conserved", 0, "clients"),
    ("semaphore", LastComeFirstServed, "fifo", 0, ""),
    ("semaphore", SlowHandOver, "fifo", 0, ""),
    ("semaphore", Barging, "fifo", 0, ""),
    ("semaphore", LetsTwoIn, "counter-non-negative", 0, ""),
    ("semaphore", ForgetsToWake, "no-lost-wakeup", 0, ""),
    ("semaphore", LosesWhatWasHandedOver, "permits-conserved", 1, ""),
    ("semaphore", StopsAtCancelledWaiter, "permits-conserved", 1, ""),
    ("semaphore", NeverLocked, "state-as-reported", 0, "locked"),
    ("semaphore", AlwaysLocked, "state-as-reported", 0, ""),
    ("semaphore", PausesFirst, "returns-as-documented", 0, "errors"),
    ("semaphore", SwallowsCancellation, "cancellation-delivered", 1, ""),
    ("semaphore", TakesNegative, "raises-as-documented", 0, ""),
    ("semaphore", IgnoresInitialValue, "permits-conserved", 0, ""),
    ("semaphore", ForgetsExtraReleases, "permits-conserved", 0, ""),
    ("bounded-semaphore", ReleasesSilently, "raises-as-documented", 0, ""),
    ("bounded-semaphore", ChangesWhenItRefuses, "counter-bounded", 0, ""),
    ("bounded-semaphore", LosesWhatWasHandedOver, "permits-conserved", 1, ""),
    ("event", WakesOne, "wakes-all", 0, ""),
    ("event", ClearedTooSoon, "wakes-all", 0, ""),
    ("event", ClearForgets, "wakes-all", 0, ""),
    ("event", ClearWakes, "no-spurious-wakeup", 0, ""),
    ("event", BreaksOnCancelled, "raises-as-documented", 1, ""),
    ("event", IsSetLate, "state-as-reported", 0, "clients"),
    ("event", StartsSet, "state-as-reported", 0, "errors"),
    ("event", WaitReturnsNothing, "returns-as-documented", 0, ""),
    ("event", WaitPauses, "returns-as-documented", 0, "clients"),
    ("event", WaitSwallows, "cancellation-delivered", 1, ""),
    ("event", WaitLosesTheMessage, "cancellation-delivered", 1, ""),
    ("condition", LosesNotification, "no-lost-wakeup", 1, ""),
    ("condition", LosesNotification, "no-lost-wakeup", 0, "timeout"),
    ("condition", CancelledUnlocked, "lock-held-on-return", 0, "timeout"),
    ("condition", NotifiesLast, "no-spurious-wakeup", 0, "clients"),
    ("condition", NotifiesLast, "fifo", 0, "exact counts"),
    ("condition", NotifiesAllBackwards, "fifo", 0, "all operations"),
    ("condition", NotifiesNobody, "no-lost-wakeup", 0, "clients"),
    ("condition", NotifiesNobody, "no-lost-wakeup", 0, "shared lock"),
    ("condition", NotifiesAllOfTheLock, "no-spurious-wakeup", 0, "shared lock"),
    ("condition", ReturnsUnlocked, "mutual-exclusion", 0, "shared lock"),
    ("condition", WaitReturnsFalse, "returns-as-documented", 0, "clients"),
    ("condition", WaitForReturnsTrue, "returns-as-documented", 0, "errors"),
    ("condition", NeverLocked, "state-as-reported", 0, "errors"),
    ("condition", OwnLockUnnoticed, "state-as-reported", 0, "errors"),
    ("condition", NotifiesOneMore, "notifies-n", 0, ""),
    ("condition", NotifiesOneMore, "no-spurious-wakeup", 0, ""),
    ("condition", NotifiesOneOnly, "notifies-n", 0, ""),
    ("condition", NotifiesOneOnly, "no-lost-wakeup", 0, ""),
    ("condition", NotifiesTheSameTwice, "notifies-n", 0, ""),
    ("condition", PassesOnWhatItNeverGot, "no-spurious-wakeup", 1, ""),
    ("condition", ReturnsUnlocked, "lock-held-on-return", 0, ""),
    ("condition", NeverWaitsForTheLock, "mutual-exclusion", 0, ""),
    ("condition", CancelledUnlocked, "lock-held-on-return", 1, ""),
    ("condition", KeepsTheLock, "state-as-reported", 0, ""),
    ("condition", LosesTheMessageOfWait, "cancellation-delivered", 1, ""),
    ("condition", SwallowsInReacquire, "cancellation-delivered", 1, ""),
    ("condition", NeverChecks, "raises-as-documented", 0, ""),
    ("condition", WaitForReturnsTrue, "returns-as-documented", 0, "wait_for"),
    ("condition", WaitForLooksOnce, "returns-as-documented", 0, "wait_for"),
    ("condition", OwnLockAlways, "raises-as-documented", 0, ""),
    ("condition", RemembersNotifications, "no-spurious-wakeup", 0, ""),
]
