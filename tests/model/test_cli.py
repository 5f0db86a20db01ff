"""`treadle model`: names and exit codes on which other programs rely."""

import json
import re

import pytest
from typer.testing import CliRunner

from treadle.checker.model_cli import model_app

RUNNER = CliRunner()


def run(*arguments):
    done = RUNNER.invoke(model_app, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_explore_writes_the_stable_names():
    done = run(
        "explore", "handoff-semaphore", "--tasks", "4", "--value", "1", "--rounds", "2", "--symmetry", "--json", "-"
    )
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["verdict"] == "verified"
    assert document["violations"] == []
    del document["stats"]["seconds"]
    assert document["stats"] == {
        "states": 77614, "transitions": 272168, "terminal": 16, "diameter": 20, "orbits": 3511, "orbit_transitions": 12139,
    }  # fmt: skip
    assert document["scope"] == {
        "model": "handoff-semaphore", "tasks": 4, "value": 1, "rounds": 2, "cancel": 1, "fault": None, "symmetry": True,
        "limit": None,
    }  # fmt: skip


def test_a_violation_has_a_property_a_length_and_a_schedule():
    done = run("explore", "handoff-semaphore", "--fault", "swallow", "--json", "-")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["verdict"] == "violated"
    assert "orbits" not in document["stats"]
    first = document["violations"][0]
    assert (first["property"], first["length"], first["id"]) == ("permits-conserved", 5, "I3")
    assert first["schedule"] == ["acquire 0", "block 1", "release 0", "cancel 1", "unwind 1"]


@pytest.mark.parametrize(("option", "number"), [("--max-states", "100"), ("--timeout", "0")])
def test_a_search_that_was_held_back_is_bounded(option, number):
    arguments = ["explore", "handoff-semaphore", "--tasks", "5", "--rounds", "2", option, number]
    done = run(*arguments, "--json", "-")
    assert (done.exit_code, json.loads(done.stdout)["verdict"]) == (3, "bounded")
    assert "held back by" in run(*arguments).stdout
    assert run(*arguments, "--allow-bounded").exit_code == 0


def test_an_interrupt_prints_what_was_found(monkeypatch):
    from treadle.model import explicit

    def interrupted(self, wanted):
        def call(states, depth):
            raise KeyboardInterrupt

        return call

    monkeypatch.setattr(
        "treadle.checker.model_cli_common.Watcher.__call__", lambda self, states, depth: interrupted(self, 0)(0, 0)
    )
    monkeypatch.setattr(explicit, "CHUNK", 4)
    done = run("explore", "handoff-semaphore", "--json", "-")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["verdict"], document["scope"]["limit"]) == (3, "bounded", "interrupted")
    assert 0 < document["stats"]["states"] < 194


def test_the_table_shows_what_each_step_changes():
    printed = run("explore", "lock", "--fault", "lifo").stdout
    assert "violated" in printed
    assert "grant" in printed
    assert re.search(r"pc\[\d\]: WAIT -> GRANTED", printed)


def test_refute_gives_the_same_length_as_explore():
    explored = json.loads(run("explore", "semaphore", "--fault", "swallowed_permit", "--json", "-").stdout)
    done = run("refute", "semaphore", "--fault", "swallowed_permit", "--json", "-")
    assert done.exit_code == 1
    refuted = json.loads(done.stdout)
    lengths = {v["property"]: v["length"] for v in explored["violations"]}
    refuted_lengths = {v["property"]: v["length"] for v in refuted["violations"]}
    assert refuted_lengths == {name: lengths[name] for name in ("permits-conserved", "no-lost-wakeup")}


def test_refute_without_a_counterexample_is_bounded():
    done = run("refute", "lock", "--max-depth", "3", "--json", "-")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["verdict"], document["scope"]["limit"]) == (3, "bounded", "max-depth 3")


def test_prove_says_engine_and_sizes():
    done = run("prove", "lock", "--spacer", "0", "--json", "-")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    proofs = {proof["property"]: proof for proof in document["proofs"]}
    assert proofs["fifo"]["engine"] == "tickets"
    assert proofs["mutual-exclusion"]["sizes"] == "every number of tasks, rounds and cancellations"
    assert proofs["progress"]["sizes"] == "3 tasks, any rounds, 1 cancellation(s) a task"
    assert document["stats"]["proved"] == len(proofs) == 8


def test_prove_of_a_faulty_model_is_violated():
    done = run("prove", "event", "--fault", "wakes_one", "--spacer", "0", "--json", "-")
    assert done.exit_code == 1
    assert {"wakes-all", "no-lost-wakeup"} <= {v["property"] for v in json.loads(done.stdout)["violations"]}


def test_prove_that_runs_out_of_time_is_inconclusive():
    done = run("prove", "condition", "--timeout", "0", "--json", "-")
    assert (done.exit_code, json.loads(done.stdout)["verdict"]) == (3, "inconclusive")


def test_list_names_models_and_faults():
    document = json.loads(run("list", "--json", "-").stdout)
    models = {model["name"]: model for model in document["models"]}
    assert list(models) == ["handoff-semaphore", "lock", "event", "condition", "semaphore", "bounded-semaphore"]
    assert "lost_notification" in [fault["name"] for fault in models["condition"]["faults"]]
    assert "gh-112202" in run("list").stdout.replace("\n", "")


@pytest.mark.parametrize(("form", "beginning"), [
    ("promela", "/* lock"), ("murphi", "-- lock"), ("aut", "des (0, "), ("dot", "digraph"), ("graphml", "<?xml"),
])  # fmt: skip
def test_export_to_standard_output_and_to_a_file(tmp_path, form, beginning):
    done = run("export", "lock", "--tasks", "2", "--format", form)
    assert (done.exit_code, done.stdout.startswith(beginning)) == (0, True)
    run("export", "lock", "--tasks", "2", "--format", form, "-o", str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == done.stdout


def test_export_of_a_bounded_problem_and_of_a_trace():
    smt = run("export", "lock", "--fault", "lifo", "--format", "smt2", "--property", "fifo", "--depth", "3")
    assert smt.stdout.startswith("(set-logic QF_BV)")
    trace = run("export", "lock", "--fault", "lifo", "--format", "itf")
    assert json.loads(trace.stdout)["#meta"]["format"] == "ITF"


@pytest.mark.parametrize(("arguments", "message"), [
    (["explore", "mutex"], "there is no model 'mutex'; the models are handoff-semaphore"),
    (["explore", "lock", "--value", "2"], "lock has no initial value to choose; leave --value out"),
    (["explore", "lock", "--tasks", "0"], "tasks must be at least 1, not 0"),
    (["explore", "lock", "--rounds", "many"], "--rounds expects a whole number or inf, not 'many'"),
    (["explore", "lock", "--fault", "magic"], "lock has no fault 'magic'; its faults are barging"),
    (["refute", "lock", "--property", "magic"], "lock has no property 'magic'"),
    (["prove", "magic"], "there is no model 'magic'"),
    (["export", "lock", "--format", "smt2"], "--format smt2 needs --property and --depth"),
    (["export", "lock", "--format", "itf"], "there is no counterexample to write"),
    (["export", "lock", "--format", "dot", "--max-states", "10"], "the graph has more than 10 states"),
    (["export", "lock", "--format", "dot", "-o", "/no/such/place"], "cannot write /no/such/place"),
    (["explore", "lock", "--json", "/no/such/place"], "cannot write /no/such/place"),
    (["explore", "lock", "--liveness", "--symmetry"], "progress is checked on the full graph; leave symmetry out"),
])  # fmt: skip
def test_bad_input_is_one_message_and_exit_2(arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
