"""Make a counterexample simpler before anybody has to read it.

Simpler is defined in one place, `sort_key`: fewer cancellations first (people suspect them last), then fewer
departures from stock order, then fewer steps, then smaller choices. Every candidate is a schedule that is run; it is
taken if it violates the same property and its key is smaller. Candidates only ever drop, shorten or lower something,
so the key falls strictly and the process ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .events import Cancellation
from .execution import Outcome, Scenario, execute, simulation
from .explorer import Finding, trimmed
from .runtime import Run, Settings
from .world import World

__all__ = ["Replay", "replays", "simplify", "sort_key"]

_ATTEMPTS = 1_000


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


def simplify(fn: Scenario, settings: Settings, finding: Finding, attempts: int = _ATTEMPTS) -> tuple[Finding, int]:
    """Return a finding of the same property whose schedule no single candidate makes simpler, or the best after
    `attempts` runs.

    The number is how many cancellations strike in it.
    """
    best = finding
    with simulation():
        world = World()
        world.prepare(fn)
        outcome, replay = _run(fn, settings, best.schedule)
        world.restore()
        key = sort_key(replay, outcome)
        widths = replay.widths
        improved = True
        while improved and attempts > 0:
            improved = False
            for candidate in candidates(best.schedule, widths):
                attempts -= 1
                if attempts < 0:
                    break
                outcome, replay = _run(fn, settings, candidate)
                world.restore()
                violation = outcome.violation
                if violation is not None and violation.property == finding.violation.property:
                    new = sort_key(replay, outcome)
                    if new < key:
                        key = new
                        widths = replay.widths
                        best = Finding(violation, trimmed(replay.taken))
                        improved = True
                        break
    return best, key[0]


def candidates(schedule: tuple[int, ...], widths: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield simpler schedules: without a departure, with one earlier, without a choice, with a smaller option, without two."""
    departures = [position for position, index in enumerate(schedule) if index]
    for position in departures:
        yield trimmed([*schedule[:position], 0, *schedule[position + 1 :]])
    for earlier in range(departures[-1] if departures else 0):
        if not schedule[earlier]:
            for index in range(1, widths[earlier]):
                yield (*schedule[:earlier], index)
                if len(departures) > 1:
                    yield (*schedule[:earlier], index, *schedule[departures[0] + 1 :])
    for position in range(len(schedule)):
        yield trimmed([*schedule[:position], *schedule[position + 1 :]])
    for position in departures:
        for smaller in range(1, schedule[position]):
            yield trimmed([*schedule[:position], smaller, *schedule[position + 1 :]])
    for first in departures:
        for second in departures:
            if first < second:
                yield trimmed([*schedule[:first], 0, *schedule[first + 1 : second], 0, *schedule[second + 1 :]])


def _run(fn: Scenario, settings: Settings, schedule: tuple[int, ...]) -> tuple[Outcome, Replay]:
    replay = Replay(schedule)
    return execute(fn, settings, replay), replay
