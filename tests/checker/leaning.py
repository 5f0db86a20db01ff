"""A program that leans on the order of the stock loop without knowing it."""

import asyncio


async def leans_on_a_bare_yield():
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
