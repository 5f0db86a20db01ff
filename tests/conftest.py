"""`--light` leaves the long tests out: `tests/run.py` gives it to every Python but the one that it runs on.

Long are the engines of the models, the page in a browser, the faults, the witnesses, shrinking, tests written for others, the oracle of
endless runs, and what the gate reads, runs and writes, which hardly touch what differs between versions of Python, and all but the first
chunk of the other oracles on generated programs. Whatever is about asyncio itself runs everywhere.
"""

from pathlib import Path

TESTS = Path(__file__).parent
LONG_FOLDERS = (TESTS / "model",)
LONG_FILES = (
    TESTS / "viewer" / "test_browser.py",
    TESTS / "specs" / "test_faults.py",
    *(TESTS / "gate" / f"test_{name}.py" for name in ("bad_input", "clauses", "outputs", "running", "showing")),
    TESTS / "specs" / "test_witnesses.py",
    TESTS / "checker" / "test_progress_oracle.py",
    TESTS / "stock" / "test_standalone_verify.py",
    TESTS / "stock" / "test_shrinking.py",
)
CHUNKED = (
    TESTS / "checker" / "test_merging_oracle.py",
    TESTS / "checker" / "test_literal_loop.py",
    TESTS / "checker" / "test_inert.py",
    TESTS / "stock" / "test_generated.py",
    TESTS / "traces" / "test_undisturbed.py",
)


def pytest_addoption(parser):
    parser.addoption("--light", action="store_true", help="leave the long tests out")


def is_long(item):
    if any(folder in item.path.parents for folder in LONG_FOLDERS) or item.path in LONG_FILES:
        return True
    chunk = getattr(item, "callspec", None) and item.callspec.params.get("chunk", 0)
    return item.path in CHUNKED and bool(chunk)


def pytest_collection_modifyitems(config, items):
    if config.getoption("--light"):
        long = [item for item in items if is_long(item)]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
