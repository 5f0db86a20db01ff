"""Make the pictures of the README and of these pages from real output: `python docs/make_pictures.py`.

What a command prints is saved as SVG; no font is fetched from anywhere: the viewer's own monospaced font is used. Pages
are photographed in a headless Chromium, if there is one.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

from treadle.checker import console as output
from treadle.checker.cli import run

FOLDER = Path(__file__).parent / "pictures"
PICTURES = {
    "condition.svg": ["verify", "condition", "--impl", "asyncio", "--cancel", "1"],
    "bank.svg": ["check", "examples/bank.py::scenario_lost_update"],
}
PHOTOGRAPHS = {  # file → command, step, light or dark, width and height
    "page.png": (["verify", "condition", "--impl", "asyncio", "--cancel", "1"], 11, "light", 1440, 900),
    "page-dark.png": (["verify", "condition", "--impl", "asyncio", "--cancel", "1"], 11, "dark", 1440, 900),
    "page-deadlock.png": (["check", "examples/philosophers.py::scenario_deadlock"], None, "light", 1440, 900),
    "page-loop.png": (["check", "examples/readers.py::scenario_readers_first"], 11, "light", 1440, 900),
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
        sys.modules["treadle.checker.cli"].make_console = original
    svg = recorded.export_svg(title="treadle", theme=SVG_EXPORT_THEME, unique_id="treadle")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


def pages(folder: Path) -> dict[str, Path]:
    """Write the pages that are photographed; return their files by the names of the photographs."""
    written = {}
    for name, (arguments, *_) in PHOTOGRAPHS.items():
        written[name] = folder / f"{name}.html"
        with contextlib.redirect_stdout(io.StringIO()):
            run([*arguments, "--html", str(written[name])])
    return written


def photograph(chromium: str) -> None:
    """Photograph pages in a headless Chromium."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        written = pages(Path(folder))  # before the browser's driver starts its own event loop
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name, (_, step, scheme, width, height) in PHOTOGRAPHS.items():
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(written[name].as_uri() + (f"#step={step}" if step else ""))
                page.wait_for_timeout(200)
                page.screenshot(path=FOLDER / name)
                page.close()
                print(f"wrote docs/pictures/{name}")
            browser.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, arguments in PICTURES.items():
        (FOLDER / name).write_text(picture(arguments), encoding="utf-8")
        print(f"wrote docs/pictures/{name}")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium here: the photographs of pages stay as they are (apt-get install chromium)")
    else:
        photograph(chromium)


if __name__ == "__main__":
    main()
