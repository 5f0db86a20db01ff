"""Faults of an Event."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from typing import Any

from .fault import breaks
from .twins import Event


@breaks("EVENT-1")
class TakesLoopByPosition(Event):
    """`loop` may be given by position."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__()


@breaks("EVENT-2")
class SetReturnsTheFlag(Event):
    """set() returns the flag."""

    def set(self) -> Any:
        """Set the flag."""
        super().set()
        return self.value


@breaks("EVENT-3", tasks=3, cancel=0)
class WakesOne(Event):
    """set() wakes one of those who wait."""

    def wake(self) -> None:
        """Wake the first."""
        if self.waiting:
            future = self.waiting.pop(0)
            if not future.done():
                future.set_result(None)


@breaks("EVENT-4")
class ClearedTooSoon(Event):
    """Who was woken looks again whether the event is set."""

    async def wait(self) -> Any:
        """Wait until the flag is seen to be true."""
        while not self.value:
            await self.sleep()
        return True


@breaks("EVENT-4")
class ClearForgets(Event):
    """Those who wait are woken a moment after set(), unless clear() comes first."""

    def wake(self) -> None:
        """Wake all, later."""
        asyncio.get_running_loop().call_soon(self.wake_if_set)

    def wake_if_set(self) -> None:
        """Wake all, if the flag is still true."""
        if self.value:
            super().wake()


@breaks("EVENT-5")
class SetIsAPulse(Event):
    """set() wakes those who wait and leaves the flag false."""

    def set(self) -> Any:
        """Wake all."""
        self.wake()


@breaks("EVENT-6")
class StaysSet(Event):
    """clear() does nothing."""

    def clear(self) -> Any:
        """Do nothing."""


@breaks("EVENT-7")
class ClearWakes(Event):
    """clear() wakes those who wait, too."""

    def clear(self) -> Any:
        """Clear the flag, and wake all."""
        self.wake()
        self.value = False


@breaks("EVENT-7")
class GivesUpWaiting(Event):
    """wait() waits for a moment and returns."""

    async def sleep(self) -> None:
        """Let others run."""
        await asyncio.sleep(0)


@breaks("EVENT-8")
class StartsSet(Event):
    """The flag is true at first."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(loop=loop)
        self.value = True


@breaks("EVENT-9")
class WakesNobody(Event):
    """set() wakes nobody."""

    def wake(self) -> None:
        """Do nothing."""


@breaks("EVENT-10")
class PausesFirst(Event):
    """wait() on an event that is set lets others run first."""

    async def wait(self) -> Any:
        """Wait, later."""
        await asyncio.sleep(0)
        return await super().wait()


@breaks("EVENT-11")
class ReturnsNothing(Event):
    """wait() returns None."""

    async def wait(self) -> Any:
        """Wait and say nothing."""
        await super().wait()


@breaks("EVENT-11")
class BreaksOnCancelled(Event):
    """set() trips over a waiter that was cancelled and has not run yet."""

    def wake(self) -> None:
        """Wake all, without a look."""
        for future in self.waiting:
            future.set_result(None)
        self.waiting.clear()


@breaks("EVENT-12")
class RemembersThatItWasSet(Event):
    """Once it was set, wait() does not block any more, clear() or not."""

    was_set = False

    def set(self) -> Any:
        """Set the flag."""
        self.was_set = True
        super().set()

    async def wait(self) -> Any:
        """Wait for the first set()."""
        if not self.was_set:
            await self.sleep()
        return True


@breaks("EVENT-13")
class IsSetLate(Event):
    """is_set() is false the first time that it is asked after set()."""

    looks = 0

    def is_set(self) -> Any:
        """Return the flag, or not."""
        self.looks += self.value
        return self.value and self.looks > 1


@breaks("EVENT-14")
class SwallowsCancellation(Event):
    """wait() that is cancelled returns True."""

    async def wait(self) -> Any:
        """Wait."""
        try:
            return await super().wait()
        except CancelledError:
            return True


@breaks("EVENT-14")
class LosesTheMessage(Event):
    """The CancelledError that comes out is another one, without the message."""

    async def wait(self) -> Any:
        """Wait."""
        try:
            return await super().wait()
        except CancelledError:
            raise CancelledError from None
