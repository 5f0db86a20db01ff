"""The models of the primitives: correct ones hold, each fault is caught by what it says, and z3 agrees on every shortest
length.
"""

import re

import pytest

from treadle.model.bmc import refute
from treadle.model.errors import ModelError
from treadle.model.explicit import Explorer, explore
from treadle.model.liveness import check_progress
from treadle.model.models import FAMILIES, family
from treadle.model.models.family import Size

FAULTS = [(name, fault) for name, each in FAMILIES.items() for fault in each.faults]
IDS = [f"{name}-{fault.name}" for name, fault in FAULTS]


@pytest.mark.parametrize("size", [Size(1), Size(2, 1, 2, 2), Size(3), Size(2, 1, None, None)], ids=str)
@pytest.mark.parametrize("name", FAMILIES)
def test_correct_models_and_their_lemmas_hold(name, size):
    found = Explorer(family(name).build(size), symmetry=True, lemmas=True).run()
    assert found.complete
    assert found.violations == []


@pytest.mark.parametrize("value", [0, 2, 3])
@pytest.mark.parametrize("name", ["semaphore", "bounded-semaphore"])
def test_semaphores_of_other_values_hold(name, value):
    found = Explorer(family(name).build(Size(3, value)), symmetry=True, lemmas=True).run()
    assert found.violations == []


# Counterexamples of these have no cancellation, and without any z3 needs half of the time for their depth of 12.
WITHOUT_CANCELLATION = ("notifies_too_many", "lifo_notify")


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=IDS)
def test_each_fault_breaks_what_it_says_and_z3_agrees_on_the_lengths(name, fault):
    model = family(name).build(Size(3, cancel=int(fault.name not in WITHOUT_CANCELLATION)), fault.name)
    explorer = Explorer(model)
    lengths = {violation.property: violation.length for violation in explorer.run().violations}
    assert set(fault.breaks) <= lengths.keys()
    # What a fault breaks besides is compared where it shows early: z3 would need a minute for the condition's depth 19.
    within = {name: length for name, length in lengths.items() if length <= 10 or name in fault.breaks}
    refuted = {found.property: found for found in refute(model, within, max_depth=max(within.values())).refuted}
    assert {name: len(found) for name, found in refuted.items()} == within
    for found in refuted.values():
        states = explorer.replay(found.schedule)
        if found.property != "no-deadlock":
            assert not explorer.holds(found.property, states[-1])


@pytest.mark.parametrize("name", FAMILIES)
def test_every_primitive_has_at_least_four_faults(name):
    if name == "handoff-semaphore":
        assert [fault.name for fault in family(name).faults] == ["swallow", "cancelled_head"]
    else:
        assert len(family(name).faults) >= 4


@pytest.mark.parametrize("name", FAMILIES)
def test_symmetry_changes_no_count_and_no_verdict(name):
    for fault in (None, *(fault.name for fault in family(name).faults)):
        model = family(name).build(Size(3 if name != "condition" else 2), fault)
        plain, orbits = explore(model), explore(model, symmetry=True)
        assert (orbits.states, orbits.transitions, orbits.terminal, orbits.diameter) == (
            plain.states, plain.transitions, plain.terminal, plain.diameter,
        )  # fmt: skip
        lengths = {violation.property: violation.length for violation in plain.violations}
        assert {violation.property: violation.length for violation in orbits.violations} == lengths
        assert orbits.orbits < plain.states


@pytest.mark.parametrize("name", FAMILIES)
def test_nobody_waits_for_ever_in_a_correct_model(name):
    explorer = Explorer(family(name).build(Size(2, 1, None, 1)))
    explorer.run()
    assert check_progress(explorer) == []


def test_lifo_wakeups_starve_and_the_lasso_is_a_run():
    explorer = Explorer(family("lock").build(Size(3, 1, None, 0), "lifo"))
    explorer.run()
    (violation,) = check_progress(explorer)
    assert violation.property == "progress"
    states = explorer.replay(violation.schedule)
    assert states[violation.loop] == states[-1]
    loop = violation.schedule[violation.loop :]
    assert loop
    for state in violation.states[violation.loop :]:
        assert state["pc"][0] == "WAIT"
    # The loop is fair: whoever can act all along it does act.
    enabled = [{explorer.step_name(step) for step in explorer.steps(state)} for state in states[violation.loop :]]
    unfair = {action.name for action in explorer.model.actions if not action.fair}
    always = {step for step in set.intersection(*enabled) if step.split()[0] not in unfair}
    assert always <= set(loop)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_says_the_same_at_every_size(name):
    """What proofs for every size rest on: no size is baked into a guard, an effect or a property."""

    def described(size):
        model = family(name).build(size)
        parts = (model.actions, model.invariants, model.lemmas, model.at_rest, [s for s, _ in model.scalars.values()])
        text = repr(parts)
        text = re.sub(r"(low|high)=(-?\d+|None)", "", text)
        text = re.sub(r"Parameter\(name='v', value=\d+", "Parameter(v", text)
        numbers = {}
        return re.sub(r"\bj\d+\b", lambda found: f"j{numbers.setdefault(found[0], len(numbers))}", text)

    sizes = [Size(2, 1, 1, 1), Size(5, 3 if family(name).has_value else 1, 2, 4)]
    assert described(sizes[0]) == described(sizes[1])


def test_sizes_and_names_are_checked():
    with pytest.raises(ModelError, match="tasks must be at least 1, not 0"):
        Size(tasks=0)
    with pytest.raises(ModelError, match="there is no model 'mutex'; the models are handoff-semaphore, lock"):
        family("mutex")
    with pytest.raises(ModelError, match="lock has no fault 'magic'; its faults are barging"):
        family("lock").build(Size(), "magic")
    with pytest.raises(ModelError, match="lock has no initial value to choose"):
        family("lock").build(Size(value=2))
    with pytest.raises(ModelError, match="the initial value must be at least 1, not 0"):
        family("handoff-semaphore").build(Size(value=0))


def test_an_unbounded_graph_is_held_back_and_says_so():
    found = explore(family("condition").build(Size(3, 1, 2, 2)), max_states=500)
    assert (found.limit, found.complete) == ("max-states 500", False)
    assert explore(family("condition").build(Size(4, 1, 2, 2)), timeout=0.0).limit == "timeout 0 s"


def test_a_value_out_of_its_bounds_ends_the_search_and_never_verifies():
    model = family("handoff-semaphore").build(Size(3))
    scalar, initial = model.scalars["c"]
    object.__setattr__(scalar, "low", 1)
    assert initial.value == 1
    found = explore(model)
    assert not found.complete
    assert "action acquire: variable c: the value 0 is out of its bounds" in found.limit


def test_graph_on_demand():
    explorer = Explorer(family("handoff-semaphore").build(Size(3)))
    explorer.run()
    graph = explorer.graph()
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (194, 399)
    assert [data["initial"] for _, data in graph.nodes(data=True)].count(True) == 1
    assert sum(1 for node in graph if graph.out_degree(node) == 0) == 7


def test_replay_names_the_step_that_is_not_enabled():
    explorer = Explorer(family("lock").build(Size(2)))
    with pytest.raises(ModelError, match=r"step 2, 'return 0', is not enabled there; enabled: .*grant 0"):
        explorer.replay(["call 0", "return 0"])
