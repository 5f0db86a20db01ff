"""What verifies a Lock."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..implementations import Implementation
from ..monitors_permits import LOCK, PermitMonitor
from ..runtime import fail
from . import witnessing
from .common import (
    ALL_CONTRACTS,
    VerificationScenario,
    client_names,
    expect_at_once,
    expect_raises,
    run_clients,
    watch,
)
from .permits import (
    acquire_and_release,
    acquire_by_wait_for,
    acquire_for_a_time,
    at_rest,
    enter_and_leave,
    with_timeouts,
)

__all__ = ["lock_scenarios"]

_PROPERTIES = (
    "mutual-exclusion",
    "fifo",
    "no-lost-wakeup",
    "no-deadlock",
    "progress",
    "state-as-reported",
    "returns-as-documented",
    "raises-as-documented",
    "cancellation-delivered",
)


def lock_scenarios(implementation: Implementation, tasks: int, rounds: float) -> list[VerificationScenario]:
    """Return the scenarios for the lock of an implementation; what it lacks is left out."""
    make = implementation.require("lock")
    operations = implementation.operations["lock"]
    reports = "locked" in operations
    scenarios = [
        VerificationScenario(
            "lock/clients",
            functools.partial(_clients, make, reports, tasks, rounds),
            _PROPERTIES,
            ALL_CONTRACTS,
            "clients acquire and release; a lock is handed on to one at a time, so that no property rests on the loop's order",
            witnessing.among_permits(1, tasks, rounds),
        )
    ]
    if "async with" in operations:
        scenarios.append(
            VerificationScenario(
                "lock/async with",
                functools.partial(_blocks, make, reports),
                _PROPERTIES,
                ALL_CONTRACTS,
                "two clients, two rounds and one: `async with` releases when its block ends, raises or is cancelled",
                witnessing.among_permits(1, 2, 2),
            )
        )
    for name, client in (("timeout", acquire_for_a_time), ("wait_for", acquire_by_wait_for)):
        scenarios.append(
            VerificationScenario(
                f"lock/{name}",
                functools.partial(_timeouts, make, reports, client),
                _PROPERTIES,
                ALL_CONTRACTS,
                f"acquire() under asyncio.{name}, with a deadline that ties with the release: it never times out and keeps the lock",
                witnessing.timeouts(),
            )
        )
    scenarios.append(
        VerificationScenario(
            "lock/errors",
            functools.partial(_errors, make, reports),
            ("raises-as-documented", "returns-as-documented", "state-as-reported"),
            ALL_CONTRACTS,
            "release() of an unlocked lock raises RuntimeError and changes nothing",
        )
    )
    return scenarios


def _monitored(make: Callable[[], Any], reports: bool, *, message: bool = True) -> tuple[Any, PermitMonitor]:
    lock = make()
    monitor = PermitMonitor(LOCK, 1, lock.locked if reports else None, message=message)
    watch(monitor, "lock")
    return lock, monitor


async def _clients(make: Callable[[], Any], reports: bool, tasks: int, rounds: float) -> None:
    lock, monitor = _monitored(make, reports)
    await run_clients(monitor, {name: acquire_and_release(name, lock, monitor, rounds) for name in client_names(tasks)})
    at_rest(lock, monitor, RuntimeError)


async def _blocks(make: Callable[[], Any], reports: bool) -> None:
    lock, monitor = _monitored(make, reports)
    await run_clients(
        monitor, {"A": enter_and_leave("A", lock, monitor, 2), "B": enter_and_leave("B", lock, monitor, 1)}
    )
    at_rest(lock, monitor, RuntimeError)


async def _timeouts(make: Callable[[], Any], reports: bool, client: Callable[..., Any]) -> None:
    lock, monitor = _monitored(make, reports, message=False)  # a timeout cancels too, with a message of its own
    await with_timeouts(lock, monitor, client)
    at_rest(lock, monitor, RuntimeError)


async def _errors(make: Callable[[], Any], reports: bool) -> None:
    lock = make()

    def expect_locked(expected: bool, situation: str) -> None:
        if reports and bool(lock.locked()) is not expected:
            fail("state-as-reported", f"{situation}, locked() says {lock.locked()!r} instead of {expected}")

    for situation in ("on a new lock", "on a lock that was acquired and released"):
        expect_locked(False, situation)
        expect_raises(RuntimeError, lock.release, situation, "release()")
        expect_locked(False, f"{situation}, after release() was refused")
        expect_at_once(lock.acquire(), "returns-as-documented", situation, "acquire()")
        expect_locked(True, "when the lock is held")
        lock.release()
