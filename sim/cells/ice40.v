// A model of the iCE40 cell whose model in Yosys Verilator does not take; the others are in pyosys/share/ice40.

// Single-port RAM of the UltraPlus, 16384 x 16 bits, written in nibbles. What it holds at power-up is unknown, and so
// is its output after a clock in which it was written: here it is the complement of what was written.
module SB_SPRAM256KA (
    input [13:0] ADDRESS,
    input [15:0] DATAIN,
    input [3:0] MASKWREN,
    input WREN, CHIPSELECT, CLOCK, STANDBY, SLEEP, POWEROFF,
    output reg [15:0] DATAOUT
);
    reg [15:0] words [0:16383];
    always @(posedge CLOCK) begin
        if (STANDBY || SLEEP || !POWEROFF) $fatal(1, "SB_SPRAM256KA: STANDBY, SLEEP and POWEROFF are not modelled");
        if (CHIPSELECT) begin
            if (WREN && MASKWREN[0]) words[ADDRESS][3:0] <= DATAIN[3:0];
            if (WREN && MASKWREN[1]) words[ADDRESS][7:4] <= DATAIN[7:4];
            if (WREN && MASKWREN[2]) words[ADDRESS][11:8] <= DATAIN[11:8];
            if (WREN && MASKWREN[3]) words[ADDRESS][15:12] <= DATAIN[15:12];
            DATAOUT <= WREN ? ~DATAIN : words[ADDRESS];
        end
    end
endmodule
