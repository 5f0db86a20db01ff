"""What clients do to a primitive in one run: its calls, returns and cancellations, without everything around them.

The schedule of a `verify` trace is run once more on classes that note each of their documented operations. A primitive's own
use of them (a condition's `wait()` releases and acquires) is not noted, nor is what the clients do for treadle's sake.

A task without a name of its own, such as the one that `asyncio.wait_for` made until Python 3.11, acts for the client that
made it. What counts as a cancellation is what strikes the task that is in the operation, whoever has sent it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

from ..clients import verification_scenarios
from ..clients.refining import refinement_scenarios
from ..errors import UsageError
from ..execution import execute, simulation
from ..implementations import Implementation, resolve
from ..loop import NamelessTask
from ..runtime import Run, Settings
from ..shrinking import Replay
from ..trace import Trace
from ..verification import parse_rounds

__all__ = ["BLOCK", "WAITING", "Happening", "History", "Made", "history_of"]

BLOCK = "async with"
"""What a block is called where operations are. What a client does inside of one is not noted."""
WAITING = frozenset({"acquire", "wait", "wait_for", BLOCK})
"""The operations that may suspend."""

_NOTED = ("acquire", "release", "wait", "wait_for", "notify", "notify_all", "set", "clear")


@dataclasses.dataclass(frozen=True)
class Happening:
    """In an iteration of the loop a client calls, or returns from, `operation` of an object, or is cancelled in it.

    `what` is `call`, `end`, `cancel`, or `leave` for the end of a block's body, by an exception if `arguments` say so.
    `client` is the name of its task, "" outside of tasks. `by` is who cancels, if that is asyncio itself: `asyncio.timeout` or
    `asyncio.wait_for`. `refused` is a call that raised an exception.
    """

    iteration: int
    what: str
    client: str
    operation: str = ""
    arguments: tuple[Any, ...] = ()
    owner: int = 0
    by: str = ""
    refused: bool = False


@dataclasses.dataclass(frozen=True)
class Made:
    """Stands for an object that was made before, among the arguments of another one."""

    number: int


@dataclasses.dataclass
class History:
    """What happened to the objects of one run. `objects` are the role of each (`lock`, …) and the arguments that it was made with."""

    objects: list[tuple[str, tuple[Any, ...]]]
    happenings: list[Happening]


class _Notebook:
    def __init__(self, *, blocks: bool) -> None:
        self.blocks = blocks
        self.history = History([], [])
        self.inside: dict[str, asyncio.Task[Any] | None] = {}  # client → its task that is in an operation
        self.made_for: weakref.WeakKeyDictionary[asyncio.Task[Any], str] = weakref.WeakKeyDictionary()
        self.run: Run | None = None

    def note(self, what: str, client: str, operation: str = "", arguments: tuple[Any, ...] = (), owner: int = 0, by: str = "") -> None:
        if self.run is not None and not (self.run.loop.draining or self.run.loop.dead):
            self.history.happenings.append(Happening(self.run.loop.iteration, what, client, operation, arguments, owner, by))

    def noting(self, role: str, found: type[Any]) -> type[Any]:
        """Return a class that does what `found` does, and notes it."""

        def __init__(this: Any, *args: Any, **kwargs: Any) -> None:
            found.__init__(this, *args, **kwargs)
            number = this.number_for_treadle = len(self.history.objects)
            numbers = [getattr(arg, "number_for_treadle", None) for arg in args]
            told = tuple(arg if made is None else Made(made) for arg, made in zip(args, numbers, strict=True))
            self.history.objects.append((role, told))
            for name in _NOTED:
                operation = getattr(this, name, None)
                if callable(operation):
                    setattr(this, name, self._noted(operation, name, number))

        blocks = self._noted_blocks(found) if self.blocks and hasattr(found, "__aenter__") else {}
        return type(found.__name__, (found,), {"__init__": __init__, **blocks})

    def _noted_blocks(self, found: type[Any]) -> dict[str, Any]:
        """Return an `__aenter__` and an `__aexit__` that note what comes between them as one operation."""

        def leaves(client: str, this: Any) -> None:
            del self.inside[client]
            self.note("end", client, BLOCK, owner=this.number_for_treadle)

        async def __aenter__(this: Any) -> Any:
            task = asyncio.current_task()
            client = self.client_of(task)
            self.inside[client] = task
            self.note("call", client, BLOCK, owner=this.number_for_treadle)
            try:
                return await found.__aenter__(this)
            except BaseException:
                leaves(client, this)
                raise

        async def __aexit__(this: Any, kind: type[BaseException] | None, *error: Any) -> Any:
            client = self.client_of(asyncio.current_task())
            if kind is None or not issubclass(kind, asyncio.CancelledError):
                self.note("leave", client, BLOCK, (kind is not None,), this.number_for_treadle)
            try:
                return await found.__aexit__(this, kind, *error)
            finally:
                leaves(client, this)

        return {"__aenter__": __aenter__, "__aexit__": __aexit__}

    def _noted(self, operation: Callable[..., Any], name: str, owner: int) -> Callable[..., Any]:
        if name in WAITING:

            @functools.wraps(operation)
            async def waiting(*args: Any) -> Any:
                task = asyncio.current_task()
                client = self.client_of(task)
                if client in self.inside:
                    return await operation(*args)
                self.inside[client] = task
                told = () if name == "wait_for" else args  # what its predicate says is the variants' business
                self.note("call", client, name, told, owner)
                try:
                    return await operation(*args)
                except GeneratorExit:
                    self.note("cancel", client)  # whoever tried whether it has to wait has gone away
                    raise
                finally:
                    del self.inside[client]
                    self.note("end", client, name, owner=owner)

            return waiting

        @functools.wraps(operation)
        def at_once(*args: Any) -> Any:
            client = self.client_of(asyncio.current_task())
            if client in self.inside:
                return operation(*args)
            position = len(self.history.happenings)
            self.note("call", client, name, args, owner)
            self.inside[client] = None
            try:
                return operation(*args)
            except Exception:
                happenings = self.history.happenings
                happenings[position:] = [dataclasses.replace(call, refused=True) for call in happenings[position : position + 1]]
                raise
            finally:
                del self.inside[client]

        return at_once

    def client_of(self, task: asyncio.Task[Any] | None) -> str:
        """Return the name of the client that a task acts for; "" is a callback."""
        if task is None:
            return ""
        maker = self.made_for.get(task) if isinstance(task, NamelessTask) else None
        return maker or asyncio.Task.get_name(task)

    def attach(self, run: Run) -> None:
        self.run = run
        loop: Any = run.loop  # its method is wrapped, for this run only
        adopt = loop.adopt

        def adopt_and_watch(task: Any) -> None:
            self.watch(task)
            adopt(task)

        loop.adopt = adopt_and_watch

    def watch(self, task: Any) -> None:
        """Learn for whom a new task acts, and when it is cancelled, by a timeout too."""
        self.made_for[task] = self.client_of(asyncio.current_task())
        reference: weakref.ref[asyncio.Task[Any]] = weakref.ref(task)  # a task that held itself would outlive its run

        def cancel(*args: Any, **kwargs: Any) -> bool:
            struck = reference()
            assert struck is not None  # who cancels a task holds it
            client = self.client_of(struck)
            if self.inside.get(client) is struck:
                self.note("cancel", client, by=_canceller(struck))
            return asyncio.Task.cancel(struck, *args, **kwargs)

        task.cancel = cancel


def _canceller(task: Any) -> str:
    """Return the function of asyncio's that calls the `cancel()` of a task; "" if another calls it."""
    caller = sys._getframe(2)
    module = caller.f_globals.get("__name__", "")
    if not module.startswith("asyncio."):
        return ""
    frames = [caller]
    while (outer := frames[-1].f_back) is not None:
        frames.append(outer)
    codes = [frame.f_code for frame in frames] + _suspended_in(task)
    if asyncio.wait_for.__code__ in codes:
        return "asyncio.wait_for"
    return "asyncio.timeout" if module == "asyncio.timeouts" else ""


def _suspended_in(task: Any) -> list[Any]:
    """Return the code of the coroutines in which a task is suspended."""
    codes = []
    coroutine = task.get_coro()
    while hasattr(coroutine, "cr_code"):
        codes.append(coroutine.cr_code)
        coroutine = coroutine.cr_await
    return codes


def history_of(trace: Trace, settings: Settings, *, blocks: bool = False) -> History:
    """Run the schedule of a `verify` trace and return what its clients did.

    With `blocks`, an `async with` is noted as such, and otherwise as the operations that it calls, which is simpler to read.

    Raises:
        UsageError: if the schedule does not show the violation any more.
    """
    target = trace.target
    notebook = _Notebook(blocks=blocks)
    real = resolve(target.implementation, target.name)
    classes = {role: notebook.noting(role, found) for role, found in real.classes.items()}
    part = _part(dataclasses.replace(real, classes=classes), trace)
    notebook.history.objects.clear()
    with simulation():
        outcome = execute(part, settings, Replay(tuple(trace.schedule)), attach=notebook.attach)
    wanted = trace.violation.property if trace.violation else None
    if wanted is None or outcome.violation is None or outcome.violation.property != wanted:
        raise UsageError(
            f"the trace does not show a violation of {wanted or 'anything'} any more; run the check again and write a new one"
        )
    return notebook.history


def _part(implementation: Implementation, trace: Trace) -> Callable[[], Any]:
    target = trace.target
    rounds = parse_rounds(target.rounds)
    for part in (
        *verification_scenarios(target.name, implementation, target.tasks, rounds),
        *refinement_scenarios(target.name, implementation, target.tasks, rounds),
    ):
        if part.name == target.part:
            return part.fn
    raise UsageError(f"the trace was recorded from the scenario {target.part!r}, which this treadle does not have; write the trace again")
