"""Which type is written how: the tables of `fingerprint`, and the rule for instances of classes.

`INLINE` has types without an identity of their own, written in place; `WRITERS` the ones that are numbered; `AWAITED`
C objects that stand at the end of an await chain, where being awaited is all the state they have. A type that is in
none of them is unknown, which costs merging and nothing else.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import decimal
import enum
import functools
import itertools
import random
import threading
import types
import weakref
from typing import Any

from . import fingerprint
from .clock import Instant
from .events import Handle, TimerHandle
from .fingerprint import INLINE, WRITERS, Walk, Writer
from .loop import NamelessTask, SimulatedFuture, SimulatedLoop, SimulatedTask, make_loop
from .runtime import Run
from .world import _LEAF_TYPE_MODULES, is_leaf_module
from .writers import (
    class_name,
    is_local,
    wrapping,
    write_async_generator,
    write_builtin,
    write_by_repr,
    write_bytearray,
    write_bytes,
    write_cached,
    write_cell,
    write_class,
    write_code,
    write_context,
    write_context_variable,
    write_coroutine,
    write_defaultdict,
    write_deque,
    write_dict,
    write_exception,
    write_function,
    write_function_in_place,
    write_future,
    write_generator,
    write_handle,
    write_hinted,
    write_instant,
    write_list,
    write_lock,
    write_loop,
    write_mappingproxy,
    write_method,
    write_module,
    write_partial,
    write_property,
    write_random,
    write_reduced,
    write_referents,
    write_run,
    write_set,
    write_simple_namespace,
    write_slice,
    write_slot_wrapper,
    write_task,
    write_timer,
    write_token,
    write_tuple,
    write_weak_reference,
)

__all__ = ["instance_writer"]


# -- instances ---------------------------------------------------------------------------------------------------------------------------

# What pytest is made of (a `request` leads to all of it) is the same in every run. What collects output, log records or warnings
# for a test is not looked into: states equal no others then, so that none are merged that differ in what has been collected.
_TEST_RUNNER = frozenset(
    {"_pytest.config", "_pytest.fixtures", "_pytest.main", "_pytest.nodes", "_pytest.tmpdir", "_pytest.cacheprovider", "_pytest.stash"}
)
_TEST_RECORDERS = frozenset({"_pytest.capture", "_pytest.logging", "_pytest.recwarn", "_pytest.pytester"})
_PLAIN_BASES: dict[type, Any] = {int: int, str: str, float: float, bytes: bytes, complex: complex, tuple: tuple, frozenset: frozenset}


def instance_writer(kind: type) -> Writer:
    """Return the writer for instances of `kind`: what its C base holds, its `__dict__` and its slots."""
    if issubclass(kind, type):
        return write_class
    if getattr(kind, "_treadle_leaf", False):  # shared by all runs, and no run changes what it means
        name = class_name(kind)
        return lambda walk, value: walk.out.extend((b"leaf", name))
    if kind.__module__ in _LEAF_TYPE_MODULES and kind not in WRITERS:
        name = class_name(kind)
        return lambda walk, value: walk.out.extend((b"leaf", name))
    homes = {cls.__module__ for cls in kind.__mro__}
    if homes & _TEST_RUNNER:
        name = class_name(kind)
        return lambda walk, value: walk.out.extend((b"leaf", name))
    if homes & _TEST_RECORDERS:
        name = class_name(kind)
        return lambda walk, value: walk.unknown(name)
    if issubclass(kind, enum.Enum):
        return lambda walk, value: walk.out.extend((b"enum", class_name(type(value)), value.name))
    base = _c_base(kind)
    if base is None:
        name = class_name(kind)
        return lambda walk, value: walk.unknown(name)
    writer: Writer | None = None
    if base in _PLAIN_BASES:
        plain = _PLAIN_BASES[base]
        writer = lambda walk, value: walk.emit(plain(value) if base is not tuple else tuple(value))  # noqa: E731
    elif base is not object:
        writer = WRITERS.get(base) or INLINE.get(base)
    slots = _slots(kind)
    has_dict = hasattr(kind, "__dictoffset__") and kind.__dictoffset__ != 0 and base not in _WRITE_DICT
    name = class_name(kind)
    local = is_local(kind)
    static = not local and any(not is_leaf_module(cls.__module__) for cls in kind.__mro__)

    def write(walk: Walk, value: Any) -> None:
        out = walk.out
        out.append(name)
        if static:
            walk.statics.setdefault(id(kind), kind)
        elif local:
            walk.emit(kind)
        if writer is not None:
            writer(walk, value)
        if has_dict:
            attributes = value.__dict__
            emit = walk.emit
            out.append(len(attributes))
            for key, item in attributes.items():
                out.append(key)
                emit(item)
        for slot, descriptor in slots:
            try:
                item = descriptor.__get__(value, kind)
            except AttributeError:
                continue
            out.append(slot)
            walk.emit(item)

    return write


def _c_base(kind: type) -> type | None:
    """Return the most derived base of a class that is implemented in C, if a walk knows how to write it."""
    for cls in kind.__mro__:
        if cls is object or cls in _PLAIN_BASES or ((cls in WRITERS or cls in INLINE) and cls in _C_TYPES):
            return cls
        if issubclass(cls, BaseException) and cls.__module__ == "builtins":
            return BaseException
        if _implemented_in_c(cls):
            return None
    return object


def _implemented_in_c(cls: type) -> bool:
    for name, value in vars(cls).items():
        if isinstance(value, (types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType)):
            own = value.__objclass__ is cls
        elif isinstance(value, types.BuiltinFunctionType):
            own = value.__self__ is cls
        else:
            own = isinstance(value, types.GetSetDescriptorType) and name not in ("__dict__", "__weakref__")
        if own:
            return True
    return False


def _slots(kind: type) -> list[tuple[str, Any]]:
    found = []
    for cls in kind.__mro__:
        if cls in _C_TYPES or _implemented_in_c(cls):
            continue
        for name, value in sorted(vars(cls).items()):
            if isinstance(value, types.MemberDescriptorType):
                found.append((f"{cls.__qualname__}.{name}", value))
    return found


# -- the tables --------------------------------------------------------------------------------------------------------------------------

INLINE.update(
    {
        tuple: write_tuple,
        bytes: write_bytes,
        complex: write_by_repr,
        range: write_by_repr,
        type(Ellipsis): write_by_repr,
        type(NotImplemented): write_by_repr,
        Instant: write_instant,
        slice: write_slice,
        types.ModuleType: write_module,
        SimulatedLoop: write_loop,
        types.CodeType: write_code,
        types.FunctionType: write_function_in_place,
        types.MethodType: write_method,
        types.BuiltinFunctionType: write_builtin,
        types.MethodWrapperType: write_slot_wrapper,
        types.WrapperDescriptorType: write_slot_wrapper,
        types.MethodDescriptorType: write_slot_wrapper,
        frozenset: write_set,
        weakref.ref: write_weak_reference,
        Run: write_run,
    }
)
for _text in ("datetime", "decimal"):
    _loaded = __import__(_text)
    for _name in ("datetime", "date", "time", "timedelta", "timezone", "Decimal"):
        if isinstance(_type := getattr(_loaded, _name, None), type):
            INLINE[_type] = write_by_repr

WRITERS.update(
    {
        list: write_list,
        dict: write_dict,
        set: write_set,
        collections.deque: write_deque,
        collections.defaultdict: write_defaultdict,
        collections.OrderedDict: write_dict,
        bytearray: write_bytearray,
        types.SimpleNamespace: write_simple_namespace,
        types.MappingProxyType: write_mappingproxy,
        types.FunctionType: write_function,
        types.CellType: write_cell,
        functools.partial: write_partial,
        functools._lru_cache_wrapper: write_cached,
        random.Random: write_random,
        types.CoroutineType: write_coroutine,
        types.GeneratorType: write_generator,
        types.AsyncGeneratorType: write_async_generator,
        asyncio.Future: write_future,
        SimulatedFuture: write_future,
        asyncio.Task: write_task,
        SimulatedTask: write_task,
        NamelessTask: write_task,
        Handle: write_handle,
        TimerHandle: write_timer,
        type: write_class,
        contextvars.Context: write_context,
        contextvars.ContextVar: write_context_variable,
        contextvars.Token: write_token,
        BaseException: write_exception,
        staticmethod: wrapping("__func__"),
        classmethod: wrapping("__func__"),
        property: write_property,
        type(threading.Lock()): write_lock,
        decimal.Context: write_by_repr,  # whoever has computed with decimals has one in his context, and so in every state
        type(iter([])): write_reduced,
        type(iter(())): write_reduced,
        type(iter("")): write_reduced,
        type(iter("é")): write_reduced,
        type(iter(b"")): write_reduced,
        type(iter(range(1))): write_reduced,
        type(reversed([])): write_reduced,
        enumerate: write_reduced,
        zip: write_referents,
        map: write_referents,
        filter: write_referents,
        type(iter({})): write_hinted,
        type(iter({}.items())): write_hinted,
        type(iter({}.values())): write_hinted,
        type(iter(set())): write_hinted,
        type({}.keys()): write_referents,
        type({}.items()): write_referents,
        type({}.values()): write_referents,
        itertools.count: write_by_repr,
    }
)
_WRITE_DICT = frozenset({asyncio.Future, asyncio.Task, BaseException, types.SimpleNamespace})
_OURS = frozenset({SimulatedFuture, SimulatedTask, NamelessTask, SimulatedLoop, Handle, TimerHandle, Run, Instant})
_C_TYPES = (frozenset(INLINE) | frozenset(WRITERS)) - _OURS


def _probe_awaitables() -> None:
    """Find the C types that asyncio and the interpreter put at the end of an await chain; they have no public names."""

    async def numbers() -> Any:
        yield 1

    loop = make_loop()
    future = SimulatedFuture(loop=loop)
    waiter = future.__await__()
    INLINE[type(waiter)] = write_referents
    task = SimulatedTask(asyncio.sleep(0), loop=loop)
    step = loop.ready.pop()._callback
    INLINE[type(step)] = write_referents
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    task.get_coro().close()
    coroutine = asyncio.sleep(0)
    INLINE[type(coroutine.__await__())] = write_referents
    coroutine.close()
    generator = numbers()
    for awaitable, tag in (
        (generator.asend(None), b"asend"),
        (generator.athrow(ValueError), b"athrow"),
        (anext(generator, None), b"anext"),
    ):
        fingerprint.AWAITED[type(awaitable)] = tag
        getattr(awaitable, "close", lambda: None)()


_probe_awaitables()
