"""A search that leaves nothing out and remembers nothing: what the explorer's reductions are held against.

It shares `execute` with the explorer, and nothing else: no frontier, no deferred options, no fingerprints, and what only
counts is not run at once.
"""

from dataclasses import dataclass, replace
from unittest.mock import patch

from treadle.checker import inert
from treadle.checker.execution import execute, simulation
from treadle.checker.fingerprint import Fingerprinter


class Follow:
    """Follows a schedule, then takes the first option; `widths` are the numbers of options met."""

    def __init__(self, schedule):
        self.schedule = schedule
        self.widths = []

    def pick(self, options, deferred_from=0):
        position = len(self.widths)
        self.widths.append(len(options))
        return self.schedule[position] if position < len(self.schedule) else 0

    def confirm(self):
        pass

    def seen(self, run):
        return False


class Watch(Follow):
    """Follows a schedule that a seeded generator makes up as it goes, and takes a fingerprint wherever a search
    could."""

    def __init__(self, generator):
        super().__init__(())
        self.generator = generator
        self.fingerprinter = Fingerprinter()
        self.fingerprints = []

    def pick(self, options, deferred_from=0):
        super().pick(options)
        return self.generator.randrange(len(options))

    def seen(self, run):
        self.fingerprints.append(self.fingerprinter.fingerprint(run).hex())
        return False


def alternatives(scenario, settings):
    """Return how many options the first schedule leaves out: 0 if there is no other, and many in a large space."""
    chooser = Follow(())
    with simulation():
        execute(scenario, replace(settings, max_steps=2_000), chooser)
    return sum(chooser.widths) - len(chooser.widths)


def everything_in_any_order():
    """Switch the reduction of `inert` off."""
    return patch.object(inert, "take", lambda ready: None)


@dataclass
class Everything:
    """What all schedules together show: outcomes and violated properties."""

    found: tuple[set[str], set[str]]
    runs: int


def explore_naively(scenario, settings, most_runs):
    """Run all schedules; None if there are more than `most_runs`."""
    settings = replace(settings, max_steps=2_000)
    outcomes = set()
    properties = set()
    pending = [()]
    runs = 0
    with simulation(), everything_in_any_order():
        while pending:
            runs += 1
            if runs > most_runs:
                return None
            schedule = pending.pop()
            chooser = Follow(schedule)
            outcome = execute(scenario, settings, chooser)
            if outcome.kind == "depth":
                return None
            if outcome.kind == "done":
                outcomes.add(repr(outcome.result))
            if outcome.violation is not None:
                properties.add(outcome.violation.property)
            for position in range(len(schedule), len(chooser.widths)):
                stem = schedule + (0,) * (position - len(schedule))
                pending += [(*stem, index) for index in range(1, chooser.widths[position])]
    return Everything((outcomes, properties), runs)
