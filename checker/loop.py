"""The simulated event loop: asyncio's own C tasks and futures, in one thread, without a selector and without a clock.

It holds what may happen next (ready callbacks, timers, outside events) and decides nothing: which of them happens is
the business of `scheduling`. Refused: subclassing `asyncio.BaseEventLoop`, whose selector, clock, debug mode and
thread checks would have to be undone one by one, and which costs twice as much a callback.

Tasks and futures of this loop all have the same hash. The order in which a set of tasks iterates (TaskGroup has one,
`asyncio.wait` makes one) then depends on nothing but the order of insertion, where it otherwise depends on addresses. The
design asked for hashes in creation order; one hash for all repeats just as well, and leaves no number that grows for
ever in programs that never end, and so no state that differs in it alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, TypeVar

from .clock import Instant
from .errors import FenceError
from .events import Checkpoint, ExecutorJob, Handle, OutsideEvent, TimerHandle

__all__ = ["NamelessTask", "SimulatedFuture", "SimulatedLoop", "SimulatedTask", "make_loop"]

T = TypeVar("T")
_copy_context = contextvars.copy_context
_same_hash = (0).__hash__
_eager_factory = getattr(asyncio, "eager_task_factory", object())  # 3.12 and later; its tasks must be ours, for their hash


class SimulatedFuture(asyncio.Future[Any]):
    """asyncio's own future with a hash that repeats in every run."""

    __hash__ = _same_hash  # a bound C method: as fast as the hash it replaces


class SimulatedTask(asyncio.Task[Any]):
    """asyncio's own task with a hash that repeats in every run."""

    __hash__ = _same_hash


class NamelessTask(SimulatedTask):
    """A task whose name was generated.

    Generated names count up for ever, so they are part of the state only once the program reads one.
    """

    def get_name(self) -> str:
        """Return the name, and take note that the program has seen it."""
        loop = self.get_loop()
        if isinstance(loop, SimulatedLoop) and not loop.reporting:
            loop.names_matter = True
        return asyncio.Task.get_name(self)

    def set_name(self, value: object) -> None:
        """Give the task a name of the program's own."""
        self.__class__ = SimulatedTask  # type: ignore[assignment]
        asyncio.Task.set_name(self, value)  # super() would look for the class that this task no longer has


# What asyncio says of tasks and futures names their class, in reprs and in "Task exception was never retrieved".
SimulatedFuture.__name__ = SimulatedFuture.__qualname__ = "Future"
SimulatedTask.__name__ = SimulatedTask.__qualname__ = NamelessTask.__name__ = NamelessTask.__qualname__ = "Task"


class SimulatedLoop(asyncio.AbstractEventLoop):
    """An event loop that does nothing by itself.

    `ready` holds callbacks in stock order, `outside` the pending outside events in order of creation, `timers` the
    timers not yet taken in; `tasks` the tasks that may not be done. `now` is the simulated time in seconds.
    """

    def __init__(self) -> None:
        self.ready: deque[Handle] = deque()
        self.outside: list[OutsideEvent] = []
        self.timers: list[TimerHandle] = []
        self.tasks: list[SimulatedTask] = []
        self.unretrieved: list[weakref.ref[asyncio.Future[Any]]] = []
        self.now = 0.0
        self.iteration = 0
        self.created = 0
        self.timers_created = 0
        self.threadsafe = False  # an executor's job is pending: it may arrive between two callbacks
        self.dead = False  # the run is over: nothing may be queued, nothing is reported
        self.draining = False
        self.reporting = False  # treadle itself reads names and times
        self.names_matter = False
        self.time_matters = False
        self.fence: FenceError | None = None
        self.told: list[dict[str, Any]] = []  # what the exception handler was told
        self.asyncgens: list[weakref.ref[AsyncGenerator[Any, Any]]] = []
        self._exception_handler: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None = None
        self._task_factory: Any = None
        self._debug = False
        self.extra: dict[str, Any] = {}

    # -- what queues ----------------------------------------------------------------------------------------------------------------

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Handle:
        """Queue a callback at the end of the ready queue."""
        handle = Handle(callback, args, _copy_context() if context is None else context)
        if not self.dead:
            self.ready.append(handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Handle:
        """Queue a callback; from inside an executor's job it arrives at the moment at which the job runs."""
        return self.call_soon(callback, *args, context=context)

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> TimerHandle:
        """Arrange for a callback after `delay` seconds of simulated time."""
        if delay is None:
            raise TypeError("delay must not be None")
        return self._add_timer(self.now + float(delay), callback, args, context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> TimerHandle:
        """Arrange for a callback at `when`, in seconds of the loop's clock."""
        if when is None:
            raise TypeError("when cannot be None")
        if isinstance(when, Instant):
            return self._add_timer(float.__add__(when, 0.0), callback, args, context)
        self.time_matters = True
        return self._add_timer(float(when), callback, args, context)

    def _add_timer(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context | None
    ) -> TimerHandle:
        self.timers_created += 1
        timer = TimerHandle(when, self.timers_created, self.iteration, callback, args, _copy_context() if context is None else context)
        if not self.dead:
            self.timers.append(timer)
        return timer

    def time(self) -> float:
        """Return the simulated time in seconds."""
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller.startswith("asyncio."):
            return Instant(self.now, self.observe_time)
        self.observe_time()
        return self.now

    def observe_time(self) -> None:
        """Note that the program has seen the absolute time, so that states which differ in it differ."""
        if not self.reporting:
            self.time_matters = True

    # -- futures and tasks ----------------------------------------------------------------------------------------------------------

    def create_future(self) -> asyncio.Future[Any]:
        """Create a future of this loop."""
        return SimulatedFuture(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **kwargs: Any,
    ) -> asyncio.Task[T]:
        """Create a task of this loop; nameless ones are numbered anew in every run."""
        if context is not None:
            kwargs["context"] = context
        task: asyncio.Task[Any]
        if self._task_factory is None or self._task_factory is _eager_factory:
            if self._task_factory is not None:
                kwargs.setdefault("eager_start", True)
            if name is None:
                self.created += 1
                task = NamelessTask(coro, loop=self, name=f"Task-{self.created}", **kwargs)
            else:
                task = SimulatedTask(coro, loop=self, name=name, **kwargs)
        else:
            self.created += 1
            task = self._task_factory(self, coro, **kwargs)
            task.set_name(f"Task-{self.created}" if name is None else name)
        if self.dead:
            coro.close()
        self.adopt(task)  # type: ignore[arg-type]
        return task

    def adopt(self, task: SimulatedTask) -> None:
        """Take care of a task in asyncio's stead.

        asyncio keeps all tasks in one weak set. Those of the runs before this one, which nobody has collected yet, are in it
        too; as they all hash alike, every new one would be compared with all of them.
        """
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        asyncio.tasks._unregister_task(task)
        if not self.dead:
            self.tasks.append(task)

    def checkpoint(self) -> asyncio.Future[Any]:
        """Create a future that an outside event will resolve."""
        future: asyncio.Future[Any] = SimulatedFuture(loop=self)
        self.outside.append(Checkpoint(future, self.iteration))
        return future

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Let `func` run at a later moment, in one piece; the executor itself is not used."""
        future: asyncio.Future[Any] = SimulatedFuture(loop=self)
        self.outside.append(ExecutorJob(future, func, args, contextvars.Context()))
        self.threadsafe = True
        return future

    def live_tasks(self) -> list[SimulatedTask]:
        """Return the tasks that are not done, in order of creation; forget the others, bar those whose exception nobody has retrieved."""
        tasks = self.tasks
        for task in tasks:
            if task.done():
                break
        else:
            return tasks
        live = []
        for task in tasks:
            if not task.done():
                live.append(task)
            elif task._log_traceback:
                self.unretrieved.append(weakref.ref(task))
        tasks[:] = live
        del task
        return tasks

    # -- what the loop is told and asked ----------------------------------------------------------------------------------------------

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tell the exception handler, the program's own if it has set one; treadle hears of it first."""
        if self.dead:
            return
        if self._exception_handler is None:
            self.told.append(context)
        else:
            self._exception_handler(self, context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Do what the loop does when no handler is set: treadle takes note."""
        if not self.dead:
            self.told.append(context)

    def set_exception_handler(self, handler: Any) -> None:
        """Set the program's own exception handler."""
        self._exception_handler = handler

    def get_exception_handler(self) -> Any:
        """Return the program's own exception handler, or None."""
        return self._exception_handler

    def set_task_factory(self, factory: Any) -> None:
        """Set a task factory, `asyncio.eager_task_factory` for one."""
        self._task_factory = factory

    def get_task_factory(self) -> Any:
        """Return the task factory, or None."""
        return self._task_factory

    def get_debug(self) -> bool:
        """Return False unless the program asked for debug mode."""
        return self._debug

    def set_debug(self, enabled: bool) -> None:
        """Remember the mode; the simulation behaves the same in both."""
        self._debug = False

    def is_running(self) -> bool:
        """Return True: a simulated loop exists only while it runs."""
        return not self.dead

    def is_closed(self) -> bool:
        """Return True once the run is over."""
        return self.dead

    def asyncgen_first_iterated(self, agen: AsyncGenerator[Any, Any]) -> None:
        """Remember an asynchronous generator, to close it at the end of the run."""
        self.asyncgens.append(weakref.ref(agen))

    def asyncgen_finalized(self, agen: AsyncGenerator[Any, Any]) -> None:
        """Close an asynchronous generator that nobody holds any more, as asyncio does: in a task of its own."""
        if not self.dead:
            self.call_soon_threadsafe(self.create_task, agen.aclose())

    async def shutdown_asyncgens(self) -> None:
        """Close the asynchronous generators that are still open."""
        open_ones = [agen for ref in self.asyncgens if (agen := ref()) is not None]
        self.asyncgens.clear()
        for agen in open_ones:
            try:
                await agen.aclose()
            except Exception as error:
                message = f"an error occurred during closing of asynchronous generator {getattr(agen, '__qualname__', '?')}"
                self.call_exception_handler({"message": message, "exception": error, "asyncgen": agen})

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Do nothing: no executor is ever used."""

    def set_default_executor(self, executor: Any) -> None:
        """Ignore the executor: jobs run in the simulation."""


def _fenced(name: str, remedy: str) -> Callable[..., Any]:
    def fence(self: SimulatedLoop, *args: Any, **kwargs: Any) -> Any:
        error = FenceError(f"loop.{name}() was called inside the simulation, which cannot control it; {remedy}")
        self.fence = error
        raise error

    fence.__name__ = name
    fence.__doc__ = f"Refuse loop.{name}() with the way out."
    return fence


_NETWORK = (
    "put `await treadle.checker.checkpoint()` in its place (it resumes at any later moment, as a socket would), or pass in a fake transport"
)
_SUBPROCESS = "replace the process by a fake whose waits are `await treadle.checker.checkpoint()`"
_SIGNAL = "call the handler from a task after `await treadle.checker.checkpoint()`: a signal that comes at any moment"
_NESTED = "the scenario already runs inside a loop: await the coroutine, or spawn it with asyncio.create_task()"

for _names, _remedy in (
    ("add_reader remove_reader add_writer remove_writer getaddrinfo getnameinfo sendfile start_tls", _NETWORK),
    ("sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall sock_sendto sock_connect sock_accept sock_sendfile", _NETWORK),
    ("create_connection create_server create_unix_connection create_unix_server connect_accepted_socket", _NETWORK),
    ("create_datagram_endpoint connect_read_pipe connect_write_pipe", _NETWORK),
    ("subprocess_exec subprocess_shell", _SUBPROCESS),
    ("add_signal_handler remove_signal_handler", _SIGNAL),
    ("run_forever run_until_complete stop close", _NESTED),
):
    for _name in _names.split():
        setattr(SimulatedLoop, _name, _fenced(_name, _remedy))


def make_loop() -> SimulatedLoop:
    """Return a new simulated loop; its fences stand in for the methods that look abstract."""
    return SimulatedLoop()  # type: ignore[abstract]
