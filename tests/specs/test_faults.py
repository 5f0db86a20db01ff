"""Faults: the twins keep every clause, and every fault is caught by the clause that it breaks."""

from pathlib import Path

import msgspec
import pytest

from treadle.checker.errors import UsageError
from treadle.checker.evidence import fault_matrix, judge_clause, perform, work_for
from treadle.checker.evidence_faults import Matrix, Row, hold
from treadle.checker.implementations import ImplementationError, resolve
from treadle.specs.clauses import Law, Proof, load_clauses
from treadle.specs.faults import FAULTS, Fault
from treadle.specs.faults.fault import breaks
from treadle.specs.faults.twins import CORRECT, Permits

CLAUSES = load_clauses()
PRIMITIVES = ["general", "lock", "event", "condition", "semaphore", "bounded-semaphore"]


@pytest.mark.parametrize("primitive", PRIMITIVES)
@pytest.mark.parametrize("twins", ["treadle.specs.faults.twins", "treadle.specs.faults.fixed"], ids=["twins", "fixed"])
def test_the_twins_keep_every_clause(twins, primitive):
    """Otherwise a fault could be caught for what it does not break."""
    clauses = [
        msgspec.structs.replace(clause, evidence=tuple(each for each in clause.evidence if not isinstance(each, Proof | Law)))
        for clause in CLAUSES
        if clause.primitive == primitive and not clause.unbreakable
    ]
    works = work_for(clauses, impl=twins, tasks=2, rounds=1, cancel=1)
    results = {name: (work, perform(work)) for name, work in {work.name: work for each in works.values() for work in each}.items()}
    for clause in clauses:
        verdict = judge_clause(clause, [results[work.name] for work in works[clause.id]])
        assert verdict[0] == "verified", (clause.id, verdict)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_caught_by_its_clause(name):
    row = hold(name, everything=False)
    assert row.caught, row.message
    assert row.evidence


def test_every_clause_that_can_be_broken_has_a_fault():
    broken = {fault.clause for fault in FAULTS.values()}
    assert {clause.id for clause in CLAUSES if not clause.unbreakable} == broken


def test_the_documentation_counts_right():
    page = (Path(__file__).resolve().parents[2] / "docs" / "specs.md").read_text(encoding="utf-8")
    assert f"the clauses: {len(CLAUSES)} promises" in page
    assert f"{len(FAULTS)} broken implementations" in page


def test_bugs_of_real_libraries_are_among_them():
    history = [fault.history for fault in FAULTS.values() if fault.history]
    assert len(history) >= 10
    assert any("anyio" in where for where in history)


def test_a_fault_that_breaks_one_promise_is_caught_by_one_clause():
    assert hold("EVENT-8/StartsSet").caught
    assert hold("EVENT-2/SetReturnsTheFlag").caught_by == ["EVENT-2"]
    assert hold("LOCK-13/ReleaseReturnsTrue").caught_by == ["LOCK-13"]


def test_only_the_evidence_of_its_own_clause_is_run_if_nothing_else_is_asked_for():
    assert hold("EVENT-5/SetIsAPulse", everything=False).caught_by == ["EVENT-5"]
    row = hold("EVENT-5/SetIsAPulse")
    assert {"EVENT-5", "EVENT-13"} < set(row.caught_by)
    assert row.evidence == ["example event_set_sets", "law event_is_a_flag"]


def test_a_fault_that_nothing_catches_survives(monkeypatch):
    harmless = Fault("LOCK-13/Harmless", "LOCK-13", "It breaks nothing.", "", 2, 1, 1, lambda: CORRECT)
    monkeypatch.setitem(FAULTS, harmless.name, harmless)
    shown = []
    matrix = fault_matrix("lock", faults=[harmless.name], progress=lambda done, count, row: shown.append((done, count, row.caught)))
    assert shown == [(1, 1, False)]
    assert not matrix.ok
    assert [row.fault for row in matrix.survivors] == [harmless.name]


def test_a_clause_without_a_fault_fails_the_matrix(monkeypatch):
    for name in [name for name in FAULTS if FAULTS[name].clause == "EVENT-8" or not name.startswith("EVENT-2")]:
        monkeypatch.delitem(FAULTS, name)
    matrix = fault_matrix("event", everything=False)
    assert all(row.caught for row in matrix.rows)
    assert "EVENT-8" in matrix.without_fault
    assert not matrix.ok


def test_faults_may_be_tried_in_processes_of_their_own():
    matrix = fault_matrix(faults=["LOCK-1/TakesLoopByPosition", "EVENT-8/StartsSet"], everything=False, jobs=2)
    assert [(row.fault, row.caught) for row in matrix.rows] == [("LOCK-1/TakesLoopByPosition", True), ("EVENT-8/StartsSet", True)]
    assert msgspec.json.decode(msgspec.json.encode(matrix), type=Matrix) == matrix
    assert isinstance(matrix.rows[0], Row)


def test_a_fault_is_an_implementation_that_verify_takes():
    implementation = resolve("fault:LOCK-3/LetsTwoIn", "lock")
    assert implementation.notes == ("A release that hands over also frees the permit.",)
    with pytest.raises(ImplementationError, match=r"there is no such fault; the nearest are fault:LOCK-3/LetsTwoIn"):
        resolve("fault:LOCK-3/LetsTwo", "lock")
    with pytest.raises(UsageError, match="there is no fault 'none'"):
        fault_matrix(faults=["none"])


def test_a_fault_says_what_it_breaks_and_has_a_name_of_its_own(monkeypatch):
    monkeypatch.setattr("treadle.specs.faults.fault.FAULTS", {})
    with pytest.raises(ValueError, match="does not say what it breaks"):

        @breaks("LOCK-1")
        class Silent(Permits):
            pass

    class Told(Permits):
        """It breaks something."""

    breaks("LOCK-1")(Told)
    with pytest.raises(ValueError, match="two faults are called LOCK-1/Told"):
        breaks("LOCK-1")(Told)
