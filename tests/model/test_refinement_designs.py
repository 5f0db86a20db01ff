"""Two designs of a lock that are both right, and what goes wrong without their care: the model must accept the one and
refuse the other.

`waking` frees the lock and wakes the head of the queue, which takes the lock when it runs (asyncio's design);
`handing` gives the lock to the first task that has not been cancelled (this repository's). They differ in the limbo
of cancelled tasks, where the model leaves a silent choice.
"""

import pytest

from treadle.model.expr import exists, when
from treadle.model.language import ModelBuilder, call, cancels, raises, returns, sync_returns
from treadle.model.models import specification
from treadle.model.refinement import ModelSystem, refines

PHASES = ("IDLE", "WAIT", "WOKEN", "CWAIT", "CWOKEN", "TAKEN", "HOLD")


def waking(tasks, *, rewakes=True, looks_at_queue=True):
    """Free the lock, wake the head; a cancelled task wakes the next one on its way out if the lock is free."""
    model = ModelBuilder("waking", tasks)
    locked = model.boolean("locked", False)
    pc = model.phases("pc", PHASES, "IDLE")
    q = model.queue("q")

    def wake():
        return q.first(lambda j: pc[j].among(*PHASES), lambda j: [when(pc[j] == "WAIT", [pc[j].set("WOKEN")])])

    live = exists(lambda j: pc[j].among("WAIT", "WOKEN", "CWOKEN"))
    free = ~locked & ~live if looks_at_queue else ~locked
    model.action(
        "call",
        lambda i: pc[i] == "IDLE",
        lambda i: [when(free, [locked.set(True), pc[i].set("TAKEN")], [q.push(i), pc[i].set("WAIT")])],
        call("acquire"),
    )
    model.action("taken", lambda i: pc[i] == "TAKEN", lambda i: [pc[i].set("HOLD")], returns("acquire", "True"))
    model.action(
        "resume",
        lambda i: pc[i] == "WOKEN",
        lambda i: [q.remove(i), locked.set(True), pc[i].set("HOLD")],
        returns("acquire", "True"),
    )
    model.action(
        "release",
        lambda i: pc[i] == "HOLD",
        lambda i: [locked.set(False), wake(), pc[i].set("IDLE")],
        sync_returns("release"),
    )
    _cancellation(model, pc, lambda i: [q.remove(i), *([when(~locked, [wake()])] if rewakes else [])])
    return model.build()


def handing(tasks, *, passes_on=True):
    """Give the lock to the first task that has not been cancelled; a cancelled receiver passes it on when it unwinds.
    """
    model = ModelBuilder("handing", tasks)
    locked = model.boolean("locked", False)
    pc = model.phases("pc", PHASES, "IDLE")
    q = model.queue("q")

    def give():
        return q.first(lambda j: pc[j] == "WAIT", lambda j: [pc[j].set("WOKEN")], [locked.set(False)])

    model.action(
        "call",
        lambda i: pc[i] == "IDLE",
        lambda i: [when(~locked, [locked.set(True), pc[i].set("TAKEN")], [q.push(i), pc[i].set("WAIT")])],
        call("acquire"),
    )
    model.action("taken", lambda i: pc[i] == "TAKEN", lambda i: [pc[i].set("HOLD")], returns("acquire", "True"))
    model.action(
        "resume", lambda i: pc[i] == "WOKEN", lambda i: [q.remove(i), pc[i].set("HOLD")], returns("acquire", "True")
    )
    model.action("release", lambda i: pc[i] == "HOLD", lambda i: [give(), pc[i].set("IDLE")], sync_returns("release"))
    _cancellation(model, pc, lambda i: [q.remove(i), *([when(pc[i] == "CWOKEN", [give()])] if passes_on else [])])
    return model.build()


def _cancellation(model, pc, unwound):
    model.action(
        "cancel",
        lambda i: pc[i].among("WAIT", "WOKEN"),
        lambda i: [when(pc[i] == "WAIT", [pc[i].set("CWAIT")], [pc[i].set("CWOKEN")])],
        cancels(),
        environment=True,
    )
    model.action("again", lambda i: pc[i].among("CWAIT", "CWOKEN"), lambda i: [], cancels(), environment=True)
    model.action(
        "unwind",
        lambda i: pc[i].among("CWAIT", "CWOKEN"),
        lambda i: [*unwound(i), pc[i].set("IDLE")],
        raises("acquire"),
    )


def check(implementation):
    model = ModelSystem(specification("lock", implementation.tasks))
    return refines(ModelSystem(implementation), model, model.is_output)


@pytest.mark.parametrize("design", [waking, handing])
def test_both_designs_refine_the_lock(design):
    found = check(design(3))
    assert found.violation is None
    assert found.limit is None
    assert {label.kind for label in found.labels_seen} == {"call", "return", "raise", "cancel"}


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (waking(3, rewakes=False), "refusal"),
        (waking(3, looks_at_queue=False), "trace"),
        (handing(3, passes_on=False), "refusal"),
    ],
    ids=["nobody woken after a cancelled head", "newcomer overtakes", "permit swallowed"],
)
def test_designs_without_their_care_are_refused(broken, kind):
    violation = check(broken).violation
    assert violation.kind == kind
    if kind == "trace":
        assert str(violation.trace[-1]).startswith("return acquire")
    else:
        assert all(label.kind == "return" for label in violation.refused)
