"""A semaphore that knows how many permits were out at most, for the service's statistics.

`treadle verify` holds it to what asyncio's documentation promises of one.
"""

import asyncio


class Semaphore(asyncio.Semaphore):
    def __init__(self, value: int = 1) -> None:
        super().__init__(value)
        self.out = 0
        self.most = 0

    async def acquire(self) -> bool:
        result = await super().acquire()
        self.out += 1
        self.most = max(self.most, self.out)
        return result

    def release(self) -> None:
        super().release()
        self.out -= 1
