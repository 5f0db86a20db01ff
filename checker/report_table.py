"""The table of a run, for a terminal or a log: a column a task, a row a step, time going down.

It is drawn with blanks, one rule and one bar, so that it reads the same in a terminal of 80 columns, in a CI log and in
an e-mail. The bar stands in the column of a task that is *woken but not resumed* (or cancelled and not resumed): the
window in which most bugs of synchronization primitives live, and which no line of source shows. Steps that only carry
news (the callback that resolves a checkpoint's future) have no row of their own: they are the reason of the step that
they wake. Where the columns would be too narrow to read, the table becomes a list. The loop of a run that goes on for ever
is bracketed at the left edge, between a line that says where it begins and one that says where it leads back to.

Refused: `rich.table`, which can put nothing into a cell beyond its last line, so that no bar would join up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from .endless import loop_of
from .trace import Call, Primitive, Step, Trace

__all__ = ["StepTable", "call_lines", "primitive_text"]

_MOST_ROWS = 60
_NARROWEST = 17  # of a task's column
_GAP = 2
_BAR = "|"
_MARGIN = 2  # columns at the left edge, for the bracket of a loop
_ROUND = "magenta"
_WAITERS = re.compile(r",? ?(?:waiters:\d+|_(?:getters|putters)\[\d+\])")
_RECEIVER = re.compile(r"[\w.]+(?:'s lock)?\.(?=\w+\(\)$)")


@dataclass
class _Row:
    """A step that is shown, and for each task that is woken or cancelled and has not resumed, what to say of it."""

    step: Step
    windows: dict[str, str] = field(default_factory=dict)


class StepTable:
    """The table, as something that rich can print at any width."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.verifies = trace.target.kind == "verify"
        self.loop = loop_of(trace)
        rows = list(_rows(trace.steps, {"main"} if self.verifies else set(), self.loop.first if self.loop else 0))
        self.left_out = max(0, len(rows) - _MOST_ROWS)
        self.rows = rows[self.left_out :]
        self.began_before = self.loop is not None and any(row.step.number >= self.loop.first for row in rows[: self.left_out])
        shown = {row.step.task for row in rows}
        self.tasks = [name for name in trace.tasks if name in shown]
        self.outside = any(not row.step.task for row in rows)
        self.parting = trace.parting.step if trace.parting is not None else 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        width = options.max_width
        if self.left_out:
            yield Text(f"({self.left_out} steps before these are left out; --trace FILE and --html FILE have them all)", style="dim")
        number = max(4, len(str(len(self.trace.steps))) + 1) + (_MARGIN if self.loop else 0)
        columns = [*self.tasks, *(["loop"] if self.outside else [])]
        observed = self._observed_title()
        room = width - number - _GAP * (len(columns) + bool(observed))
        share = room / (2 * len(self.tasks) + self.outside + bool(observed)) if columns else 0
        if share * 2 < _NARROWEST:
            yield from self._list(console, width, number)
        else:
            widths = [int(share * 2)] * len(self.tasks) + [int(share)] * self.outside
            yield from self._columns(console, width, number, columns, widths, observed, room - sum(widths))

    def _observed_title(self) -> str:
        names = self.trace.observed
        return "" if not names else names[0] if len(names) == 1 else "primitives"

    # --- wide: a column a task ------------------------------------------------------------------------------------

    def _columns(
        self, console: Console, width: int, number: int, columns: list[str], widths: list[int], observed: str, last: int
    ) -> Iterator[Text]:
        all_widths = [number, *widths, *([last] if observed else [])]
        titles = [Text("step".rjust(number), style="dim"), *(Text(name, style="bold") for name in columns)]
        yield _line([*titles, *([Text(observed, style="cyan")] if observed else [])], all_widths)
        yield Text("─" * (sum(all_widths) + _GAP * (len(all_widths) - 1)), style="dim")
        for row in self.rows:
            step = row.step
            yield from self._opening(console, row, width)
            cells: list[list[Text]] = [[self._number(step, number)]]
            for name, column in zip(columns, widths, strict=True):
                lines: list[Text] = []
                own = name == (step.task or "loop")
                bar = row.windows.get(name)
                room = column - 2 if bar is not None else column
                if bar:
                    bar = self._told(bar)
                    lines += _wrapped(console, Text(bar, style="yellow"), room)
                if own:
                    for text in self._cell(step):
                        lines += _wrapped(console, text, room)
                cells.append([Text(_BAR + " ", style="yellow") + line for line in lines] if bar is not None else lines)
            if observed:
                cells.append([line for text in self._primitives(step) for line in _wrapped(console, text, last)])
            height = max(map(len, cells))
            cells[0] += [self._margin(step)] * (height - 1)
            for name, cell in zip(columns, cells[1:], strict=False):
                if name in row.windows:
                    cell += [Text(_BAR, style="yellow")] * (height - len(cell))
            for line in range(height):
                yield _line([cell[line] if line < len(cell) else Text() for cell in cells], all_widths)
        yield from self._closing(console, width)

    def _number(self, step: Step, width: int) -> Text:
        margin = self._margin(step)
        mark = ">" if step.number == self.parting else ""
        return margin + Text.assemble((mark, "bold yellow"), (str(step.number).rjust(width - len(mark) - len(margin)), "dim"))

    # --- the loop -------------------------------------------------------------------------------------------------

    def _margin(self, step: Step) -> Text:
        """Return what stands at the left edge of a step's lines; nothing if the run ends."""
        if self.loop is None:
            return Text()
        return Text((_BAR if step.number >= self.loop.first else "").ljust(_MARGIN), style=_ROUND)

    def _opening(self, console: Console, row: _Row, width: int) -> Iterator[Text]:
        """Yield the line that comes before the first row of the loop; its first step may have no row, or be left out."""
        loop = self.loop
        if loop is None or row is not next((other for other in self.rows if other.step.number >= loop.first), None):
            return
        told = f"from here on it goes round: {loop.repeats}"
        if self.began_before:
            told = f"it goes round already: {loop.repeats}; where that begins is left out"
        yield from self._bracket(console, told, width)

    def _closing(self, console: Console, width: int) -> Iterator[Text]:
        """Yield the line that comes after the last row of the loop."""
        if self.loop is not None:
            told = f"now all is as it was before step {self.loop.first}: it can go on from there, for ever"
            yield from self._bracket(console, told, width)

    def _bracket(self, console: Console, told: str, width: int) -> Iterator[Text]:
        corner = "+- "
        for index, line in enumerate(_wrapped(console, Text(told, style=f"bold {_ROUND}"), width - len(corner))):
            yield Text(" " * len(corner) if index else corner, style=_ROUND) + line

    # --- narrow: a list -------------------------------------------------------------------------------------------

    def _list(self, console: Console, width: int, number: int) -> Iterator[Text]:
        task_width = min(max((len(name) for name in self.tasks), default=4), 16)
        widths = [number, task_width, width - number - task_width - 2 * _GAP]
        for row in self.rows:
            step = row.step
            yield from self._opening(console, row, width)
            texts = [*self._cell(step)]
            texts += self._primitives(step, always=True)
            waiting = [name for name in row.windows if name != step.task]
            if waiting:
                texts.append(Text(f"{_BAR} woken or cancelled, not resumed yet: {', '.join(waiting)}", style="yellow"))
            lines = [line for text in texts for line in _wrapped(console, text, widths[2])]
            name = Text(step.task or "loop", style="bold", overflow="ellipsis", no_wrap=True)
            for index, line in enumerate(lines):
                edge = self._margin(step) if index else self._number(step, number)
                yield _line([edge, Text() if index else name, line], widths)
        yield from self._closing(console, width)

    # --- what is in a cell ----------------------------------------------------------------------------------------

    def _cell(self, step: Step) -> list[Text]:
        lines = [Text(self._told(step.why), style="bold red" if step.kind == "cancel" else "dim")]
        if step.kind == "cancel":
            if step.in_window:
                lines.append(Text(f"although {step.in_window} already, and not resumed", style="red"))
            return lines
        calls = call_lines(step.calls, receivers=not self.verifies)
        what, _, held = step.waits_for.partition(", held by ")
        waiting = next((at for at, line in enumerate(calls) if line.endswith(") waits") and line.lstrip().startswith(f"{what}.")), None)
        if waiting is not None and held:
            calls[waiting] += f", held by {held}"
        lines += [Text(line) for line in calls]
        lines += [Text(note) for note in step.notes]
        if step.created:
            lines.append(Text(f"creates {', '.join(step.created)}"))
        for change in step.changes:
            if change.before is not None and change.after is not None and not self.verifies:
                name = change.name.removeprefix(f"{step.task}: ")
                lines.append(Text(f"{name}: {change.before} → {change.after}", style="bold"))
        if step.place:
            if not self.verifies and waiting is None and step.waits_for not in ("", "a checkpoint"):
                lines.append(Text(f"waits for {step.waits_for}"))
            # What the program says is wrapped; a source line is only there to be recognised.
            short = step.place.rsplit("/", 1)[-1]
            lines.append(Text.assemble(step.source, (f"  {short}", "dim"), no_wrap=True, overflow="ellipsis"))
        elif step.source:
            lines.append(Text(step.source))
        return lines

    def _told(self, text: str) -> str:
        """Return a text without the receivers of operations where there is only one that it could be."""
        return _RECEIVER.sub("", text) if self.verifies else text

    def _primitives(self, step: Step, always: bool = False) -> list[Text]:
        single = len(self.trace.observed) == 1 and not always
        return [
            Text(primitive_text(primitive) if single else f"{primitive.name}: {primitive_text(primitive)}", style="cyan")
            for primitive in step.primitives
            if primitive.name in self.trace.observed and primitive_text(primitive)
        ]


def call_lines(calls: list[Call], receivers: bool) -> list[str]:
    """Return the operations of a step, nested ones indented; private helpers and nested questions are left out."""
    lines = []
    shown: list[Call] = []
    for call in calls:
        while shown and shown[-1].depth >= call.depth:
            shown.pop()
        asks = bool(shown) and call.result.startswith("→") and not call.is_async  # a nested question, such as locked()
        if not call.operation or call.function.startswith("_") or asks:
            continue
        indent = "  " * len(shown)
        shown.append(call)
        receiver = f"{call.receiver}." if receivers and call.receiver else ""
        lines.append(f"{indent}{receiver}{call.function}({call.arguments}) {call.result or 'waits'}".replace(") returns", ")"))
    return lines


def primitive_text(primitive: Primitive) -> str:
    """Return what a primitive's column says: its state, who holds it, who waits."""
    state = _WAITERS.sub("", primitive.state)
    if primitive.holders:
        held = f"held by {', '.join(primitive.holders)}"
        state = held if state in ("", "locked") else f"{state}, {held}" if "held by" not in state else state
    if primitive.waiting and "waiting:" not in state:
        state = f"{state}; waiting: {', '.join(primitive.waiting)}" if state else f"waiting: {', '.join(primitive.waiting)}"
    return state


def _rows(steps: list[Step], hidden: set[str], loop: int) -> Iterator[_Row]:
    """Yield the steps that are shown, each with the windows that are open during it; of a loop, from step `loop` on, some are."""
    windows: dict[str, str] = {}  # task → what is still to be said of its window; "" once it has been said
    silent = loop > 0 and not any(_speaks(step) for step in steps[loop - 1 :])
    for step in steps:
        if step.kind in ("start", "resume"):
            windows.pop(step.task, None)
        row = _Row(step, {})
        for wake in step.wakes:
            if wake.task in hidden:
                continue
            if wake.cancelled:
                windows[wake.task] = f"cancelled, {windows[wake.task]}" if windows.get(wake.task) else "cancelled"
                if step.kind == "cancel" and step.task == wake.task:
                    windows[wake.task] = ""
            else:
                windows[wake.task] = f"woken by {wake.operation}" if wake.operation else "woken"
        if step.task in hidden or not (_speaks(step) or (silent and step.number >= loop)):
            continue
        row.windows = dict(windows)
        for name in windows:
            windows[name] = ""
        yield row


def _speaks(step: Step) -> bool:
    """Return True for a step that does more than carry news."""
    return bool(step.kind in ("start", "resume", "cancel", "timer") or step.notes or step.changes or step.primitives)


def _wrapped(console: Console, text: Text, width: int) -> list[Text]:
    if text.no_wrap:
        text = text.copy()
        text.truncate(width, overflow="ellipsis")
        return [text]
    indent = len(text.plain) - len(text.plain.lstrip())
    if indent and indent + 8 < width:
        body = text[indent:]
        return [Text(" " * indent) + line for line in body.wrap(console, width - indent, overflow="fold")]
    return list(text.wrap(console, width, overflow="fold"))


def _line(cells: list[Text], widths: list[int]) -> Text:
    line = Text(no_wrap=True)
    for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        cell = cell.copy()
        cell.truncate(width, overflow="ellipsis", pad=index < len(widths) - 1)
        line.append_text(cell)
        if index < len(widths) - 1:
            line.append(" " * _GAP)
    return line
