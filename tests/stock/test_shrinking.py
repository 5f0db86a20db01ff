"""What is shown is a local minimum: no counterexample that differs in one choice is simpler. Checked by brute force."""

import asyncio
from collections import Counter

import operations
import programs
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from treadle.checker import check, checkpoint, choose
from treadle.checker.execution import execute, simulation
from treadle.checker.results import Finding
from treadle.checker.results import Limits as SearchLimits
from treadle.checker.runtime import Settings
from treadle.checker.sampling import sample
from treadle.checker.shrinking import Replay, simplify, sort_key
from treadle.checker.stdlib_locks import find_stdlib_files
from treadle.checker.verification import Request
from treadle.checker.world import World

waits = programs.checkpoints
racing = st.one_of(
    waits,
    waits,
    st.builds(operations.Add, waits),
    st.builds(operations.Expect, st.integers(2, 5)),
    st.builds(operations.Choose, st.integers(2, 4)),
    st.builds(operations.Write, st.integers(0, 2)),
    st.builds(operations.Locked, st.just(0), st.lists(waits, min_size=1, max_size=2).map(tuple)),
    st.builds(operations.Cancel, st.integers(0, 2)),
)
bodies = st.lists(racing, min_size=1, max_size=4).map(tuple)
racy = st.builds(operations.Program, st.lists(bodies, min_size=2, max_size=4).map(tuple), st.just(False))


def run(world, fn, config, schedule):
    replay = Replay(tuple(schedule))
    outcome = execute(fn, config, replay)
    world.restore()
    return replay, outcome


def simpler_neighbours(fn, config, finding):
    """Yield every counterexample of the same property whose schedule differs in one choice, and that is simpler."""
    with simulation():
        world = World()
        world.prepare(fn)
        replay, outcome = run(world, fn, config, finding.schedule)
        assert outcome.violation.property == finding.violation.property
        key = sort_key(replay, outcome)
        taken, widths = tuple(replay.taken), replay.widths
        neighbours = [taken[:position] + taken[position + 1 :] for position in range(len(taken))]
        for position, width in enumerate(widths):
            neighbours += [(*taken[:position], index, *taken[position + 1 :]) for index in range(width) if index != taken[position]]
        for neighbour in neighbours:
            replay, outcome = run(world, fn, config, neighbour)
            violation = outcome.violation
            if violation is not None and violation.property == finding.violation.property and sort_key(replay, outcome) < key:
                yield neighbour


def breaks_at_once(fn, config, finding):
    """Return True if stock order shows the violation already."""
    with simulation():
        violation = run(World(), fn, config, ())[1].violation
    return violation is not None and violation.property == finding.violation.property


def test_on_generated_programs():
    seen = Counter()

    @settings(max_examples=1_500, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @seed(0)
    @given(racy, st.integers(0, 2), st.sampled_from(("stock", "stretched", "any")), st.integers(0, 10**6))
    def compare(program, cancel, contract, number):
        if seen["minimal"] >= 25:
            return
        ignore = frozenset({"no-deadlock", "no-unhandled-exception"} if number % 4 else ())
        config = Settings(contract, cancel=cancel, ignore=ignore, max_steps=2_000)
        result = sample(program, config, SearchLimits(runs=6), seed=number)
        for finding in result.findings:
            if breaks_at_once(program, config, finding):
                continue
            simplified = simplify(program, config, finding, seconds=60)
            assert simplified.finding.violation.property == finding.violation.property
            assert simplified.after <= simplified.before
            if simplified.is_minimal:
                assert list(simpler_neighbours(program, config, simplified.finding)) == []
                seen["minimal"] += 1
                seen["simpler"] += simplified.after < simplified.before
                seen["departures"] += simplified.after > 0

    compare()
    print(dict(seen))
    assert seen["minimal"] == 25
    assert seen["simpler"] > 15
    assert seen["departures"] > 15


@pytest.mark.parametrize(
    ("impl", "primitive", "part"),
    [
        ("fault:SEM-19/LosesWhatWasHandedOver", "semaphore", "clients"),
        ("stdlib:3.9", "bounded-semaphore", "clients"),
        ("asyncio", "condition", "cancellation"),
    ],
)
def test_on_what_verify_finds(impl, primitive, part):
    if impl.startswith("stdlib:") and impl.removeprefix("stdlib:") not in {file.minor for file in find_stdlib_files(())}:
        pytest.skip(f"{impl} is not on this machine")
    request = Request(primitive, impl, 2, 1, "stock", (), {})
    (scenario,) = (each for each in request.parts() if each.name == f"{primitive}/{part}")
    config = Settings(cancel=1)
    found = sample(scenario.fn, config, SearchLimits(runs=500), seed=1)
    assert found.findings or impl == "asyncio"  # whose later versions are right
    for finding in found.findings:
        simplified = simplify(scenario.fn, config, finding)
        assert simplified.is_minimal
        assert list(simpler_neighbours(scenario.fn, config, simplified.finding)) == []


async def large_choices():
    await checkpoint()
    value = choose(10)
    other = choose(10)
    await asyncio.gather(checkpoint(), checkpoint())
    assert value < 4 or other < 7, (value, other)


def test_values_of_choose_become_small():
    config = Settings()
    (finding,) = sample(large_choices, config, SearchLimits(runs=200), seed=3).findings
    simplified = simplify(large_choices, config, finding)
    assert simplified.finding.violation.message.startswith("(4, 7)")
    (violation,) = check(large_choices, contract="stock").violations
    assert violation.message.startswith("(4, 7)")


def test_a_limit_ends_it_with_the_best_so_far():
    config = Settings()
    (finding,) = sample(large_choices, config, SearchLimits(runs=200), seed=3).findings
    told = []
    limited = simplify(large_choices, config, finding, lambda runs, departures: told.append(runs), runs=2)
    assert not limited.is_minimal
    assert told == [1, 2]
    assert isinstance(limited.finding, Finding)
    assert not simplify(large_choices, config, finding, seconds=0).is_minimal


def test_progress_is_shown():
    shown = []
    check(large_choices, contract="stock", progress=lambda result: shown.append(result.doing))
    assert any(text.startswith("making the counterexample simpler") for text in shown)
