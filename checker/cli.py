"""The command line. Commands only collect options, call the library and print; every error of ours ends as one
message and exit code 2.

Scenarios may iterate over sets of strings, whose order follows PYTHONHASHSEED; so a command restarts itself with a
fixed seed, and the same command twice prints the same.
"""

from __future__ import annotations

import functools
import math
import os
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from . import cli_options as options
from .api import check as check_scenario
from .blame import files_of, place_of_definition
from .console import make_console, prints_to_stderr, progress_on, show, write_json
from .errors import TreadleError
from .outcomes import Broken, Outcome, broken_by, outcome_of
from .properties import MEANINGS
from .replay_cli import replay
from .report import render_trace, render_verdict
from .reports import one_standard_output, write_reports
from .targets import ScenarioTarget, resolve
from .trace import Target, Trace, save_trace
from .trace_cli import trace_app
from .verdict import EXIT_CODES, Counterexample, Verdict, worst
from .verification import PRIMITIVES
from .verification import verify as verify_primitive

__all__ = ["app", "main"]

app = typer.Typer(
    name="treadle",
    help="A model checker for Python's asyncio: explores every order in which tasks can run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(trace_app, name="trace")
_HASH_SEED = "0"
_WORTH_A_PROCESS = 6  # clients times rounds


@app.command()
def check(
    targets: Annotated[list[str], typer.Argument(help="file.py, file.py::name or package.module:name", metavar="TARGET...")],
    contract: options.Contract = None,
    time: options.Time = "virtual",
    cancel: options.Cancel = 0,
    ignore: options.Ignore = None,
    forbid: options.Forbid = None,
    strict: options.Strict = False,
    merge: options.Merge = "auto",
    search: options.Search = "exhaustive",
    seed: options.Seed = 0,
    runs: options.Runs = None,
    max_states: options.MaxStates = None,
    max_depth: options.MaxDepth = 10_000,
    timeout: options.Timeout = None,
    keep_going: options.KeepGoing = False,
    allow_bounded: options.AllowBounded = False,
    json: options.JsonFile = None,
    junit: options.JunitFile = None,
    sarif: options.SarifFile = None,
    trace: options.TraceFile = None,
    html: options.HtmlFile = None,
) -> None:
    """Explore all interleavings of scenarios."""
    aside = one_standard_output(json=json, junit=junit, sarif=sarif, trace=trace, html=html)
    console = make_console(to_stderr=aside)
    outcomes: list[Outcome] = []
    with prints_to_stderr(aside):
        scenarios: list[ScenarioTarget] = [found for target in targets for found in resolve(target)]
    verdicts: list[Verdict] = []
    traced = False
    for scenario in scenarios:
        with progress_on(scenario.name) as progress, prints_to_stderr(aside):
            verdict = check_scenario(
                scenario.function,
                contract=contract,
                time=time,
                cancel=cancel,
                ignore=frozenset(ignore or ()),
                forbid=frozenset(forbid or ()),
                strict=strict,
                merge=merge,
                search=search,
                seed=seed,
                runs=runs,
                max_states=max_states,
                max_depth=max_depth,
                timeout=timeout,
                keep_going=keep_going,
                name=scenario.name,
                progress=progress,
            )
        verdicts.append(verdict)
        show(console, render_verdict(verdict))
        broken: list[Broken] = []
        for counterexample, warning in [(c, False) for c in verdict.violations] + [(c, True) for c in verdict.warnings]:
            settings = counterexample.settings(ignore or (), bool(forbid), max_depth)
            with prints_to_stderr(aside):
                broken.append(broken_by(counterexample, scenario.function, settings, Target("check", scenario.name), warning=warning))
            traced = _show(console, counterexample, broken[-1].trace, warning, *([None, None] if traced else [trace, html])) or traced
        outcomes.append(outcome_of(verdict, "check", broken, place_of_definition(scenario.function)))
        if any("interrupted" in reason for reason in verdict.reasons):
            break
    write_reports(outcomes, allow_bounded, junit, sarif)
    _finish(verdicts, allow_bounded, json, single=len(verdicts) == 1)


@app.command()
def verify(
    primitive: Annotated[str, typer.Argument(help=" | ".join([*PRIMITIVES, "all"]), metavar="PRIMITIVE")],
    impl: Annotated[
        str, typer.Option("--impl", help="reference, asyncio, stdlib:X.Y, path/to/locks.py or package.module[:Class]")
    ] = "reference",
    tasks: Annotated[int, typer.Option("--tasks", help="Clients of the most general client.")] = 3,
    rounds: Annotated[str, typer.Option("--rounds", help="Operations a client does: a number, or inf.")] = "2",
    contract: options.Contract = None,
    time: options.Time = "virtual",
    cancel: options.Cancel = 1,
    ignore: options.Ignore = None,
    merge: options.Merge = "auto",
    search: options.Search = "exhaustive",
    seed: options.Seed = 0,
    runs: options.Runs = None,
    max_states: options.MaxStates = None,
    max_depth: options.MaxDepth = 10_000,
    timeout: options.Timeout = None,
    keep_going: options.KeepGoing = False,
    stdlib_path: Annotated[
        list[str] | None, typer.Option("--stdlib-path", help="Where another CPython's standard library is.", show_default=False)
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", help="Searches at a time, in processes of their own; 0 takes one a processor if it pays.")
    ] = 0,
    allow_bounded: options.AllowBounded = False,
    json: options.JsonFile = None,
    junit: options.JunitFile = None,
    sarif: options.SarifFile = None,
    trace: options.TraceFile = None,
    html: options.HtmlFile = None,
) -> None:
    """Check a synchronization primitive against what the documentation promises."""
    console = make_console(to_stderr=one_standard_output(json=json, junit=junit, sarif=sarif, trace=trace, html=html))
    outcomes: list[Outcome] = []
    verdicts: list[Verdict] = []
    traced = False
    for verification in verify_primitive(
        primitive,
        impl=impl,
        tasks=tasks,
        rounds=rounds,
        contract=contract or "stock",
        time=time,
        cancel=cancel,
        ignore=frozenset(ignore or ()),
        merge=merge,
        search=search,
        seed=seed,
        runs=runs,
        max_states=max_states,
        max_depth=max_depth,
        timeout=timeout,
        keep_going=keep_going,
        stdlib_paths=tuple(stdlib_path or ()),
        jobs=jobs or _jobs_that_pay(tasks, rounds),
        progress_on=progress_on,
    ):
        verdict = verification.verdict
        verdicts.append(verdict)
        show(console, render_verdict(verdict, verification.implementation.version))
        broken: list[Broken] = []
        files = files_of(list(verification.implementation.classes.values()))
        for found in verification.counterexamples:
            settings = found.counterexample.settings(ignore or (), False, max_depth)
            size = "inf" if found.rounds == math.inf else str(int(found.rounds))
            target = Target("verify", verification.primitive, impl, found.tasks, size, found.part.name)
            broken.append(broken_by(found.counterexample, found.part.fn, settings, target, files))
            traced = _show(console, found.counterexample, broken[-1].trace, False, *([None, None] if traced else [trace, html])) or traced
        listed = place_of_definition(verification.implementation.classes[verification.primitive])
        outcomes.append(outcome_of(verdict, "verify", broken, listed))
        if any("interrupted" in reason for reason in verdict.reasons):
            break
    write_reports(outcomes, allow_bounded, junit, sarif)
    _finish(verdicts, allow_bounded, json, single=len(verdicts) == 1)


app.command()(replay)


def _jobs_that_pay(tasks: int, rounds: str) -> int:
    """Return one for small searches, which end before another process has started."""
    return (os.cpu_count() or 1) if not rounds.isdecimal() or tasks * int(rounds) >= _WORTH_A_PROCESS else 1


def _show(
    console: Console, counterexample: Counterexample, recorded: Trace | None, warning: bool, file: str | None, html: str | None
) -> bool:
    """Print a counterexample; return True if there was one to be written to the files."""
    if counterexample.property == "witness":  # what never happens is in no trace
        show(console, Text(f"  violated: witness ({MEANINGS['witness']})\n  {counterexample.message}\n"))
        return False
    if recorded is None:
        return False
    show(console, render_trace(counterexample, recorded, warning))
    if file is not None:
        save_trace(recorded, file)
        if file != "-":
            show(console, Text(f"  the trace is in {file}; run it again with: treadle replay {file}\n"))
    if html is not None:
        from .viewer import write_page  # jinja2 takes a while to import

        write_page(recorded, html)
        if html != "-":
            show(console, Text(f"  step through it in a browser: {html}\n"))
    return True


def _finish(verdicts: list[Verdict], allow_bounded: bool, json: str | None, single: bool) -> None:
    verdict = worst(verdicts)
    if json is not None:
        write_json(verdicts[0].to_json() if single else _together(verdicts, verdict), json)
    code = EXIT_CODES[verdict]
    raise typer.Exit(0 if code == 3 and allow_bounded else code)


def _together(verdicts: list[Verdict], verdict: str) -> dict[str, Any]:
    """Return the document of several verdicts: the same names as for one, and each of them under `results`."""
    names = ("executions", "states", "transitions", "steps")
    stats: dict[str, Any] = {name: sum(each.stats.get(name, 0) for each in verdicts) for name in names}
    stats["seconds"] = round(sum(each.stats.get("seconds", 0.0) for each in verdicts), 3)
    documents = [each.to_json() for each in verdicts]
    return {
        "verdict": verdict,
        "violations": [{"target": d["target"], **violation} for d in documents for violation in d["violations"]],
        "warnings": [{"target": d["target"], **warning} for d in documents for warning in d["warnings"]],
        "stats": stats,
        "scope": documents[0]["scope"] if documents else {},
        "results": documents,
    }


@functools.cache
def _mount_gate() -> None:
    """Add `treadle gate`."""
    from .gate.command import gate

    app.command()(gate)


@functools.cache
def _mount_models() -> None:
    """Add `treadle model`, which explores, refutes, proves and exports models."""
    from .model_cli import model_app

    app.add_typer(model_app, name="model")


def main() -> None:
    """Run the command line; the console script `treadle`."""
    if os.environ.get("PYTHONHASHSEED") != _HASH_SEED:
        os.environ["PYTHONHASHSEED"] = _HASH_SEED
        os.execv(sys.executable, [sys.executable, *_interpreter_flags(), "-m", "treadle.checker.cli", *sys.argv[1:]])
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command in this process and return its exit code."""
    if arguments[:1] in (["model"], ["--help"], []):  # its engines take a while to import
        _mount_models()
    if arguments[:1] in (["gate"], ["--help"], []):
        _mount_gate()
    try:
        app(args=arguments, prog_name="treadle")
    except TreadleError as error:
        print(f"treadle: {error}", file=sys.stderr)
        return 2
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 2
    return 0


def _interpreter_flags() -> list[str]:
    flags = [f"-X{key}" if value is True else f"-X{key}={value}" for key, value in sys._xoptions.items()]
    return [*flags, *(f"-W{option}" for option in sys.warnoptions)]


if __name__ == "__main__":
    main()
