"""Memories become bare block RAM on every family: as many as are counted, in the expected cells, and no logic."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.implementation import Implementation
from spikeloom.boards.reports import cell_counts
from spikeloom.boards.storage import block_rams
from spikeloom.hdl.generate import convert
from spikeloom.hdl.memory import BlockMemory

#: Entries and bits; what block RAM a family has is not wasted by any of them.
SHAPES = ((512, 32), (2048, 8))
#: The cell that a family's simple memory is; a fuller one would be slower, or not timed.
CELLS = {
    "ecp5": "DP16KD",
    "ice40": "SB_RAM40_4K",
    "gowin": "SDPX9B",
    "gatemate": "CC_BRAM_20K",
    "xilinx7": "RAMB18E1",
}


class Memories(wiring.Component):
    """One memory of each shape, its ports those of the component."""

    def __init__(self):
        members = {}
        for k, (entries, bits) in enumerate(SHAPES):
            address = (entries - 1).bit_length()
            members |= {f"read_address{k}": In(address), f"write_address{k}": In(address), f"write{k}": In(1)}
            members |= {f"write_data{k}": In(bits), f"read_data{k}": Out(bits)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        for k, (entries, bits) in enumerate(SHAPES):
            m.submodules[f"memory{k}"] = memory = BlockMemory(name=f"memory{k}", width=bits, depth=entries)
            for name in ("read_address", "write_address", "write_data", "write"):
                m.d.comb += getattr(memory, name).eq(getattr(self, f"{name}{k}"))
            m.d.comb += getattr(self, f"read_data{k}").eq(memory.read_data)
        return m


def synthesised(family, folder, text):
    board = next(board for board in BOARDS.values() if board.family == family)
    for name in ("rtl", "build"):
        (folder / name).mkdir()
    (folder / "rtl" / "memories.v").write_text(text)
    work = Implementation(board, folder / "rtl", folder / "build")
    used = work.synthesise_core({"verilog": {"file": "memories.v", "top": "memories"}})
    return used, cell_counts(work.build / "cells.json", "memories")


@pytest.fixture(scope="module")
def verilog():
    return convert(Memories(), "memories", ())


@pytest.mark.parametrize("family", FAMILIES)
def test_bare_block_ram(family, tmp_path, verilog):
    used, cells = synthesised(family, tmp_path, verilog)
    assert used.block_ram == block_rams(SHAPES, family) == cells[CELLS[family]], cells
    assert used.ff == 0 and used.lut <= 2, cells


def test_a_bypass_would_be_seen(tmp_path, verilog):
    """The same Verilog without the word that reading what is being written does not matter."""
    assert verilog.count("no_rw_check") == len(SHAPES)
    used, cells = synthesised("ecp5", tmp_path, verilog.replace("no_rw_check", "rw_check"))
    assert used.lut > 2 or used.ff, cells
