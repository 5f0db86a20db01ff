"""A family of models: one text, many sizes, and the faults that it can be built with.

Sizes are tasks, initial value, rounds a task and cancellations a task (None: without limit). A fault replaces the
mechanism in one place and leaves the properties alone, so that a property which misses the fault is seen to miss it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import ModelError
from ..language import Model


@dataclass(frozen=True)
class Size:
    """How large a model is built: tasks, initial value, rounds a task, cancellations a task (None: unlimited).

    `surplus` bounds the releases without an acquire of a Semaphore when rounds are unlimited.
    """

    tasks: int = 3
    value: int = 1
    rounds: int | None = 1
    cancel: int | None = 1
    surplus: int = 1

    def __post_init__(self) -> None:
        for name, number, low in (
            ("tasks", self.tasks, 1), ("value", self.value, 0), ("rounds", self.rounds, 1), ("cancel", self.cancel, 0),
            ("surplus", self.surplus, 0),
        ):  # fmt: skip
            if number is not None and number < low:
                raise ModelError(f"{name} must be at least {low}, not {number}")


@dataclass(frozen=True)
class Fault:
    """A deliberately broken mechanism: where it was seen in the wild, and the properties that must catch it."""

    name: str
    text: str
    breaks: tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """A model's name, what it is, how to build it, and its faults."""

    name: str
    summary: str
    construct: Callable[[Size, str | None], Model]
    faults: tuple[Fault, ...]
    has_value: bool = False
    least_value: int = 0

    def fault(self, name: str) -> Fault:
        """Find a fault by name; raise `ModelError` that lists the faults when there is none."""
        for fault in self.faults:
            if fault.name == name:
                return fault
        raise ModelError(f"{self.name} has no fault {name!r}; its faults are {', '.join(f.name for f in self.faults)}")

    def build(self, size: Size, fault: str | None = None) -> Model:
        """Build the model of one size, correct or with one fault."""
        if fault is not None:
            self.fault(fault)
        if self.has_value and size.value < self.least_value:
            raise ModelError(f"{self.name}: the initial value must be at least {self.least_value}, not {size.value}")
        if not self.has_value and size.value != 1:
            raise ModelError(f"{self.name} has no initial value to choose; leave --value out")
        return self.construct(size, fault)
