"""Verilog synthesised as a build does it, for tests of what becomes of it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.families import FAMILIES
from spikeloom.sim.yosys import run_yosys

__all__ = ["synthesise"]


def synthesise(source: Path, top: str, family: str) -> str:
    """The netlist of a Verilog file and the images beside it, as Yosys' JSON; no registers are moved."""
    chosen, board = FAMILIES[family], next(board for board in BOARDS.values() if board.family == family)
    with TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        for path in source.resolve().parent.iterdir():
            (folder / path.name).symlink_to(path)
        for file, text in chosen.libraries.items():
            (folder / file).write_text(text)
        run_yosys(folder, f"read_verilog {source.name}", chosen.synthesis(board, top, ""))
        return (folder / "top.json").read_text()
