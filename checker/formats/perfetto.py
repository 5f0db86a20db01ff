"""Trace events, the JSON that ui.perfetto.dev, chrome://tracing and Speedscope open.

A thread is a task, a slice is a step; time is the number of the step, a thousand microseconds each, since a simulated
run has no other. An arrow goes from who wakes to who is woken. An asynchronous slice on the task's track is the window
in which it is woken or cancelled and has not resumed. Values that are whole numbers are counters. The loop of a run that goes
on for ever is an asynchronous slice of the process, and an instant at its end says where it goes on.
"""

from __future__ import annotations

import json
from typing import Any

from ..endless import loop_of
from ..trace import Change, Step, Trace
from .words import LOOP, columns, told

__all__ = ["perfetto"]

_STEP = 1_000  # microseconds that a step takes on the picture
_PROCESS = 1


def perfetto(trace: Trace) -> str:
    """Write a trace as a JSON object of trace events."""
    names = columns(trace)
    threads = {name: number for number, name in enumerate(names, start=1)}
    events: list[dict[str, Any]] = [_named("process_name", 0, trace.target.name)]
    for name, thread in threads.items():
        events += [_named("thread_name", thread, name), _named("thread_sort_index", thread, thread)]
    events += [*_loop(trace), *_windows(trace, threads)]
    flow = 0
    woken: dict[str, int] = {}  # task → the arrow that is on its way to it
    for step in trace.steps:
        name = step.task or LOOP
        where = {"pid": _PROCESS, "tid": threads[name], "ts": step.number * _STEP}
        if step.kind == "cancel":
            events.append({"ph": "i", "s": "t", "cat": "cancellation", "name": step.why, "args": _arguments(trace, step), **where})
            continue
        events.append({"ph": "X", "dur": _STEP, "cat": step.kind, "name": step.why, "args": _arguments(trace, step), **where})
        if name in woken:
            events.append({"ph": "f", "bp": "e", "id": woken.pop(name), "cat": "wake", "name": "wake", **where})
        for wake in step.wakes:
            if not wake.cancelled:
                flow += 1
                woken[wake.task] = flow
                start = {**where, "ts": step.number * _STEP + _STEP // 2}
                events.append({"ph": "s", "id": flow, "cat": "wake", "name": "wake", **start})
        events += [_counter(change, step) for change in step.changes if _is_number(change)]
    document = {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "producer": "treadle",
            "target": trace.target.name,
            "violation": "" if trace.violation is None else f"{trace.violation.property}: {trace.violation.message}",
            "explanation": trace.explanation,
            "time": "a millisecond is a step",
        },
    }
    return json.dumps(document, indent=1) + "\n"


def _named(kind: str, thread: int, value: str | int) -> dict[str, Any]:
    key = "sort_index" if kind.endswith("sort_index") else "name"
    return {"ph": "M", "pid": _PROCESS, "tid": thread, "name": kind, "args": {key: value}}


def _arguments(trace: Trace, step: Step) -> dict[str, Any]:
    arguments: dict[str, Any] = {"step": step.number, "iteration": step.iteration, "what": told(step, trace.target.kind == "verify")[1:]}
    if step.place:
        arguments |= {"place": step.place, "source": step.source}
    if step.waits_for:
        arguments["waits for"] = step.waits_for
    if step.options:
        arguments |= {"options": step.options, "chosen": step.options[step.chosen]}
    return arguments


def _loop(trace: Trace) -> list[dict[str, Any]]:
    """Return the beginning and the end of the loop, and where the run goes on after it."""
    loop = loop_of(trace)
    if loop is None:
        return []
    end = (loop.last + 1) * _STEP
    begun = {
        "pid": _PROCESS,
        "tid": 0,
        "cat": "loop",
        "id": "loop",
        "name": f"loop: {loop.repeats}",
        "args": {"steps": [loop.first, loop.last]},
    }
    told = f"back to the state before step {loop.first}, for ever"
    return [
        {"ph": "b", "ts": loop.first * _STEP, **begun},
        {"ph": "e", "ts": end, **begun},
        {"ph": "i", "s": "p", "pid": _PROCESS, "tid": 0, "ts": end, "cat": "loop", "name": told, "args": {}},
    ]


def _windows(trace: Trace, threads: dict[str, int]) -> list[dict[str, Any]]:
    """Return the beginnings and ends of the windows in which a task is woken or cancelled and has not resumed."""
    events: list[dict[str, Any]] = []
    open_ones: dict[str, dict[str, Any]] = {}

    def end(name: str, at: int) -> None:
        begun = open_ones.pop(name)
        events.extend([begun, {**begun, "ph": "e", "ts": at, "args": {}}])

    for step in trace.steps:
        if step.task in open_ones and step.kind in ("start", "resume"):
            end(step.task, step.number * _STEP)
        for wake in step.wakes:
            if wake.task not in open_ones and wake.task in threads:
                how = "cancelled" if wake.cancelled else f"woken by {wake.operation}" if wake.operation else "woken"
                open_ones[wake.task] = {
                    "ph": "b", "pid": _PROCESS, "tid": threads[wake.task], "ts": step.number * _STEP + _STEP, "cat": "window",
                    "id": f"{threads[wake.task]}.{step.number}", "name": f"{how}, not resumed", "args": {},
                }  # fmt: skip
    for name in list(open_ones):
        end(name, (len(trace.steps) + 1) * _STEP)
    return events


def _is_number(change: Change) -> bool:
    return change.after is not None and change.after.lstrip("-").isdecimal()


def _counter(change: Change, step: Step) -> dict[str, Any]:
    value = int(str(change.after))
    return {"ph": "C", "pid": _PROCESS, "ts": step.number * _STEP, "name": change.name, "args": {"value": value}}
