"""Examples of what a Lock promises."""

from __future__ import annotations

import asyncio
from typing import Any

from . import acquiring
from .acquiring import must_raise, require


async def lock_signature(locks: Any) -> None:
    """`Lock(*, loop=None)`."""
    for lock in (locks.Lock(), locks.Lock(loop=None), locks.Lock(loop=asyncio.get_running_loop())):
        require(await lock.acquire() is True, "acquire() does not return True")
        lock.release()
    must_raise(TypeError, lambda: locks.Lock(None), "Lock(None)")


async def lock_coroutines(locks: Any) -> None:
    """acquire() is a coroutine; release() and locked() are not."""
    await acquiring.is_made_of(locks.Lock, ("acquire",), ("release", "locked"))


async def lock_waits_while_held(locks: Any) -> None:
    """acquire() waits until the lock is unlocked."""
    await acquiring.waits_while_held(locks.Lock)


async def lock_holds_after_acquire(locks: Any) -> None:
    """acquire() sets the lock to locked."""
    await acquiring.holds_after_acquire(locks.Lock)


async def lock_acquire_returns_true(locks: Any) -> None:
    """acquire() returns True."""
    await acquiring.acquire_returns_true(locks.Lock)


async def lock_one_proceeds_a_release(locks: Any) -> None:
    """Of several that wait, only one goes on."""
    await acquiring.one_proceeds_a_release(locks.Lock)


async def lock_cancelled_waiter_lets_nobody_in(locks: Any) -> None:
    """Only one goes on, also while a cancellation is under way."""
    await acquiring.cancelled_waiter_lets_nobody_in(locks.Lock)


async def lock_first_come_first_served(locks: Any) -> None:
    """The one that goes on is the first that started to wait."""
    await acquiring.first_come_first_served(locks.Lock)
    await acquiring.no_newcomer_overtakes(locks.Lock)


async def lock_release_frees_it(locks: Any) -> None:
    """release() of a locked lock unlocks it."""
    await acquiring.release_frees_it(locks.Lock)


async def lock_release_returns(locks: Any) -> None:
    """release() returns, and returns nothing."""
    await acquiring.release_returns_none(locks.Lock)


async def lock_release_unlocked_raises(locks: Any) -> None:
    """release() of an unlocked lock raises RuntimeError, whether it is new or was used."""
    lock = locks.Lock()
    must_raise(RuntimeError, lock.release, "release() of a new lock")
    await lock.acquire()
    lock.release()
    must_raise(RuntimeError, lock.release, "release() of a lock that was released")


async def lock_refused_release_changes_nothing(locks: Any) -> None:
    """A release() that raises leaves the lock as it was."""
    await acquiring.refused_release_changes_nothing(locks.Lock, RuntimeError)


async def lock_locked_tells_the_truth(locks: Any) -> None:
    """locked() is True if the lock is locked, and False otherwise."""
    await acquiring.locked_tells_the_truth(locks.Lock)


async def lock_block_holds_it(locks: Any) -> None:
    """`async with lock` has the lock for its block."""
    await acquiring.block_holds_it(locks.Lock)


async def lock_block_is_acquire_try_finally(locks: Any) -> None:
    """`async with lock` is acquire(), try, finally release()."""
    await acquiring.block_is_acquire_try_finally(locks.Lock)
    await acquiring.cancelled_block_releases(locks.Lock)


async def lock_cancelled_acquire_takes_nothing(locks: Any) -> None:
    """An acquire() that is cancelled keeps nothing."""
    await acquiring.cancelled_acquire_takes_nothing(locks.Lock)
