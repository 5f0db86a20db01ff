"""What Lock, Semaphore and BoundedSemaphore have in common: permits, taken and given back, first come first served.

An acquire is a *call*; the task then stands in the queue. Granting is the primitive's own, silent step: the first
task that waits gets a free permit. A *return* makes it the holder's. So the model says who is served and when
something is owed, and leaves open how a real implementation does it: by handing over directly, or by waking a task
that takes the permit when it runs.

Cancellation opens a *limbo*: the task has been cancelled but has not run yet. Correct implementations differ there,
so it is a silent choice of the model's. A cancelled task that was granted a permit may keep it until it unwinds, or
give it back at once; and while anybody is in limbo a grant may be *deferred* until the next task has unwound (an
implementation that wakes the head of the queue and finds it cancelled serves the next one only then). Nothing stays
deferred: that is the lemma.

Faults replace the mechanism in one place. They are built here because the three primitives share them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..expr import Const, Expr, Parameter, Statement, Task, count, exists, forall, when
from ..language import Model, ModelBuilder, call, cancels, raises, returns, sync_raises, sync_returns
from .family import Fault, Size

PHASES = ("IDLE", "WAIT", "GRANTED", "CWAIT", "CGRANTED", "HOLD", "DONE")
QUEUED = ("WAIT", "GRANTED", "CWAIT", "CGRANTED")
LIMBO = ("CWAIT", "CGRANTED")
RESTING = ("IDLE", "WAIT", "DONE")

FAULTS = (
    Fault(
        "barging",
        "a newcomer takes a free permit although others wait in the queue (asyncio.Semaphore up to CPython 3.8)",
        ("fifo",),
    ),
    Fault(
        "swallowed_permit",
        "a task that is cancelled after it was granted a permit does not pass it on (asyncio.Semaphore, CPython 3.9)",
        ("permits-conserved", "no-lost-wakeup"),
    ),
    Fault(
        "cancelled_head",
        "the wakeup goes to a task that has been cancelled, and when that unwinds it wakes nobody else",
        ("no-lost-wakeup", "work-conserving"),
    ),
    Fault(
        "permit_to_cancelled",
        "a permit is handed to a task in the queue that has been cancelled already, and vanishes with it",
        ("permits-conserved", "no-lost-wakeup"),
    ),
    Fault(
        "stuck_wakeup",
        "a flag says that a wakeup is under way; nobody clears it when the woken task is cancelled",
        ("no-lost-wakeup", "work-conserving"),
    ),
    Fault("lifo", "the task that came last is served first", ("fifo",)),
    Fault(
        "double_grant",
        "a permit stays free while a task is already on its way to take it, so that another one takes it too",
        ("permits-conserved", "mutual-exclusion"),
    ),
)


@dataclass(frozen=True)
class Kind:
    """How a primitive uses permits: whether it has an initial value, surplus releases, and the error of one too many.
    """

    name: str
    has_value: bool
    surplus: bool = False
    misuse: str = ""


def construct(kind: Kind, size: Size, fault: str | None) -> Model:
    """Build the model of one primitive."""
    return _Permits(kind, size, fault).build()


class _Permits:
    """The variables of the model while it is written down."""

    def __init__(self, kind: Kind, size: Size, fault: str | None):
        self.kind, self.size, self.fault = kind, size, fault
        self.model = model = ModelBuilder(kind.name, size.tasks)
        parameter = model.parameter("v", size.value) if kind.has_value else None
        self.value: Parameter | Const = parameter if parameter is not None else Const(1, "int")
        surplus = size.surplus if size.rounds is None else size.tasks * size.rounds
        room = size.tasks * (size.rounds or 1) + surplus
        initial = 1 if parameter is None else parameter
        self.free = model.integer("free", initial, low=-room, high=size.value + room)
        self.deferred = model.boolean("deferred", False)
        self.extra = model.integer("extra", 0, low=0, high=surplus) if kind.surplus else None
        self.underway = model.boolean("underway", False) if fault == "stuck_wakeup" else None
        self.pc = model.phases("pc", PHASES, "IDLE")
        self.rem = model.counters("rem", size.rounds, 0, size.rounds) if size.rounds is not None else None
        self.can = model.counters("can", size.cancel, 0, size.cancel) if size.cancel is not None else None
        self.q = model.queue("q", members=lambda j: self.pc[j].among(*QUEUED))

    def build(self) -> Model:
        self._operations()
        self._cancellations()
        self._properties()
        return self.model.build()

    def _operations(self) -> None:
        model, pc, q, free, deferred = self.model, self.pc, self.q, self.free, self.deferred
        model.action("call", lambda i: pc[i] == "IDLE", self._arrive, call("acquire"), fair=False)
        model.action("grant", self._may_grant, self._granted)
        model.action(
            "defer",
            lambda _: (
                ~deferred & (free > 0) & exists(lambda j: pc[j] == "WAIT") & exists(lambda j: pc[j].among(*LIMBO))
            ),
            lambda _: [deferred.set(True)],
            per_task=False,
            fair=False,
        )
        cleared: list[Statement] = [] if self.underway is None else [self.underway.set(False)]
        model.action(
            "return",
            lambda i: pc[i] == "GRANTED",
            lambda i: [q.remove(i), pc[i].set("HOLD"), *cleared],
            returns("acquire", "True"),
        )
        model.action(
            "release",
            lambda i: pc[i] == "HOLD",
            lambda i: [free.set(free + 1), *self._leave(i)],
            sync_returns("release"),
        )
        if self.extra is not None:
            self._surplus_release()
        if self.kind.misuse:
            self._misuse()

    def _arrive(self, i: Task) -> list[Statement]:
        wait: list[Statement] = [self.q.push(i), self.pc[i].set("WAIT")]
        if self.fault != "barging":
            return wait
        free = self.free
        return [when(free > 0, [free.set(free - 1), self.q.push(i), self.pc[i].set("GRANTED")], wait)]

    def _may_grant(self, i: Task) -> Expr:
        pc, q = self.pc, self.q
        guard = ~self.deferred & (self.free > 0)
        if self.underway is not None:
            guard = guard & ~self.underway
        if self.fault == "lifo":
            return guard & q.is_last(i, lambda j: pc[j] == "WAIT")
        if self.fault == "permit_to_cancelled":
            return guard & q.is_first(i, lambda j: pc[j].among("WAIT", "CWAIT"))
        return guard & q.is_first(i, lambda j: pc[j] == "WAIT")

    def _granted(self, i: Task) -> list[Statement]:
        taken: list[Statement] = [] if self.fault == "double_grant" else [self.free.set(self.free - 1)]
        flagged: list[Statement] = [] if self.underway is None else [self.underway.set(True)]
        served: Statement = self.pc[i].set("GRANTED")
        if self.fault == "permit_to_cancelled":
            served = when(self.pc[i] == "WAIT", [served])
        return [*taken, *flagged, served]

    def _leave(self, i: Task) -> list[Statement]:
        pc, rem = self.pc, self.rem
        if rem is None:
            return [pc[i].set("IDLE")]
        return [rem[i].set(rem[i] - 1), when(rem[i] > 0, [pc[i].set("IDLE")], [pc[i].set("DONE")])]

    def _surplus_release(self) -> None:
        """A release of a permit that was never acquired: a round of its own (`size.surplus` of them if rounds are
        unlimited).
        """
        pc, free, extra = self.pc, self.free, self.extra
        assert extra is not None
        limited = self.size.rounds is None
        self.model.action(
            "add",
            lambda i: (pc[i] == "IDLE") & (extra < self.size.surplus) if limited else pc[i] == "IDLE",
            lambda i: [free.set(free + 1), extra.set(extra + 1), *self._leave(i)],
            sync_returns("release"),
            fair=False,
        )

    def _misuse(self) -> None:
        """A release too many while nobody holds or waits for anything: an error that changes nothing."""
        pc, free, accepted = self.pc, self.free, self.fault == "unbounded"
        self.model.action(
            "misuse",
            lambda i: (pc[i] == "IDLE") & (free == self.value) & ~exists(lambda j: pc[j].among(*QUEUED)),
            lambda i: [free.set(free + 1)] if accepted else [],
            sync_returns("release") if accepted else sync_raises("release", self.kind.misuse),
            environment=True,
        )

    def _cancellations(self) -> None:
        model, pc, can, free = self.model, self.pc, self.can, self.free

        def may(i: Task, *phases: str) -> Expr:
            return pc[i].among(*phases) if can is None else pc[i].among(*phases) & (can[i] > 0)

        def spend(i: Task) -> list[Statement]:
            return [] if can is None else [can[i].set(can[i] - 1)]

        model.action(
            "cancel",
            lambda i: may(i, "WAIT", "GRANTED"),
            lambda i: [*spend(i), when(pc[i] == "WAIT", [pc[i].set("CWAIT")], [pc[i].set("CGRANTED")])],
            cancels(),
            environment=True,
        )
        if self.fault not in ("swallowed_permit", "stuck_wakeup"):
            model.action(
                "cancel_and_give_back",
                lambda i: may(i, "GRANTED"),
                lambda i: [*spend(i), free.set(free + 1), pc[i].set("CWAIT")],
                cancels(),
                environment=True,
            )
        model.action("cancel_again", lambda i: may(i, *LIMBO), spend, cancels(), environment=True)
        model.action("unwind", lambda i: pc[i].among(*LIMBO), self._unwound, raises("acquire"))

    def _unwound(self, i: Task) -> list[Statement]:
        back: list[Statement] = [when(self.pc[i] == "CGRANTED", [self.free.set(self.free + 1)])]
        if self.fault == "swallowed_permit":
            back = []
        settled: list[Statement] = [] if self.fault == "cancelled_head" else [self.deferred.set(False)]
        return [self.q.remove(i), *back, *settled, *self._leave(i)]

    def _properties(self) -> None:
        model, pc, free, value = self.model, self.pc, self.free, self.value
        waiting = exists(lambda j: pc[j] == "WAIT")
        serving = model.enabled("grant", "defer")
        owned = count(lambda j: pc[j].among("HOLD", "GRANTED", "CGRANTED"))
        held = count(lambda j: pc[j] == "HOLD")
        given = value if self.extra is None else value + self.extra
        model.invariant("mutual-exclusion", held <= given, "no more tasks hold a permit than there are permits")
        model.invariant("counter-non-negative", free >= 0, "the number of free permits is never negative")
        if self.kind.misuse and self.kind.has_value:
            model.invariant("counter-bounded", free <= value, "the counter never exceeds the initial value")
        model.invariant(
            "permits-conserved", free + owned == given, "free, granted and held permits are all that were ever given"
        )
        model.invariant(
            "fifo",
            ~self.q.some_before(lambda j: pc[j] == "WAIT", lambda j: pc[j].among("GRANTED", "CGRANTED")),
            "nobody is served while an earlier task waits",
        )
        model.invariant(
            "work-conserving",
            ~((free > 0) & waiting & ~exists(lambda j: pc[j].among(*LIMBO, "GRANTED")) & ~serving),
            "no permit stays free while somebody waits",
        )
        model.invariant(
            "no-lost-wakeup",
            ~(waiting & (given > 0) & forall(lambda j: pc[j].among(*RESTING)) & ~serving),
            "it never comes to rest with a task that waits although nobody holds a permit",
        )
        model.lemma("deferred only in limbo", ~self.deferred | exists(lambda j: pc[j].among(*LIMBO)))
        model.eventually_not("progress", lambda i: pc[i] == "WAIT", "who waits is served or cancelled in the end")
        done = forall(lambda j: pc[j] == "DONE")
        empty = forall(lambda j: pc[j].among(*RESTING)) & (given == 0)
        model.rests(done | empty if self.kind.has_value else done)
