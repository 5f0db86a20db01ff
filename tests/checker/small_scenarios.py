"""Small scenarios that several test modules explore."""

import asyncio

from treadle.checker import checkpoint


async def lost_update():
    """Breaks under every contract."""
    total = 0

    async def add():
        nonlocal total
        found = total
        await checkpoint()
        total = found + 1

    await asyncio.gather(add(), add())
    assert total == 2, f"an update was lost: {total}"


async def leans_on_a_bare_yield():
    """Breaks where a sleep(0) takes its time."""
    total = 0

    async def add():
        nonlocal total
        found = total
        await asyncio.sleep(0)
        total = found + 1

    async def later():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await add()

    await asyncio.gather(add(), later())
    assert total == 2
