// A network of eight input neurons and eight integrate-and-fire neurons behind the real design's ports, with a fault
// chosen by an image: small enough to be right by inspection, so that tests of the checker need not trust the design.
module accelerator (
    input clk, input rst,
    input [11:0] i__payload, input i__valid, output i__ready,
    output reg [11:0] o__payload, output reg o__valid, input o__ready,
    input [7:0] port__address, input [31:0] port__write_data, input port__request, input port__write,
    output reg [31:0] port__read_data, output reg port__done, output [2:0] activity
);
    // Flit: source [0], tick [1], sequence [3:2], index [7:4], value [8]; the upper bits are always 0.
    localparam NONE = 0, SPIKE = 1, STATE = 2, COUNT = 3, SURPLUS = 4, HANG = 5, UNSTABLE = 6, SEQUENCE = 7,
               INDEX = 8, BUSY = 9, PORT = 10, FLOOD = 11;
    assign activity = state == 1 ? 3 : state == 2 ? 5 : 0;  // a row per neuron, then the step's end
    reg signed [7:0] weights [0:63];
    reg [7:0] fault [0:0];
    reg signed [15:0] v [0:7];
    reg signed [15:0] a [0:7];
    reg [31:0] steps, step;
    reg observe, busy;
    reg [31:0] total;    // steps since the start
    reg [3:0] neuron, fired;
    reg [1:0] state;     // 0 listen, 1 neurons, 2 tick
    reg [4:0] surplus;
    integer k;
    initial begin
        $readmemh("weights.mem", weights);
        $readmemh("fault.mem", fault);
    end

    // Samples start here, not when the last one ends, so that its state can be read.
    wire signed [15:0] x = (step == 0 ? 16'sd0 : v[neuron[2:0]]) + a[neuron[2:0]];
    wire fire = x >= 16'sd20;
    wire spoil = total == 5;
    wire free = !o__valid || o__ready;
    assign i__ready = state == 0 && !busy && !(fault[0] == HANG && total == 7);

    always @(posedge clk) begin
        port__done <= 0;
        if (o__ready) o__valid <= 0;
        if (fault[0] == UNSTABLE && o__valid && !o__ready) o__payload[8] <= ~o__payload[8];
        if (state == 0 && i__valid && i__ready) begin
            if (!i__payload[1]) begin
                for (k = 0; k < 8; k = k + 1) a[k] <= a[k] + weights[i__payload[6:4] * 8 + k];
            end else begin
                state <= 1;
                neuron <= 0;
                fired <= 0;
            end
        end
        if (state == 1 && free) begin
            v[neuron[2:0]] <= fire ? x - 16'sd20 : x;
            a[neuron[2:0]] <= 0;
            if (fire && !(fault[0] == SPIKE && spoil) && observe) begin
                o__valid <= 1;
                o__payload <= {4'b0001, fault[0] == INDEX && spoil ? 4'd9 : neuron, 3'b000, 1'b1};
                fired <= fired + 1;
            end
            neuron <= neuron + 1;
            if (neuron == 7) state <= 2;
        end
        if (state == 2 && free) begin
            state <= fault[0] == FLOOD && total >= 7 ? 2 : 0;
            o__valid <= observe;
            o__payload <= {4'b0000, fired ^ {3'b0, fault[0] == COUNT && spoil},
                           total[1:0] ^ {1'b0, fault[0] == SEQUENCE && spoil}, fault[0] != FLOOD || total < 7, 1'b1};
            total <= total + 1;
            step <= step + 1;
            if (step + 1 == steps) begin
                step <= 0;
                surplus <= 20;
            end
        end
        if (surplus != 0) surplus <= surplus - 1;
        if (surplus == 1 && fault[0] == SURPLUS && !i__valid) begin
            o__valid <= 1;
            o__payload <= 12'h101;
        end

        if (port__request && !port__done && fault[0] != PORT) begin
            port__done <= 1;
            port__read_data <= 0;
            if (port__write) case (port__address)
                1: begin
                    busy <= 1;
                    total <= 0;
                    step <= 0;
                    for (k = 0; k < 8; k = k + 1) begin
                        v[k] <= 0;
                        a[k] <= 0;
                    end
                end
                2: steps <= port__write_data;
                3: observe <= port__write_data[1];
            endcase
            else if (port__address == 0) begin
                port__read_data <= {30'd0, 1'b0, busy};
                if (fault[0] != BUSY) busy <= 0;
            end
            // Two units; v lies in bits 24 to 39 of an entry of two words.
            else if (port__address[5])
                port__read_data <= port__address[0] ? {24'd0, v[{port__address[2:1], port__address[4]}][15:8]}
                    : {v[{port__address[2:1], port__address[4]}][7:0] ^ {7'd0, fault[0] == STATE && port__address == 36}, 24'd0};
        end
        if (rst) begin
            o__valid <= 0;
            state <= 0;
            busy <= 1;
            surplus <= 0;
            total <= 0;
            port__done <= 0;
        end
    end
endmodule
