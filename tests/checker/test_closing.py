"""The loop between models and code closes both ways: what z3 finds in a faulty model happens in code with that fault, and what
the explorer finds in faulty code is a path of the model with that fault.
"""

import json

import faulty
import pytest
from test_refinement import of_the_tests, stdlib
from typer.testing import CliRunner

from treadle.checker.api import check
from treadle.checker.candidates import Known, Schedules, visible_violation
from treadle.checker.clients.refining import Specification, refinement_scenarios, specification
from treadle.checker.closing import Script, close_loop, play
from treadle.checker.implementations import resolve
from treadle.checker.model_cli import model_app
from treadle.checker.runtime import Settings
from treadle.checker.shrinking import replays
from treadle.model.errors import ModelError
from treadle.model.language import Label
from treadle.model.models import family
from treadle.model.models.family import Size
from treadle.model.refinement import ModelSystem, Normalised

A_CALLS = Label("call", "acquire", 0)
A_GETS_IT = Label("return", "acquire", 0, "True")
B_CALLS = Label("call", "acquire", 1)
B_GETS_IT = Label("return", "acquire", 1, "True")
A_RELEASES = Label("return", "release", 0)
C_CALLS = Label("call", "acquire", 2)
C_GETS_IT = Label("return", "acquire", 2, "True")


def closed(model, fault, implementation, **options):
    chosen = family(model)
    return close_loop(chosen, Size(), fault, implementation, names=chosen.fault(fault).breaks, **options)


def model_with(model, fault, *, rounds=None):
    return ModelSystem(family(model).build(Size(rounds=rounds, cancel=None), fault))


# --- from the model to the code ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fault", "version"),
    [("semaphore", "barging", "3.8"), ("semaphore", "swallowed_permit", "3.9"), ("condition", "lost_notification", "3.11.7")],
)
def test_asyncio_does_what_the_faulty_model_does(model, fault, version):
    closing = closed(model, fault, stdlib(version))
    assert closing.confirmed
    assert closing.source.startswith("z3")
    assert closing.counterexample.property == "refinement"
    assert closing.recorded.violation.message == closing.counterexample.message


@pytest.mark.parametrize(
    ("model", "fault", "code"),
    [
        ("lock", "barging", faulty.Barging),
        ("lock", "lifo", faulty.LastComeFirstServed),
        ("lock", "double_grant", faulty.LetsTwoIn),
        ("lock", "swallowed_permit", faulty.LosesWhatWasHandedOver),
        ("lock", "permit_to_cancelled", faulty.StopsAtCancelledWaiter),
        ("bounded-semaphore", "swallowed_permit", faulty.LosesWhatWasHandedOver),
        ("event", "wakes_one", faulty.WakesOne),
        ("event", "clear_undoes_set", faulty.ClearedTooSoon),
        ("condition", "lock_not_reacquired", faulty.CancelledUnlocked),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_code_with_the_fault_does_what_the_model_does(model, fault, code):
    closing = closed(model, fault, of_the_tests(model, code))
    assert closing.confirmed, closing.lines()


@pytest.mark.parametrize(
    ("model", "fault", "code"),
    [
        ("semaphore", "barging", None),
        ("event", "clear_undoes_set", faulty.WakesOne),
        ("lock", "barging", faulty.StopsAtCancelledWaiter),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_code_without_the_fault_is_not_accused(model, fault, code):
    implementation = resolve("reference") if code is None else of_the_tests(model, code)
    closing = closed(model, fault, implementation)
    assert (closing.confirmed, closing.limit, closing.counterexample) == (False, None, None)
    assert closing.closest.after >= closing.departed_at.after
    assert "does not have this behaviour" in closing.lines()[1]


def test_a_limit_is_no_answer():
    closing = closed("lock", "swallowed_permit", resolve("reference"), timeout=0.001)
    assert (closing.confirmed, closing.limit) == (False, "timeout 0.001 s")
    assert closing.lines()[-1].startswith("inconclusive after 0 counterexamples on reference")


BARGING = (A_CALLS, A_GETS_IT, B_CALLS, A_RELEASES, C_CALLS, C_GETS_IT)


def played(trace, implementation):
    script = Script(Specification("lock", 3), model_with("lock", "barging", rounds=1), trace)
    result, _, _ = play(script, implementation, 1)
    assert not result.held_back
    return script, result


def test_a_run_that_keeps_to_the_script_ends_in_the_violation():
    script, result = played(BARGING, of_the_tests("lock", faulty.Barging))
    assert [finding.violation.property for finding in result.findings] == ["refinement"]
    assert result.findings[0].violation.message.endswith(
        "A calls release(); C calls acquire(): acquire() returns True to C, which the model does not allow; "
        "the model would have allowed: acquire() returns True to B"
    )
    assert script.furthest == len(BARGING)


def test_a_run_that_departs_teaches_all_that_can_come_instead():
    script, result = played(BARGING, resolve("reference"))
    assert result.findings == []
    assert script.furthest == 5
    assert script.seen[0] == {A_CALLS, B_CALLS, C_CALLS}, "what a run does after it has departed does not count"
    assert script.seen[1] == {A_GETS_IT}
    assert B_CALLS in script.seen[2]
    assert C_GETS_IT not in script.seen[5]
    assert B_GETS_IT in script.seen[5]
    known = Known()
    script.teach(known)
    assert known.refuses(BARGING[:5], C_GETS_IT)
    assert not known.refuses(BARGING[:5], B_GETS_IT)
    assert not known.refuses((A_CALLS, B_CALLS), C_CALLS), "nothing is known of what never happened"
    assert not known.rests(BARGING[:1])
    assert known.rests(BARGING[:2])


def test_another_violation_on_the_way_is_not_the_one_of_the_script():
    script, result = played(BARGING, of_the_tests("lock", faulty.ForgetsToWake))  # rests after the release, and owes B the lock
    assert 4 in script.rests
    assert "acquire() returns True to C, which the model does not allow" in result.findings[0].violation.message


def test_a_correct_trace_is_no_violation():
    trace = (A_CALLS, A_GETS_IT, B_CALLS, A_RELEASES, B_GETS_IT)
    script, result = played(trace, resolve("reference"))
    assert (result.findings, script.furthest) == ([], len(trace))


def test_z3_heeds_what_is_known_of_the_code():
    system = model_with("lock", "barging", rounds=1)
    schedules = Schedules(system, ["fifo"], 8)
    known = Known()
    _, schedule = schedules.shortest(known, None)
    assert len(schedule) == 4
    known.learn((), {A_CALLS}, True)
    known.learn((A_CALLS,), {A_GETS_IT}, False)
    known.learn((A_CALLS, A_GETS_IT), {B_CALLS}, True)
    known.learn((A_CALLS, A_GETS_IT, B_CALLS), {A_RELEASES}, True)
    _, schedule = schedules.shortest(known, None)
    labels = tuple(label for label, _ in system.path(schedule) if label is not None)
    assert labels[:4] == BARGING[:4]
    assert visible_violation(system, Specification("lock", 3).system, system.path(schedule), known) == ("trace", BARGING)
    known.learn(BARGING[:4], {B_GETS_IT}, False)
    assert schedules.shortest(known, None) is None
    assert schedules.exhausted


def test_a_rest_that_the_code_never_takes_is_not_proposed_again():
    system, correct, known = model_with("lock", "swallowed_permit", rounds=1), Specification("lock", 3).system, Known()
    kind, trace = visible_violation(system, correct, (), known)
    assert kind == "refusal"
    for position, label in enumerate(trace):
        known.learn(trace[:position], {label}, True)
    known.learn(trace, set(), True)
    assert visible_violation(system, correct, (), known) == (kind, trace)
    known.learn(trace, set(), False)
    assert visible_violation(system, correct, (), known) is None


def test_a_schedule_that_shows_nothing_is_not_given_again():
    schedules = Schedules(model_with("lock", "swallowed_permit", rounds=1), ["permits-conserved"], 6)
    found = [schedules.shortest(Known(), None)]
    schedules.exclude(*found[0])
    found.append(schedules.shortest(Known(), None))
    assert found[0] != found[1]


# --- from the code to the model --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "code", "fault", "size"),
    [
        ("semaphore", "3.8", "barging", {"rounds": 2, "cancel": 0}),
        ("semaphore", "3.9", "swallowed_permit", {"rounds": 2}),
        ("condition", "3.11.7", "lost_notification", {"rounds": 2}),
        ("lock", faulty.Barging, "barging", {"rounds": 2, "cancel": 0}),
        ("lock", faulty.LastComeFirstServed, "lifo", {"tasks": 3, "cancel": 0}),
        ("lock", faulty.LosesWhatWasHandedOver, "swallowed_permit", {"rounds": 2}),
        ("lock", faulty.StopsAtCancelledWaiter, "permit_to_cancelled", {"rounds": 2}),
        ("lock", faulty.LetsTwoIn, "double_grant", {"tasks": 3, "cancel": 0}),
        ("event", faulty.WakesOne, "wakes_one", {"tasks": 3, "cancel": 0}),
        ("event", faulty.ClearedTooSoon, "clear_undoes_set", {"tasks": 3, "cancel": 0}),
        ("condition", faulty.LosesNotification, "lost_notification", {"rounds": 2}),
    ],
    ids=lambda value: getattr(value, "__name__", value if isinstance(value, str) else ""),
)
def test_a_counterexample_in_code_is_a_path_of_the_faulty_model(role, code, fault, size):
    implementation = stdlib(code) if isinstance(code, str) else of_the_tests(role, code)
    size = {"tasks": 2, "rounds": 1, "cancel": 1} | size
    trace, rests = violating_trace(role, implementation, **size)
    faulty_model = ModelSystem(family(role).build(Size(size["tasks"], rounds=None, cancel=None), fault))
    correct_model = specification(role, size["tasks"]).system
    assert allows(faulty_model, trace, rests)
    assert not allows(correct_model, trace, rests)
    assert allows(correct_model, trace[:-1], False)


def violating_trace(role, implementation, tasks, rounds, cancel):
    """Return the visible labels of the shortest violating run, and whether its last one is that it comes to rest."""
    (part,) = refinement_scenarios(role, implementation, tasks, rounds)
    (violation,) = check(part.fn, contract="stock", cancel=cancel).violations
    assert replays(part.fn, Settings(cancel=violation.cancel), violation.schedule, "refinement")
    return tuple(specification(role, tasks).history), "comes to rest" in violation.message


def allows(system, trace, rests):
    nodes = Normalised(system, system.is_output)
    node = nodes.initial
    for label in trace:
        if label not in nodes.after(node):
            return False
        node = nodes.after(node)[label]
    return not rests or frozenset() in nodes.acceptances(node)


# --- the command -----------------------------------------------------------------------------------------------------


def run(*arguments):
    done = CliRunner().invoke(model_app, ["refute", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_the_command_confirms():
    stdlib("3.9")
    done = run("semaphore", "--fault", "swallowed_permit", "--replay-on", "stdlib:3.9", "--json", "-")
    assert done.exit_code == 1
    replay = json.loads(done.stdout)["replay"]
    assert (replay["implementation"], replay["confirmed"], replay["property"]) == ("stdlib:3.9", True, "refinement")
    assert replay["departed_at"] == {"after": 1, "label": "A is cancelled", "instead": ["acquire() returns True to A"]}
    assert "B is cancelled" in replay["trace"]
    assert isinstance(replay["schedule"], list)


def test_the_command_says_where_the_code_departs():
    done = run("semaphore", "--fault", "barging", "--replay-on", "reference")
    assert done.exit_code == 3
    told = " ".join(done.stdout.split())
    assert "reference (treadle.reference) does not have this behaviour" in told
    assert "it should go on with: acquire() returns True to C; what can come there is: acquire() returns True to B" in told


def test_the_command_takes_no_answer_for_one_if_it_is_told_so():
    arguments = ["lock", "--fault", "barging", "--replay-on", "reference", "--tasks", "2", "--max-depth", "3"]
    assert [run(*arguments).exit_code, run(*arguments, "--allow-bounded").exit_code] == [3, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["semaphore", "--replay-on", "reference"], "--replay-on needs --fault"),
        (["handoff-semaphore", "--fault", "swallow", "--replay-on", "reference"], "handoff-semaphore is the model of no class"),
        (["lock", "--fault", "lifo", "--replay-on", "no_such_module"], "there is no module 'no_such_module'"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(arguments, message):
    done = run(*arguments)
    assert (done.exit_code, message in done.stderr) == (2, True)


def test_a_schedule_of_another_model_is_refused():
    with pytest.raises(ModelError, match="'release 0' is not enabled after 1 steps of the schedule"):
        model_with("lock", None).path(["call 0", "release 0"])
