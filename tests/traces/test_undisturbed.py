"""Recording does not change a run: generated programs under random schedules do the same when nobody watches.

And whatever a trace says can be shown: no program makes the recorder, the report or the page stumble.
"""

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from walking import Walk, small, stock_settings

from treadle.checker.execution import execute, simulation
from treadle.checker.recording import Recorder, record
from treadle.checker.report import plain_text, render_recorded
from treadle.checker.shrinking import Replay
from treadle.checker.trace import Target
from treadle.checker.viewer import page

CHUNKS = 2
PROGRAMS = 150  # in each chunk


def run(program, config, chooser, recorder=None):
    """Run a program; return all that can be seen of the run from outside and inside."""
    machines = []

    async def scenario():
        return await program.scenario(logging=True, machines=machines)

    with simulation():
        outcome = execute(scenario, config, chooser, recorder)
    if recorder is not None:
        recorder.close()
    seen = (outcome.kind, outcome.violation, outcome.steps, outcome.choices, outcome.shown, outcome.names_matter, outcome.time_matters)
    return seen, machines[0].log if machines else None


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_watched_run_is_the_same_run(chunk):
    seen = Counter()

    @settings(max_examples=PROGRAMS, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @seed(chunk)
    @given(small, stock_settings, st.integers(0, 10**6))
    def compare(program, config, number):
        walk = Walk(random.Random(number))
        alone = run(program, config, walk)
        replay, recorder = Replay(tuple(walk.trail)), Recorder()
        watched = run(program, config, replay, recorder)
        assert watched == alone, program
        assert (replay.taken, replay.misfits) == (walk.trail, 0)
        assert_consistent(recorder)
        seen[alone[0][0]] += 1
        seen["calls"] += any(step.calls for step in recorder.steps)
        seen["windows"] += any(step.in_window for step in recorder.steps)
        seen["holders"] += any(primitive.holders for step in recorder.steps for primitive in step.primitives)

    compare()
    print(dict(seen))
    for what in ("done", "violated", "calls", "windows", "holders"):
        assert seen[what] > PROGRAMS / 60, what


def assert_consistent(recorder):
    """Whatever the program did: the parts of a record agree with each other."""
    steps = recorder.steps
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert [step.iteration for step in steps] == sorted(step.iteration for step in steps)
    ended = set()
    values = {}
    woken = {}
    for step in steps:
        assert step.kind in ("start", "resume", "cancel", "timer", "outside", "callback")
        assert step.task not in ended or step.kind == "cancel", "a task that has ended runs"
        assert bool(step.stack) == bool(step.place) or not step.place
        assert (step.position >= 0) == bool(step.options)
        assert not step.options or step.chosen < len(step.options)
        if step.kind == "resume" and step.in_window == "woken":
            assert woken.pop(step.task, False), "nobody woke it"
        for wake in step.wakes:
            woken[wake.task] = not wake.cancelled
        for change in step.changes:
            assert values.get(change.name) == change.before
            values[change.name] = change.after
        for primitive in step.primitives:
            assert len(primitive.waiting) == len(set(primitive.waiting))
        if step.task and step.kind in ("start", "resume") and not step.stack:
            ended.add(step.task)
    assert {wait.task for wait in recorder.waits}.isdisjoint(ended)


def test_whatever_happens_can_be_shown():
    @settings(max_examples=60, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @seed(0)
    @given(small, stock_settings, st.integers(0, 10**6))
    def show(program, config, number):
        walk = Walk(random.Random(number))
        run(program, config, walk)
        trace, fits = record(program, config, tuple(walk.trail), Target("check", "generated"))
        assert fits
        assert all(len(line) <= 80 for line in plain_text([render_recorded(trace)], 80).splitlines())
        assert page(trace).endswith("</html>\n") or page(trace).endswith("</html>")
        if trace.parting is not None:
            with simulation():
                passing = execute(program, config, Replay(tuple(trace.parting.schedule)))
            assert passing.violation is None

    show()
