"""The tests that `treadle trace test` writes for `verify`: they fail where the bug is, for the same reason, and nowhere else.

One for each violation of the README's survey: version × primitive × property.
"""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from treadle.checker.api import PROPERTIES, check
from treadle.checker.errors import UsageError
from treadle.checker.implementations import resolve
from treadle.checker.recording import record
from treadle.checker.replaying import settings_of
from treadle.checker.runtime import Settings
from treadle.checker.stdlib_locks import find_stdlib_files
from treadle.checker.stock.history import history_of
from treadle.checker.stock.standalone import run_test, write_test
from treadle.checker.trace import Target
from treadle.checker.verification import find_part, verify
from treadle.specs.faults import FAULTS

# implementation, primitive, the scenario that shows it, property, and an implementation that is right about it
SURVEY = [
    *((f"stdlib:{minor}", "condition", "cancellation", "cancellation-delivered", "reference") for minor in ("3.6", "3.12")),
    *((f"stdlib:{minor}", "condition", "clients", "no-lost-wakeup", "stdlib:3.13") for minor in ("3.6", "3.9", "3.12")),
    *((f"stdlib:{minor}", "condition", "refinement", "refinement", "reference") for minor in ("3.8", "3.13")),
    ("stdlib:3.13", "condition", "clients", "no-spurious-wakeup", "stdlib:3.12"),
    *((f"stdlib:{minor}", "semaphore", "clients", "fifo", "stdlib:3.10") for minor in ("3.6", "3.7", "3.8")),
    *((f"stdlib:{minor}", "semaphore", "refinement", "refinement", "stdlib:3.12") for minor in ("3.7", "3.9")),
    *((f"stdlib:{minor}", "bounded-semaphore", "clients", "fifo", "stdlib:3.10") for minor in ("3.6", "3.8")),
    ("stdlib:3.9", "semaphore", "extra releases", "fifo", "stdlib:3.10"),
    ("stdlib:3.9", "semaphore", "extra releases", "no-lost-wakeup", "stdlib:3.10"),
    ("stdlib:3.9", "semaphore", "clients", "permits-conserved", "stdlib:3.10"),
    ("stdlib:3.9", "semaphore", "locked", "state-as-reported", "stdlib:3.10"),
    ("stdlib:3.9", "bounded-semaphore", "clients", "permits-conserved", "stdlib:3.10"),
    ("stdlib:3.9", "bounded-semaphore", "locked", "state-as-reported", "stdlib:3.10"),
    ("stdlib:3.13", "condition", "wait_for", "no-spurious-wakeup", "stdlib:3.12"),
    *(("stdlib:3.9", kind, "wait_for", "permits-conserved", "stdlib:3.10") for kind in ("semaphore", "bounded-semaphore")),
    ("stdlib:3.9", "semaphore", "timeout", "permits-conserved", "stdlib:3.10"),
    ("stdlib:3.12", "condition", "timeout", "no-lost-wakeup", "stdlib:3.13"),
]
INSTALLED = {file.minor: file for file in find_stdlib_files(())}


def needs(name):
    minor = name.removeprefix("stdlib:")
    if name.startswith("stdlib:") and minor not in INSTALLED:
        pytest.skip(f"no CPython {minor} on this machine")


@cache
def traces(impl, primitive, scenario):
    """Return a trace for each property that breaks in one scenario of a verification, by property."""
    from treadle.checker.verification import Request, explore_part, find_part

    fault = FAULTS.get(impl.removeprefix("fault:"))
    tasks, cancel = (3, 1) if fault is None else (fault.tasks, fault.cancel)  # a fault says where it shows
    request = Request(primitive, impl, tasks, 1, "stock", (), {"cancel": cancel, "keep_going": True, "runs": 40_000})
    explored = explore_part(request, f"{primitive}/{scenario}")
    found = {}
    for violation, tasks, rounds in explored.counterexamples:
        assert violation.confirmed, violation
        part = find_part(primitive, impl, tasks, int(rounds), f"{primitive}/{scenario}")
        target = Target("verify", primitive, impl, tasks, str(int(rounds)), part.name)
        found[violation.property], _ = record(part.fn, Settings(cancel=violation.cancel), violation.schedule, target)
    return found


@pytest.mark.parametrize(("impl", "primitive", "scenario", "property", "right"), SURVEY)
def test_it_fails_where_the_bug_is_and_passes_elsewhere(impl, primitive, scenario, property, right):
    needs(impl)
    needs(right)
    source = write_test(traces(impl, primitive, scenario)[property])
    assert "treadle" not in source
    assert len(source.splitlines()) < 70
    wrong = resolve(impl, primitive)
    assert run_test(source, wrong, [primitive], wrong) is not None
    assert run_test(source, wrong, [primitive], resolve(right)) is None
    assert run_test(source, wrong, [primitive], resolve("reference")) is None


def interpreter_of(minor):
    """Return the executable of another CPython, found beside its standard library."""
    for folder in Path(INSTALLED[minor].path).parents:
        for name in (f"bin/python{minor}", "bin/python3"):
            if (folder / name).exists() and (folder / "lib").exists():
                return folder / name
    return None


@pytest.mark.parametrize(
    ("minor", "primitive", "scenario", "property", "fixed"),
    [
        ("3.8", "semaphore", "clients", "fifo", "3.10"),
        ("3.9", "semaphore", "clients", "permits-conserved", "3.10"),
        ("3.12", "condition", "clients", "no-lost-wakeup", "3.13"),
        ("3.13", "condition", "wait_for", "no-spurious-wakeup", "3.12"),
        ("3.9", "semaphore", "wait_for", "permits-conserved", "3.10"),
    ],
)
def test_it_fails_on_the_interpreter_itself(minor, primitive, scenario, property, fixed, tmp_path):
    needs(f"stdlib:{minor}")
    needs(f"stdlib:{fixed}")
    old, new = interpreter_of(minor), interpreter_of(fixed)
    if old is None or new is None:
        pytest.skip("only the standard library of one of them is here")
    file = tmp_path / "test_standalone.py"
    file.write_text(write_test(traces(f"stdlib:{minor}", primitive, scenario)[property]))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    failed = subprocess.run([old, file], env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert failed.returncode == 1
    assert "AssertionError" in failed.stderr
    passed = subprocess.run([new, file], env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert passed.returncode == 0, passed.stderr


def test_pytest_runs_it(tmp_path):
    needs("stdlib:3.8")
    file = tmp_path / "test_standalone.py"
    file.write_text(write_test(traces("stdlib:3.8", "semaphore", "clients")["fifo"]))
    command = [sys.executable, "-m", "pytest", "-q", file]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout  # this interpreter's own semaphore is right
    assert "1 passed" in done.stdout


def test_what_is_given_back_again_is_left_out():
    """A trace with two rounds of each client comes to the same program as one with a single round."""
    needs("stdlib:3.9")
    found = [traces("stdlib:3.9", "semaphore", scenario)["permits-conserved"] for scenario in ("clients", "locked")]
    assert [len(body_of(write_test(trace))) for trace in found] == [10, 10]


def test_it_is_straight_line_code():
    """No loops, no branches, no classes in what the test does: a person can follow it with a finger."""
    needs("stdlib:3.9")
    tree = ast.parse(write_test(traces("stdlib:3.9", "semaphore", "clients")["permits-conserved"]))
    (scenario,) = (node for node in tree.body if isinstance(node, ast.AsyncFunctionDef) and node.name == "scenario")
    assert {type(node) for node in scenario.body} <= {ast.Assign, ast.Expr, ast.Assert}
    assert len(scenario.body) == 10


def body_of(source):
    """Return the lines of what the test does."""
    (scenario,) = (node for node in ast.parse(source).body if isinstance(node, ast.AsyncFunctionDef) and node.name == "scenario")
    return [line.strip() for line in source.splitlines()[scenario.body[0].lineno - 1 : scenario.end_lineno]]


def test_what_predicates_look_at_is_a_variable():
    """Who is woken for nothing shows, because what it waits for became true and nobody was told."""
    needs("stdlib:3.13")
    body = body_of(write_test(traces("stdlib:3.13", "condition", "wait_for")["no-spurious-wakeup"]))
    before, waits = body.index('shared = ""'), body.index("b_wait = asyncio.ensure_future(condition.wait_for(lambda: shared))")
    assert before < waits < body.index('shared = "ready"') < body.index("condition.release()")
    assert not any("notify" in line for line in body)
    assert body[-1] == """assert not b_wait.done(), "b_wait's wait_for() returned, and must not\""""


@pytest.mark.parametrize(
    ("impl", "primitive", "scenario", "property", "line"),
    [
        ("stdlib:3.9", "semaphore", "wait_for", "permits-conserved", "a.cancel()  # as asyncio.wait_for does when it gives up"),
        ("stdlib:3.9", "semaphore", "timeout", "permits-conserved", "a.cancel()  # as asyncio.timeout does when it gives up"),
        ("stdlib:3.12", "condition", "timeout", "no-lost-wakeup", "a_wait.cancel()  # as asyncio.timeout does when it gives up"),
        ("stdlib:3.13", "condition", "wait_for", "no-spurious-wakeup", "a_wait.cancel()"),
    ],
)
def test_a_timeout_is_what_it_does_to_the_task(impl, primitive, scenario, property, line):
    """No timers, and so no clock; the cancellation says whose it was, unless it came from outside."""
    needs(impl)
    body = body_of(write_test(traces(impl, primitive, scenario)[property]))
    assert [each for each in body if "cancel(" in each] == [line]


def history(impl, primitive, scenario, property):
    trace = traces(impl, primitive, scenario)[property]
    return history_of(trace, settings_of(trace)).happenings


def test_the_task_of_wait_for_acts_for_its_client():
    """Until Python 3.11 `asyncio.wait_for` runs what it is given in a task of its own."""
    needs("stdlib:3.9")
    happenings = history("stdlib:3.9", "semaphore", "wait_for", "permits-conserved")
    assert {happening.client for happening in happenings} == {"main", "A", ""}
    cancelled = [(happening.client, happening.by) for happening in happenings if happening.what == "cancel"]
    assert cancelled == [("A", "asyncio.wait_for"), ("main", "")]  # main tries whether it has to wait, and goes away again


def test_what_wait_for_calls_itself_is_not_the_clients():
    needs("stdlib:3.13")
    happenings = history("stdlib:3.13", "condition", "wait_for", "no-spurious-wakeup")
    assert {happening.operation for happening in happenings if happening.what == "call"} == {"acquire", "wait_for", "release"}
    (cancelled,) = (happening for happening in happenings if happening.what == "cancel")
    assert (cancelled.client, cancelled.by) == ("A", "")


# What wait_for(predicate) itself may do wrong, and how the test looks at it.
@pytest.mark.parametrize(
    ("fault", "property", "asserted"),
    [
        ("COND-30/WaitForLooksOnce", "returns-as-documented", "assert not a_wait.done(), "),
        ("COND-30/WaitForWaitsFirst", "state-as-reported", "assert condition.locked() is True, "),
        ("COND-31/OnlyTrueIsTrue", "state-as-reported", "assert condition.locked() is True, "),
        ("COND-32/WaitForReturnsTrue", "returns-as-documented", "assert a_wait.result() == 'ready', "),
    ],
)
def test_what_is_wrong_with_wait_for_itself(fault, property, asserted):
    source = write_test(traces(f"fault:{fault}", "condition", "wait_for")[property])
    wrong = resolve(f"fault:{fault}", "condition")
    assert run_test(source, wrong, ["condition"], wrong) is not None
    assert run_test(source, wrong, ["condition"], resolve("reference")) is None
    body = body_of(source)
    assert body[-1].startswith(asserted), source
    assert len([line for line in body if "wait_for(lambda: shared)" in line]) == 1, "one client that waits is enough"


# What else implementations do wrong: faults, by the scenario and the property that catches them, and the end of the test.
@pytest.mark.parametrize(
    ("fault", "scenario", "property", "ending"),
    [
        ("LOCK-5/KeepsOnException", "async with", "no-lost-wakeup", "assert probe.done(), "),
        ("LOCK-5/KeepsOnCancellation", "async with", "state-as-reported", "assert lock.locked() is False, "),
        ("LOCK-5/SwallowsExceptions", "async with", "raises-as-documented", "assert isinstance(error, ValueError), "),
        ("LOCK-8/RaisesWhenFree", "clients", "raises-as-documented", "assert a.exception() is None, "),
        ("LOCK-14/ReleasesSilently", "errors", "raises-as-documented", 'raise AssertionError("release() raised nothing, and must'),
        ("LOCK-14/RaisesAnotherError", "errors", "raises-as-documented", 'raise AssertionError("release() raised ValueError, and must'),
        ("LOCK-15/LocksWhenItRefuses", "clients", "no-lost-wakeup", "assert probe.done(), "),
        ("LOCK-15/AddsWhenItRefuses", "errors", "state-as-reported", "assert lock.locked() is True, "),
        ("LOCK-16/NeverLocked", "clients", "state-as-reported", "assert lock.locked() is True, "),
        ("LOCK-17/WaitsOn", "clients", "cancellation-delivered", "assert b.done(), "),
        ("BSEM-1/TakesNegative", "errors", "raises-as-documented", 'raise AssertionError("the constructor raised nothing, and must'),
        ("BSEM-1/TwoByDefault", "errors", "returns-as-documented", "assert not probes[-1].done(), "),
        ("SEM-11/PausesFirst", "clients", "returns-as-documented", "assert a.done(), "),
        ("EVENT-8/StartsSet", "errors", "state-as-reported", "assert event.is_set() is False, "),
        ("COND-3/NeverWaitsForTheLock", "clients", "mutual-exclusion", "assert not b.done(), "),
        ("COND-4/NotifiesAllOfTheLock", "shared lock", "no-spurious-wakeup", "assert not b_wait.done(), "),
        ("COND-13/NotifiesOneOnly", "wait_for", "no-lost-wakeup", "assert b_wait.done(), "),
        ("COND-20/NotifiesAllButOne", "all operations", "no-lost-wakeup", "assert b_wait.done(), "),
        ("COND-26/WaitIsUnchecked", "errors", "raises-as-documented", "assert isinstance(error, RuntimeError), "),
        ("COND-33/CancelledInReacquire", "clients", "lock-held-on-return", "assert not a_wait.done(), "),
        ("COND-36/LosesTheMessage", "cancellation", "cancellation-delivered", "assert error.args == ('why',), "),
    ],
)
def test_what_else_is_wrong(fault, scenario, property, ending):
    primitive = {"BSEM": "bounded-semaphore", "SEM": "semaphore", "COND": "condition"}.get(fault.partition("-")[0])
    primitive = primitive or fault.partition("-")[0].lower()
    source = write_test(traces(f"fault:{fault}", primitive, scenario)[property])
    assert body_of(source)[-1].startswith(ending), source
    assert len(body_of(source)) < 16, source
    roles = [primitive, "lock"] if "lock = " in source and primitive != "lock" else [primitive]
    wrong = resolve(f"fault:{fault}")
    assert run_test(source, wrong, roles, wrong) is not None
    assert run_test(source, wrong, roles, resolve("reference")) is None


def test_the_test_of_a_fault_runs_by_itself(tmp_path):
    """A fault is no module, so the test says where it comes from."""
    file = tmp_path / "test_standalone.py"
    file.write_text(write_test(traces("fault:LOCK-14/ReleasesSilently", "lock", "errors")["raises-as-documented"]))
    failed = subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=60, check=False)
    assert failed.returncode == 1
    assert "AssertionError: release() raised nothing" in failed.stderr


def test_what_does_not_break_needs_no_test():
    def trace_of(contract, violated):
        needs("stdlib:3.8")
        trace = traces("stdlib:3.8", "semaphore", "clients")["fifo"]
        scope = {**trace.scope, "contract": contract}
        return type(trace)(**{**{field: getattr(trace, field) for field in trace.__struct_fields__}, "scope": scope, **violated})

    with pytest.raises(UsageError, match="violates nothing"):
        write_test(trace_of("stock", {"violation": None}))
    with pytest.raises(UsageError, match="cannot happen on asyncio's own event loop"):
        write_test(trace_of("stretched", {}))


def test_every_violation_of_a_small_verification_is_confirmed():
    needs("stdlib:3.9")
    (verification,) = verify("bounded-semaphore", impl="stdlib:3.9", tasks=2, rounds=1, cancel=1, keep_going=True)
    assert len(verification.counterexamples) > 4
    assert all(found.counterexample.confirmed for found in verification.counterexamples)


def test_a_client_that_starves_is_shown_by_a_violation_of_fifo():
    barging = "fault:SEM-17/Barging"
    part = find_part("semaphore", barging, 3, "inf", "semaphore/clients")
    others = PROPERTIES - {"progress"}
    (found,) = check(part.fn, contract="stock", ignore=others).violations
    recorded, _ = record(part.fn, found.settings(others), found.schedule, Target("verify", "semaphore", barging, 3, "inf", part.name))
    with pytest.raises(UsageError, match=r"this run goes on for ever.*fifo"):
        write_test(recorded)
