"""What the exports to guarded-command languages share: expressions as text, with the operators of each language."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from ..errors import Unsupported
from ..expr import (
    BOOL,
    Binary,
    Cell,
    Const,
    Count,
    Enumeration,
    Exists,
    Expr,
    Forall,
    IsFirst,
    Ite,
    Member,
    Not,
    Parameter,
    Scalar,
    SomeBefore,
    Statement,
    Task,
)
from ..language import Model

Binding = dict[Task, str]


class TextExport(ABC):
    """Writes one model; a task is the text of an index in the target language."""

    operators: ClassVar[dict[str, str]]
    truth: ClassVar[tuple[str, str]]

    def __init__(self, model: Model):
        self.model = model
        self._helpers = 0

    @abstractmethod
    def quantified(self, expr: Count | Exists | Forall, binding: Binding) -> str:
        """Write a quantifier over tasks."""

    @abstractmethod
    def member(self, queue: str, task: str) -> str:
        """Write "the task is in the queue"."""

    @abstractmethod
    def is_first(self, expr: IsFirst, binding: Binding) -> str:
        """Write "the task is the first of its kind"."""

    @abstractmethod
    def some_before(self, expr: SomeBefore, binding: Binding) -> str:
        """Write "some entry of one kind stands before one of another"."""

    @abstractmethod
    def choice(self, test: str, then: str, orelse: str) -> str:
        """Write a value that is one or the other."""

    @abstractmethod
    def statement(self, statement: Statement, binding: Binding) -> list[str]:
        """Write a statement, a line an item."""

    def enumerated(self, kind: Enumeration, value: int) -> str:
        """Name an enumeration's value: by the variable that has this type, so that names do not clash."""
        owner = next(name for name, (array, _) in self.model.arrays.items() if array.type is kind)
        return f"{owner}_{kind.values[value]}"

    def text(self, expr: Expr, binding: Binding) -> str:
        """Write an expression."""
        match expr:
            case Const():
                if isinstance(expr.type, Enumeration):
                    return self.enumerated(expr.type, expr.value)
                return self.truth[expr.value] if expr.type == BOOL else str(expr.value)
            case Parameter():
                return str(expr.value)
            case Scalar():
                return expr.name
            case Cell():
                return f"{expr.array.name}[{binding[expr.task]}]"
            case Not():
                return f"(!({self.text(expr.body, binding)}))"
            case Ite():
                return self.choice(*(self.text(part, binding) for part in (expr.test, expr.then, expr.orelse)))
            case Binary():
                return f"({self.text(expr.left, binding)} {self.operators[expr.op]} {self.text(expr.right, binding)})"
            case Count() | Exists() | Forall():
                return self.quantified(expr, binding)
            case Member():
                return self.member(expr.queue.name, binding[expr.task])
            case IsFirst():
                return self.is_first(expr, binding)
            case SomeBefore():
                return self.some_before(expr, binding)
        raise Unsupported(f"{self.model.name}: {expr!r} cannot be exported")

    def block(self, statements: Iterable[Statement], binding: Binding) -> list[str]:
        """Write statements, one after another."""
        return [line for statement in statements for line in self.statement(statement, binding)]

    def helper(self, hint: str) -> str:
        """Give a name that nothing else uses."""
        self._helpers += 1
        return f"{hint}_{self._helpers}"


def indented(lines: Iterable[str], by: int = 1) -> list[str]:
    """Indent lines."""
    return ["  " * by + part for line in lines for part in line.split("\n")]
