"""What the simulated loop does under `stock`, asyncio's own loop does: thousands of generated programs, random schedules.

Not only violations: every run is compared, callback by callback, and in how it ends.
"""

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from walking import small, stock_settings, walk_on_both

CHUNKS = 5
PROGRAMS = 500  # in each chunk
MOST_RULED_OUT = 0.02  # schedules that rest on a tie which a clock decides


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_run_is_confirmed(chunk):
    seen = Counter()

    @settings(max_examples=PROGRAMS, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @seed(chunk)
    @given(small, stock_settings, st.integers(0, 10**6))
    def compare(program, config, number):
        proof, outcome, script, trail = walk_on_both(program, config, number)
        if outcome.kind == "depth":
            return
        assert proof.status in ("confirmed", "ruled out"), (program, config, trail, proof)
        if proof.status == "ruled out":
            assert sum(len(iteration.fired) for iteration in script.iterations) > 1, "nothing to be ruled out without two timers"
        seen[proof.status] += 1
        seen[outcome.kind] += 1
        seen["departures"] += any(trail)
        seen["events"] += any(iteration.events for iteration in script.iterations)
        seen["timers"] += any(iteration.fired for iteration in script.iterations)
        seen["choices"] += bool(script.choices)

    compare()
    print(dict(seen))
    assert seen["confirmed"] > 0.95 * PROGRAMS
    assert seen["ruled out"] < MOST_RULED_OUT * PROGRAMS
    for what in ("departures", "events", "done", "violated"):
        assert seen[what] > PROGRAMS / 10, what
    for what in ("timers", "choices", "deadlock", "cancelled"):
        assert seen[what] > PROGRAMS / 100, what
