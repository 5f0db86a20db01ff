"""The one sentence: facts of the trace, and silence where the facts do not carry it."""

import pytest

from treadle.checker.explaining import explain
from treadle.checker.trace import Call, Change, Primitive, Step, Target, Trace, TracedViolation, Wait, Wake

PLACE = {"place": "x.py:1", "source": "await x", "stack": ["frame"]}


def trace(property, *steps, waits=(), message="it is broken"):
    return Trace(
        version=2, target=Target("check", "x.py::x"), scope={}, versions={}, schedule=[], steps=list(steps), tasks=[], observed=["lock"],
        sources=[], digest="", violation=TracedViolation(property, message), waits=list(waits),
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
