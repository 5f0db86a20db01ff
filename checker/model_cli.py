"""`treadle model`: explore, refute, prove and export the models.

The work is done in `treadle.model`; the modules `model_cli_*` read options, show progress, print tables and write JSON.
"""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from treadle.model.errors import ModelError
from treadle.model.explicit import Explorer
from treadle.model.liveness import check_progress
from treadle.model.models import FAMILIES, family
from treadle.model.proofs import EVERY_SIZE, Proof, prove_family

from .model_cli_common import (
    AllowBounded,
    Cancel,
    Document,
    FaultOption,
    Json,
    ModelArgument,
    Rounds,
    Tasks,
    Timeout,
    Value,
    Watcher,
    described,
    finish,
    print_violation,
    scope_of,
    size_of,
    usage_error,
    verdict_of,
    violation_document,
    write_json,
)  # fmt: skip
from .model_cli_export import export
from .model_cli_refute import refute

__all__ = ["model_app"]

model_app = typer.Typer(
    name="model",
    help="Explore, refute, prove and export the models of the primitives.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


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


model_app.command()(refute)


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


model_app.command()(export)


if __name__ == "__main__":
    model_app()
