"""Scenarios that go wrong on asyncio's own loop, and one for each that does not: what tests without treadle are written for."""

import asyncio

from treadle.checker import checkpoint, choose, fail, progress, scenario
from treadle.checker import checkpoint as outside_world

LIMIT = 2


class Pool:
    """Hands out connections; forgets one if its user is cancelled while it waits."""

    def __init__(self, size, careful):
        self.free = size
        self.careful = careful
        self.waiters = []

    async def take(self):
        if self.free:
            self.free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if self.careful and waiter.done() and not waiter.cancelled():
                self.give()
            raise

    def give(self):
        while self.waiters:
            waiter = self.waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return
        self.free += 1


async def use(pool):
    await pool.take()
    try:
        await checkpoint(maybe=True)
    finally:
        pool.give()


async def users(careful):
    pool = Pool(1, careful)
    await asyncio.gather(*(asyncio.create_task(use(pool), name=name) for name in "ab"), return_exceptions=True)
    await use(pool)


async def scenario_forgets_a_connection():
    await users(False)


async def scenario_passes_it_on():
    await users(True)


@scenario
async def too_many():
    """More than the limit are inside."""
    inside = 0

    async def enter():
        nonlocal inside
        if inside < LIMIT:
            await outside_world()
            inside += 1
            if inside > LIMIT:
                fail("assertion", f"{inside} are inside")

    await asyncio.gather(*(enter() for _ in range(LIMIT + choose(2))))


async def scenario_timeout_comes_first():
    answer = asyncio.get_running_loop().create_future()

    async def reply():
        await asyncio.sleep(1)
        answer.set_result("yes")

    async def ask():
        await asyncio.sleep(0.5)
        async with asyncio.timeout(0.75):
            return await answer

    replying = asyncio.create_task(reply())
    assert await ask() == "no", "the answer is yes"
    await replying


async def scenario_raises_in_a_callback():
    await checkpoint()
    asyncio.get_running_loop().call_soon([].pop)
    await checkpoint()


async def scenario_leaks():
    asyncio.create_task(checkpoint(), name="leaked")
    await asyncio.sleep(0)


async def scenario_with_a_job():
    log = []
    await asyncio.to_thread(log.append, 1)
    assert not log


WAITS = 2


async def run(tasks):
    done, _ = await asyncio.wait(tasks)
    assert len(done) < WAITS, "its own names"


async def scenario_has_names_of_its_own():
    await run([asyncio.create_task(checkpoint()) for _ in range(WAITS)])


FAIR = False  # whether what goes round for ever gets somewhere


async def scenario_spins():
    done = False

    async def finish():
        nonlocal done
        await checkpoint()
        done = bool(choose(2)) or FAIR

    async def wait():
        while not done:
            await asyncio.sleep(0)

    await asyncio.gather(finish(), wait())


async def library(ends):
    readers = 0
    unread = asyncio.Event()
    written = asyncio.Event()

    async def read():
        nonlocal readers
        while not written.is_set():
            readers += 1
            await checkpoint()
            readers -= 1
            if not readers:
                unread.set()
            await checkpoint()

    async def write():
        while not written.is_set():
            await checkpoint()
            while readers and not FAIR:
                unread.clear()
                await unread.wait()
            if ends:
                written.set()
            else:
                progress("writer")

    await asyncio.gather(read(), read(), write())


async def scenario_starves():
    await library(True)


async def scenario_need_not_get_on():
    await library(False)
