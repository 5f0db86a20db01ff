"""A project in a temporary folder, and the gate run in it."""

import contextlib
import io
import json
from pathlib import Path

import pytest

from treadle.checker.cli import run

GOOD = """
import asyncio
from treadle.checker import checkpoint

class Counter:
    def __init__(self):
        self.value = 0
        self.lock = asyncio.Lock()

    async def add(self):
        async with self.lock:
            before = self.value
            await checkpoint()
            self.value = before + 1

async def scenario():
    counter = Counter()
    async with asyncio.TaskGroup() as group:
        group.create_task(counter.add(), name="alice")
        group.create_task(counter.add(), name="bob")
    assert counter.value == 2
"""

LOST = """
import asyncio
from treadle.checker import checkpoint

value = 0

async def add():
    global value
    before = value
    await checkpoint()
    value = before + 1

async def scenario():
    async with asyncio.TaskGroup() as group:
        group.create_task(add(), name="alice")
        group.create_task(add(), name="bob")
    assert value == 2, f"the value is {value}"
"""


class Project:
    """A folder with a pyproject.toml; `gate` runs `treadle gate` in it, in this process."""

    def __init__(self, folder: Path):
        self.folder = folder

    def write(self, **files: str):
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text, encoding="utf-8")

    def configure(self, text: str):
        (self.folder / "pyproject.toml").write_text(text, encoding="utf-8")

    def gate(self, *arguments, columns=100, **environment):
        """Return exit code, standard output and standard error."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.chdir(self.folder)
            patch.setenv("COLUMNS", str(columns))
            for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
                patch.delenv(name, raising=False)
            for name, value in environment.items():
                patch.setenv(name, value)
            code = run(["gate", *map(str, arguments)])
        return code, out.getvalue(), err.getvalue()

    def document(self, *arguments):
        """Run the gate; return its exit code and its JSON document."""
        code, out, err = self.gate(*arguments, "--json", "-")
        assert out, err
        return code, json.loads(out)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="module")
def module_project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("project"))


def results_of(document):
    return {result["target"]: result for result in document["results"]}
