"""Traps in the frames of coroutines and generators, and in exceptions."""

import asyncio
import types
from types import SimpleNamespace

from traps import trap, wait

from treadle.checker import choose


@trap("evaluation stack")
async def evaluation_stack():
    async def later():
        await wait()
        return 1

    def pair(one, two):
        return one, two

    source = [choose(2)]
    return pair(source.pop(), await later())


@trap("evaluation stack")
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


@trap("unbound")
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


@trap(types.CoroutineType)
async def instruction():
    if choose(2):
        await wait()
        return 1
    await wait()
    return 2


@trap("evaluation stack")
async def exception_being_handled():
    try:
        raise ValueError(choose(2))
    except ValueError:
        await wait()
        import sys

        return sys.exc_info()[1].args


@trap(ValueError)
async def args_of_exception():
    error = ValueError(choose(2))
    await wait()
    return error.args


@trap(ValueError)
async def cause_of_exception():
    error = ValueError()
    error.__cause__ = (KeyError(), IndexError())[choose(2)]
    await wait()
    return repr(error.__cause__)


@trap(ValueError)
async def context_of_exception():
    error = ValueError()
    error.__context__ = (KeyError(), IndexError())[choose(2)]
    await wait()
    return repr(error.__context__)


@trap(FileNotFoundError)
async def file_of_oserror():
    error = OSError(2, "text", ("a", "b")[choose(2)])
    await wait()
    return error.filename


@trap(StopIteration)
async def value_of_stopiteration():
    error = StopIteration()
    error.value = choose(2)
    await wait()
    return error.value


@trap(ValueError)
async def notes_of_exception():
    error = ValueError()
    if choose(2):
        error.add_note("note")
    await wait()
    return getattr(error, "__notes__", None)


@trap(types.GeneratorType)
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


@trap(types.GeneratorType)
async def local_of_generator():
    def numbers(start):
        yield start
        yield start + 1

    found = numbers(choose(2))
    await wait()
    return list(found)


@trap(types.AsyncGeneratorType)
async def state_of_async_generator():
    async def numbers():
        yield 1
        yield 2
        yield 3

    found = numbers()
    await anext(found)
    if choose(2):
        await anext(found)
    await wait()
    return await anext(found)


@trap(types.AsyncGeneratorType)
async def inside_an_async_generator():
    async def numbers(start):
        await wait()
        yield start

    return [number async for number in numbers(choose(2))]


@trap("write_frame")
async def value_sent_to_an_async_generator():
    async def echo():
        got = yield
        await wait()
        yield got

    found = echo()
    await anext(found)
    return await found.asend(choose(2))


@trap(types.AsyncGeneratorType)
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


@trap(types.CoroutineType)
async def unstarted_coroutine():
    async def give(value):
        return value

    coroutine = give(choose(2))
    await wait()
    return await coroutine
