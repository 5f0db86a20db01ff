"""Trying a law on one implementation: the same examples every time, and how many they were."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

__all__ = ["Law", "try_law"]

Law = Callable[..., None]


def try_law(law: Law, locks: Any, examples: int, *, shrink: bool = True) -> tuple[str | None, int]:
    """Try a law; return how it is broken (None if it is not), and how many examples were tried.

    Args:
        law: a function that `@given` has made into a test.
        locks: the namespace of the implementation.
        examples: how many to try.
        shrink: whether to look for a simpler example if one breaks it.
    """
    count = 0
    last: dict[str, Any] = {}
    inner = law.hypothesis.inner_test  # type: ignore[attr-defined]

    @functools.wraps(inner)
    def counting(locks: Any, **drawn: Any) -> None:
        nonlocal count, last
        count += 1
        last = drawn
        inner(locks, **drawn)

    trial = given(**law.hypothesis._given_kwargs)(counting)  # type: ignore[attr-defined]
    trial = settings(
        max_examples=examples,
        derandomize=True,  # a verdict that changes from run to run is none
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink) if shrink else (Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )(trial)

    async def under_a_loop() -> None:  # the primitives look for a running one
        trial(locks)

    try:
        asyncio.run(under_a_loop())
    except Exception as error:  # whatever the implementation raises breaks the law
        drawn = ", ".join(f"{name}={value!r}" for name, value in last.items())
        return f"{type(error).__name__}: {error} ({drawn})", count
    return None, count
