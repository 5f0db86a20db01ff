"""Three come at once where one may enter a second."""

import asyncio
from itertools import pairwise

from service.limiter import HastyLimiter, RateLimiter


async def all_enter(limiter: RateLimiter) -> None:
    entries = sorted(await asyncio.gather(*(limiter.enter() for _ in range(3))))
    gaps = [later - earlier for earlier, later in pairwise(entries)]
    assert min(gaps) >= 1, f"two entered within {min(gaps):g} s"


async def scenario_one_a_second() -> None:
    await all_enter(RateLimiter(1, 1.0))


async def hasty() -> None:  # `treadle check scenarios/limiting.py::hasty`
    await all_enter(HastyLimiter(1, 1.0))
