"""Small concurrent programs, generated: Hypothesis strategies over `operations`.

Two tests share them. The order test runs a program on the simulated loop and on asyncio's own and compares the logs
(`Machine.log`). The oracles explore a program with and without reductions and compare what can come out; there nothing
is logged, because a log would tell all states apart and nothing would ever merge.
"""

from hypothesis import strategies as st
from operations import *  # noqa: F403  # a program's repr is to be evaluated here
from operations import (
    Abandon,
    Add,
    AwaitFuture,
    Cancel,
    Catch,
    Checkpoint,
    Choose,
    ClearEvent,
    Expect,
    Fail,
    Finally,
    Forgotten,
    Gathered,
    Generate,
    Get,
    Grouped,
    InContext,
    Job,
    Later,
    Locked,
    Meet,
    Notify,
    Permitted,
    Program,
    Put,
    Read,
    Release,
    Resolve,
    SetEvent,
    Shielded,
    Sleep,
    Soon,
    Timeout,
    WaitCondition,
    Waited,
    WaitEvent,
    WaitFor,
    WaitUntil,
    Write,
    Yield,
)

_which = st.integers(0, 1)
_value = st.integers(0, 2)

inner_leaves = st.one_of(
    st.builds(Yield),
    st.builds(Read),
    st.builds(Write, _value),
    st.builds(Release),
    st.builds(SetEvent, _which),
    st.builds(ClearEvent, _which),
    st.builds(WaitEvent, _which),
    st.builds(WaitCondition),
    st.builds(WaitUntil, st.integers(1, 2)),
    st.builds(Notify, st.integers(1, 2)),
    st.builds(Put, st.integers(0, 2), _value),
    st.builds(Get, st.integers(0, 2)),
    st.builds(Meet),
    st.builds(Resolve, _which),
    st.builds(AwaitFuture, _which),
    st.builds(Cancel, _value),
    st.builds(Soon),
    st.builds(Forgotten),
    st.builds(Abandon),
    st.builds(Fail),
)
"""Operations that depend on nothing but the other tasks."""

_delay = st.sampled_from((0.0, 1.0, 1.0, 2.0))
outside_leaves = st.one_of(
    st.builds(Sleep, _delay),
    st.builds(Choose, st.integers(2, 3)),
    st.builds(Expect, _value),
    st.builds(Later, _delay),
    st.builds(Job),
)
"""Operations with choices of their own, or on which the clock or the outside world decides; deadlines tie on
purpose."""


checkpoints = st.builds(Checkpoint, st.sampled_from((False, False, False, True)))
"""Waits on the outside world: what makes several orders possible under `stock`."""

timer_leaves = st.one_of(st.builds(Sleep, _delay), st.builds(Later, _delay))
"""Operations on which the clock decides."""


def compound(op):
    """Operations made of the operations `op`."""
    body = st.lists(op, min_size=1, max_size=2).map(tuple)
    return st.one_of(
        st.builds(Locked, _which, body),
        st.builds(Locked, st.just(0), body),
        st.builds(Permitted, body),
        st.builds(Add, op),
        st.builds(Catch, body),
        st.builds(Finally, body, op),
        st.builds(Generate, op),
        st.builds(InContext, body),
        st.builds(Gathered, op, op, st.booleans()),
        st.builds(Grouped, op, op),
        st.builds(Waited, op, op, st.sampled_from(("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"))),
        st.builds(Shielded, op),
        st.builds(Timeout, _delay, body),
        st.builds(WaitFor, _delay, op),
    )


def programs(op, most_tasks, most_ops):
    """Programs of 2 to `most_tasks` tasks with 1 to `most_ops` operations each."""
    body = st.lists(op, min_size=1, max_size=most_ops).map(tuple)
    return st.builds(
        Program, st.lists(body, min_size=2, max_size=most_tasks).map(tuple), st.sampled_from((True, True, True, False))
    )
