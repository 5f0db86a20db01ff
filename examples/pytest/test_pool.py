"""Run it with `pytest examples/pytest`: the first pool fails, the second is verified."""

import asyncio

import pytest
from pool import MendedPool, Pool

from treadle.checker import checkpoint


@pytest.fixture(params=[Pool, MendedPool])
async def pool(request):
    pool = request.param(size=2)
    yield pool
    assert not pool.waiters


@pytest.mark.treadle(cancel=1)
async def test_no_connection_is_lost(pool):
    async def client():
        async with pool.connection():
            await checkpoint()  # a query

    tasks = [asyncio.create_task(client(), name=f"client {n}") for n in range(3)]
    await asyncio.wait(tasks)
    assert pool.free == 2
