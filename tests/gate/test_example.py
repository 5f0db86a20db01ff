"""The example project passes its gate, and each of its first versions is caught, at the line that was wrong; and what this
repository lists for itself is whole.
"""

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from treadle.checker import check
from treadle.checker.blame import blame
from treadle.checker.cli import run
from treadle.checker.gate.known import expect
from treadle.checker.gate.settings import load
from treadle.checker.gate.validating import plan
from treadle.checker.implementations import PRIMITIVES
from treadle.checker.runtime import Settings
from treadle.checker.targets import resolve
from treadle.model.models import FAMILIES
from treadle.specs.clauses import load_clauses

from .conftest import Project, results_of

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "project"


@pytest.fixture
def example(tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".treadle"))
    return Project(folder)


def test_the_gate_passes_with_one_known_violation(example):
    code, document = example.document()
    results = results_of(document)
    assert (code, document["verdict"], document["remarks"]) == (0, "verified", [])
    counts = [result["target"] for result in document["results"] if result["counts_as"] != result["verdict"]]
    assert counts == ["scenarios/caching.py::scenario_old_cache"]
    assert {name for name, result in results.items() if result["kind"] == "clause"} == {"POOL-1", "CACHE-1"}


def test_the_known_violation_is_a_real_one(example):
    text = (example.folder / "pyproject.toml").read_text(encoding="utf-8")
    example.configure(text.partition("# The old cache")[0])
    code, document = example.document("scenarios/caching*")
    assert code == 1
    (violation,) = document["violations"]
    assert (violation["property"], violation["place"]["file"]) == ("no-deadlock", "service/cache.py")
    assert violation["place"]["source"] == "return await asyncio.shield(self._values[key])"


@pytest.mark.parametrize(
    ("target", "cancel", "property"),
    [("pooling.py::leaky", 1, "no-deadlock"), ("caching.py::scenario_old_cache", 1, "no-deadlock"), ("limiting.py::hasty", 0, "assertion")],
)
def test_each_first_version_breaks(target, cancel, property, monkeypatch):
    monkeypatch.chdir(EXAMPLE)
    monkeypatch.syspath_prepend(str(EXAMPLE))
    (scenario,) = resolve(f"scenarios/{target}")
    verdict = check(scenario.function, cancel=cancel)
    assert [violation.property for violation in verdict.violations] == [property]
    found = blame(scenario.function, Settings("stock", "virtual", cancel), verdict.violations[0].schedule)
    assert EXAMPLE in Path(found.place.file).parents


def test_the_hook_and_the_workflow_call_what_there_is(example, monkeypatch):
    hook = (example.folder / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    workflow = (example.folder / ".github" / "workflows" / "treadle.yml").read_text(encoding="utf-8")
    (entry,) = re.findall(r"entry: treadle (.*)", hook)
    (command,) = re.findall(r"run: treadle (.*)", workflow)
    monkeypatch.chdir(example.folder)
    for line in (entry, command):
        assert run([*line.split(), "CACHE-1"]) == 0
    assert (example.folder / "treadle.sarif").exists()
    assert "sarif_file: treadle.sarif" in workflow


def test_this_repository_gates_every_clause_every_model_and_its_refinement(monkeypatch):
    monkeypatch.chdir(ROOT)
    settings = load(ROOT / "pyproject.toml")
    planned = plan([(msgspec.to_builtins(target), line) for target, line in settings.targets], lambda text, line: None)
    assert {linked.name for linked in planned.clauses} == {clause.id for clause in load_clauses()}
    works = {job.what for job in planned.jobs}
    assert {f"{primitive}/refinement" for primitive in PRIMITIVES} <= works
    assert set(FAMILIES) <= works
    assert [outcome.verdict for outcome in planned.decided] == ["verified"]
    expect(settings, planned.jobs, [linked.name for linked in planned.clauses])
