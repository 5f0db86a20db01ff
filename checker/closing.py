"""The loop from model to code: a counterexample of a faulty model is driven, label by label, through real code.

The labels of the counterexample are a script. Clients do whatever the model's clients may do; a run that shows anything
but the script's next label *departs* and ends there, so the explorer goes through exactly the schedules that keep to
the script, under the contract `stock`, with as many cancellations as the script has and one more (to learn where it
could have struck instead). Meanwhile a follower of the *correct* model looks on. The loop is closed when it reports
the violation at the end of the script: the code does what the faulty model does, and what the correct model forbids.

Where the runs departed is evidence too. The search is exhaustive, so it shows *all* the labels with which the code can
go on after each part of the script; `candidates` then looks for the next counterexample among those that the code may
follow. If none is left, the code does not have the behaviour: that is an answer, and not a verdict of `verified`.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from treadle.model.errors import ModelError
from treadle.model.language import Label, LabelKind
from treadle.model.models.family import Family, Size
from treadle.model.refinement import ModelSystem, Normalised

from .candidates import Known, Schedules, TraceOfLabels, is_misuse, visible_violation
from .clients.refining import Follower, Specification
from .explorer import explore
from .implementations import PRIMITIVES, Implementation
from .recording import record
from .results import Limits, Result
from .runtime import Settings, checkpoint, choose, fail, may_rest, observe, when_cancelled, when_stable
from .shrinking import replays, simplify
from .trace import Target, Trace
from .verdict import Counterexample

__all__ = ["Closing", "Departure", "Script", "close_loop", "play"]

_ATTEMPTS = 200
_DEPARTED = "departed"  # no property: a run that has left the script ends, and is worth nothing

_SOURCES = {
    "z3": "z3's counterexample as it is",
    "z3, extended": "z3's counterexample, extended until it shows outside",
    "product": "found in the product of faulty and correct model, where z3's counterexample shows nothing",
}
Operation = tuple[str, str, bool]  # name, argument, whether it may wait


class Script:
    """The labels that a run has to show, what clients may do meanwhile, and what runs showed instead.

    Shared by all runs, so it is no part of any state: what it collects is a result.
    """

    _treadle_leaf = True

    def __init__(self, specification: Specification, faulty: ModelSystem, trace: TraceOfLabels) -> None:
        self.specification = specification
        self.trace = trace
        self.seen: list[set[Label]] = [set() for _ in range(len(trace) + 1)]
        self.rests: set[int] = set()
        normal: Normalised[Label] = Normalised(faulty, faulty.is_output)
        node = normal.initial
        self._operations: list[dict[int, list[Operation]]] = []
        for label in (*trace, None):
            offered: dict[int, list[Operation]] = {}
            for other in sorted(normal.after(node), key=str):
                if not faulty.is_output(other) and other.kind != "cancel" and not is_misuse(faulty, other):
                    operation = _operation(other)
                    mine = offered.setdefault(other.task, [])
                    if operation not in mine:
                        mine.insert(0 if other == label else len(mine), operation)
            self._operations.append(offered)
            if label is not None:
                node = normal.after(node)[label]

    def operations(self, position: int, task: int) -> Sequence[Operation]:
        """Return what a client may do when so many labels of the script have happened; what the script wants is first."""
        return self._operations[position].get(task, ())

    @property
    def furthest(self) -> int:
        """Return how many labels of the script the closest run showed."""
        return max((k + 1 for k, label in enumerate(self.trace) if label in self.seen[k]), default=0)

    def teach(self, known: Known) -> None:
        """Pass on what exhaustive runs have shown."""
        for position in range(self.furthest + 1):
            known.learn(self.trace[:position], self.seen[position], position in self.rests)


def _operation(label: Label) -> Operation:
    argument = label.value if label.kind == "return" else ""
    return label.operation, argument, label.kind == "call"


class _Guide(Follower):
    """Follows a run in the correct model as long as it keeps to the script, and ends it when it departs."""

    def __init__(self, script: Script) -> None:
        super().__init__(script.specification)
        self.script = script
        self.position = 0
        self.over = False  # the run ends after this step; what the step still does is no part of it

    def see(self, kind: LabelKind, name: str, operation: str = "", value: str = "") -> None:
        """Take note of something visible: it must be the script's next label."""
        script = self.script
        if self.over:
            return
        label = Label(kind, operation, self.specification.names.index(name), value)
        script.seen[self.position].add(label)
        if self.position == len(script.trace) or label != script.trace[self.position]:
            self.depart(f"the script does not go on with this: {self.specification.told(label)}")
            return
        self.position += 1
        super().see(kind, name, operation, value)

    def cancelled(self, task: asyncio.Task[Any]) -> None:
        """A cancellation strikes; one that nobody sees is not in the script."""
        if asyncio.Task.get_name(task) in self.inside:
            super().cancelled(task)
        else:
            self.depart("a cancellation strikes where the primitive does not see it")

    def stable(self) -> None:
        """Nothing is in flight; what that means is asked only when the script is at its end."""
        self.script.rests.add(self.position)
        if self.position == len(self.script.trace):
            super().stable()

    def operations(self, name: str) -> Sequence[Operation]:
        """Return what the client may do now."""
        return () if self.over else self.script.operations(self.position, self.specification.names.index(name))

    def depart(self, why: str) -> None:
        """End this run: it has left the script."""
        self.over = True
        fail(_DEPARTED, why)


async def _client(name: str, subject: Any, guide: _Guide) -> None:
    """Do what the model's clients may do, at any moment; after a turn without anything to do, wait for another."""
    idle = False
    while True:
        try:
            await checkpoint(maybe=not idle and not guide.over)
            operations = guide.operations(name)
            idle = not operations
            if operations:
                await _perform(name, subject, guide, operations[choose(len(operations))])
        except asyncio.CancelledError as error:
            guide.raised(name, error)
            task = asyncio.current_task()
            while task is not None and task.cancelling():
                task.uncancel()


async def _perform(name: str, subject: Any, guide: _Guide, operation: Operation) -> None:
    what, argument, waits = operation
    method = getattr(subject, what)
    if waits:
        guide.call(name, what)
        try:
            guide.returned(name, await method())
        except Exception as error:
            guide.raised(name, error)
        return
    try:
        method(*([int(argument)] if argument else []))
    except Exception as error:
        guide.see("raise", name, what, type(error).__name__)
    else:
        guide.see("return", name, what, argument)


async def _play(script: Script, primitive: str, make: Any) -> None:
    script.specification.history.clear()
    guide = _Guide(script)
    when_stable(guide.stable)
    when_cancelled(guide.cancelled)
    observe(primitive, guide.describe)
    may_rest()
    subject = make()
    names = script.specification.names
    await asyncio.gather(*[asyncio.create_task(_client(name, subject, guide), name=name) for name in names])


def play(script: Script, implementation: Implementation, value: int, seconds: float | None = None) -> tuple[Result, Any, Settings]:
    """Search all schedules of the code that keep to the script, for one that ends in a violation of the correct model.

    Return the result of the search, the scenario and the settings, for a replay.
    """
    primitive = script.specification.primitive
    arguments = (value,) if "semaphore" in primitive else ()
    make: Callable[..., Any] = implementation.require(primitive)
    scenario = functools.partial(_play, script, primitive, functools.partial(make, *arguments))
    cancel = sum(label.kind == "cancel" for label in script.trace) + 1
    settings = Settings(cancel=cancel)
    return explore(scenario, settings, Limits(seconds=seconds), merge="on", only=frozenset({"refinement"})), scenario, settings


@dataclass(frozen=True)
class Departure:
    """Where the closest run left a script: after so many labels, at this one, doing one of these instead, in words."""

    after: int
    label: str
    instead: tuple[str, ...]

    def __str__(self) -> str:
        instead = f"what can come there is: {'; '.join(self.instead)}" if self.instead else "nothing can come there"
        return f"after {self.after} label{'' if self.after == 1 else 's'} it should go on with: {self.label}; {instead}"

    def to_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {"after": self.after, "label": self.label, "instead": list(self.instead)}


@dataclass
class Closing:
    """What came of driving a model's counterexamples through code.

    `confirmed` means that a schedule was found and replayed. `source` says where the confirmed labels come from: `z3`
    (its schedule is visible as it is), `z3, extended` (its schedule breaks a property inside the model, the labels go on
    until it shows) or `product` (no schedule of z3 shows; found by explicit search). `departed_at` is where the code
    left z3's very first counterexample, if it did, and `closest` the furthest that it came in any.
    """

    implementation: Implementation
    confirmed: bool = False
    attempts: int = 0
    source: str = ""
    property: str = ""
    trace: list[str] = field(default_factory=list)
    steps: tuple[str, ...] = ()
    counterexample: Counterexample | None = None
    recorded: Trace | None = None
    departed_at: Departure | None = None
    closest: Departure | None = None
    limit: str | None = None

    def lines(self) -> list[str]:
        """Return what to tell a person, a sentence or a label a line."""
        name = f"{self.implementation.name} ({self.implementation.version})"
        lines = []
        if self.departed_at is not None:
            lines.append(f"{name} cannot follow z3's shortest counterexample: {self.departed_at}.")
        if self.confirmed:
            lines.append(f"confirmed: {name} does what the faulty model does ({_SOURCES[self.source]}; attempt {self.attempts}):")
            if self.steps:
                lines.append(f"  breaks {self.property} in the model: {', '.join(self.steps)}")
            lines += [f"  {number}. {label}" for number, label in enumerate(self.trace, start=1)]
        elif self.limit is not None:
            lines.append(f"inconclusive after {self.attempts} counterexamples on {name}: {self.limit}.")
        else:
            lines.append(
                f"{name} does not have this behaviour: all schedules of {self.attempts} counterexamples were explored (contract stock), "
                "and no other counterexample of this size is left that it could follow."
            )
            if self.closest is not None:
                lines.append(f"The closest run: {self.closest}.")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return the outcome for `--json`."""
        found = self.counterexample
        return {
            "implementation": self.implementation.name,
            "version": self.implementation.version,
            "confirmed": self.confirmed,
            "schedule": None if found is None else list(found.schedule),
            "departed_at": None if self.departed_at is None else self.departed_at.to_json(),
            "closest": None if self.closest is None else self.closest.to_json(),
            "attempts": self.attempts,
            "source": self.source or None,
            "model_property": self.property or None,
            "model_schedule": list(self.steps),
            "trace": self.trace,
            "property": None if found is None else found.property,
            "message": None if found is None else found.message,
            "contract": "stock",
            "cancel": None if found is None else found.cancel,
            "limit": self.limit,
        }


def close_loop(
    family: Family,
    size: Size,
    fault: str,
    implementation: Implementation,
    *,
    names: Sequence[str] | None = None,
    max_depth: int = 12,
    timeout: float | None = None,
) -> Closing:
    """Drive the counterexamples of a faulty model through an implementation, shortest first, until one is confirmed.

    Raises:
        ModelError: if the model is not that of a primitive that can be run.
        UsageError: if the implementation does not have the primitive.
    """
    if family.name not in PRIMITIVES:
        raise ModelError(f"--replay-on: {family.name} is the model of no class; choose one of {', '.join(PRIMITIVES)}")
    implementation.require(family.name)
    return _Loop(family, size, fault, implementation, names, max_depth, timeout).run()


class _Loop:
    """The search: a counterexample that the code may follow, the code's answer to it, and again."""

    def __init__(
        self,
        family: Family,
        size: Size,
        fault: str,
        implementation: Implementation,
        names: Sequence[str] | None,
        max_depth: int,
        timeout: float | None,
    ) -> None:
        self.size = size
        self.implementation = implementation
        self.faulty = ModelSystem(family.build(size, fault))
        surplus = size.surplus if size.rounds is None else size.tasks * size.rounds
        self.specification = Specification(family.name, size.tasks, size.value, surplus)
        self.known = Known()
        self.schedules = Schedules(self.faulty, names, max_depth)
        self.timeout = timeout
        self.until = None if timeout is None else time.perf_counter() + timeout
        self.result = Closing(implementation)

    def run(self) -> Closing:
        """Try counterexamples until one is confirmed, none is left, or a limit is reached."""
        result = self.result
        try:
            while result.attempts < _ATTEMPTS:
                candidate = self._candidate()
                if candidate is None:
                    return result
                result.attempts += 1
                if self._try(candidate):
                    return result
            result.limit = f"{_ATTEMPTS} counterexamples were tried"
        except TimeoutError:
            result.limit = f"timeout {self.timeout:g} s" if self.timeout else "the search for the next counterexample grew too large"
        return result

    def _candidate(self) -> TraceOfLabels | None:
        """Return the labels of the shortest counterexample that the code may follow, as far as is known."""
        correct = self.specification.system
        while not self.schedules.exhausted:
            found = self.schedules.shortest(self.known, self.until)
            if found is None:
                break
            self.result.property, self.result.steps = found
            path = self.faulty.path(found[1])
            violation = visible_violation(self.faulty, correct, path, self.known)
            if violation is not None:
                shown = [label for label, _ in path if label is not None]
                self.result.source = "z3" if len(violation[1]) <= len(shown) else "z3, extended"
                return violation[1]
            self.schedules.exclude(*found)
        violation = visible_violation(self.faulty, correct, (), self.known)
        self.result.source, self.result.property, self.result.steps = "product", "", ()
        return None if violation is None else violation[1]

    def _try(self, trace: TraceOfLabels) -> bool:
        """Drive one counterexample through the code; return True if the loop is closed or nothing more can be said."""
        result = self.result
        script = Script(self.specification, self.faulty, trace)
        left = None if self.until is None else self.until - time.perf_counter()
        explored, scenario, settings = play(script, self.implementation, self.size.value, left)
        if explored.fence is not None:
            raise explored.fence
        if explored.findings:
            finding = explored.findings[0]
            result.trace = [self.specification.told(label) for label in trace]
            if not replays(scenario, settings, finding.schedule, finding.violation.property):
                result.limit = "the code reached the violation, but not again when the schedule was replayed: it is not deterministic"
                return True
            simplified = simplify(scenario, settings, finding)
            finding, cancellations = simplified.finding, simplified.cancellations
            result.confirmed = True
            result.counterexample = Counterexample(
                "refinement", finding.violation.message, "stock", finding.schedule, settings.time, settings.cancel, cancellations
            )
            rounds = str(self.size.rounds or "inf")
            target = Target("verify", self.specification.primitive, self.implementation.name, self.size.tasks, rounds)
            result.recorded, _ = record(scenario, settings, finding.schedule, target)
            return True
        if explored.held_back:
            result.limit = "; ".join(explored.held_back)
            return True
        departure = self._departure(script)
        if result.departed_at is None and result.attempts == 1:
            result.departed_at = departure
        if result.closest is None or departure.after > result.closest.after:
            result.closest = departure
        script.teach(self.known)
        return False

    def _departure(self, script: Script) -> Departure:
        told, furthest = self.specification.told, script.furthest
        wanted = told(script.trace[furthest]) if furthest < len(script.trace) else "it comes to rest"
        outputs = [label for label in script.seen[furthest] if self.faulty.is_output(label)]
        shown = tuple(sorted(told(label) for label in outputs or script.seen[furthest]))
        return Departure(furthest, wanted, shown)
