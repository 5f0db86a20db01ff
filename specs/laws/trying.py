"""Trying a law on one implementation: the same examples every time, and how many they were."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

__all__ = ["Law", "law", "try_law"]


@dataclass(frozen=True)
class Law:
    """What holds of `holds(locks, **drawn)`, whatever is drawn by the strategies: it raises nothing."""

    name: str
    holds: Callable[..., None]
    strategies: dict[str, SearchStrategy[Any]]


def law(**strategies: SearchStrategy[Any]) -> Callable[[Callable[..., None]], Law]:
    """Make a function a law. Not `@given`: a law is tried on many implementations, and its examples are counted."""
    return lambda holds: Law(holds.__name__, holds, strategies)


def try_law(law: Law, locks: Any, examples: int, *, shrink: bool = True) -> tuple[str | None, int]:
    """Try a law; return how it is broken (None if it is not), and how many examples were tried.

    Args:
        law: which.
        locks: the namespace of the implementation.
        examples: how many to try.
        shrink: whether to look for a simpler example if one breaks it.
    """
    count = 0
    last: dict[str, Any] = {}

    def counting(**drawn: Any) -> None:
        nonlocal count, last
        count += 1
        last = drawn
        law.holds(locks, **drawn)

    trial = settings(
        max_examples=examples,
        derandomize=True,  # a verdict that changes from run to run is none
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink) if shrink else (Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )(given(**law.strategies)(counting))

    async def under_a_loop() -> None:  # the primitives look for a running one
        trial()

    try:
        asyncio.run(under_a_loop())
    except Exception as error:  # whatever the implementation raises breaks the law
        drawn = ", ".join(f"{name}={value!r}" for name, value in last.items())
        return f"{type(error).__name__}: {error} ({drawn})", count
    return None, count
