"""The graph of the states that an exhaustive search looks up: what progress is judged by.

Whether a scenario can go on for ever is a question about cycles, and a search that cuts every run at a known state never
goes round one. So it writes down how it came from state to state. A *transition* is what lies between two states that
were looked up: the choices that were made, which of the pending events came, whether a cancellation struck.

Choices are indices into options whose order depends on the run (pending events have none of their own, and equal states
of two runs may list them differently). All transitions out of a state were taken by the runs that share the trail of its
first visit, so among themselves they agree; a *schedule* leads to a state as it was at that visit. Along a path of
transitions they need not agree: `lasso` finds the indices again, by trying.

Events are told apart by labels: the task that waits for them and their kind. Labels repeat from run to run, which objects
do not. Where two events have the same label they are numbered, and where tasks have no names of their own, a label may
mean another event in the next round; so what is concluded from labels is tried out before it is reported.
"""

from __future__ import annotations

import asyncio
import weakref
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .events import Checkpoint, Delayed, ExecutorJob, Handle, TimerHandle
from .loop import NamelessTask
from .runtime import Run

__all__ = ["BEGINNING", "END", "TIMER", "Happened", "Ledger", "Origin", "Standing", "Transition", "Transitions"]

BEGINNING = 0  # the state before the first one that is looked up
END = -1  # of a run
TIMER = "timer of "  # how the labels of timers begin


class Origin(NamedTuple):
    """Where a choice was made: in which run, after which state that was looked up, at which choice and boundary that was."""

    run: int
    state: int
    position: int
    boundary: int


class Standing(NamedTuple):
    """What is so in a state: the labels of the events that are pending, and the names of the progress that is over: who
    made it has ended.
    """

    pending: frozenset[str]
    ended: frozenset[str]


class Happened(NamedTuple):
    """What happened on a transition. `came` are the labels of events that were pending before it and came, or were dropped; of timers
    also those to whose deadlines a clock that moves so again and again comes in the end.
    """

    cancelled: bool
    came: frozenset[str]
    progressed: frozenset[str]


class Transition(NamedTuple):
    """From a state to the next. `choices` of the scheduler are indices, those of the program (`choose`) are inverted: ~index."""

    source: int
    target: int
    choices: tuple[int, ...]
    happened: Happened


NOTHING = Standing(frozenset(), frozenset())


class Transitions:
    """The graph. States are numbered in the order in which they were first looked up, from 1; 0 is the beginning.

    `owed` says of each choice of the program, by the state and the choices before it, how many of its options, from the first, a
    fair run that comes by again and again takes again and again; `expected` are the names of the progress that somebody must make.
    """

    def __init__(self) -> None:
        self.standings: list[Standing] = [NOTHING]
        self.owed: dict[tuple[int, tuple[int, ...]], int] = {}
        self.expected: set[str] = set()
        self.sources = array("q")
        self.targets = array("q")
        self._choices: list[tuple[int, ...]] = []
        self._happened: list[Happened] = []
        self._same: dict[Any, Any] = {}  # equal values are kept once
        self._parents = array("q")  # of runs
        self._departures = array("q")
        self._trails: list[Sequence[int]] = []
        self._visits = [array("q", [0]), array("q", [0])]  # of states: the run of the first visit, and the choices before it

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def states(self) -> int:
        """Return how many states there are, the beginning included."""
        return len(self.standings)

    def __iter__(self) -> Iterator[Transition]:
        return map(Transition, self.sources, self.targets, self._choices, self._happened)

    # -- what the search tells --------------------------------------------------------------------------------------------------------

    def begin(self, parent: int, departure: int) -> int:
        """Note that a run begins that repeats that many choices of another one, -1 if it is the first; return its number."""
        self._parents.append(parent)
        self._departures.append(departure)
        self._trails.append(())
        return len(self._parents) - 1

    def end(self, run: int, trail: list[int]) -> None:
        """Note which choices a run has made, all in all."""
        own = trail[self._departures[run] :]
        self._trails[run] = bytes(own) if max(own, default=0) < 256 else tuple(own)

    def enter(self, run: int, position: int, standing: Standing) -> None:
        """Note the first visit of the next state."""
        self.standings.append(self._once(standing))
        self._visits[0].append(run)
        self._visits[1].append(position)

    def add(self, source: int, target: int, choices: tuple[int, ...], happened: Happened) -> None:
        """Note a transition."""
        self.sources.append(source)
        self.targets.append(target)
        self._choices.append(self._once(choices))
        self._happened.append(self._once(happened))

    def _once(self, value: Any) -> Any:
        return self._same.setdefault(value, value)

    # -- what it is asked -------------------------------------------------------------------------------------------------------------

    def schedule(self, state: int) -> tuple[int, ...]:
        """Return the choices that lead to a state as it was when it was first looked up."""
        run, end = self._visits[0][state], self._visits[1][state]
        pieces = []
        while end:
            start = self._departures[run]
            if end > start:
                pieces.append(tuple(self._trails[run][: end - start]))
                end = start
            run = self._parents[run]
        return tuple(choice for piece in reversed(pieces) for choice in piece)


class Ledger:
    """What has happened in a run since a state was looked up. Holds no event: an object must not live longer for being watched."""

    __slots__ = ("_now", "_pending", "injected")

    def __init__(self) -> None:
        self._pending: dict[str, weakref.ref[Any]] = {}
        self._now = 0.0
        self.injected = 0

    def mark(self, run: Run) -> Standing:
        """Begin anew from the present state; return how things stand in it."""
        events = pending_events(run)
        self._pending = {label: weakref.ref(event) for label, event in events.items()}
        self._now = run.loop.now
        self.injected = run.injected
        run.progressed.clear()
        ended = (name for name in run.expected if not run.makers(name))
        return Standing(frozenset(events), frozenset(ended))

    def happened(self, run: Run) -> Happened:
        """Return what has happened since the last mark."""
        came = set()
        if self._pending:
            still = {id(event) for event in _events(run)}
            came = {label for label, event in self._pending.items() if (known := event()) is None or id(known) not in still}
        if run.loop.now > self._now:  # a clock that moves again and again comes to every deadline
            came.update(label for label in self._pending if label.startswith(TIMER))
        return Happened(run.injected > self.injected, frozenset(came), frozenset(run.progressed))


def _events(run: Run) -> list[Any]:
    """Return what is pending and must come some day, if nothing makes it superfluous. A virtual clock need not move for what is due."""
    loop = run.loop
    virtual = run.settings.time == "virtual"
    events: list[Any] = list(loop.outside)
    events += [timer for timer in loop.timers if not (virtual and timer._when <= loop.now)]
    if run.settings.contract == "any":
        events += loop.ready
    return events


def pending_events(run: Run) -> dict[str, Any]:
    """Return the pending events by their labels."""
    events = _events(run)
    if not events:
        return {}
    owners: dict[int, str] = {}
    names: dict[int, str] = {}
    namesakes: Counter[str] = Counter()
    for number, task in enumerate(run.loop.live_tasks()):
        name = f"task {number}" if isinstance(task, NamelessTask) else asyncio.Task.get_name(task)
        namesakes[name] += 1
        if namesakes[name] > 1:  # told apart by the tasks, which are in the same order in equal states; their events are not
            name = f"{name} ({namesakes[name]})"
        names[id(task)] = name
        waiter = task._fut_waiter  # type: ignore[attr-defined]
        if waiter is not None:
            owners[id(waiter)] = name
    found: dict[str, Any] = {}
    for event in events:
        label = plain = _label(event, owners, names)
        number = 1
        while label in found:
            number += 1
            label = f"{plain} #{number}"
        found[label] = event
    return found


def _label(event: object, owners: dict[int, str], names: dict[int, str]) -> str:
    if isinstance(event, Checkpoint):
        return f"checkpoint of {owners.get(id(event.future), 'somebody')}"
    if isinstance(event, ExecutorJob):
        return f"job of {owners.get(id(event.future), 'somebody')}"
    if isinstance(event, Delayed):
        return f"delayed {_label(event.handle, owners, names)}"
    if isinstance(event, TimerHandle):
        striking = getattr(getattr(event._callback, "__self__", None), "_task", None)  # whom an asyncio.Timeout will cancel
        owner = names.get(id(striking)) or next((owners[id(argument)] for argument in event._args if id(argument) in owners), None)
        return f"{TIMER}{owner or _kind(event)}"
    assert isinstance(event, Handle)
    owner = names.get(id(getattr(event._callback, "__self__", None)))
    return f"step of {owner}" if owner is not None else f"callback {_kind(event)}"


def _kind(handle: Handle) -> str:
    return getattr(handle._callback, "__qualname__", type(handle._callback).__qualname__)
