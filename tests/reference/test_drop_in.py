"""A drop-in for asyncio's own: the same names, signatures, reprs and kinds of error; event loops; the deprecated forms."""

import asyncio
import inspect
import pickle
import re
import types
import warnings
from unittest import mock

import pytest
from driving import drive

from treadle import reference

NAMES = ["Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore"]
LOCKLIKE = ["Lock", "Condition", "Semaphore", "BoundedSemaphore"]


def public(cls):
    return {name: member for name, member in inspect.getmembers(cls, callable) if not name.startswith("_")}


def parameters(function):
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def test_the_package_exports_the_five():
    assert sorted(NAMES) == reference.__all__


@pytest.mark.parametrize("name", NAMES)
def test_methods_and_their_parameters_are_asyncios(name):
    async def main():
        # Instances: asyncio's Condition borrows some of its methods from its lock.
        ours, theirs = getattr(reference, name)(), getattr(asyncio, name)()
        assert public(ours).keys() == public(theirs).keys()
        for method in public(theirs):
            assert parameters(getattr(ours, method)) == parameters(getattr(theirs, method)), method
            assert inspect.iscoroutinefunction(getattr(ours, method)) == inspect.iscoroutinefunction(
                getattr(theirs, method)
            ), method

    drive(main())


@pytest.mark.parametrize("name", NAMES)
def test_the_constructor_is_asyncios_and_a_keyword_loop(name):
    ours, theirs = (parameters(getattr(kit, name).__init__) for kit in (reference, asyncio))
    loop = ("loop", inspect.Parameter.KEYWORD_ONLY, None)
    assert ours == [*theirs, loop]
    with pytest.raises(TypeError):
        getattr(reference, name)(1, asyncio.new_event_loop)


def shape(primitive):
    text = re.sub(r"0x[0-9a-f]+", "0x", repr(primitive))
    return text.replace("treadle.reference.", "").replace("asyncio.locks.", "")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("waiters", [0, 1, 2])
def test_the_repr_is_asyncios_with_our_public_name(name, waiters):
    async def shapes(kit):
        primitive = getattr(kit, name)()
        seen = [shape(primitive)]

        async def wait():
            async with primitive:
                await primitive.wait()

        if name == "Event":
            client = primitive.wait
        elif name == "Condition":
            client = wait
        else:
            client = primitive.acquire
            await primitive.acquire()
        tasks = [asyncio.create_task(client()) for _ in range(waiters)]
        await asyncio.sleep(0)
        seen.append(shape(primitive))
        if name == "Event":
            primitive.set()
            await asyncio.sleep(0)
            seen.append(shape(primitive))
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        return seen

    assert drive(shapes(reference)) == drive(shapes(asyncio))
    primitive = getattr(reference, name)()
    assert repr(primitive).startswith(f"<treadle.reference.{name} object at 0x")
    assert repr(primitive).startswith(object.__repr__(primitive)[:-1] + " [")


@pytest.mark.parametrize("name", NAMES)
def test_classes_are_known_by_their_public_place(name):
    cls = getattr(reference, name)
    assert pickle.loads(pickle.dumps(cls)) is cls


# Each thing that can be done with each primitive and that cares for the loop.
USES = [
    *((name, action) for name in LOCKLIKE for action in ("acquire", "release")),
    *(("Event", action) for action in ("wait", "set")),
    *(("Condition", action) for action in ("wait", "notify", "notify_all")),
]


async def use(primitive, action):
    result = getattr(primitive, action)()
    if inspect.isawaitable(result):
        await result


async def prepare(primitive, action):
    """Use it once, without any waiting, and leave it so that the action would be allowed."""
    if isinstance(primitive, reference.Event):
        primitive.set()
        await primitive.wait()
    else:
        async with primitive:
            pass
        if action != "acquire":
            await primitive.acquire()


@pytest.mark.parametrize(("name", "action"), USES)
def test_use_from_a_second_event_loop_is_refused_even_if_nobody_ever_waited(name, action):
    primitive = getattr(reference, name)()
    drive(prepare(primitive, action))
    before = repr(primitive)
    with pytest.raises(RuntimeError, match=r"belongs to the event loop .* but is used on"):
        drive(use(primitive, action))
    assert repr(primitive) == before


@pytest.mark.parametrize(("name", "action"), USES)
def test_the_loop_that_is_given_must_be_the_one_that_runs(name, action):
    async def main():
        running = asyncio.get_running_loop()
        right = getattr(reference, name)(loop=running)
        await prepare(right, action)
        if action != "wait" or name == "Event":
            await use(right, action)
        wrong = getattr(reference, name)(loop=elsewhere)
        with pytest.raises(RuntimeError, match="belongs to the event loop"):
            await use(wrong, action)

    elsewhere = asyncio.new_event_loop()
    try:
        drive(main())
    finally:
        elsewhere.close()


def test_a_loop_that_runs_at_the_same_time_is_refused_as_soon_as_a_task_would_wait():
    async def main():
        await lock.acquire()  # the quick check can't tell
        with pytest.raises(RuntimeError, match="belongs to the event loop"):
            await lock.acquire()

    elsewhere = asyncio.new_event_loop()
    lock = reference.Lock(loop=elsewhere)
    try:
        with mock.patch.object(elsewhere, "is_running", return_value=True):
            drive(main())
    finally:
        elsewhere.close()


def test_a_condition_and_its_lock_belong_to_the_same_loop():
    one, two = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        lock = reference.Lock(loop=one)
        reference.Condition(lock, loop=one)
        with pytest.raises(RuntimeError, match="belongs to the event loop"):
            reference.Condition(lock, loop=two)
    finally:
        one.close()
        two.close()


@pytest.mark.parametrize("name", NAMES)
def test_what_never_waits_may_be_done_before_any_loop_runs(name):
    primitive = getattr(reference, name)()
    if name == "Event":
        primitive.set()
        primitive.clear()
    elif name == "Semaphore":
        primitive.release()
    else:
        with pytest.raises(ValueError if name == "BoundedSemaphore" else RuntimeError, match="cannot be released"):
            primitive.release()


@pytest.mark.parametrize(("name", "action"), [use for use in USES if use[1] not in ("acquire", "wait")])
def test_what_never_waits_may_be_done_while_its_loop_pauses(name, action):
    loop = asyncio.new_event_loop()
    try:
        primitive = getattr(reference, name)(loop=loop)
        if name != "Event":
            loop.run_until_complete(primitive.acquire())
        assert getattr(primitive, action)() is None
    finally:
        loop.close()


@pytest.mark.parametrize("name", LOCKLIKE)
def test_asyncios_runners_can_end_a_program_with_tasks_that_hold_and_wait(name):
    async def main():
        primitive = getattr(reference, name)()

        async def client():
            async with primitive:
                await asyncio.Event().wait()

        clients = [asyncio.create_task(client()) for _ in range(3)]
        await asyncio.sleep(0)
        return primitive, clients

    with asyncio.Runner() as runner:
        ended = runner.run(main())
    for primitive, clients in (ended, asyncio.run(main())):
        assert all(client.cancelled() for client in clients)
        assert not primitive.locked()


def test_a_subclass_of_condition_may_override_what_async_with_calls():
    class Traced(reference.Condition):
        calls = ()

        async def acquire(self):
            self.calls += ("acquire",)
            return await super().acquire()

        def release(self):
            self.calls += ("release",)
            super().release()

    async def main():
        condition = Traced()
        async with condition:
            pass
        assert condition.calls == ("acquire", "release")

    drive(main())


@pytest.mark.parametrize("name", LOCKLIKE)
def test_await_acquires_and_its_result_releases_and_both_warn_at_the_callers_line(name):
    async def main():
        primitive = getattr(reference, name)()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            with await primitive as bound:
                assert bound is None
                assert primitive.locked()
            assert not primitive.locked()
            await primitive
            assert primitive.locked()
        assert [(w.category, w.filename) for w in warned] == [(DeprecationWarning, __file__)] * 2
        assert all("write 'async with'" in str(w.message) for w in warned)

    drive(main())


@pytest.mark.parametrize("name", LOCKLIKE)
def test_yield_from_works_in_generator_based_coroutines(name):
    @types.coroutine
    def client(primitive, order, label):
        with (yield from primitive):
            assert primitive.locked()
            order.append(label)
            yield

    async def run(*arguments):
        await client(*arguments)

    async def main():
        primitive = getattr(reference, name)()
        order = []
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            await run(primitive, order, 0)
            await primitive.acquire()
            task = asyncio.create_task(run(primitive, order, 1))
            await asyncio.sleep(0)
            order.append("released")
            primitive.release()
            await task
        assert [(w.category, w.filename) for w in warned] == [(DeprecationWarning, __file__)] * 2
        assert order == [0, "released", 1]
        assert not primitive.locked()

    drive(main())


@pytest.mark.parametrize("name", LOCKLIKE)
def test_a_plain_with_says_what_to_write(name):
    async def main():
        primitive = getattr(reference, name)()
        with pytest.raises(RuntimeError, match=f"{name} .*write 'async with'"):
            with primitive:
                pytest.fail("the block must not run")
        assert not primitive.locked()

    drive(main())
