"""Make the pictures of the README from real output: `python docs/make_pictures.py`.

Runs the commands in this process and saves what they print as SVG. No font is fetched from anywhere: the viewer's own
monospaced font is used.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

from treadle.checker import console as output
from treadle.checker.cli import run

PICTURES = {
    "condition.svg": ["verify", "condition", "--impl", "asyncio", "--cancel", "1"],
    "bank.svg": ["check", "examples/bank.py::scenario_lost_update"],
}
WIDTH = 110


def picture(arguments: list[str]) -> str:
    """Return what a command prints, as SVG."""
    recorded = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False, markup=False)
    recorded.print(f"$ treadle {' '.join(arguments)}", style="bold")
    original = output.make_console
    output.make_console = lambda to_stderr=False: recorded
    sys.modules["treadle.checker.cli"].make_console = output.make_console
    try:
        run(arguments)
    finally:
        output.make_console = original
    svg = recorded.export_svg(title="treadle", theme=SVG_EXPORT_THEME, unique_id="treadle")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


def main() -> None:
    folder = Path(__file__).parent / "pictures"
    folder.mkdir(exist_ok=True)
    for name, arguments in PICTURES.items():
        (folder / name).write_text(picture(arguments), encoding="utf-8")
        print(f"wrote docs/pictures/{name}")


if __name__ == "__main__":
    main()
