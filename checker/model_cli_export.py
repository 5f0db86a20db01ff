"""`treadle model export`: a model, its graph, its bounded problem or a counterexample, in another tool's format."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from treadle.model import bmc
from treadle.model.errors import ModelError
from treadle.model.explicit import Explorer
from treadle.model.export.graphs import aut, dot, graphml
from treadle.model.export.itf import itf
from treadle.model.export.murphi import murphi
from treadle.model.export.promela import promela
from treadle.model.language import Model
from treadle.model.models import family

from .model_cli_common import (
    Cancel,
    Document,
    FaultOption,
    Json,
    ModelArgument,
    Rounds,
    Tasks,
    Value,
    scope_of,
    size_of,
    usage_error,
    write_json,
)  # fmt: skip

__all__ = ["export"]


class Format(StrEnum):
    """What `export` writes."""

    PROMELA = "promela"
    MURPHI = "murphi"
    AUT = "aut"
    SMT2 = "smt2"
    DOT = "dot"
    GRAPHML = "graphml"
    ITF = "itf"


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
