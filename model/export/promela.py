"""Promela, for Spin: one process that repeats one atomic step of one task.

Tasks are unrolled, since Promela has no quantifiers. A queue is an array of task numbers plus one, filled up with
zeros. What a step needs in between is set back to zero at its end (Spin's `hidden` is refused by its breadth-first
search), so that Spin's states are the model's. Spin counts one transition more than there are (its own first step).
With a property, a last option asserts false where the property is broken: a breadth-first search (`-DBFS`) then finds
it one step after the shortest counterexample.

Call it as `spin -o2 -a`: the dead-variable elimination of Spin 6.5.2 loses states of some models (337 of the 349 of a
faulty event); with -o2 it is off, and the numbers agree.
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
)
from ..language import Model
from .text import Binding, TextExport, indented


def promela(model: Model, property_name: str | None = None) -> str:
    """Write a model in Promela."""
    return _Promela(model).module(property_name)


class _Promela(TextExport):
    operators: ClassVar[dict[str, str]] = {
        "==": "==",
        "<": "<",
        "<=": "<=",
        "+": "+",
        "-": "-",
        "and": "&&",
        "or": "||",
    }
    truth = ("false", "true")

    def __init__(self, model: Model):
        super().__init__(model)
        self._temporaries: set[str] = set()
        self._used: list[str] = []
        self._tasks = range(model.tasks)

    def module(self, property_name: str | None) -> str:
        options: list[str] = []
        for action in self.model.actions:
            for task in self._tasks if action.task is not None else (None,):
                binding = {} if action.task is None or task is None else {action.task: str(task)}
                self._helpers, self._used = 0, []
                body = self.block(action.effect, binding) or ["skip"]
                body += [f"{name} = 0" for name in self._used]
                options.append(f":: d_step {{ /* {action.step_name(task)} */ {self.text(action.guard, binding)} ->")
                options += [*indented(_separated(body)), "}"]
        if property_name is not None:
            broken = self.text(self.model.invariant(property_name).expr, {})
            options.append(f":: !({broken}) -> assert(false) /* {property_name} */")
        lines = [f"/* {self.model.name}: exported by treadle; read it with spin -o2 -a */", *self._declarations()]
        lines += [f"byte {name};" for name in sorted(self._temporaries)]
        lines += ["active proctype steps() {", "end:", "  do", *indented(options), "  od", "}", ""]
        return "\n".join(lines)

    def _declarations(self) -> list[str]:
        lines = []
        tasks = self.model.tasks
        for name, (array, value) in self.model.arrays.items():
            if isinstance(array.type, Enumeration):
                lines += [f"#define {name}_{phase} {number}" for number, phase in enumerate(array.type.values)]
            kind = "bool" if array.type == BOOL else "byte"
            lines.append(f"{kind} {name}[{tasks}] = {value};")
        for name, (scalar, initial) in self.model.scalars.items():
            lines.append(f"{'bool' if scalar.type == BOOL else 'short'} {name} = {initial.value};")
        for name in self.model.queues:
            lines += [f"byte {name}[{tasks}];", f"byte {name}_n;"]
        return lines

    def quantified(self, expr: Count | Exists | Forall, binding: Binding) -> str:
        bodies = [self.text(expr.body, {**binding, expr.task: str(i)}) for i in self._tasks]
        joint = {Count: " + ", Exists: " || ", Forall: " && "}[type(expr)]
        return f"({joint.join(f'({body})' for body in bodies)})"

    def member(self, queue: str, task: str) -> str:
        return "(" + " || ".join(f"{queue}[{place}] == {task} + 1" for place in self._tasks) + ")"

    def is_first(self, expr: IsFirst, binding: Binding) -> str:
        queue, task = expr.queue.name, binding[expr.task]
        options = []
        for place in self._tasks:
            rivals = self._tasks[place + 1 :] if expr.last else self._tasks[:place]
            parts = [f"{queue}[{place}] == {task} + 1"]
            for rival in rivals:
                test = self.text(expr.test, {**binding, expr.each: f"{queue}[{rival}] - 1"})
                parts.append(f"({queue}[{rival}] == 0 || !({test}))")
            options.append("(" + " && ".join(parts) + ")")
        own = self.text(expr.test, {**binding, expr.each: task})
        return f"({own} && ({' || '.join(options)}))"

    def some_before(self, expr: SomeBefore, binding: Binding) -> str:
        queue, options = expr.queue.name, []
        for later in self._tasks:
            for earlier in self._tasks[:later]:
                first = self.text(expr.earlier, {**binding, expr.first_task: f"{queue}[{earlier}] - 1"})
                second = self.text(expr.later, {**binding, expr.second_task: f"{queue}[{later}] - 1"})
                options.append(f"({queue}[{later}] != 0 && {first} && {second})")
        return f"({' || '.join(options) or 'false'})"

    def choice(self, test: str, then: str, orelse: str) -> str:
        return f"({test} -> {then} : {orelse})"

    def statement(self, statement: Statement, binding: Binding) -> list[str]:
        match statement:
            case Assign(target, value):
                place = target.name if isinstance(target, Scalar) else self.text(target, binding)
                return [f"{place} = {self.text(value, binding)}"]
            case If(test, then, orelse):
                return self._branch(self.text(test, binding), self.block(then, binding), self.block(orelse, binding))
            case Push(queue, task):
                name = queue.name
                return [f"{name}[{name}_n] = {binding[task]} + 1", f"{name}_n = {name}_n + 1"]
            case Remove(queue, task):
                return self._remove(queue.name, binding[task])
            case First():
                return self._first(statement, binding)
            case Each():
                lines = []
                for i in self._tasks:
                    own = {**binding, statement.task: str(i)}
                    lines += self._branch(self.text(statement.test, own), self.block(statement.body, own), [])
                return lines
        raise Unsupported(f"{self.model.name}: {statement!r} cannot be exported to Promela")

    def _temporary(self, hint: str) -> str:
        name = self.helper(hint)
        self._temporaries.add(name)
        self._used.append(name)
        return name

    @staticmethod
    def _branch(test: str, then: list[str], orelse: list[str]) -> list[str]:
        return [
            "\n".join(
                [
                    "if", f":: {test} ->", *indented(_separated(then or ["skip"])),
                    ":: else ->", *indented(_separated(orelse or ["skip"])), "fi",
                ]
            )
        ]  # fmt: skip

    def _remove(self, name: str, task: str) -> list[str]:
        read, write, length = (self._temporary(hint) for hint in ("read", "write", "length"))
        keep = self._branch(
            f"{name}[{read}] != {task} + 1", [f"{name}[{write}] = {name}[{read}]", f"{write} = {write} + 1"], []
        )
        return [
            f"{read} = 0", f"{write} = 0", f"{length} = {name}_n",
            _loop(f"{read} < {length}", [*keep, f"{read} = {read} + 1"]),
            f"{name}_n = {write}",
            _loop(f"{write} < {length}", [f"{name}[{write}] = 0", f"{write} = {write} + 1"]),
        ]  # fmt: skip

    def _first(self, statement: First, binding: Binding) -> list[str]:
        name, place, found = statement.queue.name, self._temporary("place"), self._temporary("found")
        entry = f"{name}[{place} - 1] - 1" if statement.last else f"{name}[{place}] - 1"
        test = self.text(statement.test, {**binding, statement.task: entry})
        inside = f"{place} > 0" if statement.last else f"{place} < {name}_n"
        step = f"{place} = {place} - 1" if statement.last else f"{place} = {place} + 1"
        then = [f"{found} = {entry}", *self.block(statement.then, {**binding, statement.task: found})]
        return [
            f"{place} = {f'{name}_n' if statement.last else 0}",
            _loop(f"{inside} && !({test})", [step]),
            *self._branch(inside, then, self.block(statement.orelse, binding)),
        ]


def _loop(test: str, body: list[str]) -> str:
    return "\n".join(["do", f":: {test} ->", *indented(_separated(body)), ":: else -> break", "od"])


def _separated(statements: list[str]) -> list[str]:
    return [line + (";" if index < len(statements) - 1 else "") for index, line in enumerate(statements)]
