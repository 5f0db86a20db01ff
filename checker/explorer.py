"""The explorer: runs a scenario again and again, each time with another schedule, until no choice is left untaken.

Nothing is ever copied: coroutines cannot be. A run repeats the choices that lead to where it departs, departs, and
goes on in stock order; every choice that it meets on its own way leaves its other options in the frontier. A state
that was seen before ends the run, since everything after it has been or will be explored from there. *Not* looking a
state up is always sound, so merging backs off where it does not pay (`_Merging`), by counts and never by clocks: the
same search takes the same way every time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from . import type_tables as _tables  # noqa: F401  # fills the tables of `fingerprint`
from .errors import FenceError, NondeterminismError
from .events import Cancellation, Checkpoint, Delay, Delayed, ExecutorJob, Handle, Then, TimerHandle
from .events import Run as Run_
from .execution import Outcome, Scenario, execute, simulation
from .fingerprint import Fingerprinter
from .frontier import Frontier
from .interrupts import Interrupts
from .runtime import Run, Settings, Violation

__all__ = ["Finding", "Limits", "Result", "explore", "sample"]


@dataclass(frozen=True)
class Limits:
    """Where a search stops: `states`, `runs` and `steps` (of all runs together) are counts, `depth` steps in one run, `seconds`
    of real time.

    None is no limit.
    """

    states: int | None = None
    depth: int = 10_000
    seconds: float | None = None
    runs: int | None = None
    steps: int | None = None


@dataclass(frozen=True)
class Finding:
    """A violation and the schedule that leads to it."""

    violation: Violation
    schedule: tuple[int, ...]


@dataclass
class Result:
    """What a search saw. `held_back` says in words what kept it from being exhaustive; empty if nothing did."""

    executions: int = 0
    states: int = 0
    transitions: int = 0
    steps: int = 0
    merged: int = 0
    lookups: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)
    sampled: bool = False
    interrupted: bool = False
    witnesses: set[str] = field(default_factory=set)
    fired: set[str] = field(default_factory=set)  # kinds of timers that fired in some run
    outrun: set[str] = field(default_factory=set)  # kinds of timers that an outside event came before in some run
    outcomes: set[str] = field(default_factory=set)
    cancelled: bool = False  # a run ended because an injected cancellation came out of the scenario
    opaque: dict[str, int] = field(default_factory=dict)
    most_choices: int = 0
    fence: FenceError | None = None
    frontier: int = 0
    merging: bool = False
    doing: str = ""  # what is done with a finding, while a progress display shows this


Progress = Callable[[Result], None]


class _Deferred:
    """A choice whose later options are explored only if a run turns out to need them."""

    __slots__ = ("costs", "first", "position", "pushed", "signature", "trail")

    def __init__(self, signature: int, trail: list[int], position: int, first: int, costs: list[int]) -> None:
        self.signature = signature
        self.trail = trail
        self.position = position
        self.first = first
        self.costs = costs
        self.pushed = False


Mark = int | _Deferred
Entry = tuple[list[int], list[Mark], int, int, int]  # trail, marks, position, index, cost


class _Path:
    """The choices of one run: a prefix to repeat, then stock order; the other options of new choices go to the frontier."""

    __slots__ = ("cost", "frontier", "held", "length", "marks", "merging", "new", "position", "trail")

    def __init__(self, frontier: Frontier[Entry], merging: _Merging, trail: list[int], marks: list[Mark], cost: int) -> None:
        self.frontier = frontier
        self.merging = merging
        self.trail = trail
        self.marks = marks
        self.length = len(trail)
        self.cost = cost
        self.position = 0
        self.held: _Deferred | None = None
        self.new = 0

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
            self.held = _Deferred(signature, trail, position, deferred_from, costs)
            self.marks.append(self.held)
            last = deferred_from
        else:
            self.marks.append(signature)
            last = len(options)
        push = self.frontier.push
        for index in range(last - 1, 0, -1):
            weight = cost + getattr(options[index], "weight", 1)
            push(weight, (trail, self.marks, position, index, weight))
        return 0

    def confirm(self) -> None:
        """Leave the deferred options to the frontier after all."""
        held = self.held
        if held is not None and not held.pushed:
            held.pushed = True
            for offset in range(len(held.costs) - 1, -1, -1):
                cost = held.costs[offset]
                self.frontier.push(cost, (held.trail, self.marks, held.position, held.first + offset, cost))
        self.held = None

    def seen(self, run: Run) -> bool:
        """Return True if everything from here on is known."""
        if self.position < self.length or self.merging.mode == "off":
            return False
        return self.merging.seen(run)


def _signature(options: list[Any]) -> int:
    """Return a number that says of what kind the options are, to notice runs that do not repeat."""
    return len(options) << 8 | _KINDS.get(type(options[0]), 0) << 4 | _KINDS.get(type(options[-1]), 0)


_KINDS: dict[type, int] = {
    kind: number
    for number, kind in enumerate((int, Run_, Handle, TimerHandle, Checkpoint, Delayed, ExecutorJob, Cancellation, Delay, Then), 1)
}


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
        super().__init__(path.frontier, path.merging, path.trail[: path.position], path.marks, 0)
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
    """Looks states up, and backs off while that does not pay."""

    _WINDOW = 512  # lookups

    def __init__(self, mode: str, fingerprinter: Fingerprinter) -> None:
        self.mode = mode
        self.fingerprinter = fingerprinter
        self.states: set[bytes] = set()
        self.lookups = 0
        self.hits = 0
        self._stride = 1
        self._skip = 0
        self._window_hits = 0

    def seen(self, run: Run) -> bool:
        """Look the present state up, unless it is skipped; remember it if it is new."""
        if self.mode == "off":
            return False
        if self._skip:
            self._skip -= 1
            return False
        self.lookups += 1
        digest = self.fingerprinter.fingerprint(run)
        known = digest in self.states
        if known:
            self.hits += 1
            self._window_hits += 1
        else:
            self.states.add(digest)
        if self.mode == "auto" and self.lookups % self._WINDOW == 0:
            self._adapt()
        self._skip = self._stride - 1
        return known

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
    properties that end the search. `merge` is `auto`, `on` or `off`.

    Raises:
        NondeterminismError: if a run does not repeat its own choices.
        UsageError: if the scenario is not a coroutine function.
    """
    limits = limits or Limits()
    settings = _with_depth(settings, limits)
    fingerprinter = Fingerprinter()
    fingerprinter.world.prepare(scenario)
    merging = _Merging(merge, fingerprinter)
    frontier: Frontier[Entry] = Frontier()
    result = Result(merging=merge != "off")
    found: set[str] = set()
    start = perf_counter()
    first: Entry | None = ([], [], 0, -1, 0)
    with simulation(), Interrupts() as interrupts:
        while True:
            if first is not None:
                path = _Path(frontier, merging, [], [], 0)
                first = None
            else:
                if not len(frontier):
                    break
                if _limited(result, limits, interrupts, perf_counter() - start, len(frontier)):
                    break
                trail, marks, position, index, cost = frontier.pop()
                path = _Path(frontier, merging, [*trail[:position], index], marks[: position + 1], cost)
            outcome = execute(scenario, settings, path)
            _count(result, outcome, path.new)  # before the world is put back: what the scenario returns may be part of it
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
                merging.states.clear()
                frontier.clear()
                first = ([], [], 0, -1, 0)
                continue
            if outcome.fence is not None:
                result.fence = outcome.fence
                break
            if outcome.kind == "depth":
                _hold_back(result, f"a run took more than {settings.max_steps} steps (--max-depth)")
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
    fingerprinter.world.restore()  # finalizers of the last garbage may have changed it
    result.seconds = perf_counter() - start
    result.frontier = len(frontier)
    result.merged = merging.hits
    result.lookups = merging.lookups
    result.opaque = dict(fingerprinter.opaque)
    return result


def trimmed(schedule: list[int]) -> tuple[int, ...]:
    """Return a schedule without the zeros at its end: where a schedule ends, stock order goes on."""
    end = len(schedule)
    while end and schedule[end - 1] == 0:
        end -= 1
    return tuple(schedule[:end])


def _with_depth(settings: Settings, limits: Limits) -> Settings:
    from dataclasses import replace

    return replace(settings, max_steps=limits.depth)


def _count(result: Result, outcome: Outcome, new: int) -> None:
    result.executions += 1
    result.transitions += new + (result.executions > 1)
    result.steps += outcome.steps
    result.witnesses |= outcome.witnesses
    result.fired |= outcome.fired
    result.outrun |= outcome.outrun
    result.most_choices = max(result.most_choices, outcome.choices)
    if outcome.kind == "done":
        result.outcomes.add(outcome.shown)
    result.cancelled |= outcome.kind == "cancelled"


def _hold_back(result: Result, reason: str) -> None:
    if reason not in result.held_back:
        result.held_back.append(reason)


def _limited(result: Result, limits: Limits, interrupts: Interrupts, seconds: float, left: int) -> bool:
    if interrupts.requested:
        result.interrupted = True
        _hold_back(result, f"interrupted with {left:,} choices unexplored")
    elif limits.states is not None and result.states >= limits.states:
        _hold_back(result, f"the limit of {limits.states:,} states was reached (--max-states)")
    elif limits.runs is not None and result.executions >= limits.runs:
        _hold_back(result, f"the limit of {limits.runs:,} runs was reached (--runs)")
    elif limits.steps is not None and result.steps >= limits.steps:
        _hold_back(result, f"the limit of {limits.steps:,} steps was reached")
    elif limits.seconds is not None and seconds >= limits.seconds:
        _hold_back(result, f"the limit of {limits.seconds:g} seconds was reached (--timeout)")
    else:
        return False
    return True


class _Walk:
    """The choices of one random run."""

    def __init__(self, generator: random.Random) -> None:
        self.generator = generator
        self.trail: list[int] = []

    def pick(self, options: list[Any], deferred_from: int = 0) -> int:
        """Take any option with equal chance."""
        index = self.generator.randrange(len(options))
        self.trail.append(index)
        return index

    def confirm(self) -> None:
        """Do nothing: a random walk defers nothing."""

    def seen(self, run: Run) -> bool:
        """Return False: a random walk remembers nothing."""
        return False


class _PriorityWalk(_Walk):
    """The choices of one run with random priorities: of the options, the one whose owner has the highest priority
    (Burckhardt et al., ASPLOS 2010).

    Owners are met in order; `changes` moments at which the owner of the next choice falls to the lowest priority are
    drawn beforehand.
    """

    def __init__(self, generator: random.Random, length: int, changes: int = 3) -> None:
        super().__init__(generator)
        self.priorities: dict[str, float] = {}
        self.moments = {generator.randrange(max(1, length)) for _ in range(changes)}

    def pick(self, options: list[Any], deferred_from: int = 0) -> int:
        """Take the option of the highest priority."""
        owners = [_owner(option) for option in options]
        for owner in owners:
            self.priorities.setdefault(owner, self.generator.random())
        index = max(range(len(options)), key=lambda i: (self.priorities[owners[i]], -i))
        if len(self.trail) in self.moments:
            self.priorities[owners[index]] = -float(len(self.trail))
            index = max(range(len(options)), key=lambda i: (self.priorities[owners[i]], -i))
        self.trail.append(index)
        return index


def _owner(option: Any) -> str:
    task = getattr(option, "task", None) or getattr(getattr(option, "_callback", None), "__self__", None)
    if isinstance(option, int):
        return f"choose {option}"
    return f"{type(option).__name__} {id(task) if task is not None else ''}"


def sample(
    scenario: Scenario,
    settings: Settings,
    limits: Limits,
    *,
    seed: int = 0,
    strategy: str = "random",
    keep_going: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Run `limits.runs` random schedules of `scenario`; `strategy` is `random` or `pct`.

    The verdict is never `verified`.
    """
    settings = _with_depth(settings, limits)
    fingerprinter = Fingerprinter()
    fingerprinter.world.prepare(scenario)
    result = Result(sampled=True)
    found: set[str] = set()
    start = perf_counter()
    with simulation(), Interrupts() as interrupts:
        for number in range(limits.runs or 1000):
            seconds = perf_counter() - start
            if interrupts.requested or (limits.seconds is not None and seconds >= limits.seconds):
                result.interrupted = interrupts.requested
                break
            generator = random.Random(f"{seed}/{number}")
            walk = _PriorityWalk(generator, result.most_choices or 50) if strategy == "pct" else _Walk(generator)
            outcome = execute(scenario, settings, walk)
            _count(result, outcome, len(walk.trail))
            fingerprinter.world.restore()
            if outcome.fence is not None:
                result.fence = outcome.fence
                break
            if outcome.violation is not None and outcome.violation.property not in found:
                found.add(outcome.violation.property)
                result.findings.append(Finding(outcome.violation, trimmed(walk.trail)))
                if not keep_going:
                    break
            if progress is not None:
                result.seconds = perf_counter() - start
                progress(result)
    _hold_back(result, f"{result.executions:,} schedules were sampled ({strategy}, seed {seed})")
    fingerprinter.world.restore()  # finalizers of the last garbage may have changed it
    result.seconds = perf_counter() - start
    return result
