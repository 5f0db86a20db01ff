"""One run of a scenario on asyncio's own loop, from its first callback to its end, and how it ended.

What ends a run, and what counts as a violation, is decided by the same code as in the simulation wherever it can be
(`execution.conclude`). Winding up is asyncio's own way: cancel what is left, gather it, close the asynchronous generators.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any, cast

from ..execution import Outcome, Scenario, close_task, conclude
from ..loop import SimulatedLoop
from ..runtime import Run, Settings, describe_told, set_current, text_of
from .conductor import Conductor, Departed, Halted, Stuck
from .labels import stop
from .loop import AlikeTask, StockLoop, conduct, make_loop
from .readings import Readings
from .script import Script

__all__ = ["play"]


class ScriptedChoices:
    """The choices that steps make, as they were made in the simulation."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.taken = 0

    def pick(self, options: list[Any], deferred_from: int = 0) -> int:
        """Return the option that was taken; the number of options must be the same."""
        choices = self.script.choices
        if self.taken >= len(choices) or choices[self.taken][1] != len(options):
            raise Departed(0, "another choice" if self.taken < len(choices) else "no further choice", f"a choice of {len(options)} options")
        index = choices[self.taken][0]
        self.taken += 1
        return index

    def confirm(self) -> None:
        """Do nothing: nothing is deferred."""

    def seen(self, run: Run) -> bool:
        """Return False: the run goes to its end."""
        return False


def play(scenario: Scenario, settings: Settings, script: Script, readings: Readings, observed: bool = True) -> Outcome:
    """Run `scenario` on asyncio's own loop as `script` says; must be called inside `simulation()`.

    With `observed` off the ready queue is asyncio's own, too, and callbacks are not compared.

    Raises:
        Departed: if asyncio's loop does something else.
    """
    loop = make_loop()
    run = Run(cast(SimulatedLoop, None), ScriptedChoices(script), settings, budget=settings.cancel)
    conductor = Conductor(script, run, loop, readings, observed)
    stock = StockLoop(loop, conductor)
    run.loop = cast(SimulatedLoop, stock)  # what a run asks of its loop, and no more
    conduct(loop, stock, script.names)
    set_current(run)
    hooks = sys.get_asyncgen_hooks()
    try:
        asyncio._set_running_loop(loop)
        coroutine = scenario()
        asyncio._set_running_loop(None)
        main = AlikeTask(coroutine, loop=loop, name="main")
        stock.adopt(main)
        run.main = main
        main.add_done_callback(stop)
        try:
            with contextlib.suppress(Halted):
                loop.run_forever()
                conductor.look()
        except (SystemExit, KeyboardInterrupt) as error:
            run.violate("no-unhandled-exception", f"a callback raised {type(error).__name__}, which ends the event loop")
            if isinstance(error, KeyboardInterrupt):
                raise
        if not conductor.at_end:
            raise Departed(conductor.steps + 1, "something more", "the end")
        outcome = conclude(run, main, _drain)
        if outcome.kind == "done":
            asyncio._set_running_loop(loop)  # a repr may look at times
            outcome.shown = text_of(outcome.result, repr)
        return outcome
    finally:
        asyncio._set_running_loop(None)
        stock.dead = True
        conductor.draining = True
        for task in stock.live_tasks():
            close_task(task)
        sys.set_asyncgen_hooks(*hooks)
        set_current(None)
        loop.close()


def _drain(run: Run, main: asyncio.Task[Any]) -> None:
    """Cancel and await what is left, as `asyncio.run` does; then look for exceptions that nobody has retrieved."""
    stock = cast(StockLoop, run.loop)
    loop = stock.loop
    stock.conductor.begin_draining()
    run.invariants.clear()
    run.watched = False
    pending = stock.live_tasks()
    if pending:
        if run.settings.forbid_leaked_tasks:
            names = ", ".join(task.get_name() for task in pending)
            run.violate("no-leaked-task", f"the scenario is done, but these tasks are still pending: {names}")
            if run.halted:
                return
        for task in pending:
            task.cancel()
        try:
            asyncio._set_running_loop(loop)
            together = asyncio.gather(*pending, return_exceptions=True)
            asyncio._set_running_loop(None)
            loop.run_until_complete(together)
        except Stuck:
            names = ", ".join(task.get_name() for task in pending if not task.done())
            run.violate("no-deadlock", f"after the scenario was done, these tasks were cancelled, but they never end: {names}")
            return
        for task in pending:
            if not task.cancelled() and (error := task.exception()) is not None:
                stock.told.append({"message": f"an exception during the shutdown of {task.get_name()}", "exception": error})
    with contextlib.suppress(Stuck):
        loop.run_until_complete(loop.shutdown_asyncgens())
    for task in stock.tasks():
        if task.done() and task._log_traceback:
            task._log_traceback = False
            stock.told.append({"message": "Task exception was never retrieved", "exception": task._exception})
    if stock.told:
        run.violate("no-unhandled-exception", describe_told(stock.told[0]))
