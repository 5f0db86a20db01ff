"""The reference primitives against asyncio's own, on the stock event loop: `python benchmarks/bench_primitives.py`.

Paired: each round runs both, one right after the other, in an order that alternates, so that what disturbs the machine
disturbs both. A row gives the median time of each for one operation, and the median of the rounds' ratios with the
range of their middle half.
"""

import argparse
import asyncio
import gc
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

from treadle import reference

TASKS = 10  # who contend


async def pairs(primitive: Any, count: int) -> None:
    for _ in range(count):
        await primitive.acquire()
        primitive.release()


async def blocks(primitive: Any, count: int) -> None:
    for _ in range(count):
        async with primitive:
            pass


async def contended_blocks(primitive: Any, count: int) -> None:
    async def client() -> None:
        for _ in range(count // TASKS):
            async with primitive:
                await asyncio.sleep(0)

    await asyncio.gather(*(client() for _ in range(TASKS)))


async def pass_event(event: Any, count: int) -> None:
    event.set()
    for _ in range(count):
        await event.wait()


async def wake_by_event(event: Any, count: int) -> None:
    async def client() -> None:
        for _ in range(count // TASKS):
            await event.wait()

    clients = [asyncio.ensure_future(client()) for _ in range(TASKS)]
    while not all(client.done() for client in clients):
        event.set()
        event.clear()
        await asyncio.sleep(0)


def notify(all_at_once: bool) -> Callable[[Any, int], Awaitable[None]]:
    async def run(condition: Any, count: int) -> None:
        async def client() -> None:
            async with condition:
                for _ in range(count // TASKS):
                    await condition.wait()

        clients = [asyncio.ensure_future(client()) for _ in range(TASKS)]
        while not all(client.done() for client in clients):
            async with condition:
                if all_at_once:
                    condition.notify_all()
                else:
                    condition.notify()
            await asyncio.sleep(0)

    return run


Workload = Callable[[Any, int], Awaitable[None]]
ROWS: list[tuple[str, str, Workload, int]] = [
    *(
        row
        for name in ("Lock", "Semaphore", "BoundedSemaphore", "Condition")
        for row in (
            (name, "acquire, release; uncontended", pairs, 10_000),
            (name, "async with; uncontended", blocks, 10_000),
            (name, f"async with; {TASKS} tasks contend", contended_blocks, 2_000),
        )
    ),
    ("Condition", f"wait, notify(1); {TASKS} tasks", notify(False), 1_000),
    ("Condition", f"wait, notify_all; {TASKS} tasks", notify(True), 1_000),
    ("Event", "wait when set", pass_event, 10_000),
    ("Event", f"wait, set; {TASKS} tasks", wake_by_event, 2_000),
]


def nanoseconds(kit: ModuleType, name: str, workload: Workload, count: int) -> float:
    """Time of one operation, in ns, in a fresh event loop."""

    async def main() -> float:
        primitive = getattr(kit, name)()
        begin = time.perf_counter_ns()
        await workload(primitive, count)
        return (time.perf_counter_ns() - begin) / count

    return asyncio.run(main())


def measure(name: str, workload: Workload, count: int, rounds: int) -> list[tuple[float, float]]:
    """(asyncio, reference) for each round, in ns an operation."""
    results = []
    gc.disable()
    try:
        for i in range(-1, rounds):  # round -1 warms up
            order = (asyncio, reference) if i % 2 else (reference, asyncio)
            times = {kit: nanoseconds(kit, name, workload, count) for kit in order}
            if i >= 0:
                results.append((times[asyncio], times[reference]))
            gc.collect()
    finally:
        gc.enable()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the reference primitives against asyncio's own.")
    parser.add_argument("--rounds", type=int, default=21, help="how often each pair is run (default: 21)")
    rounds = max(3, parser.parse_args().rounds)
    table = Table(title=f"Python {platform.python_version()}, {rounds} paired rounds, ns an operation")
    for column in ("primitive", "operation"):
        table.add_column(column)
    for column in ("asyncio", "reference", "ratio", "middle half"):
        table.add_column(column, justify="right")
    for name, operation, workload, count in ROWS:
        results = measure(name, workload, count, rounds)
        theirs, ours = (statistics.median(column) for column in zip(*results, strict=True))
        low, middle, high = statistics.quantiles([b / a for a, b in results], n=4)
        table.add_row(name, operation, f"{theirs:,.0f}", f"{ours:,.0f}", f"{middle:.2f}", f"{low:.2f} to {high:.2f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
