"""Random schedules: for spaces that are too large to be explored. The verdict is never `verified`."""

from __future__ import annotations

import random
from dataclasses import replace
from time import perf_counter
from typing import Any

from .execution import Scenario, execute, simulation
from .fingerprint import Fingerprinter
from .interrupts import Interrupts
from .results import Finding, Limits, Progress, Result, count, hold_back, trimmed
from .runtime import Run, Settings

__all__ = ["sample"]


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
    settings = replace(settings, max_steps=limits.depth)
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
            count(result, outcome, len(walk.trail))
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
    hold_back(result, f"{result.executions:,} schedules were sampled ({strategy}, seed {seed})")
    fingerprinter.world.restore()  # finalizers of the last garbage may have changed it
    result.seconds = perf_counter() - start
    return result
