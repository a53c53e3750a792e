"""The cocotb side of ``bench.sv``: a clock and a wait. Everything else happens beside the design."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, with_timeout


@cocotb.test()
async def run(dut) -> None:
    """Runs the operations file to its end; what happened is judged from the bench's files, not here."""
    limit = int(cocotb.plusargs["limit"])
    Clock(dut.clk, 2, "step", impl="gpi").start()
    await with_timeout(RisingEdge(dut.done), 2 * limit, "step")
