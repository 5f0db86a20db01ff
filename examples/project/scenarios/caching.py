"""Two ask for the same value at the same time, and one of them may be cancelled."""

import asyncio

from service.cache import OldCache, SingleFlight

from treadle.checker import checkpoint

loads = 0


async def load(key: str) -> str:
    global loads
    loads += 1
    await checkpoint()  # the database
    return key.upper()


async def both_get_it(cache: SingleFlight | OldCache) -> None:
    tasks = [asyncio.create_task(cache.get("a"), name=name) for name in ("alice", "bob")]
    for task in tasks:
        await asyncio.wait([task])
        assert task.cancelled() or task.result() == "A"


async def scenario_one_load_for_all() -> None:
    await both_get_it(SingleFlight(load))
    assert loads <= 1, f"it was loaded {loads} times"


async def scenario_old_cache() -> None:
    await both_get_it(OldCache(load))
