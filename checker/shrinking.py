"""Make a counterexample simpler before anybody has to read it.

Simpler is defined in one place, `sort_key`: fewer cancellations first (people suspect them last), then fewer
departures from stock order, then fewer steps, then smaller choices. Every candidate is a schedule that is run; it is
taken if it violates the same property and its key is smaller, so the key falls strictly and the process ends.

What comes out is a *local minimum*: no schedule that differs from it in one choice, changed or left out, is a simpler
counterexample of the same property. Candidates that drop two departures at once, or put one in the place of all, come
on top of that. The bold ones come first: a run costs the same whatever it saves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from .events import Cancellation
from .execution import Outcome, Scenario, execute, simulation
from .results import Finding, trimmed
from .runtime import Run, Settings
from .world import World

__all__ = ["Replay", "Simplified", "replays", "simplify", "sort_key"]

_RUNS = 2_000
_SECONDS = 20.0


@dataclass
class Replay:
    """A chooser that follows a schedule as far as it goes and as far as it fits, and then stock order.

    `taken` are the choices really made, `widths` how many options each had; `misfits` counts the ones that asked for
    an option that was not there.
    """

    schedule: tuple[int, ...]
    taken: list[int] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    cancellations: int = 0
    misfits: int = 0

    def pick(self, options: list[Any], deferred_from: int = 0) -> int:
        """Take the scheduled option; the first one where there is none."""
        position = len(self.taken)
        index = self.schedule[position] if position < len(self.schedule) else 0
        if index >= len(options):
            self.misfits += 1
            index = 0
        self.taken.append(index)
        self.widths.append(len(options))
        if isinstance(options[index], Cancellation):
            self.cancellations += 1
        return index

    def confirm(self) -> None:
        """Do nothing: a replay defers nothing."""

    def seen(self, run: Run) -> bool:
        """Return False: a replay goes to the end."""
        return False


def replays(fn: Scenario, settings: Settings, schedule: tuple[int, ...], property: str) -> bool:
    """Return True if the schedule fits and violates `property` again. The program's globals are put back afterwards."""
    with simulation():
        world = World()
        world.prepare(fn)
        outcome, replay = _run(fn, settings, schedule)
        world.restore()
    return not replay.misfits and outcome.violation is not None and outcome.violation.property == property


def sort_key(replay: Replay, outcome: Outcome) -> tuple[int, int, int, int, tuple[int, ...]]:
    """Return how complicated a run is: cancellations, departures from stock order, steps, choices, their sizes."""
    schedule = trimmed(replay.taken)
    departures = sum(1 for index in schedule if index)
    return (replay.cancellations, departures, outcome.steps, len(schedule), schedule)


@dataclass(frozen=True)
class Simplified:
    """The simplest counterexample that was found.

    `cancellations` is how many strike in it, `before` and `after` how many departures from stock order there were and are.
    `runs` and `seconds` are what it took; `is_minimal` is False if a limit came first.
    """

    finding: Finding
    cancellations: int
    before: int
    after: int
    runs: int
    seconds: float
    is_minimal: bool


def simplify(
    fn: Scenario,
    settings: Settings,
    finding: Finding,
    progress: Callable[[int, int], None] | None = None,
    *,
    runs: int = _RUNS,
    seconds: float = _SECONDS,
) -> Simplified:
    """Look for a simpler schedule that violates the same property, until no single change makes it simpler or a limit is reached.

    A lasso stays as it is: it was chosen among the shortest, and another schedule would close another loop.

    `progress` is told after every run how many there were, and how many departures from stock order are left.
    """
    start = perf_counter()
    with simulation():
        world = World()
        world.prepare(fn)
        outcome, replay = _run(fn, replace(settings, lasso=finding.lasso), finding.schedule)
        world.restore()
        best = Finding(finding.violation, trimmed(replay.taken)) if finding.lasso is None else finding
        key = sort_key(replay, outcome)
        before = key[1]
        widths = replay.widths
        tried = 0
        improved = finding.lasso is None
        within = True
        while improved and within:
            improved = False
            for candidate in candidates(best.schedule, widths):
                within = tried < runs and perf_counter() - start < seconds
                if not within:
                    break
                tried += 1
                outcome, replay = _run(fn, settings, candidate)
                world.restore()
                if progress is not None:
                    progress(tried, key[1])
                violation = outcome.violation
                if violation is not None and violation.property == finding.violation.property:
                    new = sort_key(replay, outcome)
                    if new < key:
                        key = new
                        widths = replay.widths
                        best = Finding(violation, trimmed(replay.taken))
                        improved = True
                        break
    return Simplified(best, key[0], before, key[1], tried, perf_counter() - start, within)


def candidates(schedule: tuple[int, ...], widths: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield schedules that may be simpler.

    Without a departure, with an earlier one, without a choice, without two departures, and then every other schedule that
    differs in one choice.
    """
    departures = [position for position, index in enumerate(schedule) if index]
    for position in departures:
        yield _with(schedule, position, 0)
    for earlier in range(departures[-1] if departures else 0):
        if not schedule[earlier]:
            for index in range(1, widths[earlier]):
                yield (*schedule[:earlier], index)
                if len(departures) > 1:
                    yield (*schedule[:earlier], index, *schedule[departures[0] + 1 :])
    for position in range(len(schedule)):
        yield trimmed([*schedule[:position], *schedule[position + 1 :]])
    for first in departures:
        for second in departures:
            if first < second:
                yield _with(_with(schedule, first, 0), second, 0)
    for position, width in enumerate(widths):
        for index in range(width):
            if index and index != (schedule[position] if position < len(schedule) else 0):
                yield _with(schedule, position, index)


def _with(schedule: tuple[int, ...], position: int, index: int) -> tuple[int, ...]:
    longer = [*schedule, *[0] * (position + 1 - len(schedule))]
    longer[position] = index
    return trimmed(longer)


def _run(fn: Scenario, settings: Settings, schedule: tuple[int, ...]) -> tuple[Outcome, Replay]:
    replay = Replay(schedule)
    return execute(fn, settings, replay), replay
