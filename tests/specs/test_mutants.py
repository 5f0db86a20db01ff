"""The list of mutants that survive: each is a line that exists, and says why nothing can notice it."""

import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def mutants(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tests")
    monkeypatch.delitem(sys.modules, "mutants", raising=False)
    import mutants

    return mutants


def test_every_survivor_is_a_line_of_the_reference_with_a_reason(mutants):
    explained = mutants.listed()
    assert explained
    for (file, line, becomes), reason in explained.items():
        lines = [each.strip() for each in (ROOT / file).read_text(encoding="utf-8").splitlines()]
        assert line in lines, f"{file} has no line {line!r} any more; run `make mutants`"
        assert becomes != line
        assert len(reason.split()) > 5, f"{file}: {line!r} is not explained"


def test_a_mutant_is_known_by_what_it_changes(mutants):
    diff = ["--- mutation diff ---", "--- areference/lock.py", "+++ breference/lock.py", "@@ -1 +1 @@", "-    if a:", "+    if not a:"]
    assert mutants.changed(diff) == ("if a:", "if not a:")


@pytest.mark.parametrize(
    ("survivors", "killed", "code", "says"),
    [
        ([("reference/lock.py", "a", "b")], {}, 0, "1 survived, 1 of them explained"),
        ([("reference/lock.py", "a", "b"), ("reference/lock.py", "a", "c")], {}, 1, 'becomes = "c"'),
        ([], {"killed by the evidence of the clauses": 7}, 1, "no longer survives"),
        ([("reference/lock.py", "a", "b")], {"not run": 1}, 1, "1 not run"),
    ],
    ids=["all explained", "one is not", "one is killed by now", "one was not run"],
)
def test_the_survivors_must_be_those_of_the_list(mutants, monkeypatch, capsys, survivors, killed, code, says):
    monkeypatch.setattr(mutants, "listed", lambda: {("reference/lock.py", "a", "b"): "it makes no difference"})
    assert mutants.report(Counter(killed), survivors) == code
    assert says in capsys.readouterr().out
