"""Examples of what holds for all five."""

from __future__ import annotations

import asyncio
import functools
import inspect
import types
import warnings
from collections.abc import Callable, Generator
from typing import Any

from .acquiring import is_free, must_raise, require, rest, wait_for_leaves_nothing

_METHODS = {
    "Lock": ("acquire", "release", "locked"),
    "Event": ("wait", "set", "clear", "is_set"),
    "Condition": ("acquire", "release", "locked", "wait", "wait_for", "notify", "notify_all"),
    "Semaphore": ("acquire", "release", "locked"),
    "BoundedSemaphore": ("acquire", "release", "locked"),
}
_ACQUIRED = ("Lock", "Condition", "Semaphore", "BoundedSemaphore")


async def general_has_the_five_primitives(locks: Any) -> None:
    """There are five classes, each with the methods that its namesake in `threading` has (and is documented to have here)."""
    classes = [getattr(locks, name, None) for name in _METHODS]
    for name, cls in zip(_METHODS, classes, strict=True):
        require(isinstance(cls, type), f"there is no class {name}")
    require(len(set(classes)) == len(classes), "two of the five are one class")


async def general_has_the_methods_of_threading(locks: Any) -> None:
    """Each has the methods that its namesake in `threading` has, as far as they are documented here."""
    for name, methods in _METHODS.items():
        primitive = getattr(locks, name)()
        for method in methods:
            require(callable(getattr(primitive, method, None)), f"{name} has no {method}()")


async def general_takes_no_timeout(locks: Any) -> None:
    """No method takes a timeout, by name or by position; an attempt changes nothing."""
    for name, methods in _METHODS.items():
        primitive = getattr(locks, name)()
        for method in methods:
            call = getattr(primitive, method)
            must_raise(TypeError, functools.partial(call, timeout=1), f"{name}.{method}(timeout=1)")
            names = list(inspect.signature(call).parameters)
            require("timeout" not in names, f"{name}.{method}() has a parameter that is called timeout")
            if method in ("acquire", "wait"):
                must_raise(TypeError, functools.partial(call, 1), f"{name}.{method}(1)")
        if name != "Event":
            require(is_free(primitive), f"a {name} is held after calls that were refused")


async def general_works_with_wait_for(locks: Any) -> None:
    """asyncio.wait_for() puts a limit to any operation that waits."""
    for name in _ACQUIRED:
        await wait_for_leaves_nothing(getattr(locks, name))
    event = locks.Event()
    await _times_out(event.wait)
    event.set()
    require(await asyncio.wait_for(event.wait(), 1) is True, "wait_for(wait()) of an event that is set does not return True")


async def general_wait_for_limits_a_wait_on_a_condition(locks: Any) -> None:
    """A wait() on a condition that timed out holds the lock again, and is nobody who could be notified."""
    condition = locks.Condition()

    async def client() -> bool:
        async with condition:
            return bool(await condition.wait())

    async with condition:
        await _times_out(condition.wait)
        require(condition.locked(), "a wait() that timed out does not hold the lock")
    waiter = asyncio.create_task(client())
    await rest()
    async with condition:
        condition.notify()
    await rest()
    require(waiter.done(), "a notification went to a wait() that had timed out")


async def _times_out(wait: Callable[[], Any]) -> None:
    try:
        await asyncio.wait_for(wait(), 1)
    except TimeoutError:
        return
    raise AssertionError("wait_for(wait()) returned although nothing had happened")


async def general_await_acquires_and_warns(locks: Any) -> None:
    """`await lock` still acquires, with a DeprecationWarning."""
    for name in _ACQUIRED:
        primitive = getattr(locks, name)()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await primitive
        _require_warning(caught, f"await on a {name}")
        require(not is_free(primitive), f"await on a {name} has not acquired it")
        primitive.release()


async def general_with_await_holds_and_warns(locks: Any) -> None:
    """`with await lock` still holds it for its block, with a DeprecationWarning."""
    for name in _ACQUIRED:
        primitive = getattr(locks, name)()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with await primitive:
                require(not is_free(primitive), f"a {name} is free inside of `with await`")
        _require_warning(caught, f"with await on a {name}")
        require(is_free(primitive), f"a {name} is held after `with await`")


async def general_with_yield_from_holds_and_warns(locks: Any) -> None:
    """`with (yield from lock)`, in a generator-based coroutine, still holds it for its block, with a DeprecationWarning."""

    @types.coroutine
    def block(primitive: Any, name: str) -> Generator[Any, Any, None]:
        with (yield from primitive):
            require(not is_free(primitive), f"a {name} is free inside of `with (yield from …)`")

    for name in _ACQUIRED:
        primitive = getattr(locks, name)()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await block(primitive, name)
        _require_warning(caught, f"yield from a {name}")
        require(is_free(primitive), f"a {name} is held after `with (yield from …)`")


async def general_async_with_does_not_warn(locks: Any) -> None:
    """What is to be written instead, `async with`, warns of nothing."""
    for name in _ACQUIRED:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            async with getattr(locks, name)():
                pass
        require(not caught, f"`async with` on a {name} warns")


def _require_warning(caught: list[warnings.WarningMessage], what: str) -> None:
    kinds = [warning.category for warning in caught]
    require(len(kinds) == 1 and issubclass(kinds[0], DeprecationWarning), f"{what}: expected one DeprecationWarning, got {kinds}")
