"""Traps in containers, iterators, identities and references."""

import asyncio
import collections
import functools
import types
import weakref

from traps import trap, wait

from treadle.checker import checkpoint, choose


class Holder:
    pass


class Slotted:
    __slots__ = ("one", "two")


@trap(list)
async def same_list_or_equal_list():
    one = [1]
    two = one if choose(2) else [1]
    await wait()
    one.append(2)
    return two


@trap(object)
async def sentinel():
    one, two = object(), object()
    found = (one, two)[choose(2)]
    await wait()
    return found is one


@trap(dict)
async def dict_order():
    found = {"a": 1, "b": 2} if choose(2) else {"b": 2, "a": 1}
    await wait()
    return list(found)


@trap(set)
async def set_of_tasks():
    async def child():
        await checkpoint()

    tasks = [asyncio.create_task(child()) for _ in range(2)]
    kept = set(tasks[choose(2) :])
    await wait()
    await asyncio.gather(*tasks)
    return len(kept)


@trap(collections.deque)
async def deque_maxlen():
    queue = collections.deque([1], maxlen=1 + choose(2))
    await wait()
    queue.append(2)
    return list(queue)


@trap((dict, collections.defaultdict))
async def kind_of_dict():
    table = (dict, collections.defaultdict)[choose(2)]()
    await wait()
    return type(table).__name__


@trap(collections.defaultdict)
async def factory_of_defaultdict():
    table = collections.defaultdict((int, list)[choose(2)])
    await wait()
    return table[1]


@trap("write_frame")
async def bool_or_int():
    value = (1, True)[choose(2)]
    await wait()
    return repr(value)


@trap("write_frame")
async def int_or_float():
    value = (1, 1.0)[choose(2)]
    await wait()
    return repr(value)


@trap((bytes, bytearray))
async def bytes_or_bytearray():
    value = (b"x", bytearray(b"x"))[choose(2)]
    await wait()
    return repr(value)


@trap(type(iter([])))
async def position_of_iterator():
    numbers = iter([1, 2, 3])
    if choose(2):
        next(numbers)
    await wait()
    return next(numbers)


@trap(type(iter({})))
async def position_of_dict_iterator():
    numbers = iter({1: 1, 2: 2})
    if choose(2):
        next(numbers)
    await wait()
    return next(numbers)


@trap(zip)
async def position_of_zip():
    numbers = zip([1, 2], [3, 4], strict=True)
    if choose(2):
        next(numbers)
    await wait()
    return next(numbers)


@trap(enumerate)
async def position_of_enumerate():
    numbers = enumerate("abc", choose(2))
    await wait()
    return next(numbers)


@trap(Slotted)
async def slots():
    thing = Slotted()
    thing.one = choose(2)
    await wait()
    return thing.one


@trap(Slotted)
async def which_slot():
    thing = Slotted()
    setattr(thing, ("one", "two")[choose(2)], 5)
    await wait()
    return hasattr(thing, "one")


@trap(functools.partial)
async def partial():
    function = functools.partial(int, str(choose(2)))
    await wait()
    return function()


@trap(functools.partial)
async def keyword_of_partial():
    function = functools.partial(int, "11", base=2 + choose(2))
    await wait()
    return function()


@trap(types.BuiltinFunctionType)
async def bound_method():
    one, two = [], []
    add = (one, two)[choose(2)].append
    await wait()
    add(1)
    return one


@trap(types.MethodType)
async def bound_method_of_an_instance():
    class Box:
        def put(self):
            self.full = True

    one, two = Box(), Box()
    put = (one, two)[choose(2)].put
    await wait()
    put()
    return hasattr(one, "full")


@trap(types.BuiltinFunctionType)
async def builtin_of_another_module():
    import cmath
    import math

    root = (math.sqrt, cmath.sqrt)[choose(2)]
    await wait()
    return repr(root(4))


@trap(weakref.ref)
async def weak_reference():
    one, two = Holder(), Holder()
    reference = weakref.ref((one, two)[choose(2)])
    await wait()
    del one
    return reference() is None


@trap((weakref.ref, list))
async def dead_weak_reference():
    kept = [Holder()]
    reference = weakref.ref(kept[0])
    if choose(2):
        kept.append(kept[0])
    del kept[0]
    await wait()
    return reference() is None


@trap(types.FunctionType)
async def callback_of_weak_reference():
    found = []
    thing = Holder()
    callback = (lambda _: found.append(1)) if choose(2) else (lambda _: found.append(2))
    reference = weakref.ref(thing, callback)
    await wait()
    del thing
    return found, reference() is None


@trap("table of a set")
async def table_of_a_set():
    numbers = set(range(100 * choose(2)))
    numbers.difference_update(range(1, 100))
    numbers.add(0)
    await wait()
    numbers.add(8)
    numbers.add(1)
    return list(numbers)
