"""Who waits, in which order: the one data structure that all five primitives share.

A queue holds a place for each waiting task, in the order in which they started to wait. A place leaves the queue at
the moment it is served, not when its task gets to run: the queue is exactly "who still has to be served", and an empty
queue looks the same however it became empty.

A task that is cancelled while it waits doesn't run at once either. Until it does, its place is still in the queue but
nobody wants it any more, and `WaitQueue.take` passes it by. Refused: waking the cancelled task too and letting it pass
on what it got. Nothing would be lost, but the next waiter would stand still for a whole turn of the loop for nothing.
"""

import asyncio
from collections import deque


class Place:
    """A task's place in a queue, from the moment it starts to wait until it runs again.

    Attributes:
        future: what the task awaits. Resolved by `serve`; cancelled, by asyncio, if the task is cancelled first.
        served: whether the place has been served. It says more than the future does: an insistent place may be served
            after its future was cancelled.
        insistent: whether the place has to be served even if its task is cancelled. Only a Condition's waiter that was
            notified is: it must hold the lock again, whatever happens.
    """

    __slots__ = ("future", "insistent", "served")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.future: asyncio.Future[None] = loop.create_future()
        self.served = False
        self.insistent = False

    def is_wanted(self) -> bool:
        """Tell whether serving this place would do its task any good."""
        return self.insistent or not self.future.cancelled()

    def serve(self) -> None:
        """Give the task what it waits for, and wake it if nothing else has."""
        self.served = True
        if not self.future.done():
            self.future.set_result(None)


class WaitQueue(deque[Place]):
    """The places of those who wait, first come, first served. New ones are appended."""

    __slots__ = ()

    def count_wanted(self) -> int:
        """Return how many still want to be served."""
        return sum(place.is_wanted() for place in self)

    def take(self) -> Place | None:
        """Take out the first place that is still wanted; None if there is none."""
        while self:
            place = self.popleft()
            if place.is_wanted():
                return place
        return None

    def serve_first(self) -> bool:
        """Serve the first place that is still wanted, and take it out; return False if there is none."""
        place = self.take()
        if place is None:
            return False
        place.serve()
        return True

    def leave(self, place: Place) -> None:
        """Take out a place that nobody wants any more, unless `take` has passed it by and dropped it already."""
        if place in self:
            self.remove(place)


def describe(plain: str, state: str, queue: WaitQueue) -> str:
    """Return a repr in asyncio's style: an object's plain repr, with its state and how many wait for it in brackets."""
    waiters = queue.count_wanted()
    return f"<{plain[1:-1]} [{state}{f', waiters:{waiters}' if waiters else ''}]>"
