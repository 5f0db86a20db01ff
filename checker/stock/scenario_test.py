"""A scenario as a test without treadle: its own source, and a small helper that plays the outside world's part.

The helper acts at the end of each iteration of the loop, in the callback of a timer that is always due: behind all other
callbacks and before other timers, where what `select()` reports is queued. Its clock is a number that the schedule sets.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import UsageError
from ..properties import MEANINGS
from ..runtime import Lasso
from .excerpting import Excerpted
from .script import Iteration, Job, Script

__all__ = ["Rounds", "render_scenario"]

_HELPER = '''
TASKS, WAITS, WRONG, NOW = [], [], [], [0.0]


def run(scenario):
    """Run a scenario on asyncio's own loop; SCHEDULE says what the outside world does at the end of which iteration."""
    loop = asyncio.new_event_loop()
    loop.time = lambda: NOW[0]

    def make_task(loop, coro, **kwargs):
        TASKS.append(asyncio.Task(coro, loop=loop, **kwargs))
        return TASKS[-1]

    def complete(waits):
        for wait in waits:
            wait.done() or wait.set_result(None)

    def end_of_iteration(number):
        for kind, what in SCHEDULE.get(number, ()):
            if kind == "complete":
                complete(WAITS[what : what + 1])  # once the program is mended there may be fewer
            elif kind == "cancel" and what < len(TASKS):
                TASKS[what].cancel("treadle")
            elif kind == "time":
                NOW[0] = whatBEGIN
        if number > LAST:  # then everything goes on that can
            NOW[0] += 1
            complete(WAITS)
        if main.done() or number == END:
            loop.stop()
        loop.call_at(-1, end_of_iteration, number + 1)  # is due at once: runs behind the callbacks of the next iteration

    loop.set_task_factory(make_task)
    loop.set_exception_handler(lambda loop, context: WRONG.append((context["message"], context.get("exception"))))
    main = loop.create_task(scenario())
    loop.call_at(-1, end_of_iteration, 1)
    try:
        loop.run_forever()
        assert not WRONG, WRONG
        ASSERTIONS
    finally:
        loop.close()
'''
_BEGIN = '''
            elif kind == "begin":
                PROGRESS.clear()  # here the loop begins'''
_DONE = '''assert main.done(), "{why}"
        main.result()'''
_LEAKED = '''
        assert all(task.done() for task in TASKS), "a task outlives the scenario"'''
_GOT_ON = '''assert {who!r} in PROGRESS, "{why}"'''
_STUCK = "nothing can happen any more, and the scenario is not done"
_PATIENCE = 30  # iterations in which everything goes on that can
_PARTS = {
    "choose": '''
def choose(n):
    return CHOICES.pop(0) if CHOICES else 0
''',
    "checkpoint": '''
async def checkpoint(*, maybe=False):
    """Wait for the outside world."""
    if not (maybe and CHOICES and CHOICES.pop(0)):
        WAITS.append(asyncio.get_running_loop().create_future())
        await WAITS[-1]
''',
    "fail": '''
def fail(property, message):
    WRONG.append(f"{property}: {message}")
''',
    "progress": '''
def progress(name):
    PROGRESS.append(name)
''',
    "may_rest": "\ndef may_rest():\n    pass\n",
    "note": "\ndef note(text):\n    pass\n",
    "observe": "\ndef observe(label, describe):\n    pass\n",
    "witness": "\ndef witness(name):\n    pass\n",
}
_UNNEEDED = frozenset({"scenario"})
_OWN = ("CHOICES", "LAST", "NOW", "PROGRESS", "SCHEDULE", "TASKS", "WAITS", "WRONG", "run")  # what the helper calls its things


@dataclass(frozen=True)
class Rounds:
    """How often the script goes round the loop of a lasso, which begins in iteration `begin` (from 1)."""

    lasso: Lasso
    count: int
    begin: int

    def assertion(self) -> str:
        """Return what the test asserts in the end."""
        times = f"after {self.count} rounds of the loop"
        if self.lasso.who:
            return _GOT_ON.format(who=self.lasso.who, why=f"{times} there is no progress")
        if self.lasso.inevitable:
            return _DONE.format(why=f"everything has happened that can, and {_PATIENCE} iterations later the scenario is not done")
        return _DONE.format(why=f"{times} the scenario is not done")

    @property
    def patience(self) -> int:
        """Return how many iterations the test goes on after the script has ended."""
        return _PATIENCE if self.lasso.inevitable and not self.lasso.who else 0


def render_scenario(
    script: Script, excerpted: Excerpted, name: str, property: str, message: str, rounds: Rounds | None = None
) -> str:
    """Return the source of a test that plays `script` on the scenario; with `rounds`, one of a run that need not end.

    Raises:
        UsageError: if the scenario uses what such a test cannot do.
    """
    if any(isinstance(item, Job) for item in script.items):
        raise UsageError("this run has an executor's job in it, whose moment plain asyncio cannot be told; give a trace without one")
    if any("=" not in line for line in excerpted.renamed):
        raise UsageError(
            "the scenario uses treadle by the name of its package; import the functions by name, "
            "as in `from treadle.checker import checkpoint`, and trace again"
        )
    unknown = excerpted.uses - _PARTS.keys() - _UNNEEDED
    if unknown:
        raise UsageError(f"the scenario uses {sorted(unknown)[0]}(), which a test without treadle has not; take it out and trace again")
    head = f"{name}: {property} does not hold" + (f" ({MEANINGS[property]})." if property in MEANINGS else ".")
    tail = "Plain asyncio, one schedule, the same every time: run it with pytest, or as a script."
    paragraphs = [head, f"In the run that showed it: {message}.", tail]
    text = "\n\n".join(textwrap.fill(paragraph.replace("\\", "\\\\").replace('"""', "'''"), 100) for paragraph in paragraphs)
    uses = excerpted.uses - _UNNEEDED
    choices = [index for index, _ in script.choices]
    patience = _PATIENCE if rounds is None else rounds.patience
    asserted = _DONE.format(why=_STUCK) if rounds is None else rounds.assertion()
    asserted += _LEAKED if property == "no-leaked-task" else ""
    begin = rounds.begin if rounds is not None and rounds.lasso.who else 0
    opening = "".join([f'"""{text}\n"""\n\n', *[f"{line}\n\n" for line in excerpted.future], "import asyncio\n\n"])
    before = [
        "# What happens at the end of which iteration of the event loop; all else is asyncio's own order.\n",
        f"SCHEDULE = {{\n{_schedule(script, begin)}}}\nLAST = {len(script.iterations)}\n",
        f"CHOICES = {choices}  # what choose() and checkpoint(maybe=True) decide\n" if uses & {"choose", "checkpoint"} else "",
        "PROGRESS = []  # the names that progress() was called with\n" if begin or "progress" in uses else "",
        _HELPER.replace("BEGIN", _BEGIN if begin else "").replace("END", f"LAST + {patience}" if patience else "LAST").replace(
            "ASSERTIONS", asserted
        ),
        "".join(f"\n{_PARTS[part]}" for part in sorted(uses)),
        *[f"\n\n{line}" for line in excerpted.renamed],
    ]
    after = [
        f"\n\ndef test_{property.replace('-', '_')}():\n    run({name})\n",
        f'\n\nif __name__ == "__main__":\n    run({name})\n',
    ]
    own = _distinct(excerpted.source)
    source = f"\n\n# --- the scenario ---\n\n\n{excerpted.source}\n"
    return opening + own("".join(before)) + source + own("".join(after))


def _distinct(source: str) -> Callable[[str], str]:
    """Return what gives the helper's things other names where the scenario's source has the same."""
    taken = set(re.findall(r"\w+", source))
    names = {name: name for name in _OWN}
    for name in _OWN:
        while names[name] in taken:
            names[name] += "_"
    return lambda text: re.sub(r"\w+", lambda word: names.get(word.group(), word.group()), text)


def _schedule(script: Script, begin: int) -> str:
    iterations: list[Iteration] = script.iterations
    lines = []
    for number, iteration in enumerate(iterations, start=1):
        following = iterations[number].clock if number < len(iterations) else iteration.clock
        events: list[tuple[str, float]] = [
            ("cancel" if event.kind == "cancel" else "complete", event.number) for event in iteration.events
        ]
        if following != iteration.clock:
            events.append(("time", following))
        if number == begin:
            events.append(("begin", 0))
        if events:
            shown = ", ".join(f'("{kind}", {what:g})' for kind, what in events)
            lines.append(f"    {number}: [{shown}],\n")
    return "".join(lines)
