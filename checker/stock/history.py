"""What clients do to a primitive in one run: its calls, returns and cancellations, without everything around them.

The schedule of a `verify` trace is run once more on classes that note each of their documented operations. A primitive's own
use of them (a condition's `wait()` releases and acquires) is not noted, nor is what the clients do for treadle's sake.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from ..clients import verification_scenarios
from ..clients.refining import refinement_scenarios
from ..errors import UsageError
from ..events import Cancellation, TimerHandle
from ..execution import execute, simulation
from ..implementations import Implementation, resolve
from ..runtime import Run, Settings
from ..scheduling import CANCEL_MESSAGE
from ..shrinking import Replay
from ..trace import Trace
from ..verification import parse_rounds

__all__ = ["WAITING", "Happening", "History", "history_of"]

WAITING = frozenset({"acquire", "wait"})
"""The operations that may suspend. `wait_for` takes a function of the client's, which a history cannot tell."""

_NOTED = ("acquire", "release", "wait", "wait_for", "notify", "notify_all", "set", "clear")


@dataclasses.dataclass(frozen=True)
class Happening:
    """In an iteration of the loop a client calls, or returns from, `operation` of an object, or is cancelled in it.

    `what` is `call`, `end` or `cancel`. `client` is the name of its task, "" outside of tasks.
    """

    iteration: int
    what: str
    client: str
    operation: str = ""
    arguments: tuple[Any, ...] = ()
    owner: int = 0


@dataclasses.dataclass
class History:
    """What happened to the objects of one run. `objects` are the role of each (`lock`, …) and the arguments that it was made with."""

    objects: list[tuple[str, tuple[Any, ...]]]
    happenings: list[Happening]


class _Notebook:
    def __init__(self) -> None:
        self.history = History([], [])
        self.inside: set[tuple[str, int]] = set()
        self.run: Run | None = None

    def note(self, what: str, client: str, operation: str = "", arguments: tuple[Any, ...] = (), owner: int = 0) -> None:
        if self.run is not None and not (self.run.loop.draining or self.run.loop.dead):
            self.history.happenings.append(Happening(self.run.loop.iteration, what, client, operation, arguments, owner))

    def noting(self, role: str, found: type[Any]) -> type[Any]:
        """Return a class that does what `found` does, and notes it."""

        def __init__(this: Any, *args: Any, **kwargs: Any) -> None:
            found.__init__(this, *args, **kwargs)
            number = len(self.history.objects)
            self.history.objects.append((role, args))
            for name in _NOTED:
                operation = getattr(this, name, None)
                if callable(operation):
                    setattr(this, name, self._noted(operation, name, number))

        return type(found.__name__, (found,), {"__init__": __init__})

    def _noted(self, operation: Callable[..., Any], name: str, owner: int) -> Callable[..., Any]:
        if name in WAITING or name == "wait_for":

            @functools.wraps(operation)
            async def waiting(*args: Any) -> Any:
                client = _client()
                if (client, owner) in self.inside:
                    return await operation(*args)
                self.inside.add((client, owner))
                self.note("call", client, name, args, owner)
                try:
                    return await operation(*args)
                finally:
                    self.inside.discard((client, owner))
                    self.note("end", client, name, args, owner)

            return waiting

        @functools.wraps(operation)
        def at_once(*args: Any) -> Any:
            client = _client()
            if (client, owner) in self.inside:
                return operation(*args)
            position = len(self.history.happenings)
            self.note("call", client, name, args, owner)
            try:
                return operation(*args)
            except Exception:
                del self.history.happenings[position:]  # it was refused, and has changed nothing
                raise

        return at_once

    def attach(self, run: Run) -> None:
        self.run = run
        run.perform_hooks.append(self.performed)

    def performed(self, event: object) -> None:
        if isinstance(event, Cancellation):
            self.note("cancel", event.task.get_name(), arguments=(CANCEL_MESSAGE,))
        elif isinstance(event, TimerHandle) and isinstance(timeout := getattr(event._callback, "__self__", None), asyncio.Timeout):
            task: asyncio.Task[Any] = timeout._task  # type: ignore[attr-defined]
            self.note("cancel", task.get_name())


def _client() -> str:
    task = asyncio.current_task()
    return "" if task is None else task.get_name()


def history_of(trace: Trace, settings: Settings) -> History:
    """Run the schedule of a `verify` trace and return what its clients did.

    Raises:
        UsageError: if the schedule does not show the violation any more.
    """
    target = trace.target
    notebook = _Notebook()
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
