"""One run of a marked test: what the explorer calls instead of a scenario.

The explorer looks at what it is given, to put globals back between runs; what pytest and its plugins hold must stay out
of its sight. So a `Plan` is a leaf, and the functions and values that belong to the program are handed over beside it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Coroutine
from typing import Any

import pytest

from ..execution import Scenario, execute, simulation
from ..runtime import Settings
from ..shrinking import Replay
from .fixtures import Recipe, Stage, needed
from .items import ExploredFunction
from .noise import Noise

__all__ = ["Plan"]

_ENDS_THE_TEST = (pytest.skip.Exception, pytest.xfail.Exception, pytest.exit.Exception)


class Plan:
    """How to run a marked test; `scenario` runs it once.

    `error` is what the test raised in the run of `run_aloud`; GeneratorExit if it was still waiting when the run was over.
    """

    _treadle_leaf = True

    def __init__(self, item: ExploredFunction, noise: Noise) -> None:
        self.item = item
        self.noise = noise
        self.arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
        self.recipes = needed(item.recipes, [item.funcargs[name] for name in item.fixturenames if name in item.funcargs])
        self.error: BaseException | None = None
        self._aloud = False
        shared = [item.funcargs, *(recipe.arguments for recipe in self.recipes)]
        values = {id(value): value for group in shared for value in group.values() if not isinstance(value, Recipe)}.values()
        own = [value for value in values if not _is_pytests(value)]
        functions = [inspect.unwrap(item.function), item.function, *(recipe.function for recipe in self.recipes)]
        self.scenario: Scenario = functools.partial(_start, self, item.cls, *functions, *own)

    def run_aloud(self, settings: Settings, schedule: tuple[int, ...]) -> BaseException | None:
        """Run one schedule so that its output, log and warnings are pytest's to show; return what the test raised."""
        self._aloud = True
        self.error = None
        try:
            with simulation():
                execute(self.scenario, settings, Replay(schedule))
        finally:
            self._aloud = False
        return self.error

    def note(self, error: BaseException) -> None:
        """Remember what the test raised; only where nothing depends on when it is forgotten."""
        if self._aloud:
            self.error = error


def _start(plan: Plan, cls: type | None, *program: object) -> Coroutine[Any, Any, None]:
    """Begin a run. `program` is only for the explorer to see."""
    plan.noise.begin_run()
    return _perform(plan, Stage(None if cls is None else cls()))


async def _perform(plan: Plan, stage: Stage) -> None:
    errors: list[BaseException] = []
    try:
        for recipe in plan.recipes:
            if recipe.number not in stage.values:  # another one may have asked for it
                await stage.make(recipe)
        await stage.bind(plan.item.obj)(**stage.fill(plan.arguments))
    except BaseException as error:
        errors.append(error)
    while stage.endings:
        try:
            await stage.end(stage.endings.pop())
        except BaseException as error:
            errors.append(error)
    if errors:
        ends_with = _together(errors)
        plan.note(ends_with)
        raise ends_with


def _together(errors: list[BaseException]) -> BaseException:
    """Return the one exception that a run ends with: the test's own before those of its teardown."""
    for error in errors:
        if isinstance(error, GeneratorExit):  # the run is cut short
            return error
    if len(errors) > 1:
        errors = [error for error in errors if type(error).__name__ != "CancelledError"]
    if len(errors) > 1:
        return BaseExceptionGroup("the test and the teardown of its fixtures failed", errors)
    error = errors[0]
    if isinstance(error, pytest.fail.Exception) and not isinstance(error, _ENDS_THE_TEST):
        return AssertionError(error.msg).with_traceback(error.__traceback__)
    return error


def _is_pytests(value: object) -> bool:
    return type(value).__module__.partition(".")[0] in ("_pytest", "pytest")
