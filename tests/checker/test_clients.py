"""The clients and monitors of `verify`: they catch every fault by its name, and accuse nobody who keeps the promises."""

import asyncio
import math

import faulty
import pytest

from treadle.checker.api import PROPERTIES, check
from treadle.checker.clients import verification_scenarios
from treadle.checker.clients.common import at_once, client_names
from treadle.checker.implementations import CLASS_NAMES, OPERATIONS, PRIMITIVES, Implementation, resolve
from treadle.checker.monitors import enumerate_names
from treadle.checker.stdlib_locks import find_stdlib_files

CORRECT = {role: getattr(faulty, name) for role, name in CLASS_NAMES.items()}


def implementation_of(**changed):
    classes = CORRECT | changed
    operations = {role: frozenset(OPERATIONS[role]) for role in classes}
    return Implementation("faulty", "of the tests", None, classes, operations)


def with_fault(role, fault):
    return implementation_of(**{role: type(f"{fault.__name__}{CLASS_NAMES[role]}", (fault, CORRECT[role]), {})})


def violated_by(implementation, role, *, only=None, where="", contract="stock", cancel=0, tasks=3, rounds=1):
    """Return the first violation (of the property `only`, if given) in the scenarios that claim something under the contract."""
    for scenario in verification_scenarios(role, implementation, tasks, rounds):
        if contract not in scenario.contracts or where not in scenario.name.partition("/")[2]:
            continue
        ignore = PROPERTIES - {only} if only else ()
        verdict = check(scenario.fn, contract=contract, cancel=cancel, ignore=ignore, name=scenario.name)
        assert verdict.verdict in ("verified", "violated"), verdict.reasons
        for violation in verdict.violations:
            assert violation.property in scenario.properties, (scenario.name, violation)
            return f"{scenario.name}: {violation.property}: {violation.message}"
    return None


@pytest.mark.parametrize(
    ("role", "fault", "property", "cancel", "where"), faulty.FAULTS, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_every_fault_is_caught_by_its_name(role, fault, property, cancel, where):
    tasks = 2 if property == "cancellation-delivered" else 3  # two are enough for it, and looked through sooner
    assert violated_by(with_fault(role, fault), role, only=property, where=where, cancel=cancel, tasks=tasks)


@pytest.mark.parametrize(("contract", "cancel"), [("stock", 1), ("stretched", 0), ("any", 0)])
@pytest.mark.parametrize("role", PRIMITIVES)
@pytest.mark.parametrize("implementation", [implementation_of(), resolve("reference")], ids=["simple", "reference"])
def test_correct_primitives_are_not_accused(role, implementation, contract, cancel):
    assert violated_by(implementation, role, contract=contract, cancel=cancel, tasks=2) is None


def test_two_cancellations_accuse_nobody_either():
    assert violated_by(implementation_of(), "lock", cancel=2, tasks=2) is None


@pytest.mark.parametrize("role", PRIMITIVES)
def test_clients_that_never_end_have_a_finite_graph(role):
    scenario = verification_scenarios(role, implementation_of(), 2, math.inf)[0]
    verdict = check(scenario.fn, contract="stock", merge="on")
    assert verdict.verdict == "verified"
    assert verdict.stats["states"] < 200


def test_a_fault_is_found_however_many_rounds_it_takes():
    class TiresAfterFive(faulty.Lock):
        served = 0

        def give(self):
            self.served += bool(self.queue)
            super().give() if self.served < 5 else faulty.ForgetsToWake.give(self)

    implementation = implementation_of(lock=TiresAfterFive)
    assert violated_by(implementation, "lock", tasks=2, rounds=2) is None
    assert "no-lost-wakeup" in violated_by(implementation, "lock", tasks=2, rounds=math.inf)


INSTALLED = {file.minor for file in find_stdlib_files()}


@pytest.mark.parametrize(
    ("role", "release", "property", "cancel", "tasks"),
    [
        ("semaphore", "3.8", "fifo", 0, 3),  # bpo-45997: a newcomer takes the permit that was meant for a woken waiter
        ("semaphore", "3.9", "permits-conserved", 1, 3),  # a woken waiter that is cancelled leaves the semaphore closed for ever
        ("semaphore", "3.9", "state-as-reported", 0, 3),  # locked() says False when acquire() would wait
        ("condition", "3.9", "no-lost-wakeup", 1, 3),  # gh-112202: a notification ends with its cancelled receiver
        ("condition", "3.10", "cancellation-delivered", 1, 2),  # the CancelledError is replaced by one without the message
        ("condition", "3.13", "no-spurious-wakeup", 1, 3),  # a cancelled waiter notifies another without having been notified
    ],
)
def test_known_bugs_of_cpython_are_found(role, release, property, cancel, tasks):
    if release not in INSTALLED:
        pytest.skip(f"there is no CPython {release} on this machine")
    found = violated_by(resolve(f"stdlib:{release}"), role, only=property, cancel=cancel, tasks=tasks)
    assert found is not None
    assert f": {property}: " in found


@pytest.mark.parametrize("release", ["3.6", "3.8", "3.10", "3.12"])
@pytest.mark.parametrize("role", ["lock", "event"])
def test_what_cpython_keeps_is_not_accused(role, release):
    if release not in INSTALLED:
        pytest.skip(f"there is no CPython {release} on this machine")
    assert violated_by(resolve(f"stdlib:{release}"), role, cancel=1, tasks=2) is None


@pytest.mark.parametrize("role", PRIMITIVES)
def test_what_a_class_lacks_is_left_out(role):
    essential = {
        "lock": ("acquire", "release"),
        "event": ("wait", "set"),
        "condition": ("acquire", "release", "wait", "notify"),
    }.get(role, ("acquire", "release"))

    class Bare:
        def __init__(self, *arguments):
            inner = CORRECT[role](*arguments)
            for operation in essential:
                setattr(self, operation, getattr(inner, operation))

    operations = {**{other: frozenset(OPERATIONS[other]) for other in PRIMITIVES}, role: frozenset(essential)}
    classes = {role: Bare}
    implementation = Implementation("bare", "of the tests", None, classes, {role: operations[role]})
    assert implementation.lacks(role)
    assert violated_by(implementation, role, cancel=1, tasks=2) is None


@pytest.mark.parametrize("role", PRIMITIVES)
def test_scenarios_say_what_they_claim(role):
    scenarios = verification_scenarios(role, implementation_of(), 3, 2)
    names = [scenario.name for scenario in scenarios]
    assert len(set(names)) == len(names)  # a trace names its scenario
    for scenario in scenarios:
        assert scenario.name.startswith(f"{role}/")
        assert set(scenario.properties) <= PROPERTIES
        assert set(scenario.contracts) <= {"stock", "stretched", "any"}
        assert scenario.why
    for contract in ("stock", "stretched", "any"):
        assert any(contract in scenario.contracts for scenario in scenarios)


def test_every_property_of_a_scenario_is_broken_by_some_fault():
    caught = {(role, property) for role, _, property, *_ in faulty.FAULTS}
    claimed = {
        (role, property)
        for role in PRIMITIVES
        if role != "bounded-semaphore"  # its clients are the semaphore's
        for scenario in verification_scenarios(role, implementation_of(), 3, 2)
        for property in scenario.properties
    }
    # A deadlock of clients always shows first as somebody who waits for what is free; `no-deadlock` is there for what we did not foresee.
    # `progress` needs clients that go on for ever: test_starvation has faults that break it, of each primitive that claims it.
    assert {pair for pair in claimed - caught if pair[1] not in ("no-deadlock", "progress")} == set()


def test_an_order_that_rests_on_the_ready_queue_is_claimed_only_where_there_is_one():
    """Two permits that are handed out in order may reach their tasks in another under `any`; that is no fault."""
    implementation = implementation_of()
    for scenario in verification_scenarios("semaphore", implementation, 3, 1):
        if scenario.name == "semaphore/extra releases":
            assert "any" not in scenario.contracts
            assert check(scenario.fn, contract="stock").verdict == "verified"
            (violation,) = check(scenario.fn, contract="any").violations
            assert (violation.property, violation.contract) == ("fifo", "any")


def test_names():
    assert client_names(3) == ["A", "B", "C"]
    assert len(set(client_names(60))) == 60
    assert [enumerate_names("ABC"[:n]) for n in (1, 2, 3)] == ["A", "A and B", "A, B and C"]


def test_at_once():
    async def returns():
        return 5

    async def suspends():
        await asyncio.sleep(0)

    async def raises():
        raise KeyError

    assert at_once(returns()) == (True, 5)
    assert at_once(suspends()) == (False, None)
    with pytest.raises(KeyError):
        at_once(raises())
