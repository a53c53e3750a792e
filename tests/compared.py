"""Verilog modules called ``store`` beside one another, fed with the same random numbers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from spikeloom.sim import verilator
from spikeloom.sim.job import Job, Operations

__all__ = ["compared"]

#: The port says whether it is done, and which bits differed. Ports that the bench wants and nothing uses are there,
#: too. A word is not read in the clock in which another port writes it.
BENCH = """
module accelerator(
    input clk, rst, i__payload, i__valid, output i__ready, output o__payload, o__valid, input o__ready,
    input [7:0] port__address, input [31:0] port__write_data, input port__request, port__write,
    output [31:0] port__read_data, output port__done, output [2:0] activity
);
    assign i__ready = 0, o__payload = 0, o__valid = 0, activity = 0, port__done = port__request;
    reg [63:0] random = 64'h9E3779B97F4A7C15;
    reg [16:0] clocks = 0;
    wire [63:0] x = random ^ random << 13, y = x ^ x >> 7;
    wire [13:0] wa = random[13:0], ra = random[27:14];
    wire we = random[40] && wa[SAME:0] != ra[SAME:0];
    wire [17:0] a = random[43:42] == 0 ? 18'h20000 : random[17:0];
    wire [17:0] b = random[45:44] == 0 ? 18'h20000 : random[63:46];
    wire [BITS-1:0] q [0:3];
    reg [BITS-1:0] last = 0, wrong [0:3];
    initial {wrong[0], wrong[1], wrong[2], wrong[3]} = 0;
    STORES
    integer k;
    always @(posedge clk) if (!clocks[16]) begin
        random <= y ^ y << 17;
        clocks <= clocks + 1;
        last <= q[0];
        if (clocks > 8) begin
            wrong[0] <= wrong[0] | (q[0] ^ last);
            for (k = 1; k < 4; k = k + 1) wrong[k] <= wrong[k] | ((k > 3 - LATE ? last : q[0]) ^ q[k]);
        end
    end
    wire [255:0] answer = 256'(wrong[port__address[4:3]]);
    assign port__read_data = port__address[7] ? {31'b0, !clocks[16]} : answer[32 * port__address[2:0] +: 32];
endmodule
"""


def compared(
    folder: Path,
    text: str,
    others: str,
    names: tuple[str, ...],
    outputs: Mapping[str, int],
    *,
    same: int,
    late: int = 0,
) -> list[dict[str, int]]:
    """Per output the bits that ever changed, and those in which each of the three modules ``names`` ever differed.

    outputs: of the module ``store`` in ``text``, names and bits, the lowest first. others: Verilog of the three. same:
    the highest bit of an address that every memory looks at. late: so many of the last are a clock later.
    """
    stores = "\n".join(
        f"{module} {module}_1(.clk(clk), .we(we), .we_2(random[41]), .wa(wa), .ra(ra), .wd(random[63:28]), "
        f".be(random[51:48]), .a(a), .b(b), .q(q[{k}]));"
        for k, module in enumerate(("store", *names))
    )
    bits = sum(outputs.values())
    assert bits <= 256 and len(names) == 3
    bench = BENCH
    for word, value in (("BITS", bits), ("STORES", stores), ("SAME", same), ("LATE", late)):
        bench = bench.replace(word, str(value))
    (folder / "compare.v").write_text(text + bench + others)
    executable = verilator.build(folder / "compare.v", {"WIDTH": 1, "ADDRESS_BITS": 8, "CORES": 1}, bulk=True)
    operations = Operations()
    operations.poll(0x80, 1)
    for address in range(32):
        operations.read(address)
    job = Job(operations=operations, flits=np.array([]), tick_lsb=0, patience=1 << 17, most=1)
    reads = verilator.run(executable, job, folder, bulk=True).reads
    assert len(reads) == 32
    starts = np.cumsum([0, *outputs.values()]).tolist()

    def named(row: int) -> dict[str, int]:
        value = sum(int(word) << 32 * k for k, word in enumerate(reads[8 * row : 8 * row + 8]))
        return {name: value >> low & (1 << outputs[name]) - 1 for name, low in zip(outputs, starts, strict=False)}

    return [named(row) for row in range(4)]
