"""Scenarios that go wrong, each in a way of its own; what traces are tested on."""

import asyncio
import weakref

from treadle.checker import checkpoint, choose, progress

SHARED = asyncio.Lock()


async def _take_both(first, second):
    async with first:
        await checkpoint()
        async with second:
            pass


async def deadlock():
    red, blue = asyncio.Lock(), asyncio.Lock()
    await asyncio.gather(asyncio.create_task(_take_both(red, blue), name="alice"), asyncio.create_task(_take_both(blue, red), name="bob"))


async def left_holding():
    """A task ends without giving the lock back."""
    lock = asyncio.Lock()

    async def careless():
        await lock.acquire()

    async def patient():
        await asyncio.sleep(0)
        async with lock:
            pass

    async with asyncio.TaskGroup() as group:
        group.create_task(careless(), name="careless")
        group.create_task(patient(), name="patient")


class Account:
    def __init__(self):
        self.balance = 0

    async def deposit(self, amount):
        before = self.balance
        await checkpoint()
        self.balance = before + amount


async def lost_update():
    account = Account()
    async with asyncio.TaskGroup() as group:
        group.create_task(account.deposit(1), name="alice")
        group.create_task(account.deposit(2), name="bob")
    assert account.balance == 3, f"the balance is {account.balance}"


async def queue():
    """Calls inside of calls, a timer, somebody who waits at a queue."""
    queue = asyncio.Queue(1)

    async def produce():
        for number in range(2):
            await queue.put(number)

    async def consume():
        assert await queue.get() == 0
        await asyncio.sleep(1)
        raise ValueError("no more")

    async with asyncio.TaskGroup() as group:
        group.create_task(produce(), name="producer")
        group.create_task(consume(), name="consumer")


async def order_matters():
    """Breaks only if the second completes first, and then only with one of two inputs."""
    done = []

    async def work(name):
        await checkpoint()
        done.append(name)

    last = choose(2)
    await asyncio.gather(asyncio.create_task(work("first"), name="first"), asyncio.create_task(work("second"), name="second"))
    assert last == 0 or done == ["first", "second"], "out of order"


async def input_last():
    """Breaks in one of two orders, with one of two inputs that comes after them."""
    done = []

    async def work(name):
        await checkpoint()
        done.append(name)

    await asyncio.gather(asyncio.create_task(work("first"), name="first"), asyncio.create_task(work("second"), name="second"))
    assert choose(2) == 0 or done == ["first", "second"], "out of order"


class Turnstile:
    """Two at a time; who comes third is told so, and does not wait."""

    def __init__(self):
        self.inside = 0

    async def acquire(self):
        if self.inside == 2:
            return False
        self.inside += 1
        return True

    def release(self):
        self.inside -= 1


async def turnstile():
    gate = Turnstile()

    async def pass_through():
        if await gate.acquire():
            await checkpoint()
            gate.release()

    async with asyncio.TaskGroup() as group:
        for name in ("anna", "ben", "cleo"):
            group.create_task(pass_through(), name=name)
    raise ValueError(gate.inside)


async def global_lock():
    """Uses what no variable of a frame names."""
    async with SHARED:
        await checkpoint()
        raise ValueError("with the lock held")


class Mailbox:
    """A future of its own, and no method that looks like a lock's."""

    def __init__(self):
        self.slot = None

    async def fetch(self):
        self.slot = asyncio.get_running_loop().create_future()
        return await self.slot

    def deliver(self, letter):
        self._hand_over(letter)

    def _hand_over(self, letter):
        self.slot.set_result(letter)


async def mailbox():
    box = Mailbox()

    async def read():
        letter = await box.fetch()
        raise LookupError(letter)

    async def write():
        await checkpoint()
        box.deliver("dear reader")

    async with asyncio.TaskGroup() as group:
        group.create_task(read(), name="reader")
        group.create_task(write(), name="writer")


async def swallows():
    """Catches one error while another is on its way out, and raises that again without naming it."""

    class Door:
        async def close(self):
            try:
                raise LookupError("the outer one")
            except LookupError:
                try:
                    raise ValueError("the inner one")
                except ValueError:
                    await asyncio.sleep(0)
                raise

    async def walk(door):
        await door.close()

    await asyncio.create_task(walk(Door()), name="walker")


async def looks_at_deaths():
    """Whether an object is dead in the very step in which it dies decides what happens."""

    class Thing:
        pass

    thing = Thing()
    gone = weakref.ref(thing)
    await checkpoint()
    thing = None
    raise ValueError("dead" if gone() is None else "alive")


async def raises_again():
    """The task itself catches, waits, and raises again without naming what."""
    try:
        raise LookupError("first")
    except LookupError:
        await checkpoint()
        raise


async def many_tasks():
    async def work():
        await checkpoint()

    await asyncio.gather(*(asyncio.create_task(work(), name=f"worker-{number}") for number in range(6)))
    raise ValueError("after all of them")


async def livelock():
    """Goes on for ever once the flag has not been set."""
    stop = False

    async def spin():
        while not stop:
            await asyncio.sleep(0)

    async def set_flag():
        nonlocal stop
        await checkpoint()
        stop = bool(choose(2))

    await asyncio.gather(asyncio.create_task(spin(), name="spinner"), asyncio.create_task(set_flag(), name="setter"))


class Room:
    def __init__(self):
        self.readers = 0


async def starvation():
    """Two readers who take turns keep a writer out; who goes round goes round in several steps."""
    room = Room()
    free = asyncio.Condition()

    async def read():
        while True:
            room.readers += 1
            await checkpoint()
            room.readers -= 1
            async with free:
                free.notify_all()
            await checkpoint()

    async def write():
        while True:
            await checkpoint()
            async with free:
                await free.wait_for(lambda: room.readers == 0)
            progress("writer")

    async with asyncio.TaskGroup() as group:
        for name in ("anna", "ben"):
            group.create_task(read(), name=name)
        group.create_task(write(), name="writer")


async def half_deadlock():
    """Two wait for each other for ever, and nobody is told, since a third goes on."""
    red, blue = asyncio.Lock(), asyncio.Lock()

    async def tick():
        while True:
            await asyncio.sleep(1)

    ticker = asyncio.create_task(tick(), name="ticker")
    second = (blue, red) if choose(2) else (red, blue)
    await asyncio.gather(asyncio.create_task(_take_both(red, blue), name="alice"), asyncio.create_task(_take_both(*second), name="bob"))
    ticker.cancel()


async def only_callbacks():
    """No task runs in the loop."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    last = choose(2)

    def again():
        if last:
            loop.call_soon(again)
        else:
            done.set_result(None)

    again()
    await done
