"""The item that stands for a marked test, and what is refused before anything runs.

A marked test is no longer an `async def` to any other plugin: the item has its own `runtest`, which calls none of the
hooks that pytest-asyncio and anyio listen to. Refused: a wrapper around the test function, which would have to hide
from each of them in another way.
"""

from __future__ import annotations

import inspect
import unittest
from typing import Any

import pytest

from .fixtures import Recipe, is_made_anew

__all__ = ["MARK", "OPTIONS", "ExploredFunction", "Violated", "adopt", "adopt_late"]

MARK = "treadle"
_NAMES = (set, frozenset, tuple, list)
# The options of `treadle.checker.check` and what they may be, by hand: importing it takes longer than collecting most suites. A test
# holds the two together.
OPTIONS: dict[str, tuple[type, ...]] = {
    "contract": (str, type(None)), "time": (str,), "cancel": (int,), "ignore": _NAMES, "forbid": _NAMES, "strict": (bool,),
    "merge": (str,), "search": (str,), "seed": (int,), "runs": (int, type(None)), "max_states": (int, type(None)), "max_depth": (int,),
    "timeout": (int, float, type(None)), "witnesses": _NAMES, "keep_going": (bool,),
}  # fmt: skip


class Violated(pytest.fail.Exception):  # type: ignore[name-defined, misc]  # mypy does not follow the attribute
    """A marked test has a counterexample; its table is in `sections`, title and text each."""

    def __init__(self, message: str, sections: list[tuple[str, str]]) -> None:
        super().__init__(message, pytrace=False)
        self.sections = sections


Violated.__module__ = "builtins"  # pytest does so too: the summary should not say where the class is defined


class ExploredFunction(pytest.Function):
    """A marked test. `options` are those of its marks, the innermost first; `recipes` its fixtures that are made anew."""

    _treadle_leaf = True  # it is the same in all runs and no part of any state
    options: dict[str, Any]
    recipes: list[Recipe]
    treadle_verdict: dict[str, Any] | None = None

    def setup(self) -> None:
        """Set up the fixtures that all runs share, and prepare the others."""
        self.recipes = []
        self._definitions: dict[Any, tuple[Any, tuple[str, ...]]] = {}
        self.treadle_verdict = None
        self._refuse_wide_async_fixtures()
        super().setup()

    def runtest(self) -> None:
        """Explore the test."""
        from .exploring import explore_test

        explore_test(self)

    def look_at_fixture(self, fixturedef: Any) -> None:
        """Note the function and the arguments of a fixture, if it is one to be made anew."""
        if is_made_anew(fixturedef):
            self._definitions[fixturedef] = fixturedef.func, fixturedef.argnames

    def prepare_fixture(self, fixturedef: Any, request: Any) -> Recipe | None:
        """Return the recipe for a fixture that is made anew in every run; None leaves the fixture to pytest."""
        if fixturedef not in self._definitions:
            return None
        function, names = self._definitions[fixturedef]
        arguments = {name: request.getfixturevalue(name) for name in names}
        recipe = Recipe(len(self.recipes), fixturedef.argname, function, arguments)
        self.recipes.append(recipe)
        fixturedef.cached_result = (recipe, fixturedef.cache_key(request), None)
        return recipe

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]  # as pytest's own
        """Show the table of a counterexample; the place is the line that failed, or else the test."""
        shown: Any = super().repr_failure(excinfo)
        if isinstance(excinfo.value, Violated):
            for title, text in excinfo.value.sections:
                shown.addsection(title, text, "-")
            if excinfo.value.__traceback__ is not None and not _ends_in_user_code(excinfo) and shown.reprcrash is not None:
                shown.reprcrash.path, shown.reprcrash.lineno = str(self.path), (self.location[1] or 0) + 1
        return shown

    def _refuse_wide_async_fixtures(self) -> None:
        for name in self.fixturenames:
            for fixturedef in self._fixtureinfo.name2fixturedefs.get(name, ())[-1:]:
                is_async = inspect.iscoroutinefunction(fixturedef.func) or inspect.isasyncgenfunction(fixturedef.func)
                if is_async and fixturedef.scope != "function":
                    pytest.fail(
                        f"{self.nodeid}: the async fixture {name!r} has the scope {fixturedef.scope!r}, but an explored test runs many "
                        "times, each in an event loop of its own; give the fixture function scope, or make it a plain function",
                        pytrace=False,
                    )


def _ends_in_user_code(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    module = str(excinfo.traceback[-1].frame.raw.f_globals.get("__name__", ""))
    return not module.startswith("treadle.checker")


def adopt(item: pytest.Function) -> pytest.Function:
    """Return the item that explores `item`; `item` itself if the mark is not its own and it is not `async def`.

    Raises:
        CollectError: if it is marked and cannot be explored, or its mark has an option that does not exist.
    """
    own = any(mark.name == MARK for mark in item.own_markers)
    function = item.function
    if not inspect.iscoroutinefunction(function):
        if own:
            raise pytest.Collector.CollectError(_refusal(item, function))
        return item  # marked through its module or class, which may have plain tests too
    explored: ExploredFunction = ExploredFunction.from_parent(
        item.parent,
        name=item.name,
        callspec=getattr(item, "callspec", None),
        fixtureinfo=item._fixtureinfo,
        keywords=item.keywords,
        originalname=item.originalname,
    )
    explored.own_markers = item.own_markers  # with those that other plugins have added
    explored.options = _options(item)
    if (library := _other_library(item)) is not None:
        explored.add_marker(pytest.mark.skip(reason=f"treadle explores asyncio, not {library}"))
    return explored


def _other_library(item: pytest.Function) -> str | None:
    """Return the library, if it is not asyncio, for which anyio's plugin has made this item."""
    callspec = getattr(item, "callspec", None)
    backend = None if callspec is None else callspec.params.get("anyio_backend")
    name = backend[0] if isinstance(backend, tuple) else backend
    return name if isinstance(name, str) and name != "asyncio" else None


def _options(item: pytest.Function) -> dict[str, Any]:
    """Return the options of all marks of an item; a mark on the function goes before one on its class or module."""
    options: dict[str, Any] = {}
    for mark in item.iter_markers(MARK):  # the innermost first
        if mark.args:
            raise pytest.Collector.CollectError(
                f"{item.nodeid}: @pytest.mark.treadle takes options by name only, got {mark.args[0]!r}; "
                "write, for example, @pytest.mark.treadle(cancel=1)"
            )
        if unknown := [name for name in mark.kwargs if name not in OPTIONS]:
            raise pytest.Collector.CollectError(
                f"{item.nodeid}: @pytest.mark.treadle has no option {unknown[0]!r}; its options are {', '.join(OPTIONS)}"
            )
        for name, value in mark.kwargs.items():
            if not isinstance(value, OPTIONS[name]):
                expected = "a set of names" if OPTIONS[name] is _NAMES else " or ".join(kind.__name__ for kind in OPTIONS[name])
                raise pytest.Collector.CollectError(
                    f"{item.nodeid}: @pytest.mark.treadle({name}={value!r}): expected {expected.replace('NoneType', 'None')}, "
                    f"got {type(value).__name__}"
                )
        options = {**mark.kwargs, **options}
    return options


def _refusal(item: pytest.Function, function: object) -> str:
    if inspect.isasyncgenfunction(function):
        return f"{item.nodeid} is marked with treadle, but it is an async generator; take the `yield` out of the test"
    if hasattr(function, "hypothesis"):
        return (
            f"{item.nodeid} is marked with treadle, but @given has made it a plain function; "
            "draw data with treadle.checker.choose(n), which explores every value"
        )
    return (
        f"{item.nodeid} is marked with treadle, but it is not an `async def`; only coroutine functions have interleavings to explore: "
        "make it one, or take the mark off"
    )


def adopt_late(items: list[pytest.Item]) -> None:
    """Put our items in the place of those that were marked after they were collected, and refuse marks on any others.

    Raises:
        UsageError: for what cannot be explored, such as methods of `unittest.TestCase`: it would seem to be, and is not.
    """
    for position, item in enumerate(items):
        if isinstance(item, ExploredFunction) or item.get_closest_marker(MARK) is None:
            continue
        cls = getattr(item, "cls", None)
        if isinstance(cls, type) and issubclass(cls, unittest.TestCase):
            own = any(mark.name == MARK for mark in item.own_markers)
            if own or inspect.iscoroutinefunction(getattr(item, "function", None)):
                raise pytest.UsageError(
                    f"{item.nodeid} is marked with treadle, but it is a method of a unittest.TestCase; "
                    "make it a function, or a method of a plain class"
                )
        elif isinstance(item, pytest.Function):
            try:
                items[position] = adopt(item)
            except pytest.Collector.CollectError as error:
                raise pytest.UsageError(str(error)) from None
