"""A job: the part of a target that one process does, in plain data; and what such a process says while it does it.

A file with three scenarios makes three jobs, `verify = "all"` five: the smaller a job, the less a crash takes with it.
Jobs and events cross a pipe as lines of JSON.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..blame import Place
from ..outcomes import Outcome

__all__ = ["Asked", "Crashed", "Done", "Event", "Exiting", "Job", "Linked", "Note", "Planned", "Refused", "Tick", "Work"]


class Job(msgspec.Struct, kw_only=True):
    """What one process does.

    `kind` is `check`, `verify`, `prove` or `clause`: what it does, and the suite that its outcome belongs to; `options`
    are keyword arguments for the function of the library that does it; `budget` is in seconds, `step_timeout` the
    seconds that one step may take, `memory` in MB; `known` are properties whose violation is known, and must not end
    the search; `stored` are paths of traces that are replayed first; a job that `shares` may use a process that has
    done another.
    """

    number: int
    kind: str
    name: str
    what: str
    options: dict[str, Any] = {}
    budget: float
    step_timeout: float = 30.0
    memory: int | None = None
    known: list[str] = []
    stored: list[str] = []
    line: int = 0
    shares: bool = False


class Asked(msgspec.Struct, tag="validate"):
    """A request to look at targets and say which jobs they make. Each is the table of the target, as TOML has it."""

    targets: list[tuple[dict[str, Any], int]]


class Work(msgspec.Struct, tag="work"):
    """A request to do a job."""

    job: Job


Request = Asked | Work


class Linked(msgspec.Struct):
    """A clause (its name in reports, and the table that it is in TOML) and the numbers of the jobs that it rests on."""

    name: str
    clause: dict[str, Any]
    jobs: list[int]


class Planned(msgspec.Struct, tag="planned"):
    """The jobs that targets make, in order; the clauses among the targets; and what was decided on the way."""

    jobs: list[Job]
    clauses: list[Linked] = []
    decided: list[Outcome] = []


class Refused(msgspec.Struct, tag="refused"):
    """A target that is not what it has to be: the line where it is listed, and what to do about it."""

    line: int
    message: str


class Tick(msgspec.Struct, tag="tick"):
    """How far a search is: which one, in words, and its figures."""

    phase: str
    runs: int = 0
    states: int = 0
    left: int = 0


class Note(msgspec.Struct, tag="note"):
    """Something that is known before the job is done: a part of it, or a stored schedule (`forget` is one that passes now);
    or, of a target that is looked at, at which `line` it is listed.
    """

    text: str
    forget: str = ""
    line: int = 0


class Exiting(msgspec.Struct, tag="exiting"):
    """The program under test ends the process: with which call, with which code, and where."""

    call: str
    code: str
    place: Place | None


class Crashed(msgspec.Struct, tag="crashed"):
    """The job ended with an exception; `message` says what to do if it is the user's to mend."""

    message: str
    place: Place | None
    interrupted: bool = False


class Done(msgspec.Struct, tag="done"):
    """The job is done."""

    outcome: Outcome


Event = Planned | Refused | Tick | Note | Exiting | Crashed | Done
