"""Block memories become bare block RAM on every family: no bypass logic, no registers beside it."""

import json
import subprocess
import sys

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from spikeloom.hdl.generate import convert
from spikeloom.hdl.memory import BlockMemory, SinglePortMemory

WIDTH, DEPTH = 16, 256

#: Cells that a 16 x 256 memory may cost, at most.
BUDGET = {
    "ecp5": ("synth_ecp5 -top top", {"DP16KD": 1}),
    "ice40": ("synth_ice40 -top top", {"SB_RAM40_4K": 1, "SB_LUT4": 1}),
    "ice40 UltraPlus": ("synth_ice40 -top top", {"SB_SPRAM256KA": 1}),
    "gowin": ("synth_gowin -top top", {"SDPX9B": 1, "DPX9B": 1}),
    "xilinx": ("synth_xilinx -flatten -top top", {"RAMB18E1": 1}),
}
#: Pads and constants, which every design has.
FREE = {"IBUF", "OBUF", "BUFG", "VCC", "GND", "$scopeinfo"}


class Ports(wiring.Component):
    def __init__(self, kind=BlockMemory):
        self.kind = kind
        super().__init__({"ra": In(8), "rd": Out(WIDTH), "re": In(1), "wa": In(8), "wd": In(WIDTH), "we": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = self.kind(name="array", width=WIDTH, depth=DEPTH)
        m.d.comb += [
            memory.read_address.eq(self.ra),
            memory.read.eq(self.re),
            self.rd.eq(memory.read_data),
            memory.write_address.eq(self.wa),
            memory.write_data.eq(self.wd),
            memory.write.eq(self.we),
        ]
        return m


@pytest.mark.parametrize("family", BUDGET)
def test_block_memory_is_bare_block_ram(tmp_path, family):
    command, budget = BUDGET[family]
    (tmp_path / "top.v").write_text(
        convert(Ports(SinglePortMemory if "SB_SPRAM256KA" in budget else BlockMemory), "top", ())
    )
    script = (
        "from pyosys import libyosys as ys; d = ys.Design()\n"
        f"for p in ('read_verilog top.v', '{command}', 'tee -q -o stat.json stat -json'): ys.run_pass(p, d)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    cells = json.loads((tmp_path / "stat.json").read_text())["design"]["num_cells_by_type"]
    used = {name: count for name, count in cells.items() if name not in FREE}
    assert used, "the memory is gone"
    assert all(count <= budget.get(name, 0) for name, count in used.items()), used
    assert any(name != "SB_LUT4" for name in used), "there is no block RAM"


def test_block_memory_reads_after_one_clock():
    dut = BlockMemory(name="array", width=8, depth=5, init=[10, 11, 12, 13, 14])
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def bench(ctx):
        ctx.set(dut.read_address, 3)
        await ctx.tick()
        assert ctx.get(dut.read_data) == 13
        ctx.set(dut.read_address, 4)
        assert ctx.get(dut.read_data) == 13
        await ctx.tick()
        assert ctx.get(dut.read_data) == 14
        ctx.set(dut.write_address, 2)
        ctx.set(dut.write_data, 99)
        ctx.set(dut.write, 1)
        await ctx.tick()
        ctx.set(dut.write, 0)
        ctx.set(dut.read_address, 2)
        await ctx.tick()
        assert ctx.get(dut.read_data) == 99

    simulator.add_testbench(bench)
    simulator.run()
