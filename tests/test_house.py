"""The wheel, as a user gets it: built from the tree, installed into an empty environment, used far from the checkout."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ["reference", "model", "checker", "specs"]

# One environment is enough for all of these tests: under xdist, one worker runs them.
pytestmark = pytest.mark.xdist_group("house")


def run(*command, cwd):
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: what earlier builds left behind in the tree must not get into it."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--wheel", "--outdir", copy / "dist", copy, cwd=copy)
    [wheel] = (copy / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The scripts folder of an environment that holds nothing but the wheel and what it asks for."""
    place = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", place, cwd=place)
    scripts = Path(sysconfig.get_path("scripts", "venv", vars={"base": str(place)}))
    run(scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=place)
    return scripts


@pytest.fixture
def project(tmp_path):
    """A user's project, with modules that are called like our rooms and must neither disturb us nor be hidden."""
    for room in ROOMS[:2]:
        (tmp_path / f"{room}.py").write_text(f"THEIRS = '{room}'\n")
    for room in ROOMS[2:]:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text(f"THEIRS = '{room}'\n")
    return tmp_path


def test_all_rooms_are_imported_from_the_installed_wheel(installed, project):
    for room in ROOMS:
        shown = run(installed / "python", "-c", f"import treadle.{room} as room; print(room.__file__)", cwd=project)
        assert Path(shown.strip()).is_relative_to(installed.parent)


def test_a_users_own_modules_of_the_same_names_stay_theirs(installed, project):
    imports = "; ".join(f"import treadle.{room}, {room}; print({room}.THEIRS)" for room in ROOMS)
    assert run(installed / "python", "-c", imports, cwd=project).split() == ROOMS


def test_the_wheel_has_every_module_of_the_tree_and_its_types(installed):
    [package] = installed.parent.rglob("site-packages/treadle")
    for room in ROOMS:
        for pattern in ("*.py", "*.toml", "*.j2", "*.js", "*.css", "py.typed"):
            in_tree = {path.relative_to(ROOT) for path in (ROOT / room).rglob(pattern)}
            assert {path.relative_to(package) for path in (package / room).rglob(pattern)} == in_tree
    assert not (package / "__init__.py").exists()


def test_the_command_runs_and_finds_a_users_scenario(installed, project):
    assert "Usage" in run(installed / "treadle", "--help", cwd=project)
    (project / "scenarios.py").write_text(
        "import asyncio\nimport model\n\n\nasync def scenario():\n    assert model.THEIRS == 'model'\n    await asyncio.sleep(0)\n"
    )
    assert "verified" in run(installed / "treadle", "check", "scenarios.py", cwd=project)
