"""Clauses: the sentences of the documentation as promises, each with what shows that it is kept.

A clause is data, in TOML, so that a reader who knows no Python can check the list against the text. The same schema
serves the clauses of this project (the files next to this one) and those of anybody's own. What is said here about a
file is only whether it is well formed; whether its evidence exists is known to the checker, which has the evidence
(`treadle.checker.evidence_lint`).

Refused: docstrings with marks in them as the place of the clauses. The text comes first and the code second; a promise
that no code mentions must not get lost.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec

__all__ = [
    "FILES",
    "Check",
    "Clause",
    "Evidence",
    "Example",
    "Explored",
    "Law",
    "Proof",
    "Refinement",
    "SpecError",
    "json_schema",
    "load_clauses",
]

FILES = ("general", "lock", "event", "condition", "semaphore", "bounded_semaphore")
"""The files of this project's own clauses, without their `.toml`."""

Kind = Literal["safety", "progress", "error", "interface"]
PrimitiveName = Literal["lock", "event", "condition", "semaphore", "bounded-semaphore", "general"]


class SpecError(Exception):
    """A file of clauses is not what it has to be: one message with file, line and remedy."""


class Explored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="explored"):
    """Properties that the most general clients watch in all interleavings.

    `what` is a primitive (`"lock"`: every scenario of its verification that watches one of the properties) or one
    scenario (`"lock/errors"`).
    """

    what: str
    properties: tuple[str, ...]


class Refinement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="refinement"):
    """The code refines the model of the primitive `what`."""

    what: str


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="proof"):
    """Properties of the model `what` that are proved. They reach the code by way of its refinement."""

    what: str
    properties: tuple[str, ...]


class Law(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="law"):
    """A Hypothesis law: a function of `treadle.specs.laws`, by name."""

    what: str


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="example"):
    """A small program of `treadle.specs.examples`, by name, explored in all interleavings."""

    what: str


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="check"):
    """A scenario of one's own, named as `treadle check` names it; without properties, every violation counts."""

    what: str
    properties: tuple[str, ...] = ()


Evidence = Explored | Refinement | Proof | Law | Example | Check


class Clause(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One promise.

    Attributes:
        id: short and stable, such as `LOCK-4`.
        text: the promise, in our own words.
        source: where in the text it comes from: a place and the numbers of the sentences there, `Lock, acquire(): 2`;
            several are separated by semicolons. The places of asyncio's documentation are listed in `text.toml`.
        kind: `safety` (never), `progress` (eventually), `error` or `interface`.
        primitive: whose promise it is; `general` for all.
        evidence: what shows that it is kept.
        witnesses: what must have happened somewhere in the explored space, lest the evidence shows nothing.
        unbreakable: why no implementation can break it, if none can. Only such a clause may go without evidence.
    """

    id: str
    text: str
    source: str
    kind: Kind
    primitive: PrimitiveName
    evidence: tuple[Evidence, ...] = ()
    witnesses: tuple[str, ...] = ()
    unbreakable: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    clause: tuple[Clause, ...]


_ID = re.compile(r"[A-Z][A-Z0-9_]*(-[A-Z0-9]+)+")


def load_clauses(paths: Sequence[str | Path] | None = None) -> list[Clause]:
    """Read clauses, those of this project by default, or the files that are given.

    Raises:
        SpecError: for a file that is missing, no TOML, or against the schema; for an id that is malformed or used
            twice; for a clause without evidence.
    """
    clauses: list[Clause] = []
    lines: dict[str, str] = {}
    for name, text in _texts(paths):
        found = _decode(name, text)
        for clause, line in zip(found, _lines(text), strict=False):
            place = f"{name}:{line}"
            if not _ID.fullmatch(clause.id):
                raise SpecError(f"{place}: {clause.id!r} is no id of a clause; write capitals, a hyphen and a number, such as LOCK-4")
            if clause.id in lines:
                raise SpecError(f"{place}: the id {clause.id} is taken already, at {lines[clause.id]}; give each clause one of its own")
            if not clause.evidence and not clause.unbreakable:
                raise SpecError(
                    f"{place}: {clause.id} has no evidence; name what shows it, such as "
                    'evidence = [{ kind = "check", what = "file.py::scenario" }], '
                    "or say with unbreakable = \"…\" why nothing can break it"
                )
            lines[clause.id] = place
        clauses += found
    return clauses


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a file of clauses, for editors and other programs."""
    return msgspec.json.schema(_File)


def _texts(paths: Sequence[str | Path] | None) -> Iterable[tuple[str, str]]:
    if paths is None:
        for name in FILES:
            yield f"specs/{name}.toml", (resources.files(__package__ or "treadle.specs") / f"{name}.toml").read_text("utf-8")
        return
    for path in paths:
        try:
            yield str(path), Path(path).read_text("utf-8")
        except OSError as error:
            raise SpecError(f"{path}: cannot be read ({error.strerror}); name a TOML file with [[clause]] tables") from None
        except UnicodeDecodeError:
            raise SpecError(f"{path}: is not UTF-8 text; save it as UTF-8") from None


def _decode(name: str, text: str) -> tuple[Clause, ...]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(_toml_message(name, str(error))) from None
    try:
        return msgspec.convert(table, _File).clause
    except msgspec.ValidationError as error:
        message = str(error)
        found = re.search(r" - at `\$\.clause\[(\d+)\](\S*)`$", message)
        if found is None:
            raise SpecError(f"{name}: {message}; a file of clauses holds [[clause]] tables and nothing else") from None
        number = int(found[1])
        line = _lines(text)[number]
        what = table["clause"][number]
        who = what.get("id", "this clause") if isinstance(what, dict) else "this clause"
        where = f" at {found[2].lstrip('.')}" if found[2] else ""
        raise SpecError(
            f"{name}:{line}: {who}: {message[: found.start()]}{where}; a clause has id, text, source, kind, primitive, evidence, witnesses"
        ) from None


def _toml_message(name: str, message: str) -> str:
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if found is None:
        return f"{name}: is no TOML: {message}; mend it"
    return f"{name}:{found[1]}: is no TOML: {message[: found.start()]} (column {found[2]}); mend it"


def _lines(text: str) -> list[int]:
    """Return the line of each `[[clause]]`."""
    return [number for number, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*clause\s*\]\]", line)]
