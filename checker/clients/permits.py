"""The clients of everything that is acquired and released: Lock, Semaphore and BoundedSemaphore.

The most general client arrives at any moment, acquires, stays as long as it likes, releases, and comes back, at once or
later. It may be cancelled wherever it is suspended; then it does what a program must do (it releases what it holds, and
nothing else), counts the attempt as a round, and goes on.

What need not be multiplied with that has scenarios of its own, with two clients: the `async with` form (with an
exception out of the block), the composition with `asyncio.timeout` and `asyncio.wait_for`, and the errors.

About `wait_for`: until Python 3.11 it runs `acquire()` in a task of its own, and it is known to return a result
although its caller was cancelled (bpo-37658). That is asyncio's doing and not the primitive's. So the delivery of
cancellations is judged with `asyncio.timeout`, and with `wait_for` only whether the primitive keeps what its
`acquire()` did not return.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..monitors_permits import PermitMonitor
from ..runtime import checkpoint, choose, fail
from .common import expect_at_once, expect_raises, finish, ring_after_a_second, spawn

__all__ = [
    "acquire_and_release",
    "acquire_by_wait_for",
    "acquire_for_a_time",
    "at_rest",
    "enter_and_leave",
    "with_timeouts",
]


class Boom(Exception):
    """What a client's own code raises inside its `async with` block."""


async def acquire_and_release(name: str, primitive: Any, monitor: PermitMonitor, rounds: float) -> None:
    """Acquire and release, `rounds` times (math.inf: for ever)."""
    while rounds > 0:
        rounds -= 1
        try:
            await checkpoint(maybe=True)
            monitor.calls(name)
            monitor.acquired(name, await primitive.acquire())
            try:
                await checkpoint()
            finally:
                monitor.releases(name)
                primitive.release()
        except asyncio.CancelledError as error:
            monitor.cancelled(name, error)
        except Exception as error:
            monitor.broke(name, "acquire() or release()", error)
            return


async def enter_and_leave(name: str, primitive: Any, monitor: PermitMonitor, rounds: int) -> None:
    """Hold it in an `async with` block: for a while, for a while and then raise, or for no time at all."""
    while rounds > 0:
        rounds -= 1
        boom = Boom()
        inside = False
        try:
            await checkpoint(maybe=True)
            monitor.calls(name)
            async with primitive:
                monitor.acquired(name, True)
                inside = True
                try:
                    how = choose(3)
                    if how < 2:
                        await checkpoint()
                    if how == 1:
                        raise boom
                finally:
                    monitor.releases(name)
            if how == 1:
                fail("raises-as-documented", f"{name} raised an exception in its `async with` block, which did not come out")
        except asyncio.CancelledError as error:
            monitor.cancelled(name, error)
        except Exception as error:
            if not inside or error is not boom:
                monitor.broke(name, "async with", error)
                return


async def acquire_for_a_time(name: str, primitive: Any, monitor: PermitMonitor, seconds: float) -> None:
    """Acquire under `asyncio.timeout`, once; then release."""
    try:
        try:
            async with asyncio.timeout(seconds):
                monitor.calls(name)
                monitor.acquired(name, await primitive.acquire())
        except TimeoutError:
            monitor.timed_out(name)
            return
        try:
            await checkpoint()
        finally:
            monitor.releases(name)
            primitive.release()
    except asyncio.CancelledError as error:
        monitor.cancelled(name, error)


async def acquire_by_wait_for(name: str, primitive: Any, monitor: PermitMonitor, seconds: float) -> None:
    """Acquire under `asyncio.wait_for`, once; then release."""
    client = monitor.tasks[name]
    acquiring = client

    async def acquire() -> None:
        nonlocal acquiring
        task = asyncio.current_task()
        assert task is not None
        acquiring = task  # until 3.11 this is a task of wait_for's own, and the one that wait_for cancels
        monitor.enter(name, task)
        monitor.calls(name)
        try:
            result = await primitive.acquire()
        except BaseException:
            monitor.timed_out(name)
            raise
        monitor.acquired(name, result)

    try:
        await asyncio.wait_for(acquire(), seconds)
        await checkpoint()
    except (TimeoutError, asyncio.CancelledError):
        _forget(client)
    # A second cancellation makes wait_for leave before its task has ended.
    while acquiring is not client and not acquiring.done():
        try:
            await asyncio.wait([acquiring])
        except asyncio.CancelledError:
            _forget(client)
    # Whether it holds the permit is what acquire() said, not what wait_for made of it.
    if name in monitor.holders:
        monitor.releases(name)
        primitive.release()


def _forget(task: asyncio.Task[Any]) -> None:
    while task.cancelling():
        task.uncancel()


async def with_timeouts(
    primitive: Any, monitor: PermitMonitor, client: Callable[[str, Any, PermitMonitor, float], Any]
) -> None:
    """One client gives up at the very moment at which the only permit is released; another has no timeout."""
    monitor.calls("main")
    monitor.acquired("main", await primitive.acquire())
    clients = {
        "A": client("A", primitive, monitor, 1),
        "B": acquire_and_release("B", primitive, monitor, 1),
    }
    released = asyncio.get_running_loop().create_future()

    def release() -> None:
        monitor.releases("main")
        primitive.release()
        released.set_result(None)

    # Both timers are due in the same iteration, in either order. A task that slept would release only in the next one.
    ring_after_a_second(release)
    await finish(spawn(monitor, clients))
    await released


def at_rest(primitive: Any, monitor: PermitMonitor, release_error: type[Exception] | None) -> None:
    """Everybody has left: release is refused where it must be, and exactly what is free can be had at once.

    Args:
        primitive: which.
        monitor: what has watched it.
        release_error: what `release()` must raise now, and change nothing; None if it may be called.
    """
    situation = f"when all clients had left, with {monitor.free} free"
    if release_error is not None:
        expect_raises(release_error, primitive.release, situation, "release()")
    while monitor.free:
        expect_at_once(primitive.acquire(), monitor.terms.loss, situation, "acquire()")
        monitor.take("")
