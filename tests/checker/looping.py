"""Small programs with loops, generated: tasks that go round until somebody raises a flag, or for ever.

Unlike `operations`, nothing here grows: flags, a counter that wraps around, no log. So the programs have few states, and most of them can
go on for ever, in all the ways that matter to a search for endless runs: by chance, by a choice, by a wait that never ends, by a clock
that stands still, in tasks that are replaced round by round. Every loop ends its round by suspending: one that does not would never end
in one step.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

from hypothesis import strategies as st

from treadle.checker import checkpoint, choose
from treadle.checker.runtime import progress


class Board:
    """What the tasks of a program share."""

    def __init__(self):
        self.flags = [False, False]
        self.count = 0
        self.event = asyncio.Event()
        self.lock = asyncio.Lock()
        self.tasks = []


class Op:
    """One operation of task number `me`."""

    async def do(self, board, me):
        raise NotImplementedError


async def run_body(body, board, me):
    for op in body:
        await op.do(board, me)


@dataclass(frozen=True)
class Yield(Op):
    async def do(self, board, me):
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Wait(Op):
    maybe: bool = False

    async def do(self, board, me):
        await checkpoint(maybe=self.maybe)


@dataclass(frozen=True)
class Sleep(Op):
    async def do(self, board, me):
        await asyncio.sleep(1)


@dataclass(frozen=True)
class Raise(Op):
    which: int

    async def do(self, board, me):
        board.flags[self.which] = True


@dataclass(frozen=True)
class Lower(Op):
    which: int

    async def do(self, board, me):
        board.flags[self.which] = False


@dataclass(frozen=True)
class Flicker(Op):
    """A flag goes up and down again, which may be missed again and again."""

    which: int
    pause: Op

    async def do(self, board, me):
        board.flags[self.which] = True
        await self.pause.do(board, me)
        board.flags[self.which] = False


@dataclass(frozen=True)
class Toss(Op):
    which: int

    async def do(self, board, me):
        board.flags[self.which] = choose(2) == 1


@dataclass(frozen=True)
class Perhaps(Op):
    """An operation that is done or not: the data decide."""

    op: Op

    async def do(self, board, me):
        if choose(2):
            await self.op.do(board, me)


@dataclass(frozen=True)
class Count(Op):
    """Raises the first flag every third time."""

    async def do(self, board, me):
        board.count = (board.count + 1) % 3
        board.flags[0] = board.count == 0


@dataclass(frozen=True)
class SetEvent(Op):
    async def do(self, board, me):
        board.event.set()


@dataclass(frozen=True)
class ClearEvent(Op):
    async def do(self, board, me):
        board.event.clear()


@dataclass(frozen=True)
class WaitEvent(Op):
    async def do(self, board, me):
        await board.event.wait()


@dataclass(frozen=True)
class Locked(Op):
    body: tuple[Op, ...]

    async def do(self, board, me):
        async with board.lock:
            await run_body(self.body, board, me)


@dataclass(frozen=True)
class Gathered(Op):
    """Two tasks without names."""

    one: Op
    two: Op

    async def do(self, board, me):
        await asyncio.gather(self.one.do(board, me), self.two.do(board, me))


@dataclass(frozen=True)
class Timeout(Op):
    body: tuple[Op, ...]

    async def do(self, board, me):
        try:
            async with asyncio.timeout(1):
                await run_body(self.body, board, me)
        except TimeoutError:
            board.flags[0] = not board.flags[0]


@dataclass(frozen=True)
class Strike(Op):
    target: int

    async def do(self, board, me):
        target = board.tasks[self.target % len(board.tasks)]
        if target is not asyncio.current_task():
            target.cancel()


@dataclass(frozen=True)
class Persist(Op):
    """Takes a cancellation for an answer, and goes on."""

    body: tuple[Op, ...]

    async def do(self, board, me):
        try:
            await run_body(self.body, board, me)
        except asyncio.CancelledError:
            await asyncio.sleep(0)


@dataclass(frozen=True)
class Progress(Op):
    async def do(self, board, me):
        progress(f"T{me}")


@dataclass(frozen=True)
class Until(Op):
    """Goes round until a flag is up; `pause` ends every round."""

    which: int
    body: tuple[Op, ...]
    pause: Op

    async def do(self, board, me):
        while not board.flags[self.which]:
            await run_body(self.body, board, me)
            await self.pause.do(board, me)


@dataclass(frozen=True)
class Forever(Op):
    body: tuple[Op, ...]
    pause: Op

    async def do(self, board, me):
        while True:
            await run_body(self.body, board, me)
            await self.pause.do(board, me)


@dataclass(frozen=True)
class Rolling(Op):
    """Goes round with a window of two tasks without names: each round the older one is awaited, and a new one comes."""

    which: int

    async def do(self, board, me):
        window = deque(asyncio.create_task(checkpoint()) for _ in range(2))
        while not board.flags[self.which]:
            await window.popleft()
            window.append(asyncio.create_task(checkpoint()))
        await asyncio.wait(window)


@dataclass(frozen=True)
class Relay(Op):
    """A task without a name that makes another one in its own place, until a flag is up; nobody awaits it."""

    which: int

    async def run(self, board):
        await checkpoint()
        if not board.flags[self.which]:
            asyncio.get_running_loop().create_task(self.run(board))

    async def do(self, board, me):
        asyncio.get_running_loop().create_task(self.run(board))


@dataclass(frozen=True)
class Program:
    """Some tasks, each a sequence of operations; their names are their `own`, the `same` for all, or `none`. It ends with the first of
    them, or with all.
    """

    tasks: tuple[tuple[Op, ...], ...]
    names: str = "own"
    until_first: bool = False

    async def __call__(self):
        board = Board()
        for me, body in enumerate(self.tasks):
            name = {"own": f"T{me}", "same": "T", "none": None}[self.names]
            board.tasks.append(asyncio.create_task(run_body(body, board, me), name=name))
        await asyncio.wait(board.tasks[:1] if self.until_first else board.tasks)
        return (*board.flags, board.count)


_which = st.sampled_from((0, 0, 0, 0, 1))
pauses = st.one_of(st.builds(Yield), st.builds(Wait), st.builds(Wait), st.builds(Sleep))
_waits = st.one_of(st.builds(Yield), st.builds(Wait, st.booleans()), st.builds(Wait), st.builds(Sleep), st.builds(WaitEvent))
_flags = st.one_of(st.builds(Raise, _which), st.builds(Raise, _which), st.builds(Lower, _which), st.builds(Toss, _which), st.builds(Count))
_others = st.one_of(st.builds(SetEvent), st.builds(ClearEvent), st.builds(Strike, st.integers(0, 1)), st.builds(Progress))
_leaves = st.sampled_from((_waits, _waits, _flags, _flags, _others)).flatmap(lambda leaves: leaves)  # one_of() would flatten them
_bodies = st.lists(_leaves, min_size=1, max_size=2).map(tuple)
_compound = st.one_of(
    st.builds(Flicker, st.just(0), pauses),
    st.builds(Flicker, st.just(0), pauses),
    st.builds(Perhaps, _flags),
    st.builds(Perhaps, _leaves),
    st.builds(Locked, _bodies),
    st.builds(Gathered, _leaves, _leaves),
    st.builds(Timeout, _bodies),
    st.builds(Persist, _bodies),
)
_steps = st.sampled_from((_leaves, _leaves, _compound)).flatmap(lambda steps: steps)
_inside = st.lists(_steps, max_size=2).map(tuple)
_until = st.builds(Until, _which, _inside, pauses)
_loops = st.one_of(_until, _until, _until, st.builds(Forever, _inside, pauses), st.builds(Rolling, _which), st.builds(Relay, _which))
_raising = st.one_of(
    st.just(Raise(0)),
    st.just(Toss(0)),
    st.just(Perhaps(Raise(0))),
    st.builds(Flicker, st.just(0), pauses),
    st.builds(Forever, st.builds(Flicker, st.just(0), pauses).map(lambda op: (op,)), pauses),
    st.builds(Until, st.just(1), st.builds(Flicker, st.just(0), pauses).map(lambda op: (op,)), pauses),
    st.builds(Until, _which, st.sampled_from((Count(), Toss(0), Perhaps(Raise(1)))).map(lambda op: (op,)), pauses),
)


def _around(middle):
    one = st.lists(_steps, max_size=1)
    return st.tuples(one, middle, one).map(lambda parts: (*parts[0], parts[1], *parts[2]))


_tasks = st.one_of(
    st.tuples(_around(_loops)),
    st.tuples(_around(_loops), _around(_loops)),
    st.tuples(_around(_until), _around(_raising)),
    st.tuples(_around(_until), _around(_raising)),
    st.tuples(_around(_until), _around(_raising)),
    st.tuples(_around(_loops), _around(_raising)),
    st.tuples(_around(_raising), _around(_loops)),
    st.tuples(_around(_until), st.tuples(_loops), st.tuples(_raising)),
)

_flickering = st.one_of(
    st.builds(Flicker, st.just(0), pauses),
    st.just(Count()),
    st.just(Toss(0)),
    st.builds(Flicker, st.just(0), pauses).map(Perhaps),
).map(lambda op: (op,))
_restless = st.one_of(st.builds(Forever, _flickering, pauses), st.builds(Until, st.just(1), _flickering, pauses))
_watching = st.one_of(
    st.builds(Until, st.just(0), st.just(()), pauses),
    st.builds(Until, st.just(0), st.lists(_leaves, min_size=1, max_size=1).map(tuple), pauses),
    st.just(Rolling(0)),
)
_pairs = st.tuples(st.tuples(_watching), st.one_of(st.tuples(_restless), st.tuples(_waits, _restless)))

_claiming = st.tuples(
    st.one_of(st.tuples(st.just(Progress()), _watching), st.tuples(st.just(Progress()), _waits, _watching)),
    st.one_of(st.tuples(_restless), st.tuples(_waits, _restless)),
)

_named = st.sampled_from(("own", "own", "none", "same"))
programs = st.one_of(
    st.builds(Program, _tasks, _named, st.sampled_from((True, True, False))),
    st.builds(Program, _tasks, _named, st.sampled_from((True, True, False))),
    st.builds(Program, _pairs, _named, st.just(True)),
    st.builds(Program, _claiming, _named, st.booleans()),
)
