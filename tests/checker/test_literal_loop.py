"""Deciding late is the same as deciding early: the scheduler against asyncio's loop to the letter, on generated programs."""

from collections import Counter

import literal
import naive
import programs
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from treadle.checker import execution
from treadle.checker.explorer import explore
from treadle.checker.runtime import Settings

CHUNKS = 4
COMPARED = 50  # in each chunk
FEWEST_RUNS, MOST_RUNS = 5, 600  # of the literal loop, which makes many choices in vain

leaves = st.one_of(programs.inner_leaves, programs.outside_leaves)
ops = st.one_of(leaves, programs.checkpoints, programs.checkpoints, programs.compound(leaves))
small = st.one_of(programs.programs(ops, 2, 3), programs.programs(ops, 3, 2))
all_settings = st.builds(
    Settings,
    contract=st.sampled_from(("stock", "stock", "stretched")),
    time=st.sampled_from(("virtual", "virtual", "any")),
    cancel=st.integers(0, 1),
    ignore=st.sampled_from((frozenset(), frozenset({"no-deadlock"}))),
)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_deciding_late_changes_nothing(chunk, monkeypatch):
    seen = Counter()

    @settings(max_examples=40 * COMPARED, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @seed(1000 + chunk)
    @given(small, all_settings)
    def compare(program, config):
        if seen["compared"] >= COMPARED:
            return
        with monkeypatch.context() as patch:
            patch.setattr(execution, "drive", literal.drive_literally)
            try:
                expected = naive.explore_naively(program, config, MOST_RUNS)
            except TypeError:  # an executor's job, which the literal loop does not know
                return
        if expected is None or expected.runs < FEWEST_RUNS:
            return
        result = explore(program, config, merge="on", keep_going=True)
        found = result.outcomes, {finding.violation.property for finding in result.findings}
        assert found == expected.found
        seen["compared"] += 1
        seen["several outcomes"] += len(expected.found[0]) > 1
        seen["fewer runs"] += result.executions < expected.runs
        seen[config.contract, config.cancel] += 1

    compare()
    print(dict(seen))
    assert seen["compared"] == COMPARED
    assert seen["several outcomes"] > COMPARED / 20
