"""What the examples share: tools, and the programs that say the same of everything that is acquired and released.

`make` makes one that a single task can hold: a Lock, a Condition, a semaphore of value 1.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

Make = Callable[[], Any]


def require(holds: object, otherwise: str) -> None:
    """Raise AssertionError, saying `otherwise`, unless it holds. (An `assert` would be silent under `python -O`.)"""
    if not holds:
        raise AssertionError(otherwise)


def at_once(coroutine: Any) -> Any:
    """Return what the coroutine returns; it must not suspend."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise AssertionError(f"{coroutine.__qualname__}() has to wait")


def must_raise(kind: type[BaseException], call: Callable[[], Any], what: str) -> None:
    """`call()` must raise `kind`. If it returns a coroutine instead, that is closed."""
    try:
        result = call()
    except kind:
        return
    if inspect.iscoroutine(result):
        result.close()
    raise AssertionError(f"{what} raises no {kind.__name__}")


async def rest() -> None:
    """Go on when nothing else can happen any more."""
    await asyncio.sleep(1_000)


def is_free(primitive: Any) -> bool:
    """Tell whether it can be acquired at once, and give it back."""
    acquiring = primitive.acquire()
    try:
        acquiring.send(None)
    except StopIteration:
        primitive.release()
        return True
    acquiring.close()
    return False


async def is_made_of(make: Make, coroutines: tuple[str, ...], functions: tuple[str, ...]) -> None:
    """What the text calls a coroutine is one, and the rest are plain functions."""
    primitive = make()
    for name in coroutines:
        method = getattr(primitive, name)
        require(inspect.iscoroutinefunction(method), f"{name}() is not a coroutine")
    for name in functions:
        require(not inspect.iscoroutinefunction(getattr(primitive, name)), f"{name}() is a coroutine")


async def waits_while_held(make: Make) -> None:
    """acquire() does not return as long as somebody else holds it, and returns when it was released."""
    primitive = make()
    await primitive.acquire()
    waiter = asyncio.create_task(primitive.acquire())
    await rest()
    require(not waiter.done(), "acquire() returned although it was held")
    primitive.release()
    await rest()
    require(waiter.done(), "acquire() goes on waiting after release()")


async def holds_after_acquire(make: Make) -> None:
    """Once acquire() has returned, at once or after waiting, it is held: locked() says so, and nobody else gets it."""
    primitive = make()
    await primitive.acquire()
    require(primitive.locked(), "locked() is false after acquire()")
    waiter = asyncio.create_task(primitive.acquire())
    await rest()
    primitive.release()
    await waiter
    require(primitive.locked(), "locked() is false after an acquire() that had to wait")
    require(not is_free(primitive), "it can be acquired a second time")


async def acquire_returns_true(make: Make) -> None:
    """acquire() returns True itself, whether it had to wait or not."""
    primitive = make()
    require(await primitive.acquire() is True, "acquire() of a free one does not return True")
    waiter = asyncio.create_task(primitive.acquire())
    await rest()
    primitive.release()
    require(await waiter is True, "an acquire() that had to wait does not return True")


async def acquire_is_immediate(make: Make) -> None:
    """acquire() of a free one returns without suspending."""
    primitive = make()
    for _ in range(2):
        require(at_once(primitive.acquire()) is True, "acquire() does not return True")
        primitive.release()


async def one_proceeds_a_release(make: Make) -> None:
    """Of several that wait, each release lets exactly one go on."""
    primitive = make()
    await primitive.acquire()
    waiters = [asyncio.create_task(primitive.acquire()) for _ in range(3)]
    for gone in range(4):
        await rest()
        done = sum(waiter.done() for waiter in waiters)
        require(done == gone, f"{done} of three waiters have gone on after {gone} release(s)")
        if gone < 3:
            primitive.release()


async def cancelled_waiter_lets_nobody_in(make: Make) -> None:
    """A waiter that is cancelled while another has been woken lets no third one go on."""
    primitive = make()
    await primitive.acquire()
    waiters = [asyncio.create_task(primitive.acquire()) for _ in range(3)]
    loop = asyncio.get_running_loop()
    loop.call_later(1, waiters[0].cancel)  # the two are due at the same moment and happen in either order
    loop.call_later(1, primitive.release)
    await rest()
    in_there = [waiter for waiter in waiters if waiter.done() and not waiter.cancelled()]
    require(len(in_there) == 1, f"{len(in_there)} go on after one release")


async def first_come_first_served(make: Make) -> None:
    """Whoever starts to wait first goes on first, in every order of arrival; a newcomer does not overtake."""
    primitive = make()
    arrivals: list[int] = []
    served: list[int] = []

    async def client(number: int) -> None:
        await asyncio.sleep(1)
        arrivals.append(number)
        await primitive.acquire()
        served.append(number)
        primitive.release()

    await primitive.acquire()
    clients = [asyncio.create_task(client(number)) for number in range(3)]
    await asyncio.sleep(2)
    primitive.release()
    newcomer = asyncio.create_task(client(3))
    await asyncio.gather(*clients, newcomer)
    require(served == arrivals, f"they came in the order {arrivals} and were served in the order {served}")


async def no_newcomer_overtakes(make: Make) -> None:
    """A task that releases and acquires again at once comes after the one that waits already."""
    primitive = make()
    served: list[str] = []

    async def client() -> None:
        await primitive.acquire()
        served.append("waiter")
        primitive.release()

    await primitive.acquire()
    waiter = asyncio.create_task(client())
    await rest()
    primitive.release()
    await primitive.acquire()
    served.append("newcomer")
    primitive.release()
    await waiter
    require(served == ["waiter", "newcomer"], "a newcomer got it before the one that was waiting")


async def release_frees_it(make: Make) -> None:
    """After release(), if nobody waits, it can be had at once, and locked() is False."""
    primitive = make()
    await primitive.acquire()
    primitive.release()
    require(primitive.locked() is False, "locked() does not say False after release()")
    require(is_free(primitive), "it is not free after release()")


async def release_returns_none(make: Make) -> None:
    """release() returns None, whether somebody waits or not."""
    primitive = make()
    await primitive.acquire()
    waiter = asyncio.create_task(primitive.acquire())
    await rest()
    require(primitive.release() is None, "release() returns something")
    await waiter
    require(primitive.release() is None, "release() returns something")


async def locked_tells_the_truth(make: Make) -> None:
    """locked() is False when it is free and True when it is held, also while somebody waits."""
    primitive = make()
    require(primitive.locked() is False, "locked() of a new one is not False")
    await primitive.acquire()
    require(primitive.locked() is True, "locked() of a held one is not True")
    waiter = asyncio.create_task(primitive.acquire())
    await rest()
    require(primitive.locked() is True, "locked() is not True while one holds it and another waits")
    primitive.release()
    await waiter
    require(primitive.locked() is True, "locked() is not True for the second holder")
    primitive.release()
    require(primitive.locked() is False, "locked() is not False when the last one has released it")


async def refused_release_changes_nothing(make: Make, kind: type[Exception]) -> None:
    """A release() that is refused leaves it as it was: free for one, and for one only."""
    primitive = make()
    for _ in range(2):
        must_raise(kind, primitive.release, "release() of a free one")
        require(primitive.locked() is False, "after a refused release() locked() is not False")
    require(at_once(primitive.acquire()) is True, "after a refused release() acquire() does not return True")
    require(not is_free(primitive), "after a refused release() two can hold it")
    primitive.release()
    must_raise(kind, primitive.release, "release() of one that is free again")


async def block_holds_it(make: Make) -> None:
    """`async with` has it for its block, and only for that; what it binds is None."""
    primitive = make()
    async with primitive as bound:
        require(bound is None, "`async with … as x` binds something")
        require(not is_free(primitive), "inside the block it can be acquired")
    require(is_free(primitive), "after the block it is still held")


async def block_is_acquire_try_finally(make: Make) -> None:
    """However the block ends, it is released once, and the block's exception comes out as it is."""
    primitive = make()
    error = ZeroDivisionError()
    try:
        async with primitive:
            raise error
    except ZeroDivisionError as caught:
        require(caught is error, "another exception came out of the block")
    else:
        raise AssertionError("the block's exception did not come out")
    require(is_free(primitive), "after a block that raised it is still held")

    async def leave_by_return() -> str:
        async with primitive:
            return "left"

    require(await leave_by_return() == "left", "a return in the block does not return")
    require(is_free(primitive), "after a block that returned it is still held")


async def cancelled_block_releases(make: Make) -> None:
    """A task that is cancelled in its block releases; one that is cancelled before it got in releases nothing."""
    primitive = make()

    async def client() -> None:
        async with primitive:
            await asyncio.sleep(100)

    holder, waiter, last = (asyncio.create_task(client()) for _ in range(3))
    await asyncio.sleep(1)
    waiter.cancel()
    await asyncio.sleep(1)
    require(waiter.cancelled(), "the cancellation of a task that waits to get in did not come out")
    require(not is_free(primitive), "a task that never got in has released it")
    holder.cancel()
    await asyncio.sleep(1)
    require(holder.cancelled(), "the cancellation of the block did not come out")
    require(not is_free(primitive), "the next one did not get it from a block that was cancelled")
    last.cancel()
    await asyncio.sleep(1)
    require(is_free(primitive), "after a block that was cancelled it is still held")


async def cancelled_acquire_takes_nothing(make: Make) -> None:
    """Cancelled at the very moment at which it would be served, an acquire() either has it or leaves it to the next."""
    primitive = make()
    await primitive.acquire()
    first, second = (asyncio.create_task(primitive.acquire()) for _ in range(2))
    loop = asyncio.get_running_loop()
    loop.call_later(1, primitive.release)  # the two are due at the same moment and happen in either order
    loop.call_later(1, first.cancel, "why")
    await asyncio.wait([first])
    if first.cancelled():
        try:
            first.result()
        except asyncio.CancelledError as error:
            require(error.args == ("why",), "the message of the cancellation is lost")
    else:
        require(first.result() is True, "acquire() returned something else than True")
        primitive.release()
    await rest()
    require(second.done(), "the next one goes on waiting for what a cancelled task does not hold")
    primitive.release()
    require(is_free(primitive), "it is still held after everybody has left")


async def wait_for_leaves_nothing(make: Make) -> None:
    """asyncio.wait_for() ends an acquire() that takes too long, which then has taken nothing."""
    primitive = make()
    await primitive.acquire()
    try:
        await asyncio.wait_for(primitive.acquire(), 1)
    except TimeoutError:
        pass
    else:
        raise AssertionError("wait_for() returned although it was held")
    primitive.release()
    require(is_free(primitive), "an acquire() that timed out has taken it")
    require(await asyncio.wait_for(primitive.acquire(), 1) is True, "wait_for(acquire()) of a free one does not return True")
