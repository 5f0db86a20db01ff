"""Traces: the record of one run, and the file that holds it.

A trace file is JSON that stands for itself: what was run, under which scope, by which versions, the schedule, every
step, and what went wrong. The decoder is strict: an unknown field, a missing one or another version is an error that
says what to do, since half-understood evidence is worse than none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from .errors import UsageError

__all__ = ["TRACE_VERSION", "Step", "Target", "Trace", "load_trace", "save_trace"]

TRACE_VERSION = 1


class Target(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What was run: `check` a scenario (`path` or `package.module:name`), or `verify` a primitive of an implementation."""

    kind: str
    name: str
    implementation: str = ""
    tasks: int = 0
    rounds: str = ""
    part: str = ""


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """One step.

    `why` says why it could run, `place` and `source` where its task stands after it, `changes` what observed objects
    look like now.
    """

    number: int
    kind: str
    task: str
    why: str
    place: str
    source: str
    notes: list[str]
    changes: dict[str, str]
    options: list[str]
    chosen: int


class TracedViolation(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The property that the run broke."""

    property: str
    message: str


class Trace(msgspec.Struct, forbid_unknown_fields=True):
    """The record of one run. `scope` has contract, time and cancel as a replay needs them."""

    version: int
    target: Target
    scope: dict[str, Any]
    versions: dict[str, str]
    schedule: list[int]
    steps: list[Step]
    tasks: list[str]
    observed: dict[str, str]
    violation: TracedViolation | None


def save_trace(trace: Trace, path: str) -> None:
    """Write a trace to a file; "-" is standard output.

    Raises:
        UsageError: if the file cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode(trace), indent=2).decode() + "\n"
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
        raise UsageError(f"cannot read the trace {path}: {error.strerror}") from None
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
