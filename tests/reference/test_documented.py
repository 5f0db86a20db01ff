"""What the documentation says of each primitive, sentence by sentence; asyncio's own must agree with the reference."""

import asyncio

import pytest
from driving import drive

from treadle import reference

BOTH = pytest.mark.parametrize("kit", [asyncio, reference], ids=["asyncio", "reference"])
LOCKLIKE = pytest.mark.parametrize("name", ["Lock", "Condition", "Semaphore", "BoundedSemaphore"])
SEMAPHORES = pytest.mark.parametrize("name", ["Semaphore", "BoundedSemaphore"])


async def turns(n=5):
    """Let the loop turn a few times, so that everything that can run has run."""
    for _ in range(n):
        await asyncio.sleep(0)


def started(*coroutines):
    return [asyncio.create_task(coroutine) for coroutine in coroutines]


@BOTH
@LOCKLIKE
def test_acquire_locks_and_returns_true_and_release_unlocks(kit, name):
    async def main():
        primitive = getattr(kit, name)()
        assert primitive.locked() is False
        assert await primitive.acquire() is True
        assert primitive.locked() is True
        assert primitive.release() is None
        assert primitive.locked() is False

    drive(main())


@BOTH
@LOCKLIKE
def test_acquire_waits_for_release_and_then_returns_true(kit, name):
    async def main():
        primitive = getattr(kit, name)()
        await primitive.acquire()
        [waiter] = started(primitive.acquire())
        await turns()
        assert not waiter.done()
        primitive.release()
        await turns()
        assert waiter.done()
        assert waiter.result() is True
        assert primitive.locked() is True

    drive(main())


@BOTH
@LOCKLIKE
def test_a_release_lets_one_waiter_proceed_and_it_is_the_first(kit, name):
    async def main():
        primitive = getattr(kit, name)()
        order = []

        async def client(i):
            await primitive.acquire()
            order.append(i)

        await primitive.acquire()
        waiters = started(*(client(i) for i in range(4)))
        await turns()
        seen = []
        for _ in waiters:
            primitive.release()
            await turns()
            seen.append(list(order))
        assert seen == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]

    drive(main())


@BOTH
@LOCKLIKE
def test_async_with_holds_for_the_block_and_binds_none(kit, name):
    async def main():
        primitive = getattr(kit, name)()
        async with primitive as bound:
            assert bound is None
            assert primitive.locked()
        assert not primitive.locked()
        with pytest.raises(ZeroDivisionError):
            async with primitive:
                1 / 0
        assert not primitive.locked()

    drive(main())


@BOTH
@LOCKLIKE
def test_async_with_releases_when_its_block_is_cancelled(kit, name):
    async def main():
        primitive = getattr(kit, name)()

        async def client():
            async with primitive:
                await asyncio.Event().wait()

        [task] = started(client())
        await turns()
        assert primitive.locked()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert not primitive.locked()

    drive(main())


@BOTH
@pytest.mark.parametrize("name", ["Lock", "Condition"])
def test_releasing_what_is_unlocked_raises_runtime_error_and_changes_nothing(kit, name):
    async def main():
        primitive = getattr(kit, name)()
        with pytest.raises(RuntimeError):
            primitive.release()
        assert primitive.locked() is False
        await primitive.acquire()
        assert primitive.locked() is True

    drive(main())


@BOTH
def test_event_is_false_at_first_and_set_and_clear_switch_it(kit):
    async def main():
        event = kit.Event()
        assert event.is_set() is False
        assert event.set() is None
        assert event.is_set() is True
        assert event.clear() is None
        assert event.is_set() is False

    drive(main())


@BOTH
def test_waiting_for_a_set_event_returns_true_without_suspending(kit):
    async def main():
        event = kit.Event()
        event.set()
        with pytest.raises(StopIteration) as stop:
            event.wait().send(None)
        assert stop.value.value is True

    drive(main())


@BOTH
def test_set_wakes_all_who_wait_in_their_order_even_if_clear_follows_at_once(kit):
    async def main():
        event = kit.Event()
        order = []

        async def client(i):
            assert await event.wait() is True
            order.append(i)

        clients = started(*(client(i) for i in range(3)))
        await turns()
        event.set()
        event.clear()
        [late] = started(client(99))
        await turns()
        assert order == [0, 1, 2]
        assert all(task.done() for task in clients)
        assert not late.done()
        event.set()
        await turns()
        assert order == [0, 1, 2, 99]

    drive(main())


@BOTH
@pytest.mark.parametrize("action", ["wait", "notify", "notify_all", "wait_for"])
def test_a_condition_asks_for_its_lock(kit, action):
    async def main():
        condition = kit.Condition()
        with pytest.raises(RuntimeError):
            if action == "wait":
                await condition.wait()
            elif action == "wait_for":
                await condition.wait_for(lambda: False)
            else:
                getattr(condition, action)()
        assert not condition.locked()
        async with condition:
            condition.notify()  # nobody waits: nothing happens, then or later

    drive(main())


@BOTH
def test_wait_frees_the_lock_and_holds_it_again_when_it_returns_true(kit):
    async def main():
        condition = kit.Condition()
        returned = []

        async def client():
            await condition.acquire()
            returned.append(await condition.wait())
            returned.append(condition.locked())

        [task] = started(client())
        await turns()
        assert not condition.locked()
        async with condition:
            condition.notify()
            await turns()
            assert returned == []
        await turns()
        assert task.done()
        assert returned == [True, True]
        assert condition.locked()

    drive(main())


@BOTH
@pytest.mark.parametrize(
    ("n", "expected"), [(0, []), (None, [0]), (1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (7, [0, 1, 2]), ("all", [0, 1, 2])]
)
def test_notify_wakes_at_most_n_in_their_order(kit, n, expected):
    async def main():
        condition = kit.Condition()
        order = []

        async def client(i):
            async with condition:
                await condition.wait()
                order.append(i)

        clients = started(*(client(i) for i in range(3)))
        await turns()
        async with condition:
            if n == "all":
                assert condition.notify_all() is None
            elif n is None:
                assert condition.notify() is None
            else:
                assert condition.notify(n) is None
        await turns(10)
        assert order == expected
        assert [task.done() for task in clients] == [i in expected for i in range(3)]

    drive(main())


@BOTH
def test_a_notification_that_nobody_waits_for_is_not_kept(kit):
    async def main():
        condition = kit.Condition()
        async with condition:
            condition.notify_all()

        async def client():
            async with condition:
                await condition.wait()

        [task] = started(client())
        await turns(10)
        assert not task.done()

    drive(main())


@BOTH
def test_wait_for_waits_until_the_predicate_is_true_and_returns_its_last_value(kit):
    async def main():
        condition = kit.Condition()
        values = [0, [], "", "done"]

        async def client():
            async with condition:
                return await condition.wait_for(lambda: values.pop(0))

        [task] = started(client())
        for left in (3, 2, 1):
            await turns()
            assert len(values) == left
            async with condition:
                condition.notify()
        await turns()
        assert task.result() == "done"
        assert not condition.locked()

    drive(main())


@BOTH
def test_wait_for_asks_the_predicate_once_if_it_is_true_and_lets_its_error_out(kit):
    async def main():
        condition = kit.Condition()
        async with condition:
            values = ["once"]
            assert await condition.wait_for(values.pop) == "once"
            with pytest.raises(IndexError):
                await condition.wait_for(values.pop)
            assert condition.locked()

    drive(main())


@BOTH
def test_conditions_may_share_a_lock(kit):
    async def main():
        lock = kit.Lock()
        full, empty = kit.Condition(lock), kit.Condition(lock)
        order = []

        async def client(condition, label):
            async with condition:
                await condition.wait()
                order.append(label)

        started(client(full, "full"), client(empty, "empty"))
        await turns()
        async with lock:
            assert full.locked()
            assert empty.locked()
            empty.notify_all()
        await turns()
        assert order == ["empty"]
        async with empty:
            full.notify()
        await turns()
        assert order == ["empty", "full"]

    drive(main())


@BOTH
@SEMAPHORES
def test_the_counter_is_taken_down_to_zero_and_no_further(kit, name):
    async def main():
        semaphore = getattr(kit, name)(2)
        for locked_afterwards in (False, True):
            with pytest.raises(StopIteration) as stop:  # at once: the coroutine returns without suspending
                semaphore.acquire().send(None)
            assert stop.value.value is True
            assert semaphore.locked() is locked_afterwards
        [waiter] = started(semaphore.acquire())
        await turns()
        assert not waiter.done()
        semaphore.release()
        assert await waiter is True
        assert semaphore.locked() is True

    drive(main())


@BOTH
@SEMAPHORES
def test_a_semaphore_starts_at_zero_or_more(kit, name):
    async def main():
        with pytest.raises(ValueError):
            getattr(kit, name)(-1)
        with pytest.raises(ValueError):
            getattr(kit, name)(value=-1)
        assert getattr(kit, name)(0).locked() is True
        assert getattr(kit, name)(value=1).locked() is False

    drive(main())


@BOTH
def test_a_semaphore_may_be_released_more_often_than_acquired(kit):
    async def main():
        semaphore = kit.Semaphore(0)
        semaphore.release()
        semaphore.release()
        await semaphore.acquire()
        assert semaphore.locked() is False
        await semaphore.acquire()
        assert semaphore.locked() is True

    drive(main())


@BOTH
@pytest.mark.parametrize("value", [0, 1, 3])
def test_a_bounded_semaphore_refuses_one_release_too_many_and_stays_as_it_was(kit, value):
    async def main():
        semaphore = kit.BoundedSemaphore(value)
        with pytest.raises(ValueError):
            semaphore.release()
        for _ in range(value):
            await semaphore.acquire()
        assert semaphore.locked()
        for _ in range(value):
            semaphore.release()
        with pytest.raises(ValueError):
            semaphore.release()

    drive(main())


def test_releases_up_to_the_bound_go_to_waiters_first():
    async def main():
        semaphore = reference.BoundedSemaphore(1)
        await semaphore.acquire()
        [waiter] = started(semaphore.acquire())
        await turns()
        semaphore.release()
        # Handed over, not free: the bound isn't reached, although the waiter hasn't run yet.
        assert semaphore.locked()
        await turns()
        assert waiter.done()
        semaphore.release()
        with pytest.raises(ValueError):
            semaphore.release()

    drive(main())


@BOTH
@LOCKLIKE
def test_wait_for_with_a_timeout_never_both_times_out_and_holds(kit, name):
    async def main(released_after):
        primitive = getattr(kit, name)()
        await primitive.acquire()

        async def client():
            try:
                return await asyncio.wait_for(primitive.acquire(), 0)
            except TimeoutError:
                return False

        [task] = started(client())
        await turns(released_after)
        primitive.release()
        acquired = await task
        assert primitive.locked() is acquired

    for released_after in range(6):
        drive(main(released_after))


@pytest.mark.parametrize("lock", [42, "lock", object(), asyncio.Lock(), reference.Semaphore(), reference.Condition()])
def test_a_condition_refuses_what_is_not_a_lock(lock):
    with pytest.raises(TypeError, match=r"takes a treadle\.reference\.Lock, or None"):
        reference.Condition(lock)


def test_a_condition_takes_a_subclass_of_lock_and_gives_and_takes_it_in_pairs():
    class Counting(reference.Lock):
        balance = 0

        async def acquire(self):
            result = await super().acquire()
            self.balance += 1
            return result

        def release(self):
            self.balance -= 1
            super().release()

    async def main():
        lock = Counting()
        condition = reference.Condition(lock)

        async def client():
            async with condition:
                await condition.wait()

        [task] = started(client())
        await turns()
        async with condition:
            condition.notify()
        await task
        assert lock.balance == 0

    drive(main())


@LOCKLIKE
def test_subclasses_keep_what_they_add(name):
    class Named(getattr(reference, name)):
        def __init__(self, label, **options):
            super().__init__(**options)
            self.label = label
            self.entered = 0

        async def acquire(self):
            self.entered += 1
            return await super().acquire()

    async def main():
        primitive = Named("mine", loop=asyncio.get_running_loop())
        async with primitive:
            pass
        assert (primitive.label, primitive.entered, primitive.locked()) == ("mine", 1, False)
        assert "Named object at" in repr(primitive)

    drive(main())
