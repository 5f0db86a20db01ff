"""Endless runs that are not fair are not reported: what ends in every fair run, and what only seems to."""

import asyncio
import contextlib

import pytest
from endless_programs import a_heartbeat_beside_a_wait, a_poll_beside_a_wait, a_spin_while_a_timer_is_pending

from treadle.checker import check, checkpoint, choose


async def retries_what_may_fail():
    while True:
        await checkpoint()
        if choose(2):
            break


async def retries_two_things_in_turn():
    """What is offered in other states each time is still offered again and again."""
    for _ in range(2):
        while not choose(3):
            await asyncio.sleep(0)
        await checkpoint()


async def a_spin_beside_a_wait():
    done = False

    async def spin():
        while not done:
            await asyncio.sleep(0)

    async def setter():
        nonlocal done
        await checkpoint()
        done = True

    await asyncio.gather(spin(), setter())


async def a_spin_beside_an_executor():
    done = False

    async def spin():
        while not done:
            await asyncio.sleep(0)

    async def setter():
        nonlocal done
        await asyncio.to_thread(int)
        done = True

    await asyncio.gather(spin(), setter())


FAIR = {
    function.__name__: function
    for function in (
        retries_what_may_fail,
        retries_two_things_in_turn,
        a_heartbeat_beside_a_wait,
        a_poll_beside_a_wait,
        a_spin_beside_a_wait,
        a_spin_beside_an_executor,
        a_spin_while_a_timer_is_pending,
    )
}


@pytest.mark.parametrize("contract", ["stock", "stretched", "any"])
@pytest.mark.parametrize("time", ["virtual", "any"])
@pytest.mark.parametrize("name", FAIR)
def test_what_ends_in_every_fair_run_is_not_reported(name, contract, time):
    verdict = check(FAIR[name], contract=contract, time=time)
    assert (verdict.verdict, verdict.violations, verdict.warnings) == ("verified", [], [])


def test_a_retry_that_can_only_suspend_may_go_on_for_ever():
    """`checkpoint(maybe=True)` promises to suspend now and then, not that it does not suspend."""

    async def scenario():
        suspended = True

        async def beside():
            nonlocal suspended
            suspended = True

        while suspended:
            suspended = False
            task = asyncio.create_task(beside())
            await checkpoint(maybe=True)
            if not suspended:
                task.cancel()
            await asyncio.wait([task])

    verdict = check(scenario, contract="stock")
    assert [warning.property for warning in verdict.warnings] == ["progress"]


async def timeouts_that_never_strike():
    """Somebody waits for the clock all the time, and nobody for one timer: each is given up before its time has come."""
    up = False

    async def flicker():
        nonlocal up
        while True:
            up = True
            await checkpoint()
            up = False
            await checkpoint()

    task = asyncio.create_task(flicker())
    while not up:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await checkpoint()
    task.cancel()


@pytest.mark.parametrize("time", ["virtual", "any"])
def test_timers_that_are_given_up_need_not_fire(time):
    (warning,) = check(timeouts_that_never_strike, contract="stock", time=time).warnings
    assert warning.property == "progress"
    assert warning.confirmed


def test_a_retry_that_ends_as_soon_as_it_suspends_is_not_reported():
    """What is always there at once is no network."""

    async def scenario():
        dry = False

        async def notice():
            nonlocal dry
            dry = True

        while not dry:
            task = asyncio.create_task(notice())
            await checkpoint(maybe=True)
            if not dry:
                task.cancel()
            await asyncio.wait([task])

    verdict = check(scenario, contract="stock")
    assert (verdict.verdict, verdict.warnings) == ("verified", [])


@pytest.mark.parametrize("contract", ["stock", "any"])
@pytest.mark.parametrize("names", [("a", "b"), ("same", "same"), (None, None)])
def test_a_wait_that_is_passed_over_for_ever_is_not_fair_whatever_the_names(names, contract):
    """The beat comes back to two states, in one of which its wait is older than the other's, in one younger."""

    async def scenario():
        phase = choose(2)
        late = [phase]

        async def ends():
            if late.pop():
                await asyncio.sleep(0)
            await checkpoint()

        async def beat():
            nonlocal phase
            while True:
                await checkpoint()
                phase = 1 - phase

        one, two = (asyncio.create_task(what(), name=name) for what, name in zip((ends, beat), names, strict=True))
        await asyncio.wait([one])
        two.cancel()

    verdict = check(scenario, contract=contract)
    assert (verdict.verdict, verdict.warnings) == ("verified", [])


def test_callbacks_of_one_function_are_not_taken_for_each_other():
    async def scenario():
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def tick(last):
            if last:
                done.set_result(None)
            elif not done.done():
                loop.call_soon(tick, False)

        loop.call_soon(tick, False)
        loop.call_soon(tick, True)
        await done

    for contract in ("stock", "any"):
        verdict = check(scenario, contract=contract)
        assert (verdict.verdict, verdict.warnings) == ("verified", [])
