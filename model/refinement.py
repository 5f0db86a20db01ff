"""Does an implementation do only what its model allows, and whatever its model owes? Checked on the fly.

The alphabet is split in inputs (what clients do: calls, synchronous operations, cancellations) and outputs (what the
primitive owes: returns and exceptions of operations that wait). Everything else is silent. An implementation refines
the model iff

(T) each of its weak traces is one of the model's; (F) for every stable state of the implementation after a trace,
some stable state of the model after that trace offers no output that the implementation refuses there: what the model
owes in *some* resolution of its silent choices is what the code must deliver; (D) it has no silent cycle.

Inputs are exempt from refusals: a client that has run out of rounds refuses nothing. The model is made deterministic
lazily: a node is the set of model states that a trace may have led to, closed under silent steps. Pairs of an
implementation state and a node are searched breadth first with parent pointers, so that the first violation is at the
end of a shortest run.

The implementation is anything with an initial state and successors; states must be hashable. `stable` may be
overridden: for code on an event loop, a state is stable when nothing is in flight inside the loop, which is coarser
than "has no silent step".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from .errors import ModelError
from .language import Label, Model
from .steps import Compiled

L = TypeVar("L", bound=Hashable)
L_co = TypeVar("L_co", bound=Hashable, covariant=True)
State = Hashable


class TransitionSystem(Protocol[L_co]):
    """A labelled transition system, explored on demand."""

    @property
    def initial(self) -> State:
        """The initial state."""

    def successors(self, state: State) -> Iterable[tuple[L_co | None, State]]:
        """Give (label, next state) for each step; the label None is a silent step."""

    def stable(self, state: State) -> bool:
        """Tell whether the state is at rest inside, so that what it does not offer, it refuses."""


@dataclass(frozen=True)
class Explicit(Generic[L]):
    """A transition system given as a table: state -> [(label or None, state)]; a state is stable when it has no silent
    step.
    """

    initial: State
    table: dict[State, list[tuple[L | None, State]]]

    def successors(self, state: State) -> list[tuple[L | None, State]]:
        """Give the steps of a state."""
        return self.table.get(state, [])

    def stable(self, state: State) -> bool:
        """Tell whether the state has no silent step."""
        return all(label is not None for label, _ in self.successors(state))


class ModelSystem:
    """A model as a specification: labels are `Label`s, steps without one are silent."""

    def __init__(self, model: Model):
        compiled = Compiled(model)
        self.model = model
        self.initial: State = compiled.layout.initial()
        self._steps = compiled.stepper()
        self._labels: dict[tuple[int, int], Label | None] = {
            (index, task): None if action.label is None else action.label.of(task)
            for index, action in enumerate(model.actions)
            for task in (range(model.tasks) if action.task is not None else (-1,))
        }
        self._inputs = {
            label
            for (index, _), label in self._labels.items()
            if label is not None and (pattern := model.actions[index].label) is not None and pattern.is_input
        }

    def successors(self, state: State) -> list[tuple[Label | None, State]]:
        """Give the steps of a packed state."""
        labels = self._labels
        return [(labels[action, task], after) for action, task, after in self._steps(state)]  # type: ignore[arg-type]

    def path(self, schedule: Iterable[str]) -> list[tuple[Label | None, State]]:
        """Give (label, next state) for each step of a schedule, which must be one of this model's."""
        state = self.initial
        path: list[tuple[Label | None, State]] = []
        for name in schedule:
            for action, task, after in self._steps(state):  # type: ignore[arg-type]
                if self.model.actions[action].step_name(task if task >= 0 else None) == name:
                    state = after
                    path.append((self._labels[action, task], state))
                    break
            else:
                raise ModelError(f"{self.model.name}: {name!r} is not enabled after {len(path)} steps of the schedule")
        return path

    def stable(self, state: State) -> bool:
        """Tell whether the state has no silent step."""
        return all(label is not None for label, _ in self.successors(state))

    def is_output(self, label: Label) -> bool:
        """Tell whether the primitive owes this label, rather than a client choosing it."""
        return label not in self._inputs

    @property
    def alphabet(self) -> set[Label]:
        """All labels that the model can ever show; an implementation must not show others."""
        return {label for label in self._labels.values() if label is not None}


@dataclass(frozen=True)
class RefinementViolation(Generic[L]):
    """`kind` is "trace", "refusal" or "divergence"; `trace` is the visible behaviour that leads there; `message` says it
    in words.

    `states` are the implementation's states along the way, the first being the initial one.
    """

    kind: str
    trace: tuple[L, ...]
    message: str
    states: tuple[State, ...]
    allowed: tuple[L, ...] = ()
    refused: tuple[L, ...] = ()


@dataclass
class RefinementResult(Generic[L]):
    """What was found: a violation or none, and how large the search was. `limit` says why it ended early, if it did."""

    violation: RefinementViolation[L] | None = None
    pairs: int = 0
    nodes: int = 0
    limit: str | None = None
    labels_seen: set[L] = field(default_factory=set)


class Normalised(Generic[L]):
    """The model, determinised lazily: nodes are sets of states closed under silent steps."""

    def __init__(self, model: TransitionSystem[L], is_output: Callable[[L], bool]):
        self._model = model
        self._is_output = is_output
        self._numbers: dict[frozenset[State], int] = {}
        self._nodes: list[frozenset[State]] = []
        self._after: list[dict[L, int]] = []
        self._acceptances: list[list[frozenset[L]] | None] = []
        self._steps: dict[State, list[tuple[L | None, State]]] = {}
        self.initial = self._node([model.initial])

    def __len__(self) -> int:
        return len(self._nodes)

    def after(self, node: int) -> dict[L, int]:
        """Give the node that each visible label leads to."""
        known = self._after[node]
        if known:
            return known
        targets: dict[L, set[State]] = {}
        for state in self._nodes[node]:
            for label, target in self._of(state):
                if label is not None:
                    targets.setdefault(label, set()).add(target)
        for label, states in targets.items():
            known[label] = self._node(states)
        return known

    def acceptances(self, node: int) -> list[frozenset[L]]:
        """Give the minimal sets of outputs that stable states of the node offer; none if it has no stable state."""
        known = self._acceptances[node]
        if known is None:
            offers = {
                frozenset(label for label, _ in self._of(state) if label is not None and self._is_output(label))
                for state in self._nodes[node]
                if self._model.stable(state)
            }
            known = [offer for offer in offers if not any(other < offer for other in offers)]
            known.sort(key=lambda offer: (len(offer), sorted(map(str, offer))))
            self._acceptances[node] = known
        return known

    def _of(self, state: State) -> list[tuple[L | None, State]]:
        known = self._steps.get(state)
        if known is None:
            known = self._steps[state] = list(self._model.successors(state))
        return known

    def _node(self, states: Iterable[State]) -> int:
        closed = set(states)
        pending = list(closed)
        while pending:
            for label, target in self._of(pending.pop()):
                if label is None and target not in closed:
                    closed.add(target)
                    pending.append(target)
        key = frozenset(closed)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._nodes)
            self._nodes.append(key)
            self._after.append({})
            self._acceptances.append(None)
        return number


def refines(
    implementation: TransitionSystem[L],
    model: TransitionSystem[L],
    is_output: Callable[[L], bool],
    *,
    max_pairs: int | None = None,
) -> RefinementResult[L]:
    """Search all pairs of implementation state and model node for a shortest violation of (T), (F) or (D)."""
    return _Search(implementation, model, is_output).run(max_pairs)


def followed(model: TransitionSystem[L], trace: Iterable[L]) -> int:
    """Give how many labels of a trace the model can follow: all of them iff the trace is one of its weak traces."""
    normal: Normalised[L] = Normalised(model, lambda label: True)
    node, count = normal.initial, 0
    for label in trace:
        targets = normal.after(node)
        if label not in targets:
            break
        node, count = targets[label], count + 1
    return count


class _Search(Generic[L]):
    """One breadth-first search over pairs, with parent pointers."""

    def __init__(self, implementation: TransitionSystem[L], model: TransitionSystem[L], is_output: Callable[[L], bool]):
        self._implementation = implementation
        self._is_output = is_output
        self._normal: Normalised[L] = Normalised(model, is_output)
        self._parents: dict[tuple[State, int], tuple[tuple[State, int], L | None] | None] = {}
        self._cyclic: dict[State, bool] = {}

    def run(self, max_pairs: int | None) -> RefinementResult[L]:
        result: RefinementResult[L] = RefinementResult()
        start = (self._implementation.initial, self._normal.initial)
        self._parents = {start: None}
        layer = [start]
        while layer and result.violation is None and result.limit is None:
            following: list[tuple[State, int]] = []
            for pair in layer:
                result.violation = self._visit(pair, following, result.labels_seen)
                if result.violation is not None:
                    break
                if max_pairs is not None and len(self._parents) > max_pairs:
                    result.limit = f"max-pairs {max_pairs}"
                    break
            layer = following
        result.pairs, result.nodes = len(self._parents), len(self._normal)
        return result

    def _visit(
        self, pair: tuple[State, int], following: list[tuple[State, int]], seen: set[L]
    ) -> RefinementViolation[L] | None:
        state, node = pair
        steps = list(self._implementation.successors(state))
        allowed = self._normal.after(node)
        for label, target in steps:
            if label is None:
                reached = (target, node)
            elif label in allowed:
                seen.add(label)
                reached = (target, allowed[label])
            else:
                return self._unexpected(pair, label, tuple(sorted(allowed, key=str)))
            if reached not in self._parents:
                self._parents[reached] = (pair, label)
                following.append(reached)
        if any(label is None for label, _ in steps) and self._on_silent_cycle(state):
            message = f"{self._told(pair)} it can go on inside for ever without anything happening outside"
            return self._violation("divergence", pair, message)
        if self._implementation.stable(state):
            return self._refusal(pair, steps)
        return None

    def _refusal(self, pair: tuple[State, int], steps: list[tuple[L | None, State]]) -> RefinementViolation[L] | None:
        offered = {label for label, _ in steps if label is not None}
        acceptances = self._normal.acceptances(pair[1])
        if any(acceptance <= offered for acceptance in acceptances):
            return None
        if not acceptances:
            message = f"{self._told(pair)} it comes to rest, where the model never does"
            return self._violation("refusal", pair, message)
        closest = min(acceptances, key=lambda acceptance: (len(acceptance - offered), len(acceptance)))
        missing = tuple(sorted(closest - offered, key=str))
        owed = _listed(missing)
        message = f"{self._told(pair)} it comes to rest without {owed}, which the model owes there"
        return self._violation("refusal", pair, message, refused=missing)

    def _unexpected(self, pair: tuple[State, int], label: L, allowed: tuple[L, ...]) -> RefinementViolation[L]:
        outputs = tuple(other for other in allowed if self._is_output(other))
        instead = (
            f"the model would have allowed {_listed(outputs or allowed)}" if allowed else "the model allows nothing"
        )
        message = f"{self._told(pair)} it does {label}; {instead}"
        violation = self._violation("trace", pair, message, allowed=allowed)
        return RefinementViolation(
            violation.kind, (*violation.trace, label), message, violation.states, violation.allowed
        )

    def _violation(
        self,
        kind: str,
        pair: tuple[State, int],
        message: str,
        allowed: tuple[L, ...] = (),
        refused: tuple[L, ...] = (),
    ) -> RefinementViolation[L]:
        trace, states = self._path(pair)
        return RefinementViolation(kind, trace, message, states, allowed, refused)

    def _told(self, pair: tuple[State, int]) -> str:
        trace, _ = self._path(pair)
        return f"after {', '.join(map(str, trace))}," if trace else "at the very beginning"

    def _path(self, pair: tuple[State, int]) -> tuple[tuple[L, ...], tuple[State, ...]]:
        labels: list[L] = []
        states = [pair[0]]
        while (parent := self._parents[pair]) is not None:
            pair, label = parent
            states.append(pair[0])
            if label is not None:
                labels.append(label)
        return tuple(reversed(labels)), tuple(reversed(states))

    def _on_silent_cycle(self, start: State) -> bool:
        """Tell whether silent steps lead from a state back to itself."""
        if start in self._cyclic:
            return self._cyclic[start]
        seen: set[State] = set()
        pending = [start]
        found = False
        while pending and not found:
            for label, target in self._implementation.successors(pending.pop()):
                if label is not None:
                    continue
                if target == start:
                    found = True
                elif target not in seen and self._cyclic.get(target) is not False:
                    seen.add(target)
                    pending.append(target)
        self._cyclic[start] = found
        return found


def _listed(labels: Collection[object]) -> str:
    return " or ".join(f'"{label}"' for label in labels) if labels else "nothing"
