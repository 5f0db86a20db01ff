"""What the symbolic engines share: reading expressions as z3 terms and effects as guarded paths.

An *encoding* says how a state looks to z3: a fixed number of tasks with bit-vectors (`bmc`), counters
(`counter_abstraction`), or an uninterpreted sort with tickets (`tickets`). This module walks the tree once for all of
them. An effect becomes a list of `Path`s: under these conditions the state becomes that one; a path may have
introduced fresh constants ("the first waiting task").

Refused: one z3 encoding for all purposes. What proves a property for every number of tasks cannot find a shortest
schedule, and the other way round; the encodings differ in everything except this walk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import z3

from .errors import Unsupported
from .expr import (
    BOOL,
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
    any_of,
)
from .language import Invariant, Model

Term = Any  # z3 expressions: their classes are not generic enough to be told apart by a type checker
S = TypeVar("S")


@dataclass(frozen=True)
class Path(Generic[S]):
    """If all conditions hold, the step leads to this state."""

    conditions: tuple[Term, ...]
    state: S
    binding: dict[Task, Any]


def no_deadlock(model: Model) -> Invariant:
    """Give the absence of deadlock as an invariant: at rest, or some step that is not the environment's is enabled."""
    steps = [
        action.guard if action.task is None else Exists(action.task, action.guard)
        for action in model.actions
        if not action.environment
    ]
    return Invariant("no-deadlock", model.at_rest | any_of(*steps), "it comes to rest only where it may")


class Encoding(ABC, Generic[S]):
    """How one kind of symbolic state reads and changes variables."""

    def __init__(self, model: Model):
        self.model = model

    # What differs from encoding to encoding.

    @abstractmethod
    def number(self, value: int) -> Term:
        """Give an integer constant."""

    @abstractmethod
    def constant(self, kind: Enumeration, value: int) -> Term:
        """Give an enumeration's value."""

    @abstractmethod
    def parameter(self, parameter: Parameter) -> Term:
        """Give a parameter: a number, or a symbol."""

    @abstractmethod
    def scalar(self, state: S, name: str) -> Term:
        """Read a variable."""

    @abstractmethod
    def with_scalar(self, state: S, name: str, value: Term) -> S:
        """Write a variable."""

    @abstractmethod
    def cell(self, state: S, name: str, task: Any) -> Term:
        """Read a cell."""

    @abstractmethod
    def with_cell(self, state: S, name: str, task: Any, value: Term) -> S:
        """Write a cell."""

    @abstractmethod
    def quantified(self, expr: Count | Exists | Forall, state: S, binding: dict[Task, Any]) -> Term:
        """Read a quantifier over tasks."""

    @abstractmethod
    def member(self, state: S, queue: Queue, task: Any) -> Term:
        """Tell whether a task is in a queue."""

    @abstractmethod
    def is_first(self, expr: IsFirst, state: S, binding: dict[Task, Any]) -> Term:
        """Tell whether a task is the first of its kind in a queue."""

    @abstractmethod
    def some_before(self, expr: SomeBefore, state: S, binding: dict[Task, Any]) -> Term:
        """Tell whether two kinds of entries stand in this order somewhere."""

    @abstractmethod
    def pushed(self, state: S, queue: Queue, task: Any) -> S:
        """Append a task."""

    @abstractmethod
    def removed(self, state: S, queue: Queue, task: Any) -> S:
        """Take a task out."""

    @abstractmethod
    def first(self, statement: First, path: Path[S]) -> tuple[list[Path[S]], list[Path[S]]]:
        """Split on who is first: the paths on which somebody is (bound to the statement's task), and those on which
        nobody is.
        """

    @abstractmethod
    def each(self, statement: Each, state: S, binding: dict[Task, Any]) -> S:
        """Change the cells of every task that satisfies the test."""

    # What is the same for all.

    def read(self, expr: Expr, state: S, binding: dict[Task, Any]) -> Term:
        """Give an expression as a z3 term."""
        match expr:
            case Const():
                if isinstance(expr.type, Enumeration):
                    return self.constant(expr.type, expr.value)
                return z3.BoolVal(bool(expr.value)) if expr.type == BOOL else self.number(expr.value)
            case Parameter():
                return self.parameter(expr)
            case Scalar():
                return self.scalar(state, expr.name)
            case Cell():
                return self.cell(state, expr.array.name, binding[expr.task])
            case Not():
                return negation(self.read(expr.body, state, binding))
            case Ite():
                parts = (self.read(part, state, binding) for part in (expr.test, expr.then, expr.orelse))
                return z3.If(*parts)
            case Binary():
                return self._binary(
                    expr.op, self.read(expr.left, state, binding), self.read(expr.right, state, binding)
                )
            case Count() | Exists() | Forall():
                return self.quantified(expr, state, binding)
            case Member():
                return self.member(state, expr.queue, binding[expr.task])
            case IsFirst():
                return self.is_first(expr, state, binding)
            case SomeBefore():
                return self.some_before(expr, state, binding)
        raise Unsupported(f"{self.model.name}: z3 cannot read {expr!r}")

    @staticmethod
    def _binary(op: str, left: Term, right: Term) -> Term:
        match op:
            case "and":
                return conjunction((left, right))
            case "or":
                return disjunction((left, right))
            case "+":
                return left + right
            case "-":
                return left - right
        compared = left < right if op == "<" else left <= right if op == "<=" else left == right
        return z3.simplify(compared) if _known(left) and _known(right) else compared

    def run(self, statements: Iterable[Statement], start: Path[S]) -> list[Path[S]]:
        """Give all paths through a list of statements."""
        paths = [start]
        for statement in statements:
            paths = [after for path in paths for after in self._statement(statement, path)]
        return paths

    def _statement(self, statement: Statement, path: Path[S]) -> list[Path[S]]:
        state, binding = path.state, path.binding
        match statement:
            case Assign(target, value):
                new = self.read(value, state, binding)
                if isinstance(target, Scalar):
                    return [Path(path.conditions, self.with_scalar(state, target.name, new), binding)]
                return [
                    Path(path.conditions, self.with_cell(state, target.array.name, binding[target.task], new), binding)
                ]
            case If(test, then, orelse):
                condition = z3.simplify(self.read(test, state, binding))
                paths = []
                if not z3.is_false(condition):
                    paths += self.run(then, Path((*path.conditions, condition), state, binding))
                if not z3.is_true(condition):
                    paths += self.run(orelse, Path((*path.conditions, z3.Not(condition)), state, binding))
                return paths
            case Push(queue, task):
                return [Path(path.conditions, self.pushed(state, queue, binding[task]), binding)]
            case Remove(queue, task):
                return [Path(path.conditions, self.removed(state, queue, binding[task]), binding)]
            case Each():
                return [Path(path.conditions, self.each(statement, state, binding), binding)]
            case First():
                found, missing = self.first(statement, path)
                return [
                    *(after for one in found for after in self.run(statement.then, one)),
                    *(after for one in missing for after in self.run(statement.orelse, one)),
                ]
        raise Unsupported(f"{self.model.name}: z3 cannot run {statement!r}")


def _known(term: Term) -> bool:
    return bool(z3.is_int_value(term) or z3.is_bv_value(term) or z3.is_true(term) or z3.is_false(term))


def negation(part: Term) -> Term:
    """Negate, without leaving a negated constant."""
    if z3.is_true(part) or z3.is_false(part):
        return z3.BoolVal(z3.is_false(part))
    return z3.Not(part)


def conjunction(parts: Iterable[Term]) -> Term:
    """Conjoin, without the constants that say nothing."""
    kept = []
    for part in parts:
        if z3.is_false(part):
            return part
        if not z3.is_true(part):
            kept.append(part)
    if not kept:
        return z3.BoolVal(True)
    return kept[0] if len(kept) == 1 else z3.And(*kept)


def disjunction(parts: Iterable[Term]) -> Term:
    """Disjoin, without the constants that say nothing."""
    kept = []
    for part in parts:
        if z3.is_true(part):
            return part
        if not z3.is_false(part):
            kept.append(part)
    if not kept:
        return z3.BoolVal(False)
    return kept[0] if len(kept) == 1 else z3.Or(*kept)
