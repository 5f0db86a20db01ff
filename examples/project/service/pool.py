"""A pool of connections. Who waits longest is served first."""

import asyncio
from collections import deque
from collections.abc import Iterable


class Pool:
    def __init__(self, connections: Iterable[str]) -> None:
        self._idle = deque(connections)
        self._waiters: deque[asyncio.Future[str]] = deque()

    @property
    def idle(self) -> int:
        return len(self._idle)

    async def acquire(self) -> str:
        if self._idle and not self._waiters:
            return self._idle.popleft()
        waiter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            # release() may have handed a connection over before the cancellation came: without this it would be lost.
            if waiter.done() and not waiter.cancelled():
                self.release(waiter.result())
            raise

    def release(self, connection: str) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)


class LeakyPool(Pool):
    """The same as it was written first: the bug that `scenarios/pooling.py` found."""

    async def acquire(self) -> str:
        if self._idle and not self._waiters:
            return self._idle.popleft()
        waiter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return await waiter
