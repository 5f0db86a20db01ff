"""Does any of many names stand for something else than at first? Asked for every state and after every run, so it is
asked in C.

Nearly always nothing has changed. So the names are sorted by where they live, and each group is compared at one go;
only if that finds a difference does `World` look at them one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any

from .snapshots import MISSING, AttributesNamespace, ClassNamespace

if TYPE_CHECKING:
    from .world import Slot

__all__ = ["Watch"]

_attributes_of = attrgetter("__dict__")


class Watch:
    """Compares many slots with their baselines."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        groups: dict[int, tuple[Callable[..., Any], list[str], list[Any]]] = {}
        self._bare: list[Any] = []  # functions that had no attributes
        self._others: list[Slot] = []
        for slot in slots:
            namespace = slot.namespace
            if isinstance(namespace, AttributesNamespace) and slot.baseline is MISSING:
                self._bare.append(namespace.owner)
            elif isinstance(namespace, (dict, ClassNamespace)):
                owner = namespace if isinstance(namespace, dict) else namespace.owner
                get = namespace.get if isinstance(namespace, dict) else vars(namespace.owner).get
                _, keys, baselines = groups.setdefault(id(owner), (get, [], []))
                keys.append(slot.key)
                baselines.append(slot.baseline)
            else:
                self._others.append(slot)
        self._groups = list(groups.values())

    def is_unchanged(self) -> bool:
        """Return True if every name stands for what it stood for at first."""
        return (
            not any(map(_attributes_of, self._bare))
            and all(all(map(is_, map(get, keys, repeat(MISSING)), baselines)) for get, keys, baselines in self._groups)
            and all(slot.namespace.get(slot.key, MISSING) is slot.baseline for slot in self._others)
        )
