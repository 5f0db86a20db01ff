"""`.treadle/`: schedules that failed, so that the next run begins with them; and how long each target took.

A schedule is kept as a trace file, which `treadle replay` reads as well. Its name is made of the target and the
property: a target has at most one for each property. The folder is disposable: nothing in it decides a verdict, and
what cannot be read is dropped. It ignores itself for git, so that nobody has to be told to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ..errors import UsageError
from ..outcomes import Outcome
from ..trace import save_trace

__all__ = ["Store"]


class Store:
    """The folder of one project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            UsageError: if it cannot be made or written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write to the store {self.folder}: {error.strerror}; name another folder with store = in [tool.treadle]"
            ) from None

    def failing(self, name: str) -> list[Path]:
        """Return the traces that are kept of a target."""
        return sorted(self.folder.glob(f"{_slug(name)}.*.trace.json"))

    def keep(self, outcome: Outcome) -> list[Path]:
        """Keep the failing schedules of an outcome; return their files."""
        kept = []
        for broken in outcome.violations:
            if broken.trace is not None:
                path = self.folder / f"{_slug(outcome.name)}.{broken.property}.trace.json"
                save_trace(broken.trace, str(path))
                kept.append(path)
        return kept

    def forget(self, path: str) -> None:
        """Remove a trace that does not fail any more."""
        Path(path).unlink(missing_ok=True)

    def times(self) -> dict[str, float]:
        """Return how many seconds each target took last time."""
        try:
            return msgspec.json.decode((self.folder / "times.json").read_bytes(), type=dict[str, float])
        except (OSError, msgspec.DecodeError):
            return {}

    def keep_times(self, outcomes: Iterable[Outcome]) -> None:
        """Keep how long each target took."""
        times = self.times() | {outcome.name: round(outcome.seconds, 3) for outcome in outcomes}
        (self.folder / "times.json").write_bytes(msgspec.json.encode(times))


def _slug(name: str) -> str:
    """Return a name for a file: readable, and different for different names."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[-60:]
    return f"{readable}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
