"""What can be put back between two runs: the contents of mutable objects, and the places that are no entry of a dict.

A `Namespace` gives a place (a cell, the attributes of a function, a cache) the interface of a dict, so that `world`
treats all places alike: `get` says what is there, or `MISSING`; assigning and deleting put things back. Refused:
copying objects deeply, which would run the program's code and break the identities that it relies on.
"""

from __future__ import annotations

import ast
import functools
import gc
import itertools
import random
import types
from collections import deque
from typing import Any

__all__ = [
    "MISSING",
    "AdditionsNamespace",
    "AttributesNamespace",
    "CacheNamespace",
    "CellNamespace",
    "ClassNamespace",
    "Counter",
    "Held",
    "Namespace",
    "Snapshot",
    "cache_contents",
]

MISSING: Any = type("Missing", (), {"__repr__": lambda _: "missing"})()


class Counter:
    """An `itertools.count`, which cannot be set back nor, from 3.14 on, copied: it is begun anew where its repr says."""

    def __init__(self, value: itertools.count[int]) -> None:
        inside = repr(value).partition("(")[2].rpartition(")")[0]
        self._value = value
        try:
            self._start = ast.literal_eval(f"({inside},)")
        except ValueError:
            self._start = None  # it counts by something else than numbers; that it goes on is noticed, if it matters

    def anew(self) -> itertools.count[int]:
        """Return a counter that stands where the first one stood."""
        return self._value if self._start is None else itertools.count(*self._start)


class Namespace:
    """A place in something that is no dict; `identity` is the id of that thing."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.identity = id(owner)


class Held(Namespace):
    """A value that nothing can be assigned to."""

    @property
    def value(self) -> Any:
        """Return the value."""
        return self.owner

    def get(self, key: str, default: Any) -> Any:
        """Return the value."""
        return self.owner


class CellNamespace(Namespace):
    """The variable of a closure."""

    def get(self, key: str, default: Any) -> Any:
        """Return what the variable stands for."""
        try:
            return self.owner.cell_contents
        except ValueError:
            return default

    def __setitem__(self, key: str, value: Any) -> None:
        self.owner.cell_contents = value

    def __delitem__(self, key: str) -> None:
        del self.owner.cell_contents


class ClassNamespace(Namespace):
    """The attributes of a class."""

    def get(self, key: str, default: Any) -> Any:
        """Return an attribute of the class itself."""
        return vars(self.owner).get(key, default)

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self.owner, key, value)

    def __delitem__(self, key: str) -> None:
        delattr(self.owner, key)


class AdditionsNamespace(Namespace):
    """The attributes that a class did not have when it was first seen; missing while there are none."""

    def __init__(self, owner: type) -> None:
        super().__init__(owner)
        self._known = frozenset(vars(owner))

    def _names(self) -> list[str]:
        return [
            name for name in vars(self.owner) if name not in self._known and not (name.startswith("__") and name.endswith("__"))
        ]

    def get(self, key: str, default: Any) -> Any:
        """Return the new attributes."""
        if len(vars(self.owner)) == len(self._known) and vars(self.owner).keys() == self._known:
            return default
        return {name: vars(self.owner)[name] for name in self._names()} or default

    def __delitem__(self, key: str) -> None:
        for name in self._names():
            delattr(self.owner, name)


class AttributesNamespace(Namespace):
    """The attributes of a function; missing while there are none."""

    def get(self, key: str, default: Any) -> Any:
        """Return the attributes."""
        return self.owner.__dict__ or default

    def __delitem__(self, key: str) -> None:
        self.owner.__dict__.clear()

    def __setitem__(self, key: str, value: Any) -> None:
        """Nothing to do: the dict is put back as any other."""


class CacheNamespace(Namespace):
    """What a `functools.lru_cache` remembers; missing while that is nothing. How often it was asked does not count."""

    def get(self, key: str, default: Any) -> Any:
        """Return the contents."""
        return cache_contents(self.owner) if self.owner.cache_info().currsize else default

    def __delitem__(self, key: str) -> None:
        self.owner.cache_clear()


def cache_contents(wrapper: functools._lru_cache_wrapper[Any]) -> list[Any]:
    """Return keys and results of a cache, least recently used first, or its dict if it has no bound."""
    bounded = wrapper.cache_parameters()["maxsize"] is not None
    return [
        item
        for item in gc.get_referents(wrapper)
        if item is not wrapper.__wrapped__
        and item is not wrapper.__dict__
        and not isinstance(item, type)
        and not (bounded and isinstance(item, dict))
    ]


class Snapshot:
    """The contents of one mutable object. `statics` are the functions and classes found inside, for who follows
    them."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.statics: list[Any] = []
        self._contents: Any = None
        if isinstance(value, (list, deque, tuple)):
            self._contents = list(value)
        elif isinstance(value, dict):
            self._contents = dict(value)
        elif isinstance(value, (set, bytearray)):
            self._contents = value.copy()
        elif isinstance(value, random.Random):
            self._contents = value.getstate()
        attributes = getattr(value, "__dict__", None)
        self._attributes: dict[str, Any] | None = None
        if isinstance(attributes, dict):
            self._attributes = {
                key: Counter(item) if type(item) is itertools.count else item for key, item in attributes.items()
            }
        self._slots = [
            (descriptor, _read(descriptor, value))
            for cls in type(value).__mro__
            if "__slots__" in vars(cls)
            for descriptor in vars(cls).values()
            if isinstance(descriptor, types.MemberDescriptorType)
        ]

    def inside(self) -> list[Any]:
        """Return what the object holds."""
        found: list[Any] = []
        if isinstance(self._contents, list):
            found += self._contents
        elif isinstance(self._contents, dict):
            found += self._contents.values()
        if self._attributes is not None:
            found += [item for item in self._attributes.values() if type(item) is not Counter]
        found += [item for _, item in self._slots if item is not MISSING]
        return found

    def put_back(self) -> None:
        """Give the object the contents again that it had."""
        if self._contents is not None:
            self._put_contents_back()
        attributes = self._attributes
        if attributes is not None and not _identical(self.value.__dict__, attributes):
            self.value.__dict__.clear()
            self.value.__dict__.update(
                {key: item.anew() if type(item) is Counter else item for key, item in attributes.items()}
            )
        for descriptor, item in self._slots:
            if _read(descriptor, self.value) is not item:
                if item is MISSING:
                    descriptor.__delete__(self.value)
                else:
                    descriptor.__set__(self.value, item)

    def _put_contents_back(self) -> None:
        value = self.value
        contents = self._contents
        if isinstance(value, dict):
            if not _identical(value, contents):
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
        elif isinstance(value, bytearray):
            if value != contents:
                value[:] = contents
        elif isinstance(value, random.Random):
            value.setstate(contents)


def _read(descriptor: types.MemberDescriptorType, value: Any) -> Any:
    try:
        return descriptor.__get__(value, type(value))
    except AttributeError:
        return MISSING


def _identical(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    return len(one) == len(other) and all(
        a is c and b is d for (a, b), (c, d) in zip(one.items(), other.items(), strict=True)
    )
