"""The cocotb side of ``bench.sv``: clock, reset, and a wait. Everything else happens beside the design."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, with_timeout

RESET_CLOCKS = 4


@cocotb.test()
async def run(dut) -> None:
    """Runs the operations file to its end; what happened is judged from the bench's files, not here."""
    limit = int(cocotb.plusargs["limit"])
    clock = Clock(dut.clk, 2, "step", impl="gpi")
    dut.rst.value = 1
    clock.start()
    await clock.cycles(RESET_CLOCKS)
    dut.rst.value = 0
    await with_timeout(RisingEdge(dut.done), 2 * limit, "step")
