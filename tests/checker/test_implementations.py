"""Finding and loading what is to be checked."""

import asyncio
import inspect
import sys
import warnings
from pathlib import Path

import pytest

from treadle.checker.implementations import CLASS_NAMES, ESSENTIAL, OPERATIONS, PRIMITIVES, ImplementationError, resolve
from treadle.checker.stdlib_locks import PACKAGE_PREFIX, find_stdlib_files

INSTALLED = sorted({file.release: file for file in find_stdlib_files()}.values(), key=lambda file: file.number)
MINIMAL = """
import asyncio
class Lock:
    def __init__(self): self.inner = asyncio.Lock()
    async def acquire(self): return await self.inner.acquire()
    def release(self): self.inner.release()
"""


async def use_every_primitive(classes):
    """One uncontended and one contended use of each operation of every primitive."""
    log = []

    async def use_lock(lock, name):
        assert await lock.acquire() is True
        log.append(name)
        await asyncio.sleep(0)
        assert lock.locked()
        lock.release()

    for role in ("lock", "semaphore", "bounded-semaphore"):
        lock = classes[role]()
        await asyncio.gather(*(use_lock(lock, name) for name in "ABC"))
        assert not lock.locked()
        async with lock:
            assert lock.locked()
        assert log == ["A", "B", "C"]
        log.clear()
    with pytest.raises(RuntimeError):
        classes["lock"]().release()
    with pytest.raises(ValueError):
        classes["bounded-semaphore"]().release()
    with pytest.raises(ValueError):
        classes["semaphore"](-1)

    for role in ("lock", "semaphore", "event", "condition"):
        primitive = classes[role]()
        if role != "event":
            await primitive.acquire()
        wait = getattr(primitive, "acquire" if role in ("lock", "semaphore") else "wait")

        async def cancelled(wait=wait):
            await wait()

        waiter = asyncio.create_task(cancelled())
        await asyncio.sleep(0)
        waiter.cancel()
        assert isinstance((await asyncio.gather(waiter, return_exceptions=True))[0], asyncio.CancelledError), role

    event = classes["event"]()
    waiters = [asyncio.ensure_future(event.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    event.set()
    assert event.is_set()
    assert await asyncio.gather(*waiters) == [True, True]
    event.clear()
    assert not event.is_set()

    condition = classes["condition"](classes["lock"]())
    ready = []

    async def wait():
        async with condition:
            return await condition.wait_for(lambda: ready)

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0)
    async with condition:
        ready.append("ready")
        condition.notify()
        condition.notify_all()
    assert await waiter == ["ready"]


@pytest.mark.parametrize("file", INSTALLED, ids=lambda file: file.release)
def test_every_installed_release_loads_and_works(file):
    implementation = resolve(f"stdlib:{file.release}")
    assert Path(implementation.source) == file.path
    assert implementation.version == f"asyncio/locks.py of CPython {file.release}"
    assert set(implementation.classes) == set(PRIMITIVES)
    assert all(implementation.lacks(role) == () for role in PRIMITIVES)
    for role, found in implementation.classes.items():
        assert inspect.getsourcefile(found) == str(file.path), role
        assert getattr(asyncio, CLASS_NAMES[role]) is not found
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(use_every_primitive(implementation.classes))


def test_there_is_something_to_load():
    assert ".".join(map(str, sys.version_info[:3])) in [file.release for file in INSTALLED]


def test_a_series_means_its_newest_release(tmp_path):
    for release in ("3.9.2", "3.9.10"):
        folder = tmp_path / release / "lib" / "python3.9" / "asyncio"
        folder.mkdir(parents=True)
        (folder / "locks.py").write_text(MINIMAL)
    assert resolve("stdlib:3.9.2", "lock", [tmp_path]).version.endswith("3.9.2")
    given = [file.release for file in find_stdlib_files([tmp_path]) if tmp_path in file.path.parents]
    assert given == ["3.9.10", "3.9.2"]


@pytest.mark.parametrize("depth", ["", "lib", "lib/python3.5", "lib/python3.5/asyncio"])
def test_stdlib_path_may_point_anywhere_above_the_file(tmp_path, depth):
    folder = tmp_path / "lib" / "python3.5" / "asyncio"
    folder.mkdir(parents=True)
    (folder / "locks.py").write_text(MINIMAL)
    implementation = resolve("stdlib:3.5", "lock", [tmp_path / depth])
    assert implementation.source == str(folder / "locks.py")
    assert any("could not be found out" in note for note in implementation.notes)  # nothing tells which 3.5 it is


def test_a_checkout_of_cpython_says_its_release_in_a_header(tmp_path):
    (tmp_path / "Lib" / "asyncio").mkdir(parents=True)
    (tmp_path / "Lib" / "asyncio" / "locks.py").write_text(MINIMAL)
    (tmp_path / "Include").mkdir()
    (tmp_path / "Include" / "patchlevel.h").write_text('#define PY_VERSION  "3.5.4+"\n')
    assert resolve("stdlib:3.5", "lock", [tmp_path]).version == "asyncio/locks.py of CPython 3.5.4"


def test_loading_leaves_the_running_asyncio_alone():
    before = {name: dict(vars(module)) for name, module in sys.modules.items() if name.partition(".")[0] == "asyncio"}
    for file in INSTALLED:
        resolve(f"stdlib:{file.release}")
    after = {name: dict(vars(module)) for name, module in sys.modules.items() if name.partition(".")[0] == "asyncio"}
    assert before == after


def test_the_same_file_is_loaded_once():
    assert resolve(f"stdlib:{INSTALLED[0].release}").classes == resolve(f"stdlib:{INSTALLED[0].release}").classes


def test_asyncio_and_reference():
    implementation = resolve("asyncio")
    assert implementation.classes["lock"] is asyncio.Lock
    assert implementation.lacks("condition") == ()  # although its class has no `acquire` of its own
    assert resolve("reference").require("event").__module__.startswith("treadle.reference")


def test_a_path(tmp_path):
    file = tmp_path / "locks.py"
    file.write_text(MINIMAL)
    implementation = resolve(str(file), "lock")
    assert implementation.source == str(file)
    assert implementation.lacks("lock") == ("locked", "async with")
    with pytest.raises(ImplementationError, match="has no Event; it has Lock"):
        implementation.require("event")


def test_a_module_and_a_class(tmp_path, monkeypatch):
    (tmp_path / "my_primitives.py").write_text(MINIMAL.replace("class Lock", "class Gate"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_primitives", raising=False)
    implementation = resolve("my_primitives:Gate", "lock")
    assert implementation.classes["lock"].__name__ == "Gate"
    with pytest.raises(ImplementationError, match="which primitive Gate is cannot be told"):
        resolve("my_primitives:Gate")
    with pytest.raises(ImplementationError, match="has none of Lock"):
        resolve("my_primitives", "lock")
    with pytest.raises(ImplementationError, match="has no class 'Missing'"):
        resolve("my_primitives:Missing", "lock")
    assert set(resolve("asyncio.locks:Event").classes) == {"event"}


def test_one_unusable_class_does_not_spoil_the_others(tmp_path):
    file = tmp_path / "locks.py"
    file.write_text(MINIMAL + "class Event:\n    def __init__(self, color): pass\n")
    implementation = resolve(str(file))
    assert set(implementation.classes) == {"lock"}
    assert any("Event() raised TypeError" in note for note in implementation.notes)
    with pytest.raises(ImplementationError, match=r"Event\(\) raised TypeError"):
        resolve(str(file), "event")


@pytest.mark.parametrize("role", PRIMITIVES)
def test_a_class_without_the_essential_operations_is_refused(tmp_path, role):
    file = tmp_path / "locks.py"
    file.write_text(f"class {CLASS_NAMES[role]}:\n    def __init__(self, value=1): pass\n    def locked(self): pass\n")
    with pytest.raises(ImplementationError, match=" and no ".join(ESSENTIAL[role])):
        resolve(str(file), role)
    assert set(ESSENTIAL[role]) <= set(OPERATIONS[role])


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("stdlib:3.99", None, r"no asyncio/locks.py of CPython 3.99 was found; found were: .*--stdlib-path"),
        ("stdlib:nine", None, r"'nine' is not a release of CPython; give one like stdlib:3.9"),
        ("no/such/file.py", None, "there is no such file"),
        ("no_such_module_of_anyone", None, "there is no module 'no_such_module_of_anyone'"),
        (None, "class Lock(:\n", r"is not valid Python for 3.*\(line 1: "),
        (None, "from . import helpers\n", "name it as package.module instead"),
        (None, "1 / 0\n", "raised ZeroDivisionError when it was loaded"),
        (None, "import not_there_at_all\n", "could not be loaded by itself"),
    ],
)
def test_errors_say_what_happened_and_what_to_change(tmp_path, name, content, expected):
    if content is not None:
        name = str(tmp_path / "locks.py")
        Path(name).write_text(content)
    with pytest.raises(ImplementationError, match=expected):
        resolve(name, "lock")
    left = [module for key, module in sys.modules.items() if key.startswith(PACKAGE_PREFIX)]
    assert name not in [getattr(module, "__file__", None) for module in left]
