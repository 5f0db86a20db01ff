"""What verifies a Condition.

The most general client arrives at any moment, acquires the lock, waits or notifies, and releases. One that has notified
keeps the lock for a while, so that those whom it woke have to wait for the lock, and may be cancelled there. A client
waits only while another is awake that can still notify it; when all who are left wait, the main task notifies them.

What multiplies the states without adding to the sorts of things that can go wrong has scenarios of its own: arriving
without a pause and `notify_all()` (one round), exact counts of `notify(n)`, `wait_for`, a lock that two conditions
share, a wait under `asyncio.timeout`, the message of the CancelledError, and the errors.
"""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Callable
from typing import Any

from ..implementations import Implementation
from ..monitors_condition import ConditionMonitor
from ..runtime import checkpoint, choose, fail
from ..witnesses import Witness
from . import witnessing
from .common import ALL_CONTRACTS, IN_ORDER_CONTRACTS, VerificationScenario, client_names, ring_after_a_second, supervise, watch
from .condition_parts import errors, exact_counts, shared_lock

__all__ = ["condition_scenarios"]

_PROPERTIES = (
    "no-lost-wakeup",
    "no-spurious-wakeup",
    "fifo",
    "lock-held-on-return",
    "mutual-exclusion",
    "no-deadlock",
    "state-as-reported",
    "returns-as-documented",
    "raises-as-documented",
    "cancellation-delivered",
)


def condition_scenarios(implementation: Implementation, tasks: int, rounds: float) -> list[VerificationScenario]:
    """Return the scenarios for the condition of an implementation; what it lacks is left out."""
    make = implementation.require("condition")
    operations = implementation.operations["condition"]
    reports = "locked" in operations
    notify_all = "notify_all" in operations
    scenarios = []

    def add(
        name: str,
        fn: Any,
        contracts: tuple[str, ...],
        why: str,
        witnesses: tuple[Witness, ...],
        properties: tuple[str, ...] = _PROPERTIES,
    ) -> None:
        scenarios.append(VerificationScenario(f"condition/{name}", fn, properties, contracts, why, witnesses))

    add(
        "clients",
        functools.partial(_clients, make, reports, False, tasks, rounds, in_order=True, message=False),
        IN_ORDER_CONTRACTS,
        "clients wait and notify; that those who were notified return in that order rests on a FIFO ready queue",
        witnessing.among_conditions(tasks),
    )
    add(
        "clients, any order",
        functools.partial(_clients, make, reports, False, tasks, rounds, in_order=False, message=False),
        ("any",),
        "clients wait and notify; which of two notified tasks returns first is left open; of finite rounds the third client and "
        "later ones go one only",
        witnessing.among_conditions(tasks),
    )
    for suffix, in_order, contracts in (("", True, IN_ORDER_CONTRACTS), (", any order", False, ("any",))):
        add(
            "all operations" + suffix,
            functools.partial(_clients, make, reports, notify_all, min(tasks, 3), 1, in_order=in_order, message=False),
            contracts,
            "up to three clients, one round: they also arrive without a pause, and call notify_all()",
            witnessing.among_conditions(min(tasks, 3)),
        )
    add(
        "cancellation",
        functools.partial(_clients, make, reports, False, 2, 2, in_order=True, message=True),
        ALL_CONTRACTS,
        "two clients, two rounds: the CancelledError that comes out of wait() is the one that went in, message included",
        witnessing.among_conditions(2),
    )
    add(
        "exact counts",
        functools.partial(exact_counts, make, notify_all),
        ALL_CONTRACTS,
        "three clients wait, and the main task notifies some of them, once or twice",
        witnessing.exact_counts(),
        ("notifies-n", "fifo"),
    )
    if "wait_for" in operations:
        add(
            "wait_for",
            functools.partial(_predicates, make, reports),
            ALL_CONTRACTS,
            "two clients wait for a predicate: it is called with the lock held, and its last value is returned",
            witnessing.waits_with_timeouts(passes_on=False),
        )
    add(
        "timeout",
        functools.partial(_timeouts, make, reports),
        ALL_CONTRACTS,
        "wait() under asyncio.timeout, with a deadline that ties with the notification, and another client that waits",
        witnessing.waits_with_timeouts(passes_on=True),
    )
    lock = implementation.classes.get("lock")
    if lock is not None:
        add(
            "shared lock",
            functools.partial(shared_lock, make, lock),
            ALL_CONTRACTS,
            "two conditions share a lock: each wakes its own, and only one client at a time goes on",
            witnessing.shared_lock(),
            ("no-spurious-wakeup", "no-lost-wakeup", "mutual-exclusion"),
        )
    add(
        "errors",
        functools.partial(errors, make, lock, operations),
        ALL_CONTRACTS,
        "wait(), notify() and release() without the lock raise RuntimeError; what is no lock is refused",
        (),
        ("raises-as-documented", "returns-as-documented", "state-as-reported"),
    )
    return scenarios


def _monitored(
    make: Callable[[], Any], reports: bool, *, in_order: bool, message: bool
) -> tuple[Any, ConditionMonitor]:
    condition = make()
    monitor = ConditionMonitor(condition.locked if reports else None, in_order=in_order, message=message)
    watch(monitor, "condition")
    return condition, monitor


async def _clients(
    make: Callable[[], Any],
    reports: bool,
    everything: bool,
    tasks: int,
    rounds: float,
    *,
    in_order: bool,
    message: bool,
) -> None:
    condition, monitor = _monitored(make, reports, in_order=in_order, message=message)
    clients = {}
    for number, name in enumerate(client_names(tasks)):
        own = rounds if in_order or number < 2 or rounds == math.inf else 1
        clients[name] = _use(name, condition, monitor, everything, own)
    await supervise(monitor, clients, functools.partial(_notify_everybody, condition, monitor))


async def _notify_everybody(condition: Any, monitor: ConditionMonitor) -> None:
    """Wake all who wait, from the main task."""
    monitor.calls("main")
    monitor.acquired("main", await condition.acquire())
    waiting = len(monitor.waiting)
    monitor.notifies(waiting)
    condition.notify(waiting)
    monitor.releases("main")
    condition.release()


async def _use(name: str, condition: Any, monitor: ConditionMonitor, everything: bool, rounds: float) -> None:
    """In each round acquire the lock, wait or notify, and release; with `everything`, also at once and with notify_all()."""
    while rounds > 0:
        rounds -= 1
        try:
            await checkpoint(maybe=everything)
            monitor.calls(name)
            monitor.acquired(name, await condition.acquire())
            try:
                may_wait = monitor.are_awake(monitor.is_asleep, besides=name)
                operations = ["wait"] * may_wait + ["notify"] + ["notify_all"] * everything
                operation = operations[choose(len(operations))]
                if operation == "wait":
                    await monitored_wait(name, condition, monitor)
                else:
                    if operation == "notify":
                        monitor.notifies(1)
                        condition.notify()
                    else:
                        monitor.notifies()
                        condition.notify_all()
                    await checkpoint()
            finally:
                monitor.releases(name)
                condition.release()
        except asyncio.CancelledError as error:
            monitor.cancelled(name, error)
        except Exception as error:
            monitor.broke(name, "acquire(), wait(), notify() or release()", error)
            return


async def monitored_wait(name: str, condition: Any, monitor: ConditionMonitor, *, timeout: bool = False) -> None:
    """Call `wait()` and tell the monitor how it ends."""
    monitor.waits(name)
    try:
        result = await condition.wait()
    except asyncio.CancelledError as error:
        monitor.wait_cancelled(name, error, timeout=timeout)
        raise
    monitor.returned(name, result)


# --- wait_for ----------------------------------------------------------------------------------------------------


async def _predicates(make: Callable[[], Any], reports: bool) -> None:
    condition, monitor = _monitored(make, reports, in_order=False, message=False)
    shared: list[str] = [""]
    clients = {name: _wait_for(name, condition, monitor, shared) for name in client_names(2)}
    clients["C"] = _change("C", condition, monitor, shared)

    async def relieve() -> None:
        shared[0] = "ready"
        await _notify_everybody(condition, monitor)

    await supervise(monitor, clients, relieve)


async def _wait_for(name: str, condition: Any, monitor: ConditionMonitor, shared: list[str]) -> None:
    """Wait until the shared value is true.

    The predicate is the client's own code: that it is called says that `wait()` has returned.
    """
    waiting = False
    last = ""

    def predicate() -> str:
        nonlocal waiting, last
        if waiting:
            monitor.returned(name, True)
        if not monitor.are_awake(monitor.is_asleep, besides=name):
            shared[0] = "ready"  # nobody is left who could notify it
        last = shared[0]
        waiting = not last
        if waiting:
            monitor.waits(name)
        return last

    try:
        monitor.calls(name)
        monitor.acquired(name, await condition.acquire())
        try:
            monitor.check_result(name, "wait_for()", await condition.wait_for(predicate), last)
            if waiting:
                fail("returns-as-documented", f"wait_for() returned to {name} although its predicate is false")
        except asyncio.CancelledError as error:
            if waiting:
                monitor.wait_cancelled(name, error)
            raise
        finally:
            monitor.releases(name)
            condition.release()
    except asyncio.CancelledError as error:
        monitor.cancelled(name, error)
    except Exception as error:
        monitor.broke(name, "wait_for()", error)


async def _change(name: str, condition: Any, monitor: ConditionMonitor, shared: list[str]) -> None:
    """Notify for nothing, and then with the shared value changed."""
    for value in ("", "ready"):
        try:
            await checkpoint()
            monitor.calls(name)
            monitor.acquired(name, await condition.acquire())
            shared[0] = value
            monitor.notifies(2)
            condition.notify(2)
            monitor.releases(name)
            condition.release()
        except asyncio.CancelledError as error:
            monitor.cancelled(name, error)


# --- timeouts ----------------------------------------------------------------------------------------------------


async def _timeouts(make: Callable[[], Any], reports: bool) -> None:
    condition, monitor = _monitored(make, reports, in_order=False, message=False)
    alarm: list[Callable[[], None]] = []
    ring_after_a_second(lambda: [ring() for ring in alarm])
    clients = {
        "A": _wait_for_a_time("A", condition, monitor, 1),
        "B": _wait_for_a_time("B", condition, monitor, None),
        "C": _notify_by_timer("C", condition, monitor, alarm),
    }
    await supervise(monitor, clients, functools.partial(_notify_everybody, condition, monitor))


async def _wait_for_a_time(name: str, condition: Any, monitor: ConditionMonitor, seconds: float | None) -> None:
    try:
        monitor.calls(name)
        monitor.acquired(name, await condition.acquire())
        try:
            async with asyncio.timeout(seconds):
                if monitor.are_awake(monitor.is_asleep, besides=name):
                    await monitored_wait(name, condition, monitor, timeout=seconds is not None)
        except TimeoutError:
            await checkpoint()  # it holds the lock, and may go on to use what the lock protects
        finally:
            monitor.releases(name)
            condition.release()
    except asyncio.CancelledError as error:
        monitor.cancelled(name, error)


async def _notify_by_timer(name: str, condition: Any, monitor: ConditionMonitor, alarm: list[Callable[[], None]]) -> None:
    """Hold the lock until the alarm notifies and releases it; both in one callback, next to that of the timeout."""
    fired = asyncio.get_running_loop().create_future()

    def fire() -> None:
        monitor.notifies(1)
        condition.notify()
        monitor.releases(name)
        condition.release()
        if not fired.done():
            fired.set_result(None)

    try:
        monitor.calls(name)
        monitor.acquired(name, await condition.acquire())
        alarm.append(fire)
        await fired
    except asyncio.CancelledError as error:
        monitor.cancelled(name, error)
