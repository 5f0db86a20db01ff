"""The tests that `treadle trace test` writes for scenarios: they fail for the same reason, and pass once the program is mended."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from treadle.checker import check
from treadle.checker.cli import run as treadle
from treadle.checker.errors import UsageError
from treadle.checker.recording import record
from treadle.checker.runtime import Settings
from treadle.checker.stock.standalone import write_test
from treadle.checker.targets import resolve
from treadle.checker.trace import Target, save_trace

FILE = Path(__file__).with_name("accidents.py")


def trace_of(name, **options):
    (target,) = resolve(f"{FILE}::{name}")
    (violation,) = check(target.function, contract="stock", **options).violations
    assert violation.confirmed
    forbid = bool(options.get("forbid"))
    settings = Settings(cancel=violation.cancel, forbid_leaked_tasks=forbid)
    recorded, fits = record(target.function, settings, violation.schedule, Target("check", f"{FILE}::{name}"))
    assert fits
    return recorded


def run(source, tmp_path):
    """Run a test by itself, in a folder where nothing else is; return the exit code and what it says."""
    file = tmp_path / "test_standalone.py"
    file.write_text(source)
    done = subprocess.run([sys.executable, "-I", file], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("scenario_forgets_a_connection", {"cancel": 1}, "nothing can happen any more"),
        ("too_many", {}, "3 are inside"),
        ("scenario_timeout_comes_first", {}, "the answer is yes"),
        ("scenario_raises_in_a_callback", {}, "pop from empty list"),
        ("scenario_leaks", {"forbid": {"leaked-tasks"}}, "a task outlives the scenario"),
        ("scenario_has_names_of_its_own", {}, "AssertionError: its own names"),
    ],
)
def test_it_fails_for_the_same_reason(name, options, says, tmp_path):
    source = write_test(trace_of(name, **options))
    code, told = run(source, tmp_path)
    assert code == 1
    assert "AssertionError" in told
    assert says in told


def test_it_passes_once_the_program_is_mended(tmp_path):
    source = write_test(trace_of("scenario_forgets_a_connection", cancel=1))
    mended = source.replace("await users(False)", "await users(True)")
    assert mended != source
    assert run(mended, tmp_path)[0] == 0


def test_it_is_small_and_without_treadle():
    source = write_test(trace_of("too_many"))
    tree = ast.parse(source)
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) and "treadle" in ast.unparse(node)]
    defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
    assert defined == {"run", "choose", "checkpoint", "fail", "too_many", "test_assertion"}, "what the scenario does not use is left out"
    helper = source[source.index("TASKS, WAITS") : source.index("# --- the scenario")]
    assert len([line for line in helper.splitlines() if line]) <= 46
    assert "outside_world = checkpoint" in source


def test_pytest_runs_it(tmp_path):
    file = tmp_path / "test_standalone.py"
    file.write_text(write_test(trace_of("too_many")))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", file], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "3 are inside" in done.stdout


def test_what_cannot_be_told_to_plain_asyncio_is_refused():
    with pytest.raises(UsageError, match="executor's job"):
        write_test(trace_of("scenario_with_a_job"))


def test_the_command(tmp_path, capsys):
    trace, test = tmp_path / "trace.json", tmp_path / "test_it.py"
    save_trace(trace_of("too_many"), str(trace))
    assert treadle(["trace", "test", str(trace), "-o", str(test)]) == 0
    assert run(test.read_text(), tmp_path)[0] == 1
    assert treadle(["trace", "test", str(trace)]) == 0
    assert capsys.readouterr().out == test.read_text()


def test_the_command_replay_on_asyncios_loop(tmp_path, capsys):
    trace = tmp_path / "trace.json"
    save_trace(trace_of("scenario_forgets_a_connection", cancel=1), str(trace))
    assert treadle(["replay", str(trace), "--stock"]) == 0
    assert capsys.readouterr().out.startswith("confirmed on asyncio's own event loop: a violation of no-deadlock (")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("scenario_spins", "30 iterations later the scenario is not done"),
        ("scenario_starves", "after 10 rounds of the loop the scenario is not done"),
        ("scenario_need_not_get_on", "after 10 rounds of the loop there is no progress"),
    ],
)
def test_a_run_that_does_not_end(name, says, tmp_path):
    (target,) = resolve(f"{FILE}::{name}")
    verdict = check(target.function, contract="stock")
    (found,) = verdict.violations + verdict.warnings
    assert found.confirmed
    recorded, _ = record(target.function, found.settings(), found.schedule, Target("check", f"{FILE}::{name}"))
    source = write_test(recorded)
    code, told = run(source, tmp_path)
    assert code == 1
    assert says in told
    mended = source.replace("FAIR = False", "FAIR = True")
    assert mended != source
    assert run(mended, tmp_path)[0] == 0
