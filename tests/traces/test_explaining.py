"""The one sentence: facts of the trace, and silence where the facts do not carry it."""

import pytest

from treadle.checker.explaining import explain
from treadle.checker.trace import Call, Change, Primitive, Step, Target, Trace, TracedViolation, Wait, Wake

PLACE = {"place": "x.py:1", "source": "await x", "stack": ["frame"]}


def trace(property, *steps, waits=(), message="it is broken", loop=0, deadlock=()):
    return Trace(
        version=2, target=Target("check", "x.py::x"), scope={}, versions={}, schedule=[], steps=list(steps), tasks=[], observed=["lock"],
        sources=[], digest="", violation=TracedViolation(property, message), waits=list(waits), loop=loop,
        deadlock=list(deadlock),
    )  # fmt: skip


def run(number, task, why="goes on", **what):
    return Step(number, number, "resume", task, why, **{**PLACE, **what})


def woken(task, operation="lock.release()"):
    return [Wake(task, operation, False)]


STRUCK = Step(2, 2, "cancel", "B", "cancelled from outside", in_window="woken", wakes=[Wake("B", "cancel()", True)])
WAITING = Primitive("lock", "unlocked", [], ["C"])
C_WAITS = Wait("C", "lock", [], "x.py:3")


class TestLostInTheWindow:
    def test_what_woke_it_is_lost(self):
        steps = (run(1, "A", wakes=woken("B"), primitives=[WAITING]), STRUCK, run(3, "B", in_window="woken and cancelled"))
        assert explain(trace("no-lost-wakeup", *steps, waits=[C_WAITS])) == (
            "lock.release() by A woke B (step 1); B was cancelled before it resumed (step 2); "
            "nobody was woken in its stead; C waits for ever"
        )

    def test_what_was_passed_on_is_not_said_to_be_lost(self):
        steps = (run(1, "A", wakes=woken("B")), STRUCK, run(3, "B", in_window="woken and cancelled", wakes=woken("C")))
        assert "it woke C in its stead (step 3)" in explain(trace("no-lost-wakeup", *steps))
        assert "nobody" not in explain(trace("no-lost-wakeup", *steps))

    def test_somebody_else_may_wake_later(self):
        steps = (run(1, "A", wakes=woken("B")), STRUCK, run(3, "B", in_window="woken and cancelled"), run(4, "D", wakes=woken("C")))
        assert "it woke nobody in its stead" in explain(trace("no-lost-wakeup", *steps))

    def test_who_was_woken_by_the_outside_world_has_lost_nothing(self):
        steps = (run(1, "", wakes=woken("B", "")), STRUCK, run(3, "B", in_window="woken and cancelled"))
        assert explain(trace("no-lost-wakeup", *steps)) == ""

    def test_who_was_cancelled_while_it_waited_has_lost_nothing(self):
        steps = (run(1, "A", wakes=woken("B")), run(2, "B", in_window="woken"), STRUCK, run(4, "B", in_window="cancelled"))
        assert explain(trace("no-lost-wakeup", *steps)) == ""

    def test_who_is_held_up_by_a_holder_does_not_wait_for_ever(self):
        steps = (run(1, "A", wakes=woken("B"), primitives=[WAITING]), STRUCK, run(3, "B", in_window="woken and cancelled"))
        held = Wait("C", "lock", ["D"], "x.py:3")
        assert "for ever" not in explain(trace("no-lost-wakeup", *steps, waits=[held]))


class TestOvertaken:
    GOT = Call(1, "lock", "acquire", "", "→ True", True, True, True)

    def test_somebody_got_through_before_who_was_woken(self):
        steps = (run(1, "A", wakes=woken("B")), run(2, "C", calls=[self.GOT]))
        assert explain(trace("fifo", *steps)) == "lock.release() by A woke B (step 1); before B resumed, C's acquire() returned (step 2)"

    def test_who_has_resumed_was_not_overtaken(self):
        steps = (run(1, "A", wakes=woken("B")), run(2, "B", in_window="woken"), run(3, "C", calls=[self.GOT]))
        assert explain(trace("fifo", *steps)) == ""

    def test_a_refinement_is_told_so_only_if_somebody_got_what_it_must_not(self):
        steps = (run(1, "A", wakes=woken("B")), run(2, "C", calls=[self.GOT]))
        refused = "acquire() returns True to C, which the model does not allow"
        assert "before B resumed" in explain(trace("refinement", *steps, message=refused))
        assert explain(trace("refinement", *steps, message="the code comes to rest")) == ""


class TestLostUpdate:
    def steps(self, copy):
        return (
            run(1, "A", changes=[Change("x", None, "0")]),
            run(2, "B", changes=[Change("B: before", None, copy)]),
            run(3, "A", changes=[Change("x", "0", "5")]),
            run(4, "B", changes=[Change("x", "5", "1")]),
        )

    def test_a_copy_that_is_old(self):
        assert explain(trace("assertion", *self.steps("0"))) == (
            "B was suspended, with before = 0, when A changed x from 0 to 5 (step 3); B went on and made it 1 (step 4)"
        )

    def test_without_a_copy_nothing_is_claimed(self):
        assert explain(trace("assertion", *self.steps("7"))) == ""

    def test_who_looked_after_the_change_is_not_blamed(self):
        first, second, third, fourth = self.steps("0")
        second, third = run(2, "A", changes=third.changes), run(3, "B", changes=second.changes)
        assert explain(trace("assertion", first, second, third, fourth)) == ""


@pytest.mark.parametrize("property", ["raises-as-documented", "witness", "no-leaked-task"])
def test_of_other_properties_nothing_is_said(property):
    steps = (run(1, "A", wakes=woken("B")), STRUCK, run(3, "B", in_window="woken and cancelled"))
    assert explain(trace(property, *steps)) == ""


def spin(number, task):
    return run(number, task, "goes on after a bare yield")


class TestEndless:
    def test_who_goes_round_and_who_waits_meanwhile(self):
        steps = (run(1, "A"), spin(2, "A"))
        assert explain(trace("progress", *steps, waits=[Wait("main", "the end of A", ["A"], "x.py:3")], loop=2)) == (
            "step 2 can repeat for ever: A spins on a bare yield; main waits for the end of A"
        )

    def test_those_who_do_the_same_are_told_together(self):
        steps = (run(1, "X"), *(spin(number, task) for number, task in enumerate("ABCDEF", start=2)), run(8, "main", waits_for="lock"))
        assert explain(trace("progress", *steps, loop=2)) == (
            "steps 2–8 can repeat for ever: A, B, C, D and 2 more spin on a bare yield; main waits for lock again and again"
        )

    def test_who_is_woken_in_vain(self):
        steps = (
            spin(1, "A"),
            run(2, "B", "woken by A: free.notify()", waits_for="free"),
            run(3, "B", "woken by C: free.notify()", waits_for="free, held by A"),
        )
        assert "B is woken by free.notify() and waits for free again" in explain(trace("progress", *steps, loop=1))

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ({"why": "woken by A: lock.release()", "waits_for": "lock"}, {"waits_for": "lock"}),
            ({"why": "woken by A: lock.release()", "waits_for": "lock"}, {"why": "woken by A: x.set()", "waits_for": "lock"}),
        ],
    )
    def test_what_wakes_it_is_said_only_if_it_is_always_that(self, first, second):
        assert "B waits for lock again and again" in explain(trace("progress", run(1, "B", **first), run(2, "B", **second), loop=1))

    def test_who_waits_for_this_and_that_goes_round(self):
        steps = (run(1, "B", waits_for="lock"), run(2, "B", waits_for="a checkpoint"))
        assert "B goes round" in explain(trace("progress", *steps, loop=1))

    def test_who_spins_now_and_then_only_goes_round(self):
        assert "B goes round" in explain(trace("progress", spin(1, "B"), run(2, "B", "its time has come"), loop=1))

    def test_a_task_that_ends_in_the_loop_is_started_in_it(self):
        steps = (run(1, "B", place="", source="ends"), Step(2, 2, "start", "B", "starts", **PLACE))
        assert "B starts and ends" in explain(trace("progress", *steps, loop=1))

    def test_a_cancellation_that_strikes_in_it_is_no_step_of_the_task(self):
        steps = (spin(1, "A"), Step(2, 2, "cancel", "B", "cancelled from outside"), spin(3, "A"))
        assert "B" not in explain(trace("progress", *steps, loop=1))

    def test_a_circle_of_waits_comes_first(self):
        waits = [Wait("B", "red", ["C"], "x.py:1"), Wait("C", "blue", ["B"], "x.py:1"), Wait("main", "the end of B", ["B"], "x.py:1")]
        assert explain(trace("progress", spin(1, "A"), waits=waits, loop=1, deadlock=["B", "C"])) == (
            "B waits for red, which C holds; C waits for blue, which B holds; meanwhile step 1 can repeat for ever: "
            "A spins on a bare yield; main waits for the end of B"
        )

    def test_tasks_come_in_the_order_of_the_columns(self):
        endless = trace("progress", spin(1, "B"), run(2, "A", waits_for="lock"), loop=1)
        endless.tasks = ["A", "B"]
        assert explain(endless) == "steps 1–2 can repeat for ever: A waits for lock again and again; B spins on a bare yield"

    def test_who_only_waits_for_the_clients_is_left_out(self):
        verified = trace("progress", spin(1, "A"), waits=[Wait("main", "the end of A", ["A"], ""), Wait("B", "lock", [], "")], loop=1)
        verified.target = Target("verify", "lock")
        assert explain(verified) == "step 1 can repeat for ever: A spins on a bare yield; B waits for lock"

    def test_no_task_need_run(self):
        steps = (Step(1, 1, "callback", "", "callback f"),)
        assert "no task runs in it, only callbacks" in explain(trace("progress", *steps, loop=1))
