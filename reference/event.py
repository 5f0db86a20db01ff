"""Event: a flag that tasks can wait for."""

import asyncio
from typing import Literal

from ._loop_bound import LoopBound
from ._queue import Place, WaitQueue, describe


class Event(LoopBound):
    """A flag, first false, that any number of tasks can wait for to become true. Not thread-safe.

    Args:
        loop: the event loop that the event will be used on. By default, the one on which it is first waited for.
    """

    # A waiter is woken for good: it doesn't look at the flag again when it runs, so `clear()` can't take its wakeup
    # back.

    def __init__(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(loop)
        self._flag = False
        self._queue = WaitQueue()

    def __repr__(self) -> str:
        return describe(super().__repr__(), "set" if self._flag else "unset", self._queue)

    def is_set(self) -> bool:
        """Return True if the flag is true."""
        return self._flag

    def set(self) -> None:
        """Make the flag true, and wake all who wait for it at this moment, whatever happens to the flag afterwards.

        Raises:
            RuntimeError: the event belongs to another event loop.
        """
        if (loop := self._loop) is not None and not loop.is_running():
            self._check_running()
        self._flag = True
        while self._queue.serve_first():
            pass

    def clear(self) -> None:
        """Make the flag false: who waits from now on waits for the next `set()`."""
        self._flag = False

    async def wait(self) -> Literal[True]:
        """Return at once if the flag is true, without giving way to other tasks; otherwise wait for `set()`.

        Returns:
            True, always.

        Raises:
            RuntimeError: the event belongs to another event loop.
        """
        if (loop := self._loop) is None or not loop.is_running():
            self._bind()
        if self._flag:
            return True
        place = Place(self._bind())
        self._queue.append(place)
        try:
            await place.future
        except BaseException:
            self._queue.leave(place)
            raise
        return True
