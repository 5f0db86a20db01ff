"""Other plugins that run `async def` tests or distribute tests: each in a process of its own, with all plugins loaded."""

from importlib.util import find_spec

import pytest

pytest_plugins = ["pytester"]

# One explored test with a bug, one without, and one of the neighbour's own; the fixture is used by explored and by ordinary tests.
MIXED = """
import asyncio
import pytest
{imports}
from treadle.checker import checkpoint

{fixture}
async def balance():
    await asyncio.sleep(0)
    yield [0]

@pytest.fixture
async def doubled(balance):
    balance[0] *= 2
    return balance

async def add(balance, waits):
    before = balance[0]
    await waits()
    balance[0] = before + 1

@pytest.mark.treadle
async def test_lost(balance):
    await asyncio.gather(add(balance, checkpoint), add(balance, checkpoint))
    assert balance == [2]

@pytest.mark.treadle
async def test_sound(balance):
    await asyncio.gather(add(balance, checkpoint), checkpoint())
    assert balance == [1]

{mark}
async def test_theirs(balance):
    await add(balance, lambda: asyncio.sleep(0))
    assert balance == [1]
    assert "Simulated" not in type(asyncio.get_running_loop()).__name__

def test_plain():
    pass
"""
RAN = {"passed": 3, "failed": 1}
QUIET = "asyncio_default_fixture_loop_scope = function"


def run(project, ini, *arguments, **parts):
    project.pytester.makeini(f"[pytest]\nfilterwarnings = error\n{ini}\n")
    project.write(MIXED.format(**{"imports": "", "fixture": "@pytest.fixture", "mark": "", **parts}), preamble="")
    return project.run_alone("-p", "no:benchmark", *arguments, without=())


def is_explored(result, **counts):
    result.assert_outcomes(**(counts or RAN))
    result.stdout.fnmatch_lines(["*- treadle: assertion -*", "FAILED *::test_lost* - Violated: assertion: *"])


@pytest.mark.skipif(find_spec("pytest_asyncio") is None, reason="pytest_asyncio is not installed")
class TestPytestAsyncio:
    def test_strict_mode(self, project):
        parts = {"imports": "import pytest_asyncio", "fixture": "@pytest_asyncio.fixture", "mark": "@pytest.mark.asyncio"}
        is_explored(run(project, f"{QUIET}\nasyncio_mode = strict", "-p", "no:anyio", **parts))

    def test_auto_mode(self, project):
        is_explored(run(project, f"{QUIET}\nasyncio_mode = auto", "-p", "no:anyio"))

    def test_a_module_with_both_marks(self, project):
        parts = {"imports": "import pytest_asyncio\npytestmark = pytest.mark.asyncio", "fixture": "@pytest_asyncio.fixture"}
        result = run(project, f"{QUIET}\nasyncio_mode = strict", "-p", "no:anyio", "-k", "not plain", **parts)
        is_explored(result, passed=2, failed=1, deselected=1)


@pytest.mark.skipif(find_spec("anyio") is None, reason="anyio is not installed")
class TestAnyio:
    def test_a_module_with_its_mark(self, project):
        parts = {
            "imports": "pytestmark = pytest.mark.anyio\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'",
        }
        is_explored(run(project, "", "-p", "no:asyncio", **parts))

    def test_auto_mode_and_other_backends(self, project):
        result = run(project, "anyio_mode = auto", "-p", "no:asyncio", "-ra", "-k", "not theirs and not plain", imports=OTHER_BACKENDS)
        result.assert_outcomes(passed=1, failed=1, skipped=2)
        result.stdout.fnmatch_lines_random(["FAILED *::test_lost[[]asyncio[]]*", "SKIPPED *: treadle explores asyncio, not trio"])


OTHER_BACKENDS = """
@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param
"""


@pytest.mark.skipif(find_spec("xdist") is None, reason="xdist is not installed")
class TestXdist:
    def test_verdicts_and_tables_come_from_the_workers(self, project):
        result = run(project, f"{QUIET}\nasyncio_mode = auto", "-n1", mark=SINGLE)
        is_explored(result, passed=4, failed=1)
        result.stdout.fnmatch_lines(["test_it.py:*: in test_lost*", "*step *main*"])
        result.stdout.fnmatch_lines(["*treadle =*", "note: test_it.py::test_single*single interleaving*"])

        [trace] = project.kept()
        result = run(project, f"{QUIET}\nasyncio_mode = auto", "-n1", f"--treadle-replay={trace}")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*- treadle: replayed -*"])


SINGLE = """
@pytest.mark.treadle
async def test_single(doubled):
    assert doubled == [0]

"""
