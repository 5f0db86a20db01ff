"""The explicit engine: every reachable state, breadth first, so that every counterexample is a shortest one.

Layers of packed states are expanded in chunks by generated code (`steps.py`); invariants are checked when a state is
expanded, so the first state that breaks one is at the least distance. A *deadlock* is a state in which at most the
environment can move (a cancellation is no progress) although the model says that it should not rest there.

With `symmetry` only one state an orbit is visited; all counts of states and transitions are still exact (see
`symmetry.py`), and schedules are replayed on real states, so that the names of tasks in them are consistent.

A search that was held back (`max_states`, `timeout`, an interrupt, an integer that left its bounds) says so in
`limit`; its caller must not call that verified.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import networkx as nx

from .errors import ModelError, OutOfBounds
from .language import Invariant, Label, Model
from .steps import Compiled, Step
from .symmetry import canonicalizer, orbit_sizer

CHUNK = 4096


@dataclass(frozen=True)
class Violation:
    """A property that does not hold, and a shortest schedule to a state that shows it.

    `schedule` names steps ("acquire 0"); `states` are the decoded states along it, one more than there are steps.
    `loop` is the index of the state to which a lasso returns, for progress properties.
    """

    property: str
    message: str
    schedule: tuple[str, ...]
    labels: tuple[Label | None, ...]
    states: tuple[dict[str, object], ...]
    id: str = ""
    loop: int | None = None
    length: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", len(self.schedule))


@dataclass
class Exploration:
    """What a search found. Counts of states and transitions are of the whole graph, also under symmetry."""

    states: int = 0
    transitions: int = 0
    terminal: int = 0
    diameter: int = 0
    orbits: int | None = None
    orbit_transitions: int | None = None
    violations: list[Violation] = field(default_factory=list)
    limit: str | None = None
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Every reachable state was visited."""
        return self.limit is None


class Explorer:
    """A breadth-first search over one model; keep it to ask for paths and graphs afterwards. `lemmas` checks those too.
    """

    def __init__(self, model: Model, *, symmetry: bool = False, lemmas: bool = False):
        if lemmas:
            extra = (Invariant(lemma.name, lemma.expr, "a lemma of the proofs") for lemma in model.lemmas)
            model = replace(model, invariants=(*model.invariants, *extra))
        self.model = model
        plain = Compiled(model)
        self.layout = plain.layout
        self.initial = self.layout.initial()
        self._steps = plain.stepper()
        self._at_rest = plain.predicate(model.at_rest)
        self._predicates = [(invariant, plain.predicate(invariant.expr)) for invariant in model.invariants]
        self._canonical: Callable[[int], int] | None = None
        compiled = plain
        if symmetry:
            self._canonical = canonicalizer(self.layout)
            compiled = Compiled(model, self._canonical, self.layout)
            self.initial = self._canonical(self.initial)
        self._expand = compiled.expander()
        self.plain = plain
        self.parents: dict[int, int | None] = {}

    def run(
        self,
        *,
        max_states: int | None = None,
        timeout: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Exploration:
        """Search until nothing is new or a limit is reached. `progress(states so far, depth)` is called now and then.
        """
        started = time.perf_counter()
        result = Exploration()
        broken: dict[str, int] = {}
        weighed = [0, 0]
        size = orbit_sizer(self.layout) if self._canonical else None

        def bad(state: int) -> None:
            for invariant, holds in self._predicates:
                if invariant.name not in broken and not holds(state):
                    broken[invariant.name] = state

        def stuck(state: int, terminal: bool) -> None:
            if terminal:
                result.terminal += size(state) if size else 1
            if "no-deadlock" not in broken and not self._at_rest(state):
                broken["no-deadlock"] = state

        def weigh(state: int, degree: int) -> None:
            assert size is not None
            weight = size(state)
            weighed[0] += weight
            weighed[1] += weight * degree

        seen: dict[int, int | None] = {self.initial: None}
        self.parents = seen
        layer, transitions, expanded = [self.initial], 0, 0
        try:
            while layer and result.limit is None:
                following: list[int] = []
                for start in range(0, len(layer), CHUNK):
                    chunk = layer[start : start + CHUNK]
                    transitions += self._expand(chunk, seen, following.append, bad, stuck, weigh)
                    expanded += len(chunk)
                    if progress:
                        progress(len(seen), result.diameter)
                    if max_states is not None and len(seen) > max_states:
                        result.limit = f"max-states {max_states}"
                        break
                    if timeout is not None and time.perf_counter() - started > timeout:
                        result.limit = f"timeout {timeout:g} s"
                        break
                else:
                    result.diameter += bool(following)
                    layer = following
        except KeyboardInterrupt:
            result.limit = "interrupted"
        except OutOfBounds as error:
            result.limit = str(error)
        result.states, result.transitions = len(seen), transitions
        if size is not None:
            result.orbits, result.orbit_transitions = len(seen), transitions
            result.states, result.transitions = weighed
        result.violations = [self._violation(name, state) for name, state in broken.items()]
        result.violations.sort(key=lambda violation: (violation.length, violation.property))
        result.seconds = time.perf_counter() - started
        return result

    def _violation(self, name: str, state: int) -> Violation:
        if name == "no-deadlock":
            message, number = "it comes to rest where it should not: nothing but the environment can move", ""
        else:
            invariant = self.model.invariant(name)
            message, number = f"does not hold: {invariant.text}", invariant.id
        return self.violation(name, message, self.path(state), number)

    def violation(
        self, name: str, message: str, path: list[Step], number: str = "", loop: int | None = None
    ) -> Violation:
        """Describe a path as a violation of a property."""
        start = self.layout.initial()
        return Violation(
            name,
            message,
            tuple(self.step_name(step) for step in path),
            tuple(self.label(step) for step in path),
            tuple(self.layout.decode(state) for state in (start, *(step[2] for step in path))),
            number,
            loop,
        )

    def path(self, state: int) -> list[Step]:
        """Give a shortest run from the initial state to a visited state (under symmetry: to a state of its orbit)."""
        backwards = [state]
        while (parent := self.parents[backwards[-1]]) is not None:
            backwards.append(parent)
        current = self.layout.initial()
        steps: list[Step] = []
        for target in reversed(backwards[:-1]):
            for step in self._steps(current):
                if (self._canonical(step[2]) if self._canonical else step[2]) == target:
                    break
            else:
                raise ModelError(f"{self.model.name}: the search found a step that does not exist")
            steps.append(step)
            current = step[2]
        return steps

    @property
    def symmetric(self) -> bool:
        """One state an orbit is visited."""
        return self._canonical is not None

    def replay(self, schedule: list[str] | tuple[str, ...]) -> list[int]:
        """Run a schedule from the initial state; raise `ModelError` naming the first step that is not enabled."""
        states = [self.layout.initial()]
        for number, name in enumerate(schedule):
            for step in self._steps(states[-1]):
                if self.step_name(step) == name:
                    states.append(step[2])
                    break
            else:
                enabled = ", ".join(self.step_name(step) for step in self._steps(states[-1])) or "nothing"
                raise ModelError(
                    f"{self.model.name}: step {number + 1}, {name!r}, is not enabled there; enabled: {enabled}"
                )
        return states

    def steps(self, state: int) -> list[Step]:
        """Give the steps of a packed state (under symmetry too: real steps, not representatives)."""
        return self._steps(state)

    def step_name(self, step: Step) -> str:
        """Name a step as schedules do."""
        action = self.model.actions[step[0]]
        return action.step_name(step[1] if step[1] >= 0 else None)

    def label(self, step: Step) -> Label | None:
        """Give the label of a step; None when it is silent."""
        pattern = self.model.actions[step[0]].label
        return None if pattern is None else pattern.of(step[1])

    def violation_along(self, name: str, message: str, schedule: tuple[str, ...]) -> Violation:
        """Describe a schedule that another engine found as a violation; it must be a run of the model."""
        states = self.replay(schedule)
        path = []
        for before, after, step_name in zip(states, states[1:], schedule, strict=False):
            path.append(next(s for s in self._steps(before) if s[2] == after and self.step_name(s) == step_name))
        return self.violation(name, message, path)

    def holds(self, property_name: str, state: int) -> bool:
        """Tell whether an invariant holds in a packed state."""
        for invariant, holds in self._predicates:
            if invariant.name == property_name:
                return holds(state)
        raise ModelError(f"{self.model.name} has no invariant {property_name!r}")

    def graph(self) -> nx.MultiDiGraph[int]:
        """Give the visited states as a networkx graph: nodes numbered in the order of the search, edges named by their
        steps.
        """
        number = {state: index for index, state in enumerate(self.parents)}
        graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(name=self.model.name)
        for state, index in number.items():
            graph.add_node(index, state=self.layout.decode(state), initial=state == self.initial)
        for state, index in number.items():
            for step in self._steps(state):
                target = self._canonical(step[2]) if self._canonical else step[2]
                if target in number:
                    label = self.label(step)
                    graph.add_edge(
                        index, number[target], step=self.step_name(step), label="" if label is None else str(label)
                    )
        return graph


def explore(model: Model, *, symmetry: bool = False, **limits: float | int | None) -> Exploration:
    """Explore a model and give the result; see `Explorer` for more."""
    return Explorer(model, symmetry=symmetry).run(**limits)  # type: ignore[arg-type]
