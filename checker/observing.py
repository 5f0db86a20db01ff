"""What a trace shows of the program's own objects: the values that a step has changed.

Looks at the variables of the program's frames, and one level into the objects that they name: attributes with plain
values, and what the synchronization primitives say of themselves. It is done while a trace is recorded and never
during a search.
"""

from __future__ import annotations

import asyncio
import re
import types
from collections import deque
from typing import Any

from .loop import SimulatedLoop
from .waiting import is_machinery

__all__ = ["changed", "snapshot"]

_PLAIN = (int, float, str, bytes, bool, type(None))
_CONTAINERS = (list, tuple, dict, set, frozenset, deque)
_STATE = re.compile(r"\[(.*)\]>$")
_LONGEST = 60


def snapshot(loop: SimulatedLoop) -> dict[str, str]:
    """Return the visible values of all tasks that are not done, by a name such as `account.balance`."""
    values: dict[str, str] = {}
    seen: set[int] = set()
    for task in loop.live_tasks():
        coroutine: Any = task.get_coro()
        while coroutine is not None:
            frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
            if frame is None:
                break
            if not is_machinery(frame.f_globals.get("__name__", "")):
                variables = frame.f_locals
                for name, value in sorted(variables.items()):
                    _look_at(name, value, task.get_name(), values, seen)
                if type(variables) is dict:
                    variables.clear()  # up to 3.12 the frame would keep it, and keep the values alive
            coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return values


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return `name: old → new` for every value that is there before and after and differs."""
    return [f"{name}: {before[name]} → {value}" for name, value in after.items() if name in before and before[name] != value]


def _look_at(name: str, value: Any, task: str, values: dict[str, str], seen: set[int]) -> None:
    if isinstance(value, _PLAIN):
        values[f"{task}: {name}"] = _short(value)  # a variable of one task
        return
    if id(value) in seen or name.startswith("__"):
        return
    if isinstance(value, (asyncio.Future, types.FunctionType, types.ModuleType, type, types.CoroutineType, types.MethodType)):
        return
    seen.add(id(value))
    if isinstance(value, _CONTAINERS):
        if all(isinstance(item, _PLAIN) for item in value):
            values[name] = _short(value)
        return
    if isinstance(value, (asyncio.Lock, asyncio.Event, asyncio.Condition, asyncio.Semaphore, asyncio.Barrier, asyncio.Queue)) or hasattr(
        value, "locked"
    ):
        state = _STATE.search(repr(value))
        values[name] = state.group(1) if state else re.sub(r" at 0x[0-9a-f]+", "", repr(value))
        return
    attributes = getattr(value, "__dict__", None)
    if not isinstance(attributes, dict) or type(value).__module__.startswith("asyncio"):
        return
    for key, item in attributes.items():
        label = f"{name}.{key}"
        if isinstance(item, _PLAIN):
            values[label] = _short(item)
        elif id(item) not in seen and not key.startswith("_") and (isinstance(item, _CONTAINERS) or hasattr(item, "locked")):
            _look_at(label, item, "", values, seen)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
