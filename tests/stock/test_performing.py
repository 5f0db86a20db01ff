"""One run of a straight-line program: what clients may do in it, and what is seen of it."""

import asyncio

import pytest

from treadle.checker.implementations import resolve
from treadle.checker.stock.history import Made
from treadle.checker.stock.performing import perform
from treadle.checker.stock.statements import BLOCK, Cancel, Change, Do, Leave, Make, Pause, Start

LOCK, CONDITION = Make(0, "lock"), Make(0, "condition")
ACQUIRE, OTHER = Start("a", 0, "acquire", client="A"), Start("b", 0, "acquire", client="B")
RELEASE = Do(0, "release", client="A")


def sight_of(*program, ask=None):
    loop = asyncio.SelectorEventLoop()
    try:
        return loop.run_until_complete(perform(program, resolve("reference").classes, ask))
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("program", "bold"),
    [
        ((LOCK, ACQUIRE, Pause(), RELEASE), set()),
        ((LOCK, RELEASE), {1}),
        ((LOCK, ACQUIRE, RELEASE), {2}),  # it has not run yet
        ((LOCK, OTHER, Pause(), RELEASE), {3}),  # another one holds it
        ((LOCK, ACQUIRE, Pause(), RELEASE, RELEASE), {4}),
        ((LOCK, Make(1, "condition", (Made(0),)), ACQUIRE, Pause(), Do(1, "notify", client="A")), set()),
        ((LOCK, Make(1, "condition", (Made(0),)), Do(1, "notify", client="A")), {2}),
        ((CONDITION, Start("a_wait", 0, "wait", client="A")), {"a_wait"}),
        ((CONDITION, ACQUIRE, Start("a_wait", 0, "wait", client="A")), set()),
        ((CONDITION, ACQUIRE, Start("a_wait", 0, "wait", client="A"), Pause(), RELEASE), {4}),  # wait() has given it back
        ((CONDITION, ACQUIRE, Start("a_wait", 0, "wait_for", client="A"), Pause(), Cancel("a_wait"), Pause(), RELEASE), set()),
        ((LOCK, Start("a", 0, BLOCK, client="A"), Pause(), RELEASE), {3}),  # a block releases by itself
    ],
)
def test_what_clients_may_not_do_is_seen(program, bold):
    assert {key[1] for key in sight_of(*program) if key[0] == "bold"} == bold


@pytest.mark.parametrize(
    ("program", "broken"),
    [
        ((CONDITION, Change()), False),  # before anybody is there
        ((CONDITION, ACQUIRE, Change()), True),  # nobody holds the lock yet
        ((CONDITION, ACQUIRE, Pause(), Change()), False),
        ((CONDITION, ACQUIRE, Start("a_wait", 0, "wait_for", client="A"), Pause(), Change()), True),
        ((LOCK, Cancel("a")), True),
        ((LOCK, Start("a", 0, BLOCK, client="A"), Leave("a", False), Leave("a", False)), True),
    ],
)
def test_programs_that_make_no_sense_are_seen(program, broken):
    assert (("broken", "") in sight_of(*program)) is broken


def test_what_wait_for_looks_at_changes():
    waits = (CONDITION, ACQUIRE, Start("a_wait", 0, "wait_for", client="A"), OTHER, Pause())
    notifies = (Do(0, "notify", client="B"), Do(0, "release", client="B"))
    assert sight_of(*waits, *notifies)["task", "a_wait"] == "pending"
    assert sight_of(*waits, Change(), *notifies)["task", "a_wait"] == "returned 'ready'"


def test_to_ask_whether_locked_tells_the_truth_takes_nothing_from_what_else_is_seen():
    assert sight_of(LOCK)["locked", 0] is False
    assert sight_of(LOCK)["free", 0] == 1
    assert sight_of(LOCK, ask=0) == {("truth", 0): True}


def test_what_is_refused_is_seen_by_its_class():
    assert sight_of(LOCK, RELEASE)["refused", 1] is RuntimeError
    assert sight_of(Make(0, "semaphore", (-1,)))["refused", 0] is ValueError


def test_how_a_task_was_cancelled_is_seen_although_it_was_looked_at_before():
    sight = sight_of(LOCK, ACQUIRE, OTHER, Pause(), Cancel("b"), Pause(), Pause())
    assert sight["after", 5]["b"] == sight["task", "b"] == "cancelled ('why',)"


@pytest.mark.parametrize(("raises", "ends"), [(False, "returned None"), (True, "raised ValueError")])
def test_a_block_ends_as_it_is_left(raises, ends):
    block = (LOCK, Start("a", 0, BLOCK, client="A"), Pause())
    assert sight_of(*block)["locked", 0] is True
    sight = sight_of(*block, Leave("a", raises))
    assert (sight["task", "a"], sight["locked", 0]) == (ends, False)


def test_who_has_to_wait_is_late():
    assert sight_of(LOCK, ACQUIRE, Pause())["late", "a"] is False
    assert sight_of(LOCK, ACQUIRE, OTHER, Pause())["late", "b"] is True
    assert ("late", "a") not in sight_of(LOCK, ACQUIRE, Pause(), Pause())
