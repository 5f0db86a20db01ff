"""How fast the explorer is: `python benchmarks/bench_explorer.py [--quick]`.

1. Mutual exclusion with asyncio.Lock, N tasks × 2 rounds with one bare yield inside, contract `any`: the whole space.
   `orders` has every order in which the tasks can take the lock as part of the state, so none of them may be merged
   away; `states` has not.
2. What one schedule costs without merging, against one `asyncio.Runner.run` of the same scenario: rounds of both in
   turn, the ratio of each pair.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from time import perf_counter

from rich.console import Console
from rich.table import Table

from treadle.checker.execution import execute, simulation
from treadle.checker.explorer import explore
from treadle.checker.results import Limits
from treadle.checker.runtime import Settings
from treadle.checker.shrinking import Replay

ORDERS = {2: 6, 3: 30, 4: 336, 5: 5_040}


def scenario_of(tasks: int, rounds: int = 2, orders: bool = False):
    async def worker(lock: asyncio.Lock, name: int, taken: list[int]) -> None:
        for _ in range(rounds):
            async with lock:
                if orders:
                    taken.append(name)
                await asyncio.sleep(0)

    async def scenario() -> tuple[int, ...]:
        lock = asyncio.Lock()
        taken: list[int] = []
        await asyncio.gather(*(worker(lock, number, taken) for number in range(tasks)))
        return tuple(taken)

    return scenario


def exhaust(console: Console, sizes: list[int]) -> None:
    table = Table(title="mutual exclusion, contract any: the whole space")
    for column in ("tasks", "state", "lock orders", "runs", "states", "seconds"):
        table.add_column(column, justify="right")
    for tasks in sizes:
        for orders in (False, True):
            result = explore(scenario_of(tasks, orders=orders), Settings(contract="any"), merge="on")
            assert not result.held_back, result.held_back
            assert not result.findings, result.findings
            seen = len(result.outcomes) if orders else 0
            table.add_row(
                str(tasks),
                "with orders" if orders else "plain",
                f"{seen:,}" if orders else "",
                f"{result.executions:,}",
                f"{result.states:,}",
                f"{result.seconds:.2f}",
            )
    console.print(table)


def per_schedule(console: Console, rounds: int, each: int) -> None:
    scenario = scenario_of(4)
    settings = Settings(contract="any")
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        start = perf_counter()
        result = explore(scenario, settings, Limits(runs=each), merge="off")
        ours.append((perf_counter() - start) / result.executions)
        start = perf_counter()
        for _ in range(each // 4):
            with asyncio.Runner() as runner:
                runner.run(scenario())
        theirs.append((perf_counter() - start) / (each // 4))
    bare: list[float] = []
    with simulation():
        for _ in range(rounds):
            start = perf_counter()
            for _ in range(each):
                execute(scenario, settings, Replay(()))
            bare.append((perf_counter() - start) / each)
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    table = Table(title="one schedule of N = 4, without merging")
    for column in ("what", "per second", "asyncio.Runner.run costs so many times that"):
        table.add_column(column, justify="right")
    table.add_row("asyncio.Runner.run", f"{1 / statistics.median(theirs):,.0f}", "1")
    table.add_row(
        "treadle, exploring",
        f"{1 / statistics.median(ours):,.0f}",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} … {max(ratios):.2f})",
    )
    table.add_row(
        "treadle, one schedule again and again",
        f"{1 / statistics.median(bare):,.0f}",
        f"{statistics.median(theirs) / statistics.median(bare):.2f}",
    )
    console.print(table)


def main() -> None:
    console = Console()
    quick = "--quick" in sys.argv
    per_schedule(console, 3 if quick else 9, 400 if quick else 500)
    exhaust(console, [2, 3, 4] if quick else [2, 3, 4, 5])


if __name__ == "__main__":
    main()
