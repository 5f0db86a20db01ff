"""Lock: one task at a time."""

import asyncio
from typing import Literal

from ._loop_bound import LoopBound
from ._queue import Place, WaitQueue, describe
from ._with import Acquirable


class Lock(LoopBound, Acquirable):
    """A mutual exclusion lock for the tasks of one event loop. Not thread-safe.

    Use it with `async with`, which releases it however the block ends:

        async with lock:
            ...  # alone here

    Any task may release the lock, not only the one that acquired it. It is not reentrant: a task that acquires it
    twice waits for itself.

    Args:
        loop: the event loop that the lock will be used on. By default, the one on which it is first used.
    """

    # The invariant that makes this lock fair: while it is unlocked, nobody waits for it.
    # So a newcomer that finds it unlocked overtakes nobody, and a release that finds a waiter keeps it locked.

    def __init__(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(loop)
        self._locked = False
        self._queue = WaitQueue()

    def __repr__(self) -> str:
        return describe(super().__repr__(), "locked" if self._locked else "unlocked", self._queue)

    def locked(self) -> bool:
        """Return True if the lock is held, or has been handed to a task that is about to run."""
        return self._locked

    async def acquire(self) -> Literal[True]:
        """Wait until the lock is free and all who came earlier have had it; then hold it.

        Returns:
            True, always.

        Raises:
            RuntimeError: the lock belongs to another event loop.
        """
        if (loop := self._loop) is None or not loop.is_running():
            self._bind()
        if not self._locked:
            self._locked = True
            return True
        place = Place(self._bind())
        self._queue.append(place)
        try:
            await place.future
        except BaseException:
            if place.served:
                # The lock was ours already when the cancellation came. Nobody will ever release it for us.
                self._hand_over()
            else:
                self._queue.leave(place)
            raise
        return True

    def release(self) -> None:
        """Hand the lock to whoever has waited longest; unlock it if nobody waits.

        Raises:
            RuntimeError: the lock isn't locked (nothing changes), or belongs to another event loop.
        """
        if (loop := self._loop) is not None and not loop.is_running():
            self._check_running()
        if not self._locked:
            raise RuntimeError(f"{self!r} cannot be released: it is not locked")
        if self._queue:
            self._hand_over()
        else:  # as `_hand_over` would do, but most releases end here, and a call costs as much as all the rest
            self._locked = False

    def _hand_over(self) -> None:
        """Pass the lock, which is locked, to the next one; unlock it if there is none."""
        if not self._queue.serve_first():
            self._locked = False

    def _claim(self, place: Place) -> None:
        """Have the lock handed to this place in its turn, even if its task is cancelled; at once if it is unlocked."""
        place.insistent = True
        if self._locked:
            self._queue.append(place)
        else:
            self._locked = True
            place.serve()
