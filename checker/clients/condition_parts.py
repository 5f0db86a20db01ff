"""The small scenarios of a Condition: exact counts, a shared lock, errors."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from ..monitors import Monitor, enumerate_names
from ..runtime import checkpoint, choose, fail, invariant, observe, when_stable, witness
from ..witnesses import NOTIFIED, THREE_WAITED, TWO_ASLEEP
from .common import at_once, client_names, expect_at_once, expect_raises, finish, spawn

__all__ = ["errors", "exact_counts", "shared_lock"]


class Waiters(Monitor):
    """Who waits and who has been woken, for scenarios in which only the main task notifies.

    Attributes:
        waiting: who waits, in order of the calls of `wait()`.
        woken: who has come back from `wait()` since the last look, in that order.
        expected: who must come back, in order of the notifications; None while nothing has been notified.
        inside: who holds the lock.
        disturbed: a client has been cancelled, after which the counts say nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[str] = []
        self.woken: list[str] = []
        self.expected: list[str] | None = None
        self.inside = ""
        self.disturbed = False

    def holds(self, name: str) -> None:
        """The client holds the lock from now on."""
        if self.inside:
            fail("mutual-exclusion", f"{name} goes on with the lock while {self.inside} holds it")
        self.inside = name

    def leaves(self) -> None:
        """The holder is about to give the lock back."""
        self.inside = ""

    def describe(self) -> str:
        """Say who waits and who was woken, for the table of a trace."""
        state = f"held by {self.inside}" if self.inside else "free"
        return "; ".join(
            [state]
            + ([f"waiting: {', '.join(self.waiting)}"] if self.waiting else [])
            + ([f"woken: {', '.join(self.woken)}"] if self.woken else [])
        )


async def _wait_once(name: str, lock: Any, condition: Any, waiters: Waiters) -> None:
    """Acquire, wait once, release."""
    try:
        await lock.acquire()
        waiters.holds(name)
        try:
            waiters.leaves()
            waiters.waiting.append(name)
            if len(waiters.waiting) == 2:
                witness(TWO_ASLEEP)
            try:
                await condition.wait()
                waiters.woken.append(name)
                witness(NOTIFIED)
            finally:
                waiters.waiting.remove(name)
                waiters.holds(name)
        finally:
            waiters.leaves()
            lock.release()
    except asyncio.CancelledError:
        waiters.disturbed = True


async def exact_counts(make: Callable[[], Any], notify_all: bool) -> None:
    """Three clients wait; the main task notifies n of those who do, n = 0 … 3, all of them, or one and then another one."""
    condition = make()
    waiters = Waiters()
    names = client_names(3)

    def stable() -> None:
        if waiters.disturbed or waiters.expected is None or waiters.inside:
            return
        if len(waiters.woken) != len(waiters.expected):
            fail(
                "notifies-n",
                f"notify() was to wake {len(waiters.expected)} of the clients that waited, and {len(waiters.woken)} woke up",
            )
        elif sorted(waiters.woken) != sorted(waiters.expected):
            fail(
                "fifo",
                f"notify() was to wake {enumerate_names(waiters.expected)}, who waited longest, "
                f"and woke {enumerate_names(waiters.woken)}",
            )

    when_stable(stable)
    observe("condition", waiters.describe)
    tasks = spawn(waiters, {name: _wait_once(name, condition, condition, waiters) for name in names})
    while any(not task.done() for task in tasks):
        await checkpoint()
        if any(not task.done() and name not in waiters.waiting for name, task in waiters.tasks.items()):
            continue  # a client is still on its way in or out
        await condition.acquire()
        waiters.holds("main")
        waiting = [name for name in waiters.waiting if not waiters.is_cancelled(name)]
        if len(waiting) == len(names):
            witness(THREE_WAITED)
        waiters.woken = []
        how = choose(5 + notify_all) if waiters.expected is None else 3
        if how < 4:
            count = how
            condition.notify(count)
        elif how == 4:
            count = 2
            condition.notify()
            condition.notify()
        else:
            count = 3
            condition.notify_all()
        waiters.expected = waiting[:count]
        waiters.leaves()
        condition.release()
    await finish(tasks)


async def shared_lock(make: Callable[[Any], Any], make_lock: Callable[[], Any]) -> None:
    """A waits on one condition, B on another with the same lock; the main task notifies one, and then the other."""
    lock = make_lock()
    conditions = {"A": make(lock), "B": make(lock)}
    waiters = Waiters()
    waiters.expected = []
    expected = waiters.expected

    def no_stranger() -> bool:
        strangers = [name for name in waiters.woken if name not in expected]
        if strangers:
            fail("no-spurious-wakeup", f"{strangers[0]} woke up, although only the other condition of the lock was notified")
        return True

    def stable() -> None:
        late = [name for name in expected if name in waiters.waiting]
        if late and not waiters.inside:
            fail("no-lost-wakeup", f"{late[0]} was notified and the lock is free, and it goes on waiting")

    invariant(no_stranger)
    when_stable(stable)
    observe("conditions", waiters.describe)
    clients = {name: _wait_once(name, lock, condition, waiters) for name, condition in conditions.items()}
    tasks = spawn(waiters, clients)
    first = choose(2)
    for name in (("A", "B"), ("B", "A"))[first]:
        while not waiters.tasks[name].done() and name not in waiters.waiting:
            await checkpoint()
        await lock.acquire()
        waiters.holds("main")
        expected.append(name)
        conditions[name].notify(2)
        await checkpoint()
        waiters.leaves()
        lock.release()
    await finish(tasks)


async def errors(make: Callable[..., Any], make_lock: Callable[[], Any] | None, operations: frozenset[str]) -> None:
    """What must be refused is refused, and changes nothing."""
    condition = make()
    value = ["true"]

    def expect_locked(expected: bool, situation: str) -> None:
        if "locked" in operations and bool(condition.locked()) is not expected:
            fail("state-as-reported", f"{situation}, locked() says {condition.locked()!r} instead of {expected}")

    for situation in ("on a new condition", "on a condition whose lock was acquired and released"):
        expect_raises(RuntimeError, condition.release, situation, "release()")
        expect_raises(RuntimeError, lambda: at_once(condition.wait()), situation, "wait() without the lock")
        expect_raises(RuntimeError, condition.notify, situation, "notify() without the lock")
        if "notify_all" in operations:
            expect_raises(RuntimeError, condition.notify_all, situation, "notify_all() without the lock")
        expect_locked(False, situation)
        expect_at_once(condition.acquire(), "returns-as-documented", situation, "acquire()")
        expect_locked(True, "when the lock is held")
        if "wait_for" in operations:
            returned, result = at_once(condition.wait_for(lambda: value))
            if not returned or result is not value:
                what = f"returned {result!r}" if returned else "has to wait"
                fail("returns-as-documented", f"with a predicate that is true at once, wait_for() {what}, not its value")
        condition.notify()
        condition.release()
    for wrong in (object(), False, "lock"):
        expect_raises(Exception, functools.partial(make, wrong), f"with {wrong!r} for a lock", "the constructor")
    if make_lock is not None:
        lock = make_lock()
        expect_at_once(make(lock).acquire(), "returns-as-documented", "with a lock of one's own", "acquire()")
        if not lock.locked():
            fail("state-as-reported", "a condition that was given a lock has acquired another one")
