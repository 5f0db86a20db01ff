"""What `--impl` names: the classes to be checked, where they come from, and which documented operations they have.

An implementation is looked at from outside only: a class that has the operations of a lock can be checked as one,
whatever it inherits from. What a class lacks is recorded, so that a client leaves it out and the report says so; a
class that lacks what makes it a lock at all (`ESSENTIAL`) is refused.

Operations are looked up on an instance, not on the class: asyncio's own Condition takes `acquire`, `release` and
`locked` over from its lock when it is built.
"""

from __future__ import annotations

import asyncio
import dataclasses
import difflib
import importlib
import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import UsageError
from .stdlib_locks import find_stdlib_files, load_locks

__all__ = ["CLASS_NAMES", "ESSENTIAL", "OPERATIONS", "PRIMITIVES", "Implementation", "ImplementationError", "resolve"]

CLASS_NAMES = {
    "lock": "Lock",
    "event": "Event",
    "condition": "Condition",
    "semaphore": "Semaphore",
    "bounded-semaphore": "BoundedSemaphore",
}
"""Each primitive's name on the command line, and the name of its class."""

PRIMITIVES = tuple(CLASS_NAMES)
"""The primitives that can be verified."""

_ACQUIRABLE = ("acquire", "release", "locked", "async with")
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "lock": _ACQUIRABLE,
    "event": ("wait", "set", "clear", "is_set"),
    "condition": (*_ACQUIRABLE, "wait", "wait_for", "notify", "notify_all"),
    "semaphore": _ACQUIRABLE,
    "bounded-semaphore": _ACQUIRABLE,
}
"""The operations that the documentation gives to each primitive."""

ESSENTIAL: Mapping[str, tuple[str, ...]] = {
    "lock": ("acquire", "release"),
    "event": ("wait", "set"),
    "condition": ("acquire", "release", "wait", "notify"),
    "semaphore": ("acquire", "release"),
    "bounded-semaphore": ("acquire", "release"),
}
"""The operations without which nothing can be checked."""


class ImplementationError(UsageError):
    """An implementation was named that cannot be found, loaded or used."""


@dataclass(frozen=True)
class Implementation:
    """Classes to be checked.

    Attributes:
        name: what the user called it, such as `"stdlib:3.9"`.
        version: what it turned out to be, such as `"asyncio/locks.py of CPython 3.9.18"`.
        source: the file that was loaded, or None if it has none.
        classes: the class of each primitive; a primitive that it does not have is missing.
        operations: for each of these primitives the documented operations that its class has.
        notes: what a reader of a verdict has to know, a sentence each.
    """

    name: str
    version: str
    source: str | None
    classes: Mapping[str, type[Any]]
    operations: Mapping[str, frozenset[str]]
    notes: tuple[str, ...] = field(default=())

    def lacks(self, primitive: str) -> tuple[str, ...]:
        """Return the documented operations that the class of `primitive` does not have."""
        return tuple(name for name in OPERATIONS[primitive] if name not in self.operations[primitive])

    def require(self, primitive: str) -> type[Any]:
        """Return the class of `primitive`.

        Raises:
            ImplementationError: if there is none.
        """
        if primitive not in self.classes:
            raise ImplementationError(
                f"{self.name} ({self.version}) has no {CLASS_NAMES[primitive]}; it has "
                f"{', '.join(CLASS_NAMES[name] for name in self.classes)}; "
                "ask for one of these, or name another implementation"
            )
        return self.classes[primitive]


def resolve(
    name: str, primitive: str | None = None, stdlib_paths: Iterable[str | os.PathLike[str]] = ()
) -> Implementation:
    """Find what `--impl` names.

    Args:
        name: `reference`, `asyncio`, `stdlib:X.Y[.Z]`, the path of a Python file, `package.module[:Class]`, or `fault:NAME`.
        primitive: what is to be checked (None for all); it decides what a class given as `:Class` stands for.
        stdlib_paths: where to look first for the standard libraries of other interpreters.

    Raises:
        ImplementationError: with what happened, what was expected and what to change.
    """
    if name == "reference":
        return _from_module(name, "treadle.reference", importlib.import_module("treadle.reference"), primitive)
    if name == "asyncio":
        return _from_module(name, f"asyncio of CPython {platform.python_version()}", asyncio, primitive)
    if name.startswith("stdlib:"):
        return _from_stdlib(name, primitive, stdlib_paths)
    if name.startswith("fault:"):
        return _from_fault(name, primitive)
    if name.endswith(".py") or os.sep in name or (os.altsep is not None and os.altsep in name):
        return _from_path(name, primitive)
    return _from_import(name, primitive)


# --- one function a kind of name ---------------------------------------------------------------------------------


def _from_stdlib(
    name: str, primitive: str | None, stdlib_paths: Iterable[str | os.PathLike[str]]
) -> Implementation:
    wanted = name.removeprefix("stdlib:")
    if not re.fullmatch(r"3\.\d+(\.\d+)?", wanted):
        raise ImplementationError(
            f"--impl {name}: {wanted!r} is not a release of CPython; give one like stdlib:3.9 or stdlib:3.9.18"
        )
    files = find_stdlib_files(stdlib_paths)
    for file in files:  # newest first
        if wanted in (file.minor, file.release):
            implementation = _from_file(name, f"asyncio/locks.py of CPython {file.release}", file.path, primitive)
            if file.patch is None:
                note = f"which release of {file.minor} {file.path} belongs to could not be found out"
                return _with_notes(implementation, note)
            return implementation
    releases = ", ".join(dict.fromkeys(file.release for file in files)) or "none"
    raise ImplementationError(
        f"--impl {name}: no asyncio/locks.py of CPython {wanted} was found; found were: {releases}; "
        "install that release (pyenv install), or say where it is with --stdlib-path PREFIX/lib/pythonX.Y"
    )


def _from_fault(name: str, primitive: str | None) -> Implementation:
    from treadle.specs.faults import FAULTS

    fault = FAULTS.get(name.removeprefix("fault:"))
    if fault is None:
        near = difflib.get_close_matches(name.removeprefix("fault:"), FAULTS, 3) or list(FAULTS)[:3]
        raise ImplementationError(f"--impl {name}: there is no such fault; the nearest are {', '.join(f'fault:{other}' for other in near)}")
    module = ModuleType(name)
    vars(module).update(vars(fault.namespace()))
    return _with_notes(_from_module(name, f"a fault: {fault.breaks}", module, primitive), fault.breaks)


def _from_path(name: str, primitive: str | None) -> Implementation:
    path = Path(name).expanduser()
    if not path.is_file():
        raise ImplementationError(
            f"--impl {name}: there is no such file; give the path of a Python file, package.module[:Class], "
            "reference, asyncio or stdlib:X.Y"
        )
    return _from_file(name, str(path), path, primitive)


def _from_file(name: str, version: str, path: Path, primitive: str | None) -> Implementation:
    try:
        loaded = load_locks(path)
    except SyntaxError as error:
        raise ImplementationError(
            f"--impl {name}: {path} is not valid Python for {platform.python_version()}, the interpreter that runs "
            f"treadle (line {error.lineno}: {error.msg}); run treadle with an interpreter that can read it"
        ) from error
    except ImportError as error:
        raise ImplementationError(
            f"--impl {name}: {path} could not be loaded by itself ({error}); "
            "if it belongs to a package, name it as package.module instead of by its path"
        ) from error
    except Exception as error:
        raise ImplementationError(
            f"--impl {name}: {path} raised {type(error).__name__} when it was loaded: {error}; "
            "it has to load without errors"
        ) from error
    return _with_notes(_from_module(name, version, loaded.module, primitive), *loaded.notes)


def _from_import(name: str, primitive: str | None) -> Implementation:
    module_name, _, class_name = name.partition(":")
    # `python -m` has the current folder on its path, a console script does not: do the same in both.
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(error.name + ".")):
            raise ImplementationError(
                f"--impl {name}: importing {module_name} failed, since {error.name or 'a module'} is not installed; "
                "install it"
            ) from error
        raise ImplementationError(
            f"--impl {name}: there is no module {error.name!r}; give reference, asyncio, stdlib:X.Y, the path of a "
            "Python file, or package.module[:Class] of something that is installed or in the current folder"
        ) from error
    except Exception as error:
        raise ImplementationError(
            f"--impl {name}: importing {module_name} raised {type(error).__name__}: {error}; "
            "it has to import without errors"
        ) from error
    version = _version_of(module)
    if not class_name:
        return _from_module(name, version, module, primitive)
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        raise ImplementationError(f"--impl {name}: {module_name} has no class {class_name!r}; name one that it has")
    by_name = {class_name: primitive for primitive, class_name in CLASS_NAMES.items()}
    role = primitive if primitive is not None else by_name.get(class_name)
    if role is None:
        raise ImplementationError(
            f"--impl {name}: which primitive {class_name} is cannot be told from its name; "
            f"say so, as in `treadle verify lock --impl {name}`"
        )
    return _build(name, version, getattr(module, "__file__", None), {role: found}, role)


# --- from classes to an implementation ---------------------------------------------------------------------------


def _version_of(module: ModuleType) -> str:
    package = module.__name__.partition(".")[0]
    try:
        return f"{module.__name__} of {package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return module.__name__


def _from_module(name: str, version: str, module: ModuleType, primitive: str | None) -> Implementation:
    classes: dict[str, type[Any]] = {}
    for role, class_name in CLASS_NAMES.items():
        found = getattr(module, class_name, None)
        if isinstance(found, type):
            classes[role] = found
    wanted = PRIMITIVES if primitive is None else (primitive,)
    if not any(role in classes for role in wanted):
        raise ImplementationError(
            f"--impl {name}: {version} has none of {', '.join(CLASS_NAMES[role] for role in wanted)}; "
            "name a module that has, or the class itself, as in package.module:Class"
        )
    source = getattr(module, "__file__", None)
    return _build(name, version, source, classes, primitive)


def _build(
    name: str, version: str, source: str | None, classes: dict[str, type[Any]], primitive: str | None
) -> Implementation:
    """Find out what the classes can do; only those that are asked for have to be usable."""
    operations: dict[str, frozenset[str]] = {}
    notes = []
    # Older primitives look for a loop when they are built.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        for role, found in list(classes.items()):
            try:
                operations[role] = runner.run(_operations_of(name, role, found))
            except ImplementationError as error:
                if role == primitive:
                    raise
                notes.append(f"left out: {error}")
                del classes[role]
    if not classes:
        raise ImplementationError("; ".join(note.removeprefix("left out: ") for note in notes))
    return Implementation(name, version, source, classes, operations, tuple(notes))


async def _operations_of(name: str, role: str, found: type[Any]) -> frozenset[str]:
    """Build one and look which of the documented operations it has."""
    try:
        instance = found(1) if role.endswith("semaphore") else found()
    except Exception as error:
        arguments = "1" if role.endswith("semaphore") else ""
        raise ImplementationError(
            f"--impl {name}: {found.__name__}({arguments}) raised {type(error).__name__}: {error}; "
            "the documented primitive can be built so: wrap yours in a class that can"
        ) from error
    has = {operation for operation in OPERATIONS[role] if callable(getattr(instance, operation, None))}
    if hasattr(found, "__aenter__") and hasattr(found, "__aexit__"):
        has.add("async with")
    has &= set(OPERATIONS[role])
    missing = [operation for operation in ESSENTIAL[role] if operation not in has]
    if missing:
        raise ImplementationError(
            f"--impl {name}: {found.__name__} has no {' and no '.join(missing)}, without which it is not a {role}; "
            "name another class, or wrap yours in one that has them"
        )
    return frozenset(has)


def _with_notes(implementation: Implementation, *notes: str) -> Implementation:
    return dataclasses.replace(implementation, notes=implementation.notes + notes)
