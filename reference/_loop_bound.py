"""A primitive belongs to one event loop: the one it was given, or else the one it is first used on.

The rule is asyncio's own, made strict. asyncio notices a second loop only when a task has to wait, so that the same
program fails or passes by its luck with timing. Here the first use binds, whether or not it has to wait.

Every acquire and release checks, so the check must cost next to nothing. `get_running_loop()` would be exact, but on
Python 3.11 it makes a system call and doubles the price of an uncontended lock. Hence two checks. A quick one, "the
loop that I am bound to is running", stands in full wherever nobody has to wait, because a method call would cost more
than the check. The exact one is for everything else. Only two loops that run at the same moment, in two threads, get
past the quick one; and these primitives are not thread-safe in the first place.
"""

import asyncio


class LoopBound:
    """Base of what may be used on one event loop only."""

    _loop: asyncio.AbstractEventLoop | None

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop

    def _belong_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bind to this loop, unless bound already.

        Raises:
            RuntimeError: already bound, to another loop.
        """
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError(
                f"{self!r} belongs to the event loop {self._loop!r}, but is used on {loop!r}; "
                f"create a {type(self).__name__} for each event loop"
            )

    def _bind(self) -> asyncio.AbstractEventLoop:
        """Bind to the running loop, unless bound already, and return it.

        Raises:
            RuntimeError: no loop is running, or another one than the one that this object is bound to.
        """
        loop = asyncio.get_running_loop()
        self._belong_to(loop)
        return loop

    def _check_running(self) -> None:
        """Check the running loop, if there is one: what never waits may also be done without any.

        Raises:
            RuntimeError: another loop is running than the one that this object is bound to.
        """
        if self._loop is None:
            return
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._belong_to(running)
