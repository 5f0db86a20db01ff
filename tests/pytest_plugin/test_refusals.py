"""What cannot be explored, or is asked for in a way that does not exist: one message, and no traceback."""

import inspect

import pytest

from treadle.checker import check
from treadle.checker.pytesting.items import OPTIONS

pytest_plugins = ["pytester"]

AT_COLLECTION = {
    "unknown option": ("@pytest.mark.treadle(cancels=1)", "async def test_it(): pass", "has no option 'cancels'; its options are *"),
    "a text for a number": ("@pytest.mark.treadle(cancel='1')", "async def test_it(): pass", "(cancel='1'): expected int, got str"),
    "a text for a limit": ("@pytest.mark.treadle(timeout='1')", "async def test_it(): pass", "expected int or float or None, got str"),
    "a text for names": ("@pytest.mark.treadle(ignore='x')", "async def test_it(): pass", "(ignore='x'): expected a set of names, got str"),
    "by position": ("@pytest.mark.treadle('stock')", "async def test_it(): pass", "takes options by name only, got 'stock'*"),
    "not async": ("@pytest.mark.treadle", "def test_it(): pass", "is not an `async def`*"),
    "not async, with parameters": (
        "@pytest.mark.treadle\n@pytest.mark.parametrize('n', [1, 2])", "def test_it(n): pass", "is not an `async def`*"
    ),
    "a generator": ("@pytest.mark.treadle", "async def test_it(): yield", "is an async generator; take the `yield` out*"),
    "hypothesis": (
        "@pytest.mark.treadle\n@hypothesis.given(hypothesis.strategies.integers())", "async def test_it(n): pass",
        "@given has made it a plain function; draw data with treadle.checker.choose(n)*",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", AT_COLLECTION)
def test_refused_when_collected(project, what):
    decorators, function, message = AT_COLLECTION[what]
    project.write(f"{decorators}\n{function}\n", preamble="import hypothesis, pytest\n")
    result = project.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*test_it.py::test_it*{message.replace('[', '[[]')}"])
    assert "Traceback" not in result.stdout.str()
    assert "site-packages" not in result.stdout.str()


@pytest.mark.parametrize(
    "source",
    [
        """
        class TestCase(unittest.TestCase):
            @pytest.mark.treadle
            def test_it(self):
                pass
        """,
        """
        @pytest.mark.treadle
        class TestCase(unittest.IsolatedAsyncioTestCase):
            async def test_it(self):
                pass
        """,
    ],
)
def test_a_unittest_is_refused(project, source):
    project.write(source, preamble="import pytest, unittest\n")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: test_it.py::TestCase::test_it is marked with treadle, but it is a method of a unittest.TestCase*"])


IN_THE_TEST = {
    "unknown contract": ("@pytest.mark.treadle(contract='stok')", "pass", "UsageError: unknown contract 'stok'; expected one of stock*"),
    "unknown property": ("@pytest.mark.treadle(ignore={'luck'})", "pass", "UsageError: unknown property 'luck'*"),
    "a fence": ("@pytest.mark.treadle", "time.sleep(1)", "FenceError: time.sleep() was called inside the simulation*"),
    "not deterministic": (
        "@pytest.mark.treadle", "sys.runs = getattr(sys, 'runs', 0) + 1; [choose(2) for _ in range(sys.runs)]", "NondeterminismError: *",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", IN_THE_TEST)
def test_refused_when_run(project, what, monkeypatch):
    mark, body, message = IN_THE_TEST[what]
    monkeypatch.delattr("sys.runs", raising=False)
    project.write(f"{mark}\nasync def test_it():\n    {body}\n", preamble="import pytest, sys, time\nfrom treadle.checker import choose\n")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([message, *(["test_it.py:*: in test_it", f"    {body}"] if what == "a fence" else [])])
    assert "Traceback" not in result.stdout.str()
    assert "checker/" not in result.stdout.str()


def test_an_unknown_contract_on_the_command_line(project):
    result = project.run("--treadle-contract=stok")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--treadle-contract: invalid choice: 'stok'*"])


def test_a_mark_on_a_module_spares_its_plain_tests(project):
    project.passes(
        """
        pytestmark = pytest.mark.treadle

        def test_plain():
            pass

        @pytest.mark.parametrize("n", [1, 2])
        def test_parametrized(n):
            pass
        """,
        passed=3,
    )


def test_the_mark_has_every_option_of_check():
    parameters = set(inspect.signature(check).parameters)
    assert set(OPTIONS) == parameters - {"fn", "name", "progress"}
    for name, kinds in OPTIONS.items():
        assert isinstance(inspect.signature(check).parameters[name].default, kinds)


def test_the_mark_is_declared(project):
    project.passes("@pytest.mark.treadle\nasync def test_it(): pass\n", "--strict-markers")
    project.run("--markers").stdout.fnmatch_lines(["@pytest.mark.treadle(contract=None*"])
