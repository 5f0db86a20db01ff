"""Traps for merging: for every place in which a Python program can hide state, two runs that differ nowhere else.

Each trap is a scenario: `choose(2)` decides what is put into the hiding place, then the same code waits in both cases,
then what was put there comes out. A fingerprint that is blind in that place takes the second run for the first and
loses its outcome. `blind` names the part of the walk that sees the place; with that part struck out the outcome must be
lost, or else the trap is no trap.
"""

import asyncio
import collections
import contextvars
import functools
import sys
import types
import weakref
from types import SimpleNamespace

import naive
import pytest

from treadle.checker import checkpoint, choose, fingerprint, writers
from treadle.checker.explorer import explore
from treadle.checker.runtime import Settings

VARIABLE = contextvars.ContextVar("VARIABLE", default=0)
TWIN_ONE = contextvars.ContextVar("TWIN", default=0)
TWIN_TWO = contextvars.ContextVar("TWIN", default=0)
TRAPS = {}


def trap(function):
    TRAPS[function.__name__] = function
    return function


async def wait():
    """The place at which the two runs look alike."""
    await checkpoint()
    await checkpoint()


# -- functions, cells and namespaces ---------------------------------------------------------------------------------


@trap
async def local_variable():
    value = choose(2)
    await wait()
    return value


@trap
async def closure_cell():
    def put(new):
        nonlocal value
        value = new

    def get():
        return value

    value = 0
    put(choose(2))
    await wait()
    return get()


@trap
async def empty_cell():
    def get():
        try:
            return hidden
        except NameError:
            return "unbound"

    hidden = 1
    if choose(2):
        del hidden
    await wait()
    return get()


@trap
async def default_argument():
    def get(value=choose(2)):
        return value

    await wait()
    return get()


@trap
async def keyword_default():
    def get(*, value=choose(2)):
        return value

    await wait()
    return get()


def remember(item=None, seen=[]):  # noqa: B006  # that it is kept is the trap
    if item is not None:
        seen.append(item)
    return len(seen)


@trap
async def mutable_default():
    if choose(2):
        remember(1)
    await wait()
    return remember()


@trap
async def function_attribute():
    def get():
        return get.value

    get.value = choose(2)
    await wait()
    return get()


def counted():
    counted.calls += 1
    return counted.calls


counted.calls = 0


@trap
async def global_function_attribute():
    if choose(2):
        counted()
    await wait()
    return counted()


def make_counter():
    count = 0

    def increment():
        nonlocal count
        count += 1
        return count

    return increment


increment_one, increment_two = make_counter(), make_counter()


@trap
async def closure_of_global_function():
    if choose(2):
        increment_one()
    await wait()
    return increment_one()


@trap
async def closures_of_one_factory():
    (increment_one, increment_two)[choose(2)]()
    await wait()
    return increment_one(), increment_two()


class Holder:
    value = 0
    items = []  # noqa: RUF012  # that it is shared is the trap


class Late:
    pass


class Slotted:
    __slots__ = ("one", "two")


@trap
async def class_attribute():
    Holder.value = choose(2)
    await wait()
    return Holder.value


@trap
async def class_attribute_in_place():
    if choose(2):
        Holder.items.append(1)
    await wait()
    return len(Holder.items)


@trap
async def new_class_attribute():
    if choose(2):
        Late.arrived = True
    await wait()
    return hasattr(Late, "arrived")


@trap
async def local_class():
    class Local:
        value = choose(2)

    await wait()
    return Local.value


@trap
async def which_of_two_local_classes():
    def make():
        class Local:
            pass

        return Local

    one, two = make(), make()
    thing = (one, two)[choose(2)]()
    await wait()
    return isinstance(thing, one), isinstance(thing, two)


GLOBAL = 0
GLOBAL_LIST = []
GLOBAL_OBJECT = SimpleNamespace(value=0)
DOOMED = 1


@trap
async def module_global():
    global GLOBAL
    GLOBAL = choose(2)
    await wait()
    return GLOBAL


def get_global():
    return GLOBAL


@trap
async def module_global_of_a_helper():
    globals()["GLOBAL"] = choose(2)
    await wait()
    return get_global()


@trap
async def global_list():
    if choose(2):
        GLOBAL_LIST.append(1)
    await wait()
    return len(GLOBAL_LIST)


@trap
async def global_object():
    GLOBAL_OBJECT.value = choose(2)
    await wait()
    return GLOBAL_OBJECT.value


@trap
async def deleted_global_or_none():
    global DOOMED
    if choose(2):
        del DOOMED
    else:
        DOOMED = None
    await wait()
    try:
        return DOOMED
    except NameError:
        return "gone"


sys.modules["hidden_in_sys_modules"] = types.ModuleType("hidden_in_sys_modules")


@trap
async def module_in_a_variable():
    import hidden_in_sys_modules as module

    module.HIDDEN = choose(2)
    await wait()
    return module.HIDDEN


@functools.lru_cache
def cached(key):
    return object()


@trap
async def cache():
    if choose(2):
        cached(1)
    await wait()
    return cached.cache_info().currsize


# -- containers and identity -----------------------------------------------------------------------------------------


@trap
async def same_list_or_equal_list():
    one = [1]
    two = one if choose(2) else [1]
    await wait()
    one.append(2)
    return two


@trap
async def sentinel():
    one, two = object(), object()
    found = (one, two)[choose(2)]
    await wait()
    return found is one


@trap
async def dict_order():
    found = {"a": 1, "b": 2} if choose(2) else {"b": 2, "a": 1}
    await wait()
    return list(found)


@trap
async def set_of_tasks():
    async def child():
        await checkpoint()

    tasks = [asyncio.create_task(child()) for _ in range(2)]
    kept = set(tasks[choose(2) :])
    await wait()
    await asyncio.gather(*tasks)
    return len(kept)


@trap
async def deque_maxlen():
    queue = collections.deque([1], maxlen=1 + choose(2))
    await wait()
    queue.append(2)
    return list(queue)


@trap
async def kind_of_dict():
    table = (dict, collections.defaultdict)[choose(2)]()
    await wait()
    return type(table).__name__


@trap
async def factory_of_defaultdict():
    table = collections.defaultdict((int, list)[choose(2)])
    await wait()
    return table[1]


@trap
async def bool_or_int():
    value = (1, True)[choose(2)]
    await wait()
    return repr(value)


@trap
async def int_or_float():
    value = (1, 1.0)[choose(2)]
    await wait()
    return repr(value)


@trap
async def bytes_or_bytearray():
    value = (b"x", bytearray(b"x"))[choose(2)]
    await wait()
    return repr(value)


@trap
async def position_of_iterator():
    numbers = iter([1, 2, 3])
    if choose(2):
        next(numbers)
    await wait()
    return next(numbers)


@trap
async def position_of_dict_iterator():
    numbers = iter({1: 1, 2: 2})
    if choose(2):
        next(numbers)
    await wait()
    return next(numbers)


@trap
async def position_of_zip():
    numbers = zip([1, 2], [3, 4], strict=True)
    if choose(2):
        next(numbers)
    await wait()
    return next(numbers)


@trap
async def position_of_enumerate():
    numbers = enumerate("abc", choose(2))
    await wait()
    return next(numbers)


@trap
async def slots():
    thing = Slotted()
    thing.one = choose(2)
    await wait()
    return thing.one


@trap
async def which_slot():
    thing = Slotted()
    setattr(thing, ("one", "two")[choose(2)], 5)
    await wait()
    return hasattr(thing, "one")


@trap
async def partial():
    function = functools.partial(int, str(choose(2)))
    await wait()
    return function()


@trap
async def keyword_of_partial():
    function = functools.partial(int, "11", base=2 + choose(2))
    await wait()
    return function()


@trap
async def bound_method():
    one, two = [], []
    add = (one, two)[choose(2)].append
    await wait()
    add(1)
    return one


@trap
async def bound_method_of_an_instance():
    class Box:
        def put(self):
            self.full = True

    one, two = Box(), Box()
    put = (one, two)[choose(2)].put
    await wait()
    put()
    return hasattr(one, "full")


@trap
async def builtin_of_another_module():
    import cmath
    import math

    root = (math.sqrt, cmath.sqrt)[choose(2)]
    await wait()
    return repr(root(4))


@trap
async def weak_reference():
    one, two = Holder(), Holder()
    reference = weakref.ref((one, two)[choose(2)])
    await wait()
    del one
    return reference() is None


@trap
async def dead_weak_reference():
    kept = [Holder()]
    reference = weakref.ref(kept[0])
    if choose(2):
        kept.append(kept[0])
    del kept[0]
    await wait()
    return reference() is None


@trap
async def callback_of_weak_reference():
    found = []
    thing = Holder()
    callback = (lambda _: found.append(1)) if choose(2) else (lambda _: found.append(2))
    reference = weakref.ref(thing, callback)
    await wait()
    del thing
    return found, reference() is None


# -- frames ----------------------------------------------------------------------------------------------------------


@trap
async def evaluation_stack():
    async def later():
        await wait()
        return 1

    def pair(one, two):
        return one, two

    source = [choose(2)]
    return pair(source.pop(), await later())


@trap
async def evaluation_stack_of_sum():
    async def later():
        await wait()
        return 10

    box = SimpleNamespace(value=choose(2))

    async def steal():
        found = box.value
        box.value = 0
        return found

    return await steal() + await later()


@trap
async def unbound_or_bound():
    if choose(2):
        hidden = 1
    else:
        other = 1  # noqa: F841
    await wait()
    try:
        return hidden
    except NameError:
        return "unbound"


@trap
async def instruction():
    if choose(2):
        await wait()
        return 1
    await wait()
    return 2


@trap
async def exception_being_handled():
    try:
        raise ValueError(choose(2))
    except ValueError:
        await wait()
        import sys

        return sys.exc_info()[1].args


@trap
async def args_of_exception():
    error = ValueError(choose(2))
    await wait()
    return error.args


@trap
async def cause_of_exception():
    error = ValueError()
    error.__cause__ = (KeyError(), IndexError())[choose(2)]
    await wait()
    return repr(error.__cause__)


@trap
async def context_of_exception():
    error = ValueError()
    error.__context__ = (KeyError(), IndexError())[choose(2)]
    await wait()
    return repr(error.__context__)


@trap
async def file_of_oserror():
    error = OSError(2, "text", ("a", "b")[choose(2)])
    await wait()
    return error.filename


@trap
async def value_of_stopiteration():
    error = StopIteration()
    error.value = choose(2)
    await wait()
    return error.value


@trap
async def notes_of_exception():
    error = ValueError()
    if choose(2):
        error.add_note("note")
    await wait()
    return getattr(error, "__notes__", None)


@trap
async def frame_of_generator():
    def numbers():
        yield 1
        yield 2

    found = numbers()
    next(found)
    if choose(2):
        next(found)
    await wait()
    return list(found)


@trap
async def local_of_generator():
    def numbers(start):
        yield start
        yield start + 1

    found = numbers(choose(2))
    await wait()
    return list(found)


@trap
async def state_of_async_generator():
    async def numbers():
        yield 1
        yield 2

    found = numbers()
    if choose(2):
        await anext(found)
    await wait()
    return await anext(found)


@trap
async def inside_an_async_generator():
    async def numbers(start):
        await wait()
        yield start

    return [number async for number in numbers(choose(2))]


@trap
async def value_sent_to_an_async_generator():
    async def echo():
        got = yield
        await wait()
        yield got

    found = echo()
    await anext(found)
    return await found.asend(choose(2))


@trap
async def order_of_closing_async_generators():
    log = []

    async def numbers(name):
        try:
            yield 1
        finally:
            log.append(name)
            if log[0] == "b":
                asyncio.get_running_loop().call_exception_handler({"message": "b came first"})

    one, two = numbers("a"), numbers("b")
    for found in (one, two) if choose(2) else (two, one):
        await anext(found)
    await wait()
    KEPT.extend((one, two))


KEPT = []


@trap
async def unstarted_coroutine():
    async def give(value):
        return value

    coroutine = give(choose(2))
    await wait()
    return await coroutine


# -- futures, tasks and the loop -------------------------------------------------------------------------------------


@trap
async def context_variable():
    VARIABLE.set(choose(2))
    await wait()
    return VARIABLE.get()


@trap
async def context_variables_of_one_name():
    (TWIN_ONE, TWIN_TWO)[choose(2)].set(1)
    await wait()
    return TWIN_ONE.get()


@trap
async def token_of_context_variable():
    one = VARIABLE.set(1)
    two = VARIABLE.set(2)
    token = (one, two)[choose(2)]
    del one, two
    await wait()
    VARIABLE.reset(token)
    return VARIABLE.get()


@trap
async def result_of_future():
    future = asyncio.get_running_loop().create_future()
    future.set_result(choose(2))
    await wait()
    return await future


@trap
async def exception_of_future():
    future = asyncio.get_running_loop().create_future()
    future.set_exception(ValueError(choose(2)))
    await wait()
    return repr(future.exception())


@trap
async def message_of_cancelled_future():
    future = asyncio.get_running_loop().create_future()
    future.cancel(("a", "b")[choose(2)])
    await wait()
    try:
        await future
    except asyncio.CancelledError as error:
        return error.args


@trap
async def cancelled_by_itself():
    async def child(word):
        raise asyncio.CancelledError(word)

    task = asyncio.create_task(child(("a", "b")[choose(2)]))
    await wait()
    try:
        await task
    except asyncio.CancelledError as error:
        return error.args


@trap
async def order_of_callbacks():
    log = []
    future = asyncio.get_running_loop().create_future()
    for name in ("ab", "ba")[choose(2)]:
        future.add_done_callback({"a": lambda _: log.append("a"), "b": lambda _: log.append("b")}[name])
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


@trap
async def pending_cancellation():
    # Both tasks are woken; which of them is also cancelled shows only when they run.
    gate = asyncio.get_running_loop().create_future()
    tasks = [asyncio.create_task(sleeper(gate)) for _ in range(2)]
    await checkpoint()
    gate.set_result(None)
    tasks[choose(2)].cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


@trap
async def pending_cancellation_and_nothing_else():
    async def child():
        await checkpoint()
        return "done"

    task = asyncio.create_task(child())
    if choose(2):
        task.cancel()
    found = await asyncio.gather(task, return_exceptions=True)
    return repr(found)


@trap
async def count_of_cancellations():
    async def child():
        for _ in range(2):
            try:
                await checkpoint()
                await checkpoint()
            except asyncio.CancelledError:
                if hidden:
                    asyncio.current_task().uncancel()
                hidden.clear()
        await wait()
        return asyncio.current_task().cancelling()

    hidden = [1] * choose(2)
    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    task.cancel()
    return await task


@trap
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


@trap
async def name_of_a_task():
    async def child():
        await wait()
        return asyncio.current_task().get_name()

    return await asyncio.create_task(child(), name=("a", "b")[choose(2)])


@trap
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


@trap
async def generated_name_of_a_later_task():
    async def child():
        return asyncio.current_task().get_name()

    if choose(2):
        await asyncio.create_task(child())
    await wait()
    return await asyncio.create_task(child())


@trap
async def attribute_of_a_task():
    task = asyncio.current_task()
    task.value = choose(2)
    await wait()
    return task.value


@trap
async def time_that_is_read():
    await asyncio.sleep(1 + choose(2))
    await wait()
    return asyncio.get_running_loop().time()


@trap
async def deadline_that_is_read():
    async with asyncio.timeout(5 + choose(2)) as timeout:
        await wait()
        return timeout.when()


@trap
async def timers_relative_to_now():
    async def child():
        await asyncio.sleep(2)
        log.append("child")

    log = []
    task = asyncio.create_task(child())
    await asyncio.sleep(1 + 2 * choose(2))
    log.append("main")
    await asyncio.sleep(0.5)
    await task
    return log


@trap
async def deadline():
    log = []
    loop = asyncio.get_running_loop()
    loop.call_later(1 + 2 * choose(2), log.append, "timer")
    await wait()
    await asyncio.sleep(2)
    return log


@trap
async def argument_of_timer():
    log = []
    asyncio.get_running_loop().call_later(1, log.append, choose(2))
    await wait()
    await asyncio.sleep(2)
    return log


@trap
async def timer_or_cancelled_timer():
    log = []
    handle = asyncio.get_running_loop().call_later(1, log.append, 1)
    if choose(2):
        handle.cancel()
    await wait()
    await asyncio.sleep(2)
    return log


@trap
async def argument_of_callback():
    log = []
    value = [choose(2)]
    asyncio.get_running_loop().call_soon(log.append, value.pop())
    task = asyncio.create_task(checkpoint())
    await task
    return log


@trap
async def order_of_ready_callbacks():
    log = []
    for name in ("ab", "ba")[choose(2)]:
        asyncio.get_running_loop().call_soon({"a": lambda: log.append("a"), "b": lambda: log.append("b")}[name])
    task = asyncio.create_task(checkpoint())
    await task
    return log


@trap
async def cancelled_callback():
    asyncio.get_running_loop().call_soon(print, "never").cancel()
    return choose(2)


@trap
async def task_that_nobody_holds():
    async def child(value):
        await wait()
        RESULTS.append(value)

    asyncio.create_task(child(choose(2)))
    await asyncio.sleep(1)
    return RESULTS[0]


RESULTS = []


@trap
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


@trap
async def argument_of_a_job():
    loop = asyncio.get_running_loop()
    job = loop.run_in_executor(None, str, choose(2))
    return await job


@trap
async def waiters_of_a_lock():
    lock = asyncio.Lock()
    log = []

    async def child(name):
        async with lock:
            log.append(name)

    await lock.acquire()
    order = ("ab", "ba")[choose(2)]
    tasks = {}
    for name in order:
        tasks[name] = asyncio.create_task(child(name))
    tasks = [tasks["a"], tasks["b"]]
    await wait()
    lock.release()
    await asyncio.gather(*tasks)
    return log


def summary(scenario, merge, contract="stock"):
    result = explore(scenario, Settings(contract=contract), merge=merge, keep_going=True)
    assert not result.held_back
    return result.outcomes, {finding.violation.property for finding in result.findings}


@pytest.mark.parametrize("name", TRAPS)
def test_nothing_is_lost(name):
    found = [summary(TRAPS[name], merge) for merge in ("on", "off")]
    assert found[0] == found[1]
    outcomes, properties = found[1]
    assert len(outcomes) + len(properties) >= 2, "the trap has no bait"
