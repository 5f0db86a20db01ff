"""One connection, three who want it, and one of them may be cancelled at any moment."""

import asyncio

from service.pool import LeakyPool, Pool

from treadle.checker import checkpoint, witness


async def use(pool: Pool) -> None:
    if not pool.idle:
        witness("somebody waited for a connection")
    connection = await pool.acquire()
    try:
        await checkpoint()  # the query
    finally:
        pool.release(connection)


async def everybody_uses(pool: Pool) -> None:
    tasks = [asyncio.create_task(use(pool), name=name) for name in ("alice", "bob", "carol")]
    await asyncio.wait(tasks)
    assert pool.idle == 1, f"{pool.idle} connections are idle when nobody uses any"


async def scenario_connections_come_back() -> None:
    await everybody_uses(Pool(["only"]))


async def leaky() -> None:  # no scenario of the gate's: it is here to be seen failing, `treadle check scenarios/pooling.py::leaky`
    await everybody_uses(LeakyPool(["only"]))
