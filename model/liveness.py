"""Cycles in which a task waits for ever: progress properties under weak fairness.

A lasso breaks "whoever waits is served in the end" when along its loop the task waits all the time, and the loop is
*fair*: each fair step (one action of one task) that is enabled all along the loop is taken in it. Such a loop exists
iff some strongly connected component of the waiting states has, for each fair step, a state in which it is disabled
or an edge that takes it; so one pass over the components decides it, and the loop is built by walking from one of
these witnesses to the next.

A state at rest in which the task still waits is the same failure without a loop; it is reported as a deadlock by the
explicit engine. Fairness speaks of tasks by name, so this works on the full graph, not on orbits.
"""

from __future__ import annotations

from itertools import pairwise

import networkx as nx

from .errors import Unsupported
from .explicit import Explorer, Violation
from .language import Progress
from .steps import Step


def check_progress(explorer: Explorer) -> list[Violation]:
    """Find, for each progress property of a completely explored model, a fair loop in which some task waits (task 0, by
    symmetry).
    """
    if explorer.symmetric:
        raise Unsupported("progress is checked on the full graph; leave symmetry out")
    found = []
    for progress in explorer.model.progress:
        violation = _starvation(explorer, progress)
        if violation is not None:
            found.append(violation)
    return found


def _starvation(explorer: Explorer, progress: Progress) -> Violation | None:
    waits = explorer.plain.predicate(progress.waiting, progress.task)
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    waiting = [state for state in explorer.parents if waits(state, 0)]
    graph.add_nodes_from(waiting)
    inside = set(waiting)
    enabled: dict[int, set[tuple[int, int]]] = {}
    for state in waiting:
        steps = explorer.steps(state)
        enabled[state] = {(step[0], step[1]) for step in steps if explorer.model.actions[step[0]].fair}
        graph.add_edges_from((state, step[2], {"step": step}) for step in steps if step[2] in inside)
    order = {state: index for index, state in enumerate(explorer.parents)}  # breadth first: nearest first
    best: tuple[list[Step], int] | None = None
    for component in nx.strongly_connected_components(graph):
        lasso = _fair_loop(explorer, graph.subgraph(component), enabled, order)
        if lasso is not None and (best is None or len(lasso[0]) < len(best[0])):
            best = lasso
    if best is None:
        return None
    path, loop = best
    message = f"does not hold: {progress.text}; task 0 waits for ever in the loop"
    return explorer.violation(progress.name, message, path, loop=loop)


def _fair_loop(
    explorer: Explorer, component: nx.MultiDiGraph[int], enabled: dict[int, set[tuple[int, int]]], order: dict[int, int]
) -> tuple[list[Step], int] | None:
    """Give (path and loop, where the loop begins), or None when no fair loop stays in the component."""
    if component.number_of_edges() == 0:
        return None
    always = set.intersection(*(enabled[state] for state in component))
    taken: dict[tuple[int, int], tuple[int, Step]] = {}
    for source, _, data in component.edges(data=True):
        step: Step = data["step"]
        taken.setdefault((step[0], step[1]), (source, step))
    if not always <= taken.keys():
        return None
    sometimes = set.union(*(enabled[state] for state in component)) - always
    start = min(component, key=order.__getitem__)
    loop: list[Step] = []
    here = start
    for key in sorted(always):
        source, step = taken[key]
        loop += _walk(component, here, source)
        loop.append(step)
        here = step[2]
    for key in sorted(sometimes):
        resting = next(state for state in component if key not in enabled[state])
        loop += _walk(component, here, resting)
        here = resting
    if not loop:
        chosen: Step = next(iter(component.out_edges(here, data=True)))[2]["step"]
        loop, here = [chosen], chosen[2]
    loop += _walk(component, here, start)
    stem = explorer.path(start)
    return [*stem, *loop], len(stem)


def _walk(component: nx.MultiDiGraph[int], source: int, target: int) -> list[Step]:
    nodes = nx.shortest_path(component, source, target)
    return [next(iter(component[a][b].values()))["step"] for a, b in pairwise(nodes)]
