"""Run the test suite on every supported Python that this machine has: what `make test` calls.

Each version gets a virtual environment of its own, made once and kept: `.venv` for the interpreter that runs this script (or the
environment that it runs in), `.venv-3.12` and so on for the others. `make install` sets them up, the same rule for all of them.

    tests/run.py                              all versions, all tests
    tests/run.py --only 3.11 --only 3.13      these versions
    tests/run.py -- tests/reference -k lock   what follows "--" goes to pytest

The interpreter that runs this script runs all tests, the others leave the long ones out (`--light`, see conftest.py).

Refused: tox and nox. They want environments of their own beside the `.venv` that people work in, and a second description of the install.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"

# A version counts as present only if it runs and can make environments: pyenv leaves shims for versions that are not
# switched on, and Debian ships Pythons without ensurepip.
PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"


class Python(NamedTuple):
    version: str
    executable: Path
    environment: Path

    def is_running(self) -> bool:
        return self.version == RUNNING


def candidates(version: str) -> Iterator[Path]:
    """Yield the places where an interpreter of this version may be, best first."""
    if version == RUNNING:
        yield Path(sys.executable)
    name = f"python{version}"
    folders = [*os.get_exec_path(), "/usr/local/bin", "/usr/bin"]
    yield from (Path(folder, name) for folder in folders)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    yield from sorted(pyenv.glob(f"{version}*/bin/{name}"), reverse=True)


def is_usable(executable: Path, version: str) -> bool:
    if not executable.is_file():
        return False
    probe = subprocess.run([executable, "-c", PROBE], capture_output=True, text=True, check=False)
    return probe.returncode == 0 and probe.stdout.strip() == version


def find(version: str) -> Python | None:
    for executable in candidates(version):
        if is_usable(executable, version):
            return Python(version, executable, environment_of(version))
    return None


def environment_of(version: str) -> Path:
    if version != RUNNING:
        return ROOT / f".venv-{version}"
    return Path(sys.prefix) if sys.prefix != sys.base_prefix else ROOT / ".venv"


def clean_environ() -> dict[str, str]:
    """What the tests may see of our environment: not where we import from, nor the flags of the make that called us."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    return {name: value for name, value in os.environ.items() if name not in dropped}


def install(python: Python) -> bool:
    command = ["make", "--silent", "install", f"PYTHON={python.executable}", f"VENV={python.environment}"]
    return subprocess.run(command, cwd=ROOT, env=clean_environ(), check=False).returncode == 0


def run_pytest(python: Python, arguments: list[str]) -> tuple[bool, str]:
    """Run pytest and show what it prints; return whether it passed, and its closing line."""
    command = [str(python.environment / "bin" / "python"), "-m", "pytest", "-n", "2", "--dist", "loadgroup"]
    if not python.is_running():
        command += ["--ignore", "tests/test_house.py"]  # what is packaged doesn't depend on the version
    if sys.stdout.isatty():
        command.append("--color=yes")
    closing = "no output"
    with subprocess.Popen(
        [*command, *arguments], cwd=ROOT, env=clean_environ(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            closing = line.strip(" =\n") or closing
    return process.returncode == 0, closing


def test(python: Python, arguments: list[str]) -> tuple[bool, str]:
    print(f"\n=== Python {python.version}: {python.executable}", flush=True)
    if not install(python):
        return False, "the environment could not be set up (see above)"
    return run_pytest(python, arguments if python.is_running() else ["--light", *arguments])


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the tests on every supported Python that this machine has.")
    parser.add_argument("--only", action="append", choices=SUPPORTED, help="run on this version only; may be repeated")
    parser.add_argument("arguments", nargs="*", metavar="-- PYTEST ARGUMENT", help="passed to pytest as it is")
    options = parser.parse_args()
    wanted = options.only or SUPPORTED
    if shutil.which("make") is None:
        parser.error("make is not on the PATH; it sets the environments up")
    results = []
    for version in wanted:
        python = find(version)
        if python is not None:
            results.append((version, *test(python, options.arguments)))
        elif options.only:
            results.append((version, False, "asked for with --only, but not found on this machine"))
        else:
            results.append((version, None, "not found on this machine"))
    print("\n=== Summary")
    for version, passed, closing in results:
        print(f"Python {version}  {'-' if passed is None else 'passed' if passed else 'FAILED'}  {closing}")
    outcomes = [passed for _, passed, _ in results if passed is not None]
    return 0 if outcomes and all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
