"""What becomes of an endless run that was found: its trace, and replays of it."""

import contextlib
import io
import json

import pytest

from treadle.checker.cli import run
from treadle.checker.trace import load_trace

SOURCE = """import asyncio
from treadle.checker import checkpoint, choose


async def scenario_stuck():
    stop = False

    async def spinner():
        while not stop:
            await asyncio.sleep(0)

    async def stopper():
        nonlocal stop
        await checkpoint()
        if choose(2):
            stop = True

    await asyncio.gather(spinner(), stopper())


async def scenario_misses():
    up = False

    async def flicker():
        nonlocal up
        while True:
            up = True
            await checkpoint()
            up = False
            await checkpoint()

    async def watch():
        while not up:
            await checkpoint()

    task = asyncio.create_task(flicker())
    await watch()
    task.cancel()
"""


def treadle(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return code, " ".join(out.getvalue().split()), err.getvalue()


@pytest.fixture(params=["scenario_stuck", "scenario_misses"])
def traced(request, tmp_path, monkeypatch):
    """A program and the trace of a lasso of it; names are new for every test, so that no module is loaded already."""
    monkeypatch.setenv("COLUMNS", "200")
    program = tmp_path / f"program_{request.node.name.partition('[')[0]}_{request.param}.py"
    program.write_text(SOURCE, encoding="utf-8")
    file = tmp_path / "trace.json"
    code, out, err = treadle("check", f"{program}::{request.param}", "--contract", "stock", "--strict", "--trace", file)
    assert code == 1, (out, err)
    return program, file


def test_a_trace_says_where_its_loop_begins(traced):
    _, file = traced
    trace = load_trace(str(file))
    assert trace.violation.property == "progress"
    assert 1 < trace.loop <= len(trace.steps)
    assert trace.scope["lasso"]["end"] == len(trace.schedule)


def test_replay_closes_the_loop_again(traced):
    _, file = traced
    code, out, err = treadle("replay", file)
    assert (code, err) == (0, "")
    assert "replayed: progress: " in out


def test_replay_on_asyncios_own_loop_confirms_it(traced):
    _, file = traced
    code, out, _ = treadle("replay", file, "--stock")
    assert code == 0
    assert "confirmed on asyncio's own event loop" in out


CHANGES = {"scenario_stuck": ("not stop", "not (stop or choose(2))"), "scenario_misses": ("not up", "not (up or choose(2))")}


def test_a_program_whose_loop_does_not_close_is_not_reproduced(traced):
    program, file = traced
    (change,) = (change for scenario, change in CHANGES.items() if scenario in program.name)
    changed = program.with_name(f"changed_{program.name}")
    changed.write_text(SOURCE.replace(*change), encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8").replace(program.name, changed.name), encoding="utf-8")
    code, out, _ = treadle("replay", file)
    assert code == 3
    assert "not reproduced" in out


def test_a_trace_of_an_older_treadle_still_loads(traced):
    _, file = traced
    document = json.loads(file.read_text(encoding="utf-8"))
    del document["loop"]
    del document["scope"]["lasso"]
    file.write_text(json.dumps(document), encoding="utf-8")
    assert load_trace(str(file)).loop == 0
    assert treadle("trace", "show", file)[0] == 0
