"""Laws about sequences of calls by a single task, each held against the simplest model there is: a number, or a flag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from .trying import law

_CALLS = st.lists(st.sampled_from(("acquire", "release")), max_size=30)


def _acquire(primitive: Any) -> bool:
    """Try to acquire without waiting; return whether that worked."""
    acquiring = primitive.acquire()
    try:
        acquiring.send(None)
    except StopIteration as done:
        assert_(done.value is True, f"acquire() returned {done.value!r}")
        return True
    acquiring.close()
    return False


def assert_(holds: object, otherwise: str) -> None:
    """Raise AssertionError unless it holds, under `python -O` too."""
    if not holds:
        raise AssertionError(otherwise)


def _follows(primitive: Any, free: int, most: int | None, refusal: type[Exception], calls: Sequence[str]) -> None:
    """Hold the calls against a counter of free permits; above `most` a release must be refused."""
    for number, call in enumerate(calls):
        said = f"call {number}, {call}(), with {free} free"
        assert_(primitive.locked() is (free == 0), f"before {said}: locked() says {primitive.locked()!r}")
        if call == "acquire":
            got = _acquire(primitive)
            assert_(got is (free > 0), f"{said}: {'did not have' if got else 'had'} to wait")
            free -= got
            continue
        try:
            primitive.release()
        except refusal:
            assert_(free == most, f"{said}: was refused")
        else:
            assert_(free != most, f"{said}: was not refused")
            free += 1
    assert_(primitive.locked() is (free == 0), f"at the end, with {free} free: locked() says {primitive.locked()!r}")
    for _ in range(free):
        assert_(_acquire(primitive), f"of {free} that are free at the end not all can be had")
    assert_(not _acquire(primitive), f"of {free} that are free at the end more can be had")


@law(calls=_CALLS)
def lock_follows_a_counter(locks: Any, calls: list[str]) -> None:
    """A lock is a counter of 1 that refuses to rise above it."""
    _follows(locks.Lock(), 1, 1, RuntimeError, calls)


@law(value=st.integers(0, 5), calls=_CALLS)
def semaphore_follows_a_counter(locks: Any, value: int, calls: list[str]) -> None:
    """A semaphore is a counter that rises as far as one likes."""
    _follows(locks.Semaphore(value), value, None, ValueError, calls)


@law(value=st.integers(0, 5), calls=_CALLS)
def bounded_semaphore_follows_a_counter(locks: Any, value: int, calls: list[str]) -> None:
    """A bounded semaphore is a counter that refuses to rise above its initial value."""
    _follows(locks.BoundedSemaphore(value), value, value, ValueError, calls)


@law(calls=st.lists(st.sampled_from(("set", "clear")), max_size=30))
def event_is_a_flag(locks: Any, calls: list[str]) -> None:
    """After any sequence of set() and clear() the flag is what the last one said, false before the first."""
    event = locks.Event()
    flag = False
    for call in calls:
        assert_(event.is_set() is flag, f"is_set() says {event.is_set()!r}, the last call said {flag}")
        getattr(event, call)()
        flag = call == "set"
    assert_(event.is_set() is flag, f"is_set() says {event.is_set()!r}, the last call said {flag}")


class _Way(Exception):
    """What a block raises to end."""


@law(
    name=st.sampled_from(("Lock", "Condition", "Semaphore", "BoundedSemaphore")),
    ends=st.lists(st.sampled_from(("falls out", "returns", "raises", "continues")), max_size=8),
)
def async_with_is_acquire_try_finally(locks: Any, name: str, ends: list[str]) -> None:
    """A program of blocks ends in the same state, with the same results, whether written with `async with` or without."""

    async def with_blocks(primitive: Any, end: str) -> object:
        for _ in range(1):
            async with primitive:
                if end == "returns":
                    return primitive.locked()
                if end == "raises":
                    raise _Way(primitive.locked())
                if end == "continues":
                    continue
        return None

    async def written_out(primitive: Any, end: str) -> object:
        for _ in range(1):
            await primitive.acquire()
            try:
                if end == "returns":
                    return primitive.locked()
                if end == "raises":
                    raise _Way(primitive.locked())
                if end == "continues":
                    continue
            finally:
                primitive.release()
        return None

    one, other = getattr(locks, name)(), getattr(locks, name)()
    for end in ends:
        results = [_outcome(with_blocks(one, end)), _outcome(written_out(other, end))]
        assert_(results[0] == results[1], f"a block that {end}: {results[0]} with `async with`, {results[1]} written out")
        assert_(one.locked() == other.locked(), f"after a block that {end}: locked() differs")
    assert_(_acquire(one) == _acquire(other), "one of the two can be acquired at the end, the other cannot")


def _outcome(program: Any) -> tuple[str, object]:
    """Run a program that must not wait; return how it ended."""
    try:
        program.send(None)
    except StopIteration as done:
        return "returned", done.value
    except _Way as raised:
        return "raised", raised.args
    program.close()
    return "has to wait", None
