"""How a walk writes each type: one small function a type; `type_tables` says which is for which."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import functools
import gc
import random
import sys
import types
import weakref
from typing import Any

from . import fingerprint
from .clock import Instant
from .events import Handle, TimerHandle
from .fingerprint import CodeInfo, Walk, Writer
from .loop import NamelessTask, SimulatedLoop
from .runtime import Run
from .snapshots import cache_contents
from .world import is_leaf_module

# -- plain values ------------------------------------------------------------------------------------------------------------------------


def write_tuple(walk: Walk, value: tuple[Any, ...]) -> None:
    walk.out += (b"(", len(value))
    for item in value:
        walk.emit(item)


def write_bytes(walk: Walk, value: bytes) -> None:
    walk.out += (b"B", value)


def write_by_repr(walk: Walk, value: object) -> None:
    walk.out += (b"=", type(value).__qualname__, repr(value))


def write_instant(walk: Walk, value: Instant) -> None:
    walk.out += (b"@", float.__sub__(value, walk.now))


def write_slice(walk: Walk, value: slice) -> None:
    walk.out.append(b"slice")
    write_tuple(walk, (value.start, value.stop, value.step))


def write_module(walk: Walk, value: types.ModuleType) -> None:
    walk.out += (b"module", value.__name__)
    if not is_leaf_module(value.__name__):
        walk.statics.setdefault(id(value), value)


def write_loop(walk: Walk, value: SimulatedLoop) -> None:
    walk.out.append(b"loop" if value is walk.loop else b"other loop")


def write_code(walk: Walk, value: types.CodeType) -> None:
    walk.out += (b"code", _code_info(value).digest)


def _code_info(code: types.CodeType) -> CodeInfo:
    info = fingerprint._codes.get(id(code))
    if info is None:
        info = fingerprint._codes[id(code)] = CodeInfo(code)
    return info


def _constant_token(name: bytes) -> Writer:
    def write(walk: Walk, value: object) -> None:
        walk.out.append(name)

    return write


# -- callables ---------------------------------------------------------------------------------------------------------------------------


_plain_functions: dict[int, tuple[types.FunctionType, bytes]] = {}


def write_function_in_place(walk: Walk, value: types.FunctionType) -> None:
    """Write a function of a module or class, which is the same object in every run, by its code; number others."""
    known = _plain_functions.get(id(value))
    if known is None:
        state = (value.__closure__, value.__defaults__, value.__kwdefaults__, value.__dict__)
        if any(state) or "<locals>" in value.__qualname__:
            walk.number(value)
            return
        known = _plain_functions[id(value)] = (value, _code_info(value.__code__).digest)
    elif value.__defaults__ or value.__dict__ or value.__kwdefaults__:
        walk.number(value)  # somebody has given it a state since
        return
    walk.out += (b"f", known[1])
    if not is_leaf_module(value.__module__ or ""):
        walk.statics.setdefault(id(value.__code__), value)


def write_function(walk: Walk, value: types.FunctionType) -> None:
    code = value.__code__
    out = walk.out
    out += (b"function", _code_info(code).digest)
    if not is_leaf_module(value.__module__ or ""):
        walk.statics.setdefault(id(code), value)
    for group in (value.__closure__, value.__defaults__):
        if group:
            out.append(len(group))
            for item in group:
                walk.emit(item)
        else:
            out.append(0)
    if value.__kwdefaults__:
        write_items(walk, value.__kwdefaults__)
    if value.__dict__:
        write_items(walk, value.__dict__)


def write_cell(walk: Walk, value: types.CellType) -> None:
    try:
        contents = value.cell_contents
    except ValueError:
        walk.out.append(b"empty")
        return
    walk.emit(contents)


def write_method(walk: Walk, value: types.MethodType) -> None:
    walk.out.append(b"method")
    walk.emit(value.__func__)
    walk.emit(value.__self__)


def write_builtin(walk: Walk, value: types.BuiltinFunctionType) -> None:
    # A bound built-in method is a new object in every run: what it is bound to and its name are what counts.
    walk.out += (b"builtin", value.__module__, value.__name__)
    owner = value.__self__
    if owner is not None and not isinstance(owner, types.ModuleType):
        walk.emit(owner)


def write_slot_wrapper(walk: Walk, value: Any) -> None:
    walk.out += (b"slot", value.__name__)
    owner = getattr(value, "__self__", None)
    if owner is not None:
        walk.emit(owner)
    else:
        walk.out.append(value.__objclass__.__qualname__)


def write_cached(walk: Walk, value: functools._lru_cache_wrapper[Any]) -> None:
    walk.out += (b"cached", value.__module__, value.__qualname__)
    if not is_leaf_module(value.__module__ or ""):
        walk.emit(value.__wrapped__)
        write_list(walk, cache_contents(value))


def write_random(walk: Walk, value: random.Random) -> None:
    walk.out += (b"random", repr(value.getstate()))


def write_partial(walk: Walk, value: functools.partial[Any]) -> None:
    walk.out.append(b"partial")
    walk.emit(value.func)
    write_tuple(walk, value.args)
    write_items(walk, value.keywords)


# -- containers --------------------------------------------------------------------------------------------------------------------------


def write_items(walk: Walk, value: dict[Any, Any]) -> None:
    emit = walk.emit
    walk.out.append(len(value))
    for key, item in value.items():
        emit(key)
        emit(item)


def write_dict(walk: Walk, value: dict[Any, Any]) -> None:
    walk.out.append(b"{")
    write_items(walk, value)


def write_list(walk: Walk, value: list[Any]) -> None:
    walk.out += (b"[", len(value))
    emit = walk.emit
    for item in value:
        emit(item)


def write_deque(walk: Walk, value: collections.deque[Any]) -> None:
    walk.out += (b"deque", len(value), value.maxlen)
    emit = walk.emit
    for item in value:
        emit(item)


def write_set(walk: Walk, value: set[Any] | frozenset[Any]) -> None:
    """Sets are written in the order in which they iterate, which is behaviour, with their table's size, on which
    later orders depend.

    Objects that hash by address iterate in an order that no two runs share and no program may rely on: they are put
    in an order of our own.
    """
    walk.out += (b"set", len(value), sys.getsizeof(value))
    if len(value) > 1 and any(_hashes_by_address(item) for item in value):
        known = [item for item in value if id(item) in walk.ids]
        new = [item for item in value if id(item) not in walk.ids]
        known.sort(key=lambda item: walk.ids[id(item)])
        new.sort(key=walk.digest)
        value = [*known, *new]  # type: ignore[assignment]
    for item in value:
        walk.emit(item)


def _hashes_by_address(item: Any) -> bool:
    if isinstance(item, weakref.ref):
        target = item()
        return target is None or _hashes_by_address(target)
    if isinstance(item, tuple):
        return any(_hashes_by_address(inner) for inner in item)
    by_address: Any = object.__hash__
    return type(item).__hash__ is by_address or isinstance(item, (types.FunctionType, types.MethodType, types.BuiltinFunctionType))


def write_simple_namespace(walk: Walk, value: types.SimpleNamespace) -> None:
    walk.out.append(b"namespace")
    write_items(walk, value.__dict__)


def write_defaultdict(walk: Walk, value: collections.defaultdict[Any, Any]) -> None:
    walk.out.append(b"defaultdict")
    walk.emit(value.default_factory)
    write_items(walk, value)


def write_bytearray(walk: Walk, value: bytearray) -> None:
    walk.out += (b"bytearray", bytes(value))


def write_mappingproxy(walk: Walk, value: types.MappingProxyType[Any, Any]) -> None:
    walk.out.append(b"mappingproxy")
    for inner in gc.get_referents(value):
        walk.emit(inner)


def write_reduced(walk: Walk, value: Any) -> None:
    """Write an iterator by what it would be copied from: its source and its position."""
    parts = value.__reduce__()
    walk.out += (b"iterator", type(value).__name__, len(parts))
    for part in parts[1:]:
        if type(part) is tuple:
            write_tuple(walk, part)
        else:
            walk.emit(part)


def write_hinted(walk: Walk, value: Any) -> None:
    """Write an iterator over a dict or set by its source and by how much is left."""
    walk.out += (b"iterator", type(value).__name__, value.__length_hint__())
    write_referents(walk, value)


def write_referents(walk: Walk, value: Any) -> None:
    """Write an object that is nothing but its references."""
    kind = type(value)
    referents = [item for item in gc.get_referents(value) if item is not kind]
    walk.out += (kind.__name__, len(referents))
    for item in referents:
        walk.emit(item)


# -- coroutines and generators -----------------------------------------------------------------------------------------------------------


def write_coroutine(walk: Walk, value: types.CoroutineType[Any, Any, Any]) -> None:
    walk.out.append(b"coroutine")
    walk.write_frame(value, value.cr_frame, value.cr_await)


def write_generator(walk: Walk, value: types.GeneratorType[Any, Any, Any]) -> None:
    walk.out.append(b"generator")
    walk.write_frame(value, value.gi_frame, value.gi_yieldfrom)


def write_async_generator(walk: Walk, value: types.AsyncGeneratorType[Any, Any]) -> None:
    walk.out += (b"asyncgen", value.ag_running)
    walk.write_frame(value, value.ag_frame, value.ag_await)


# -- futures and tasks -------------------------------------------------------------------------------------------------------------------


def write_future(walk: Walk, value: Any) -> None:
    out = walk.out
    state = value._state
    out += (state, value._log_traceback, value._asyncio_future_blocking, value._cancel_message)
    if state == "FINISHED":
        error = value._exception
        if error is None:
            walk.emit(value._result)
        else:
            out.append(b"!")
            walk.emit(error)
    callbacks = value._callbacks
    if callbacks:
        out.append(len(callbacks))
        for callback, context in callbacks:
            walk.emit(callback)
            walk.emit(context)
    for referent in gc.get_referents(value):
        # C futures have attributes, but no `__dict__` to ask for them; and what a task raised that cancelled itself has no name.
        if type(referent) is dict and referent is not value._result and referent is not value._cancel_message:
            walk.out.append(b"attributes")
            write_items(walk, referent)
        elif state == "CANCELLED" and isinstance(referent, BaseException):
            walk.emit(referent)


def write_task(walk: Walk, value: Any) -> None:
    out = walk.out
    out.append(value.cancelling())
    if not value.done():
        out.append(value._must_cancel)
        walk.emit_awaited(value._coro)  # `aclose()` of a generator that the loop closes is not a coroutine
        walk.emit(value._fut_waiter)
        for referent in gc.get_referents(value):
            if type(referent) is contextvars.Context:
                walk.emit(referent)
                break
    if type(value) is not NamelessTask or walk.fingerprinter.names_matter:
        out.append(_task_name(value))
    write_future(walk, value)


def _task_name(task: asyncio.Task[Any]) -> str:
    return asyncio.Task.get_name(task)


def write_handle(walk: Walk, value: Handle) -> None:
    walk.out += (b"handle", value._cancelled)
    walk.write_handle(value)


def write_timer(walk: Walk, value: TimerHandle) -> None:
    walk.out += (b"timer", value._cancelled, value._when - walk.now)
    walk.write_handle(value)


def write_context(walk: Walk, value: contextvars.Context) -> None:
    walk.out += (b"context", len(value))
    known = walk.fingerprinter.world.variables
    keys = {variable: (variable.name, known.get(id(variable), ""), walk.ids.get(id(variable), -1)) for variable in value}
    if len(set(keys.values())) < len(keys):
        walk.unknown("context variables of one name")  # their order in a context is that of addresses
    for variable in sorted(value, key=keys.__getitem__):
        walk.emit(variable)
        walk.emit(value[variable])


def write_context_variable(walk: Walk, value: contextvars.ContextVar[Any]) -> None:
    walk.out += (b"variable", walk.fingerprinter.world.variables.get(id(value), ""))
    for part in gc.get_referents(value):  # its name and its default
        walk.emit(part)


def write_token(walk: Walk, value: contextvars.Token[Any]) -> None:
    walk.out.append(b"token")
    walk.emit(value.var)
    old = value.old_value
    if old is contextvars.Token.MISSING:
        walk.out.append(b"missing")
    else:
        walk.emit(old)


def write_weak_reference(walk: Walk, value: weakref.ref[Any]) -> None:
    target = value()
    if target is None:
        walk.out.append(b"dead")
    else:
        walk.out.append(b"weak")
        walk.emit(target)
    if value.__callback__ is not None:
        walk.emit(value.__callback__)


def write_exception(walk: Walk, value: BaseException) -> None:
    walk.out += (b"exception", class_name(type(value)), value.__suppress_context__)
    own = (value.args, value.__cause__, value.__context__, value.__traceback__, value.__dict__, type(value))
    for part in own[:3]:
        walk.emit(part)
    if value.__dict__:
        write_items(walk, value.__dict__)
    for referent in gc.get_referents(value):  # the file of an OSError, the value of a StopIteration
        if not any(referent is part for part in own):
            walk.out.append(b"has")
            walk.emit(referent)


def class_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def write_class(walk: Walk, value: type) -> None:
    walk.out += (b"class", class_name(value))
    if is_local(value):
        for name, item in vars(value).items():
            if type(item) not in (types.GetSetDescriptorType, types.MemberDescriptorType) and not (
                name.startswith("__") and name.endswith("__") and not callable(item)
            ):
                walk.out.append(name)
                walk.emit(item)
        walk.out.append(len(value.__bases__))
        for base in value.__bases__:
            walk.emit(base)
    elif not is_leaf_module(value.__module__):
        walk.statics.setdefault(id(value), value)


def is_local(cls: type) -> bool:
    """Return True for a class that a function made, anew in every run."""
    return "<locals>" in cls.__qualname__


def wrapping(attribute: str) -> Writer:
    def write(walk: Walk, value: Any) -> None:
        walk.out.append(attribute)
        walk.emit(getattr(value, attribute))

    return write


def write_property(walk: Walk, value: property) -> None:
    walk.out.append(b"property")
    write_tuple(walk, (value.fget, value.fset, value.fdel))


def write_lock(walk: Walk, value: Any) -> None:
    walk.out += (b"lock", value.locked())


def write_run(walk: Walk, value: Run) -> None:
    walk.out.append(b"run")
