"""`treadle model`: explore, refute, prove and export the models.

The work is done in `treadle.model`; this module reads options, shows progress, prints tables and writes JSON. Nothing
here decides a verdict by itself except `verdict_of`, in one place: a search that was held back is never `verified`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from treadle.model import bmc
from treadle.model.errors import ModelError
from treadle.model.explicit import Explorer, Violation
from treadle.model.export.graphs import aut, dot, graphml
from treadle.model.export.itf import itf
from treadle.model.export.murphi import murphi
from treadle.model.export.promela import promela
from treadle.model.language import Model
from treadle.model.liveness import check_progress
from treadle.model.models import FAMILIES, family
from treadle.model.models.family import Family, Size
from treadle.model.proofs import EVERY_SIZE, Proof, prove_family

from .closing import Closing, close_loop
from .errors import TreadleError
from .implementations import PRIMITIVES, resolve
from .report import render_trace
from .verdict import EXIT_CODES

model_app = typer.Typer(
    name="model",
    help="Explore, refute, prove and export the models of the primitives.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Document = dict[str, object]

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="A name from `treadle model list`.")]
Tasks = Annotated[int, typer.Option("--tasks", help="Number of tasks.")]
Value = Annotated[int | None, typer.Option("--value", help="Initial value, for the semaphores (default 1).")]
Rounds = Annotated[str, typer.Option("--rounds", help="Rounds a task, or inf.")]
Cancel = Annotated[str, typer.Option("--cancel", help="Cancellations a task, or inf.")]
FaultOption = Annotated[str | None, typer.Option("--fault", help="Build the model with this fault.")]
Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is standard output.")
]
Timeout = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", help="Stop after so long: bounded.")]
AllowBounded = Annotated[
    bool, typer.Option("--allow-bounded", help="Exit with 0 instead of 3 when a limit was reached.")
]


def verdict_of(violations: int, limit: str | None) -> str:
    """Give the verdict of a search: `violated`, `bounded` (it was held back), or `verified`."""
    if violations:
        return "violated"
    return "bounded" if limit else "verified"


def usage_error(message: str) -> typer.Exit:
    """Print one clear message on standard error; give the exit for usage errors."""
    typer.echo(f"treadle model: {message}", err=True)
    return typer.Exit(2)


def size_of(chosen: Family, tasks: int, value: int | None, rounds: str, cancel: str) -> Size:
    """Read the options that say how large the model is."""
    if value is not None and not chosen.has_value:
        raise ModelError(f"{chosen.name} has no initial value to choose; leave --value out")
    return Size(tasks, 1 if value is None else value, unlimited("--rounds", rounds), unlimited("--cancel", cancel))


def unlimited(option: str, text: str) -> int | None:
    """Read a number or `inf` (None)."""
    if text == "inf":
        return None
    if text.isdigit():
        return int(text)
    raise ModelError(f"{option} expects a whole number or inf, not {text!r}")


def scope_of(chosen: Family, size: Size, fault: str | None, **more: object) -> Document:
    """Give what a verdict holds for, in the words of the options."""
    scope: Document = {
        "model": chosen.name,
        "tasks": size.tasks,
        **({"value": size.value} if chosen.has_value else {}),
        "rounds": "inf" if size.rounds is None else size.rounds,
        "cancel": "inf" if size.cancel is None else size.cancel,
        "fault": fault,
    }
    return scope | more


def finish(document: Document, target: str | None, show: Callable[[Console], None], allow_bounded: bool) -> typer.Exit:
    """Print or write a result; give the exit that its verdict asks for."""
    if target != "-":
        show(Console())
    if target is not None:
        write_json(document, target)
    code = EXIT_CODES[str(document["verdict"])]
    return typer.Exit(0 if code == 3 and allow_bounded else code)


def write_json(document: Document, target: str) -> None:
    """Write a document to a file, or to standard output."""
    text = json.dumps(document, indent=2)
    if target == "-":
        typer.echo(text)
        return
    try:
        with open(target, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
    except OSError as error:
        raise usage_error(f"cannot write {target}: {error.strerror}") from None


def violation_document(violation: Violation) -> Document:
    """Give a violation as JSON: the stable names, then what helps to read it."""
    document: Document = {
        "property": violation.property,
        "message": violation.message,
        "length": violation.length,
        "schedule": list(violation.schedule),
        "states": list(violation.states),
    }
    if violation.id:
        document["id"] = violation.id
    if violation.loop is not None:
        document["loop"] = violation.loop
    return document


class Watcher:
    """Shows how far a search has come, on a terminal only."""

    def __init__(self, wanted: bool):
        self._progress = (
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            if wanted and sys.stderr.isatty()
            else None
        )
        self._task = self._progress.add_task("exploring") if self._progress else None

    def __enter__(self) -> Watcher:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def say(self, text: str) -> None:
        """Show a line."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, description=text)

    def __call__(self, states: int, depth: int) -> None:
        """Take the number of states visited so far and the depth."""
        self.say(f"{states:,} states, depth {depth}")


@model_app.command("list")
def list_models(target: Json = None) -> None:
    """List the models, their faults and what each fault breaks."""
    document: Document = {
        "models": [
            {
                "name": each.name,
                "summary": each.summary,
                "value": each.has_value,
                "faults": [{"name": f.name, "text": f.text, "breaks": list(f.breaks)} for f in each.faults],
            }
            for each in FAMILIES.values()
        ]
    }
    if target is not None:
        write_json(document, target)
    if target == "-":
        return
    console = Console()
    for each in FAMILIES.values():
        console.print(f"[bold]{each.name}[/]: {each.summary}")
        for fault in each.faults:
            console.print(f"  --fault {fault.name}: {fault.text} [dim](breaks {', '.join(fault.breaks)})[/]")


@model_app.command()
def explore(
    name: ModelArgument,
    tasks: Tasks = 3,
    value: Value = None,
    rounds: Rounds = "1",
    cancel: Cancel = "1",
    symmetry: Annotated[bool, typer.Option("--symmetry", help="Visit one state an orbit (exact).")] = False,
    fault: FaultOption = None,
    liveness: Annotated[bool, typer.Option("--liveness", help="Also look for cycles that starve a task.")] = False,
    max_states: Annotated[int | None, typer.Option("--max-states", help="Stop at so many states: bounded.")] = None,
    timeout: Timeout = None,
    allow_bounded: AllowBounded = False,
    target: Json = None,
) -> None:
    """Visit every reachable state; print the shortest counterexample of each violated property."""
    try:
        chosen = family(name)
        size = size_of(chosen, tasks, value, rounds, cancel)
        explorer = Explorer(chosen.build(size, fault), symmetry=symmetry)
        with Watcher(target != "-") as watch:
            found = explorer.run(max_states=max_states, timeout=timeout, progress=watch)
            violations = list(found.violations)
            if liveness and found.complete:
                violations += check_progress(explorer)
    except ModelError as error:
        raise usage_error(str(error)) from None
    stats: Document = {
        "states": found.states,
        "transitions": found.transitions,
        "terminal": found.terminal,
        "diameter": found.diameter,
    }
    if symmetry:
        stats |= {"orbits": found.orbits, "orbit_transitions": found.orbit_transitions}
    stats["seconds"] = round(found.seconds, 3)
    document: Document = {
        "verdict": verdict_of(len(violations), found.limit),
        "violations": [violation_document(violation) for violation in violations],
        "stats": stats,
        "scope": scope_of(chosen, size, fault, symmetry=symmetry, limit=found.limit),
    }

    def show(console: Console) -> None:
        console.print(f"[bold]{document['verdict']}[/]  {described(chosen, size, fault)}")
        console.print("  ".join(f"{key} {number:,}" for key, number in stats.items() if isinstance(number, int)))
        if found.limit:
            console.print(f"held back by: {found.limit}; the counts are those up to there. Raise the limit to go on.")
        for violation in violations:
            print_violation(console, violation)

    raise finish(document, target, show, allow_bounded)


@model_app.command()
def refute(
    name: ModelArgument,
    fault: FaultOption = None,
    tasks: Tasks = 3,
    value: Value = None,
    rounds: Rounds = "1",
    cancel: Cancel = "1",
    properties: Annotated[list[str] | None, typer.Option("--property", help="Only this property (repeatable).")] = None,
    max_depth: Annotated[int, typer.Option("--max-depth", help="Look at schedules of up to so many steps.")] = 12,
    timeout: Timeout = None,
    allow_bounded: AllowBounded = False,
    replay_on: Annotated[
        str | None,
        typer.Option(
            "--replay-on", metavar="IMPL", help="Drive the counterexample through this code: reference, asyncio, stdlib:3.9, a file, ..."
        ),
    ] = None,
    target: Json = None,
) -> None:
    """Find a shortest counterexample with z3, which shares nothing with the explicit engine but the model.

    With --fault, the properties that the fault is said to break; --property chooses others. With --replay-on, the exit
    code is 1 if the code does the same and 3 if it does not.
    """
    closing: Closing | None = None
    try:
        chosen = family(name)
        if replay_on is not None and fault is None:
            raise ModelError("--replay-on needs --fault: a correct model has no counterexample to replay")
        size = size_of(chosen, tasks, value, rounds, cancel)
        model = chosen.build(size, fault)
        explorer = Explorer(model)
        wanted = properties or (list(chosen.fault(fault).breaks) if fault else None)
        result = bmc.refute(model, wanted, max_depth=max_depth, timeout=timeout)
        violations = [
            explorer.violation_along(found.property, "z3 found a schedule that breaks it", found.schedule)
            for found in result.refuted
        ]
        if replay_on is not None and fault is not None:
            closing = closed(chosen, size, fault, replay_on, wanted, max_depth, timeout)
    except (ModelError, TreadleError) as error:
        raise usage_error(str(error)) from None
    limit = result.limit or (None if violations else f"max-depth {result.depth}")
    document: Document = {
        "verdict": verdict_of(len(violations), limit),
        "violations": [violation_document(violation) for violation in violations],
        "stats": {"depth": result.depth, "seconds": round(result.seconds, 3)},
        "scope": scope_of(chosen, size, fault, engine="bmc", max_depth=max_depth, limit=limit),
    }
    if closing is not None:
        document["replay"] = closing.to_json()

    def show(console: Console) -> None:
        console.print(f"[bold]{document['verdict']}[/]  {described(chosen, size, fault)}")
        if limit:
            console.print(f"no (further) counterexample up to {result.depth} steps; held back by: {limit}.")
        for violation in violations:
            print_violation(console, violation)
        if closing is not None:
            print_closing(console, closing)

    if closing is not None and not closing.confirmed:
        finish(document, target, show, allow_bounded)
        raise typer.Exit(0 if allow_bounded else 3)
    raise finish(document, target, show, allow_bounded)


def closed(
    chosen: Family, size: Size, fault: str, replay_on: str, names: list[str] | None, max_depth: int, timeout: float | None
) -> Closing:
    """Drive the counterexamples of a faulty model through an implementation."""
    primitive = chosen.name if chosen.name in PRIMITIVES else None
    return close_loop(
        chosen, size, fault, resolve(replay_on, primitive), names=names, max_depth=max_depth, timeout=timeout
    )


def print_closing(console: Console, closing: Closing) -> None:
    """Print what came of driving a model's counterexamples through code."""
    for line in closing.lines():
        console.print(Text(line))
    if closing.counterexample is not None and closing.recorded is not None:
        console.print(render_trace(closing.counterexample, closing.recorded))


@model_app.command()
def prove(
    name: Annotated[str, typer.Argument(metavar="MODEL|all", help="A name from `treadle model list`, or all.")],
    fault: FaultOption = None,
    spacer: Annotated[
        float, typer.Option("--spacer", help="Seconds a property for Spacer to prove it unaided; 0: skip.")
    ] = 0.3,
    timeout: Timeout = None,
    allow_bounded: AllowBounded = False,
    target: Json = None,
) -> None:
    """Prove every property by the strongest engine that can; say for which sizes."""
    started = time.perf_counter()
    until = None if timeout is None else started + timeout
    proofs: list[Proof] = []
    interrupted = False
    try:
        chosen = list(FAMILIES.values()) if name == "all" else [family(name)]
        with Watcher(target != "-") as watch:
            for each in chosen:
                for proof in prove_family(each, fault, spacer_seconds=spacer, until=until):
                    proofs.append(proof)
                    watch.say(f"{proof.model}: {proof.property}")
    except KeyboardInterrupt:
        interrupted = True
    except ModelError as error:
        raise usage_error(str(error)) from None
    violated = [proof for proof in proofs if proof.status == "violated"]
    unknown = [proof.property for proof in proofs if proof.status == "unknown"]
    limit = "interrupted" if interrupted else f"not decided: {', '.join(unknown)}" if unknown else None
    seconds = round(time.perf_counter() - started, 3)
    verdict = verdict_of(len(violated), limit)
    document: Document = {
        "verdict": "inconclusive" if verdict == "bounded" else verdict,
        "violations": [
            {
                "property": f.property, "message": f"breaks at {f.sizes}", "length": f.length, "model": f.model,
                "schedule": list(f.schedule),
            }
            for f in violated
        ],
        "proofs": [
            {
                "model": p.model, "property": p.property, "status": p.status, "engine": p.engine, "sizes": p.sizes,
                "lemmas": list(p.lemmas), "unaided": p.unaided, "seconds": round(p.seconds, 3),
            }
            for p in proofs
        ],
        "stats": {"proved": sum(p.status == "proved" for p in proofs), "seconds": seconds},
        "scope": {"model": name, "fault": fault, "limit": limit},
    }  # fmt: skip

    def show(console: Console) -> None:
        for model in dict.fromkeys(proof.model for proof in proofs):
            table = Table("property", "status", "engine", "alone", "for which sizes", title=model, title_justify="left")
            for proof in proofs:
                if proof.model == model:
                    alone = "" if proof.unaided is None else "yes" if proof.unaided else "no"
                    found = f" in {proof.length} steps" if proof.length is not None else ""
                    sizes = "every size" if proof.sizes.startswith(EVERY_SIZE) else proof.sizes
                    table.add_row(proof.property, proof.status + found, proof.engine, alone, sizes)
            console.print(table)
        console.print(
            f"every size: {EVERY_SIZE}, and every initial value. "
            "alone: Spacer found an invariant without any lemma of ours in the time it was given."
        )
        console.print(f"[bold]{document['verdict']}[/]  {document['stats']}" + (f"  ({limit})" if limit else ""))

    raise finish(document, target, show, allow_bounded)


class Format(StrEnum):
    """What `export` writes."""

    PROMELA = "promela"
    MURPHI = "murphi"
    AUT = "aut"
    SMT2 = "smt2"
    DOT = "dot"
    GRAPHML = "graphml"
    ITF = "itf"


@model_app.command()
def export(
    name: ModelArgument,
    form: Annotated[Format, typer.Option("--format", help="For spin, rumur, mCRL2, SMT solvers, graphviz, ...")],
    tasks: Tasks = 3,
    value: Value = None,
    rounds: Rounds = "1",
    cancel: Cancel = "1",
    fault: FaultOption = None,
    property_name: Annotated[str | None, typer.Option("--property", help="promela, smt2, itf: this property.")] = None,
    depth: Annotated[int | None, typer.Option("--depth", help="smt2: the number of steps of the schedule.")] = None,
    max_states: Annotated[
        int, typer.Option("--max-states", help="aut, dot, graphml, itf: refuse larger graphs.")
    ] = 100_000,
    output: Annotated[str, typer.Option("--output", "-o", help="The file to write; - is standard output.")] = "-",
    target: Json = None,
) -> None:
    """Write a model, its graph, its bounded problem or a counterexample in another tool's format."""
    try:
        chosen = family(name)
        size = size_of(chosen, tasks, value, rounds, cancel)
        text = exported(chosen.build(size, fault), form, property_name, depth, max_states)
        if output != "-":
            with open(output, "w", encoding="utf-8") as stream:
                stream.write(text)
    except ModelError as error:
        raise usage_error(str(error)) from None
    except OSError as error:
        raise usage_error(f"cannot write {output}: {error.strerror}") from None
    if output == "-" and target != "-":
        typer.echo(text, nl=False)
    if target is not None:
        document: Document = {
            "format": form.value,
            "output": None if output == "-" else output,
            "text": text if output == "-" else None,
            "scope": scope_of(chosen, size, fault),
        }
        write_json(document, target)


def exported(model: Model, form: Format, property_name: str | None, depth: int | None, max_states: int) -> str:
    """Give a model in a format."""
    if form is Format.PROMELA:
        return promela(model, property_name)
    if form is Format.MURPHI:
        return murphi(model)
    if form is Format.SMT2:
        if property_name is None or depth is None:
            raise ModelError(
                "--format smt2 needs --property and --depth: it asks for a schedule of so many steps that breaks it"
            )
        return bmc.bounded_problem(model, property_name, depth)
    explorer = Explorer(model)
    found = explorer.run(max_states=max_states)
    if found.limit and form is not Format.ITF:
        raise ModelError(f"the graph has more than {max_states:,} states; choose a smaller size or raise --max-states")
    if form is Format.ITF:
        for violation in found.violations:
            if property_name in (None, violation.property):
                return itf(model, violation)
        raise ModelError("there is no counterexample to write: nothing (of that name) is violated at this size")
    return {Format.AUT: aut, Format.DOT: dot, Format.GRAPHML: graphml}[form](explorer)


def described(chosen: Family, size: Size, fault: str | None) -> str:
    """Describe a size in one line."""
    value = f", value {size.value}" if chosen.has_value else ""
    rounds = "any number of rounds" if size.rounds is None else f"{size.rounds} round(s) a task"
    cancel = "any number of cancellations" if size.cancel is None else f"{size.cancel} cancellation(s) a task"
    return f"{chosen.name}: {size.tasks} task(s){value}, {rounds}, {cancel}{f', fault {fault}' if fault else ''}"


def print_violation(console: Console, violation: Violation) -> None:
    """Print a counterexample as a table with a row a step: the step, and what it changed."""
    number = f" ({violation.id})" if violation.id else ""
    console.print(
        f"\n[bold]{violation.property}[/]{number}: {violation.message}; shortest counterexample, "
        f"{violation.length} steps:"
    )
    table = Table("", "step", "what changes")
    for index, (step, before, after) in enumerate(
        zip(violation.schedule, violation.states, violation.states[1:], strict=False), start=1
    ):
        mark = " <- the loop begins after this step" if violation.loop == index else ""
        table.add_row(str(index), step + mark, "; ".join(changes(before, after)))
    console.print(table)


def changes(before: Document, after: Document) -> list[str]:
    """Describe the difference of two decoded states."""
    lines = []
    for name, old in before.items():
        new = after[name]
        if old == new:
            continue
        if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            lines += [f"{name}[{i}]: {a} -> {b}" for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
        else:
            lines.append(f"{name}: {old} -> {new}")
    return lines


if __name__ == "__main__":
    model_app()
