"""`confirm`: run a schedule on both loops, compare, and say what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..execution import Outcome, Scenario, execute, simulation
from ..results import trimmed
from ..rounds import go_round
from ..runtime import Settings
from ..shrinking import Replay
from ..world import World
from .conductor import Departed
from .readings import Readings, solve
from .running import play
from .script import Script
from .writing import ScriptWriter

__all__ = ["Confirmation", "compare", "confirm"]

_ROUNDS = 3
Status = Literal["confirmed", "not reproduced", "ruled out", "not asyncio's"]
_NEEDS = {
    "stretched": "it needs a task start or a bare yield, sleep(0), to take its time; it can happen as soon as that really waits",
    "any": "it needs ready callbacks to run in another order than asyncio's; it can happen on a loop that promises no order",
}
_DEFECT = (
    "Unless the program goes by addresses (it iterates over a set of objects that hash by them: see docs/limits.md), the simulation is "
    "wrong here, which is a defect of treadle: please report it, with this trace"
)


@dataclass(frozen=True)
class Confirmation:
    """What came of a schedule on asyncio's own loop.

    `status` is `confirmed` (the same callbacks in the same order, the same end), `not reproduced` (a defect of treadle),
    `ruled out` (its timers fire in an order that no clock gives), or `not asyncio's` (the contract is not `stock`). `steps` is
    how many callbacks were run there.
    """

    status: Status
    message: str
    steps: int

    def __bool__(self) -> bool:
        """A confirmation is true if it confirms."""
        return self.status == "confirmed"


def confirm(scenario: Scenario, settings: Settings, schedule: tuple[int, ...]) -> Confirmation:
    """Run a schedule of `scenario` on the simulated loop and on asyncio's own, and compare; go round a lasso's loop a few times."""
    if settings.contract != "stock":
        return Confirmation("not asyncio's", f"cannot happen on asyncio's own event loop as it is: {_NEEDS[settings.contract]}", 0)
    rounds = None if settings.lasso is None else go_round(scenario, settings, schedule, _ROUNDS)
    if rounds is not None:
        schedule, settings = rounds
    with simulation():
        world = World()
        world.prepare(scenario)
        script, simulated = write(scenario, settings, schedule)
        world.restore()
        try:
            return compare(scenario, settings, script, simulated, world)
        finally:
            world.restore()


def write(scenario: Scenario, settings: Settings, schedule: tuple[int, ...]) -> tuple[Script, Outcome]:
    """Run the schedule on the simulated loop; return the script of the run, and how it ended."""
    writer = ScriptWriter()
    outcome = execute(scenario, settings, Replay(trimmed(list(schedule))), writer, writer.attach)
    return writer.script, outcome


def compare(scenario: Scenario, settings: Settings, script: Script, simulated: Outcome, world: World) -> Confirmation:
    """Play the script on asyncio's own loop, with the simulated time, and if that departs with the readings of another clock."""
    first = _attempt(scenario, settings, script, simulated, Readings(script))
    if first or not script.timers:
        return first
    readings = solve(script)
    if readings is None:
        return Confirmation(
            "ruled out",
            "cannot happen on asyncio's own event loop as it is: its timers fire in an order that their deadlines rule out (of two "
            "timers with the same delay the older one fires first); it can happen as soon as the delays differ by a hair",
            first.steps,
        )
    world.restore()
    return _attempt(scenario, settings, script, simulated, readings)


def _attempt(scenario: Scenario, settings: Settings, script: Script, simulated: Outcome, readings: Readings) -> Confirmation:
    try:
        real = play(scenario, settings, script, readings)
    except Departed as departed:
        return _not_reproduced(str(departed), departed.step)
    expected, found = _end(simulated), _end(real)
    if expected != found:
        return _not_reproduced(f"the simulation ended with {expected}, asyncio's loop with {found}", real.steps)
    if settings.lasso is not None:
        found = "round and round its loop, callback by callback as in the simulation, where that is the same state again each time"
    return Confirmation("confirmed", f"confirmed on asyncio's own event loop: {found}", real.steps)


def _not_reproduced(why: str, steps: int) -> Confirmation:
    return Confirmation("not reproduced", f"NOT REPRODUCED on asyncio's own event loop: {why}. {_DEFECT}", steps)


def _end(outcome: Outcome) -> str:
    """Say how a run ended, without what differs between the loops."""
    if outcome.violation is not None:
        return f"a violation of {outcome.violation.property}"
    return f"the result {outcome.shown}" if outcome.kind == "done" else outcome.kind
