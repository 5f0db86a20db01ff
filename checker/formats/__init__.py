"""A trace in the formats of other people's viewers: one module a format, each a function from a trace to text."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import UsageError
from ..trace import Trace
from .dot import dot
from .itf import itf
from .mermaid import mermaid
from .perfetto import perfetto

__all__ = ["FORMATS", "export"]

FORMATS: dict[str, Callable[[Trace], str]] = {"perfetto": perfetto, "mermaid": mermaid, "itf": itf, "dot": dot}


def export(trace: Trace, name: str) -> str:
    """Return a trace in the format of that name.

    Raises:
        UsageError: if there is no such format.
    """
    if name not in FORMATS:
        raise UsageError(f"unknown format {name!r}; expected one of {', '.join(FORMATS)}")
    return FORMATS[name](trace)
