"""What other model checkers were seen to miss, and must be found here.

One freezes choices that are wider than 16 and reports the space as exhausted. One leaves out orders of four tasks and
says that a property holds. One injects a cancellation only right after the victim's own step, and misses every bug of a
task that was woken but has not resumed.
"""

import asyncio
import itertools
import math

import pytest

from treadle.checker import check, checkpoint, choose, fail, witness
from treadle.checker.explorer import explore
from treadle.checker.runtime import Settings

MERGE = pytest.mark.parametrize("merge", ["on", "off", "auto"])


def outcomes(scenario, merge="on", **settings):
    result = explore(scenario, Settings(**settings), merge=merge, keep_going=True)
    assert not result.held_back
    assert not result.findings
    return result.outcomes


@MERGE
@pytest.mark.parametrize("n", [15, 16, 17, 20, 257])
def test_every_value_of_a_wide_choice(n, merge):
    async def scenario():
        return choose(n)

    assert outcomes(scenario, merge) == {repr(value) for value in range(n)}


@MERGE
@pytest.mark.parametrize("contract", ["stock", "any"])
def test_every_one_of_eighteen_tasks_can_be_first(contract, merge):
    async def scenario():
        async def child(name):
            if contract == "stock":
                await checkpoint()
            witness(name)
            fail("assertion", "enough is seen: what the others do does not matter")

        await asyncio.gather(*map(child, map(str, range(18))))

    result = explore(scenario, Settings(contract=contract), merge=merge, keep_going=True)
    assert result.witnesses == set(map(str, range(18)))
    assert not result.held_back


@MERGE
@pytest.mark.parametrize("contract", ["stock", "stretched", "any"])
def test_all_orders_of_four_tasks(contract, merge):
    async def scenario():
        log = []

        async def child(name):
            await checkpoint()
            log.append(name)

        await asyncio.gather(*map(child, "abcd"))
        return "".join(log)

    if merge == "off" and contract != "stock":
        pytest.skip("too many schedules without merging")
    expected = {repr("".join(order)) for order in itertools.permutations("abcd")}
    assert outcomes(scenario, merge, contract=contract) == expected


@pytest.mark.parametrize(("tasks", "orders"), [(2, 4), (3, 30), (4, 336)])
def test_all_orders_of_a_lock_taken_twice(tasks, orders):
    async def scenario():
        lock = asyncio.Lock()
        log = []

        async def child(name):
            for _ in range(2):
                async with lock:
                    log.append(name)
                    await asyncio.sleep(0)

        await asyncio.gather(*map(child, "abcd"[:tasks]))
        return "".join(log)

    found = outcomes(scenario, contract="any")
    assert len(found) == orders
    assert {"".join(sorted(order)) for order in found} == {"".join(sorted(repr("abcd"[:tasks] * 2)))}


@MERGE
@pytest.mark.parametrize("tasks", [3, 4])
def test_all_orders_of_a_lock_taken_once(tasks, merge):
    async def scenario():
        lock = asyncio.Lock()
        log = []

        async def child(name):
            async with lock:
                log.append(name)
                await asyncio.sleep(0)

        await asyncio.gather(*map(child, "abcd"[:tasks]))
        return "".join(log)

    if merge == "off" and tasks == 4:
        pytest.skip("too many schedules without merging")
    assert len(outcomes(scenario, merge, contract="any")) == math.factorial(tasks)


# -- cancellations that are easy to miss -----------------------------------------------------------------------------


class ForgetfulSemaphore:
    """Hands a permit over by waking its first waiter; a waiter that is cancelled after it was woken loses the
    permit."""

    def __init__(self):
        self.value = 1
        self.waiters = []

    async def acquire(self):
        if self.value and not self.waiters:
            self.value -= 1
            return
        gate = asyncio.get_running_loop().create_future()
        self.waiters.append(gate)
        try:
            await gate
        finally:
            if gate in self.waiters:
                self.waiters.remove(gate)

    def release(self):
        for gate in self.waiters:
            if not gate.done():
                gate.set_result(None)
                return
        self.value += 1


def users_of_a_forgetful_semaphore():
    async def scenario():
        semaphore = ForgetfulSemaphore()

        async def user():
            await checkpoint()
            await semaphore.acquire()
            try:
                await checkpoint()
            finally:
                semaphore.release()

        await asyncio.gather(user(), user(), user(), return_exceptions=True)

    return scenario


@MERGE
@pytest.mark.parametrize("contract", ["stock", "any"])
def test_a_cancellation_of_a_task_that_was_woken_but_has_not_resumed(contract, merge):
    if merge == "off" and contract == "any":
        pytest.skip("too many schedules without merging")
    scenario = users_of_a_forgetful_semaphore()
    verdict = check(scenario, contract=contract, cancel=1, merge=merge)
    assert verdict.verdict == "violated"
    assert [violation.property for violation in verdict.violations] == ["no-deadlock"]
    assert verdict.violations[0].contract == "stock"


def test_without_a_cancellation_the_semaphore_does_not_forget():
    assert check(users_of_a_forgetful_semaphore(), contract="stock").verdict == "verified"


@MERGE
def test_a_second_cancellation_of_a_task_that_is_already_being_cancelled(merge):
    async def scenario():
        log = []

        async def child():
            try:
                await checkpoint()
            finally:
                await checkpoint()  # a second cancellation strikes here, and the clean-up is lost
                log.append("cleaned up")

        task = asyncio.create_task(child())
        await asyncio.gather(task, return_exceptions=True)
        return log

    assert outcomes(scenario, merge, cancel=1) == {"['cleaned up']", "[]"}

    async def started():
        log = []
        running = asyncio.Event()

        async def child():
            running.set()
            try:
                await checkpoint()
            except asyncio.CancelledError as error:
                log.append(error.args)
                await checkpoint()
            log.append("went on")

        task = asyncio.create_task(child())
        await asyncio.gather(task, return_exceptions=True)
        return log, task.cancelling()

    once = outcomes(started, merge, cancel=1)
    twice = outcomes(started, merge, cancel=2)
    assert "([('treadle',), 'went on'], 1)" in once
    assert "([('treadle',)], 2)" in twice - once


@MERGE
def test_a_second_cancellation_before_the_first_is_delivered(merge):
    async def scenario():
        async def child():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return asyncio.current_task().cancelling()

        task = asyncio.create_task(child())
        await asyncio.sleep(0)
        return await asyncio.gather(task, return_exceptions=True)

    result = explore(scenario, Settings(cancel=2), merge=merge, keep_going=True)
    assert "[1]" in result.outcomes
    assert "[2]" in result.outcomes, "both cancellations before the task has run again"
