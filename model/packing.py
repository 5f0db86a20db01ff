"""States as single integers.

A state is one Python integer: the cells of task 0, of task 1, ..., then the queues, then the scalars. Integers hash
and compare fast and a set of them is small; a step becomes one addition, because the difference between two packed
states is the sum of the shifted differences of the variables that changed.

A queue is a number in a table of the queues met so far, so that appending, removing and scanning are look-ups instead
of loops over bits.

Refused: tuples and dataclasses as states (three to five times slower to build and to hash), bytes (no arithmetic on
them).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import perm

from .errors import Unsupported
from .expr import BOOL, Enumeration, Type
from .language import Model


@dataclass(frozen=True)
class Field:
    """Where a variable lives: `(state >> shift) & mask`, plus `low`. An unbounded one is on top and has no mask (-1).
    """

    shift: int
    mask: int
    low: int
    high: int | None

    def read(self, state: int) -> int:
        """Give the variable's value in a state."""
        return ((state >> self.shift) & self.mask) + self.low

    def place(self, value: int) -> int:
        """Give the bits of a value."""
        return (value - self.low) << self.shift


_Change = Callable[[tuple[int, ...], int], tuple[int, ...]]


class QueueTable:
    """All queues of tasks met so far, numbered; the empty queue is number 0."""

    def __init__(self, tasks: int):
        self.tasks = tasks
        self.entries: list[tuple[int, ...]] = [()]
        self._numbers: dict[tuple[int, ...], int] = {(): 0}
        self.push = [_Memo(self, i, _pushed) for i in range(tasks)]
        self.remove = [_Memo(self, i, _removed) for i in range(tasks)]

    def number(self, entries: tuple[int, ...]) -> int:
        """Give the number of a queue."""
        known = self._numbers.get(entries)
        if known is None:
            known = self._numbers[entries] = len(self.entries)
            self.entries.append(entries)
        return known


class _Memo(dict[int, int]):
    """What an operation with one task makes of each queue number; filled in as it is asked for."""

    def __init__(self, table: QueueTable, task: int, change: _Change):
        super().__init__()
        self._table, self._task, self._change = table, task, change

    def __missing__(self, number: int) -> int:
        changed = self[number] = self._table.number(self._change(self._table.entries[number], self._task))
        return changed


def _pushed(entries: tuple[int, ...], task: int) -> tuple[int, ...]:
    if task in entries:
        raise Unsupported(f"task {task} is appended to a queue that it is in already")
    return (*entries, task)


def _removed(entries: tuple[int, ...], task: int) -> tuple[int, ...]:
    return tuple(entry for entry in entries if entry != task)


class Layout:
    """The fields of a model's packed state."""

    def __init__(self, model: Model):
        self.model = model
        self.cells: dict[tuple[str, int], Field] = {}
        self.scalars: dict[str, Field] = {}
        self.queues: dict[str, Field] = {}
        self.tables = {name: QueueTable(model.tasks) for name in model.queues}
        self.cell_width = 0
        offsets: list[tuple[str, int, int, int, int]] = []
        for name, (array, _) in model.arrays.items():
            low, high = bounds(array.type, array.low, array.high, name)
            if high is None:
                raise Unsupported(
                    f"{model.name}: variable {name}: the explicit engine needs an upper bound for an array"
                )
            width = (high - low).bit_length()
            offsets.append((name, self.cell_width, width, low, high))
            self.cell_width += width
        for task in range(model.tasks):
            for name, offset, width, low, high in offsets:
                self.cells[name, task] = Field(task * self.cell_width + offset, (1 << width) - 1, low, high)
        shift = model.tasks * self.cell_width
        most_queues = sum(perm(model.tasks, length) for length in range(model.tasks + 1))
        for name in model.queues:
            width = most_queues.bit_length()
            self.queues[name] = Field(shift, (1 << width) - 1, 0, most_queues)
            shift += width
        unbounded: list[tuple[str, int]] = []
        for name, (scalar, _) in model.scalars.items():
            low, high = bounds(scalar.type, scalar.low, scalar.high, name)
            if high is None:
                unbounded.append((name, low))
                continue
            width = max(1, (high - low).bit_length())
            self.scalars[name] = Field(shift, (1 << width) - 1, low, high)
            shift += width
        if len(unbounded) > 1:
            names = ", ".join(name for name, _ in unbounded)
            raise Unsupported(
                f"{model.name}: variables {names}: the explicit engine takes at most one unbounded integer"
            )
        for name, low in unbounded:
            self.scalars[name] = Field(shift, -1, low, None)

    def initial(self) -> int:
        """Give the packed initial state."""
        state = 0
        for (name, _), field in self.cells.items():
            state += field.place(self.model.arrays[name][1])
        for name, field in self.scalars.items():
            state += field.place(self.model.scalars[name][1].value)
        return state

    def decode(self, state: int) -> dict[str, object]:
        """Give a state as a dictionary: scalars, arrays as lists (enumerations by name), queues as lists of tasks."""
        result: dict[str, object] = {}
        for name, (scalar, _) in self.model.scalars.items():
            result[name] = _shown(scalar.type, self.scalars[name].read(state))
        for name, (array, _) in self.model.arrays.items():
            result[name] = [_shown(array.type, self.cells[name, i].read(state)) for i in range(self.model.tasks)]
        for name, field in self.queues.items():
            result[name] = list(self.tables[name].entries[field.read(state)])
        return result


def bounds(kind: Type, low: int | None, high: int | None, name: str) -> tuple[int, int | None]:
    """Give the least and the greatest value of a type."""
    if isinstance(kind, Enumeration):
        return 0, len(kind.values) - 1
    if kind == BOOL:
        return 0, 1
    if low is None:
        raise Unsupported(f"variable {name}: the explicit engine needs a lower bound for an integer")
    return low, high


def _shown(kind: Type, value: int) -> object:
    if isinstance(kind, Enumeration):
        return kind.values[value]
    return bool(value) if kind == BOOL else value
