"""What a callback is called, so that those of the simulated loop and of asyncio's can be compared.

A label says which function runs for which task. It must be the same on both loops, so it knows the few callbacks that the
two loops make for themselves: the end of the main task, and what an executor's result arrives by.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from .. import execution, scheduling
from ..events import TimerHandle

__all__ = ["Delivery", "Numbers", "label_of", "stop"]

_JOB_IS_DONE = "the result of a job arrives"
_MAIN_IS_DONE = "the main task is done"
_BRIDGES = frozenset({"_chain_future.<locals>._call_check_cancel"})  # asyncio's link to the thread pool; the simulation has none


class Numbers:
    """Numbers objects in the order in which they are made, without keeping them alive."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self.count = 0

    def add(self, item: object) -> int:
        """Number a new object; an address that is used again means the newer one."""
        number = self._numbers[id(item)] = self.count
        self.count += 1
        return number

    def of(self, item: object) -> int:
        """Return the number of an object that was added and still lives; -1 for any other."""
        return self._numbers.get(id(item), -1)


class Delivery:
    """The callback of an outside event on asyncio's loop."""

    def __init__(self, label: str, action: Any) -> None:
        self.label = label
        self.action = action

    def __call__(self) -> None:
        """Let the event happen."""
        self.action()


def stop(main: asyncio.Task[Any]) -> None:
    """Stop asyncio's loop: the done callback of the main task, as `run_until_complete` has one."""
    main.get_loop().stop()


def label_of(handle: Any, tasks: Numbers, timers: Numbers) -> str | None:
    """Return the label of a handle's callback; None if only one of the loops has it."""
    callback = handle._callback
    if isinstance(callback, Delivery):
        return callback.label
    owner = getattr(callback, "__self__", None)
    name = _name(callback)
    if name in _BRIDGES:
        return None
    if callback is scheduling.finish_job or name == "_chain_future.<locals>._set_state":
        return _JOB_IS_DONE
    if callback is stop or (name.endswith("<lambda>") and callback.__module__ == execution.__name__):
        return _MAIN_IS_DONE
    if isinstance(owner, asyncio.Task):
        label = f"{_own_name(name)} of task {tasks.of(owner)}"
    else:
        label = f"{_own_name(name)} of the loop" if isinstance(owner, asyncio.AbstractEventLoop) else name
    return f"timer {timers.of(handle)} fires: {label}" if isinstance(handle, (asyncio.TimerHandle, TimerHandle)) else label


def _own_name(name: str) -> str:
    return name.rpartition(".")[2]  # the classes of tasks and loops differ


def _name(callback: Any) -> str:
    while isinstance(callback, functools.partial):
        callback = callback.func
    name = getattr(callback, "__qualname__", None)
    return name if isinstance(name, str) else type(callback).__qualname__
