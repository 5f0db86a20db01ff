"""The clauses' files: well formed, complete, and refused with a line and a remedy where they are not."""

import msgspec
import pytest

from treadle.checker.evidence_lint import lint_specs
from treadle.specs.clauses import Clause, Example, Explored, SpecError, json_schema, load_clauses
from treadle.specs.outline import Place, load_outline, places_of, uncovered

CLAUSES = load_clauses()

GOOD = """
[[clause]]
id = "MINE-1"
text = "the counter is right at the end"
source = "README"
kind = "safety"
primitive = "general"
evidence = [{ kind = "check", what = "counter.py::scenario", properties = ["assertion"] }]
"""


def written(tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return file


def test_nothing_is_wrong_with_the_clauses_of_this_project():
    assert lint_specs() == []


def test_every_sentence_of_the_text_has_a_clause_or_a_reason():
    assert uncovered(CLAUSES) == []
    assert sum(place.sentences for place in load_outline()) == 105  # counted in the text


def test_ids_number_the_clauses_of_a_file_without_gaps():
    by_prefix = {}
    for clause in CLAUSES:
        prefix, _, number = clause.id.partition("-")
        by_prefix.setdefault(prefix, []).append(int(number))
    assert set(by_prefix) == {"GEN", "LOCK", "EVENT", "COND", "SEM", "BSEM"}
    for numbers in by_prefix.values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_what_nothing_can_break_is_rare_and_says_why():
    without = [clause for clause in CLAUSES if clause.unbreakable]
    assert [clause.id for clause in without] == ["GEN-3"]


def test_clauses_of_ones_own_have_the_same_schema(tmp_path):
    [clause] = load_clauses([written(tmp_path, GOOD)])
    assert clause.id == "MINE-1"
    assert [(evidence.what, evidence.properties) for evidence in clause.evidence] == [("counter.py::scenario", ("assertion",))]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("kind = \"safety\"", "kind = \"sefety\""), "mine.toml:2: MINE-1: Invalid enum value 'sefety' at kind"),
        (("source = ", "sauce = "), "mine.toml:2: MINE-1: Object contains unknown field `sauce`"),
        (("text = \"the counter is right at the end\"\n", ""), "mine.toml:2: MINE-1: Object missing required field `text`"),
        (("MINE-1", "mine 1"), "mine.toml:2: 'mine 1' is no id of a clause"),
        (("kind = \"check\"", "kind = \"chekc\""), "mine.toml:2: MINE-1: Invalid value 'chekc' at evidence[0].kind"),
        (("evidence = [", "evidence = []  # ["), "mine.toml:2: MINE-1 has no evidence; name what shows it"),
        (("[[clause]]", "[[clauses]]"), "mine.toml: Object contains unknown field `clauses`"),
        (("id = \"MINE-1\"", "id = \"MINE-1"), "mine.toml:3: is no TOML"),
    ],
    ids=["kind", "unknown field", "missing field", "id", "evidence", "no evidence", "table", "no TOML"],
)  # fmt: skip
def test_a_malformed_file_is_refused_with_its_line_and_a_remedy(tmp_path, change, says):
    file = written(tmp_path, GOOD.replace(*change))
    with pytest.raises(SpecError) as raised:
        load_clauses([file])
    assert says in str(raised.value)
    assert ";" in str(raised.value)  # what to change


def test_two_clauses_with_one_id_are_refused(tmp_path):
    with pytest.raises(SpecError, match=r"mine\.toml:10: the id MINE-1 is taken already, at .*mine\.toml:2"):
        load_clauses([written(tmp_path, GOOD + GOOD)])


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"none\.toml: cannot be read"):
        load_clauses([tmp_path / "none.toml"])


def test_the_schema_can_be_exported():
    schema = json_schema()
    assert {"id", "text", "source", "kind", "primitive"} <= set(schema["$defs"]["Clause"]["required"])


# --- the lint fails if anything is taken away --------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [clause.id for clause in CLAUSES])
def test_a_clause_that_is_taken_away_is_missed(gone):
    assert lint_specs([clause for clause in CLAUSES if clause.id != gone])


def test_an_example_and_a_property_that_no_clause_names_are_found():
    def without(evidence):
        return [
            msgspec.structs.replace(clause, evidence=tuple(each for each in clause.evidence if not evidence(each)))
            for clause in CLAUSES
        ]

    assert "the example lock_signature is evidence of no clause" in lint_specs(
        without(lambda each: each.what == "lock_signature")
    )
    assert "the law event_is_a_flag is evidence of no clause" in lint_specs(without(lambda each: each.what == "event_is_a_flag"))
    wrong = lint_specs(without(lambda each: isinstance(each, Explored) and each.properties == ("mutual-exclusion",)))
    assert "the scenario lock/clients watches mutual-exclusion, which no clause of it names" in wrong


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        (Example("lock_signatur"), "there is no example 'lock_signatur'; did you mean 'lock_signature'?"),
        (Explored("lok", ("fifo",)), "there is no primitive 'lok'; did you mean 'lock'?"),
        (Explored("lock/client", ("fifo",)), "there is no scenario 'lock/client'; did you mean 'lock/clients'?"),
        (Explored("lock", ("fi-fo",)), "there is no property 'fi-fo'; did you mean 'fifo'?"),
        (Explored("lock/errors", ("fifo",)), "lock/errors does not watch fifo"),
    ],
    ids=["example", "primitive", "scenario", "property", "not watched"],
)
def test_evidence_that_does_not_exist_is_found(evidence, says):
    clause = Clause(
        id="LOCK-99", text="…", source="Lock: 1", kind="safety", primitive="lock", evidence=(evidence,)
    )
    assert f"LOCK-99: {says}" in lint_specs([*CLAUSES, clause])


def test_sources_are_places_of_the_text():
    clause = CLAUSES[0]
    assert places_of(clause) == [("Introduction", 4)]
    with pytest.raises(SpecError, match="is not written as"):
        places_of(msgspec.structs.replace(clause, source="somewhere"))
    outline = [Place("Introduction", 4, {"1": "", "2": "", "3": "", "4": "nothing"})]
    assert any("one of the two is wrong" in wrong for wrong in uncovered([clause], outline))
    assert any("no sentence 4 at" in wrong for wrong in uncovered([clause], [Place("Elsewhere", 0)]))
