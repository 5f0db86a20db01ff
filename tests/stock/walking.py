"""Random schedules of generated programs, run on both loops; what several tests of this folder share."""

import asyncio
import random
from dataclasses import dataclass

import operations
import programs
from hypothesis import strategies as st

from treadle.checker.execution import execute, simulation
from treadle.checker.runtime import Settings
from treadle.checker.stock.confirming import compare
from treadle.checker.stock.writing import ScriptWriter
from treadle.checker.world import World


class Walk:
    """A chooser that departs from stock order again and again."""

    def __init__(self, generator, restless=0.6):
        self.generator = generator
        self.restless = restless
        self.trail = []

    def pick(self, options, deferred_from=0):
        index = self.generator.randrange(len(options)) if self.generator.random() < self.restless else 0
        self.trail.append(index)
        return index

    def confirm(self):
        pass

    def seen(self, run):
        return False


@dataclass(frozen=True)
class LaterAgain(operations.Op):
    """A timer that makes a timer, and queues something."""

    delay: float
    again: float

    def fire(self, machine, me):
        machine.note(me, "fired")
        loop = asyncio.get_running_loop()
        loop.call_later(self.again, operations.Soon().bump, machine, me)
        loop.call_soon(operations.Soon().bump, machine, me)

    async def do(self, machine, me):
        asyncio.get_running_loop().call_later(self.delay, self.fire, machine, me)


@dataclass(frozen=True)
class FailingJob(operations.Op):
    """Work for an executor that calls back, and raises."""

    def work(self, loop, machine, me):
        loop.call_soon_threadsafe(operations.Soon().bump, machine, me)
        raise ValueError(me)

    async def do(self, machine, me):
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, self.work, loop, machine, me)
        except ValueError:
            machine.registers[me] = 60


@dataclass(frozen=True)
class Spawn(operations.Op):
    """A task that nobody waits for, in a thread of its own for a while; its name is looked at."""

    op: operations.Op

    async def do(self, machine, me):
        task = asyncio.create_task(operations.perform(self.op, machine, me))
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        machine.tasks.append(task)
        machine.registers[me] = len(task.get_name())
        await asyncio.to_thread(operations.Soon().bump, machine, me)


@dataclass(frozen=True)
class Clock(operations.Op):
    """Looks at the clock."""

    async def do(self, machine, me):
        machine.registers[me] = round(asyncio.get_running_loop().time(), 3)


@dataclass(frozen=True)
class Raise(operations.Op):
    """A callback that raises: the exception handler is told."""

    async def do(self, machine, me):
        asyncio.get_running_loop().call_soon([].pop)


_delay = st.sampled_from((0.0, 1.0, 2.0))
more_leaves = st.one_of(st.builds(LaterAgain, _delay, _delay), st.builds(FailingJob), st.builds(Clock), st.builds(Raise))
leaves = st.one_of(programs.inner_leaves, programs.outside_leaves, more_leaves)
waits = programs.checkpoints
ops = st.one_of(leaves, waits, waits, st.builds(Spawn, waits), programs.compound(leaves), programs.compound(waits))
small = st.one_of(programs.programs(ops, 3, 4), programs.programs(ops, 4, 3))
stock_settings = st.builds(
    Settings,
    cancel=st.integers(0, 2),
    ignore=st.sampled_from((frozenset(), frozenset({"no-deadlock"}), frozenset({"no-unhandled-exception", "assertion"}))),
    forbid_leaked_tasks=st.booleans(),
    max_steps=st.just(2_000),
)


def walk(program, config, number):
    """Run a random schedule in the simulation; return its script, its outcome, and the schedule."""
    writer = ScriptWriter()
    chooser = Walk(random.Random(number))
    outcome = execute(program, config, chooser, writer, writer.attach)
    return writer.script, outcome, chooser.trail


def walk_on_both(program, config, number):
    """Run a random schedule on both loops; return the confirmation, the outcome, the script, and the schedule."""
    with simulation():
        world = World()
        world.prepare(program)
        script, outcome, trail = walk(program, config, number)
        world.restore()
        return compare(program, config, script, outcome, world), outcome, script, trail
