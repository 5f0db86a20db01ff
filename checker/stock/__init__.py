"""Proof that a counterexample is real: its schedule on an unmodified `asyncio.SelectorEventLoop`.

The simulated loop claims that what it shows under `stock` can happen on asyncio's own event loop. Here that claim is put
to the test, run by run. The schedule is first run on the simulated loop, by a recorder that writes a *script*
(`writing`): which outside events the real loop's `select()` must hand over before which iteration, and which callbacks then
run. Then the same program runs on asyncio's own loop, whose selector plays the script (`conductor`, `loop`), and every
callback is compared with the simulated one. Only a run that agrees in all of them and ends in the same violation is
`confirmed`.

What is not asyncio's own on that loop is what the outside world supplies: the selector, the clock, and the thread pool.
The ready queue is a `deque` that also tells what it hands out, tasks and futures hash alike (sets of them otherwise iterate by
address, differently in every process). Refused: mapping the schedule's numbers onto the real loop, where the same choices are
not met at the same moments (`scheduling` decides after an iteration what the loop takes in before it); and trusting the final
violation alone, which another order may show by accident.
"""

from __future__ import annotations

from .confirming import Confirmation, confirm

__all__ = ["Confirmation", "confirm"]
