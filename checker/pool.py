"""Several searches at a time, in processes of their own.

A Ctrl-C reaches the children too (they are in the same group), and there each search ends with what it has found; the
parent waits for that and hands it on. Searches that have not begun are dropped.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from types import TracebackType
from typing import Any

from .interrupts import Interrupts

__all__ = ["Pool"]

_PATIENCE = 0.2  # seconds between two looks at whether Ctrl-C was pressed


class Pool:
    """Runs functions of plain data in so many processes; `result` waits for one that was submitted."""

    def __init__(self, jobs: int) -> None:
        self._executor = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
        self._futures: dict[tuple[Any, ...], Future[Any]] = {}
        self._interrupts = Interrupts()

    def __enter__(self) -> Pool:
        self._interrupts.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for future in self._futures.values():
            future.cancel()
        self._kill_if_busy()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._interrupts.__exit__(kind, error, trace)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Let `function(*arguments)` run when there is a process for it."""
        self._futures[_key(function, arguments)] = self._executor.submit(function, *arguments)

    def result(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what the function returned, or raise what it raised; None if it was dropped because of a Ctrl-C."""
        future = self._futures[_key(function, arguments)]
        while True:
            if self._interrupts.requested:
                for other in self._futures.values():
                    other.cancel()
            try:
                return future.result(timeout=_PATIENCE)
            except CancelledError:
                return None
            except TimeoutError:
                if future.done():
                    raise

    def _kill_if_busy(self) -> None:
        """End searches whose outcome nobody wants any more."""
        if all(future.done() for future in self._futures.values()):
            return
        for process in list((self._executor._processes or {}).values()):
            process.terminate()


def _key(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return (function.__name__, *map(repr, arguments))
