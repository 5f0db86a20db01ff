"""What the simulation cannot control fails loudly at the call site, with the way out.

While runs are under way, the standard functions below are replaced by guards, also where the program has imported them
under names of its own. A guard fires only while a step of a run executes; those of clocks and randomness only when they
are called from outside the standard library: `logging` may read the clock, the program may not. `asyncio.all_tasks` is
replaced in the same way, by one whose order repeats.
Refused: simulating these things behind the program's back, which would give verdicts about a world that the
program never meets; and a list of modules that may not be imported, since importing harms nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from .errors import FenceError

__all__ = ["raised"]

_CLOCK = "use asyncio.get_running_loop().time(), which is simulated"
_RANDOM = "use treadle.checker.choose(n), which explores every value, or a random.Random(seed) of your own"
_REAL = "replace it by a fake whose waits are `await treadle.checker.checkpoint()`"
_SLEEP = "use `await asyncio.sleep()`, which takes simulated time"
_THREAD = "use `await asyncio.to_thread(...)` or loop.run_in_executor(), which are simulated"

_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime", "gmtime")
_DRAWS = (
    "random", "randint", "randrange", "choice", "choices", "shuffle", "sample", "uniform", "getrandbits", "gauss", "expovariate",
    "betavariate", "triangular",
)  # fmt: skip
_SECRETS = ("choice", "randbelow", "token_bytes", "token_hex", "token_urlsafe")
_Fence = tuple[Any, str, str, str]  # where, under which name, what the user called, and the way out
_FENCES: list[_Fence] = [
    *[(time, name, f"time.{name}()", _CLOCK) for name in _CLOCKS],
    *[(random, name, f"random.{name}()", _RANDOM) for name in _DRAWS],
    *[(secrets, name, f"secrets.{name}()", _RANDOM) for name in _SECRETS],
    (os, "urandom", "os.urandom()", _RANDOM),
    (uuid, "uuid1", "uuid.uuid1()", _RANDOM),
    (uuid, "uuid4", "uuid.uuid4()", _RANDOM),
]
_STRICT: list[_Fence] = [  # not even the standard library may do these for the program
    (time, "sleep", "time.sleep()", _SLEEP),
    (socket.socket, "__init__", "socket.socket()", _REAL),
    (subprocess.Popen, "__init__", "subprocess.Popen()", _REAL),
    (threading.Thread, "start", "threading.Thread.start()", _THREAD),
    (signal, "signal", "signal.signal()", "call the handler from a task after `await treadle.checker.checkpoint()`"),
]


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Replace the functions by guards for the time being."""
    replaced: list[tuple[Any, str, Any]] = []
    guards: dict[int, Callable[..., Any]] = {}
    for fences, strict in ((_FENCES, False), (_STRICT, True)):
        for owner, name, call, remedy in fences:
            function = owner.__dict__[name]
            guards[id(function)] = guard = _guard(function, call, remedy, strict)
            replaced.append((owner, name, function))
            setattr(owner, name, guard)
    for owner in (asyncio, asyncio.tasks):
        guards[id(asyncio_all_tasks)] = _all_tasks
        replaced.append((owner, "all_tasks", asyncio_all_tasks))
        owner.all_tasks = _all_tasks  # type: ignore[attr-defined]
    for namespace, name in _aliases(guards):
        replaced.append((namespace, name, namespace[name]))
        namespace[name] = guards[id(namespace[name])]
    try:
        yield
    finally:
        for owner, name, function in replaced:
            if isinstance(owner, dict):
                owner[name] = function
            else:
                setattr(owner, name, function)


_known: dict[int, tuple[dict[str, Any], int, list[str]]] = {}  # namespace, its size when it was looked through, aliases in it


def _aliases(guards: dict[int, Callable[..., Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield where the program has fenced functions under names of its own (`from time import monotonic`)."""
    for module in list(sys.modules.values()):
        namespace = getattr(module, "__dict__", None)
        if not isinstance(namespace, dict) or not _is_programs(str(namespace.get("__name__", ""))):
            continue
        known = _known.get(id(namespace))
        if known is None or known[1] != len(namespace):
            names = [name for name, value in namespace.items() if id(value) in guards]
            known = _known[id(namespace)] = (namespace, len(namespace), names)
        for name in known[2]:
            if id(namespace.get(name)) in guards:
                yield namespace, name


asyncio_all_tasks = asyncio.all_tasks


def _all_tasks(loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]:
    """Return the tasks that are not done, put into their set in order of creation.

    asyncio's function takes them out of a set in which other runs have left their traces, and so in another order every time.
    """
    loop = loop or asyncio.get_running_loop()
    found: set[asyncio.Task[Any]] = set()
    if (live_tasks := getattr(loop, "live_tasks", None)) is not None:  # the simulated loop's, or that of `stock`
        found.update(live_tasks())
    return found.union(asyncio_all_tasks(loop))


def _guard(function: Callable[..., Any], call: str, remedy: str, strict: bool) -> Callable[..., Any]:
    from . import runtime

    @functools.wraps(function)
    def guard(*args: Any, **kwargs: Any) -> Any:
        run = runtime._current
        if (
            run is not None
            and not run.loop.dead
            and run.thread == threading.get_ident()  # a progress bar may tick in a thread of its own
            and (strict or _is_programs(sys._getframe(1).f_globals.get("__name__", "")))
        ):
            error = FenceError(f"{call} was called inside the simulation, which cannot control it; {remedy}")
            run.loop.fence = error
            raise error
        return function(*args, **kwargs)

    return guard


def _is_programs(module: str) -> bool:
    """Return True for a module that is neither of the standard library nor ours."""
    return module.partition(".")[0] not in sys.stdlib_module_names and not module.startswith("treadle.checker")
