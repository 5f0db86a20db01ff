"""What a trace says of a run: calls, wakes, who holds and who waits, where the nearest passing run parts, one sentence."""

import gc
import sys
import weakref

import mishaps
import pytest
from recorded_runs import recorded

from treadle.checker import check, checkpoint
from treadle.checker.execution import execute, simulation
from treadle.checker.loop import SimulatedLoop
from treadle.checker.recording import Recorder, _deadlock, record
from treadle.checker.runtime import Settings, Violation
from treadle.checker.shrinking import Replay
from treadle.checker.trace import Step, Target, Wait


def step_of(trace, task, **wanted):
    """Return the only step of a task with these attributes."""
    (step,) = [step for step in trace.steps if step.task == task and all(getattr(step, key) == value for key, value in wanted.items())]
    return step


def calls_of(step):
    return [(call.depth, f"{call.receiver}.{call.function}({call.arguments})", call.result) for call in step.calls]


class TestCalls:
    def test_nested_calls_with_arguments_and_results(self):
        trace = recorded(mishaps.queue)
        step = step_of(trace, "producer", kind="start")
        calls = calls_of(step)
        assert calls[0][1:] == (".produce()", "")
        assert (1, "queue.put(0)", "returns") in calls
        assert (2, "queue.put_nowait(0)", "returns") in calls
        assert (1, "queue.put(1)", "") in calls

    def test_a_call_that_returns_in_a_later_step_is_shown_there(self):
        trace = recorded(mishaps.queue)
        step = step_of(trace, "producer", kind="resume")
        (put,) = [call for call in step.calls if call.function == "put"]
        assert (put.resumed, put.result) == (True, "returns")

    def test_what_comes_out_is_what_is_raised_and_not_what_was_raised_last(self):
        trace = recorded(mishaps.swallows)
        (close,) = [call for step in trace.steps for call in step.calls if call.function == "close" and call.result]
        assert close.result == "raises LookupError"

    def test_a_task_that_raises_again_after_a_wait(self):
        trace = recorded(mishaps.raises_again)
        results = [call.result for step in trace.steps for call in step.calls if call.function == "raises_again"]
        assert results[-1] == "raises LookupError"

    def test_a_program_that_notices_is_recorded_without_calls(self):
        trace = recorded(mishaps.looks_at_deaths)
        assert trace.violation.message.endswith("dead")
        seen = any(step.calls for step in trace.steps)
        assert seen == (sys.version_info >= (3, 13))  # since 3.13 a trace function makes no copies of local variables

    def test_what_the_engine_and_its_monitors_call_is_left_out(self):
        trace = recorded("semaphore", tasks=2, cancel=1)
        functions = {call.function for step in trace.steps for call in step.calls}
        assert {"acquire", "release"} <= functions
        assert not functions & {"after_step", "calls", "acquired", "describe", "checkpoint"}

    def test_the_trace_function_is_put_back(self):
        def tracer(frame, event, argument):
            return None

        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            recorded(mishaps.lost_update)
            assert sys.gettrace() is tracer
        finally:
            sys.settrace(before)

    def test_an_object_dies_when_it_would_without_a_recorder(self):
        class Thing:
            pass

        async def scenario():
            thing = Thing()
            gone = weakref.ref(thing)
            await checkpoint()
            thing = None
            await checkpoint()
            raise ValueError("dead" if gone() is None else "alive")

        trace = recorded(scenario)
        assert trace.violation.message.endswith("dead")
        assert any(step.calls for step in trace.steps)  # it was not recorded without them


class TestWakes:
    def test_who_woke_whom_by_what(self):
        trace = recorded("semaphore", tasks=2, cancel=1)
        (step,) = [step for step in trace.steps for wake in step.wakes if wake.operation and not wake.cancelled]
        assert step.task == "A"
        assert [(wake.task, wake.operation) for wake in step.wakes] == [("B", "semaphore.release()")]

    def test_the_public_method_is_named_and_not_its_helper(self):
        trace = recorded(mishaps.mailbox)
        assert step_of(trace, "reader", kind="resume").why == "woken by writer: box.deliver()"

    def test_a_cancellation_in_the_window_says_so(self):
        trace = recorded("semaphore", tasks=2, cancel=1)
        assert step_of(trace, "B", kind="cancel").in_window == "woken"
        assert step_of(trace, "B", in_window="woken and cancelled").why == "its cancellation arrives"

    def test_tasks_and_timers_and_checkpoints_are_reasons_of_their_own(self):
        trace = recorded(mishaps.queue)
        whys = {step.why for step in trace.steps}
        assert {"starts", "woken by consumer: queue.get_nowait()", "its time has come"} <= whys
        assert "checkpoint completes" in {step.why for step in recorded(mishaps.lost_update).steps}
        assert step_of(trace, "main", kind="start").created == ["producer", "consumer"]


class TestHoldersAndWaiters:
    def test_who_holds_and_who_waits(self):
        trace = recorded(mishaps.deadlock)
        last = {primitive.name: primitive for step in trace.steps for primitive in step.primitives}
        assert (last["red"].holders, last["red"].waiting) == (["alice"], ["bob"])
        assert (last["blue"].holders, last["blue"].waiting) == (["bob"], ["alice"])

    def test_who_is_refused_holds_nothing_and_who_releases_only_gives_back_its_own(self):
        trace = recorded(mishaps.turnstile)
        holders = [primitive.holders for step in trace.steps for primitive in step.primitives if primitive.name == "gate"]
        assert holders == [[], ["anna"], ["anna", "ben"], ["ben"], []]

    def test_a_circle_of_waits(self):
        trace = recorded(mishaps.deadlock)
        assert trace.deadlock == ["alice", "bob"]
        assert {(wait.task, tuple(wait.holders)) for wait in trace.waits} == {
            ("main", ("alice", "bob")),
            ("alice", ("bob",)),
            ("bob", ("alice",)),
        }

    def test_a_global_is_seen(self):
        trace = recorded(mishaps.global_lock)
        held = [primitive for step in trace.steps for primitive in step.primitives if primitive.holders]
        assert [(primitive.name, primitive.holders) for primitive in held] == [("SHARED", ["main"])]

    def test_a_future_of_ones_own_is_something_to_wait_for(self):
        trace = recorded(mishaps.mailbox)
        assert step_of(trace, "reader", kind="start").waits_for == "box"

    def test_values_before_and_after(self):
        trace = recorded(mishaps.lost_update)
        all_changes = [(step.task, change) for step in trace.steps for change in step.changes]
        changes = [(task, change.before, change.after) for task, change in all_changes if change.name == "account.balance"]
        assert changes == [("main", None, "0"), ("alice", "0", "1"), ("bob", "1", "2"), ("main", "2", None)]

    def test_where_a_task_stands_is_a_relative_path_with_all_its_frames(self):
        trace = recorded(mishaps.deadlock)
        step = [step for step in trace.steps if step.task == "alice"][-1]
        assert step.stack[0].function == "_take_both"
        assert step.stack[0].file == "tests/traces/mishaps.py"
        assert step.place.startswith("tests/traces/mishaps.py:")


class TestParting:
    def test_one_choice_where_the_nearest_passing_run_parts(self):
        trace = recorded("semaphore", tasks=2, cancel=1)
        assert (trace.parting.chosen, trace.parting.instead) == ("cancel B", "go on")
        assert trace.steps[trace.parting.step - 1].kind == "cancel"
        assert any("acquire() → True" in line for line in trace.parting.goes_on)

    def test_its_schedule_passes_and_differs_in_that_choice_alone(self):
        trace = recorded(mishaps.order_matters)
        parting = trace.parting
        assert parting.schedule[:-1] == (trace.schedule + [0] * len(parting.schedule))[: len(parting.schedule) - 1]
        with simulation():
            assert execute(mishaps.order_matters, Settings(), Replay(tuple(parting.schedule))).violation is None

    def test_another_order_is_told_before_another_input(self):
        trace = recorded(mishaps.order_matters)
        assert "choose" not in trace.parting.chosen
        assert "choose" not in recorded(mishaps.input_last).parting.chosen

    def test_a_cancellation_more_is_no_alternative(self):
        trace = recorded(mishaps.order_matters, cancel=1)
        assert any("cancel first" in step.options for step in trace.steps)
        assert not trace.parting.instead.startswith("cancel")

    def test_no_run_passes_near_this_one(self):
        assert recorded(mishaps.many_tasks).parting is None


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (
            "semaphore",
            "semaphore.release() by A woke B (step 9); B was cancelled before it resumed (step 10); nobody was woken in its stead",
        ),
        (mishaps.deadlock, "alice waits for blue, which bob holds; bob waits for red, which alice holds"),
        (mishaps.left_holding, "patient waits for lock, held by careless, which has ended, and nothing is left that could wake it"),
        (
            mishaps.lost_update,
            (
                "bob was suspended, with before = 0, when alice changed account.balance from 0 to 1 (step 5); "
                "bob went on and made it 2 (step 8)"
            ),
        ),
        (mishaps.queue, ""),
        (mishaps.order_matters, ""),
    ],
)
def test_one_sentence_or_none(what, sentence):
    trace = recorded(what, tasks=2, cancel=1) if isinstance(what, str) else recorded(what)
    assert trace.explanation == sentence


def test_the_sentence_is_about_the_facts_of_the_trace():
    trace = recorded("semaphore", tasks=2, cancel=1)
    step = trace.steps[9]
    assert (step.kind, step.task) == ("cancel", "B")


def test_recording_leaves_no_garbage_that_holds_the_run():
    gc.collect()
    before = simulated_loops()  # of other tests
    trace = recorded(mishaps.deadlock)
    gc.collect()
    assert trace.steps
    assert [loop for loop in simulated_loops() if not any(loop is other for other in before)] == []


def simulated_loops():
    return [found for found in gc.get_objects() if isinstance(found, SimulatedLoop)]


class TestLoop:
    def test_it_ends_in_the_state_in_which_it_began(self):
        trace = recorded(mishaps.starvation)
        assert trace.loop > 1
        state = {}
        for step in trace.steps:
            if step.number == trace.loop:
                begun = dict(state)
            state |= {change.name: change.after for change in step.changes}
            state |= {primitive.name: primitive for primitive in step.primitives}
        assert state == begun

    def test_a_circle_of_waits_is_found_although_others_go_on(self):
        assert recorded(mishaps.half_deadlock).deadlock == ["alice", "bob"]

    @pytest.mark.parametrize(("kind", "circle"), [("outside", ["A", "B"]), ("resume", [])])
    def test_who_goes_round_is_in_no_circle(self, kind, circle):
        recorder = Recorder()
        recorder.steps = [Step(1, 1, "resume", "B", "goes on"), Step(2, 2, kind, "B", "goes on")]
        recorder.waits = [Wait("A", "red", ["B"], ""), Wait("B", "blue", ["A"], "")]
        assert _deadlock(recorder, Violation("progress", ""), looped=2) == circle

    def test_a_program_that_breaks_otherwise_by_now_goes_round_no_loop(self):
        (violation,) = check(mishaps.livelock).violations

        async def edited():
            await checkpoint()
            raise ValueError("something else")

        trace, _ = record(edited, violation.settings(), violation.schedule, Target("check", "x"))
        assert (trace.violation.property, trace.loop) == ("no-unhandled-exception", 0)
