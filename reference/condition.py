"""Condition: wait, inside a lock, until another task says that something has changed.

A waiting task goes through two queues: the condition's own, until it is notified, and then the lock's, until it holds
the lock again. `notify()` moves its place from the one into the other, and its task sleeps on until the lock itself is
handed over. So:

- a task that was notified stands in the lock's queue from that moment on: who calls `acquire()` later comes after it;
- each wait is woken once, with the lock in its hands. `notify_all()` doesn't wake a crowd of which all but one must
  wait again;
- until a task runs again its place tells how far it got: still waiting, notified, or given the lock. Cancellation asks
  for that.

Refused: waking the notified task and letting it call `lock.acquire()`, as a thread would. Whoever calls `acquire()` in
between overtakes it, and a cancellation has one more await to strike.
"""

import asyncio
from collections.abc import Callable
from typing import Literal, TypeVar

from ._queue import Place, WaitQueue, describe
from ._with import Acquirable
from .lock import Lock

T = TypeVar("T")


class Condition(Acquirable):
    """A lock, and a way for its holder to sleep until another holder calls `notify()`. Not thread-safe.

    Args:
        lock: the Lock to use; several conditions may share one. By default, a new one.
        loop: the event loop that the condition, and so its lock, will be used on. By default, the one on which the
            lock is first used.

    Raises:
        TypeError: lock isn't a Lock of this package. One of asyncio's isn't accepted either: this condition hands the
            lock over directly, and could keep none of its promises about fairness and cancellation on top of a lock
            that doesn't.
        RuntimeError: lock belongs to another event loop than loop.
    """

    def __init__(self, lock: Lock | None = None, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if lock is None:
            lock = Lock(loop=loop)
        elif not isinstance(lock, Lock):
            raise TypeError(
                f"a Condition takes a {Lock.__module__}.Lock, or None to make its own, "
                f"not a {type(lock).__module__}.{type(lock).__qualname__}: {lock!r}"
            )
        elif loop is not None:
            lock._belong_to(loop)
        self._lock = lock
        self._queue = WaitQueue()

    def __repr__(self) -> str:
        return describe(super().__repr__(), "locked" if self.locked() else "unlocked", self._queue)

    def locked(self) -> bool:
        """Return True if the lock is held, or has been handed to a task that is about to run."""
        return self._lock.locked()

    async def acquire(self) -> Literal[True]:
        """Acquire the lock; see `Lock.acquire`."""
        return await self._lock.acquire()

    def release(self) -> None:
        """Release the lock; see `Lock.release`."""
        self._lock.release()

    async def wait(self) -> Literal[True]:
        """Release the lock, sleep until notified, and hold the lock again.

        It holds the lock again however it ends, unless its coroutine is destroyed. If it is cancelled, it raises the
        first CancelledError that came in, with the lock held, however often it is cancelled again meanwhile; and if it
        had been notified, the notification goes on to the next waiter.

        Returns:
            True, always.

        Raises:
            RuntimeError: the lock isn't locked, or belongs to another event loop. (Whether it is *this task* that locked
                it isn't checked: one task may acquire a lock for another, as `asyncio.wait_for` does on 3.11.)
        """
        loop = self._lock._bind()
        self._check_locked("wait on")
        place = Place(loop)
        self._queue.append(place)
        self._lock._hand_over()
        try:
            await place.future
        except GeneratorExit:
            # The coroutine is being destroyed, and may not await any more: it gets the lock only if that is free.
            self._forgo(place)
            self._lock._queue.leave(place)
            raise
        except BaseException:
            self._forgo(place)
            await self._regain(place)
            raise
        return True

    async def wait_for(self, predicate: Callable[[], T]) -> T:
        """Wait until the predicate is true. It is called at the start, and again after every `wait()`.

        Args:
            predicate: called without arguments; its result is taken as true or false.

        Returns:
            The predicate's last result.

        Raises:
            RuntimeError: as `wait()`; and whatever the predicate raises.
        """
        while not (result := predicate()):
            await self.wait()
        return result

    def notify(self, n: int = 1) -> None:
        """Let the first n of the waiting tasks go on, or as many as there are, each as soon as it holds the lock.

        Args:
            n: how many, at most.

        Raises:
            RuntimeError: the lock isn't locked, or belongs to another event loop.
        """
        self._lock._check_running()
        self._check_locked("notify")
        self._notify(n)

    def notify_all(self) -> None:
        """Let all of the waiting tasks go on, one after the other, each as soon as it holds the lock.

        Raises:
            RuntimeError: the lock isn't locked, or belongs to another event loop.
        """
        self.notify(self._queue.count_wanted())

    def _check_locked(self, action: str) -> None:
        if not self._lock.locked():
            raise RuntimeError(f"cannot {action} {self!r}: its lock must be acquired first, as by 'async with'")

    def _notify(self, n: int) -> None:
        """Move the first n places to the end of the lock's queue. The lock is locked, so none is served on the spot."""
        for _ in range(n):
            place = self._queue.take()
            if place is None:
                return
            self._lock._claim(place)

    def _forgo(self, place: Place) -> None:
        """Give up waiting for a notification, pass one on that has come already, and have the place claim the lock."""
        if place.insistent:
            # It was notified. This wait will raise, so the notification is still somebody else's to use. The place has
            # claimed the lock already. Holding it or standing in its queue, it means that the lock is locked, as
            # `_notify` wants it.
            self._notify(1)
        else:
            self._queue.leave(place)
            self._lock._claim(place)

    async def _regain(self, place: Place) -> None:
        """Wait until the lock is handed over, however often the task is cancelled."""
        loop = self._lock._bind()
        while not place.served:
            place.future = loop.create_future()
            try:
                await place.future
            except GeneratorExit:
                self._lock._queue.leave(place)
                raise
            except BaseException:
                # Cancelled once more. A CancelledError is on its way out already, and the task still needs the lock.
                continue
