"""The models, by name. Each module opens with what its model promises and what it leaves open."""

from __future__ import annotations

from ..errors import ModelError
from . import bounded_semaphore, condition, event, handoff_semaphore, lock, semaphore
from .family import Family

FAMILIES: dict[str, Family] = {
    module.FAMILY.name: module.FAMILY
    for module in (handoff_semaphore, lock, event, condition, semaphore, bounded_semaphore)
}


def family(name: str) -> Family:
    """Find a model by name; raise `ModelError` that lists the names when there is none."""
    if name not in FAMILIES:
        raise ModelError(f"there is no model {name!r}; the models are {', '.join(FAMILIES)}")
    return FAMILIES[name]
