"""Fingerprints of live programs: everything that the future of a run can depend on, as sixteen bytes.

A walk starts from the tasks that are not done and visits whatever they can reach: coroutine frames (code,
instruction, locals, evaluation stack, the exception being handled), closures, objects, futures with their callbacks,
then the ready queue, the pending outside events, the timers, the budget, the monitors and the globals that the code
can reach. It writes a sequence of tokens; objects with an identity are numbered in the order of the first visit, so
two runs in the same state write the same tokens, whatever their addresses are, and also in another process. Structure
is written with `bytes` tags, values as they are.

What cannot be looked into is written as a token that never occurs again: such a state equals no other, so merging is
lost and soundness is not; `opaque` names the types. Refused: `copy`/`pickle` protocols (they run the program's code),
`f_locals` as the source of values (it misses the evaluation stack, and up to 3.12 keeps stale references alive), and
`hash()` (it differs between processes).
"""

from __future__ import annotations

import dis
import gc
import marshal
import types
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from .events import Checkpoint, Delayed, ExecutorJob, Handle, OutsideEvent, TimerHandle
from .loop import SimulatedLoop
from .runtime import Run
from .world import World

__all__ = ["Fingerprinter", "Walk"]

ATOMS = frozenset({int, str, type(None), bool, float})
Writer = Callable[["Walk", Any], None]


class Fingerprinter:
    """Takes fingerprints of the states of one search.

    `opaque` maps the names of types that could not be looked into to how often that was so.
    """

    def __init__(self, world: World | None = None) -> None:
        self.world = World() if world is None else world
        self.opaque: dict[str, int] = {}
        self.names_matter = False
        self.time_matters = False
        self._unique = 0

    def fingerprint(self, run: Run) -> bytes:
        """Return the fingerprint of the state in which `run` is, between two steps."""
        walk = Walk(self, run.loop)
        try:
            walk.write_run(run)
        except RecursionError:
            walk.unknown("deeply nested tuples")
        return blake2b(marshal.dumps(walk.out, 0), digest_size=16).digest()

    def tokens(self, run: Run) -> list[Any]:
        """Return the tokens of the state in which `run` is, for tests and diagnosis."""
        walk = Walk(self, run.loop)
        walk.write_run(run)
        return walk.out

    def unique(self) -> int:
        """Return a number that was never returned before."""
        self._unique += 1
        return self._unique


class Walk:
    """One visit of a state: `out` are the tokens, `work` the numbered objects, those from `done` on still to be written."""

    __slots__ = ("done", "fingerprinter", "ids", "loop", "now", "out", "statics", "work")

    def __init__(self, fingerprinter: Fingerprinter, loop: SimulatedLoop) -> None:
        self.fingerprinter = fingerprinter
        self.loop = loop
        self.now = 0.0 if fingerprinter.time_matters else loop.now
        self.out: list[Any] = []
        self.ids: dict[int, int] = {}
        self.work: list[Any] = []
        self.done = 0
        self.statics: dict[int, Any] = {}  # functions and classes whose globals belong to the state

    # -- values ------------------------------------------------------------------------------------------------------------------------

    def emit(self, value: Any) -> None:
        """Write a value, or a reference to a numbered object that is written later."""
        kind = type(value)
        if kind in ATOMS:
            self.out.append(value)
            return
        number = self.ids.get(id(value))
        if number is not None:
            self.out += (b"r", number)
            return
        inline = INLINE.get(kind)
        if inline is not None:
            inline(self, value)
            return
        self.number(value)

    def number(self, value: Any) -> None:
        """Write that an object is met for the first time; its contents are written later."""
        self.ids[id(value)] = number = len(self.work)
        self.work.append(value)
        self.out += (b"n", number)

    def flush(self) -> None:
        """Write the contents of all objects that were numbered."""
        work = self.work
        out = self.out
        while self.done < len(work):
            value = work[self.done]
            self.done += 1
            kind = type(value)
            writer = WRITERS.get(kind)
            if writer is None:
                writer = WRITERS[kind] = writer_of(kind)
            out.append(b"o")
            writer(self, value)

    def unknown(self, what: str) -> None:
        """Write a token that equals no other, and take note of what could not be looked into."""
        fingerprinter = self.fingerprinter
        fingerprinter.opaque[what] = fingerprinter.opaque.get(what, 0) + 1
        self.out += (b"?", what, fingerprinter.unique())

    def digest(self, value: Any) -> bytes:
        """Return a fingerprint of `value` alone, for putting things in an order that does not depend on addresses."""
        walk = Walk(self.fingerprinter, self.loop)
        walk.emit(value)
        walk.flush()
        return blake2b(marshal.dumps(walk.out, 0), digest_size=16).digest()

    # -- the roots ---------------------------------------------------------------------------------------------------------------------

    def write_run(self, run: Run) -> None:
        """Write the state of a run."""
        loop = self.loop
        out = self.out
        settings = run.settings
        for task in loop.live_tasks():
            self.emit(task)
        self.flush()
        self.write_ready([handle for handle in loop.ready if not handle._cancelled], settings.contract != "any")
        outside = loop.outside
        if len(outside) > 1:
            outside = sorted(outside, key=self.event_key)
        out += (b"outside", len(outside))
        for event in outside:
            self.write_event(event)
            self.flush()
        if loop.timers:
            self.write_timers(loop.timers)
        self.write_budget(run)
        out += (b"run", run.stopping, loop.draining, run.may_rest)
        if self.fingerprinter.names_matter:
            out.append(loop.created)
        for agen in loop.asyncgens:  # in the order in which they will be closed at the end
            if (still := agen()) is not None:
                out.append(b"open")
                self.emit(still)
        if self.fingerprinter.time_matters:
            out.append(loop.now)
        for predicate, property, message in run.invariants:
            self.emit(predicate)
            out += (property, message)
        for hook in (*run.stable_hooks, *run.cancel_hooks):
            self.emit(hook)
        for name in sorted(run.expected):
            out.append(name)
            makers = run.makers(name)
            out.append(len(makers))
            for maker in makers:
                self.emit(maker)
        for ref in loop.unretrieved:
            late = ref()
            if late is not None and late._log_traceback:
                self.emit(late)
        if loop._exception_handler is not None or loop._task_factory is not None:
            self.emit(loop._exception_handler)
            self.emit(loop._task_factory)
        self.flush()
        self.write_world()

    def write_ready(self, ready: list[Handle], ordered: bool) -> None:
        """Write the ready queue, or, where any callback may be next, the multiset of what is in it."""
        if not ordered and len(ready) > 1:
            ready.sort(key=self.handle_key)
        self.out += (b"ready", len(ready))
        for handle in ready:
            self.out.append(handle._delayed)
            self.write_handle(handle)
            self.flush()

    def write_budget(self, run: Run) -> None:
        """Write how many cancellations may still strike."""
        self.out += (b"budget", run.budget)

    def write_timers(self, timers: list[TimerHandle]) -> None:
        """Write the timers in order of their deadlines."""
        self.out += (b"timers", len(timers))
        for timer in sorted(timers, key=lambda timer: (timer._when, timer.ordinal)):
            self.out.append(self.is_fresh(timer.born))
            self.emit(timer)
        self.flush()

    def write_world(self) -> None:
        """Write the globals and class attributes that the visited code can reach, as far as they can change."""
        world = self.fingerprinter.world
        known = -1
        while len(self.statics) != known:  # what is written may lead to more code, whose globals belong to the state too
            known = len(self.statics)
            self.out.append(b"world")
            for label, value in world.changed(self.statics):
                self.out.append(label)
                self.emit(value)
            self.flush()

    def write_handle(self, handle: Handle) -> None:
        """Write a callback that waits for its turn."""
        self.emit(handle._callback)
        self.out += (b"(", len(handle._args))
        for arg in handle._args:
            self.emit(arg)
        self.emit(handle._context)

    def write_event(self, event: OutsideEvent) -> None:
        """Write a pending outside event."""
        if isinstance(event, Checkpoint):
            self.out += (b"checkpoint", self.is_fresh(event.born))
            self.emit(event.future)
        elif isinstance(event, Delayed):
            self.out += (b"delayed", self.is_fresh(event.born))
            self.write_handle(event.handle)
        elif isinstance(event, ExecutorJob):
            self.out.append(b"job")
            self.emit(event.future)
            self.emit(event.function)
            self.emit(event.args)
        else:
            self.unknown(type(event).__name__)

    def is_fresh(self, born: int) -> bool:
        """Return True for an event that is too young to be taken in now."""
        return bool(self.loop.ready) and born == self.loop.iteration

    def event_key(self, event: OutsideEvent) -> tuple[str, int, tuple[Any, ...]]:
        """Return a key that puts pending events in an order which does not depend on when they came up."""
        if isinstance(event, Delayed):
            return ("delayed", 0, self.handle_key(event.handle))
        future = getattr(event, "future", None)
        return (type(event).__name__, self.ids.get(id(future), 1 << 30), ())

    def handle_key(self, handle: Handle) -> tuple[Any, ...]:
        """Return a key for callbacks out of what is numbered already; equal keys are a loss of merging, no more."""
        callback = handle._callback
        owner = getattr(callback, "__self__", None)
        return (
            getattr(callback, "__qualname__", type(callback).__name__),
            self.ids.get(id(owner), 1 << 30),
            tuple(self.ids.get(id(arg), 1 << 30) for arg in handle._args),
            self.ids.get(id(callback), 1 << 30),
        )

    # -- frames ------------------------------------------------------------------------------------------------------------------------

    def write_frame(self, owner: Any, frame: types.FrameType | None, awaited: Any) -> None:
        """Write the frame of a suspended coroutine or generator: where it is, its variables and its evaluation stack."""
        out = self.out
        if frame is None:
            out.append(b"closed")
            return
        code = frame.f_code
        info = _codes.get(id(code))
        if info is None:
            info = _codes[id(code)] = CodeInfo(code)
        out += (info.digest, frame.f_lasti)
        if info.introspective:
            self.unknown(f"code that uses {info.introspective}")
        referents = gc.get_referents(owner)
        start = referents.index(frame) + 1  # what comes before is the name and the code
        if type(referents[start]) is dict:
            start += 1  # up to 3.12: left by whoever has looked at `f_locals`, as we do below
        if info.several_optional:
            # Unbound variables leave no gap among the referents, so which ones are bound has to be said.
            variables = frame.f_locals
            names = tuple(variables)
            if type(variables) is dict:
                variables.clear()  # up to 3.12 the frame keeps this dict, and would keep its values alive
            out.append(len(names))
            out += names
        out.append(len(referents) - start)
        for value in referents[start:]:
            if value is code:
                continue
            if value is awaited:
                self.emit_awaited(value)
            else:
                self.emit(value)

    def emit_awaited(self, value: Any) -> None:
        """Write what a frame or a task is waiting for. Being awaited is all the state that some C objects have."""
        tag = AWAITED.get(type(value))
        if tag is None:
            self.emit(value)
            return
        self.out.append(tag)
        for inner in gc.get_referents(value):
            if type(inner) is not type:
                self.emit(inner)


class CodeInfo:
    """What has to be known of a code object: a digest that is the same in every process, and what makes its frames hard to read."""

    __slots__ = ("code", "digest", "introspective", "several_optional")

    def __init__(self, code: types.CodeType) -> None:
        self.code = code  # keeps the code alive, so that its id stays its own
        self.digest = code_digest(code)
        arguments = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
        instructions = list(dis.get_instructions(code))
        deletes = any(instruction.opname in ("DELETE_FAST", "DELETE_DEREF") for instruction in instructions)
        optional = code.co_nlocals - (0 if deletes else arguments)
        self.several_optional = optional > 1
        # As globals only: pytest rewrites every assertion so that, if it fails, it calls `@py_builtins.locals()`.
        names = {instruction.argval for instruction in instructions if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        self.introspective = ", ".join(sorted(names & {"locals", "vars", "eval", "exec", "globals"}))


_codes: dict[int, CodeInfo] = {}


def code_digest(code: types.CodeType) -> bytes:
    """Return a digest of what a code object does and where it stands."""
    constants = [
        code_digest(constant) if isinstance(constant, types.CodeType) else _constant(constant)
        for constant in code.co_consts
    ]
    parts = [
        code.co_filename, code.co_qualname, code.co_firstlineno, code.co_code, list(code.co_names),
        list(code.co_varnames), list(code.co_freevars), list(code.co_cellvars), constants, code.co_exceptiontable,
    ]  # fmt: skip
    return blake2b(marshal.dumps(parts, 0), digest_size=8).digest()


def _constant(value: object) -> str:
    if isinstance(value, frozenset):
        return f"frozenset:{sorted(map(_constant, value))}"
    return f"{type(value).__name__}:{value!r}"


# Filled by `writers`: types without an identity of their own, written in place; types that are numbered; awaitables
# that stand at the end of an await chain.
INLINE: dict[type, Writer] = {}
WRITERS: dict[type, Writer] = {}
AWAITED: dict[type, bytes] = {}


def writer_of(kind: type) -> Writer:
    """Return the writer for instances of a type that was not met before."""
    from .type_tables import instance_writer

    return instance_writer(kind)
