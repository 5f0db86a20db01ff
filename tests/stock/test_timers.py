"""What is due runs when asyncio's loop runs it: cases in which the simulated loop once took timers in too late or too early."""

import asyncio

import literal
import naive
import pytest

from treadle.checker import checkpoint, execution
from treadle.checker.explorer import explore
from treadle.checker.runtime import Settings


async def due_before_the_checkpoint():
    """The timer is due when the iteration begins in which the task comes to its checkpoint: it fires first, always."""
    log = []
    loop = asyncio.get_running_loop()
    loop.call_later(0, loop.call_soon, log.append, "timer")
    await asyncio.sleep(0)
    await checkpoint()
    log.append("checkpoint")
    await asyncio.sleep(1)
    return log


async def made_by_a_timer():
    """A timer makes another that is due at once: what the first has queued runs before that."""
    log = []
    loop = asyncio.get_running_loop()

    def first():
        loop.call_later(0, log.append, "made by the timer")
        loop.call_soon(log.append, "queued by the timer")

    loop.call_later(1, first)
    await asyncio.sleep(2)
    return log


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (due_before_the_checkpoint, {"['timer', 'checkpoint']"}),
        (made_by_a_timer, {"['queued by the timer', 'made by the timer']"}),
    ],
)
@pytest.mark.parametrize("contract", ["stock", "stretched"])
def test_a_timer_that_is_due_is_taken_in_when_the_loop_does(scenario, expected, contract, monkeypatch):
    assert explore(scenario, Settings(contract=contract)).outcomes == expected
    assert naive.explore_naively(scenario, Settings(contract=contract), 1_000).found[0] == expected
    monkeypatch.setattr(execution, "drive", literal.drive_literally)
    assert naive.explore_naively(scenario, Settings(contract=contract), 1_000).found[0] == expected
