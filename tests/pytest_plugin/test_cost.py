"""The plugin loads by itself, and what it would import for exploring stays out until a marked test runs."""

import pytest

pytest_plugins = ["pytester"]

LOADED = """
import sys

def pytest_unconfigure(config):
    heavy = ["treadle.checker.explorer", "treadle.checker.pytesting.items", "msgspec", "rich", "z3", "networkx", "typer"]
    print("\\nLOADED", *[name for name in heavy if name in sys.modules])
    print("PLUGIN", config.pluginmanager.get_plugin("treadle"))
"""


@pytest.mark.parametrize(
    ("source", "loaded"),
    [
        ("def test_plain(): pass", "LOADED"),
        ("import treadle.checker\ndef test_plain(): pass", "LOADED"),
        ("import pytest\n@pytest.mark.treadle\nasync def test_it(): pass", "LOADED treadle.checker.explorer*msgspec*rich*"),
    ],
)
def test_nothing_is_imported_that_is_not_used(project, source, loaded):
    project.pytester.makeconftest(LOADED)
    project.write(source, preamble="")
    result = project.run_alone()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([loaded, "PLUGIN <module 'treadle.checker.pytest_plugin' *"])


def test_a_marked_test_that_is_only_collected_does_not_load_the_explorer(project):
    project.pytester.makeconftest(LOADED)
    project.write("import pytest\n@pytest.mark.treadle\nasync def test_it(): pass", preamble="")
    project.run_alone("--collect-only").stdout.fnmatch_lines(["LOADED treadle.checker.pytesting.items"])


def test_it_can_be_switched_off(project):
    project.write("def test_plain(): pass", preamble="")
    result = project.run_alone("-p", "no:treadle", "--treadle-strict")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_public_names_are_found_and_others_are_not():
    import treadle.checker

    for name in treadle.checker.__all__:
        assert getattr(treadle.checker, name).__module__ == "treadle.checker"
        assert name in dir(treadle.checker)
    with pytest.raises(AttributeError, match="no attribute 'chek'"):
        treadle.checker.chek
