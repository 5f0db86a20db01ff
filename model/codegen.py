"""Expressions as Python source over the unpacked variables of one state.

The explicit engine reads a model by translating it once into straight-line Python: variables become locals,
quantifiers are unrolled or become one `tuple.count`, and everything that a guard fixes (`pc[0] == IDLE`) is folded
before the code is compiled. Interpreting the tree for each state costs ten times as much.

The values of variables while an effect runs are a `Store`: the name of a local plus a constant, or a constant, or any
other text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .errors import Unsupported
from .expr import (
    BOOL,
    Array,
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
    Queue,
    Scalar,
    SomeBefore,
    Task,
    conjuncts,
)
from .language import Model

Key = tuple[str, int]  # (variable, task); task is -1 for a scalar or a queue


@dataclass(frozen=True)
class Value:
    """`text + plus`, or the constant `plus` when there is no text."""

    text: str | None
    plus: int = 0

    def __str__(self) -> str:
        if self.text is None:
            return str(self.plus)
        return f"({self.text} {'+' if self.plus > 0 else '-'} {abs(self.plus)})" if self.plus else self.text


def constant(value: int) -> Value:
    """Give a value that is known while the code is generated."""
    return Value(None, value)


@dataclass
class Store:
    """What is known of each variable at a point of an effect. `changed` holds the assigned ones, `known` what guards
    have fixed.
    """

    model: Model
    changed: dict[Key, Value] = field(default_factory=dict)
    known: dict[Key, int] = field(default_factory=dict)
    binding: dict[Task, int | str] = field(default_factory=dict)

    def copy(self) -> Store:
        """Give an independent copy (at a branch)."""
        return replace(self, changed=dict(self.changed), known=dict(self.known), binding=dict(self.binding))

    def bound(self, task: Task, to: int | str) -> Store:
        """Give a copy in which a task is bound to a number, or to a local that holds one."""
        result = self.copy()
        result.binding[task] = to
        return result

    def read(self, name: str, task: int = -1) -> Value:
        """Give the present value of a variable."""
        key = (name, task)
        if key in self.changed:
            return self.changed[key]
        if key in self.known:
            return constant(self.known[key])
        return Value(local(name, task))

    def vector(self, name: str) -> str:
        """Give the text of an array's present cells as a tuple."""
        if not any(key[0] == name and key[1] >= 0 for key in self.changed):
            return f"P_{name}"
        cells = [str(self.read(name, i)) for i in range(self.model.tasks)]
        return f"({', '.join(cells)},)"

    def learn(self, test: Expr) -> None:
        """Remember what a test that has succeeded says about variables that have not been changed."""
        for part in conjuncts(test):
            if (
                isinstance(part, Binary)
                and part.op == "=="
                and isinstance(part.right, Const)
                and isinstance(part.left, Cell)
            ):
                task = self.binding.get(part.left.task)
                if isinstance(task, int) and (part.left.array.name, task) not in self.changed:
                    self.known[part.left.array.name, task] = part.right.value


def local(name: str, task: int = -1) -> str:
    """Name the local that holds a variable's value."""
    return f"v_{name}" if task < 0 else f"v_{name}_{task}"


class ExpressionCompiler:
    """Turns expressions into Python text."""

    def __init__(self, model: Model):
        self.model = model

    def compile(self, expr: Expr, store: Store) -> Value:
        """Give the value of an expression at this point of an effect."""
        match expr:
            case Const():
                return constant(expr.value)
            case Parameter():
                return constant(expr.value)
            case Scalar():
                return store.read(expr.name)
            case Cell():
                task = store.binding[expr.task]
                return (
                    store.read(expr.array.name, task)
                    if isinstance(task, int)
                    else Value(f"{store.vector(expr.array.name)}[{task}]")
                )
            case Not():
                return self._not(self.compile(expr.body, store))
            case Ite():
                return self._ite(expr, store)
            case Binary():
                return self._binary(expr, store)
            case Count() | Exists() | Forall():
                return self._quantified(expr, store)
            case Member():
                return Value(f"({self._task(expr.task, store)} in {self._entries(expr.queue, store)})")
            case IsFirst():
                return self._is_first(expr, store)
            case SomeBefore():
                return self._some_before(expr, store)
        raise Unsupported(f"{self.model.name}: the explicit engine cannot read {expr!r}")

    def text(self, expr: Expr, store: Store) -> str:
        """Give the value of a boolean expression as text ("True" and "False" when it is known)."""
        value = self.compile(expr, store)
        return str(bool(value.plus)) if value.text is None else str(value)

    @staticmethod
    def _not(value: Value) -> Value:
        return constant(1 - value.plus) if value.text is None else Value(f"(not {value})")

    def _ite(self, expr: Ite, store: Store) -> Value:
        test = self.compile(expr.test, store)
        if test.text is None:
            return self.compile(expr.then if test.plus else expr.orelse, store)
        return Value(f"({self.compile(expr.then, store)} if {test} else {self.compile(expr.orelse, store)})")

    def _binary(self, expr: Binary, store: Store) -> Value:
        left, right = self.compile(expr.left, store), self.compile(expr.right, store)
        both = left.text is None and right.text is None
        match expr.op:
            case "and":
                if left.text is None:
                    return right if left.plus else left
                if right.text is None:
                    return left if right.plus else right
                return Value(f"({left} and {right})")
            case "or":
                if left.text is None:
                    return left if left.plus else right
                if right.text is None:
                    return right if right.plus else left
                return Value(f"({left} or {right})")
            case "+" if right.text is None:
                return Value(left.text, left.plus + right.plus)
            case "+" if left.text is None:
                return Value(right.text, right.plus + left.plus)
            case "-" if right.text is None:
                return Value(left.text, left.plus - right.plus)
            case "==" if both:
                return constant(int(left.plus == right.plus))
            case "<" if both:
                return constant(int(left.plus < right.plus))
            case "<=" if both:
                return constant(int(left.plus <= right.plus))
        return Value(f"({left} {expr.op} {right})")

    def _quantified(self, expr: Count | Exists | Forall, store: Store) -> Value:
        counted = self._counted(expr, store)
        if counted is not None:
            return counted
        bodies = [self.compile(expr.body, store.bound(expr.task, i)) for i in range(self.model.tasks)]
        texts = [str(body) for body in bodies if body.text is not None]
        known = [body.plus for body in bodies if body.text is None]
        if isinstance(expr, Count):
            return Value(f"({' + '.join(texts)})" if texts else None, sum(known)) if texts else constant(sum(known))
        absorbing = int(isinstance(expr, Exists))
        if absorbing in known:
            return constant(absorbing)
        if not texts:
            return constant(1 - absorbing)
        return Value(f"({(' or ' if absorbing else ' and ').join(texts)})")

    def _counted(self, expr: Count | Exists | Forall, store: Store) -> Value | None:
        """Read a quantifier over one finite array as look-ups in the tuple of its cells, if that is what it is."""
        found = truth_set(expr.body, expr.task)
        if found is None:
            return None
        name, holds, domain = found
        cells = store.vector(name)
        fails = [value for value in range(domain) if value not in holds]
        if isinstance(expr, Exists):
            return Value(f"({' or '.join(f'{value} in {cells}' for value in holds)})") if holds else constant(0)
        if isinstance(expr, Forall):
            if not fails:
                return constant(1)
            return Value(f"({' and '.join(f'{value} not in {cells}' for value in fails)})")
        if len(holds) <= len(fails):
            return Value(f"({' + '.join(f'{cells}.count({value})' for value in holds)})") if holds else constant(0)
        return Value(f"({self.model.tasks}{''.join(f' - {cells}.count({value})' for value in fails)})")

    def _task(self, task: Task, store: Store) -> str:
        return str(store.binding[task])

    def _entries(self, queue: Queue, store: Store) -> str:
        number = store.read(queue.name)
        return f"Q_{queue.name}" if number.text == local(queue.name) else f"E_{queue.name}[{number}]"

    def scan(self, queue: Queue, each: Task, test: Expr, last: bool, store: Store) -> tuple[str, str, str]:
        """Give what a loop over a queue needs: the entries' text, the loop variable, and the test's text."""
        entries = self._entries(queue, store)
        variable = f"k_{each.name}"
        return (f"reversed({entries})" if last else entries), variable, self.text(test, store.bound(each, variable))

    def _is_first(self, expr: IsFirst, store: Store) -> Value:
        own = self.compile(self._replaced(expr), store)
        if own.text is None and not own.plus:
            return own
        entries, variable, test = self.scan(expr.queue, expr.each, expr.test, expr.last, store)
        found = f"next(({variable} for {variable} in {entries} if {test}), -1) == {self._task(expr.task, store)}"
        return Value(f"({found})" if own.text is None else f"({own} and {found})")

    @staticmethod
    def _replaced(expr: IsFirst) -> Expr:
        """Give the test, asked of the task itself: a cheap necessary condition."""
        return substitute(expr.test, expr.each, expr.task)

    def _some_before(self, expr: SomeBefore, store: Store) -> Value:
        early, late = truth_set(expr.earlier, expr.first_task), truth_set(expr.later, expr.second_task)
        entries = self._entries(expr.queue, store)
        if early is not None and late is not None and early[0] == late[0]:
            cells = store.vector(early[0])
            some = " or ".join(f"{value} in {cells}" for value in late[1])
            other = " or ".join(f"{value} in {cells}" for value in early[1])
            return Value(f"(({some}) and ({other}) and some_before({entries}, {cells}, {early[1]!r}, {late[1]!r}))")
        a, b = f"k_{expr.first_task.name}", f"k_{expr.second_task.name}"
        first = self.text(expr.earlier, store.bound(expr.first_task, a))
        second = self.text(expr.later, store.bound(expr.second_task, b))
        inner = f"any({second} for {b} in {entries}[n_{a} + 1:])"
        return Value(f"any({first} and {inner} for n_{a}, {a} in enumerate({entries}))")


def some_before(
    entries: tuple[int, ...], cells: tuple[int, ...], early: tuple[int, ...], late: tuple[int, ...]
) -> bool:
    """Tell whether an entry whose cell is in `early` stands before one whose cell is in `late`."""
    seen = False
    for entry in entries:
        cell = cells[entry]
        if seen and cell in late:
            return True
        if cell in early:
            seen = True
    return False


def truth_set(body: Expr, task: Task) -> tuple[str, tuple[int, ...], int] | None:
    """For a test of one finite cell of `task` only: the array, the values for which it holds, and how many values there
    are.
    """
    arrays = list(_reads(body, task))
    if not arrays or any(array is None or array is not arrays[0] for array in arrays):
        return None
    array = arrays[0]
    assert array is not None
    if isinstance(array.type, Enumeration):
        size = len(array.type.values)
    elif array.type == BOOL:
        size = 2
    else:
        return None
    return array.name, tuple(value for value in range(size) if evaluate_at(body, value)), size


def _reads(expr: Expr, task: Task) -> Iterator[Array | None]:
    """Give the array of each cell of `task` that is read, and None for anything else that is read."""
    match expr:
        case Const():
            return
        case Cell() if expr.task == task:
            yield expr.array
        case Not():
            yield from _reads(expr.body, task)
        case Binary():
            yield from _reads(expr.left, task)
            yield from _reads(expr.right, task)
        case _:
            yield None


def evaluate_at(expr: Expr, cell: int) -> int:
    """Evaluate a test in which every cell has this value."""
    match expr:
        case Const():
            return expr.value
        case Cell():
            return cell
        case Not():
            return 1 - evaluate_at(expr.body, cell)
        case Binary():
            left, right = evaluate_at(expr.left, cell), evaluate_at(expr.right, cell)
            return {
                "and": int(left and right), "or": int(left or right), "==": int(left == right), "<": int(left < right),
                "<=": int(left <= right), "+": left + right, "-": left - right,
            }[expr.op]  # fmt: skip
    raise Unsupported(f"not a test of one cell: {expr!r}")


def substitute(expr: Expr, old: Task, new: Task) -> Expr:
    """Give the expression with one bound task renamed."""
    match expr:
        case Cell():
            return Cell(expr.array, new) if expr.task == old else expr
        case Not():
            return Not(substitute(expr.body, old, new))
        case Binary():
            return Binary(expr.op, substitute(expr.left, old, new), substitute(expr.right, old, new))
        case Ite():
            return Ite(
                substitute(expr.test, old, new), substitute(expr.then, old, new), substitute(expr.orelse, old, new)
            )
        case Count() | Exists() | Forall():
            return type(expr)(expr.task, substitute(expr.body, old, new))
        case Member():
            return Member(expr.queue, new) if expr.task == old else expr
        case IsFirst():
            task = new if expr.task == old else expr.task
            return IsFirst(expr.queue, task, expr.each, substitute(expr.test, old, new), expr.last)
        case SomeBefore():
            return SomeBefore(
                expr.queue,
                expr.first_task,
                substitute(expr.earlier, old, new),
                expr.second_task,
                substitute(expr.later, old, new),
            )
    return expr
