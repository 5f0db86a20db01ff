"""Endless runs: found in the graph of a search that is complete, tried out, and shown as a lasso.

A *lasso* is a schedule that leads to a state, and a loop that leads from there back to it; so it can be gone round for ever.
Three kinds of it violate `progress`, or warn of it:

- *inevitable*: there are runs in which the scenario ends, but none of them comes by this state. Whatever happens from
  here on, it goes on for ever: a violation;
- of `progress(name)`, which must come again and again, and does not along a fair loop: a violation;
- the scenario can still end, and need not: a fair loop, in which every wait on the outside world ends (`fairness`). That
  takes a coincidence that repeats for ever, so it is a warning.

A scenario of which no run ends, cancellations apart, is meant to go on for ever: `progress(name)` is asked of it, and that where
it ends up (*resting*) no tasks wait for each other in a circle, which is for `api` to see.

What is concluded from the graph is tried out on the program: the loop's transitions are taken one after the other, the
indices of the choices are found by trying (see `transitions`), and it is gone round as often as it takes each event that is
pending at its start to come. A loop of which that cannot be shown is not reported; if it is a violation that could not be shown,
the search held that back.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from .execution import Scenario, execute
from .fairness import cyclic_core, fair_components, leading_to, stands_still, tour
from .fingerprint import Fingerprinter
from .probing import Follower, Pending, Probe
from .results import Finding, Result, hold_back
from .runtime import Lasso, Settings, Violation
from .transitions import BEGINNING, END, Transition, Transitions

__all__ = ["find_lassos"]

_STARTS = 40  # states of a component at which the loop may begin: the shortest loop is taken
_TRIES = 200  # runs to find the indices of one transition
_MOST_ROUNDS = 8
_MOST_RESTING = 5  # components in which endless runs end up that are looked into
_LARGEST_RESTING = 60  # transitions of such a component
_MOST_RUNS = 20_000  # to try loops out

_UNDECIDED = "an endless run was suspected, and the way round its loop could not be found again: whether there is one is not decided"


class _GivenUp(Exception):
    """Trying loops out has come to a limit."""


def find_lassos(
    scenario: Scenario,
    settings: Settings,
    fingerprinter: Fingerprinter,
    graph: Transitions,
    digests: Sequence[bytes],
    result: Result,
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Add the endless runs that violate `progress` to the findings and warnings of a search that has seen the whole space.

    Call inside `simulation()`. `digests` are the fingerprints of the states, by their numbers; `is_over` says when to stop.
    """
    prober = _Prober(scenario, settings, fingerprinter, graph, digests, is_over)
    try:
        _find(prober, result)
    except _GivenUp:
        hold_back(result, f"endless runs were not looked for to the end: {prober.runs:,} runs were made to try loops out")


def _find(prober: _Prober, result: Result) -> None:
    graph, settings = prober.graph, prober.settings
    core = cyclic_core(graph)
    if not core:
        return
    ending = leading_to(graph, [END])
    result.stalled = settings.time == "virtual" and stands_still(core, graph.standings)
    result.endless = not (ending[BEGINNING] or graph.expected or result.stalled)
    before = len(result.findings)  # of other properties: a search may keep going
    for who, inevitable, steps in _suspects(graph, core, ending):
        components = _shortest_first(graph, fair_components(steps, graph.standings, graph.owed))
        if steps and not components and not who and inevitable and not stands_still(steps, graph.standings):
            hold_back(result, _UNDECIDED)  # some run stays in there, and its events cannot be told apart
        for component in components:
            finding = prober.show(component, who, inevitable)
            if finding is not None:
                (result.findings if who or inevitable else result.warnings).append(finding)
                break
            if prober.is_lost and (who or inevitable):
                hold_back(result, _UNDECIDED)
        if len(result.findings) > before:
            return
    if not (ending[BEGINNING] or graph.expected):  # where somebody says who must get on, that has been looked for
        result.resting += prober.resting(core)


def _suspects(graph: Transitions, core: list[Transition], ending: bytearray) -> Iterator[tuple[str, bool, list[Transition]]]:
    """Yield whose progress may never come, whether nothing can help it any more, and the transitions without it; the worst first."""
    if ending[BEGINNING]:
        yield "", True, [step for step in core if not ending[step.source]]
    for who in sorted(graph.expected):
        without = [
            step
            for step in core
            if who not in step.happened.progressed
            and who not in graph.standings[step.source].ended
            and who not in graph.standings[step.target].ended
        ]
        made = [step.source for step in graph if who in step.happened.progressed]
        over = [state for state, standing in enumerate(graph.standings) if who in standing.ended]
        reached = leading_to(graph, [END, *made, *over])  # where it is over, nobody is stuck
        yield who, True, [step for step in without if not reached[step.source]]
        yield who, False, without
    if ending[BEGINNING]:
        yield "", False, [step for step in core if ending[step.source]]


def _shortest_first(graph: Transitions, components: Iterator[list[Transition]]) -> list[list[Transition]]:
    return sorted(components, key=lambda component: min(_simplicity(graph, step.source) for step in component))


def _simplicity(graph: Transitions, state: int) -> tuple[int, int]:
    schedule = graph.schedule(state)
    return sum(1 for choice in schedule if choice), len(schedule)


class _Prober:
    """Tries loops out."""

    def __init__(
        self,
        scenario: Scenario,
        settings: Settings,
        fingerprinter: Fingerprinter,
        graph: Transitions,
        digests: Sequence[bytes],
        is_over: Callable[[], bool],
    ) -> None:
        self.scenario = scenario
        self.settings = settings
        self.fingerprinter = fingerprinter
        self.graph = graph
        self.digests = digests
        self.is_over = is_over
        self.runs = 0
        self.is_lost = False  # the last loop that was to be shown could not be followed

    def resting(self, core: list[Transition]) -> list[Finding]:
        """Return runs that go round all of a component which no run leaves: where a scenario ends up that goes on for ever by design."""
        graph = self.graph
        components = _shortest_first(graph, fair_components(core, graph.standings, graph.owed))
        number_of = {step.source: number for number, component in enumerate(components) for step in component}
        left = {
            number_of[step.source]
            for step in graph
            if step.source in number_of and number_of.get(step.target) != number_of[step.source] and not step.happened.cancelled
        }
        closed = [component for number, component in enumerate(components) if number not in left and len(component) <= _LARGEST_RESTING]
        shown = [self.show(component, "", True, whole=True) for component in closed[:_MOST_RESTING]]
        return [finding for finding in shown if finding is not None]

    def show(self, component: list[Transition], who: str, inevitable: bool, *, whole: bool = False) -> Finding | None:
        """Return the run that goes round a fair loop in the component, or round all of it; None if none could be had."""
        graph = self.graph
        self.is_lost = False
        starts = sorted({step.source for step in component} - {BEGINNING}, key=lambda state: _simplicity(graph, state))[:_STARTS]
        loops = [(tour(component, graph.standings, graph.owed, start, whole=whole), start) for start in starts]
        loops.sort(key=lambda found: len(found[0]))
        for loop, start in loops[:3]:
            schedule = graph.schedule(start)
            end = self._go_round(schedule, loop, start)
            if end is not None:
                flags = self.fingerprinter
                lasso = Lasso(len(schedule), len(end), who, inevitable, flags.names_matter, flags.time_matters)
                violation = self._violation(end, lasso)
                if violation is not None:
                    return Finding(violation, end, lasso)
                self.is_lost = True
        return None

    def _go_round(self, schedule: tuple[int, ...], loop: list[Transition], start: int) -> tuple[int, ...] | None:
        """Return the schedule with one round of the loop; None if it does not lead back, or some event is put off for ever."""
        begun = self._probe(schedule, self.digests[start], -1)
        if begun is None:
            self.is_lost = True
            return None
        once: tuple[int, ...] | None = None
        place = begun
        for _ in range(_MOST_ROUNDS):
            for step in loop:
                taken = self._take(schedule, step, place)
                if taken is None:
                    self.is_lost = True
                    return None
                schedule, place = taken
            once = schedule if once is None else once
            if self._none_is_left(schedule, begun, place):
                return once
        return None

    def _take(self, schedule: tuple[int, ...], step: Transition, place: int) -> tuple[tuple[int, ...], int] | None:
        """Return a schedule that is longer by the choices of a transition, and the boundary at which it comes to its target."""
        digest = self.digests[step.target]
        for tries, choices in enumerate(self._alternatives(schedule, step.choices)):
            arrived = self._probe((*schedule, *choices), digest, place)
            if arrived is not None:
                return (*schedule, *choices), arrived
            if tries >= _TRIES:
                break
        return None

    def _alternatives(self, schedule: tuple[int, ...], choices: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """Yield the choices of a transition, as they were made in the run that found it, and then as many others."""
        plain = tuple(~choice if choice < 0 else choice for choice in choices)
        yield plain
        widths = self._widths(schedule, len(choices))
        options = [(plain[i],) if choices[i] < 0 else range(width) for i, width in enumerate(widths)]
        yield from (other for other in itertools.product(*options) if other != plain)

    def _widths(self, schedule: tuple[int, ...], count: int) -> list[int]:
        """Return how many options the next choices have, if the first one is taken of each; later ones may have more after another."""
        probe = Probe(schedule, self.fingerprinter, None, len(schedule) + count, -1)
        self._run(probe)
        return [width + 2 for width in probe.widths[:count]] + [2] * (count - len(probe.widths))

    def _probe(self, schedule: tuple[int, ...], digest: bytes, after: int) -> int | None:
        """Run the schedule; return the boundary behind `after` at which the state is the wanted one, before any more choices."""
        probe = Probe(schedule, self.fingerprinter, digest, len(schedule), after)
        self._run(probe)
        return probe.arrived

    def _none_is_left(self, schedule: tuple[int, ...], begun: int, place: int) -> bool:
        """Return True if no event that is pending at the one boundary is still pending at the other."""
        watch = Pending(schedule, begun, place)
        self._run(watch)
        return watch.left == 0

    def _run(self, probe: Follower) -> None:
        if self.runs >= _MOST_RUNS or self.is_over():
            raise _GivenUp
        self.runs += 1
        execute(self.scenario, self.settings, probe, None, probe.attach)
        self.fingerprinter.world.restore()

    def _violation(self, schedule: tuple[int, ...], lasso: Lasso) -> Violation | None:
        outcome = execute(self.scenario, replace(self.settings, lasso=lasso), Follower(schedule))
        self.fingerprinter.world.restore()
        return outcome.violation if outcome.violation is not None and outcome.violation.property == "progress" else None
