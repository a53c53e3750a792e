"""The netlist that a board's build makes of generated Verilog, to be simulated in the Verilog's place."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from spikeloom.boards import catalogue, tools
from spikeloom.boards.catalogue import Board
from spikeloom.boards.implementation import Implementation
from spikeloom.golden.network import Refusal
from spikeloom.hdl.design import load_manifest
from spikeloom.sim import netlist as models

__all__ = ["check_level", "netlist"]


def check_level(level: str, family: str | None, board: str | None, output_registers: bool, simulator: str) -> None:
    """Refuses options that do not go together, before anything is made."""
    if level not in ("rtl", "netlist"):
        raise Refusal(f"level is 'rtl' or 'netlist', not {level!r}")
    if level == "rtl":
        if family is not None or output_registers:
            given = "--family" if family is not None else "--output-registers"
            raise Refusal(f"{given} is of a netlist; add --level netlist, or leave it out")
        return
    if simulator != "verilator":
        raise Refusal(f"A netlist is simulated in Verilator; leave out --simulator {simulator}")
    _board(family, board)


def _board(family: str | None, board: str | None) -> Board:
    """A board of the family, by whose options Verilog is synthesised."""
    if board is not None:
        chosen = catalogue.find(board)
        if family not in (None, chosen.family):
            raise Refusal(f"{chosen.title} is of the family {chosen.family}, not {family}; leave out --family")
        models.check_family(chosen.family)
        return chosen
    if family is None:
        raise Refusal(f"Of which family is the netlist to be? Add --family, one of {', '.join(models.MODELS)}")
    models.check_family(family)
    boards = [one for one in catalogue.BOARDS.values() if one.family == family]
    if not boards:
        raise Refusal(f"No board of the family {family} is known, whose build would say how to synthesise")
    return boards[0]


@contextmanager
def netlist(
    directory: Path,
    family: str | None,
    board: str | None,
    output_registers: bool,
    progress: Callable[..., None] | None,
) -> Iterator[Path]:
    """A folder like ``directory`` that has the netlist as its Verilog, as long as the block lasts."""
    chosen = _board(family, board)
    manifest = load_manifest(directory)
    if "netlist" in manifest:
        raise Refusal(f"{directory}: holds a netlist already; leave out --level netlist")
    with TemporaryDirectory(prefix="spikeloom-") as name:
        rtl, build = Path(name) / "rtl", Path(name) / "build"
        shutil.copytree(directory, rtl)
        build.mkdir()
        work = Implementation(chosen, rtl, build, output_registers=output_registers, progress=progress)
        work.synthesise_core(manifest)
        text = (build / "top.json").read_text("utf-8")
        used = {"yosys": tools.version("yosys")}
        yield models.netlist_folder(directory, text, chosen.family, Path(name) / "netlist", tools=used)
