"""What the clients of all primitives share: names, starting and ending, and calls that must not suspend."""

from __future__ import annotations

import asyncio
import string
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..monitors import Monitor
from ..runtime import fail, invariant, observe, when_cancelled, when_stable
from ..witnesses import Witness

__all__ = [
    "ALL_CONTRACTS",
    "IN_ORDER_CONTRACTS",
    "VerificationScenario",
    "at_once",
    "client_names",
    "expect_at_once",
    "expect_raises",
    "finish",
    "ring_after_a_second",
    "run_clients",
    "spawn",
    "supervise",
    "watch",
]

ALL_CONTRACTS = ("stock", "stretched", "any")
IN_ORDER_CONTRACTS = ("stock", "stretched")
"""The contracts under which the ready queue is FIFO, so that who is woken first runs first."""


@dataclass(frozen=True)
class VerificationScenario:
    """One of the scenarios whose verdicts together verify a primitive.

    Attributes:
        name: the primitive and what the scenario is about, such as `"lock/clients"`.
        fn: the scenario itself.
        properties: the names of the properties that it checks, besides those of every scenario.
        contracts: the contracts under which they are claimed.
        why: what it explores, and why it claims no more.
        witnesses: what happens in at least one run, of every implementation that keeps its promises.
    """

    name: str
    fn: Callable[[], Coroutine[Any, Any, None]]
    properties: tuple[str, ...]
    contracts: tuple[str, ...]
    why: str
    witnesses: tuple[Witness, ...] = ()

    def demands(self, cancel: int) -> frozenset[str]:
        """Return the witnesses that must be seen with this budget of cancellations."""
        return frozenset(witness.name for witness in self.witnesses if witness.cancel <= cancel)


def client_names(count: int) -> list[str]:
    """Return the names of that many clients: A, B, …, Z, A2, B2, …."""
    letters = string.ascii_uppercase
    return [letters[i % 26] + (str(i // 26 + 1) if i >= 26 else "") for i in range(count)]


def watch(monitor: Any, label: str) -> None:
    """Let the monitor see every step and every stable state of the run, and describe the primitive in traces."""
    invariant(monitor.after_step)
    when_stable(monitor.stable)
    when_cancelled(monitor.struck)
    observe(label, monitor.describe)


def spawn(monitor: Monitor, clients: Mapping[str, Coroutine[Any, Any, None]]) -> list[asyncio.Task[None]]:
    """Start the clients as tasks of their names."""
    tasks = []
    for name, client in clients.items():
        task = asyncio.create_task(client, name=name)
        monitor.enter(name, task)
        tasks.append(task)
    return tasks


async def run_clients(monitor: Monitor, clients: Mapping[str, Coroutine[Any, Any, None]]) -> None:
    """Run the clients to their ends.

    A client may have been cancelled before it began; another exception of one comes out.
    """
    await finish(spawn(monitor, clients))


async def finish(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for the tasks; raise what one of them raised, a cancellation apart."""
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


async def supervise(
    monitor: Any, clients: Mapping[str, Coroutine[Any, Any, None]], relieve: Callable[[], Awaitable[None]]
) -> None:
    """Run clients that wait for each other to their ends: when all that are left are asleep, `relieve()` wakes them.

    A client may fall asleep only while another is awake (`Monitor.are_awake`), so all can be asleep only after one
    has ended.
    """
    tasks = spawn(monitor, clients)
    while pending := [task for task in tasks if not task.done()]:
        if monitor.are_awake(monitor.is_asleep):
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        else:
            await relieve()
    await finish(tasks)


def ring_after_a_second(ring: Callable[[], object]) -> None:
    """Call `ring()` after a second, in the iteration in which a timeout of one second may strike that begins after this: in either order.

    It is waited for in two halves. Of two timers of one second the older one would fire first on every real clock.
    """
    loop = asyncio.get_running_loop()
    loop.call_later(0.5, lambda: loop.call_later(0.5, ring))


def at_once(awaitable: Any) -> tuple[bool, Any]:
    """Run an awaitable as far as it comes without suspending. Return whether it has returned, and what.

    One that suspends is closed. What it raises comes out.
    """
    iterator = awaitable if hasattr(awaitable, "send") else awaitable.__await__()
    try:
        iterator.send(None)
    except StopIteration as done:
        return True, done.value
    iterator.close()
    return False, None


def expect_at_once(awaitable: Any, property: str, situation: str, operation: str) -> None:
    """`operation` must return True without suspending; otherwise `property` is violated."""
    try:
        returned, result = at_once(awaitable)
    except Exception as error:
        fail("raises-as-documented", f"{situation}, {operation} raised {type(error).__name__}: {error}")
        return
    if not returned:
        fail(property, f"{situation}, {operation} has to wait")
    elif result is not True:
        fail("returns-as-documented", f"{situation}, {operation} returned {result!r} instead of True")


def expect_raises(kind: type[Exception], call: Callable[[], object], situation: str, operation: str) -> None:
    """`call()` must raise `kind`."""
    try:
        call()
    except kind:
        return
    except Exception as error:
        what = f"raised {type(error).__name__} ({error})"
    else:
        what = "raised nothing"
    fail("raises-as-documented", f"{situation}, {operation} {what}; {kind.__name__} was expected")
