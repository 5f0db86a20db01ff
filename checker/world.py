"""The world that runs share: module globals, class attributes and default arguments that the program's code can reach.

They belong to the state (a task may count in a global), and every run must start from the same ones. Walking all of them for every state would cost
more than the rest, so a closure is computed once a function or class: which names its code uses, what these name, and so on. Most of it is functions,
classes and constants, which are only compared with what they were at first; what can change in place is walked with the state.
Between two runs everything is put back.

The standard library and treadle itself are leaves: their globals (caches, registries, loggers) are taken not to matter. That, and modules reached by
`importlib` or `getattr` on a computed name, are limits; `docs/limits.md` has them.
"""

from __future__ import annotations

import builtins
import dis
import enum
import functools
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["World", "is_leaf_module"]

_MISSING: Any = type("Missing", (), {"__repr__": lambda _: "missing"})()
_PLAIN = (int, str, bytes, float, complex, bool, type(None), type(Ellipsis), type(NotImplemented), range)
_LEAF_TYPE_MODULES = frozenset(
    {"logging", "typing", "abc", "_abc", "enum", "dataclasses", "warnings", "re", "functools", "contextvars", "_contextvars", "operator"}
)
_ENGINE = "treadle.checker"
_PROGRAM_ROOMS = ("treadle.checker.clients", "treadle.checker.monitors")


@functools.cache
def is_leaf_module(name: str) -> bool:
    """Return True for modules whose globals are taken not to matter: the standard library and the engine itself."""
    if name.startswith(_ENGINE):
        return not name.startswith(_PROGRAM_ROOMS)
    return name.partition(".")[0] in sys.stdlib_module_names and name != "__main__"


class Slot:
    """A name in a namespace, and what it stood for when it was first seen."""

    __slots__ = ("baseline", "fixed", "key", "label", "namespace", "owner")

    def __init__(self, owner: Any, namespace: Any, key: str, label: str, baseline: Any, fixed: bool) -> None:
        self.owner = owner  # the class, for attributes of classes; None for a module
        self.namespace = namespace
        self.key = key
        self.label = label
        self.baseline = baseline
        self.fixed = fixed  # the baseline cannot change in place


class World:
    """Globals reachable from code: which of them differ from the start (`changed`), and how to put them back (`restore`)."""

    def __init__(self) -> None:
        self._slots: dict[tuple[int, str], Slot] = {}
        self._direct: dict[int, tuple[Any, list[Slot], list[Any]]] = {}  # static → (itself, its slots, the statics that these lead to)
        self._unions: dict[frozenset[int], tuple[list[Slot], list[Slot]]] = {}
        self._snapshots: dict[int, tuple[Any, Any]] = {}
        self._keep: list[Any] = []

    # -- what a state needs ------------------------------------------------------------------------------------------------------------

    def changed(self, statics: dict[int, Any]) -> list[tuple[str, Any]]:
        """Return label and value of every slot that `statics` can reach and that can differ between states, in a fixed order."""
        key = frozenset(statics)
        union = self._unions.get(key)
        if union is None:
            union = self._unions[key] = self._union(statics.values())
        fixed, mutable = union
        found = [(slot.label, slot.namespace.get(slot.key, _MISSING)) for slot in mutable]
        for slot in fixed:
            value = slot.namespace.get(slot.key, _MISSING)
            if value is not slot.baseline and not _same_plain(value, slot.baseline):
                found.append((slot.label, None if value is _MISSING else value))
        return found

    def prepare(self, root: Any) -> None:
        """Look at everything that `root`, a scenario, can reach, before the first run changes it."""
        while isinstance(root, functools.partial):
            root = root.func
        if isinstance(root, types.MethodType):
            self._union([root.__func__, type(root.__self__)])
        elif isinstance(root, types.FunctionType):
            self._union([root, *_values_of_cells(root)])
        elif not isinstance(root, type):
            self._union([type(root)])

    def _union(self, statics: Iterable[Any]) -> tuple[list[Slot], list[Slot]]:
        seen: set[int] = set()
        slots: dict[str, Slot] = {}
        pending = list(statics)
        while pending:
            static = pending.pop()
            if id(static) in seen:
                continue
            seen.add(id(static))
            known = self._direct.get(id(static))
            if known is None:
                known = self._direct[id(static)] = (static, *self._explore(static))
            _, own, further = known
            for slot in own:
                slots[slot.label] = slot
            pending += further
        ordered = [slots[label] for label in sorted(slots)]
        return [slot for slot in ordered if slot.fixed], [slot for slot in ordered if not slot.fixed]

    # -- the closure -------------------------------------------------------------------------------------------------------------------

    def _explore(self, static: Any) -> tuple[list[Slot], list[Any]]:
        """Return the slots that a function, class or other static uses itself, and the statics that they lead to."""
        slots: list[Slot] = []
        further: list[Any] = []
        if isinstance(static, types.FunctionType):
            self._explore_function(static, slots, further)
        elif isinstance(static, type):
            if not issubclass(static, enum.Enum):
                for cls in static.__mro__:
                    if not is_leaf_module(cls.__module__):
                        self._explore_class(cls, slots, further)
        elif isinstance(static, (staticmethod, classmethod)):
            further.append(static.__func__)
        elif isinstance(static, property):
            further += [function for function in (static.fget, static.fset, static.fdel) if function is not None]
        elif isinstance(static, functools.cached_property):
            further.append(static.func)
        elif isinstance(static, functools.partial):
            further.append(static.func)
        elif isinstance(static, types.MethodType):
            further += [static.__func__, type(static.__self__)]
        elif hasattr(static, "__wrapped__") and not isinstance(static, types.ModuleType):
            further.append(static.__wrapped__)
        return slots, further

    def _explore_function(self, function: types.FunctionType, slots: list[Slot], further: list[Any]) -> None:
        if is_leaf_module(function.__module__ or ""):
            return
        namespace = function.__globals__
        module = str(namespace.get("__name__", "?"))
        names, attributes, dynamic = _names(function.__code__)
        for name in sorted(names):
            if name not in namespace and hasattr(builtins, name):
                continue
            slot = self._slot(None, namespace, name, f"{module}.{name}")
            slots.append(slot)
            self._follow(slot.baseline, attributes, dynamic, slots, further)
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        for position, value in enumerate([*defaults, *_values_of_cells(function), *function.__dict__.values()]):
            self._follow(value, attributes, dynamic, slots, further)
            if not _is_fixed(value):
                holder = {"value": value}
                self._keep.append(holder)
                slots.append(self._slot(None, holder, "value", f"{module}.{function.__qualname__}#{position}"))

    def _explore_class(self, cls: type, slots: list[Slot], further: list[Any]) -> None:
        namespace = vars(cls)
        for name in sorted(namespace):
            value = namespace[name]
            if isinstance(value, _CODE):
                further.append(value)
            elif (name.startswith("__") and name.endswith("__")) or isinstance(value, _DESCRIPTORS):
                continue
            slots.append(self._slot(cls, namespace, name, f"{cls.__module__}.{cls.__qualname__}.{name}"))
            self._follow(value, frozenset(), False, slots, further)

    def _follow(
        self, value: Any, attributes: frozenset[str], dynamic: bool, slots: list[Slot], further: list[Any]
    ) -> None:
        """Note where a value leads: functions and classes to their code, modules to the attributes that the code names."""
        if isinstance(value, types.ModuleType):
            if is_leaf_module(value.__name__):
                return
            namespace = vars(value)
            for name in sorted(namespace if dynamic else attributes & namespace.keys()):
                if name.startswith("__"):
                    continue
                known = (id(namespace), name) in self._slots
                slot = self._slot(None, namespace, name, f"{value.__name__}.{name}")
                slots.append(slot)
                if not known or not isinstance(slot.baseline, types.ModuleType):
                    self._follow(slot.baseline, attributes, False, slots, further)
        elif isinstance(value, _CODE) or isinstance(value, type) or hasattr(type(value), "__wrapped__"):
            further.append(value)
        elif not _is_fixed(value):
            further.append(type(value))

    def _slot(self, owner: Any, namespace: Any, key: str, label: str) -> Slot:
        identity = (id(namespace if owner is None else owner), key)
        slot = self._slots.get(identity)
        if slot is None:
            baseline = namespace.get(key, _MISSING)
            slot = self._slots[identity] = Slot(owner, namespace, key, label, baseline, _is_fixed(baseline))
            self._snapshot(baseline)
        return slot

    # -- putting things back -----------------------------------------------------------------------------------------------------------

    def _snapshot(self, value: Any) -> None:
        """Remember the contents of everything mutable that can be reached from a global through containers and instances."""
        pending = [value]
        while pending:
            value = pending.pop()
            if _is_fixed(value) or id(value) in self._snapshots or _is_leaf_instance(value):
                continue
            contents: Any
            if isinstance(value, (list, deque, tuple)):
                contents = list(value)
                pending += contents
            elif isinstance(value, dict):
                contents = dict(value)
                pending += contents.values()
            elif isinstance(value, (set, bytearray)):
                contents = value.copy()
            else:
                contents = None
            attributes = getattr(value, "__dict__", None)
            if isinstance(attributes, dict):
                attributes = dict(attributes)
                pending += attributes.values()
            else:
                attributes = None
            self._snapshots[id(value)] = (value, (contents, attributes))

    def restore(self) -> None:
        """Put every global, class attribute and reachable container back to what it was when it was first seen."""
        for value, (contents, attributes) in self._snapshots.values():
            if contents is not None:
                _put_back(value, contents)
            if attributes is not None and not _identical(value.__dict__, attributes):
                value.__dict__.clear()
                value.__dict__.update(attributes)
        for slot in self._slots.values():
            if slot.namespace.get(slot.key, _MISSING) is not slot.baseline:
                if slot.owner is not None:
                    setattr(slot.owner, slot.key, slot.baseline)
                elif slot.baseline is _MISSING:
                    del slot.namespace[slot.key]
                else:
                    slot.namespace[slot.key] = slot.baseline


_CODE = (types.FunctionType, staticmethod, classmethod, property, functools.cached_property, functools.partial, types.MethodType)
_DESCRIPTORS = (
    types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType,
    types.BuiltinFunctionType, types.ClassMethodDescriptorType,
)  # fmt: skip


def _is_fixed(value: Any) -> bool:
    """Return True if a value cannot change in place, as far as its state matters."""
    if isinstance(value, tuple):
        return all(_is_fixed(item) for item in value)
    if isinstance(value, frozenset):
        return True
    return (
        type(value) in _PLAIN
        or value is _MISSING
        or isinstance(value, (*_CODE, *_DESCRIPTORS, type, types.ModuleType, types.CodeType, types.GenericAlias, enum.Enum))
        or _is_leaf_instance(value)
    )


def _is_leaf_instance(value: Any) -> bool:
    return type(value).__module__ in _LEAF_TYPE_MODULES


def _same_plain(value: Any, baseline: Any) -> bool:
    return type(value) is type(baseline) and type(value) in _PLAIN and bool(value == baseline)


def _values_of_cells(function: types.FunctionType) -> list[Any]:
    values = []
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:
            continue
    return values


@functools.cache
def _names(code: types.CodeType) -> tuple[frozenset[str], frozenset[str], bool]:
    """Return the global names that code uses (nested functions included), the attributes, and whether it computes names."""
    names: set[str] = set()
    attributes: set[str] = set()
    pending = [code]
    while pending:
        current = pending.pop()
        pending += [constant for constant in current.co_consts if isinstance(constant, types.CodeType)]
        for instruction in dis.get_instructions(current):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"):
                names.add(instruction.argval)
        attributes.update(current.co_names)
    return frozenset(names), frozenset(attributes), bool({"getattr", "setattr"} & names)


def _identical(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    return len(one) == len(other) and all(
        a is c and b is d for (a, b), (c, d) in zip(one.items(), other.items(), strict=True)
    )


def _put_back(value: Any, contents: Any) -> None:
    restore: Callable[[], object]
    if isinstance(value, dict):
        if _identical(value, contents):
            return
        value.clear()
        value.update(contents)
    elif isinstance(value, (list, deque)):
        if len(value) != len(contents) or any(a is not b for a, b in zip(value, contents, strict=True)):
            value.clear()
            value.extend(contents)
    elif isinstance(value, set):
        if list(value) != list(contents):
            value.clear()
            value.update(contents)
    elif isinstance(value, bytearray) and value != contents:
        value[:] = contents
