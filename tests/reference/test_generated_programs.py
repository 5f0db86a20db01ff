"""Generated programs on a real loop, against oracles that know nothing of futures.

A program is a list of operations. Some start a task; some act at once, from outside; `turn` lets the loop run what is ready. The oracle
keeps plain lists of numbers: who waits in which order, what the loop will run in its next turn. After each operation the
primitive and its oracle must show the same state, and at the end the same history, in the same order.
"""

import asyncio
from collections import deque

import pytest
from driving import drive
from hypothesis import example, given, settings
from hypothesis import strategies as st

from treadle import reference

FIXED = settings(max_examples=300, derandomize=True, deadline=None, database=None)


class Oracle:
    """What the loop does with the tasks; a subclass says what the primitive does with them.

    `ready` is what the loop runs in its next turn. A task is in one of the states new, waiting, served (woken, not yet resumed),
    struck (cancelled while it waited, not yet resumed) and done. A task that is cancelled while served stays served, and
    has its message in `messages`.
    """

    def __init__(self):
        self.ready = deque()
        self.state = []
        self.messages = {}
        self.history = []

    def start(self, *_):
        self.ready.append(len(self.state))
        self.state.append("new")

    def cancel(self, task, message):
        if self.state[task] in ("new", "served"):
            # The last message that was left before the task runs is the one that it gets.
            self.messages[task] = message
        elif self.state[task] == "waiting":
            self.messages[task] = message
            self.state[task] = "struck"
            self.ready.append(task)
            self.struck(task)

    def turn(self):
        for _ in range(len(self.ready)):
            task = self.ready.popleft()
            if self.state[task] == "new" and task in self.messages:
                self.end(task, self.messages[task])
            else:
                self.run(task, self.state[task])

    def serve(self, task):
        self.state[task] = "served"
        self.ready.append(task)

    def end(self, task, outcome):
        self.state[task] = "done"
        self.history.append((task, outcome))


class SemaphoreOracle(Oracle):
    def __init__(self, value, bound=None):
        super().__init__()
        self.value, self.bound, self.queue = value, bound, []

    def release(self):
        if self.bound is not None and self.value >= self.bound:
            return ValueError
        if self.queue:
            self.serve(self.queue.pop(0))
        else:
            self.value += 1
        return None

    def struck(self, task):
        self.queue.remove(task)

    def run(self, task, state):
        if state == "new" and self.value:
            self.value -= 1
            self.end(task, True)
        elif state == "new":
            self.state[task] = "waiting"
            self.queue.append(task)
        elif task not in self.messages:
            self.end(task, True)
        else:
            if state == "served":
                self.bound, bound = None, self.bound  # passing a permit on is no release
                self.release()
                self.bound = bound
            self.end(task, self.messages[task])

    def shown(self):
        return "locked" if not self.value else f"unlocked, value:{self.value}", len(self.queue)


class LockOracle(SemaphoreOracle):
    def release(self):
        if self.value:
            return RuntimeError
        return super().release()

    def shown(self):
        return "unlocked" if self.value else "locked", len(self.queue)


class EventOracle(Oracle):
    def __init__(self):
        super().__init__()
        self.flag, self.queue = False, []

    def set(self):
        self.flag = True
        while self.queue:
            self.serve(self.queue.pop(0))

    def clear(self):
        self.flag = False

    def struck(self, task):
        self.queue.remove(task)

    def run(self, task, state):
        if state == "new" and not self.flag:
            self.state[task] = "waiting"
            self.queue.append(task)
        else:
            self.end(task, self.messages.get(task, True))

    def shown(self):
        return "set" if self.flag else "unset", len(self.queue)


class ConditionOracle(Oracle):
    """Each task acquires the lock and waits; when it ends, by a notification or not, the lock is its own until it is released.

    A task's stage says what it stands in line for: to `enter`, to be notified (`asleep`), or to `return`. A task that must have the
    lock again (`return`) keeps its place in line when it is cancelled: `struck` tasks can be given the lock, too.
    """

    def __init__(self):
        super().__init__()
        self.locked, self.line, self.asleep, self.stage, self.owning = False, [], [], {}, set()
        self.doomed = {}

    def hand_over(self):
        if not self.line:
            self.locked = False
            return
        task = self.line.pop(0)
        self.owning.add(task)
        if self.state[task] == "waiting":
            self.serve(task)

    def release(self):
        if not self.locked:
            return RuntimeError
        self.hand_over()
        return None

    def notify(self, n):
        if not self.locked:
            return RuntimeError
        for task in self.asleep[:n]:
            self.stage[task] = "return"
            self.line.append(task)
        del self.asleep[:n]
        return None

    def struck(self, task):
        if self.stage[task] == "enter":
            self.line.remove(task)
        elif self.stage[task] == "asleep":
            self.asleep.remove(task)

    def run(self, task, state):
        if state == "new" and self.locked:
            self.stage[task] = "enter"
            self.state[task] = "waiting"
            self.line.append(task)
        elif state == "new":
            self.locked = True
            self.sleep(task)
        elif self.stage[task] == "enter":
            if task in self.messages:
                if task in self.owning:
                    self.owning.discard(task)
                    self.hand_over()
                self.end(task, self.messages[task])
            else:
                self.owning.discard(task)
                self.sleep(task)
        else:
            self.come_back(task)

    def sleep(self, task):
        self.stage[task] = "asleep"
        self.state[task] = "waiting"
        self.asleep.append(task)
        self.hand_over()

    def come_back(self, task):
        if task in self.messages and task not in self.doomed:
            self.doomed[task] = self.messages[task]
            if self.stage[task] == "return":
                self.notify(1)
            elif self.locked:
                self.line.append(task)
            else:
                self.locked = True
                self.owning.add(task)
            self.stage[task] = "return"
        if task in self.owning:
            self.end(task, self.doomed.get(task, True))
        else:
            self.state[task] = "waiting"

    def shown(self):
        return "locked" if self.locked else "unlocked", len(self.asleep)


def shown(primitive):
    """The state and the number of waiters that a repr shows, read from its brackets."""
    brackets = repr(primitive).rpartition("[")[2].removesuffix("]>")
    state, _, waiters = brackets.partition(", waiters:")
    return state, int(waiters or 0)


def run(program, primitive, oracle, client):
    history = []

    async def recorded(task):
        try:
            history.append((task, await client(primitive)))
        except asyncio.CancelledError as error:
            history.append((task, *error.args))

    def ended(number):
        # A task that is cancelled before it ever ran has no chance to record it.
        def record(task):
            if all(number != other for other, _ in history):
                history.append((number, "never ran"))

        return record

    async def main():
        tasks = []
        for name, *arguments in [*program, *([("turn",)] * 3)]:
            if name == "turn":
                oracle.turn()
                await asyncio.sleep(0)
            elif name == "start":
                oracle.start()
                tasks.append(asyncio.create_task(recorded(len(tasks))))
                tasks[-1].add_done_callback(ended(len(tasks) - 1))
            elif name == "cancel":
                if tasks:
                    number, message = arguments[0] % len(tasks), arguments[1]
                    oracle.cancel(number, message)
                    tasks[number].cancel(message)
            else:
                expected = getattr(oracle, name)(*arguments)
                if expected is None:
                    getattr(primitive, name)(*arguments)
                else:
                    with pytest.raises(expected):
                        getattr(primitive, name)(*arguments)
            assert oracle.shown() == shown(primitive), (name, arguments)
        return list(history), [task.done() for task in tasks]

    seen, done = drive(main())
    ran = [(task, outcome) for task, outcome in oracle.history if (task, "never ran") not in seen]
    assert ran == [entry for entry in seen if entry[1] != "never ran"]
    assert [state == "done" for state in oracle.state] == done


def programs(*operations):
    start, turn = st.just(("start",)), st.just(("turn",))
    cancel = st.tuples(st.just("cancel"), st.integers(0, 5), st.sampled_from(["a", "b"]))
    return st.lists(st.one_of(start, turn, cancel, *operations), max_size=30)


RELEASE = st.just(("release",))
NOTIFY = st.tuples(st.just("notify"), st.integers(0, 3))


@FIXED
@given(programs(RELEASE), st.integers(0, 3))
def test_semaphore(program, value):
    run(program, reference.Semaphore(value), SemaphoreOracle(value), lambda semaphore: semaphore.acquire())


@FIXED
@given(programs(RELEASE), st.integers(0, 3))
def test_bounded_semaphore(program, value):
    run(program, reference.BoundedSemaphore(value), SemaphoreOracle(value, value), lambda semaphore: semaphore.acquire())


@FIXED
@given(programs(RELEASE))
def test_lock(program):
    run(program, reference.Lock(), LockOracle(1), lambda lock: lock.acquire())


@FIXED
@given(programs(st.just(("set",)), st.just(("clear",))))
def test_event(program):
    run(program, reference.Event(), EventOracle(), lambda event: event.wait())


async def acquire_and_wait(condition):
    await condition.acquire()
    return await condition.wait()


# A task is notified, loses its wait to a cancellation while another holds the lock, and is cancelled again before it has it back.
TWICE = [("start",), ("start",), ("turn",), ("start",), ("turn",), ("turn",)]


@FIXED
@given(programs(RELEASE, NOTIFY))
@example([*TWICE, ("notify", 1), ("cancel", 0, "a"), ("turn",), ("cancel", 0, "b"), ("turn",), ("release",), ("turn",)])
def test_condition(program):
    run(program, reference.Condition(), ConditionOracle(), acquire_and_wait)
