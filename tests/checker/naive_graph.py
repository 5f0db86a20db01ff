"""The whole graph of a program's states, made without any reduction, and what it says of endless runs.

Shares `execute` and the fingerprints with the explorer, and nothing of what it is held against (`transitions`, `fairness`, `lasso`): a
state at every boundary between two steps, every option of every choice out of each, nothing deferred, nothing run at once. Pending
events are followed from state to state as the objects that they are; whether a run is fair is decided by following all
obligations at once (the *breakpoint construction*): a set of events that are pending is watched until the last of them has
come, then a new set, and the run is fair if that never stops.
"""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass, field

import naive
import networkx as nx

from treadle.checker.events import Checkpoint, Delayed, ExecutorJob, TimerHandle
from treadle.checker.execution import execute, simulation
from treadle.checker.fingerprint import Fingerprinter
from treadle.checker.runtime import Maybe

END = "the end"


class TooLarge(Exception):
    """The graph has more states or transitions than asked for."""


class Unfit(Exception):
    """The program violates a property, or looks at what fingerprints leave out: no program for this comparison."""


@dataclass(frozen=True)
class Edge:
    """A transition. `data` are the choices of the program on it, each as its place (the choices before it), its option, and
    how many options a fair run owes: all of a `choose()`, only the first of a `checkpoint(maybe=True)`, which is to suspend.
    `survivors` are the events that are pending before and after, by their keys there and here.
    """

    source: object
    target: object
    choices: tuple[int, ...]
    data: tuple[tuple[tuple[int, ...], int, int], ...]
    survivors: tuple[tuple[object, object], ...]
    cancelled: bool
    progressed: frozenset[str]


@dataclass
class Graph:
    """`pending` and `ended` are by state; `ambiguous` are states in which two events look the same."""

    first: object = None
    edges: list[Edge] = field(default_factory=list)
    pending: dict[object, frozenset[object]] = field(default_factory=dict)
    ended: dict[object, frozenset[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    ambiguous: set[object] = field(default_factory=set)


class Look(naive.Follow):
    """Follows a schedule from boundary to boundary: what it sees at number `begin`, and at the next."""

    def __init__(self, schedule, begin, fingerprinter):
        super().__init__(schedule)
        self.begin = begin
        self.fingerprinter = fingerprinter
        self.owed = []  # of each choice: how many options, from the first, a fair run must take; 0 for one of the scheduler
        self.boundary = 0
        self.target = END
        self.events = {}
        self.survivors = {}
        self.pending = frozenset()
        self.ended = frozenset()
        self.ambiguous = False
        self.injected = 0
        self.now = 0.0
        self.progressed = frozenset()
        self.names = set()
        self.begun = 0

    def attach(self, run):
        self.run = run
        run.circling = self

    def pick(self, options, deferred_from=0):
        self.owed.append(len(options) if type(options[0]) is int else int(isinstance(options[0], Maybe)))
        return super().pick(options)

    def closes(self, run):
        self.boundary += 1
        if self.boundary == self.begin:
            self.events, _ = keyed(run)
            self.injected, self.now = run.injected, run.loop.now
            self.begun = len(self.widths)
            run.progressed.clear()
        elif self.boundary > self.begin:
            self.target = self.fingerprinter.fingerprint(run)
            after, self.ambiguous = keyed(run)
            moves = run.settings.time == "virtual" and run.loop.now > self.now  # again and again: to every deadline
            there = {id(event()): key for key, event in after.items() if not (moves and isinstance(event(), TimerHandle))}
            known = {key: event() for key, event in self.events.items()}
            self.survivors = {key: there[id(event)] for key, event in known.items() if event is not None and id(event) in there}
            self.pending = frozenset(after)
            self.ended = frozenset(name for name in run.expected if not run.makers(name))
            run.cut = True
        self.progressed = frozenset(run.progressed)
        self.names |= set(run.expected)
        return run.cut


def keyed(run):
    """Return references to the pending events by keys that are the same in equal states, and whether two had the same."""
    loop = run.loop
    events = [*loop.outside]
    events += [timer for timer in loop.timers if run.settings.time == "any" or timer.when() > loop.now]
    if run.settings.contract == "any":
        events += loop.ready
    owners = {}
    for number, task in enumerate(loop.live_tasks()):
        owners[id(task)] = owners[id(task._fut_waiter)] = number
    found = {}
    ambiguous = False
    for event in events:
        key = key_of(event, owners)
        while key in found:
            ambiguous = True
            key = (key, "another")
        found[key] = weakref.ref(event)
    return found, ambiguous


def key_of(event, owners):
    if isinstance(event, (Checkpoint, ExecutorJob)):
        return type(event).__name__, owners.get(id(event.future))
    if isinstance(event, Delayed):
        return "delayed", key_of(event.handle, owners)
    callback = event._callback
    held = [getattr(callback, "__self__", None), *event._args]
    held += [item._task for item in held if isinstance(item, asyncio.Timeout)]
    return (
        isinstance(event, TimerHandle),
        getattr(callback, "__qualname__", type(callback).__name__),
        tuple(owners[id(item)] for item in held if id(item) in owners),
    )


def build(scenario, settings, most_states, most_edges):
    """Return the graph of all states of a scenario."""
    fingerprinter = Fingerprinter()
    fingerprinter.world.prepare(scenario)
    graph = Graph()
    with simulation(), naive.everything_in_any_order():

        def look(schedule, begin):
            chooser = Look(schedule, begin, fingerprinter)
            outcome = execute(scenario, settings, chooser, None, chooser.attach)
            fingerprinter.world.restore()
            if outcome.violation is not None or outcome.names_matter or outcome.time_matters or outcome.fence is not None:
                raise Unfit
            assert outcome.kind != "depth"
            cancelled = chooser.run.injected > chooser.injected
            return chooser, cancelled

        def enter(chooser):
            if chooser.target not in graph.pending:
                graph.pending[chooser.target] = chooser.pending
                graph.ended[chooser.target] = chooser.ended
                graph.names |= chooser.names
                if chooser.ambiguous:
                    graph.ambiguous.add(chooser.target)
                if len(graph.pending) > most_states:
                    raise TooLarge
                return True
            return False

        chooser, _ = look((), 0)
        enter(chooser)
        graph.first = chooser.target
        work = [(graph.first, (), 1)]
        while work:
            state, schedule, boundary = work.pop()
            pending = [()]
            while pending:
                suffix = pending.pop()
                chooser, cancelled = look(schedule + suffix, boundary)
                start = len(schedule)
                assert chooser.begun == start, "a state's schedule ends where the state is"
                widths = chooser.widths[start:]
                choices = suffix + (0,) * (len(widths) - len(suffix))
                for position in range(len(suffix), len(widths)):
                    pending += [(*choices[:position], index) for index in range(1, widths[position])]
                owed = chooser.owed[start:]
                data = tuple((choices[:i], choices[i], owed[i]) for i in range(len(widths)) if owed[i])
                survivors = tuple(chooser.survivors.items())
                graph.names |= chooser.names
                graph.edges.append(Edge(state, chooser.target, choices, data, survivors, cancelled, chooser.progressed))
                if len(graph.edges) > most_edges:
                    raise TooLarge
                if chooser.target is not END and enter(chooser):
                    work.append((chooser.target, schedule + choices, boundary + 1))
    return graph


# -- what the graph says ------------------------------------------------------------------------------------------------------------------


def can_end(graph):
    """Return the states from which the end can be reached without a cancellation."""
    backwards = nx.DiGraph((edge.target, edge.source) for edge in graph.edges if not edge.cancelled)
    return nx.descendants(backwards, END) if END in backwards else set()


def has_fair_run(graph, edges):
    """Return True if an endless run that is fair can go on along these edges alone."""
    edges = [edge for edge in edges if edge.target is not END]
    product = nx.MultiDiGraph()
    work = [(edge.source, graph.pending[edge.source]) for edge in edges]
    out = {}
    for edge in edges:
        out.setdefault(edge.source, []).append(edge)
    seen = set(work)
    while work:
        node = state, watched = work.pop()
        for edge in out.get(state, ()):
            survivors = dict(edge.survivors)
            left = frozenset(survivors[key] for key in watched if key in survivors)
            following = edge.target, left or graph.pending[edge.target]
            product.add_edge(node, following, edge=edge, breakpoint=not left)
            if following not in seen:
                seen.add(following)
                work.append(following)
    return _goes_round(product)


def _goes_round(product):
    for component in nx.strongly_connected_components(product):
        part = product.subgraph(component)
        if not any(data["breakpoint"] for _, _, data in part.edges(data=True)):
            continue
        taken = {}
        for _, _, data in part.edges(data=True):
            for place, option, owed in data["edge"].data:
                taken.setdefault((data["edge"].source, place, owed), set()).add(option)
        missed = {place for place, options in taken.items() if not options.issuperset(range(place[2]))}
        if not missed:
            return True
        smaller = nx.MultiDiGraph()
        for source, target, data in part.edges(data=True):
            edge = data["edge"]
            if not any((edge.source, place, owed) in missed for place, _, owed in edge.data):
                smaller.add_edge(source, target, **data)
        if _goes_round(smaller):
            return True
    return False


def is_ambiguous(graph):
    """Return True if a state in which two events look the same lies on a cycle."""
    flat = nx.DiGraph((edge.source, edge.target) for edge in graph.edges)
    return any(
        graph.ambiguous & component for component in nx.strongly_connected_components(flat) if len(component) > 1 or _loops(flat, component)
    )


def _loops(flat, component):
    (state,) = component
    return flat.has_edge(state, state)


def expected(graph):
    """Return what a search should say: `inevitable`, whose progress may stay away, and whether there is a mere `warning`."""
    ending = can_end(graph)
    ends = graph.first in ending
    inevitable = ends and has_fair_run(graph, [edge for edge in graph.edges if edge.source not in ending])
    starving = {
        name
        for name in graph.names
        if has_fair_run(
            graph,
            [
                edge
                for edge in graph.edges
                if edge.target is not END
                and name not in edge.progressed
                and name not in graph.ended[edge.source]
                and name not in graph.ended[edge.target]
            ],
        )
    }
    warning = ends and has_fair_run(graph, [edge for edge in graph.edges if edge.source in ending])
    return inevitable, starving, warning
