"""`asyncio/locks.py` of another CPython, loaded into this interpreter.

The file that a release shipped is the thing to check, so it is executed as it is: nothing in it is rewritten. What it
imports from its own package (`from . import events`, `from .coroutines import coroutine`) is answered by a private
package made for this one file. Wherever the running asyncio still has what the file asks for, the answer is the running
module, so that its futures, its `CancelledError` and its event loop are the ones that the checker drives; four modules
changed since and are bridged below. The running `asyncio` itself is only read, never patched.

Refused: starting the other interpreter (the checker needs the code in its own process), and rewriting `yield from` into
`await` (then something else would be checked than what was shipped). What stays different from the original release is
said in `LoadedLocks.notes`.
"""

from __future__ import annotations

import asyncio
import asyncio.coroutines
import asyncio.events
import asyncio.exceptions
import asyncio.futures
import asyncio.mixins
import asyncio.tasks
import functools
import hashlib
import inspect
import os
import re
import sys
import sysconfig
import types
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["LoadedLocks", "StdlibFile", "find_stdlib_files", "load_locks"]

PACKAGE_PREFIX = "_treadle_locks_"
"""Private packages for loaded files are named with this and a digest of the path, so that two files never share one."""


@dataclass(frozen=True)
class StdlibFile:
    """An `asyncio/locks.py` of an installed CPython.

    Attributes:
        minor: the release series, such as `"3.9"`.
        patch: the exact release, such as `"3.9.18"`, or None where nothing near the file tells it.
        path: the file.
    """

    minor: str
    patch: str | None
    path: Path

    @property
    def release(self) -> str:
        """The most exact release number that is known."""
        return self.patch or self.minor

    @property
    def number(self) -> tuple[int, ...]:
        """The release as integers, for sorting: (3, 9, 18); (3, 9, -1) if the patch release is unknown."""
        parts = tuple(int(part) for part in self.release.split("."))
        return parts if len(parts) == 3 else (*parts, -1)


@dataclass(frozen=True)
class LoadedLocks:
    """A file of primitives that was executed.

    Attributes:
        module: the module object; its primitives are its attributes.
        notes: in what the loaded code may differ from the same code in its own interpreter, one sentence each.
    """

    module: types.ModuleType
    notes: tuple[str, ...]


# --- finding the files -------------------------------------------------------------------------------------------


def find_stdlib_files(stdlib_paths: Iterable[str | os.PathLike[str]] = ()) -> list[StdlibFile]:
    """Return all `asyncio/locks.py` that can be found, newest release first.

    Looked through, in this order: `stdlib_paths` (each a standard library such as `/opt/py39/lib/python3.9`, or a
    folder somewhere above one), the running interpreter, pyenv, uv, `/usr/local/lib` and `/usr/lib`. Of files of the
    same release, the one that was found first comes first.
    """
    found: dict[Path, StdlibFile] = {}
    for path in _candidates(stdlib_paths):
        real = path.resolve()
        if real in found or not path.is_file():
            continue
        release = _release_of(path)
        if release is not None:
            minor = ".".join(release.split(".")[:2])
            found[real] = StdlibFile(minor, None if release == minor else release, path)
    return sorted(found.values(), key=lambda file: file.number, reverse=True)  # stable: the search's order decides ties


def _candidates(stdlib_paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    """Paths at which an `asyncio/locks.py` may stand, most wanted first."""
    for given in stdlib_paths:
        base = Path(given).expanduser()
        for above in ("", "asyncio/", "[Ll]ib/asyncio/", "python3*/asyncio/", "lib/python3*/asyncio/"):
            yield from sorted(base.glob(above + "locks.py"))
        yield from sorted(base.glob("*/lib/python3*/asyncio/locks.py"))
    yield Path(sysconfig.get_path("stdlib")) / "asyncio" / "locks.py"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local" / "share" / "uv" / "python")
    for folder, pattern in (
        (pyenv / "versions", "*/lib/python3*/asyncio/locks.py"),
        (uv, "*/lib/python3*/asyncio/locks.py"),
        (Path("/usr/local/lib"), "python3*/asyncio/locks.py"),
        (Path("/usr/lib"), "python3*/asyncio/locks.py"),
    ):
        yield from sorted(folder.glob(pattern))


def _release_of(path: Path) -> str | None:
    """The release that an `asyncio/locks.py` belongs to ("3.9.18", else "3.9"), or None if nothing near it tells."""
    stdlib = path.parent.parent
    if stdlib.resolve() == Path(sysconfig.get_path("stdlib")).resolve():
        return ".".join(str(part) for part in sys.version_info[:3])
    prefix = stdlib.parent.parent
    headers = (*sorted(prefix.glob(f"include/{stdlib.name}*/patchlevel.h")), stdlib.parent / "Include" / "patchlevel.h")
    for header in headers:
        if header.is_file():
            match = re.search(r'#define\s+PY_VERSION\s+"(3\.\d+\.\d+)', header.read_text("utf-8", "replace"))
            if match:
                return match[1]
    minor = re.fullmatch(r"python(3\.\d+)t?", stdlib.name)
    if minor is None:
        return None
    # pyenv and uv name the folder of an installation by its exact release.
    exact = re.search(rf"(?<!\d){re.escape(minor[1])}\.\d+(?!\d)", prefix.name)
    return exact[0] if exact else minor[1]


# --- loading one -------------------------------------------------------------------------------------------------


def load_locks(path: Path) -> LoadedLocks:
    """Execute a file of primitives inside a private package and return its module, the same for the same path.

    Raises whatever the file raises when it is compiled or executed (SyntaxError, ImportError, …), and OSError if it
    cannot be read.
    """
    package = PACKAGE_PREFIX + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"{package}.{path.stem}"
    if name not in sys.modules:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        _install_package(package)
        module = types.ModuleType(name)
        module.__file__ = str(path)
        module.__package__ = package
        sys.modules[name] = module
        try:
            exec(code, module.__dict__)
        except BaseException:
            _remove_package(package)
            raise
    module = sys.modules[name]
    return LoadedLocks(module, _notes(module))


def _notes(module: types.ModuleType) -> tuple[str, ...]:
    bridged = {
        "coroutine": "@asyncio.coroutine is replaced by types.coroutine",
        "compat": "asyncio.compat is replaced by a stand-in",
    }
    own = ["events, futures, tasks and CancelledError are those of the interpreter that runs the check"]
    return tuple(own + [text for attribute, text in bridged.items() if hasattr(module, attribute)])


def _install_package(package: str) -> None:
    """Register the private package and what a `locks.py` of any release may import from its own package."""
    parent = types.ModuleType(package, "Stands in for the asyncio package around one loaded file.")
    parent.__path__ = []  # a package; but nothing else can be found in it
    parent.__package__ = package
    sys.modules[package] = parent
    answers: dict[str, types.ModuleType] = {
        "events": asyncio.events,
        "exceptions": asyncio.exceptions,
        "futures": _stand_in(f"{package}.futures", asyncio.futures, CancelledError=asyncio.CancelledError),
        "tasks": asyncio.tasks,
        "compat": _stand_in(f"{package}.compat", PY34=True, PY35=True, PY352=True),
        "coroutines": _stand_in(
            f"{package}.coroutines", asyncio.coroutines, coroutine=_coroutine, _is_coroutine=object()
        ),
        "mixins": _stand_in(f"{package}.mixins", asyncio.mixins, **_mixins()),
    }
    for short, answer in answers.items():
        sys.modules[f"{package}.{short}"] = answer
        setattr(parent, short, answer)


def _remove_package(package: str) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        del sys.modules[name]


def _stand_in(name: str, original: types.ModuleType | None = None, **attributes: object) -> types.ModuleType:
    """A module with everything public and private of `original`, and `attributes` on top of it."""
    module = types.ModuleType(name, "Bridges what changed in asyncio since the loaded file was written.")
    kept = {key: value for key, value in vars(original).items() if not key.startswith("__")} if original else {}
    vars(module).update(kept | attributes)
    return module


def _coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    """Stands in for `asyncio.coroutine` (gone since 3.11): a generator function, or a plain one, becomes awaitable."""
    awaitable: Callable[..., Any]
    if inspect.isgeneratorfunction(function):
        awaitable = types.coroutine(function)
        return awaitable

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        result = function(*args, **kwargs)
        if inspect.isawaitable(result):
            result = yield from result.__await__()
        return result

    awaitable = types.coroutine(call)
    return awaitable


def _mixins() -> dict[str, object]:
    """`asyncio.mixins` as 3.10 had it: a marker for "no loop given", and a base class that refuses any other."""
    marker = object()

    class LoopBound(asyncio.mixins._LoopBoundMixin):
        """Binds a primitive to the first loop that uses it; refuses the `loop` argument."""

        def __init__(self, *, loop: object = marker) -> None:
            if loop is not marker:
                raise TypeError(f"{type(self).__name__}() takes no loop argument since Python 3.10")

    return {"_marker": marker, "_LoopBoundMixin": LoopBound}
