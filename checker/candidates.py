"""Which counterexample of a faulty model to try on real code next: z3's shortest that the code may be able to follow.

A model leaves more open than any code uses: it may cancel a task between the grant of a free permit and the return of
`acquire`, where asyncio's semaphores never suspend. So the shortest counterexample of all need not be one of the code's,
and asking for it again would give it again. What has been learnt of the code (`Known`: after these labels it shows one
of those next) goes back into the question, until the counterexample is one that the code follows or none is left:
abstraction refinement by counterexamples, with the code as the judge.

z3 is asked for a broken *property*, which may be inside the model only (a permit that vanished). What a client sees of
it comes later. `visible_violation` goes on from z3's schedule to the nearest label that the correct model refuses, or
the nearest rest at which it owes something. Refused: a search of the product alone, without z3, from the beginning;
it is the fallback where z3's schedule leads to nothing visible.

Two things keep the questions few, and lose nothing that a fault can show. Tasks appear in the order of their names:
every run can be renamed so. And operations that the model says raise at once are left out (`is_misuse`): they change
nothing, so that a counterexample with them is one without them.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import z3

from treadle.model.bmc import Unrolling, properties
from treadle.model.language import Label
from treadle.model.refinement import ModelSystem, refines

__all__ = ["Known", "Schedules", "TraceOfLabels", "is_misuse", "visible_violation"]

TraceOfLabels = tuple[Label, ...]
_MAX_PAIRS = 200_000
_MAX_EXCLUDED = 2  # a question to z3 each


@dataclass(frozen=True)
class _After:
    """What the code shows next after a trace, and whether it can come to rest there."""

    labels: frozenset[Label]
    rests: bool


@dataclass
class Known:
    """What exhaustive runs of the code have taught about it, trace by trace.

    A trace is *open* as long as it is not known how it goes on.
    """

    after: dict[TraceOfLabels, _After] = field(default_factory=dict)

    def learn(self, trace: TraceOfLabels, labels: Iterable[Label], rests: bool) -> None:
        """Note all the labels with which the code can go on after a trace, and whether it can come to rest there."""
        self.after[trace] = _After(frozenset(labels), rests)

    def refuses(self, trace: TraceOfLabels | None, label: Label) -> bool:
        """Return True if the code is known not to show the label after the trace; None is an open trace."""
        return trace in self.after and label not in self.after[trace].labels

    def rests(self, trace: TraceOfLabels | None) -> bool:
        """Return False if the code is known not to come to rest after the trace."""
        return trace not in self.after or self.after[trace].rests

    def longer(self, trace: TraceOfLabels | None, label: Label) -> TraceOfLabels | None:
        """Return the trace with one more label, or None if it is open."""
        if trace is None or (*trace, label) not in self.after:
            return None
        return (*trace, label)

    def start(self) -> TraceOfLabels | None:
        """Return the empty trace, or None if it is open."""
        return () if () in self.after else None


def is_misuse(system: ModelSystem, label: Label) -> bool:
    """Return True for a synchronous operation that raises: a release too many, a notify without the lock."""
    return label.kind == "raise" and not system.is_output(label)


class Schedules:
    """Asks z3 for the shortest schedule of a model that breaks one of its properties and that the code may follow.

    The depth never falls: what is known of the code only takes schedules away.
    """

    def __init__(self, system: ModelSystem, names: Sequence[str] | None, max_depth: int) -> None:
        self.model = model = system.model
        self._system = system
        self.max_depth = max_depth
        self._open = [invariant.name for invariant in properties(model, names)]
        self._excluded: dict[str, list[tuple[str, ...]]] = {name: [] for name in self._open}
        self._depth = 0

    @property
    def exhausted(self) -> bool:
        """Tell whether there is nothing more to ask for."""
        return not self._open

    def exclude(self, name: str, schedule: tuple[str, ...]) -> None:
        """Do not answer with this schedule again: it shows nothing to any client.

        A property of which that was said too often is asked for no more: it lies inside the model.
        """
        self._excluded[name].append(schedule)
        if len(self._excluded[name]) > _MAX_EXCLUDED:
            self._open.remove(name)

    def shortest(self, known: Known, until: float | None) -> tuple[str, tuple[str, ...]] | None:
        """Return a property and a schedule (step names) that breaks it; None if there is none up to `max_depth` steps.

        Raises:
            TimeoutError: if `until`, a time of `time.perf_counter`, came first.
        """
        unrolling = Unrolling(self.model)
        unrolling.start()
        follows = _Follows(unrolling, known, self._system)
        broken = {
            invariant.name: z3.Not(unrolling.encoding.holds(invariant.expr)) for invariant in properties(self.model, self._open)
        }
        while unrolling.length < self._depth:
            unrolling.add_step()
            follows.add_step()
        while True:
            for name, bad in broken.items():
                at_the_end = unrolling.encoding.at(bad, unrolling.length)
                schedule = _solve(unrolling, [at_the_end, *_others(unrolling, self._excluded[name])], until)
                if schedule is not None:
                    return name, schedule
            if self._depth == self.max_depth:
                self._open.clear()
                return None
            self._depth += 1
            unrolling.add_step()
            follows.add_step()


class _Follows:
    """The constraint that a schedule shows nothing that the code is known not to show.

    A finite automaton that runs along: its states are the traces that are not open, and one for all that are.
    """

    def __init__(self, unrolling: Unrolling, known: Known, system: ModelSystem) -> None:
        self._unrolling = unrolling
        self._known = known
        self._traces = list(known.after)
        self._numbers = {trace: number for number, trace in enumerate(self._traces)}
        self._bits = max(1, len(self._traces).bit_length())
        self._steps: dict[Label, list[int]] = {}
        self._silent: list[int] = []
        self._left_out: list[int] = []
        for number, (action, task) in enumerate(unrolling.encoding.instances):
            if action.label is None or task < 0:
                self._silent.append(number)
            elif is_misuse(system, action.label.of(task)):
                self._left_out.append(number)
            else:
                self._steps.setdefault(action.label.of(task), []).append(number)
        self._length = 0
        if self._traces:
            unrolling.solver.add(self._at(0) == self._number(known.start()))

    def add_step(self) -> None:
        """Constrain one more step."""
        solver = self._unrolling.solver
        chosen = self._unrolling.encoding.step_at(self._length)
        here, there = self._at(self._length), self._at(self._length + 1)
        self._length += 1
        solver.add(*(chosen != number for number in self._left_out))
        if not self._traces:
            return
        open_traces = self._number(None)
        solver.add(z3.Implies(here == open_traces, there == open_traces))
        is_silent = z3.Or(*(chosen == number for number in self._silent))
        solver.add(z3.Implies(is_silent, there == here))
        for label, numbers in self._steps.items():
            shown = z3.Or(*(chosen == number for number in numbers))
            for trace in self._traces:
                if self._known.refuses(trace, label):
                    solver.add(z3.Not(z3.And(shown, here == self._number(trace))))
                else:
                    following = self._number(self._known.longer(trace, label))
                    solver.add(z3.Implies(z3.And(shown, here == self._number(trace)), there == following))

    def _at(self, step: int) -> z3.BitVecRef:
        return z3.BitVec(f"trace@{step}", self._bits)

    def _number(self, trace: TraceOfLabels | None) -> int:
        return len(self._traces) if trace is None else self._numbers[trace]


def _others(unrolling: Unrolling, excluded: list[tuple[str, ...]]) -> list[z3.BoolRef]:
    """Constrain a schedule to be none of these."""
    encoding = unrolling.encoding
    numbers = {encoding.step_name(number): number for number in range(len(encoding.instances))}
    return [
        z3.Or(*(encoding.step_at(step) != numbers[name] for step, name in enumerate(schedule)))
        for schedule in excluded
        if len(schedule) == unrolling.length
    ]


def _solve(unrolling: Unrolling, wanted: Iterable[z3.BoolRef], until: float | None) -> tuple[str, ...] | None:
    solver = unrolling.solver
    if until is not None:
        left = until - time.perf_counter()
        if left <= 0:
            raise TimeoutError
        solver.set("timeout", max(1, int(left * 1000)))
    solver.push()
    try:
        solver.add(*wanted)
        answer = str(solver.check())
        if answer == "unknown":
            raise TimeoutError
        return unrolling.schedule() if answer == "sat" else None
    finally:
        solver.pop()


State = Hashable
Inside = tuple[int, State, TraceOfLabels | None, int]


class _Continuation:
    """A faulty model that first takes a path and then goes on as it likes, but does nothing that the code is known not to
    do. A state is a position on the path, the model's state, the trace so far (None: open), and how many tasks have
    appeared.
    """

    def __init__(self, system: ModelSystem, path: Sequence[tuple[Label | None, State]], known: Known) -> None:
        self._system = system
        self._path = path
        self._known = known
        self.initial: State = (0, system.initial, known.start(), 0)

    def successors(self, state: State) -> list[tuple[Label | None, State]]:
        """Give the step of the path, or all steps of the model after it."""
        position, inner, trace, tasks = cast(Inside, state)
        if position < len(self._path):
            steps = [self._path[position]]
            position += 1
        else:
            steps = list(self._system.successors(inner))
        found: list[tuple[Label | None, State]] = []
        for label, target in steps:
            if label is None:
                found.append((None, (position, target, trace, tasks)))
            elif label.task <= tasks and not is_misuse(self._system, label) and not self._known.refuses(trace, label):
                found.append((label, (position, target, self._known.longer(trace, label), max(tasks, label.task + 1))))
        return found

    def stable(self, state: State) -> bool:
        """Tell whether the model rests here, offering nothing at all, as code does that has nothing in flight."""
        position, inner, trace, _ = cast(Inside, state)
        if position < len(self._path) or not self._known.rests(trace):
            return False
        return not any(label is None or self._system.is_output(label) for label, _ in self._system.successors(inner))


def visible_violation(
    faulty: ModelSystem, correct: ModelSystem, path: Sequence[tuple[Label | None, State]], known: Known
) -> tuple[str, TraceOfLabels] | None:
    """Return the shortest visible behaviour of the faulty model that begins with `path` and that the correct model
    refuses, with its kind: "trace" (the last label is refused) or "refusal" (it must not come to rest after it).

    None if there is none.

    Raises:
        TimeoutError: if the search grew too large to be finished.
    """
    found = refines(_Continuation(faulty, path, known), correct, correct.is_output, max_pairs=_MAX_PAIRS)
    if found.violation is not None and found.violation.kind != "divergence":
        return found.violation.kind, found.violation.trace
    if found.limit is not None:
        raise TimeoutError
    return None
