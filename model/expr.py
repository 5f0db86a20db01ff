"""Expressions of the modelling language: trees that every engine reads in its own way.

A model is written once and read by engines as different as generated Python, z3 over bit-vectors, z3 over an
uninterpreted sort of tasks, counters, Promela and Murphi. So an expression is plain data (a tree), never a Python
function: what cannot be looked into cannot be proved. Operators are overloaded to make guards read like guards
(`(pc[i] == "IDLE") & (c > 0)`).

The language has only what all engines can share. Tasks are interchangeable: there is no task constant, no order
between tasks and no arithmetic on them; a task is known only through a binder (the acting task, or a quantifier's).
That makes the exact symmetry reduction and the proofs for any number of tasks sound by construction. Refused for the
same reason: variables that hold a task (a queue with at most one entry says the same).

Types: "bool", "int", or an `Enumeration`. A type error is raised where the expression is built, as a `ModelError`
that names the variable.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .errors import ModelError


@dataclass(frozen=True)
class Enumeration:
    """A finite type: the names of its values, in order."""

    values: tuple[str, ...]

    def index(self, value: str) -> int:
        """Give the position of a value; raise `ValueError` when it is not one."""
        return self.values.index(value)


Type = str | Enumeration
BOOL: Type = "bool"
INT: Type = "int"

_binders = itertools.count()


@dataclass(frozen=True)
class Task:
    """A bound name for a task: the acting task of an action, or the one that a quantifier ranges over."""

    name: str


def fresh_task(hint: str = "j") -> Task:
    """Make a binder that no other expression uses."""
    return Task(f"{hint}{next(_binders)}")


class Expr:
    """A node of an expression. `about` names the variable for error messages."""

    type: Type
    about: str = "expression"

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        return Binary("==", *_same(self, other))

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        return Not(Binary("==", *_same(self, other)))

    __hash__ = object.__hash__

    def __lt__(self, other: Expr | int) -> Expr:
        return Binary("<", _int(self), _int(other))

    def __le__(self, other: Expr | int) -> Expr:
        return Binary("<=", _int(self), _int(other))

    def __gt__(self, other: Expr | int) -> Expr:
        return Binary("<", _int(other), _int(self))

    def __ge__(self, other: Expr | int) -> Expr:
        return Binary("<=", _int(other), _int(self))

    def __add__(self, other: Expr | int) -> Expr:
        return Binary("+", _int(self), _int(other))

    def __sub__(self, other: Expr | int) -> Expr:
        return Binary("-", _int(self), _int(other))

    def __and__(self, other: Expr | bool) -> Expr:
        return Binary("and", _bool(self), _bool(other))

    def __or__(self, other: Expr | bool) -> Expr:
        return Binary("or", _bool(self), _bool(other))

    def __invert__(self) -> Expr:
        return Not(_bool(self))

    def __bool__(self) -> bool:
        raise ModelError(
            f"{self.about}: an expression has no truth value while a model is being written; use & | ~ for and, or, not"
        )

    def implies(self, other: Expr) -> Expr:
        """Build `self => other`."""
        return Binary("or", Not(_bool(self)), _bool(other))

    def among(self, *values: str) -> Expr:
        """Build "is one of these values" of an enumeration."""
        return any_of(*[self == value for value in values])


@dataclass(frozen=True, eq=False)
class Const(Expr):
    """A boolean, an integer, or the position of an enumeration's value."""

    value: int
    type: Type


@dataclass(frozen=True, eq=False)
class Scalar(Expr):
    """A variable that is not an array; `low` and `high` bound an integer (None: unbounded)."""

    name: str
    type: Type
    low: int | None = None
    high: int | None = None

    @property
    def about(self) -> str:  # type: ignore[override]
        """Name the variable."""
        return f"variable {self.name}"

    def set(self, value: Expr | int | bool | str) -> Assign:
        """Build the assignment of a value to this variable."""
        return Assign(self, _coerce(value, self.type, self.about))


@dataclass(frozen=True, eq=False)
class Parameter(Expr):
    """A constant of the model (the initial value of a semaphore): a number when explored, a symbol in proofs for every
    value.
    """

    name: str
    value: int
    low: int
    type: Type = INT

    @property
    def about(self) -> str:  # type: ignore[override]
        """Name the parameter."""
        return f"parameter {self.name}"


@dataclass(frozen=True)
class Array:
    """A variable with one value a task; `array[i]` is the cell of task i."""

    name: str
    type: Type
    low: int | None = None
    high: int | None = None

    def __getitem__(self, task: Task) -> Cell:
        if not isinstance(task, Task):
            raise ModelError(f"variable {self.name}: an array is indexed by a bound task, not by {task!r}")
        return Cell(self, task)


@dataclass(frozen=True, eq=False)
class Cell(Expr):
    """The value of an array at a task."""

    array: Array
    task: Task

    @property
    def type(self) -> Type:  # type: ignore[override]
        """Give the array's type."""
        return self.array.type

    @property
    def about(self) -> str:  # type: ignore[override]
        """Name the array."""
        return f"variable {self.array.name}"

    def set(self, value: Expr | int | bool | str) -> Assign:
        """Build the assignment of a value to this cell."""
        return Assign(self, _coerce(value, self.type, self.about))


@dataclass(frozen=True, eq=False)
class Binary(Expr):
    """`+ -` on integers, `== < <=` on equal types, `and or` on booleans."""

    op: str
    left: Expr
    right: Expr

    @property
    def type(self) -> Type:  # type: ignore[override]
        """Integers for arithmetic, booleans for everything else."""
        return INT if self.op in "+-" else BOOL

    @property
    def about(self) -> str:  # type: ignore[override]
        """Name the left-hand variable."""
        return self.left.about


@dataclass(frozen=True, eq=False)
class Not(Expr):
    """Negation."""

    body: Expr
    type: Type = BOOL


@dataclass(frozen=True, eq=False)
class Ite(Expr):
    """If-then-else as a value."""

    test: Expr
    then: Expr
    orelse: Expr

    @property
    def type(self) -> Type:  # type: ignore[override]
        """The type of both branches."""
        return self.then.type


@dataclass(frozen=True, eq=False)
class Count(Expr):
    """The number of tasks for which the body holds."""

    task: Task
    body: Expr
    type: Type = INT


@dataclass(frozen=True, eq=False)
class Exists(Expr):
    """The body holds for some task."""

    task: Task
    body: Expr
    type: Type = BOOL


@dataclass(frozen=True, eq=False)
class Forall(Expr):
    """The body holds for every task."""

    task: Task
    body: Expr
    type: Type = BOOL


@dataclass(frozen=True, eq=False)
class Queue:
    """A FIFO queue of tasks, each in it at most once. `members` says, by a task's own cells, when it is in it (checked,
    not trusted).
    """

    name: str
    member_task: Task
    members: Expr | None = None

    def has(self, task: Task) -> Expr:
        """Build "the task is in the queue"."""
        return Member(self, task)

    def is_first(self, task: Task, test: Callable[[Task], Expr]) -> Expr:
        """Build "the task is the first entry for which the test holds"."""
        j = fresh_task()
        return IsFirst(self, task, j, _bool(test(j)), last=False)

    def is_last(self, task: Task, test: Callable[[Task], Expr]) -> Expr:
        """Build "the task is the last entry for which the test holds"."""
        j = fresh_task()
        return IsFirst(self, task, j, _bool(test(j)), last=True)

    def some_before(self, earlier: Callable[[Task], Expr], later: Callable[[Task], Expr]) -> Expr:
        """Build "some entry that satisfies `earlier` stands before some entry that satisfies `later`"."""
        a, b = fresh_task(), fresh_task()
        return SomeBefore(self, a, _bool(earlier(a)), b, _bool(later(b)))

    def push(self, task: Task) -> Push:
        """Build the statement that appends the task (which must not be in the queue)."""
        return Push(self, task)

    def remove(self, task: Task) -> Remove:
        """Build the statement that removes the task (nothing happens when it is not in the queue)."""
        return Remove(self, task)

    def first(
        self,
        test: Callable[[Task], Expr],
        then: Callable[[Task], list[Statement]],
        orelse: list[Statement] | None = None,
        *,
        last: bool = False,
    ) -> First:
        """Build "for the first (or last) entry that satisfies the test do `then`; if there is none, do `orelse`"."""
        j = fresh_task()
        return First(self, j, _bool(test(j)), tuple(then(j)), tuple(orelse or ()), last)


@dataclass(frozen=True, eq=False)
class Member(Expr):
    """The task is in the queue."""

    queue: Queue
    task: Task
    type: Type = BOOL


@dataclass(frozen=True, eq=False)
class IsFirst(Expr):
    """The task is the first (or last) entry of the queue that satisfies the test."""

    queue: Queue
    task: Task
    each: Task
    test: Expr
    last: bool
    type: Type = BOOL


@dataclass(frozen=True, eq=False)
class SomeBefore(Expr):
    """Some entry that satisfies `earlier` stands before some entry that satisfies `later`."""

    queue: Queue
    first_task: Task
    earlier: Expr
    second_task: Task
    later: Expr
    type: Type = BOOL


@dataclass(frozen=True, eq=False)
class Assign:
    """Give a variable or a cell a new value."""

    target: Scalar | Cell
    value: Expr


@dataclass(frozen=True, eq=False)
class If:
    """Do one block or the other."""

    test: Expr
    then: tuple[Statement, ...]
    orelse: tuple[Statement, ...] = ()


@dataclass(frozen=True, eq=False)
class Push:
    """Append a task to a queue."""

    queue: Queue
    task: Task


@dataclass(frozen=True, eq=False)
class Remove:
    """Take a task out of a queue."""

    queue: Queue
    task: Task


@dataclass(frozen=True, eq=False)
class First:
    """Act on the first (or last) entry of a queue that satisfies a test."""

    queue: Queue
    task: Task
    test: Expr
    then: tuple[Statement, ...]
    orelse: tuple[Statement, ...]
    last: bool = False


@dataclass(frozen=True, eq=False)
class Each:
    """For every task that satisfies the test, all at once: assignments to that task's own cells."""

    task: Task
    test: Expr
    body: tuple[Assign, ...]


Statement = Assign | If | Push | Remove | First | Each


def exists(body: Callable[[Task], Expr]) -> Expr:
    """Build "there is a task for which the body holds"."""
    j = fresh_task()
    return Exists(j, _bool(body(j)))


def forall(body: Callable[[Task], Expr]) -> Expr:
    """Build "the body holds for every task"."""
    j = fresh_task()
    return Forall(j, _bool(body(j)))


def count(body: Callable[[Task], Expr]) -> Expr:
    """Build "the number of tasks for which the body holds"."""
    j = fresh_task()
    return Count(j, _bool(body(j)))


def each(test: Callable[[Task], Expr], body: Callable[[Task], list[Assign]]) -> Each:
    """Build the statement that changes the cells of every task that satisfies the test."""
    j = fresh_task()
    return Each(j, _bool(test(j)), tuple(body(j)))


def when(test: Expr, then: list[Statement], orelse: list[Statement] | None = None) -> If:
    """Build a conditional statement."""
    return If(_bool(test), tuple(then), tuple(orelse or ()))


def ite(test: Expr, then: Expr | int, orelse: Expr | int) -> Expr:
    """Build an integer that is one value or the other."""
    return Ite(_bool(test), _int(then), _int(orelse))


def true() -> Expr:
    """Build the constant truth."""
    return Const(1, BOOL)


def false() -> Expr:
    """Build the constant falsehood."""
    return Const(0, BOOL)


def all_of(*parts: Expr) -> Expr:
    """Build a conjunction (true when there is nothing to conjoin)."""
    result: Expr | None = None
    for part in parts:
        result = part if result is None else result & part
    return true() if result is None else result


def any_of(*parts: Expr) -> Expr:
    """Build a disjunction (false when there is nothing to choose from)."""
    result: Expr | None = None
    for part in parts:
        result = part if result is None else result | part
    return false() if result is None else result


def conjuncts(expr: Expr) -> Iterator[Expr]:
    """Give the parts of a conjunction, from left to right."""
    if isinstance(expr, Binary) and expr.op == "and":
        yield from conjuncts(expr.left)
        yield from conjuncts(expr.right)
    else:
        yield expr


def _coerce(value: object, wanted: Type, about: str) -> Expr:
    if isinstance(value, Expr):
        if value.type != wanted:
            raise ModelError(f"{about}: expected {_type_name(wanted)}, got {_type_name(value.type)} ({value.about})")
        return value
    if isinstance(wanted, Enumeration):
        if isinstance(value, str) and value in wanted.values:
            return Const(wanted.index(value), wanted)
        raise ModelError(f"{about}: {value!r} is none of its values {', '.join(wanted.values)}")
    if wanted == BOOL and isinstance(value, bool):
        return Const(int(value), BOOL)
    if wanted == INT and isinstance(value, int) and not isinstance(value, bool):
        return Const(value, INT)
    raise ModelError(f"{about}: expected {_type_name(wanted)}, got {value!r}")


def _same(left: Expr, right: object) -> tuple[Expr, Expr]:
    return left, _coerce(right, left.type, left.about)


def _int(value: Expr | int) -> Expr:
    return _coerce(value, INT, value.about if isinstance(value, Expr) else "expression")


def _bool(value: Expr | bool) -> Expr:
    return _coerce(value, BOOL, value.about if isinstance(value, Expr) else "expression")


def _type_name(wanted: Type) -> str:
    if isinstance(wanted, Enumeration):
        return "one of " + ", ".join(wanted.values)
    return {"bool": "a boolean", "int": "an integer"}[wanted]
