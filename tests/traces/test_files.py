"""Trace files: they keep everything, and one that is broken, old, or about a program that has changed says so."""

import mishaps
import pytest
from recorded_runs import ROOT, recorded
from test_commands import treadle, treadle_process

from treadle.checker.errors import UsageError
from treadle.checker.sources import changed_functions, digest_of, shown_path
from treadle.checker.trace import Excerpt, load_trace, save_trace


@pytest.fixture(scope="module")
def trace():
    return recorded(mishaps.deadlock)


def test_a_file_holds_the_whole_trace(trace, tmp_path):
    file = tmp_path / "trace.json"
    save_trace(trace, str(file))
    assert load_trace(str(file)) == trace


BROKEN = {
    "truncated": (lambda text: text[: len(text) // 2], "not a whole JSON document"),
    "empty": (lambda text: "", "not a whole JSON document"),
    "older": (lambda text: text.replace('"version": 2', '"version": 1'), "is a trace of version 1, this treadle reads version 2"),
    "of another tool": (lambda text: '{"traceEvents": []}', "trace of version None"),
    "with an unknown field": (lambda text: text.replace('"tasks"', '"task"'), "is not a trace that treadle wrote"),
    "with a wrong type": (lambda text: text.replace('"position": -1', '"position": "none"'), "is not a trace that treadle wrote"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_is_one_message_that_says_what_to_do(how, trace, tmp_path):
    change, message = BROKEN[how]
    file = tmp_path / "trace.json"
    save_trace(trace, str(file))
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UsageError) as error:
        load_trace(str(file))
    assert message in str(error.value)
    assert "--trace" in str(error.value)


def test_a_missing_file_and_a_folder_that_is_not_there(trace, tmp_path):
    with pytest.raises(UsageError, match="traces are written by check and verify"):
        load_trace(str(tmp_path / "nowhere.json"))
    with pytest.raises(UsageError, match="give a file in a folder that exists"):
        save_trace(trace, str(tmp_path / "nowhere" / "trace.json"))


class TestChangedPrograms:
    @pytest.fixture
    def recorded_copy(self, tmp_path):
        """A program of one's own and its trace."""
        program = tmp_path / "bank.py"
        program.write_text((ROOT / "examples" / "bank.py").read_text(encoding="utf-8"), encoding="utf-8")
        file = tmp_path / "trace.json"
        assert treadle("check", f"{program}::scenario_lost_update", "--trace", file)[0] == 1
        return program, file

    def change(self, program, old, new):
        text = program.read_text(encoding="utf-8")
        assert old in text
        program.write_text(text.replace(old, new), encoding="utf-8")

    def test_an_edit_elsewhere_is_no_change(self, recorded_copy):
        program, file = recorded_copy
        self.change(program, '"""A bank', "import sys\n\n'''Moved.'''\n\"\"\"A bank")
        assert changed_functions(load_trace(str(file))) == []

    def test_an_edit_of_a_function_that_it_runs_is_named(self, recorded_copy):
        program, file = recorded_copy
        self.change(program, "self.balance = before + amount", "self.balance += amount")
        (changed,) = changed_functions(load_trace(str(file)))
        assert changed.startswith("Account.deposit (")
        code, out, _ = treadle("trace", "show", file, columns=300)
        assert code == 0
        assert "the program has changed since this trace was written: Account.deposit" in out

    def test_a_replay_that_fails_names_what_has_changed(self, recorded_copy):
        program, file = recorded_copy
        self.change(program, "await checkpoint()  # asks the fraud department", "pass")
        code, out, _ = treadle_process("replay", file)  # in this one the module is loaded already
        assert code == 3
        said = " ".join(out.split())
        assert "not reproduced" in said
        assert "The program has changed since then: Account.deposit" in said
        assert "Run the check again" in said

    def test_a_program_that_is_not_there_says_nothing(self, recorded_copy):
        program, file = recorded_copy
        program.unlink()
        assert changed_functions(load_trace(str(file))) == []


def test_show_prints_what_check_printed(trace, tmp_path):
    file = tmp_path / "trace.json"
    save_trace(trace, str(file))
    code, out, err = treadle("trace", "show", file, columns=80)
    assert (code, err) == (0, "")
    assert "alice waits for blue, which bob holds" in out
    assert "a circle: alice → bob → alice" in out


def test_the_digest_depends_on_the_lines_and_not_on_where_they_are():
    here, moved = Excerpt("a.py", "f", 1, ["def f():", "    pass"]), Excerpt("a.py", "f", 40, ["def f():", "    pass"])
    assert digest_of([here]) == digest_of([moved])
    assert digest_of([here]) != digest_of([Excerpt("a.py", "f", 1, ["def f():", "    return"])])


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/usr/lib/python3.9/asyncio/locks.py", "python3.9/asyncio/locks.py"),
        ("/home/me/.venv/lib/python3.12/site-packages/anyio/_core/x.py", "anyio/_core/x.py"),
        ("/somewhere/build/dev/treadle/checker/clients/lock.py", "treadle/checker/clients/lock.py"),
        (str(ROOT / "examples" / "bank.py"), "examples/bank.py"),
        ("/elsewhere/mine.py", "/elsewhere/mine.py"),
    ],
)
def test_paths_mean_something_on_other_machines(path, shown, monkeypatch):
    monkeypatch.chdir(ROOT)
    shown_path.cache_clear()
    assert shown_path(path) == shown
