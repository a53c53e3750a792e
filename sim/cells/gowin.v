// Behavioural models of the Gowin cells for which Yosys has none, as far as synthesised netlists use them. What is not
// modelled ends the simulation. The other cells are in pyosys/share/gowin.

module INV(input I, output O);
    assign O = ~I;
endmodule

// Multipliers, each operand signed or not, without their registers.
module multiplier #(parameter BITS = 18) (
    input [BITS-1:0] a, b, input a_signed, b_signed, a_shifted, b_shifted, output [2*BITS-1:0] product
);
    always @* if (a_shifted || b_shifted) $fatal(1, "MULT%0dX%0d: SIA and SIB are not modelled", BITS, BITS);
    wire signed [BITS:0] a_wide = {a_signed & a[BITS-1], a}, b_wide = {b_signed & b[BITS-1], b};
    assign product = (2*BITS)'(a_wide * b_wide);
endmodule

module MULT9X9 #(
    parameter AREG = 0, BREG = 0, OUT_REG = 0, PIPE_REG = 0, ASIGN_REG = 0, BSIGN_REG = 0, SOA_REG = 0,
    parameter MULT_RESET_MODE = "SYNC"
) (
    input [8:0] A, B, SIA, SIB, input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
    output [17:0] DOUT, output [8:0] SOA, SOB
);
    initial if (AREG || BREG || OUT_REG || PIPE_REG || ASIGN_REG || BSIGN_REG || SOA_REG)
        $fatal(1, "MULT9X9: registers are not modelled");
    multiplier #(.BITS(9)) core(A, B, ASIGN, BSIGN, ASEL, BSEL, DOUT);
endmodule

module MULT18X18 #(
    parameter AREG = 0, BREG = 0, OUT_REG = 0, PIPE_REG = 0, ASIGN_REG = 0, BSIGN_REG = 0, SOA_REG = 0,
    parameter MULT_RESET_MODE = "SYNC"
) (
    input [17:0] A, B, SIA, SIB, input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
    output [35:0] DOUT, output [17:0] SOA, SOB
);
    initial if (AREG || BREG || OUT_REG || PIPE_REG || ASIGN_REG || BSIGN_REG || SOA_REG)
        $fatal(1, "MULT18X18: registers are not modelled");
    multiplier #(.BITS(18)) core(A, B, ASIGN, BSIGN, ASEL, BSEL, DOUT);
endmodule

module MULT36X36 #(
    parameter AREG = 0, BREG = 0, OUT0_REG = 0, OUT1_REG = 0, PIPE_REG = 0, ASIGN_REG = 0, BSIGN_REG = 0,
    parameter MULT_RESET_MODE = "SYNC"
) (
    input [35:0] A, B, input ASIGN, BSIGN, CE, CLK, RESET, output [71:0] DOUT
);
    initial if (AREG || BREG || OUT0_REG || OUT1_REG || PIPE_REG || ASIGN_REG || BSIGN_REG)
        $fatal(1, "MULT36X36: registers are not modelled");
    multiplier #(.BITS(36)) core(A, B, ASIGN, BSIGN, 1'b0, 1'b0, DOUT);
endmodule

// Block RAM: 2048 units of eight bits, or of nine in the cells whose names say so. A word of 16 or 18 bits is two
// units and one of 32 or 36 four, lowest first; a word of 1, 2 or 4 bits is a part of a unit. The lowest address pins
// of a port with more than one unit enable those that it writes. An output comes from the latch that the array is read
// into (READ_MODE 0), or through a register behind it (1).
//
// A port that reads a word in the clock in which the other writes it gets the old word. The hardware promises nothing
// there, and the design never relies on it.
module block_ram #(
    parameter UNIT = 8, WIDTH_A = 32, WIDTH_B = 32,
    parameter [1:0] WRITE_MODE_A = 0, WRITE_MODE_B = 0,  // the port's output keeps its word, shows the new, or the old
    parameter READ_MODE_A = 0, READ_MODE_B = 0,
    parameter RESET_MODE = "SYNC",
    parameter [2:0] SELECT_A = 0, SELECT_B = 0,
    parameter [2048*UNIT-1:0] INIT = 0
) (
    input clk_a, ce_a, oce_a, reset_a, write_a, input [2:0] select_a, input [13:0] ad_a, input [4*UNIT-1:0] di_a,
    output [4*UNIT-1:0] do_a,
    input clk_b, ce_b, oce_b, reset_b, write_b, input [2:0] select_b, input [13:0] ad_b, input [4*UNIT-1:0] di_b,
    output [4*UNIT-1:0] do_b
);
    function known_width(input integer width);
        known_width = width == UNIT || width == 2 * UNIT || width == 4 * UNIT ||
            (UNIT == 8 && (width == 1 || width == 2 || width == 4));
    endfunction

    reg [UNIT-1:0] units [0:2047];
    integer k;
    initial begin
        if (!known_width(WIDTH_A) || !known_width(WIDTH_B))
            $fatal(1, "BSRAM: widths %0d and %0d are not modelled", WIDTH_A, WIDTH_B);
        if (WRITE_MODE_A == 3 || WRITE_MODE_B == 3) $fatal(1, "BSRAM: there is no WRITE_MODE 3");
        for (k = 0; k < 2048; k = k + 1) units[k] = INIT[UNIT * k +: UNIT];
    end

    // What a reset leaves in the latch behind a register is not documented.
    always @(posedge clk_a) if (reset_a && (READ_MODE_A != 0 || RESET_MODE != "SYNC"))
        $fatal(1, "BSRAM: a reset with READ_MODE 1 or RESET_MODE %s is not modelled", RESET_MODE);
    always @(posedge clk_b) if (reset_b && (READ_MODE_B != 0 || RESET_MODE != "SYNC"))
        $fatal(1, "BSRAM: a reset with READ_MODE 1 or RESET_MODE %s is not modelled", RESET_MODE);

    // The word of an address, in the lowest bits.
    function [4*UNIT-1:0] cut(input integer width, input [2:0] low, input [4*UNIT-1:0] four);
        case (width)
            1: cut = (4*UNIT)'(four[{1'b0, low} +: 1]);
            2: cut = (4*UNIT)'(four[{1'b0, low[2:1], 1'b0} +: 2]);
            4: cut = (4*UNIT)'(four[{1'b0, low[2], 2'b0} +: 4]);
            UNIT: cut = (4*UNIT)'(four[UNIT-1:0]);
            2 * UNIT: cut = (4*UNIT)'(four[2*UNIT-1:0]);
            default: cut = four;
        endcase
    endfunction

    // A unit with the narrow word put in.
    function [UNIT-1:0] put(input integer width, input [2:0] low, input [UNIT-1:0] unit, input [UNIT-1:0] word);
        put = unit;
        case (width)
            1: put[low +: 1] = word[0];
            2: put[{low[2:1], 1'b0} +: 2] = word[1:0];
            4: put[{low[2], 2'b0} +: 4] = word[3:0];
            default: put = word;
        endcase
    endfunction

    // Which of the four units from an address on are written.
    function [3:0] written(input integer width, input [3:0] enables);
        written = width == 4 * UNIT ? enables : width == 2 * UNIT ? {2'b0, enables[1:0]} : 4'b1;
    endfunction

    function [10:0] aligned(input integer width, input [10:0] unit);
        aligned = width == 4 * UNIT ? {unit[10:2], 2'b0} : width == 2 * UNIT ? {unit[10:1], 1'b0} : unit;
    endfunction

    reg [4*UNIT-1:0] latch_a = 0, register_a = 0;
    wire on_a = ce_a && select_a == SELECT_A;
    wire [10:0] unit_a = aligned(WIDTH_A, ad_a[13:3]);
    wire [3:0] written_a = {4{write_a}} & written(WIDTH_A, ad_a[3:0]);
    wire [4*UNIT-1:0] old_a = {units[unit_a | 3], units[unit_a | 2], units[unit_a | 1], units[unit_a]};
    wire [4*UNIT-1:0] new_a;
    genvar n_a;
    for (n_a = 0; n_a < 4; n_a = n_a + 1) begin : side_a
        wire [UNIT-1:0] given = di_a[UNIT*n_a +: UNIT];
        wire [UNIT-1:0] word = n_a == 0 ? put(WIDTH_A, ad_a[2:0], old_a[UNIT-1:0], given) : given;
        assign new_a[UNIT*n_a +: UNIT] = written_a[n_a] ? word : old_a[UNIT*n_a +: UNIT];
        always @(posedge clk_a) if (on_a && written_a[n_a]) units[unit_a | n_a] <= word;
    end
    always @(posedge clk_a) begin
        if (reset_a) latch_a <= 0;
        else if (on_a && (!write_a || WRITE_MODE_A != 0))
            latch_a <= cut(WIDTH_A, ad_a[2:0], WRITE_MODE_A == 1 ? new_a : old_a);
        if (oce_a) register_a <= latch_a;
    end
    assign do_a = READ_MODE_A != 0 ? register_a : latch_a;

    reg [4*UNIT-1:0] latch_b = 0, register_b = 0;
    wire on_b = ce_b && select_b == SELECT_B;
    wire [10:0] unit_b = aligned(WIDTH_B, ad_b[13:3]);
    wire [3:0] written_b = {4{write_b}} & written(WIDTH_B, ad_b[3:0]);
    wire [4*UNIT-1:0] old_b = {units[unit_b | 3], units[unit_b | 2], units[unit_b | 1], units[unit_b]};
    wire [4*UNIT-1:0] new_b;
    genvar n_b;
    for (n_b = 0; n_b < 4; n_b = n_b + 1) begin : side_b
        wire [UNIT-1:0] given = di_b[UNIT*n_b +: UNIT];
        wire [UNIT-1:0] word = n_b == 0 ? put(WIDTH_B, ad_b[2:0], old_b[UNIT-1:0], given) : given;
        assign new_b[UNIT*n_b +: UNIT] = written_b[n_b] ? word : old_b[UNIT*n_b +: UNIT];
        always @(posedge clk_b) if (on_b && written_b[n_b]) units[unit_b | n_b] <= word;
    end
    always @(posedge clk_b) begin
        if (reset_b) latch_b <= 0;
        else if (on_b && (!write_b || WRITE_MODE_B != 0))
            latch_b <= cut(WIDTH_B, ad_b[2:0], WRITE_MODE_B == 1 ? new_b : old_b);
        if (oce_b) register_b <= latch_b;
    end
    assign do_b = READ_MODE_B != 0 ? register_b : latch_b;
endmodule

module SDPB #(
    parameter READ_MODE = 0, BIT_WIDTH_0 = 32, BIT_WIDTH_1 = 32, BLK_SEL_0 = 0, BLK_SEL_1 = 0, RESET_MODE = "SYNC",
    parameter [255:0]
        INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, INIT_RAM_04 = 0, INIT_RAM_05 = 0,
        INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0,
        INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0,
        INIT_RAM_12 = 0, INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0,
        INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0, INIT_RAM_1D = 0,
        INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0,
        INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0,
        INIT_RAM_2A = 0, INIT_RAM_2B = 0, INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0,
        INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0,
        INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0,
        INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0
) (
    input CLKA, CEA, CLKB, CEB, OCE, RESETA, RESETB, input [13:0] ADA, ADB, input [31:0] DI,
    input [2:0] BLKSELA, BLKSELB, output [31:0] DO
);
    block_ram #(
        .UNIT(8), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .READ_MODE_B(READ_MODE), .RESET_MODE(RESET_MODE),
        .SELECT_A(BLK_SEL_0), .SELECT_B(BLK_SEL_1),
        .INIT({
            INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
            INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30,
            INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28,
            INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20,
            INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18,
            INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10,
            INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08,
            INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00
        })
    ) core(
        .clk_a(CLKA), .ce_a(CEA), .oce_a(1'b0), .reset_a(RESETA), .write_a(1'b1), .select_a(BLKSELA), .ad_a(ADA),
        .di_a(DI), .do_a(), .clk_b(CLKB), .ce_b(CEB), .oce_b(OCE), .reset_b(RESETB), .write_b(1'b0),
        .select_b(BLKSELB), .ad_b(ADB), .di_b(32'b0), .do_b(DO)
    );
endmodule

module SDPX9B #(
    parameter READ_MODE = 0, BIT_WIDTH_0 = 36, BIT_WIDTH_1 = 36, BLK_SEL_0 = 0, BLK_SEL_1 = 0, RESET_MODE = "SYNC",
    parameter [287:0]
        INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, INIT_RAM_04 = 0, INIT_RAM_05 = 0,
        INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0,
        INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0,
        INIT_RAM_12 = 0, INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0,
        INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0, INIT_RAM_1D = 0,
        INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0,
        INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0,
        INIT_RAM_2A = 0, INIT_RAM_2B = 0, INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0,
        INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0,
        INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0,
        INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0
) (
    input CLKA, CEA, CLKB, CEB, OCE, RESETA, RESETB, input [13:0] ADA, ADB, input [35:0] DI,
    input [2:0] BLKSELA, BLKSELB, output [35:0] DO
);
    block_ram #(
        .UNIT(9), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .READ_MODE_B(READ_MODE), .RESET_MODE(RESET_MODE),
        .SELECT_A(BLK_SEL_0), .SELECT_B(BLK_SEL_1),
        .INIT({
            INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
            INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30,
            INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28,
            INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20,
            INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18,
            INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10,
            INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08,
            INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00
        })
    ) core(
        .clk_a(CLKA), .ce_a(CEA), .oce_a(1'b0), .reset_a(RESETA), .write_a(1'b1), .select_a(BLKSELA), .ad_a(ADA),
        .di_a(DI), .do_a(), .clk_b(CLKB), .ce_b(CEB), .oce_b(OCE), .reset_b(RESETB), .write_b(1'b0),
        .select_b(BLKSELB), .ad_b(ADB), .di_b(36'b0), .do_b(DO)
    );
endmodule

module DPB #(
    parameter READ_MODE0 = 0, READ_MODE1 = 0, WRITE_MODE0 = 0, WRITE_MODE1 = 0, BIT_WIDTH_0 = 16, BIT_WIDTH_1 = 16,
    parameter BLK_SEL_0 = 0, BLK_SEL_1 = 0, RESET_MODE = "SYNC",
    parameter [255:0]
        INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, INIT_RAM_04 = 0, INIT_RAM_05 = 0,
        INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0,
        INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0,
        INIT_RAM_12 = 0, INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0,
        INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0, INIT_RAM_1D = 0,
        INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0,
        INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0,
        INIT_RAM_2A = 0, INIT_RAM_2B = 0, INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0,
        INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0,
        INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0,
        INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0
) (
    input CLKA, CEA, CLKB, CEB, OCEA, OCEB, RESETA, RESETB, WREA, WREB, input [13:0] ADA, ADB,
    input [15:0] DIA, DIB, input [2:0] BLKSELA, BLKSELB, output [15:0] DOA, DOB
);
    wire [31:0] do_a, do_b;
    assign DOA = do_a[15:0], DOB = do_b[15:0];
    block_ram #(
        .UNIT(8), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .WRITE_MODE_A(WRITE_MODE0),
        .WRITE_MODE_B(WRITE_MODE1), .READ_MODE_A(READ_MODE0), .READ_MODE_B(READ_MODE1), .RESET_MODE(RESET_MODE),
        .SELECT_A(BLK_SEL_0), .SELECT_B(BLK_SEL_1),
        .INIT({
            INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
            INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30,
            INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28,
            INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20,
            INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18,
            INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10,
            INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08,
            INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00
        })
    ) core(
        .clk_a(CLKA), .ce_a(CEA), .oce_a(OCEA), .reset_a(RESETA), .write_a(WREA), .select_a(BLKSELA), .ad_a(ADA),
        .di_a(32'(DIA)), .do_a(do_a), .clk_b(CLKB), .ce_b(CEB), .oce_b(OCEB), .reset_b(RESETB), .write_b(WREB),
        .select_b(BLKSELB), .ad_b(ADB), .di_b(32'(DIB)), .do_b(do_b)
    );
endmodule

module DPX9B #(
    parameter READ_MODE0 = 0, READ_MODE1 = 0, WRITE_MODE0 = 0, WRITE_MODE1 = 0, BIT_WIDTH_0 = 18, BIT_WIDTH_1 = 18,
    parameter BLK_SEL_0 = 0, BLK_SEL_1 = 0, RESET_MODE = "SYNC",
    parameter [287:0]
        INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, INIT_RAM_04 = 0, INIT_RAM_05 = 0,
        INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0,
        INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0,
        INIT_RAM_12 = 0, INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0,
        INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0, INIT_RAM_1D = 0,
        INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0,
        INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0,
        INIT_RAM_2A = 0, INIT_RAM_2B = 0, INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0,
        INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0,
        INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0,
        INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0
) (
    input CLKA, CEA, CLKB, CEB, OCEA, OCEB, RESETA, RESETB, WREA, WREB, input [13:0] ADA, ADB,
    input [17:0] DIA, DIB, input [2:0] BLKSELA, BLKSELB, output [17:0] DOA, DOB
);
    wire [35:0] do_a, do_b;
    assign DOA = do_a[17:0], DOB = do_b[17:0];
    block_ram #(
        .UNIT(9), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .WRITE_MODE_A(WRITE_MODE0),
        .WRITE_MODE_B(WRITE_MODE1), .READ_MODE_A(READ_MODE0), .READ_MODE_B(READ_MODE1), .RESET_MODE(RESET_MODE),
        .SELECT_A(BLK_SEL_0), .SELECT_B(BLK_SEL_1),
        .INIT({
            INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
            INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30,
            INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28,
            INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20,
            INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18,
            INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10,
            INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08,
            INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00
        })
    ) core(
        .clk_a(CLKA), .ce_a(CEA), .oce_a(OCEA), .reset_a(RESETA), .write_a(WREA), .select_a(BLKSELA), .ad_a(ADA),
        .di_a(36'(DIA)), .do_a(do_a), .clk_b(CLKB), .ce_b(CEB), .oce_b(OCEB), .reset_b(RESETB), .write_b(WREB),
        .select_b(BLKSELB), .ad_b(ADB), .di_b(36'(DIB)), .do_b(do_b)
    );
endmodule

module SP #(
    parameter READ_MODE = 0, WRITE_MODE = 0, BIT_WIDTH = 32, BLK_SEL = 0, RESET_MODE = "SYNC",
    parameter [255:0]
        INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, INIT_RAM_04 = 0, INIT_RAM_05 = 0,
        INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0,
        INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0,
        INIT_RAM_12 = 0, INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0,
        INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0, INIT_RAM_1D = 0,
        INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0,
        INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0,
        INIT_RAM_2A = 0, INIT_RAM_2B = 0, INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0,
        INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0,
        INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0,
        INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0
) (
    output [31:0] DO, input [31:0] DI, input [2:0] BLKSEL, input [13:0] AD, input WRE, CLK, CE, OCE, RESET
);
    block_ram #(
        .UNIT(8), .WIDTH_A(BIT_WIDTH), .WIDTH_B(32), .WRITE_MODE_A(WRITE_MODE), .READ_MODE_A(READ_MODE),
        .RESET_MODE(RESET_MODE), .SELECT_A(BLK_SEL),
        .INIT({
            INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
            INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30,
            INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28,
            INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20,
            INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18,
            INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10,
            INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08,
            INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00
        })
    ) core(
        .clk_a(CLK), .ce_a(CE), .oce_a(OCE), .reset_a(RESET), .write_a(WRE), .select_a(BLKSEL), .ad_a(AD), .di_a(DI),
        .do_a(DO), .clk_b(1'b0), .ce_b(1'b0), .oce_b(1'b0), .reset_b(1'b0), .write_b(1'b0), .select_b(3'b0),
        .ad_b(14'b0), .di_b(32'b0), .do_b()
    );
endmodule

module SPX9 #(
    parameter READ_MODE = 0, WRITE_MODE = 0, BIT_WIDTH = 36, BLK_SEL = 0, RESET_MODE = "SYNC",
    parameter [287:0]
        INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0, INIT_RAM_04 = 0, INIT_RAM_05 = 0,
        INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0, INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0,
        INIT_RAM_0C = 0, INIT_RAM_0D = 0, INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0,
        INIT_RAM_12 = 0, INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0,
        INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0, INIT_RAM_1D = 0,
        INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0, INIT_RAM_22 = 0, INIT_RAM_23 = 0,
        INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0, INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0,
        INIT_RAM_2A = 0, INIT_RAM_2B = 0, INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0,
        INIT_RAM_30 = 0, INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0,
        INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0, INIT_RAM_3B = 0,
        INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0
) (
    output [35:0] DO, input [35:0] DI, input [2:0] BLKSEL, input [13:0] AD, input WRE, CLK, CE, OCE, RESET
);
    block_ram #(
        .UNIT(9), .WIDTH_A(BIT_WIDTH), .WIDTH_B(36), .WRITE_MODE_A(WRITE_MODE), .READ_MODE_A(READ_MODE),
        .RESET_MODE(RESET_MODE), .SELECT_A(BLK_SEL),
        .INIT({
            INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
            INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30,
            INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28,
            INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20,
            INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18,
            INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10,
            INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08,
            INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00
        })
    ) core(
        .clk_a(CLK), .ce_a(CE), .oce_a(OCE), .reset_a(RESET), .write_a(WRE), .select_a(BLKSEL), .ad_a(AD), .di_a(DI),
        .do_a(DO), .clk_b(1'b0), .ce_b(1'b0), .oce_b(1'b0), .reset_b(1'b0), .write_b(1'b0), .select_b(3'b0),
        .ad_b(14'b0), .di_b(36'b0), .do_b()
    );
endmodule
