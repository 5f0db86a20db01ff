"""How a walk writes each type: one small function a type, and the rule for instances of classes.

Three tables of `fingerprint` are filled here: `INLINE` (no identity of their own: written in place), `WRITERS`
(numbered), `AWAITED` (C objects that stand at the end of an await chain; being awaited is all the state they have). A
type that is in none of them is unknown, which costs merging and nothing else.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import decimal
import enum
import functools
import gc
import itertools
import random
import sys
import threading
import types
import weakref
from typing import Any

from . import fingerprint
from .clock import Instant
from .events import Handle, TimerHandle
from .fingerprint import INLINE, WRITERS, CodeInfo, Walk, Writer
from .loop import NamelessTask, SimulatedFuture, SimulatedLoop, SimulatedTask, make_loop
from .runtime import Run
from .snapshots import cache_contents
from .world import _LEAF_TYPE_MODULES, is_leaf_module

__all__ = ["instance_writer"]


# -- plain values ------------------------------------------------------------------------------------------------------------------------


def _tuple(walk: Walk, value: tuple[Any, ...]) -> None:
    walk.out += (b"(", len(value))
    for item in value:
        walk.emit(item)


def _bytes(walk: Walk, value: bytes) -> None:
    walk.out += (b"B", value)


def _by_repr(walk: Walk, value: object) -> None:
    walk.out += (b"=", type(value).__qualname__, repr(value))


def _instant(walk: Walk, value: Instant) -> None:
    walk.out += (b"@", float.__sub__(value, walk.now))


def _slice(walk: Walk, value: slice) -> None:
    walk.out.append(b"slice")
    _tuple(walk, (value.start, value.stop, value.step))


def _module(walk: Walk, value: types.ModuleType) -> None:
    walk.out += (b"module", value.__name__)
    if not is_leaf_module(value.__name__):
        walk.statics.setdefault(id(value), value)


def _loop(walk: Walk, value: SimulatedLoop) -> None:
    walk.out.append(b"loop" if value is walk.loop else b"other loop")


def _code(walk: Walk, value: types.CodeType) -> None:
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


def _function_in_place(walk: Walk, value: types.FunctionType) -> None:
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


def _function(walk: Walk, value: types.FunctionType) -> None:
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
        _items(walk, value.__kwdefaults__)
    if value.__dict__:
        _items(walk, value.__dict__)


def _cell(walk: Walk, value: types.CellType) -> None:
    try:
        contents = value.cell_contents
    except ValueError:
        walk.out.append(b"empty")
        return
    walk.emit(contents)


def _method(walk: Walk, value: types.MethodType) -> None:
    walk.out.append(b"method")
    walk.emit(value.__func__)
    walk.emit(value.__self__)


def _builtin(walk: Walk, value: types.BuiltinFunctionType) -> None:
    # A bound built-in method is a new object in every run: what it is bound to and its name are what counts.
    walk.out += (b"builtin", value.__module__, value.__name__)
    owner = value.__self__
    if owner is not None and not isinstance(owner, types.ModuleType):
        walk.emit(owner)


def _slot_wrapper(walk: Walk, value: Any) -> None:
    walk.out += (b"slot", value.__name__)
    owner = getattr(value, "__self__", None)
    if owner is not None:
        walk.emit(owner)
    else:
        walk.out.append(value.__objclass__.__qualname__)


def _cached(walk: Walk, value: functools._lru_cache_wrapper[Any]) -> None:
    walk.out += (b"cached", value.__module__, value.__qualname__)
    if not is_leaf_module(value.__module__ or ""):
        walk.emit(value.__wrapped__)
        _list(walk, cache_contents(value))


def _random(walk: Walk, value: random.Random) -> None:
    walk.out += (b"random", repr(value.getstate()))


def _partial(walk: Walk, value: functools.partial[Any]) -> None:
    walk.out.append(b"partial")
    walk.emit(value.func)
    _tuple(walk, value.args)
    _items(walk, value.keywords)


# -- containers --------------------------------------------------------------------------------------------------------------------------


def _items(walk: Walk, value: dict[Any, Any]) -> None:
    emit = walk.emit
    walk.out.append(len(value))
    for key, item in value.items():
        emit(key)
        emit(item)


def _dict(walk: Walk, value: dict[Any, Any]) -> None:
    walk.out.append(b"{")
    _items(walk, value)


def _list(walk: Walk, value: list[Any]) -> None:
    walk.out += (b"[", len(value))
    emit = walk.emit
    for item in value:
        emit(item)


def _deque(walk: Walk, value: collections.deque[Any]) -> None:
    walk.out += (b"deque", len(value), value.maxlen)
    emit = walk.emit
    for item in value:
        emit(item)


def _set(walk: Walk, value: set[Any] | frozenset[Any]) -> None:
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


def _simple_namespace(walk: Walk, value: types.SimpleNamespace) -> None:
    walk.out.append(b"namespace")
    _items(walk, value.__dict__)


def _defaultdict(walk: Walk, value: collections.defaultdict[Any, Any]) -> None:
    walk.out.append(b"defaultdict")
    walk.emit(value.default_factory)
    _items(walk, value)


def _bytearray(walk: Walk, value: bytearray) -> None:
    walk.out += (b"bytearray", bytes(value))


def _mappingproxy(walk: Walk, value: types.MappingProxyType[Any, Any]) -> None:
    walk.out.append(b"mappingproxy")
    for inner in gc.get_referents(value):
        walk.emit(inner)


def _reduced(walk: Walk, value: Any) -> None:
    """Write an iterator by what it would be copied from: its source and its position."""
    parts = value.__reduce__()
    walk.out += (b"iterator", type(value).__name__, len(parts))
    for part in parts[1:]:
        if type(part) is tuple:
            _tuple(walk, part)
        else:
            walk.emit(part)


def _hinted(walk: Walk, value: Any) -> None:
    """Write an iterator over a dict or set by its source and by how much is left."""
    walk.out += (b"iterator", type(value).__name__, value.__length_hint__())
    _referents(walk, value)


def _referents(walk: Walk, value: Any) -> None:
    """Write an object that is nothing but its references."""
    kind = type(value)
    referents = [item for item in gc.get_referents(value) if item is not kind]
    walk.out += (kind.__name__, len(referents))
    for item in referents:
        walk.emit(item)


# -- coroutines and generators -----------------------------------------------------------------------------------------------------------


def _coroutine(walk: Walk, value: types.CoroutineType[Any, Any, Any]) -> None:
    walk.out.append(b"coroutine")
    walk.write_frame(value, value.cr_frame, value.cr_await)


def _generator(walk: Walk, value: types.GeneratorType[Any, Any, Any]) -> None:
    walk.out.append(b"generator")
    walk.write_frame(value, value.gi_frame, value.gi_yieldfrom)


def _async_generator(walk: Walk, value: types.AsyncGeneratorType[Any, Any]) -> None:
    walk.out += (b"asyncgen", value.ag_running)
    walk.write_frame(value, value.ag_frame, value.ag_await)


# -- futures and tasks -------------------------------------------------------------------------------------------------------------------


def _future(walk: Walk, value: Any) -> None:
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
            _items(walk, referent)
        elif state == "CANCELLED" and isinstance(referent, BaseException):
            walk.emit(referent)


def _task(walk: Walk, value: Any) -> None:
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
    _future(walk, value)


def _task_name(task: asyncio.Task[Any]) -> str:
    return asyncio.Task.get_name(task)


def _handle(walk: Walk, value: Handle) -> None:
    walk.out += (b"handle", value._cancelled)
    walk.write_handle(value)


def _timer(walk: Walk, value: TimerHandle) -> None:
    walk.out += (b"timer", value._cancelled, value._when - walk.now)
    walk.write_handle(value)


def _context(walk: Walk, value: contextvars.Context) -> None:
    walk.out += (b"context", len(value))
    known = walk.fingerprinter.world.variables
    keys = {variable: (variable.name, known.get(id(variable), ""), walk.ids.get(id(variable), -1)) for variable in value}
    if len(set(keys.values())) < len(keys):
        walk.unknown("context variables of one name")  # their order in a context is that of addresses
    for variable in sorted(value, key=keys.__getitem__):
        walk.emit(variable)
        walk.emit(value[variable])


def _context_variable(walk: Walk, value: contextvars.ContextVar[Any]) -> None:
    walk.out += (b"variable", walk.fingerprinter.world.variables.get(id(value), ""))
    for part in gc.get_referents(value):  # its name and its default
        walk.emit(part)


def _token(walk: Walk, value: contextvars.Token[Any]) -> None:
    walk.out.append(b"token")
    walk.emit(value.var)
    old = value.old_value
    if old is contextvars.Token.MISSING:
        walk.out.append(b"missing")
    else:
        walk.emit(old)


def _weak_reference(walk: Walk, value: weakref.ref[Any]) -> None:
    target = value()
    if target is None:
        walk.out.append(b"dead")
    else:
        walk.out.append(b"weak")
        walk.emit(target)
    if value.__callback__ is not None:
        walk.emit(value.__callback__)


def _exception(walk: Walk, value: BaseException) -> None:
    walk.out += (b"exception", _class_name(type(value)), value.__suppress_context__)
    own = (value.args, value.__cause__, value.__context__, value.__traceback__, value.__dict__, type(value))
    for part in own[:3]:
        walk.emit(part)
    if value.__dict__:
        _items(walk, value.__dict__)
    for referent in gc.get_referents(value):  # the file of an OSError, the value of a StopIteration
        if not any(referent is part for part in own):
            walk.out.append(b"has")
            walk.emit(referent)


def _class_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _class(walk: Walk, value: type) -> None:
    walk.out += (b"class", _class_name(value))
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


def _wrapping(attribute: str) -> Writer:
    def write(walk: Walk, value: Any) -> None:
        walk.out.append(attribute)
        walk.emit(getattr(value, attribute))

    return write


def _property(walk: Walk, value: property) -> None:
    walk.out.append(b"property")
    _tuple(walk, (value.fget, value.fset, value.fdel))


def _lock(walk: Walk, value: Any) -> None:
    walk.out += (b"lock", value.locked())


def _run(walk: Walk, value: Run) -> None:
    walk.out.append(b"run")


# -- instances ---------------------------------------------------------------------------------------------------------------------------

_PLAIN_BASES: dict[type, Any] = {int: int, str: str, float: float, bytes: bytes, complex: complex, tuple: tuple, frozenset: frozenset}


def instance_writer(kind: type) -> Writer:
    """Return the writer for instances of `kind`: what its C base holds, its `__dict__` and its slots."""
    if issubclass(kind, type):
        return _class
    if getattr(kind, "_treadle_leaf", False):  # shared by all runs, and no run changes what it means
        name = _class_name(kind)
        return lambda walk, value: walk.out.extend((b"leaf", name))
    if kind.__module__ in _LEAF_TYPE_MODULES and kind not in WRITERS:
        name = _class_name(kind)
        return lambda walk, value: walk.out.extend((b"leaf", name))
    if issubclass(kind, enum.Enum):
        return lambda walk, value: walk.out.extend((b"enum", _class_name(type(value)), value.name))
    base = _c_base(kind)
    if base is None:
        name = _class_name(kind)
        return lambda walk, value: walk.unknown(name)
    writer: Writer | None = None
    if base in _PLAIN_BASES:
        plain = _PLAIN_BASES[base]
        writer = lambda walk, value: walk.emit(plain(value) if base is not tuple else tuple(value))  # noqa: E731
    elif base is not object:
        writer = WRITERS.get(base) or INLINE.get(base)
    slots = _slots(kind)
    has_dict = hasattr(kind, "__dictoffset__") and kind.__dictoffset__ != 0 and base not in _WRITE_DICT
    name = _class_name(kind)
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
        tuple: _tuple,
        bytes: _bytes,
        complex: _by_repr,
        range: _by_repr,
        type(Ellipsis): _by_repr,
        type(NotImplemented): _by_repr,
        Instant: _instant,
        slice: _slice,
        types.ModuleType: _module,
        SimulatedLoop: _loop,
        types.CodeType: _code,
        types.FunctionType: _function_in_place,
        types.MethodType: _method,
        types.BuiltinFunctionType: _builtin,
        types.MethodWrapperType: _slot_wrapper,
        types.WrapperDescriptorType: _slot_wrapper,
        types.MethodDescriptorType: _slot_wrapper,
        frozenset: _set,
        weakref.ref: _weak_reference,
        Run: _run,
    }
)
for _text in ("datetime", "decimal"):
    _loaded = __import__(_text)
    for _name in ("datetime", "date", "time", "timedelta", "timezone", "Decimal"):
        if isinstance(_type := getattr(_loaded, _name, None), type):
            INLINE[_type] = _by_repr

WRITERS.update(
    {
        list: _list,
        dict: _dict,
        set: _set,
        collections.deque: _deque,
        collections.defaultdict: _defaultdict,
        collections.OrderedDict: _dict,
        bytearray: _bytearray,
        types.SimpleNamespace: _simple_namespace,
        types.MappingProxyType: _mappingproxy,
        types.FunctionType: _function,
        types.CellType: _cell,
        functools.partial: _partial,
        functools._lru_cache_wrapper: _cached,
        random.Random: _random,
        types.CoroutineType: _coroutine,
        types.GeneratorType: _generator,
        types.AsyncGeneratorType: _async_generator,
        asyncio.Future: _future,
        SimulatedFuture: _future,
        asyncio.Task: _task,
        SimulatedTask: _task,
        NamelessTask: _task,
        Handle: _handle,
        TimerHandle: _timer,
        type: _class,
        contextvars.Context: _context,
        contextvars.ContextVar: _context_variable,
        contextvars.Token: _token,
        BaseException: _exception,
        staticmethod: _wrapping("__func__"),
        classmethod: _wrapping("__func__"),
        property: _property,
        type(threading.Lock()): _lock,
        decimal.Context: _by_repr,  # whoever has computed with decimals has one in his context, and so in every state
        type(iter([])): _reduced,
        type(iter(())): _reduced,
        type(iter("")): _reduced,
        type(iter("é")): _reduced,
        type(iter(b"")): _reduced,
        type(iter(range(1))): _reduced,
        type(reversed([])): _reduced,
        enumerate: _reduced,
        zip: _referents,
        map: _referents,
        filter: _referents,
        type(iter({})): _hinted,
        type(iter({}.items())): _hinted,
        type(iter({}.values())): _hinted,
        type(iter(set())): _hinted,
        type({}.keys()): _referents,
        type({}.items()): _referents,
        type({}.values()): _referents,
        itertools.count: _by_repr,
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
    INLINE[type(waiter)] = _referents
    task = SimulatedTask(asyncio.sleep(0), loop=loop)
    step = loop.ready.pop()._callback
    INLINE[type(step)] = _referents
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    task.get_coro().close()
    coroutine = asyncio.sleep(0)
    INLINE[type(coroutine.__await__())] = _referents
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
