"""What a search may cost, and what it saw: the same for every way to search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import FenceError
from .execution import Outcome
from .interrupts import Interrupts
from .runtime import Lasso, Violation

__all__ = ["Finding", "Limits", "Progress", "Result", "trimmed"]


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
    """A violation and the schedule that leads to it; with a `lasso`, the schedule ends where its loop closes."""

    violation: Violation
    schedule: tuple[int, ...]
    lasso: Lasso | None = None


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
    warnings: list[Finding] = field(default_factory=list)  # runs that need not end, although they can
    held_back: list[str] = field(default_factory=list)
    sampled: bool = False
    interrupted: bool = False
    resting: list[Finding] = field(default_factory=list)  # runs round all of what a scenario ends up in that never ends
    stalled: bool = False  # in some endless run the clock stands still although somebody waits for it
    endless: bool = False  # the whole space was seen, no run of it ends, and nothing says what must get on for ever
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


def trimmed(schedule: list[int]) -> tuple[int, ...]:
    """Return a schedule without the zeros at its end: where a schedule ends, stock order goes on."""
    end = len(schedule)
    while end and schedule[end - 1] == 0:
        end -= 1
    return tuple(schedule[:end])


def count(result: Result, outcome: Outcome, new: int) -> None:
    """Add a run, which made `new` choices of its own, to the figures."""
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


def hold_back(result: Result, reason: str) -> None:
    """Note what kept a search from being exhaustive."""
    if reason not in result.held_back:
        result.held_back.append(reason)


def is_limited(result: Result, limits: Limits, interrupts: Interrupts, seconds: float, left: int) -> bool:
    """Return True, and note why, if the search must stop with `left` choices unexplored."""
    if interrupts.requested:
        result.interrupted = True
        hold_back(result, f"interrupted with {left:,} choices unexplored")
    elif limits.states is not None and result.states >= limits.states:
        hold_back(result, f"the limit of {limits.states:,} states was reached (--max-states)")
    elif limits.runs is not None and result.executions >= limits.runs:
        hold_back(result, f"the limit of {limits.runs:,} runs was reached (--runs)")
    elif limits.steps is not None and result.steps >= limits.steps:
        hold_back(result, f"the limit of {limits.steps:,} steps was reached")
    elif limits.seconds is not None and seconds >= limits.seconds:
        hold_back(result, f"the limit of {limits.seconds:g} seconds was reached (--timeout)")
    else:
        return False
    return True
