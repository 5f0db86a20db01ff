"""What other programs read: JUnit and SARIF by their schemas, GitHub's commands and summary; and what people read, by golden files.

Golden files are renewed with `TREADLE_GOLDEN=write pytest tests/gate`, and then read before they are committed.
"""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
import xmlschema

from treadle.checker.blame import Blame, Place
from treadle.checker.cli import run
from treadle.checker.console import encode_json
from treadle.checker.gate import github
from treadle.checker.junit import junit_document
from treadle.checker.outcomes import Broken, Known, Outcome, Rule
from treadle.checker.sarif import sarif_document

from .conftest import GOOD, LOST

# One run is enough for most of these tests: under xdist, one worker runs them.
pytestmark = pytest.mark.xdist_group("gate-outputs")

DATA = Path(__file__).parents[1] / "data"
GOLDEN = Path(__file__).parents[1] / "golden"

DEADLOCK = """
import asyncio
from treadle.checker import checkpoint

class Account:
    def __init__(self):
        self.lock = asyncio.Lock()

async def transfer(source, target):
    async with source.lock:
        await checkpoint()
        async with target.lock:
            pass

async def scenario():
    a, b = Account(), Account()
    async with asyncio.TaskGroup() as group:
        group.create_task(transfer(a, b), name="there")
        group.create_task(transfer(b, a), name="back")
"""
CONFIG = """[tool.treadle]
targets = [
  { check = "good.py" },
  { check = "lost.py" },
  { check = "deadlock.py" },
  { check = "known.py" },
  { check = "leaving.py" },
  { verify = "semaphore", impl = "locks.py", tasks = 2, rounds = 1 },
]
[[tool.treadle.known-violations]]
target = "known.py::scenario"
property = "assertion"
reason = "issue 12"
"""
LOCKS = """
import asyncio

class Semaphore(asyncio.Semaphore):
    def release(self):
        pass  # and the permit is gone
"""


@pytest.fixture(scope="module")
def failing(module_project):
    """A run with everything in it; returns the project, exit code and standard output."""
    module_project.write(
        good=GOOD, lost=LOST, deadlock=DEADLOCK, known=LOST, locks=LOCKS, leaving="import os\n\nasync def scenario():\n    os._exit(0)\n"
    )
    module_project.configure(CONFIG)
    code, out, _ = module_project.gate(
        "--json", "out.json", "--junit", "out.xml", "--sarif", "out.sarif", "--jobs", "1",
        GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(module_project.folder / "summary.md"),
    )  # fmt: skip
    assert code == 1
    return module_project, out


@pytest.fixture(scope="module")
def sarif(failing):
    return json.loads((failing[0].folder / "out.sarif").read_text(encoding="utf-8"))


def validate_sarif(document):
    schema = json.loads((DATA / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)
    validator(schema, format_checker=validator.FORMAT_CHECKER).validate(document)


def validate_junit(text):
    xmlschema.XMLSchema(str(DATA / "junit-10.xsd")).validate(text)


class TestSarif:
    def test_is_valid(self, sarif):
        validate_sarif(sarif)

    def test_the_schema_can_refuse(self, sarif):
        with pytest.raises(jsonschema.ValidationError):
            validate_sarif(sarif | {"version": "2.0.0"})
        run = dict(sarif["runs"][0])
        run["results"] = [{"ruleId": "x"}]
        with pytest.raises(jsonschema.ValidationError):
            validate_sarif(sarif | {"runs": [run]})

    def by_target(self, sarif):
        return {result["message"]["text"].partition(": ")[0]: result for result in sarif["runs"][0]["results"]}

    def test_one_result_for_each_target_that_does_not_hold(self, sarif):
        assert {name: (result["ruleId"], result["level"]) for name, result in self.by_target(sarif).items()} == {
            "lost.py::scenario": ("assertion", "error"),
            "deadlock.py::scenario": ("no-deadlock", "error"),
            "known.py::scenario": ("assertion", "note"),
            "leaving.py::scenario": ("inconclusive", "warning"),
            "semaphore --impl locks.py": ("no-lost-wakeup", "error"),
        }

    @pytest.mark.parametrize(
        ("target", "file", "source"),
        [
            ("lost.py::scenario", "lost.py", 'assert value == 2, f"the value is {value}"'),
            ("deadlock.py::scenario", "deadlock.py", "async with target.lock:"),
            ("leaving.py::scenario", "leaving.py", "os._exit(0)"),
            ("semaphore --impl locks.py", "locks.py", "pass  # and the permit is gone"),
        ],
    )
    def test_the_location_is_the_line_of_the_users_code(self, failing, sarif, target, file, source):
        (location,) = self.by_target(sarif)[target]["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"] == {"uri": file, "uriBaseId": "PROJECT"}
        assert place["region"]["snippet"]["text"] == source
        lines = (failing[0].folder / file).read_text(encoding="utf-8").splitlines()
        assert lines[place["region"]["startLine"] - 1].strip() == source

    def test_the_run_is_a_code_flow_in_the_order_of_its_steps(self, sarif):
        (flow,) = self.by_target(sarif)["lost.py::scenario"]["codeFlows"]
        assert [thread["id"] for thread in flow["threadFlows"]] == ["main", "alice", "bob"]
        steps = [step for thread in flow["threadFlows"] for step in thread["locations"]]
        assert len({step["executionOrder"] for step in steps}) == len(steps)
        in_order = sorted(steps, key=lambda step: step["executionOrder"])
        lines = [step["location"]["physicalLocation"]["region"]["snippet"]["text"] for step in in_order]
        assert lines[1:5] == ["await checkpoint()", "await checkpoint()", "value = before + 1", "value = before + 1"]
        assert "checkpoint completes" in in_order[3]["location"]["message"]["text"]

    def test_the_others_of_a_deadlock_are_related(self, sarif):
        related = self.by_target(sarif)["deadlock.py::scenario"]["relatedLocations"]
        assert [each["message"]["text"] for each in related] == ["back waits here", "main waits here"]

    def test_a_known_violation_is_suppressed_with_its_reason(self, sarif):
        (suppression,) = self.by_target(sarif)["known.py::scenario"]["suppressions"]
        assert suppression["justification"] == "issue 12"

    def test_rules_are_referred_to_by_their_index(self, sarif):
        run = sarif["runs"][0]
        rules = run["tool"]["driver"]["rules"]
        assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])

    def test_fingerprints_do_not_move_with_lines(self):
        def document(line):
            place = Place("/x/a.py", line)
            broken = Broken({"property": "fifo", "message": "m", "schedule": []}, None, Blame(place))
            return sarif_document([Outcome("t", "check", "violated", broken=[broken])], Path("/x"))["runs"][0]["results"][0]

        assert document(1)["partialFingerprints"] == document(9)["partialFingerprints"]
        assert document(1)["locations"] != document(9)["locations"]

    def test_paths_are_relative_or_uris(self):
        outcome = Outcome("t", "check", "inconclusive", place=Place("/x/with space/ä.py", 3))
        inside = sarif_document([outcome], Path("/x"))
        outside = sarif_document([outcome], Path("/y"))
        validate_sarif(inside)
        validate_sarif(outside)
        uris = [d["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for d in (inside, outside)]
        assert uris == ["with%20space/%C3%A4.py", "file:///x/with%20space/%C3%A4.py"]

    def test_the_rule_is_the_clause(self):
        broken = Broken({"property": "fifo", "message": "m", "schedule": []})
        outcome = Outcome("LOCK-4", "clause", "violated", broken=[broken], rule=Rule("LOCK-4", "first come, first served"))
        (rule,) = sarif_document([outcome], Path("/x"))["runs"][0]["tool"]["driver"]["rules"]
        assert (rule["id"], rule["shortDescription"]["text"]) == ("LOCK-4", "first come, first served")


class TestJunit:
    def test_is_valid(self, failing):
        validate_junit(str(failing[0].folder / "out.xml"))

    def test_the_schema_can_refuse(self):
        with pytest.raises(xmlschema.XMLSchemaException):
            validate_junit("<testsuites><testsuite/></testsuites>")

    def test_failures_errors_and_skips(self, failing):
        document = xmlschema.XMLSchema(str(DATA / "junit-10.xsd")).to_dict(str(failing[0].folder / "out.xml"))
        assert (document["@tests"], document["@failures"], document["@errors"]) == ("6", "3", "1")
        cases = {case["@name"]: case for suite in document["testsuite"] for case in suite["testcase"]}
        assert cases["good.py::scenario"].keys() >= {"system-out"}
        assert "failure" not in cases["good.py::scenario"]
        assert cases["known.py::scenario"]["skipped"][0]["@message"] == "known: issue 12"
        assert "os._exit(0)" in cases["leaving.py::scenario"]["error"][0]["@message"]
        text = cases["lost.py::scenario"]["failure"][0]["$"]
        assert "lost.py:17 in scenario" in text
        assert "alice" in text

    @pytest.mark.parametrize("hostile", ["\x00\x08", "]]>", "<b>&amp;", "\ud800", "\x1b[31m"])
    def test_whatever_a_program_says_is_valid(self, hostile):
        broken = Broken({"property": "assertion", "message": hostile, "schedule": []})
        outcomes = [
            Outcome(hostile, "check", "violated", message=hostile, broken=[broken], notes=[hostile]),
            Outcome(hostile, "check", "inconclusive", message=hostile),
        ]
        validate_junit(junit_document(outcomes, Path("/x")).decode())
        validate_sarif(json.loads(encode_json(sarif_document(outcomes, Path("/x")))))

    def test_what_is_allowed_to_be_undecided_passes(self):
        outcomes = [Outcome("t", "check", "bounded", message="m")]
        assert b'errors="1"' in junit_document(outcomes, Path("/x"))
        assert b'errors="0"' in junit_document(outcomes, Path("/x"), allow_bounded=True)


class TestGitHub:
    def test_annotations_at_the_lines(self, failing):
        commands = [line for line in failing[1].splitlines() if line.startswith("::")]
        assert [command.partition(",title")[0] for command in commands] == [
            "::error file=lost.py,line=17",
            "::error file=deadlock.py,line=12",
            "::error file=leaving.py,line=4",
            "::error file=locks.py,line=6",
        ]
        assert commands[0].startswith("::error file=lost.py,line=17,title=treadle%3A lost.py%3A%3Ascenario%3A assertion::the value is 1")

    def test_the_summary_of_the_step(self, failing):
        text = (failing[0].folder / "summary.md").read_text(encoding="utf-8")
        assert text.startswith("### treadle gate: ✘ violated\n")
        assert "| known.py::scenario | explored | stock, no cancel | ✘ violated (known) |" in text
        assert "<details><summary>lost.py::scenario: assertion: the value is 1</summary>" in text

    def test_without_the_variables_there_is_nothing(self, failing):
        _, out, _ = failing[0].gate("good*")
        assert "::" not in out.replace("good.py::scenario", "")

    def test_commands_cannot_be_broken_out_of(self):
        hostile = "one\n::error::two\r%0A, file=x"
        broken = Broken({"property": "assertion", "message": hostile, "schedule": []}, None, Blame(Place("/x/a,b:c.py", 2)))
        (line,) = github.annotate([Outcome(hostile, "check", "violated", broken=[broken])], Path("/x"), False)
        assert "\n" not in line
        assert "\r" not in line
        assert line.startswith("::error file=a%2Cb%3Ac.py,line=2,title=treadle%3A one%0A%3A%3Aerror")
        assert line.endswith("::one%0A::error::two%0D%250A, file=x")

    def test_markup_of_a_program_is_text_in_the_summary(self):
        broken = Broken({"property": "assertion", "message": "<script>|x|\n# y", "schedule": []})
        text = github.step_summary([Outcome("a|b", "check", "violated", broken=[broken])], Path("/x"), "violated", 1.0, [])
        assert "<script>" not in text
        assert "| a\\|b |" in text
        assert "\n# y" not in text

    def test_the_summary_stays_below_githubs_limit(self):
        broken = Broken({"property": "assertion", "message": "m" * 10_000, "schedule": []})
        text = github.step_summary([Outcome("t", "check", "violated", broken=[broken] * 200)], Path("/x"), "violated", 1.0, [])
        assert len(text.encode()) < 2**20
        assert "The rest is left out" in text

    def test_known_and_allowed(self):
        known = Broken({"property": "assertion", "message": "m", "schedule": []}, known=Known("r"))
        assert list(github.annotate([Outcome("t", "check", "violated", broken=[known])], Path("/x"), False)) == []
        (line,) = github.annotate([Outcome("t", "check", "bounded", message="m")], Path("/x"), True)
        assert line.startswith("::warning title=")


class TestCheckAndVerify:
    def in_folder(self, monkeypatch, folder, *arguments):
        monkeypatch.chdir(folder)
        return run([*arguments, "--junit", "c.xml", "--sarif", "c.sarif"])

    def test_check(self, failing, monkeypatch):
        folder = failing[0].folder
        assert self.in_folder(monkeypatch, folder, "check", "lost.py", "good.py") == 1
        validate_junit(str(folder / "c.xml"))
        document = json.loads((folder / "c.sarif").read_text(encoding="utf-8"))
        validate_sarif(document)
        (result,) = document["runs"][0]["results"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 17

    def test_verify(self, failing, monkeypatch):
        folder = failing[0].folder
        assert self.in_folder(monkeypatch, folder, "verify", "semaphore", "--impl", "locks.py", "--tasks", "2", "--rounds", "1") == 1
        validate_junit(str(folder / "c.xml"))
        document = json.loads((folder / "c.sarif").read_text(encoding="utf-8"))
        validate_sarif(document)
        (result,) = document["runs"][0]["results"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "locks.py"

    def test_what_hit_a_limit_is_at_its_scenario(self, failing, monkeypatch):
        folder = failing[0].folder
        (folder / "wide.py").write_text("from treadle.checker import choose\nasync def scenario():\n    choose(99)\n", encoding="utf-8")
        assert self.in_folder(monkeypatch, folder, "check", "wide.py", "--runs", "5") == 3
        document = json.loads((folder / "c.sarif").read_text(encoding="utf-8"))
        (result,) = document["runs"][0]["results"]
        assert (result["ruleId"], result["level"]) == ("bounded", "warning")
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 2


class TestReport:
    @pytest.mark.parametrize("columns", [80, 140])
    def test_no_line_is_longer_than_the_terminal_is_wide(self, failing, columns):
        _, out, _ = failing[0].gate(columns=columns)
        assert max(map(len, out.splitlines())) <= columns

    def test_golden(self, failing):
        """The lines at the beginning, those of what has no run, and the summary; the tables of runs have golden files of their own."""
        blocks = re.sub(r"\d+\.\d s\b", "TIME", failing[1]).split("\n\n")
        own = [block for block in blocks if not re.search(r"^  (violated|step)|^  who waits", block, re.MULTILINE)]
        out = "\n\n".join(own)
        path = GOLDEN / "gate.txt"
        if os.environ.get("TREADLE_GOLDEN") == "write":
            path.write_text(out, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == out

    def test_a_violation_shows_its_line_and_its_run(self, failing):
        assert '  at lost.py:17: assert value == 2, f"the value is {value}"\n    AssertionError is raised here\n' in failing[1]
        assert "  violated: assertion (what the scenario asserts)\n  the value is 1\n" in failing[1]

    def test_what_a_program_says_may_have_lone_surrogates(self, project):
        project.write(odd="async def scenario():\n    assert False, '\\ud800'\n")
        project.configure('[tool.treadle]\ntargets = [{ check = "odd.py" }]\n')
        code, document = project.document()
        assert code == 1
        assert document["violations"][0]["message"] == "\\ud800"
