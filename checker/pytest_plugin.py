"""The pytest plugin: `@pytest.mark.treadle` on an `async def` test explores it in every interleaving.

pytest loads this module in every project that has treadle installed. So it imports pytest and nothing else: what
explores, records and reports is in `pytesting`, and is imported when the first marked test is collected, run or
reported.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

__all__: list[str] = []

_CONTRACTS = ("stock", "stretched", "any")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; each of them goes before what a mark says."""
    group = parser.getgroup("treadle", "treadle: tests in every interleaving")
    group.addoption("--treadle-contract", choices=_CONTRACTS, help="The contract of the scheduler, for all marked tests.")
    group.addoption("--treadle-timeout", type=float, metavar="SECONDS", help="Limit on the time of each search.")
    group.addoption("--treadle-replay", metavar="TRACE", help="Run only the test that this trace is of, and only its schedule.")
    group.addoption(
        "--treadle-strict", action="store_true", help="A verdict that is not `verified` fails the test, and so does a warning."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark, for --strict-markers and --markers."""
    config.addinivalue_line(
        "markers",
        "treadle(contract=None, time='virtual', cancel=0, ...): explore this `async def` test in every order in which its tasks can run; "
        "the options are those of treadle.checker.check.",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost: what other plugins make of an `async def` test is replaced
def pytest_pycollect_makeitem() -> Generator[None, Any, Any]:
    """Put items of ours in the place of marked tests."""
    collected = yield
    if not isinstance(collected, list) or not any(_is_marked(item) for item in collected):
        return collected
    from .pytesting.items import adopt

    return [adopt(item) if _is_marked(item) else item for item in collected]


def _is_marked(item: object) -> bool:
    return isinstance(item, pytest.Function) and item.get_closest_marker("treadle") is not None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Look after marks that came late, or where nothing can be explored; keep the one test that --treadle-replay is of."""
    if any(item.get_closest_marker("treadle") is not None for item in items):
        from .pytesting.items import adopt_late

        adopt_late(items)
    if config.option.treadle_replay is not None:
        from .pytesting.keeping import select

        select(config, items)


@pytest.hookimpl(wrapper=True, tryfirst=True, specname="pytest_fixture_setup")
def pytest_look_at_fixture(fixturedef: Any, request: Any) -> Generator[None, Any, Any]:
    """Show our items a fixture as it was defined, before other plugins exchange its function."""
    look = getattr(request.node, "look_at_fixture", None)
    if look is not None:
        look(fixturedef)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: Any, request: Any) -> object:
    """Let our items set their fixtures up in their own way: anew in every run."""
    prepare = getattr(request.node, "prepare_fixture", None)
    return None if prepare is None else prepare(fixturedef, request)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Let the verdict travel with the report, also from a worker of pytest-xdist."""
    report = yield
    verdict = getattr(item, "treadle_verdict", None)
    if verdict is not None and call.when == "call":
        report.treadle = verdict
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which tests were explored but not verified, and what breaks only under a stronger contract."""
    reports = [report for group in terminalreporter.stats.values() for report in group if hasattr(report, "treadle")]
    if reports:
        from .pytesting.summary import write_summary

        write_summary(terminalreporter, reports)
