"""The printed report of a trace, held to golden files; renewed with `TREADLE_GOLDEN=write pytest tests/traces`, then read."""

import io
import os
from pathlib import Path

import mishaps
import pytest
from recorded_runs import recorded
from rich.console import Console

from treadle.checker.console import show
from treadle.checker.report import plain_text, render_recorded
from treadle.checker.report_table import StepTable, call_lines, primitive_text
from treadle.checker.trace import Call, Parting, Primitive, Step, Target, Trace, Wake

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
REPORTS = {  # file → what, tasks, cancellations, columns
    "trace_deadlock_80.txt": (mishaps.deadlock, 2, 0, 80),
    "trace_lost_permit_80.txt": ("semaphore", 2, 1, 80),
    "trace_order_100.txt": (mishaps.order_matters, 2, 0, 100),
    "trace_mailbox_120.txt": (mishaps.mailbox, 2, 0, 120),
    "trace_many_tasks_80.txt": (mishaps.many_tasks, 2, 0, 80),
    "trace_livelock_80.txt": (mishaps.livelock, 2, 0, 80),
    "trace_starvation_80.txt": (mishaps.starvation, 2, 0, 80),
    "trace_half_deadlock_120.txt": (mishaps.half_deadlock, 2, 0, 120),
}


@pytest.mark.parametrize("name", REPORTS)
def test_report(name):
    what, tasks, cancel, width = REPORTS[name]
    trace = recorded(what, tasks=tasks, cancel=cancel)
    trace.versions["python"] = "3.X.Y"
    text = plain_text([render_recorded(trace)], width)
    if os.environ.get("TREADLE_GOLDEN") == "write":
        (GOLDEN / name).write_text(text, encoding="utf-8")
    assert (GOLDEN / name).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
@pytest.mark.parametrize("what", [mishaps.deadlock, mishaps.many_tasks, mishaps.queue, mishaps.livelock, mishaps.starvation])
def test_no_line_is_longer_than_the_terminal_is_wide(what, width):
    lines = plain_text([render_recorded(recorded(what))], width).splitlines()
    assert max(map(len, lines)) <= width


def trace_of(*steps, tasks=("A", "B"), observed=(), loop=0):
    return Trace(
        version=2, target=Target("check", "x.py::x"), scope={}, versions={}, schedule=[], steps=list(steps), tasks=list(tasks),
        observed=list(observed), sources=[], digest="", violation=None, loop=loop,
    )  # fmt: skip


def table(trace, width=80):
    return plain_text([StepTable(trace)], width)


def column_of(text, name):
    """Return what stands in a task's column, line by line."""
    lines = text.splitlines()
    start = lines[0].index(name)
    following = [lines[0].index(other) for other in ("B", "C") if other in lines[0] and lines[0].index(other) > start]
    end = min(following, default=None)
    return [line[start:end].rstrip() for line in lines[2:]]


def test_the_window_is_a_bar_without_gaps_from_the_wake_to_the_resumption():
    text = table(
        trace_of(
            Step(1, 1, "start", "A", "starts", place="x.py:1", source="await one()", wakes=[Wake("B", "lock.release()", False)]),
            Step(2, 1, "start", "A", "starts", place="x.py:1", source="await one()", notes=["a note", "and another"]),
            Step(3, 1, "resume", "B", "woken by A: lock.release()", place="x.py:1", source="await two()"),
            Step(4, 1, "resume", "A", "goes on", place="x.py:1", source="await one()"),
        )
    )
    cells = column_of(text, "B")
    assert cells[0] == "| woken by lock.release()"
    assert cells[1:6] == ["|"] * 5
    assert cells[6].startswith("woken by A")
    assert not any(cell.startswith("|") for cell in cells[6:])


def test_a_cancellation_outside_of_any_window_claims_none():
    text = table(
        trace_of(
            Step(1, 1, "start", "B", "starts", place="x.py:1", source="await two()"),
            Step(2, 1, "cancel", "B", "cancelled from outside", wakes=[Wake("B", "cancel()", True)]),
            tasks=("B",),
        )
    )
    assert "cancelled from outside" in text
    assert "although" not in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_log_of_any_encoding_takes_the_report(encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    show(Console(file=stream, width=80), render_recorded(recorded(mishaps.deadlock)))
    stream.seek(0)
    lines = stream.read().splitlines()
    assert any(line.startswith("  alice waits for blue") for line in lines)
    assert max(map(len, lines)) <= 80


def test_it_needs_no_more_than_ascii_for_its_shape():
    text = table(trace_of(Step(1, 1, "start", "A", "starts", place="x.py:1", source="x")))
    assert set(text) - {"─"} <= {chr(code) for code in range(127)}


def test_a_long_run_shows_its_end_and_says_what_it_leaves_out():
    steps = [Step(number, number, "resume", "A", "goes on", place="x.py:1", source="x") for number in range(1, 101)]
    text = table(trace_of(*steps))
    assert "(40 steps before these are left out" in text
    assert " 100 " in text
    assert "\n   40 " not in text


def test_nested_questions_and_private_helpers_are_left_out_of_a_short_table():
    calls = [
        Call(0, "", "main", "", "", True, True, False),
        Call(1, "lock", "acquire", "", "→ True", False, True, True),
        Call(2, "lock", "locked", "", "→ False", False, False, True),
        Call(1, "lock", "release", "", "returns", False, False, True),
        Call(2, "lock", "_wake_next", "", "returns", False, False, True),
        Call(1, "lock", "locked", "", "→ True", False, False, True),
    ]
    assert call_lines(calls, receivers=True) == ["lock.acquire() → True", "lock.release()", "lock.locked() → True"]


@pytest.mark.parametrize(
    ("primitive", "text"),
    [
        (Primitive("lock", "locked, waiters:1", ["A"], ["B"]), "held by A; waiting: B"),
        (Primitive("lock", "unlocked", [], []), "unlocked"),
        (Primitive("pool", "", [], ["B"]), "waiting: B"),
        (Primitive("pool", "", ["A"], ["B"]), "held by A; waiting: B"),
        (Primitive("semaphore", "0 free, held by A; waiting: B", ["A"], ["B"]), "0 free, held by A; waiting: B"),
    ],
)
def test_who_holds_and_who_waits_is_said_once(primitive, text):
    assert primitive_text(primitive) == text


def spin(number, task="A"):
    return Step(number, number, "resume", task, "goes on after a bare yield", place="x.py:1", source="await sleep(0)")


def news(number):
    return Step(number, number, "callback", "", "callback f")


class TestLoop:
    @pytest.mark.parametrize("width", [80, 30])
    def test_the_rows_of_the_loop_are_in_a_bracket_without_gaps(self, width):
        lines = table(trace_of(*(spin(number) for number in range(1, 6)), tasks=["A"], loop=4), width).splitlines()
        begins, ends = (number for number, line in enumerate(lines) if line.startswith("+- "))
        assert lines[begins].startswith("+- from here on")
        inside = [line for line in lines[begins:ends] if not line.startswith(("+- ", "   "))]  # without what is left of a long line
        assert inside
        assert all(line.startswith("| ") for line in inside)
        assert [line.split()[1] for line in inside if line.split()[1].isdigit()] == ["4", "5"]
        assert not any(line.startswith("|") for line in [*lines[:begins], *lines[ends:]])

    @pytest.mark.parametrize("width", [80, 30])
    def test_a_loop_that_begins_with_a_step_without_a_row_begins_all_the_same(self, width):
        text = table(trace_of(spin(1), news(2), spin(3), news(4), tasks=["A"], loop=2), width)
        assert "steps 2–4 can repeat" in " ".join(text.split())
        assert text.index("+- from") < text.index("|    3") < text.index("+- now")

    @pytest.mark.parametrize("width", [80, 30])
    def test_a_loop_in_which_no_step_has_a_row_is_shown_by_what_it_has(self, width):
        text = table(trace_of(spin(1), news(2), news(3), tasks=["A"], loop=2), width)
        assert "|    2" in text
        assert "|    3" in text

    def test_of_a_loop_that_is_too_long_it_is_said_where_it_begins(self):
        text = table(trace_of(*(spin(number) for number in range(1, 101)), tasks=["A"], loop=20))
        assert "+- it goes round already: steps 20–100 can repeat for ever; where that begins is left out" in " ".join(text.split())
        assert text.count("+- ") == 2
        assert "|   41 " in text

    def test_a_loop_within_what_is_left_of_a_long_run_begins_where_it_does(self):
        text = table(trace_of(*(spin(number) for number in range(1, 101)), tasks=["A"], loop=41))
        assert "left out" in text.splitlines()[0]
        assert "+- from here on it goes round: steps 41–100 can repeat for ever" in text

    def test_the_mark_of_the_parting_run_stays(self):
        trace = trace_of(spin(1), spin(2), tasks=["A"], loop=2)
        trace.parting = Parting(0, 2, "this", "that", [1], [])
        assert "| >  2" in table(trace)

    @pytest.mark.parametrize("loop", [0, -1, 3])
    def test_a_run_that_ends_has_no_bracket(self, loop):
        text = table(trace_of(spin(1), spin(2), tasks=["A"], loop=loop))
        assert "+-" not in text
        assert text.splitlines()[0].startswith("step")
