"""Who waits for what: the wait-for graph of a state in which nothing can happen any more."""

from __future__ import annotations

import asyncio
import gc
import types
from collections.abc import Iterator
from typing import Any

from .runtime import Run

__all__ = ["explain_deadlock", "frames_of", "innermost_frame", "waiting_place"]


def explain_deadlock(run: Run) -> str:
    """Return one sentence: which tasks wait, at which line, for what."""
    waits = []
    for task in run.loop.live_tasks():
        place = waiting_place(task)
        if place is not None:
            waits.append(f"{task.get_name()} waits at {place}")
    if not waits:
        return "nothing can happen any more, and the scenario is not done"
    return "nothing can happen any more, and the scenario is not done: " + "; ".join(waits)


def waiting_place(task: asyncio.Task[Any]) -> str | None:
    """Return `function (file:line)` of the innermost line of the program at which a task is suspended; None if it cannot be told."""
    frame = innermost_frame(task)
    if frame is None:
        return None
    name = frame.f_code.co_qualname
    file = frame.f_code.co_filename.replace("\\", "/").rsplit("/", 1)[-1]
    return f"{name} ({file}:{frame.f_lineno})"


def innermost_frame(task: asyncio.Task[Any], library: bool = False) -> Any:
    """Return the innermost frame of a suspended task that is not asyncio's or treadle's own (`library` accepts these too)."""
    best = None
    for frame in frames_of(task):
        if library or best is None or not is_machinery(frame.f_globals.get("__name__", "")):
            best = frame
    return best


def frames_of(task: asyncio.Task[Any]) -> Iterator[Any]:
    """Yield the frames of a suspended task, the outermost first."""
    coroutine: Any = task.get_coro()
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None) or getattr(coroutine, "ag_frame", None)
        if frame is None:
            coroutine = _generator_behind(coroutine)
            continue
        yield frame
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None) or getattr(coroutine, "ag_await", None)


def _generator_behind(awaitable: Any) -> Any:
    """Return the asynchronous generator that `anext()` or `aclose()` has been called of; None if it is something else."""
    return next((inner for inner in gc.get_referents(awaitable) if isinstance(inner, types.AsyncGeneratorType)), None)


def is_machinery(module: str) -> bool:
    """Return True for modules whose frames a reader of a trace does not want to see: asyncio's and the engine's own."""
    return module.startswith("asyncio.") or (module.startswith("treadle.checker.") and not module.startswith("treadle.checker.clients"))
