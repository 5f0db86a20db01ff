"""Traces in the formats of other viewers: each is held to its grammar, and to what the trace says."""

import itertools
import json
import re
import shutil
import subprocess
from collections import Counter

import mishaps
import pytest
from hostile import HOSTILE, hostile_trace, long_trace
from recorded_runs import recorded
from test_commands import treadle

from treadle.checker.formats import FORMATS, export
from treadle.checker.trace import save_trace


@pytest.fixture(scope="module")
def traces():
    return {
        "lost permit": recorded("semaphore", tasks=2, cancel=1),
        "deadlock": recorded(mishaps.deadlock),
        "lost update": recorded(mishaps.lost_update),
        "queue": recorded(mishaps.queue),
        "long": long_trace(200),
        **{each.__name__: recorded(each) for each in (mishaps.livelock, mishaps.starvation, mishaps.only_callbacks)},
        **{f"hostile {number}": hostile_trace(text) for number, text in enumerate(HOSTILE)},
    }


ENDLESS = ["livelock", "starvation", "only_callbacks"]
NAMES = ["lost permit", "deadlock", "lost update", "queue", "long", *ENDLESS, *(f"hostile {number}" for number in range(len(HOSTILE)))]
every_loop = pytest.mark.parametrize("name", ENDLESS)
every_trace = pytest.mark.parametrize("name", NAMES)


class TestPerfetto:
    @every_trace
    def test_every_event_has_what_its_kind_needs(self, traces, name):
        document = json.loads(export(traces[name], "perfetto"))
        needed = {"X": {"ts", "dur", "pid", "tid", "name"}, "b": {"ts", "id", "cat", "name"}, "i": {"ts", "s", "tid"}, "C": {"ts", "args"}}
        for event in document["traceEvents"]:
            assert needed.get(event["ph"], {"ph"}) <= event.keys()
            assert event.get("ts", 0) >= 0

    @every_trace
    def test_slices_of_a_thread_do_not_overlap_and_pairs_match(self, traces, name):
        events = json.loads(export(traces[name], "perfetto"))["traceEvents"]
        slices = sorted((event["tid"], event["ts"], event["ts"] + event["dur"]) for event in events if event["ph"] == "X")
        for (thread, _, end), (following, begin, _) in itertools.pairwise(slices):
            assert thread != following or begin >= end
        begins, ends = (Counter(event["id"] for event in events if event["ph"] == kind) for kind in "be")
        assert begins == ends
        starts, arrivals = ({event["id"] for event in events if event["ph"] == kind} for kind in "sf")
        assert arrivals <= starts

    def test_a_thread_is_a_task_and_the_window_is_on_it(self, traces):
        events = json.loads(export(traces["lost permit"], "perfetto"))["traceEvents"]
        threads = {event["args"]["name"]: event["tid"] for event in events if event["name"] == "thread_name"}
        assert {"A", "B", "main"} <= threads.keys()
        (window,) = [event for event in events if event["ph"] == "b" and "release()" in event["name"]]
        assert window["tid"] == threads["B"]
        (strike,) = [event for event in events if event["ph"] == "i"]
        assert (strike["tid"], strike["name"]) == (threads["B"], "cancelled from outside")

    def test_numbers_are_counters(self, traces):
        events = json.loads(export(traces["lost update"], "perfetto"))["traceEvents"]
        values = [event["args"]["value"] for event in events if event["ph"] == "C" and event["name"] == "account.balance"]
        assert values == [0, 1, 2]

    @every_loop
    def test_the_loop_is_a_slice_from_its_first_step_to_the_end(self, traces, name):
        trace = traces[name]
        events = json.loads(export(trace, "perfetto"))["traceEvents"]
        begin, end = (next(event for event in events if event["ph"] == kind and event["cat"] == "loop") for kind in "be")
        steps = [event["args"]["step"] for event in events if event["ph"] == "X" and begin["ts"] <= event["ts"] < end["ts"]]
        assert steps == list(range(trace.loop, len(trace.steps) + 1))
        (back,) = [event for event in events if event["ph"] == "i"]
        assert (back["ts"], back["name"]) == (end["ts"], f"back to the state before step {trace.loop}, for ever")


MERMAID = [
    re.compile(pattern)
    for pattern in (
        r'---|title: "(?:[^"\\]|\\.)*"|sequenceDiagram',
        r"    participant \w+ as [^;#]*(?:#\d+;[^;#]*)*",
        r"    Note over p\d+(?:,p\d+)?: [^;#]*(?:#\d+;[^;#]*)*",
        r"    (?:p\d+|out)-[x)]p\d+: [^;#]*(?:#\d+;[^;#]*)*",
        r"    loop for ever: steps? [^;#]*(?:#\d+;[^;#]*)*|    end",
    )
]


class TestMermaid:
    @every_trace
    def test_every_line_is_a_statement(self, traces, name):
        lines = export(traces[name], "mermaid").splitlines()
        assert lines[3] == "sequenceDiagram"
        assert [line for line in lines if not any(pattern.fullmatch(line) for pattern in MERMAID)] == []

    @every_trace
    def test_who_speaks_is_a_participant(self, traces, name):
        text = export(traces[name], "mermaid")
        declared = set(re.findall(r"^    participant (\w+) as", text, re.MULTILINE))
        used = set(re.findall(r"^    Note over (p\d+)", text, re.MULTILINE))
        used |= set(re.findall(r"^    (?!Note|participant)(\w+)-", text, re.MULTILINE))
        assert used <= declared

    def test_it_tells_the_story(self, traces):
        text = export(traces["lost permit"], "mermaid")
        assert "-)p1: release()" in text
        assert "out-xp1: 10 cancel, woken and not resumed" in text
        assert "here the nearest passing run parts: go on" in text

    @every_loop
    def test_what_repeats_is_in_a_block(self, traces, name):
        trace = traces[name]
        before, _, rest = export(trace, "mermaid").partition("    loop for ever: ")
        inside, _, after = rest.partition("    end\n")
        assert after == ""
        numbers = [[int(number) for number in re.findall(r"Note over p\d+: (\d+) ", text)] for text in (before, inside)]
        assert max(numbers[0]) < trace.loop <= min(numbers[1])

    def test_a_run_that_ends_has_no_block(self, traces):
        assert not re.search("^    (loop|end)", export(traces["deadlock"], "mermaid"), re.MULTILINE)


class TestItf:
    @every_trace
    def test_every_state_has_every_variable(self, traces, name):
        document = json.loads(export(traces[name], "itf"))
        assert len(document["states"]) == len(traces[name].steps)
        for index, state in enumerate(document["states"]):
            assert state["#meta"]["index"] == index
            assert set(state) == {"#meta", *document["vars"]}

    def test_states_are_the_sum_of_the_changes(self, traces):
        last = json.loads(export(traces["deadlock"], "itf"))["states"][-1]
        assert dict(last["holders"]["#map"]) == {"blue": {"#set": ["bob"]}, "red": {"#set": ["alice"]}}
        assert dict(last["waiting"]["#map"]) == {"blue": ["alice"], "red": ["bob"]}
        assert dict(last["tasks"]["#map"])["alice"] == "waits for blue, held by bob"

    def test_what_is_gone_is_gone(self, traces):
        states = [dict(state["values"]["#map"]) for state in json.loads(export(traces["lost update"], "itf"))["states"]]
        assert [state.get("account.balance") for state in states][-3:] == ["2", None, None]

    def test_the_window_is_in_the_state(self, traces):
        states = json.loads(export(traces["lost permit"], "itf"))["states"]
        assert dict(states[8]["tasks"]["#map"])["B"] == "woken, has not resumed"
        assert dict(states[9]["tasks"]["#map"])["B"] == "cancelled, has not resumed"

    @every_loop
    def test_the_states_from_the_loop_on_repeat(self, traces, name):
        """So the last one is what was before the first of them, but for what says which step led there."""
        document = json.loads(export(traces[name], "itf"))
        before, last = document["states"][document["loop"] - 1], document["states"][-1]
        told = ("#meta", "running", "why")
        assert {key: value for key, value in before.items() if key not in told} == {
            key: value for key, value in last.items() if key not in told
        }
        assert document["states"][document["loop"]]["#meta"]["index"] == traces[name].loop - 1

    def test_a_run_that_ends_has_no_loop(self, traces):
        assert "loop" not in json.loads(export(traces["deadlock"], "itf"))


class TestDot:
    @every_trace
    @pytest.mark.skipif(shutil.which("dot") is None, reason="no Graphviz: apt-get install graphviz")
    def test_graphviz_reads_it(self, traces, name):
        text = export(traces[name], "dot")
        done = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    def test_the_way_not_taken_that_passes(self, traces):
        text = export(traces["lost permit"], "dot")
        assert text.count('label="passes"') == 1
        assert 'label="permits-conserved"' in text

    def test_a_circle_of_waits(self, traces):
        text = export(traces["deadlock"], "dot")
        assert re.search(r'\[shape=box, label="alice", color=red\]', text)
        assert text.count('label="held by"') >= 2

    def test_an_edge_leads_back_into_the_loop(self, traces):
        """To its first choice, if it has one."""
        assert re.search(
            r'^  end -> s17 \[.*label="steps 17–26 can repeat for ever"\];$', export(traces["starvation"], "dot"), re.MULTILINE
        )
        assert re.search(r'^  end -> end \[.*label="step 10 can repeat for ever"\];$', export(traces["livelock"], "dot"), re.MULTILINE)
        assert "end -> " not in export(traces["deadlock"], "dot")


def test_the_command_writes_every_format(traces, tmp_path):
    file = tmp_path / "trace.json"
    save_trace(traces["deadlock"], str(file))
    for name in FORMATS:
        code, out, err = treadle("trace", "export", file, "--format", name)
        assert (code, err) == (0, "")
        assert out == export(traces["deadlock"], name)
        target = tmp_path / name
        assert treadle("trace", "export", file, "--format", name, "-o", target) == (0, "", "")
        assert target.read_text(encoding="utf-8") == out


def test_an_unknown_format_is_one_message(traces, tmp_path):
    file = tmp_path / "trace.json"
    save_trace(traces["deadlock"], str(file))
    code, _, err = treadle("trace", "export", file, "--format", "pdf")
    assert code == 2
    assert "unknown format 'pdf'; expected one of perfetto, mermaid, itf, dot" in err
