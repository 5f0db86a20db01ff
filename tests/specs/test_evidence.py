"""Evidence: every kind is run and judged, the reference keeps every clause, and no finding falls between two clauses."""

import re
import sys

import msgspec
import pytest

from treadle.checker.errors import UsageError
from treadle.checker.evidence import Result, Work, judge_clause, perform, rests_on, work_for
from treadle.checker.evidence_lint import lint_specs
from treadle.specs.clauses import Check, Clause, Example, Explored, Law, Proof, Refinement, load_clauses
from treadle.specs.examples import EXAMPLES
from treadle.specs.laws import LAWS

CLAUSES = load_clauses()
WORKS = work_for(CLAUSES, tasks=2, rounds=1, cancel=1)
EACH = {work.name: work for works in WORKS.values() for work in works}


def clause_with(*evidence, witnesses=()):
    return Clause(id="X-1", text="…", source="…", kind="safety", primitive="lock", evidence=evidence, witnesses=witnesses)


def violated(*properties, claimed=("fifo", "mutual-exclusion")):
    return Result("violated", "broken", [{"property": name, "message": "broken"} for name in properties], {"properties": claimed})


@pytest.fixture(scope="module")
def results():
    return {name: perform(work) for name, work in EACH.items() if work.kind != "law"}


@pytest.mark.parametrize("primitive", ["general", "lock", "event", "condition", "semaphore", "bounded-semaphore"])
def test_the_reference_keeps_every_clause(results, primitive):
    for clause in CLAUSES:
        if clause.primitive == primitive:
            mine = [(work, results[work.name]) for work in WORKS[clause.id] if work.kind != "law"]
            exhaustive = msgspec.structs.replace(
                clause, evidence=tuple(evidence for evidence in clause.evidence if not isinstance(evidence, Law))
            )
            assert judge_clause(exhaustive, mine)[0] == "verified", clause.id


@pytest.mark.parametrize("name", LAWS)
def test_the_reference_obeys_every_law(name):
    work = EACH[f"law {name}"]
    result = perform(msgspec.structs.replace(work, options={**work.options, "examples": 50}))
    assert (result.verdict, result.message) == ("sampled", "held for 50 examples")


def test_a_law_that_is_broken_shows_a_simple_example():
    work = EACH["law semaphore_follows_a_counter"]
    broken = perform(msgspec.structs.replace(work, options={**work.options, "impl": "fault:SEM-6/IgnoresInitialValue"}))
    assert broken.verdict == "violated"
    assert broken.message.endswith("of 2 that are free at the end not all can be had (value=2, calls=[])")


def test_without_hypothesis_a_law_is_undecided_and_says_what_to_install(monkeypatch):
    for module in [name for name in sys.modules if name.startswith("treadle.specs.laws")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    result = perform(EACH["law event_is_a_flag"])
    assert (result.verdict, "pip install 'treadle[hypothesis]'" in result.message) == ("inconclusive", True)
    assert lint_specs() == []


DROPPED = re.compile(r"_signature$|_and_warns$")  # `loop=` and the forms of before 3.7
BROKEN = {  # by some releases of CPython; see tests/checker/test_clients.py
    "condition_cancelled_receiver_passes_on",
    "condition_cancelled_wait_tells_why",
    "condition_cancelled_waiter_gives_nothing_away",
}


@pytest.mark.parametrize("name", [name for name in EXAMPLES if not DROPPED.search(name) and name not in BROKEN])
def test_asyncio_passes_the_examples_that_are_not_about_what_it_has_dropped(name):
    [clause] = [clause for clause in CLAUSES if Example(name) in clause.evidence][:1]
    [work] = [work for work in work_for([clause], impl="asyncio", tasks=2, rounds=1)[clause.id] if work.name == f"example {name}"]
    assert perform(work).verdict == "verified"


def test_works_are_shared_by_clauses_and_cross_processes():
    assert any(work is other for work in WORKS["LOCK-10"] for other in WORKS["LOCK-11"])
    for work in EACH.values():
        assert msgspec.json.decode(msgspec.json.encode(work), type=Work) == work
        break
    result = violated("fifo")
    assert msgspec.json.decode(msgspec.json.encode(result), type=Result).violations == result.violations


def test_work_that_crossed_as_json_is_the_same_work():
    work = msgspec.json.decode(msgspec.json.encode(EACH["lock/errors"]), type=Work)
    assert perform(work).verdict == "verified"


def test_evidence_for_a_whole_primitive_rests_on_the_scenarios_that_watch_it():
    names = [work.name for work in WORKS["LOCK-11"] if work.kind == "explored"]
    assert names == ["lock/clients", "lock/async with", "lock/timeout", "lock/wait_for"]
    assert rests_on(Explored("lock", ("fifo",)), EACH["lock/clients"])
    assert not rests_on(Explored("lock/errors", ("fifo",)), EACH["lock/clients"])
    assert not rests_on(Refinement("lock"), EACH["lock/clients"])


# --- judgement ---------------------------------------------------------------------------------------------------------

CLIENTS = EACH["lock/clients"]
FIFO = Explored("lock", ("fifo",))
PASSED = Result("verified", scope={"properties": ["fifo", "mutual-exclusion"]})


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (PASSED, "verified"),
        (violated("fifo"), "violated"),
        (violated("mutual-exclusion"), "inconclusive"),  # what comes after a violation was not explored
        (violated("mutual-exclusion", "fifo"), "violated"),
        (violated("no-unhandled-exception"), "violated"),  # nobody claims it, so it is everybody's
        (Result("bounded", "limit on runs"), "bounded"),
        (Result("inconclusive", "interrupted"), "inconclusive"),
    ],
    ids=["passed", "own", "another's", "both", "nobody's", "bounded", "inconclusive"],
)
def test_a_clause_fails_by_its_own_property(result, expected):
    assert judge_clause(clause_with(FIFO), [(CLIENTS, result)])[0] == expected


def test_a_scenario_that_watches_none_of_its_properties_says_nothing_of_a_clause():
    errors = EACH["lock/errors"]
    broken = violated("raises-as-documented", claimed=("raises-as-documented",))
    assert judge_clause(clause_with(FIFO), [(CLIENTS, PASSED), (errors, broken)])[0] == "verified"


def test_evidence_that_was_not_run_is_missed():
    verdict, message = judge_clause(clause_with(FIFO, Example("lock_signature")), [(CLIENTS, PASSED)])
    assert (verdict, message) == ("inconclusive", "lock_signature was not run")


def test_a_law_adds_to_what_is_exhaustive_and_does_not_stand_for_it():
    law, sampled = EACH["law lock_follows_a_counter"], Result("sampled", "held for 5 examples")
    assert judge_clause(clause_with(Law("lock_follows_a_counter")), [(law, sampled)])[0] == "sampled"
    both = clause_with(FIFO, Law("lock_follows_a_counter"))
    assert judge_clause(both, [(CLIENTS, PASSED), (law, sampled)])[0] == "verified"
    assert judge_clause(both, [(CLIENTS, PASSED), (law, violated("assertion", claimed=()))])[0] == "violated"
    assert judge_clause(both, [(CLIENTS, PASSED), (law, Result("inconclusive", "no Hypothesis"))])[0] == "inconclusive"


@pytest.mark.parametrize(("status", "expected"), [("proved", "verified"), ("violated", "violated"), ("unknown", "inconclusive")])
def test_a_proof_counts_property_by_property(status, expected):
    work = EACH["proof of the model of lock"]
    proofs = [
        {"property": "fifo", "status": status, "engine": "tickets", "sizes": "all"},
        {"property": "no-deadlock", "status": "proved", "engine": "counters", "sizes": "all"},
    ]
    result = Result(expected, scope={"proofs": proofs})
    assert judge_clause(clause_with(Proof("lock", ("fifo",))), [(work, result)])[0] == expected
    assert judge_clause(clause_with(Proof("lock", ("no-deadlock",))), [(work, result)])[0] == "verified"
    assert judge_clause(clause_with(Proof("lock", ("mutual-exclusion",))), [(work, result)])[0] == "inconclusive"


def test_an_unseen_witness_fails_the_clause_that_asks_for_it():
    result = msgspec.structs.replace(PASSED, unseen_witnesses=["two waited at once"])
    assert judge_clause(clause_with(FIFO), [(CLIENTS, result)])[0] == "verified"
    verdict, message = judge_clause(clause_with(FIFO, witnesses=("two waited at once",)), [(CLIENTS, result)])
    assert (verdict, message) == ("violated", "lock/clients: never happened in any run: two waited at once")


def test_a_witness_that_the_size_does_not_allow_leaves_its_clause_open():
    asks = clause_with(FIFO, witnesses=("two waited at once",))
    assert judge_clause(asks, [(CLIENTS, msgspec.structs.replace(PASSED, witnesses=["two waited at once"]))])[0] == "verified"
    verdict, message = judge_clause(asks, [(CLIENTS, PASSED)])
    assert (verdict, "at this size it is not put to the test: two waited at once" in message) == ("inconclusive", True)
    [clause] = [clause for clause in CLAUSES if clause.id == "LOCK-17"]
    works = work_for([clause], tasks=2, rounds=1, cancel=0)["LOCK-17"]
    assert judge_clause(clause, [(work, perform(work)) for work in works])[0] == "inconclusive"


def test_what_nothing_can_break_says_so():
    [clause] = [clause for clause in CLAUSES if clause.unbreakable]
    assert judge_clause(clause, []) == ("verified", f"there is nothing to check: {clause.unbreakable}")


# --- clauses of one's own ----------------------------------------------------------------------------------------------

COUNTER = """
import asyncio
from treadle.checker import checkpoint, witness

async def scenario():
    total = 0
    async def add():
        nonlocal total
        before = total
        {pause}
        total = before + 1
        witness("added")
    await asyncio.gather(add(), add())
    assert total == 2, total
"""


@pytest.mark.parametrize(("pause", "expected"), [("pass", "verified"), ("await checkpoint()", "violated")])
def test_a_scenario_of_ones_own_is_evidence(tmp_path, pause, expected):
    file = tmp_path / f"counter_{expected}.py"
    file.write_text(COUNTER.format(pause=pause))
    clause = clause_with(Check(f"{file}::scenario", ("assertion",)), witnesses=("added",))
    [work] = work_for([clause])["X-1"]
    result = perform(work)
    assert judge_clause(clause, [(work, result)])[0] == expected
    vacuous = msgspec.structs.replace(clause, witnesses=("added", "lost"))
    [work] = work_for([vacuous])["X-1"]
    assert judge_clause(vacuous, [(work, perform(work))])[0] == "violated"


def test_two_clauses_of_one_scenario_fail_by_their_own_properties(tmp_path):
    file = tmp_path / "counter_shared.py"
    file.write_text(COUNTER.format(pause="await checkpoint()"))
    what = f"{file}::scenario"
    one, other, third, fourth = (
        msgspec.structs.replace(clause_with(Check(what, properties)), id=f"X-{number}")
        for number, properties in enumerate((("assertion",), ("no-deadlock",), ("fifo", "no-deadlock"), ()))
    )
    works = work_for([one, other, third, fourth])
    [work] = works["X-0"]
    assert [each for [each] in works.values()] == [work] * 4
    result = perform(work)
    verdicts = [judge_clause(clause, [(work, result)])[0] for clause in (one, other, third, fourth)]
    assert verdicts == ["violated", "inconclusive", "inconclusive", "violated"]
    alone = work_for([other])["X-1"][0]  # then nobody claims the assertion, so it is everybody's
    assert judge_clause(other, [(alone, perform(alone))])[0] == "violated"


def test_what_cannot_be_run_is_inconclusive_with_its_message(tmp_path):
    [work] = work_for([clause_with(Check(f"{tmp_path}/none.py::scenario"))])["X-1"]
    result = perform(work)
    assert result.verdict == "inconclusive"
    assert "there is no file" in result.message
    work = EACH["example lock_signature"]
    gone = msgspec.structs.replace(work, options={**work.options, "what": "none"})
    assert perform(gone).message == "there is no example 'none' in specs/examples"


@pytest.mark.parametrize(
    "evidence",
    [
        Explored("lok", ("fifo",)),
        Explored("lock/client", ("fifo",)),
        Refinement("lok"),
        Proof("lok", ("fifo",)),
        Law("none"),
        Example("none"),
    ],
    ids=lambda evidence: type(evidence).__name__,
)
def test_what_does_not_exist_is_refused_before_anything_runs(evidence):
    with pytest.raises(UsageError, match=r"^X-1: there is no "):
        work_for([clause_with(evidence)])


def test_an_implementation_that_lacks_the_primitive_fails_its_examples():
    [work] = work_for([clause_with(Example("lock_signature"))], impl="types:SimpleNamespace")["X-1"]
    result = perform(work)
    assert result.verdict == "violated"
    assert "SimpleNamespace" in result.message
