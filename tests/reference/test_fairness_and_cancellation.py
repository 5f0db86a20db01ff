"""The two rules of the reference: nobody overtakes, and no promise is broken by a cancellation, at whatever moment it comes."""

import asyncio

import pytest
from driving import drive

from treadle import reference

LOCKLIKE = pytest.mark.parametrize("name", ["Lock", "Condition", "Semaphore", "BoundedSemaphore"])
MOMENTS = pytest.mark.parametrize("moment", range(12))


async def turns(n=5):
    for _ in range(n):
        await asyncio.sleep(0)


async def outcome(task):
    await asyncio.wait([task])
    return "cancelled" if task.cancelled() else task.result()


@LOCKLIKE
def test_a_newcomer_does_not_overtake_a_woken_waiter(name):
    async def main():
        primitive = getattr(reference, name)()
        order = []

        async def client(i):
            async with primitive:
                order.append(i)

        await primitive.acquire()
        waiter = asyncio.create_task(client("waiter"))
        await turns()
        primitive.release()
        assert primitive.locked()  # handed over: spoken for, although the waiter hasn't run yet
        await client("newcomer")
        assert order == ["waiter", "newcomer"]
        assert waiter.done()

    drive(main())


def test_a_newcomer_does_not_overtake_who_was_notified():
    async def main():
        condition = reference.Condition()
        order = []

        async def sleeper():
            async with condition:
                await condition.wait()
                order.append("notified")

        asyncio.create_task(sleeper())
        await turns()
        async with condition:
            condition.notify()
        async with condition:
            order.append("newcomer")
        assert order == ["notified", "newcomer"]

    drive(main())


@LOCKLIKE
def test_the_next_waiter_gets_what_was_handed_to_a_cancelled_one(name):
    async def main():
        primitive = getattr(reference, name)()
        await primitive.acquire()
        first, second, third = (asyncio.create_task(primitive.acquire()) for _ in range(3))
        await turns()
        primitive.release()
        first.cancel("woken, not yet resumed")
        with pytest.raises(asyncio.CancelledError, match="woken, not yet resumed"):
            await first
        assert await second is True
        assert not third.done()
        third.cancel()
        await asyncio.wait([third])
        primitive.release()
        assert not primitive.locked()
        assert "waiters" not in repr(primitive)

    drive(main())


@LOCKLIKE
def test_no_turn_is_lost_on_a_waiter_that_was_cancelled_first(name):
    async def main():
        primitive = getattr(reference, name)()
        await primitive.acquire()
        first, second = (asyncio.create_task(primitive.acquire()) for _ in range(2))
        await turns()
        first.cancel()
        primitive.release()
        await turns(1)
        assert second.done()
        assert await outcome(first) == "cancelled"
        assert primitive.locked()

    drive(main())


@LOCKLIKE
@MOMENTS
def test_whenever_a_client_is_cancelled_the_others_are_served_in_order(name, moment):
    async def main(victim):
        primitive = getattr(reference, name)()
        order = []

        async def client(i):
            async with primitive:
                order.append(i)
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(client(i)) for i in range(4)]
        await turns(moment)
        struck = tasks[victim].cancel("now")
        await turns(20)
        assert all(task.done() for task in tasks)
        assert order == sorted(order)
        assert {0, 1, 2, 3} - {victim} <= set(order)
        if struck:
            with pytest.raises(asyncio.CancelledError, match="now"):
                await tasks[victim]
        assert not primitive.locked()
        assert "waiters" not in repr(primitive)

    for victim in range(4):
        drive(main(victim))


@MOMENTS
def test_a_cancelled_event_waiter_leaves_no_trace(moment):
    async def main():
        event = reference.Event()
        tasks = [asyncio.create_task(event.wait()) for _ in range(3)]
        await turns(moment)
        event.set() if moment % 2 else None
        tasks[1].cancel("now")
        await asyncio.wait([tasks[1]])
        event.set()
        event.clear()
        assert [await tasks[0], await tasks[2]] == [True, True]
        assert "waiters" not in repr(event)

    drive(main())


@MOMENTS
@pytest.mark.parametrize("again", range(4), ids="again after {}".format)
def test_whenever_a_wait_is_cancelled_it_holds_the_lock_and_its_notification_passes_on(moment, again):
    async def main():
        condition = reference.Condition()
        held, woken = [], []

        async def client(i):
            async with condition:
                try:
                    await condition.wait()
                    woken.append(i)
                finally:
                    assert condition.locked()
                    held.append(i)
                    assert len(held) == 1
                    await asyncio.sleep(0)
                    held.pop()

        async def notifier():
            async with condition:
                await turns(2)
                condition.notify()
                await turns(3)

        tasks = [asyncio.create_task(client(i)) for i in range(3)]
        await turns(2)
        other = asyncio.create_task(notifier())
        await turns(moment)
        inside = not tasks[0].done() and 0 not in woken
        tasks[0].cancel("first")
        await turns(again)
        tasks[0].cancel("later")
        await turns(20)
        assert other.done()
        if inside:
            assert tasks[0].cancelled()
            assert woken == [1]
        else:
            assert woken == [0]
        assert not condition.locked()
        for task in tasks:
            task.cancel()
        await turns(20)
        assert all(task.done() for task in tasks)

    drive(main())


def test_a_cancelled_wait_raises_the_first_cancellation_however_many_follow():
    async def main():
        condition = reference.Condition()

        async def client():
            async with condition:
                await condition.wait()

        task = asyncio.create_task(client())
        await turns()
        await condition.acquire()
        for message in "abc":
            task.cancel(message)
            await turns()
            assert not task.done()
        condition.release()
        with pytest.raises(asyncio.CancelledError) as error:
            await task
        assert error.value.args == ("a",)
        assert not condition.locked()

    drive(main())


def test_who_must_have_the_lock_again_keeps_its_place_when_cancelled():
    async def main():
        condition = reference.Condition()
        order = []

        async def sleeper():
            async with condition:
                try:
                    await condition.wait()
                finally:
                    order.append("sleeper")

        async def newcomer():
            async with condition:
                order.append("newcomer")

        task = asyncio.create_task(sleeper())
        await turns()
        await condition.acquire()
        condition.notify()
        other = asyncio.create_task(newcomer())
        await turns()
        task.cancel()
        condition.release()  # between the cancellation and its arrival
        await asyncio.wait([task, other])
        assert order == ["sleeper", "newcomer"]

    drive(main())


def test_a_notification_whose_receiver_is_cancelled_evaporates_if_nobody_else_waits():
    async def main():
        condition = reference.Condition()
        first = asyncio.create_task(sleeper(condition))
        await turns()
        async with condition:
            condition.notify()
            first.cancel()
        assert await outcome(first) == "cancelled"
        late = asyncio.create_task(sleeper(condition))
        await turns()
        assert not late.done()
        assert not condition.locked()
        late.cancel()
        await asyncio.wait([late])

    async def sleeper(condition):
        async with condition:
            return await condition.wait()

    drive(main())


@pytest.mark.parametrize("name", ["Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore"])
def test_at_rest_a_primitive_is_as_it_was_at_first_and_keeps_nobody(name):
    """No public method shows a place that was left behind, but a model checker and the memory do."""

    def state(primitive):
        return [
            list(value) if name == "_queue" else state(value) if name == "_lock" else value
            for name, value in vars(primitive).items()
        ]

    async def main():
        primitive = getattr(reference, name)(loop=asyncio.get_running_loop())
        at_first = state(primitive)

        async def asleep():
            async with primitive:
                await primitive.wait()

        if name == "Event":
            client = primitive.wait
        elif name == "Condition":
            client = asleep
        else:
            await primitive.acquire()
            client = primitive.acquire
        tasks = [asyncio.create_task(client()) for _ in range(3)]
        await turns()
        assert repr(primitive).endswith(", waiters:3]>")
        for task in tasks:
            task.cancel()
        await turns()
        if name not in ("Event", "Condition"):
            primitive.release()
        assert all(task.done() for task in tasks)
        assert state(primitive) == at_first

    drive(main())


@LOCKLIKE
@pytest.mark.parametrize("served", [False, True])
def test_a_waiter_whose_coroutine_is_destroyed_gives_up_its_place(name, served):
    async def main():
        primitive = getattr(reference, name)()
        await primitive.acquire()
        coroutine = primitive.acquire()
        future = coroutine.send(None)
        if served:
            primitive.release()
            assert future.done()
        coroutine.close()
        if not served:
            primitive.release()
        assert not primitive.locked()
        assert "waiters" not in repr(primitive)

    drive(main())


@pytest.mark.parametrize("notified", [False, True])
@pytest.mark.parametrize("lock_is_free", [False, True])
def test_a_wait_whose_coroutine_is_destroyed_doesnt_wait_and_passes_its_notification_on(notified, lock_is_free):
    async def main():
        condition = reference.Condition()
        await condition.acquire()
        coroutine = condition.wait()
        coroutine.send(None)

        async def sleeper():
            async with condition:
                return await condition.wait()

        other = asyncio.create_task(sleeper())
        await turns()
        if notified or not lock_is_free:
            await condition.acquire()
        if notified:
            condition.notify()
            if lock_is_free:
                condition.release()
        coroutine.close()
        assert condition.locked()
        condition.release()
        await turns()
        assert other.done() is notified
        assert not condition.locked()
        other.cancel()
        await asyncio.wait([other])

    drive(main())


def test_destroying_a_wait_that_is_already_cancelled_takes_it_out_of_line():
    async def main():
        condition = reference.Condition()
        await condition.acquire()
        coroutine = condition.wait()
        coroutine.send(None)
        await condition.acquire()
        coroutine.throw(asyncio.CancelledError())
        coroutine.close()
        condition.release()
        assert not condition.locked()

    drive(main())
