"""The nearest passing run: how much of a failing schedule can be kept, if one choice is made otherwise.

Single choices are changed from the end of the schedule backwards; after the changed one the run goes on in stock order.
The first change that passes shares the longest prefix with the failing run, and where the two part is the choice that
matters. Choices of the scheduler are tried before those of the program (`choose`): another input that passes explains
less than another order. A cancellation more is no alternative: of course nobody fails who is stopped before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .shrinking import Replay
from .trace import Parting, Step

__all__ = ["Choice", "find_parting", "told"]

_ATTEMPTS = 200
_STEPS = 20_000  # of all attempts together
_TOLD = 6  # steps of the passing run


@dataclass(frozen=True)
class Choice:
    """A choice of the failing run: the first step that it has a say in, its options in words, whether the program made it,
    and which of the options are cancellations, or oblige to one.
    """

    step: int
    options: list[str]
    of_program: bool
    strikes: frozenset[int] = frozenset()


def find_parting(
    choices: list[Choice],
    replay: Replay,
    passes: Callable[[tuple[int, ...]], tuple[bool, int]],
    watch: Callable[[tuple[int, ...]], list[Step]],
) -> Parting | None:
    """Return where the nearest passing run parts from a failing one; None if no single change within reach passes.

    Args:
        choices: of the failing run, one for each of `replay.taken`.
        replay: the failing run.
        passes: runs a schedule; returns whether nothing is violated, and how many steps it took.
        watch: runs a schedule and returns its steps.
    """
    steps = attempts = 0
    backwards = range(min(len(choices), len(replay.taken)) - 1, -1, -1)
    for position in sorted(backwards, key=lambda position: choices[position].of_program):
        for instead in range(replay.widths[position]):
            if instead == replay.taken[position] or instead in choices[position].strikes:
                continue
            if attempts >= _ATTEMPTS or steps >= _STEPS:
                return None
            schedule = (*replay.taken[:position], instead)
            passed, taken = passes(schedule)
            attempts += 1
            steps += taken
            if passed:
                return _parting(choices[position], position, replay.taken[position], instead, schedule, watch)
    return None


def _parting(
    choice: Choice, position: int, chosen: int, instead: int, schedule: tuple[int, ...], watch: Callable[[tuple[int, ...]], list[Step]]
) -> Parting:
    following = [text for step in watch(schedule)[choice.step - 1 :] if (text := told(step))]
    goes_on = following[:_TOLD] + (["…"] if len(following) > _TOLD else [])
    return Parting(position, choice.step, choice.options[chosen], choice.options[instead], list(schedule), goes_on)


def told(step: Step) -> str:
    """Return a step in one line: "B: woken by A: release(); acquire() → True; ends"; "" for one that only carries news."""
    if not step.task or step.task == "main":
        return ""
    calls = [
        f"{call.function}() {call.result}".removesuffix(" returns")
        for call in step.calls
        if call.operation and call.result and not call.function.startswith("_") and (call.is_async or not call.result.startswith("→"))
    ]
    ending = [] if step.place else [step.source]
    return f"{step.task}: " + "; ".join(part for part in (step.why, *calls, *ending) if part)
