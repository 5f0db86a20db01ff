"""How many violations `treadle trace test` writes a test for: `python benchmarks/bench_trace_tests.py [NAME…]`.

Violations of the survey in the README (the CPythons on this machine) and of the faults of `specs/`: one of each property that breaks in
each scenario, of those that a small search finds. With names only implementations that contain one of them: all of
the faults take more than half an hour. Prints what gets no test.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bench_shrinking import PRIMITIVES, faults, survey

from treadle.checker.errors import UsageError
from treadle.checker.recording import record
from treadle.checker.runtime import Settings
from treadle.checker.stock.standalone import write_test
from treadle.checker.trace import Target
from treadle.checker.verification import Request, explore_part, find_part

SEARCH = {"cancel": 1, "keep_going": True, "runs": 2_000}


def traces(name, primitive, tasks, rounds):
    """Yield a trace of each property that breaks in each scenario of a primitive."""
    request = Request(primitive, name, tasks, rounds, "stock", (), SEARCH)
    for part in request.parts():
        if "stock" not in part.contracts:
            continue
        for found, fewer_tasks, fewer_rounds in explore_part(request, part.name).counterexamples:
            if found.property not in ("witness", "progress"):  # of which no run that ends is an example
                scenario = find_part(primitive, name, fewer_tasks, int(fewer_rounds), part.name)
                target = Target("verify", primitive, name, fewer_tasks, str(int(fewer_rounds)), part.name)
                yield record(scenario.fn, Settings(cancel=found.cancel), found.schedule, target)[0]


def count(title, targets):
    written, refused, seconds = 0, [], 0.0
    for name, primitive, tasks, rounds in targets:
        try:
            for trace in traces(name, primitive, tasks, rounds):
                began = time.perf_counter()
                try:
                    write_test(trace)
                    written += 1
                except UsageError:
                    refused.append(f"{name} {trace.target.part}: {trace.violation.property}")
                seconds += time.perf_counter() - began
        except UsageError as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
    total = written + len(refused)
    print(f"{title}: {written} of {total} violations get a test; {seconds / max(total, 1):.2f} s each")
    for line in refused:
        print(f"  none: {line}")


def main():
    names = sys.argv[1:]

    def chosen(targets):
        return list(dict.fromkeys(target for target in targets if not names or any(name in target[0] for name in names)))

    count("survey", chosen(survey(tuple(PRIMITIVES.values()))))
    count("faults", chosen(faults()))


if __name__ == "__main__":
    main()
