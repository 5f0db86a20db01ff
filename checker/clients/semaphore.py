"""What verifies a Semaphore or a BoundedSemaphore."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Callable
from typing import Any

from ..implementations import Implementation
from ..monitors_permits import SEMAPHORE, PermitMonitor
from ..runtime import checkpoint, choose, fail
from . import witnessing
from .common import (
    ALL_CONTRACTS,
    IN_ORDER_CONTRACTS,
    VerificationScenario,
    client_names,
    expect_at_once,
    expect_raises,
    finish,
    run_clients,
    spawn,
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

__all__ = ["semaphore_scenarios"]

_PROPERTIES = (
    "counter-non-negative",
    "fifo",
    "no-lost-wakeup",
    "no-deadlock",
    "progress",
    "permits-conserved",
    "state-as-reported",
    "returns-as-documented",
    "raises-as-documented",
    "cancellation-delivered",
)
_ORDER = "; under `any`, permits that were granted in order may reach their tasks in another, so only who must not yet be served is claimed"


def semaphore_scenarios(
    primitive: str, implementation: Implementation, tasks: int, rounds: float
) -> list[VerificationScenario]:
    """Return the scenarios for one of an implementation's semaphores; what it lacks is left out.

    Args:
        primitive: `semaphore` or `bounded-semaphore`.
        implementation: where it comes from.
        tasks: how many clients use it at the same time.
        rounds: how often each; math.inf for ever.
    """
    make = implementation.require(primitive)
    operations = implementation.operations[primitive]
    reports = "locked" in operations
    bounded = primitive == "bounded-semaphore"
    error = ValueError if bounded else None
    few_rounds = math.inf if rounds == math.inf else 1
    scenarios = [
        VerificationScenario(
            f"{primitive}/clients",
            functools.partial(_clients, make, reports, error, 1, tasks, rounds),
            _PROPERTIES,
            ALL_CONTRACTS,
            "clients share one permit, which is handed on to one at a time, so that no property rests on the loop's order",
            witnessing.among_permits(1, tasks, rounds),
        )
    ]
    for in_order, contracts in ((True, IN_ORDER_CONTRACTS), (False, ("any",))):
        suffix = "" if in_order else ", any order"
        scenarios.append(
            VerificationScenario(
                f"{primitive}/two permits" + suffix,
                functools.partial(_clients, make, reports, error, 2, tasks, rounds, in_order=in_order),
                _PROPERTIES,
                contracts,
                "clients share two permits" + ("" if in_order else _ORDER),
                witnessing.among_permits(2, tasks, rounds),
            )
        )
        if not bounded:
            scenarios.append(
                VerificationScenario(
                    f"{primitive}/extra releases" + suffix,
                    functools.partial(_extra_releases, make, reports, tasks, few_rounds, in_order=in_order),
                    _PROPERTIES,
                    contracts,
                    "clients acquire once each and never release; the main task releases one or two at a time"
                    + ("" if in_order else _ORDER),
                    witnessing.extra_releases(tasks),
                )
            )
    if reports:
        scenarios.append(
            VerificationScenario(
                f"{primitive}/locked",
                functools.partial(_clients, make, reports, error, 1, 2, 2, immediate=True),
                _PROPERTIES,
                ALL_CONTRACTS,
                "two clients, two rounds, one permit: locked() says whether the next acquire() has to wait",
                witnessing.among_permits(1, 2, 2),
            )
        )
    if "async with" in operations:
        scenarios.append(
            VerificationScenario(
                f"{primitive}/async with",
                functools.partial(_blocks, make, reports, error),
                _PROPERTIES,
                ALL_CONTRACTS,
                "two clients, two rounds and one: `async with` releases when its block ends, raises or is cancelled",
                witnessing.among_permits(1, 2, 2),
            )
        )
    for name, client in (("timeout", acquire_for_a_time), ("wait_for", acquire_by_wait_for)):
        scenarios.append(
            VerificationScenario(
                f"{primitive}/{name}",
                functools.partial(_timeouts, make, reports, error, client),
                _PROPERTIES,
                ALL_CONTRACTS,
                f"acquire() under asyncio.{name}, with a deadline that ties with the release: it never times out and keeps the permit",
                witnessing.timeouts(),
            )
        )
    scenarios.append(
        VerificationScenario(
            f"{primitive}/errors",
            functools.partial(_errors, make, reports, bounded),
            (
                "raises-as-documented",
                "returns-as-documented",
                "state-as-reported",
                "counter-bounded" if bounded else "permits-conserved",
            ),
            ALL_CONTRACTS,
            "a negative value is refused; "
            + ("release() above the initial value is refused and changes nothing" if bounded else "extra releases count"),
        )
    )
    return scenarios


def _monitored(
    make: Callable[[int], Any], reports: bool, permits: int, **options: bool
) -> tuple[Any, PermitMonitor]:
    semaphore = make(permits)
    locked = semaphore.locked if reports else None
    monitor = PermitMonitor(SEMAPHORE, permits, locked, **options)
    watch(monitor, "semaphore")
    return semaphore, monitor


async def _clients(
    make: Callable[[int], Any],
    reports: bool,
    error: type[Exception] | None,
    permits: int,
    tasks: int,
    rounds: float,
    *,
    in_order: bool = True,
    immediate: bool = False,
) -> None:
    semaphore, monitor = _monitored(make, reports, permits, in_order=in_order, immediate=immediate)
    await run_clients(
        monitor, {name: acquire_and_release(name, semaphore, monitor, rounds) for name in client_names(tasks)}
    )
    at_rest(semaphore, monitor, error)


async def _take(name: str, semaphore: Any, monitor: PermitMonitor, rounds: float) -> None:
    """Acquire again and again, and never release."""
    while rounds > 0:
        rounds -= 1
        try:
            await checkpoint(maybe=True)
            monitor.calls(name)
            monitor.acquired(name, await semaphore.acquire(), keep=False)
        except asyncio.CancelledError as error:
            monitor.cancelled(name, error)
        except Exception as error:
            monitor.broke(name, "acquire()", error)
            return


async def _extra_releases(
    make: Callable[[int], Any], reports: bool, tasks: int, rounds: float, *, in_order: bool
) -> None:
    semaphore, monitor = _monitored(make, reports, 0, in_order=in_order)
    clients = spawn(monitor, {name: _take(name, semaphore, monitor, rounds) for name in client_names(tasks)})
    left = tasks * rounds
    while left > 0:
        await checkpoint()
        for _ in range(2 if choose(2) and left > 1 else 1):
            if monitor.free < 2 or left != math.inf:  # for ever, the counter may not grow for ever
                monitor.releases()
                semaphore.release()
                left -= 1
    await finish(clients)
    at_rest(semaphore, monitor, None)


async def _blocks(make: Callable[[int], Any], reports: bool, error: type[Exception] | None) -> None:
    semaphore, monitor = _monitored(make, reports, 1)
    clients = {"A": enter_and_leave("A", semaphore, monitor, 2), "B": enter_and_leave("B", semaphore, monitor, 1)}
    await run_clients(monitor, clients)
    at_rest(semaphore, monitor, error)


async def _timeouts(
    make: Callable[[int], Any], reports: bool, error: type[Exception] | None, client: Callable[..., Any]
) -> None:
    semaphore, monitor = _monitored(make, reports, 1, message=False)  # a timeout cancels too, with its own message
    await with_timeouts(semaphore, monitor, client)
    at_rest(semaphore, monitor, error)


async def _errors(make: Callable[..., Any], reports: bool, bounded: bool) -> None:
    expect_raises(ValueError, lambda: make(-1), "with the initial value -1", "the constructor")
    for value in (0, 1, 2):
        semaphore = make(value)
        _expect_permits(semaphore, reports, value, f"with the initial value {value}", "permits-conserved")
        for _ in range(value):
            semaphore.release()
        situation = f"with the initial value {value}, when as many were released as had been acquired"
        if bounded:
            expect_raises(ValueError, semaphore.release, situation, "release()")
            _expect_permits(semaphore, reports, value, f"{situation} and one more release() was refused", "counter-bounded")
        else:
            semaphore.release()
            semaphore.release()
            _expect_permits(semaphore, reports, value + 2, f"{situation} and two more", "permits-conserved")
    _expect_permits(make(), reports, 1, "without an initial value", "returns-as-documented")


def _expect_permits(semaphore: Any, reports: bool, permits: int, situation: str, property: str) -> None:
    """Exactly so many can be acquired at once."""
    for number in range(permits + 1):
        if reports and bool(semaphore.locked()) is not (number == permits):
            says = f"{situation}, {permits} permit(s) are free and {number} of them taken, and locked() says {semaphore.locked()!r}"
            fail(property if number else "state-as-reported", says)
        if number < permits:
            expect_at_once(semaphore.acquire(), property, situation, f"acquire() number {number + 1} of {permits}")
