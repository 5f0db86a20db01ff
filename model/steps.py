"""A model's steps as generated Python functions over packed states.

Each effect becomes a small decision tree: branch on a test, select on the task that a queue scan found, and at each
leaf one addition that leads to the next packed state. Branches that differ in constants only collapse to a look-up in
a tuple.

Two functions come from one tree: `expand(states, seen, push, bad, stuck)`, the inner loop of the breadth-first search
with everything inlined, and `steps(state)`, which lists `(action, task, next state)` for everything that need not be
as fast (traces, liveness, refinement, exports).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .codegen import ExpressionCompiler, Store, Value, local, some_before
from .errors import OutOfBounds
from .expr import Assign, Cell, Each, Expr, First, If, Push, Remove, Scalar, Statement, Task
from .language import Action, Model
from .packing import Field, Layout

Step = tuple[int, int, int]  # (index of the action, task or -1, next packed state)


@dataclass
class Leaf:
    """The end of an effect: the next state is `state + plus + texts`; `checks` guards the bounds of integers."""

    plus: int
    texts: tuple[str, ...]
    checks: tuple[tuple[str, str, str], ...]


@dataclass
class Branch:
    """Two ways to go on."""

    test: str
    then: Tree
    orelse: Tree


@dataclass
class Select:
    """Run `setup`, which sets `variable` to a task or -1; go on in `ways[variable]`, the last way being that of -1."""

    setup: list[str]
    variable: str
    ways: list[Tree]


Tree = Leaf | Branch | Select


class Compiled:
    """The generated functions of a model, and its layout."""

    def __init__(self, model: Model, canonical: Callable[[int], int] | None = None, layout: Layout | None = None):
        self.model = model
        self.layout = layout or Layout(model)
        self._compiler = ExpressionCompiler(model)
        self._tables: dict[str, object] = {"some_before": some_before, "out_of_bounds": _out_of_bounds}
        if canonical is not None:
            self._tables["canonical"] = canonical
        for name, table in self.layout.tables.items():
            self._tables[f"E_{name}"] = table.entries
            for i in range(model.tasks):
                self._tables[f"PUSH_{name}_{i}"] = table.push[i]
                self._tables[f"REMOVE_{name}_{i}"] = table.remove[i]
        self._trees = [
            (index, action, task, *self._instance(action, task))
            for index, action in enumerate(model.actions)
            for task in (range(model.tasks) if action.task is not None else (-1,))
        ]
        self._symmetric = canonical is not None

    # -- what callers use

    def expander(self) -> Callable[..., int]:
        """Compile the search's inner loop: `expand(states, seen, push, bad, stuck, weigh) -> transitions`."""
        invariants = (
            " and ".join(self._compiler.text(i.expr, Store(self.model)) for i in self.model.invariants) or "True"
        )
        body = ["n = 0", "for s in states:"]
        body += _indented(self._unpacking())
        body += [f"    if not ({invariants}):", "        bad(s)", "    m = n"]
        for environment in (True, False):
            body += _indented(self._emitted(environment, self._found))
            body.append("    p = n" if environment else "    if n == p:")
        body.append("        stuck(s, n == m)")
        if self._symmetric:
            body.append("    weigh(s, n - m)")
        body.append("return n")
        return self._function("expand(states, seen, push, bad, stuck, weigh)", body)

    def stepper(self) -> Callable[[int], list[Step]]:
        """Compile `steps(state) -> [(action, task, next state)]`, in the order of the actions and of the tasks."""
        body = [*self._unpacking(), "out = []"]
        body += self._emitted(None, lambda index, task, text: [f"out.append(({index}, {task}, {text}))"])
        body.append("return out")
        return self._function("steps(s)", body)

    def predicate(self, expr: Expr, task: Task | None = None) -> Callable[..., bool]:
        """Compile a boolean expression over a packed state (and over a task, when one is given: `predicate(state,
        task)`).
        """
        store = Store(self.model)
        arguments = "s"
        if task is not None:
            store.binding[task] = "task"
            arguments = "s, task"
        body = [*self._unpacking(), f"return bool({self._compiler.text(expr, store)})"]
        return self._function(f"holds({arguments})", body)

    # -- effects into trees

    def _instance(self, action: Action, task: int) -> tuple[str, Tree]:
        store = Store(self.model)
        if action.task is not None:
            store.binding[action.task] = task
        guard = self._compiler.text(action.guard, store)
        store.learn(action.guard)
        return guard, _collapsed(self._run(list(action.effect), store, action.name))

    def _run(self, statements: list[Statement], store: Store, action: str) -> Tree:
        if not statements:
            return self._leaf(store, action)
        statement, rest = statements[0], statements[1:]
        match statement:
            case Assign(target, value):
                new = self._compiler.compile(value, store)
                store = store.copy()
                store.changed[self._key(target, store)] = new
            case If(test, then, orelse):
                text = self._compiler.text(test, store)
                if text in ("True", "False"):
                    return self._run([*(then if text == "True" else orelse), *rest], store, action)
                learned = store.copy()
                learned.learn(test)
                return Branch(
                    text, self._run([*then, *rest], learned, action), self._run([*orelse, *rest], store, action)
                )
            case Push(queue, task):
                store = self._queue_change("PUSH", queue.name, task, store)
            case Remove(queue, task):
                store = self._queue_change("REMOVE", queue.name, task, store)
            case Each():
                store = self._each(statement, store)
            case First():
                return self._first(statement, rest, store, action)
        return self._run(rest, store, action)

    def _key(self, target: Scalar | Cell, store: Store) -> tuple[str, int]:
        if isinstance(target, Scalar):
            return target.name, -1
        task = store.binding[target.task]
        assert isinstance(task, int), "effects are unrolled: their tasks are numbers"
        return target.array.name, task

    def _queue_change(self, operation: str, name: str, task: Task, store: Store) -> Store:
        number = store.read(name)
        store = store.copy()
        store.changed[name, -1] = Value(f"{operation}_{name}_{store.binding[task]}[{number}]")
        return store

    def _each(self, statement: Each, store: Store) -> Store:
        after = store.copy()
        for i in range(self.model.tasks):
            own = store.bound(statement.task, i)
            test = self._compiler.text(statement.test, own)
            if test == "False":
                continue
            for assignment in statement.body:
                key = self._key(assignment.target, own)
                new = self._compiler.compile(assignment.value, own)
                own.changed[key] = new
                after.changed[key] = new if test == "True" else Value(f"({new} if {test} else {store.read(*key)})")
        return after

    def _first(self, statement: First, rest: list[Statement], store: Store, action: str) -> Tree:
        entries, variable, test = self._compiler.scan(
            statement.queue, statement.task, statement.test, statement.last, store
        )
        setup = [f"for {variable} in {entries}:", f"    if {test}: break", f"else: {variable} = -1"]
        ways: list[Tree] = []
        for i in range(self.model.tasks):
            own = store.bound(statement.task, i)
            own.learn(statement.test)
            ways.append(self._run([*statement.then, *rest], own, action))
        ways.append(self._run([*statement.orelse, *rest], store.copy(), action))
        return Select(setup, variable, ways)

    def _leaf(self, store: Store, action: str) -> Leaf:
        plus, texts, checks = 0, [], []
        for (name, task), new in store.changed.items():
            place = self._field(name, task)
            old_name, old = local(name, task), store.known.get((name, task))
            if new.text == old_name:
                plus += new.plus << place.shift
            elif new.text is None and old is not None:
                plus += (new.plus - old) << place.shift
            elif new.text is None:
                texts.append(f"(({new.plus} - {old_name}) << {place.shift})")
            else:
                texts.append(f"(({new} - {old if old is not None else old_name}) << {place.shift})")
            if self._needs_check(name, place, new):
                upper = f" <= {place.high}" if place.high is not None else ""
                checks.append(
                    (f"{place.low} <= {new}{upper}", f"{self.model.name}: action {action}: variable {name}", str(new))
                )
        return Leaf(plus, tuple(texts), tuple(checks))

    def _field(self, name: str, task: int) -> Field:
        if task >= 0:
            return self.layout.cells[name, task]
        return self.layout.scalars[name] if name in self.layout.scalars else self.layout.queues[name]

    def _needs_check(self, name: str, place: Field, new: Value) -> bool:
        if name in self.layout.queues:
            return False
        declared = self.model.scalars[name][0] if name in self.model.scalars else self.model.arrays[name][0]
        if declared.type != "int":
            return False
        return new.text is not None or not place.low <= new.plus <= (place.high if place.high is not None else new.plus)

    # -- trees into text

    def _unpacking(self) -> list[str]:
        lines = []
        for (name, i), place in self.layout.cells.items():
            lines.append(f"{local(name, i)} = {_reading(place)}")
        for name, place in (*self.layout.scalars.items(), *self.layout.queues.items()):
            lines.append(f"{local(name)} = {_reading(place)}")
        for name in self.model.arrays:
            lines.append(f"P_{name} = ({', '.join(local(name, i) for i in range(self.model.tasks))},)")
        for name in self.model.queues:
            lines.append(f"Q_{name} = E_{name}[{local(name)}]")
        return lines

    def _found(self, index: int, task: int, text: str) -> list[str]:
        target = f"canonical({text})" if self._symmetric else text
        return [f"t = {target}", "n += 1", "if t not in seen:", "    seen[t] = s", "    push(t)"]

    def _emitted(self, environment: bool | None, emit: Callable[[int, int, str], list[str]]) -> list[str]:
        lines: list[str] = []
        for index, action, task, guard, tree in self._trees:
            if guard == "False" or (environment is not None and action.environment != environment):
                continue
            block = list(self._lines(tree, index, task, emit))
            lines += block if guard == "True" else [f"if {guard}:", *_indented(block)]
        return lines

    def _lines(self, tree: Tree, index: int, task: int, emit: Callable[[int, int, str], list[str]]) -> Iterator[str]:
        match tree:
            case Leaf():
                for check, where, shown in tree.checks:
                    yield f"if not {check}: out_of_bounds({where!r}, {shown}, {check!r})"
                terms = [f"({tree.plus})" if tree.plus < 0 else str(tree.plus)] if tree.plus else []
                yield from emit(index, task, " + ".join(["s", *terms, *tree.texts]))
            case Branch():
                yield f"if {tree.test}:"
                yield from _indented(self._lines(tree.then, index, task, emit))
                yield "else:"
                yield from _indented(self._lines(tree.orelse, index, task, emit))
            case Select():
                yield from tree.setup
                for number, way in enumerate(tree.ways[:-1]):
                    yield f"{'el' if number else ''}if {tree.variable} == {number}:"
                    yield from _indented(self._lines(way, index, task, emit))
                if len(tree.ways) > 1:
                    yield "else:"
                    yield from _indented(self._lines(tree.ways[-1], index, task, emit))
                else:
                    yield from self._lines(tree.ways[0], index, task, emit)

    def _function(self, signature: str, body: list[str]) -> Callable[..., Any]:
        source = f"def {signature}:\n" + "\n".join(_indented(body))
        namespace: dict[str, Any] = dict(self._tables)
        exec(compile(source, f"<generated from {self.model.name}>", "exec"), namespace)
        function: Callable[..., Any] = namespace[signature.partition("(")[0]]
        return function


def _collapsed(tree: Tree) -> Tree:
    """Turn selections whose ways differ in constants only into look-ups."""
    match tree:
        case Branch():
            return Branch(tree.test, _collapsed(tree.then), _collapsed(tree.orelse))
        case Select():
            ways = [_collapsed(way) for way in tree.ways]
            merged = _merged(ways, tree.variable)
            return Select(tree.setup, tree.variable, ways if merged is None else [merged])
    return tree


def _merged(ways: list[Tree], variable: str) -> Tree | None:
    first = ways[0]
    if isinstance(first, Leaf):
        leaves = [way for way in ways if isinstance(way, Leaf) and way.texts == first.texts]
        if len(leaves) < len(ways):
            return None
        shared = [check for check in first.checks if all(check in leaf.checks for leaf in leaves)]
        if any(len(leaf.checks) != len(shared) for leaf in leaves):
            return None
        constants = tuple(leaf.plus for leaf in leaves)
        return Leaf(0, (f"{constants!r}[{variable}]", *first.texts), first.checks)
    if isinstance(first, Branch):
        branches = [way for way in ways if isinstance(way, Branch) and way.test == first.test]
        if len(branches) < len(ways):
            return None
        then = _merged([branch.then for branch in branches], variable)
        orelse = _merged([branch.orelse for branch in branches], variable)
        return None if then is None or orelse is None else Branch(first.test, then, orelse)
    return None


def _reading(place: Field) -> str:
    text = f"(s >> {place.shift})" if place.shift else "s"
    if place.mask >= 0:
        text = f"{text} & {place.mask}"
    return f"({text}) {'+' if place.low > 0 else '-'} {abs(place.low)}" if place.low else text


def _indented(lines: list[str] | Iterator[str]) -> list[str]:
    return ["    " + line for line in lines]


def _out_of_bounds(where: str, value: int, check: str) -> None:
    raise OutOfBounds(f"{where}: the value {value} is out of its bounds ({check}); widen the declaration")
