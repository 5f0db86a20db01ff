"""Real code against its model while it is explored: the reference refines all five, faulty code does not, and the report says
in plain words what the code did and what the model would have allowed.
"""

import faulty
import pytest

from treadle.checker.api import check
from treadle.checker.clients.refining import refinement_scenarios
from treadle.checker.implementations import CLASS_NAMES, OPERATIONS, PRIMITIVES, Implementation, ImplementationError, resolve

CORRECT = {role: getattr(faulty, name) for role, name in CLASS_NAMES.items()}


def of_the_tests(role=None, fault=None):
    classes = dict(CORRECT)
    if role is not None:
        classes[role] = type(f"{fault.__name__}{CLASS_NAMES[role]}", (fault, CORRECT[role]), {})
    return Implementation("faulty", "of the tests", None, classes, {name: frozenset(OPERATIONS[name]) for name in classes})


def stdlib(version):
    try:
        return resolve(f"stdlib:{version}")
    except ImplementationError as error:
        pytest.skip(f"needs the locks of CPython {version}: {error}")


def refinement(implementation, role, *, tasks=2, rounds=1, cancel=1, contract="stock"):
    (part,) = refinement_scenarios(role, implementation, tasks, rounds)
    return check(part.fn, contract=contract, cancel=cancel, name=part.name)


@pytest.mark.parametrize(
    ("role", "rounds", "cancel"),
    [(role, rounds, 1 if (role, rounds) != ("condition", 2) else 0) for role in PRIMITIVES for rounds in (1, 2)],
)  # two rounds of a condition with a cancellation take ten seconds
def test_the_reference_refines_its_models(role, rounds, cancel):
    verdict = refinement(resolve("reference"), role, rounds=rounds, cancel=cancel)
    assert verdict.verdict == "verified", verdict.violations


@pytest.mark.parametrize("role", PRIMITIVES)
def test_so_does_another_correct_design(role):
    assert refinement(of_the_tests(), role).verdict == "verified"


@pytest.mark.parametrize("contract", ["stretched", "any"])
@pytest.mark.parametrize("role", PRIMITIVES)
def test_the_reference_refines_them_whatever_the_order_of_the_ready_queue(role, contract):
    assert refinement(resolve("reference"), role, cancel=0, contract=contract).verdict == "verified"


@pytest.mark.parametrize(
    ("role", "fault", "size", "did"),
    [
        ("lock", faulty.ForgetsToWake, {}, "the code comes to rest, where the model owes this: acquire() returns True to"),
        ("lock", faulty.LetsTwoIn, {"tasks": 3, "cancel": 0}, "which the model does not allow"),
        ("lock", faulty.LastComeFirstServed, {"tasks": 3, "cancel": 0}, "which the model does not allow; the model would have allowed: "),
        ("lock", faulty.ReturnsNothing, {"cancel": 0}, "acquire() returns None to A, which the model does not allow"),
        ("lock", faulty.LosesWhatWasHandedOver, {"rounds": 2}, "the code comes to rest, where the model owes this: acquire() returns"),
        ("semaphore", faulty.ForgetsToWake, {"cancel": 0}, "the code comes to rest"),
        ("semaphore", faulty.ForgetsExtraReleases, {"cancel": 0, "rounds": 2}, "the code comes to rest"),
        ("bounded-semaphore", faulty.SwallowsCancellation, {}, "which the model does not allow"),
        ("event", faulty.WakesOne, {"tasks": 3, "cancel": 0}, "the code comes to rest, where the model owes this: wait() returns True to"),
        ("event", faulty.ClearWakes, {"cancel": 0}, "wait() returns True to A, which the model does not allow"),
        ("condition", faulty.ReturnsUnlocked, {"cancel": 0, "rounds": 2}, "which the model does not allow"),
        ("condition", faulty.CancelledUnlocked, {}, "raises RuntimeError"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_faulty_code_does_not(role, fault, size, did):
    verdict = refinement(of_the_tests(role, fault), role, **size)
    assert verdict.verdict == "violated"
    (violation,) = verdict.violations
    assert violation.property == "refinement"
    assert did in violation.message


@pytest.mark.parametrize(
    ("version", "role", "size"),
    [
        ("3.8", "semaphore", {"rounds": 2, "cancel": 0}),
        ("3.9", "semaphore", {"rounds": 2}),
        ("3.11.7", "condition", {"tasks": 2, "rounds": 2}),
    ],
)
def test_asyncio_of_earlier_versions_does_not(version, role, size):
    verdict = refinement(stdlib(version), role, **size)
    assert [violation.property for violation in verdict.violations] == ["refinement"]


def test_a_message_tells_the_whole_story():
    verdict = refinement(of_the_tests("event", faulty.ClearWakes), "event", cancel=0)
    assert verdict.violations[0].message == (
        "after: A calls wait(); B calls clear(): wait() returns True to A, which the model does not allow; "
        "the model owes nobody anything here"
    )
