"""A cache that loads a value once, however many ask for it at the same time."""

import asyncio
from collections.abc import Awaitable, Callable


class SingleFlight:
    """The load runs in a task of its own, which nobody who asks can cancel."""

    def __init__(self, load: Callable[[str], Awaitable[str]]) -> None:
        self._load = load
        self._flights: dict[str, asyncio.Task[str]] = {}

    async def get(self, key: str) -> str:
        if key not in self._flights:
            self._flights[key] = asyncio.create_task(self._fetch(key), name=f"load {key}")
        return await asyncio.shield(self._flights[key])

    async def _fetch(self, key: str) -> str:
        return await self._load(key)


class OldCache:
    """The one who comes first loads for all. If it is cancelled meanwhile, all others wait for ever."""

    def __init__(self, load: Callable[[str], Awaitable[str]]) -> None:
        self._load = load
        self._values: dict[str, asyncio.Future[str]] = {}

    async def get(self, key: str) -> str:
        if key in self._values:
            return await asyncio.shield(self._values[key])
        future = self._values[key] = asyncio.get_running_loop().create_future()
        value = await self._load(key)
        future.set_result(value)
        return value
