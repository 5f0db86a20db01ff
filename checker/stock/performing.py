"""One run of a straight-line program on a loop: what it does, whether clients may do that, and what can be seen at its end."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from typing import Any

from ..clients.common import at_once
from ..execution import close_task
from .history import Made
from .statements import BLOCK, FALSE, SLEEPS, TRUE, Act, Cancel, Change, Do, Leave, Make, Pause, Program, Start

__all__ = ["Key", "Sight", "perform"]

_SETTLED = 12  # bare yields after which nothing moves any more in a program of this size

Key = tuple[str, Any]
Sight = dict[Key, Any]
"""What can be seen of a run. Most of it is seen at the end:

- ("task", name): how the task stands, such as "pending" or "returned True";
- ("late", name): whether the task that was started last, one iteration ago, is not done;
- ("locked", n), ("is_set", n): what object n says; ("free", n): how often it can be acquired;
- ("truth", n): whether its `locked()` agrees with what `acquire()` does;
- ("after", p): how the tasks stood after the pause at position p of the program;
- ("refused", p): the class of the exception that the statement at position p raised;
- ("bold", p): a client did at position p what must be refused, or began to, for ("bold", name of a task);
- ("broken", ""): the program makes no sense.
"""


async def perform(program: Program, classes: Mapping[str, type[Any]], ask: int | None = None) -> Sight:
    """Run a program on the classes of an implementation.

    With `ask`, look at its end only whether the `locked()` of that object tells the truth; to find out spoils the rest.
    """
    stage = _Stage(classes)
    try:
        for position, statement in enumerate(program):
            if isinstance(statement, Pause):
                await asyncio.sleep(0)
                stage.sight["after", position] = {name: stage.state_of(name) for name in stage.tasks}
            else:
                stage.do(position, statement)
        if ask is not None:
            stage.ask(ask)
        else:
            stage.look_at_last(program)
            await stage.look()
        return stage.sight
    finally:
        await _abandon(list(stage.tasks.values()))


class _Stage:
    """The objects and tasks of one run, and what has been seen of it."""

    def __init__(self, classes: Mapping[str, type[Any]]) -> None:
        self.classes = classes
        self.things: dict[int, Any] = {}
        self.tasks: dict[str, asyncio.Task[Any]] = {}
        self.leavings: dict[str, asyncio.Future[None]] = {}  # of blocks, by task
        self.shared = FALSE
        self.sight: Sight = {}
        self.ends: dict[str, str] = {}
        self.manners = _Manners(self.tasks, self.sight)

    def do(self, position: int, statement: Act) -> None:
        if isinstance(statement, (Cancel, Leave)) and statement.task not in self.tasks:
            self.sight["broken", ""] = True
        elif isinstance(statement, Cancel):
            self.tasks[statement.task].cancel("why")
        elif isinstance(statement, Leave):
            self.leave(self.leavings[statement.task], raises=statement.raises)
        elif isinstance(statement, Change):
            self.manners.changes()
            self.shared = TRUE
        else:
            try:
                if isinstance(statement, Make):
                    self.make(statement)
                elif isinstance(statement, Start):
                    self.start(statement)
                else:
                    self.manners.does(position, statement)
                    getattr(self.things[statement.owner], statement.operation)(*statement.arguments)
            except Exception as error:
                self.sight["refused", position] = type(error)

    def make(self, statement: Make) -> None:
        self.manners.made[statement.number] = statement
        arguments = [self.things[argument.number] if isinstance(argument, Made) else argument for argument in statement.arguments]
        self.things[statement.number] = self.classes[statement.role](*arguments)

    def leave(self, leaving: asyncio.Future[None], *, raises: bool) -> None:
        if leaving.done():
            self.sight["broken", ""] = True
        elif raises:
            leaving.set_exception(ValueError())
            leaving.exception()  # it counts as retrieved, whether anybody waits for it or not
        else:
            leaving.set_result(None)

    def start(self, statement: Start) -> None:
        self.manners.starts.append(statement)
        if statement.operation == BLOCK:
            leaving = self.leavings[statement.task] = asyncio.get_running_loop().create_future()
            self.tasks[statement.task] = asyncio.ensure_future(_hold(self.things[statement.owner], leaving))
            return
        operation = getattr(self.things[statement.owner], statement.operation)
        arguments = (lambda: self.shared,) if statement.operation == "wait_for" else statement.arguments
        self.tasks[statement.task] = asyncio.ensure_future(self.manners.kept(statement, operation, arguments))

    def state_of(self, name: str) -> str:
        """Say how a task stands; only the first look at its end shows the exception that it ended with, so that is kept."""
        if self.tasks[name].done() and name not in self.ends:
            self.ends[name] = _state(self.tasks[name])
        return self.ends.get(name, "pending")

    def look_at_last(self, program: Program) -> None:
        match program:
            case (*_, Start(task=name), Pause()) if name in self.tasks:
                self.sight["late", name] = self.state_of(name) == "pending"

    def ask(self, number: int) -> None:
        thing = self.things.get(number)
        if hasattr(thing, "locked") and hasattr(thing, "acquire"):
            self.sight["truth", number] = _said(functools.partial(_tells_the_truth, thing))

    async def look(self) -> None:
        await _settle()
        for name in self.tasks:
            self.sight["task", name] = self.state_of(name)
        for number, thing in self.things.items():
            for query in ("locked", "is_set"):
                if hasattr(thing, query):
                    self.sight[query, number] = _said(getattr(thing, query))
        for number, thing in self.things.items():
            if hasattr(thing, "acquire") and not hasattr(thing, "notify"):
                self.sight["free", number] = await self.count_free(thing)

    async def count_free(self, thing: Any) -> int:
        """Acquire as often as that succeeds."""
        for count in range(5):
            task = self.tasks[f"probe {len(self.tasks)}"] = asyncio.ensure_future(_called(thing.acquire))
            await _settle()
            if not task.done():
                return count
        return 5


class _Manners:
    """What clients may do: wait, notify, release, and change what others wait for, only while they hold.

    What they may not do counts only where it must be refused.
    """

    def __init__(self, tasks: dict[str, asyncio.Task[Any]], sight: Sight) -> None:
        self.tasks = tasks
        self.sight = sight
        self.made: dict[int, Make] = {}
        self.starts: list[Start] = []
        self.used: set[str] = set()  # tasks whose hold was given back, by a release or a wait

    def _lock_of(self, owner: int) -> int:
        """Return the object itself, or the one that it was given as its lock."""
        return next((argument.number for argument in self.made[owner].arguments if isinstance(argument, Made)), owner)

    def _held_by(self, client: str, owner: int) -> str | None:
        """Return the task of a client that has acquired, or ended its wait, and not given that back; "" is any client."""
        lock = self._lock_of(owner)
        for start in self.starts:
            task = self.tasks.get(start.task)
            if task is None or start.operation == BLOCK:  # could not be started, or gives back what it takes itself
                continue
            if client in ("", start.client) and self._lock_of(start.owner) == lock and start.task not in self.used and task.done():
                failed = task.cancelled() or task.exception() is not None
                if start.operation in SLEEPS or not failed:
                    return start.task
        return None

    async def kept(self, start: Start, operation: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Wait for an operation; a `wait()` of a condition gives the lock back."""
        if start.operation in SLEEPS and self.made[start.owner].role == "condition" and not self._gives_back(start.client, start.owner):
            self.sight["bold", start.task] = True
        return await operation(*arguments)

    def _gives_back(self, client: str, owner: int) -> bool:
        """A client gives back what it must hold; return False if it does not."""
        held = self._held_by(client, owner)
        if held is not None:
            self.used.add(held)
        return held is not None

    def changes(self) -> None:
        """Look whether somebody may change now what others wait for; before anybody is there, all may."""
        if self.starts and all(self._held_by("", owner) is None for owner in self.made):
            self.sight["broken", ""] = True

    def does(self, position: int, statement: Do) -> None:
        """Look whether the client may do this now."""
        role = self.made[statement.owner].role
        extra = role == "semaphore" and all(start.client != statement.client for start in self.starts)
        if role == "event" or extra:
            return
        if statement.operation == "release":
            may = self._gives_back(statement.client, statement.owner)
        else:
            may = self._held_by(statement.client, statement.owner) is not None
        if not may:
            self.sight["bold", position] = True


def _tells_the_truth(thing: Any) -> bool:
    return bool(thing.locked()) is not at_once(thing.acquire())[0]


def _said(query: Callable[[], Any]) -> bool | str:
    try:
        return bool(query())
    except Exception as error:
        return f"raised {type(error).__name__}"


async def _hold(thing: Any, leaving: asyncio.Future[None]) -> None:
    async with thing:
        await leaving


async def _called(operation: Callable[[], Any]) -> Any:
    return await operation()


async def _abandon(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel what is left, again and again: it may wait for what nobody gives back."""
    for _ in range(_SETTLED):
        for task in tasks:
            if not task.done():
                task.cancel()
            elif not task.cancelled():
                task.exception()  # has been looked at
        if all(task.done() for task in tasks):
            return
        await asyncio.sleep(0)
    for task in tasks:
        close_task(task)


async def _settle() -> None:
    for _ in range(_SETTLED):
        await asyncio.sleep(0)


def _state(task: asyncio.Task[Any]) -> str:
    try:
        return f"returned {task.result()!r}"
    except asyncio.CancelledError as error:
        return f"cancelled {error.args!r}"
    except Exception as error:
        return f"raised {type(error).__name__}"
