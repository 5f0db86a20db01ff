"""The matrix clause × fault: which clause's evidence catches which deliberately broken implementation.

A clause whose evidence passes a broken implementation is worth nothing, and nobody would notice. So each fault of
`treadle.specs.faults` is held to all clauses of its primitive, at the small size that it needs, and must be caught by
its own. What else catches it is recorded: a fault that twenty clauses catch shows little about any of them, one that a
single clause catches shows that this clause is needed.

Runs end at their first violation, which may hide another one behind it. If the clause of a fault is not violated and a
scenario that it rests on stopped at something else, that scenario is explored again with what was found ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter

import msgspec

from treadle.specs.clauses import Clause, Proof, load_clauses
from treadle.specs.faults import FAULTS, Fault

from .errors import UsageError
from .evidence import Result, Work, judge_clause, perform, rests_on, work_for
from .pool import Pool

__all__ = ["Matrix", "Row", "fault_matrix", "hold"]

_CHEAPEST = ("example", "law", "explored", "refinement", "check")  # evidence in order of its price
_RUNS = 20_000
_EXAMPLES = 50
_AGAIN = 5  # times that a scenario is explored again behind what it found


class Row(msgspec.Struct):
    """One fault: the clause that must catch it, and the clauses that do.

    Attributes:
        fault: its name.
        clause: the clause that must catch it.
        breaks: what it does wrong.
        history: where the like was seen; "" if nowhere.
        caught_by: the ids of the clauses that are violated.
        evidence: the pieces of work in which its own clause is violated.
        message: how, in one sentence; why not, if it is not caught.
        seconds: how long it took.
    """

    fault: str
    clause: str
    breaks: str
    history: str
    caught_by: list[str]
    evidence: list[str]
    message: str
    seconds: float

    @property
    def caught(self) -> bool:
        """Return True if its own clause catches it."""
        return self.clause in self.caught_by


class Matrix(msgspec.Struct):
    """All faults that were held to the clauses, and the clauses that have no fault although something could break them."""

    rows: list[Row]
    without_fault: list[str]

    @property
    def ok(self) -> bool:
        """Return True if every fault is caught by its clause, and every clause that can be broken has a fault."""
        return not self.without_fault and all(row.caught for row in self.rows)

    @property
    def survivors(self) -> list[Row]:
        """Return the faults that their clause does not catch."""
        return [row for row in self.rows if not row.caught]


def fault_matrix(
    primitive: str | None = None,
    *,
    faults: Sequence[str] | None = None,
    everything: bool = True,
    jobs: int = 1,
    progress: Callable[[int, int, Row], None] | None = None,
) -> Matrix:
    """Hold every fault to the clauses.

    Args:
        primitive: only the clauses of this primitive, and their faults; `general` for those of all five.
        faults: only these, by name.
        everything: run all evidence of the primitive, to see what else catches a fault; otherwise only that of the
            fault's own clause, until a piece of it catches the fault.
        jobs: so many faults at a time, in processes of their own.
        progress: called after each fault with how many are done, how many there are, and its row.

    Raises:
        UsageError: if there is no such fault.
    """
    clauses = [clause for clause in load_clauses() if primitive is None or clause.primitive == primitive]
    ids = {clause.id for clause in clauses}
    chosen = [_fault(name).name for name in (FAULTS if faults is None else faults)]
    chosen = [name for name in chosen if FAULTS[name].clause in ids]
    rows: list[Row] = []

    def done(row: Row) -> None:
        rows.append(row)
        if progress is not None:
            progress(len(rows), len(chosen), row)

    if jobs > 1:
        with Pool(jobs) as pool:
            for name in chosen:
                pool.submit(hold, name, everything)
            for name in chosen:
                row = pool.result(hold, name, everything)
                if row is None:  # interrupted
                    break
                done(row)
    else:
        for name in chosen:
            done(hold(name, everything))
    return Matrix(rows, [] if faults is not None else _without_fault(clauses))


def _fault(name: str) -> Fault:
    if name not in FAULTS:
        raise UsageError(f"there is no fault {name!r}; they are named as in {next(iter(FAULTS))}")
    return FAULTS[name]


def _without_fault(clauses: Iterable[Clause]) -> list[str]:
    broken = {fault.clause for fault in FAULTS.values()}
    return [clause.id for clause in clauses if clause.id not in broken and not clause.unbreakable]


def hold(name: str, everything: bool = True) -> Row:
    """Hold one fault to the clauses of its primitive; or to its own clause only, up to the first evidence that catches it."""
    started = perf_counter()
    fault = FAULTS[name]
    all_clauses = load_clauses()
    (own,) = (clause for clause in all_clauses if clause.id == fault.clause)
    clauses = [clause for clause in all_clauses if clause is own or (everything and clause.primitive == own.primitive and clause.evidence)]
    clauses = [_without_proofs(clause) for clause in clauses]
    (own,) = (clause for clause in clauses if clause.id == fault.clause)
    works = work_for(
        clauses, impl=f"fault:{name}", tasks=fault.tasks, rounds=fault.rounds, cancel=fault.cancel, limits={"runs": _RUNS}
    )
    distinct = {work.name: work for each in works.values() for work in each}  # most are evidence of several clauses
    results: dict[str, tuple[Work, Result]] = {}
    for work in sorted(distinct.values(), key=lambda work: _CHEAPEST.index(work.kind)):
        results[work.name] = (work, perform(_quick(work)))
        if not everything and judge_clause(_only(own, work), [results[work.name]])[0] == "violated":
            break
    judged = {
        clause.id: judge_clause(clause, [results[work.name] for work in works[clause.id] if work.name in results]) for clause in clauses
    }
    mine = [results[work.name] for work in works[own.id] if work.name in results]
    if judged[own.id][0] != "violated":
        mine = [(work, _behind(work, result)) for work, result in mine]
        judged[own.id] = judge_clause(own, mine)
    evidence = [work.name for work, result in mine if judge_clause(_only(own, work), [(work, result)])[0] == "violated"]
    caught_by = [id for id, (verdict, _) in judged.items() if verdict == "violated"]
    message = judged[own.id][1]
    return Row(name, fault.clause, fault.breaks, fault.history, caught_by, evidence, message, round(perf_counter() - started, 3))


def _without_proofs(clause: Clause) -> Clause:
    """Return the clause without its proofs: they are about the model, and no code changes them."""
    return msgspec.structs.replace(clause, evidence=tuple(each for each in clause.evidence if not isinstance(each, Proof)))


def _only(clause: Clause, work: Work) -> Clause:
    return msgspec.structs.replace(clause, evidence=tuple(each for each in clause.evidence if rests_on(each, work)))


def _quick(work: Work, ignore: Iterable[str] = ()) -> Work:
    """Return the work without the search for a smaller counterexample, and with few examples of a law.

    That something never happens is no reason to call a fault caught: its clause must be violated.
    """
    return msgspec.structs.replace(work, options={**work.options, "smallest": False, "examples": _EXAMPLES, "ignore": [*ignore, "witness"]})


def _behind(work: Work, result: Result) -> Result:
    """Explore on behind the violations that were found, until there are no others."""
    found = {violation["property"]: violation for violation in result.violations}
    for _ in range(_AGAIN):
        if work.kind != "explored" or result.verdict != "violated":
            break
        result = perform(_quick(work, sorted(found)))
        found |= {violation["property"]: violation for violation in result.violations}
    if not found:
        return result
    return msgspec.structs.replace(result, verdict="violated", violations=list(found.values()))
