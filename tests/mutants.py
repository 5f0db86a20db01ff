"""Mutate the reference primitives and see whether anything notices: what `make mutants` calls.

cosmic-ray changes one thing at a time in a copy of `reference/` (an operator, a number, a condition, …). Each mutant is
held to the evidence of all clauses, the cheapest first, and if it keeps them all, to the tests of the reference. What
survives both has to be in `specs/mutants.toml` with the reason, and what is there has to survive.

    tests/mutants.py                 all mutants
    tests/mutants.py --judge         one mutant: the one that is on the path (cosmic-ray calls this)

Refused: mutmut, which mutates functions behind a dispatcher that asks for a module's name as it follows from its path.
Ours are mapped (`reference/` is imported as `treadle.reference`), and the dispatcher would be a part of every state.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "mutants"
TOOLS = ROOT / ".venv-mutants"
LIST = ROOT / "specs" / "mutants.toml"
SECONDS = 60  # for one mutant; an endless loop is a kill
BY_EVIDENCE, BY_TESTS = 10, 11  # exit codes of --judge

CONFIG = """
[cosmic-ray]
module-path = "reference"
timeout = {seconds}
excluded-modules = []
test-command = "{python} {script} --judge"

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*", "core/ReplaceBinaryOperator_Mul_.*"]
"""
# The reference has no `|` but in annotations and no `*` but in signatures: such mutants can't be imported, and would
# only make the score look better.


def judge() -> int:
    """Hold the reference that is on the path to the clauses, and then to its tests; 0 if it passes both."""
    try:
        from treadle.checker.evidence import perform, work_for
        from treadle.specs.clauses import load_clauses

        clauses = [clause for clause in load_clauses() if clause.evidence]
        works = work_for(clauses, tasks=2, rounds=1, cancel=1)
        distinct = {work.name: work for each in works.values() for work in each if work.kind != "proof"}  # proofs see no code
        price = ["example", "explored", "refinement", "law"]
        for work in sorted(distinct.values(), key=lambda work: price.index(work.kind)):
            if perform(work).verdict not in ("verified", "sampled"):
                print(f"killed by {work.name}")
                return BY_EVIDENCE
    except Exception as error:  # a reference that cannot be imported is dead too
        print(f"killed by {type(error).__name__}: {error}")
        return BY_EVIDENCE
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "tests/reference"]
    done = subprocess.run(command, cwd=WORK, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"killed by a test: {done.stdout.splitlines()[-2:]}")
        return BY_TESTS
    return 0


def prepare() -> Path:
    """Make the copy that is mutated and the path that leads to it; return the program cosmic-ray."""
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "path" / "treadle").mkdir(parents=True)
    shutil.copytree(ROOT / "reference", WORK / "reference", ignore=shutil.ignore_patterns("__pycache__"))
    for room in ("model", "checker", "specs"):  # copies too: a session lasts, and one goes on working meanwhile
        shutil.copytree(ROOT / room, WORK / "path" / "treadle" / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "reference", WORK / "tests" / "reference", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", WORK)
    (WORK / "path" / "treadle" / "reference").symlink_to(WORK / "reference")
    tool = TOOLS / "bin" / "cosmic-ray"
    if not tool.exists():
        venv.create(TOOLS, with_pip=True)
        subprocess.run([TOOLS / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "cosmic-ray>=8.4"], check=True)
    text = CONFIG.format(seconds=SECONDS, python=sys.executable, script=Path(__file__).resolve())
    (WORK / "config.toml").write_text(text, encoding="utf-8")
    return tool


def changed(diff: list[str]) -> tuple[str, str]:
    """Return what a mutant's diff takes away and what it puts there, without the white space around."""
    gone = " ".join(line[1:].strip() for line in diff if line.startswith("-") and not line.startswith("---"))
    new = " ".join(line[1:].strip() for line in diff if line.startswith("+") and not line.startswith("+++"))
    return gone, new


def listed() -> dict[tuple[str, str, str], str]:
    """Return the survivors that are explained: file, line, and what becomes of it, with the reason."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8")).get("survivor", [])
    return {(entry["file"], entry["line"], entry["becomes"]): entry["reason"] for entry in entries}


def run() -> int:
    """Try all mutants; return 1 if the survivors are not those of the list."""
    tool = prepare()
    environment = {**os.environ, "PYTHONPATH": str(WORK / "path"), "PYTHONDONTWRITEBYTECODE": "1"}
    session = WORK / "session.sqlite"
    for command in (
        (tool, "init", "config.toml", session),
        (tool.with_name("cr-filter-operators"), session, "config.toml"),
        (tool, "exec", "config.toml", session),
    ):
        subprocess.run(command, cwd=WORK, env=environment, check=True)
    dump = subprocess.run([tool, "dump", session], cwd=WORK, env=environment, capture_output=True, text=True, check=True)
    killed: Counter[str] = Counter()
    survivors: list[tuple[str, str, str]] = []
    for line in dump.stdout.splitlines():
        item, result = json.loads(line)
        if result is None:
            killed["not run"] += 1
        elif result["worker_outcome"] == "skipped":
            continue
        elif result["test_outcome"] == "survived":
            file = Path(item["mutations"][0]["module_path"]).as_posix()
            diff = result["diff"]
            survivors.append((file, *changed(diff.splitlines() if isinstance(diff, str) else diff)))
        else:
            by_test = "killed by a test" in (result["output"] or "")
            killed["killed by the tests of the reference only" if by_test else "killed by the evidence of the clauses"] += 1
    return report(killed, survivors)


def report(killed: Counter[str], survivors: list[tuple[str, str, str]]) -> int:
    """Print the score, and what is wrong with the list of survivors."""
    explained = listed()
    for what, count in sorted(killed.items()):
        print(f"{count:5} {what}")
    print(f"{len(survivors):5} survived, {sum(survivor in explained for survivor in survivors)} of them explained in {LIST.name}")
    wrong = killed["not run"]
    for survivor in survivors:
        if survivor not in explained:
            wrong += 1
            file, line, becomes = map(json.dumps, survivor)
            print(f'\nnot explained:\n[[survivor]]\nfile = {file}\nline = {line}\nbecomes = {becomes}\nreason = ""')
    for gone in explained.keys() - set(survivors):
        wrong += 1
        print(f"\nno longer survives; take it off the list: {gone}")
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", action="store_true", help="judge the reference that is on the path")
    sys.exit(judge() if parser.parse_args().judge else run())
