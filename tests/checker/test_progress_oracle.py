"""The search for endless runs finds all that there are, and no others: held against a graph made without any reduction.

Generated programs with loops are explored as users have it done, states merged and events deferred; beside that the whole graph of their
states is made (`naive_graph`), and the two must agree on whether there is a state behind which the end is out of reach, whose progress
may stay away, and whether there is a fair run that need not end. What was found must go round again, on asyncio's own loop, too.
"""

import contextlib
from collections import Counter
from dataclasses import replace

import looping
import naive
import naive_graph
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from treadle.checker import explorer, lasso, transitions
from treadle.checker.execution import execute, simulation
from treadle.checker.explorer import explore
from treadle.checker.results import Limits
from treadle.checker.runtime import Settings
from treadle.checker.shrinking import replays
from treadle.checker.stock import confirm
from treadle.checker.transitions import BEGINNING, END

CHUNKS = 2
COMPARED = 60  # in each chunk
FEWER = 25  # where each comparison takes longer
FEWEST_STATES, MOST_STATES = 3, 40  # of the explorer
MOST_NAIVE_STATES, MOST_NAIVE_EDGES = 80, 400

all_settings = st.builds(
    Settings,
    contract=st.sampled_from(("stock", "stock", "stretched", "any")),
    time=st.sampled_from(("virtual", "virtual", "any")),
    cancel=st.sampled_from((0, 0, 1)),
    ignore=st.sampled_from((frozenset(), frozenset({"no-deadlock"}))),
)


class Enough(Exception):
    """Ends the generation of examples."""


def with_examples(number, compared):
    """The same examples every time, others for every number, until the test has `Enough`."""
    profile = settings(
        max_examples=20 * compared,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: profile(seed(number)(test))


def search(program, config, merge="on"):
    """Explore a program; None if it is too large, too small, or violates anything but `progress`."""
    result = explore(program, config, Limits(states=MOST_STATES, runs=10 * MOST_STATES), merge=merge)
    if result.held_back or result.states < FEWEST_STATES or any(finding.lasso is None for finding in result.findings):
        return None
    return result


def said(result):
    """Return what a search has found: an end out of reach, progress that may stay away, an end that need not come."""
    found = [finding.lasso for finding in result.findings]
    return (
        any(one.inevitable and not one.who for one in found),
        {one.who for one in found if one.who},
        bool(result.warnings),
    )


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_search_finds_the_endless_runs_that_there_are(chunk):
    seen = Counter()

    @with_examples(chunk, COMPARED)
    @given(looping.programs, all_settings)
    def compare(program, config):
        if seen["compared"] >= COMPARED:
            raise Enough
        result = search(program, config)
        if result is None:
            return
        try:
            graph = naive_graph.build(program, config, MOST_NAIVE_STATES, MOST_NAIVE_EDGES)
        except naive_graph.TooLarge:
            return
        if naive_graph.is_ambiguous(graph):
            return
        inevitable, starving, warning = naive_graph.expected(graph)
        what = (program, config)
        found_inevitable, found_starving, found_warning = said(result)
        assert found_inevitable == inevitable, what
        if inevitable:
            assert not found_starving, what  # the worst comes first, and ends the search
        else:
            assert bool(found_starving) == bool(starving), what
            assert found_starving <= starving, what
        assert found_warning == (warning and not inevitable and not starving), what
        for finding in (*result.findings, *result.warnings):
            going_round = replace(config, lasso=finding.lasso)
            assert replays(program, going_round, finding.schedule, "progress"), what
            if config.contract == "stock":
                proof = confirm(program, going_round, finding.schedule)
                assert proof.status in ("confirmed", "ruled out"), (*what, proof)
                seen[proof.status] += 1
        seen["compared"] += 1
        seen["inevitable"] += inevitable
        seen["starving"] += bool(starving) and not inevitable
        seen["warning"] += found_warning
        seen["nothing"] += not (inevitable or starving or warning)
        seen[config.contract] += 1
        seen["cancel"] += config.cancel
        seen["time any"] += config.time == "any"

    with contextlib.suppress(Enough):
        compare()
    print(dict(seen))
    assert seen["compared"] == COMPARED
    assert min(seen["inevitable"], seen["warning"]) > COMPARED / 30
    assert seen["starving"] > 0
    assert seen["nothing"] > COMPARED / 3
    assert min(seen["stock"], seen["stretched"], seen["any"], seen["cancel"], seen["time any"]) > COMPARED / 20
    assert seen["confirmed"] > seen["ruled out"]


# -- what the search writes down ----------------------------------------------------------------------------------------------------------


class Reach(naive.Follow):
    """Follows a schedule, until it has been used up and the state is the wanted one, or there is another choice."""

    def __init__(self, schedule, fingerprinter, wanted):
        super().__init__(schedule)
        self.fingerprinter = fingerprinter
        self.wanted = wanted
        self.reached = False

    def attach(self, run):
        run.circling = self

    def closes(self, run):
        if self.wanted is not None and len(self.widths) == len(self.schedule):
            self.reached = self.fingerprinter.fingerprint(run) == self.wanted
        run.cut = self.reached or len(self.widths) > len(self.schedule)
        return run.cut


def plain(choices):
    return tuple(~choice if choice < 0 else choice for choice in choices)


def test_what_the_search_writes_down_is_true(monkeypatch):
    """A state's schedule leads to it, and each transition's choices from there lead to where it says, and a cancellation strikes if it
    says so.
    """
    seen = Counter()
    graphs = []
    monkeypatch.setattr(explorer, "find_lassos", lambda *given: graphs.append(given))

    @with_examples(1_000, COMPARED)
    @given(looping.programs, all_settings)
    def compare(program, config):
        if seen["programs"] >= COMPARED:
            raise Enough
        graphs.clear()
        if search(program, config) is None:
            return
        ((_, given, fingerprinter, graph, digests, *_),) = graphs

        def reach(schedule, wanted):
            chooser = Reach(schedule, fingerprinter, wanted)
            outcome = execute(program, given, chooser, None, chooser.attach)
            fingerprinter.world.restore()
            return chooser, outcome

        with simulation():
            for state in range(BEGINNING + 1, graph.states):
                chooser, _ = reach(graph.schedule(state), digests[state])
                assert chooser.reached, (program, config, state)
            for step in graph:
                before = () if step.source == BEGINNING else graph.schedule(step.source)
                chooser, outcome = reach(before + plain(step.choices), None if step.target == END else digests[step.target])
                if step.target == END:
                    assert len(chooser.widths) == len(chooser.schedule), (program, config, step)
                    assert outcome.kind != "cut", (program, config, step)
                else:
                    assert chooser.reached, (program, config, step)
                assert step.happened.came <= graph.standings[step.source].pending, (program, config, step)
                seen["ends"] += step.target == END
                seen["cancelled"] += step.happened.cancelled
                seen["with events"] += bool(step.happened.came)
                seen["with data"] += any(choice < 0 for choice in step.choices)
                seen["long"] += len(step.choices) > 1
        seen["programs"] += 1
        seen["states"] += graph.states

    with contextlib.suppress(Enough):
        compare()
    print(dict(seen))
    assert seen["programs"] == COMPARED
    assert min(seen["ends"], seen["cancelled"], seen["with events"], seen["with data"], seen["long"]) > COMPARED


def test_what_labels_get_wrong_is_not_reported(monkeypatch):
    """A loop that only looks fair, since events are taken for others, is tried out and found to put something off for ever."""
    monkeypatch.setattr(transitions, "_label", lambda event, owners, names: "event")
    monkeypatch.setattr(lasso, "_MOST_ROUNDS", 2)  # more are in vain here, and take long
    seen = Counter()

    @with_examples(3_000, FEWER)
    @given(looping.programs, all_settings)
    def compare(program, config):
        if seen["programs"] >= FEWER:
            raise Enough
        result = search(program, config)
        if result is None:
            return
        try:
            graph = naive_graph.build(program, config, MOST_NAIVE_STATES, MOST_NAIVE_EDGES)
        except naive_graph.TooLarge:
            return
        if naive_graph.is_ambiguous(graph):
            return
        inevitable, starving, warning = naive_graph.expected(graph)
        found_inevitable, found_starving, found_warning = said(result)
        assert found_inevitable <= inevitable, (program, config)
        assert found_starving <= starving, (program, config)
        assert found_warning <= warning, (program, config)
        seen["programs"] += 1
        seen["found"] += found_inevitable or bool(found_starving) or found_warning
        seen["not found"] += (inevitable or bool(starving) or warning) and not (result.findings or result.warnings)

    with contextlib.suppress(Enough):
        compare()
    print(dict(seen))
    assert seen["programs"] == FEWER
    assert seen["found"] > FEWER / 10


def test_looking_up_fewer_states_loses_no_endless_run(monkeypatch):
    """A search that looks up every other state, or fewer still, has a coarser graph, which says the same."""
    seen = Counter()

    @with_examples(2_000, FEWER)
    @given(looping.programs, all_settings)
    def compare(program, config):
        if seen["programs"] >= FEWER:
            raise Enough
        everything = search(program, config)
        if everything is None:
            return
        with monkeypatch.context() as patch:
            patch.setattr(explorer._Merging, "_WINDOW", 4)
            fewer = explore(program, config, Limits(runs=3_000, depth=2_000), merge="auto")
        if fewer.held_back or fewer.states == everything.states:
            return
        assert said(fewer) == said(everything), (program, config)
        seen["programs"] += 1
        seen["endless"] += bool(everything.findings or everything.warnings)

    with contextlib.suppress(Enough):
        compare()
    print(dict(seen))
    assert seen["programs"] == FEWER
    assert seen["endless"] > FEWER / 10
