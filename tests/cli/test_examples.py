"""The examples are what their texts say."""

from pathlib import Path

import pytest

from treadle.checker import check
from treadle.checker.targets import resolve

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("scenario", "verdict", "violated", "warned"),
    [
        ("bank.py::scenario_lost_update", "violated", ["assertion"], []),
        ("bank.py::scenario_with_lock", "verified", [], []),
        ("philosophers.py::scenario_deadlock", "violated", ["no-deadlock"], []),
        ("philosophers.py::scenario_in_order", "verified", [], []),
        ("readers.py::scenario_readers_first", "verified", [], ["progress"]),
        ("readers.py::scenario_writers_first", "verified", [], []),
    ],
)
def test_examples_are_what_they_say(scenario, verdict, violated, warned):
    (target,) = resolve(f"{EXAMPLES}/{scenario}")
    found = check(target.function)
    assert found.verdict == verdict
    assert [violation.property for violation in found.violations] == violated
    assert [warning.property for warning in found.warnings] == warned
    assert all(counterexample.confirmed for counterexample in found.violations + found.warnings)
