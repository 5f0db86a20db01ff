"""The explicit engine against its peers on PyPI, paired in one run: states a second on `handoff-semaphore`.

python benchmarks/bench_models.py [--rounds 3] [--large]

Peers: minicheck 0.4.0 and musil 0.36.7 (which needs Python 3.12): `pip install minicheck==0.4.0 musil==0.36.7`. One
that is not installed is left out, and the table says so. All of them check the same model with the same six
invariants; the peers get it as the plain Python that their documentation asks for, on tuples, which are the fastest
immutable states of Python. Rounds of the contenders alternate, so that a busy machine slows all of them; the figures
are medians, and every contender must count the same states.

With --large also N = 6, v = 1, r = 2 by orbits: 66,161,968 states out of 102,401 representatives.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.metadata
import statistics
import sys
import time
from typing import ClassVar

from treadle.model.explicit import Explorer
from treadle.model.models import family
from treadle.model.models.family import Size

IDLE, WAIT, WOKEN, CWAIT, CWOKEN, CS, DONE = range(7)
EXPECTED = {(5, 1, 1): 20_512, (6, 1, 1): 256_272, (4, 1, 2): 77_614}


class Port:
    """The model in plain Python: a state is (c, q, pc, rem, can)."""

    def __init__(self, tasks, value, rounds):
        self.tasks, self.value, self.rounds = range(tasks), value, rounds
        self.initial = (value, (), (IDLE,) * tasks, (rounds,) * tasks, (1,) * tasks)

    @staticmethod
    def give(c, q, pc):
        for j in q:
            if pc[j] == WAIT:
                pc[j] = WOKEN
                return c
        return c + 1

    @staticmethod
    def leave(i, pc, rem):
        rem[i] -= 1
        pc[i] = IDLE if rem[i] else DONE

    def step(self, name, i, state):
        c, q, pc, rem, can = state
        pc, rem, can = list(pc), list(rem), list(can)
        if name == "acquire":
            c, pc[i] = c - 1, CS
        elif name == "block":
            q, pc[i] = (*q, i), WAIT
        elif name == "release":
            c = self.give(c, q, pc)
            self.leave(i, pc, rem)
        elif name == "resume":
            q, pc[i] = tuple(j for j in q if j != i), CS
        elif name == "cancel":
            can[i], pc[i] = 0, CWAIT if pc[i] == WAIT else CWOKEN
        else:
            q = tuple(j for j in q if j != i)
            if pc[i] == CWOKEN:
                c = self.give(c, q, pc)
            self.leave(i, pc, rem)
        return c, q, tuple(pc), tuple(rem), tuple(can)

    @staticmethod
    def enabled(name, i, state):
        c, _, pc, _, can = state
        here = pc[i]
        if name == "acquire":
            return here == IDLE and c > 0
        if name == "block":
            return here == IDLE and c == 0
        if name == "release":
            return here == CS
        if name == "resume":
            return here == WOKEN
        if name == "cancel":
            return here in (WAIT, WOKEN) and can[i] == 1
        return here in (CWAIT, CWOKEN)

    NAMES = ("acquire", "block", "release", "resume", "cancel", "unwind")
    BY_PHASE: ClassVar = {
        WAIT: ("cancel",), WOKEN: ("resume", "cancel"), CWAIT: ("unwind",), CWOKEN: ("unwind",), CS: ("release",), DONE: (),
    }  # fmt: skip

    def successors(self, state):
        c, _, pc, _, can = state
        found = []
        for i in self.tasks:
            here = pc[i]
            if here == IDLE:
                name = "acquire" if c > 0 else "block"
                found.append(((name, i), self.step(name, i, state)))
                continue
            for name in self.BY_PHASE[here]:
                if name != "cancel" or can[i]:
                    found.append(((name, i), self.step(name, i, state)))
        return found

    def invariants(self):
        value = self.value

        def fifo(c, q, pc):
            waits = False
            for j in q:
                if waits and pc[j] in (WOKEN, CWOKEN):
                    return False
                waits = waits or pc[j] == WAIT
            return True

        return {
            "I1": lambda c, q, pc: c >= 0,
            "I2": lambda c, q, pc: pc.count(CS) <= value,
            "I3": lambda c, q, pc: c + pc.count(CS) + pc.count(WOKEN) + pc.count(CWOKEN) == value,
            "I4": fifo,
            "I5": lambda c, q, pc: not (c > 0 and WAIT in pc),
            "I6": lambda c, q, pc: not (WAIT in pc and pc.count(WAIT) + pc.count(DONE) == len(pc)),
        }


def treadle(size, symmetry=False):
    found = Explorer(family("handoff-semaphore").build(Size(*size)), symmetry=symmetry).run()
    assert found.complete
    assert not found.violations
    return found.states


def minicheck(size):
    module, port = importlib.import_module("minicheck"), Port(*size)
    model = module.Protocol(
        name="handoff-semaphore", candidate=False, fields=("c", "q", "pc", "rem", "can"), initial=port.initial,
        transitions=port.successors,
        invariants={
            name: lambda state, holds=holds: holds(state["c"], state["q"], state["pc"])
            for name, holds in port.invariants().items()
        },
    )  # fmt: skip
    result = module.check_safety(model, max_states=10_000_000)
    assert all(each["holds"] for each in result["properties"].values())
    return result["reachable_states"]


def musil(size):
    module, port = importlib.import_module("musil"), Port(*size)
    actions = [
        module.Action(
            f"{name} {i}",
            lambda state, name=name, i=i: port.enabled(name, i, state),
            lambda state, name=name, i=i: port.step(name, i, state),
        )
        for i in port.tasks
        for name in port.NAMES
    ]
    invariants = {
        name: lambda state, holds=holds: holds(state[0], state[1], state[2])
        for name, holds in port.invariants().items()
    }
    result = module.check(
        module.Model(
            init=[port.initial], actions=actions, invariants=invariants, terminal=lambda state: set(state[2]) == {DONE}
        ),
        max_states=10_000_000,
    )
    assert result.ok
    return result.states_explored


def contenders():
    found = {"treadle": treadle}
    for name, run in (("minicheck", minicheck), ("musil", musil)):
        try:
            importlib.import_module(name)
        except ImportError:
            print(f"{name} is not installed for Python {sys.version.split()[0]}: left out (see the module's text)")
        else:
            found[f"{name} {importlib.metadata.version(name)}"] = run
    return found


def measure(rounds, sizes):
    everyone = contenders()
    for size in sizes:
        seconds = {name: [] for name in everyone}
        for _ in range(rounds):
            for name, run in everyone.items():
                gc.collect()
                started = time.perf_counter()
                states = run(size)
                seconds[name].append(time.perf_counter() - started)
                assert states == EXPECTED[size], f"{name} counts {states} states of {EXPECTED[size]}"
        ours = statistics.median(seconds["treadle"])
        print(f"\nN v r = {size}: {EXPECTED[size]:,} states, {rounds} alternating round(s)")
        for name, spent in seconds.items():
            middle = statistics.median(spent)
            spread = f"{min(spent):.2f} to {max(spent):.2f} s"
            print(
                f"  {name:18} {middle:7.2f} s ({spread})  {EXPECTED[size] / middle:10,.0f} states/s  {middle / ours:5.1f} x"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    measure(options.rounds, [(5, 1, 1), (4, 1, 2), (6, 1, 1)])
    if options.large:
        started = time.perf_counter()
        states = treadle((6, 1, 2), symmetry=True)
        print(f"\nN v r = (6, 1, 2) by orbits: {states:,} states in {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
