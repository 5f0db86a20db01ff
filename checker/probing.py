"""Runs that look at something between two steps: whether a state comes by, and what is pending in it.

They follow a schedule and end where it has led them, or where it does not fit the program.
"""

from __future__ import annotations

import weakref
from typing import Any

from .events import TimerHandle
from .fingerprint import Fingerprinter
from .runtime import Run
from .transitions import pending_events

__all__ = ["Follower", "Pending", "Probe"]


class Follower:
    """A chooser that follows a schedule; a choice that does not fit, or comes after its end, ends the run."""

    def __init__(self, schedule: tuple[int, ...]) -> None:
        self.schedule = schedule
        self.widths: list[int] = []
        self.lost = False

    def attach(self, run: Run) -> None:
        """Look at every boundary of the run that is about to begin."""
        run.circling = self

    def pick(self, options: list[Any], deferred_from: int = 0) -> int:
        """Take the scheduled option."""
        position = len(self.widths)
        self.widths.append(len(options))
        if position < len(self.schedule) and self.schedule[position] < len(options):
            return self.schedule[position]
        self.lost = True
        return 0

    def confirm(self) -> None:
        """Do nothing: nothing is deferred."""

    def seen(self, run: Run) -> bool:
        """Return False: what ends the run is `closes`."""
        return False

    def closes(self, run: Run) -> bool:
        """End the run where the schedule has ended; a lost one too."""
        if self.lost or self.looks(run):
            run.cut = True
        return run.cut

    def looks(self, run: Run) -> bool:
        """Look at the state between two steps; return True if the run need not go on."""
        return False


class Probe(Follower):
    """Looks, from the end of a schedule on, for a state behind a boundary; `limit` is how many choices may be made meanwhile."""

    def __init__(self, schedule: tuple[int, ...], fingerprinter: Fingerprinter, digest: bytes | None, limit: int, after: int) -> None:
        super().__init__(schedule + (0,) * (limit - len(schedule)))
        self.length = len(schedule)
        self.fingerprinter = fingerprinter
        self.digest = digest
        self.after = after
        self.arrived: int | None = None

    def looks(self, run: Run) -> bool:
        """Compare the state with the wanted one."""
        if self.digest is None or run.choices < self.length or run.boundaries <= self.after:
            return False
        if self.fingerprinter.fingerprint(run) != self.digest:
            return False
        self.arrived = run.boundaries
        return True


class Pending(Follower):
    """Counts how many of the events that are pending at one boundary are still so at another."""

    def __init__(self, schedule: tuple[int, ...], begun: int, place: int) -> None:
        super().__init__(schedule)
        self.begun = begun
        self.place = place
        self.events: list[weakref.ref[Any]] = []
        self.now = 0.0
        self.left: int | None = None

    def looks(self, run: Run) -> bool:
        """Remember what is pending at the one boundary, compare at the other."""
        if run.boundaries == self.begun:
            self.events = [weakref.ref(event) for event in pending_events(run).values()]
            self.now = run.loop.now
        if run.boundaries < self.place:
            return False
        moves = run.settings.time == "virtual" and run.loop.now > self.now  # and so comes to every deadline
        still = {id(event) for event in pending_events(run).values() if not (moves and isinstance(event, TimerHandle))}
        self.left = sum(1 for event in self.events if (known := event()) is not None and id(known) in still)
        return True
