"""What a fault is: a broken twin, and the clause that must catch it."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .twins import CORRECT

__all__ = ["FAULTS", "Fault", "breaks", "breaks_namespace"]

CLASS_OF = {"LOCK": "Lock", "EVENT": "Event", "COND": "Condition", "SEM": "Semaphore", "BSEM": "BoundedSemaphore"}
"""The class whose promises the clauses of a prefix are."""


@dataclass(frozen=True)
class Fault:
    """A broken version of a primitive.

    Attributes:
        name: the clause and what is broken, such as `LOCK-11/LastComeFirstServed`; `fault:NAME` is an implementation.
        clause: the id of the clause that must catch it.
        breaks: what it does wrong, in one sentence.
        history: where the like was seen in the wild; "" if nowhere.
        tasks, rounds, cancel: a size of the most general clients at which it is caught.
        namespace: makes the five classes, with the broken one among them.
    """

    name: str
    clause: str
    breaks: str
    history: str
    tasks: int
    rounds: int
    cancel: int
    namespace: Callable[[], types.SimpleNamespace]


FAULTS: dict[str, Fault] = {}
"""Every fault by its name, in the order in which the modules define them."""

C = TypeVar("C", bound=type[Any])
F = TypeVar("F", bound=Callable[[], types.SimpleNamespace])


def breaks(
    *clauses: str, of: str = "", tasks: int = 2, rounds: int = 1, cancel: int = 1, history: str = ""
) -> Callable[[C], C]:
    """Register a class as a fault of each of the clauses.

    The class derives from a twin, or from `Permits`; it is put before the twin of the clause's primitive, so that one
    fault of `Permits` serves the lock and both semaphores.

    Args:
        clauses: the ids of the clauses that must catch it.
        of: the class that is replaced, for clauses of all five; by default the clause's own.
        tasks, rounds, cancel: the size at which it is caught.
        history: where the like was seen.
    """

    def register(mixin: C) -> C:
        for clause in clauses:
            target = of or CLASS_OF[clause.partition("-")[0]]

            def namespace(mixin: type[Any] = mixin, target: str = target) -> types.SimpleNamespace:
                correct = getattr(CORRECT, target)
                bases = (mixin,) if issubclass(mixin, correct) else (mixin, correct)
                return _with(**{target: type(f"{mixin.__name__}{target}", bases, {})})

            _add(mixin.__name__, clause, mixin.__doc__, history, tasks, rounds, cancel, namespace)
        return mixin

    return register


def breaks_namespace(clause: str) -> Callable[[F], F]:
    """Register a function that returns the five classes, or what is left of them, as a fault of a clause."""

    def register(make: F) -> F:
        _add(make.__name__, clause, make.__doc__, "", 2, 1, 1, make)
        return make

    return register


def _add(
    name: str,
    clause: str,
    doc: str | None,
    history: str,
    tasks: int,
    rounds: int,
    cancel: int,
    namespace: Callable[[], types.SimpleNamespace],
) -> None:
    if not doc:
        raise ValueError(f"the fault {name} does not say what it breaks")
    full = f"{clause}/{name}"
    if full in FAULTS:
        raise ValueError(f"two faults are called {full}")
    FAULTS[full] = Fault(full, clause, " ".join(doc.split()), history, tasks, rounds, cancel, namespace)


def _with(**changed: type[Any]) -> types.SimpleNamespace:
    return types.SimpleNamespace(**{**vars(CORRECT), **changed})
