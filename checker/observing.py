"""What a trace shows of the program's own objects at one moment: values, primitives, and who waits for what.

Looks at the variables of the program's frames, and one level into the objects that they name: attributes with plain
values, and what the synchronization primitives say of themselves. Which tasks wait for a primitive is not asked of the
primitive, whose insides are its own business: it is found by looking for the future that each task awaits among the
things that the primitive holds. So it works for anybody's lock, queue or pool, and for every version of asyncio's.

It is done while a trace is recorded and never during a search; nothing here keeps an object of the program alive.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
import types
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from .loop import SimulatedLoop
from .waiting import frames_of, is_machinery

__all__ = ["Sight", "is_primitive", "is_shared", "look", "short"]

_PLAIN = (int, float, str, bytes, bool, type(None))
_CONTAINERS = (list, tuple, dict, set, frozenset, deque)
_PRIMITIVES = (asyncio.Lock, asyncio.Event, asyncio.Condition, asyncio.Semaphore, asyncio.Barrier, asyncio.Queue)
_OPAQUE = (
    asyncio.Task, asyncio.AbstractEventLoop, type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType,
    types.FrameType, types.CoroutineType, types.GeneratorType, *_PLAIN,
)  # fmt: skip
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_STATE = re.compile(r"<\S+(?: object)?(?: \[(.*)\]| (.*))?>", re.DOTALL)
_LONGEST = 60
_DEEPEST = 4  # how far inside a primitive the futures of its waiters may be
_CLIENTS = "treadle.checker.clients"


@dataclass
class Sight:
    """What is seen at one moment.

    Attributes:
        values: of variables and attributes, by a name such as `account.balance` or `alice: before`.
        names: of objects that are shared, by their ids; the ids hold only until the program runs on.
        states: what each primitive says of itself, by its name.
        waiting: which tasks wait for it, in order.
        awaited: for each task that waits for a named object, that name.
    """

    values: dict[str, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, list[str]] = field(default_factory=dict)
    awaited: dict[str, str] = field(default_factory=dict)


def look(loop: SimulatedLoop) -> Sight:
    """Look at all tasks that are not done."""
    sight = Sight()
    futures = {id(future): task.get_name() for task in loop.live_tasks() if (future := task._fut_waiter) is not None}  # type: ignore[attr-defined]
    for task in loop.live_tasks():
        for frame in frames_of(task):
            variables = frame.f_locals
            module = frame.f_globals.get("__name__", "")
            if not is_machinery(module):
                of_clients = module.startswith(_CLIENTS)  # their own variables say nothing about the primitive
                for name, value in sorted(variables.items()):
                    _look_at(name, value, "" if of_clients else task.get_name(), sight, futures)
                for name in () if of_clients else frame.f_code.co_names:
                    if name in frame.f_globals:
                        _look_at_global(name, frame.f_globals[name], sight, futures)
            if type(variables) is dict:
                variables.clear()  # up to 3.12 the frame would keep it, and keep the values alive
    return sight


def is_primitive(value: object) -> bool:
    """Return True for what looks like a lock, an event, a condition, a semaphore, a queue or a barrier, anybody's."""
    cls = type(value)
    if cls.__module__.startswith("treadle.checker"):
        return False
    looks = any(hasattr(cls, name) for name in ("locked", "is_set", "notify")) or (hasattr(cls, "acquire") and hasattr(cls, "release"))
    return looks or isinstance(value, _PRIMITIVES)


def is_shared(value: object) -> bool:
    """Return True for objects whose class has coroutine methods, so that tasks may wait inside of it."""
    cls = type(value)
    return not cls.__module__.startswith("treadle.checker") and any(
        isinstance(item, types.FunctionType) and bool(item.__code__.co_flags & inspect.CO_COROUTINE)
        for base in cls.__mro__[:-1]
        for item in vars(base).values()
    )


def short(value: object) -> str:
    """Return a plain value as text of limited length; of anything else only what kind of thing it is."""
    if isinstance(value, asyncio.Task):
        return asyncio.Task.get_name(value)
    if isinstance(value, _PLAIN) or (isinstance(value, _CONTAINERS) and _is_plain(value)):
        text = repr(value)
    elif isinstance(value, (types.FunctionType, types.MethodType, types.BuiltinFunctionType, type)):
        text = value.__name__
    else:
        text = type(value).__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _is_plain(value: Any) -> bool:
    items = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return all(isinstance(item, _PLAIN) for item in items)


def _look_at_global(name: str, value: Any, sight: Sight, futures: dict[int, str]) -> None:
    if isinstance(value, _PLAIN):
        sight.values[name] = short(value)
    elif isinstance(value, _CONTAINERS) or not isinstance(value, (*_OPAQUE, asyncio.Future)):
        _look_at(name, value, "-", sight, futures)


def _look_at(name: str, value: Any, task: str, sight: Sight, futures: dict[int, str]) -> None:
    if isinstance(value, _PLAIN):
        if task and not name.startswith("."):
            sight.values[f"{task}: {name}"] = short(value)  # a variable of one task
        return
    if id(value) in sight.names or name.startswith("__") or isinstance(value, (asyncio.Future, *_OPAQUE)):
        return
    cls = type(value)
    if cls.__module__.startswith("treadle.checker"):
        return
    if isinstance(value, _CONTAINERS):
        if _is_plain(value) and task:
            sight.names[id(value)] = name
            sight.values[name] = short(value)
        return
    waiting = _waiting_at(value, futures)
    if is_primitive(value) or (waiting and is_shared(value) and not cls.__module__.startswith("asyncio")):
        sight.names[id(value)] = name
        if is_primitive(value):
            sight.states[name] = _state(value)
        _note_waiting(name, waiting, sight)
        inner = getattr(value, "_lock", None)
        if is_primitive(inner):
            _look_at(f"{name}'s lock", inner, task, sight, futures)
    elif cls.__module__.startswith("asyncio"):
        return
    else:
        sight.names[id(value)] = name
    attributes = getattr(value, "__dict__", None)
    if not isinstance(attributes, dict) or isinstance(value, _PRIMITIVES):
        return
    for key, item in attributes.items():
        if isinstance(item, _PLAIN):
            sight.values[f"{name}.{key}"] = short(item)
        elif isinstance(item, _CONTAINERS) or is_primitive(item):
            _look_at(f"{name}.{key}", item, "-", sight, futures)


def _note_waiting(name: str, waiting: list[str], sight: Sight) -> None:
    sight.waiting[name] = [task for task in waiting if task not in sight.awaited]
    for task in waiting:
        sight.awaited.setdefault(task, name)


def _waiting_at(value: Any, futures: dict[int, str]) -> list[str]:
    """Return the tasks whose future the object holds, near its surface; another object that has a lock's looks is not entered."""
    found: list[str] = []
    seen = {id(value)}
    level = [value]
    for _ in range(_DEEPEST):
        following = []
        for item in level:
            for referent in gc.get_referents(item):
                if id(referent) in seen or isinstance(referent, _OPAQUE):
                    continue
                seen.add(id(referent))
                if isinstance(referent, asyncio.Future):
                    if id(referent) in futures:
                        found.append(futures[id(referent)])
                elif not is_primitive(referent):
                    following.append(referent)
        level = following
    return found


def _state(value: Any) -> str:
    """Return what a primitive says in its repr, without addresses."""
    try:
        text = _ADDRESS.sub("", repr(value))
    except Exception as error:  # the program's own __repr__
        return f"its repr raises {type(error).__name__}"
    state = _STATE.fullmatch(text)
    return text if state is None else state.group(1) or state.group(2) or ""
