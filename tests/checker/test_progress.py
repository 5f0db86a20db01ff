"""Endless runs: which are violations, and which are warnings."""

import asyncio
import contextlib
from collections import deque

import pytest
from endless_programs import a_flag_that_nobody_raises, a_spin_that_misses, readers

from treadle.checker import check, checkpoint, choose

# -- what cannot end any more --------------------------------------------------------------------------------------------------------------


async def a_poll_for_what_never_comes():
    """The clock moves, round by round, and the states are the same all the same."""
    stop = False

    async def poll():
        while not stop:
            await asyncio.sleep(1)

    async def stopper():
        nonlocal stop
        await checkpoint()
        if choose(2):
            stop = True

    await asyncio.gather(poll(), stopper())


async def a_loop_without_a_choice():
    stuck = choose(2)
    while stuck:
        await asyncio.sleep(0)


async def a_long_loop_without_a_choice():
    stuck = choose(2)
    count = 0
    while stuck:
        count = (count + 1) % 150  # longer than the search goes without looking
        await asyncio.sleep(0)


async def a_name_that_was_looked_at():
    names = []

    async def child():
        names.append(asyncio.current_task().get_name())
        await a_loop_without_a_choice()

    await asyncio.wait([asyncio.create_task(child())])


async def a_time_that_was_looked_at():
    begun = asyncio.get_running_loop().time()
    await a_loop_without_a_choice()
    return begun


async def tasks_that_take_each_others_place():
    """Each round ends one task and makes another one, and nobody has a name: the state is the same, the tasks are others."""
    stop = False

    async def serve():
        waiting = deque(asyncio.create_task(checkpoint()) for _ in range(2))
        while not stop:
            await waiting.popleft()
            waiting.append(asyncio.create_task(checkpoint()))
        await asyncio.wait(waiting)

    async def stopper():
        nonlocal stop
        await checkpoint()
        if choose(2):
            stop = True

    await asyncio.gather(serve(), stopper())


OUT_OF_REACH = {
    function.__name__: function
    for function in (
        a_flag_that_nobody_raises,
        a_poll_for_what_never_comes,
        a_loop_without_a_choice,
        a_long_loop_without_a_choice,
        a_name_that_was_looked_at,
        a_time_that_was_looked_at,
        tasks_that_take_each_others_place,
    )
}


@pytest.mark.parametrize("cancel", [0, 1])
@pytest.mark.parametrize("name", OUT_OF_REACH)
def test_an_end_that_is_out_of_reach_is_a_violation(name, cancel):
    verdict = check(OUT_OF_REACH[name], cancel=cancel)
    (violation,) = verdict.violations
    assert verdict.verdict == "violated"
    assert violation.property == "progress"
    assert violation.contract == "stock"
    assert violation.lasso.inevitable
    assert violation.lasso.who == ""
    assert violation.cancellations == 0
    assert "cannot end any more" in violation.message
    assert violation.confirmed, violation.confirmation


@pytest.mark.parametrize(
    ("scenario", "names", "times"),
    [(a_loop_without_a_choice, False, False), (a_name_that_was_looked_at, True, False), (a_time_that_was_looked_at, False, True)],
)
def test_a_lasso_says_what_its_states_differ_in(scenario, names, times):
    (violation,) = check(scenario).violations
    assert (violation.lasso.names, violation.lasso.times) == (names, times)


@pytest.mark.parametrize(("contract", "time"), [("stretched", "virtual"), ("any", "virtual"), ("stock", "any"), ("any", "any")])
@pytest.mark.parametrize("name", OUT_OF_REACH)
def test_it_is_one_under_every_contract_and_time(name, contract, time):
    (violation,) = check(OUT_OF_REACH[name], contract=contract, time=time).violations
    assert violation.property == "progress"
    assert violation.lasso.inevitable
    assert violation.contract == "stock", "the weakest contract that shows it"


def test_who_goes_round_and_who_waits():
    (violation,) = check(a_flag_that_nobody_raises).violations
    assert "Task-1 goes round" in violation.message
    assert "main waits" in violation.message


# -- what need not end, although it can ----------------------------------------------------------------------------------------------------


NEED_NOT_END = {"readers": readers(), "misses": a_spin_that_misses}


@pytest.mark.parametrize("name", NEED_NOT_END)
def test_an_end_that_need_not_come_is_a_warning(name):
    verdict = check(NEED_NOT_END[name], contract="stock")
    assert verdict.verdict == "verified"
    (warning,) = verdict.warnings
    assert warning.property == "progress"
    assert warning.contract == "stock"
    assert not warning.lasso.inevitable
    assert "never end" in warning.message
    assert "cannot" not in warning.message
    assert warning.confirmed, warning.confirmation


@pytest.mark.parametrize("name", NEED_NOT_END)
def test_strict_makes_the_warning_count(name):
    verdict = check(NEED_NOT_END[name], contract="stock", strict=True)
    assert (verdict.verdict, verdict.warnings) == ("violated", [])
    assert [violation.property for violation in verdict.violations] == ["progress"]


@pytest.mark.parametrize("scenario", [a_flag_that_nobody_raises, readers(), readers(claim=True, forever=True)])
def test_ignored_progress_is_not_looked_for(scenario):
    verdict = check(scenario, ignore={"progress"})
    assert (verdict.verdict, verdict.violations, verdict.warnings) == ("verified", [], [])


def test_what_goes_on_only_under_stretched_is_a_warning_of_that_contract():
    async def scenario():
        up = False

        async def flicker():
            nonlocal up
            while True:
                up = not up
                await asyncio.sleep(0)

        async def watch():
            while not up:
                await asyncio.sleep(0)

        task = asyncio.create_task(flicker())
        await watch()
        task.cancel()

    assert check(scenario, contract="stock").warnings == []
    verdict = check(scenario)
    assert verdict.verdict == "verified"
    (warning,) = verdict.warnings
    assert (warning.property, warning.contract) == ("progress", "stretched")
    assert not warning.confirmed
    assert "sleep(0)" in warning.confirmation
    assert check(scenario, strict=True).verdict == "violated"


async def until_a_timeout():
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(("wait", "time"), [(checkpoint, "virtual"), (until_a_timeout, "any"), (lambda: asyncio.sleep(1), "any")])
@pytest.mark.parametrize("contract", ["stock", "any"])
@pytest.mark.parametrize("names", [("a", "b"), ("same", "same"), ("task 1", None), (None, None)])
def test_names_do_not_decide_what_is_found(names, contract, wait, time):
    """Two in turn may go on for ever, each in its turn; whoever comes out of turn ends it."""

    async def scenario():
        turn = 0
        done = False

        async def player(me):
            nonlocal turn, done
            while not done:
                await wait()
                done = done or turn != me
                turn = 1 - turn

        await asyncio.wait([asyncio.create_task(player(me), name=name) for me, name in enumerate(names)])

    assert [warning.property for warning in check(scenario, contract=contract, time=time).warnings] == ["progress"]


@pytest.mark.parametrize("names", [("a", "b"), ("same", "same"), (None, None)])
def test_nor_do_they_where_every_step_is_an_event(names):
    async def scenario():
        turn = 0
        done = False

        async def player(me):
            nonlocal turn, done
            while not done:
                await asyncio.sleep(0)
                done = done or turn != me
                turn = 1 - turn

        await asyncio.wait([asyncio.create_task(player(me), name=name) for me, name in enumerate(names)])

    assert [warning.property for warning in check(scenario, contract="any").warnings] == ["progress"]


def test_a_cancellation_after_which_it_can_still_end_leaves_a_warning_a_warning():
    async def scenario():
        up = False

        async def flicker():
            nonlocal up
            while True:
                up = not up
                await checkpoint()

        tasks = [asyncio.create_task(flicker()) for _ in range(2)]
        while not (up or all(task.done() for task in tasks)):
            await checkpoint()
        for task in tasks:
            task.cancel()

    verdict = check(scenario, contract="stock", cancel=1)
    assert verdict.verdict == "verified"
    (warning,) = verdict.warnings
    assert warning.cancellations == 0
