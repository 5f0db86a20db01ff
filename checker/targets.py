"""From what a person types to the scenarios that it means.

`file.py` (functions named `scenario`, `scenario_*`, or decorated with `@scenario`), `file.py::name`,
`package.module:name`. A file is loaded as a module of its own, with its folder on `sys.path` as `python file.py`
would have it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import UsageError
from .execution import Scenario
from .runtime import describe_error

__all__ = ["ScenarioTarget", "resolve"]


@dataclass(frozen=True)
class ScenarioTarget:
    """A scenario, and the words that name it on the command line."""

    name: str
    function: Scenario


def resolve(target: str) -> list[ScenarioTarget]:
    """Return the scenarios that `target` names.

    Raises:
        UsageError: if there is no such file, module or function, it fails to import, or it is not a scenario.
    """
    path, separator, name = target.partition("::")
    if separator or path.endswith(".py"):
        return _from_file(path, name)
    module, separator, name = target.partition(":")
    if separator:
        return [_named(_import(module), name, target)]
    if Path(target).exists():
        raise UsageError(f"{target} is not a Python file; expected file.py, file.py::name or package.module:name")
    raise UsageError(f"cannot tell what {target!r} means; expected file.py, file.py::name or package.module:name")


def _from_file(path: str, name: str) -> list[ScenarioTarget]:
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"there is no file {path}; expected a Python file with scenarios, such as examples/bank.py")
    module = _load(file)
    if name:
        return [_named(module, name, f"{path}::{name}")]
    found = []
    for attribute, value in vars(module).items():
        marked = getattr(value, "_treadle_scenario", False)
        named = attribute == "scenario" or attribute.startswith("scenario_")
        if (marked or named) and inspect.isfunction(value) and value.__module__ == module.__name__:
            found.append(ScenarioTarget(f"{path}::{attribute}", _validated(value, f"{path}::{attribute}")))
    if not found:
        raise UsageError(
            f"{path} has no scenario; expected an `async def scenario()`, an `async def scenario_…()`, or a function decorated "
            "with @treadle.checker.scenario"
        )
    return found


def _load(file: Path) -> ModuleType:
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    digest = hashlib.blake2b(str(file.resolve()).encode(), digest_size=4).hexdigest()
    name = f"{file.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} cannot be imported as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UsageError(_import_failure(str(file), error)) from None
    return module


def _import(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UsageError(_import_failure(name, error)) from None


def _import_failure(what: str, error: BaseException) -> str:
    """Say in one line what an import stumbled over, and at which line of the user's."""
    if isinstance(error, SyntaxError):
        return f"cannot import {what}: {error.msg} ({error.filename}:{error.lineno}); mend the file and run again"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "importlib" not in frame.filename and not frame.filename.endswith("checker/targets.py")]
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    return f"cannot import {what}: {describe_error(error)}{place}; mend it and run again"


def _named(module: ModuleType, name: str, target: str) -> ScenarioTarget:
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            known = [attribute for attribute, item in vars(module).items() if _is_own(item, module)]
            hint = f"its coroutine functions are {', '.join(known)}" if known else "it has no coroutine functions"
            raise UsageError(f"{target}: there is no {name!r} in {target.rpartition(':')[0].rstrip(':')}; {hint}")
        value = getattr(value, part)
    return ScenarioTarget(target, _validated(value, target))


def _is_own(value: Any, module: ModuleType) -> bool:
    """Return True for a coroutine function that the module defines itself, and not what it has imported."""
    return inspect.iscoroutinefunction(value) and value.__module__ == module.__name__


def _validated(value: Any, target: str) -> Scenario:
    if not callable(value) or not inspect.iscoroutinefunction(inspect.unwrap(value)):
        kind = "a plain function" if inspect.isfunction(value) else f"a {type(value).__name__}"
        if inspect.isasyncgenfunction(value):
            kind = "an asynchronous generator, since it has a `yield`"
        raise UsageError(f"{target} is {kind}; a scenario is an `async def` without arguments")
    required = [
        parameter.name
        for parameter in inspect.signature(value).parameters.values()
        if parameter.default is parameter.empty and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if required:
        raise UsageError(
            f"{target} takes the argument {required[0]!r}; a scenario takes none: "
            "build what it needs inside it, or wrap it in a function that passes it"
        )
    function: Scenario = value
    return function
