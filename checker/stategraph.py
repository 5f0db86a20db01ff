"""The graph of a small program's states, and the way that a run takes through it: a map for the reader of a trace.

It is an exhaustive search of its own, without reductions and without a verdict: what the explorer leaves out, because it
would make no difference, belongs on a map. States are told apart by their fingerprints, where choices are made. A
program that has more than a few dozen is left without a graph: nobody could read it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .execution import Scenario, execute
from .fingerprint import Fingerprinter
from .runtime import Run, Settings
from .trace import Edge, StateGraph
from .wording import describe_options

__all__ = ["draw"]

_MOST_STATES = 60
_MOST_RUNS = 300
_MOST_STEPS = 6_000
_STRAIGHT = 3  # nodes: a straight line is no map


class _Map:
    """What is known so far: states by their fingerprints, ends by what ends there, edges, and what is left to explore."""

    def __init__(self) -> None:
        self.nodes: list[str] = [""]  # the beginning
        self.edges: dict[Edge, None] = {}
        self.states: dict[bytes, int] = {}
        self.ends: dict[str, int] = {}
        self.frontier: list[list[int]] = [[]]

    def state(self, fingerprint: bytes) -> tuple[int, bool]:
        """Return the node of a state, and whether it is new."""
        known = self.states.get(fingerprint)
        if known is not None:
            return known, False
        number = self.states[fingerprint] = len(self.nodes)
        self.nodes.append("")
        return number, True

    def end(self, what: str) -> int:
        """Return the node of an end."""
        if what not in self.ends:
            self.ends[what] = len(self.nodes)
            self.nodes.append(what)
        return self.ends[what]


class _Surveyor:
    """A chooser that repeats a prefix, takes the first option after it, and draws what it comes by."""

    def __init__(self, drawn: _Map, fingerprinter: Fingerprinter, prefix: list[int], explores: bool) -> None:
        self.drawn = drawn
        self.fingerprinter = fingerprinter
        self.prefix = prefix
        self.explores = explores
        self.trail: list[int] = []
        self.path: list[tuple[int, int]] = [(0, 0)]
        self._words: list[str] = []

    def attach(self, run: Run) -> None:
        """Note the run that is about to begin."""
        self.run = run

    def pick(self, options: list[Any], deferred_from: int = 0) -> int:
        """Take the next option; leave the others to the frontier."""
        position = len(self.trail)
        index = self.prefix[position] if position < len(self.prefix) else 0
        if position >= len(self.prefix) and self.explores:
            self.drawn.frontier += [[*self.trail, other] for other in range(len(options) - 1, 0, -1)]
        self.trail.append(index)
        loop = self.run.loop
        loop.reporting = True  # it is not the program that looks at names
        self._words.append(describe_options(options)[index])
        loop.reporting = False
        return index

    def confirm(self) -> None:
        """Do nothing: nothing is deferred."""

    def seen(self, run: Run) -> bool:
        """Draw the present state; return True if it is known and everything from there on is somebody else's."""
        node, new = self.drawn.state(self.fingerprinter.fingerprint(run))
        self.arrive(node, run.steps)
        return self.explores and not new and len(self.trail) >= len(self.prefix)

    def node_at(self, steps: int) -> int:
        """Return the node in which the run was after so many steps."""
        return max((taken, node) for taken, node in self.path if taken <= steps)[1]

    def arrive(self, node: int, steps: int) -> None:
        """Draw the edge from the state before."""
        words = [word for word in self._words if word != "go on"] or self._words[:1]
        self.drawn.edges[Edge(self.path[-1][1], node, ", then ".join(words))] = None
        self.path.append((steps, node))
        self._words = []


def draw(scenario: Scenario, settings: Settings, schedule: list[int]) -> StateGraph | None:
    """Return the graph of a scenario's states, and the way of one schedule; None if it is not small. Call inside `simulation()`."""
    fingerprinter = Fingerprinter()
    fingerprinter.world.prepare(scenario)
    try:
        return _draw(scenario, settings, schedule, fingerprinter)
    except _LooksAtMore:
        try:
            return _draw(scenario, settings, schedule, fingerprinter)
        except _LooksAtMore:
            return None


def _draw(scenario: Scenario, settings: Settings, schedule: list[int], fingerprinter: Fingerprinter) -> StateGraph | None:
    drawn = _Map()
    runs = steps = 0
    free = replace(settings, lasso=None)
    while drawn.frontier:
        if runs >= _MOST_RUNS or len(drawn.nodes) > _MOST_STATES or steps > _MOST_STEPS:
            return None
        taken = _survey(_Surveyor(drawn, fingerprinter, drawn.frontier.pop(), explores=True), scenario, free)
        if taken is None:
            return None
        runs += 1
        steps += taken
    known = len(drawn.nodes)
    surveyor = _Surveyor(drawn, fingerprinter, schedule, explores=False)
    if known <= _STRAIGHT or _survey(surveyor, scenario, settings) is None or len(drawn.nodes) != known:
        return None
    return StateGraph(drawn.nodes, list(drawn.edges), surveyor.path)


class _LooksAtMore(Exception):
    """The program looks at names or times, which fingerprints have left out: what was merged may have been wrong."""


def _survey(surveyor: _Surveyor, scenario: Scenario, settings: Settings) -> int | None:
    """Run once; return how many steps it took, or None if such a run cannot be drawn."""
    fingerprinter = surveyor.fingerprinter
    outcome = execute(scenario, settings, surveyor, None, surveyor.attach)
    fingerprinter.world.restore()
    if outcome.fence is not None or outcome.kind == "depth":
        return None
    if outcome.names_matter > fingerprinter.names_matter or outcome.time_matters > fingerprinter.time_matters:
        fingerprinter.names_matter |= outcome.names_matter
        fingerprinter.time_matters |= outcome.time_matters
        raise _LooksAtMore
    if outcome.looped_from:
        surveyor.arrive(surveyor.node_at(outcome.looped_from), outcome.steps)
    elif outcome.kind != "cut":
        what = outcome.violation.property if outcome.violation is not None else "cancelled" if outcome.kind == "cancelled" else "done"
        surveyor.arrive(surveyor.drawn.end(what), outcome.steps)
    return outcome.steps
