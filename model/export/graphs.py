"""The explored graph of a model: Aldebaran (.aut) for mCRL2 and CADP, DOT for Graphviz, GraphML for everything else.

In .aut and DOT an edge shows the step's visible label; a silent step is `tau`. A model without labels (the hand-off
semaphore) shows the names of its steps. Nodes are numbered in the order of the search, so 0 is the initial state.
"""

from __future__ import annotations

import io
import json

import networkx as nx

from ..explicit import Explorer

TAU = "tau"


def _named(explorer: Explorer) -> nx.MultiDiGraph[int]:
    if not explorer.parents:
        explorer.run()
    return explorer.graph()


def _shown(explorer: Explorer, step: str, label: str) -> str:
    if any(action.label is not None for action in explorer.model.actions):
        return label or TAU
    return step


def aut(explorer: Explorer) -> str:
    """Write the graph in the Aldebaran format."""
    graph = _named(explorer)
    lines = [f"des (0, {graph.number_of_edges()}, {graph.number_of_nodes()})"]
    for source, target, data in graph.edges(data=True):
        lines.append(f'({source}, "{_shown(explorer, data["step"], data["label"])}", {target})')
    return "\n".join([*lines, ""])


def dot(explorer: Explorer) -> str:
    """Write the graph for Graphviz; a state shows its variables."""
    graph = _named(explorer)
    lines = [f"digraph {json.dumps(explorer.model.name)} {{", "  node [shape=box, fontname=monospace];"]
    for node, data in graph.nodes(data=True):
        text = "\\n".join(f"{name} = {_plain(value)}" for name, value in data["state"].items())
        style = ", penwidth=2" if data["initial"] else ""
        lines.append(f'  {node} [label="{text}"{style}];')
    for source, target, data in graph.edges(data=True):
        lines.append(f"  {source} -> {target} [label={json.dumps(_shown(explorer, data['step'], data['label']))}];")
    return "\n".join([*lines, "}", ""])


def graphml(explorer: Explorer) -> str:
    """Write the graph as GraphML; the state of a node is JSON."""
    graph = _named(explorer)
    for _, data in graph.nodes(data=True):
        data["state"] = json.dumps(data["state"])
    stream = io.BytesIO()
    nx.write_graphml(graph, stream)
    return stream.getvalue().decode("utf-8") + "\n"


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
