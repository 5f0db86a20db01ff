"""Condition: wait for a notification under a lock; notify(n) wakes the n tasks that have waited longest.

The lock is part of the model: a waiting task has given it up, and has to get it back, in the lock's own queue, before
it returns or raises. `notified` marks a task that carries a notification; `tokens` counts the notifications that are
owed to somebody (the promise), so that a lost one and a duplicated one show as a difference.

A task that is cancelled while it carries a notification passes it on, at some moment between the cancellation and its
return from `wait` (a silent step); if nobody waits, the notification evaporates, as `notify` with nobody to notify
does. A task that is cancelled while it gets the lock back may keep its place in the queue or go to its end. Grants of
the lock may be deferred while somebody is in limbo, as in the models with permits.

Waiting for a notification that never comes is a legitimate rest. A misuse (no lock held by anybody) is one label.
"""

from __future__ import annotations

from ..expr import Expr, Statement, Task, count, each, exists, forall, ite, when
from ..language import Model, ModelBuilder, call, cancels, raises, returns, sync_raises, sync_returns
from .family import Family, Fault, Size

PHASES = ("IDLE", "LWAIT", "LGRANT", "HOLD", "CWAIT", "REJOIN", "RETRY", "RWAIT", "RGRANT", "DONE")
IN_LOCK_QUEUE = ("LWAIT", "LGRANT", "RWAIT", "RGRANT")
IN_CONDITION_QUEUE = ("CWAIT", "REJOIN")
CANCELLABLE = (*IN_LOCK_QUEUE, *IN_CONDITION_QUEUE, "RETRY")

FAULTS = (
    Fault(
        "lost_notification",
        "a task that is cancelled after it was notified does not pass the notification on (gh-112202, CPython 3.11)",
        ("no-lost-wakeup",),
    ),
    Fault(
        "lock_not_reacquired",
        "a cancelled wait() raises at once, without getting the lock back",
        ("lock-held-on-return",),
    ),
    Fault("notifies_too_many", "notify(1) wakes two tasks", ("notifies-n",)),
    Fault("lifo_notify", "notify() wakes the task that came last", ("fifo",)),
    Fault(
        "notifies_cancelled",
        "notify() picks a task that has been cancelled already, and the notification is lost",
        ("no-lost-wakeup",),
    ),
    Fault(
        "notifies_on_cancel",
        "a cancelled wait() wakes another waiter even if it was never notified (asyncio.Condition from CPython 3.13)",
        ("notifies-n",),
    ),
    Fault("barging", "a newcomer takes the free lock although others wait for it", ("fifo",)),
)


def construct(size: Size, fault: str | None) -> Model:
    """Build the model."""
    return _Condition(size, fault).build()


class _Condition:
    """The variables of the model while it is written down."""

    def __init__(self, size: Size, fault: str | None):
        self.fault = fault
        self.model = model = ModelBuilder("condition", size.tasks)
        self.locked = model.boolean("locked", False)
        self.deferred = model.boolean("deferred", False)
        self.tokens = model.integer("tokens", 0, low=-1, high=2 * size.tasks)
        self.pc = pc = model.phases("pc", PHASES, "IDLE")
        self.cancelled = model.flags("cancelled")
        self.notified = model.flags("notified")
        self.rem = model.counters("rem", size.rounds, 0, size.rounds) if size.rounds is not None else None
        self.can = model.counters("can", size.cancel, 0, size.cancel) if size.cancel is not None else None
        self.lq = model.queue("lq", members=lambda j: pc[j].among(*IN_LOCK_QUEUE))
        self.cq = model.queue("cq", members=lambda j: pc[j].among(*IN_CONDITION_QUEUE))

    def build(self) -> Model:
        """Give the finished model."""
        self._lock()
        self._notifications()
        self._cancellations()
        self._properties()
        return self.model.build()

    def _wants_lock(self, j: Task) -> Expr:
        return ((self.pc[j] == "LWAIT") & ~self.cancelled[j]) | (self.pc[j] == "RWAIT")

    def _waits(self, j: Task) -> Expr:
        return (self.pc[j] == "CWAIT") & ~self.cancelled[j]

    def _limbo(self, j: Task) -> Expr:
        return self.pc[j].among("LWAIT", "LGRANT") & self.cancelled[j]

    def _promise(self, amount: Expr | int) -> Statement:
        """Change the count of owed notifications; once it is wrong it stays as it is, so that faulty models stay finite.
        """
        carried = count(lambda j: self.notified[j])
        change = self.tokens + amount if isinstance(amount, Expr) else self.tokens - -amount
        return when(self.tokens == carried, [self.tokens.set(change)])

    def _leave(self, i: Task) -> list[Statement]:
        pc, rem = self.pc, self.rem
        if rem is None:
            return [pc[i].set("IDLE")]
        return [rem[i].set(rem[i] - 1), when(rem[i] > 0, [pc[i].set("IDLE")], [pc[i].set("DONE")])]

    def _lock(self) -> None:
        model, pc, lq, locked, deferred = self.model, self.pc, self.lq, self.locked, self.deferred

        def arrive(i: Task) -> list[Statement]:
            wait: list[Statement] = [lq.push(i), pc[i].set("LWAIT")]
            if self.fault != "barging":
                return wait
            return [when(~locked, [locked.set(True), lq.push(i), pc[i].set("LGRANT")], wait)]

        model.action("call_acquire", lambda i: pc[i] == "IDLE", arrive, call("acquire"), fair=False)
        model.action(
            "grant",
            lambda i: ~deferred & ~locked & lq.is_first(i, self._wants_lock),
            lambda i: [locked.set(True), when(pc[i] == "LWAIT", [pc[i].set("LGRANT")], [pc[i].set("RGRANT")])],
        )
        model.action(
            "defer",
            lambda _: ~deferred & ~locked & exists(self._wants_lock) & exists(self._limbo),
            lambda _: [deferred.set(True)],
            per_task=False,
            fair=False,
        )
        model.action(
            "return_acquire",
            lambda i: (pc[i] == "LGRANT") & ~self.cancelled[i],
            lambda i: [lq.remove(i), pc[i].set("HOLD")],
            returns("acquire", "True"),
        )
        model.action(
            "unwind_acquire",
            self._limbo,
            lambda i: [
                lq.remove(i),
                when(pc[i] == "LGRANT", [locked.set(False)]),
                self.cancelled[i].set(False),
                deferred.set(False),
                *self._leave(i),
            ],
            raises("acquire"),
        )
        model.action(
            "release",
            lambda i: pc[i] == "HOLD",
            lambda i: [locked.set(False), *self._leave(i)],
            sync_returns("release"),
        )
        for operation in ("release", "wait", "notify"):
            model.action(
                f"misuse_{operation}",
                lambda i: (pc[i] == "IDLE") & ~locked & ~exists(lambda j: pc[j].among(*IN_LOCK_QUEUE)),
                lambda i: [],
                sync_raises(operation, "RuntimeError"),
                environment=True,
            )

    def _notifications(self) -> None:
        model, pc, lq, cq, notified = self.model, self.pc, self.lq, self.cq, self.notified
        fault = self.fault
        model.action(
            "call_wait",
            lambda i: pc[i] == "HOLD",
            lambda i: [self.locked.set(False), cq.push(i), pc[i].set("CWAIT")],
            call("wait"),
            fair=False,
        )

        def hit(j: Task) -> list[Statement]:
            return [when(self.cancelled[j], [], [notified[j].set(True)]), pc[j].set("REJOIN")]

        def wake_first() -> Statement:
            if fault == "notifies_cancelled":
                return cq.first(lambda j: pc[j] == "CWAIT", hit)
            return cq.first(
                self._waits, lambda j: [pc[j].set("REJOIN"), notified[j].set(True)], last=fault == "lifo_notify"
            )

        def notify(amount: int) -> list[Statement]:
            waiting = count(self._waits)
            owed = ite(waiting <= amount, waiting, amount)
            woken = amount + 1 if fault == "notifies_too_many" else amount
            return [self._promise(owed), *(wake_first() for _ in range(woken))]

        for amount in (1, 2):
            model.action(
                f"notify_{amount}",
                lambda i: pc[i] == "HOLD",
                lambda i, amount=amount: notify(amount),  # type: ignore[misc]
                sync_returns("notify", str(amount)),
                fair=False,
            )
        everybody = each(self._waits, lambda j: [pc[j].set("REJOIN"), notified[j].set(True)])
        model.action(
            "notify_all",
            lambda i: pc[i] == "HOLD",
            lambda i: [self._promise(count(self._waits)), everybody],
            sync_returns("notify_all"),
            fair=False,
        )
        model.action(
            "rejoin",
            lambda i: pc[i].among("REJOIN", "RETRY") | ((pc[i] == "CWAIT") & self.cancelled[i]),
            lambda i: [cq.remove(i), lq.push(i), pc[i].set("RWAIT")],
        )
        model.action(
            "return_wait",
            lambda i: (pc[i] == "RGRANT") & ~self.cancelled[i],
            lambda i: [self._promise(-1), lq.remove(i), pc[i].set("HOLD"), notified[i].set(False)],
            returns("wait", "True"),
        )

        def pass_on(i: Task) -> list[Statement]:
            if fault == "lost_notification":
                return [notified[i].set(False)]
            return [
                when(~exists(self._waits), [self._promise(-1)]),
                notified[i].set(False),
                cq.first(self._waits, lambda j: [pc[j].set("REJOIN"), notified[j].set(True)]),
            ]

        model.action("pass_on", lambda i: self.cancelled[i] & notified[i], pass_on)
        extra: list[Statement] = [wake_first()] if fault == "notifies_on_cancel" else []
        model.action(
            "unwind_wait",
            lambda i: (pc[i] == "RGRANT") & self.cancelled[i] & ~notified[i],
            lambda i: [lq.remove(i), pc[i].set("HOLD"), self.cancelled[i].set(False), *extra],
            raises("wait"),
        )
        if fault == "lock_not_reacquired":
            model.action(
                "unwind_without_lock",
                lambda i: (pc[i] == "CWAIT") & self.cancelled[i],
                lambda i: [cq.remove(i), pc[i].set("HOLD"), self.cancelled[i].set(False)],
                raises("wait"),
            )

    def _cancellations(self) -> None:
        model, pc, can, lq = self.model, self.pc, self.can, self.lq

        def may(i: Task, *phases: str) -> Expr:
            return pc[i].among(*phases) if can is None else pc[i].among(*phases) & (can[i] > 0)

        def struck(i: Task) -> list[Statement]:
            spent: list[Statement] = [] if can is None else [can[i].set(can[i] - 1)]
            return [*spent, self.cancelled[i].set(True)]

        def cancel(name: str, phases: tuple[str, ...], then: object) -> None:
            model.action(name, lambda i: may(i, *phases), then, cancels(), environment=True)  # type: ignore[arg-type]

        cancel("cancel", CANCELLABLE, struck)
        cancel("cancel_and_give_back", ("LGRANT",), lambda i: [*struck(i), self.locked.set(False), pc[i].set("LWAIT")])
        cancel("cancel_and_requeue", ("RWAIT",), lambda i: [*struck(i), lq.remove(i), pc[i].set("RETRY")])
        cancel(
            "cancel_and_retry",
            ("RGRANT",),
            lambda i: [*struck(i), lq.remove(i), self.locked.set(False), pc[i].set("RETRY")],
        )

    def _properties(self) -> None:
        model, pc, notified, tokens = self.model, self.pc, self.notified, self.tokens
        holds = count(lambda j: pc[j] == "HOLD")
        owners = count(lambda j: pc[j].among("HOLD", "LGRANT", "RGRANT"))
        carried = count(lambda j: notified[j])
        back = ("REJOIN", "RETRY", "RWAIT", "RGRANT")
        model.invariant("mutual-exclusion", holds <= 1, "at most one task holds the lock")
        model.invariant(
            "permits-conserved", owners == ite(self.locked, 1, 0), "the lock is held by one task or by none"
        )
        model.invariant(
            "lock-held-on-return",
            exists(lambda j: pc[j] == "HOLD").implies(self.locked),
            "who is back from wait() holds the lock",
        )
        model.invariant(
            "fifo",
            ~self.lq.some_before(self._wants_lock, lambda j: pc[j].among("LGRANT", "RGRANT"))
            & ~self.cq.some_before(self._waits, lambda j: notified[j]),
            "nobody is granted the lock, or notified, while an earlier task waits for it",
        )
        model.invariant("notifies-n", carried <= tokens, "no more tasks are woken than were to be notified")
        model.invariant("no-lost-wakeup", tokens <= carried, "every notification has a receiver, or passes on to one")
        model.invariant(
            "no-spurious-wakeup",
            forall(lambda j: (pc[j].among(*back) & ~self.cancelled[j]).implies(notified[j])),
            "nobody is woken without a notification",
        )
        model.invariant(
            "work-conserving",
            ~(~self.locked & exists(self._wants_lock) & ~exists(self._limbo) & ~model.enabled("grant", "defer")),
            "the lock does not stay free while somebody waits for it",
        )
        model.lemma("notified only on the way back", forall(lambda j: notified[j].implies(pc[j].among(*back))))
        model.lemma("deferred only in limbo", ~self.deferred | exists(self._limbo))
        model.eventually_not("progress", self._wants_lock, "who waits for the lock gets it or is cancelled in the end")
        model.rests(forall(lambda j: pc[j].among("DONE", "CWAIT") & ~self.cancelled[j]))


FAMILY = Family("condition", "wait for a notification under a lock; notify(n), notify_all", construct, FAULTS)
