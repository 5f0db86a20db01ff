"""Every run of a search starts from the same state and does the same things, or the user is told that it does not."""

import asyncio
import collections
import functools
import gc
import itertools
import random
import sys
import warnings
from types import SimpleNamespace

import naive
import pytest

from treadle.checker import NondeterminismError, check, checkpoint, choose
from treadle.checker.execution import execute, simulation
from treadle.checker.explorer import explore
from treadle.checker.runtime import Settings

STOCK = Settings()


def outcomes(scenario, merge="off", **settings):
    result = explore(scenario, Settings(**settings), merge=merge, keep_going=True)
    assert not result.held_back
    return result.outcomes


# -- what a run does to the world is undone ----------------------------------------------------------------------------------

COUNT = 0
LIST = []
DICT = {"a": 1}
SET = {1}
QUEUE = collections.deque([1])
OBJECT = SimpleNamespace(value=0)
COUNTER = itertools.count()
GENERATOR = random.Random()
LOCK = asyncio.Lock()


class Settled:
    calls = 0
    seen = []  # noqa: RUF012

    def __init__(self):
        self.ids = itertools.count()


SETTLED = Settled()


class WithSlots:
    __slots__ = ("value",)


SLOTTED = WithSlots()


def global_variable():
    global COUNT
    COUNT += 1
    return COUNT


def new_global_variable():
    global FRESH
    found = "FRESH" in globals()
    FRESH = 1
    return found


def global_list():
    LIST.append(1)
    return len(LIST)


def global_dict():
    DICT["a"] += 1
    DICT.setdefault("b", 1)
    return dict(DICT)


def global_set():
    SET.add(2)
    SET.discard(1)
    return len(SET)


def global_deque():
    QUEUE.append(2)
    return len(QUEUE)


def global_object():
    OBJECT.value += 1
    return OBJECT.value


def new_attribute_of_a_global_object():
    found = hasattr(OBJECT, "fresh")
    OBJECT.fresh = True
    return found


HIDDEN = 0


def bump():
    global HIDDEN
    HIDDEN += 1
    return HIDDEN


HANDLERS = {"bump": [bump]}


def global_of_a_function_in_a_container():
    return HANDLERS["bump"][0]()


def global_slots():
    found = hasattr(SLOTTED, "value")
    SLOTTED.value = 1
    return found


def global_counter():
    return next(COUNTER)


def counter_in_an_instance():
    return next(SETTLED.ids)


def global_generator():
    return GENERATOR.random()


def class_attribute():
    Settled.calls += 1
    Settled.seen.append(1)
    return Settled.calls, len(Settled.seen)


def new_class_attribute():
    found = hasattr(Settled, "fresh")
    Settled.fresh = True
    return found


def function_attribute():
    function_attribute.calls = getattr(function_attribute, "calls", 0) + 1
    return function_attribute.calls


def default_argument(seen=[]):  # noqa: B006
    seen.append(1)
    return len(seen)


@functools.lru_cache
def cached():
    LIST.append("missed")
    return len(LIST)


def counting():
    count = 0

    def increment():
        nonlocal count
        count += 1
        return count

    return increment


closure = counting()

CHANGES = [
    new_attribute_of_a_global_object, global_of_a_function_in_a_container, global_variable, new_global_variable,
    global_list, global_dict, global_set, global_deque, global_object, global_slots,
    global_counter, counter_in_an_instance, global_generator, class_attribute, new_class_attribute, function_attribute,
    default_argument, cached, closure,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("merge", ["on", "off"])
def test_every_run_finds_the_world_as_it_was(change, merge):
    async def scenario():
        choose(3)
        return change()

    assert len(outcomes(scenario, merge)) == 1


def test_the_scenario_s_own_closure_and_a_bound_method_are_put_back():
    calls = 0

    async def scenario():
        nonlocal calls
        calls += 1
        return calls, choose(2)

    assert outcomes(scenario) == {"(1, 0)", "(1, 1)"}
    assert calls == 0

    class Suite:
        def __init__(self):
            self.calls = 0

        async def scenario(self):
            self.calls += 1
            return self.calls, choose(2)

    assert outcomes(Suite().scenario) == {"(1, 0)", "(1, 1)"}


def test_arguments_of_a_partial_are_put_back():
    async def scenario(log):
        log.append(choose(2))
        return list(log)

    assert outcomes(functools.partial(scenario, [])) == {"[0]", "[1]"}


def test_a_primitive_in_a_global_starts_anew():
    async def scenario():
        async with LOCK:
            await checkpoint()
            return choose(2), LOCK.locked()

    assert outcomes(scenario) == {"(0, True)", "(1, True)"}
    assert not LOCK.locked()


# -- order and names -------------------------------------------------------------------------------------------------------------


def test_a_task_group_cancels_its_children_in_the_same_order_in_every_run():
    async def scenario():
        log = []

        async def child(name):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                log.append(name)
                raise

        async def fail():
            await checkpoint()
            raise ValueError

        try:
            async with asyncio.TaskGroup() as group:
                for name in range(20):
                    group.create_task(child(name))
                group.create_task(fail())
        except* ValueError:
            pass
        choose(100)
        return log

    assert len(outcomes(scenario)) == 1


def test_all_tasks_iterate_alike_in_every_run():
    async def scenario():
        async def child():
            await checkpoint()

        tasks = [asyncio.create_task(child(), name=str(number)) for number in range(12)]
        names = [task.get_name() for task in asyncio.all_tasks()]
        for task in tasks:
            task.cancel()
        choose(300)
        return sorted(names) == sorted([*map(str, range(12)), "main"]), names

    assert len(outcomes(scenario)) == 1


def test_generated_task_names_start_anew():
    async def scenario():
        choose(3)

        async def child():
            return asyncio.current_task().get_name()

        return [await asyncio.create_task(child()) for _ in range(2)]

    assert outcomes(scenario) == {"['Task-1', 'Task-2']"}


# -- what a run leaves behind ----------------------------------------------------------------------------------------------------

ECHO = []


async def leave_a_mess():
    """Deadlocks with coroutines that await, raise, print and write to globals when they are thrown away."""

    async def stubborn():
        try:
            await asyncio.Event().wait()
        finally:
            ECHO.append("closed")
            print("printed while closing")
            await checkpoint()
            raise ValueError("while closing")

    async def numbers():
        try:
            yield 1
        finally:
            ECHO.append("closed")
            await asyncio.sleep(1)

    async def iterate():
        async for _ in numbers():
            await asyncio.Event().wait()

    before = list(ECHO)
    asyncio.create_task(stubborn())
    asyncio.create_task(iterate())
    asyncio.create_task(asyncio.sleep(100))
    unstarted = stubborn()  # noqa: F841
    choose(3)
    if before:
        raise RuntimeError("something came over from another run")
    await asyncio.Event().wait()


@pytest.mark.parametrize("merge", ["on", "off"])
def test_a_run_that_is_cut_short_leaves_nothing_behind(merge):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = explore(leave_a_mess, STOCK, merge=merge, keep_going=True)
        gc.collect()
    assert [finding.violation.property for finding in result.findings] == ["no-deadlock"]
    assert not [warning for warning in caught if "never awaited" not in str(warning.message)]
    assert ECHO == []


def test_cyclic_garbage_of_one_run_is_not_seen_by_another():
    async def scenario():
        class Loud:
            def __del__(self):
                LIST.append("deleted")

        one = Loud()
        one.itself = one
        return choose(400) < 0, len(LIST)

    assert outcomes(scenario) == {"(False, 0)"}
    assert LIST == []


def test_an_interpreter_is_left_as_it_was_found():
    gc.unfreeze()  # Python 3.12 begins with some objects frozen, and there is no way to freeze just those again
    hooks = sys.get_asyncgen_hooks(), sys.unraisablehook, gc.isenabled(), gc.get_freeze_count()
    assert check(leave_a_mess).verdict == "violated"
    assert (sys.get_asyncgen_hooks(), sys.unraisablehook, gc.isenabled(), gc.get_freeze_count()) == hooks
    assert asyncio._get_running_loop() is None


# -- programs that do not repeat ---------------------------------------------------------------------------------------------------


def test_unseeded_randomness_is_diagnosed():
    async def scenario():
        generator = random.Random()
        for _ in range(60):
            choose(2 + generator.randrange(2))

    with pytest.raises(NondeterminismError, match=r"not deterministic.*choice \d+ differs"):
        explore(scenario, STOCK)


ITERATOR = iter(range(1_000_000))


def test_an_iterator_that_goes_on_from_run_to_run_is_diagnosed():
    async def scenario():
        try:
            choose(2 + next(ITERATOR))
        except Exception:  # what the program catches is diagnosed all the same
            return

    with pytest.raises(NondeterminismError, match=r"choice 1 differs.*had 2 options, now it has 3"):
        explore(scenario, STOCK)


def test_state_that_cannot_be_put_back_is_diagnosed(tmp_path):
    journal = tmp_path / "journal"
    journal.write_text("")

    async def scenario():
        with journal.open("a") as file:
            file.write("x")
        choose(2 + len(journal.read_text()))

    with pytest.raises(NondeterminismError, match=r"choice 1 differs.*had 3 options, now it has 4"):
        explore(scenario, STOCK)


def test_the_same_schedule_gives_the_same_run():
    async def scenario():
        log = []
        lock = asyncio.Lock()

        async def child(name):
            await checkpoint()
            async with lock:
                log.append(name)
                await asyncio.sleep(0)

        await asyncio.gather(*map(child, "abc"))
        return log

    schedule = (1, 1)
    with simulation():
        runs = [execute(scenario, STOCK, naive.Follow(schedule)).result for _ in range(300)]
    assert all(run == runs[0] for run in runs)
