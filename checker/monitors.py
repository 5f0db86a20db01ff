"""What every monitor needs: who the clients are, which of them have been cancelled, and whether a CancelledError is
the right one.

A monitor watches one primitive *from outside*: it is told what the clients do (call, return, raise, release) and asks
the primitive only what anybody may ask. So it fits any implementation. It decides with what the documentation
promises, and where an implementation is free it accepts either behaviour: a monitor that accuses correct code is a
bug, like one that is blind.

The explorer merges equal states, and a monitor is part of the state. So a monitor holds what the properties need and
nothing that grows: who waits in which order, who holds, what is still owed. No logs, no counters of events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from .runtime import expect_progress, fail, note_progress
from .scheduling import CANCEL_MESSAGE

__all__ = ["Monitor", "enumerate_names"]


def enumerate_names(names: Iterable[str]) -> str:
    """Return the names as a phrase: "A", "A and B", "A, B and C"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


class Monitor:
    """Knows the clients of one primitive by name. The main task of a scenario is not one: nothing cancels it.

    Attributes: tasks: the task of each client that has started. calling: the client that has called an operation in
    the present step, which has not returned; "" if there is none.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, asyncio.Task[Any]] = {}
        self.calling = ""

    # --- the clients ---------------------------------------------------------------------------------------------

    def enter(self, name: str, task: asyncio.Task[Any]) -> None:
        """A client of that name exists."""
        if name not in self.tasks:  # a part of it, which runs in a task of its own, does not stand for it
            expect_progress(name, task)
        self.tasks[name] = task

    def gets_on(self, name: str) -> None:
        """An operation has come back to the client, which it must again and again as long as the client has not ended."""
        if name in self.tasks:
            note_progress(name)

    def is_cancelled(self, name: str) -> bool:
        """Return True if the client has been cancelled and has not yet dealt with it."""
        task = self.tasks.get(name)
        return task is not None and task.cancelling() > 0

    def are_awake(self, asleep: Callable[[str], bool], besides: str = "") -> bool:
        """Return True if a client other than `besides` has not ended and is not asleep: it can still wake the others."""
        return any(not task.done() and name != besides and not asleep(name) for name, task in self.tasks.items())

    # --- calls that must return at once --------------------------------------------------------------------------

    def settle(self) -> None:
        """Conclude that the operation that was called last has suspended, since somebody else is running."""
        if self.calling:
            name, self.calling = self.calling, ""
            self.suspended(name)

    def suspended(self, name: str) -> None:
        """`name` waits in the operation that it has called."""

    # --- cancellation --------------------------------------------------------------------------------------------

    def check_not_swallowed(self, name: str, operation: str) -> None:
        """`operation` has returned to the client; it must not have been cancelled in there."""
        if self.is_cancelled(name):
            fail(
                "cancellation-delivered",
                f"{name} was cancelled while it waited in {operation}, and {operation} returned as if it had not been",
            )

    def check_came_out(self, name: str, operation: str) -> None:
        """Nothing is in flight and the client still waits in `operation`; it must not have been cancelled in there."""
        if self.is_cancelled(name):
            fail(
                "cancellation-delivered",
                f"{name} was cancelled while it waited in {operation}, and goes on waiting: no CancelledError comes out",
            )

    def check_error(self, name: str, error: asyncio.CancelledError, operation: str, *, message: bool = True) -> None:
        """A CancelledError has come out of `operation`: it must have been asked for, and be unchanged.

        Args:
            name: the client, which is the current task.
            error: what came out.
            operation: where it came out of, for the message.
            message: whether the error must carry what `cancel()` was given.
        """
        if not self.is_cancelled(name):
            fail(
                "cancellation-delivered",
                f"{name} got a CancelledError out of {operation}, although nobody had cancelled it since the last one",
            )
        elif message and error.args != (CANCEL_MESSAGE,):
            fail(
                "cancellation-delivered",
                f"{name} was cancelled with the message {CANCEL_MESSAGE!r}; the CancelledError that came out of "
                f"{operation} carries {error.args!r}",
            )

    def forget_cancellations(self, name: str) -> None:
        """The client, which is the current task, has dealt with its cancellations and goes on."""
        task = self.tasks[name]
        while task.cancelling():
            task.uncancel()

    def struck(self, task: asyncio.Task[Any]) -> None:
        """A cancellation out of the budget is about to strike the task."""
        for name, own in self.tasks.items():
            if own is task:
                self.strikes(name)

    def strikes(self, name: str) -> None:
        """A cancellation is about to strike the client."""

    # --- what is returned and raised -----------------------------------------------------------------------------

    def check_result(self, name: str, operation: str, result: object, expected: object) -> None:
        """`operation` has returned `result` to the client; it must be `expected` itself."""
        if result is not expected:
            fail("returns-as-documented", f"{operation} returned {result!r} to {name} instead of {expected!r}")

    def broke(self, name: str, operation: str, error: Exception) -> None:
        """An operation raised to the client what it must not."""
        fail("raises-as-documented", f"{operation} raised {type(error).__name__} to {name}: {error}")
