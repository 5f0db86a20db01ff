"""Where a Python program can hide state: what all traps share.

Each trap is a scenario: `choose(2)` decides what is put into a hiding place, then the same code waits in both cases, then
what was put there comes out. A fingerprint that is blind in that place takes the second run for the first and loses
its outcome.
"""

import asyncio

from treadle.checker import checkpoint

TRAPS = {}


def trap(blind, **settings):
    """Register a trap. `blind` is what to strike out of fingerprints (see `test_merging_traps`) for it to snap."""

    def register(function):
        TRAPS[function.__name__] = (function, blind, settings)
        return function

    return register


async def wait():
    """The place at which the two runs look alike."""
    await checkpoint()
    await asyncio.gather(checkpoint(), checkpoint())  # several things can happen, so states are looked up
