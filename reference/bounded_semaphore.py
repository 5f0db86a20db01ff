"""BoundedSemaphore: a semaphore that notices one release too many."""

import asyncio

from .semaphore import Semaphore


class BoundedSemaphore(Semaphore):
    """A semaphore whose free permits never exceed their initial number. Not thread-safe.

    Args:
        value: how many permits there are, 0 or more.
        loop: the event loop that the semaphore will be used on. By default, the one on which it is first acquired.

    Raises:
        ValueError: value is below 0.
    """

    def __init__(self, value: int = 1, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(value, loop=loop)
        self._bound_value = value

    def release(self) -> None:
        """Hand a permit to whoever has waited longest; count it as free if nobody waits.

        Raises:
            ValueError: every permit is free already (nothing changes). One that was handed to a waiter isn't free, even
                before that waiter runs.
            RuntimeError: the semaphore belongs to another event loop.
        """
        if (loop := self._loop) is not None and not loop.is_running():
            self._check_running()
        if self._value >= self._bound_value:
            raise ValueError(
                f"{self!r} cannot be released: that would make more than its initial {self._bound_value} permits free"
            )
        self._give_back()
