"""What is seen while the gate runs, and the matrix of faults."""

import io
import json
import re

import pytest
from rich.console import Console

from treadle.checker.evidence_faults import Matrix, Row
from treadle.checker.gate.faults import matrix_document, render_matrix, verdict_of
from treadle.checker.gate.jobs import Job, Note, Tick
from treadle.checker.gate.live import Progress
from treadle.checker.outcomes import Outcome
from treadle.checker.report import plain_text
from treadle.specs.clauses import load_clauses


def row(fault, *caught_by):
    return Row(fault, fault.partition("/")[0], "It is broken.", "", list(caught_by), [], "how", 1.0)


class TestMatrix:
    GOOD = (row("LOCK-1/A", "LOCK-1"), row("LOCK-2/B", "LOCK-2", "LOCK-1"))

    def test_a_row_a_clause_and_a_column_a_fault(self):
        lines = plain_text([render_matrix(Matrix([*self.GOOD], []), 2)], 80).splitlines()
        assert lines[0].startswith("lock: ")
        assert lines[0].endswith(" clauses × 2 faults")
        cells = {match[1]: match[2] for line in lines if (match := re.fullmatch(r"  (LOCK-\d+) +([#+·!]{2})", line))}
        assert cells["LOCK-1"] == "#+"
        assert cells["LOCK-2"] == "·#"
        assert set(cells) == {clause.id for clause in load_clauses() if clause.primitive == "lock" and not clause.unbreakable}
        assert lines[-1] == "2 of 2 faults are caught by their own clause; 2 s of work"

    def test_a_survivor_is_marked_and_named(self):
        matrix = Matrix([row("LOCK-1/A", "LOCK-2")], [])
        text = plain_text([render_matrix(matrix, 1)], 80)
        assert re.search(r"LOCK-1 +!$", text, re.MULTILINE)
        assert "✘ LOCK-1/A survives: how" in text
        assert "0 of 1 faults are caught" in text

    def test_a_clause_without_a_fault_is_named(self):
        assert "✘ LOCK-3: no fault breaks it" in plain_text([render_matrix(Matrix([*self.GOOD], ["LOCK-3"]), 2)], 80)

    @pytest.mark.parametrize(
        ("matrix", "count", "verdict"),
        [
            (Matrix([*GOOD], []), 2, "verified"),
            (Matrix([*GOOD], []), 3, "inconclusive"),  # interrupted
            (Matrix([], []), 0, "inconclusive"),
            (Matrix([*GOOD], ["LOCK-3"]), 2, "violated"),
            (Matrix([row("LOCK-1/A", "LOCK-2")], []), 1, "violated"),
        ],
    )
    def test_the_verdict(self, matrix, count, verdict):
        assert verdict_of(matrix, count) == verdict
        assert json.loads(json.dumps(matrix_document(matrix, count)))["verdict"] == verdict

    def test_the_command(self, project):
        code, out, err = project.gate("--faults", "LOCK-1/*", "--json", "matrix.json", "--jobs", "1")
        assert (code, err) == (0, "")
        assert "1 of 1 faults are caught by their own clause" in out
        document = json.loads((project.folder / "matrix.json").read_text(encoding="utf-8"))
        (fault,) = document["faults"]
        assert fault["caught"]
        assert "LOCK-1" in fault["caught_by"]

    def test_a_fault_that_does_not_exist(self, project):
        code, _, err = project.gate("--faults", "MUTEX*")
        assert code == 2
        assert "no fault is called 'MUTEX*'" in err


def job(number, name, budget=10.0):
    return Job(number=number, kind="check", name=name, what=name, budget=budget)


class TestProgress:
    def shown(self, progress):
        file = io.StringIO()
        Console(file=file, width=80).print(progress._render())
        return file.getvalue()

    def watching(self, times, processes=1):
        jobs = [job(0, "one"), job(1, "two", 20.0), job(2, "three", 30.0)]
        return jobs, Progress(Console(file=io.StringIO(), width=80), jobs, times, processes)

    def test_how_far_a_search_is(self):
        jobs, progress = self.watching({})
        progress.started(jobs[0])
        progress.heard(jobs[0], Tick("exploring", 1200, 300, 45))
        text = self.shown(progress)
        assert "one" in text
        assert "exploring: 1,200 runs" in text
        assert "0 of 3 done" in text

    def test_what_never_ran_is_estimated_by_its_budget_and_so_is_the_word(self):
        assert "at most 60 s left by its budgets" in self.shown(self.watching({"one": 1.0})[1])
        assert "at most 30 s left" in self.shown(self.watching({}, processes=2)[1])

    def test_what_ran_before_is_estimated_by_how_long_it_took(self):
        times = {"one": 1.0, "two": 2.0, "three": 9.0}
        assert "about 12 s left, as last time" in self.shown(self.watching(times)[1])
        assert "about 9 s left, as last time" in self.shown(self.watching(times, processes=3)[1])

    def test_what_has_ended_counts_no_more(self):
        jobs, progress = self.watching({"one": 1.0, "two": 2.0, "three": 9.0})
        progress.started(jobs[2])
        progress.ended(jobs[2], Outcome("three", "check", "violated", message="m"))
        text = self.shown(progress)
        assert "1 of 3 done, 1 violated" in text
        assert "about 3 s left" in text

    def test_a_log_is_told_what_runs_when_nothing_has_ended_for_long(self, monkeypatch):
        monkeypatch.setattr("treadle.checker.gate.live._QUIET", -1.0)
        file = io.StringIO()
        progress = Progress(Console(file=file, width=80), [job(0, "one")], {}, 1)
        progress.started(job(0, "one"))
        progress.heard(job(0, "one"), Note("part"))
        assert file.getvalue() == "… 0 of 1 done; running: one (starts)\n"
