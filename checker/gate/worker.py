"""The process that a job is done in: `python -m treadle.checker.gate.worker DUMP`, requests and events as lines of JSON.

It expects the worst of the program under test. Events go to what was standard output when it began; what the program
prints goes to standard error, which is a file. A fatal error, or a signal from the parent, leaves the stack in DUMP.
`os._exit` and `os.abort` leave no stack, so they are replaced by functions that first say where they were called.
If the parent is gone, nobody reads any more, and the process ends.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import msgspec

from .. import execution, runtime
from ..blame import Place, is_program, place_at
from ..console import encode_json
from ..errors import TreadleError
from .jobs import Asked, Crashed, Done, Event, Exiting, Job, Note, Request

__all__ = ["described", "main"]

_MB = 10**6
_exit = os._exit
_HEADROOM = 512 * _MB  # of address space: what the interpreter and z3 reserve without using it


class _Channel:
    """Where events go."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._parent = os.getppid()

    @property
    def orphaned(self) -> bool:
        """Return True if nobody listens any more."""
        return os.getppid() != self._parent

    def tell(self, event: Event) -> None:
        """Send an event, whole, before anything else happens."""
        if self.orphaned:
            raise SystemExit("the gate is gone")
        data = encode_json(event) + b"\n"
        while data:
            data = data[os.write(self._descriptor, data) :]


def main() -> None:
    """Answer requests until there are no more."""
    channel = _Channel(os.dup(1))
    os.dup2(2, 1)
    dump = Path(sys.argv[1]).open("w", encoding="utf-8")  # noqa: SIM115  # open as long as the process lives
    faulthandler.enable(dump, all_threads=False)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, dump, all_threads=False)
    _say_who_ends_it(channel)
    decoder = msgspec.json.Decoder(Request)
    for line in sys.stdin.buffer:
        request = decoder.decode(line)
        try:
            channel.tell(_answer(request, channel))
        except KeyboardInterrupt as error:
            channel.tell(Crashed("it was interrupted", _place_of(error), interrupted=True))
        except SystemExit:
            raise
        except BaseException as error:
            channel.tell(Crashed(*described(error, request)))


def _answer(request: Request, channel: _Channel) -> Event:
    if isinstance(request, Asked):
        from .validating import plan

        return plan(request.targets, lambda text, line: channel.tell(Note(text, line=line)))
    from .performing import perform

    _limit(request.job)
    _watch_steps(request.job, channel)
    return Done(perform(request.job, channel.tell))


def _limit(job: Job) -> None:
    """Limit the address space, as a backstop: the parent looks at the memory in use, and would be too late for one big leap."""
    if job.memory is None:
        return
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system has such a limit; the parent watches anyway
        import resource

        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (used + job.memory * _MB + _HEADROOM, hard))


def _watch_steps(job: Job, channel: _Channel) -> None:
    """Look every now and then whether the same step still runs: an endless loop inside of one would take the whole budget.

    A signal is used, since no thread can see a frame without disturbing it. What runs in C and never comes back is
    left to the parent.
    """
    if not hasattr(signal, "setitimer"):
        return
    every = min(1.0, job.step_timeout / 4)
    seen: tuple[int, int] | None = None
    looks = 0

    def look(number: int, frame: FrameType | None) -> None:
        nonlocal seen, looks
        run = runtime._current
        now = (execution._runs, run.steps) if run is not None else None
        looks = looks + 1 if now is not None and now == seen else 0
        seen = now
        if channel.orphaned:
            _exit(70)
        if looks * every >= job.step_timeout:
            message = f"a step did not end within {job.step_timeout:g} seconds (step-timeout): an endless loop, or a very long computation"
            channel.tell(Crashed(message, _caller(frame)))
            _exit(70)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, every, every)


def described(error: BaseException, request: Request) -> tuple[str, Place | None]:
    """Say what an exception means to the user, and at which line of theirs it arose."""
    place = _place_of(error)
    if isinstance(error, TreadleError):
        return str(error), place
    if isinstance(error, MemoryError):
        limit = f"{request.job.memory} MB" if not isinstance(request, Asked) and request.job.memory else "there is"
        return f"it needs more memory than {limit} (--max-memory); raise the limit, or make the scenario smaller", place
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    told = f"{type(error).__name__}: {error} ({where})"
    return f"treadle failed with {told}; that is a defect of treadle, please report it: it says nothing about the target", place


def _place_of(error: BaseException) -> Place | None:
    """Return the innermost line of the program that an exception has come through."""
    place = None
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if is_program(os.path.realpath(code.co_filename)):
            place = place_at(code, trace.tb_lineno)
        trace = trace.tb_next
    return place


def _say_who_ends_it(channel: _Channel) -> None:
    """Let the functions that end a process at once say where they were called."""

    def telling(call: str, function: Callable[..., Any]) -> Callable[..., NoReturn]:
        def ending(*arguments: Any) -> NoReturn:
            channel.tell(Exiting(call, ", ".join(map(str, arguments)), _caller(sys._getframe(1))))
            function(*arguments)
            raise AssertionError(f"{call} returned")

        return ending

    os._exit = telling("os._exit", os._exit)
    os.abort = telling("os.abort", os.abort)


def _caller(frame: FrameType | None) -> Place | None:
    while frame is not None:
        if is_program(os.path.realpath(frame.f_code.co_filename)):
            return place_at(frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return None


if __name__ == "__main__":
    main()
