"""Examples of what an Event promises."""

from __future__ import annotations

import asyncio
from typing import Any

from .acquiring import at_once, is_made_of, must_raise, require, rest


async def event_signature(locks: Any) -> None:
    """`Event(*, loop=None)`."""
    for event in (locks.Event(), locks.Event(loop=None), locks.Event(loop=asyncio.get_running_loop())):
        event.set()
        require(await event.wait() is True, "wait() does not return True")
    must_raise(TypeError, lambda: locks.Event(None), "Event(None)")


async def event_coroutines(locks: Any) -> None:
    """wait() is a coroutine; set(), clear() and is_set() are not, and the first two return nothing."""
    await is_made_of(locks.Event, ("wait",), ("set", "clear", "is_set"))
    event = locks.Event()
    require(event.set() is None, "set() returns something")
    require(event.clear() is None, "clear() returns something")


async def event_starts_unset(locks: Any) -> None:
    """The flag is false at first."""
    event = locks.Event()
    require(event.is_set() is False, "a new event is set")
    waiter = asyncio.create_task(event.wait())
    await rest()
    require(not waiter.done(), "wait() on a new event returns")


async def event_set_sets(locks: Any) -> None:
    """set() makes the flag true, also if it is true already."""
    event = locks.Event()
    for _ in range(2):
        event.set()
        require(event.is_set() is True, "is_set() is not True after set()")


async def event_clear_clears(locks: Any) -> None:
    """clear() makes the flag false, also if it is false already."""
    event = locks.Event()
    event.clear()
    require(event.is_set() is False, "is_set() is not False after clear()")
    event.set()
    for _ in range(2):
        event.clear()
        require(event.is_set() is False, "is_set() is not False after clear()")


async def event_wait_blocks_until_set(locks: Any) -> None:
    """wait() returns when set() is called, and not before."""
    event = locks.Event()
    waiter = asyncio.create_task(event.wait())
    await rest()
    require(not waiter.done(), "wait() returned before set()")
    event.set()
    await rest()
    require(waiter.done(), "wait() goes on waiting after set()")


async def event_wait_returns_true(locks: Any) -> None:
    """wait() returns True, at once or after waiting."""
    event = locks.Event()
    waiter = asyncio.create_task(event.wait())
    await rest()
    event.set()
    require(await waiter is True, "a wait() that had to wait does not return True")
    require(await event.wait() is True, "wait() on an event that is set does not return True")


async def event_wait_on_a_set_event_is_immediate(locks: Any) -> None:
    """wait() on an event that is set returns True without suspending."""
    event = locks.Event()
    event.set()
    for _ in range(2):
        require(at_once(event.wait()) is True, "wait() does not return True")


async def event_set_wakes_all(locks: Any) -> None:
    """set() wakes all who wait, in whatever order they came."""
    event = locks.Event()

    async def client() -> bool:
        await asyncio.sleep(1)
        return bool(await event.wait())

    async def setter() -> None:
        await asyncio.sleep(1)
        event.set()  # before, between or after their arrivals

    waiters = [asyncio.create_task(client()) for _ in range(3)]
    setting = asyncio.create_task(setter())
    await rest()
    require(setting.done(), "set() has to wait")
    require(all(waiter.done() for waiter in waiters), "somebody goes on waiting after set()")


async def event_wakeups_are_not_taken_back(locks: Any) -> None:
    """Who waits when set() is called is woken, even if clear() follows at once; who waits later is not."""
    event = locks.Event()
    waiters = [asyncio.create_task(event.wait()) for _ in range(2)]
    await rest()
    event.set()
    event.clear()
    late = asyncio.create_task(event.wait())
    await rest()
    require(all(waiter.done() for waiter in waiters), "clear() has taken back a wakeup")
    require(not late.done(), "wait() after clear() returned")


async def event_wait_after_clear_blocks(locks: Any) -> None:
    """After clear(), wait() waits for the next set()."""
    event = locks.Event()
    event.set()
    event.clear()
    waiter = asyncio.create_task(event.wait())
    await rest()
    require(not waiter.done(), "wait() returned after clear()")
    event.clear()
    await rest()
    require(not waiter.done(), "clear() has woken somebody")
    event.set()
    require(await waiter is True, "wait() does not return True")


async def event_documented_program(locks: Any) -> None:
    """The program of the text: a task waits, the main task sleeps, sets the event and waits for the task."""
    said: list[str] = []

    async def waiter(event: Any) -> None:
        said.append("waiting")
        await event.wait()
        said.append("got it")

    event = locks.Event()
    task = asyncio.create_task(waiter(event))
    await asyncio.sleep(1)
    require(said == ["waiting"], f"before set() the waiter said {said}")
    event.set()
    await task
    require(said == ["waiting", "got it"], f"at the end the waiter had said {said}")


async def event_cancelled_wait(locks: Any) -> None:
    """A wait() that is cancelled raises CancelledError, message and all, and leaves the others alone."""
    event = locks.Event()
    first, second = (asyncio.create_task(event.wait()) for _ in range(2))
    await rest()
    loop = asyncio.get_running_loop()
    loop.call_later(1, first.cancel, "why")  # in either order
    loop.call_later(1, event.set)
    await asyncio.wait([first])
    if first.cancelled():
        try:
            first.result()
        except asyncio.CancelledError as error:
            require(error.args == ("why",), "the message of the cancellation is lost")
    await rest()
    require(second.done() and second.result() is True, "the other waiter was not woken by set()")
    require(event.is_set() is True, "a cancelled wait() has changed the flag")
