"""The yardstick: a FIFO hand-off semaphore in which every task may be cancelled.

Several independent ports of this model exist, in other languages and tools, and agree on its exact numbers of states.
So an engine that counts differently is wrong. `release` hands a permit over directly (it is never seen as free while
somebody waits), and a waiting task keeps its place in the queue until it has run again, even when it has been
cancelled.

The models of the primitives (`lock`, `semaphore`, ...) say the same in terms of calls and returns, so that real code
can refine them; this one stays as it is, to the letter.
"""

from __future__ import annotations

from ..expr import Statement, Task, count, exists, forall, when
from ..language import Model, ModelBuilder
from .family import Family, Fault, Size

PHASES = ("IDLE", "WAIT", "WOKEN", "CWAIT", "CWOKEN", "CS", "DONE")
QUEUED = ("WAIT", "WOKEN", "CWAIT", "CWOKEN")

FAULTS = (
    Fault(
        "swallow",
        "a task that is cancelled after it was handed a permit does not pass it on (asyncio.Semaphore, CPython 3.9)",
        ("permits-conserved", "no-lost-wakeup"),
    ),
    Fault(
        "cancelled_head",
        "the first entry of the queue has been cancelled, is handed the permit all the same, and the permit vanishes",
        ("permits-conserved", "no-lost-wakeup"),
    ),
)


def construct(size: Size, fault: str | None) -> Model:
    """Build the model: `size.tasks` tasks, `size.value` permits, rounds and cancellations a task."""
    model = ModelBuilder("handoff-semaphore", size.tasks)
    value = model.parameter("v", size.value, low=1)
    c = model.integer("c", value, low=-size.tasks, high=size.value + size.tasks)
    pc = model.phases("pc", PHASES, "IDLE")
    rem = model.counters("rem", size.rounds, 0, size.rounds) if size.rounds is not None else None
    can = model.counters("can", size.cancel, 0, size.cancel) if size.cancel is not None else None
    q = model.queue("q", members=lambda j: pc[j].among(*QUEUED))

    def give() -> list[Statement]:
        free: list[Statement] = [c.set(c + 1)]
        if fault != "cancelled_head":
            return [q.first(lambda j: pc[j] == "WAIT", lambda j: [pc[j].set("WOKEN")], free)]
        return [
            q.first(
                lambda j: pc[j].among("WAIT", "CWAIT"), lambda j: [when(pc[j] == "WAIT", [pc[j].set("WOKEN")])], free
            )
        ]

    def leave(i: Task) -> list[Statement]:
        if rem is None:
            return [pc[i].set("IDLE")]
        return [rem[i].set(rem[i] - 1), when(rem[i] > 0, [pc[i].set("IDLE")], [pc[i].set("DONE")])]

    swallow = fault == "swallow"
    model.action("acquire", lambda i: (pc[i] == "IDLE") & (c > 0), lambda i: [c.set(c - 1), pc[i].set("CS")])
    model.action("block", lambda i: (pc[i] == "IDLE") & (c == 0), lambda i: [q.push(i), pc[i].set("WAIT")])
    model.action("release", lambda i: pc[i] == "CS", lambda i: [*give(), *leave(i)])
    model.action("resume", lambda i: pc[i] == "WOKEN", lambda i: [q.remove(i), pc[i].set("CS")])
    model.action(
        "cancel",
        lambda i: pc[i].among("WAIT", "WOKEN") if can is None else pc[i].among("WAIT", "WOKEN") & (can[i] > 0),
        lambda i: [
            *([] if can is None else [can[i].set(can[i] - 1)]),
            when(pc[i] == "WAIT", [pc[i].set("CWAIT")], [pc[i].set("CWOKEN")]),
        ],
        environment=True,
    )
    model.action(
        "unwind",
        lambda i: pc[i].among("CWAIT", "CWOKEN"),
        lambda i: [q.remove(i), *([] if swallow else [when(pc[i] == "CWOKEN", give())]), *leave(i)],
    )

    waiting = exists(lambda j: pc[j] == "WAIT")
    granted = count(lambda j: pc[j].among("CS", "WOKEN", "CWOKEN"))
    model.invariant("counter-non-negative", c >= 0, "the number of free permits is never negative", "I1")
    model.invariant("mutual-exclusion", count(lambda j: pc[j] == "CS") <= value, "at most v tasks hold a permit", "I2")
    model.invariant(
        "permits-conserved", c + granted == value, "free, held and handed-over permits are v together", "I3"
    )
    model.invariant(
        "fifo",
        ~q.some_before(lambda j: pc[j] == "WAIT", lambda j: pc[j].among("WOKEN", "CWOKEN")),
        "nobody is served while an earlier task waits",
        "I4",
    )
    model.invariant("work-conserving", ~((c > 0) & waiting), "no permit is free while somebody waits", "I5")
    model.invariant(
        "no-lost-wakeup",
        ~(waiting & forall(lambda j: pc[j].among("WAIT", "DONE"))),
        "it never comes to rest with a task that waits for a permit nobody will give back",
        "I6",
    )
    model.eventually_not("progress", lambda i: pc[i] == "WAIT", "who waits is served or cancelled in the end")
    model.rests(forall(lambda j: pc[j] == "DONE"))
    return model.build()


FAMILY = Family(
    "handoff-semaphore",
    "a FIFO semaphore that hands permits over, with cancellation: the yardstick of every engine",
    construct,
    FAULTS,
    has_value=True,
    least_value=1,
)
