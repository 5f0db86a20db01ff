"""The monitors by themselves: what clients do is told to them by hand, so that each judgement is tested where no other comes first."""

import asyncio

import pytest

from treadle.checker import monitors, monitors_condition, monitors_event, monitors_permits
from treadle.checker.monitors_condition import ConditionMonitor
from treadle.checker.monitors_event import EventMonitor
from treadle.checker.monitors_permits import LOCK, SEMAPHORE, PermitMonitor


class Client:
    """Stands in for a task: only whether it has been cancelled, or is done, matters to a monitor."""

    def __init__(self):
        self.requests = 0
        self.ended = False

    def cancelling(self):
        return self.requests

    def uncancel(self):
        self.requests -= 1
        return self.requests

    def done(self):
        return self.ended


@pytest.fixture
def failures(monkeypatch):
    found = []
    for module in (monitors, monitors_permits, monitors_event, monitors_condition):
        monkeypatch.setattr(module, "fail", lambda property, message: found.append(property))
        monkeypatch.setattr(module, "witness", lambda name: None, raising=False)
    monkeypatch.setattr(monitors, "expect_progress", lambda name, task: None)
    monkeypatch.setattr(monitors, "note_progress", lambda name: None)
    return found


def with_clients(monitor):
    clients = {name: Client() for name in "ABCD"}
    for name, client in clients.items():
        monitor.enter(name, client)
    return monitor, clients


def semaphore(permits, *, in_order=True, locked=None):
    return with_clients(PermitMonitor(SEMAPHORE, permits, locked, in_order=in_order))


def acquire(monitor, name):
    monitor.calls(name)
    monitor.acquired(name, True)


def wait_on(condition, name):
    acquire(condition, name)
    condition.waits(name)


def notify(condition, name, n):
    acquire(condition, name)
    condition.notifies(n)
    condition.releases(name)


def let_return(condition, name):
    condition.returned(name, True)
    condition.releases(name)


def cancel_out(condition, clients, name):
    clients[name].requests = 1
    condition.wait_cancelled(name, asyncio.CancelledError("treadle"))
    condition.releases(name)
    clients[name].requests = 0


# --- permits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("in_order", "expected"), [(True, ["fifo"]), (False, [])])
def test_permits_that_are_free_for_all_may_be_taken_in_any_order_unless_the_queue_is_fifo(failures, in_order, expected):
    monitor, _ = semaphore(0, in_order=in_order)
    for name in "AB":
        monitor.calls(name)
        monitor.after_step()
    monitor.releases()
    monitor.releases()
    monitor.acquired("B", True)
    assert failures == expected


def test_one_permit_is_for_who_came_first_under_every_contract(failures):
    monitor, _ = semaphore(0, in_order=False)
    for name in "AB":
        monitor.calls(name)
        monitor.after_step()
    monitor.releases()
    monitor.acquired("B", True)
    assert failures == ["fifo"]


def test_who_is_cancelled_is_not_overtaken(failures):
    monitor, clients = semaphore(0)
    for name in "AB":
        monitor.calls(name)
        monitor.after_step()
    monitor.releases()
    clients["A"].requests = 1
    monitor.acquired("B", True)
    monitor.cancelled("A", asyncio.CancelledError("treadle"))
    assert failures == []


def test_who_comes_while_a_permit_is_left_over_overtakes_nobody(failures):
    monitor, _ = semaphore(0)
    monitor.calls("A")
    monitor.after_step()
    monitor.releases()
    monitor.releases()
    acquire(monitor, "B")  # at once; A has been served, and has not run yet
    assert failures == []


def test_a_call_that_must_return_at_once_and_never_does_has_lost_its_permit(failures):
    monitor, _ = semaphore(1)
    monitor.calls("A")
    monitor.after_step()
    assert failures == []  # it may still return
    monitor.stable()
    assert failures == ["permits-conserved", "no-lost-wakeup"]


def test_a_call_that_must_return_at_once_and_takes_its_time(failures):
    monitor, _ = semaphore(1)
    monitor.calls("A")
    monitor.after_step()
    monitor.acquired("A", True)
    assert failures == ["returns-as-documented"]


def test_more_holders_than_permits(failures):
    monitor, _ = semaphore(1)
    acquire(monitor, "A")
    monitor.calls("B")
    monitor.acquired("B", True)
    assert "counter-non-negative" in failures


@pytest.mark.parametrize(
    ("free", "waiting", "says", "expected"),
    [
        (0, "", False, ["state-as-reported"]),
        (0, "", True, []),
        (1, "", True, ["state-as-reported"]),
        (1, "", False, []),
        (1, "B", True, []),  # handed over, or not: both are right
        (1, "B", False, []),
    ],
)
def test_what_locked_may_say(failures, free, waiting, says, expected):
    monitor, _ = with_clients(PermitMonitor(LOCK, 1, lambda: says))
    acquire(monitor, "A")
    if waiting:
        monitor.calls(waiting)
    if free:
        monitor.releases("A")
    monitor.after_step()
    assert failures == expected


def test_a_cancellation_without_cause(failures):
    monitor, _ = semaphore(0)
    monitor.calls("A")
    monitor.after_step()
    monitor.cancelled("A", asyncio.CancelledError("treadle"))
    assert failures == ["cancellation-delivered"]


# --- events --------------------------------------------------------------------------------------------------------


def test_set_wakes_who_waits_even_if_clear_follows(failures):
    monitor, _ = with_clients(EventMonitor(None))
    monitor.calls_wait("A")
    monitor.sets()
    monitor.clears()
    monitor.calls_wait("B")
    monitor.after_step()
    assert monitor.describe() == "not set; waiting: A, B"
    monitor.stable()
    assert failures == ["wakes-all"]
    monitor.returned("A", True)
    monitor.stable()
    assert failures == ["wakes-all"]
    monitor.returned("B", True)
    assert failures == ["wakes-all", "no-spurious-wakeup"]


# --- conditions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("in_order", "expected"), [(True, ["fifo"]), (False, [])])
def test_the_notified_return_in_order_where_the_ready_queue_is_fifo(failures, in_order, expected):
    monitor, _ = with_clients(ConditionMonitor(None, in_order=in_order))
    wait_on(monitor, "A")
    wait_on(monitor, "B")
    notify(monitor, "C", 2)
    let_return(monitor, "B")
    let_return(monitor, "A")
    assert failures == expected


def test_a_notification_is_for_who_waited_longest(failures):
    monitor, _ = with_clients(ConditionMonitor(None))
    wait_on(monitor, "A")
    wait_on(monitor, "B")
    notify(monitor, "C", 1)
    let_return(monitor, "B")
    assert failures == ["no-spurious-wakeup"]


def test_what_a_cancelled_receiver_had_goes_to_its_first_heir(failures):
    monitor, clients = with_clients(ConditionMonitor(None))
    for name in "ABC":
        wait_on(monitor, name)
    notify(monitor, "D", 1)
    cancel_out(monitor, clients, "A")
    assert monitor.describe() == "free; notified: B; waiting: C"
    monitor.stable()
    assert failures == ["no-lost-wakeup"]


def test_an_heir_may_return_before_the_receiver_is_out(failures):
    monitor, clients = with_clients(ConditionMonitor(None))
    for name in "ABC":
        wait_on(monitor, name)
    notify(monitor, "D", 1)
    clients["A"].requests = 1
    let_return(monitor, "B")
    cancel_out(monitor, clients, "A")
    monitor.stable()
    assert failures == []
    let_return(monitor, "C")  # but the notification was one
    assert failures == ["no-spurious-wakeup"]


def test_the_second_heir_may_not_return_before_the_first(failures):
    monitor, clients = with_clients(ConditionMonitor(None))
    for name in "ABC":
        wait_on(monitor, name)
    notify(monitor, "D", 1)
    clients["A"].requests = 1
    let_return(monitor, "C")
    assert failures == ["fifo"]


def test_who_came_after_the_notification_may_get_what_nobody_inherits_but_need_not(failures):
    for returns in (True, False):
        monitor, clients = with_clients(ConditionMonitor(None))
        wait_on(monitor, "A")
        notify(monitor, "D", 1)
        wait_on(monitor, "B")
        cancel_out(monitor, clients, "A")
        monitor.stable() if not returns else let_return(monitor, "B")
        assert failures == []
        if not returns:  # it has not come by now, so it has been dropped
            let_return(monitor, "B")
            assert failures == ["no-spurious-wakeup"]


def test_the_lock_is_held_when_a_wait_ends(failures):
    monitor, clients = with_clients(ConditionMonitor(lambda: bool(monitor.holders)))
    wait_on(monitor, "A")
    wait_on(monitor, "B")
    acquire(monitor, "C")
    monitor.notifies(2)
    monitor.returned("A", True)
    assert failures == ["lock-held-on-return"]  # C holds it
    failures.clear()
    monitor, clients = with_clients(ConditionMonitor(lambda: False))
    monitor.waiting = ["A", "B"]
    for name, end in (("A", monitor.returned), ("B", monitor.wait_cancelled)):
        monitor.notifies(1)
        clients["B"].requests = name == "B"
        end(name, True if name == "A" else asyncio.CancelledError("treadle"))
        assert failures == ["lock-held-on-return"]  # nobody holds it
        failures.clear()
        monitor.releases(name)


def test_a_client_is_asleep_until_it_is_notified_or_cancelled(failures):
    monitor, clients = with_clients(ConditionMonitor(None))
    wait_on(monitor, "A")
    wait_on(monitor, "B")
    for name in "CD":
        clients[name].ended = True
    assert not monitor.are_awake(monitor.is_asleep)
    assert not monitor.are_awake(monitor.is_asleep, besides="A")
    clients["B"].requests = 1
    assert monitor.are_awake(monitor.is_asleep)
    clients["B"].requests = 0
    notify(monitor, "C", 1)
    assert monitor.are_awake(monitor.is_asleep)
    assert not monitor.are_awake(monitor.is_asleep, besides="A")
