"""What can happen next: callbacks that are ready, timers, and events from outside the loop.

Handles are our own, not `asyncio.Handle`: every callback of every run makes one, and asyncio's costs three times as
much (it formats, it checks for debugging, it keeps a repr). They have the same public methods. Outside events are
small classes, one a kind, so that a choice can say what it was about and what it costs: `weight` is the price of
choosing the event although something else would have come first in stock order.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

__all__ = [
    "RUN",
    "Cancellation",
    "Checkpoint",
    "Delay",
    "Delayed",
    "ExecutorJob",
    "Handle",
    "OutsideEvent",
    "Run",
    "Then",
    "TimerHandle",
]


class Handle:
    """A callback that waits for its turn; what `call_soon` returns."""

    __slots__ = ("__weakref__", "_args", "_callback", "_cancelled", "_context", "_delayed")
    weight = 1

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context) -> None:
        self._callback = callback
        self._args = args
        self._context = context
        self._cancelled = False
        self._delayed = False

    def cancel(self) -> None:
        """Forget the callback; it will not run."""
        self._cancelled = True
        self._args = ()

    def cancelled(self) -> bool:
        """Return True if the handle was cancelled."""
        return self._cancelled

    def get_context(self) -> contextvars.Context:
        """Return the context in which the callback will run."""
        return self._context


class TimerHandle(Handle):
    """A callback with a deadline; what `call_later` and `call_at` return."""

    __slots__ = ("_when", "born", "ordinal")

    def __init__(
        self,
        when: float,
        ordinal: int,
        born: int,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context,
    ) -> None:
        super().__init__(callback, args, context)
        self._when = when
        self.ordinal = ordinal
        self.born = born

    def when(self) -> float:
        """Return the deadline, in seconds of the loop's clock."""
        return self._when


class OutsideEvent:
    """Something that the event loop does not control, and that is pending.

    `born` is the iteration in which it came up.
    """

    __slots__ = ("__weakref__",)
    weight = 1


class Checkpoint(OutsideEvent):
    """A wait on the outside world: its callback resolves a future, as a socket's does."""

    __slots__ = ("born", "future")

    def __init__(self, future: asyncio.Future[Any], born: int) -> None:
        self.future = future
        self.born = born


class Delayed(OutsideEvent):
    """A task start or a bare yield that takes its time (contract `stretched`)."""

    __slots__ = ("born", "handle")

    def __init__(self, handle: Handle, born: int) -> None:
        self.handle = handle
        self.born = born


class Then(OutsideEvent):
    """The decision to take an event in for the sake of another one that must follow in the same intake."""

    __slots__ = ("event",)

    def __init__(self, event: OutsideEvent) -> None:
        self.event = event


class ExecutorJob(OutsideEvent):
    """A function given to an executor: runs in one piece, and its result arrives by `call_soon_threadsafe`."""

    __slots__ = ("args", "context", "function", "future")

    def __init__(
        self,
        future: asyncio.Future[Any],
        function: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context,
    ) -> None:
        self.future = future
        self.function = function
        self.args = args
        self.context = context


class Cancellation(OutsideEvent):
    """A cancellation out of the budget, which may strike its task now.

    Costs more than other deviations: people blame it last.
    """

    __slots__ = ("task",)
    weight = 2

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task


class Delay(OutsideEvent):
    """The decision that a ready task start or bare yield takes its time; not an event itself, an option of the scheduler."""

    __slots__ = ("handle",)

    def __init__(self, handle: Handle) -> None:
        self.handle = handle


class Run(OutsideEvent):
    """The decision to take nothing more in, and to run the loop's next iteration."""

    __slots__ = ()


RUN = Run()
