"""Event: a flag to wait for. `set` wakes everybody who waits at that moment, even if `clear` follows at once.

Two kinds of knowledge are kept apart: `pc` is the mechanism (who has been woken), `owed` is the promise (who must be
let go, because the event was set while it waited or when it came). The properties compare the two, and faults change
only the mechanism. The order of waiters promises nothing; the queue is there because a waiter must leave no trace,
and because one fault stops in the middle of it.
"""

from __future__ import annotations

from ..expr import Expr, Statement, Task, each, exists, forall, when
from ..language import Model, ModelBuilder, call, cancels, raises, returns, sync_returns
from .family import Family, Fault, Size

PHASES = ("IDLE", "CHECKED", "WAIT", "WOKEN", "CWAIT", "CWOKEN", "DONE")
QUEUED = ("WAIT", "WOKEN", "CWAIT", "CWOKEN")

FAULTS = (
    Fault(
        "clear_undoes_set",
        "a woken task looks at the flag again before it returns; if clear() came first, it goes on waiting",
        ("wakes-all",),
    ),
    Fault("wakes_one", "set() wakes only the first task that waits", ("wakes-all", "no-lost-wakeup")),
    Fault(
        "check_then_wait",
        "wait() looks at the flag first and joins the waiters later; a set() in between is lost",
        ("no-lost-wakeup",),
    ),
    Fault(
        "cancelled_head",
        "set() stops at a waiter that has been cancelled; those behind it are not woken",
        ("wakes-all", "no-lost-wakeup"),
    ),
    Fault(
        "spurious",
        "a cancelled waiter wakes the next one on its way out, although nobody called set()",
        ("no-spurious-wakeup",),
    ),
)


def construct(size: Size, fault: str | None) -> Model:
    """Build the model."""
    model = ModelBuilder("event", size.tasks)
    flag = model.boolean("flag", False)
    pc = model.phases("pc", PHASES, "IDLE")
    owed = model.flags("owed")
    rem = model.counters("rem", size.rounds, 0, size.rounds) if size.rounds is not None else None
    can = model.counters("can", size.cancel, 0, size.cancel) if size.cancel is not None else None
    q = model.queue("q", members=lambda j: pc[j].among(*QUEUED))

    def leave(i: Task) -> list[Statement]:
        if rem is None:
            return [pc[i].set("IDLE")]
        return [rem[i].set(rem[i] - 1), when(rem[i] > 0, [pc[i].set("IDLE")], [pc[i].set("DONE")])]

    def may_cancel(i: Task, *phases: str) -> Expr:
        return pc[i].among(*phases) if can is None else pc[i].among(*phases) & (can[i] > 0)

    def spend(i: Task) -> list[Statement]:
        return [] if can is None else [can[i].set(can[i] - 1)]

    def arrive(i: Task) -> list[Statement]:
        let_in: list[Statement] = [q.push(i), pc[i].set("WOKEN"), owed[i].set(True)]
        wait: list[Statement] = [q.push(i), pc[i].set("WAIT")]
        return [when(flag, let_in, [pc[i].set("CHECKED")] if fault == "check_then_wait" else wait)]

    def wake() -> list[Statement]:
        promise = each(lambda j: pc[j] == "WAIT", lambda j: [owed[j].set(True)])
        everybody = each(lambda j: pc[j] == "WAIT", lambda j: [pc[j].set("WOKEN")])
        if fault == "wakes_one":
            return [promise, q.first(lambda j: pc[j] == "WAIT", lambda j: [pc[j].set("WOKEN")])]
        if fault == "cancelled_head":
            at_head = q.first(lambda j: pc[j].among(*QUEUED), lambda j: [when(pc[j] != "CWAIT", [everybody])])
            return [promise, at_head]
        return [promise, everybody]

    model.action("call", lambda i: pc[i] == "IDLE", arrive, call("wait"), fair=False)
    if fault == "check_then_wait":
        model.action("join", lambda i: pc[i] == "CHECKED", lambda i: [q.push(i), pc[i].set("WAIT")])
    model.action(
        "set",
        lambda i: pc[i] == "IDLE",
        lambda i: [flag.set(True), *wake(), *leave(i)],
        sync_returns("set"),
        fair=False,
    )
    model.action(
        "clear", lambda i: pc[i] == "IDLE", lambda i: [flag.set(False), *leave(i)], sync_returns("clear"), fair=False
    )
    if fault == "clear_undoes_set":
        model.action("recheck", lambda i: (pc[i] == "WOKEN") & ~flag, lambda i: [pc[i].set("WAIT")])
    model.action(
        "return",
        lambda i: (pc[i] == "WOKEN") & flag if fault == "clear_undoes_set" else pc[i] == "WOKEN",
        lambda i: [q.remove(i), owed[i].set(False), *leave(i)],
        returns("wait", "True"),
    )
    model.action(
        "cancel",
        lambda i: may_cancel(i, "WAIT", "WOKEN"),
        lambda i: [*spend(i), when(pc[i] == "WAIT", [pc[i].set("CWAIT")], [pc[i].set("CWOKEN")])],
        cancels(),
        environment=True,
    )
    model.action("cancel_again", lambda i: may_cancel(i, "CWAIT", "CWOKEN"), spend, cancels(), environment=True)
    passed: list[Statement] = (
        [q.first(lambda j: pc[j] == "WAIT", lambda j: [pc[j].set("WOKEN")])] if fault == "spurious" else []
    )
    model.action(
        "unwind",
        lambda i: pc[i].among("CWAIT", "CWOKEN"),
        lambda i: [q.remove(i), owed[i].set(False), *passed, *leave(i)],
        raises("wait"),
    )
    waiting = exists(lambda j: pc[j] == "WAIT")
    model.invariant(
        "wakes-all", forall(lambda j: owed[j].implies(pc[j] != "WAIT")), "whoever waited when set() was called is woken"
    )
    model.invariant(
        "no-spurious-wakeup", forall(lambda j: (pc[j] == "WOKEN").implies(owed[j])), "nobody is woken without a set()"
    )
    model.invariant("no-lost-wakeup", ~(flag & waiting), "nobody waits while the event is set")
    model.lemma("owed only when woken", forall(lambda j: owed[j].implies(pc[j].among("WOKEN", "CWOKEN"))))
    model.eventually_not(
        "progress", lambda i: owed[i] & pc[i].among("WAIT", "WOKEN"), "who was woken returns in the end"
    )
    model.rests(forall(lambda j: pc[j].among("WAIT", "DONE")) & ~(flag & waiting))
    return model.build()


FAMILY = Family("event", "a flag to wait for; set wakes all who wait", construct, FAULTS)
