"""What a user gets wrong: one message with file, line and remedy, exit code 2, and nothing is run."""

import re

import pytest

from treadle.checker.gate.lines import line_of

FILES = {
    "good": "async def scenario():\n    pass\n",
    "plain": "def scenario():\n    pass\n",
    "taking": "async def scenario(lock):\n    pass\n",
    "empty": "x = 1\n",
    "raising": "import sys\n\nraise ValueError('no')\n",
    "leaving": "import sys\nsys.exit(3)\n",
    "ending": "import os\n\nos._exit(0)\n",
    "looping": "\nwhile True:\n    pass\n",
    "unread": "async def scenario(:\n",
}



def one(target):
    return f"[tool.treadle]\ntargets = [{{ {target} }}]\n"


def known(entry):
    return one('check = "good.py"') + f"[[tool.treadle.known-violations]]\n{entry}\n"


# what the table is, and what the message must say; the number is that of the line
BAD = {
    "no table": ("[tool.other]\nx = 1\n", 1, "there is no [tool.treadle] in it", "add for example"),
    "broken TOML": ("[tool.treadle]\ntargets = [\n  { check = good.py }\n]\n", 3, "not valid TOML", "mend that line"),
    "unknown key": ("[tool.treadle]\ntargts = []\n", 2, "unknown key of [tool.treadle] 'targts'", "did you mean 'targets'?"),
    "unknown key of a target": (
        '[tool.treadle]\ntargets = [\n  { check = "good.py" },\n  { check = "good.py", cancle = 1 },\n]\n',
        4, "unknown key of a check target 'cancle'", "did you mean 'cancel'?",
    ),
    "a key of another kind": (
        '[[tool.treadle.targets]]\ncheck = "good.py"\nimpl = "asyncio"\n', 3, "unknown key of a check target 'impl'", "expected one of",
    ),
    "unknown default": (
        '[tool.treadle]\ntargets = [{ check = "good.py" }]\n[tool.treadle.defaults]\ncontrat = "any"\n',
        4, "unknown default 'contrat'", "did you mean 'contract'?",
    ),
    "a value of the wrong type": (
        '[[tool.treadle.targets]]\ncheck = "good.py"\n\ncancel = "1"\n', 4, "cancel: expected whole number, got string", "change the value",
    ),
    "a value that does not exist": (
        one('check = "good.py", contract = "stok"'), 2, "unknown contract 'stok'", "did you mean 'stock'?",
    ),
    "a negative budget": ('[tool.treadle]\nbudget = -1\ntargets = [{ check = "good.py" }]\n', 2, "budget is -1", "expected more than 0"),
    "no targets": ("[tool.treadle]\n", 1, "there are no targets", 'targets = [{ check = "tests/scenarios.py" }]'),
    "a target of no kind": (one('contract = "any"'), 2, "says none of check, verify", "expected exactly one"),
    "a file that is not there": ("\n" + one('check = "gone.py"'), 3, "there is no file gone.py", "expected a Python"),
    "a file without scenarios": (one('check = "empty.py"'), 2, "empty.py has no scenario", "expected an `async"),
    "a scenario that is not async": (one('check = "plain.py"'), 2, "is a plain function", "`async def` without"),
    "a scenario with arguments": (one('check = "taking.py"'), 2, "takes the argument 'lock'", "takes none"),
    "a name that is not there": (one('check = "good.py::other"'), 2, "there is no 'other'", "are scenario"),
    "an import that raises": (one('check = "raising.py"'), 2, "ValueError: no", "raising.py:3"),
    "an import that exits": (one('check = "leaving.py"'), 2, "SystemExit: 3", "leaving.py:2"),
    "an import that ends the process": (one('check = "ending.py"'), 2, "os._exit(0)", "ending.py:3"),
    "a syntax error": (one('check = "unread.py"'), 2, "invalid syntax", "unread.py:1"),
    "an unknown primitive": (one('verify = "mutex"'), 2, "unknown primitive 'mutex'", "expected one of lock"),
    "an unknown implementation": (
        one('verify = "lock", impl = "nowhere.locks"'), 2, "there is no module 'nowhere'", "give reference, asyncio",
    ),
    "an unknown model": (one('prove = "mutex"'), 2, "there is no model 'mutex'", "expected one of"),
    "rounds that are no number": (
        one('verify = "lock", rounds = "many"'), 2, "rounds is 'many'", 'expected a number of at least 1, or "inf"',
    ),
    "clauses that are not there": (one('clauses = ["my.toml"]'), 2, "my.toml", "name a TOML file"),
    "a target listed twice": (
        '[tool.treadle]\ntargets = [\n  { check = "good.py" },\n  { check = "good.py::scenario" },\n]\n',
        4, "is listed twice (also in line 3)", "another name",
    ),
    "a known violation of nothing": (
        known('target = "bad.py"\nproperty = "fifo"\nreason = "r"'),
        4, "there is no target 'bad.py'", "the targets are good.py::scenario",
    ),
    "a known violation of an unknown property": (
        known('target = "good.py::scenario"\nproperty = "fifi"\nreason = "r"'),
        5, "unknown property 'fifi'", "did you mean 'fifo'?",
    ),
    "a known violation without a reason": (
        known('target = "good.py::scenario"\nproperty = "fifo"'),
        4, "the key 'reason' is missing", "add it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_one_message_with_file_line_and_remedy(project, what):
    text, line, happened, remedy = BAD[what]
    project.write(**FILES)
    project.configure(text)
    code, out, err = project.gate()
    assert (code, out) == (2, "")
    assert re.match(rf"treadle: pyproject\.toml:{line}: ", err), err
    assert happened in err
    assert remedy in err
    assert "Traceback" not in err
    assert not (project.folder / ".treadle").exists()


def test_no_file(project):
    code, out, err = project.gate()
    assert (code, out) == (2, "")
    assert "there is no pyproject.toml" in err
    assert "--config FILE" in err


def test_two_documents_for_standard_output(project):
    project.write(**FILES)
    project.configure(one('check = "good.py"'))
    code, _, err = project.gate("--json", "-", "--sarif", "-")
    assert code == 2
    assert "only one of --json and --sarif can go to standard output" in err


def test_a_file_that_cannot_be_written_is_known_before_anything_is_run(project):
    project.write(**FILES)
    project.configure(one('check = "good.py"'))
    code, out, err = project.gate("--sarif", "gone/out.sarif")
    assert (code, out) == (2, "")
    assert "cannot write gone/out.sarif (--sarif)" in err


def test_a_pattern_that_names_nothing(project):
    project.write(**FILES)
    project.configure(one('check = "good.py"'))
    code, _, err = project.gate("other*")
    assert code == 2
    assert "no target is called 'other*'; the targets are good.py::scenario" in err


def test_a_store_that_cannot_be_made(project):
    project.write(**FILES)
    project.configure('[tool.treadle]\nstore = "good.py"\ntargets = [{ check = "good.py" }]\n')
    code, _, err = project.gate()
    assert code == 2
    assert "cannot write to the store" in err


def test_an_import_that_never_ends_is_given_up(project, monkeypatch):
    monkeypatch.setattr("treadle.checker.gate.command._IMPORTING", 1.0)
    monkeypatch.setattr("treadle.checker.gate.children.GRACE", 0.5)
    project.write(**FILES)
    project.configure('[tool.treadle]\ntargets = [\n  { check = "good.py" },\n  { check = "looping.py" },\n]\n')
    code, _, err = project.gate()
    assert code == 2
    assert err.startswith("treadle: pyproject.toml:4: ")
    assert "while check looping.py was being imported at " in err
    assert re.search(r"looping\.py:[23]: it did not end within 1 seconds", err)


class TestLines:
    TEXT = """
[tool.treadle]
budget = 1 # targets
targets = [
  { check = "targets" },
  { check = "b", contract = "c" },
]
[tool.treadle.defaults]
contract = "x"
[[tool.treadle.known-violations]]
target = "a"
[[tool.treadle.known-violations]]
reason = "target"
target = "b"
"""

    @pytest.mark.parametrize(
        ("path", "line"),
        [
            (("budget",), 3),
            (("targets",), 4),
            (("targets", 0), 5),
            (("targets", 0, "check"), 5),
            (("targets", 1, "contract"), 6),
            (("defaults", "contract"), 9),
            (("known-violations", 0, "target"), 11),
            (("known-violations", 1), 13),
            (("known-violations", 1, "target"), 14),
            (("known-violations", 1, "missing"), 13),
            (("missing",), 2),
        ],
    )
    def test_of_a_path(self, path, line):
        assert line_of(self.TEXT, ("tool", "treadle", *path)) == line

    def test_of_dotted_keys(self):
        assert line_of("\ntool.treadle.budget = 1\ntool.treadle.jobs = 2\n", ("tool", "treadle", "jobs")) == 3

    def test_of_nothing(self):
        assert line_of("x = 1\n", ("tool", "treadle")) == 1
