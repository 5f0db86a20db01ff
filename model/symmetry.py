"""Exact symmetry over tasks: one representative for all states that differ in the names of tasks only.

Tasks are interchangeable in every model (the language has no way to tell them apart), so a permutation of the tasks
maps runs to runs. The canonical form puts queued tasks in queue order, first queue first, and sorts the others by
their cells. It is exact: two states have the same form iff a permutation maps one to the other. Since a queued task
is told apart by its place, a permutation that fixes a state only swaps unqueued tasks with equal cells; so the size
of an orbit is N! over the product of the factorials of the sizes of such groups, and exact counts of *all* states and
transitions come out of the orbits alone (the distance from the initial state is the same all over an orbit, too).

Refused: canonical forms by search over all permutations (N! a state), and sorting alone (wrong as soon as there is a
queue).
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

from .packing import Layout


def canonicalizer(layout: Layout) -> Callable[[int], int]:
    """Compile the function from a packed state to the representative of its orbit."""
    if len(layout.queues) == 1:
        return _one_queue(layout)
    return _any_queues(layout)


def _one_queue(layout: Layout) -> Callable[[int], int]:
    """The common case, generated with constants inlined: this function runs once a transition."""
    ((name, place),) = layout.queues.items()
    tasks, width = layout.model.tasks, layout.cell_width
    table = layout.tables[name]
    cell_mask = (1 << width) - 1
    others = ~((place.mask << place.shift) | ((1 << (tasks * width)) - 1))
    queued_in_order = [table.number(tuple(range(length))) << place.shift for length in range(tasks + 1)]
    cells = ", ".join(f"(t >> {i * width}) & {cell_mask}" if i else f"t & {cell_mask}" for i in range(tasks))
    packed = " | ".join(f"order[{i}] << {i * width}" if i else "order[0]" for i in range(tasks))
    source = f"""
def canonical(t):
    entries = E[(t >> {place.shift}) & {place.mask}]
    cells = [{cells}]
    if entries:
        order = [cells[i] for i in entries]
        if len(entries) < {tasks}:
            order += sorted([cells[i] for i in OUT[entries]])
    else:
        cells.sort()
        order = cells
    return (t & {others}) | IN_ORDER[len(entries)] | {packed}
"""
    namespace: dict[str, object] = {"E": table.entries, "OUT": _Outside(tasks), "IN_ORDER": queued_in_order}
    exec(compile(source, "<generated canonical form>", "exec"), namespace)
    return namespace["canonical"]  # type: ignore[return-value]


class _Outside(dict[tuple[int, ...], tuple[int, ...]]):
    """The tasks that are not in a queue."""

    def __init__(self, tasks: int):
        super().__init__()
        self._tasks = tasks

    def __missing__(self, entries: tuple[int, ...]) -> tuple[int, ...]:
        outside = self[entries] = tuple(i for i in range(self._tasks) if i not in entries)
        return outside


def _any_queues(layout: Layout) -> Callable[[int], int]:
    tasks, width = layout.model.tasks, layout.cell_width
    cell_mask = (1 << width) - 1
    queues = [(place, layout.tables[name]) for name, place in layout.queues.items()]
    others = ~((1 << (tasks * width)) - 1)
    for place, _ in queues:
        others &= ~(place.mask << place.shift)

    def canonical(state: int) -> int:
        cells = [(state >> (i * width)) & cell_mask for i in range(tasks)]
        order: list[int] = []
        for place, table in queues:
            order += [i for i in table.entries[(state >> place.shift) & place.mask] if i not in order]
        order += sorted((i for i in range(tasks) if i not in order), key=cells.__getitem__)
        result = state & others
        for position, task in enumerate(order):
            result |= cells[task] << (position * width)
        for place, table in queues:
            entries = table.entries[(state >> place.shift) & place.mask]
            result |= table.number(tuple(order.index(task) for task in entries)) << place.shift
        return result

    return canonical


def orbit_sizer(layout: Layout) -> Callable[[int], int]:
    """Make the function from a packed state to the number of states in its orbit."""
    tasks, width = layout.model.tasks, layout.cell_width
    cell_mask = (1 << width) - 1
    queues = [(place, layout.tables[name].entries) for name, place in layout.queues.items()]
    everyone = factorial(tasks)
    known: dict[tuple[int, ...], int] = {}

    def size(state: int) -> int:
        queued: set[int] = set()
        for place, entries in queues:
            queued.update(entries[(state >> place.shift) & place.mask])
        free = tuple(sorted([(state >> (i * width)) & cell_mask for i in range(tasks) if i not in queued]))
        if free not in known:
            symmetric = 1
            for cell in set(free):
                symmetric *= factorial(free.count(cell))
            known[free] = everyone // symmetric
        return known[free]

    return size
