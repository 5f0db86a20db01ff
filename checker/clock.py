"""The simulated clock, and why its instants are a type.

A program that loops over `asyncio.sleep(1)` has finitely many states only if deadlines are compared with *now*, not
with zero. Which of a program's floats are instants cannot be seen from outside, so the loop hands asyncio's own
modules an `Instant`, a float that knows what it is: adding a delay gives an instant, the difference of two is a plain
number, comparing two is fine. Everything else (a remainder, a comparison with a plain number, printing it) would make
the absolute time observable: then `observed` is called, and the search falls back to absolute time. Code outside
asyncio that asks for the time gets a plain float, and counts as observing it at once. Refused: rounding or hiding the
clock, either of which would merge states that differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Instant"]


class Instant(float):
    """A moment of the simulated clock, in seconds."""

    __slots__ = ("observed",)
    observed: Callable[[], None]

    def __new__(cls, value: float, observed: Callable[[], None]) -> Instant:
        """Wrap `value`; `observed` is called when the absolute value leaks."""
        self = super().__new__(cls, value)
        self.observed = observed
        return self

    def __add__(self, other: float) -> float:
        if isinstance(other, Instant):
            self.observed()
            return float.__add__(self, other)
        return Instant(float.__add__(self, other), self.observed)

    __radd__ = __add__

    def __sub__(self, other: float) -> float:
        if isinstance(other, Instant):
            return float.__sub__(self, other)
        return Instant(float.__sub__(self, other), self.observed)

    def __reduce__(self) -> Any:
        self.observed()
        return (float, (float.__add__(self, 0.0),))


def _comparison(name: str) -> Callable[[Instant, object], Any]:
    plain = getattr(float, name)

    def compare(self: Instant, other: object) -> Any:
        if not isinstance(other, Instant):
            self.observed()
        return plain(self, other)

    compare.__name__ = name
    return compare


def _leak(name: str) -> Callable[..., Any]:
    plain = getattr(float, name)

    def leak(self: Instant, *args: Any) -> Any:
        self.observed()
        return plain(self, *args)

    leak.__name__ = name
    return leak


for _name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
    setattr(Instant, _name, _comparison(_name))
for _name in (
    "__abs__", "__bool__", "__ceil__", "__divmod__", "__float__", "__floor__", "__floordiv__", "__format__", "__hash__", "__int__",
    "__mod__", "__mul__", "__neg__", "__pos__", "__pow__", "__rdivmod__", "__repr__", "__rfloordiv__", "__rmod__", "__rmul__",
    "__round__", "__rpow__", "__rsub__", "__rtruediv__", "__str__", "__truediv__", "__trunc__", "as_integer_ratio", "hex",
    "is_integer",
):  # fmt: skip
    setattr(Instant, _name, _leak(_name))
