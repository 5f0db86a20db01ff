"""What a process that died left behind, in words, and at which line of the user's code it was.

The stack comes from `faulthandler`, which writes it when the interpreter crashes and when the parent asks for it. Of
its frames the innermost one of the program under test is the place; the loop and treadle beneath it are nobody's news.
"""

from __future__ import annotations

import linecache
import os
import re
import signal

from ..blame import Place, is_program

__all__ = ["ending_of", "place_in_dump"]

_FRAME = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)$', re.MULTILINE)
_BLOCK = re.compile(r"^(?:Current thread|Thread|Stack) .*\(most recent call first\):$", re.MULTILINE)
_TAIL = 3  # lines of what the program printed


def place_in_dump(dump: str) -> Place | None:
    """Return the innermost line of the program in the last stack that a dump has."""
    blocks = _BLOCK.split(dump)
    for block in reversed(blocks[1:]):
        for frame in _FRAME.finditer(block):
            file = os.path.realpath(frame["file"])
            if is_program(file):
                line = int(frame["line"])
                return Place(file, line, frame["function"], linecache.getline(file, line).strip())
    return None


def ending_of(code: int, dump: str, printed: str) -> str:
    """Say how a process ended that nobody had asked to: by its exit code (negative is a signal), its stack, its last words."""
    fatal = re.search(r"^Fatal Python error: (.*)$", dump, re.MULTILINE)
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        what = "the interpreter crashed" if fatal else "the process was killed"
        said = f"{what} ({name}{': ' + fatal[1] if fatal else ''})"
        if "tack overflow" in dump:
            said += ", by a stack overflow"
        elif name == "SIGSEGV" and dump.count("\n  File ") >= 50:
            said += ", deep in recursion: a stack overflow, most likely"
        elif name == "SIGKILL":
            said += "; often the system does that when memory runs out"
    else:
        said = f"the process ended by itself, with exit code {code}, before the job was done"
    lines = [line for line in printed.splitlines() if line.strip()]
    return said + (f"; the last that it printed: {' | '.join(lines[-_TAIL:])}" if lines else "")
