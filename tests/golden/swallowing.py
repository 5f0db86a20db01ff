"""A semaphore that loses the permit of a waiter which is cancelled after it was served: what golden reports are made of."""

import asyncio
from collections import deque


class Semaphore:
    def __init__(self, value=1):
        self._value = value
        self._waiting = deque()

    def locked(self):
        return self._value == 0 or bool(self._waiting)

    async def acquire(self):
        if not self.locked():
            self._value -= 1
            return True
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future in self._waiting:
                self._waiting.remove(future)
            raise  # what was handed over is gone
        return True

    def release(self):
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._value += 1

    async def __aenter__(self):
        await self.acquire()

    async def __aexit__(self, *error):
        self.release()
