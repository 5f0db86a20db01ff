"""The command line, as a user's shell sees it: exit codes, documents, messages, and reports that stay the same.

Golden files are renewed with `TREADLE_GOLDEN=write pytest tests/cli`, and then read before they are committed.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from treadle.checker.cli import run
from treadle.checker.console import show

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
BANK = "examples/bank.py"


def treadle(*arguments, cwd=ROOT, columns=160):
    """Run a command in this process; return exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.chdir(cwd)
        patch.setenv("COLUMNS", str(columns))  # wide: where lines wrap depends on figures of time
        code = run([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


def treadle_process(*arguments, cwd=ROOT, **environment):
    """Run the command line in a process of its own, as a shell would."""
    done = subprocess.run(
        [sys.executable, "-m", "treadle.checker.cli", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def without_times(text):
    return re.sub(r'\d+\.\d+ s\b|"seconds": [\d.]+', "TIME", text)


def matches_golden(name, text):
    path = GOLDEN / name
    text = without_times(re.sub(r"3\.\d+\.\d+", "3.X.Y", text))
    text = re.sub(r"[\d,]+ runs?, [\d,]+ states?", "RUNS, STATES", text)  # a search may get better; versions of asyncio differ
    if os.environ.get("TREADLE_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


class TestCheck:
    def test_report_of_a_violation_and_of_a_verified_scenario(self):
        code, out, err = treadle("check", BANK, columns=120)
        assert code == 1
        assert err == ""
        matches_golden("bank.txt", out)

    def test_in_80_columns_no_line_is_longer(self):
        _, out, _ = treadle("check", BANK, columns=80)
        assert max(map(len, out.splitlines())) <= 80
        assert "the balance is 2" in out

    def test_control_characters_of_the_program_are_shown_and_not_obeyed(self, tmp_path):
        file = tmp_path / "hostile.py"
        file.write_text("async def scenario():\n    assert False, 'red \\x1b[31m, a bell \\x07, \\x9b2J'\n")
        _, out, _ = treadle("check", file)
        assert "red ␛[31m" in out
        assert not set(out) & {"\x1b", "\x07", "\x9b"}

    def test_on_a_terminal_only_our_own_escape_sequences_come_out(self):
        stream = io.StringIO()
        show(Console(file=stream, force_terminal=True, width=80), Text("\x1b[2J", style="bold"))
        assert "␛[2J" in stream.getvalue()
        assert "\x1b[1m" in stream.getvalue()
        assert "\x1b[2J" not in stream.getvalue()

    @pytest.mark.parametrize("option", ["--runs=0", "--max-states=-5", "--max-depth=0", "--timeout=-1", "--cancel=-1"])
    def test_numbers_that_make_no_sense_are_refused(self, option):
        code, out, err = treadle("check", BANK, option)
        assert (code, out) == (2, "")
        assert option.partition("=")[0] in err

    def test_the_document_has_the_stable_names(self):
        code, out, _ = treadle("check", f"{BANK}::scenario_lost_update", "--json", "-")
        document = json.loads(out)
        assert code == 1
        assert document["verdict"] == "violated"
        assert set(document["stats"]) >= {"executions", "states", "transitions", "steps", "seconds"}
        (violation,) = document["violations"]
        assert violation["property"] == "assertion"
        assert violation["message"] == "the balance is 2"
        assert violation["contract"] == "stock"
        assert isinstance(violation["schedule"], list)
        assert document["scope"]["contract"] == "stock"

    def test_several_targets_have_one_document(self):
        _, out, _ = treadle("check", BANK, "--json", "-")
        document = json.loads(out)
        assert document["verdict"] == "violated"
        assert [each["verdict"] for each in document["results"]] == ["violated", "verified"]
        assert document["violations"][0]["target"].endswith("scenario_lost_update")

    def test_verified_exits_with_0(self):
        code, out, _ = treadle("check", f"{BANK}::scenario_with_lock")
        assert code == 0
        assert "verified" in out

    def test_a_limit_is_bounded_and_exits_with_3(self, tmp_path):
        file = tmp_path / "wide.py"
        file.write_text(
            "from treadle.checker import choose\nasync def scenario():\n    return choose(50)\n", encoding="utf-8"
        )
        code, out, _ = treadle("check", file, "--runs", "10")
        assert code == 3
        assert "bounded" in out
        assert "--runs" in out
        code, _, _ = treadle("check", file, "--runs", "10", "--allow-bounded")
        assert code == 0
        code, _, _ = treadle("check", file)
        assert code == 0

    def test_a_search_of_samples_never_verifies(self):
        code, out, _ = treadle("check", f"{BANK}::scenario_with_lock", "--search", "random", "--runs", "20", "--seed", "7")
        assert code == 3
        assert "sampled" in out

    def test_a_warning_does_not_count_unless_strict(self, tmp_path):
        file = tmp_path / "yielding.py"
        file.write_text(
            "import asyncio\n"
            "async def scenario():\n"
            "    done = []\n"
            "    async def first():\n"
            "        await asyncio.sleep(0)\n"
            "        done.append(1)\n"
            "    async def second():\n"
            "        await asyncio.sleep(0)\n"
            "        await asyncio.sleep(0)\n"
            "        done.append(2)\n"
            "    await asyncio.gather(first(), second())\n"
            "    assert done == [1, 2]\n",
            encoding="utf-8",
        )
        code, out, _ = treadle("check", file, "--json", "-")
        document = json.loads(out)
        assert (code, document["verdict"]) == (0, "verified")
        assert [warning["contract"] for warning in document["warnings"]] == ["stretched"]
        code, out, _ = treadle("check", file, "--strict")
        assert code == 1

    def test_output_is_the_same_for_every_hash_seed(self):
        runs = [treadle_process("check", BANK, "--cancel", "1", PYTHONHASHSEED=seed)[1] for seed in ("0", "1", "4242")]
        assert without_times(runs[0]) == without_times(runs[1]) == without_times(runs[2])

    def test_the_users_own_model_and_checker_do_not_disturb(self, tmp_path):
        (tmp_path / "model.py").write_text("raise SystemExit('the wrong model')\n", encoding="utf-8")
        (tmp_path / "checker").mkdir()
        (tmp_path / "checker" / "__init__.py").write_text("raise SystemExit('the wrong checker')\n", encoding="utf-8")
        (tmp_path / "mine.py").write_text("async def scenario():\n    pass\n", encoding="utf-8")
        code, _, err = treadle_process("check", "mine.py", cwd=tmp_path)
        assert (code, err) == (0, "")


BAD_INPUT = {
    "no such file": (["check", "nowhere.py"], "there is no file nowhere.py"),
    "no such function": (["check", f"{BANK}::nobody"], "there is no 'nobody'"),
    "not a scenario": (["check", f"{BANK}::Account"], "a scenario is an `async def` without arguments"),
    "takes arguments": (["check", f"{BANK}::Account.deposit"], "takes the argument 'self'"),
    "not a target": (["check", "bank"], "expected file.py"),
    "no such module": (["check", "no_such_module:scenario"], "No module named"),
    "no such scenario": (
        ["check", f"{BANK}::nope"],
        "no 'nope' in examples/bank.py; its coroutine functions are scenario_lost_update, scenario_with_lock",
    ),
    "unknown contract": (["check", BANK, "--contract", "strict"], "unknown contract 'strict'"),
    "elastic time": (["check", BANK, "--time", "elastic"], "elastic time is not available yet"),
    "unknown property": (["check", BANK, "--ignore", "luck"], "unknown property 'luck'"),
    "unknown primitive": (["verify", "mutex"], "unknown primitive 'mutex'"),
    "unknown implementation": (["verify", "lock", "--impl", "stdlib:2.7"], "stdlib:2.7"),
    "no rounds": (["verify", "lock", "--rounds", "0"], "--rounds 0"),
    "no trace": (["replay", "nowhere.json"], "cannot read the trace"),
}


@pytest.mark.parametrize("what", BAD_INPUT)
def test_bad_input_is_one_message_and_exit_code_2(what):
    arguments, message = BAD_INPUT[what]
    code, out, err = treadle(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_bad_input_ends_a_process_with_exit_code_2():
    code, out, err = treadle_process("check", "nowhere.py")
    assert (code, out) == (2, "")
    assert err.startswith("treadle: there is no file nowhere.py")


NOT_DETERMINISTIC = """
import sys
from treadle.checker import choose

async def scenario():
    sys.treadle_runs = getattr(sys, "treadle_runs", 0) + 1  # nothing of the standard library is put back
    for _ in range(sys.treadle_runs):
        choose(2)
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def scenario(:\n", "cannot import"),
        ("import nothing_like_that\n", "No module named 'nothing_like_that'"),
        ("x = 1\n", "has no scenario"),
        ("def scenario():\n    pass\n", "a scenario is an `async def`"),
        ("async def scenario():\n    yield\n", "is an asynchronous generator"),
        ("import time\nasync def scenario():\n    time.sleep(1)\n", "use `await asyncio.sleep()`"),
        (NOT_DETERMINISTIC, "not deterministic"),
    ],
)
def test_bad_files_are_one_message_and_exit_code_2(tmp_path, source, message):
    file = tmp_path / "scenarios.py"
    file.write_text(source, encoding="utf-8")
    code, _, err = treadle("check", file)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


PRINTS = """
print("imported")

async def scenario():
    print("runs")
    assert False
"""


@pytest.mark.parametrize("option", ["--json", "--trace"])
def test_a_document_on_standard_output_is_all_that_is_there(tmp_path, option):
    file = tmp_path / "scenarios.py"
    file.write_text(PRINTS, encoding="utf-8")
    trace = tmp_path / "trace.json"
    for arguments in (("check", file, option, "-"), ("check", file, "--trace", trace), ("replay", trace, "--json", "-")):
        _, out, err = treadle(*arguments)
        if "-" in arguments:
            assert isinstance(json.loads(out), dict)
            assert "runs" in err


UNSPEAKABLE = """
class Mute(Exception):
    def __str__(self):
        raise ValueError

    __repr__ = __str__

async def scenario_raises():
    raise Mute

async def scenario_asserts():
    assert False, Mute()

async def scenario_returns():
    return Mute()
"""


def test_what_cannot_be_shown_is_said_so(tmp_path):
    file = tmp_path / "scenarios.py"
    file.write_text(UNSPEAKABLE, encoding="utf-8")
    code, out, _ = treadle("check", file, "--json", "-")
    assert code == 1
    results = json.loads(out)["results"]
    assert [violation["message"] for result in results for violation in result["violations"]] == [
        "the scenario raised Mute: its str raises ValueError",
        "its str raises ValueError",
    ]
    assert results[2]["verdict"] == "verified"


class TestVerify:
    IMPL = "tests/golden/swallowing.py"

    def test_report_of_a_lost_permit(self):
        code, out, err = treadle("verify", "semaphore", "--impl", self.IMPL, "--tasks", "2", "--rounds", "2", columns=120)
        assert code == 1
        assert err == ""
        matches_golden("swallowing.txt", out)

    def test_a_timeout_cancels_too(self):
        code, out, _ = treadle("verify", "semaphore", "--impl", self.IMPL, "--tasks", "1", "--rounds", "1", "--cancel", "0")
        assert code == 1, out
        assert "no-lost-wakeup" in out

    def test_keep_going_collects_properties(self):
        arguments = ["verify", "semaphore", "--impl", self.IMPL, "--tasks", "2", "--rounds", "1", "--keep-going"]
        _, out, _ = treadle(*arguments, "--json", "-")
        found = {violation["property"] for violation in json.loads(out)["violations"]}
        assert {"permits-conserved", "no-lost-wakeup"} <= found

    def test_for_ever(self):
        code, out, _ = treadle("verify", "lock", "--tasks", "2", "--rounds", "inf")
        assert code == 0
        assert "any number of rounds" in out

    def test_an_implementation_that_lacks_an_operation_is_checked_on_the_rest(self, tmp_path):
        file = tmp_path / "small.py"
        file.write_text(
            "import asyncio\nclass Event:\n"
            "    def __init__(self):\n        self.inner = asyncio.Event()\n"
            "    async def wait(self):\n        return await self.inner.wait()\n"
            "    def set(self):\n        self.inner.set()\n",
            encoding="utf-8",
        )
        code, out, err = treadle("verify", "event", "--impl", file, "--tasks", "2", "--rounds", "1")
        assert (code, err) == (0, "")
        assert "has no clear, is_set" in out


class TestTraces:
    @pytest.fixture
    def trace(self, tmp_path):
        file = tmp_path / "trace.json"
        treadle("check", f"{BANK}::scenario_lost_update", "--trace", file)
        return file

    def test_replay_reaches_the_same_violation(self, trace):
        code, out, _ = treadle("replay", trace)
        assert code == 0
        assert "replayed: assertion: the balance is 2" in out

    def test_replay_of_a_verification(self, tmp_path):
        file = tmp_path / "trace.json"
        treadle("verify", "semaphore", "--impl", "tests/golden/swallowing.py", "--tasks", "2", "--trace", file)
        code, out, _ = treadle("replay", file)
        assert code == 0, out
        assert "permits-conserved" in out

    def test_a_program_that_has_changed_is_not_reproduced(self, tmp_path):
        program = tmp_path / "bank.py"
        program.write_text((ROOT / BANK).read_text(encoding="utf-8"), encoding="utf-8")
        trace = tmp_path / "trace.json"
        treadle("check", f"{program}::scenario_lost_update", "--trace", trace)
        program.write_text(program.read_text(encoding="utf-8").replace("await checkpoint()", "pass"), encoding="utf-8")
        code, out, _ = treadle_process("replay", trace)  # in this one the module is loaded already
        assert code == 3
        assert "not reproduced" in out
        assert "write a new trace" in out

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda text: text[: len(text) // 2], "not a whole JSON document"),
            (lambda text: text.replace('"version": 2', '"version": 99'), "trace of version 99"),
            (lambda text: text.replace('"schedule"', '"shedule"'), "not a trace that treadle wrote"),
            (lambda text: "{}", "trace of version None"),
            (lambda text: "[]", "not a whole JSON document"),
        ],
    )
    def test_a_broken_trace_is_refused(self, trace, change, message):
        trace.write_text(change(trace.read_text(encoding="utf-8")), encoding="utf-8")
        code, _, err = treadle("replay", trace)
        assert code == 2
        assert message in err
        assert "Traceback" not in err
