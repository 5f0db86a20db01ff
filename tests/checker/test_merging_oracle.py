"""The reductions lose nothing: on generated programs three searches see the same outcomes and the same violations.

One merges states and defers events (*late delivery*), as users get it; one only defers events; and one does neither
(`naive`), and shares no code with the explorer. Programs whose space is too large for the last are discarded, by a
count of runs, so always the same ones; how many were really compared is asserted.

A fingerprint can also be wrong in the other direction: too fine, it merges nothing, and nobody notices. So the same
schedule, run twice, also in a process of its own with other addresses and hashes, has the same fingerprints throughout.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
from collections import Counter

import naive
import programs
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from treadle.checker.execution import execute, simulation
from treadle.checker.explorer import explore
from treadle.checker.results import Limits
from treadle.checker.runtime import Settings

CHUNKS = 8
COMPARED = 200  # in each chunk
MOST_ALTERNATIVES, MOST_RUNS = 12, 80  # larger spaces take too long

leaves = st.one_of(programs.inner_leaves, programs.outside_leaves)
ops = st.one_of(leaves, programs.checkpoints, programs.compound(leaves), programs.compound(programs.checkpoints))
small = st.one_of(programs.programs(ops, 2, 3), programs.programs(ops, 3, 2))
all_settings = st.builds(
    Settings,
    contract=st.sampled_from(("stock", "stretched", "stretched", "any")),
    time=st.sampled_from(("virtual", "virtual", "any")),
    cancel=st.integers(0, 1),
    ignore=st.sampled_from((frozenset(), frozenset({"no-deadlock"}))),
)


class Enough(Exception):
    """Ends the generation of examples."""


def with_examples(number):
    """The same examples every time, others for every number, until the test has `Enough`."""
    profile = settings(
        max_examples=20 * COMPARED,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: profile(seed(number)(test))


def found(result):
    assert not result.held_back
    return result.outcomes, {finding.violation.property for finding in result.findings}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_reductions_lose_nothing(chunk):
    seen = Counter()

    @with_examples(chunk)
    @given(small, all_settings)
    def compare(program, config):
        if seen["compared"] >= COMPARED:
            raise Enough
        if not 0 < naive.alternatives(program, config) <= MOST_ALTERNATIVES:
            return
        late = explore(program, config, Limits(runs=MOST_RUNS), merge="off", keep_going=True)
        if late.held_back:
            return
        expected = naive.explore_naively(program, config, MOST_RUNS)
        if expected is None:
            return
        assert found(late) == expected.found
        merged = explore(program, config, merge="on", keep_going=True)
        assert found(merged) == expected.found
        assert merged.executions <= late.executions <= expected.runs, "together they must not be worse than either"
        seen["compared"] += 1
        seen["several outcomes"] += len(expected.found[0]) > 1
        seen["violations"] += bool(expected.found[1])
        seen["fewer runs"] += merged.executions < late.executions
        seen[config.contract] += 1

    with contextlib.suppress(Enough):
        compare()
    print(dict(seen))
    assert seen["compared"] == COMPARED
    assert seen["several outcomes"] > COMPARED / 10
    assert seen["violations"] > COMPARED / 20
    assert seen["fewer runs"] > COMPARED / 10
    assert min(seen["stock"], seen["stretched"], seen["any"]) > COMPARED / 25


def fingerprints(program, config, number):
    """Return the fingerprints along one schedule of a program."""
    chooser = naive.Watch(random.Random(number))
    with simulation():
        execute(program, config, chooser)
    return chooser.fingerprints


class Unhelpful:
    """Changes where things lie in memory, so that nothing can be keyed by addresses and still repeat."""

    def __init__(self, number):
        self.ballast = [bytearray(17 * number + 1) for _ in range(number)]


@pytest.mark.parametrize("chunk", range(CHUNKS // 2))
def test_same_schedule_same_fingerprints(chunk):
    programs_seen = []

    @with_examples(chunk)
    @given(small, all_settings)
    def compare(program, config):
        number = len(programs_seen)
        if number >= COMPARED:
            raise Enough
        first = fingerprints(program, config, number)
        ballast = Unhelpful(number % 50)
        assert fingerprints(program, config, number) == first
        del ballast
        programs_seen.append((program, config, first))

    with contextlib.suppress(Enough):
        compare()
    assert sum(len(set(prints)) > 2 for _, _, prints in programs_seen) > COMPARED / 4
    elsewhere = in_another_process([(repr(program), repr(config)) for program, config, _ in programs_seen], chunk)
    assert elsewhere == [prints for _, _, prints in programs_seen]


def in_another_process(texts, chunk):
    environment = {**os.environ, "PYTHONHASHSEED": str(chunk + 1), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, __file__], input=json.dumps(texts), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


if __name__ == "__main__":
    ballast = Unhelpful(77)
    names = {**vars(programs), "Settings": Settings}
    print(
        json.dumps(
            [
                fingerprints(eval(program, names), eval(config, names), number)
                for number, (program, config) in enumerate(json.load(sys.stdin))
            ]
        )
    )
