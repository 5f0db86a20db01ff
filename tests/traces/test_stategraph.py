"""The map of a small program: every state, every end, and the way of the run; held to the explorer."""

import asyncio
import itertools
from collections import Counter

import mishaps
import pytest
from recorded_runs import recorded

from treadle.checker import checkpoint, choose
from treadle.checker.execution import simulation
from treadle.checker.explorer import explore
from treadle.checker.runtime import Settings
from treadle.checker.stategraph import draw


def drawn(scenario, schedule=(), **settings):
    with simulation():
        return draw(scenario, Settings(**settings), list(schedule))


async def two_ways():
    """Two orders that end alike, and an input that ends otherwise."""
    done = []

    async def work(name):
        await checkpoint()
        done.append(name)

    wanted = choose(2)
    await asyncio.gather(work("a"), work("b"))
    assert wanted == 0 or done == ["a", "b"]


def test_every_end_is_on_the_map():
    graph = drawn(two_ways)
    assert sorted(what for what in graph.nodes if what) == ["assertion", "done"]


def test_edges_lead_from_states_to_states_and_ends_lead_nowhere():
    graph = drawn(two_ways)
    for edge in graph.edges:
        assert graph.nodes[edge.source] == ""
        assert 0 <= edge.target < len(graph.nodes)
    assert {edge.target for edge in graph.edges} == set(range(1, len(graph.nodes)))


def test_the_way_of_a_run_goes_along_edges_to_its_end():
    trace = recorded(mishaps.order_matters)
    graph = trace.graph
    edges = {(edge.source, edge.target) for edge in graph.edges}
    nodes = [node for _, node in graph.path]
    assert graph.path[0] == (0, 0)
    assert all(pair in edges for pair in itertools.pairwise(nodes))
    assert graph.nodes[nodes[-1]] == "assertion"
    assert [after for after, _ in graph.path] == sorted(after for after, _ in graph.path)
    assert graph.path[-1][0] == len(trace.steps)


@pytest.mark.parametrize("scenario", [two_ways, mishaps.order_matters, mishaps.lost_update])
@pytest.mark.parametrize("cancel", [0, 1])
def test_what_can_happen_on_the_map_is_what_the_explorer_finds(scenario, cancel):
    graph = drawn(scenario, cancel=cancel)
    found = explore(scenario, Settings(cancel=cancel), keep_going=True)
    violated = {finding.violation.property for finding in found.findings}
    assert {what for what in graph.nodes if what} - {"done", "cancelled"} == violated


def test_states_that_are_equal_are_one_node():
    async def many_alike():
        await asyncio.gather(*(checkpoint() for _ in range(3)))

    graph = drawn(many_alike)
    assert [what for what in graph.nodes if what] == ["done"]
    ways = Counter(target for _, target in {(edge.source, edge.target) for edge in graph.edges if not graph.nodes[edge.target]})
    assert max(ways.values()) > 1  # two orders come together again


def test_a_program_that_runs_for_ever_has_a_circle():
    async def turns():
        while True:
            await asyncio.gather(checkpoint(), checkpoint())
            assert choose(3) < 2

    (finding,) = explore(turns, Settings()).findings
    graph = drawn(turns, finding.schedule)
    assert any(edge.target <= edge.source for edge in graph.edges)
    assert "assertion" in graph.nodes


def test_who_looks_at_names_has_them_told_apart():
    async def named():
        if choose(2):
            await asyncio.create_task(asyncio.sleep(0))  # takes the name Task-1, and is gone
        task = asyncio.create_task(checkpoint())
        await asyncio.gather(checkpoint(), checkpoint())
        assert task.get_name() != "Task-2"

    assert "assertion" in drawn(named).nodes


def test_what_is_not_small_has_no_map():
    assert recorded(mishaps.many_tasks).graph is None
