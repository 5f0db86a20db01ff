"""What verifies an Event.

Clients wait, set, clear, and set and clear in one breath, in any order. A client may wait only while the event is set
or another client could still set it, so that a run that comes to rest has a reason which is not the client's own.

Every client may do anything at any time, which makes this the largest of all state spaces. So of finite rounds the third
client and later ones go one only: two clients that come back are enough to wait again after having been woken.
"""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Callable
from typing import Any

from ..implementations import Implementation
from ..monitors_event import EventMonitor
from ..runtime import checkpoint, choose, fail
from . import witnessing
from .common import ALL_CONTRACTS, VerificationScenario, client_names, expect_at_once, supervise, watch

__all__ = ["event_scenarios"]


_PROPERTIES = (
    "wakes-all",
    "no-spurious-wakeup",
    "no-deadlock",
    "state-as-reported",
    "returns-as-documented",
    "raises-as-documented",
    "cancellation-delivered",
)


def event_scenarios(implementation: Implementation, tasks: int, rounds: float) -> list[VerificationScenario]:
    """Return the scenarios for the event of an implementation; what it lacks is left out."""
    make = implementation.require("event")
    operations = implementation.operations["event"]
    return [
        VerificationScenario(
            "event/clients",
            functools.partial(_clients, make, operations, False, tasks, rounds),
            _PROPERTIES,
            ALL_CONTRACTS,
            "clients wait, set and clear; of finite rounds the third client and later ones go one only; who wakes first is "
            "nobody's promise, so that no property rests on the loop's order",
            witnessing.among_events(tasks, "clear" in operations),
        ),
        VerificationScenario(
            "event/all operations",
            functools.partial(_clients, make, operations, True, min(tasks, 3), 1),
            _PROPERTIES,
            ALL_CONTRACTS,
            "up to three clients, one round: they also arrive without a pause, and call what should change nothing",
            witnessing.among_events(min(tasks, 3), "clear" in operations),
        ),
        VerificationScenario(
            "event/errors",
            functools.partial(_interface, make, operations),
            ("returns-as-documented", "state-as-reported"),
            ALL_CONTRACTS,
            "an event is not set at first; set() and clear() may be repeated",
        ),
    ]


async def _clients(
    make: Callable[[], Any], operations: frozenset[str], everything: bool, tasks: int, rounds: float
) -> None:
    event = make()
    monitor = EventMonitor(event.is_set if "is_set" in operations else None)
    watch(monitor, "event")

    async def relieve() -> None:
        monitor.sets()
        event.set()

    clears = "clear" in operations
    clients = {}
    for number, name in enumerate(client_names(tasks)):
        own = rounds if number < 2 or rounds == math.inf else 1
        clients[name] = _use(name, event, monitor, clears, everything, own)
    await supervise(monitor, clients, relieve)


async def _use(
    name: str, event: Any, monitor: EventMonitor, clears: bool, everything: bool, rounds: float
) -> None:
    """In each round wait, set, clear, or set and clear; with `everything`, also what should change nothing."""
    while rounds > 0:
        rounds -= 1
        try:
            await checkpoint(maybe=everything)
            may_wait = monitor.are_awake(monitor.is_asleep, besides=name)
            operations = ["wait"] * (monitor.flag or may_wait)
            operations += ["set"] * (everything or not monitor.flag)
            operations += ["clear"] * (clears and (everything or monitor.flag))
            operations += ["set and clear"] * (clears and (everything or not monitor.flag))
            operation = operations[choose(len(operations))]
            if operation == "wait":
                monitor.calls_wait(name)
                monitor.returned(name, await event.wait())
            if operation.startswith("set"):
                monitor.sets()
                event.set()
            if operation.endswith("clear"):
                monitor.clears()
                event.clear()
            monitor.gets_on(name)
        except asyncio.CancelledError as error:
            monitor.cancelled(name, error)
        except Exception as error:
            monitor.broke(name, "wait(), set() or clear()", error)
            return


async def _interface(make: Callable[[], Any], operations: frozenset[str]) -> None:
    event = make()

    def expect(expected: bool, situation: str) -> None:
        if "is_set" in operations and bool(event.is_set()) is not expected:
            fail("state-as-reported", f"{situation}, is_set() says {event.is_set()!r} instead of {expected}")

    expect(False, "on a new event")
    for call in ("set()", "set() twice"):
        event.set()
        expect(True, f"after {call}")
        expect_at_once(event.wait(), "returns-as-documented", f"after {call}", "wait()")
    if "clear" in operations:
        for call in ("clear()", "clear() twice"):
            event.clear()
            expect(False, f"after {call}")
