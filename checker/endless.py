"""The loop of a lasso as a reader of its trace wants it told: which steps, who goes round in them, who waits all along.

Whatever shows a trace asks here, so that a table, a page and a diagram say the same. All of it is read off the steps: who
runs in the loop, why, and what it waits for afterwards. Whether anything could lead out of the loop is no fact of one run,
and is left to the message of the violation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .trace import Step, Trace, Wait

__all__ = ["Goer", "Loop", "in_words", "loop_of", "numbers"]

_SPINS = "goes on after a bare yield"
_MOST_NAMES = 4


@dataclass(frozen=True)
class Goer:
    """A task that runs in the loop: in which steps, what it does there in words (of one task, of several), where it stands."""

    task: str
    steps: list[int]
    does: str
    do: str
    place: str


@dataclass(frozen=True)
class Loop:
    """The steps `first` to `last`, after which everything is as before; `goers` run in it, `waits` are of those who never do."""

    first: int
    last: int
    goers: list[Goer]
    waits: list[Wait]

    @property
    def name(self) -> str:
        """Return `step 10` or `steps 5–14`."""
        return f"step {self.first}" if self.first == self.last else f"steps {self.first}–{self.last}"

    @property
    def repeats(self) -> str:
        """Return the claim: `steps 5–14 can repeat for ever`."""
        return f"{self.name} can repeat for ever"


def loop_of(trace: Trace) -> Loop | None:
    """Return the loop with which a trace ends; None if its run ends."""
    if not 0 < trace.loop <= len(trace.steps):
        return None
    ran: dict[str, list[Step]] = {}
    for step in trace.steps[trace.loop - 1 :]:
        if step.task and step.kind in ("start", "resume"):
            ran.setdefault(step.task, []).append(step)
    names = sorted(ran, key=lambda task: trace.tasks.index(task) if task in trace.tasks else len(trace.tasks))
    goers = [Goer(task, [step.number for step in ran[task]], *_told(ran[task]), ran[task][-1].place) for task in names]
    hidden = {"main"} if trace.target.kind == "verify" else set()  # there it only waits for the clients
    return Loop(trace.loop, len(trace.steps), goers, [wait for wait in trace.waits if wait.task not in ran.keys() | hidden])


def _told(steps: list[Step]) -> tuple[str, str]:
    """Say what a task does in the loop."""
    if all(step.why == _SPINS for step in steps):
        return "spins on a bare yield", "spin on a bare yield"
    if any(not step.place for step in steps):  # another task of that name may have been started since
        return "starts and ends", "start and end"
    awaited = {step.waits_for.partition(", held by ")[0] for step in steps}
    if len(awaited) > 1 or "" in awaited:
        return "goes round", "go round"
    (what,) = awaited
    wakers = {step.why.partition(": ")[2] for step in steps if step.why.startswith("woken by ")}
    if len(wakers) == 1 and all(step.why.startswith("woken by ") for step in steps):
        (operation,) = wakers
        return f"is woken by {operation} and waits for {what} again", f"are woken by {operation} and wait for {what} again"
    return f"waits for {what} again and again", f"wait for {what} again and again"


def in_words(loop: Loop, known: Collection[str] = ()) -> str:
    """Return one sentence: what can repeat, who does what in it, and who waits for what meanwhile; not those who are `known` to."""
    groups: dict[tuple[str, str], list[str]] = {}
    for goer in loop.goers:
        groups.setdefault((goer.does, goer.do), []).append(goer.task)
    for wait in loop.waits:
        if wait.task in known:
            continue
        groups.setdefault((f"waits for {wait.what}", f"wait for {wait.what}"), []).append(wait.task)
    told = [] if loop.goers else ["no task runs in it, only callbacks"]
    told += [f"{_names(tasks)} {does if len(tasks) == 1 else do}" for (does, do), tasks in groups.items()]
    return f"{loop.repeats}: {'; '.join(told)}"


def numbers(steps: Sequence[int]) -> str:
    """Return `step 6` or `steps 6, 8 and 11`; of many, the first ones and how many there are."""
    texts = [str(step) for step in steps[:_MOST_NAMES]]
    if len(steps) > _MOST_NAMES:
        return f"steps {', '.join(texts)} and {len(steps) - _MOST_NAMES} more"
    *most, last = texts
    return f"steps {', '.join(most)} and {last}" if most else f"step {last}"


def _names(tasks: list[str]) -> str:
    shown = tasks if len(tasks) <= _MOST_NAMES + 1 else [*tasks[:_MOST_NAMES], f"{len(tasks) - _MOST_NAMES} more"]
    *most, last = shown
    return f"{', '.join(most)} and {last}" if most else last
