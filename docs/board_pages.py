"""The pages of ``docs/boards``, one for each board: from the cable to the first digit.

``python docs/board_pages.py`` writes them, from the catalogue and from what ``board_guides.yaml`` says of cables,
buttons and pins.
"""

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from spikeloom.boards import loader
from spikeloom.boards.catalogue import BOARDS, Board
from spikeloom.boards.families import FAMILIES

__all__ = ["ANSWER", "guides", "page", "write"]

HERE = Path(__file__).parent
#: Cables of two ports have the serial line on the second.
SECOND = "/dev/ttyUSB1"
VERDICT = (
    "193,259 spikes of 138 neurons in 360 samples, compared between the integer network and its Verilog: 0 differ."
)
#: What ``examples/talk.py`` says of the digits, on any chip.
ANSWER = """\
the first is a 0; right are 98.06% of 360
..||||||||||.||||||.|||||
.........................
............|............
............|............
...............|.........
....|...|...|...|...|...|
.....|.....|......|....|.
...........|............|
....|...|.......|...|....
..|...|...|....|..|..|..."""


def guides() -> dict[str, dict[str, Any]]:
    """What only people must know of each board."""
    empty = {"port": SECOND, "adapter": None, "load": "", "other": "", "trouble": []}
    found = yaml.safe_load((HERE / "board_guides.yaml").read_text("utf-8"))
    return {name: empty | guide for name, guide in found.items()}


def page(board: Board, guide: dict[str, Any]) -> str:
    family = FAMILIES[board.family]
    opened, design = family.flow == "open", f"spikeloom-demo/{board.name}"
    vendor, product = board.usb.split(":")
    kept = "until its power is off" if board.loads == "sram" else "also after its power was off"
    bitstream = f"{design}/spikeloom.{family.bitstream}"
    environment = Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701, Markdown
    )
    return environment.get_template("board_page.md.j2").render(
        board=board,
        guide=guide | {"other": guide["other"].replace("BOARD", board.name)},
        port=guide["port"],
        second=SECOND,
        opened=opened,
        uart=board.transport == "uart",
        design=design if opened else f"{design}/rtl",
        rule=loader.RULE.format(vendor=vendor, product=product),
        verdict=VERDICT,
        loaded=f"Loaded {bitstream} into the {board.loads} of {board.name}, {kept}.",
        answer=ANSWER,
    )


def write(folder: Path = HERE / "boards") -> None:
    folder.mkdir(exist_ok=True)
    for name, guide in guides().items():
        (folder / f"{name}.md").write_text(page(BOARDS[name], guide), "utf-8")


if __name__ == "__main__":
    write()
