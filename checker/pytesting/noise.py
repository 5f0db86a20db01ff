"""Silence during a search, which runs a test thousands of times: its output, log and warnings are those of one run.

Output and log records of the search go nowhere; of the run that is reported, pytest captures and shows them as always.
Warnings are kept, each of them once. A fixture with which the test itself reads them (`capsys`, `caplog`, `recwarn`)
gets what it would have got, and is emptied before every run.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

__all__ = ["Noise"]

_CAPTURES = ("capsys", "capfd", "capsysbinary", "capfdbinary", "capteesys")


class Noise:
    """What the runs of one test print, log and warn of. `fixtures` are the test's own, by name."""

    def __init__(self, fixtures: dict[str, Any]) -> None:
        self._captures = [fixtures[name] for name in _CAPTURES if name in fixtures]
        self._caplog = fixtures.get("caplog")
        self._recwarn = fixtures.get("recwarn")
        self._log: list[warnings.WarningMessage] = []
        self._warnings: dict[tuple[Any, ...], warnings.WarningMessage] = {}

    def begin_run(self) -> None:
        """Forget what the run before has left."""
        for capture in self._captures:
            capture.readouterr()
        for recorder in (self._caplog, self._recwarn):
            if recorder is not None:
                recorder.clear()
        self._collect()
        with warnings.catch_warnings():
            pass  # on the way out Python forgets which lines have warned already: every run warns as the first one did

    def _collect(self) -> None:
        for warning in self._log:
            self._warnings.setdefault((warning.category, str(warning.message), warning.filename, warning.lineno), warning)
        self._log.clear()

    @contextlib.contextmanager
    def silence(self) -> Iterator[None]:
        """Print nothing and log nothing."""
        with contextlib.ExitStack() as stack:
            if not self._captures:
                nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(contextlib.redirect_stdout(nowhere))
                stack.enter_context(contextlib.redirect_stderr(nowhere))
            stack.enter_context(self._mute_log())
            yield

    @contextlib.contextmanager
    def warn_once(self) -> Iterator[None]:
        """Hold warnings back, and give each of them once at the end."""
        if self._recwarn is not None:
            yield
            return
        try:
            with warnings.catch_warnings(record=True) as log:
                assert log is not None  # for mypy: it is a list because of `record`
                self._log = log
                yield
        finally:
            self._collect()
            for warning in self._warnings.values():
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)

    @contextlib.contextmanager
    def _mute_log(self) -> Iterator[None]:
        """Let none of pytest's handlers on the root logger keep or print anything, but for the one of `caplog`."""
        own = getattr(self._caplog, "handler", None)
        muted = [
            handler
            for handler in logging.getLogger().handlers
            if handler is not own and type(handler).__module__.startswith("_pytest.")
        ]
        for handler in muted:
            handler.addFilter(_reject)
        try:
            yield
        finally:
            for handler in muted:
                handler.removeFilter(_reject)


def _reject(record: logging.LogRecord) -> bool:
    return False
