"""What the program under test may do to its process: each kind ends only its own target, with its place; the others run."""

import re
import sys

import pytest

from treadle.checker.gate.crashes import ending_of, place_in_dump
from treadle.checker.gate.jobs import Asked
from treadle.checker.gate.worker import described

from .conftest import GOOD, results_of

# One run is enough for most of these tests: under xdist, one worker runs them.
pytestmark = pytest.mark.xdist_group("gate-crashes")

LOOPS = """
from treadle.checker import checkpoint

async def scenario():
    await checkpoint()
    while True:
        pass
"""

CRASHES = """
import ctypes, os, sys
from treadle.checker import checkpoint

async def scenario_exits():
    await checkpoint()
    sys.exit(0)

async def scenario_ends_the_process():
    await checkpoint()
    os._exit(0)

async def scenario_aborts():
    await checkpoint()
    os.abort()

async def scenario_is_killed():
    await checkpoint()
    os.kill(os.getpid(), 9)

async def scenario_segfaults():
    await checkpoint()
    ctypes.string_at(0)

async def scenario_recurses():
    def deeper():
        deeper()
    deeper()

async def scenario_overflows_the_stack():
    nested = None
    for _ in range(10**5):
        nested = [nested]
    sys.setrecursionlimit(10**9)
    repr(nested)

async def scenario_eats_memory():
    hog = []
    while True:
        hog.append(bytearray(10**6))

async def scenario_eats_memory_at_once():
    hog = bytearray(2 * 10**9)  # never touched, so that it is no memory in use

async def scenario_is_fenced():
    import time
    time.sleep(1)

async def scenario_is_not_deterministic():
    with open("runs", "a+") as file:
        file.write("x")
        runs = file.tell()
    if runs % 2:
        await checkpoint()
"""

OVERFLOW = ("inconclusive", "the interpreter crashed (SIGSEGV") if sys.version_info < (3, 12) else ("violated", "RecursionError")

# verdict, what the message says, the source line that is named
EXPECTED = {
    "exits": ("violated", "a callback raised SystemExit", r"sys\.exit\(0\)"),
    "ends_the_process": ("inconclusive", "ended the process with os._exit(0)", r"os\._exit\(0\)"),
    "aborts": ("inconclusive", "ended the process with os.abort()", r"os\.abort\(\)"),
    "is_killed": ("inconclusive", "the process was killed (SIGKILL)", None),
    "segfaults": ("inconclusive", "the interpreter crashed (SIGSEGV", r"ctypes\.string_at\(0\)"),
    "recurses": ("violated", "RecursionError", r"deeper\(\)"),
    "overflows_the_stack": (*OVERFLOW, r"repr\(nested\)"),
    "eats_memory": ("inconclusive", "300 MB of memory (--max-memory)", r"(hog\.append|while True)"),
    "eats_memory_at_once": ("inconclusive", "300 MB of memory (--max-memory)", r"hog = bytearray"),
    "is_not_deterministic": ("inconclusive", "the program is not deterministic", None),
    "is_fenced": ("inconclusive", "time.sleep() was called inside the simulation", r"time\.sleep\(1\)"),
}


@pytest.fixture(scope="module")
def crashed(module_project):
    """Everything that crashes, and one that does not, in one run."""
    module_project.write(crashing=CRASHES, looping=LOOPS, good=GOOD)
    module_project.configure(
        "[tool.treadle]\nmax-memory = 300\ntargets = [\n"
        '  { check = "crashing.py" },\n  { check = "looping.py", step-timeout = 1 },\n  { check = "good.py" },\n]\n'
    )
    return module_project.document()


def test_the_others_are_still_checked(crashed):
    code, document = crashed
    assert code == 1
    assert document["verdict"] == "violated"
    assert results_of(document)["good.py::scenario"]["verdict"] == "verified"


@pytest.mark.parametrize("what", EXPECTED)
def test_verdict_message_and_place(crashed, what):
    verdict, message, source = EXPECTED[what]
    result = results_of(crashed[1])[f"crashing.py::scenario_{what}"]
    assert (result["verdict"], message in result["message"]) == (verdict, True), result["message"]
    place = result["violations"][0]["place"] if verdict == "violated" else result["place"]
    if source is None:
        assert place is None
    else:
        assert place["file"] == "crashing.py"
        assert re.search(source, place["source"]), place


def test_an_endless_loop_in_a_step(crashed):
    result = results_of(crashed[1])["looping.py::scenario"]
    assert result["verdict"] == "inconclusive"
    assert "a step did not end within 1 seconds (step-timeout)" in result["message"]
    assert (result["place"]["file"], result["place"]["function"]) == ("looping.py", "scenario")
    assert result["place"]["line"] in (6, 7)


def test_alone_an_undecided_target_exits_with_3(project):
    project.write(crashing=CRASHES)
    project.configure('[tool.treadle]\ntargets = [{ check = "crashing.py::scenario_ends_the_process" }]\n')
    code, out, err = project.gate()
    assert (code, err) == (3, "")
    assert "at crashing.py:11: os._exit(0)" in out
    assert project.gate("--allow-bounded")[0] == 0


def test_what_was_found_before_the_end_of_the_budget_is_kept(project):
    project.write(
        wide="from treadle.checker import choose\n\n"
        "async def scenario():\n    for _ in range(9):\n        choose(9)\n"
        "        [None for _ in range(10_000)]\n"
    )
    project.configure('[tool.treadle]\ntargets = [{ check = "wide.py", budget = 0.5, merge = "off" }]\n')
    code, document = project.document()
    (result,) = document["results"]
    assert (code, result["verdict"]) == (3, "bounded")
    assert result["stats"]["executions"] > 1
    assert "the limit of" in result["message"]


HOG = "import resource\n\nasync def scenario():\n    hog = []\n    while True:\n        hog.append(bytearray(10**6))\n"


@pytest.mark.parametrize("guard", ["from outside", "from inside"])
def test_memory_is_limited_twice(project, monkeypatch, guard):
    """Whoever has the one limit lifted meets the other."""
    if guard == "from inside":
        monkeypatch.setattr("treadle.checker.gate.children._resident", lambda pid: 0)
        project.write(hog=HOG)
    else:
        lift = "    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        project.write(hog=HOG.replace("    hog = []\n", lift + "    hog = []\n"))
    project.configure('[tool.treadle]\nmax-memory = 300\ntargets = [{ check = "hog.py" }]\n')
    code, document = project.document()
    (result,) = document["results"]
    assert (code, result["verdict"]) == (3, "inconclusive")
    assert "300 MB of memory (--max-memory)" in result["message"]


def test_a_loop_in_c_is_left_to_the_budget(project, monkeypatch):
    """Nothing in the process can see it: no signal handler of Python runs until C comes back."""
    monkeypatch.setattr("treadle.checker.gate.children._OVERTIME", (1.0, 0.5))
    monkeypatch.setattr("treadle.checker.gate.children.GRACE", 0.5)
    project.write(deep="async def scenario():\n    'ab' in 'a' * 10\n    sum(iter(int, 1))\n")
    project.configure('[tool.treadle]\ntargets = [{ check = "deep.py", budget = 1, step-timeout = 0.5 }]\n')
    code, document = project.document()
    (result,) = document["results"]
    assert (code, result["verdict"]) == (3, "inconclusive")
    assert "its budget of 1 seconds was over" in result["message"]
    assert (result["place"]["line"], result["place"]["source"]) == (3, "sum(iter(int, 1))")


def test_a_defect_of_ours_is_called_that():
    def fails():
        raise LookupError("gone")

    with pytest.raises(LookupError) as caught:
        fails()
    message, place = described(caught.value, Asked([]))
    assert re.match(r"treadle failed with LookupError: gone \(test_crashes\.py:\d+\); that is a defect of treadle", message)
    assert place.source == 'raise LookupError("gone")'


class TestReadingWhatIsLeft:
    def test_the_innermost_frame_of_the_program(self, tmp_path):
        file = tmp_path / "theirs.py"
        file.write_text("one\ntwo\n", encoding="utf-8")
        dump = (
            "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f (most recent call first):\n"
            f'  File "{re.__file__}", line 5 in search\n  File "{file}", line 2 in inner\n  File "{file}", line 1 in outer\n'
        )
        place = place_in_dump(dump)
        assert (place.line, place.function, place.source) == (2, "inner", "two")

    def test_no_frame_of_the_program(self):
        assert place_in_dump("") is None
        assert place_in_dump(f'Current thread 0x1 (most recent call first):\n  File "{re.__file__}", line 5 in search\n') is None

    @pytest.mark.parametrize(
        ("code", "dump", "printed", "said"),
        [
            (3, "", "", "the process ended by itself, with exit code 3"),
            (0, "", "one\n\ntwo\n", "the last that it printed: one | two"),
            (-9, "", "", "SIGKILL); often the system does that when memory runs out"),
            (-11, "Fatal Python error: Segmentation fault\n", "", "the interpreter crashed (SIGSEGV: Segmentation fault)"),
            (-11, "Fatal Python error: Segmentation fault\n" + "\n  File x" * 60, "", "a stack overflow, most likely"),
        ],
    )
    def test_how_it_ended(self, code, dump, printed, said):
        assert said in ending_of(code, dump, printed)
