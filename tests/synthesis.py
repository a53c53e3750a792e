"""Verilog synthesised by Yosys alone, for tests of what becomes of it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from spikeloom.sim.yosys import run_yosys

__all__ = ["synthesise"]


def synthesise(source: Path, top: str, command: str) -> str:
    """The netlist of a Verilog file and the images beside it, as Yosys' JSON."""
    with TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        for path in source.resolve().parent.iterdir():
            (folder / path.name).symlink_to(path)
        run_yosys(folder, f"read_verilog {source.name}", f"{command} -top {top} -json netlist.json")
        return (folder / "netlist.json").read_text()
