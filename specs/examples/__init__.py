"""Examples: one small program a promise, in plain asyncio, explored in all interleavings.

An example is an `async def` whose only argument is a namespace with the five classes (`locks.Lock`, …). It raises
AssertionError, by `require`, if what it is about does not hold. It knows nothing of the checker, so it can be read
beside the documentation and run by hand. Interleavings come from timers that are due at the same moment and may fire in
any order; `await rest()` goes on when nothing else can happen any more.

What the most general clients watch needs no example. These are here for promises that are finer than a property: one
method's answer, one argument's default, one error and what it leaves behind.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any

from . import bounded_semaphore, condition, event, general, lock, semaphore

__all__ = ["EXAMPLES", "Example"]

Example = Callable[[Any], Coroutine[Any, Any, None]]


def _of(module: ModuleType) -> dict[str, Example]:
    return {
        name: member
        for name, member in vars(module).items()
        # Since 3.12 `inspect` takes itself for a coroutine function: it has an attribute of the name that marks one.
        if inspect.isfunction(member) and inspect.iscoroutinefunction(member) and member.__module__ == module.__name__ and name[0] != "_"
    }


EXAMPLES: dict[str, Example] = {
    name: example for module in (general, lock, event, condition, semaphore, bounded_semaphore) for name, example in _of(module).items()
}
"""Every example by its name."""
