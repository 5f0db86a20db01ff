"""One sentence that says what went wrong, in the words of the program.

Each function below knows one shape of accident and looks for it among the facts of a trace: who was woken by what, who
was cancelled before it resumed, who changed what while somebody else was suspended. A sentence is made of facts that are
in the steps, each with its number; where no shape fits there is none, and the property's own message has to do. A guess
that sounds like knowledge would cost a reader more than silence. Of a run that goes on for ever the sentence tells the loop.
"""

from __future__ import annotations

from .endless import in_words, loop_of
from .trace import Step, Trace, Wake

__all__ = ["explain"]

_ABOUT_WAITING = frozenset(
    {"no-lost-wakeup", "no-deadlock", "permits-conserved", "refinement", "wakes-all", "notifies-n", "progress", "state-as-reported"}
)


def explain(trace: Trace) -> str:
    """Return the sentence; "" if there is nothing to say beyond the message of the violation."""
    if trace.violation is None:
        return ""
    property = trace.violation.property
    loop = loop_of(trace)
    if loop is not None:
        circle = _circle(trace)
        return f"{circle}; meanwhile {in_words(loop, trace.deadlock)}" if circle else in_words(loop)
    shapes = []
    if property in _ABOUT_WAITING:
        shapes += [_circle, _lost_in_the_window, _left_waiting]
        if property == "refinement" and "which the model does not allow" in trace.violation.message:
            shapes = [_overtaken, *shapes]
    elif property in ("fifo", "mutual-exclusion", "counter-non-negative"):
        shapes += [_overtaken]
    elif property == "assertion":  # above an exception of another kind it would be a guess
        shapes += [_lost_update]
    return next((sentence for shape in shapes if (sentence := shape(trace))), "")


def _circle(trace: Trace) -> str:
    """Tasks wait for each other, and nothing can happen any more."""
    waits = {wait.task: wait for wait in trace.waits}
    parts = []
    for task, following in zip(trace.deadlock, [*trace.deadlock[1:], *trace.deadlock[:1]], strict=True):
        what = waits[task].what
        parts.append(f"{task} waits for {what}" if following in what else f"{task} waits for {what}, which {following} holds")
    return "; ".join(parts)


def _lost_in_the_window(trace: Trace) -> str:
    """What woke a task is lost, since it was cancelled before it could resume, and did not pass it on."""
    for step in reversed(trace.steps):
        if step.in_window != "woken and cancelled" or step.kind != "resume":
            continue
        woken = _last_wake(trace, step.task, step.number, cancelled=False)
        struck = _last_strike(trace, step.task, step.number)
        if woken is None or struck is None or not woken[1].operation:
            continue
        by, wake = woken
        parts = [
            f"{wake.operation}{_by(by)} woke {step.task} (step {by.number})",
            f"{step.task} was cancelled before it resumed (step {struck.number})",
        ]
        passed_on = [each.task for each in step.wakes if not each.cancelled and each.operation]
        if passed_on:
            parts.append(f"it woke {_names(passed_on)} in its stead (step {step.number})")
        elif any(each.operation and not each.cancelled for later in trace.steps[step.number :] for each in later.wakes):
            parts.append("it woke nobody in its stead")
        else:
            parts.append("nobody was woken in its stead")
        return "; ".join([*parts, *_for_ever(trace)])
    return ""


def _left_waiting(trace: Trace) -> str:
    """Somebody waits at the end, and nobody who is left could wake it."""
    if trace.violation is None or trace.violation.property != "no-deadlock":
        return ""
    ended = {step.task for step in trace.steps if step.task and not step.place and step.kind != "cancel"}
    parts = []
    for wait in trace.waits:
        if wait.task == "main" and len(trace.waits) > 1:
            continue
        over = [name for name in wait.holders if name in ended]
        who = f", held by {_names(over)}, which {'has' if len(over) == 1 else 'have'} ended" if over else ""
        parts.append(f"{wait.task} waits for {wait.what}{who}")
    return "; ".join(parts) + ", and nothing is left that could wake " + ("it" if len(parts) == 1 else "them") if parts else ""


def _overtaken(trace: Trace) -> str:
    """Somebody had been woken and had not resumed when another one got through."""
    last = trace.steps[-1]
    for step in reversed(trace.steps):
        for wake in step.wakes:
            if wake.cancelled or not wake.operation or wake.task == last.task:
                continue
            between = [other for other in trace.steps[step.number :] if other.task == wake.task and other.kind == "resume"]
            if not between:
                got = next((call for call in last.calls if call.operation and call.result.startswith("→")), None)
                what = f"{last.task}'s {got.function}() returned" if got else f"{last.task} got through"
                first = f"{wake.operation}{_by(step)} woke {wake.task} (step {step.number})"
                return f"{first}; before {wake.task} resumed, {what} (step {last.number})"
    return ""


def _lost_update(trace: Trace) -> str:
    """A task went on with a copy of a value that another one had changed while it was suspended."""
    for late in reversed(trace.steps):
        for change in late.changes:
            if ": " in change.name or change.before is None or change.after is None or not late.task:
                continue
            previous = next((step for step in reversed(trace.steps[: late.number - 1]) if step.task == late.task and step.place), None)
            if previous is None:
                continue
            for other in trace.steps[previous.number : late.number - 1]:
                lost = next((each for each in other.changes if each.name == change.name and each.before is not None), None)
                if lost is None or other.task in ("", late.task):
                    continue
                copy = _copy_of(trace, late.task, previous.number, str(lost.before))
                if copy:
                    return (
                        f"{late.task} was suspended, with {copy} = {lost.before}, when {other.task} changed {change.name} "
                        f"from {lost.before} to {lost.after} (step {other.number}); "
                        f"{late.task} went on and made it {change.after} (step {late.number})"
                    )
    return ""


def _copy_of(trace: Trace, task: str, upto: int, value: str) -> str:
    """Return the local variable of a task that has a value at a step."""
    found: dict[str, str | None] = {}
    for step in trace.steps[:upto]:
        for change in step.changes:
            if change.name.startswith(f"{task}: "):
                found[change.name.removeprefix(f"{task}: ")] = change.after
    return next((name for name, held in found.items() if held == value), "")


def _last_wake(trace: Trace, task: str, before: int, cancelled: bool) -> tuple[Step, Wake] | None:
    for step in reversed(trace.steps[: before - 1]):
        for wake in step.wakes:
            if wake.task == task and wake.cancelled == cancelled:
                return step, wake
    return None


def _last_strike(trace: Trace, task: str, before: int) -> Step | None:
    found = _last_wake(trace, task, before, cancelled=True)
    return found[0] if found else None


def _for_ever(trace: Trace) -> list[str]:
    """Say who waits for a primitive at the end, which nobody holds."""
    primitives = {primitive.name for step in trace.steps for primitive in step.primitives}
    idle = [wait.task for wait in trace.waits if wait.what in primitives and not wait.holders]
    return [f"{_names(idle)} wait{'s' if len(idle) == 1 else ''} for ever"] if idle else []


def _by(step: Step) -> str:
    return f" by {step.task}" if step.task else " in a timer's callback" if step.kind == "timer" else " in a callback"


def _names(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
