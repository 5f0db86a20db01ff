"""Exported models, judged by independent tools: spin, rumur, cvc5, graphviz. Each is skipped where it is not installed.
"""

import io
import json
import re
import shutil
import subprocess

import networkx as nx
import pytest

from treadle.model.bmc import bounded_problem
from treadle.model.explicit import Explorer, explore
from treadle.model.export.graphs import aut, dot, graphml
from treadle.model.export.itf import itf
from treadle.model.export.murphi import murphi
from treadle.model.export.promela import promela
from treadle.model.models import FAMILIES, family
from treadle.model.models.family import Size

# One fault for each kind of statement that an export writes: conditional effects, last of a queue, first of a queue.
SOME_FAULTS = [
    ("handoff-semaphore", "swallow"),
    ("lock", "lifo"),
    ("event", "cancelled_head"),
    ("semaphore", "barging"),
]


def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (Debian's package of the same name; graphviz for dot)")


def run(directory, *command):
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300, check=False)
    assert "error" not in done.stderr.lower(), done.stderr
    return done.stdout


def spin(tmp_path, text):
    need("spin", "gcc")
    (tmp_path / "model.pml").write_text(text)
    run(tmp_path, "spin", "-o2", "-a", "model.pml")  # -o2: see model/export/promela.py
    run(tmp_path, "gcc", "-O0", "-w", "-DSAFETY", "-DBFS", "-DVECTORSZ=2048", "-o", "pan", "pan.c")
    return run(tmp_path, "./pan", "-m100000")


def rumur(tmp_path, text, *options):
    need("rumur", "gcc")
    (tmp_path / "model.m").write_text(text)
    run(tmp_path, "rumur", "--deadlock-detection", "off", *options, "model.m", "--output", "model.c")
    run(tmp_path, "gcc", "-O0", "-w", "-march=native", "model.c", "-o", "model", "-lpthread", "-latomic")
    return run(tmp_path, "./model")


def number(pattern, text):
    return int(re.search(pattern, text)[1])


@pytest.mark.parametrize(
    ("name", "fault"), [(name, None) for name in FAMILIES] + SOME_FAULTS, ids=lambda part: part or "correct"
)
def test_spin_counts_the_same_states_and_one_transition_more(tmp_path, name, fault):
    model = family(name).build(Size(3 if name != "condition" else 2), fault)
    found = explore(model)
    printed = spin(tmp_path, promela(model))
    assert number(r"(\d+) states, stored", printed) == found.states
    assert number(r"(\d+) transitions", printed) == found.transitions + 1


@pytest.mark.parametrize(("name", "fault"), SOME_FAULTS)
def test_spin_finds_counterexamples_of_the_same_length(tmp_path, name, fault):
    model = family(name).build(Size(3), fault)
    lengths = {violation.property: violation.length for violation in explore(model).violations}
    broken = family(name).fault(fault).breaks[0]
    printed = spin(tmp_path, promela(model, broken))
    # Spin's depth counts the assertion itself and starts at its own first step.
    assert number(r"assertion violated .* \(at depth (\d+)\)", printed) == lengths[broken] + 1


@pytest.mark.parametrize(
    ("name", "fault"), [(name, None) for name in FAMILIES] + SOME_FAULTS, ids=lambda part: part or "correct"
)
def test_rumur_counts_the_same_states_and_orbits(tmp_path, name, fault):
    model = family(name).build(Size(3 if name != "condition" else 2), fault)
    found = explore(model, symmetry=True)
    text = murphi(model, invariants=fault is None)
    counts = {"exhaustive": (found.orbits, found.orbit_transitions)}
    if name == "handoff-semaphore":
        counts["off"] = (found.states, found.transitions)
    for reduction, expected in counts.items():
        printed = rumur(tmp_path, text, "--symmetry-reduction", reduction)
        assert (number(r"(\d+) states", printed), number(r"(\d+) rules fired", printed)) == expected


def test_rumur_breaks_the_exported_invariants_of_a_faulty_model(tmp_path):
    printed = rumur(tmp_path, murphi(family("handoff-semaphore").build(Size(3), "swallow")))
    assert "permits-conserved" in printed


@pytest.mark.parametrize(("name", "fault", "broken"), [
    ("handoff-semaphore", "swallow", "permits-conserved"), ("handoff-semaphore", "swallow", "no-lost-wakeup"),
    ("lock", "lifo", "fifo"), ("event", "wakes_one", "wakes-all"), ("condition", "barging", "fifo"),
])  # fmt: skip
def test_cvc5_agrees_on_the_shortest_length(tmp_path, name, fault, broken):
    need("cvc5")
    model = family(name).build(Size(3), fault)
    lengths = {violation.property: violation.length for violation in explore(model).violations}
    for depth, answer in ((lengths[broken] - 1, "unsat"), (lengths[broken], "sat")):
        (tmp_path / "problem.smt2").write_text(bounded_problem(model, broken, depth))
        assert run(tmp_path, "cvc5", "problem.smt2").strip() == answer


def handoff():
    explorer = Explorer(family("handoff-semaphore").build(Size(3)))
    explorer.run()
    return explorer


def test_aut_lists_every_transition():
    lines = aut(handoff()).splitlines()
    assert lines[0] == "des (0, 399, 194)"
    assert len(lines) == 400
    assert all(re.fullmatch(r'\(\d+, "[a-z]+ \d", \d+\)', line) for line in lines[1:])


def test_aut_of_a_labelled_model_shows_labels_and_tau():
    explorer = Explorer(family("lock").build(Size(2)))
    labels = set(re.findall(r'"(.*)"', aut(explorer)))
    assert {"call acquire 0", "return acquire True 1", "cancel 0", "return release 0", "tau"} <= labels
    assert "grant 0" not in labels


def test_graphml_and_dot_hold_the_whole_graph(tmp_path):
    explorer = handoff()
    graph = nx.read_graphml(io.BytesIO(graphml(explorer).encode()), force_multigraph=True)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (194, 399)
    assert json.loads(graph.nodes["0"]["state"])["pc"] == ["IDLE", "IDLE", "IDLE"]
    text = dot(explorer)
    assert text.count(" -> ") == 399
    need("dot")
    (tmp_path / "model.dot").write_text(text)
    assert run(tmp_path, "dot", "-Tplain", "-Kpatchwork", "model.dot").startswith("graph")


def test_itf_holds_the_trace():
    model = family("handoff-semaphore").build(Size(3), "swallow")
    violation = explore(model).violations[0]
    document = json.loads(itf(model, violation))
    assert document["vars"] == ["c", "pc", "rem", "can", "q"]
    assert [state["#meta"].get("step") for state in document["states"]] == [None, *violation.schedule]
    assert document["states"][0]["pc"] == {"#map": [[0, "IDLE"], [1, "IDLE"], [2, "IDLE"]]}
    assert document["states"][3]["q"] == [1]
    assert document["#meta"]["description"].startswith("permits-conserved")
