"""`treadle replay --pdb STEP`: what a person who types into the debugger sees."""

import json
import subprocess
import sys

import pytest

SCENARIO = '''\
import asyncio
from treadle.checker import checkpoint

async def scenario():
    shared = []
    async def child(number):
        before = len(shared)
        await checkpoint()
        shared.append(number + before)
    await asyncio.gather(child(1), child(2))
    assert shared != [1, 2]
'''


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("debugger")
    (folder / "shared.py").write_text(SCENARIO)
    treadle(folder, "check", "shared.py", "--trace", "trace.json", code=1)
    return folder


def treadle(folder, *arguments, typed="", code=0):
    done = subprocess.run(
        [sys.executable, "-m", "treadle.checker.cli", *arguments], cwd=folder, input=typed, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def step_of(folder, task, why):
    steps = json.loads((folder / "trace.json").read_text())["steps"]
    return next(step["number"] for step in steps if step["task"] == task and why in step["why"])


def test_stops_where_the_step_begins_and_the_run_repeats_its_violation(trace):
    number = step_of(trace, "Task-2", "checkpoint")
    shown = treadle(trace, "replay", "trace.json", "--pdb", str(number), typed="p number, before, shared\nn\np __name__[:6]\nc\n")
    assert f"step {number}: Task-2" in shown
    assert "-> await checkpoint()" in shown
    assert "(2, 0, [1])" in shown
    assert "-> shared.append(number + before)" in shown
    assert "the run ended: assertion:" in shown


def test_shows_the_frames_of_the_program_only(trace):
    shown = treadle(trace, "replay", "trace.json", "--pdb", "2", typed="where\nc\n")
    assert "child()" in shown
    assert "scheduling.py" not in shown
    assert "cli.py" not in shown


def test_leaving_lets_the_run_go_on(trace):
    shown = treadle(trace, "replay", "trace.json", "--pdb", "2", typed="q\n")
    assert "the run ended: assertion:" in shown
    assert "BdbQuit" not in shown


def test_a_step_that_does_not_exist(trace):
    shown = treadle(trace, "replay", "trace.json", "--pdb", "99", code=2)
    assert "--pdb 99: the trace has the steps 1 to" in shown
    assert "Traceback" not in shown
