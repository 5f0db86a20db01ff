"""`treadle verify`: check one implementation of a primitive against what the documentation promises.

A primitive is verified by several scenarios (`clients`), each with the properties that it watches and the contracts
under which it claims them. Under a contract that a scenario does not claim it is left out, and the verdict says so:
properties that rest on the loop's order say nothing about a loop with another. The verdict on the primitive is the
worst of its scenarios'.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from .api import check
from .clients import VerificationScenario, verification_scenarios
from .clients.refining import refinement_scenarios
from .errors import UsageError
from .implementations import PRIMITIVES, Implementation, resolve
from .pool import Pool
from .results import Progress
from .verdict import Counterexample, Verdict, worst

__all__ = [
    "PRIMITIVES", "Explored", "Found", "Request", "Verification", "explore_part", "find_part", "parse_rounds", "verify", "verify_one",
]  # fmt: skip


_SMALLEST_RUNS = 1_000
_SMALL = 2  # clients times rounds that every scenario has


@dataclass
class Found:
    """A counterexample, the scenario that it is one of, and how many clients and rounds that has."""

    counterexample: Counterexample
    part: VerificationScenario
    tasks: int
    rounds: float


@dataclass
class Verification:
    """The verdict on one primitive, and its counterexamples."""

    primitive: str
    implementation: Implementation
    verdict: Verdict
    counterexamples: list[Found]


def parse_rounds(rounds: str | int) -> float:
    """Return the number of rounds, `math.inf` for `inf`.

    Raises:
        UsageError: if it is neither.
    """
    if str(rounds) == "inf":
        return math.inf
    try:
        number = int(rounds)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(f"--rounds {rounds}: expected a number of at least 1, or inf")
    return number


@dataclass(frozen=True)
class Request:
    """What is to be verified, in plain data: it crosses processes."""

    primitive: str
    impl: str
    tasks: int
    rounds: float
    contract: str
    stdlib_paths: tuple[str, ...]
    options: dict[str, Any]

    def parts(self) -> list[VerificationScenario]:
        """Return the scenarios that together verify the primitive: its properties, and its refinement of the model."""
        return scenarios_of(self.primitive, self.implementation(), self.tasks, self.rounds)

    def implementation(self) -> Implementation:
        """Return the implementation."""
        return resolve(self.impl, self.primitive, self.stdlib_paths)


@dataclass
class Explored:
    """The verdict on one part, and its counterexamples, each with the clients and rounds that show it."""

    verdict: Verdict
    counterexamples: list[tuple[Counterexample, int, float]]


def verify(
    primitive: str,
    *,
    impl: str = "reference",
    tasks: int = 3,
    rounds: str | int = 2,
    contract: str = "stock",
    stdlib_paths: tuple[str, ...] = (),
    jobs: int = 1,
    progress_on: Callable[[str], AbstractContextManager[Progress | None]] | None = None,
    **options: Any,
) -> Iterator[Verification]:
    """Verify a primitive, or `all` of them, one after the other; `options` go to `check`.

    The scenarios of a primitive know nothing of each other: with `jobs` above 1 so many are explored at a time, in
    processes of their own. What comes out is the same, in the same order.

    Raises:
        UsageError: if the primitive or the implementation does not exist.
    """
    wanted = _wanted(primitive)
    count = parse_rounds(rounds)
    if tasks < 1:
        raise UsageError(f"--tasks {tasks}: expected at least 1")
    implementation = resolve(impl, None if primitive == "all" else primitive, stdlib_paths)
    requests = [
        Request(name, impl, tasks, count, contract, tuple(map(str, stdlib_paths)), options)
        for name in wanted
        if primitive != "all" or name in implementation.classes
    ]
    if jobs > 1:
        with Pool(jobs) as pool:
            for request in requests:
                for part in request.parts():
                    if contract in part.contracts:
                        pool.submit(explore_part, request, part.name)
            for request in requests:
                yield verify_one(request, lambda request, part: pool.result(explore_part, request, part.name))
    else:
        for request in requests:
            yield verify_one(request, lambda request, part: explore_part(request, part.name, progress_on))


def scenarios_of(primitive: str, implementation: Implementation, tasks: int, rounds: float) -> list[VerificationScenario]:
    """Return the scenarios that together verify a primitive, its refinement of the model included.

    Raises:
        ImplementationError: if the implementation has no such primitive.
    """
    return [
        *verification_scenarios(primitive, implementation, tasks, rounds),
        *refinement_scenarios(primitive, implementation, tasks, rounds),
    ]


def _wanted(primitive: str) -> tuple[str, ...]:
    if primitive == "all":
        return tuple(PRIMITIVES)
    if primitive not in PRIMITIVES:
        raise UsageError(f"unknown primitive {primitive!r}; expected one of {', '.join(PRIMITIVES)}, all")
    return (primitive,)


def verify_one(request: Request, explored_of: Callable[[Request, VerificationScenario], Explored | None]) -> Verification:
    """Verify a primitive with what `explored_of` says of each of its scenarios; None is "not explored", and ends it."""
    parts: list[Verdict] = []
    counterexamples: list[Found] = []
    left_out: list[str] = []
    unexplored: str | None = None
    keep_going = bool(request.options.get("keep_going"))
    for part in request.parts():
        if request.contract not in part.contracts:
            left_out.append(part.name)
            continue
        explored = explored_of(request, part)
        if explored is None:
            unexplored = part.name
            break
        parts.append(explored.verdict)
        for counterexample, tasks, rounds in explored.counterexamples:
            same_size = scenarios_of(request.primitive, request.implementation(), tasks, rounds)
            (smallest,) = (same for same in same_size if same.name == part.name)
            counterexamples.append(Found(counterexample, smallest, tasks, rounds))
        if counterexamples and not keep_going:
            break
        if any("interrupted" in reason for reason in explored.verdict.reasons):
            break
    verdict = _combine(request, parts)
    verdict.violations = _first_of_each([found.counterexample for found in counterexamples])
    if unexplored is not None:
        verdict.reasons.append(f"{unexplored} and what comes after it were not explored")
        if verdict.verdict == "verified":
            verdict.verdict = "bounded"
    if left_out:
        verdict.notes.append(
            f"left out under {request.contract}, since what they claim rests on the order of the loop's ready queue: {', '.join(left_out)}"
        )
    if counterexamples and not keep_going:
        verdict.notes.append("stopped at the first violation; --keep-going collects one of every property")
    return Verification(request.primitive, request.implementation(), verdict, counterexamples)


def explore_part(
    request: Request,
    name: str,
    progress_on: Callable[[str], AbstractContextManager[Progress | None]] | None = None,
    *,
    smallest: bool = True,
) -> Explored:
    """Explore one scenario of a verification, and look how small a scope shows each violation, unless `smallest` is False."""
    (part,) = (part for part in request.parts() if part.name == name)
    options = {**request.options, "witnesses": demanded(part, request.options)}
    if progress_on is None:
        verdict = check(part.fn, contract=request.contract, name=name, **options)
    else:
        with progress_on(name) as progress:
            verdict = check(part.fn, contract=request.contract, name=name, progress=progress, **options)
    verdict.scope["why"] = part.why
    verdict.scope["witnesses"] = sorted(options["witnesses"])
    if not smallest:
        return Explored(verdict, [(violation, request.tasks, request.rounds) for violation in verdict.violations])
    return Explored(verdict, [_smallest(violation, name, request) for violation in verdict.violations])


def demanded(part: VerificationScenario, options: Mapping[str, Any]) -> frozenset[str]:
    """Return what must happen in at least one run of a scenario explored with these options of `check`."""
    return frozenset() if "witness" in options.get("ignore", ()) else part.demands(options.get("cancel", 0))


def _smallest(counterexample: Counterexample, name: str, request: Request) -> tuple[Counterexample, int, float]:
    """Look for the same violation with fewer clients and rounds: a short trace is worth a short search.

    What a smaller scope does not show within a few thousand runs stays as it was found; so does a witness that was not
    seen, which no run shows.
    """
    if counterexample.property == "witness":
        return counterexample, request.tasks, request.rounds
    sizes = [(tasks, rounds) for tasks in range(1, request.tasks + 1) for rounds in range(1, int(min(request.rounds, 3)) + 1)]
    sizes.sort(key=lambda size: (size[0] * size[1], size[0]))
    options = {name: value for name, value in request.options.items() if name in ("time", "cancel", "ignore", "merge", "max_depth")}
    for tasks, rounds in sizes:
        if tasks * rounds >= request.tasks * request.rounds:
            break
        for part in scenarios_of(request.primitive, request.implementation(), tasks, rounds):
            if part.name == name:
                verdict = check(part.fn, contract=counterexample.contract, name=name, keep_going=True, runs=_SMALLEST_RUNS, **options)
                for violation in verdict.violations:
                    if violation.property == counterexample.property and violation.contract == counterexample.contract:
                        return violation, tasks, rounds
    return counterexample, request.tasks, request.rounds


def _combine(request: Request, parts: list[Verdict]) -> Verdict:
    primitive, tasks, rounds = request.primitive, request.tasks, request.rounds
    implementation = request.implementation()
    scope = dict(parts[0].scope) if parts else {}
    scope.pop("why", None)
    scope.pop("witnesses", None)
    scope |= {
        "tasks": tasks,
        "rounds": "inf" if rounds == math.inf else rounds,
        "implementation": implementation.name,
        "version": implementation.version,
        "scenarios": [part.target for part in parts],
    }
    stats: dict[str, Any] = {
        name: sum(part.stats[name] for part in parts) for name in ("executions", "states", "transitions", "steps", "lookups", "merged")
    }
    stats["seconds"] = round(sum(part.stats["seconds"] for part in parts), 3)
    notes = list(implementation.notes)
    if tasks * rounds > _SMALL:
        notes.append("some of its scenarios have fewer clients or rounds than that; --json says of each what it explores, and why")
    lacks = implementation.lacks(primitive)
    if lacks:
        notes.append(f"its class has no {', '.join(lacks)}; checked is the rest")
    notes += [note for note in dict.fromkeys(note for part in parts for note in part.notes) if "single interleaving" not in note]
    return Verdict(
        f"{primitive} --impl {implementation.name}",
        worst(parts),
        reasons=[f"{part.target}: {reason}" for part in parts for reason in part.reasons],
        notes=notes,
        stats=stats,
        scope=scope,
        witnesses=frozenset().union(*(part.witnesses for part in parts)) if parts else frozenset(),
        parts=parts,
    )


def _first_of_each(violations: list[Counterexample]) -> list[Counterexample]:
    """Return the first counterexample of each property."""
    found: dict[str, Counterexample] = {}
    for violation in violations:
        found.setdefault(violation.property, violation)
    return list(found.values())


def find_part(primitive: str, impl: str, tasks: int, rounds: str | int, part: str) -> VerificationScenario:
    """Return one scenario of a verification by its name, for a replay.

    Raises:
        UsageError: if it does not exist.
    """
    for scenario in scenarios_of(primitive, resolve(impl, primitive), tasks, parse_rounds(rounds)):
        if scenario.name == part:
            return scenario
    raise UsageError(
        f"the trace was recorded from the scenario {part!r} of `verify {primitive}`, "
        "which this treadle does not have; write the trace again"
    )
