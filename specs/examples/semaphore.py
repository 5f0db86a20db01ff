"""Examples of what a Semaphore promises."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from . import acquiring
from .acquiring import at_once, is_free, must_raise, require, rest


async def semaphore_signature(locks: Any) -> None:
    """`Semaphore(value=1, *, loop=None)`."""
    await _signature(locks.Semaphore, "Semaphore")


async def _signature(make: Any, name: str) -> None:
    loop = asyncio.get_running_loop()
    for semaphore in (make(1), make(value=1), make(1, loop=None), make(1, loop=loop)):
        require(await semaphore.acquire() is True, "acquire() does not return True")
        require(not is_free(semaphore), f"a {name} of value 1 has two permits")
    must_raise(TypeError, lambda: make(1, loop), f"{name}(1, loop)")


async def semaphore_coroutines(locks: Any) -> None:
    """acquire() is a coroutine; release(), which returns nothing, and locked() are not."""
    await acquiring.is_made_of(locks.Semaphore, ("acquire",), ("release", "locked"))
    await acquiring.release_returns_none(locks.Semaphore)


async def semaphore_value_is_the_initial_counter(locks: Any) -> None:
    """`value` permits can be had at once, and no more."""
    await _has_initially(locks.Semaphore)


async def _has_initially(make: Any) -> None:
    for value in (0, 1, 2, 5):
        semaphore = make(value)
        for number in range(value):
            require(semaphore.locked() is False, f"of {value} permits {number} are taken, and locked() is not False")
            require(at_once(semaphore.acquire()) is True, "acquire() does not return True")
        require(not is_free(semaphore), f"a semaphore of value {value} has more permits than that")


async def semaphore_default_value_is_one(locks: Any) -> None:
    """Without a value there is one permit."""
    await _has_one_by_default(locks.Semaphore)


async def _has_one_by_default(make: Any) -> None:
    semaphore = make()
    require(at_once(semaphore.acquire()) is True, "acquire() does not return True")
    require(not is_free(semaphore), "without a value there are two permits")


async def semaphore_negative_value_raises(locks: Any) -> None:
    """A value below 0 raises ValueError; 0 does not."""
    await _refuses_negative(locks.Semaphore)


async def _refuses_negative(make: Any) -> None:
    for value in (-1, -7):
        must_raise(ValueError, functools.partial(make, value), f"a value of {value}")
        must_raise(ValueError, functools.partial(make, value=value), f"a value of {value}")
    make(0)


async def semaphore_counts(locks: Any) -> None:
    """Each acquire() takes one permit and each release() gives one back."""
    semaphore = locks.Semaphore(3)
    for taken in (1, 2, 3):
        for _ in range(taken):
            require(at_once(semaphore.acquire()) is True, "acquire() does not return True")
        for _ in range(taken):
            semaphore.release()
    for _ in range(3):
        require(at_once(semaphore.acquire()) is True, "acquire() does not return True")
    require(not is_free(semaphore), "acquire() and release() do not balance")
    semaphore.release()
    require(at_once(semaphore.acquire()) is True, "release() has given nothing back")
    require(not is_free(semaphore), "release() has given back more than one")


async def semaphore_has_no_more_holders_than_permits(locks: Any) -> None:
    """Of three that come in any order, and a fourth when one leaves, at most two are inside at a time; all get in."""
    semaphore = locks.Semaphore(2)
    inside: set[int] = set()
    got_in = 0

    async def client(number: int, comes: float, stays: float) -> None:
        nonlocal got_in
        await asyncio.sleep(comes)
        await semaphore.acquire()
        inside.add(number)
        got_in += 1
        require(len(inside) <= 2, f"{len(inside)} hold one of two permits")
        await asyncio.sleep(stays)
        inside.remove(number)
        semaphore.release()

    await asyncio.gather(client(0, 1, 1), client(1, 1, 3), client(2, 1, 3), client(3, 2, 3))
    require(got_in == 4, "somebody never got in")


async def semaphore_blocks_at_zero(locks: Any) -> None:
    """acquire() waits while the counter is zero, and no longer."""
    await _blocks_at_zero(locks.Semaphore)


async def _blocks_at_zero(make: Any) -> None:
    semaphore = make(2)
    await semaphore.acquire()
    await semaphore.acquire()
    waiter = asyncio.create_task(semaphore.acquire())
    await rest()
    require(not waiter.done(), "acquire() returned although no permit was free")
    semaphore.release()
    await rest()
    require(waiter.done(), "acquire() goes on waiting after release()")
    require(semaphore.locked() is True, "a permit that was handed on is free as well")


async def semaphore_acquire_is_immediate(locks: Any) -> None:
    """acquire() returns True at once if the counter is above zero, and takes one."""
    await acquiring.acquire_is_immediate(locks.Semaphore)


async def semaphore_acquire_returns_true(locks: Any) -> None:
    """acquire() returns True, whether it had to wait or not."""
    await acquiring.acquire_returns_true(locks.Semaphore)


async def semaphore_locked_tells_the_truth(locks: Any) -> None:
    """locked() is True if acquire() would have to wait, and False otherwise."""
    await acquiring.locked_tells_the_truth(locks.Semaphore)
    semaphore = locks.Semaphore(2)
    await semaphore.acquire()
    require(semaphore.locked() is False, "locked() is not False although a permit is free")
    require(locks.Semaphore(0).locked() is True, "locked() is not True although there is no permit")


async def semaphore_locked_while_another_is_to_be_served(locks: Any) -> None:
    """locked() is True as long as acquire() would have to wait, also between a release() and the next one's turn."""
    semaphore = locks.Semaphore()
    await semaphore.acquire()
    waiter = asyncio.create_task(semaphore.acquire())
    await rest()
    semaphore.release()
    says = semaphore.locked()
    waits = not is_free(semaphore)
    require(says is waits, f"locked() says {says!r}, and acquire() {'has' if waits else 'does not have'} to wait")
    await waiter


async def semaphore_release_adds_one(locks: Any) -> None:
    """release() adds one permit, which wakes one who waits, or is free if nobody does."""
    await acquiring.one_proceeds_a_release(locks.Semaphore)
    await acquiring.release_frees_it(locks.Semaphore)


async def semaphore_release_wakes_one(locks: Any) -> None:
    """Two releases wake two of three who wait."""
    semaphore = locks.Semaphore(0)
    waiters = [asyncio.create_task(semaphore.acquire()) for _ in range(3)]
    await rest()
    semaphore.release()
    semaphore.release()
    await rest()
    require(sum(waiter.done() for waiter in waiters) == 2, "two releases have not woken two")


async def semaphore_may_be_released_more_often(locks: Any) -> None:
    """release() may be called more often than acquire(): the counter rises above its initial value."""
    semaphore = locks.Semaphore(1)
    semaphore.release()
    semaphore.release()
    for _ in range(3):
        require(at_once(semaphore.acquire()) is True, "acquire() does not return True")
    require(not is_free(semaphore), "two extra releases have made more than two extra permits")


async def semaphore_first_come_first_served(locks: Any) -> None:
    """Permits go to those who wait in the order in which they came."""
    await acquiring.first_come_first_served(locks.Semaphore)
    await acquiring.no_newcomer_overtakes(locks.Semaphore)


async def semaphore_block_holds_it(locks: Any) -> None:
    """`async with semaphore` has a permit for its block."""
    await acquiring.block_holds_it(locks.Semaphore)


async def semaphore_block_is_acquire_try_finally(locks: Any) -> None:
    """`async with semaphore` is acquire(), try, finally release()."""
    await acquiring.block_is_acquire_try_finally(locks.Semaphore)
    await acquiring.cancelled_block_releases(locks.Semaphore)


async def semaphore_cancelled_acquire_takes_nothing(locks: Any) -> None:
    """An acquire() that is cancelled keeps no permit."""
    await acquiring.cancelled_acquire_takes_nothing(locks.Semaphore)
