"""asyncio's own loop, ready to be conducted.

The loop is an instance of `asyncio.SelectorEventLoop` itself. Its selector is scripted, its clock shows what it is told, its
default thread pool does a job when the conductor says so, and its ready queue tells what it hands out. Tasks come from a task
factory, for their hash and their name.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

from ..scheduling import run_outside
from .conductor import Conductor, ReadyQueue, ScriptedSelector

__all__ = ["AlikeTask", "StockLoop", "conduct", "make_loop"]

_same_hash = (0).__hash__


class AlikeTask(asyncio.Task[Any]):
    """asyncio's own task with a hash that repeats in every run, as the simulated one has it."""

    __hash__ = _same_hash

    def set_name(self, value: object) -> None:
        """Name the task; None, which CPython 3.13.0 passes on for a task without a name, leaves it as it is."""
        if value is not None:
            super().set_name(value)


class AlikeFuture(asyncio.Future[Any]):
    """asyncio's own future with a hash that repeats in every run."""

    __hash__ = _same_hash


AlikeTask.__name__ = AlikeTask.__qualname__ = "Task"  # the simulated ones have these names, too: a message that has one is the same
AlikeFuture.__name__ = AlikeFuture.__qualname__ = "Future"


class ScriptedExecutor(concurrent.futures.ThreadPoolExecutor):
    """A thread pool without threads: a job is done when the conductor says so, in one piece."""

    jobs: list[Callable[[], None] | None]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        """Take a job on; it has begun, and can no longer be cancelled."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        future.set_running_or_notify_cancel()
        context = contextvars.Context()  # a thread starts with an empty one

        def work() -> None:
            try:
                result = context.run(fn, *args, **kwargs)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        self.jobs.append(lambda: run_outside(work))
        return future


class StockLoop:
    """What treadle's functions find where a run has its loop: checkpoints, and how the run stands."""

    def __init__(self, loop: asyncio.SelectorEventLoop, conductor: Conductor) -> None:
        self.loop = loop
        self.conductor = conductor
        self.dead = False
        self.reporting = False
        self.fence: Any = None
        self.told: list[dict[str, Any]] = []
        self.refs: list[weakref.ref[asyncio.Task[Any]]] = []

    @property
    def draining(self) -> bool:
        """Return True once the program is done and the loop is being wound up."""
        return self.conductor.draining

    def checkpoint(self) -> asyncio.Future[Any]:
        """Create a future that an outside event will resolve."""
        future = self.loop.create_future()
        self.conductor.checkpoints.append(future)
        return future

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Number a new task, and take care of it in asyncio's stead, as the simulated loop does."""
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        asyncio.tasks._unregister_task(task)
        self.conductor.tasks.add(task)
        self.refs.append(weakref.ref(task))

    def task(self, number: int) -> asyncio.Task[Any] | None:
        """Return the task of that number, if it lives."""
        return self.refs[number]() if 0 <= number < len(self.refs) else None

    def tasks(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that somebody still holds, in order of creation."""
        return [task for ref in self.refs if (task := ref()) is not None]

    def live_tasks(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that are not done, in order of creation."""
        return [task for task in self.tasks() if not task.done()]


def make_loop() -> asyncio.SelectorEventLoop:
    """Return asyncio's own loop with a selector that can be scripted."""
    loop = asyncio.SelectorEventLoop(ScriptedSelector())
    loop.set_debug(False)
    return loop


def conduct(loop: Any, stock: StockLoop, names: list[str]) -> None:
    """Put the loop into the conductor's hands; `names` are those of the tasks at birth."""
    conductor = stock.conductor
    readings = conductor.readings
    loop._selector.take_in = conductor.take_in
    if conductor.observed:
        loop._ready = ReadyQueue()
        loop._ready.conductor = conductor
    conductor.find_task = stock.task
    loop.time = readings.read
    loop.live_tasks = stock.live_tasks  # for `fences`, whose all_tasks() has an order that repeats
    loop.create_future = lambda: AlikeFuture(loop=loop)
    loop.default_exception_handler = lambda context: None if stock.dead else stock.told.append(context)
    executor = ScriptedExecutor()
    executor.jobs = conductor.jobs
    loop.set_default_executor(executor)
    run_in_executor, call_at, set_task_factory = loop.run_in_executor, loop.call_at, loop.set_task_factory
    loop.run_in_executor = lambda _, function, *args: run_in_executor(executor, function, *args)
    loop.set_default_executor = lambda _: None

    def counted_call_at(*args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        timer: asyncio.TimerHandle = call_at(*args, **kwargs)
        readings.timer_made()
        conductor.timers.add(timer)
        return timer

    def factory(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> asyncio.Task[Any]:
        number = len(stock.refs)
        kwargs["name"] = kwargs.get("name") or (names[number] if number < len(names) else f"Task-{number}")
        task: asyncio.Task[Any] = AlikeTask(coro, loop=loop, **kwargs)
        stock.adopt(task)
        return task

    def set_factory(wanted: Any) -> None:
        """The program wants its own tasks, or eager ones: these are numbered, too."""
        if wanted is None:
            set_task_factory(factory)
        elif wanted is getattr(asyncio, "eager_task_factory", None):
            set_task_factory(lambda loop, coro, **kwargs: factory(loop, coro, eager_start=True, **kwargs))
        else:

            def theirs(loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any) -> Any:
                task = wanted(loop, coro, **kwargs)
                stock.adopt(task)
                return task

            set_task_factory(theirs)

    loop.call_at = counted_call_at
    loop.set_task_factory = set_factory
    set_task_factory(factory)
