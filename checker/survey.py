"""Which promises which CPython breaks: the table of the README, made by running the verifications.

    python -m treadle.checker.survey [README.md]

prints the table, and with a file replaces what stands there between the two marker comments. Implementations are
every other CPython that is found on the machine, this interpreter's asyncio, and the reference.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

from .errors import UsageError
from .implementations import PRIMITIVES, resolve
from .stdlib_locks import find_stdlib_files
from .verdict import Verdict
from .verification import verify

__all__ = ["main", "survey"]

_BEGIN = "<!-- survey: python -m treadle.checker.survey README.md -->"
_END = "<!-- /survey -->"
_CANCEL = 1


def implementations() -> list[str]:
    """Return what is surveyed, oldest first: one release of each other CPython, this one's asyncio, the reference."""
    own = ".".join(platform.python_version_tuple()[:2])
    minors = {file.minor for file in find_stdlib_files(()) if file.minor != own}
    older = sorted(minors, key=lambda minor: int(minor.partition(".")[2]))
    return [*(f"stdlib:{minor}" for minor in older), "asyncio", "reference"]


def survey(tasks: int = 3, rounds: int = 1, timeout: float | None = 120) -> str:
    """Return the table as Markdown."""
    names = [name.replace("-", " ") for name in PRIMITIVES]
    lines = [f"| implementation | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    bounded = False
    jobs = os.cpu_count() or 1
    for name in implementations():
        try:
            version = resolve(name).version
        except UsageError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        cells = []
        for primitive in PRIMITIVES:
            (verification,) = verify(
                primitive, impl=name, tasks=tasks, rounds=rounds, cancel=_CANCEL, keep_going=True, timeout=timeout, jobs=jobs
            )
            cells.append(_cell(verification.verdict))
            bounded |= verification.verdict.verdict == "bounded"
            print(f"{name} {primitive}: {cells[-1]}", file=sys.stderr, flush=True)
        lines.append(f"| {version} | {' | '.join(cells)} |")
    lines.append("")
    lines.append(
        f"Contract stock, virtual time, {tasks} clients × {rounds} round{'' if rounds == 1 else 's'}, up to {_CANCEL} cancellation; "
        f"explored with Python {platform.python_version()}. "
        "*c*: needs a cancellation. Properties that break only after another one has are not listed."
        + (" *bounded*: the search hit a limit of time before it was through." if bounded else "")
    )
    return "\n".join(lines) + "\n"


def _cell(verdict: Verdict) -> str:
    if verdict.violations:
        return ", ".join(
            f"{violation.property}{' *c*' if violation.cancellations else ''}"
            for violation in sorted(verdict.violations, key=lambda violation: violation.property)
        )
    return verdict.verdict


def main() -> None:
    """Print the table, or put it into the file that is named."""
    table = survey()
    if len(sys.argv) < 2:
        print(table)
        return
    path = Path(sys.argv[1])
    text = path.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    if not pattern.search(text):
        sys.exit(f"{path} has no place for the table; put these two lines where it shall be:\n{_BEGIN}\n{_END}")
    path.write_text(pattern.sub(lambda _: f"{_BEGIN}\n{table}{_END}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
