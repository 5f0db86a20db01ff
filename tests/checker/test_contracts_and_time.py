"""What each contract and each kind of time allows, and what is only warned of."""

import asyncio
from collections import Counter

import literal
import naive
import programs
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from small_scenarios import leans_on_a_bare_yield, lost_update

from treadle.checker import check, checkpoint, execution
from treadle.checker.explorer import explore
from treadle.checker.results import Limits
from treadle.checker.runtime import Settings

MERGE = pytest.mark.parametrize("merge", ["on", "off", "auto"])


def properties(result):
    return {finding.violation.property for finding in result.findings}


leaves = st.one_of(programs.inner_leaves, programs.outside_leaves)
ops = st.one_of(leaves, programs.checkpoints, programs.compound(leaves))
tiny = programs.programs(ops, 2, 2)


@pytest.mark.parametrize("chunk", range(2))
def test_a_stronger_contract_loses_nothing(chunk):
    seen = Counter()

    @settings(max_examples=80, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @seed(chunk)
    @given(tiny, st.integers(0, 1))
    def compare(program, cancel):
        found = []
        for contract in ("stock", "stretched", "any"):
            result = explore(program, Settings(contract=contract, cancel=cancel), Limits(runs=100), merge="on", keep_going=True)
            if result.held_back:
                return
            found.append(result)
        stock, stretched, every = found
        assert stock.outcomes <= stretched.outcomes <= every.outcomes
        assert properties(stock) <= properties(stretched) <= properties(every)
        seen["compared"] += 1
        seen["more under stretched"] += stock.outcomes < stretched.outcomes
        seen["more under any"] += stretched.outcomes < every.outcomes

    compare()
    print(dict(seen))
    assert seen["compared"] > 30
    assert seen["more under any"]


def test_what_breaks_only_under_stretched_is_a_warning():
    verdict = check(leans_on_a_bare_yield)
    assert verdict.verdict == "verified"
    assert [warning.property for warning in verdict.warnings] == ["assertion"]
    assert verdict.warnings[0].contract == "stretched"
    strict = check(leans_on_a_bare_yield, strict=True)
    assert strict.verdict == "violated"
    assert strict.exit_code == 1


def test_a_named_contract_gives_no_warnings():
    assert check(leans_on_a_bare_yield, contract="stock").warnings == []


@pytest.mark.parametrize("contract", ["stock", "stretched", "any"])
def test_a_violation_names_the_weakest_contract_that_shows_it(contract):
    (violation,) = check(lost_update, contract=contract).violations
    assert violation.contract == "stock"
    if contract != "stock":
        (violation,) = check(leans_on_a_bare_yield, contract=contract).violations
        assert violation.contract == "stretched"


async def needs_any():
    log = []
    loop = asyncio.get_running_loop()
    loop.call_soon(log.append, "first")
    loop.call_soon(log.append, "second")
    await checkpoint()
    assert log == ["first", "second"]


def test_the_order_of_callbacks_is_broken_only_under_any():
    assert check(needs_any, contract="stretched")
    (violation,) = check(needs_any, contract="any").violations
    assert violation.contract == "any"


def timers(*delays):
    async def scenario():
        log = []
        loop = asyncio.get_running_loop()
        for name, delay in zip("abc", delays, strict=False):
            loop.call_later(delay, log.append, name)
        await asyncio.sleep(10)
        return "".join(log)

    return scenario


@MERGE
@pytest.mark.parametrize("contract", ["stock", "any"])
def test_virtual_time_keeps_deadlines_apart_and_ties_open(contract, merge):
    config = Settings(contract=contract)
    assert explore(timers(2, 1), config, merge=merge).outcomes == {"'ba'"}
    assert explore(timers(1, 1), config, merge=merge).outcomes == {"'ab'", "'ba'"}
    assert len(explore(timers(1, 1, 1), config, merge=merge).outcomes) == 6
    assert explore(timers(1, 2, 1), config, merge=merge).outcomes == {"'acb'", "'cab'"}


@MERGE
@pytest.mark.parametrize("contract", ["stock", "any"])
def test_any_time_lets_timers_fire_in_any_order(contract, merge):
    config = Settings(contract=contract, time="any")
    found = explore(timers(2, 1), config, merge=merge).outcomes
    assert found == {"'ab'", "'ba'", "'a'", "'b'", "''"}


@MERGE
def test_the_clock_stands_still_while_anything_else_can_happen(merge):
    async def scenario():
        log = []
        asyncio.get_running_loop().call_later(1, log.append, "timer")
        await checkpoint()
        log.append("checkpoint")
        await asyncio.sleep(2)
        return log

    assert explore(scenario, Settings(), merge=merge).outcomes == {"['checkpoint', 'timer']"}
    assert len(explore(scenario, Settings(time="any"), merge=merge).outcomes) > 1


def test_checkpoint_maybe_explores_not_suspending():
    async def scenario():
        log = []

        async def child():
            await checkpoint(maybe=True)
            log.append("child")

        task = asyncio.create_task(child())
        await asyncio.sleep(0)
        log.append("main")
        await task
        return log

    assert explore(scenario, Settings()).outcomes == {"['child', 'main']", "['main', 'child']"}


async def woken_struck_and_overtaking():
    """A checkpoint completes and its task is cancelled, both before the same iteration: found only if events are taken
    in as pairs."""
    log = []
    loop = asyncio.get_running_loop()

    async def child():
        wait = loop.checkpoint()
        try:
            await wait
            log.append("went on")
        except asyncio.CancelledError:
            log.append(f"struck, {'waiting' if wait.cancelled() else 'woken'}")

    task = asyncio.create_task(child())
    for _ in range(3):  # the child starts; both are taken in; both have happened, and the child is queued behind us
        await asyncio.sleep(0)
    log.append("main")
    loop.call_soon(log.append, "callback")
    await asyncio.gather(task, return_exceptions=True)
    return log


@pytest.mark.parametrize("contract", ["stock", "stretched"])
@MERGE
def test_an_event_and_a_cancellation_may_be_taken_in_before_one_iteration(contract, merge, monkeypatch):
    config = Settings(contract=contract, cancel=1)
    found = explore(woken_struck_and_overtaking, config, merge=merge).outcomes
    assert "['main', 'struck, woken', 'callback']" in found
    monkeypatch.setattr(execution, "drive", literal.drive_literally)
    assert found == naive.explore_naively(woken_struck_and_overtaking, config, 20_000).found[0]
