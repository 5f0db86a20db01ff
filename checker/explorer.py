"""The explorer: runs a scenario again and again, each time with another schedule, until no choice is left untaken.

Nothing is ever copied: coroutines cannot be. A run repeats the choices that lead to where it departs, departs, and
goes on in stock order; every choice that it meets on its own way leaves its other options in the frontier. A state
that was seen before ends the run, since everything after it has been or will be explored from there. *Not* looking a
state up is always sound, so merging backs off where it does not pay (`_Merging`), by counts and never by clocks: the
same search takes the same way every time.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

from . import type_tables as _tables  # noqa: F401  # fills the tables of `fingerprint`
from .errors import NondeterminismError
from .events import Cancellation, Checkpoint, Delay, Delayed, ExecutorJob, Handle, Then, TimerHandle
from .events import Run as Run_
from .execution import Outcome, Scenario, execute, simulation
from .fingerprint import Fingerprinter
from .frontier import Frontier
from .interrupts import Interrupts
from .lasso import find_lassos
from .results import Finding, Limits, Progress, Result, count, hold_back, is_limited, trimmed
from .runtime import Maybe, Run, Settings
from .transitions import BEGINNING, END, Happened, Ledger, Origin, Transitions

__all__ = ["explore"]


class _Deferred:
    """A choice whose later options are explored only if a run turns out to need them."""

    __slots__ = ("costs", "first", "origin", "position", "pushed", "signature", "trail")

    def __init__(self, signature: int, trail: list[int], position: int, first: int, costs: list[int], origin: Origin) -> None:
        self.signature = signature
        self.trail = trail
        self.position = position
        self.first = first
        self.costs = costs
        self.origin = origin
        self.pushed = False


Mark = int | _Deferred
Entry = tuple[list[int], list[Mark], int, int, int, Origin]  # trail, marks, position, index, cost, where the choice was made


class _Path:
    """The choices of one run: a prefix to repeat, then stock order; the other options of new choices go to the frontier.

    `origin` is the state that was looked up last, or for a start the one after which the run departs.
    """

    __slots__ = ("cost", "frontier", "held", "ledger", "length", "marks", "merging", "new", "number", "origin", "position", "trail")

    def __init__(
        self, frontier: Frontier[Entry], merging: _Merging, trail: list[int], marks: list[Mark], cost: int, origin: Origin
    ) -> None:
        self.frontier = frontier
        self.merging = merging
        self.trail = trail
        self.marks = marks
        self.length = len(trail)
        self.cost = cost
        self.position = 0
        self.held: _Deferred | None = None
        self.new = 0
        self.ledger = Ledger()
        self.number = merging.graph.begin(origin.run, max(0, self.length - 1)) if merging.graph is not None else 0
        self.origin = origin._replace(run=self.number)

    def pick(self, options: list[Any], deferred_from: int = 0) -> int:
        """Repeat the prefix; after it, take the first option and leave the others to the frontier."""
        position = self.position
        self.position = position + 1
        signature = _signature(options)
        if position < self.length:
            index = self.trail[position]
            if position < len(self.marks):
                mark = self.marks[position]
                if isinstance(mark, _Deferred):
                    self.held = mark if index == 0 else None
                    mark = mark.signature
                if mark != signature:
                    raise NondeterminismError(_differs(position, mark, signature, options))
            return index
        self.new += 1
        trail = self.trail
        trail.append(0)
        cost = self.cost
        if deferred_from:
            costs = [cost + option.weight for option in options[deferred_from:]]
            self.held = _Deferred(signature, trail, position, deferred_from, costs, self.origin)
            self.marks.append(self.held)
            last = deferred_from
        else:
            self.marks.append(signature)
            last = len(options)
        push = self.frontier.push
        for index in range(last - 1, 0, -1):
            weight = cost + getattr(options[index], "weight", 1)
            push(weight, (trail, self.marks, position, index, weight, self.origin))
        return 0

    def confirm(self) -> None:
        """Leave the deferred options to the frontier after all."""
        held = self.held
        if held is not None and not held.pushed:
            held.pushed = True
            for offset in range(len(held.costs) - 1, -1, -1):
                cost = held.costs[offset]
                self.frontier.push(cost, (held.trail, self.marks, held.position, held.first + offset, cost, held.origin))
        self.held = None

    def seen(self, run: Run) -> bool:
        """Return True if everything from here on is known."""
        merging = self.merging
        if self.position < self.length or merging.graph is None:
            if run.boundaries == self.origin.boundary:
                self.ledger.mark(run)
            return False
        if not merging.is_due():
            return False
        state, known = merging.look_up(run)
        if run.expected:
            merging.graph.expected.update(run.expected)
        self.note(merging.graph, state, self.ledger.happened(run))
        standing = self.ledger.mark(run)
        if known:
            return True
        merging.graph.enter(self.number, self.position, standing)
        self.origin = Origin(self.number, state, self.position, run.boundaries)
        return False

    def note(self, graph: Transitions, target: int, happened: Happened) -> None:
        """Note the transition from the state that was looked up last."""
        choices: list[int] = []
        source = self.origin.state
        for position in range(self.origin.position, self.position):
            index, mark = self.trail[position], self.marks[position]
            if isinstance(mark, int) and mark >> 4 & 15 in _OF_PROGRAM:
                graph.owed[source, tuple(choices)] = mark >> 8 if mark >> 4 & 15 == _CHOOSE else 1
                index = ~index
            choices.append(index)
        graph.add(source, target, tuple(choices), happened)

    def end(self, outcome: Outcome) -> None:
        """Note how the run has ended."""
        graph = self.merging.graph
        if graph is not None:
            graph.end(self.number, self.trail[: self.position])
            if outcome.kind not in ("cut", "depth", "fence"):
                self.note(graph, END, Happened(outcome.injected > self.ledger.injected, frozenset(), frozenset()))


def _signature(options: list[Any]) -> int:
    """Return a number that says of what kind the options are, to notice runs that do not repeat."""
    return len(options) << 8 | _KINDS.get(type(options[0]), 0) << 4 | _KINDS.get(type(options[-1]), 0)


_KINDS: dict[type, int] = {
    kind: number
    for number, kind in enumerate((int, Run_, Handle, TimerHandle, Checkpoint, Delayed, ExecutorJob, Cancellation, Delay, Then, Maybe), 1)
}


_CHOOSE = _KINDS[int]
_OF_PROGRAM = (_CHOOSE, _KINDS[Maybe])


def _differs(position: int, expected: int, found: int, options: list[Any]) -> str:
    before, now = expected >> 8, found >> 8
    what = f"it had {before} options, now it has {now}" if before != now else "its options were of another kind"
    kinds = ", ".join(sorted({type(option).__name__ for option in options}))
    return _not_deterministic(position + 1, f"{what}: {kinds}")


def _not_deterministic(choice: int | None, differs: str) -> str:
    where = f"choice {choice} differs" if choice is not None else "they differ"
    return (
        f"the program is not deterministic: the same schedule was run twice, and {where} ({differs}). "
        "Every run must start from the same state and do the same things: look for state kept between runs (caches, files, counters), "
        "randomness, clocks, and sets of objects that hash by address"
    )


class _Echo(_Path):
    """The choices of a run, once more, to see whether the program repeats it."""

    __slots__ = ("first",)

    def __init__(self, path: _Path, first: Outcome) -> None:
        no_merging = _Merging("off", path.merging.fingerprinter)
        super().__init__(path.frontier, no_merging, path.trail[: path.position], path.marks, 0, path.origin)
        self.first = first

    def pick(self, options: list[Any], deferred_from: int = 0) -> int:
        """Repeat the choice; there must not be more of them than there were."""
        if self.position >= self.length:
            raise NondeterminismError(_not_deterministic(self.length + 1, f"now there is one more, with {len(options)} options"))
        return super().pick(options, deferred_from)

    def confirm(self) -> None:
        """Do nothing: the run that is repeated has confirmed what is to be confirmed."""

    def seen(self, run: Run) -> bool:
        """End where the first run was cut short."""
        return self.first.kind == "cut" and self.position >= self.length and run.steps >= self.first.steps


def _repeat(scenario: Scenario, settings: Settings, path: _Path, first: Outcome) -> None:
    """Run the first schedule again; raise NondeterminismError if anything about it differs."""
    echo = _Echo(path, first)
    again = execute(scenario, settings, echo)
    if echo.position < echo.length:
        raise NondeterminismError(_not_deterministic(echo.position + 1, "now the run is over before it"))
    if (again.kind, again.steps) != (first.kind, first.steps):
        differs = f"the first run took {first.steps} steps ({first.kind}), the second {again.steps} ({again.kind})"
        raise NondeterminismError(_not_deterministic(None, differs))


class _Merging:
    """Looks states up, and backs off while that does not pay. `graph` is None if no states are merged."""

    _WINDOW = 512  # lookups

    def __init__(self, mode: str, fingerprinter: Fingerprinter) -> None:
        self.mode = mode
        self.fingerprinter = fingerprinter
        self.states: dict[bytes, int] = {}
        self.graph: Transitions | None = None
        self.lookups = 0
        self.hits = 0
        self._stride = 1
        self._skip = 0
        self._window_hits = 0
        self.clear()

    def clear(self) -> None:
        """Forget all states."""
        self.states.clear()
        self.graph = None if self.mode == "off" else Transitions()

    def is_due(self) -> bool:
        """Return True if the present state is to be looked up, and not skipped."""
        if self._skip:
            self._skip -= 1
            return False
        return True

    def look_up(self, run: Run) -> tuple[int, bool]:
        """Return the number of the present state, and whether it is known; remember it if it is not."""
        self.lookups += 1
        digest = self.fingerprinter.fingerprint(run)
        new = len(self.states) + 1
        state = self.states.setdefault(digest, new)
        known = state != new
        if known:
            self.hits += 1
            self._window_hits += 1
        if self.mode == "auto" and self.lookups % self._WINDOW == 0:
            self._adapt()
        self._skip = self._stride - 1
        return state, known

    def _adapt(self) -> None:
        """Look up fewer states where fewer than one in two hundred was known, all of them where more than one in fifty was."""
        if self._window_hits * 200 < self._WINDOW:
            self._stride = min(self._stride * 2, 64)
        elif self._window_hits * 50 > self._WINDOW:
            self._stride = 1
        self._window_hits = 0


def explore(
    scenario: Scenario,
    settings: Settings,
    limits: Limits | None = None,
    *,
    merge: str = "auto",
    keep_going: bool = False,
    only: frozenset[str] | None = None,
    progress: Progress | None = None,
    replay_first: list[tuple[int, ...]] | None = None,
) -> Result:
    """Explore every schedule of `scenario` under `settings`.

    Stops at the first violation unless `keep_going`, which collects the first one of each property; `only` names the
    properties that end the search. `merge` is `auto`, `on` or `off`. Where states are merged, a search that has seen the
    whole space also looks for endless runs (`lasso`).

    Raises:
        NondeterminismError: if a run does not repeat its own choices.
        UsageError: if the scenario is not a coroutine function.
    """
    limits = limits or Limits()
    settings = replace(settings, max_steps=limits.depth)
    fingerprinter = Fingerprinter()
    fingerprinter.world.prepare(scenario)
    merging = _Merging(merge, fingerprinter)
    frontier: Frontier[Entry] = Frontier()
    result = Result(merging=merge != "off")
    found: set[str] = set()
    start = perf_counter()
    beginning = Origin(-1, BEGINNING, 0, 0)
    first = True
    with simulation(), Interrupts() as interrupts:
        while True:
            if first:
                path = _Path(frontier, merging, [], [], 0, beginning)
                first = False
            else:
                if not len(frontier):
                    break
                if is_limited(result, limits, interrupts, perf_counter() - start, len(frontier)):
                    break
                trail, marks, position, index, cost, origin = frontier.pop()
                path = _Path(frontier, merging, [*trail[:position], index], marks[: position + 1], cost, origin)
            outcome = execute(scenario, settings, path)
            path.end(outcome)
            count(result, outcome, path.new)  # before the world is put back: what the scenario returns may be part of it
            fingerprinter.world.restore()
            if result.executions == 1 and outcome.fence is None:
                _repeat(scenario, settings, path, outcome)
                fingerprinter.world.restore()
            result.states = len(merging.states) if merge != "off" else result.transitions
            if (outcome.names_matter and not fingerprinter.names_matter) or (
                outcome.time_matters and not fingerprinter.time_matters
            ):
                # The program looks at something that fingerprints left out: what was merged so far may have been wrong. Start again.
                fingerprinter.names_matter |= outcome.names_matter
                fingerprinter.time_matters |= outcome.time_matters
                merging.clear()
                frontier.clear()
                first = True
                continue
            if outcome.fence is not None:
                result.fence = outcome.fence
                break
            if outcome.kind == "depth":
                hold_back(result, f"a run took more than {settings.max_steps} steps (--max-depth)")
            violation = outcome.violation
            if violation is not None and violation.property not in found and (only is None or violation.property in only):
                found.add(violation.property)
                result.findings.append(Finding(violation, trimmed(path.trail[: path.position])))
                if not keep_going:
                    break
            if progress is not None:
                result.seconds = perf_counter() - start
                result.frontier = len(frontier)
                progress(result)
        complete = not len(frontier) and not result.held_back and result.fence is None
        wanted = "progress" not in settings.ignore and (only is None or "progress" in only)
        if merging.graph is not None and complete and wanted and (keep_going or not result.findings):
            digests = [b"", *merging.states]

            def is_over() -> bool:
                result.interrupted |= interrupts.requested
                return interrupts.requested or (limits.seconds is not None and perf_counter() - start >= limits.seconds)

            find_lassos(scenario, settings, fingerprinter, merging.graph, digests, result, is_over)
    fingerprinter.world.restore()  # finalizers of the last garbage may have changed it
    result.seconds = perf_counter() - start
    result.frontier = len(frontier)
    result.merged = merging.hits
    result.lookups = merging.lookups
    result.opaque = dict(fingerprinter.opaque)
    return result
