"""Under `stock`, the simulated loop runs the same callbacks in the same order as asyncio's own loop.

The real loop is an unmodified `asyncio.SelectorEventLoop`, but for two things that are not about order. Its clock and
its selector are fakes, so that nobody waits: `select(t)` advances the clock by `t`, and says when nothing could ever
happen. And its tasks hash alike, as the simulated ones do, because sets of tasks otherwise iterate by address,
differently in every process.
"""

import asyncio
import contextlib
import selectors

import programs
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from treadle.checker.execution import execute, simulation
from treadle.checker.runtime import Settings
from treadle.checker.shrinking import Replay

CHUNKS = 6
FIXED = settings(
    max_examples=150,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)

leaves = st.one_of(programs.inner_leaves, programs.inner_leaves, programs.timer_leaves)
level_one = st.one_of(leaves, leaves, programs.compound(leaves))
level_two = st.one_of(level_one, level_one, programs.compound(level_one))
in_memory = programs.programs(level_two, most_tasks=4, most_ops=5)


class Stuck(Exception):
    """Nothing can happen on the real loop any more."""


class FakeSelector(selectors.SelectSelector):
    """Has no events, and takes no real time."""

    now = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise Stuck
        self.now += max(0.0, timeout)
        return []


class AlikeTask(asyncio.Task):
    __hash__ = (0).__hash__


def run_on_asyncio(program):
    """Return the log of a program on asyncio's own loop."""
    selector = FakeSelector()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now
    loop.set_task_factory(lambda loop, coro, **kwargs: AlikeTask(coro, loop=loop, **kwargs))
    loop.set_exception_handler(lambda loop, context: None)
    machines = []
    try:
        main = loop.create_task(program.scenario(True, machines))
        with contextlib.suppress(Stuck, Exception, asyncio.CancelledError):
            loop.run_until_complete(main)
        return until_the_end(machines[0].log)
    finally:
        while pending := asyncio.all_tasks(loop):  # a task may go on waiting after it was cancelled
            for task in pending:
                task.cancel()
            with contextlib.suppress(Stuck):
                loop.run_until_complete(asyncio.wait(pending))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def run_in_simulation(program):
    """Return the log of a program on the simulated loop in stock order."""
    machines = []
    lenient = Settings(contract="stock", ignore=frozenset({"no-unhandled-exception", "assertion"}))
    with simulation():
        execute(lambda: program.scenario(True, machines), lenient, Replay(()))
    return until_the_end(machines[0].log)


def until_the_end(log):
    """Return the log up to the moment at which the main task was done: what follows is how a loop is shut down."""
    for position, entry in enumerate(log):
        if entry[0] == "end":
            return log[: position + 1]
    return list(log)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_same_steps_in_the_same_order(chunk):
    lengths = []
    ends = []

    @FIXED
    @seed(chunk)
    @given(in_memory)
    def compare(program):
        expected = run_on_asyncio(program)
        assert run_in_simulation(program) == expected
        lengths.append(len(expected))
        ends.append(expected[-1][0])

    compare()
    assert sum(length > 15 for length in lengths) > 20, "the programs are too small to say anything"
    assert 20 < ends.count("end") < len(ends) - 10, "some programs should finish, others get stuck"
