"""Witnesses: what a size makes possible is demanded of it and nothing else, and a pass without one is no pass."""

import math

import pytest
from typer.testing import CliRunner

from treadle.checker.api import check
from treadle.checker.cli import app
from treadle.checker.clients.common import VerificationScenario
from treadle.checker.implementations import PRIMITIVES, resolve
from treadle.checker.runtime import checkpoint, choose, witness
from treadle.checker.verification import Request, explore_part, scenarios_of
from treadle.checker.witnesses import PASSED_ON, SERVED, Witness

SIZES = [(1, 1, 0), (1, 2, 1), (2, 1, 0), (2, 2, 0), (2, 1, 1), (3, 1, 0)]
REFERENCE = resolve("reference")


def explored(part, contract, cancel, **options):
    return check(part.fn, contract=contract, cancel=cancel, name=part.name, keep_going=True, **options)


def parts(primitive, implementation, tasks, rounds, contract="stock"):
    return [part for part in scenarios_of(primitive, implementation, tasks, rounds) if contract in part.contracts]


@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_what_is_demanded_is_what_is_seen(primitive):
    """Exact at every threshold: of what a scenario demands at any of these sizes, each size sees what it demands."""
    found = {}
    for tasks, rounds, cancel in SIZES:
        for part in parts(primitive, REFERENCE, tasks, rounds):
            seen = explored(part, "stock", cancel).witnesses
            found.setdefault(part.name, []).append(((tasks, rounds, cancel), part.demands(cancel), seen))
    for name, sizes in found.items():
        ever = frozenset().union(*(demanded for _, demanded, _ in sizes))
        for size, demanded, seen in sizes:
            assert seen & ever == demanded, (name, size)


@pytest.mark.parametrize("contract", ["stretched", "any"])
@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_it_is_seen_under_every_contract(primitive, contract):
    for part in parts(primitive, REFERENCE, 2, 1, contract):
        assert part.demands(1) <= explored(part, contract, 1, runs=2_000).witnesses, part.name


@pytest.mark.parametrize("impl", ["treadle.specs.faults.twins", "treadle.specs.faults.fixed", "asyncio"])
@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_it_is_seen_of_every_correct_design(primitive, impl):
    for part in parts(primitive, resolve(impl), 2, 1):
        verdict = explored(part, "stock", 1)
        if verdict.verdict == "verified":  # a known bug of this interpreter's asyncio ends runs early
            assert part.demands(1) <= verdict.witnesses, part.name


@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_it_is_seen_of_clients_that_never_end(primitive):
    for part in parts(primitive, REFERENCE, 2, math.inf):
        if part.name.endswith(("/clients", "/two permits", "/extra releases", "/refinement")):  # the others end
            assert part.demands(1) <= explored(part, "stock", 1, merge="on", runs=2_000).witnesses, part.name


def test_a_notification_that_goes_on():
    [clients, *_] = parts("condition", REFERENCE, 3, 1)
    assert PASSED_ON in clients.demands(1)
    assert PASSED_ON in explored(clients, "stock", 1).witnesses


@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_merging_hides_none(primitive):
    """A run that is cut at a known state has nothing new to show."""
    for part in parts(primitive, REFERENCE, 2, 1):
        if part.name.endswith(("/async with", "/locked")):
            continue  # the same clients in more rounds: thousands of runs without merging
        assert explored(part, "stock", 1, merge="on").witnesses == explored(part, "stock", 1, merge="off").witnesses, part.name


def test_merging_hides_none_behind_a_state_that_was_reached_in_another_way():
    async def scenario():
        way = choose(2)
        if way:
            witness("the long way")
        del way
        await checkpoint()
        witness("behind")
        if choose(2):
            witness("far behind")

    for merge in ("on", "off"):
        assert check(scenario, contract="stock", merge=merge).witnesses == {"the long way", "behind", "far behind"}


@pytest.fixture
def vacuous(monkeypatch):
    """A verification in which nothing happens."""

    def scenarios(primitive, implementation, tasks, rounds):
        async def nobody_comes():
            await checkpoint()

        demands = (Witness(SERVED), Witness(PASSED_ON, 1))
        return [VerificationScenario(f"{primitive}/clients", nobody_comes, ("fifo",), ("stock",), "", demands)]

    monkeypatch.setattr("treadle.checker.verification.verification_scenarios", scenarios)


@pytest.mark.usefixtures("vacuous")
def test_a_pass_without_a_witness_fails():
    for cancel, unseen in ((0, {SERVED}), (1, {SERVED, PASSED_ON})):
        verdict = explore_part(Request("lock", "reference", 2, 1, "stock", (), {"cancel": cancel}), "lock/clients").verdict
        assert verdict.verdict == "violated"
        [violation] = verdict.violations
        assert violation.property == "witness"
        assert set(violation.message.removeprefix("never happened in any run: ").split(", ")) == unseen
    ignoring = Request("lock", "reference", 2, 1, "stock", (), {"cancel": 1, "ignore": ("witness",)})
    assert explore_part(ignoring, "lock/clients").verdict.verdict == "verified"


@pytest.mark.usefixtures("vacuous")
def test_it_is_said_without_a_trace_since_no_run_shows_it():
    done = CliRunner().invoke(app, ["verify", "lock", "--tasks", "2", "--rounds", "1", "--cancel", "0", "--jobs", "1"])
    assert done.exit_code == 1
    assert f"violated: witness (what must happen somewhere does)\n  never happened in any run: {SERVED}" in done.output
    assert "step" not in done.output.partition("never happened")[2].replace("steps", "")
