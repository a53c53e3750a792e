// Behavioural models of the ECP5 cells for which Yosys has none, as far as synthesised netlists use them. What is
// not modelled ends the simulation. The other cells are in pyosys/share/lattice.

// Block RAM: 2048 units of nine bits. A word of 9, 18 or 36 bits is one, two or four units, lowest first; a word of 1,
// 2 or 4 bits is a part of a unit's lower eight. At 36 bits DIA and DIB are the halves of what port A writes, DOA and
// DOB those of what port B reads. The lowest address pins of an 18 or 36-bit port enable the units that it writes.
//
// A port that reads a word in the clock in which the other writes it gets the old word. The hardware promises nothing
// there, and the design never relies on it.
module DP16KD #(
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG",
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL",
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB",
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000",
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "ENABLED",  // the resets are tied low
    parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0, INITVAL_05 = 0,
    parameter [319:0] INITVAL_06 = 0, INITVAL_07 = 0, INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0,
    parameter [319:0] INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0,
    parameter [319:0] INITVAL_12 = 0, INITVAL_13 = 0, INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0,
    parameter [319:0] INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0, INITVAL_1C = 0, INITVAL_1D = 0,
    parameter [319:0] INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0, INITVAL_23 = 0,
    parameter [319:0] INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0, INITVAL_28 = 0, INITVAL_29 = 0,
    parameter [319:0] INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0,
    parameter [319:0] INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0,
    parameter [319:0] INITVAL_36 = 0, INITVAL_37 = 0, INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0,
    parameter [319:0] INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0
) (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
    DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CLKA, CEA, OCEA, WEA, RSTA, CSA2, CSA1, CSA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
    DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CLKB, CEB, OCEB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
    DOA1, DOA0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
    DOB1, DOB0
);
    localparam PSEUDO = DATA_WIDTH_A == 36;  // port A only writes, port B only reads
    localparam [64*320-1:0] INIT = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
        INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
        INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
        INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
        INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
        INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
        INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
        INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
    };

    function known_width(input integer width);
        known_width = width == 1 || width == 2 || width == 4 || width == 9 || width == 18 || width == 36;
    endfunction

    reg [8:0] units [0:2047];
    integer k;
    initial begin
        if (!known_width(DATA_WIDTH_A) || !known_width(DATA_WIDTH_B) || (DATA_WIDTH_B == 36) != PSEUDO)
            $fatal(1, "DP16KD: widths %0d and %0d are not modelled", DATA_WIDTH_A, DATA_WIDTH_B);
        if ((REGMODE_A != "NOREG" && REGMODE_A != "OUTREG") || (REGMODE_B != "NOREG" && REGMODE_B != "OUTREG"))
            $fatal(1, "DP16KD: REGMODE %s and %s are not modelled", REGMODE_A, REGMODE_B);
        if (PSEUDO && REGMODE_A != REGMODE_B)
            $fatal(1, "DP16KD: a register behind half of the word is not modelled");
        if ((WRITEMODE_A != "NORMAL" && WRITEMODE_A != "READBEFOREWRITE" && WRITEMODE_A != "WRITETHROUGH") ||
            (WRITEMODE_B != "NORMAL" && WRITEMODE_B != "READBEFOREWRITE" && WRITEMODE_B != "WRITETHROUGH"))
            $fatal(1, "DP16KD: WRITEMODE %s and %s are not modelled", WRITEMODE_A, WRITEMODE_B);
        if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB")
            $fatal(1, "DP16KD: CLKMUX %s and %s are not modelled", CLKAMUX, CLKBMUX);
        if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000")
            $fatal(1, "DP16KD: CSDECODE %s and %s are not modelled", CSDECODE_A, CSDECODE_B);
        for (k = 0; k < 2048; k = k + 1) units[k] = INIT[k / 2 * 20 + k % 2 * 9 +: 9];
    end

    // Whether the register waits with the word behind a clock enable that is off is not documented.
    always @(posedge CLKA) if (REGMODE_A == "OUTREG" && !CEA) $fatal(1, "DP16KD: OUTREG without CEA is not modelled");
    always @(posedge CLKB) if (REGMODE_B == "OUTREG" && !CEB) $fatal(1, "DP16KD: OUTREG without CEB is not modelled");
    always @(posedge CLKA) if (RSTA || CSA2 || CSA1 || CSA0 || (PSEUDO && !WEA))
        $fatal(1, "DP16KD: RSTA, CSA, and WEA at 36 bits, are not modelled");
    always @(posedge CLKB) if (RSTB || CSB2 || CSB1 || CSB0 || (PSEUDO && WEB))
        $fatal(1, "DP16KD: RSTB, CSB, and WEB at 36 bits, are not modelled");

    // The word of an address, in the lowest bits; the units of 18 and 36 bits are aligned.
    function [35:0] cut(input integer width, input [2:0] low, input [35:0] four);
        case (width)
            1: cut = 36'(four[{1'b0, low} +: 1]);
            2: cut = 36'(four[{1'b0, low[2:1], 1'b0} +: 2]);
            4: cut = 36'(four[{1'b0, low[2], 2'b0} +: 4]);
            9: cut = 36'(four[8:0]);
            18: cut = 36'(four[17:0]);
            default: cut = four;
        endcase
    endfunction

    // A unit with the narrow word put in.
    function [8:0] put(input integer width, input [2:0] low, input [8:0] unit, input [8:0] word);
        put = unit;
        case (width)
            1: put[{1'b0, low} +: 1] = word[0];
            2: put[{1'b0, low[2:1], 1'b0} +: 2] = word[1:0];
            4: put[{1'b0, low[2], 2'b0} +: 4] = word[3:0];
            default: put = word;
        endcase
    endfunction

    // Which of the four units from an address on are written.
    function [3:0] written(input integer width, input [3:0] enables);
        written = width == 36 ? enables : width == 18 ? {2'b0, enables[1:0]} : 4'b1;
    endfunction

    function [10:0] aligned(input integer width, input [10:0] unit);
        aligned = width == 36 ? {unit[10:2], 2'b0} : width == 18 ? {unit[10:1], 1'b0} : unit;
    endfunction

    wire [13:0] ada = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] adb = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire [17:0] dia_pins = {
        DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
        DIA1, DIA0
    };
    wire [17:0] dib_pins = {
        DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
        DIB1, DIB0
    };
    wire [35:0] dia = {dib_pins, dia_pins}, dib = {18'b0, dib_pins};
    reg [35:0] latch_a = 0, latch_b = 0, register_a = 0, register_b = 0;

    wire [10:0] unit_a = aligned(DATA_WIDTH_A, ada[13:3]);
    wire [3:0] written_a = {4{WEA}} & written(DATA_WIDTH_A, ada[3:0]);
    wire [35:0] old_a = {units[unit_a | 3], units[unit_a | 2], units[unit_a | 1], units[unit_a]};
    wire [35:0] new_a;
    genvar n_a;
    for (n_a = 0; n_a < 4; n_a = n_a + 1) begin : side_a
        wire [8:0] word = n_a == 0 ? put(DATA_WIDTH_A, ada[2:0], old_a[8:0], dia[8:0]) : dia[9*n_a +: 9];
        assign new_a[9*n_a +: 9] = written_a[n_a] ? word : old_a[9*n_a +: 9];
        always @(posedge CLKA) if (CEA && written_a[n_a]) units[unit_a | n_a] <= word;
    end
    always @(posedge CLKA) begin
        if (CEA && (!WEA || WRITEMODE_A != "NORMAL"))
            latch_a <= cut(DATA_WIDTH_A, ada[2:0], WRITEMODE_A == "WRITETHROUGH" ? new_a : old_a);
        if (OCEA) register_a <= latch_a;
    end
    wire [35:0] out_a = REGMODE_A == "OUTREG" ? register_a : latch_a;

    wire [10:0] unit_b = aligned(DATA_WIDTH_B, adb[13:3]);
    wire [3:0] written_b = {4{WEB}} & written(DATA_WIDTH_B, adb[3:0]);
    wire [35:0] old_b = {units[unit_b | 3], units[unit_b | 2], units[unit_b | 1], units[unit_b]};
    wire [35:0] new_b;
    genvar n_b;
    for (n_b = 0; n_b < 4; n_b = n_b + 1) begin : side_b
        wire [8:0] word = n_b == 0 ? put(DATA_WIDTH_B, adb[2:0], old_b[8:0], dib[8:0]) : dib[9*n_b +: 9];
        assign new_b[9*n_b +: 9] = written_b[n_b] ? word : old_b[9*n_b +: 9];
        always @(posedge CLKB) if (CEB && written_b[n_b]) units[unit_b | n_b] <= word;
    end
    always @(posedge CLKB) begin
        if (CEB && (!WEB || WRITEMODE_B != "NORMAL"))
            latch_b <= cut(DATA_WIDTH_B, adb[2:0], WRITEMODE_B == "WRITETHROUGH" ? new_b : old_b);
        if (OCEB) register_b <= latch_b;
    end
    wire [35:0] out_b = REGMODE_B == "OUTREG" ? register_b : latch_b;

    assign {
        DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
        DOA1, DOA0
    } = PSEUDO ? out_b[17:0] : out_a[17:0];
    assign {
        DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
        DOB1, DOB0
    } = PSEUDO ? out_b[35:18] : out_b[17:0];
endmodule

// Multiplier of 18 by 18 bits, each operand signed or not, with a register of CLK0 at the operands and one at the
// product, each there or not.
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE", REG_INPUTA_CE = "CE0", REG_INPUTA_RST = "RST0",
    parameter REG_INPUTB_CLK = "NONE", REG_INPUTB_CE = "CE0", REG_INPUTB_RST = "RST0",
    parameter REG_INPUTC_CLK = "NONE", REG_PIPELINE_CLK = "NONE",
    parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0", REG_OUTPUT_RST = "RST0",
    parameter SOURCEB_MODE = "B_SHIFT", MULT_BYPASS = "DISABLED", RESETMODE = "SYNC", GSR = "ENABLED"
) (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
    P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
    localparam REGISTER_A = REG_INPUTA_CLK == "CLK0", REGISTER_B = REG_INPUTB_CLK == "CLK0";
    localparam REGISTER_P = REG_OUTPUT_CLK == "CLK0";

    initial begin
        if ((!REGISTER_A && REG_INPUTA_CLK != "NONE") || (!REGISTER_B && REG_INPUTB_CLK != "NONE") ||
            (!REGISTER_P && REG_OUTPUT_CLK != "NONE"))
            $fatal(1, "MULT18X18D: clocks %s, %s, %s are not modelled",
                   REG_INPUTA_CLK, REG_INPUTB_CLK, REG_OUTPUT_CLK);
        if (REG_INPUTA_CE != "CE0" || REG_INPUTB_CE != "CE0" || REG_OUTPUT_CE != "CE0")
            $fatal(1, "MULT18X18D: clock enables %s, %s, %s are not modelled",
                   REG_INPUTA_CE, REG_INPUTB_CE, REG_OUTPUT_CE);
        if (REG_INPUTA_RST != "RST0" || REG_INPUTB_RST != "RST0" || REG_OUTPUT_RST != "RST0")
            $fatal(1, "MULT18X18D: resets %s, %s, %s are not modelled",
                   REG_INPUTA_RST, REG_INPUTB_RST, REG_OUTPUT_RST);
        if (REG_INPUTC_CLK != "NONE" || REG_PIPELINE_CLK != "NONE" || MULT_BYPASS != "DISABLED" || RESETMODE != "SYNC")
            $fatal(1, "MULT18X18D: a register of C or inside, a bypass or RESETMODE %s are not modelled", RESETMODE);
    end
    always @* if (SOURCEA || SOURCEB) $fatal(1, "MULT18X18D: SOURCE is not modelled");

    // The signs are registered with their operands.
    wire [18:0] a_in = {SIGNEDA, {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0}};
    wire [18:0] b_in = {SIGNEDB, {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0}};
    reg [18:0] a_register = 0, b_register = 0;
    reg [35:0] p_register = 0;
    wire [18:0] a = REGISTER_A ? a_register : a_in;
    wire [18:0] b = REGISTER_B ? b_register : b_in;
    wire signed [18:0] a_value = {a[18] & a[17], a[17:0]};
    wire signed [18:0] b_value = {b[18] & b[17], b[17:0]};
    wire signed [37:0] p = a_value * b_value;

    always @(posedge CLK0)
        if (RST0) {a_register, b_register, p_register} <= 0;
        else if (CE0) begin
            a_register <= a_in;
            b_register <= b_in;
            p_register <= p[35:0];
        end

    assign {
        P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16,
        P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
    } = REGISTER_P ? p_register : p[35:0];
endmodule
