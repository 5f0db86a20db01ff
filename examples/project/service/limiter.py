"""A rate limiter: at most `limit` entries in any `period` seconds."""

import asyncio
from collections import deque


class RateLimiter:
    def __init__(self, limit: int, period: float) -> None:
        self._limit = limit
        self._period = period
        self._entries: deque[float] = deque(maxlen=limit)

    async def enter(self) -> float:
        loop = asyncio.get_running_loop()
        while (delay := self._delay(loop.time())) > 0:  # looks again after every wait: others have woken as well
            await asyncio.sleep(delay)
        self._entries.append(loop.time())
        return self._entries[-1]

    def _delay(self, now: float) -> float:
        return self._entries[0] + self._period - now if len(self._entries) == self._limit else 0.0


class HastyLimiter(RateLimiter):
    """Waits once, and then goes on: all who waited for the same moment go on at that moment."""

    async def enter(self) -> float:
        loop = asyncio.get_running_loop()
        delay = self._delay(loop.time())
        if delay > 0:
            await asyncio.sleep(delay)
        self._entries.append(loop.time())
        return self._entries[-1]
