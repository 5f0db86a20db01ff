"""The source that a trace shows: paths that mean something elsewhere, the functions' lines, and whether they are still
the same.

A trace holds the functions that its steps stand in, and not their files: so it stays small, and an edit elsewhere in a
file does not make it old. That a function has changed is found by looking for its lines in the file, wherever they
have moved to.
"""

from __future__ import annotations

import hashlib
import inspect
import linecache
import re
import sys
import types
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from .trace import Excerpt, Trace

__all__ = ["Sources", "changed_functions", "digest_of", "shown_path"]

_LONGEST = 400  # lines of one function


_INSTALLED = re.compile(r".*/(?:site-packages|dist-packages)/(.+)")
_OWN = re.compile(r"(?:.*/)?(treadle/(?:checker|model|reference|specs)/.+)")  # an editable install keeps links to the rooms elsewhere
_STANDARD = re.compile(r".*/lib(?:64)?/(python\d[^/]*/.+)")


@cache
def shown_path(file: str) -> str:
    """Return a path as a trace shows it: relative to where modules are imported from, or to the working directory."""
    posix = Path(file).as_posix()
    for pattern in (_INSTALLED, _OWN, _STANDARD):
        if found := pattern.fullmatch(posix):
            return found.group(1)
    path = Path(file)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else posix


class Sources:
    """Collects the functions that the frames of a trace belong to."""

    def __init__(self) -> None:
        self._found: dict[types.CodeType, Excerpt | None] = {}

    def add(self, code: types.CodeType) -> None:
        """Add the function of a frame; one without a source file is left out."""
        if code not in self._found:
            self._found[code] = _excerpt(code)

    def excerpts(self) -> list[Excerpt]:
        """Return what was collected, in order of files and lines, without what lies inside another one."""
        found = [each for each in self._found.values() if each is not None]
        ordered = sorted(found, key=lambda each: (each.file, each.first, -len(each.lines)))
        kept: list[Excerpt] = []
        for each in ordered:
            last = kept[-1] if kept else None
            if last is None or each.file != last.file or each.first + len(each.lines) > last.first + len(last.lines):
                kept.append(each)
        return kept


def _excerpt(code: types.CodeType) -> Excerpt | None:
    file = linecache.getlines(code.co_filename)
    if not file:
        return None
    first = code.co_firstlineno
    lines = inspect.getblock(file[first - 1 :])[:_LONGEST]
    return Excerpt(shown_path(code.co_filename), code.co_qualname, first, [line.rstrip("\n") for line in lines])


def digest_of(excerpts: Iterable[Excerpt]) -> str:
    """Return a hash of the functions' lines, wherever in their files they are."""
    hashed = hashlib.blake2b(digest_size=16)
    for each in excerpts:
        hashed.update("\n".join((each.file, each.function, *each.lines, "")).encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()


def changed_functions(trace: Trace) -> list[str]:
    """Return the functions of a trace, as `function (file)`, whose lines are not in their files any more.

    Files that are not there (the trace comes from another machine) say nothing.
    """
    changed = []
    for each in trace.sources:
        file = _find(each.file)
        if file is None:
            continue
        text = "\n".join(line.rstrip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
        if "\n".join(line.rstrip() for line in each.lines) not in text:
            changed.append(f"{each.function} ({each.file})")
    return changed


def _find(file: str) -> Path | None:
    for root in ("", *sys.path):
        path = Path(root, file)
        if path.is_file():
            return path
    return None
