"""Endless runs: which are violations, which are warnings, which are neither; and what becomes of one that was found."""

import asyncio
import contextlib
import io
import json
from collections import deque

import pytest

from treadle.checker import TreadleError, check, checkpoint, choose, lasso
from treadle.checker.cli import run
from treadle.checker.explorer import explore
from treadle.checker.results import Limits
from treadle.checker.runtime import Settings, expect_progress, progress
from treadle.checker.trace import load_trace

# -- what cannot end any more -------------------------------------------------------------------------------------------------------------


async def a_flag_that_nobody_raises():
    stop = False

    async def spinner():
        while not stop:
            await asyncio.sleep(0)

    async def stopper():
        nonlocal stop
        await checkpoint()
        if choose(2):
            stop = True

    await asyncio.gather(spinner(), stopper())


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


# -- what need not end, although it can ---------------------------------------------------------------------------------------------------


def readers(*, claim=False, forever=False):
    async def scenario():
        reading = 0
        free = asyncio.Condition()
        written = False

        async def reader():
            nonlocal reading
            while not written:
                reading += 1
                await checkpoint()
                reading -= 1
                async with free:
                    free.notify_all()
                await checkpoint()

        async def writer():
            nonlocal written
            while not written:
                await checkpoint()
                async with free:
                    await free.wait_for(lambda: reading == 0)
                    written = not forever
                    if claim:
                        progress("writer")

        async with asyncio.TaskGroup() as group:
            group.create_task(reader(), name="R1")
            group.create_task(reader(), name="R2")
            task = group.create_task(writer(), name="W")
            if claim:
                expect_progress("writer", task)

    return scenario


async def a_spin_that_misses():
    """Two that go round and look at each other: whether they ever meet is a matter of chance, or of nobody."""
    up = False

    async def flicker():
        nonlocal up
        while True:
            up = True
            await checkpoint()
            up = False
            await checkpoint()

    async def watch():
        while not up:
            await checkpoint()

    task = asyncio.create_task(flicker())
    await watch()
    task.cancel()


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


# -- what ends in every fair run ----------------------------------------------------------------------------------------------------------


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


async def a_heartbeat_beside_a_wait():
    async def beat():
        while True:
            await checkpoint()

    task = asyncio.create_task(beat())
    await checkpoint()
    task.cancel()


async def a_poll_beside_a_wait():
    done = False

    async def poll():
        while not done:
            await asyncio.sleep(1)

    async def setter():
        nonlocal done
        await checkpoint()
        done = True

    await asyncio.gather(poll(), setter())


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


async def a_spin_while_a_timer_is_pending():
    """Only a virtual clock stands still here."""
    done = False

    async def spin():
        await checkpoint()
        while not done:
            await asyncio.sleep(0)

    async def setter():
        nonlocal done
        await asyncio.sleep(1)
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


# -- progress by name ---------------------------------------------------------------------------------------------------------------------


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


def clients(fair):
    """Two clients of a lock for ever, or of a flag that is tried for again and again."""

    async def scenario():
        lock = asyncio.Lock()
        taken = False

        async def with_lock(name):
            while True:
                async with lock:
                    progress(name)
                    await checkpoint()

        async def with_flag(name):
            nonlocal taken
            while True:
                while taken:
                    await checkpoint()
                taken = True
                progress(name)
                await checkpoint()
                taken = False
                await checkpoint()

        client = with_lock if fair else with_flag
        await asyncio.gather(client("a"), client("b"))

    return scenario


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


# -- scenarios that never end -------------------------------------------------------------------------------------------------------------


async def for_ever():
    while True:
        await checkpoint()


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


# -- searches that have not seen everything say nothing ---------------------------------------------------------------------------------


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


# -- traces -------------------------------------------------------------------------------------------------------------------------------

SOURCE = """import asyncio
from treadle.checker import checkpoint, choose


async def scenario_stuck():
    stop = False

    async def spinner():
        while not stop:
            await asyncio.sleep(0)

    async def stopper():
        nonlocal stop
        await checkpoint()
        if choose(2):
            stop = True

    await asyncio.gather(spinner(), stopper())


async def scenario_misses():
    up = False

    async def flicker():
        nonlocal up
        while True:
            up = True
            await checkpoint()
            up = False
            await checkpoint()

    async def watch():
        while not up:
            await checkpoint()

    task = asyncio.create_task(flicker())
    await watch()
    task.cancel()
"""


def treadle(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return code, " ".join(out.getvalue().split()), err.getvalue()


@pytest.fixture(params=["scenario_stuck", "scenario_misses"])
def traced(request, tmp_path, monkeypatch):
    """A program and the trace of a lasso of it; names are new for every test, so that no module is loaded already."""
    monkeypatch.setenv("COLUMNS", "200")
    program = tmp_path / f"program_{request.node.name.partition('[')[0]}_{request.param}.py"
    program.write_text(SOURCE, encoding="utf-8")
    file = tmp_path / "trace.json"
    code, out, err = treadle("check", f"{program}::{request.param}", "--contract", "stock", "--strict", "--trace", file)
    assert code == 1, (out, err)
    return program, file


def test_a_trace_says_where_its_loop_begins(traced):
    _, file = traced
    trace = load_trace(str(file))
    assert trace.violation.property == "progress"
    assert 1 < trace.loop <= len(trace.steps)
    assert trace.scope["lasso"]["end"] == len(trace.schedule)


def test_replay_closes_the_loop_again(traced):
    _, file = traced
    code, out, err = treadle("replay", file)
    assert (code, err) == (0, "")
    assert "replayed: progress: " in out


def test_replay_on_asyncios_own_loop_confirms_it(traced):
    _, file = traced
    code, out, _ = treadle("replay", file, "--stock")
    assert code == 0
    assert "confirmed on asyncio's own event loop" in out


CHANGES = {"scenario_stuck": ("not stop", "not (stop or choose(2))"), "scenario_misses": ("not up", "not (up or choose(2))")}


def test_a_program_whose_loop_does_not_close_is_not_reproduced(traced):
    program, file = traced
    (change,) = (change for scenario, change in CHANGES.items() if scenario in program.name)
    changed = program.with_name(f"changed_{program.name}")
    changed.write_text(SOURCE.replace(*change), encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8").replace(program.name, changed.name), encoding="utf-8")
    code, out, _ = treadle("replay", file)
    assert code == 3
    assert "not reproduced" in out


def test_a_trace_of_an_older_treadle_still_loads(traced):
    _, file = traced
    document = json.loads(file.read_text(encoding="utf-8"))
    del document["loop"]
    del document["scope"]["lasso"]
    file.write_text(json.dumps(document), encoding="utf-8")
    assert load_trace(str(file)).loop == 0
    assert treadle("trace", "show", file)[0] == 0


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
