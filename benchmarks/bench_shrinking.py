"""How much simpler counterexamples get, and what that takes: `python benchmarks/bench_shrinking.py [--quick]`.

Counterexamples of the survey in the README (the CPythons on this machine) and of the faults of `specs/`. Each is found twice:
by the search, which goes through schedules in order of how far they depart from stock order, and by random walks, as
`--search random` does. Departures are those from stock order, medians over all counterexamples.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from treadle.checker.errors import UsageError
from treadle.checker.explorer import explore
from treadle.checker.results import Limits
from treadle.checker.runtime import Settings
from treadle.checker.sampling import sample
from treadle.checker.shrinking import Simplified, simplify
from treadle.checker.stdlib_locks import find_stdlib_files
from treadle.checker.stock import confirm
from treadle.checker.verification import Request
from treadle.specs.faults import FAULTS

PRIMITIVES = {"LOCK": "lock", "EVENT": "event", "COND": "condition", "SEM": "semaphore", "BSEM": "bounded-semaphore"}
CANCEL = 1
WALKS = 300
RUNS = 2_000  # of a search


@dataclass
class Sample:
    """One counterexample, made simpler."""

    simplified: Simplified
    confirmed: bool


def survey(primitives=("condition", "semaphore", "bounded-semaphore")):
    names = [*sorted({f"stdlib:{file.minor}" for file in find_stdlib_files(())}), "asyncio"]
    return [(name, primitive, 3, 1) for name in names for primitive in primitives]


def faults():
    found = []
    for fault in FAULTS.values():
        prefix = fault.clause.partition("-")[0]
        if prefix in PRIMITIVES:
            found.append((f"fault:{fault.name}", PRIMITIVES[prefix], fault.tasks, fault.rounds))
    return found


def counterexamples(targets, search):
    """Yield a counterexample of every target that breaks, made simpler and run on asyncio's own loop."""
    config = Settings(cancel=CANCEL)
    for name, primitive, tasks, rounds in targets:
        try:
            parts = Request(primitive, name, tasks, rounds, "stock", (), {}).parts()
        except UsageError:
            continue
        for part in parts:
            if search == "search":
                result = explore(part.fn, config, Limits(runs=RUNS))
            else:
                result = sample(part.fn, config, Limits(runs=WALKS), seed=0)
            for finding in result.findings:
                simplified = simplify(part.fn, config, finding)
                yield Sample(simplified, bool(confirm(part.fn, config, simplified.finding.schedule)))
            if result.findings:
                break


def main():
    quick = "--quick" in sys.argv
    console = Console(width=None if sys.stdout.isatty() else 130)
    table = Table(title="counterexamples made simpler: medians (largest)")
    columns = ("counterexamples", "found by", "number", "departures before", "after", "runs", "milliseconds", "local minima", "confirmed")
    for column in columns:
        table.add_column(column, justify="right")
    for title, targets in (("survey", survey()), ("faults", faults())):
        for search in ("search", "walks"):
            samples = list(counterexamples(targets[:: 4 if quick else 1], search))
            if not samples:
                continue
            simplified = [each.simplified for each in samples]

            def cell(values, digits=0):
                return f"{statistics.median(values):,.{digits}f} ({max(values):,.{digits}f})"

            table.add_row(
                title,
                search,
                str(len(samples)),
                cell([each.before for each in simplified]),
                cell([each.after for each in simplified]),
                cell([each.runs for each in simplified]),
                cell([each.seconds * 1000 for each in simplified], 1),
                str(sum(each.is_minimal for each in simplified)),
                str(sum(each.confirmed for each in samples)),
            )
    console.print(table)


if __name__ == "__main__":
    main()
