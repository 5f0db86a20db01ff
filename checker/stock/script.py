"""What the real loop is made to do: the iterations of one run, the events that each takes in, and the callbacks that follow.

Tasks, checkpoints, executor's jobs and timers are named by numbers, in the order in which the program makes them. As long as
two runs go the same way, equal numbers mean the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Event", "Item", "Iteration", "Job", "Script", "Step", "TimerBirth"]


@dataclass(frozen=True)
class Event:
    """An outside event that `select()` hands over: checkpoint `number` completes, or task `number` is cancelled."""

    kind: str
    number: int

    @property
    def label(self) -> str:
        """Return what the event's callback is called in both runs."""
        return f"task {self.number} is cancelled from outside" if self.kind == "cancel" else f"checkpoint {self.number} completes"


@dataclass
class Iteration:
    """The loop begins an iteration: `select()` hands `events` over, and then the clock stands at `clock` seconds.

    `pending` are the timers that exist at that moment, `fired` those of them that the loop takes in, in this order.
    """

    clock: float
    events: list[Event] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    fired: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """A callback runs."""

    label: str


@dataclass(frozen=True)
class Job:
    """A job of an executor is done, in another thread: between two callbacks, or while `select()` waits."""

    number: int


Item = Iteration | Step | Job


@dataclass(frozen=True)
class TimerBirth:
    """A timer is made in iteration `iteration` (an index; -1 is before the first), to fire `delay` seconds later."""

    iteration: int
    delay: float


@dataclass
class Script:
    """One run. `choices` are the choices that steps made, option and number of options; `names` those of the tasks at birth."""

    items: list[Item] = field(default_factory=list)
    choices: list[tuple[int, int]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    timers: list[TimerBirth] = field(default_factory=list)

    @property
    def iterations(self) -> list[Iteration]:
        """Return the iterations alone."""
        return [item for item in self.items if isinstance(item, Iteration)]

    @property
    def steps(self) -> int:
        """Return how many callbacks run."""
        return sum(isinstance(item, Step) for item in self.items)
