"""The most general clients: scenarios that use a primitive in every way that its documentation allows, and watch it from outside."""

from __future__ import annotations

from ..implementations import Implementation
from .common import VerificationScenario
from .condition import condition_scenarios
from .event import event_scenarios
from .lock import lock_scenarios
from .semaphore import semaphore_scenarios

__all__ = ["VerificationScenario", "verification_scenarios"]


def verification_scenarios(
    primitive: str, implementation: Implementation, tasks: int, rounds: float
) -> list[VerificationScenario]:
    """Return the scenarios that together verify a primitive of an implementation.

    Args:
        primitive: `lock`, `event`, `condition`, `semaphore` or `bounded-semaphore`.
        implementation: what is checked; operations that its class lacks are left out.
        tasks: the number of clients that use the primitive at the same time in the largest scenario.
        rounds: how often each client uses it there; math.inf means for ever.

    Raises:
        ImplementationError: if the implementation has no such primitive.
    """
    if primitive == "lock":
        return lock_scenarios(implementation, tasks, rounds)
    if primitive == "event":
        return event_scenarios(implementation, tasks, rounds)
    if primitive == "condition":
        return condition_scenarios(implementation, tasks, rounds)
    return semaphore_scenarios(primitive, implementation, tasks, rounds)
