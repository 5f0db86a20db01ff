"""Choices in words: what a schedule's numbers stand for."""

from __future__ import annotations

import asyncio
from typing import Any

from .events import RUN, Cancellation, Checkpoint, Delay, Delayed, ExecutorJob, Handle, Then, TimerHandle
from .runtime import MAYBE

__all__ = ["describe_option", "describe_options", "describe_timer"]


def describe_options(options: list[Any]) -> list[str]:
    """Say in words what the options of a choice are: the scheduler's, or those of `choose(n)` and `checkpoint(maybe=True)`."""
    if options is MAYBE:
        return ["the checkpoint waits", "the checkpoint returns at once"]
    if isinstance(options[0], int):
        return [f"choose({len(options)}) → {number}" for number in options]
    return [describe_option(option) for option in options]


def describe_option(option: Any) -> str:
    """Say in words what one of the scheduler's options is."""
    if option is RUN:
        return "go on"
    if isinstance(option, Cancellation):
        return f"cancel {option.task.get_name()}"
    if isinstance(option, Then):
        return f"{describe_option(option.event)}, and more"
    if isinstance(option, Checkpoint):
        names = ", ".join(task.get_name() for task in _waiters(option.future))
        return f"the checkpoint of {names} completes" if names else "a checkpoint completes"
    if isinstance(option, (Delay, Delayed)):
        verb = "takes its time" if isinstance(option, Delay) else "goes on at last"
        owner = getattr(option.handle._callback, "__self__", None)
        return f"{owner.get_name() if isinstance(owner, asyncio.Task) else 'a callback'} {verb}"
    if isinstance(option, ExecutorJob):
        return f"the executor runs {getattr(option.function, '__qualname__', option.function)}"
    if isinstance(option, TimerHandle):
        return f"{describe_timer(option)} fires"
    if isinstance(option, Handle):
        owner = getattr(option._callback, "__self__", None)
        if isinstance(owner, asyncio.Task):
            return f"{owner.get_name()} runs"
        return f"{getattr(option._callback, '__qualname__', 'a callback')} runs"
    return str(option)


def describe_timer(timer: TimerHandle) -> str:
    """Name a timer: whose sleep or timeout it is, or what it calls."""
    owner: Any = getattr(timer._callback, "__self__", None)
    tasks: list[asyncio.Task[Any]] = []
    if isinstance(owner, asyncio.Timeout):
        tasks = [task] if (task := getattr(owner, "_task", None)) is not None else []
    elif timer._args and isinstance(timer._args[0], asyncio.Future):
        tasks = _waiters(timer._args[0])
    if tasks:
        return f"the {'timeout' if isinstance(owner, asyncio.Timeout) else 'timer'} of {tasks[0].get_name()} ({timer._when:g} s)"
    return f"the timer of {getattr(timer._callback, '__name__', 'a callback')}() ({timer._when:g} s)"


def _waiters(future: asyncio.Future[Any]) -> list[asyncio.Task[Any]]:
    found = []
    for callback, _ in future._callbacks or ():
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, asyncio.Task):
            found.append(owner)
    return found
