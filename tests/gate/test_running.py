"""From `[tool.treadle]` to an exit code: everything is run, known violations do not count, failing schedules come back first."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from treadle.checker import api
from treadle.checker.cli import run
from treadle.checker.gate.jobs import Job
from treadle.checker.gate.performing import perform

from .conftest import GOOD, LOST, results_of

BOTH = '[tool.treadle]\ntargets = [{ check = "good.py" }, { check = "lost.py" }]\n'
SLOW = """
from treadle.checker import choose

async def scenario():
    with open("runs", "a") as runs:
        runs.write("x")
    for _ in range(30):
        choose(9)
"""


def known(**fields):
    return BOTH + "[[tool.treadle.known-violations]]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items())


KNOWN = {"target": '"lost.py::scenario"', "property": '"assertion"', "reason": '"waits for the rewrite"'}


@pytest.fixture
def both(project):
    project.write(good=GOOD, lost=LOST)
    project.configure(BOTH)
    return project


class TestVerdictAndExitCode:
    def test_all_hold(self, project):
        project.write(good=GOOD)
        project.configure('[tool.treadle]\ntargets = [{ check = "good.py", time = "any" }, { verify = "event", tasks = 2, rounds = 1 }]\n')
        code, document = project.document()
        assert (code, document["verdict"]) == (0, "verified")
        assert set(results_of(document)) == {"good.py::scenario", "event --impl reference"}
        assert document["violations"] == []
        assert document["stats"]["executions"] > 1
        assert results_of(document)["good.py::scenario"]["scope"]["time"] == "any"
        assert results_of(document)["event --impl reference"]["scope"]["cancel"] == 1

    def test_it_goes_on_after_a_failure(self, both):
        both.configure('[tool.treadle]\ntargets = [{ check = "lost.py" }, { check = "good.py" }]\n')
        code, document = both.document("--jobs", "1")
        assert (code, document["verdict"]) == (1, "violated")
        assert {name: result["verdict"] for name, result in results_of(document).items()} == {
            "lost.py::scenario": "violated",
            "good.py::scenario": "verified",
        }
        (violation,) = document["violations"]
        assert (violation["target"], violation["property"]) == ("lost.py::scenario", "assertion")
        assert violation["place"] == {
            "file": "lost.py", "line": 17, "function": "scenario", "source": 'assert value == 2, f"the value is {value}"',
        }  # fmt: skip

    def test_models_are_proved(self, project):
        project.configure('[tool.treadle]\ntargets = [{ prove = "event" }]\n')
        code, document = project.document()
        assert code == 0
        (result,) = document["results"]
        assert {proof["status"] for proof in result["proofs"]} == {"proved"}

    def test_primitives_of_others_are_blamed_in_their_file(self, project):
        project.write(
            locks="import asyncio\n\n\nclass Lock(asyncio.Lock):\n"
            "    async def acquire(self):\n        self._locked = True\n        return True\n"
        )
        project.configure('[tool.treadle]\ntargets = [{ verify = "lock", impl = "locks.py", tasks = 2, rounds = 1 }]\n')
        code, document = project.document()
        assert code == 1
        violation = document["violations"][0]
        assert violation["property"] == "mutual-exclusion"
        assert (violation["place"]["file"], violation["place"]["function"]) == ("locks.py", "Lock.acquire")

    def test_defaults_are_for_all_that_have_the_option(self, both):
        both.configure(
            '[tool.treadle]\ntargets = [{ check = "good.py" }, { check = "lost.py", cancel = 0 }, { prove = "event" }]\n'
            '[tool.treadle.defaults]\ncancel = 1\ntime = "any"\n'
        )
        _, document = both.document()
        scopes = {name: result.get("scope") for name, result in results_of(document).items()}
        assert [scopes[name]["cancel"] for name in ("good.py::scenario", "lost.py::scenario")] == [1, 0]
        assert scopes["good.py::scenario"]["time"] == "any"

    def test_patterns_choose(self, both):
        code, document = both.document("good*")
        assert code == 0
        assert list(results_of(document)) == ["good.py::scenario"]

    def test_the_table_may_be_in_another_file(self, both):
        (both.folder / "other.toml").write_text(BOTH, encoding="utf-8")
        both.configure("")
        assert both.gate()[0] == 2
        assert len(both.document("--config", "other.toml")[1]["results"]) == 2

    def test_a_target_may_have_a_name(self, both):
        both.configure('[tool.treadle]\ntargets = [{ check = "good.py", name = "counting" }]\n')
        assert list(results_of(both.document()[1])) == ["counting"]

    def test_a_witness_that_never_happens(self, both):
        both.configure('[tool.treadle]\ntargets = [{ check = "good.py", witnesses = ["two waited"] }]\n')
        code, document = both.document()
        assert code == 1
        assert document["violations"][0]["property"] == "witness"
        assert document["violations"][0]["place"]["source"].startswith("async def scenario")


class TestKnownViolations:
    def test_it_does_not_count(self, both):
        both.configure(known(**KNOWN))
        code, document = both.document()
        result = results_of(document)["lost.py::scenario"]
        assert (code, document["verdict"], document["violations"]) == (0, "verified", [])
        assert (result["verdict"], result["counts_as"]) == ("violated", "verified")
        assert result["violations"][0]["known"] == {"reason": "waits for the rewrite", "expires": None}
        assert document["remarks"] == []

    def test_another_violation_of_the_target_still_counts(self, both):
        hang = "    if choose(2):\n        await asyncio.get_running_loop().create_future()\n"
        both.write(lost=LOST.replace("import checkpoint", "import checkpoint, choose").replace("    assert", hang + "    assert"))
        both.configure(known(**KNOWN))
        code, document = both.document()
        assert code == 1
        assert [violation["property"] for violation in document["violations"]] == ["no-deadlock"]

    def test_until_it_expires(self, both):
        both.configure(known(**KNOWN, expires="2999-01-01"))
        assert both.document()[0] == 0
        both.configure(known(**KNOWN, expires="2020-01-01"))
        code, document = both.document()
        assert code == 1
        assert len(document["violations"]) == 1
        (remark,) = document["remarks"]
        assert remark.startswith("pyproject.toml:4: the known violation of assertion by lost.py::scenario counts again")

    def test_one_that_does_not_happen_any_more_is_reported(self, both):
        both.write(lost=GOOD)
        both.configure(known(**KNOWN))
        code, document = both.document()
        assert code == 0
        (remark,) = document["remarks"]
        assert "does not happen any more; remove the entry" in remark

    def test_nothing_is_claimed_of_one_that_a_cut_off_search_did_not_meet(self, both):
        both.write(lost=SLOW)
        both.configure(known(**KNOWN).replace('check = "lost.py"', 'check = "lost.py", runs = 5'))
        code, document = both.document()
        assert code == 3
        (remark,) = document["remarks"]
        assert "was not met, but the search was not exhaustive (bounded)" in remark

    def test_a_known_one_does_not_make_a_cut_off_search_verified(self, both):
        both.write(
            lost=LOST.replace("import checkpoint", "import checkpoint, choose").replace(
                "    async with", "    for _ in range(30):\n        choose(9)\n    async with"
            )
        )
        both.configure(known(**KNOWN).replace('check = "lost.py"', 'check = "lost.py", runs = 5'))
        code, document = both.document()
        result = results_of(document)["lost.py::scenario"]
        assert (code, result["verdict"], result["counts_as"]) == (3, "violated", "bounded")


class TestStore:
    def test_a_failing_schedule_is_kept_and_replayed_first(self, both):
        first = results_of(both.document()[1])["lost.py::scenario"]
        (trace,) = (both.folder / ".treadle").glob("*.trace.json")
        assert json.loads(trace.read_text())["target"]["name"] == "lost.py::scenario"
        assert (both.folder / ".treadle" / ".gitignore").read_text() == "*\n"
        code, out, _ = both.gate("--jobs", "1")
        assert code == 1
        assert out.splitlines()[0].startswith("  lost.py::scenario: still fails: assertion: the value is 1")
        again = results_of(both.document()[1])["lost.py::scenario"]
        assert again["scope"]["search"] == "stored schedules"
        assert again["violations"] == first["violations"]
        assert "a stored schedule still fails, so the search was not made" in again["reasons"]

    def test_one_that_passes_now_is_forgotten_and_said(self, both):
        both.gate()
        both.write(lost=GOOD)
        code, out, _ = both.gate()
        assert code == 0
        assert "lost.py::scenario: a stored schedule passes now and is forgotten (assertion)" in out
        assert not list((both.folder / ".treadle").glob("*.trace.json"))

    def test_what_it_says_is_what_happens_now(self, both):
        both.gate()
        both.write(lost=LOST.replace("the value is", "now it is"))
        assert results_of(both.document()[1])["lost.py::scenario"]["violations"][0]["message"] == "now it is 1"

    def test_one_that_cannot_be_read_is_forgotten_and_said(self, both):
        both.gate()
        (trace,) = (both.folder / ".treadle").glob("*.trace.json")
        trace.write_text(json.dumps(json.loads(trace.read_text()) | {"version": 0}))
        code, out, _ = both.gate()
        assert code == 1
        assert "a stored schedule cannot be replayed and is forgotten" in out
        assert "of version 0" in out

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("cancel = 1", "cancel = 0"),
            ('contract = "any"', 'contract = "stock"'),
            ('forbid = ["leaked-tasks"]', "forbid = []"),
            ("cancel = 0", 'ignore = ["assertion", "no-leaked-task"]'),
        ],
    )
    def test_one_that_the_target_does_not_allow_any_more_is_forgotten(self, project, before, after):
        """Each of these fails only in the scope that it has before."""
        project.write(
            scoped="import asyncio\nfrom treadle.checker import checkpoint\n\n"
            "async def scenario():\n"
            "    order = []\n"
            "    async def work(name):\n"
            "        order.append(name)\n"
            "        await checkpoint()\n"
            "    tasks = [asyncio.create_task(work(name)) for name in 'ab']\n"
            + ("" if "forbid" in before else "    await asyncio.wait(tasks)\n    assert not any(task.cancelled() for task in tasks)\n")
            + ("    assert order == []\n" if "ignore" in after else "    assert order == ['a', 'b']\n" if "contract" in before else "")
        )
        table = '[tool.treadle]\ntargets = [{ check = "scoped.py", OPTIONS }]\n'
        project.configure(table.replace("OPTIONS", before))
        assert project.gate()[0] == 1
        project.configure(table.replace("OPTIONS", after))
        code, out, _ = project.gate()
        assert code == 0, out
        assert "a stored schedule is out of the target's scope now and is forgotten" in out

    def test_it_can_be_replayed(self, both, monkeypatch):
        both.gate()
        monkeypatch.chdir(both.folder)
        (trace,) = (both.folder / ".treadle").glob("*.trace.json")
        assert run(["replay", str(trace)]) == 0

    def test_a_known_one_does_not_stop_the_search(self, both):
        both.gate()
        both.configure(known(**KNOWN))
        code, document = both.document()
        assert code == 0
        assert results_of(document)["lost.py::scenario"]["scope"]["search"] == "exhaustive"

    def test_those_of_a_verification_come_back_too(self, project):
        project.configure('[tool.treadle]\ntargets = [{ verify = "condition", impl = "locks.py", tasks = 2, rounds = 1 }]\n')
        project.write(
            locks="import asyncio\nLock = asyncio.Lock\n\nclass Condition(asyncio.Condition):\n    def notify(self, n=1):\n        pass\n"
        )
        first = project.document()[1]["violations"]
        code, document = project.document()
        assert code == 1
        assert document["results"][0]["scope"]["search"] == "stored schedules"
        assert document["violations"][0] == first[0]

    def test_times_are_kept_for_the_estimate(self, both):
        both.gate()
        assert set(json.loads((both.folder / ".treadle" / "times.json").read_bytes())) == {"good.py::scenario", "lost.py::scenario"}

    def test_it_may_be_elsewhere(self, both):
        both.configure(BOTH.replace("targets", 'store = "build/kept"\ntargets'))
        both.gate()
        assert len(list((both.folder / "build" / "kept").glob("*.trace.json"))) == 1
        assert not (both.folder / ".treadle").exists()


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "State:\tZ" in status.read_text())


def test_an_interrupt_while_a_counterexample_is_made_simpler_does_not_lose_it(project, monkeypatch):
    """Between two searches nobody but the job itself catches it."""

    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return simplify(*arguments)

    simplify = api.simplify
    monkeypatch.setattr(api, "simplify", interrupted)
    monkeypatch.chdir(project.folder)
    project.write(lost=LOST)
    options = {"contract": None, "time": "virtual", "cancel": 0, "ignore": [], "forbid": [], "witnesses": [], "max_depth": 10_000}
    job = Job(number=0, kind="check", name="lost", what="lost.py::scenario", options=options, budget=60.0)
    outcome = perform(job, lambda event: None)
    assert (outcome.verdict, outcome.message) == ("violated", "the value is 1")


def wait_for_runs(project, number):
    """Wait until the slow scenario has been run so often."""
    runs = project.folder / "runs"
    while not runs.exists() or runs.stat().st_size < number:
        time.sleep(0.05)


class TestEndingEarly:
    """The gate in a process of its own, since a signal is sent to it."""

    def start(self, project, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        return subprocess.Popen(
            [sys.executable, "-m", "treadle.checker.cli", "gate", "--jobs", "1", "--json", "out.json", "--junit", "out.xml", *arguments],
            cwd=project.folder,
            env={**environment, "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_what_is_known_by_then_is_printed_and_written(self, project, number):
        project.write(lost=LOST, slow=SLOW, good=GOOD)
        project.configure('[tool.treadle]\ntargets = [{ check = "lost.py" }, { check = "slow.py" }, { check = "good.py" }]\n')
        with self.start(project) as process:
            assert "violated" in process.stdout.readline()
            wait_for_runs(project, 50)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (1, "")
        document = json.loads((project.folder / "out.json").read_text())
        results = results_of(document)
        assert document["interrupted"] == "interrupted"
        assert results["lost.py::scenario"]["verdict"] == "violated"
        assert results["slow.py::scenario"]["verdict"] == "bounded"
        assert "interrupted with" in results["slow.py::scenario"]["message"]
        assert results["slow.py::scenario"]["stats"]["executions"] > 1
        assert results["good.py::scenario"]["message"] == "not decided: interrupted"
        assert "1 bounded" in out
        assert (project.folder / "out.xml").exists()

    def test_a_second_interrupt_stops_at_once(self, project):
        project.write(deep="async def scenario():\n    open('begun', 'w').close()\n    sum(iter(int, 1))\n", good=GOOD)
        project.configure('[tool.treadle]\ntargets = [{ check = "deep.py" }, { check = "good.py" }]\n')
        with self.start(project) as process:
            while not (project.folder / "begun").exists():
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert time.monotonic() - started < 6  # less than the grace that the first one gives
        assert (process.returncode, err) == (3, "")
        assert "2 inconclusive" in out
        assert json.loads((project.folder / "out.json").read_text())["interrupted"] == "interrupted"

    def test_if_the_gate_is_killed_its_processes_end(self, project):
        project.write(
            loops="import os\n\nasync def scenario():\n"
            "    with open('pid', 'w') as file:\n        file.write(str(os.getpid()))\n    while True:\n        pass\n"
        )
        project.configure('[tool.treadle]\ntargets = [{ check = "loops.py" }]\n')
        pid = project.folder / "pid"
        with self.start(project) as process:
            while not pid.exists() or not pid.read_text():
                time.sleep(0.05)
            process.kill()
            process.communicate(timeout=60)
        number = int(pid.read_text())
        for _ in range(100):
            if not is_running(number):
                return
            time.sleep(0.1)
        os.kill(number, signal.SIGKILL)
        pytest.fail("the process of the target outlived the gate")

    def test_the_budget_of_all(self, project):
        project.write(slow=SLOW, good=GOOD)
        project.configure('[tool.treadle]\nbudget = 5\ntargets = [{ check = "slow.py" }, { check = "good.py" }]\n')
        code, document = project.document("--jobs", "1")
        assert code == 3
        assert document["interrupted"] == "the budget of 5 seconds was over"
        assert results_of(document)["slow.py::scenario"]["verdict"] == "bounded"
        assert results_of(document)["good.py::scenario"]["message"] == "not decided: the budget of 5 seconds was over"
