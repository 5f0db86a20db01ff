"""Traces: the record of one run, and the file that holds it.

A trace file is JSON that stands for itself: what was run, under which scope, by which versions, the schedule, every
step, the source that the steps stand in, and what went wrong. What is shown of a trace (a table, a page, a diagram) is
made from the file alone: the program need not be there, and need not run.

A step says what *it* changed, and never what else there is: the state at a step is the sum of the changes up to it.
So a trace grows with what happens and not with its square.

The decoder is strict: an unknown field, a missing one or another version is an error that says what to do, since
half-understood evidence is worse than none. Version 1 had neither calls nor sources nor the wait-for graph; nothing can
make them up afterwards, so it is refused and not converted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from .errors import UsageError

__all__ = [
    "TRACE_VERSION", "Call", "Change", "Edge", "Excerpt", "Frame", "Parting", "Primitive", "StateGraph", "Step", "Target", "Trace",
    "TracedViolation", "Wait", "Wake", "encode_trace", "load_trace", "save_trace",
]  # fmt: skip

TRACE_VERSION = 2


class Target(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What was run: `check` a scenario (`path` or `package.module:name`), or `verify` a primitive of an implementation."""

    kind: str
    name: str
    implementation: str = ""
    tasks: int = 0
    rounds: str = ""
    part: str = ""


class Frame(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A line in which a task stands: `file` is relative to the working directory where it can be."""

    function: str
    file: str
    line: int
    source: str


class Call(msgspec.Struct, forbid_unknown_fields=True):
    """A call that began or ended in a step.

    `depth` is how deep it is nested, 0 the outermost; `receiver` the name of the object whose method it is, or "".
    `resumed` calls began in an earlier step, `is_async` ones may suspend. `result` is `→ value`, `returns` (None),
    `raises Error`, or "" if the call has suspended.
    `operation`: it is one of an object that tasks share (a lock, a queue, a pool), which a short table shows.
    """

    depth: int
    receiver: str
    function: str
    arguments: str
    result: str
    resumed: bool
    is_async: bool
    operation: bool


class Change(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A value that a step changed; `before` is None if it is new, `after` if it is gone."""

    name: str
    before: str | None
    after: str | None


class Primitive(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a synchronization primitive says of itself after a step, which tasks hold it and which wait for it."""

    name: str
    state: str
    holders: list[str]
    waiting: list[str]


class Wake(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A step has made `task` ready, by an `operation` such as `lock.release()`; or has `cancelled` it."""

    task: str
    operation: str
    cancelled: bool


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """One step.

    Attributes:
        number: 1 for the first.
        iteration: of the loop, in which it ran.
        kind: start, resume, cancel, timer, outside or callback.
        task: whose it is; "" for the loop's own.
        why: why it could run.
        in_window: the task was "woken", "cancelled" or "woken and cancelled" before the step, and had not run since.
        place, source: where its task stands after it, `file:line`, and that line; or how it ended.
        stack: the task's frames after the step, the outermost first; empty if it is done.
        waits_for: what the task waits for after the step.
        calls, notes, changes, primitives, wakes, created: what happened in it; primitives only where they changed.
        options: what else could have come, in words; `chosen` is the index of what did. Empty if there was no choice.
        position: where in the schedule that choice is; -1 if there was none.
    """

    number: int
    iteration: int
    kind: str
    task: str
    why: str
    in_window: str = ""
    place: str = ""
    source: str = ""
    stack: list[Frame] = msgspec.field(default_factory=list)
    waits_for: str = ""
    calls: list[Call] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)
    changes: list[Change] = msgspec.field(default_factory=list)
    primitives: list[Primitive] = msgspec.field(default_factory=list)
    wakes: list[Wake] = msgspec.field(default_factory=list)
    created: list[str] = msgspec.field(default_factory=list)
    options: list[str] = msgspec.field(default_factory=list)
    chosen: int = 0
    position: int = -1


class Wait(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An edge of the wait-for graph at the end of the run: `task` waits, at `place`, for what `holders` have."""

    task: str
    what: str
    holders: list[str]
    place: str


class Parting(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The nearest passing run: it shares the schedule up to `position`, and takes `instead` there for `chosen`.

    `step` is the first step that differs, in both runs; `goes_on` tells the next steps of the passing run in words.
    """

    position: int
    step: int
    chosen: str
    instead: str
    schedule: list[int]
    goes_on: list[str]


class Edge(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A way from one state to another, by choices that `label` tells."""

    source: int
    target: int
    label: str


class StateGraph(msgspec.Struct, forbid_unknown_fields=True):
    """All states of a small program, as far as they are told apart where choices are made.

    `nodes` says of each state whether runs end in it: "" (they do not), "done", "cancelled" or the property that is violated.
    `path` are the nodes that the run goes through, as pairs: after how many steps, which node. Node 0 is the beginning.
    """

    nodes: list[str]
    edges: list[Edge]
    path: list[tuple[int, int]]


class Excerpt(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A function's lines as they were: `first` is the number of the first."""

    file: str
    function: str
    first: int
    lines: list[str]


class TracedViolation(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The property that the run broke."""

    property: str
    message: str


class Trace(msgspec.Struct, forbid_unknown_fields=True):
    """The record of one run.

    Attributes:
        scope: contract, time and cancel as a replay needs them, and the `lasso`, if the run goes on for ever.
        tasks: names, in the order in which they first ran.
        observed: names of the primitives in `steps`, the most telling first.
        sources: the functions that the steps stand in; `digest` is a hash of them.
        explanation: one sentence, in the words of the program, made of facts that are in the steps; "" if there is none.
        waits: who waits for what at the end.
        deadlock: the tasks that wait for each other in a circle, in order; empty if there is none.
        parting: where the nearest passing run goes another way; None if nobody looked, or there is none near.
        graph: the states of the program if they are few, and the way of this run through them.
        loop: the number of the first step of a loop that ends with the last step, in the state in which it began, and so can be gone
            round for ever; 0 if the run ends.
        confirmation: what came of running it on asyncio's own event loop, when it was written; "" if nobody tried.
    """

    version: int
    target: Target
    scope: dict[str, Any]
    versions: dict[str, str]
    schedule: list[int]
    steps: list[Step]
    tasks: list[str]
    observed: list[str]
    sources: list[Excerpt]
    digest: str
    violation: TracedViolation | None
    explanation: str = ""
    waits: list[Wait] = msgspec.field(default_factory=list)
    deadlock: list[str] = msgspec.field(default_factory=list)
    parting: Parting | None = None
    graph: StateGraph | None = None
    loop: int = 0
    confirmation: str = ""


def encode_trace(trace: Trace) -> str:
    """Return a trace as JSON. Half a surrogate pair, which a program may well use in a name, is written as a question mark."""
    try:
        return msgspec.json.encode(trace).decode()
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(trace), ensure_ascii=False).encode("utf-8", "replace").decode()


def save_trace(trace: Trace, path: str) -> None:
    """Write a trace to a file; "-" is standard output.

    Raises:
        UsageError: if the file cannot be written.
    """
    text = msgspec.json.format(encode_trace(trace), indent=2) + "\n"
    if path == "-":
        print(text, end="")
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write the trace to {path}: {error.strerror}; give a file in a folder that exists") from None


def load_trace(path: str) -> Trace:
    """Read a trace from a file.

    Raises:
        UsageError: if it is not there, not a trace, or one of another version of treadle.
    """
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read the trace {path}: {error.strerror}; traces are written by check and verify with --trace FILE"
        ) from None
    try:
        version = msgspec.json.decode(text, type=dict[str, Any]).get("version")
    except msgspec.DecodeError as error:
        raise UsageError(
            f"{path} is not a whole JSON document ({error}); write it again with --trace, from the command that found the violation"
        ) from None
    if version != TRACE_VERSION:
        raise UsageError(
            f"{path} is a trace of version {version}, this treadle reads version {TRACE_VERSION}; "
            "run the check again and write a new one with --trace"
        )
    try:
        return msgspec.json.decode(text, type=Trace)
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is not a trace that treadle wrote: {error}; write it again with --trace") from None
