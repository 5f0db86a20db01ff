"""Semaphore: at most so many tasks at a time."""

import asyncio
from typing import Literal

from ._loop_bound import LoopBound
from ._queue import Place, WaitQueue, describe
from ._with import Acquirable


class Semaphore(LoopBound, Acquirable):
    """A counter of free permits, for the tasks of one event loop. Not thread-safe.

    `acquire()` takes a permit, and waits for one if none is free; `release()` gives one back, or adds a new one: it
    may be called more often than `acquire()`, unlike BoundedSemaphore's. Use it with `async with`, which gives the
    permit back however the block ends.

    Args:
        value: how many permits are free at first, 0 or more.
        loop: the event loop that the semaphore will be used on. By default, the one on which it is first acquired.

    Raises:
        ValueError: value is below 0.
    """

    # The invariant that makes this semaphore fair: while a permit is free, nobody waits for one.
    # `_value` counts the free permits only. One that was handed to a waiter is taken, even before that waiter runs.

    def __init__(self, value: int = 1, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(loop)
        if value < 0:
            raise ValueError(f"a {type(self).__name__} starts with 0 permits or more, not {value!r}")
        self._value = value
        self._queue = WaitQueue()

    def __repr__(self) -> str:
        state = "locked" if self.locked() else f"unlocked, value:{self._value}"
        return describe(super().__repr__(), state, self._queue)

    def locked(self) -> bool:
        """Return True if `acquire()` would have to wait."""
        return self._value == 0

    async def acquire(self) -> Literal[True]:
        """Take a permit; wait for one if none is free, until all who came earlier have had theirs.

        Returns:
            True, always.

        Raises:
            RuntimeError: the semaphore belongs to another event loop.
        """
        if (loop := self._loop) is None or not loop.is_running():
            self._bind()
        if self._value > 0:
            self._value -= 1
            return True
        place = Place(self._bind())
        self._queue.append(place)
        try:
            await place.future
        except BaseException:
            if place.served:
                # The permit was ours already when the cancellation came. Nobody will ever give it back for us.
                self._give_back()
            else:
                self._queue.leave(place)
            raise
        return True

    def release(self) -> None:
        """Hand a permit to whoever has waited longest; count it as free if nobody waits.

        Raises:
            RuntimeError: the semaphore belongs to another event loop.
        """
        if (loop := self._loop) is not None and not loop.is_running():
            self._check_running()
        self._give_back()

    def _give_back(self) -> None:
        """Pass one permit to the next waiter; count it as free if there is none."""
        # The first half of the condition is there for speed only: nobody waits, most of the time.
        if not self._queue or not self._queue.serve_first():
            self._value += 1
