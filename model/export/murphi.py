"""Murphi, for rumur (and CMurphi): tasks are a scalarset, so that its symmetry reduction counts our orbits.

A queue is an array of tasks, undefined behind its end. Counting tasks needs a function, because Murphi's quantifiers
are boolean. Invariants are exported too; a breadth-first search reports a shortest counterexample.
"""

from __future__ import annotations

from typing import ClassVar

from ..errors import Unsupported
from ..expr import (
    BOOL,
    Assign,
    Count,
    Each,
    Enumeration,
    Exists,
    First,
    Forall,
    If,
    IsFirst,
    Push,
    Remove,
    Scalar,
    SomeBefore,
    Statement,
    Task,
)
from ..language import Action, Model
from .text import Binding, TextExport, indented


def murphi(model: Model, *, invariants: bool = True) -> str:
    """Write a model in Murphi."""
    return _Murphi(model).module(invariants)


class _Murphi(TextExport):
    operators: ClassVar[dict[str, str]] = {"==": "=", "<": "<", "<=": "<=", "+": "+", "-": "-", "and": "&", "or": "|"}
    truth = ("false", "true")

    def __init__(self, model: Model):
        super().__init__(model)
        self._functions: list[str] = []
        self._locals: list[str] = []

    def module(self, invariants: bool) -> str:
        rules = [line for action in self.model.actions for line in self._rule(action)]
        start = ["startstate begin", *indented(self._start()), "end;"]
        properties: list[str] = []
        if invariants:
            for invariant in self.model.invariants:
                properties += [f'invariant "{invariant.name}"', f"  {self.text(invariant.expr, {})};"]
        lines = [f"-- {self.model.name}: exported by treadle", *self._declarations(), *self._functions]
        return "\n".join([*lines, *start, *rules, *properties, ""])

    def _declarations(self) -> list[str]:
        last = self.model.tasks - 1
        types = [f"type Task: scalarset({self.model.tasks});"]
        variables = []
        for name, (array, _) in self.model.arrays.items():
            if isinstance(array.type, Enumeration):
                types.append(
                    f"type {name}_values: enum {{ {', '.join(f'{name}_{value}' for value in array.type.values)} }};"
                )
                kind = f"{name}_values"
            else:
                kind = "boolean" if array.type == BOOL else f"{array.low}..{array.high}"
            variables.append(f"var {name}: array [Task] of {kind};")
        for name, (scalar, _) in self.model.scalars.items():
            if scalar.type != BOOL and (scalar.low is None or scalar.high is None):
                raise Unsupported(f"{self.model.name}: variable {name}: Murphi needs bounds")
            variables.append(f"var {name}: {'boolean' if scalar.type == BOOL else f'{scalar.low}..{scalar.high}'};")
        for name in self.model.queues:
            variables += [f"var {name}: array [0..{last}] of Task;", f"var {name}_n: 0..{self.model.tasks};"]
        return [*types, *variables]

    def _start(self) -> list[str]:
        lines = []
        for name, (array, value) in self.model.arrays.items():
            lines.append(f"for j: Task do {name}[j] := {self._value(array.type, value)}; endfor;")
        for name, (scalar, initial) in self.model.scalars.items():
            lines.append(f"{name} := {self._value(scalar.type, initial.value)};")
        return [*lines, *(f"{name}_n := 0;" for name in self.model.queues)]

    def _value(self, kind: object, value: int) -> str:
        if isinstance(kind, Enumeration):
            return self.enumerated(kind, value)
        return self.truth[value] if kind == BOOL else str(value)

    def _rule(self, action: Action) -> list[str]:
        self._locals = []
        binding = {} if action.task is None else {action.task: "i"}
        body = self.block(action.effect, binding)
        rule = [
            f'rule "{action.name}" {self.text(action.guard, binding)} ==>',
            *(f"var {declared};" for declared in self._locals),
            "begin", *indented(body), "end;",
        ]  # fmt: skip
        return rule if action.task is None else ["ruleset i: Task do", *indented(rule), "endruleset;"]

    def quantified(self, expr: Count | Exists | Forall, binding: Binding) -> str:
        variable = self.helper("j")
        inner = {**binding, expr.task: variable}
        if isinstance(expr, Exists):
            return f"(exists {variable}: Task do {self.text(expr.body, inner)} endexists)"
        if isinstance(expr, Forall):
            return f"(forall {variable}: Task do {self.text(expr.body, inner)} endforall)"
        if binding:
            # A function sees no variable of its caller's; counts that depend on the acting task would need arguments.
            _require_closed(self, expr)
        name, tasks = self.helper("count"), self.model.tasks
        self._functions += [
            f"function {name}(): 0..{tasks};", f"var n: 0..{tasks};", "begin", "  n := 0;",
            f"  for {variable}: Task do if {self.text(expr.body, {expr.task: variable})} then n := n + 1; endif; endfor;",
            "  return n;", "end;",
        ]  # fmt: skip
        return f"{name}()"

    def _places(self, queue: str, task: str, place: str) -> str:
        return f"{place} < {queue}_n & {queue}[{place}] = {task}"

    def member(self, queue: str, task: str) -> str:
        place = self.helper("p")
        return f"(exists {place}: 0..{self.model.tasks - 1} do {self._places(queue, task, place)} endexists)"

    def is_first(self, expr: IsFirst, binding: Binding) -> str:
        queue, task, place, rival = expr.queue.name, binding[expr.task], self.helper("p"), self.helper("r")
        last = self.model.tasks - 1
        own = self.text(expr.test, {**binding, expr.each: task})
        test = self.text(expr.test, {**binding, expr.each: f"{queue}[{rival}]"})
        before = f"{place} < {rival} & {rival} < {queue}_n" if expr.last else f"{rival} < {place}"
        others = f"forall {rival}: 0..{last} do ({before}) -> !({test}) endforall"
        return f"({own} & (exists {place}: 0..{last} do {self._places(queue, task, place)} & ({others}) endexists))"

    def some_before(self, expr: SomeBefore, binding: Binding) -> str:
        queue, a, b, last = expr.queue.name, self.helper("p"), self.helper("r"), self.model.tasks - 1
        first = self.text(expr.earlier, {**binding, expr.first_task: f"{queue}[{a}]"})
        second = self.text(expr.later, {**binding, expr.second_task: f"{queue}[{b}]"})
        inside = f"{a} < {b} & {b} < {queue}_n & {first} & {second}"
        return f"(exists {a}: 0..{last} do exists {b}: 0..{last} do {inside} endexists endexists)"

    def choice(self, test: str, then: str, orelse: str) -> str:
        return f"({test} ? {then} : {orelse})"

    def statement(self, statement: Statement, binding: Binding) -> list[str]:
        match statement:
            case Assign(target, value):
                place = target.name if isinstance(target, Scalar) else self.text(target, binding)
                return [f"{place} := {self.text(value, binding)};"]
            case If(test, then, orelse):
                return self._branch(self.text(test, binding), self.block(then, binding), self.block(orelse, binding))
            case Push(queue, task):
                name = queue.name
                return [f"{name}[{name}_n] := {binding[task]};", f"{name}_n := {name}_n + 1;"]
            case Remove(queue, task):
                return self._remove(queue.name, binding[task])
            case First():
                return self._first(statement, binding)
            case Each():
                variable = self.helper("j")
                own = {**binding, statement.task: variable}
                inner = self._branch(self.text(statement.test, own), self.block(statement.body, own), [])
                return [f"for {variable}: Task do", *indented(inner), "endfor;"]
        raise Unsupported(f"{self.model.name}: {statement!r} cannot be exported to Murphi")

    @staticmethod
    def _branch(test: str, then: list[str], orelse: list[str]) -> list[str]:
        middle = ["else", *indented(orelse)] if orelse else []
        return [f"if {test} then", *indented(then), *middle, "endif;"]

    def _remove(self, name: str, task: str) -> list[str]:
        last, write, place = self.model.tasks - 1, self.helper("write"), self.helper("k")
        self._locals.append(f"{write}: 0..{self.model.tasks}")
        return [
            f"{write} := 0;",
            f"for {place}: 0..{last} do if {place} < {name}_n then if {name}[{place}] != {task} then",
            f"  if {write} != {place} then {name}[{write}] := {name}[{place}]; endif; {write} := {write} + 1;",
            "endif; endif; endfor;",
            f"for {place}: 0..{last} do if {place} >= {write} then undefine {name}[{place}]; endif; endfor;",
            f"{name}_n := {write};",
        ]

    def _first(self, statement: First, binding: Binding) -> list[str]:
        name, last = statement.queue.name, self.model.tasks - 1
        found, chosen, place = self.helper("found"), self.helper("chosen"), self.helper("k")
        self._locals += [f"{found}: boolean", f"{chosen}: Task"]
        test = self.text(statement.test, {**binding, statement.task: f"{name}[{place}]"})
        more = f"{place} < {name}_n" if statement.last else f"!{found} & {place} < {name}_n"
        return [
            f"{found} := false;",
            f"for {place}: 0..{last} do if {more} then if {test} then",
            f"  {chosen} := {name}[{place}]; {found} := true;",
            "endif; endif; endfor;",
            *self._branch(
                found,
                self.block(statement.then, {**binding, statement.task: chosen}),
                self.block(statement.orelse, binding),
            ),
        ]


def _require_closed(export: _Murphi, expr: Count) -> None:
    """Refuse a count whose body mentions a task other than the one that it counts."""
    try:
        closed: dict[Task, str] = {expr.task: "j"}
        export.text(expr.body, closed)
    except KeyError:
        raise Unsupported(
            f"{export.model.name}: a count that depends on another task cannot be exported to Murphi"
        ) from None
