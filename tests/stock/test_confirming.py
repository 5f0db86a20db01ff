"""A confirmation is given where it is due, and nowhere else."""

import asyncio
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from small_scenarios import leans_on_a_bare_yield, lost_update
from walking import small, stock_settings, walk

from treadle.checker import check, checkpoint, choose, fail, invariant
from treadle.checker.execution import simulation
from treadle.checker.loop import SimulatedLoop
from treadle.checker.runtime import Settings, current_run, may_rest, when_cancelled, when_stable
from treadle.checker.stock import confirm, confirming
from treadle.checker.stock.conductor import Departed
from treadle.checker.stock.loop import make_loop
from treadle.checker.stock.readings import Readings
from treadle.checker.stock.running import play
from treadle.checker.stock.script import Event, Iteration, Job, Step
from treadle.checker.world import World


async def deadlock():
    await asyncio.get_running_loop().create_future()


async def cancelled_by_surprise():
    async def child():
        await checkpoint()

    task = asyncio.create_task(child(), name="child")
    await asyncio.wait([task])
    assert not task.cancelled(), "the child was cancelled"


async def broken_invariant():
    total = 0
    invariant(lambda: total < 1, "assertion", "the total is too large")

    async def add():
        nonlocal total
        await checkpoint()
        total += 1

    await asyncio.gather(add(), add())


async def wrong_choice():
    await checkpoint(maybe=True)
    if choose(3) == 2:
        fail("assertion", "two was chosen")


async def wrong_at_rest():
    finished = []
    when_stable(lambda: finished and fail("assertion", "at rest, although one has finished"))

    async def child():
        await checkpoint()
        finished.append(1)

    await asyncio.gather(child(), child())


async def struck_while_it_holds():
    holders = []
    when_cancelled(lambda task: task.get_name() in holders and fail("assertion", "struck while it holds"))

    async def child():
        holders.append("child")
        await checkpoint()
        holders.remove("child")
        await checkpoint()

    await asyncio.wait([asyncio.create_task(child(), name="child")])


async def job_between_two_callbacks():
    loop = asyncio.get_running_loop()
    log = []

    async def child():
        log.append("before")
        loop.call_soon(log.append, "after")
        await loop.run_in_executor(None, log.append, "job")

    await child()
    assert log == ["before", "after", "job"], log


async def leaks():
    asyncio.create_task(checkpoint(), name="leaked")


async def raises_in_a_callback():
    asyncio.get_running_loop().call_soon([].pop)
    await checkpoint()


async def fails_while_it_is_shut_down():
    async def child():
        try:
            await checkpoint()
        finally:
            raise ValueError("too late")

    asyncio.create_task(child())
    await asyncio.sleep(0)


async def never_retrieved():
    async def child():
        raise ValueError("nobody looks")

    task = asyncio.create_task(child())
    await checkpoint()
    del task
    await checkpoint()


VIOLATIONS = {
    "assertion": (lost_update, {}),
    "deadlock": (deadlock, {}),
    "cancellation": (cancelled_by_surprise, {"cancel": 1}),
    "invariant": (broken_invariant, {}),
    "choice": (wrong_choice, {}),
    "at rest": (wrong_at_rest, {}),
    "struck": (struck_while_it_holds, {"cancel": 1}),
    "executor": (job_between_two_callbacks, {}),
    "leaked task": (leaks, {"forbid": {"leaked-tasks"}}),
    "callback": (raises_in_a_callback, {}),
    "shutdown": (fails_while_it_is_shut_down, {}),
    "never retrieved": (never_retrieved, {}),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_counterexample_is_confirmed_before_it_is_reported(name):
    scenario, options = VIOLATIONS[name]
    (violation,) = check(scenario, contract="stock", **options).violations
    assert violation.confirmed
    assert violation.confirmation == f"confirmed on asyncio's own event loop: a violation of {violation.property}"
    assert violation.to_json()["confirmed"] is True


def test_the_loop_is_asyncios_own():
    loop = make_loop()
    assert type(loop) is asyncio.SelectorEventLoop
    loop.close()


def test_a_run_that_may_rest_is_confirmed():
    async def rests():
        may_rest()
        await deadlock()

    assert confirm(rests, Settings(), ())


# --- what cannot happen on asyncio's loop --------------------------------------------------------------------------------


async def leans_on_the_order_of_callbacks():
    log = []
    loop = asyncio.get_running_loop()
    loop.call_soon(log.append, "first")
    loop.call_soon(log.append, "second")
    await checkpoint()
    assert log == ["first", "second"]


@pytest.mark.parametrize(
    ("scenario", "contract", "why"), [(leans_on_a_bare_yield, "stretched", "sleep(0)"), (leans_on_the_order_of_callbacks, "any", "order")]
)
def test_what_needs_a_stronger_contract_says_that_it_cannot_happen_there(scenario, contract, why):
    (violation,) = check(scenario, contract=contract).violations
    assert violation.contract == contract
    assert not violation.confirmed
    assert violation.confirmation.startswith("cannot happen on asyncio's own event loop as it is")
    assert why in violation.confirmation


async def sleepers(*delays):
    log = []

    async def sleeper(number, first, second):
        await asyncio.sleep(first)
        await asyncio.sleep(second)
        log.append(number)

    await asyncio.gather(*(sleeper(number, *pair) for number, pair in enumerate(delays)))
    assert log == sorted(log), log


async def of_one_age():
    await sleepers((1, 0), (1, 0))


async def of_different_ages():
    await sleepers((0.5, 0.5), (0.75, 0.25))


def test_timers_whose_order_every_clock_decides_are_ruled_out():
    (violation,) = check(of_one_age, contract="stock").violations
    assert not violation.confirmed
    assert "rule out" in violation.confirmation
    assert "defect" not in violation.confirmation


def test_timers_whose_order_a_clock_may_decide_either_way_are_confirmed():
    (violation,) = check(of_different_ages, contract="stock").violations
    assert violation.confirmed


# --- a simulation that is wrong, a script that is wrong -----------------------------------------------------------------


def test_a_wrong_simulation_is_found_out_and_said_loudly(monkeypatch):
    def call_sooner(loop, callback, *args, context=None):
        handle = call_soon(loop, callback, *args, context=context)
        loop.ready.rotate(1)
        return handle

    call_soon = SimulatedLoop.call_soon
    monkeypatch.setattr(SimulatedLoop, "call_soon", call_sooner)
    (violation,) = check(leans_on_the_order_of_callbacks, contract="stock").violations
    assert not violation.confirmed
    assert violation.confirmation.startswith("NOT REPRODUCED")
    assert "a defect of treadle: please report it" in violation.confirmation


def test_a_choice_that_differs_is_found_out():
    async def scenario():
        run = current_run()
        if choose(2) == 1 or not isinstance(run.loop, SimulatedLoop):
            choose(2)

    assert confirm(scenario, Settings(), (1,))
    assert confirm(scenario, Settings(), (0,)).status == "not reproduced"


def altered(script, generator):
    """Yield scripts that differ from a script in one thing that shows."""
    items = script.items
    results = sum(item == Step("the result of a job arrives") for item in items)
    for position, item in enumerate(items):
        without = [*items[:position], *items[position + 1 :]]
        if isinstance(item, Step):
            yield "without a step", replace(script, items=without)
            yield "another step", replace(script, items=[*items[:position], Step("another"), *items[position + 1 :]])
            following = items[position + 1] if position + 1 < len(items) else None
            if isinstance(following, Step) and following != item:
                yield "two steps exchanged", replace(script, items=[*items[:position], following, item, *items[position + 2 :]])
        elif isinstance(item, Job):
            if results == sum(isinstance(item, Job) for item in items):
                yield "without a job", replace(script, items=without)
        elif item.events:
            fewer = replace(item, events=item.events[1:])
            yield "without an event", replace(script, items=[*items[:position], fewer, *items[position + 1 :]])
            if len(set(item.events)) > 1:
                other = replace(item, events=[*item.events[1:], item.events[0]])
                yield "events in another order", replace(script, items=[*items[:position], other, *items[position + 1 :]])
        if isinstance(item, Iteration) and any(isinstance(later, Iteration) for later in items[position + 1 :]):
            more = replace(item, events=[*item.events, Event("checkpoint", generator.randrange(3))])
            yield "one more event", replace(script, items=[*items[:position], more, *items[position + 1 :]])
    yield "one more step", replace(script, items=[*items, Step("another")])
    yield "an early end", replace(script, items=items[: generator.randrange(len(items))])


def test_no_altered_script_is_confirmed():
    seen = Counter()

    @settings(max_examples=60, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @seed(0)
    @given(small, stock_settings, st.integers(0, 10**6))
    def compare(program, config, number):
        with simulation():
            world = World()
            world.prepare(program)
            script, outcome, trail = walk(program, config, number)
            if outcome.kind == "depth":
                return
            generator = random.Random(number)
            alterations = list(altered(script, generator))
            for kind, wrong in generator.sample(alterations, min(12, len(alterations))):
                world.restore()
                proof = confirming._attempt(program, config, wrong, outcome, Readings(wrong))
                assert not proof, (program, config, trail, kind)
                seen[kind] += 1
            world.restore()

    compare()
    print(dict(seen))
    assert len(seen) >= 8
    assert min(seen.values()) >= 3


def test_a_cancellation_of_nobody_is_found_out():
    async def scenario():
        await checkpoint()

    with simulation():
        script, outcome = confirming.write(scenario, Settings(), ())
        nobody = Event("cancel", 99)
        script.iterations[0].events.append(nobody)
        script.items.insert(2, Step(nobody.label))  # behind the only callback of that iteration
        proof = confirming._attempt(scenario, Settings(), script, outcome, Readings(script))
    assert proof.status == "not reproduced"
    assert "no such task" in proof.message


def test_another_end_is_not_confirmed():
    async def scenario():
        await checkpoint()
        return 1

    with simulation():
        script, outcome = confirming.write(scenario, Settings(), ())
        for wrong in (replace(outcome, shown="2"), replace(outcome, kind="deadlock")):
            assert not confirming._attempt(scenario, Settings(), script, wrong, Readings(script))
        assert confirming._attempt(scenario, Settings(), script, outcome, Readings(script))


# --- the observer ------------------------------------------------------------------------------------------------------------


def until_the_end(log):
    return log[: next((number for number, entry in enumerate(log) if entry[0] == "end"), len(log)) + 1]


def test_looking_at_the_ready_queue_changes_nothing():
    """The program's own log is the same in the simulation, on the observed loop, and where asyncio's queue is its own."""
    seen = Counter()

    @settings(max_examples=400, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @seed(0)
    @given(small, st.integers(0, 2), st.integers(0, 10**6))
    def compare(program, cancel, number):
        config = Settings(cancel=cancel, ignore=frozenset({"no-unhandled-exception", "assertion"}), max_steps=2_000)
        machines = []

        async def scenario():
            return await program.scenario(True, machines)

        with simulation():
            script, outcome, _ = walk(scenario, config, number)
            if outcome.kind == "depth" or any(isinstance(item, Job) for item in script.items):  # jobs are done between two callbacks
                return
            for observed in (True, False):
                try:
                    play(scenario, config, script, Readings(script), observed)
                except Departed:
                    assert sum(len(iteration.fired) for iteration in script.iterations) > 1, "two timers, and another clock"
                    return
        logs = [until_the_end(machine.log) for machine in machines]
        assert logs[0] == logs[1] == logs[2]
        seen["compared"] += 1
        seen["long"] += len(logs[0]) > 12

    compare()
    print(dict(seen))
    assert seen["compared"] > 200
    assert seen["long"] > 50


def test_what_a_run_changes_is_put_back():
    counted = [0]
    namespace = {"counted": counted, "checkpoint": checkpoint}
    exec("async def scenario():\n counted[0] += 1\n await checkpoint()\n return counted[0]", namespace)  # a global of its own module
    assert confirm(namespace["scenario"], Settings(), ())
    assert counted == [0]
