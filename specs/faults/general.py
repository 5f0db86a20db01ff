"""Faults of what holds for all five."""

from __future__ import annotations

import types
import warnings
from collections.abc import Generator
from typing import Any

from .fault import breaks, breaks_namespace
from .twins import CORRECT, Condition, Event, Held, Lock, Semaphore, new_future


@breaks_namespace("GEN-1")
def no_bounded_semaphore() -> types.SimpleNamespace:
    """There is no BoundedSemaphore."""
    return types.SimpleNamespace(**{name: cls for name, cls in vars(CORRECT).items() if name != "BoundedSemaphore"})


@breaks_namespace("GEN-1")
def bounded_semaphore_is_a_semaphore() -> types.SimpleNamespace:
    """BoundedSemaphore is another name for Semaphore."""
    return types.SimpleNamespace(**{**vars(CORRECT), "BoundedSemaphore": CORRECT.Semaphore})


@breaks("GEN-2", of="Event")
class IsSetIsCalledOtherwise(Event):
    """is_set() is called isSet(), and nothing else."""

    isSet = Event.is_set  # as threading's was
    is_set = None  # type: ignore[assignment]


@breaks("GEN-4", of="Lock")
class TakesATimeout(Lock):
    """acquire() takes a timeout."""

    async def acquire(self, timeout: float | None = None) -> Any:
        """Acquire, within a time."""
        return await super().acquire()


@breaks("GEN-5", of="Semaphore")
class LeavesADeadWaiter(Semaphore):
    """A waiter that timed out stays in the queue, and is handed a permit."""

    async def wait_in_line(self) -> Any:
        """Wait until a permit is handed over."""
        future = new_future()
        self.queue.append(future)
        await future
        return True

    def give(self) -> None:
        """Hand over to the first, dead or alive."""
        if not self.queue:
            self.put()
            return
        future = self.take_next()
        if not future.done():
            future.set_result(None)


@breaks("GEN-6", of="Condition")
class NotifiesTheDead(Condition):
    """A wait() that timed out stays in the queue and uses up a notification."""

    async def wait(self) -> Any:
        """Wait for a notification."""
        self.check()
        future = new_future()
        self.waiting.append(future)
        self.lock.release()
        try:
            await future
        finally:
            await self.acquire_again()
        return True

    def wake(self, n: int) -> None:
        """Wake the first n, dead or alive."""
        for future in [self.take_next() for _ in range(min(n, len(self.waiting)))]:
            if not future.done():
                future.set_result(None)


@breaks("GEN-7", of="Lock")
class AwaitIsSilent(Lock):
    """`await lock` does not warn."""

    def __await__(self) -> Generator[Any, Any, Held]:
        yield from self.acquire().__await__()
        return self.held()

    def __iter__(self) -> Generator[Any, Any, Held]:
        return super().__await__()


@breaks("GEN-8", of="Semaphore")
class WithAwaitKeeps(Semaphore):
    """`with await semaphore` does not release."""

    def held(self) -> Held:
        """Return something that releases nothing."""

        class Kept(Held):
            def __exit__(self, *exc_info: object) -> None:
                """Do nothing."""

        return Kept(self)


@breaks("GEN-9", of="Condition")
class NoYieldFrom(Condition):
    """`yield from condition` is not possible."""

    __iter__ = None  # type: ignore[assignment]


@breaks("GEN-10", of="Lock")
class AsyncWithWarns(Lock):
    """`async with` is made of the deprecated form, and warns."""

    async def __aenter__(self) -> None:
        warnings.warn("deprecated", DeprecationWarning, stacklevel=2)
        await self.acquire()
