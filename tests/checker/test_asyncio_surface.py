"""Everything of asyncio that lives in memory works in the simulation; everything else is refused with the way out."""

import asyncio
import contextlib
import contextvars
import logging
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from treadle.checker import FenceError, check, checkpoint
from treadle.checker.explorer import explore
from treadle.checker.runtime import Settings

VARIABLE = contextvars.ContextVar("VARIABLE", default="unset")
NEW_IN_312 = pytest.mark.skipif(sys.version_info < (3, 12), reason="needs Python 3.12")
NEW_IN_313 = pytest.mark.skipif(sys.version_info < (3, 13), reason="needs Python 3.13")


def results(scenario, **settings):
    """Return what the scenario returns, over all schedules; nothing may be violated."""
    found = explore(scenario, Settings(**settings), merge="on", keep_going=True)
    assert not found.findings
    assert not found.held_back
    assert found.fence is None
    return found.outcomes


def result(scenario, **settings):
    (only,) = results(scenario, **settings)
    return only


async def give(value, wait=True):
    if wait:
        await checkpoint()
    return value


async def fail(error):
    await checkpoint()
    raise error


# -- waiting for several things --------------------------------------------------------------------------------------------------


def test_gather():
    async def scenario():
        return await asyncio.gather(give(1), give(2), fail(ValueError()), return_exceptions=True)

    assert result(scenario) == "[1, 2, ValueError()]"


@pytest.mark.parametrize(
    ("when", "expected"),
    [("FIRST_COMPLETED", {"(1, 1)", "(2, 0)"}), ("ALL_COMPLETED", {"(2, 0)"}), ("FIRST_EXCEPTION", {"(2, 0)"})],
)
def test_wait(when, expected):
    async def scenario():
        tasks = [asyncio.ensure_future(give(number)) for number in range(2)]
        done, pending = await asyncio.wait(tasks, return_when=when)
        await asyncio.gather(*tasks)
        return len(done), len(pending)

    assert results(scenario) == expected


def test_wait_for_and_timeout():
    async def scenario():
        log = [await asyncio.wait_for(give(1, wait=False), 5)]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 2)
        log.append(asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(3):
                await asyncio.Event().wait()
        except TimeoutError:
            log.append("late")
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + 1) as timeout:
                timeout.reschedule(asyncio.get_running_loop().time() + 10)
                await asyncio.Event().wait()
        except TimeoutError:
            log.append(asyncio.get_running_loop().time())
        return log

    assert result(scenario) == "[1, 2.0, 'late', 15.0]"


def test_as_completed():
    async def scenario():
        return [await found for found in asyncio.as_completed([give(1), give(2)])]

    assert results(scenario) == {"[1, 2]", "[2, 1]"}


def test_a_task_group_cancels_the_siblings_of_a_failure():
    async def scenario():
        log = []

        async def sibling():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                log.append("cancelled")
                raise

        with contextlib.suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(sibling())
                group.create_task(fail(ValueError()))
        return log

    assert result(scenario) == "['cancelled']"


def test_shield():
    async def scenario():
        inner = asyncio.ensure_future(give("kept"))
        outer = asyncio.shield(inner)
        outer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await outer
        return await inner

    assert result(scenario) == "'kept'"


# -- queues, barriers, generators, contexts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"), [(asyncio.Queue, [3, 1, 2]), (asyncio.LifoQueue, [2, 1, 3]), (asyncio.PriorityQueue, [1, 2, 3])]
)
def test_queues(kind, expected):
    async def scenario():
        queue = kind(3)
        for number in (3, 1, 2):
            await queue.put(number)
        found = [await queue.get() for _ in range(3)]
        for _ in found:
            queue.task_done()
        await queue.join()
        return found

    assert result(scenario) == repr(expected)


@NEW_IN_313
def test_shutting_a_queue_down():
    async def scenario():
        queue = asyncio.Queue()
        getter = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0)
        queue.shutdown()
        return await asyncio.gather(getter, return_exceptions=True)

    assert result(scenario) == "[QueueShutDown()]"


def test_a_barrier():
    async def scenario():
        barrier = asyncio.Barrier(3)
        return sorted(await asyncio.gather(*(barrier.wait() for _ in range(3))))

    assert result(scenario) == "[0, 1, 2]"


def test_an_asynchronous_generator_that_is_left_is_closed():
    async def scenario():
        seen = []

        async def numbers():
            try:
                yield 1
            finally:
                await checkpoint()
                seen.append("closed")

        async for _ in numbers():
            break
        await asyncio.sleep(1)
        return seen

    assert result(scenario) == "['closed']"


def test_an_asynchronous_generator_that_fails_while_it_is_closed_is_reported():
    async def scenario():
        async def numbers():
            try:
                yield 1
            finally:
                raise ValueError("while closing")

        generator = numbers()
        await anext(generator)
        asyncio.get_running_loop().kept = generator

    found = explore(scenario, Settings(), keep_going=True)
    assert "while closing" in found.findings[0].violation.message


def test_context_variables():
    async def scenario():
        async def child():
            before = VARIABLE.get()
            VARIABLE.set("child")
            await checkpoint()
            return before, VARIABLE.get()

        VARIABLE.set("main")
        found = await asyncio.gather(child(), child())
        return found, VARIABLE.get()

    assert result(scenario) == "([('main', 'child'), ('main', 'child')], 'main')"
    assert VARIABLE.get() == "unset"


@NEW_IN_312
def test_eager_tasks():
    async def scenario():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        log = []

        async def child():
            log.append("child")
            await checkpoint()
            log.append("later")

        task = asyncio.create_task(child())
        log.append("main")
        await task
        return log

    assert result(scenario) == "['child', 'main', 'later']"


# -- the loop itself --------------------------------------------------------------------------------------------------------------------


def test_callbacks_and_timers():
    async def scenario():
        loop = asyncio.get_running_loop()
        log = []
        loop.call_later(2, log.append, "later")
        loop.call_at(loop.time() + 1, log.append, "at")
        loop.call_soon(log.append, "soon")
        loop.call_soon_threadsafe(log.append, "threadsafe")
        loop.call_later(1, log.append, "never").cancel()
        await asyncio.sleep(3)
        return log

    assert result(scenario) == "['soon', 'threadsafe', 'at', 'later']"


def test_the_result_of_a_job_may_arrive_between_two_callbacks():
    async def scenario():
        loop = asyncio.get_running_loop()
        log = []
        job = loop.run_in_executor(None, log.append, "job")
        loop.call_soon(log.append, "one")
        loop.call_soon(log.append, "two")
        await job
        return log

    assert results(scenario) == {
        "['job', 'one', 'two']",
        "['one', 'job', 'two']",
        "['one', 'two', 'job']",
    }


def test_threads_of_to_thread():
    async def scenario():
        def work(number):
            if number == 2:
                raise ValueError(number)
            return number

        VARIABLE.set("carried")
        return await asyncio.gather(
            asyncio.to_thread(work, 1), asyncio.to_thread(work, 2), asyncio.to_thread(VARIABLE.get), return_exceptions=True
        )

    assert result(scenario) == "[1, ValueError(2), 'carried']"


def test_a_job_that_calls_back():
    async def scenario():
        loop = asyncio.get_running_loop()
        log = []
        await loop.run_in_executor(None, loop.call_soon_threadsafe, log.append, "called")
        return log

    assert result(scenario) == "['called']"


def test_a_program_s_own_exception_handler():
    async def scenario():
        loop = asyncio.get_running_loop()
        log = []
        loop.set_exception_handler(lambda loop, context: log.append(repr(context["exception"])))

        def broken():
            raise ValueError

        loop.call_soon(broken)
        await asyncio.sleep(0)
        return log

    assert result(scenario) == "['ValueError()']"


def test_what_is_left_is_cancelled_and_awaited_at_the_end():
    async def scenario():
        async def child():
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(1)
                raise ValueError("from the clean-up")

        asyncio.create_task(child())
        await asyncio.sleep(0)

    found = explore(scenario, Settings(), keep_going=True)
    assert [finding.violation.property for finding in found.findings] == ["no-unhandled-exception"]
    assert "from the clean-up" in found.findings[0].violation.message


def test_logging_works_inside_a_scenario(caplog):
    logger = logging.getLogger("program")

    async def scenario():
        logger.warning("at %s", asyncio.get_running_loop().time())
        await asyncio.sleep(1)

    with caplog.at_level(logging.WARNING, "program"):
        assert result(scenario) == "None"
    assert caplog.messages[0] == "at 0.0"


# -- fences --------------------------------------------------------------------------------------------------------------------------------


def call_loop(name, *args):
    async def scenario():
        found = getattr(asyncio.get_running_loop(), name)(*args)
        if asyncio.iscoroutine(found):
            await found

    return scenario


def call(function, *args):
    async def scenario():
        await asyncio.sleep(0)
        function(*args)

    return scenario


FENCED = {
    "time.time": (call(lambda: time.time()), r"time\.time\(\).*get_running_loop\(\)\.time\(\)"),
    "time.monotonic": (call(lambda: time.monotonic()), "get_running_loop"),
    "time.perf_counter_ns": (call(lambda: time.perf_counter_ns()), "get_running_loop"),
    "time.sleep": (call(lambda: time.sleep(0)), r"await asyncio\.sleep"),
    "random.random": (call(lambda: random.random()), r"choose\(n\)"),
    "random.shuffle": (call(lambda: random.shuffle([1])), r"choose\(n\)"),
    "os.urandom": (call(lambda: os.urandom(1)), r"choose\(n\)"),
    "uuid.uuid4": (call(lambda: uuid.uuid4()), r"choose\(n\)"),
    "socket": (call(lambda: socket.socket()), "checkpoint"),
    "subprocess": (call(lambda: subprocess.Popen(["true"])), "checkpoint"),
    "subprocess.run": (call(lambda: subprocess.run(["true"], check=True)), "checkpoint"),
    "imported by name": (call(lambda: monotonic()), "get_running_loop"),
    "secrets": (call(lambda: secrets.token_hex()), "choose"),
    "socket.create_connection": (call(lambda: socket.create_connection(("localhost", 1))), "checkpoint"),
    "thread pool": (call(lambda: ThreadPoolExecutor().submit(print)), "to_thread"),
    "thread": (call(lambda: threading.Thread(target=print).start()), "to_thread"),
    "signal": (call(lambda: signal.signal(signal.SIGUSR1, signal.SIG_DFL)), "checkpoint"),
    "create_connection": (call_loop("create_connection", None, "localhost", 80), "checkpoint"),
    "create_server": (call_loop("create_server", None), "checkpoint"),
    "getaddrinfo": (call_loop("getaddrinfo", "localhost", 80), "checkpoint"),
    "add_reader": (call_loop("add_reader", 0, print), "checkpoint"),
    "add_signal_handler": (call_loop("add_signal_handler", signal.SIGUSR1, print), "checkpoint"),
    "subprocess_exec": (call_loop("subprocess_exec", None, "true"), "fake"),
    "run_until_complete": (call_loop("run_until_complete", None), "await the coroutine"),
    "stop": (call_loop("stop"), "await the coroutine"),
}


@pytest.mark.parametrize("name", FENCED)
def test_what_cannot_be_simulated_is_refused_with_the_way_out(name):
    scenario, remedy = FENCED[name]
    with pytest.raises(FenceError, match=remedy):
        check(scenario)


def test_a_fence_holds_even_if_the_program_catches_what_it_raises():
    async def scenario():
        with contextlib.suppress(Exception):
            time.time()

    with pytest.raises(FenceError, match=r"time\.time"):
        check(scenario)


def test_open_connection_and_subprocesses_by_their_usual_names():
    async def connect():
        await asyncio.open_connection("localhost", 80)

    async def execute():
        await asyncio.create_subprocess_exec("true")

    for scenario in (connect, execute):
        with pytest.raises(FenceError, match="inside the simulation"):
            check(scenario)


def test_another_thread_may_do_what_it_likes_while_a_run_is_under_way():
    stop = threading.Event()
    failures = []

    def tick():
        while not stop.wait(0.0001):
            try:
                monotonic()
            except FenceError as error:
                failures.append(error)

    thread = threading.Thread(target=tick)
    thread.start()

    async def scenario():
        for _ in range(20):
            await asyncio.gather(checkpoint(), checkpoint())

    explore(scenario, Settings(), merge="on")
    stop.set()
    thread.join()
    assert not failures


def test_fences_are_gone_afterwards():
    assert check(call(len, ""))
    assert time.time() > 0
    assert random.random() < 1
    with socket.socket():
        pass


def test_calling_checkpoint_outside_of_a_run_says_so():
    from treadle.checker import TreadleError

    with pytest.raises(TreadleError, match="only inside a scenario"):
        asyncio.run(checkpoint())


def test_nothing_is_warned_of():
    async def scenario():
        asyncio.ensure_future(give(1))
        await asyncio.sleep(0)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert result(scenario) == "None"
