"""Readers and a writer: readers who overlap keep the writer out for ever, and nothing is deadlocked.

    treadle check examples/readers.py

Each reader leaves again, every wait ends, and still the writer may wait for ever: a loop, which treadle shows as a
warning (`--strict` makes it count). In the second scenario nobody passes a writer who waits.
"""

import asyncio

from treadle.checker import checkpoint


class Page:
    """Many may read it, or one may write."""

    def __init__(self, writers_first: bool) -> None:
        self.writers_first = writers_first
        self.readers = 0
        self.unread = asyncio.Event()  # set when the last reader leaves
        self.written = asyncio.Event()

    async def read(self) -> None:
        if self.writers_first:
            await self.written.wait()
        self.readers += 1
        await checkpoint()
        self.readers -= 1
        if not self.readers:
            self.unread.set()

    async def write(self) -> None:
        while self.readers:
            self.unread.clear()
            await self.unread.wait()
        self.written.set()


async def library(page: Page) -> None:
    async def reader() -> None:
        while not page.written.is_set():
            await page.read()
            await checkpoint()  # does something else

    async with asyncio.TaskGroup() as group:
        group.create_task(reader(), name="alice")
        group.create_task(reader(), name="bob")
        group.create_task(page.write(), name="writer")


async def scenario_readers_first() -> None:
    await library(Page(writers_first=False))


async def scenario_writers_first() -> None:
    await library(Page(writers_first=True))
