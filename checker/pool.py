"""Several searches at a time, in processes of their own.

A Ctrl-C reaches the children too, since they are in the same group; there each search ends with what it has found,
and the parent waits for that. What has not begun by then is dropped. Refused: `concurrent.futures`, whose executor
cannot be told to stop a search whose outcome nobody wants any more.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.pool import AsyncResult
from types import TracebackType
from typing import Any

from .interrupts import Interrupts

__all__ = ["Pool"]

_LOOK = 0.2  # seconds between two looks at whether Ctrl-C was pressed
_GRACE = 5.0  # seconds that a search has to end after a Ctrl-C


class Pool:
    """Runs functions of plain data in so many processes; `result` waits for one that was submitted."""

    def __init__(self, jobs: int) -> None:
        self._pool = multiprocessing.get_context("spawn").Pool(jobs, initializer=_begin)
        self._results: dict[tuple[Any, ...], AsyncResult[Any]] = {}
        self._interrupts = Interrupts()
        self._dropped = False

    def __enter__(self) -> Pool:
        self._interrupts.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.terminate()
        self._pool.join()
        self._interrupts.__exit__(kind, error, trace)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Let `function(*arguments)` run when there is a process for it."""
        self._results[_key(function, arguments)] = self._pool.apply_async(function, arguments)

    def result(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what the function returned, or raise what it raised; None if it was dropped because of a Ctrl-C."""
        result = self._results[_key(function, arguments)]
        while not self._interrupts.requested and not result.ready():
            result.wait(_LOOK)
        if not result.ready():
            if not self._dropped:
                result.wait(_GRACE)
            self._dropped = True
            if not result.ready():
                return None
        return result.get()


def _begin() -> None:
    """Let Ctrl-C be the business of the search that is under way, if one is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _key(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return (function.__name__, *map(repr, arguments))
