"""The algorithms on the graph of states, held against brute force on small generated graphs.

Which endless runs are fair is decided here from the definition: a set of transitions is what some run takes for ever iff it is strongly
connected, and that run is fair iff no event is pending all along it without ever coming, and every choice that it comes by is
made in every way that is owed. All sets of transitions are tried.
"""

import itertools
import random
from collections import Counter

import networkx as nx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from treadle.checker.fairness import cyclic_core, fair_components, leading_to, tour
from treadle.checker.transitions import END, Happened, Standing, Transitions

EXAMPLES = 2_000
MOST_STATES, MOST_TRANSITIONS = 5, 9


def random_graph(number):
    """A graph with pending events and with choices of the program: at the first place of a transition or, behind one of the scheduler,
    at the second.
    """
    pick = random.Random(number)
    graph = Transitions()
    states = pick.randint(1, MOST_STATES)
    for _ in range(states):
        graph.enter(0, 0, Standing(frozenset(event for event in "abc" if pick.random() < 0.3), frozenset()))
    size = pick.randint(1, MOST_TRANSITIONS)
    while len(graph) < size:
        source = pick.randrange(states + 1)
        prefix = pick.choice(((), (), (1,)))
        width = pick.choice((1, 1, 2, 3))
        plans = [(10 + len(graph),)]
        if width > 1 and (source, prefix) not in graph.owed:
            graph.owed[source, prefix] = pick.randint(1, width)
            plans = [(*prefix, ~option) for option in range(width)]
        for choices in plans[: size - len(graph)]:
            target = END if pick.random() < 0.15 else pick.randint(1, states)
            came = frozenset(event for event in graph.standings[source].pending if pick.random() < 0.4)
            graph.add(source, target, choices, Happened(pick.random() < 0.25, came, frozenset()))
    return graph


graphs = st.integers(0, 1 << 60).map(random_graph)


def generated(number, examples=EXAMPLES):
    profile = settings(
        max_examples=examples, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
    )
    return lambda test: profile(seed(number)(test))


# -- by definition ------------------------------------------------------------------------------------------------------------------------


def is_one_loop(steps):
    """Return True if a run can take all of these transitions for ever, and no others."""
    if any(step.target == END for step in steps) or {step.source for step in steps} != {step.target for step in steps}:
        return False  # what follows would say so, too, and takes longer
    return nx.is_strongly_connected(nx.DiGraph((step.source, step.target) for step in steps))


def is_fair(graph, steps):
    """Return True if a run that takes exactly these transitions for ever is fair."""
    for event in "abc":
        if all(event in graph.standings[step.source].pending for step in steps) and not any(event in step.happened.came for step in steps):
            return False
    made = {(step.source, step.choices) for step in steps}
    for step in steps:
        for position, choice in enumerate(step.choices):
            if choice < 0:
                before = step.choices[:position]
                for option in range(graph.owed[step.source, before]):
                    if (step.source, (*before, ~option)) not in made:
                        return False
    return True


def fair_sets(graph):
    """Yield every set of transitions that some fair run takes for ever."""
    steps = list(graph)
    for mask in range(1, 1 << len(steps)):
        chosen = [step for number, step in enumerate(steps) if mask >> number & 1]
        if is_one_loop(chosen) and is_fair(graph, chosen):
            yield chosen


# -- the laws -----------------------------------------------------------------------------------------------------------------------------


def test_fair_components_are_all_that_fair_runs_can_stay_in():
    seen = Counter()

    @generated(1)
    @given(graphs)
    def compare(graph):
        steps = [step for step in graph if step.target != END]
        found = list(fair_components(cyclic_core(graph), graph.standings, graph.owed))
        assert {step for component in found for step in component} == {step for chosen in fair_sets(graph) for step in chosen}
        for component in found:
            assert is_one_loop(component)
            assert is_fair(graph, component)
        for one, other in itertools.combinations(found, 2):
            assert not {step.source for step in one} & {step.source for step in other}, "a state is in one component at most"
        seen["fair"] += bool(found)
        seen["several"] += len(found) > 1
        loops = [set(part) for part in nx.strongly_connected_components(nx.DiGraph((step.source, step.target) for step in steps))]
        inside = [[step for step in steps if {step.source, step.target} <= loop] for loop in loops]
        whole = [part for part in inside if part]
        seen["unfair"] += bool(whole) and not found
        seen["smaller than its loop"] += any(
            set(component) < set(part) for component in found for part in whole if set(component) <= set(part)
        )

    compare()
    print(dict(seen))
    assert seen["fair"] > EXAMPLES / 4
    assert seen["unfair"] > EXAMPLES / 10
    assert seen["several"] > EXAMPLES / 50
    assert seen["smaller than its loop"] > EXAMPLES / 50


def test_a_tour_is_a_fair_loop_from_its_start():
    seen = Counter()

    @generated(2)
    @given(graphs)
    def compare(graph):
        for component in fair_components(graph_without_end(graph), graph.standings, graph.owed):
            for start in {step.source for step in component}:
                loop = tour(component, graph.standings, graph.owed, start)
                assert set(loop) <= set(component)
                assert [step.source for step in loop] == [start, *(step.target for step in loop[:-1])]
                assert loop[-1].target == start
                assert is_fair(graph, loop)
                seen["tours"] += 1
                seen["once round is not all"] += len({step.source for step in loop}) < len(loop)
                seen["with choices"] += any(choice < 0 for step in loop for choice in step.choices)
                seen["with events"] += any(step.happened.came for step in loop)
                seen["not the whole component"] += set(loop) < set(component)

    compare()
    print(dict(seen))
    assert seen["tours"] > EXAMPLES / 3
    assert min(seen.values()) > EXAMPLES / 20


def graph_without_end(graph):
    return [step for step in graph if step.target != END]


def test_a_tour_does_not_linger():
    """Of several ways it takes the nearest: a loop at the start itself, if that is fair, and not one through other states."""
    graph = Transitions()
    for _ in range(3):
        graph.enter(0, 0, Standing(frozenset("a"), frozenset()))
    nothing, comes = Happened(False, frozenset(), frozenset()), Happened(False, frozenset("a"), frozenset())
    for source, target, happened in ((1, 2, nothing), (2, 1, nothing), (2, 3, nothing), (3, 1, comes), (1, 1, comes)):
        graph.add(source, target, (len(graph),), happened)
    (component,) = fair_components(graph_without_end(graph), graph.standings, graph.owed)
    assert [(step.source, step.target) for step in tour(component, graph.standings, graph.owed, 1)] == [(1, 1)]
    assert len(tour(component, graph.standings, graph.owed, 2)) == 3


def test_the_cyclic_core_is_every_cycle_and_what_lies_behind():
    seen = Counter()

    @generated(3)
    @given(graphs)
    def compare(graph):
        steps = graph_without_end(graph)
        ways = nx.DiGraph((step.source, step.target) for step in steps)
        on_cycles = [state for state in ways if any(state in nx.descendants(ways, after) | {after} for after in ways[state])]
        behind = set(on_cycles).union(*(nx.descendants(ways, state) for state in on_cycles))
        core = cyclic_core(graph)
        assert core == [step for step in steps if step.source in behind]
        seen["cyclic"] += bool(core)
        seen["ending"] += not core
        seen["in part"] += 0 < len(core) < len(steps)

    compare()
    print(dict(seen))
    assert min(seen["cyclic"], seen["ending"], seen["in part"]) > EXAMPLES / 20


def test_leading_to_a_goal_takes_no_cancellation():
    seen = Counter()

    @generated(4)
    @given(graphs, st.sampled_from(((END,), (END,), (1,), (1, 2), (END, 2), ())))
    def compare(graph, goals):
        goals = {goal for goal in goals if goal < graph.states}
        reached = {goal for goal in goals if goal != END}
        steps = [step for step in graph if not step.happened.cancelled]
        for _ in range(graph.states):  # as many rounds as a way can be long
            reached |= {step.source for step in steps if step.target in reached or (step.target == END and END in goals)}
        assert list(leading_to(graph, goals)) == [state in reached for state in range(graph.states)]
        seen["end"] += END in goals and bool(reached)
        seen["some"] += 0 < len(reached) < graph.states
        seen["only by a cancellation"] += any(step.target in goals and step.source not in reached for step in graph)

    compare()
    print(dict(seen))
    assert min(seen["end"], seen["some"], seen["only by a cancellation"]) > EXAMPLES / 20
