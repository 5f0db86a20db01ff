"""What must get on by name, what never ends, and searches that have not seen everything."""

import asyncio

import pytest
from endless_programs import (
    a_flag_that_nobody_raises,
    a_heartbeat_beside_a_wait,
    a_poll_beside_a_wait,
    a_spin_that_misses,
    a_spin_while_a_timer_is_pending,
    clients,
    for_ever,
    readers,
)

from treadle.checker import TreadleError, check, checkpoint, choose, lasso
from treadle.checker.explorer import explore
from treadle.checker.results import Limits
from treadle.checker.runtime import Settings, progress

# -- progress by name ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forever", [False, True])
def test_progress_that_may_stay_away_is_a_violation(forever):
    verdict = check(readers(claim=True, forever=forever))
    (violation,) = verdict.violations
    assert (violation.property, violation.lasso.who, violation.lasso.inevitable) == ("progress", "writer", False)
    assert violation.message.startswith("writer ")
    assert "although every wait on the outside world ends" in violation.message
    assert violation.confirmed, violation.confirmation


def test_progress_that_cannot_come_any_more():
    async def scenario():
        async def worker():
            progress("worker")
            while True:
                await checkpoint()

        await asyncio.gather(worker(), asyncio.create_task(checkpoint()))

    (violation,) = check(scenario).violations
    assert (violation.lasso.who, violation.lasso.inevitable) == ("worker", True)
    assert violation.message.startswith("worker cannot get on any more")


def test_a_lock_lets_everybody_get_on_and_a_flag_does_not():
    assert check(clients(fair=True)).verdict == "verified"
    (violation,) = check(clients(fair=False)).violations
    assert violation.lasso.who == "a"


def test_who_has_ended_need_not_get_on_any_more():
    async def scenario():
        async def worker():
            progress("worker")
            await checkpoint()

        async def others():
            while True:
                await checkpoint()

        await asyncio.gather(worker(), others())

    assert check(scenario).verdict == "verified"


def test_progress_is_made_in_a_task():
    async def scenario():
        said = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(claim, said)
        return await said

    def claim(said):
        try:
            progress("nobody")
        except TreadleError as error:
            said.set_result(str(error))

    (outcome,) = explore(scenario, Settings()).outcomes
    assert "call it in the task that must get on" in outcome


def test_the_worst_comes_first():
    async def scenario():
        async def worker():
            stuck = choose(2)
            while stuck:
                await checkpoint()
                stuck = choose(2) or stuck
            progress("worker")
            while not choose(2):
                await checkpoint()

        await worker()

    (violation,) = check(scenario).violations
    assert (violation.lasso.who, violation.lasso.inevitable) == ("", True)


@pytest.mark.parametrize("claim", [False, True])
def test_it_is_found_beside_violations_of_other_properties(claim):
    async def scenario():
        await a_spin_that_misses()
        if claim:
            progress("main")
            await a_spin_that_misses()
        assert not choose(2), "the other violation"

    verdict = check(scenario, keep_going=True)
    assert {violation.property for violation in verdict.violations} == ({"assertion", "progress"} if claim else {"assertion"})
    assert [warning.property for warning in verdict.warnings] == ([] if claim else ["progress"])


def test_who_can_still_end_is_not_said_to_be_stuck():
    async def scenario():
        progress("main")
        await a_spin_that_misses()

    async def endless():
        async def worker():
            progress("worker")
            await a_spin_that_misses()

        await asyncio.gather(worker(), for_ever())

    for what, who in ((scenario, "main"), (endless, "worker")):
        (violation,) = check(what, contract="stock").violations
        assert (violation.lasso.who, violation.lasso.inevitable) == (who, False)


# -- scenarios that never end --------------------------------------------------------------------------------------------------------------


def test_what_never_ends_gets_a_note_and_no_warning():
    verdict = check(for_ever)
    assert (verdict.verdict, verdict.warnings) == ("verified", [])
    assert any("no run of this scenario ends" in note for note in verdict.notes)


def test_a_claim_of_progress_takes_the_note_away():
    verdict = check(clients(fair=True))
    assert not any("no run of this scenario ends" in note for note in verdict.notes)


def test_an_end_by_a_cancellation_is_none_to_count_on():
    async def scenario():
        await asyncio.wait([asyncio.create_task(for_ever())])
        await a_spin_that_misses()

    verdict = check(scenario, cancel=1)
    assert (verdict.verdict, verdict.warnings) == ("verified", [])
    assert any("no run of this scenario ends" in note for note in verdict.notes)


def test_the_note_on_a_clock_that_stands_still():
    assert explore(a_spin_while_a_timer_is_pending, Settings()).stalled
    assert not explore(a_spin_while_a_timer_is_pending, Settings(time="any")).stalled
    assert not explore(a_poll_beside_a_wait, Settings()).stalled
    verdict = check(a_spin_while_a_timer_is_pending)
    assert any("stands still" in note for note in verdict.notes)
    assert not any("stands still" in note for note in check(a_spin_while_a_timer_is_pending, time="any").notes)
    assert not any("stands still" in note for note in check(a_poll_beside_a_wait).notes)


# -- searches that have not seen everything say nothing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", [readers(), a_spin_that_misses, a_heartbeat_beside_a_wait, readers(claim=True)])
def test_a_search_that_has_not_seen_everything_says_nothing(scenario):
    runs = explore(scenario, Settings()).executions
    assert runs > 2
    for fewer in range(1, runs):
        result = explore(scenario, Settings(), Limits(runs=fewer))
        assert result.held_back
        assert (result.findings, result.warnings, result.endless) == ([], [], False)


@pytest.mark.parametrize("scenario", [a_flag_that_nobody_raises, for_ever])
def test_a_search_that_merges_nothing_does_not_verify_what_goes_on_for_ever(scenario):
    verdict = check(scenario, merge="off", max_depth=100, runs=20)
    assert verdict.verdict == "bounded"


# -- suspicions ----------------------------------------------------------------------------------------------------------------------------


async def never_ends():
    if choose(2):
        while True:
            await checkpoint()


def test_a_suspicion_that_cannot_be_shown_is_not_verified(monkeypatch):
    monkeypatch.setattr(lasso._Prober, "_take", lambda self, schedule, step, place: None)
    verdict = check(never_ends, contract="stock")
    assert verdict.verdict == "bounded"
    assert "an endless run was suspected" in verdict.reasons[0]


def test_events_that_cannot_be_told_apart_are_not_verified(monkeypatch):
    monkeypatch.setattr(lasso, "fair_components", lambda *arguments: iter(()))
    verdict = check(never_ends, contract="stock")
    assert verdict.verdict == "bounded"
    assert "an endless run was suspected" in verdict.reasons[0]


def test_trying_loops_out_has_a_limit(monkeypatch):
    monkeypatch.setattr(lasso, "_MOST_RUNS", 2)
    verdict = check(never_ends, contract="stock")
    assert verdict.verdict == "bounded"
    assert verdict.reasons == ["endless runs were not looked for to the end: 2 runs were made to try loops out"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_that_make_a_progress_one_may_end(order):
    """As long as one of them is there it must come."""

    async def scenario():
        async def ends():
            progress("served")

        async def goes_on():
            progress("served")
            await for_ever()

        tasks = (ends(), goes_on())
        await asyncio.gather(*(tasks[number] for number in order))

    (violation,) = check(scenario, contract="stock").violations
    assert (violation.property, violation.lasso.who) == ("progress", "served")
