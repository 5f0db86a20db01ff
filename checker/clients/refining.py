"""Refinement: every visible behaviour of the real code is one that its model allows, and it rests only where the
model may.

The client does whatever the model's clients may do, and tells a `Follower` each visible label: calls, returns,
exceptions, cancellations. The follower keeps the *node* of the model that these labels lead to: the set of model
states that the primitive may be in, closed under the model's silent steps. A label that the node does not allow
violates the refinement (T); so does a stable state of the code in which the model owes an output (F): a task that
waits although the model says that it must be let through. The node is a small number in the follower, and the
follower is part of the state, so the explorer walks the product of code and model by itself, and merges in it. Silent
divergence (D) would be a run that never becomes stable: it hits the limit on steps, and such a verdict is never
`verified`.

The model is the one without limits on rounds and cancellations, so that only the primitive is judged and not how
often the client uses it.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

from treadle.model.language import Label, LabelKind
from treadle.model.models import FAMILIES
from treadle.model.models.family import Size
from treadle.model.refinement import ModelSystem, Normalised

from ..implementations import Implementation
from ..runtime import checkpoint, choose, current_run, fail, may_rest, observe, when_cancelled, when_stable, witness
from ..witnesses import CANCELLED, INSIDE_TOGETHER
from . import witnessing
from .common import ALL_CONTRACTS, VerificationScenario, client_names

__all__ = ["Specification", "refinement_scenarios"]

Client = Callable[[str, Any, "Follower", float], Coroutine[Any, Any, None]]


class Specification:
    """A model as what an implementation is held against; shared by all runs, so it is no part of any state.

    `history` are the labels of the present run, for the message of a violation; one that the model refuses is its last.
    """

    _treadle_leaf = True

    def __init__(self, primitive: str, tasks: int, value: int = 1, surplus: int = 1) -> None:
        family = FAMILIES[primitive]
        self.primitive = primitive
        self.system = system = ModelSystem(family.build(Size(tasks, value, rounds=None, cancel=None, surplus=surplus)))
        self.is_output = system.is_output
        self.nodes: Normalised[Label] = Normalised(system, system.is_output)
        self.names = client_names(tasks)
        self.history: list[Label] = []

    def told(self, label: Label) -> str:
        """Return a label in the words of the clients: "A calls acquire()"."""
        name = self.names[label.task]
        operation = f"{label.operation}()" if label.operation else ""
        if label.kind == "cancel":
            return f"{name} is cancelled"
        if label.kind == "call":
            return f"{name} calls {operation}"
        if label.kind == "raise":
            return f"{operation} raises {label.value} to {name}"
        if self.is_output(label):
            return f"{operation} returns {label.value} to {name}"
        argument = label.value
        return f"{name} calls {label.operation}({argument})"


@functools.cache
def specification(primitive: str, tasks: int) -> Specification:
    """Return the specification of a primitive for so many clients, made once a process."""
    return Specification(primitive, tasks)


class Follower:
    """Follows one run of the code in the model.

    `node` is where it is, `inside` the operation that each client is in.
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self.node = specification.nodes.initial
        self.inside: dict[str, str] = {}

    def see(self, kind: LabelKind, name: str, operation: str = "", value: str = "") -> None:
        """Take note of something visible: it must be one of the model's possible next labels."""
        specification = self.specification
        label = Label(kind, operation, specification.names.index(name), value)
        current_run().note(specification.told(label))
        following = specification.nodes.after(self.node).get(label)
        if following is None:
            outputs = sorted(
                specification.told(other) for other in specification.nodes.after(self.node) if specification.is_output(other)
            )
            instead = f"the model would have allowed: {'; '.join(outputs)}" if outputs else "the model owes nobody anything here"
            fail("refinement", f"{self._so_far()}{specification.told(label)}, which the model does not allow; {instead}")
            specification.history.append(label)
            return
        self.node = following
        specification.history.append(label)

    def call(self, name: str, operation: str) -> None:
        """The client calls an operation that may wait."""
        self.inside[name] = operation
        self.see("call", name, operation)
        if len(self.inside) == 2:
            witness(INSIDE_TOGETHER)

    def returned(self, name: str, result: object) -> None:
        """The operation that the client is in returns."""
        self.see("return", name, self.inside.pop(name), str(result))

    def raised(self, name: str, error: BaseException) -> None:
        """The operation that the client is in raises; nothing is visible if it is in none."""
        if name in self.inside:
            self.see("raise", name, self.inside.pop(name), type(error).__name__)

    def cancelled(self, task: asyncio.Task[Any]) -> None:
        """A cancellation strikes; visible to the primitive only while the client is inside of it."""
        name = asyncio.Task.get_name(task)
        if name in self.inside:
            self.see("cancel", name)
            witness(CANCELLED)

    def stable(self) -> None:
        """Nothing is in flight: then the model must be able to rest, owing nothing."""
        specification = self.specification
        acceptances = specification.nodes.acceptances(self.node)
        if any(not acceptance for acceptance in acceptances):
            return
        if not acceptances:
            fail("refinement", f"{self._so_far()}the code comes to rest, where the model never does")
            return
        least = min(acceptances, key=lambda acceptance: (len(acceptance), sorted(map(str, acceptance))))
        owed = " and ".join(sorted(specification.told(label) for label in least))
        fail("refinement", f"{self._so_far()}the code comes to rest, where the model owes this: {owed}")

    def describe(self) -> str:
        """Say who is in which operation, for the table of a trace."""
        return ", ".join(f"{name} in {operation}()" for name, operation in sorted(self.inside.items())) or "nobody inside"

    def _so_far(self) -> str:
        history = self.specification.history[-_SHOWN:]
        if not history:
            return "at the very beginning, "
        earlier = "… " if len(self.specification.history) > _SHOWN else ""
        return f"after: {earlier}{'; '.join(self.specification.told(label) for label in history)}: "


_SHOWN = 8


def refinement_scenarios(
    primitive: str, implementation: Implementation, tasks: int, rounds: float
) -> list[VerificationScenario]:
    """Return the scenario that holds an implementation against the model of its primitive."""
    make: Callable[..., Any] = implementation.require(primitive)
    client = {"event": _event_client, "condition": _condition_client}.get(primitive, _permit_client)
    operations = implementation.operations[primitive]
    if primitive == "event" and "clear" not in operations:
        return []
    if primitive == "semaphore":
        client = functools.partial(_permit_client, surplus=True)
    arguments = (1,) if "semaphore" in primitive else ()
    build: Callable[[], Any] = functools.partial(make, *arguments)
    return [
        VerificationScenario(
            f"{primitive}/refinement",
            functools.partial(_refine, specification(primitive, tasks), primitive, build, client, rounds),
            ("refinement",),
            ALL_CONTRACTS,
            "every visible behaviour is one of the model's, and the code rests only where the model may",
            witnessing.refinement(primitive, tasks, rounds),
        )
    ]


async def _refine(shared: Specification, primitive: str, make: Callable[[], Any], client: Client, rounds: float) -> None:
    shared.history.clear()
    follower = Follower(shared)
    when_stable(follower.stable)
    when_cancelled(follower.cancelled)
    observe(primitive, follower.describe)
    may_rest()
    subject = make()
    clients = [
        asyncio.create_task(client(name, subject, follower, rounds_of(primitive, number, len(shared.names), rounds)), name=name)
        for number, name in enumerate(shared.names)
    ]
    await asyncio.gather(*clients, return_exceptions=True)


def rounds_of(primitive: str, number: int, tasks: int, rounds: float) -> float:
    """Return how many rounds a client goes.

    Where clients have many operations to choose from, only some of three or more go more than one: the first of a condition,
    the first two of an event. What a second round of everybody would add is several million runs.
    """
    repeating = {"event": 2, "condition": 1}.get(primitive, tasks)
    return rounds if tasks < 3 or number < repeating or rounds == float("inf") else min(rounds, 1)


async def _permit_client(name: str, permits: Any, follower: Follower, rounds: float, surplus: bool = False) -> None:
    """Acquire, stay for a while, release, again and again; the first client of a semaphore may add a permit instead, once."""
    may_add = surplus and name == "A"
    while rounds > 0:
        rounds -= 1
        holds = False
        try:
            await checkpoint(maybe=rounds != float("inf"))
            if may_add and choose(2):
                may_add = False
                permits.release()
                follower.see("return", name, "release")
                continue
            follower.call(name, "acquire")
            follower.returned(name, await permits.acquire())
            holds = True
            await checkpoint()
        except asyncio.CancelledError as error:
            follower.raised(name, error)
            _uncancel()
        if holds:
            permits.release()
            follower.see("return", name, "release")


async def _event_client(name: str, event: Any, follower: Follower, rounds: float) -> None:
    """Wait, set or clear."""
    while rounds > 0:
        rounds -= 1
        try:
            await checkpoint(maybe=rounds != float("inf"))
            what = choose(3)
            if what == 0:
                follower.call(name, "wait")
                follower.returned(name, await event.wait())
            elif what == 1:
                event.set()
                follower.see("return", name, "set")
            else:
                event.clear()
                follower.see("return", name, "clear")
        except asyncio.CancelledError as error:
            follower.raised(name, error)
            _uncancel()


async def _condition_client(name: str, condition: Any, follower: Follower, rounds: float) -> None:
    """Acquire the lock; then wait, notify one, two or all, or do nothing; then release it."""
    while rounds > 0:
        rounds -= 1
        holds = False
        try:
            await checkpoint(maybe=rounds != float("inf"))
            follower.call(name, "acquire")
            follower.returned(name, await condition.acquire())
            holds = True
            what = choose(4)
            if what == 0:
                follower.call(name, "wait")
                follower.returned(name, await condition.wait())
            elif what == 1:
                condition.notify(1)
                follower.see("return", name, "notify", "1")
            elif what == 2:
                condition.notify_all()
                follower.see("return", name, "notify_all")
            else:
                await checkpoint()
        except asyncio.CancelledError as error:
            follower.raised(name, error)
            _uncancel()
        if holds:
            try:
                condition.release()
            except RuntimeError:
                follower.see("raise", name, "release", "RuntimeError")
            else:
                follower.see("return", name, "release")


def _uncancel() -> None:
    task = asyncio.current_task()
    assert task is not None
    while task.cancelling():
        task.uncancel()
