"""The compiled steps, invariants and orbits against a direct interpreter and against brute force."""

import itertools

import pytest

from treadle.model.explicit import Explorer
from treadle.model.models import FAMILIES, family
from treadle.model.models.family import Size
from treadle.model.packing import Layout
from treadle.model.symmetry import canonicalizer, orbit_sizer

from .interpreter import Interpreter

VARIANTS = [(name, fault) for name, each in FAMILIES.items() for fault in (None, *(f.name for f in each.faults))]


def raw(layout, state):
    """Read a packed state into the interpreter's form."""
    model = layout.model
    values = {name: field.read(state) for name, field in layout.scalars.items()}
    for name in model.arrays:
        values[name] = tuple(layout.cells[name, i].read(state) for i in range(model.tasks))
    for name, field in layout.queues.items():
        values[name] = layout.tables[name].entries[field.read(state)]
    return values


@pytest.mark.parametrize(("name", "fault"), VARIANTS)
def test_compiled_steps_and_invariants_are_the_interpreters(name, fault):
    model = family(name).build(Size(3 if name != "condition" else 2), fault)
    explorer, interpreter = Explorer(model), Interpreter(model)
    explorer.run(max_states=2_000)
    for state in list(explorer.parents)[:500]:
        values = raw(explorer.layout, state)
        compiled = [(index, task, raw(explorer.layout, after)) for index, task, after in explorer.steps(state)]
        assert compiled == list(interpreter.steps(values))
        for invariant in model.invariants:
            assert explorer.holds(invariant.name, state) == bool(interpreter.value(invariant.expr, values, {}))


@pytest.mark.parametrize("name", ["handoff-semaphore", "condition"])
def test_orbits_are_those_of_brute_force_renaming(name):
    model = family(name).build(Size(3))
    explorer = Explorer(model)
    explorer.run(max_states=1_000)
    layout = explorer.layout
    canonical, size = canonicalizer(layout), orbit_sizer(layout)
    assert isinstance(layout, Layout)

    def frozen(values):
        return tuple(sorted(values.items()))

    def renamed(values, order):
        """Rename task i to order[i]."""
        result = dict(values)
        for array in model.arrays:
            result[array] = tuple(values[array][order.index(i)] for i in range(3))
        for queue in model.queues:
            result[queue] = tuple(order[i] for i in values[queue])
        return frozen(result)

    by_form, by_orbit = {}, {}
    for state in list(explorer.parents)[:1_000]:
        values = raw(layout, state)
        orbit = frozenset(renamed(values, order) for order in itertools.permutations(range(3)))
        assert frozen(raw(layout, canonical(state))) in orbit
        assert size(state) == size(canonical(state)) == len(orbit)
        by_form.setdefault(canonical(state), set()).add(orbit)
        by_orbit.setdefault(orbit, set()).add(canonical(state))
    assert all(len(orbits) == 1 for orbits in by_form.values())
    assert all(len(forms) == 1 for forms in by_orbit.values())
