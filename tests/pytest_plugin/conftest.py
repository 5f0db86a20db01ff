"""`project`: a folder with a test module of its own, on which pytest is run in this process or in another one."""

import textwrap

import pytest

import treadle.checker.pytesting.exploring  # pytester forgets what an inner run imports: once is enough
import treadle.checker.pytesting.summary  # noqa: F401

ACCOUNT = """
import asyncio
import pytest
from treadle.checker import checkpoint, choose, witness

class Account:
    def __init__(self, balance=0):
        self.balance = balance

    async def deposit(self, amount):
        before = self.balance
        await checkpoint()
        self.balance = before + amount

async def both(account):
    async with asyncio.TaskGroup() as group:
        group.create_task(account.deposit(1), name="alice")
        group.create_task(account.deposit(2), name="bob")
"""

WITHOUT = ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:xdist", "-p", "no:benchmark", "-p", "no:hypothesispytest")


class Project:
    """`write` makes the test module (what is above comes first), `run` runs pytest on it in this process."""

    def __init__(self, pytester):
        self.pytester = pytester
        self.path = pytester.path

    def write(self, source, name="test_it", preamble=ACCOUNT, **files):
        self.pytester.makepyfile(**{name: preamble + textwrap.dedent(source)})
        for file, text in files.items():
            self.pytester.makepyfile(**{file: textwrap.dedent(text)})

    def run(self, *arguments):
        """Run pytest in this process, without other plugins for async tests."""
        return self.pytester.runpytest_inprocess(*WITHOUT, *arguments)

    def run_alone(self, *arguments, without=WITHOUT):
        """Run pytest in a process of its own."""
        return self.pytester.runpytest_subprocess(*without, *arguments)

    def passes(self, source, *arguments, **counts):
        """Write a module and run it; everything must pass."""
        self.write(source)
        result = self.run(*arguments)
        result.assert_outcomes(**(counts or {"passed": 1}))
        return result

    def kept(self):
        """Return the trace files that were kept."""
        return sorted((self.path / ".pytest_cache" / "d" / "treadle").glob("*.json"))


@pytest.fixture
def project(pytester, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    return Project(pytester)
