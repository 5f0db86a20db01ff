"""What can go wrong that is not a verdict: an exception class a fault, each with one message for a person.

`UsageError` and its kin end a command with exit code 2 and their message, never with a traceback.
"""

from __future__ import annotations

__all__ = ["FenceError", "NondeterminismError", "TreadleError", "UsageError"]


class TreadleError(Exception):
    """Anything that stops treadle from giving a verdict."""


class UsageError(TreadleError):
    """The command, the target or a file is not what it has to be."""


class FenceError(TreadleError, RuntimeError):
    """The program under test did something that the simulation cannot control."""


class NondeterminismError(TreadleError):
    """A run did not repeat its own choices."""
