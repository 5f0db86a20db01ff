"""Examples of what a Condition promises."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from . import acquiring
from .acquiring import at_once, is_free, is_made_of, must_raise, require, rest


def _waiters(condition: Any, count: int) -> tuple[list[asyncio.Task[None]], list[int]]:
    """Start tasks that wait for a notification; return them, and the list that they write their numbers to."""
    woken: list[int] = []

    async def client(number: int) -> None:
        async with condition:
            await condition.wait()
            woken.append(number)

    return [asyncio.create_task(client(number)) for number in range(count)], woken


async def condition_signature(locks: Any) -> None:
    """`Condition(lock=None, *, loop=None)`."""
    loop = asyncio.get_running_loop()
    lock = locks.Lock()
    for condition in (
        locks.Condition(),
        locks.Condition(None),
        locks.Condition(lock=None),
        locks.Condition(loop=None),
        locks.Condition(None, loop=loop),
        locks.Condition(lock),
        locks.Condition(lock=lock),
    ):
        require(await condition.acquire() is True, "acquire() does not return True")
        condition.release()
    must_raise(TypeError, lambda: locks.Condition(None, loop), "Condition(None, loop)")


async def condition_coroutines(locks: Any) -> None:
    """acquire(), wait() and wait_for() are coroutines; the others are not, and return nothing but for locked()."""
    await is_made_of(locks.Condition, ("acquire", "wait", "wait_for"), ("release", "locked", "notify", "notify_all"))
    condition = locks.Condition()
    await condition.acquire()
    for name in ("notify", "notify_all", "release"):
        require(getattr(condition, name)() is None, f"{name}() returns something")


async def condition_gives_exclusive_access(locks: Any) -> None:
    """Those who were woken go on one at a time, each with the lock to itself."""
    condition = locks.Condition()
    inside: list[int] = []

    async def client(number: int) -> None:
        async with condition:
            await condition.wait()
            require(not inside, "two go on at the same time")
            inside.append(number)
            await asyncio.sleep(1)
            inside.remove(number)

    clients = [asyncio.create_task(client(number)) for number in range(3)]
    await rest()
    async with condition:
        condition.notify_all()
    await asyncio.gather(*clients)


async def condition_shares_a_lock(locks: Any) -> None:
    """Several conditions may share a lock: to hold one is to hold all, and each wakes its own."""
    lock = locks.Lock()
    full, empty = locks.Condition(lock), locks.Condition(lock)
    async with full:
        require(lock.locked() is True, "the shared lock is not locked")
        require(empty.locked() is True, "the other condition is not locked")
        require(not is_free(empty), "the other condition can be acquired")
    [waits_for_full], _ = _waiters(full, 1)
    [waits_for_empty], _ = _waiters(empty, 1)
    await rest()
    async with lock:
        empty.notify_all()
    await rest()
    require(waits_for_empty.done(), "who was notified goes on waiting")
    require(not waits_for_full.done(), "a notification has woken who waits for the other condition of the lock")
    async with empty:
        full.notify()
    await waits_for_full


async def condition_refuses_what_is_no_lock(locks: Any) -> None:
    """The lock must be a Lock or None."""
    for wrong in (object(), 1, "lock", locks.Event()):
        must_raise(Exception, functools.partial(locks.Condition, wrong), f"Condition({type(wrong).__name__})")


async def condition_makes_its_own_lock(locks: Any) -> None:
    """Without a lock each condition has one of its own."""
    one, other = locks.Condition(), locks.Condition()
    async with one:
        require(is_free(other), "two conditions share a lock that nobody gave them")


async def condition_uses_the_lock_that_it_is_given(locks: Any) -> None:
    """acquire() and release() are those of the underlying lock."""
    lock = locks.Lock()
    condition = locks.Condition(lock)
    await condition.acquire()
    require(lock.locked() is True, "acquire() has not locked the lock")
    condition.release()
    require(lock.locked() is False, "release() has not unlocked the lock")
    async with lock:
        require(condition.locked() is True, "locked() does not say that the lock is locked")
        require(not is_free(condition), "it can be acquired although its lock is locked")


async def condition_acquire_waits(locks: Any) -> None:
    """acquire() waits until the lock is unlocked, and locks it."""
    await acquiring.waits_while_held(locks.Condition)
    await acquiring.holds_after_acquire(locks.Condition)
    await acquiring.one_proceeds_a_release(locks.Condition)


async def condition_acquire_returns_true(locks: Any) -> None:
    """acquire() returns True."""
    await acquiring.acquire_returns_true(locks.Condition)
    await acquiring.acquire_is_immediate(locks.Condition)


async def condition_acquire_is_fair(locks: Any) -> None:
    """Its lock is acquired in the order of arrival."""
    await acquiring.first_come_first_served(locks.Condition)
    await acquiring.no_newcomer_overtakes(locks.Condition)


async def condition_locked_tells_the_truth(locks: Any) -> None:
    """locked() is True if the lock is acquired."""
    await acquiring.locked_tells_the_truth(locks.Condition)


async def condition_release_frees_the_lock(locks: Any) -> None:
    """release() unlocks the lock."""
    await acquiring.release_frees_it(locks.Condition)


async def condition_release_unlocked_raises(locks: Any) -> None:
    """release() without the lock raises RuntimeError and changes nothing."""
    await acquiring.refused_release_changes_nothing(locks.Condition, RuntimeError)


async def condition_block_holds_it(locks: Any) -> None:
    """`async with condition` has the lock for its block, in which it can wait."""
    await acquiring.block_holds_it(locks.Condition)
    condition = locks.Condition()
    [waiter], _ = _waiters(condition, 1)
    await rest()
    async with condition:
        condition.notify()
    await waiter
    require(is_free(condition), "after a block with a wait() it is still held")


async def condition_block_is_acquire_try_finally(locks: Any) -> None:
    """`async with condition` is acquire(), try, finally release()."""
    await acquiring.block_is_acquire_try_finally(locks.Condition)
    await acquiring.cancelled_block_releases(locks.Condition)


async def condition_notify_wakes_at_most_n(locks: Any) -> None:
    """notify(n) wakes n of those who wait, or all if there are fewer."""
    for n in (0, 1, 2, 3, 5):
        condition = locks.Condition()
        tasks, woken = _waiters(condition, 3)
        await rest()
        async with condition:
            condition.notify(n)
        await rest()
        require(len(woken) == min(n, 3), f"notify({n}) has woken {len(woken)} of three")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def condition_notify_wakes_one_by_default(locks: Any) -> None:
    """notify() wakes one, and takes the number by its name too."""
    condition = locks.Condition()
    _, woken = _waiters(condition, 3)
    await rest()
    async with condition:
        condition.notify()
    await rest()
    require(len(woken) == 1, f"notify() has woken {len(woken)} of three")
    async with condition:
        condition.notify(n=2)
    await rest()
    require(len(woken) == 3, f"notify(n=2) has woken {len(woken) - 1} of two")


async def condition_notify_wakes_who_waited_longest(locks: Any) -> None:
    """notify() wakes those who have waited longest."""
    condition = locks.Condition()
    _, woken = _waiters(condition, 3)
    for expected in ([0], [0, 1], [0, 1, 2]):
        await rest()
        async with condition:
            condition.notify()
        await rest()
        require(woken == expected, f"those who came in the order 0, 1, 2 were woken in the order {woken}")


async def condition_notification_is_not_kept(locks: Any) -> None:
    """A notification that nobody waits for is no notification."""
    condition = locks.Condition()
    async with condition:
        condition.notify()
        condition.notify(3)
        condition.notify_all()
    [waiter], _ = _waiters(condition, 1)
    await rest()
    require(not waiter.done(), "a notification of the past has woken somebody")
    async with condition:
        condition.notify()
    await waiter


async def condition_woken_wait_for_the_lock(locks: Any) -> None:
    """Who was notified goes on only when the notifier has released the lock."""
    condition = locks.Condition()
    [waiter], woken = _waiters(condition, 1)
    await rest()
    async with condition:
        condition.notify()
        await rest()
        require(not woken, "wait() returned while the notifier held the lock")
    await waiter


async def condition_notify_unlocked_raises(locks: Any) -> None:
    """notify() without the lock raises RuntimeError, and wakes nobody."""
    await _refused(locks, "notify")


async def condition_notify_all_unlocked_raises(locks: Any) -> None:
    """notify_all() without the lock raises RuntimeError, and wakes nobody."""
    await _refused(locks, "notify_all")


async def _refused(locks: Any, method: str) -> None:
    condition = locks.Condition()
    must_raise(RuntimeError, getattr(condition, method), f"{method}() on a new condition")
    [waiter], woken = _waiters(condition, 1)
    await rest()
    must_raise(RuntimeError, getattr(condition, method), f"{method}() without the lock")
    require(condition.locked() is False, f"a refused {method}() has locked the lock")
    await rest()
    require(not woken, f"a refused {method}() has woken somebody")
    async with condition:
        condition.notify()
    await waiter


async def condition_notify_all_wakes_all(locks: Any) -> None:
    """notify_all() wakes all who wait, and nobody who comes later."""
    condition = locks.Condition()
    tasks, woken = _waiters(condition, 3)
    await rest()
    async with condition:
        condition.notify_all()
    await rest()
    require(len(woken) == 3, f"notify_all() has woken {len(woken)} of three")
    await asyncio.gather(*tasks)
    [late], _ = _waiters(condition, 1)
    await rest()
    require(not late.done(), "notify_all() has woken somebody who came later")


async def condition_wait_until_notified(locks: Any) -> None:
    """wait() does not return before a notification, and returns after it."""
    condition = locks.Condition()
    [waiter], woken = _waiters(condition, 1)
    await rest()
    async with condition:
        await rest()
    require(not woken, "wait() returned without a notification")
    async with condition:
        condition.notify()
    await rest()
    require(waiter.done(), "wait() goes on after a notification")


async def condition_wait_unlocked_raises(locks: Any) -> None:
    """wait() and wait_for() without the lock raise RuntimeError, and change nothing."""
    condition = locks.Condition()
    for wait in (condition.wait, functools.partial(condition.wait_for, lambda: False)):
        must_raise(RuntimeError, functools.partial(_run, wait), "wait() without the lock")
        require(condition.locked() is False, "a refused wait() has locked the lock")
    [waiter], _ = _waiters(condition, 1)
    await rest()
    async with condition:
        condition.notify()
    await rest()
    require(waiter.done(), "a notification went to a wait() that was refused")


def _run(wait: Callable[[], Any]) -> None:
    at_once(wait())


async def condition_wait_frees_the_lock(locks: Any) -> None:
    """wait() unlocks the lock while it waits."""
    condition = locks.Condition()
    _waiters(condition, 1)
    await rest()
    require(condition.locked() is False, "the lock is locked while its holder waits")
    require(is_free(condition), "the lock can't be had while its holder waits")


async def condition_wait_holds_the_lock_again(locks: Any) -> None:
    """When wait() returns, the task holds the lock again."""
    condition = locks.Condition()
    await condition.acquire()

    async def notifier() -> None:
        async with condition:
            condition.notify()

    notifying = asyncio.create_task(notifier())
    require(await condition.wait() is True, "wait() does not return True")
    require(condition.locked() is True, "wait() returned without the lock")
    require(not is_free(condition), "wait() returned and the lock is free")
    condition.release()
    await notifying


async def condition_wait_returns_true(locks: Any) -> None:
    """wait() returns True."""
    condition = locks.Condition()

    async def client() -> object:
        async with condition:
            return await condition.wait()

    clients = [asyncio.create_task(client()) for _ in range(2)]
    await rest()
    async with condition:
        condition.notify()
        condition.notify_all()
    for result in await asyncio.gather(*clients):
        require(result is True, f"wait() returned {result!r}")


async def condition_wait_for_waits_for_its_predicate(locks: Any) -> None:
    """wait_for() returns when its predicate is true, which it asks at the start and after each notification."""
    condition = locks.Condition()
    ready = False
    asked = 0

    def predicate() -> bool:
        nonlocal asked
        asked += 1
        require(condition.locked(), "the predicate is asked without the lock")
        return ready

    async def client() -> object:
        async with condition:
            return await condition.wait_for(predicate)

    waiter = asyncio.create_task(client())
    for times in (1, 2, 3):
        await rest()
        require(not waiter.done(), "wait_for() returned although its predicate was false")
        require(asked == times, f"after {times - 1} notifications the predicate was asked {asked} times")
        async with condition:
            ready = times == 3
            condition.notify()
    require(await waiter is True, "wait_for() did not return its predicate's value")
    async with condition:
        require(at_once(condition.wait_for(lambda: True)) is True, "wait_for() of what is true does not return True")


async def condition_wait_for_takes_any_value_as_a_truth(locks: Any) -> None:
    """What the predicate returns counts as true or false, whatever it is."""
    condition = locks.Condition()
    values: list[object] = [0, "", None, [], "done"]

    async def client() -> object:
        async with condition:
            return await condition.wait_for(lambda: values.pop(0))

    waiter = asyncio.create_task(client())
    for left in (4, 3, 2, 1):
        await rest()
        require(len(values) == left, "wait_for() took a false value for true")
        async with condition:
            condition.notify()
    await rest()
    require(waiter.done(), "wait_for() took a true value for false")


async def condition_wait_for_returns_the_final_value(locks: Any) -> None:
    """wait_for() returns what the predicate returned last, itself."""
    condition = locks.Condition()
    final = ["value"]
    values: list[object] = [[], final]

    async def client() -> object:
        async with condition:
            return await condition.wait_for(lambda: values.pop(0))

    waiter = asyncio.create_task(client())
    await rest()
    async with condition:
        condition.notify()
    require(await waiter is final, "wait_for() returned something else than its predicate's last value")
    async with condition:
        require(at_once(condition.wait_for(lambda: final)) is final, "wait_for() returned something else than its predicate's value")


async def condition_cancelled_wait_holds_the_lock(locks: Any) -> None:
    """A wait() that is cancelled holds the lock again when it raises, however often it is cancelled meanwhile."""
    condition = locks.Condition()

    async def client() -> None:
        await condition.acquire()
        try:
            await condition.wait()
        finally:
            require(condition.locked(), "a wait() that was cancelled raises without the lock")
            condition.release()

    waiter = asyncio.create_task(client())
    await rest()
    await condition.acquire()
    for _ in range(3):
        waiter.cancel()
        await rest()
        require(not waiter.done(), "a wait() that was cancelled did not wait for the lock")
    condition.release()
    await asyncio.wait([waiter])
    require(waiter.cancelled(), "the cancellation did not come out of wait()")
    require(is_free(condition), "the lock is still held after everybody has left")


async def condition_cancelled_wait_tells_why(locks: Any) -> None:
    """The CancelledError that comes out of wait() is the first that came in, with its message."""
    condition = locks.Condition()
    [waiter], _ = _waiters(condition, 1)
    await rest()
    await condition.acquire()
    waiter.cancel("first")
    await rest()
    waiter.cancel("second")
    condition.release()
    await asyncio.wait([waiter])
    require(waiter.cancelled(), "the cancellation did not come out of wait()")
    try:
        waiter.result()
    except asyncio.CancelledError as error:
        require(error.args == ("first",), f"wait() was cancelled with 'first' and then with 'second', and says {error.args}")


async def condition_cancelled_receiver_passes_on(locks: Any) -> None:
    """A notification whose receiver is cancelled before it could use it goes to the next who waits."""
    condition = locks.Condition()
    (first, second), _ = _waiters(condition, 2)
    await rest()
    async with condition:
        condition.notify()
        first.cancel()
    await rest()
    require(first.cancelled(), "the cancellation did not come out of wait()")
    require(second.done(), "a notification was lost with the task that was cancelled")


async def condition_cancelled_waiter_gives_nothing_away(locks: Any) -> None:
    """A waiter that is cancelled without having been notified wakes nobody."""
    condition = locks.Condition()
    (first, second), _ = _waiters(condition, 2)
    await rest()
    first.cancel()
    await rest()
    require(first.cancelled(), "the cancellation did not come out of wait()")
    require(not second.done(), "a waiter that was never notified has woken another")
