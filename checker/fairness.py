"""Which endless runs count: cycles in the graph of states along which nothing is put off for ever.

An endless run is *fair* if

- each outside event that is pending comes in the end, or is dropped (its waiter was cancelled); under `any` also each ready
  callback; and the clock comes to each deadline, unless its timer is given up. That is weak fairness: what comes and goes
  may be passed over;
- each option of a `choose()` that is offered again and again in the same state is taken again and again. That is strong
  fairness: what `choose` stands for is nobody's strategy. A `checkpoint(maybe=True)` suspends again and again; that it does
  not suspend, nobody can rely on.

Cancellations out of the budget need not come. Without the first rule a task that waits for the network would starve as soon as
another one has something to do; without the second one every retry of something that may fail would never end.

A strongly connected component of the states has a fair run that stays in it iff a tour through all of it is fair; and an option
that leads out of it can only be avoided together with its choice. Both are decided here on the graph alone, by the labels
of the events; the way round it (`tour`) is then tried out by `lasso`.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import networkx as nx

from .transitions import END, TIMER, Standing, Transition, Transitions

__all__ = ["cyclic_core", "fair_components", "leading_to", "stands_still", "tour"]

Ways = dict[int, list[Transition]]  # by their source
Owed = dict[tuple[int, tuple[int, ...]], int]
Point = tuple[int, tuple[int, ...]]  # a choice of the program: the state before it, and the choices since


def cyclic_core(graph: Transitions) -> list[Transition]:
    """Return the transitions that lie on cycles, and some that lie behind them; none if every run ends."""
    states = graph.states
    sources, targets = graph.sources, graph.targets
    missing = array("q", [0]) * states  # transitions into each state from states that are left
    first = array("q", [0]) * (states + 1)
    for source, target in zip(sources, targets, strict=True):
        first[source + 1] += 1
        if target != END:
            missing[target] += 1
    for state in range(states):
        first[state + 1] += first[state]
    order = array("q", [0]) * len(sources)
    free = array("q", first)
    for source, target in zip(sources, targets, strict=True):
        order[free[source]] = target
        free[source] += 1
    peeled = [state for state in range(states) if not missing[state]]
    left = states
    while peeled:
        state = peeled.pop()
        left -= 1
        for target in order[first[state] : first[state + 1]]:
            if target != END:
                missing[target] -= 1
                if not missing[target]:
                    peeled.append(target)
    if not left:
        return []
    return [step for step in graph if step.target != END and missing[step.source] and missing[step.target]]


def leading_to(graph: Transitions, goals: Iterable[int]) -> bytearray:
    """Return, by the number of a state, whether one of the goals (states, or the END) can be reached without a cancellation."""
    before: dict[int, list[int]] = {}
    for step in graph:
        if not step.happened.cancelled:
            before.setdefault(step.target, []).append(step.source)
    reached = bytearray(graph.states)
    work = list(goals)
    for state in work:
        if state != END:
            reached[state] = True
    while work:
        for source in before.get(work.pop(), ()):
            if not reached[source]:
                reached[source] = True
                work.append(source)
    return reached


def stands_still(steps: Iterable[Transition], standings: Sequence[Standing]) -> bool:
    """Return True if there is a component in which somebody waits for the clock all the time, and it never moves: what a virtual clock
    keeps from happening, a real one would not.
    """
    return any(
        label.startswith(TIMER) for component in _components(steps) for label in _put_off(component, standings)
    )


def _components(steps: Iterable[Transition]) -> Iterable[list[Transition]]:
    """Return the strongly connected components, as their transitions; states that are on no cycle have none."""
    graph: nx.DiGraph[int] = nx.DiGraph()
    left = list(steps)
    graph.add_edges_from((step.source, step.target) for step in left)
    component_of = {state: number for number, found in enumerate(nx.strongly_connected_components(graph)) for state in found}
    inside: dict[int, list[Transition]] = {}
    for step in left:
        if component_of[step.source] == component_of[step.target]:
            inside.setdefault(component_of[step.source], []).append(step)
    return inside.values()


def fair_components(steps: Iterable[Transition], standings: Sequence[Standing], owed: Owed) -> Iterator[list[Transition]]:
    """Yield, as their transitions, the components of the graph that these transitions make in which a fair run can stay."""
    work = [list(steps)]
    while work:
        for component in _components(work.pop()):
            avoided = _avoided(component, owed)
            if avoided:
                work.append([step for step in component if avoided.isdisjoint(_points(step))])
            elif _is_fair(component, standings):
                yield component


def _points(step: Transition) -> Iterator[Point]:
    for position, choice in enumerate(step.choices):
        if choice < 0:
            yield step.source, step.choices[:position]


def _options(component: list[Transition]) -> dict[Point, set[int]]:
    """Return the choices of the program that are made in the component, and the options that stay in it."""
    offered: dict[Point, set[int]] = {}
    for step in component:
        for point in _points(step):
            offered.setdefault(point, set()).add(step.choices[len(point[1])])
    return offered


def _avoided(component: list[Transition], owed: Owed) -> set[Point]:
    """Return the choices of the program of which an option that must be taken leads out of the component: a fair run that stays must
    not come there.
    """
    return {point for point, options in _options(component).items() if not _dues(point, owed) <= options}


def _dues(point: Point, owed: Owed) -> set[int]:
    """Return the options of a choice that a fair run must take if it comes by again and again."""
    return {~option for option in range(owed[point])}


def _is_fair(component: list[Transition], standings: Sequence[Standing]) -> bool:
    """Return True if whatever is pending in all of the component comes somewhere in it."""
    return not _put_off(component, standings)


def _put_off(component: list[Transition], standings: Sequence[Standing]) -> frozenset[str]:
    """Return the events that are pending in all of the component and never come in it."""
    always = frozenset.intersection(*(standings[step.source].pending for step in component))
    return always.difference(*(step.happened.came for step in component))


@dataclass
class _Duties:
    """What a loop must still do to be fair: let events come that were pending, and take options that were offered."""

    standings: Sequence[Standing]
    owed: Owed
    events: set[str]
    untaken: set[Transition]
    offered: set[tuple[Point, int]] = field(default_factory=set)
    taken: set[tuple[Point, int]] = field(default_factory=set)

    def helps(self, step: Transition) -> bool:
        """Return True if the transition does one of them."""
        if step in self.untaken or self.events & step.happened.came or not self.events <= self.standings[step.target].pending:
            return True
        return any((point, step.choices[len(point[1])]) in self.offered for point in _points(step))

    def take(self, step: Transition) -> None:
        self.untaken.discard(step)
        self.events -= step.happened.came
        self.events &= self.standings[step.target].pending
        for point in _points(step):
            self.taken.add((point, step.choices[len(point[1])]))
            self.offered |= {(point, option) for option in _dues(point, self.owed)}
        self.offered -= self.taken

    @property
    def done(self) -> bool:
        return not (self.events or self.offered or self.untaken)


def tour(
    component: list[Transition], standings: Sequence[Standing], owed: Owed, start: int, *, whole: bool = False
) -> list[Transition]:
    """Return a fair loop through a fair component, from `start` back to it: from each place the nearest thing to do next, so it is short
    and need not be the shortest. With `whole` it takes every transition.
    """
    ways: Ways = {}
    for step in component:
        ways.setdefault(step.source, []).append(step)
    duties = _Duties(standings, owed, set(standings[start].pending), set(component) if whole else set())
    loop: list[Transition] = []
    here = start
    while not duties.done:
        here = _walk(ways, here, duties.helps, duties, loop)
    while here != start or not loop or not duties.done:  # the way back may pass choices, whose options are to be taken
        here = _walk(ways, here, (lambda step: step.target == start) if duties.done else duties.helps, duties, loop)
    return loop


def _walk(ways: Ways, here: int, wanted: Callable[[Transition], bool], duties: _Duties, loop: list[Transition]) -> int:
    """Go the shortest way to the end of a transition that is wanted; return where that is."""
    path = _nearest(ways, here, wanted)
    for step in path:
        duties.take(step)
    loop += path
    return path[-1].target


def _nearest(ways: Ways, here: int, wanted: Callable[[Transition], bool]) -> list[Transition]:
    came: dict[int, Transition | None] = {here: None}
    work = deque([here])
    while work:
        state = work.popleft()
        for step in ways[state]:
            if wanted(step):
                path = [step]
                while (before := came[path[-1].source]) is not None:
                    path.append(before)
                return path[::-1]
            if step.target not in came:
                came[step.target] = step
                work.append(step.target)
    raise AssertionError("a component is strongly connected, and has what a fair run needs")
