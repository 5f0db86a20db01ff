"""Clauses in the gate: those of a project's own, and of treadle's own one primitive."""

import pytest

from treadle.checker.gate.clausing import judged
from treadle.checker.gate.jobs import Job, Linked
from treadle.checker.outcomes import Outcome

from .conftest import GOOD, LOST, results_of

CLAUSES = """
[[clause]]
id = "COUNT-1"
text = "no addition is lost while the lock is held"
source = "README: 3"
kind = "safety"
primitive = "general"
evidence = [{ kind = "check", what = "good.py::scenario" }]

[[clause]]
id = "COUNT-2"
text = "no addition is lost"
source = "README: 4"
kind = "safety"
primitive = "general"
evidence = [{ kind = "check", what = "lost.py::scenario" }, { kind = "check", what = "good.py::scenario" }]
"""


@pytest.fixture
def clauses(project):
    project.write(good=GOOD, lost=LOST)
    (project.folder / "clauses.toml").write_text(CLAUSES, encoding="utf-8")
    project.configure('[tool.treadle]\ntargets = [{ clauses = ["clauses.toml"] }]\n')
    return project


def test_a_line_for_each_clause(clauses):
    code, document = clauses.document("--sarif", "out.sarif")
    results = results_of(document)
    assert code == 1
    assert {name: result["verdict"] for name, result in results.items()} == {"COUNT-1": "verified", "COUNT-2": "violated"}
    assert results["COUNT-1"]["scope_summary"] == "all orders"
    assert results["COUNT-2"]["clause"] == {"id": "COUNT-2", "text": "no addition is lost"}
    (violation,) = document["violations"]
    assert (violation["target"], violation["property"], violation["place"]["file"]) == ("COUNT-2", "assertion", "lost.py")
    assert '"ruleId": "COUNT-2"' in (clauses.folder / "out.sarif").read_text(encoding="utf-8")


def test_a_clause_may_be_chosen_and_its_violation_known(clauses):
    assert clauses.gate("COUNT-1")[0] == 0
    clauses.configure(
        '[tool.treadle]\ntargets = [{ clauses = ["clauses.toml"] }]\n'
        '[[tool.treadle.known-violations]]\ntarget = "COUNT-2"\nproperty = "assertion"\nreason = "r"\n'
    )
    code, document = clauses.document()
    assert (code, document["remarks"]) == (0, [])


def test_evidence_that_crashes_leaves_its_clauses_undecided(clauses):
    clauses.write(lost="import os\n\nasync def scenario():\n    os._exit(0)\n")
    code, document = clauses.document()
    results = results_of(document)
    assert code == 3
    assert {name: result["verdict"] for name, result in results.items()} == {"COUNT-1": "verified", "COUNT-2": "inconclusive"}
    assert "os._exit(0)" in results["COUNT-2"]["message"]
    assert results["COUNT-2"]["place"]["line"] == 4


def test_a_file_that_is_against_the_schema(clauses):
    (clauses.folder / "clauses.toml").write_text(CLAUSES.replace("safety", "safty", 1), encoding="utf-8")
    code, out, err = clauses.gate()
    assert (code, out) == (2, "")
    assert "pyproject.toml:2: clauses.toml:2: COUNT-1: " in err


def test_of_an_implementation(project):
    """Some clauses of treadle's own, for a lock that says that it is free."""
    project.write(
        locks="from treadle.reference import *\nimport asyncio\n\n\n"
        "class Lock(asyncio.Lock):\n    def locked(self):\n        return False\n"
    )
    project.configure('[tool.treadle]\ntargets = [{ clauses = true, impl = "locks.py", tasks = 2, rounds = 1, budget = 20 }]\n')
    code, document = project.document("LOCK-1* --impl locks.py")
    results = results_of(document)
    assert code == 1
    assert "violated" in {result["verdict"] for result in results.values()}
    assert "verified" in {result["verdict"] for result in results.values()}


def test_a_result_that_is_missing_decides_nothing():
    """A job that was not begun has no result; the clause that rests on it must not be verified."""
    clause = {
        "id": "X-1", "text": "t", "source": "s: 1", "kind": "safety", "primitive": "general",
        "evidence": [{"kind": "check", "what": "a.py::scenario"}],
    }  # fmt: skip
    work = {"kind": "check", "name": "check a.py::scenario", "primitive": "general", "options": {"what": "a.py::scenario"}}
    job = Job(number=0, kind="clause", name="w", what="w", options={"work": work}, budget=1.0)
    outcomes = {0: Outcome("w", "clause", "inconclusive", message="not decided: interrupted")}
    (outcome,) = judged([Linked("X-1", clause, [0])], {0: job}, outcomes)
    assert (outcome.verdict, "interrupted" in outcome.message) == ("inconclusive", True)
