"""A reduction for the contract `any`: callbacks that only count are run at once.

`gather`, `wait` and `TaskGroup` put a callback on every task that they wait for. All but the last of these only count
down, which nobody can see; but under `any`, where every ready callback may come at any time, each of them doubles the
states of a program. So a callback that counts, and is not the last, is run as soon as it is ready.

Why nothing is lost: take a run in which such a callback c comes later, and run c at once instead. If c was not the last
of its siblings to run, what is seen stays the same. If it was, let the sibling that ran before it take its place: that
sibling was ready, may be delayed, and now does what c did there, the last count, on the same future. Callbacks of tasks
that failed never qualify (they end the wait, or mark an exception as retrieved), nor do those of
`wait(return_when=FIRST_COMPLETED)`.

The callbacks are recognised by their code, which is asyncio's own, and their condition reads the same variables as they
do; with an asyncio whose code looks otherwise nothing is recognised and nothing reduced. The test is a search with and
one without (`tests/checker/naive.py`).
"""

from __future__ import annotations

import asyncio
import types
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .events import Handle

__all__ = ["is_inert", "recognised", "take"]

def is_inert(handle: Handle) -> bool:
    """Return True if the callback only counts: whatever else happens first, running it now changes nothing that is seen."""
    callback: Any = handle._callback
    known = _KNOWN.get(callback.__code__)
    if known is None or len(handle._args) != 1:
        return False
    closure = callback.__closure__
    return known.check(callback, handle._args[0], *[closure[position].cell_contents for position in known.cells])


def take(ready: deque[Handle]) -> Handle | None:
    """Remove the first callback that only counts from the ready queue and return it; None if there is none."""
    for position, handle in enumerate(ready):
        if type(handle._callback) in _PYTHON and is_inert(handle):  # most callbacks are steps and wakeups of tasks, which are written in C
            del ready[position]
            return handle
    return None


def recognised() -> list[str]:
    """Return the names of the functions of this interpreter's asyncio whose callbacks are recognised, for tests."""
    return sorted(known.name for known in _KNOWN.values())


def _gathered(_: Any, child: asyncio.Future[Any], finished: int, of: int, outer: asyncio.Future[Any] | None, keep: bool) -> bool:
    if outer is None or outer.done() or finished + 1 >= of:
        return False
    return keep if child.cancelled() else child._exception is None


def _waited(_: Any, future: asyncio.Future[Any], counter: int, when: str) -> bool:
    if counter <= 1 or when == asyncio.FIRST_COMPLETED:
        return False
    return when == asyncio.ALL_COMPLETED or future.cancelled() or future._exception is None


def _grouped(callback: Any, task: asyncio.Future[Any]) -> bool:
    others = len(callback.__self__._tasks) - (task in callback.__self__._tasks)
    return others > 0 and (task.cancelled() or task._exception is None)


def _inner(function: Any, name: str) -> types.CodeType | None:
    """Return the code of the callback `name` that `function` defines, None if it has none."""
    for constant in function.__code__.co_consts if function is not None else ():
        if isinstance(constant, types.CodeType) and constant.co_name == name:
            return constant
    return None


@dataclass(frozen=True)
class _Known:
    """A callback of asyncio: who makes it, the condition under which it only counts, and which variables that reads."""

    name: str
    check: Callable[..., bool]
    cells: tuple[int, ...]


_PYTHON = frozenset({types.FunctionType, types.MethodType})
_KNOWN: dict[types.CodeType, _Known] = {}
for _name, _code, _check, _variables in (
    ("gather", _inner(asyncio.gather, "_done_callback"), _gathered, ("nfinished", "nfuts", "outer", "return_exceptions")),
    ("wait", _inner(getattr(asyncio.tasks, "_wait", None), "_on_completion"), _waited, ("counter", "return_when")),
    ("TaskGroup", getattr(getattr(asyncio.TaskGroup, "_on_task_done", None), "__code__", None), _grouped, ()),
):
    if _code is not None and set(_variables) <= set(_code.co_freevars):
        _KNOWN[_code] = _Known(_name, _check, tuple(map(_code.co_freevars.index, _variables)))
