"""Five primitives that keep every clause: what the faults are broken versions of.

They are as simple as can be, differ from asyncio's and from the reference, and are cut into small methods, so that a
fault overrides one of them and leaves the rest alone. That they keep every clause is tested, so a fault is caught for
what it breaks and for nothing else.
"""

from __future__ import annotations

import asyncio
import types
import warnings
from asyncio import CancelledError, Future
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

__all__ = ["Acquired", "BoundedSemaphore", "Condition", "Event", "Held", "Lock", "Permits", "Semaphore", "new_future"]


def new_future() -> Future[None]:
    """Return a future of the running loop."""
    return asyncio.get_running_loop().create_future()


class Held:
    """What `await lock` returns, for `with`."""

    def __init__(self, owner: Acquired) -> None:
        self.owner = owner

    def __enter__(self) -> None:
        """Do nothing: it is held already."""

    def __exit__(self, *exc_info: object) -> None:
        self.owner.release()


class Acquired:
    """What is acquired and released: the ways to hold it for a block."""

    async def acquire(self) -> Any:
        """Acquire it."""
        raise NotImplementedError

    def release(self) -> Any:
        """Release it."""
        raise NotImplementedError

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *exc_info: Any) -> Any:
        self.release()

    def held(self) -> Held:
        """Return what the deprecated forms return."""
        return Held(self)

    def warn(self) -> None:
        """Say that the form is deprecated."""
        warnings.warn("write 'async with'", DeprecationWarning, stacklevel=3)

    def __await__(self) -> Generator[Any, Any, Held]:
        self.warn()
        yield from self.acquire().__await__()
        return self.held()

    def __iter__(self) -> Generator[Any, Any, Held]:
        return self.__await__()


class Permits(Acquired):
    """A count of free permits and a queue: a release hands its permit to the first waiter."""

    def __init__(self, value: int = 1, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if value < 0:
            raise ValueError("value below 0")
        self.free = value
        self.queue: deque[Future[None]] = deque()

    def locked(self) -> Any:
        """Return True if acquire() has to wait."""
        return self.free == 0

    async def acquire(self) -> Any:
        """Take a permit, or wait for one."""
        if self.free > 0:
            self.take()
            return True
        return await self.wait_in_line()

    def take(self) -> None:
        """Take a permit that is free."""
        self.free -= 1

    async def wait_in_line(self) -> Any:
        """Wait until a permit is handed over."""
        future = new_future()
        self.queue.append(future)
        try:
            await future
        except BaseException:
            self.withdraw(future)
            raise
        return True

    def withdraw(self, future: Future[None]) -> None:
        """Deal with a waiter that was cancelled: it leaves the queue, or passes on what it was handed."""
        if future in self.queue:
            self.queue.remove(future)
        elif not future.cancelled():
            self.give()

    def give(self) -> None:
        """Hand a permit to the first waiter, or count it as free."""
        while self.queue:
            future = self.take_next()
            if not future.done():
                future.set_result(None)
                return
        self.put()

    def put(self) -> None:
        """Count a permit as free."""
        self.free += 1

    def take_next(self) -> Future[None]:
        """Take the next waiter out of the queue."""
        return self.queue.popleft()

    def release(self) -> Any:
        """Give a permit back."""
        self.give()


class Semaphore(Permits):
    """A semaphore."""


class BoundedSemaphore(Semaphore):
    """A semaphore that refuses to rise above its initial value."""

    def __init__(self, value: int = 1, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(value, loop=loop)
        self.initial = value

    def release(self) -> Any:
        """Give a permit back, if that is not too many."""
        if self.free >= self.initial:
            raise ValueError("released too often")
        return super().release()


class Lock(Permits):
    """A lock: one permit."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(1, loop=loop)

    def release(self) -> Any:
        """Unlock it."""
        if self.free:
            raise RuntimeError("not locked")
        return super().release()


class Event:
    """A flag, and the futures of those who wait for it."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.value = False
        self.waiting: list[Future[None]] = []

    def is_set(self) -> Any:
        """Return the flag."""
        return self.value

    def set(self) -> Any:
        """Set the flag and wake all."""
        self.value = True
        self.wake()

    def wake(self) -> None:
        """Wake all who wait."""
        for future in self.waiting:
            if not future.done():
                future.set_result(None)
        self.waiting.clear()

    def clear(self) -> Any:
        """Clear the flag."""
        self.value = False

    async def wait(self) -> Any:
        """Wait for the flag."""
        if not self.value:
            await self.sleep()
        return True

    async def sleep(self) -> None:
        """Wait until `set()` is called."""
        future = new_future()
        self.waiting.append(future)
        try:
            await future
        finally:
            if future in self.waiting:
                self.waiting.remove(future)


class Condition(Acquired):
    """A lock, and a queue of those who wait for a notification; the notified acquire the lock like anybody else."""

    def __init__(self, lock: Lock | None = None, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if lock is None:
            lock = self.new_lock()
        elif not isinstance(lock, Permits):
            raise TypeError("not a lock")
        self.lock = lock
        self.waiting: deque[Future[None]] = deque()

    def new_lock(self) -> Any:
        """Make a lock of one's own."""
        return Lock()

    def locked(self) -> Any:
        """Return True if the lock is locked."""
        return self.lock.locked()

    async def acquire(self) -> Any:
        """Acquire the lock."""
        return await self.lock.acquire()

    def release(self) -> Any:
        """Release the lock."""
        return self.lock.release()

    def check(self) -> None:
        """Refuse to go on without the lock."""
        if not self.lock.locked():
            raise RuntimeError("the lock is not acquired")

    async def wait(self) -> Any:
        """Wait for a notification."""
        self.check()
        future = new_future()
        self.waiting.append(future)
        self.lock.release()
        cancelled: CancelledError | None = None
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
                self.pass_on()
            raise cancelled
        return True

    def pass_on(self) -> None:
        """Pass on a notification that can't be used any more."""
        self.wake(1)

    async def acquire_again(self) -> CancelledError | None:
        """Acquire the lock, whatever comes; return the first cancellation that did."""
        cancelled: CancelledError | None = None
        while True:
            try:
                await self.lock.acquire()
                return cancelled
            except CancelledError as error:
                cancelled = cancelled or error

    async def wait_for(self, predicate: Callable[[], Any]) -> Any:
        """Wait until the predicate is true."""
        while not (value := predicate()):
            await self.wait()
        return value

    def notify(self, n: int = 1) -> Any:
        """Notify n."""
        self.check()
        self.wake(n)

    def notify_all(self) -> Any:
        """Notify all."""
        self.check()
        self.wake(len(self.waiting))

    def wake(self, n: int) -> None:
        """Wake the first n who wait."""
        while n > 0 and self.waiting:
            future = self.take_next()
            if not future.done():
                future.set_result(None)
                n -= 1

    def take_next(self) -> Future[None]:
        """Take the next of those who wait."""
        return self.waiting.popleft()


CORRECT = types.SimpleNamespace(
    Lock=Lock, Event=Event, Condition=Condition, Semaphore=Semaphore, BoundedSemaphore=BoundedSemaphore
)
"""The five of them, as examples and laws want them."""
