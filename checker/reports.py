"""The files that a command writes for other programs beside its document: JUnit XML and SARIF, as far as they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .console import write_bytes, write_json
from .errors import UsageError
from .junit import junit_document
from .outcomes import Outcome
from .sarif import sarif_document

__all__ = ["one_standard_output", "write_reports"]


def write_reports(
    outcomes: Sequence[Outcome],
    allow_bounded: bool,
    junit: str | None,
    sarif: str | None,
    name: str = "treadle",
) -> None:
    """Write what is asked for.

    Raises:
        UsageError: if a file cannot be written.
    """
    root = Path.cwd()
    if junit is not None:
        write_bytes(junit_document(outcomes, root, name, allow_bounded), junit)
    if sarif is not None:
        write_json(sarif_document(outcomes, root, allow_bounded), sarif)


def one_standard_output(**files: str | None) -> bool:
    """Look at the options that name files before anything long starts; return True if one of them is standard output.

    Raises:
        UsageError: if more than one is, since nobody could tell the documents apart; if the folder of a file does not exist.
    """
    names = [f"--{option}" for option, file in files.items() if file == "-"]
    if len(names) > 1:
        raise UsageError(f"only one of {' and '.join(names)} can go to standard output; name a file for the other")
    for option, file in files.items():
        if file not in (None, "-") and not Path(str(file)).absolute().parent.is_dir():
            raise UsageError(f"cannot write {file} (--{option}): No such file or directory; give a file in a folder that exists")
    return bool(names)
