"""Traps in closures, defaults, attributes, globals and caches."""

import functools
import sys
import types
from types import SimpleNamespace

from traps import trap, wait

from treadle.checker import choose


@trap("write_frame")
async def local_variable():
    value = choose(2)
    await wait()
    return value


@trap(types.CellType)
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


@trap(types.CellType)
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


@trap(types.FunctionType)
async def default_argument():
    def get(value=choose(2)):  # noqa: B008
        return value

    await wait()
    return get()


@trap(types.FunctionType)
async def keyword_default():
    def get(*, value=choose(2)):  # noqa: B008
        return value

    await wait()
    return get()


def remember(item=None, seen=[]):  # noqa: B006  # that it is kept is the trap
    if item is not None:
        seen.append(item)
    return len(seen)


@trap("write_world")
async def mutable_default():
    if choose(2):
        remember(1)
    await wait()
    return remember()


@trap(types.FunctionType)
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


@trap("write_world")
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


@trap("write_world")
async def closure_of_global_function():
    if choose(2):
        increment_one()
    await wait()
    return increment_one()


@trap("write_world")
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


@trap("write_world")
async def class_attribute():
    Holder.value = choose(2)
    await wait()
    return Holder.value


@trap("write_world")
async def class_attribute_in_place():
    if choose(2):
        Holder.items.append(1)
    await wait()
    return len(Holder.items)


@trap("write_world")
async def new_class_attribute():
    if choose(2):
        Late.arrived = True
    await wait()
    return hasattr(Late, "arrived")


@trap(type)
async def local_class():
    class Local:
        value = choose(2)

    await wait()
    return Local.value


@trap(type)
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


@trap("write_world")
async def module_global():
    global GLOBAL
    GLOBAL = choose(2)
    await wait()
    return GLOBAL


def get_global():
    return GLOBAL


def set_global(value):
    global GLOBAL
    GLOBAL = value


@trap("write_world")
async def module_global_of_a_helper():
    set_global(choose(2))
    await wait()
    return get_global()


@trap("write_world")
async def global_list():
    if choose(2):
        GLOBAL_LIST.append(1)
    await wait()
    return len(GLOBAL_LIST)


@trap("write_world")
async def global_object():
    GLOBAL_OBJECT.value = choose(2)
    await wait()
    return GLOBAL_OBJECT.value


@trap("write_world")
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


@trap("write_world")
async def module_in_a_variable():
    import hidden_in_sys_modules as module

    module.HIDDEN = choose(2)
    await wait()
    return module.HIDDEN


@functools.lru_cache
def cached(key):
    return object()


@trap("write_world")
async def cache():
    if choose(2):
        cached(1)
    await wait()
    return cached.cache_info().currsize
