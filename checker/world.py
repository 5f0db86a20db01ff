"""The world that runs share: module globals, class attributes and default arguments that the program's code can reach.

They belong to the state (a task may count in a global), and every run must start from the same ones. Walking all of
them for every state would cost more than the rest, so a closure is computed once a function or class: which names its
code uses, what these name, and so on. Most of it is functions, classes and constants, which are only compared with what
they were at first; what can change in place is walked with the state. Between two runs everything is put back.

The standard library and treadle itself are leaves: their globals (caches, registries, loggers) are taken not to matter.
That, and modules reached by `importlib` or `getattr` on a computed name, are limits; `docs/limits.md` has them.
"""

from __future__ import annotations

import builtins
import contextvars
import dis
import enum
import functools
import gc
import itertools
import sys
import types
from collections.abc import Iterable
from typing import Any

from .snapshots import (
    MISSING,
    AdditionsNamespace,
    AttributesNamespace,
    CacheNamespace,
    CellNamespace,
    ClassNamespace,
    Counter,
    Held,
    Namespace,
    Snapshot,
)
from .watching import Watch

__all__ = ["Slot", "World", "is_leaf_module"]

_PLAIN = (int, str, bytes, float, complex, bool, type(None), type(Ellipsis), type(NotImplemented), range)
_LEAF_TYPE_MODULES = frozenset(
    {"logging", "typing", "abc", "_abc", "enum", "dataclasses", "warnings", "re", "functools", "contextvars", "_contextvars", "operator"}
)
_ENGINE = "treadle.checker"
_TEST_RUNNER = frozenset({"_pytest", "pytest"})  # pytest rewrites assertions into calls of its own
_PROGRAM_ROOMS = ("treadle.checker.clients", "treadle.checker.monitors")


@functools.cache
def is_leaf_module(name: str) -> bool:
    """Return True for modules whose globals are taken not to matter: the standard library, pytest and the engine itself."""
    if name.startswith(_ENGINE):
        return not name.startswith(_PROGRAM_ROOMS)
    if name.startswith("treadle.model"):
        return True
    top = name.partition(".")[0]
    return top in _TEST_RUNNER or (top in sys.stdlib_module_names and name != "__main__")


class Slot:
    """A name in a namespace, and what it stood for when it was first seen."""

    __slots__ = ("baseline", "fixed", "key", "label", "namespace")

    def __init__(self, namespace: Any, key: str, label: str) -> None:
        baseline = namespace.get(key, MISSING)
        self.namespace = namespace
        self.key = key
        self.label = label
        self.fixed = _is_fixed(baseline)  # the baseline cannot change in place
        self.baseline = Counter(baseline) if type(baseline) is itertools.count else baseline

    def restore(self) -> None:
        """Let the name stand for what it stood for at first."""
        baseline = self.baseline
        if type(baseline) is Counter:
            self.namespace[self.key] = baseline.anew()
        elif self.namespace.get(self.key, MISSING) is not baseline:
            if baseline is MISSING:
                del self.namespace[self.key]
            else:
                self.namespace[self.key] = baseline


Labelled = list[tuple[str, Slot]]
Union = tuple[Labelled, Labelled, Watch]  # the fixed ones, those that can change in place, and whether a fixed one has changed


class World:
    """Globals reachable from code: which of them differ from the start (`changed`), and how to put them back
    (`restore`)."""

    def __init__(self) -> None:
        self._slots: dict[tuple[int, str], Slot] = {}
        self._direct: dict[tuple[int, bool], tuple[Any, list[Slot], list[Any]]] = {}  # static → itself, slots, further statics
        self._unions: dict[frozenset[int], Union] = {}
        self._snapshots: dict[int, Snapshot] = {}
        self._watch = Watch(())
        self._watched = 0
        self.variables: dict[int, str] = {}  # id of a context variable → the name of the global that it is

    # -- what a state needs


    def changed(self, statics: dict[int, Any]) -> list[tuple[str, Any]]:
        """Return label and value of every slot that `statics` can reach and that can differ between states, in a fixed
        order."""
        key = frozenset(statics)
        union = self._unions.get(key)
        if union is None:
            union = self._unions[key] = self._union(statics.values(), walked=True)
        fixed, mutable, watch = union
        found = [(label, slot.namespace.get(slot.key, MISSING)) for label, slot in mutable]
        for label, slot in () if watch.is_unchanged() else fixed:
            value = slot.namespace.get(slot.key, MISSING)
            if value is not slot.baseline and not _same_plain(value, slot.baseline):
                found.append((label, value))
        return found

    def prepare(self, root: Any) -> None:
        """Look at everything that `root`, a scenario, can reach, before the first run changes it."""
        self._union([Held(root)] if not isinstance(root, _CODE) else [root], walked=False)

    def _union(self, statics: Iterable[Any], walked: bool) -> Union:
        """Return the slots that the statics can reach: the fixed ones, and those whose value can change in place.

        `walked`: the walk has written the statics themselves, with closures, defaults and attributes; these may be new
        in every run.
        """
        seen: set[tuple[int, bool]] = set()
        slots: dict[int, Slot] = {}
        pending = [(static, walked) for static in statics]
        while pending:
            static, walked = pending.pop()
            identity = (id(static), walked)
            if identity in seen:
                continue
            seen.add(identity)
            known = self._direct.get(identity)
            if known is None:
                known = self._direct[identity] = (static, *self._explore(static, walked))
            _, own, further = known
            for slot in own:
                slots[id(slot)] = slot
            pending += [(other, False) for other in further]
        ordered = sorted(slots.values(), key=lambda slot: slot.label)
        labelled = [(f"{slot.label} {number}", slot) for number, slot in enumerate(ordered)]  # labels may be equal
        fixed = [pair for pair in labelled if pair[1].fixed]
        return fixed, [pair for pair in labelled if not pair[1].fixed], Watch(slot for _, slot in fixed)

    # -- the closure


    def _explore(self, static: Any, walked: bool) -> tuple[list[Slot], list[Any]]:
        """Return the slots that a function, class or other static uses itself, and the statics that they lead to."""
        slots: list[Slot] = []
        further: list[Any] = []
        if isinstance(static, types.FunctionType):
            self._explore_function(static, walked, slots, further)
        elif isinstance(static, type):
            if not issubclass(static, enum.Enum):
                for cls in static.__mro__:
                    if not is_leaf_module(cls.__module__):
                        self._explore_class(cls, slots, further)
        elif isinstance(static, types.ModuleType):
            self._follow(static, frozenset(), True, slots, further)
        elif isinstance(static, functools._lru_cache_wrapper):
            if not is_leaf_module(static.__module__ or ""):
                static.cache_clear()  # as it will be before every run
                slots.append(self._slot(CacheNamespace(static), "cache", f"{static.__module__}.{static.__qualname__} cache"))
                further.append(static.__wrapped__)
        else:
            for part in _parts(static):
                self._keep(part, slots, further)
        return slots, further

    def _explore_function(self, function: types.FunctionType, walked: bool, slots: list[Slot], further: list[Any]) -> None:
        if is_leaf_module(function.__module__ or ""):
            return
        namespace = function.__globals__
        module = str(namespace.get("__name__", "?"))
        names, attributes, modules, dynamic = _names(function.__code__)
        for name in sorted(names):
            if name not in namespace and hasattr(builtins, name):
                continue
            slot = self._slot(namespace, name, f"{module}.{name}")
            slots.append(slot)
            self._follow(slot.baseline, attributes, dynamic, slots, further)
        for name in sorted(modules & sys.modules.keys()):
            self._follow(sys.modules[name], attributes, dynamic, slots, further)
        if walked:
            return
        label = f"{module}.{function.__qualname__}"
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            slot = self._slot(CellNamespace(cell), name, f"{label} cell {name}")
            slots.append(slot)
            self._follow(slot.baseline, attributes, dynamic, slots, further)
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._keep(value, slots, further)
        slots.append(self._slot(AttributesNamespace(function), "attributes", f"{label} attributes"))
        for value in function.__dict__.values():
            self._keep(value, slots, further)

    def _keep(self, value: Any, slots: list[Slot], further: list[Any]) -> None:
        """Note a value that nothing can be assigned to, but that may itself change."""
        if not _is_fixed(value):
            slots.append(self._slot(Held(value), "value", f"{type(value).__module__}.{type(value).__qualname__} kept"))
        self._follow(value, frozenset(), False, slots, further)

    def _explore_class(self, cls: type, slots: list[Slot], further: list[Any]) -> None:
        namespace = ClassNamespace(cls)
        for name in sorted(vars(cls)):
            value = vars(cls)[name]
            if isinstance(value, _CODE):
                further.append(value)
            elif (name.startswith("__") and name.endswith("__")) or isinstance(value, _DESCRIPTORS):
                continue
            slot = self._slot(namespace, name, f"{cls.__module__}.{cls.__qualname__}.{name}")
            slots.append(slot)
            self._follow(value, frozenset(), False, slots, further)
        additions = AdditionsNamespace(cls)
        slots.append(self._slot(additions, "additions", f"{cls.__module__}.{cls.__qualname__} additions"))

    def _follow(self, value: Any, attributes: frozenset[str], dynamic: bool, slots: list[Slot], further: list[Any]) -> None:
        """Note where a value leads: functions and classes to their code, modules to the attributes that the code
        names."""
        if isinstance(value, types.ModuleType):
            if is_leaf_module(value.__name__):
                return
            namespace = vars(value)
            for name in sorted(namespace if dynamic else attributes & namespace.keys()):
                if name.startswith("__"):
                    continue
                known = (id(namespace), name) in self._slots
                slot = self._slot(namespace, name, f"{value.__name__}.{name}")
                slots.append(slot)
                if not known or not isinstance(slot.baseline, types.ModuleType):
                    self._follow(slot.baseline, attributes, False, slots, further)
        elif isinstance(value, (*_CODE, *_BEARERS, type)):
            further.append(value)
        elif not _is_fixed(value):
            further.append(type(value))
            snapshot = self._snapshots.get(id(value))
            if snapshot is not None:
                further += snapshot.statics

    def _slot(self, namespace: Any, key: str, label: str) -> Slot:
        identity = (namespace.identity if isinstance(namespace, Namespace) else id(namespace), key)
        slot = self._slots.get(identity)
        if slot is None:
            slot = self._slots[identity] = Slot(namespace, key, label)
            self._snapshot(slot.baseline)
            if isinstance(slot.baseline, contextvars.ContextVar):
                self.variables.setdefault(id(slot.baseline), label)
        return slot

    # -- putting things back


    def _snapshot(self, root: Any) -> None:
        """Remember the contents of everything mutable that can be reached from a value through containers and
        instances."""
        statics: list[Any] = []
        pending = [root]
        while pending:
            value = pending.pop()
            if isinstance(value, (*_CODE, *_BEARERS, type)):
                statics.append(value)
            if type(value) is tuple:
                pending += value
            elif not _is_fixed(value) and id(value) not in self._snapshots:
                snapshot = self._snapshots[id(value)] = Snapshot(value)
                statics.append(type(value))
                pending += snapshot.inside()
        if (known := self._snapshots.get(id(root))) is not None and not known.statics:
            known.statics = statics

    def restore(self) -> None:
        """Put every global, class attribute and reachable container back to what it was when it was first seen."""
        for snapshot in self._snapshots.values():
            snapshot.put_back()
        if self._watched != len(self._slots):
            self._watched = len(self._slots)
            self._watch = Watch(self._slots.values())
        if not self._watch.is_unchanged():
            for slot in self._slots.values():
                if slot.namespace.get(slot.key, MISSING) is not slot.baseline:
                    slot.restore()


_CODE = (types.FunctionType, staticmethod, classmethod, property, functools.cached_property, functools.partial, types.MethodType)
_BEARERS = (functools._lru_cache_wrapper, contextvars.ContextVar, types.BuiltinMethodType)
_DESCRIPTORS = (
    types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType,
    types.BuiltinFunctionType, types.ClassMethodDescriptorType,
)  # fmt: skip


def _parts(static: Any) -> list[Any]:
    """Return what a thing that is code, or bears code, is made of."""
    if isinstance(static, Held):
        return [static.value]
    if isinstance(static, (staticmethod, classmethod)):
        return [static.__func__]
    if isinstance(static, property):
        return [static.fget, static.fset, static.fdel]
    if isinstance(static, functools.cached_property):
        return [static.func]
    if isinstance(static, functools.partial):
        return [static.func, *static.args, *static.keywords.values()]
    if isinstance(static, types.MethodType):
        return [static.__func__, static.__self__]
    if isinstance(static, types.BuiltinMethodType):
        return [] if isinstance(static.__self__, types.ModuleType) else [static.__self__]
    if isinstance(static, contextvars.ContextVar):
        return gc.get_referents(static)  # its name and its default
    return []


def _is_fixed(value: Any) -> bool:
    """Return True if a value cannot change in place, as far as its state matters."""
    if isinstance(value, tuple):
        return all(_is_fixed(item) for item in value)
    if isinstance(value, frozenset):
        return True
    return (
        type(value) in _PLAIN
        or value is MISSING
        or isinstance(value, (*_CODE, *_DESCRIPTORS, type, types.ModuleType, types.CodeType, types.GenericAlias, enum.Enum))
        or type(value).__module__ in _LEAF_TYPE_MODULES
        or type(value).__module__.partition(".")[0] in _TEST_RUNNER  # a `request` leads to all of pytest
        or hasattr(type(value), "_treadle_leaf")
    )


def _same_plain(value: Any, baseline: Any) -> bool:
    return type(value) is type(baseline) and type(value) in _PLAIN and bool(value == baseline)


@functools.cache
def _names(code: types.CodeType) -> tuple[frozenset[str], frozenset[str], frozenset[str], bool]:
    """Return what code, nested functions included, uses: global names, attributes, modules; and whether it computes
    names."""
    names: set[str] = set()
    modules: set[str] = set()
    attributes: set[str] = set()
    pending = [code]
    while pending:
        current = pending.pop()
        pending += [constant for constant in current.co_consts if isinstance(constant, types.CodeType)]
        for instruction in dis.get_instructions(current):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"):
                names.add(instruction.argval)
            elif instruction.opname == "IMPORT_NAME":
                modules.add(instruction.argval)
        attributes.update(current.co_names)
    return frozenset(names), frozenset(attributes), frozenset(modules), bool({"getattr", "setattr"} & names)
