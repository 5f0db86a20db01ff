"""Counterexamples that are kept, and traces that are replayed on request.

A counterexample is kept as a trace file in pytest's cache, so that the next session fails at once where nothing was
mended, and that `--treadle-replay` can run it alone. `--cache-clear` forgets them; without pytest's cache there are none.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ..errors import UsageError
from ..trace import Trace, load_trace, save_trace
from .items import ExploredFunction

__all__ = ["forget", "keep", "kept", "select", "wanted_trace"]

_WANTED = pytest.StashKey[Trace]()


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the one test that the trace of --treadle-replay is of.

    Raises:
        UsageError: pytest's, if the trace cannot be read, or its test was not collected.
    """
    path = config.option.treadle_replay
    try:
        trace = load_trace(path)
    except UsageError as error:
        raise pytest.UsageError(f"--treadle-replay: {error}") from None
    chosen = [item for item in items if item.nodeid == trace.target.name and isinstance(item, ExploredFunction)]
    if not chosen:
        raise pytest.UsageError(
            f"--treadle-replay: {path} is a trace of {trace.target.name}, which is not among the marked tests that were collected; "
            "name its file on the command line, and start pytest where it was recorded"
        )
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen
    config.stash[_WANTED] = trace


def wanted_trace(config: pytest.Config) -> Trace | None:
    """Return the trace of --treadle-replay."""
    return config.stash.get(_WANTED, None)


def _file(item: ExploredFunction) -> Path | None:
    cache: Any = getattr(item.config, "cache", None)
    if cache is None:
        return None
    digest = hashlib.blake2b(item.nodeid.encode(), digest_size=4).hexdigest()
    name = re.sub(r"[^\w.-]+", "-", item.name)[:60].strip("-")
    return Path(cache.mkdir("treadle")) / f"{name}-{digest}.json"


def keep(item: ExploredFunction, trace: Trace) -> str | None:
    """Write the trace of a counterexample; return its path as one would type it."""
    path = _file(item)
    if path is None:
        return None
    save_trace(trace, str(path))
    shown = os.path.relpath(path)
    return str(path) if shown.startswith("..") else shown


def kept(item: ExploredFunction, options: dict[str, Any]) -> Trace | None:
    """Return the trace of an earlier session, if what the test asks for now includes what it shows."""
    path = _file(item)
    if path is None or not path.exists():
        return None
    try:
        trace = load_trace(str(path))
    except UsageError:
        forget(item)  # of another version of treadle, or half written: a cache owes nothing
        return None
    return trace if trace.target.name == item.nodeid and _is_within(trace.scope, options) else None


def _is_within(scope: dict[str, Any], options: dict[str, Any]) -> bool:
    contracts = ("stock", "stretched", "any")
    widest = options.get("contract") or ("stretched" if options.get("strict") else "stock")
    return bool(
        contracts.index(scope["contract"]) <= contracts.index(widest)
        and scope["time"] == options.get("time", "virtual")
        and scope["cancel"] <= options.get("cancel", 0)
        and set(scope["ignore"]) == set(options.get("ignore", ()))
        and set(scope["forbid"]) == set(options.get("forbid", ()))
    )


def forget(item: ExploredFunction) -> None:
    """Remove what was kept of a test."""
    path = _file(item)
    if path is not None:
        path.unlink(missing_ok=True)
