"""Traps in tasks, futures, timers and the loop itself."""

import asyncio
import collections
import contextlib
import contextvars
import types

from traps import trap, wait

from treadle.checker import checkpoint, choose
from treadle.checker.events import TimerHandle
from treadle.checker.loop import NamelessTask, SimulatedFuture, SimulatedTask

VARIABLE = contextvars.ContextVar("VARIABLE", default=0)
TWIN_ONE = contextvars.ContextVar("TWIN", default=0)
TWIN_TWO = contextvars.ContextVar("TWIN", default=0)


@trap(contextvars.Context)
async def context_variable():
    VARIABLE.set(choose(2))
    await wait()
    return VARIABLE.get()


@trap(contextvars.ContextVar)
async def context_variables_of_one_name():
    (TWIN_ONE, TWIN_TWO)[choose(2)].set(1)
    await wait()
    return TWIN_ONE.get()


@trap(contextvars.Token)
async def token_of_context_variable():
    one = VARIABLE.set(1)
    two = VARIABLE.set(2)
    token = (one, two)[choose(2)]
    del one, two
    await wait()
    VARIABLE.reset(token)
    return VARIABLE.get()


@trap(SimulatedFuture)
async def result_of_future():
    future = asyncio.get_running_loop().create_future()
    future.set_result(choose(2))
    await wait()
    return await future


@trap(SimulatedFuture)
async def exception_of_future():
    future = asyncio.get_running_loop().create_future()
    future.set_exception(ValueError(choose(2)))
    await wait()
    return repr(future.exception())


@trap(SimulatedFuture)
async def message_of_cancelled_future():
    future = asyncio.get_running_loop().create_future()
    future.cancel(("a", "b")[choose(2)])
    await wait()
    try:
        await future
    except asyncio.CancelledError as error:
        return error.args


@trap(asyncio.CancelledError)
async def cancelled_by_itself():
    async def child(word):
        raise asyncio.CancelledError(word)

    task = asyncio.create_task(child(("a", "b")[choose(2)]))
    await wait()
    try:
        await task
    except asyncio.CancelledError as error:
        return error.args


@trap(types.FunctionType)
async def order_of_callbacks():
    log = []
    future = asyncio.get_running_loop().create_future()

    def add(callbacks):
        for callback in callbacks:
            future.add_done_callback(callback)

    add((lambda _: log.append("a"), lambda _: log.append("b"))[:: 1 - 2 * choose(2)])
    await wait()
    future.set_result(None)
    await asyncio.sleep(0)
    return log


async def sleeper(gate):
    try:
        await gate
    except asyncio.CancelledError as error:
        return error.args
    return "not cancelled"


@trap(NamelessTask)
async def pending_cancellation():
    # Both tasks are woken; which of them is also cancelled shows only when they run.
    gate = asyncio.get_running_loop().create_future()
    tasks = [asyncio.create_task(sleeper(gate)) for _ in range(2)]
    await checkpoint()
    gate.set_result(None)
    tasks[choose(2)].cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


@trap(NamelessTask)
async def pending_cancellation_and_nothing_else():
    async def child():
        await checkpoint()
        return "done"

    task = asyncio.create_task(child())
    if choose(2):
        task.cancel()
    found = await asyncio.gather(task, return_exceptions=True)
    return repr(found)


@trap(NamelessTask)
async def count_of_cancellations():
    async def child():
        task = asyncio.current_task()
        try:
            task.cancel()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            if choose(2):
                task.uncancel()
        await wait()
        return task.cancelling()

    return await asyncio.create_task(child())


@trap(NamelessTask)
async def message_of_pending_cancellation():
    async def child():
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            return error.args

    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    task.cancel(("a", "b")[choose(2)])
    extra = asyncio.create_task(checkpoint())
    found = await task
    await extra
    return found


@trap(SimulatedTask)
async def name_of_a_task():
    async def child():
        await wait()
        return asyncio.current_task().get_name()

    return await asyncio.create_task(child(), name=("a", "b")[choose(2)])


@trap("names")
async def generated_name_of_a_task():
    async def nothing():
        pass

    async def child():
        await wait()
        return asyncio.current_task().get_name()

    if choose(2):
        await asyncio.create_task(nothing())
    else:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return await asyncio.create_task(child())


@trap("names")
async def generated_name_of_a_later_task():
    async def child():
        return asyncio.current_task().get_name()

    if choose(2):
        await asyncio.create_task(child())
    await wait()
    return await asyncio.create_task(child())


@trap(SimulatedTask)
async def attribute_of_a_task():
    task = asyncio.current_task()
    task.value = choose(2)
    await wait()
    return task.value


@trap("time")
async def time_that_is_read():
    await asyncio.sleep(1 + choose(2))
    await wait()
    return asyncio.get_running_loop().time()


@trap("time")
async def deadline_that_is_read():
    await asyncio.sleep(1 + choose(2))
    async with asyncio.timeout(5) as timeout:
        await wait()
        return timeout.when()


@trap("write_timers")
async def deadline():
    log = []
    loop = asyncio.get_running_loop()
    loop.call_later(1 + 2 * choose(2), log.append, "timer")
    await wait()
    await asyncio.sleep(2)
    return log


@trap(TimerHandle)
async def argument_of_timer():
    log = []
    asyncio.get_running_loop().call_later(1, log.append, choose(2))
    await wait()
    await asyncio.sleep(2)
    return log


@trap("write_timers")
async def timer_or_cancelled_timer():
    log = []

    def set_timer(cancelled):
        handle = asyncio.get_running_loop().call_later(1, log.append, 1)
        if cancelled:
            handle.cancel()

    set_timer(choose(2))
    await wait()
    await asyncio.sleep(2)
    return log


@trap("write_handle")
async def argument_of_callback():
    log = []
    value = [choose(2)]
    asyncio.get_running_loop().call_soon(log.append, value.pop())
    task = asyncio.create_task(checkpoint())
    await task
    return log


@trap(types.FunctionType)
async def order_of_ready_callbacks():
    log = []

    def add(callbacks):
        for callback in callbacks:
            asyncio.get_running_loop().call_soon(callback)

    add((lambda: log.append("a"), lambda: log.append("b"))[:: 1 - 2 * choose(2)])
    await wait()
    return log


@trap(types.CoroutineType)
async def task_that_nobody_holds():
    async def child(value):
        await wait()
        RESULTS.append(value)

    asyncio.create_task(child(choose(2)))
    await asyncio.sleep(1)
    return RESULTS[0]


RESULTS = []


@trap(types.FunctionType)
async def exception_handler():
    def one(loop, context):
        log.append(1)

    def two(loop, context):
        log.append(2)

    log = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler((one, two)[choose(2)])
    await wait()
    loop.call_exception_handler({"message": "test"})
    return log


@trap("write_event")
async def argument_of_a_job():
    loop = asyncio.get_running_loop()
    job = loop.run_in_executor(None, str, choose(2))
    return await job


@trap(collections.deque)
async def waiters_of_a_lock():
    lock = asyncio.Lock()
    log = []
    gates = [asyncio.get_running_loop().create_future() for _ in range(2)]

    async def child(name, gate):
        await gate
        async with lock:
            log.append(name)

    async def open_gates(first):
        for gate in (gates[first], gates[1 - first]):
            gate.set_result(None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    await lock.acquire()
    tasks = [asyncio.create_task(child(name, gate)) for name, gate in zip("ab", gates, strict=True)]
    await asyncio.sleep(0)
    await open_gates(choose(2))
    await wait()
    lock.release()
    await asyncio.gather(*tasks)
    return log


@trap("write_budget", cancel=1)
async def budget_of_cancellations():
    """Struck by the cancellation, the child comes to a state that it otherwise reaches only by an unlikely way."""

    async def is_lucky():
        task = asyncio.current_task()
        try:
            await checkpoint()
            if not all(choose(2) for _ in range(4)):
                return False
            task.cancel("treadle")  # as the other way leaves the task behind, too
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            task.uncancel()
        return True

    async def child():
        if not await is_lucky():
            return "gave up"
        choose(2)  # so that the state is looked up
        try:
            await checkpoint()
        except asyncio.CancelledError:
            return "struck after all"
        return "done"

    return await asyncio.gather(asyncio.create_task(child()), return_exceptions=True)


@trap("freshness")
async def age_of_a_checkpoint():
    """What came up during the last iteration is too young to have been taken in before it."""
    log = []
    event = asyncio.Event()

    async def child():
        await event.wait()
        await checkpoint()
        log.append("child")

    async def let_go(early):
        if early:
            event.set()
        await asyncio.sleep(0)
        if not early:
            event.set()
        await asyncio.sleep(0)

    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    await let_go(choose(2))
    choose(2)  # so that the state is looked up
    for step in range(2):
        await asyncio.sleep(0)
        log.append(step)
    await task
    return log


@trap("cancelled callbacks")
async def cancelled_callback():
    """With nothing but a cancelled callback, the ready queue is as good as empty, and must look so."""
    loop = asyncio.get_running_loop()
    others = [asyncio.create_task(checkpoint()) for _ in range(2)]
    loop.call_soon(loop.call_soon, lambda: loop.call_soon(print).cancel())
    await asyncio.gather(*others)
    return choose(2)


@trap("write_ready")
async def order_of_woken_tasks():
    log = []
    gates = [asyncio.get_running_loop().create_future() for _ in range(2)]

    async def child(name, gate):
        await gate
        log.append(name)

    def open_gates(first):
        gates[first].set_result(None)
        gates[1 - first].set_result(None)

    other = asyncio.create_task(checkpoint())
    tasks = [asyncio.create_task(child(name, gate)) for name, gate in zip("ab", gates, strict=True)]
    await asyncio.sleep(0)
    open_gates(choose(2))
    await asyncio.gather(other, *tasks)
    return log


@trap("names")
async def names_of_tasks_that_are_gone():
    async def nothing():
        pass

    async def make(several):
        for _ in range(1 + several):
            await asyncio.create_task(nothing())

    await make(choose(2))
    choose(2)  # so that the state is looked up
    await checkpoint()
    task = asyncio.create_task(nothing())
    await task
    return task.get_name()


@trap((NamelessTask, SimulatedTask))
async def cancellation_that_is_pending_or_was_delivered():
    gate = asyncio.get_running_loop().create_future()

    async def child():
        with contextlib.suppress(ValueError):
            raise ValueError  # a frame in which an exception was handled does not look like one in which none was
        while True:
            try:
                await asyncio.shield(gate)
            except asyncio.CancelledError:
                if gate.done():
                    return "late"
            else:
                return "in time"

    async def strike(late):
        if not late:
            task.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        gate.set_result(None)
        await asyncio.sleep(0)
        if late:
            task.cancel()

    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    await strike(choose(2))
    choose(2)  # so that the state is looked up
    await checkpoint()
    return await task


@trap("write_frame", contract="any")
async def order_in_which_what_is_left_is_wound_up():
    """Under `any` the ready queue has no order, so there is none in which it is wound up, either."""
    log = []
    leaving = choose(2)
    gates = [asyncio.get_running_loop().create_future() for _ in range(2)]

    async def child(name, gate):
        try:
            await gate
        finally:
            log.append(name)
            if leaving and log == ["b"]:
                raise ValueError("b came first")

    def open_gates(first):
        gates[first].set_result(None)
        gates[1 - first].set_result(None)

    tasks = [asyncio.create_task(child(name, gate)) for name, gate in zip("ab", gates, strict=True)]
    await asyncio.sleep(1)
    open_gates(choose(2))
    await asyncio.sleep(0)
    return leaving, len(tasks)
