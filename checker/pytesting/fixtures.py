"""Fixtures of a marked test: those of function scope are new in every run, the others are shared by all runs.

An explored test runs thousands of times, and every run must start from the same state. So when pytest asks for a
fixture of function scope, it gets a `Recipe` instead: the fixture's function, and what pytest would have passed to it.
pytest keeps deciding which fixture is meant, in which order, with which parameter. In every run the recipes are
followed in that order, as part of the run: an async fixture suspends and is interleaved as an `async with` around the
test would be. Then they are torn down in reverse.

Shared are fixtures of a wider scope, and what pytest brings along itself (`tmp_path`, `capsys`): they belong to the test
and not to a run. `monkeypatch` and the setup methods of classes are the exceptions. Refused: setting pytest's own
fixture machinery up anew for every run, which would make directories, call the hooks of all plugins and take a
millisecond each time.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["Recipe", "Stage", "is_made_anew", "needed"]

_SHARED_HOMES = frozenset({"_pytest", "pytest", "pytest_asyncio", "anyio", "xdist", "pytest_benchmark"})  # they are about running tests
_ANEW_OF_PYTEST = ("monkeypatch", "_xunit_setup_method_fixture", "_xunit_setup_function_fixture")


def is_made_anew(fixturedef: Any) -> bool:
    """Return True for a fixture that every run makes for itself."""
    if fixturedef.scope != "function":
        return False
    home = str(getattr(fixturedef.func, "__module__", "")).partition(".")[0]
    return home not in _SHARED_HOMES or fixturedef.argname.startswith(_ANEW_OF_PYTEST)


class Recipe:
    """How to make a fixture: its name, its function, and its arguments, which may be recipes too."""

    _treadle_leaf = True  # it is the same in all runs and no part of any state

    def __init__(self, number: int, name: str, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        self.number = number
        self.name = name
        self.function = function
        self.arguments = arguments


def needed(recipes: list[Recipe], values: list[Any]) -> list[Recipe]:
    """Return those recipes, in order, that `values` are or depend on.

    Others were asked for by plugins, such as the runner that pytest-asyncio holds ready for async fixtures.
    """
    wanted: set[int] = set()
    pending = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, Recipe) and value.number not in wanted:
            wanted.add(value.number)
            pending += value.arguments.values()
    return [recipe for recipe in recipes if recipe.number in wanted]


class Stage:
    """The fixtures of one run: `values` by the numbers of their recipes, and `endings`, what is to be done in reverse at the end."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        self.values: dict[int, Any] = {}
        self.endings: list[Any] = []

    def bind(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method of the test's class bound to this run's instance; other functions as they are."""
        owner = getattr(function, "__self__", None)
        if inspect.ismethod(function) and not isinstance(owner, type) and isinstance(self.instance, type(owner)):
            return function.__func__.__get__(self.instance)  # type: ignore[no-any-return]
        return function

    def fill(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return arguments with the values of this run for recipes and requests."""
        return {name: self.value_of(value) for name, value in arguments.items()}

    def value_of(self, value: Any) -> Any:
        """Return what stands for `value` in this run."""
        if isinstance(value, Recipe):
            return self.values[value.number]
        if isinstance(value, pytest.FixtureRequest):
            return RunRequest(self, value)
        return value

    async def make(self, recipe: Recipe) -> None:
        """Follow a recipe."""
        function = self.bind(recipe.function)
        made = function(**self.fill(recipe.arguments))
        if inspect.isasyncgenfunction(function):
            try:
                self.values[recipe.number] = await anext(made)
            except StopAsyncIteration:
                raise ValueError(f"the fixture {recipe.name!r} did not yield a value") from None
            self.endings.append(made)
        elif inspect.iscoroutinefunction(function):
            self.values[recipe.number] = await made
        else:
            self._keep(recipe, made, function)

    def make_now(self, recipe: Recipe) -> None:
        """Follow a recipe that `request.getfixturevalue` has asked for in the midst of a run."""
        function = self.bind(recipe.function)
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise pytest.fail.Exception(
                f"the async fixture {recipe.name!r} cannot be asked for with request.getfixturevalue() while the test runs; "
                "make it an argument of the test",
                pytrace=False,
            )
        for argument in recipe.arguments.values():
            if isinstance(argument, Recipe) and argument.number not in self.values:
                self.make_now(argument)
        self._keep(recipe, function(**self.fill(recipe.arguments)), function)

    def _keep(self, recipe: Recipe, made: Any, function: Callable[..., Any]) -> None:
        if inspect.isgeneratorfunction(function):
            try:
                self.values[recipe.number] = next(made)
            except StopIteration:
                raise ValueError(f"the fixture {recipe.name!r} did not yield a value") from None
            self.endings.append(made)
        else:
            self.values[recipe.number] = made

    async def end(self, ending: Any) -> None:
        """Tear one fixture down."""
        if inspect.isasyncgen(ending):
            with contextlib.suppress(StopAsyncIteration):
                await anext(ending)
                raise ValueError(f"the fixture {ending.__name__!r} yields more than once")
        elif inspect.isgenerator(ending):
            with contextlib.suppress(StopIteration):
                next(ending)
                raise ValueError(f"the fixture {ending.__name__!r} yields more than once")
        else:
            ending()


class RunRequest:
    """What `request` is inside of a run: pytest's own, with the fixtures, the instance and the finalizers of this run."""

    def __init__(self, stage: Stage, request: pytest.FixtureRequest) -> None:
        self._stage = stage
        self._request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    @property
    def instance(self) -> Any:
        """Return the instance of the test's class, which is a new one in every run."""
        return self._stage.instance

    def addfinalizer(self, finalizer: Callable[[], object]) -> None:
        """Call `finalizer()` at the end of this run."""
        self._stage.endings.append(finalizer)

    def getfixturevalue(self, argname: str) -> Any:
        """Return the value of a fixture in this run."""
        value = self._request.getfixturevalue(argname)
        if isinstance(value, Recipe) and value.number not in self._stage.values:
            self._stage.make_now(value)
        return self._stage.value_of(value)
