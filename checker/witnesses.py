"""What must have happened somewhere in the space that a verification explores, lest its verdict says nothing.

"Nobody overtakes" holds trivially where nobody ever waits. So monitors note the situations in which the primitives of
the past went wrong, and each scenario says which of them its size and its budget of cancellations make possible; a
search that ends without having seen one of these is no pass. Witnesses are no part of a state. A run that is cut short
at a known state needs none of those that would follow: the run that knew the state first has shown them.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "CANCELLED",
    "CANCELLED_WOKEN",
    "CLEARED_EARLY",
    "INSIDE_TOGETHER",
    "NEWCOMER",
    "NOTIFIED",
    "PASSED_ON",
    "SERVED",
    "THREE_WAITED",
    "TIMED_OUT",
    "TWO_ASLEEP",
    "TWO_WAITED",
    "WOKEN",
    "Witness",
]

TWO_WAITED = "two waited at once"
SERVED = "a client that had to wait was served"
NEWCOMER = "a newcomer came while another had been served and had not run yet"
CANCELLED = "a waiting client was cancelled"
CANCELLED_WOKEN = "a client was cancelled that had been woken and had not run yet"
TIMED_OUT = "a client gave up after its time"
WOKEN = "a waiting client was woken by set()"
CLEARED_EARLY = "clear() came while a client had been woken and had not run yet"
TWO_ASLEEP = "two waited for a notification at once"
THREE_WAITED = "three waited for a notification at once"
NOTIFIED = "a client was notified and returned"
PASSED_ON = "the notification of a cancelled client had somebody to go on to"
INSIDE_TOGETHER = "two were inside the primitive at once"


class Witness(NamedTuple):
    """What must happen in at least one run, and how many cancellations that takes."""

    name: str
    cancel: int = 0

