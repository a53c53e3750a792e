"""Settings of the documentation: ``make docs`` builds it, and runs what it shows.

Pages are plain Markdown. While they are read, three things in them are filled in:

- a ``console`` block is run, command by command, and shown with what it printed;
- a ``pycon`` block is run as a doctest, and fails the build if it prints something else;
- ``<!-- data sheet: TABLE -->`` becomes a table of ``data_sheet.py``, ``<!-- nir table: TABLE -->`` one of
  ``nir_tables.py``.

Commands and doctests run in ``_build/example``, where the packaged digits network is called ``model.nir``; the other
packaged networks are there by their own names.
"""

import inspect
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import spikeloom
from spikeloom import packaged

HERE = Path(__file__).parent
EXAMPLE = HERE / "_build" / "example"
sys.path.insert(0, str(HERE))

import data_sheet  # noqa: E402, a neighbour
import nir_tables  # noqa: E402, another

project = "Spikeloom"
author = "Spikeloom"
version = release = spikeloom.__version__
language = "en"
smartquotes = False
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinxcontrib.programoutput"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"Spikeloom {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False

myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 80

#: Only what the pages show is run: of docstrings, examples are text.
doctest_test_doctest_blocks = ""
doctest_global_setup = f"import os\nos.chdir({str(EXAMPLE)!r})"
doctest_global_cleanup = f"os.chdir({str(HERE)!r})"


def prepare(app: object) -> None:
    """The files of the example, and a terminal without colours for its commands."""
    EXAMPLE.mkdir(parents=True, exist_ok=True)
    digits = packaged.find("digits")
    for name, path in {
        "model.nir": digits.model,
        "calibration.npz": digits.calibration,
        "test.npz": digits.test,
    }.items():
        shutil.copyfile(path, EXAMPLE / name)
    for chosen in packaged.PACKAGED.values():
        for path in (chosen.model, chosen.calibration, chosen.test):
            shutil.copyfile(path, EXAMPLE / path.name)
    os.environ |= {"NO_COLOR": "1", "COLUMNS": "100", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def fill(app: object, page: str, source: list[str]) -> None:
    """Fill in a page's console blocks, doctests and tables."""

    def run(block: re.Match[str]) -> str:
        commands = [line.removeprefix("$ ") for line in block[1].splitlines()]
        return "\n\n".join(f"```{{command-output}} {command}\n:cwd: /_build/example\n```" for command in commands)

    text = re.sub(r"^```console\n((?:\$ .*\n)+)```$", run, source[0], flags=re.MULTILINE)
    text = re.sub(r"^```pycon$", "```{doctest}", text, flags=re.MULTILINE)
    source[0] = nir_tables.expand(data_sheet.expand(text))


def tidy(app: object, what: str, name: str, item: Any, options: object, lines: list[str]) -> None:
    """Docstrings describe members in lines like ``i: events``; a list of them, and no star for emphasis."""
    text, inside = [], False
    for line in lines:
        match = data_sheet.MEMBER.match(line)
        if match and not inside:
            text.append("")
        if match:
            line = f"- **{match[1]}**: {line[match.end() :]}"
        elif inside and line:
            line = f"  {line.strip()}"
        inside = bool(match) or (inside and bool(line))
        literals = re.split(r"(``.*?``|\*\*.*?\*\*(?=:))", line)
        text.append("".join(part.replace("*", "\\*") if k % 2 == 0 else part for k, part in enumerate(literals)))
    lines[:] = text


def shorten(app: object, what: str, name: str, item: Any, options: object, signature: str, returns: str) -> Any:
    """Nobody makes a report, so how one is made need not be said; its fields are listed. A device is opened."""
    if inspect.isclass(item) and item.__name__ not in set(spikeloom.__all__) - {"Device"}:
        return "", None
    return None


def setup(app: Any) -> None:
    app.connect("builder-inited", prepare)
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", tidy)
    app.connect("autodoc-process-signature", shorten)
