"""What the simulation cannot control fails loudly at the call site, with the way out.

While runs are under way, the standard functions below are replaced by guards. A guard fires only when it is called
from code outside the standard library while a step of a run executes: `logging` may read the clock, the program may
not. Refused: simulating these things behind the program's back, which would give verdicts about a world that the
program never meets; and a list of modules that may not be imported, since importing harms nobody.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
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

_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
_DRAWS = (
    "random", "randint", "randrange", "choice", "choices", "shuffle", "sample", "uniform", "getrandbits", "gauss", "expovariate",
    "betavariate", "triangular",
)  # fmt: skip
_FENCES: list[tuple[Any, str, str, str]] = [
    *[(time, name, f"time.{name}()", _CLOCK) for name in _CLOCKS],
    (time, "sleep", "time.sleep()", _SLEEP),
    *[(random, name, f"random.{name}()", _RANDOM) for name in _DRAWS],
    (os, "urandom", "os.urandom()", _RANDOM),
    (uuid, "uuid1", "uuid.uuid1()", _RANDOM),
    (uuid, "uuid4", "uuid.uuid4()", _RANDOM),
    (socket.socket, "__init__", "socket.socket()", _REAL),
    (subprocess.Popen, "__init__", "subprocess.Popen()", _REAL),
    (threading.Thread, "start", "threading.Thread.start()", _THREAD),
    (signal, "signal", "signal.signal()", "call the handler from a task after `await treadle.checker.checkpoint()`"),
]


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Replace the functions by guards for the time being."""
    saved = [(owner, name, owner.__dict__[name]) for owner, name, _, _ in _FENCES]
    for owner, name, call, remedy in _FENCES:
        setattr(owner, name, _guard(owner.__dict__[name], call, remedy))
    try:
        yield
    finally:
        for owner, name, function in saved:
            setattr(owner, name, function)


def _guard(function: Callable[..., Any], call: str, remedy: str) -> Callable[..., Any]:
    from . import runtime

    @functools.wraps(function)
    def guard(*args: Any, **kwargs: Any) -> Any:
        run = runtime._current
        if run is not None and not run.loop.dead and _is_programs(sys._getframe(1).f_globals.get("__name__", "")):
            error = FenceError(f"{call} was called inside the simulation, which cannot control it; {remedy}")
            run.loop.fence = error
            raise error
        return function(*args, **kwargs)

    return guard


def _is_programs(module: str) -> bool:
    """Return True for a module that is neither of the standard library nor ours."""
    return module.partition(".")[0] not in sys.stdlib_module_names and not module.startswith("treadle.checker")
