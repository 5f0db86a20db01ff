"""Malformed models are refused where they are written, naming the action and the variable."""

import pytest

from treadle.model.errors import ModelError
from treadle.model.expr import Task, count, each, exists
from treadle.model.language import ModelBuilder


def builder():
    model = ModelBuilder("toy", 2)
    return model, model.phases("pc", ("IDLE", "BUSY"), "IDLE"), model.integer("n", 0, low=0, high=3), model.queue("q")


def refused(act):
    with pytest.raises(ModelError) as caught:
        act()
    return str(caught.value)


def test_a_value_that_is_none_of_the_enumeration():
    model, pc, _, _ = builder()
    message = refused(lambda: model.action("start", lambda i: pc[i] == "IDEL", lambda i: []))
    assert message == "toy: action start: variable pc: 'IDEL' is none of its values IDLE, BUSY"


def test_a_wrong_type_in_an_effect():
    model, pc, n, _ = builder()
    message = refused(lambda: model.action("start", lambda i: pc[i] == "IDLE", lambda i: [n.set(True)]))
    assert message == "toy: action start: variable n: expected an integer, got True"


def test_arithmetic_on_an_enumeration():
    model, pc, _, _ = builder()
    message = refused(lambda: model.action("start", lambda i: pc[i] + 1 == 2, lambda i: []))
    assert "action start: variable pc: expected an integer, got one of IDLE, BUSY" in message


def test_python_and_instead_of_the_operator():
    model, pc, n, _ = builder()
    message = refused(lambda: model.action("start", lambda i: pc[i] == "IDLE" and n == 0, lambda i: []))
    assert "action start: variable pc: an expression has no truth value" in message


def test_a_variable_of_another_model():
    model, *_ = builder()
    _, _, foreign, _ = builder()
    message = refused(lambda: model.action("start", lambda i: foreign == 0, lambda i: []))
    assert message == "toy: action start: variable n is not declared in this model"


def test_a_task_that_is_not_bound():
    model, pc, _, _ = builder()
    message = refused(lambda: model.invariant("idle", pc[Task("x")] == "IDLE", "x is idle"))
    assert message == "toy: invariant idle: variable pc: task x is not bound here"


def test_the_task_of_an_action_that_has_none():
    model, pc, _, _ = builder()
    message = refused(lambda: model.action("tick", lambda i: pc[i] == "IDLE", lambda i: [], per_task=False))
    assert "action tick: variable pc: task nobody is not bound here" in message


def test_a_guard_that_is_not_a_condition():
    model, _, n, _ = builder()
    message = refused(lambda: model.action("start", lambda i: n + 1, lambda i: []))
    assert "action start: its guard must be a boolean expression" in message


def test_an_effect_that_is_not_a_statement():
    model, pc, _, _ = builder()
    message = refused(lambda: model.action("start", lambda i: pc[i] == "IDLE", lambda i: [pc[i] == "BUSY"]))
    assert "action start: its effect holds" in message


def test_each_may_only_change_its_own_task():
    model, pc, n, _ = builder()
    message = refused(
        lambda: model.action(
            "all", lambda i: pc[i] == "IDLE", lambda i: [each(lambda j: pc[j] == "IDLE", lambda j: [n.set(1)])]
        )
    )
    assert "action all: `each` may only assign to the cells of the task that it ranges over" in message


@pytest.mark.parametrize(
    ("declare", "expected"),
    [
        (lambda m: m.integer("n", 1), "toy: variable n is declared twice"),
        (lambda m: m.integer("k", 5, low=0, high=3), "toy: variable k starts at 5, outside of 0..3"),
        (lambda m: m.phases("p", ("A",), "B"), "toy: variable p starts as 'B', which is none of A"),
        (lambda m: m.boolean("not a name", True), "toy: variable 'not a name': a name must be an identifier"),
        (lambda m: m.parameter("v", 0, low=1), "toy: parameter v must be at least 1, not 0"),
        (lambda m: m.build(), "toy: a model needs at least one action"),
        (lambda m: ModelBuilder("none", 0), "none: tasks must be at least 1, not 0"),
    ],
)
def test_declarations(declare, expected):
    model, _, _, _ = builder()
    assert refused(lambda: declare(model)) == expected


def test_an_action_is_declared_once():
    model, pc, _, _ = builder()
    model.action("start", lambda i: pc[i] == "IDLE", lambda i: [pc[i].set("BUSY")])
    assert refused(lambda: model.action("start", lambda i: pc[i] == "IDLE", lambda i: [])) == (
        "toy: action start is declared twice"
    )


def test_quantifiers_take_conditions():
    _, pc, n, _ = builder()
    assert "expected a boolean, got an integer" in refused(lambda: exists(lambda j: n))
    assert (count(lambda j: pc[j] == "IDLE") <= 2).type == "bool"
