"""Where output goes: reports to standard output, progress to a terminal on standard error, documents to files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status

from .errors import UsageError
from .report import plain_text
from .results import Progress, Result

__all__ = ["encode_json", "make_console", "prints_to_stderr", "progress_on", "show", "write_bytes", "write_json"]

_EVERY = 50  # runs between two updates
_PLAIN_WIDTH = 100


def make_console(to_stderr: bool = False) -> Console:
    """Return a console: as wide as the terminal, or 100 columns where there is none (a pipe, a CI log)."""
    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False, emoji=False, markup=False)


@contextmanager
def prints_to_stderr(aside: bool) -> Iterator[None]:
    """While a program runs: with `aside`, what it prints goes to standard error, since standard output is for a document."""
    with redirect_stdout(sys.stderr) if aside else nullcontext():
        yield


def show(console: Console, renderable: RenderableType) -> None:
    """Print; where there is no terminal without colours and without the blanks that would fill a line."""
    if console.is_terminal:
        console.print(_Harmless(renderable))
    else:
        console.file.write(_writable(plain_text([renderable], console.width).translate(_PICTURES), console.encoding))


class _Harmless:
    """What is to be printed, with pictures for control characters: names and messages are the program's, and traces may be
    somebody else's. An escape sequence among them would be the terminal's to obey.
    """

    def __init__(self, renderable: RenderableType) -> None:
        self.renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self.renderable, options):
            yield segment if segment.control else Segment(segment.text.translate(_PICTURES), segment.style)


# U+2400 and the following show control characters; the ones beyond ASCII have no pictures.
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
_PICTURES |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)


_ASCII = str.maketrans({"✔": "+", "✘": "x", "→": ">", "…": "~", "─": "-", "“": '"', "”": '"', "×": "x", "–": "-", "′": "'"})


def _writable(text: str, encoding: str) -> str:
    """Return a text that a stream of this encoding can take; what it cannot is replaced by signs of the same width."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text


@contextmanager
def progress_on(what: str) -> Iterator[Progress | None]:
    """Show on a terminal how a search is getting on; yields None where standard error is none."""
    if not sys.stderr.isatty():
        yield None
        return
    console = make_console(to_stderr=True)
    calls = 0
    with Status(f"{what} …", console=console) as status:

        def update(result: Result) -> None:
            nonlocal calls
            calls += 1
            if result.doing:
                status.update(f"{what}: {result.doing}")
            elif calls % _EVERY == 0:
                left = f"{result.frontier:,} choices left to explore" if result.frontier else "the last choices"
                status.update(
                    f"{what}: {result.executions:,} runs, {result.states:,} states, {left}, "
                    f"{result.seconds:.0f} s (Ctrl-C keeps what was found)"
                )

        yield update


def write_json(document: dict[str, Any], path: str) -> None:
    """Write a document as JSON; "-" is standard output.

    Raises:
        UsageError: if the file cannot be written.
    """
    text = msgspec.json.format(encode_json(document), indent=2).decode() + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; give a file in a folder that exists") from None


def encode_json(document: Any) -> bytes:
    """Encode plain data or structs as JSON. What a program says may hold lone surrogates, which UTF-8 cannot: they are escaped."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(_without_surrogates(msgspec.to_builtins(document)))


def _without_surrogates(data: Any) -> Any:
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode()
    if isinstance(data, dict):
        return {_without_surrogates(key): _without_surrogates(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_without_surrogates(item) for item in data]
    return data


def write_bytes(data: bytes, path: str) -> None:
    """Write a document as it is; "-" is standard output.

    Raises:
        UsageError: if the file cannot be written.
    """
    if path == "-":
        sys.stdout.write(data.decode())
        return
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; give a file in a folder that exists") from None
