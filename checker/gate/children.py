"""One process that does jobs: started, listened to, watched, and ended if it has to be.

Whatever the program under test does, the parent gets an outcome: the process's own, or one made from what it left
behind. A process is asked to stop before it is made to: an interrupt lets a search end with what it has found; then
the stack is asked for; then it is killed. Memory is looked at from outside, since a program that eats it may catch
the exception.

Refused: a pool of `multiprocessing` or `concurrent.futures`, which lose a worker that dies, and with it which job it
had; and threads, which nothing can end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from ..outcomes import EVIDENCE, Outcome
from .crashes import ending_of, place_in_dump
from .jobs import Asked, Crashed, Done, Event, Exiting, Job, Note, Planned, Refused, Request, Tick, Work

__all__ = ["GRACE", "Child"]

GRACE = 8.0
"""Seconds that a process has to end with what it has found, once it was asked to."""

_LOOK = 0.05  # seconds between two looks at a process
_LONGEST = 256 * 2**20  # bytes of one event: an outcome with long traces
_OVERTIME = (1.25, 5.0)  # of its budget, and seconds: to replay, simplify and record what a search found
_MB = 10**6


class Child:
    """A process of `worker`. Use as an async context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="treadle-gate-")
        self._dump = Path(self._folder.name, "stack")
        self._printed = Path(self._folder.name, "printed")
        self._process: asyncio.subprocess.Process | None = None
        self._decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
        self._exiting: Exiting | None = None
        self._ended_for = ""  # why the parent ended it
        self._stopping = False

    async def __aenter__(self) -> Child:
        with self._printed.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *_interpreter_flags(),
                "-m",
                "treadle.checker.gate.worker",
                str(self._dump),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONHASHSEED": "0"},
                limit=_LONGEST,
                start_new_session=True,  # Ctrl-C is the parent's business
            )
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        process = self._running()
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            _signal(process, signal.SIGKILL)
            await process.wait()
        self._folder.cleanup()

    @property
    def alive(self) -> bool:
        """Return True if the process can do another job."""
        return self._process is not None and self._process.returncode is None and not self._ended_for

    async def plan(self, request: Asked, seconds: float) -> Planned | Refused:
        """Let the process look at targets, within so many seconds; a target at which it dies is refused."""
        looked_at = Note("the targets", line=1)

        def hear(event: Event) -> None:
            nonlocal looked_at
            if isinstance(event, Note):
                looked_at = event

        answer = await self._ask(request, hear, seconds, f"it did not end within {seconds:g} seconds", None)
        if isinstance(answer, (Planned, Refused)):
            return answer
        crash = answer if isinstance(answer, Crashed) else Crashed("it gave no answer", None)
        place = f" at {crash.place.file}:{crash.place.line}" if crash.place is not None else ""
        return Refused(looked_at.line, f"while {looked_at.text} was being imported{place}: {crash.message}; mend it, and run again")

    async def perform(self, job: Job, hear: Callable[[Event], None]) -> Outcome:
        """Let the process do a job; return its outcome, or one that says how it died. `hear` gets the events on the way."""
        started = time.monotonic()
        seconds = job.budget * _OVERTIME[0] + _OVERTIME[1]
        late = f"it did not come to an end: its budget of {job.budget:g} seconds was over, and a step still ran"
        notes: list[str] = []
        reached = ""

        def overhear(event: Event) -> None:
            nonlocal reached
            if isinstance(event, Note):
                notes.append(event.text)
            elif isinstance(event, Tick) and event.runs:
                reached = f"{event.phase}: {event.runs:,} runs, {event.states:,} states until then"
            hear(event)

        answer = await self._ask(Work(job), overhear, seconds, late, job.memory)
        if isinstance(answer, Done):
            return answer.outcome
        crash = answer if isinstance(answer, Crashed) else Crashed("it gave no answer", None)
        self._ended_for = self._ended_for or crash.message  # what has failed once is not used again
        return Outcome(
            job.name,
            job.kind,
            "inconclusive",
            message=crash.message,
            evidence=EVIDENCE.get(job.kind, job.kind),
            seconds=time.monotonic() - started,
            reasons=[crash.message],
            notes=[*notes, reached] if reached else notes,
            place=crash.place,
        )

    def stop(self) -> None:
        """Ask the process to end its job with what it has found."""
        if self._process is not None and self._process.returncode is None and not self._stopping:
            self._stopping = True
            _signal(self._process, signal.SIGINT)

    async def _ask(
        self, request: Request, hear: Callable[[Event], None], seconds: float, late: str, memory: int | None
    ) -> Event:
        """Send a request; return what answers it, or how the process died."""
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return await self._dead()
        watching = asyncio.create_task(self._watch(time.monotonic() + seconds, late, memory))
        try:
            return await self._listen(hear)
        finally:
            watching.cancel()

    async def _listen(self, hear: Callable[[Event], None]) -> Event:
        process = self._running()
        assert process.stdout is not None
        while line := await process.stdout.readline():
            try:
                event = self._decoder.decode(line)
            except msgspec.DecodeError:
                continue  # cut off, or written by the program: what follows, or how the process ends, says more
            if isinstance(event, Exiting):
                self._exiting = event
            if isinstance(event, (Tick, Note, Exiting)):
                hear(event)
            elif isinstance(event, Crashed) and event.interrupted and self._ended_for:
                return Crashed(self._ended_for, event.place)
            else:
                return event
        return await self._dead()

    async def _watch(self, until: float, late: str, memory: int | None) -> None:
        """End the process if it takes too long, too much memory, or does not stop when it was asked to."""
        asked = 0.0
        while True:
            await asyncio.sleep(_LOOK)
            now = time.monotonic()
            if memory is not None and _resident(self._running().pid) > memory * _MB:
                await self._kill(f"it used more than {memory} MB of memory (--max-memory); raise the limit, or make the scenario smaller")
            elif self._stopping and not asked:
                asked = now
            elif not asked and now > until:
                asked = now
                self._stopping = True
                self._ended_for = late
                _signal(self._running(), signal.SIGINT)
            elif asked and now > asked + GRACE:
                await self._kill(self._ended_for or "it was interrupted, and a step did not end")

    async def _kill(self, why: str) -> None:
        process = self._running()
        self._ended_for = why
        if hasattr(signal, "SIGUSR1"):
            _signal(process, signal.SIGUSR1)
            await asyncio.sleep(0.2)  # for the stack to be written
        _signal(process, signal.SIGKILL)

    async def _dead(self) -> Crashed:
        process = self._running()
        code = await process.wait()
        dump = _text(self._dump)
        place = place_in_dump(dump)
        if self._ended_for:
            return Crashed(self._ended_for, place)
        if self._exiting is not None:
            call = f"{self._exiting.call}({self._exiting.code})"
            return Crashed(f"the program ended the process with {call}; let it raise an exception instead", self._exiting.place or place)
        if self._stopping:
            return Crashed("it was interrupted", place)
        return Crashed(ending_of(code, dump, _text(self._printed)), place)

    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "use it as a context manager"
        return self._process


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except ProcessLookupError:
        return


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _resident(pid: int) -> int:
    """Return the memory that a process uses, in bytes; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _interpreter_flags() -> list[str]:
    flags = [f"-X{key}" if value is True else f"-X{key}={value}" for key, value in sys._xoptions.items()]
    return [*flags, *(f"-W{option}" for option in sys.warnoptions)]
