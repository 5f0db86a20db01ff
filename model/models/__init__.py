"""The models, by name. Each module opens with what its model promises and what it leaves open."""

from __future__ import annotations

from ..errors import ModelError
from ..language import Model
from . import bounded_semaphore, condition, event, handoff_semaphore, lock, semaphore
from .family import Family, Size

FAMILIES: dict[str, Family] = {
    module.FAMILY.name: module.FAMILY
    for module in (handoff_semaphore, lock, event, condition, semaphore, bounded_semaphore)
}


def family(name: str) -> Family:
    """Find a model by name; raise `ModelError` that lists the names when there is none."""
    if name not in FAMILIES:
        raise ModelError(f"there is no model {name!r}; the models are {', '.join(FAMILIES)}")
    return FAMILIES[name]


def specification(name: str, tasks: int, value: int = 1, surplus: int = 0) -> Model:
    """Build the model that real code must refine: unlimited rounds and cancellations, since clients and budgets are the
    code's.

    `surplus` is how many permits clients may add to a Semaphore by releasing what they did not acquire.
    """
    chosen = family(name)
    size = Size(tasks, value if chosen.has_value else 1, rounds=None, cancel=None, surplus=surplus)
    return chosen.build(size)
