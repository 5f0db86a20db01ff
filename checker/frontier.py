"""What is still to be explored: choices that were not taken yet, the cheapest first, and of these the ones that came
up first.

A search in order of cost (how far a schedule departs from stock order) finds short counterexamples first, where a
depth-first search finds whatever lies at the end of the first run. Its weakness is memory: so beyond `capacity`
entries the frontier turns into a stack, which a re-executing search needs no more than depth times width of, until
there is room again. Either way every entry comes out once, so nothing is lost.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

__all__ = ["Frontier"]

T = TypeVar("T")
_COSTS = 64


class Frontier(Generic[T]):
    """A bag of entries with costs (small integers); `pop` returns a cheapest one, or beyond `capacity` the newest."""

    def __init__(self, capacity: int = 200_000) -> None:
        self.capacity = capacity
        self._buckets: list[deque[T]] = [deque() for _ in range(_COSTS)]
        self._stack: list[T] = []
        self._size = 0
        self._lowest = 0

    def __len__(self) -> int:
        return self._size + len(self._stack)

    def push(self, cost: int, entry: T) -> None:
        """Add an entry."""
        if self._size >= self.capacity:
            self._stack.append(entry)
            return
        cost = min(cost, _COSTS - 1)
        self._buckets[cost].append(entry)
        self._size += 1
        if cost < self._lowest:
            self._lowest = cost

    def pop(self) -> T:
        """Remove and return the next entry.

        Raises:
            IndexError: if there is none.
        """
        if self._stack:
            return self._stack.pop()
        if not self._size:
            raise IndexError("the frontier is empty")
        while not self._buckets[self._lowest]:
            self._lowest += 1
        self._size -= 1
        return self._buckets[self._lowest].popleft()

    def clear(self) -> None:
        """Forget all entries."""
        self.__init__(self.capacity)  # type: ignore[misc]
