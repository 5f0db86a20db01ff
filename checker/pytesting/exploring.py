"""Explore a marked test, and fail as pytest expects it: with a message, a place, and the table of the run."""

from __future__ import annotations

import os
import sys
import traceback
import types
from typing import Any, NoReturn

import pytest

from ..api import check
from ..errors import TreadleError
from ..recording import record
from ..replaying import settings_of
from ..report import plain_text, render_trace
from ..runtime import Settings
from ..trace import Target, Trace
from ..verdict import Counterexample, Verdict
from ..world import World
from .items import ExploredFunction, Violated
from .keeping import forget, keep, kept, wanted_trace
from .noise import Noise
from .running import Plan

__all__ = ["explore_test"]

_WIDTH_WITHOUT_TERMINAL = 100  # as the command line has it


def explore_test(item: ExploredFunction) -> None:
    """Explore `item`; return if it is verified, or undecided and nobody minds.

    Raises:
        Violated: with the table of the counterexample.
        pytest.fail.Exception: if treadle cannot give a verdict, or under --treadle-strict if it is not `verified`.
    """
    options = _options(item)
    noise = Noise(item.funcargs)
    plan = Plan(item, noise)
    world = World()
    world.prepare(plan.scenario)
    try:
        with noise.warn_once():
            wanted = wanted_trace(item.config)
            if wanted is not None:
                _replay(plan, wanted)
            else:
                _replay_kept(plan, options)
                _explore(plan, options)
    except TreadleError as error:
        place = _users_part(error)
        raise pytest.fail.Exception(f"{type(error).__name__}: {error}{_told(place)}", pytrace=False).with_traceback(place) from None
    finally:
        world.restore()


def _options(item: ExploredFunction) -> dict[str, Any]:
    """Return the options for `check`: what the command line says goes before what the marks say."""
    given = item.config.option
    options = dict(item.options)
    if given.treadle_contract is not None:
        options["contract"] = given.treadle_contract
    if given.treadle_timeout is not None:
        options["timeout"] = given.treadle_timeout
    if given.treadle_strict:
        options["strict"] = True
    return options


def _explore(plan: Plan, options: dict[str, Any]) -> None:
    item = plan.item
    with plan.noise.silence():
        verdict = check(plan.scenario, **options, name=item.nodeid)
        warned = [_present(plan, warning, options, warning=True) for warning in verdict.warnings]
    item.treadle_verdict = _document(verdict, warned)
    if any(reason.startswith("interrupted") for reason in verdict.reasons):
        raise KeyboardInterrupt  # a search takes the first Ctrl-C for itself; the session is to end all the same
    if verdict.violations:
        _fail(plan, verdict.violations, options)
    if verdict.verdict != "verified" and item.config.option.treadle_strict:
        pytest.fail(f"{verdict.verdict}, not verified: {'; '.join(verdict.reasons)}", pytrace=False)


def _fail(plan: Plan, found: list[Counterexample], options: dict[str, Any], still: bool = False) -> NoReturn:
    """Fail with all counterexamples; the place and the captured output are those of the first."""
    sections = []
    for counterexample in found:
        if counterexample.property == "witness":
            continue  # what never happens has no run to show
        with plan.noise.silence():
            title, text, trace = _present(plan, counterexample, options)
        if counterexample is found[0] and (path := keep(plan.item, trace)) is not None:
            text += f"  {'It was kept and still fails' if still else 'It is kept'}; run it alone with: pytest --treadle-replay {path}\n"
        sections.append((title, text))
    first = found[0]
    error = None
    if first.property != "witness":
        error = plan.run_aloud(_settings(first, options), first.schedule)
    if isinstance(error, (pytest.skip.Exception, pytest.xfail.Exception, pytest.exit.Exception)):
        forget(plan.item)
        plan.item.treadle_verdict = None
        raise error
    _raise(first, error, sections)


def _raise(counterexample: Counterexample, error: BaseException | None, sections: list[tuple[str, str]]) -> NoReturn:
    """Fail where the program raised `error`, or nowhere in particular if what is violated is no exception."""
    place = None if error is None else _users_part(error)
    message = f"{counterexample.property}: {counterexample.message}".splitlines()[0]
    raise Violated(message + _told(place), sections).with_traceback(place) from None


def _told(place: types.TracebackType | None) -> str:
    """Return the innermost line of a traceback, as pytest's short form has it."""
    if place is None:
        return ""
    frame = traceback.extract_tb(place)[-1]
    return f"\n{os.path.relpath(frame.filename)}:{frame.lineno}: in {frame.name}\n    {frame.line}"


def _present(plan: Plan, counterexample: Counterexample, options: dict[str, Any], warning: bool = False) -> tuple[str, str, Trace]:
    """Return a title, the report and the trace of a counterexample."""
    settings = _settings(counterexample, options)
    trace, _ = record(plan.scenario, settings, counterexample.schedule, Target("pytest", plan.item.nodeid))
    trace.confirmation = counterexample.confirmation
    text = plain_text([render_trace(counterexample, trace, warning)], _width(plan.item.config))
    return f"treadle: {counterexample.property}", text.rstrip() + "\n", trace


def _replay_kept(plan: Plan, options: dict[str, Any]) -> None:
    """Fail at once if the counterexample of an earlier session still is one; forget it otherwise."""
    trace = kept(plan.item, options)
    if trace is None or trace.loop:  # whether a run still need not end only a search can say
        return
    with plan.noise.silence():
        new, fits = record(plan.scenario, settings_of(trace), tuple(trace.schedule), trace.target)
    if fits and _property(new) == _property(trace) is not None:
        plan.item.treadle_verdict = {"verdict": "violated", "reasons": [], "notes": [], "stats": {}, "warnings": []}
        _fail(plan, [_counterexample(new)], options, still=True)
    forget(plan.item)


def _replay(plan: Plan, trace: Trace) -> NoReturn:
    """Run the schedule of --treadle-replay, and fail either way: with its counterexample, or because it is none any more."""
    with plan.noise.silence():
        new, fits = record(plan.scenario, settings_of(trace), tuple(trace.schedule), trace.target)
    if fits and _property(new) == _property(trace) is not None:
        counterexample = _counterexample(new)
        text = plain_text([render_trace(counterexample, new)], _width(plan.item.config)).rstrip() + "\n"
        options = {"ignore": trace.scope.get("ignore", ()), "forbid": trace.scope.get("forbid", ())}
        error = plan.run_aloud(_settings(counterexample, options), counterexample.schedule)
        _raise(counterexample, error, [("treadle: replayed", text)])
    why = "its schedule does not fit any more"
    if fits:
        why = f"the violation is {_property(new) or 'none'}, the trace says {_property(trace) or 'none'}"
    pytest.fail(f"not reproduced: {why}; if the test has changed, run it without --treadle-replay for a new trace", pytrace=False)


def _property(trace: Trace) -> str | None:
    return None if trace.violation is None else trace.violation.property


def _counterexample(trace: Trace) -> Counterexample:
    assert trace.violation is not None
    scope = trace.scope
    strikes = sum(1 for step in trace.steps if step.kind == "cancel")
    return Counterexample(
        trace.violation.property,
        trace.violation.message,
        scope["contract"],
        tuple(trace.schedule),
        scope["time"],
        scope["cancel"],
        strikes,
        lasso=settings_of(trace).lasso,
    )


def _settings(counterexample: Counterexample, options: dict[str, Any]) -> Settings:
    forbid = "leaked-tasks" in options.get("forbid", ())
    return counterexample.settings(options.get("ignore", ()), forbid, options.get("max_depth", Settings.max_steps))


def _document(verdict: Verdict, warned: list[tuple[str, str, Trace]]) -> dict[str, Any]:
    """Return what the report of the test carries, in values that pytest-xdist can send."""
    return {
        "verdict": verdict.verdict,
        "reasons": list(verdict.reasons),
        "notes": list(verdict.notes),
        "stats": dict(verdict.stats),
        "warnings": [
            {"headline": f"{warning.property}: {warning.message}".splitlines()[0], "contract": warning.contract, "text": text}
            for warning, (_, text, _) in zip(verdict.warnings, warned, strict=True)
        ],
    }


def _users_part(error: BaseException) -> types.TracebackType | None:
    """Return the traceback of an exception, or of the first one in a group, without frames of treadle, pytest and Python."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    entries: list[types.TracebackType] = []
    entry = error.__traceback__
    while entry is not None:
        module = str(entry.tb_frame.f_globals.get("__name__", ""))
        top = module.partition(".")[0]
        if not module.startswith("treadle.checker") and top not in sys.stdlib_module_names and top != "_pytest":
            entries.append(entry)
        entry = entry.tb_next
    result: types.TracebackType | None = None
    for entry in reversed(entries):
        result = types.TracebackType(result, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return result


def _width(config: pytest.Config) -> int:
    """Return how wide tables may be: as the terminal, or 100 columns where there is none."""
    if config.pluginmanager.has_plugin("terminalreporter") and ("COLUMNS" in os.environ or config.get_terminal_writer().hasmarkup):
        return config.get_terminal_writer().fullwidth
    return _WIDTH_WITHOUT_TERMINAL


