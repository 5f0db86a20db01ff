"""Running callbacks that only count at once loses nothing: held against searches that do not."""

import asyncio
import contextlib
from collections import Counter

import naive
import operations as op
import programs
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from treadle.checker import inert
from treadle.checker.explorer import explore
from treadle.checker.results import Limits
from treadle.checker.runtime import Settings

COMPARED = 100  # in each chunk
MOST_RUNS = 400

step = st.one_of(
    st.builds(op.Yield),
    st.builds(op.Read),
    st.builds(op.Write, st.integers(0, 2)),
    st.builds(op.Add, st.builds(op.Yield)),
    st.builds(op.Fail),
    st.builds(op.Cancel, st.integers(0, 2)),
    st.builds(op.Sleep, st.just(1.0)),
    st.builds(op.Checkpoint, st.just(False)),
)
waits = st.one_of(
    st.builds(op.Gathered, step, step, st.booleans()),
    st.builds(op.Grouped, step, step),
    st.builds(op.Waited, step, step, st.sampled_from(("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"))),
)
small = st.one_of(programs.programs(st.one_of(step, waits), 2, 2), programs.programs(step, 3, 1))
any_order = st.builds(
    Settings, contract=st.just("any"), time=st.sampled_from(("virtual", "any")), cancel=st.sampled_from((0, 0, 1))
)


class Enough(Exception):
    """Ends the generation of examples."""


def found(result):
    return result.outcomes, {finding.violation.property for finding in result.findings}


def compare_many(number, compared=COMPARED):
    """Compare searches with and without the reduction, up to the first that differ; return what was seen."""
    seen = Counter()

    @seed(number)
    @settings(
        max_examples=30 * compared, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
    )
    @given(small, any_order)
    def compare(program, config):
        if seen["compared"] >= compared or seen["differ"]:
            raise Enough
        reduced = explore(program, config, Limits(runs=MOST_RUNS), merge="on", keep_going=True)
        if reduced.held_back:
            return
        with naive.everything_in_any_order():
            full = explore(program, config, Limits(runs=4 * MOST_RUNS), merge="on", keep_going=True)
        if full.held_back or full.executions == reduced.executions:
            return
        seen["compared"] += 1
        seen["differ"] += found(reduced) != found(full)
        seen["several outcomes"] += len(full.outcomes) > 1
        seen["violations"] += bool(full.findings)

    with contextlib.suppress(Enough):
        compare()
    return seen


@pytest.mark.parametrize("chunk", range(2))
def test_reduced_and_full_searches_agree(chunk):
    seen = compare_many(chunk)
    assert seen["differ"] == 0
    assert seen["compared"] == COMPARED
    assert seen["several outcomes"] > COMPARED / 10
    assert seen["violations"] > COMPARED / 20


def test_recognises_the_callbacks_of_this_interpreter():
    assert inert.recognised() == ["TaskGroup", "gather", "wait"]


async def gather_and_look():
    """A third task looks, after a child has failed, whether the gather has noticed."""
    seen = []

    async def fails():
        seen.append("failed")
        raise ValueError

    both = asyncio.gather(fails(), asyncio.sleep(1))

    async def looks():
        await asyncio.sleep(0)
        seen.append(both.done())

    with contextlib.suppress(ValueError):
        await asyncio.gather(asyncio.create_task(looks()), both)
    return seen[:2]


async def gather_and_look_last():
    """A third task looks, after the last child has ended, whether the gather has noticed."""
    seen = []

    async def ends():
        seen.append("ended")

    both = asyncio.gather(ends(), ends())

    async def looks():
        await asyncio.sleep(0)
        seen.append(both.done())

    await asyncio.gather(asyncio.create_task(looks()), both)
    return seen


async def group_and_go_on():
    """A sibling goes on after a child has failed, and before the group has noticed."""
    seen = []

    async def fails():
        seen.append("failed")
        raise ValueError

    async def goes_on():
        await asyncio.sleep(0)
        seen.append("went on")

    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            group.create_task(goes_on())
    return seen


# The last callback of `wait` does no more than wake the task that waits, which may be delayed just as well: nobody sees the difference.
@pytest.mark.parametrize(
    ("kind", "scenario", "outcome"),
    [
        ("gather", gather_and_look, "['failed', False]"),
        ("gather", gather_and_look_last, "['ended', 'ended', False]"),
        ("TaskGroup", group_and_go_on, "['failed', 'went on']"),
    ],
)
def test_a_callback_that_does_more_than_count_must_wait_its_turn(kind, scenario, outcome, monkeypatch):
    config = Settings(contract="any", ignore=frozenset({"no-unhandled-exception"}))
    assert outcome in explore(scenario, config).outcomes
    code = next(code for code, known in inert._KNOWN.items() if known.name == kind)
    monkeypatch.setitem(inert._KNOWN, code, inert._Known(kind, lambda callback, future: True, ()))
    assert outcome not in explore(scenario, config).outcomes


async def all_orders(n, wait):
    lock = asyncio.Lock()
    taken = []

    async def worker(number):
        for _ in range(2):
            async with lock:
                taken.append(number)
                await asyncio.sleep(0)

    await wait([worker(number) for number in range(n)])
    return tuple(taken)


async def in_a_group(coroutines):
    async with asyncio.TaskGroup() as group:
        for coroutine in coroutines:
            group.create_task(coroutine)


@pytest.mark.parametrize(
    "wait",
    [lambda each: asyncio.gather(*each), in_a_group, lambda each: asyncio.wait([*map(asyncio.ensure_future, each)])],
    ids=["gather", "TaskGroup", "wait"],
)
def test_three_ways_to_wait_cost_the_same(wait):
    result = explore(lambda: all_orders(3, wait), Settings(contract="any"), merge="on")
    assert (len(result.outcomes), result.executions) == (30, 96)
