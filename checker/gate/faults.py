"""`treadle gate --faults`: whether every clause can fail, shown as the matrix clause × fault.

A matrix a primitive, since faults of one are not held to the clauses of another: a row a clause, a column a fault, so
narrow that all of a primitive fits into a terminal. The numbers of the columns are explained below it.
"""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.status import Status
from rich.text import Text

from treadle.specs.clauses import Clause, load_clauses
from treadle.specs.faults import FAULTS

from ..console import make_console, show
from ..errors import UsageError
from ..evidence import fault_matrix
from ..evidence_faults import Matrix, Row

__all__ = ["matrix_document", "render_matrix", "run_faults", "verdict_of"]

_OWN, _ALSO, _NOT, _MISSED = "#", "+", "·", "!"


def run_faults(console: Console, jobs: int, only: list[str]) -> tuple[Matrix, int]:
    """Hold all faults to the clauses, or those that the patterns name; return the matrix, and how many faults there are.

    Raises:
        UsageError: if a pattern names no fault.
    """
    for pattern in only:
        if not fnmatch.filter(FAULTS, pattern):
            raise UsageError(f"no fault is called {pattern!r}; their names begin with those of clauses, as in {next(iter(FAULTS))}")
    names = [name for name in FAULTS if any(fnmatch.fnmatch(name, pattern) for pattern in only)] if only else None
    with Status("holding faults to their clauses …", console=make_console(to_stderr=True)) as status:
        if not sys.stderr.isatty():
            status.stop()

        def done(number: int, of: int, row: Row) -> None:
            status.update(f"{number} of {of} faults are held to their clauses")
            if not row.caught:
                show(console, Text(f"✘ {row.fault} survives: {row.breaks}"))

        matrix = fault_matrix(faults=names, jobs=jobs, progress=done)
    return matrix, len(FAULTS if names is None else names)


def verdict_of(matrix: Matrix, count: int) -> str:
    """Return `verified` if every clause catches its faults, `inconclusive` if not all were tried."""
    if not matrix.ok:
        return "violated"
    return "verified" if matrix.rows and len(matrix.rows) == count else "inconclusive"


def render_matrix(matrix: Matrix, count: int) -> RenderableType:
    """Return the matrices of all primitives, the faults, and the sentence below them."""
    clauses = load_clauses()
    lines: list[RenderableType] = []
    for primitive in dict.fromkeys(clause.primitive for clause in clauses):
        members = [clause for clause in clauses if clause.primitive == primitive]
        lines += _of_primitive(primitive, members, matrix)
    signs = {_OWN: "caught by its own clause", _ALSO: "by this one as well", _NOT: "not caught", _MISSED: "not caught by its own"}
    lines.append(Text("   ".join(f"{sign} {meaning}" for sign, meaning in signs.items())))
    for clause in matrix.without_fault:
        lines.append(Text(f"✘ {clause}: no fault breaks it, so nothing shows that its evidence can fail", style="red"))
    lines += [Text(f"✘ {row.fault} survives: {row.message}", style="red") for row in matrix.survivors]
    caught = sum(1 for row in matrix.rows if row.caught)
    seconds = sum(row.seconds for row in matrix.rows)
    told = f"{caught} of {count} faults are caught by their own clause"
    if len(matrix.rows) < count:
        told += f"; {count - len(matrix.rows)} were not tried"
    lines.append(Text(f"{told}; {seconds:.0f} s of work", style="bold"))
    return Group(*lines)


def _of_primitive(primitive: str, clauses: list[Clause], matrix: Matrix) -> Iterator[RenderableType]:
    ids = {clause.id for clause in clauses}
    rows = [row for row in matrix.rows if row.clause in ids]
    if not rows:
        return
    width = max(len(clause.id) for clause in clauses)
    yield Text(f"{primitive}: {len(clauses)} clauses × {len(rows)} faults", style="bold")
    numbers = range(1, len(rows) + 1)
    margin = f"  {'':{width}}  "
    yield Text(margin + "".join(str(number // 10) if number % 10 == 0 else " " for number in numbers), style="dim")
    yield Text(margin + "".join(str(number % 10) for number in numbers), style="dim")
    for clause in clauses:
        cells = "".join(_cell(clause, row) for row in rows)
        yield Text(f"  {clause.id:{width}}  {cells}" + ("  nothing can break it" if clause.unbreakable else ""))
    for number, row in zip(numbers, rows, strict=True):
        history = f" ({row.history})" if row.history else ""
        yield Padding(Text(f"{number:3} {row.fault}: {row.breaks}{history}", style="dim"), (0, 0, 0, 2))
    yield Text("")


def _cell(clause: Clause, row: Row) -> str:
    caught = clause.id in row.caught_by
    if row.clause == clause.id:
        return _OWN if caught else _MISSED
    return _ALSO if caught else _NOT


def matrix_document(matrix: Matrix, count: int) -> dict[str, Any]:
    """Return the matrix for `--json`."""
    return {
        "verdict": verdict_of(matrix, count),
        "faults": [
            {
                "fault": row.fault,
                "clause": row.clause,
                "breaks": row.breaks,
                "history": row.history,
                "caught": row.caught,
                "caught_by": row.caught_by,
                "evidence": row.evidence,
                "message": row.message,
                "seconds": round(row.seconds, 3),
            }
            for row in matrix.rows
        ],
        "without_fault": matrix.without_fault,
        "stats": {"seconds": round(sum(row.seconds for row in matrix.rows), 3), "faults": count},
    }
