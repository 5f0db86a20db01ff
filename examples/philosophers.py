"""Three philosophers, three forks: each takes the left one first, and sometimes all of them wait for ever."""

import asyncio

from treadle.checker import checkpoint

NAMES = ("Hypatia", "Kant", "Laozi")


class Fork(asyncio.Lock):
    pass


async def dine(first: Fork, second: Fork) -> None:
    async with first:
        await checkpoint()  # a word with the neighbour
        async with second:
            await checkpoint()  # eats


async def scenario_deadlock() -> None:
    forks = {name: Fork() for name in ("red", "green", "blue")}
    red, green, blue = forks.values()
    async with asyncio.TaskGroup() as table:
        for name, first, second in zip(NAMES, (red, green, blue), (green, blue, red), strict=True):
            table.create_task(dine(first, second), name=name)


async def scenario_in_order() -> None:
    """Everybody takes the forks in the same order."""
    red, green, blue = Fork(), Fork(), Fork()
    async with asyncio.TaskGroup() as table:
        for name, first, second in zip(NAMES, (red, green, red), (green, blue, blue), strict=True):
            table.create_task(dine(first, second), name=name)
