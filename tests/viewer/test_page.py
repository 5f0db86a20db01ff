"""The page of a trace as text: one file, nothing from elsewhere, nothing of the program that a browser could execute."""

import json
import re
from html.parser import HTMLParser

import mishaps
import msgspec
import pytest
from hostile import HOSTILE, hostile_trace
from recorded_runs import recorded
from test_commands import treadle

from treadle.checker.report import plain_text, render_recorded
from treadle.checker.trace import Trace, load_trace, save_trace
from treadle.checker.viewer import page


class Elements(HTMLParser):
    """Collects tags with their attributes, and the text of scripts."""

    def __init__(self):
        super().__init__()
        self.tags = []
        self.texts = {}
        self._open = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = dict(attrs).get("id", tag)

    def handle_data(self, data):
        self.texts[self._open] = self.texts.get(self._open, "") + data


def parsed(text):
    elements = Elements()
    elements.feed(text)
    return elements


@pytest.fixture(scope="module")
def deadlock():
    return recorded(mishaps.deadlock)


def test_nothing_is_fetched_from_anywhere(deadlock):
    elements = parsed(page(deadlock))
    assert not [tag for tag, attributes in elements.tags if tag in ("link", "img", "iframe", "object", "embed") or "src" in attributes]
    assert not re.search(r"@import|url\((?!#)", page(deadlock))
    (policy,) = [attributes["content"] for tag, attributes in elements.tags if attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")


def test_the_data_is_the_trace(deadlock):
    assert msgspec.convert(json.loads(parsed(page(deadlock)).texts["trace"]), Trace) == deadlock


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_the_program_becomes_a_tag(text):
    harmless, hostile = parsed(page(hostile_trace("harmless"))), parsed(page(hostile_trace(text)))
    assert hostile.tags == harmless.tags
    assert json.loads(hostile.texts["trace"])["tasks"] == ["main", text.replace("\ud800", "?")]  # half a character has no UTF-8


def test_a_trace_without_steps_or_violation_has_a_page(deadlock):
    empty = Trace(
        version=2, target=deadlock.target, scope=deadlock.scope, versions=deadlock.versions, schedule=[], steps=[], tasks=[], observed=[],
        sources=[], digest="", violation=None,
    )  # fmt: skip
    assert "Nothing is violated" in page(empty)


def test_the_command_writes_what_check_writes(deadlock, tmp_path):
    trace, first, second = tmp_path / "t.json", tmp_path / "1.html", tmp_path / "2.html"
    code, out, _ = treadle("check", "examples/bank.py::scenario_lost_update", "--trace", trace, "--html", first)
    assert code == 1
    assert f"step through it in a browser: {first}" in out
    assert treadle("trace", "html", trace, "-o", second) == (0, "", "")
    assert first.read_text(encoding="utf-8") == second.read_text(encoding="utf-8")
    code, out, _ = treadle("trace", "html", trace, "-o", "-")
    assert out == second.read_text(encoding="utf-8")


def test_a_replay_has_a_page_too(deadlock, tmp_path):
    trace, file = tmp_path / "t.json", tmp_path / "t.html"
    save_trace(deadlock, str(trace))
    code, _, _ = treadle("replay", trace, "--html", file)
    assert code == 0
    assert "alice waits for blue" in file.read_text(encoding="utf-8")


def test_a_folder_that_is_not_there_is_one_message(deadlock, tmp_path):
    trace = tmp_path / "t.json"
    save_trace(deadlock, str(trace))
    code, _, err = treadle("trace", "html", trace, "-o", tmp_path / "nowhere" / "t.html")
    assert code == 2
    assert "give a file in a folder that exists" in err


def test_the_page_and_the_report_say_what_came_of_it_on_asyncios_own_loop(tmp_path):
    trace, html = tmp_path / "t.json", tmp_path / "t.html"
    treadle("check", "examples/philosophers.py::scenario_deadlock", "--trace", trace, "--html", html)
    confirmed = "confirmed on asyncio's own event loop: a violation of no-deadlock"
    assert load_trace(str(trace)).confirmation == confirmed
    assert confirmed.replace("'", "&#39;") in html.read_text(encoding="utf-8")
    _, shown, _ = treadle("trace", "show", trace)
    assert confirmed in " ".join(shown.split())


@pytest.mark.parametrize(("lasso", "kind"), [({"inevitable": False, "who": ""}, "warning"), ({"inevitable": True, "who": ""}, "violated")])
def test_a_run_that_only_need_not_end_is_a_warning(lasso, kind, deadlock):
    endless = msgspec.structs.replace(deadlock, loop=len(deadlock.steps), scope={**deadlock.scope, "lasso": lasso})
    assert f'<span class="verdict">{kind}</span>' in page(endless)
    assert f"{kind}: no-deadlock" in plain_text([render_recorded(endless)])
