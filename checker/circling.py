"""Going round the loop of a lasso: whether a run does, and what to say of it.

That is decided inside the run, so that whoever runs a schedule (a replay, a recorder, the writer of a script for asyncio's
own loop) sees a violation like any other. States are compared by their fingerprints, at every boundary where the loop may
begin or close. What a loop means (`Lasso.inevitable`, and whether it is fair) is for the search to say, which sees more
than one run.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from . import type_tables as _tables  # noqa: F401  # fills the tables of `fingerprint`
from .fingerprint import Fingerprinter
from .runtime import Lasso, Run
from .waiting import waiting_place

__all__ = ["Circle", "StopAfter"]


class Circle:
    """Watches a run that is to go round a lasso's loop: when the state comes back, `progress` is violated."""

    def __init__(self, scenario: Callable[[], Coroutine[Any, Any, Any]], lasso: Lasso) -> None:
        self.lasso = lasso
        self.fingerprinter = Fingerprinter()
        self.fingerprinter.world.prepare(scenario)
        self.fingerprinter.names_matter = lasso.names
        self.fingerprinter.time_matters = lasso.times
        self._seen: dict[bytes, tuple[int, _Sleepers]] = {}
        self._rounds: Counter[bytes] = Counter()

    def closes(self, run: Run) -> bool:
        """Look at the state between two steps; end the run when the loop closes, or when it cannot any more."""
        lasso, choices = self.lasso, run.choices
        if choices != lasso.start and choices < lasso.end:
            return False
        if choices > lasso.end:
            run.cut = True
            return True
        digest = self.fingerprinter.fingerprint(run)
        if choices == lasso.end and digest in self._seen:
            self._rounds[digest] += 1
            if self._rounds[digest] >= lasso.rounds:
                run.looped_from, sleepers = self._seen[digest]
                run.violate("progress", _describe(run, lasso, sleepers))
                return True
        if choices == lasso.start and digest not in self._seen:
            self._seen[digest] = run.steps, _Sleepers(run)
        return False


class StopAfter:
    """Ends a run after so many steps, without a look at its state: for whoever watches it in a way that changes that.

    Up to Python 3.11 a suspended frame that is traced line by line keeps a value more than one that is not.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def closes(self, run: Run) -> bool:
        """End the run if it has come so far."""
        run.cut = run.cut or run.steps >= self.steps
        return run.cut


class _Sleepers:
    """Which tasks wait at a boundary, and for which future; so that one can tell who has not run since."""

    def __init__(self, run: Run) -> None:
        waits = [(task, task._fut_waiter) for task in run.loop.live_tasks()]  # type: ignore[attr-defined]
        self._waits = [(weakref.ref(task), weakref.ref(waiter)) for task, waiter in waits if waiter is not None]

    def __contains__(self, task: asyncio.Task[Any]) -> bool:
        waiter = task._fut_waiter  # type: ignore[attr-defined]
        return waiter is not None and any(known() is task and future() is waiter for known, future in self._waits)


def _describe(run: Run, lasso: Lasso, sleepers: _Sleepers) -> str:
    """Say in one sentence what goes on for ever, and who waits."""
    run.loop.reporting = True
    going: dict[str, list[str]] = {}  # place → who goes round there
    waiting: dict[str, list[str]] = {}
    for task in run.loop.live_tasks():
        place = waiting_place(task)
        where = f" at {place}" if place is not None else ""
        (waiting if task in sleepers else going).setdefault(where, []).append(task.get_name())
    run.loop.reporting = False
    if lasso.inevitable:
        what = f"{lasso.who} cannot get on any more" if lasso.who else "the scenario cannot end any more"
        claim = f"{what}, whatever happens"
    elif lasso.who:
        claim = f"{lasso.who} may never get on, although every wait on the outside world ends"
    else:
        claim = "the scenario may never end, although it can and although every wait on the outside world ends"
    told = [f"{_names(tasks)} {'goes' if len(tasks) == 1 else 'go'} round{where}" for where, tasks in going.items()]
    told += [f"{_names(tasks)} {'waits' if len(tasks) == 1 else 'wait'}{where}" for where, tasks in waiting.items()]
    return f"{claim}: {'; '.join(told)}" if told else claim


def _names(tasks: list[str]) -> str:
    *most, last = tasks
    return f"{', '.join(most)} and {last}" if most else last
