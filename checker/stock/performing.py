"""One run of a straight-line program on a loop: what it does, whether clients may do that, and what can be seen at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ..clients.common import at_once
from ..execution import close_task
from .statements import FALSE, SLEEPS, TRUE, Cancel, Change, Do, Pause, Program, Start

__all__ = ["Key", "Objects", "Sight", "perform"]

_SETTLED = 12  # bare yields after which nothing moves any more in a program of this size

Key = tuple[str, Any]
Objects = list[tuple[str, tuple[Any, ...]]]  # the role of each, such as `lock`, and the arguments that it is made with
Sight = dict[Key, Any]  # what can be seen at the end, such as ("task", "a") → "pending"


async def perform(
    program: Program, objects: Objects, classes: Mapping[str, type[Any]], ask: bool
) -> Sight:
    """Run a program, and say what can be seen at its end; with `ask`, first whether `locked()` tells the truth."""
    sight: Sight = {}
    things: list[Any] = [classes[role](*arguments) for role, arguments in objects]
    tasks: dict[str, asyncio.Task[Any]] = {}
    shared = [FALSE]
    manners = Manners(objects, tasks)
    try:
        for number, statement in enumerate(program):
            if isinstance(statement, Pause):
                await asyncio.sleep(0)
                sight["after", number] = {name: _state(task) for name, task in tasks.items()}
            elif isinstance(statement, Start):
                operation = getattr(things[statement.owner], statement.operation)
                arguments = (lambda: shared[0],) if statement.operation == "wait_for" else statement.arguments
                tasks[statement.task] = asyncio.ensure_future(manners.kept(statement, operation, arguments))
                manners.starts.append(statement)
            elif isinstance(statement, Cancel):
                tasks[statement.task].cancel("why")
            elif isinstance(statement, Change):
                manners.changes()
                shared[0] = TRUE
            else:
                manners.does(statement)
                try:
                    getattr(things[statement.owner], statement.operation)(*statement.arguments)
                except Exception as error:
                    sight["error", number] = type(error).__name__
        for number, thing in enumerate(things) if ask else ():
            if hasattr(thing, "locked") and hasattr(thing, "acquire"):
                sight["truth", number] = bool(thing.locked()) is not at_once(thing.acquire())[0]
        await _settle()
        if manners.broken:
            sight["error", "manners"] = True
        for name, task in tasks.items():
            sight["task", name] = _state(task)
        for number, thing in enumerate(things):
            for query in ("locked", "is_set"):
                if hasattr(thing, query):
                    sight[query, number] = bool(getattr(thing, query)())
            if hasattr(thing, "acquire") and not hasattr(thing, "notify"):
                sight["free", number] = await _count_free(thing, tasks)
        return sight
    finally:
        await _abandon(list(tasks.values()))


class Manners:
    """What clients may do: wait, notify, release, and change what others wait for, only while they hold.

    A program that breaks this shows nothing.
    """

    def __init__(self, objects: Objects, tasks: dict[str, asyncio.Task[Any]]) -> None:
        self.objects = objects
        self.tasks = tasks
        self.starts: list[Start] = []
        self.used: set[str] = set()  # tasks whose hold was given back, by a release or a wait
        self.broken = False

    def held_by(self, client: str) -> str | None:
        """Return the task of a client that has acquired, or ended its wait, and not given that back; "" is any client."""
        for start in self.starts:
            task = self.tasks[start.task]
            if (client in ("", start.client)) and start.task not in self.used and task.done():
                failed = task.cancelled() or task.exception() is not None
                if start.operation in SLEEPS or not failed:
                    return start.task
        return None

    async def kept(self, start: Start, operation: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Wait for an operation; a `wait()` of a condition gives the lock back."""
        if start.operation in SLEEPS and self.objects[start.owner][0] == "condition":
            self.give_back(start.client)
        return await operation(*arguments)

    def give_back(self, client: str) -> None:
        """A client gives back what it must hold."""
        held = self.held_by(client)
        if held is None:
            self.broken = True
        else:
            self.used.add(held)

    def changes(self) -> None:
        """Look whether somebody may change now what others wait for; before anybody is there, all may."""
        if self.starts and self.held_by("") is None:
            self.broken = True

    def does(self, statement: Do) -> None:
        """Look whether the client may do this now."""
        role = self.objects[statement.owner][0]
        extra = role == "semaphore" and all(start.client != statement.client for start in self.starts)
        if role == "event" or extra:
            return
        if statement.operation == "release":
            self.give_back(statement.client)
        elif self.held_by(statement.client) is None:
            self.broken = True


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
    if not task.done():
        return "pending"
    try:
        return f"returned {task.result()!r}"
    except asyncio.CancelledError as error:
        return f"cancelled {error.args!r}"
    except Exception as error:
        return f"raised {type(error).__name__}"


async def _count_free(thing: Any, tasks: dict[str, asyncio.Task[Any]]) -> int:
    """Acquire as often as that succeeds."""
    for count in range(5):
        task = tasks[f"probe {count}"] = asyncio.ensure_future(thing.acquire())
        await _settle()
        if not task.done():
            return count
    return 5
