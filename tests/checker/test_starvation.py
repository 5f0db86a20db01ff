"""With clients that loop for ever `verify` claims that nobody starves: `progress`, in every fair run."""

import math

import pytest

from treadle.checker.api import PROPERTIES, check
from treadle.checker.clients import verification_scenarios
from treadle.checker.implementations import PRIMITIVES, resolve
from treadle.checker.stdlib_locks import find_stdlib_files
from treadle.specs.faults.fault import FAULTS

UNFAIR = [
    ("lock", "LOCK-11/LastComeFirstServed"),
    ("semaphore", "SEM-17/LastComeFirstServed"),
    ("semaphore", "SEM-17/Barging"),
    ("bounded-semaphore", "BSEM-4/LastComeFirstServed"),
]


def clients_of(implementation, role, tasks):
    return verification_scenarios(role, implementation, tasks, math.inf)[0].fn


def starving(implementation, role, tasks=3):
    """Return what is violated if nothing but progress counts: an unfair primitive breaks `fifo` first."""
    return check(clients_of(implementation, role, tasks), contract="stock", ignore=PROPERTIES - {"progress"})


@pytest.mark.parametrize(("role", "fault"), UNFAIR)
def test_unfair_primitives_starve_somebody(role, fault):
    assert fault in FAULTS
    verdict = starving(resolve(f"fault:{fault}"), role)
    (violation,) = verdict.violations
    assert violation.property == "progress"
    assert violation.lasso.who in "ABC"
    assert violation.confirmed


def test_every_primitive_that_claims_progress_has_a_fault_that_breaks_it():
    parts = {role: verification_scenarios(role, resolve("reference"), 3, 1) for role in PRIMITIVES}
    claims = {role for role in PRIMITIVES if any("progress" in part.properties for part in parts[role])}
    assert claims == {role for role, _ in UNFAIR}


@pytest.mark.parametrize(("contract", "cancel"), [("stock", 1), ("any", 0)])
@pytest.mark.parametrize("role", PRIMITIVES)
def test_nobody_starves_with_the_reference(role, contract, cancel):
    verdict = check(clients_of(resolve("reference"), role, 2), contract=contract, cancel=cancel)
    assert verdict.verdict == "verified"
    assert not verdict.warnings
    assert not any("no run of this scenario ends" in note for note in verdict.notes), "it says who must get on"


@pytest.mark.skipif(not any(file.minor == "3.8" for file in find_stdlib_files()), reason="needs CPython 3.8")
def test_the_semaphore_of_an_old_cpython_starves_somebody():
    (violation,) = starving(resolve("stdlib:3.8"), "semaphore").violations
    assert (violation.property, violation.confirmed) == ("progress", True)
