"""Laws: what holds of every program of a kind, tried on programs that Hypothesis makes up.

A law is a function of a namespace with the five classes, and of what Hypothesis draws. The programs are of one task and
never wait, so no schedule matters: exploration is for what tasks do to each other, laws are for
what long and odd sequences of calls do to a counter. Needs the extra `hypothesis`.
"""

from __future__ import annotations

from .sequences import (
    async_with_is_acquire_try_finally,
    bounded_semaphore_follows_a_counter,
    event_is_a_flag,
    lock_follows_a_counter,
    semaphore_follows_a_counter,
)
from .trying import Law

__all__ = ["LAWS"]

LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        async_with_is_acquire_try_finally,
        bounded_semaphore_follows_a_counter,
        event_is_a_flag,
        lock_follows_a_counter,
        semaphore_follows_a_counter,
    )
}
"""Every law by its name."""
