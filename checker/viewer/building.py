"""Put a page together out of a trace: one file that needs no network, no server and no treadle.

What comes from the program under test is hostile until proven otherwise: task names, messages and source lines end up in
the page of whoever reads a bug report. So it enters the page in two ways only. Prose goes through jinja2 with autoescape.
The trace itself is JSON in a script element that the browser does not execute, with every `<`, `>` and `&` written as an
escape, so that nothing in it can end the element; and the page's own script puts it on the screen as text, never as HTML.
A content security policy that names the hash of that one script is the second lock on the door.

Refused: a framework and a build step. The script is small, is read as it is written, and has nothing to keep up to date.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from ..console import write_bytes
from ..endless import loop_of, numbers
from ..properties import MEANINGS
from ..report import kind_of, plain_text, render_recorded
from ..trace import Trace, encode_trace

__all__ = ["page", "write_page"]

_SCRIPTS = ("model.js", "table.js", "panels.js", "graphs.js", "main.js")
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_TEXT_WIDTH = 110
_TEXT_STEPS = 200  # of a longer run, the text for browsers without scripts is left out


def page(trace: Trace) -> str:
    """Return the HTML of a trace."""
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    violation = trace.violation
    text = _environment().get_template("page.html.j2").render(
        title=_title(trace),
        trace=trace,
        target=f"{trace.target.name} --impl {trace.target.implementation}" if trace.target.implementation else trace.target.name,
        violation=violation,
        kind=kind_of(trace),
        meaning="" if violation is None else MEANINGS.get(violation.property, ""),
        loop=loop_of(trace),
        numbers=numbers,
        text=plain_text([render_recorded(trace)], _TEXT_WIDTH) if len(trace.steps) <= _TEXT_STEPS else "",
        data=Markup(_data(trace)),
        script=Markup(script),
        style=Markup(_read("viewer.css")),
        policy=f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'",
    )
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair in a name would make the file unreadable


def write_page(trace: Trace, path: str) -> None:
    """Write the page of a trace to a file; "-" is standard output.

    Raises:
        UsageError: if the file cannot be written.
    """
    write_bytes(page(trace).encode(), path)


def _title(trace: Trace) -> str:
    return trace.target.name if trace.violation is None else f"{trace.violation.property} in {trace.target.name}"


def _data(trace: Trace) -> str:
    text = encode_trace(trace)
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


@cache
def _script() -> str:
    """Return the page's script: its files one after the other, in one scope."""
    return '\n"use strict";\n(() => {\n' + "\n".join(_read(name) for name in _SCRIPTS) + "})();\n"


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_read), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
