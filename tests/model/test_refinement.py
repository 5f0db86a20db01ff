"""The refinement engine against brute force, on hand-made systems, and between models."""

import itertools
import random

import pytest

from treadle.model.language import Label
from treadle.model.models import FAMILIES, family, specification
from treadle.model.models.family import Size
from treadle.model.refinement import Explicit, ModelSystem, followed, refines

INPUTS = "ab"
OUTPUTS = "xy"


def is_output(label):
    return label in OUTPUTS


# The oracle: failures enumerated trace by trace, straight from the definition, without any subset construction or memory.


def closure(system, states):
    reached = set(states)
    while True:
        more = {t for s in reached for label, t in system.successors(s) if label is None} - reached
        if not more:
            return reached
        reached |= more


def after(system, trace):
    states = closure(system, {system.initial})
    for label in trace:
        states = closure(system, {t for s in states for other, t in system.successors(s) if other == label})
    return states


def outputs_at(system, state):
    return {label for label, _ in system.successors(state) if label in OUTPUTS}


def diverges(system, state):
    return state in closure(system, {t for label, t in system.successors(state) if label is None})


def verdict_by_enumeration(implementation, model, depth):
    """Give the kinds of violations that show after a trace of at most `depth` labels."""
    kinds = set()
    for length in range(depth + 1):
        for trace in itertools.product(INPUTS + OUTPUTS, repeat=length):
            here = after(implementation, trace)
            if not here:
                continue
            there = after(model, trace)
            if not there:
                kinds.add("trace")
                continue
            if any(diverges(implementation, state) for state in here):
                kinds.add("divergence")
            acceptances = [outputs_at(model, state) for state in there if model.stable(state)]
            for state in here:
                if implementation.stable(state) and not any(
                    a <= outputs_at(implementation, state) for a in acceptances
                ):
                    kinds.add("refusal")
    return kinds


def random_system(rng, states, silent):
    table = {}
    for state in range(states):
        steps = []
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            label = None if rng.random() < silent else rng.choice(INPUTS + OUTPUTS)
            steps.append((label, rng.randrange(states)))
        table[state] = steps
    return Explicit(0, table)


def test_agrees_with_enumeration_on_thousands_of_random_pairs():
    rng = random.Random(20240611)
    seen = {"none": 0, "trace": 0, "refusal": 0, "divergence": 0}
    for number in range(2400):
        model = random_system(rng, rng.randint(1, 4), 0.3)
        # Half of the implementations are made from the model by dropping steps, or refinement would hardly ever hold.
        if number % 2:
            table = {s: [step for step in model.table[s] if rng.random() < 0.8] for s in model.table}
            implementation = Explicit(0, table)
        else:
            implementation = random_system(rng, rng.randint(1, 3), 0.15)
        kinds = verdict_by_enumeration(implementation, model, depth=4)
        found = refines(implementation, model, is_output)
        if found.violation is None:
            assert kinds == set(), (implementation, model)
            seen["none"] += 1
        else:
            seen[found.violation.kind] += 1
            if len(found.violation.trace) <= 4:
                assert found.violation.kind in kinds, (implementation, model, found)
            else:
                assert kinds == set(), (
                    implementation,
                    model,
                    found,
                )  # deeper than the oracle looks, and nothing shallower
    assert min(seen.values()) > 50, seen


def test_a_shortest_run_is_reported():
    model = Explicit(0, {0: [("a", 0)]})
    implementation = Explicit(0, {0: [("a", 1)], 1: [("a", 2), (None, 3)], 2: [("a", 4)], 3: [("y", 0)], 4: [("x", 0)]})
    violation = refines(implementation, model, is_output).violation
    assert violation.trace == ("a", "y")
    assert violation.message == 'after a, it does y; the model would have allowed "a"'


def test_a_refusal_says_what_was_owed():
    model = Explicit(0, {0: [("a", 1)], 1: [("x", 0)]})
    violation = refines(Explicit(0, {0: [("a", 1)], 1: []}), model, is_output).violation
    assert (violation.kind, violation.refused) == ("refusal", ("x",))
    assert violation.message == 'after a, it comes to rest without "x", which the model owes there'


def test_inputs_are_exempt_from_refusals():
    model = Explicit(0, {0: [("a", 0), ("b", 0)]})
    assert refines(Explicit(0, {0: [("a", 0)]}), model, is_output).violation is None
    assert refines(Explicit(0, {}), model, is_output).violation is None


def test_a_silent_choice_of_the_model_excuses_either_way():
    model = Explicit(0, {0: [(None, 1), (None, 2)], 1: [("x", 0)], 2: [("y", 0)]})
    assert refines(Explicit(0, {0: [("x", 0)]}), model, is_output).violation is None
    assert refines(Explicit(0, {0: []}), model, is_output).violation.kind == "refusal"


def test_a_model_that_never_rests_is_refined_only_by_what_never_rests():
    model = Explicit(0, {0: [(None, 0)]})
    assert "where the model never does" in refines(Explicit(0, {0: []}), model, is_output).violation.message
    assert refines(Explicit(0, {0: [(None, 0)]}), model, is_output).violation.kind == "divergence"


def test_a_trace_is_followed_as_far_as_the_model_goes():
    chosen = family("lock")
    correct, faulty = (
        ModelSystem(specification("lock", 2)),
        ModelSystem(chosen.build(Size(2, 1, None, None), "barging")),
    )
    call = [Label("call", "acquire", task) for task in range(2)]
    give = [Label("return", "acquire", task, "True") for task in range(2)]
    assert followed(correct, [call[0], give[0], call[1]]) == 3
    release = Label("return", "release", 0)
    overtaking = [call[0], give[0], call[1], release, call[0], give[0]]
    assert followed(correct, overtaking) == 5
    assert followed(faulty, overtaking) == 6


def test_limits_are_reported():
    model = Explicit(0, {0: [("a", 0)]})
    found = refines(Explicit(0, {n: [("a", n + 1)] for n in range(100)}), model, is_output, max_pairs=10)
    assert (found.violation, found.limit) == (None, "max-pairs 10")


PRIMITIVES = [name for name in FAMILIES if name != "handoff-semaphore"]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_model_refines_itself(name):
    system = ModelSystem(family(name).build(Size(2, 1, 1, 1)))
    found = refines(system, ModelSystem(family(name).build(Size(2, 1, 1, None))), system.is_output)
    # Steps that undo each other silently do not exist in the models, so there is no divergence either.
    assert found.violation is None
    assert found.labels_seen


@pytest.mark.parametrize(
    ("name", "fault"),
    [(name, fault.name) for name in PRIMITIVES for fault in family(name).faults],
)
def test_faulty_models_do_not_refine_the_correct_one(name, fault):
    size = Size(3, 1, 1, 1)
    chosen = family(name)
    model = ModelSystem(chosen.build(Size(3, 1, 1, None)))
    found = refines(ModelSystem(chosen.build(size, fault)), model, model.is_output, max_pairs=60_000)
    assert found.violation is not None
    assert found.violation.kind in ("trace", "refusal")


def test_a_lost_wakeup_is_a_refusal_in_plain_words():
    chosen = family("semaphore")
    model = ModelSystem(chosen.build(Size(3, 1, 1, None)))
    found = refines(ModelSystem(chosen.build(Size(3, 1, 1, 1), "swallowed_permit")), model, model.is_output)
    assert found.violation.kind == "refusal"
    assert found.violation.refused == (Label("return", "acquire", found.violation.refused[0].task, "True"),)
    assert "it comes to rest without" in found.violation.message
