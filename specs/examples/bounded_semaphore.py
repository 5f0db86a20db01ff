"""Examples of what a BoundedSemaphore promises."""

from __future__ import annotations

from typing import Any

from . import acquiring
from .acquiring import at_once, is_free, must_raise, require
from .semaphore import _blocks_at_zero, _has_initially, _has_one_by_default, _refuses_negative, _signature


async def bounded_semaphore_signature(locks: Any) -> None:
    """`BoundedSemaphore(value=1, *, loop=None)`, 1 by default, and not below 0."""
    await _signature(locks.BoundedSemaphore, "BoundedSemaphore")
    await _has_one_by_default(locks.BoundedSemaphore)
    await _refuses_negative(locks.BoundedSemaphore)


async def bounded_semaphore_is_a_semaphore(locks: Any) -> None:
    """It counts, blocks and reports as a Semaphore does."""
    make = locks.BoundedSemaphore
    await _has_initially(make)
    await _blocks_at_zero(make)
    await acquiring.acquire_returns_true(make)
    await acquiring.acquire_is_immediate(make)
    await acquiring.locked_tells_the_truth(make)
    await acquiring.release_returns_none(make)
    await acquiring.one_proceeds_a_release(make)


async def bounded_semaphore_first_come_first_served(locks: Any) -> None:
    """Permits go to those who wait in the order in which they came."""
    await acquiring.first_come_first_served(locks.BoundedSemaphore)
    await acquiring.no_newcomer_overtakes(locks.BoundedSemaphore)


async def bounded_semaphore_blocks(locks: Any) -> None:
    """`async with` works as for a Semaphore."""
    await acquiring.block_holds_it(locks.BoundedSemaphore)
    await acquiring.block_is_acquire_try_finally(locks.BoundedSemaphore)
    await acquiring.cancelled_block_releases(locks.BoundedSemaphore)


async def bounded_semaphore_cancelled_acquire_takes_nothing(locks: Any) -> None:
    """An acquire() that is cancelled keeps no permit."""
    await acquiring.cancelled_acquire_takes_nothing(locks.BoundedSemaphore)


async def bounded_semaphore_release_above_the_initial_value_raises(locks: Any) -> None:
    """release() raises ValueError if the counter would rise above its initial value, whatever that is."""
    for value in (0, 1, 3, 1_000):
        semaphore = locks.BoundedSemaphore(value)
        must_raise(ValueError, semaphore.release, f"release() of a new one of value {value}")
        for _ in range(value):
            at_once(semaphore.acquire())
        for _ in range(value):
            semaphore.release()
        must_raise(ValueError, semaphore.release, f"one release() too many, with value {value},")


async def bounded_semaphore_refused_release_changes_nothing(locks: Any) -> None:
    """A release() that raises leaves the counter as it was."""
    await acquiring.refused_release_changes_nothing(locks.BoundedSemaphore, ValueError)
    semaphore = locks.BoundedSemaphore(2)
    must_raise(ValueError, semaphore.release, "release() of a new one")
    at_once(semaphore.acquire())
    at_once(semaphore.acquire())
    require(not is_free(semaphore), "a refused release() has added a permit")
