"""The wait-for graph at the end of a run: a circle in it is a deadlock that nobody outside can end."""

from __future__ import annotations

from collections.abc import Iterable

import networkx

from .trace import Wait

__all__ = ["circle"]


def circle(waits: Iterable[Wait]) -> list[str]:
    """Return tasks that wait for each other in a circle, each for what the next one has; empty if there are none."""
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_edges_from((wait.task, holder) for wait in waits for holder in wait.holders)
    try:
        edges = networkx.find_cycle(graph)
    except networkx.NetworkXNoCycle:
        return []
    names = [edge[0] for edge in edges]
    first = names.index(min(names))  # a circle begins nowhere: the same one is told in the same way
    return names[first:] + names[:first]
