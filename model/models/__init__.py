"""The models, by name. Each module opens with what its model promises and what it leaves open."""

from __future__ import annotations

from ..errors import ModelError
from . import handoff_semaphore
from .family import Family

FAMILIES: dict[str, Family] = {family.name: family for family in (handoff_semaphore.FAMILY,)}


def family(name: str) -> Family:
    """Find a model by name; raise `ModelError` that lists the names when there is none."""
    if name not in FAMILIES:
        raise ModelError(f"there is no model {name!r}; the models are {', '.join(FAMILIES)}")
    return FAMILIES[name]
