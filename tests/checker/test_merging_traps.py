"""Traps for merging: for every place in which a Python program can hide state, two runs that differ nowhere else.

With merging, both outcomes must be seen. And each trap must be a trap: with the part of the walk struck out that sees
its hiding place, an outcome must be lost.
"""

import asyncio
import gc
from types import SimpleNamespace

import pytest
import traps
import traps_of_frames
import traps_of_names
import traps_of_objects
import traps_of_tasks

from treadle.checker import fingerprint, scheduling, writers
from treadle.checker.explorer import explore
from treadle.checker.fingerprint import INLINE, CodeInfo, Walk
from treadle.checker.loop import NamelessTask, SimulatedLoop
from treadle.checker.runtime import Settings

MODULES = (traps_of_frames, traps_of_names, traps_of_objects, traps_of_tasks)


def summary(scenario, merge, settings):
    result = explore(scenario, Settings(**settings), merge=merge, keep_going=True)
    assert not result.held_back
    return result.outcomes, {finding.violation.property for finding in result.findings}


@pytest.mark.parametrize("name", traps.TRAPS)
def test_nothing_is_lost(name):
    scenario, _, settings = traps.TRAPS[name]
    outcomes, properties = summary(scenario, "off", settings)
    assert len(outcomes) + len(properties) >= 2, "the trap has no bait"
    assert summary(scenario, "on", settings) == (outcomes, properties)


class OnlyLocals:
    """Stands in for `gc`: shows of a frame nothing but its variables."""

    @staticmethod
    def get_referents(owner):
        referents = gc.get_referents(owner)
        frame = next((item for item in referents if type(item).__name__ == "frame"), None)
        if frame is None:
            return referents
        known = {id(value) for value in frame.f_locals.values()}
        first = referents.index(frame) + 1
        return referents[:first] + [
            item for item in referents[first:] if id(item) in known or callable(item) or asyncio.iscoroutine(item)
        ]


def strike_out(patch, blind):
    """Make fingerprints blind: in instances of a type, in what a method of `Walk` writes, or in something special."""
    if isinstance(blind, tuple):
        for part in blind:
            strike_out(patch, part)
    elif isinstance(blind, type):
        patch.setitem(INLINE, blind, lambda walk, value: walk.out.append(b"blind"))
    elif blind.startswith("write_"):
        assert hasattr(Walk, blind)
        patch.setattr(Walk, blind, lambda *_: None)
    elif blind == "freshness":
        patch.setattr(Walk, "is_fresh", lambda self, born: False)
    elif blind == "cancelled callbacks":
        drop = scheduling._drop_dead_events
        patch.setattr(scheduling, "_drop_dead_events", lambda run: drop(BehindReady(run)))
    elif blind == "table of a set":
        patch.setattr(writers.sys, "getsizeof", lambda value: 0)
    elif blind == "evaluation stack":
        patch.setattr(fingerprint, "gc", OnlyLocals)
    elif blind == "unbound":
        patch.setattr(fingerprint, "_codes", {})
        patch.setattr(fingerprint, "CodeInfo", KnowsNothingOfUnbound)
    elif blind == "names":
        patch.setattr(NamelessTask, "get_name", asyncio.Task.get_name)
    else:
        assert blind == "time"
        patch.setattr(SimulatedLoop, "observe_time", lambda self: None)


class BehindReady:
    """Stands in for a run: hides its ready callbacks."""

    def __init__(self, run):
        self.run = run
        self.loop = SimpleNamespace(ready=(), outside=run.loop.outside, timers=run.loop.timers)


class KnowsNothingOfUnbound(CodeInfo):
    several_optional = property(lambda self: False, lambda self, value: None)


@pytest.mark.parametrize("name", traps.TRAPS)
def test_the_trap_is_sharp(name, monkeypatch):
    scenario, blind, settings = traps.TRAPS[name]
    expected = summary(scenario, "off", settings)
    strike_out(monkeypatch, blind)
    assert summary(scenario, "on", settings) != expected
