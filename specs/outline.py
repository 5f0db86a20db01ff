"""The outline of the text that the clauses speak for, so that no sentence of it is forgotten.

`text.toml` lists the places of the documentation and of `docs/reference.md`, with how many sentences each has, in
order; a signature counts as a sentence. A sentence either has a clause, or the outline says why it promises nothing
by itself. The sentences themselves are not repeated: they are asyncio's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib import resources

import msgspec

from .clauses import Clause, SpecError

__all__ = ["Place", "load_outline", "places_of", "uncovered"]


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the text: its name, how many sentences it has, and which of them promise nothing, with the reason."""

    at: str
    sentences: int
    silent: dict[str, str] = {}


class _Outline(msgspec.Struct, forbid_unknown_fields=True):
    place: tuple[Place, ...]


def load_outline() -> tuple[Place, ...]:
    """Read the outline."""
    text = (resources.files(__package__ or "treadle.specs") / "text.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Outline).place


_SOURCE = re.compile(r"(?P<place>[^:;]+): (?P<numbers>\d+(, \d+)*)")


def places_of(clause: Clause) -> list[tuple[str, int]]:
    """Return the sentences that a clause of this project comes from.

    Raises:
        SpecError: if its source is not written as `place: number, number; place: number`.
    """
    found = []
    for part in clause.source.split("; "):
        match = _SOURCE.fullmatch(part)
        if match is None:
            raise SpecError(f"{clause.id}: the source {part!r} is not written as `place: number, number`; see specs/text.toml")
        found += [(match["place"], int(number)) for number in match["numbers"].split(", ")]
    return found


def uncovered(clauses: Iterable[Clause], outline: Iterable[Place] | None = None) -> list[str]:
    """Return what is wrong between clauses and outline, a sentence each: what no clause speaks for, and what does not exist."""
    places = {place.at: place for place in (load_outline() if outline is None else outline)}
    spoken: set[tuple[str, int]] = set()
    wrong = []
    for clause in clauses:
        for at, number in places_of(clause):
            if at not in places or not 1 <= number <= places[at].sentences:
                wrong.append(f"{clause.id}: the text has no sentence {number} at {at!r}; see specs/text.toml")
            elif str(number) in places[at].silent:
                wrong.append(f"{clause.id}: for specs/text.toml sentence {number} at {at!r} promises nothing; one of the two is wrong")
            spoken.add((at, number))
    for place in places.values():
        for number in range(1, place.sentences + 1):
            if (place.at, number) not in spoken and str(number) not in place.silent:
                wrong.append(f"sentence {number} at {place.at!r} has no clause: write one, or call it silent in specs/text.toml")
    return wrong
