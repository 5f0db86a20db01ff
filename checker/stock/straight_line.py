"""The shortest straight-line program that shows what a trace shows: calls, bare yields and cancellations, one after the other.

A client's history says which operations came in which order. A person would write them down as one coroutine that starts the
ones that wait as tasks, yields once an iteration, and calls the others itself. That is not the same schedule (who releases is
another task), so it is not trusted but tried: variants are run on asyncio's own loop, on the implementation and on
`treadle.reference`, until one ends differently in the way that the violated property speaks of. What can be left out of it is.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..clients.common import at_once
from ..execution import close_task
from .history import WAITING, History

__all__ = ["Cancel", "Do", "Pause", "Start", "Statement", "StraightLine", "find_straight_line"]

_MOST_PAUSES = 3
_MOST_VARIANTS = 3_000
_MOST_MOVED = 5  # starts for which every combination is tried
_SETTLED = 12  # bare yields after which nothing moves any more in a program of this size


@dataclass(frozen=True)
class Start:
    """`task = create_task(object.operation(…))`, for a client."""

    task: str
    owner: int
    operation: str
    arguments: tuple[Any, ...] = ()
    client: str = ""


@dataclass(frozen=True)
class Do:
    """`object.operation(…)`, which does not wait, for a client; "" is a callback."""

    owner: int
    operation: str
    arguments: tuple[Any, ...] = ()
    client: str = ""


@dataclass(frozen=True)
class Cancel:
    """`task.cancel("why")`."""

    task: str


@dataclass(frozen=True)
class Pause:
    """`await asyncio.sleep(0)`: one iteration of the loop."""


Statement = Start | Do | Cancel | Pause
Program = tuple[Statement, ...]
Key = tuple[str, Any]
Sight = dict[Key, Any]  # what can be seen at the end, such as ("task", "a") → "pending"


@dataclass(frozen=True)
class StraightLine:
    """A program, the objects that it is about, and what is different at its end: `key`, as `found`, where `expected` is right."""

    objects: list[tuple[str, tuple[Any, ...]]]
    program: Program
    key: Key
    found: Any
    expected: Any
    sight: Sight  # what could be seen on the way: ("after", n) is how the tasks stood after the pause at position n


def find_straight_line(
    history: History, property: str, classes: Mapping[str, type[Any]], right: Mapping[str, type[Any]]
) -> StraightLine | None:
    """Return a program at whose end `classes` differ from `right`, as a violation of `property` does; None if none was found."""
    first = _statements(history)
    if first is None:
        return None
    search = _Search(history.objects, property, classes, right)
    try:
        for variant in itertools.islice(_variants(first), _MOST_VARIANTS):
            if search.key_of(variant) is not None:
                program, key = search.shrunk(variant)
                found, expected = search.both(program)
                return StraightLine(history.objects, program, key, found.get(key), expected.get(key), found)
        return None
    finally:
        search.close()


def _statements(history: History) -> Program | None:
    """Return the history as statements; None if it cannot be told so."""
    statements: list[Statement] = []
    current: dict[str, str] = {}  # client → the task that stands for what it waits in
    counts: dict[str, int] = {}
    before = history.happenings[0].iteration if history.happenings else 0
    for happening in history.happenings:
        statements += [Pause()] * min(_MOST_PAUSES, happening.iteration - before)
        before = happening.iteration
        if happening.what == "call" and happening.operation in WAITING:
            name = happening.client.lower() + ("_wait" if happening.operation == "wait" else "")
            counts[name] = counts.get(name, 0) + 1
            name += str(counts[name]) if counts[name] > 1 else ""
            current[happening.client] = name
            statements.append(Start(name, happening.owner, happening.operation, happening.arguments, happening.client))
        elif happening.what == "call" and happening.operation == "wait_for":
            return None
        elif happening.what == "call":
            statements.append(Do(happening.owner, happening.operation, happening.arguments, happening.client))
        elif happening.what == "cancel" and happening.client in current:
            statements.append(Cancel(current[happening.client]))
        elif happening.what == "end":
            current.pop(happening.client, None)
    return tuple(statements)


def _variants(program: Program) -> Iterator[Program]:
    """Yield the program with other pauses between its statements, and tasks started earlier; the likely ones first.

    A client that calls in the step in which something else happens is a task that starts before the tasks that this wakes.
    """
    yield program
    acts: list[Statement] = [statement for statement in program if not isinstance(statement, Pause)]
    orders = list(_orders(acts))
    while isinstance(acts.pop(), Do):  # what a client did last it may have done because of the fault
        orders += _orders(acts)
    for count in (1, 2):
        for order in orders:
            yield _with_pauses(order, [count] * len(order))
    for sparing in range(1, max(map(len, orders)) + 1):  # few pauses, which come after tasks were started
        for order in orders:
            starts = [number for number, act in enumerate(order) if isinstance(act, Start)]
            for chosen in itertools.combinations(starts, min(sparing, len(starts))):
                yield _with_pauses(order, [int(number in chosen) for number in range(len(order))])
                yield _with_pauses(order, [int(number in chosen or isinstance(act, Cancel)) for number, act in enumerate(order)])
    generator = random.Random(0)
    while True:
        order = generator.choice(orders)
        yield _with_pauses(order, [generator.choice((0, 0, 1, 1, 2)) for _ in order])


def _orders(acts: list[Statement]) -> Iterator[list[Statement]]:
    """Yield the statements with none, some or all of the starts moved before what comes right before them."""
    starts = [number for number, act in enumerate(acts) if isinstance(act, Start)]
    choices = list(itertools.product((False, True), repeat=len(starts))) if len(starts) <= _MOST_MOVED else [(True,) * len(starts)]
    seen: set[tuple[Statement, ...]] = set()
    for moved in choices:
        order: list[Statement] = []
        which = iter(moved)
        for act in acts:
            position = len(order)
            if isinstance(act, Start) and next(which):
                while position and not isinstance(order[position - 1], Start):
                    position -= 1
            order.insert(position, act)
        if tuple(order) not in seen and _is_sound(order):
            seen.add(tuple(order))
            yield order


def _is_sound(order: list[Statement]) -> bool:
    """Return True if nothing is cancelled before it is started."""
    started: set[str] = set()
    for act in order:
        if isinstance(act, Start):
            started.add(act.task)
        elif isinstance(act, Cancel) and act.task not in started:
            return False
    return True


def _with_pauses(acts: list[Statement], pauses: list[int]) -> Program:
    return tuple(itertools.chain.from_iterable((act, *[Pause()] * count) for act, count in zip(acts, pauses, strict=True)))


class _Search:
    """Runs programs on a loop of its own, on both sets of classes."""

    def __init__(
        self,
        objects: list[tuple[str, tuple[Any, ...]]],
        property: str,
        classes: Mapping[str, type[Any]],
        right: Mapping[str, type[Any]],
    ) -> None:
        self.objects = objects
        self.property = property
        self.classes = classes
        self.right = right
        self.loop = asyncio.SelectorEventLoop()
        self.loop.set_exception_handler(lambda loop, context: None)

    def close(self) -> None:
        self.loop.close()

    def both(self, program: Program) -> tuple[Sight, Sight]:
        return self._run(program, self.classes), self._run(program, self.right)

    def key_of(self, program: Program) -> Key | None:
        """Return what differs at the end of a program, and matters to the property; None if nothing does."""
        found, expected = self.both(program)
        if any(key[0] == "error" for key in (*found, *expected)) and self.property != "raises-as-documented":
            return None
        for kind in _KINDS.get(self.property, _ALL_KINDS):
            for key in found:
                if _is_of(kind, key, found, expected, program):
                    return key
        return None

    def shrunk(self, program: Program) -> tuple[Program, Key]:
        """Leave out what can be left out: statements, and then pauses."""
        key = self.key_of(program)
        assert key is not None
        improved = True
        while improved:
            improved = False
            for shorter in _shorter(program):
                other = self.key_of(shorter)
                if other is not None:
                    program, key, improved = shorter, other, True
                    break
        return program, key

    def _run(self, program: Program, classes: Mapping[str, type[Any]]) -> Sight:
        return self.loop.run_until_complete(_perform(program, self.objects, classes, self.property == "state-as-reported"))


def _shorter(program: Program) -> Iterator[Program]:
    for position, statement in enumerate(program):
        if isinstance(statement, Start):
            yield tuple(
                other
                for number, other in enumerate(program)
                if number != position and not (isinstance(other, Cancel) and other.task == statement.task)
            )
    for position in range(len(program)):
        if not isinstance(program[position], Start):
            yield program[:position] + program[position + 1 :]


async def _perform(
    program: Program, objects: list[tuple[str, tuple[Any, ...]]], classes: Mapping[str, type[Any]], ask: bool
) -> Sight:
    """Run a program, and say what can be seen at its end; with `ask`, first whether `locked()` tells the truth."""
    sight: Sight = {}
    things: list[Any] = [classes[role](*arguments) for role, arguments in objects]
    tasks: dict[str, asyncio.Task[Any]] = {}
    manners = Manners(objects, tasks)
    try:
        for number, statement in enumerate(program):
            if isinstance(statement, Pause):
                await asyncio.sleep(0)
                sight["after", number] = {name: _state(task) for name, task in tasks.items()}
            elif isinstance(statement, Start):
                operation = getattr(things[statement.owner], statement.operation)
                tasks[statement.task] = asyncio.ensure_future(manners.kept(statement, operation))
                manners.starts.append(statement)
            elif isinstance(statement, Cancel):
                tasks[statement.task].cancel("why")
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
    """What clients may do: wait, notify and release only while they hold. A program that breaks this shows nothing."""

    def __init__(self, objects: list[tuple[str, tuple[Any, ...]]], tasks: dict[str, asyncio.Task[Any]]) -> None:
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
                if start.operation == "wait" or not failed:
                    return start.task
        return None

    async def kept(self, start: Start, operation: Callable[..., Any]) -> Any:
        """Wait for an operation; a `wait()` of a condition gives the lock back."""
        if start.operation == "wait" and self.objects[start.owner][0] == "condition":
            self.give_back(start.client)
        return await operation(*start.arguments)

    def give_back(self, client: str) -> None:
        """A client gives back what it must hold."""
        held = self.held_by(client)
        if held is None:
            self.broken = True
        else:
            self.used.add(held)

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


# --- which differences a property speaks of -----------------------------------------------------------------------------

_ALL_KINDS = ("overtaken", "stuck", "spurious", "lost permit", "message")
_KINDS: dict[str, tuple[str, ...]] = {
    "fifo": ("overtaken",),
    "no-lost-wakeup": ("stuck", "lost permit"),
    "no-deadlock": ("stuck",),
    "wakes-all": ("stuck",),
    "notifies-n": ("stuck", "spurious"),
    "permits-conserved": ("lost permit", "stuck", "spurious", "report"),
    "counter-bounded": ("lost permit", "spurious"),
    "counter-non-negative": ("spurious",),
    "mutual-exclusion": ("spurious",),
    "no-spurious-wakeup": ("spurious",),
    "cancellation-delivered": ("message",),
    "state-as-reported": ("lie", "report"),
    "lock-held-on-return": ("report",),
    "returns-as-documented": ("message", "stuck"),
    "raises-as-documented": ("message",),
}


def _is_of(kind: str, key: Key, found: Sight, expected: Sight, program: Program) -> bool:
    """Return True if the difference in `key` is one of that kind."""
    here, there = found.get(key), expected.get(key)
    if here == there:
        return False
    if key[0] == "free":
        return kind == "lost permit" and here < there  # type: ignore[operator]
    if key[0] == "truth":
        return kind == "lie" and there is True
    if key[0] in ("locked", "is_set"):
        return kind == "report"
    if key[0] != "task":
        return False
    stuck = here == "pending" and there == "returned True"
    if kind == "stuck":
        return stuck and _is_free_to_go(key, found, program)
    if kind == "overtaken":
        return stuck and any(found[other] != "pending" and expected[other] == "pending" for other in found if other[0] == "task")
    if kind == "spurious":
        return here == "returned True" and there == "pending"
    return kind == "message" and "pending" not in (here, there)


def _is_free_to_go(key: Key, found: Sight, program: Program) -> bool:
    """A task that waits for the condition's lock while somebody holds it is not stuck."""
    (start,) = (statement for statement in program if isinstance(statement, Start) and statement.task == key[1])
    return start.operation != "wait" or not found.get(("locked", start.owner), False)
