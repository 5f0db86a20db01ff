"""`[tool.treadle]`: what a project wants to be checked, read strictly.

A key that nobody reads is a check that nobody makes, so an unknown one is an error, and every error names the file,
the line and what to write instead. The options are the command line's, under the same names, with the same meanings.
"""

from __future__ import annotations

import datetime
import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from ..api import CONTRACTS, PROPERTIES, TIMES
from ..errors import UsageError
from . import lines

__all__ = [
    "BUDGET", "KINDS", "CheckTarget", "ClausesTarget", "GateError", "KnownViolation", "ProveTarget", "Settings", "Target", "VerifyTarget",
    "load",
]  # fmt: skip

BUDGET = 300.0
"""Seconds that a target may take if nothing else is said."""


class GateError(UsageError):
    """What `[tool.treadle]` lists is not what it has to be; the message begins with file and line."""


class _Common(msgspec.Struct, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    """What every target may say: a name for the reports, its limits: of time in seconds, of memory in MB, of one step in
    seconds.
    """

    name: str = ""
    budget: float | None = None
    max_memory: int | None = None
    step_timeout: float = 30.0


class _Searched(_Common, kw_only=True):
    """The options of a search, as on the command line."""

    contract: str | None = None
    time: str = "virtual"
    cancel: int | None = None
    ignore: list[str] = []
    merge: str = "auto"
    search: str = "exhaustive"
    seed: int = 0
    runs: int | None = None
    max_states: int | None = None
    max_depth: int = 10_000
    timeout: float | None = None


class CheckTarget(_Searched, kw_only=True):
    """Scenarios: `file.py`, `file.py::name` or `package.module:name`."""

    check: str
    forbid: list[str] = []
    strict: bool = False
    witnesses: list[str] = []


class VerifyTarget(_Searched, kw_only=True):
    """A primitive, or `all`, of an implementation."""

    verify: str
    impl: str = "reference"
    tasks: int = 3
    rounds: int | str = 2
    stdlib_path: list[str] = []


class ProveTarget(_Common, kw_only=True):
    """A model, or `all`."""

    prove: str


class ClausesTarget(_Common, kw_only=True):
    """The clauses of `treadle.specs` (`true`), or of the project's own TOML files.

    `tasks`, `rounds` and `cancel` (1 if nothing is said) are for the most general clients; `cancel` (0) also for the
    project's own scenarios.
    """

    clauses: bool | list[str]
    impl: str = "reference"
    tasks: int = 3
    rounds: int | str = 1
    cancel: int | None = None


Target = CheckTarget | VerifyTarget | ProveTarget | ClausesTarget
KINDS: dict[str, type[Any]] = {"check": CheckTarget, "verify": VerifyTarget, "prove": ProveTarget, "clauses": ClausesTarget}


class KnownViolation(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    """A violation that does not count: of which target (as the report names it), of which property, why, until when."""

    target: str
    property: str
    reason: str
    expires: datetime.date | None = None


class _Table(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    """The table itself."""

    targets: list[dict[str, Any]] = []
    defaults: dict[str, Any] = {}
    known_violations: list[KnownViolation] = []
    budget: float | None = None
    jobs: int | None = None
    max_memory: int | None = None
    store: str = ".treadle"
    allow_bounded: bool = False


class Settings(msgspec.Struct):
    """What `[tool.treadle]` says, whole and valid: each target and each known violation with the line where it stands.

    Times are in seconds, memory in MB (10**6 bytes).
    """

    file: Path
    targets: list[tuple[Target, int]]
    known: list[tuple[KnownViolation, int]]
    budget: float | None
    jobs: int | None
    max_memory: int | None
    store: Path
    allow_bounded: bool


def load(file: Path) -> Settings:
    """Read a pyproject.toml.

    Raises:
        GateError: with file, line and remedy, if anything about it is not as it has to be.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GateError(
            f"there is no {file.name} in {file.resolve().parent}; run `treadle gate` where your pyproject.toml is, "
            "or name it with --config FILE"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise GateError(f"{file} cannot be read: {error}; expected a TOML file in UTF-8") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise GateError(f"{file}:{line[1] if line else 1}: this is not valid TOML: {error}; mend that line") from None
    table = data.get("tool", {}).get("treadle") if isinstance(data.get("tool", {}), dict) else None
    if not isinstance(table, dict):
        raise GateError(
            f"{file}:1: there is no [tool.treadle] in it, so there is nothing to check; add for example\n\n"
            '    [tool.treadle]\n    targets = [{ check = "tests/scenarios.py" }]\n'
        )
    return _Reader(file, text).settings(table)


class _Reader:
    """Reads the table of one file; knows where everything stands."""

    def __init__(self, file: Path, text: str) -> None:
        self.file = file
        self.text = text

    def settings(self, table: dict[str, Any]) -> Settings:
        """Return the settings that the table makes."""
        whole = self._convert(table, _Table, (), "[tool.treadle]")
        self._positive(("budget",), whole.budget)
        self._positive(("max-memory",), whole.max_memory)
        self._positive(("jobs",), whole.jobs)
        self._defaults(whole.defaults)
        if not whole.targets:
            raise self._error(("targets",), 'there are no targets; list some, as in targets = [{ check = "tests/scenarios.py" }]')
        targets = [self._target(index, each, whole.defaults) for index, each in enumerate(whole.targets)]
        for index, known in enumerate(whole.known_violations):
            if known.property not in PROPERTIES:
                raise self._error(("known-violations", index, "property"), _unknown("property", known.property, PROPERTIES))
            if not known.reason.strip():
                raise self._error(("known-violations", index, "reason"), "a known violation needs a reason, for whoever meets it next year")
        return Settings(
            self.file,
            targets,
            [(known, self.line("known-violations", index)) for index, known in enumerate(whole.known_violations)],
            whole.budget,
            whole.jobs,
            whole.max_memory,
            self.file.parent / whole.store,
            whole.allow_bounded,
        )

    def line(self, *path: str | int) -> int:
        """Return the line where something below [tool.treadle] stands."""
        return lines.line_of(self.text, ("tool", "treadle", *path))

    def _defaults(self, defaults: dict[str, Any]) -> None:
        known = {name for kind in KINDS.values() for name in _names(kind)} - {*KINDS, "name"}
        for name in defaults:
            if name not in known:
                raise self._error(("defaults", name), _unknown("default", name, known))

    def _target(self, index: int, given: dict[str, Any], defaults: dict[str, Any]) -> tuple[Target, int]:
        path: lines.Path = ("targets", index)
        kinds = [kind for kind in KINDS if kind in given]
        if len(kinds) != 1:
            what = "says none of" if not kinds else "says more than one of"
            raise self._error(path, f"this target {what} {', '.join(KINDS)}; expected exactly one, as in {{ check = \"scenarios.py\" }}")
        kind = KINDS[kinds[0]]
        names = _names(kind)
        for name in given:
            if name not in names:
                raise self._error((*path, name), _unknown(f"key of a {kinds[0]} target", name, names))
        merged = {name: value for name, value in defaults.items() if name in names} | given
        target: Target = self._convert(merged, kind, path, f"a {kinds[0]} target", given)
        self._validate(path, target)
        return target, self.line(*path)

    def _validate(self, path: lines.Path, target: Target) -> None:
        self._positive((*path, "budget"), target.budget)
        self._positive((*path, "max-memory"), target.max_memory)
        self._positive((*path, "step-timeout"), target.step_timeout)
        if isinstance(target, (CheckTarget, VerifyTarget)):
            self._one_of((*path, "contract"), target.contract or "stock", CONTRACTS)
            self._one_of((*path, "time"), target.time, TIMES)
            self._one_of((*path, "merge"), target.merge, ("auto", "on", "off"))
            self._one_of((*path, "search"), target.search, ("exhaustive", "random", "pct"))
            for name in target.ignore:
                if name not in PROPERTIES:
                    raise self._error((*path, "ignore"), _unknown("property", name, PROPERTIES))
            for key, number in (("timeout", target.timeout), ("runs", target.runs), ("max-states", target.max_states)):
                self._positive((*path, key), number)
            self._positive((*path, "max-depth"), target.max_depth)
        if isinstance(target, CheckTarget):
            for name in target.forbid:
                self._one_of((*path, "forbid"), name, ("leaked-tasks",))
        if isinstance(target, (VerifyTarget, ClausesTarget)):
            self._positive((*path, "tasks"), target.tasks)
            if target.rounds != "inf" and (not isinstance(target.rounds, int) or target.rounds < 1):
                raise self._error((*path, "rounds"), f'rounds is {target.rounds!r}; expected a number of at least 1, or "inf"')
        cancel = getattr(target, "cancel", None)
        if cancel is not None and cancel < 0:
            raise self._error((*path, "cancel"), f"cancel is {cancel}; expected 0 or more")

    def _positive(self, path: lines.Path, number: float | None) -> None:
        if number is not None and not number > 0:
            raise self._error(path, f"{path[-1]} is {number}; expected more than 0")

    def _one_of(self, path: lines.Path, value: str, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            raise self._error(path, _unknown(str(path[-1]), value, allowed))

    def _convert(self, data: Any, kind: type[Any], path: lines.Path, what: str, given: dict[str, Any] | None = None) -> Any:
        try:
            return msgspec.convert(data, kind, strict=True)
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at ")
            inner = _parsed(where.strip("`"))
            unknown = re.search(r"unknown field `([^`]+)`", message)
            missing = re.search(r"missing required field `([^`]+)`", message)
            if unknown:
                owner: Any = kind
                if "known-violations" in inner:
                    what, owner = "a known violation", KnownViolation
                raise self._error((*path, *inner, unknown[1]), _unknown(f"key of {what}", unknown[1], _names(owner))) from None
            if missing:
                raise self._error((*path, *inner), f"the key {missing[1]!r} is missing; add it") from None
            if given is not None and inner and inner[0] not in given:
                path, inner = ("defaults",), inner
            key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inner).lstrip(".") or what
            raise self._error((*path, *inner), f"{key}: {_in_words_of_toml(message)}; change the value") from None

    def _error(self, path: lines.Path, message: str) -> GateError:
        return GateError(f"{self.file}:{self.line(*path)}: {message}")


def _names(kind: type[Any]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def _in_words_of_toml(message: str) -> str:
    """Say what msgspec says of types in the words that TOML has for them."""
    words = {"float": "number", "int": "whole number", "str": "string", "object": "table", "bool": "boolean"}
    message = re.sub(r" \| null", "", message)
    message = re.sub(r"`([^`]*)`", lambda match: " or ".join(words.get(part, part) for part in match[1].split(" | ")), message)
    return message[:1].lower() + message[1:]


def _unknown(what: str, name: str, allowed: Any) -> str:
    """Say that a name does not exist, and what was probably meant."""
    close = difflib.get_close_matches(name, sorted(allowed), 1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {what} {name!r}; {meant}expected one of {', '.join(sorted(allowed))}"


def _parsed(path: str) -> lines.Path:
    """Read a path as msgspec writes it, `$.targets[1].time`."""
    found: list[str | int] = []
    for name, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        found.append(int(index) if index else name)
    return tuple(found)
