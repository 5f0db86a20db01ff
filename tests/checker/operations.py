"""Small concurrent programs: an AST of frozen dataclasses, and its interpreter.

A program is plain data with a `repr` that evaluates to it, so it can be sent to another process, and pasted into a test
when it has found something. The interpreter is written as a user would write asyncio code, with real frames, `async
with`, `try`/`finally`, closures and generators, because these are what fingerprints have to see. Awaiting with half an
expression evaluated (`read() + await …`) is there on purpose.
"""

import asyncio
import contextvars
import random
from dataclasses import dataclass

from treadle.checker import checkpoint, choose

VARIABLE = contextvars.ContextVar("VARIABLE", default=0)


class Machine:
    """What the tasks of a program share. `x` and `registers` are what comes out in the end; `log` is None where nothing
    may grow."""

    def __init__(self, logging=False):
        self.locks = [asyncio.Lock(), asyncio.Lock()]
        self.condition = asyncio.Condition()
        self.events = [asyncio.Event(), asyncio.Event()]
        self.semaphore = asyncio.Semaphore(1)
        self.queues = [asyncio.Queue(1), asyncio.LifoQueue(2), asyncio.PriorityQueue(1)]
        self.barrier = asyncio.Barrier(2)
        self.futures = [asyncio.get_running_loop().create_future() for _ in range(2)]
        self.tasks = []
        self.x = 0
        self.registers = []
        self.log = [] if logging else None
        self.spread = random.Random(7) if logging else None

    def note(self, *what):
        if self.log is not None:
            loop = asyncio._get_running_loop()
            if loop is not None and loop.is_running():  # not what coroutines do when they are thrown away
                self.log.append(what)


    def delay(self, delay):
        """Return the delay; where there is a log, make it unlike all others: which timer is first is then no choice."""
        return delay if self.spread is None else delay + self.spread.random()


class Op:
    """One operation of task number `me`."""

    async def do(self, machine, me):
        raise NotImplementedError


async def run_body(body, machine, me):
    for op in body:
        await perform(op, machine, me)


async def perform(op, machine, me):
    if machine.log is None:
        await op.do(machine, me)
        return
    name = type(op).__name__
    machine.note(me, name)
    try:
        await op.do(machine, me)
    except BaseException as error:
        inside = error.args if not isinstance(error, BaseExceptionGroup) else len(error.exceptions)
        machine.note(me, name, type(error).__name__, inside)
        raise
    machine.note(me, name, "done", machine.registers[me])


# -- what needs nothing from outside ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Yield(Op):
    async def do(self, machine, me):
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Read(Op):
    async def do(self, machine, me):
        machine.registers[me] = machine.x


@dataclass(frozen=True)
class Add(Op):
    """A lost update, if anybody else writes while this one awaits with half of its sum on the evaluation stack."""

    op: Op

    async def do(self, machine, me):
        machine.x = machine.x + await self.one(machine, me)

    async def one(self, machine, me):
        await perform(self.op, machine, me)
        return 1


@dataclass(frozen=True)
class Write(Op):
    value: int

    async def do(self, machine, me):
        machine.x = self.value + machine.registers[me]


@dataclass(frozen=True)
class Locked(Op):
    which: int
    body: tuple[Op, ...]

    async def do(self, machine, me):
        async with machine.locks[self.which]:
            await run_body(self.body, machine, me)


@dataclass(frozen=True)
class Permitted(Op):
    body: tuple[Op, ...]

    async def do(self, machine, me):
        async with machine.semaphore:
            await run_body(self.body, machine, me)


@dataclass(frozen=True)
class Release(Op):
    async def do(self, machine, me):
        machine.semaphore.release()


@dataclass(frozen=True)
class SetEvent(Op):
    which: int

    async def do(self, machine, me):
        machine.events[self.which].set()


@dataclass(frozen=True)
class ClearEvent(Op):
    which: int

    async def do(self, machine, me):
        machine.events[self.which].clear()


@dataclass(frozen=True)
class WaitEvent(Op):
    which: int

    async def do(self, machine, me):
        await machine.events[self.which].wait()


@dataclass(frozen=True)
class WaitCondition(Op):
    async def do(self, machine, me):
        async with machine.condition:
            await machine.condition.wait()


@dataclass(frozen=True)
class WaitUntil(Op):
    value: int

    async def do(self, machine, me):
        async with machine.condition:
            machine.registers[me] = int(await machine.condition.wait_for(lambda: machine.x >= self.value))


@dataclass(frozen=True)
class Notify(Op):
    n: int

    async def do(self, machine, me):
        async with machine.condition:
            machine.x += 1
            machine.condition.notify(self.n)


@dataclass(frozen=True)
class Put(Op):
    which: int
    value: int

    async def do(self, machine, me):
        await machine.queues[self.which].put(self.value)


@dataclass(frozen=True)
class Get(Op):
    which: int

    async def do(self, machine, me):
        machine.registers[me] = await machine.queues[self.which].get()


@dataclass(frozen=True)
class Meet(Op):
    async def do(self, machine, me):
        try:
            machine.registers[me] = await machine.barrier.wait()
        except asyncio.BrokenBarrierError:
            machine.registers[me] = -7


@dataclass(frozen=True)
class Resolve(Op):
    which: int

    async def do(self, machine, me):
        future = machine.futures[self.which]
        if not future.done():
            future.set_result(me + 10)


@dataclass(frozen=True)
class AwaitFuture(Op):
    which: int

    async def do(self, machine, me):
        machine.registers[me] = await asyncio.shield(machine.futures[self.which])


@dataclass(frozen=True)
class Cancel(Op):
    target: int

    async def do(self, machine, me):
        target = machine.tasks[self.target % len(machine.tasks)]
        if target is not asyncio.current_task():
            target.cancel(f"by {me}")


@dataclass(frozen=True)
class Catch(Op):
    """Takes a cancellation for an answer, and goes on."""

    body: tuple[Op, ...]

    async def do(self, machine, me):
        try:
            await run_body(self.body, machine, me)
        except asyncio.CancelledError as error:
            machine.registers[me] = 50 + len(error.args)
            await asyncio.sleep(0)


@dataclass(frozen=True)
class Finally(Op):
    body: tuple[Op, ...]
    last: Op

    async def do(self, machine, me):
        try:
            await run_body(self.body, machine, me)
        finally:
            await perform(self.last, machine, me)


@dataclass(frozen=True)
class Soon(Op):
    def bump(self, machine, me):
        machine.note(me, "bump", machine.x)
        machine.x += 1

    async def do(self, machine, me):
        asyncio.get_running_loop().call_soon(self.bump, machine, me)


@dataclass(frozen=True)
class Forgotten(Op):
    """A callback that is cancelled before its turn: an entry of the ready queue which does nothing."""

    async def do(self, machine, me):
        asyncio.get_running_loop().call_soon(machine.note, me, "never").cancel()


@dataclass(frozen=True)
class Generate(Op):
    op: Op

    async def numbers(self, machine, me):
        try:
            yield 1
            await perform(self.op, machine, me)
            yield 2
        finally:
            machine.note(me, "generator closed")

    async def do(self, machine, me):
        async for number in self.numbers(machine, me):
            machine.registers[me] = number + len(repr(machine.x))


@dataclass(frozen=True)
class Abandon(Op):
    """An asynchronous generator that is left in the middle: the loop closes it in a task of its own."""

    async def numbers(self, machine, me):
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            machine.note(me, "abandoned")
            machine.x += 1

    async def do(self, machine, me):
        async for number in self.numbers(machine, me):
            machine.registers[me] = number
            break


@dataclass(frozen=True)
class InContext(Op):
    body: tuple[Op, ...]

    async def do(self, machine, me):
        token = VARIABLE.set(VARIABLE.get() + me + 1)
        await run_body(self.body, machine, me)
        machine.registers[me] = VARIABLE.get()
        VARIABLE.reset(token)


@dataclass(frozen=True)
class Gathered(Op):
    one: Op
    two: Op
    keep: bool

    async def do(self, machine, me):
        found = await asyncio.gather(
            perform(self.one, machine, me), perform(self.two, machine, me), return_exceptions=self.keep
        )
        machine.registers[me] = sum(isinstance(item, BaseException) for item in found)


@dataclass(frozen=True)
class Grouped(Op):
    one: Op
    two: Op

    async def do(self, machine, me):
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(perform(self.one, machine, me))
                group.create_task(perform(self.two, machine, me))
        except* ValueError as errors:
            machine.registers[me] = 20 + len(errors.exceptions)


@dataclass(frozen=True)
class Waited(Op):
    one: Op
    two: Op
    when: str

    async def do(self, machine, me):
        tasks = [asyncio.ensure_future(perform(op, machine, me)) for op in (self.one, self.two)]
        try:
            done, pending = await asyncio.wait(tasks, return_when=self.when)
            machine.registers[me] = len(done) * 10 + len(pending)
        finally:
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class Shielded(Op):
    op: Op

    async def do(self, machine, me):
        inner = asyncio.ensure_future(perform(self.op, machine, me))
        try:
            await asyncio.shield(inner)
        finally:
            inner.add_done_callback(lambda task: task.cancelled() or task.exception())


@dataclass(frozen=True)
class Fail(Op):
    async def do(self, machine, me):
        raise ValueError(me)


# -- what the clock and the outside world decide ---------------------------------------------------------------------


@dataclass(frozen=True)
class Sleep(Op):
    delay: float

    async def do(self, machine, me):
        await asyncio.sleep(machine.delay(self.delay))


@dataclass(frozen=True)
class Timeout(Op):
    delay: float
    body: tuple[Op, ...]

    async def do(self, machine, me):
        try:
            async with asyncio.timeout(machine.delay(self.delay)):
                await run_body(self.body, machine, me)
        except TimeoutError:
            machine.registers[me] = 30


@dataclass(frozen=True)
class WaitFor(Op):
    delay: float
    op: Op

    async def do(self, machine, me):
        try:
            await asyncio.wait_for(perform(self.op, machine, me), machine.delay(self.delay))
        except TimeoutError:
            machine.registers[me] = 40


@dataclass(frozen=True)
class Later(Op):
    delay: float

    async def do(self, machine, me):
        asyncio.get_running_loop().call_later(machine.delay(self.delay), Soon().bump, machine, me)


@dataclass(frozen=True)
class Checkpoint(Op):
    maybe: bool

    async def do(self, machine, me):
        await checkpoint(maybe=self.maybe)


@dataclass(frozen=True)
class Choose(Op):
    n: int

    async def do(self, machine, me):
        machine.registers[me] = choose(self.n)


@dataclass(frozen=True)
class Job(Op):
    """Work for an executor: it may happen, and its result may arrive, between two callbacks."""

    def work(self, machine):
        machine.x *= 2
        return machine.x

    async def do(self, machine, me):
        machine.registers[me] = await asyncio.get_running_loop().run_in_executor(None, self.work, machine)


@dataclass(frozen=True)
class Expect(Op):
    """An assertion of the scenario, which some interleaving may break."""

    value: int

    async def do(self, machine, me):
        assert machine.x != self.value, "x has the forbidden value"


@dataclass(frozen=True)
class Program:
    """Some tasks, each a sequence of operations. `lenient` takes what the tasks raise for a result."""

    tasks: tuple[tuple[Op, ...], ...]
    lenient: bool = True

    async def scenario(self, logging=False, machines=None):
        machine = Machine(logging)
        if machines is not None:
            machines.append(machine)
        machine.registers = [0] * len(self.tasks)
        for me, body in enumerate(self.tasks):
            machine.tasks.append(asyncio.create_task(run_body(body, machine, me), name=f"T{me}"))
        try:
            found = await asyncio.gather(*machine.tasks, return_exceptions=self.lenient)
        except BaseException as error:
            machine.note("end", type(error).__name__)
            raise
        ends = tuple(type(item).__name__ for item in found)
        machine.note("end", ends)
        return (machine.x, tuple(machine.registers), ends)

    async def __call__(self):
        return await self.scenario()
