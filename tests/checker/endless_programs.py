"""Programs that go on for ever, or seem to, which several tests of `progress` share."""

import asyncio

from treadle.checker import checkpoint, choose
from treadle.checker.runtime import expect_progress, progress


async def a_flag_that_nobody_raises():
    stop = False

    async def spinner():
        while not stop:
            await asyncio.sleep(0)

    async def stopper():
        nonlocal stop
        await checkpoint()
        if choose(2):
            stop = True

    await asyncio.gather(spinner(), stopper())


def readers(*, claim=False, forever=False):
    async def scenario():
        reading = 0
        free = asyncio.Condition()
        written = False

        async def reader():
            nonlocal reading
            while not written:
                reading += 1
                await checkpoint()
                reading -= 1
                async with free:
                    free.notify_all()
                await checkpoint()

        async def writer():
            nonlocal written
            while not written:
                await checkpoint()
                async with free:
                    await free.wait_for(lambda: reading == 0)
                    written = not forever
                    if claim:
                        progress("writer")

        async with asyncio.TaskGroup() as group:
            group.create_task(reader(), name="R1")
            group.create_task(reader(), name="R2")
            task = group.create_task(writer(), name="W")
            if claim:
                expect_progress("writer", task)

    return scenario


async def a_spin_that_misses():
    """Two that go round and look at each other: whether they ever meet is a matter of chance, or of nobody."""
    up = False

    async def flicker():
        nonlocal up
        while True:
            up = True
            await checkpoint()
            up = False
            await checkpoint()

    async def watch():
        while not up:
            await checkpoint()

    task = asyncio.create_task(flicker())
    await watch()
    task.cancel()


async def a_heartbeat_beside_a_wait():
    async def beat():
        while True:
            await checkpoint()

    task = asyncio.create_task(beat())
    await checkpoint()
    task.cancel()


async def a_poll_beside_a_wait():
    done = False

    async def poll():
        while not done:
            await asyncio.sleep(1)

    async def setter():
        nonlocal done
        await checkpoint()
        done = True

    await asyncio.gather(poll(), setter())


async def a_spin_while_a_timer_is_pending():
    """Only a virtual clock stands still here."""
    done = False

    async def spin():
        await checkpoint()
        while not done:
            await asyncio.sleep(0)

    async def setter():
        nonlocal done
        await asyncio.sleep(1)
        done = True

    await asyncio.gather(spin(), setter())


async def for_ever():
    while True:
        await checkpoint()


def clients(fair):
    """Two clients of a lock for ever, or of a flag that is tried for again and again."""

    async def scenario():
        lock = asyncio.Lock()
        taken = False

        async def with_lock(name):
            while True:
                async with lock:
                    progress(name)
                    await checkpoint()

        async def with_flag(name):
            nonlocal taken
            while True:
                while taken:
                    await checkpoint()
                taken = True
                progress(name)
                await checkpoint()
                taken = False
                await checkpoint()

        client = with_lock if fair else with_flag
        await asyncio.gather(client("a"), client("b"))

    return scenario
