"""What is proved of a model, by which engine, for which sizes.

Each property is given to the strongest engine that can express it. The counter abstraction and the ticket encoding
prove it for every number of tasks, every initial value, every number of rounds and cancellations; Spacer says which
of these need no help. What neither proves goes to k-induction at a fixed number of tasks (any rounds and
cancellations), and then says that size instead. Progress (nobody waits for ever) is a property of infinite runs; it
is explored, at the size that is named.

Nothing is claimed on one engine's word alone: the invariants and lemmas of every proof are also checked on all states
that the explicit engine reaches at a small size, and a difference is an error, not a verdict.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .any_size import prove
from .bmc import properties
from .counter_abstraction import CounterAbstraction
from .errors import ModelError
from .explicit import Explorer
from .induction import k_induction
from .language import Model
from .liveness import check_progress
from .models.family import Family, Size
from .spacer import Spacer
from .tickets import TicketEncoding

EVERY_SIZE = "every number of tasks, rounds and cancellations"
CHECKED = Size(tasks=3, value=1, rounds=1, cancel=1)
FIXED = Size(tasks=3, value=1, rounds=None, cancel=None)
SPACER_LOCALS = 16  # with more local states than that, Spacer does not come to an end in useful time
LASTING = Size(tasks=3, value=1, rounds=None, cancel=1)


@dataclass(frozen=True)
class Proof:
    """One property: `status` is proved, violated or unknown; which engine said so, for which sizes, and with what help.
    """

    model: str
    property: str
    status: str
    engine: str
    sizes: str
    lemmas: tuple[str, ...] = ()
    unaided: bool | None = None
    length: int | None = None
    schedule: tuple[str, ...] = ()
    seconds: float = 0.0


def prove_family(
    family: Family, fault: str | None = None, *, spacer_seconds: float = 0.3, until: float | None = None
) -> Iterator[Proof]:
    """Prove or refute every property of a model. `until` (a `time.perf_counter` value) ends the search: the rest is
    unknown.
    """
    started = time.perf_counter()
    model = family.build(CHECKED, fault)
    explorer = Explorer(model, symmetry=True, lemmas=True)
    broken = {violation.property: violation for violation in explorer.run().violations}
    for invariant in properties(model):
        if violation := broken.get(invariant.name):
            yield Proof(
                family.name, invariant.name, "violated", "explicit", described(CHECKED, family),
                length=violation.length, schedule=violation.schedule, seconds=time.perf_counter() - started,
            )  # fmt: skip
    open_names = [invariant.name for invariant in properties(model) if invariant.name not in broken]
    for proof in _every_size(family, model, open_names, set(broken), spacer_seconds, until):
        open_names.remove(proof.property)
        yield proof
    yield from _fixed_size(family, fault, open_names, until)
    yield from _progress(family, fault, until)


def _every_size(
    family: Family, model: Model, names: list[str], broken: set[str], spacer_seconds: float, until: float | None
) -> Iterator[Proof]:
    sizes = EVERY_SIZE + (", every initial value" if family.has_value else "")
    left = list(names)
    for engine, encoding in (("counters", CounterAbstraction(model)), ("tickets", TicketEncoding(model))):
        if not left or _late(until):
            return
        result = prove(encoding, None if engine == "counters" else left)
        for name in broken & {*result.proved, *(lemma.removeprefix("lemma ") for lemma in result.lemmas)}:
            raise ModelError(f"{family.name}: {engine} proved {name}, but the explicit engine breaks it")
        small = isinstance(encoding, CounterAbstraction) and len(encoding.locals) <= SPACER_LOCALS
        spacer = Spacer(model) if small and spacer_seconds else None
        share = result.seconds / max(1, len(result.proved))
        for name in result.proved:
            if name not in left:
                continue
            left.remove(name)
            unaided = None
            if spacer is not None and not _late(until):
                (invariant,) = properties(model, [name])
                unaided = spacer.ask(invariant, spacer_seconds).proved is True
            yield Proof(family.name, name, "proved", engine, sizes, tuple(result.lemmas), unaided, seconds=share)
        # What counters can express but not prove, tickets would not either: they would only take their time over it.
        left = [name for name in left if name in result.unsupported]


def _fixed_size(family: Family, fault: str | None, names: list[str], until: float | None) -> Iterator[Proof]:
    for name in names:
        started = time.perf_counter()
        found = None if _late(until) else k_induction(family.build(FIXED, fault), [name]).k
        spent = time.perf_counter() - started
        if found is None:
            yield Proof(family.name, name, "unknown", "k-induction", described(FIXED, family), seconds=spent)
        else:
            engine = f"{found}-induction"
            yield Proof(family.name, name, "proved", engine, described(FIXED, family), seconds=spent)


def _progress(family: Family, fault: str | None, until: float | None) -> Iterator[Proof]:
    started = time.perf_counter()
    for size in (LASTING, replace(LASTING, tasks=2)):
        explorer = Explorer(family.build(size, fault))
        left = None if until is None else max(0.01, until - time.perf_counter())
        found = explorer.run(timeout=left, max_states=10_000)
        if found.complete:
            break
    starved = {violation.property: violation for violation in check_progress(explorer)} if found.complete else {}
    for progress in explorer.model.progress:
        violation = starved.get(progress.name)
        status = "violated" if violation else "proved" if found.complete else "unknown"
        yield Proof(
            family.name, progress.name, status, "explicit", described(size, family),
            length=violation.length if violation else None, schedule=violation.schedule if violation else (),
            seconds=time.perf_counter() - started,
        )  # fmt: skip


def described(size: Size, family: Family) -> str:
    """Describe a fixed size."""
    value = f", value {size.value}" if family.has_value else ""
    rounds = "any rounds" if size.rounds is None else f"{size.rounds} round(s)"
    cancel = "any cancellations" if size.cancel is None else f"{size.cancel} cancellation(s) a task"
    return f"{size.tasks} tasks{value}, {rounds}, {cancel}"


def _late(until: float | None) -> bool:
    return until is not None and time.perf_counter() > until
