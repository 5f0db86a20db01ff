"""The example does what the documentation says of it."""

import shutil
from pathlib import Path

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "pytest"


def test_the_pool_loses_a_connection_and_the_mended_one_does_not(project):
    for file in EXAMPLE.glob("*.py"):
        shutil.copy(file, project.path)
    result = project.run()
    result.assert_outcomes(failed=1, passed=1)
    line = "FAILED test_pool.py::test_no_connection_is_lost[Pool] - Violated: assertion: assert 1 == 2"
    assert line in result.stdout.str()
    assert line in (ROOT / "docs" / "pytest.md").read_text()


def test_the_documentation_shows_the_example():
    source = (EXAMPLE / "test_pool.py").read_text()
    shown = source[source.index("@pytest.fixture") :]
    assert shown in (ROOT / "docs" / "pytest.md").read_text()
