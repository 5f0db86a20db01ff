"""A direct interpreter of the modelling language: slow, obvious, and sharing no code with the engines. The oracle of the
compiled steps.
"""

from treadle.model.expr import (
    Assign,
    Binary,
    Cell,
    Const,
    Count,
    Each,
    Exists,
    First,
    Forall,
    If,
    IsFirst,
    Ite,
    Member,
    Not,
    Parameter,
    Push,
    Remove,
    Scalar,
    SomeBefore,
)  # fmt: skip


class Interpreter:
    def __init__(self, model):
        self.model = model
        self.tasks = range(model.tasks)

    def initial(self):
        state = {name: value.value for name, (_, value) in self.model.scalars.items()}
        state |= {name: (value,) * self.model.tasks for name, (_, value) in self.model.arrays.items()}
        return state | dict.fromkeys(self.model.queues, ())

    def value(self, expr, state, bound):
        def ask(part, **more):
            return self.value(part, state, bound)

        match expr:
            case Const() | Parameter():
                return expr.value
            case Scalar():
                return state[expr.name]
            case Cell():
                return state[expr.array.name][bound[expr.task]]
            case Not():
                return int(not ask(expr.body))
            case Ite():
                return ask(expr.then) if ask(expr.test) else ask(expr.orelse)
            case Binary():
                a, b = ask(expr.left), ask(expr.right)
                results = {
                    "and": a and b, "or": a or b, "==": a == b, "<": a < b, "<=": a <= b, "+": a + b, "-": a - b,
                }  # fmt: skip
                return int(results[expr.op])
            case Count() | Exists() | Forall():
                found = sum(self.value(expr.body, state, {**bound, expr.task: i}) for i in self.tasks)
                return {Count: found, Exists: int(found > 0), Forall: int(found == self.model.tasks)}[type(expr)]
            case Member():
                return int(bound[expr.task] in state[expr.queue.name])
            case IsFirst():
                matches = self.matching(expr.queue, expr.each, expr.test, state, bound)
                return int(bool(matches) and matches[-1 if expr.last else 0] == bound[expr.task])
            case SomeBefore():
                early = self.matching(expr.queue, expr.first_task, expr.earlier, state, bound)
                late = self.matching(expr.queue, expr.second_task, expr.later, state, bound)
                place = state[expr.queue.name].index
                return int(any(place(a) < place(b) for a in early for b in late))
        raise AssertionError(expr)

    def matching(self, queue, each, test, state, bound):
        return [j for j in state[queue.name] if self.value(test, state, {**bound, each: j})]

    def run(self, statements, state, bound):
        for statement in statements:
            state = self.after(statement, state, bound)
        return state

    def after(self, statement, state, bound):
        match statement:
            case Assign(Scalar() as target, value):
                return {**state, target.name: self.value(value, state, bound)}
            case Assign(Cell() as target, value):
                cells = list(state[target.array.name])
                cells[bound[target.task]] = self.value(value, state, bound)
                return {**state, target.array.name: tuple(cells)}
            case If(test, then, orelse):
                return self.run(then if self.value(test, state, bound) else orelse, state, bound)
            case Push(queue, task):
                return {**state, queue.name: (*state[queue.name], bound[task])}
            case Remove(queue, task):
                return {**state, queue.name: tuple(j for j in state[queue.name] if j != bound[task])}
            case First():
                matches = self.matching(statement.queue, statement.task, statement.test, state, bound)
                if not matches:
                    return self.run(statement.orelse, state, bound)
                chosen = matches[-1 if statement.last else 0]
                return self.run(statement.then, state, {**bound, statement.task: chosen})
            case Each():
                changed = state
                for j in self.tasks:
                    own = {**bound, statement.task: j}
                    if self.value(statement.test, state, own):
                        changed = self.run(statement.body, changed, own)
                return changed
        raise AssertionError(statement)

    def steps(self, state):
        """Give (action, task or -1, next state), in the order in which the engines list them."""
        for index, action in enumerate(self.model.actions):
            for task in self.tasks if action.task is not None else (-1,):
                bound = {} if action.task is None else {action.task: task}
                if self.value(action.guard, state, bound):
                    yield index, task, self.run(action.effect, state, bound)
