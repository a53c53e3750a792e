// The chip with its inputs in registers: an input that reaches the design's logic would have Verilator evaluate that
// logic twice per clock. A chip need not have all of these ports.

module chip_bench (
    input  logic clk,
    input  logic next_rst,
    input  logic next_rx,
    input  logic [31:0] next_network,
    output logic busy,
    output logic tx
);
    logic rst, rx, heartbeat;
    logic [31:0] network;

    always_ff @(posedge clk) {rst, rx, network} <= {next_rst, next_rx, next_network};

    chip dut (.*);
endmodule
