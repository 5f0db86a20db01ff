"""The explorer's promises: limits, sampling, ends of a run, contracts and times, warnings, and byte-identical
results."""

import asyncio
import os
import signal

import pytest
from small_scenarios import lost_update

from treadle.checker import NondeterminismError, UsageError, check, checkpoint, choose, invariant, when_stable, witness
from treadle.checker.explorer import explore
from treadle.checker.frontier import Frontier
from treadle.checker.results import Limits
from treadle.checker.runtime import Settings
from treadle.checker.sampling import sample

MERGE = pytest.mark.parametrize("merge", ["on", "off", "auto"])


def contention(tasks=3, rounds=2):
    """A scenario with many interleavings, all of them fine."""

    async def scenario():
        lock = asyncio.Lock()

        async def client():
            for _ in range(rounds):
                await checkpoint()
                async with lock:
                    await checkpoint()

        await asyncio.gather(*(client() for _ in range(tasks)))

    return scenario


def properties(result):
    return {finding.violation.property for finding in result.findings}


# -- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "flag"),
    [({"max_states": 20}, "--max-states"), ({"max_depth": 9}, "--max-depth"), ({"runs": 5}, "--runs"), ({"timeout": 0.0}, "--timeout")],
)
@MERGE
def test_a_limit_that_is_reached_makes_a_verdict_bounded(limit, flag, merge):
    verdict = check(contention(), contract="stock", merge=merge, **limit)
    assert verdict.verdict == "bounded"
    assert not verdict
    assert verdict.exit_code == 3
    assert flag in " ".join(verdict.reasons)


def test_limits_that_are_not_reached_do_not_matter():
    verdict = check(contention(2, 1), contract="stock", max_states=10_000, max_depth=1_000, runs=10_000, timeout=600)
    assert verdict.verdict == "verified"
    assert verdict.reasons == []


def test_a_limit_on_all_steps_together_holds_the_rest_back():
    scenario = contention(2, 1)
    everything = explore(scenario, Settings(cancel=1))
    some = explore(scenario, Settings(cancel=1), Limits(steps=everything.steps // 2))
    assert everything.steps // 2 <= some.steps < everything.steps
    assert some.held_back == [f"the limit of {everything.steps // 2:,} steps was reached"]


def test_a_violation_within_a_limit_is_a_violation():
    verdict = check(lost_update, contract="stock", runs=10)
    assert verdict.verdict == "violated"


def test_the_first_interrupt_keeps_what_was_found():
    def interrupt(result):
        if result.executions == 7:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    verdict = check(contention(), contract="stock", progress=interrupt)
    assert verdict.verdict == "bounded"
    assert verdict.stats["executions"] == 7
    assert "interrupted" in verdict.reasons[0]
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_interrupt_stops_at_once():
    def interrupt(result):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        check(contention(), contract="stock", progress=interrupt)


def test_progress_is_told_after_every_run():
    seen = []
    verdict = check(contention(2, 1), contract="stock", merge="off", progress=lambda result: seen.append(result.executions))
    assert seen == list(range(1, verdict.stats["executions"] + 1))


# -- sampling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("search", ["random", "pct"])
def test_sampling_is_never_verified_and_repeats_by_its_seed(search):
    schedules = []
    for seed_of_run in (1, 1, 2):
        verdict = check(contention(), contract="any", search=search, seed=seed_of_run, runs=30)
        assert verdict.verdict == "sampled"
        assert verdict.exit_code == 3
        assert verdict.scope["seed"] == seed_of_run
        verdict.stats.pop("seconds")
        schedules.append((verdict.stats, verdict.outcomes))
    assert schedules[0] == schedules[1]
    assert schedules[0] != schedules[2]


@pytest.mark.parametrize("search", ["random", "pct"])
def test_sampling_finds_a_race(search):
    first, second = (check(lost_update, contract="stock", search=search, seed=3, runs=200) for _ in range(2))
    assert first.verdict == "violated"
    assert first.violations == second.violations


def test_sampling_draws_every_option():
    async def scenario():
        return choose(5)

    result = sample(scenario, Settings(), Limits(runs=200), seed=0)
    assert result.outcomes == set("01234")


# -- programs without an end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("contract", ["stock", "stretched", "any"])
def test_clients_that_loop_for_ever_end_when_their_states_are_exhausted(contract):
    async def scenario():
        lock = asyncio.Lock()
        inside = 0

        async def client():
            nonlocal inside
            while True:
                await checkpoint()
                async with lock:
                    inside += 1
                    assert inside == 1
                    await checkpoint()
                    inside -= 1

        await asyncio.gather(client(), client())

    result = explore(scenario, Settings(contract=contract), Limits(states=2_000), merge="on")
    assert not result.held_back
    assert not result.findings
    assert result.states < 200


@MERGE
def test_a_loop_without_choices_ends_as_well(merge):
    async def scenario():
        while True:
            await asyncio.sleep(0)

    verdict = check(scenario, contract="stock", merge=merge, max_depth=2_000)
    assert verdict.verdict == ("bounded" if merge == "off" else "verified")


def test_sleeping_for_ever_has_finitely_many_states_as_long_as_nobody_reads_the_clock():
    async def scenario():
        async def tick(period):
            while True:
                await asyncio.sleep(period)

        await asyncio.gather(tick(1), tick(2))

    result = explore(scenario, Settings(), Limits(states=500), merge="on")
    assert not result.held_back

    async def reads():
        while True:
            await asyncio.sleep(1)
            asyncio.get_running_loop().time()
            choose(2)

    result = explore(reads, Settings(), Limits(states=500), merge="on")
    assert result.held_back


# -- ends of a run ---------------------------------------------------------------------------------------------------


async def deadlock():
    event = asyncio.Event()
    await asyncio.gather(event.wait(), checkpoint())


async def forgotten_exception():
    async def child():
        raise ValueError("nobody asks")

    asyncio.create_task(child())
    await checkpoint()


async def broken_callback():
    def broken():
        raise ValueError("in a callback")

    asyncio.get_running_loop().call_soon(broken)
    await checkpoint()


async def leak():
    asyncio.create_task(asyncio.Event().wait())
    await checkpoint()


async def raises():
    raise ValueError("the scenario itself")


async def asserts():
    await checkpoint()
    assert choose(2) == 0, "one is wrong"


async def never_ends():
    async def stubborn():
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    asyncio.create_task(stubborn())
    await checkpoint()


@MERGE
@pytest.mark.parametrize(
    ("scenario", "property", "message"),
    [
        (deadlock, "no-deadlock", "waits at deadlock"),
        (forgotten_exception, "no-unhandled-exception", "ValueError: nobody asks"),
        (broken_callback, "no-unhandled-exception", "ValueError: in a callback"),
        (raises, "no-unhandled-exception", "ValueError: the scenario itself"),
        (asserts, "assertion", "one is wrong"),
        (never_ends, "no-deadlock", "they never end"),
    ],
)
@pytest.mark.parametrize("contract", ["stock", "any"])
def test_ends_of_a_run(scenario, property, message, merge, contract):
    verdict = check(scenario, merge=merge, contract=contract)
    assert verdict.verdict == "violated"
    (violation,) = verdict.violations
    assert violation.property == property
    assert violation.contract == "stock"
    if scenario is not deadlock:
        assert message in violation.message
    assert check(scenario, merge=merge, contract=contract, ignore={property})


def test_leaked_tasks_are_a_violation_only_if_they_are_forbidden():
    assert check(leak)
    verdict = check(leak, forbid={"leaked-tasks"})
    assert [violation.property for violation in verdict.violations] == ["no-leaked-task"]


def test_keep_going_collects_one_violation_of_each_property():
    async def scenario():
        kind = choose(4)
        if kind == 1:
            raise ValueError
        if kind == 2:
            await asyncio.Event().wait()
        assert kind != 3

    verdict = check(scenario, keep_going=True)
    assert {violation.property for violation in verdict.violations} == {"assertion", "no-deadlock", "no-unhandled-exception"}


@MERGE
def test_an_invariant_is_checked_after_every_step(merge):
    async def scenario():
        value = 0

        async def child():
            nonlocal value
            value += 1
            await asyncio.sleep(0)
            value -= 1

        invariant(lambda: value < 2, "mutual-exclusion", "two inside")
        await asyncio.gather(child(), child())

    verdict = check(scenario, merge=merge)
    assert [violation.property for violation in verdict.violations] == ["mutual-exclusion"]
    assert verdict.violations[0].message == "two inside"


def test_a_witness_must_happen_in_at_least_one_run():
    async def scenario():
        if choose(3) == 2:
            witness("two")

    assert check(scenario, witnesses={"two"})
    verdict = check(scenario, witnesses={"two", "three"})
    assert [violation.property for violation in verdict.violations] == ["witness"]
    assert "three" in verdict.violations[0].message


def test_a_stable_state_is_one_in_which_only_the_environment_can_act():
    async def scenario():
        seen = []
        loop = asyncio.get_running_loop()

        def hook():
            seen.append(loop.time())

        when_stable(hook)
        await checkpoint()  # stable: only the outside world can go on
        await asyncio.sleep(1)  # not stable: a timer is part of the program
        await checkpoint()
        return seen

    assert explore(scenario, Settings(), merge="off").outcomes == {"[0.0, 1.0]"}


# -- figures, and the same twice -------------------------------------------------------------------------------------


def test_late_delivery_and_merging_together_are_not_worse_than_either():
    """The figures of the issue for 2 x 3: 118,584 plain, 7,280 with late delivery, 273 with merging."""
    scenario = contention(2, 3)
    late = explore(scenario, Settings(), merge="off").executions
    both = explore(scenario, Settings(), merge="on").executions
    assert both < 273
    assert both < late < 7_280


def test_auto_is_not_much_worse_than_either_way():
    scenario = contention(2, 2)
    on, off, auto = (explore(scenario, Settings(), merge=merge).executions for merge in ("on", "off", "auto"))
    assert on <= auto <= off


def test_merging_backs_off_where_states_never_repeat():
    async def scenario():
        log = []
        for _ in range(10):
            log.append(choose(2))
            await checkpoint()
        return log

    on = explore(scenario, Settings(), merge="on")
    auto = explore(scenario, Settings(), merge="auto")
    assert on.outcomes == auto.outcomes
    assert len(on.outcomes) == 2**10
    assert auto.lookups < on.lookups * 0.8


def test_equal_tasks_reach_equal_states_in_other_orders():
    async def scenario():
        async def child():
            await checkpoint()

        await asyncio.gather(*(child() for _ in range(4)))

    off = explore(scenario, Settings(contract="any"), Limits(runs=3_000), merge="off")
    on = explore(scenario, Settings(contract="any"), merge="on")
    assert off.held_back
    assert not on.held_back
    assert on.executions < off.executions / 2
    assert on.merged > on.executions / 2
    assert on.opaque == {}


@pytest.mark.parametrize("scenario", [lost_update, contention(2, 2), leak, deadlock])
def test_two_equal_checks_are_equal_apart_from_seconds(scenario):
    documents = [check(scenario, cancel=1, keep_going=True).to_json() for _ in range(2)]
    for document in documents:
        document["stats"].pop("seconds")
    assert documents[0] == documents[1]


def test_a_single_interleaving_is_pointed_out():
    async def scenario():
        await asyncio.sleep(0)

    verdict = check(scenario, contract="stock")
    assert any("single interleaving" in note for note in verdict.notes)


def test_what_cannot_be_fingerprinted_is_named():
    async def scenario():
        opaque = memoryview(b"x")
        await asyncio.gather(checkpoint(), checkpoint())
        return opaque.nbytes

    verdict = check(scenario, contract="stock", merge="on")
    assert verdict.verdict == "verified"
    assert any("memoryview" in note for note in verdict.notes)


def test_a_frontier_gives_everything_back_the_cheapest_first():
    frontier = Frontier(capacity=4)
    for cost, entry in ((3, "d"), (1, "b"), (2, "c"), (0, "a"), (0, "overflow"), (5, "overflow too")):
        frontier.push(cost, entry)
    assert len(frontier) == 6
    found = [frontier.pop() for _ in range(6)]
    assert sorted(found) == ["a", "b", "c", "d", "overflow", "overflow too"]
    assert [entry for entry in found if len(entry) == 1] == ["a", "b", "c", "d"]
    with pytest.raises(IndexError):
        frontier.pop()


def test_a_frontier_takes_what_is_cheaper_than_what_it_gave_last():
    frontier = Frontier()
    frontier.push(3, "dear")
    frontier.push(5, "dearer")
    assert frontier.pop() == "dear"
    frontier.push(1, "cheap")
    assert [frontier.pop(), frontier.pop()] == ["cheap", "dearer"]


def test_a_small_frontier_loses_nothing(monkeypatch):
    scenario = contention(2, 2)
    expected = explore(scenario, Settings(), merge="off")
    monkeypatch.setattr(Frontier.__init__, "__defaults__", (3,))
    found = explore(scenario, Settings(), merge="off")
    assert (found.executions, found.outcomes) == (expected.executions, expected.outcomes)


# -- what is asked wrongly -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contract": "fifo"}, "unknown contract 'fifo'; expected one of stock, stretched, any"),
        ({"time": "elastic"}, "elastic"),
        ({"merge": "maybe"}, "unknown merge"),
        ({"search": "dfs"}, "unknown search"),
        ({"cancel": -1}, "expected 0 or more"),
        ({"ignore": {"no-deadlocks"}}, "unknown property 'no-deadlocks'"),
        ({"forbid": {"tasks"}}, "cannot forbid 'tasks'"),
    ],
)
def test_options_that_do_not_exist(options, message):
    with pytest.raises(UsageError, match=message):
        check(lost_update, **options)


def test_a_scenario_that_is_no_coroutine_function():
    with pytest.raises(UsageError, match="a scenario is an `async def` without arguments"):
        check(lambda: 1)


def test_choosing_from_nothing():
    async def scenario():
        choose(0)

    verdict = check(scenario)
    assert "choose(n) needs at least one option" in verdict.violations[0].message


def test_nondeterminism_is_an_error_of_its_own():
    assert issubclass(NondeterminismError, Exception)
    assert not issubclass(NondeterminismError, UsageError)
