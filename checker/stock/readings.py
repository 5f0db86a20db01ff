"""What the clock of asyncio's loop shows: the simulated time, or other readings that put timers into the wanted order.

The simulated clock stands still while the program computes, so deadlines tie that never would on a real clock, and the
schedule says which comes first. asyncio's loop decides by the readings of its clock. `solve` looks for readings of a clock that
never goes backwards and puts every timer where the schedule has it. Such readings exist unless the deadlines prove that it is
impossible: then the schedule needs another clock than the one asyncio has.

Every condition compares two readings (a timer made at reading `y` with the delay `d` fires when the clock shows `y + d`),
so this is a system of difference constraints, and shortest paths solve it.
"""

from __future__ import annotations

import networkx as nx

from .script import Iteration, Script

__all__ = ["Readings", "solve"]

_HAIR = 1e-6  # seconds by which things that must differ do


class Readings:
    """The clock of one run. `births`, if given, are the readings at which the timers are made, and `starts` those of the iterations."""

    def __init__(self, script: Script, starts: list[float] | None = None, births: list[float] | None = None) -> None:
        self.script = script
        self.starts = starts
        self.births = births
        self.now = 0.0
        self.made = 0
        self.iteration = -1
        self.computing = True  # callbacks run; the loop asks for the time before they do, to see which timers are due

    def begin(self, iteration: Iteration) -> None:
        """An iteration begins: the clock goes on."""
        self.iteration += 1
        self.computing = False
        self.now = max(self.now, iteration.clock if self.starts is None else self.starts[self.iteration])

    def jump(self, when: float) -> None:
        """Let the clock show `when`."""
        self.now = max(self.now, when)

    def read(self) -> float:
        """Return what the clock shows: the reading at which the next timer is made, if it is made in this iteration."""
        if self.births is not None and self.computing and self.made < len(self.births):
            birth = self.script.timers[self.made]
            if birth.iteration == self.iteration:
                self.now = max(self.now, self.births[self.made])
        return self.now

    def timer_made(self) -> None:
        """Take note that a timer has been made."""
        self.made += 1


def solve(script: Script) -> Readings | None:
    """Return readings of a clock under which every timer fires where the script has it; None if no clock does that."""
    graph: nx.DiGraph[str] = nx.DiGraph()

    def later(after: str, before: str, by: float) -> None:
        """Demand after - before ≥ by."""
        known = graph.get_edge_data(before, after, {"weight": -by})
        graph.add_edge(before, after, weight=min(-by, known["weight"]))

    iterations = script.iterations
    last = "start"
    graph.add_node(last)
    made = 0
    for number, iteration in enumerate(iterations):
        while made < len(script.timers) and script.timers[made].iteration < number:
            later(f"timer {made}", last, 0.0)
            last = f"timer {made}"
            made += 1
        here = f"iteration {number}"
        later(here, last, 0.0)
        last = here
        for timer in iteration.pending:
            delay = script.timers[timer].delay
            if timer in iteration.fired:
                later(here, f"timer {timer}", delay)
            else:
                later(f"timer {timer}", here, 2 * _HAIR - delay)
        for first, second in zip(iteration.fired, iteration.fired[1:], strict=False):
            later(f"timer {second}", f"timer {first}", _HAIR + script.timers[first].delay - script.timers[second].delay)
    while made < len(script.timers):
        later(f"timer {made}", last, 0.0)
        last = f"timer {made}"
        made += 1
    try:
        distances = nx.single_source_bellman_ford_path_length(graph, "start")
    except nx.NetworkXUnbounded:
        return None
    starts = [-distances[f"iteration {number}"] for number in range(len(iterations))]
    births = [-distances[f"timer {number}"] for number in range(len(script.timers))]
    return Readings(script, starts, births)
