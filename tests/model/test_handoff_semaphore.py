"""The yardstick: exact counts on which independent ports of this model, in other languages and tools, agree."""

import pytest

from treadle.model.explicit import Explorer, explore
from treadle.model.models import family
from treadle.model.models.family import Size

HANDOFF = family("handoff-semaphore")

# tasks, value, rounds: states, transitions, terminal, diameter, orbits, orbit transitions
COUNTS = {
    (3, 1, 1): (194, 399, 7, 8, 39, 75),
    (3, 2, 1): (71, 135, 4, 7, 20, 37),
    (4, 1, 1): (1_878, 5_520, 15, 11, 107, 284),
    (4, 2, 1): (832, 2_276, 11, 10, 65, 164),
    (5, 1, 1): (20_512, 79_595, 31, 14, 263, 902),
    (5, 2, 1): (10_652, 39_130, 26, 13, 187, 615),
    (6, 1, 1): (256_272, 1_243_944, 63, 17, 602, 2_555),
    (3, 1, 2): (3_226, 8_490, 8, 15, 568, 1_473),
    (3, 2, 2): (1_636, 4_527, 8, 15, 308, 827),
    (4, 1, 2): (77_614, 272_168, 16, 20, 3_511, 12_139),
}
IN_TESTS = [size for size, counts in COUNTS.items() if counts[0] <= 100_000]


@pytest.mark.parametrize("size", IN_TESTS)
def test_every_state_is_counted(size):
    found = explore(HANDOFF.build(Size(*size)))
    assert (found.states, found.transitions, found.terminal, found.diameter) == COUNTS[size][:4]
    assert found.complete
    assert found.violations == []


@pytest.mark.parametrize("size", COUNTS)
def test_orbits_are_counted_and_give_the_exact_counts_of_all_states(size):
    found = explore(HANDOFF.build(Size(*size)), symmetry=True)
    counted = (found.states, found.transitions, found.terminal, found.diameter, found.orbits, found.orbit_transitions)
    assert counted == COUNTS[size]
    assert found.violations == []


@pytest.mark.parametrize("symmetry", [False, True])
@pytest.mark.parametrize(
    ("size", "conserved", "lost"),
    [
        ((2, 1, 2), 5, 7),
        ((3, 1, 1), 5, 6),
        ((3, 1, 2), 5, 8),
        ((4, 1, 1), 5, 7),
        ((5, 1, 1), 5, 8),
        ((6, 1, 1), 5, 9),
        ((4, 2, 1), 6, None),
    ],
)
def test_shortest_counterexamples_of_swallow(size, conserved, lost, symmetry):
    found = explore(HANDOFF.build(Size(*size), "swallow"), symmetry=symmetry)
    lengths = {violation.property: violation.length for violation in found.violations}
    assert lengths["permits-conserved"] == conserved
    assert lengths.get("no-lost-wakeup") == lost
    # A rest that only cancellations could disturb is a deadlock as well: they are no progress.
    assert lengths.get("no-deadlock") == lost


def test_the_example_of_the_lost_wakeup_is_a_run_that_breaks_it():
    explorer = Explorer(HANDOFF.build(Size(3, 1, 1), "swallow"))
    states = explorer.replay(["acquire 0", "block 1", "release 0", "cancel 1", "unwind 1", "block 2"])
    assert [explorer.holds("no-lost-wakeup", state) for state in states] == [True] * 6 + [False]
    assert not explorer.holds("permits-conserved", states[-1])


@pytest.mark.parametrize("symmetry", [False, True])
@pytest.mark.parametrize("fault", [fault.name for fault in HANDOFF.faults])
def test_each_fault_breaks_what_it_says(fault, symmetry):
    explorer = Explorer(HANDOFF.build(Size(3, 1, 2), fault), symmetry=symmetry)
    found = explorer.run()
    broken = {violation.property: violation for violation in found.violations}
    assert set(HANDOFF.fault(fault).breaks) <= broken.keys()
    for name, violation in broken.items():
        states = explorer.replay(violation.schedule)  # raises if a step is not enabled
        if name != "no-deadlock":
            assert [explorer.holds(name, state) for state in states] == [True] * violation.length + [False]


def test_unlimited_rounds_and_cancellations_have_a_finite_graph():
    found = explore(HANDOFF.build(Size(3, 1, None, None)))
    assert (found.states, found.terminal, found.violations) == (163, 0, [])
