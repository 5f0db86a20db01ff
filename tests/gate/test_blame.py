"""Which line a violation blames: the one that a person would point at."""

import os
import sys
import textwrap

import mishaps
import pytest

from treadle.checker import check
from treadle.checker.blame import blame, files_of, is_program
from treadle.checker.recording import record
from treadle.checker.runtime import Settings
from treadle.checker.targets import resolve
from treadle.checker.trace import Target
from treadle.checker.verification import verify

CASES = {
    "an assertion in a helper": (
        """
        def holds(x):
            assert x == 2  # here

        async def scenario():
            holds(1)
        """,
        0,
    ),
    "an exception in a task": (
        """
        import asyncio

        async def fails():
            {}["missing"]  # here

        async def scenario():
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
        """,
        0,
    ),
    "an exception that nobody retrieves": (
        """
        import asyncio

        async def fails():
            raise ValueError("lost")  # here

        async def scenario():
            task = asyncio.create_task(fails())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        """,
        0,
    ),
    "a callback that raises": (
        """
        import asyncio

        def callback():
            raise ValueError("lost")  # here

        async def scenario():
            asyncio.get_running_loop().call_soon(callback)
            await asyncio.sleep(0)
        """,
        0,
    ),
    "a task that waits for ever, not the one that waits for it": (
        """
        import asyncio

        async def stuck():
            await asyncio.Event().wait()  # here

        async def scenario():
            await asyncio.create_task(stuck())
        """,
        0,
    ),
    "an invariant": (
        """
        from treadle.checker import checkpoint, invariant

        class Stock:
            left = 1

        async def scenario():
            stock = Stock()
            invariant(lambda: stock.left >= 0, message="sold out")
            await checkpoint()
            stock.left -= 1
            await checkpoint()
            stock.left -= 1
            await checkpoint()  # here
        """,
        0,
    ),
    "a cancellation that leaves a hole": (
        """
        import asyncio
        from treadle.checker import checkpoint

        busy = False

        async def work():
            global busy
            busy = True
            await checkpoint()
            busy = False

        async def scenario():
            task = asyncio.create_task(work())
            await asyncio.wait([task])
            assert not busy  # here
        """,
        1,
    ),
    "a task that goes round for ever, not the one that waits for it": (
        """
        import asyncio
        from treadle.checker import choose

        async def poll(missed):
            while missed:
                await asyncio.sleep(0)  # here

        async def wait_for(task):
            await task

        async def scenario():
            poller = asyncio.create_task(poll(choose(2)))
            await asyncio.create_task(wait_for(poller))
        """,
        0,
    ),
    "a task that does not get on while others go round": (
        """
        import asyncio
        from treadle.checker import checkpoint, progress

        readers = 0
        free = asyncio.Condition()

        async def read():
            global readers
            while True:
                readers += 1
                await checkpoint()
                readers -= 1
                async with free:
                    free.notify_all()
                await checkpoint()

        async def write():
            while True:
                await checkpoint()
                async with free:
                    await free.wait_for(lambda: readers == 0)  # here
                progress("writer")

        async def scenario():
            async with asyncio.TaskGroup() as group:
                group.create_task(read())
                group.create_task(read())
                group.create_task(write(), name="writer")
        """,
        0,
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_of_a_scenario(tmp_path, what):
    text, cancel = CASES[what]
    file = tmp_path / "scenarios.py"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    (target,) = resolve(str(file))
    verdict = check(target.function, cancel=cancel)
    (violation,) = verdict.violations
    found = blame(target.function, violation.settings(), violation.schedule)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert found.place.file == str(file.resolve())
    assert lines[found.place.line - 1].endswith("# here"), found
    assert found.place.source == lines[found.place.line - 1].strip()


def test_a_run_that_goes_round_is_watched_once_round():
    """Up to Python 3.11 a frame of which lines are traced is in another state: watched, the run would not be seen to come back."""
    (violation,) = check(mishaps.starvation).violations
    found = blame(mishaps.starvation, violation.settings(), violation.schedule)
    trace, _ = record(mishaps.starvation, violation.settings(), violation.schedule, Target("check", "x"))
    assert trace.loop
    assert found.steps[-1].step == len(trace.steps)


@pytest.mark.parametrize(
    ("release", "function", "source"),
    [("3.8", "Semaphore.acquire", "return True"), ("3.9", "Semaphore.acquire", "raise")],
)
def test_of_an_implementation_the_line_that_broke_it(release, function, source):
    """3.8 lets a newcomer pass in acquire(); 3.9 loses a permit where acquire() is cancelled."""
    try:
        (verification,) = verify("semaphore", impl=f"stdlib:{release}", tasks=3, rounds=1, cancel=1)
    except Exception as error:
        pytest.skip(f"there is no CPython {release} here: {error}")
    found = verification.counterexamples[0]
    counterexample = found.counterexample
    files = files_of(list(verification.implementation.classes.values()))
    settings = Settings(counterexample.contract, counterexample.time, counterexample.cancel)
    place = blame(found.part.fn, settings, counterexample.schedule, files).place
    assert place.file.endswith(f"python{release}/asyncio/locks.py")
    assert (place.function, place.source) == (function, source)


def test_tracing_of_others_is_given_back(tmp_path):
    seen = []

    def tracer(frame, event, argument):
        seen.append(event)

    async def scenario():
        raise ValueError

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        blame(scenario, Settings(), ())
        after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert after is tracer


def test_nothing_of_the_runs_stays_in_the_globals(tmp_path):
    file = tmp_path / "scenarios.py"
    file.write_text("count = 0\n\nasync def scenario():\n    global count\n    count += 1\n    assert count == 2\n", encoding="utf-8")
    (target,) = resolve(str(file))
    (violation,) = check(target.function).violations
    for _ in range(2):
        assert blame(target.function, Settings(), violation.schedule).place.line == 6
    assert target.function.__globals__["count"] == 0


def test_what_is_not_the_users():
    assert is_program(__file__)
    for module in ("asyncio", "pytest", "treadle.checker.blame"):
        assert not is_program(os.path.realpath(sys.modules[module].__file__))
    assert not is_program("<string>")
