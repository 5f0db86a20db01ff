"""The modelling language: variables, guarded actions, labels, invariants, fairness.

A `Model` is plain data, built once by a `ModelBuilder` and then read by every engine (explicit, bounded, inductive,
counters, tickets, Spacer, refinement) and every export. An action belongs to a task, or to nobody (`per_task=False`);
its guard and its effect form one atomic step. A label makes a step visible. Labels are *inputs* (what a client does:
calls, synchronous operations, cancellations) or *outputs* (what the primitive owes: grants, completions); a step
without a label is silent.

Refused: a textual syntax. Models are Python expressions, so that editors, type checkers and tests work on them; but
they are built, not run, so every engine sees all of a model. A malformed model is refused here, before any engine
runs, with the action and the variable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from .errors import ModelError
from .expr import (
    BOOL,
    INT,
    Array,
    Assign,
    Binary,
    Cell,
    Const,
    Count,
    Each,
    Enumeration,
    Exists,
    Expr,
    First,
    Forall,
    If,
    IsFirst,
    Ite,
    Member,
    Not,
    Parameter,
    Push,
    Queue,
    Remove,
    Scalar,
    SomeBefore,
    Statement,
    Task,
    false,
)

T = TypeVar("T")
LabelKind = Literal["call", "return", "raise", "cancel"]


@dataclass(frozen=True)
class Label:
    """What is seen of a step from outside: `return notify(2) by task 1` is `Label("return", "notify", 1, "2")`.

    A synchronous operation (release, set, notify) cannot be interrupted: its call and its outcome are one label, of
    kind "return" or "raise", and an *input*, since it happens when the client wants. `value` is an argument, a
    result, or an exception's name; it may be "".
    """

    kind: LabelKind
    operation: str
    task: int
    value: str = ""

    def __str__(self) -> str:
        shown = f"{self.kind} {self.operation}" if self.kind != "cancel" else "cancel"
        return f"{shown}{f' {self.value}' if self.value else ''} {self.task}"


@dataclass(frozen=True)
class LabelPattern:
    """A label without its task, and whether it is an input (the client's move) or an output (the primitive's)."""

    kind: LabelKind
    operation: str
    value: str = ""
    is_input: bool = False

    def of(self, task: int) -> Label:
        """Give the label of one task."""
        return Label(self.kind, self.operation, task, self.value)


def call(operation: str, value: str = "") -> LabelPattern:
    """Label the beginning of an operation that may wait: an input."""
    return LabelPattern("call", operation, value, is_input=True)


def returns(operation: str, value: str = "") -> LabelPattern:
    """Label the normal end of an operation that may wait: an output."""
    return LabelPattern("return", operation, value)


def raises(operation: str, value: str = "CancelledError") -> LabelPattern:
    """Label the end of an operation that may wait by an exception: an output."""
    return LabelPattern("raise", operation, value)


def sync_returns(operation: str, value: str = "") -> LabelPattern:
    """Label a synchronous operation that succeeds: an input."""
    return LabelPattern("return", operation, value, is_input=True)


def sync_raises(operation: str, value: str) -> LabelPattern:
    """Label a synchronous operation that fails: an input."""
    return LabelPattern("raise", operation, value, is_input=True)


def cancels() -> LabelPattern:
    """Label a cancellation: an input."""
    return LabelPattern("cancel", "", is_input=True)


@dataclass(frozen=True, eq=False)
class Action:
    """A guarded atomic step of a task (or of nobody, when `task` is None).

    `environment`: the step is nobody's duty (a cancellation) and is no progress. `fair`: if it stays enabled it
    happens in the end (weak fairness, one task at a time); a client that is free not to begin anything has unfair
    calls.
    """

    name: str
    task: Task | None
    guard: Expr
    effect: tuple[Statement, ...]
    label: LabelPattern | None
    environment: bool
    fair: bool

    def step_name(self, task: int | None) -> str:
        """Name a step in a schedule: "acquire 0"."""
        return self.name if task is None else f"{self.name} {task}"


@dataclass(frozen=True, eq=False)
class Invariant:
    """A property of every state. `id` is its number in the documentation, if it has one."""

    name: str
    expr: Expr
    text: str
    id: str = ""


@dataclass(frozen=True, eq=False)
class Progress:
    """Whenever `waiting` holds for a task, it stops holding in the end (under weak fairness of the fair actions)."""

    name: str
    task: Task
    waiting: Expr
    text: str


@dataclass(frozen=True, eq=False)
class Lemma:
    """An auxiliary invariant that strengthens inductive proofs; explored like an invariant, so that a wrong one is
    noticed.
    """

    name: str
    expr: Expr


@dataclass(frozen=True, eq=False)
class Model:
    """A transition system over `tasks` interchangeable tasks. `at_rest` says in which states it is right that nothing
    can happen.
    """

    name: str
    tasks: int
    parameters: tuple[Parameter, ...]
    scalars: dict[str, tuple[Scalar, Const | Parameter]]
    arrays: dict[str, tuple[Array, int]]
    queues: dict[str, Queue]
    actions: tuple[Action, ...]
    invariants: tuple[Invariant, ...]
    lemmas: tuple[Lemma, ...]
    progress: tuple[Progress, ...]
    at_rest: Expr

    def invariant(self, name: str) -> Invariant:
        """Find an invariant by its property name."""
        for invariant in self.invariants:
            if invariant.name == name:
                return invariant
        raise ModelError(f"{self.name} has no invariant {name!r}; it has {', '.join(i.name for i in self.invariants)}")


class ModelBuilder:
    """Collects the parts of a model and refuses what does not fit, naming the part."""

    def __init__(self, name: str, tasks: int):
        if tasks < 1:
            raise ModelError(f"{name}: tasks must be at least 1, not {tasks}")
        self.name = name
        self.tasks = tasks
        self._parameters: dict[str, Parameter] = {}
        self._scalars: dict[str, tuple[Scalar, Const | Parameter]] = {}
        self._arrays: dict[str, tuple[Array, int]] = {}
        self._queues: dict[str, Queue] = {}
        self._actions: dict[str, Action] = {}
        self._invariants: list[Invariant] = []
        self._lemmas: list[Lemma] = []
        self._progress: list[Progress] = []
        self._at_rest: Expr = false()

    def parameter(self, name: str, value: int, low: int = 0) -> Parameter:
        """Declare a constant; proofs treat it as any integer from `low` upwards."""
        self._new(name)
        if value < low:
            raise ModelError(f"{self.name}: parameter {name} must be at least {low}, not {value}")
        return self._parameters.setdefault(name, Parameter(name, value, low))

    def boolean(self, name: str, initial: bool) -> Scalar:
        """Declare a boolean variable."""
        return self._scalar(Scalar(name, BOOL), Const(int(initial), BOOL))

    def integer(self, name: str, initial: int | Parameter, low: int | None = None, high: int | None = None) -> Scalar:
        """Declare an integer variable; the explicit engine refuses to leave `low..high`, proofs do not assume them."""
        value = initial if isinstance(initial, Parameter) else Const(initial, INT)
        return self._scalar(Scalar(name, INT, low, high), value)

    def phases(self, name: str, values: Iterable[str], initial: str) -> Array:
        """Declare an enumeration a task."""
        kind = Enumeration(tuple(values))
        if initial not in kind.values:
            raise ModelError(
                f"{self.name}: variable {name} starts as {initial!r}, which is none of {', '.join(kind.values)}"
            )
        return self._array(Array(name, kind), kind.index(initial))

    def flags(self, name: str, initial: bool = False) -> Array:
        """Declare a boolean a task."""
        return self._array(Array(name, BOOL), int(initial))

    def counters(self, name: str, initial: int, low: int, high: int) -> Array:
        """Declare a bounded integer a task."""
        return self._array(Array(name, INT, low, high), initial)

    def queue(self, name: str, members: Callable[[Task], Expr] | None = None) -> Queue:
        """Declare a queue of tasks, empty at first; `members` tells by a task's cells whether it is queued."""
        self._new(name)
        task = Task("member")
        queue = Queue(name, task, self._checked(f"queue {name}", lambda: members(task) if members else None))
        if queue.members is not None:
            self._scope_check(f"queue {name}", queue.members, {task})
        self._queues[name] = queue
        return queue

    def action(
        self,
        name: str,
        when: Callable[[Task], Expr],
        then: Callable[[Task], list[Statement]],
        label: LabelPattern | None = None,
        *,
        environment: bool = False,
        fair: bool = True,
        per_task: bool = True,
    ) -> Action:
        """Declare a guarded step. With `per_task=False` the functions get a task that they must not use."""
        if name in self._actions:
            raise ModelError(f"{self.name}: action {name} is declared twice")
        task = Task("i" if per_task else "nobody")
        where = f"action {name}"
        guard = self._checked(where, lambda: when(task))
        effect = self._checked(where, lambda: tuple(then(task)))
        if not isinstance(guard, Expr) or guard.type != BOOL:
            raise ModelError(f"{self.name}: {where}: its guard must be a boolean expression, not {guard!r}")
        bound = {task} if per_task else set()
        self._scope_check(where, guard, bound)
        for statement in effect:
            self._statement_check(where, statement, bound)
        action = Action(name, task if per_task else None, guard, effect, label, environment, fair and not environment)
        self._actions[name] = action
        return action

    def invariant(self, name: str, expr: Expr, text: str, id: str = "") -> None:
        """Declare a property of every state."""
        self._scope_check(f"invariant {name}", expr, set())
        if any(invariant.name == name for invariant in self._invariants):
            raise ModelError(f"{self.name}: invariant {name} is declared twice")
        self._invariants.append(Invariant(name, expr, text, id))

    def lemma(self, name: str, expr: Expr) -> None:
        """Declare an invariant that only serves proofs."""
        self._scope_check(f"lemma {name}", expr, set())
        self._lemmas.append(Lemma(name, expr))

    def eventually_not(self, name: str, waiting: Callable[[Task], Expr], text: str) -> None:
        """Declare that no task satisfies `waiting` for ever."""
        task = Task("i")
        expr = waiting(task)
        self._scope_check(f"progress {name}", expr, {task})
        self._progress.append(Progress(name, task, expr, text))

    def rests(self, expr: Expr) -> None:
        """Declare in which states it is right that nothing more happens."""
        self._scope_check("at rest", expr, set())
        self._at_rest = expr

    def enabled(self, *names: str) -> Expr:
        """Build "one of these actions (of any task) is enabled"."""
        result: Expr = false()
        for name in names:
            action = self._actions[name]
            result = result | (action.guard if action.task is None else Exists(action.task, action.guard))
        return result

    def build(self) -> Model:
        """Give the finished model."""
        if not self._actions:
            raise ModelError(f"{self.name}: a model needs at least one action")
        for queue in self._queues.values():
            if queue.members is not None:
                task = queue.member_task
                declared = Forall(task, Member(queue, task) == queue.members)
                self._lemmas.append(Lemma(f"members of {queue.name}", declared))
        return Model(
            self.name, self.tasks, tuple(self._parameters.values()), self._scalars, self._arrays, self._queues,
            tuple(self._actions.values()), tuple(self._invariants), tuple(self._lemmas), tuple(self._progress),
            self._at_rest,
        )  # fmt: skip

    def _new(self, name: str) -> None:
        if not name.isidentifier():
            raise ModelError(f"{self.name}: variable {name!r}: a name must be an identifier")
        if name in self._scalars or name in self._arrays or name in self._queues or name in self._parameters:
            raise ModelError(f"{self.name}: variable {name} is declared twice")

    def _scalar(self, scalar: Scalar, initial: Const | Parameter) -> Scalar:
        self._new(scalar.name)
        self._range(scalar.name, initial.value, scalar.low, scalar.high)
        self._scalars[scalar.name] = (scalar, initial)
        return scalar

    def _array(self, array: Array, initial: int) -> Array:
        self._new(array.name)
        self._range(array.name, initial, array.low, array.high)
        self._arrays[array.name] = (array, initial)
        return array

    def _range(self, name: str, initial: int, low: int | None, high: int | None) -> None:
        if (low is not None and initial < low) or (high is not None and initial > high):
            raise ModelError(f"{self.name}: variable {name} starts at {initial}, outside of {low}..{high}")

    def _checked(self, where: str, build: Callable[[], T]) -> T:
        try:
            return build()
        except ModelError as error:
            raise ModelError(f"{self.name}: {where}: {error}") from None

    def _scope_check(self, where: str, expr: Expr, bound: set[Task]) -> None:
        """Refuse unbound tasks and variables of another model."""

        def fail(message: str) -> None:
            raise ModelError(f"{self.name}: {where}: {message}")

        def task_check(task: Task, about: str, bound: set[Task]) -> None:
            if task not in bound:
                fail(f"{about}: task {task.name} is not bound here")

        def visit(node: Expr, bound: set[Task]) -> None:
            match node:
                case Scalar():
                    if self._scalars.get(node.name, (None,))[0] is not node:
                        fail(f"variable {node.name} is not declared in this model")
                case Parameter():
                    if self._parameters.get(node.name) is not node:
                        fail(f"parameter {node.name} is not declared in this model")
                case Cell():
                    if self._arrays.get(node.array.name, (None,))[0] is not node.array:
                        fail(f"variable {node.array.name} is not declared in this model")
                    task_check(node.task, node.about, bound)
                case Binary():
                    visit(node.left, bound)
                    visit(node.right, bound)
                case Not():
                    visit(node.body, bound)
                case Ite():
                    for part in (node.test, node.then, node.orelse):
                        visit(part, bound)
                case Count() | Exists() | Forall():
                    visit(node.body, bound | {node.task})
                case Member():
                    self._queue_check(where, node.queue)
                    task_check(node.task, f"queue {node.queue.name}", bound)
                case IsFirst():
                    self._queue_check(where, node.queue)
                    task_check(node.task, f"queue {node.queue.name}", bound)
                    visit(node.test, bound | {node.each})
                case SomeBefore():
                    self._queue_check(where, node.queue)
                    visit(node.earlier, bound | {node.first_task})
                    visit(node.later, bound | {node.second_task})

        visit(expr, bound)

    def _queue_check(self, where: str, queue: Queue) -> None:
        if self._queues.get(queue.name) is not queue:
            raise ModelError(f"{self.name}: {where}: queue {queue.name} is not declared in this model")

    def _statement_check(self, where: str, statement: Statement, bound: set[Task]) -> None:
        match statement:
            case Assign(target, value):
                self._scope_check(where, target, bound)
                self._scope_check(where, value, bound)
            case If(test, then, orelse):
                self._scope_check(where, test, bound)
                for inner in (*then, *orelse):
                    self._statement_check(where, inner, bound)
            case Push(queue, task) | Remove(queue, task):
                self._queue_check(where, queue)
                if task not in bound:
                    raise ModelError(f"{self.name}: {where}: queue {queue.name}: task {task.name} is not bound here")
            case First():
                self._queue_check(where, statement.queue)
                self._scope_check(where, statement.test, bound | {statement.task})
                for inner in statement.then:
                    self._statement_check(where, inner, bound | {statement.task})
                for inner in statement.orelse:
                    self._statement_check(where, inner, bound)
            case Each():
                inside = bound | {statement.task}
                self._scope_check(where, statement.test, inside)
                for inner in statement.body:
                    if not (
                        isinstance(inner, Assign)
                        and isinstance(inner.target, Cell)
                        and inner.target.task == statement.task
                    ):
                        raise ModelError(
                            f"{self.name}: {where}: `each` may only assign to the cells of the task that it ranges over"
                        )
                    self._statement_check(where, inner, inside)
            case _:
                raise ModelError(f"{self.name}: {where}: its effect holds {statement!r}, which is not a statement")
