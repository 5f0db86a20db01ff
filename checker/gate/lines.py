"""At which line of a TOML file something stands.

The standard parser tells where a file is broken, not where a key is. Instead of a second parser, which would disagree
with the first on some file some day, the parser itself is asked: if the data at a path change when one occurrence of
the key is renamed, the key stands there. Works alike for tables, arrays of tables, inline tables and dotted keys.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

__all__ = ["Path", "line_of"]

Path = tuple[str | int, ...]
_PROBE = "treadle-probe"


def line_of(text: str, path: Path) -> int:
    """Return the number, from 1, of the line where the key at `path` stands, or else what is around it; 1 if nothing is found.

    `text` must be a valid TOML document. An index in the path counts from 0.
    """
    data = tomllib.loads(text)
    while path:
        key = path[-1]
        if isinstance(key, str):
            line = _line_of_key(text, data, path, key)
        else:
            inside = _at(data, path)
            line = min((_line_of_key(text, data, (*path, name), name) for name in inside), default=0) if isinstance(inside, dict) else 0
        if line:
            return line
        path = path[:-1]
    return 1


def _line_of_key(text: str, data: Any, path: Path, key: str) -> int:
    if _at(data, path) is _MISSING:
        return 0
    for match in re.finditer(re.escape(key), text):
        renamed = text[: match.start()] + _PROBE + text[match.end() :]
        try:
            changed = tomllib.loads(renamed)
        except tomllib.TOMLDecodeError:
            continue
        if _at(changed, path) is _MISSING:
            return text.count("\n", 0, match.start()) + 1
        if isinstance(_at(data, path), (dict, list)) and _at(changed, path) != _at(data, path):
            return text.count("\n", 0, match.start()) + 1  # one of several headers that add to the same table
    return 0


_MISSING = object()


def _at(data: Any, path: Path) -> Any:
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return _MISSING
    return data
