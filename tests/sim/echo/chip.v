// A chip that says what it hears, each byte changed by its input `network` and by the image key.mem, through a queue of
// 1024 bytes. Other bits of `network` make it do more: bit 8: the byte 0xFE makes it busy for ever, and silent; bit 9:
// 0xFD ends the simulation; bit 10: what it says has no stop bits.
module chip (
    input clk, input rst, input [31:0] network, output reg busy, input rx, output tx
);
    integer divider;
    reg [7:0] key[0:0];
    initial begin
        if (!$value$plusargs("divider=%d", divider)) divider = 8;
        $readmemh("key.mem", key);
        $display("what the design prints is no answer");
    end

    reg [15:0] rx_timer, tx_timer;
    reg [3:0] rx_left, tx_left;
    reg [8:0] rx_bits;
    reg [9:0] tx_bits;
    reg was;
    reg [7:0] queue[0:1023];
    reg [10:0] put, got;

    assign tx = tx_bits[0];
    wire [7:0] next = queue[got[9:0]];
    wire free = tx_left == 0 || (tx_left == 1 && tx_timer == 0);  // stop bits are followed by start bits at once

    always @(posedge clk) if (rst) begin
        {rx_left, tx_left, put, got, busy} <= 0;
        {tx_bits, was} <= ~11'd0;
    end else begin
        was <= rx;
        rx_timer <= rx_timer - 1;
        if (rx_left == 0) begin
            rx_timer <= divider[15:0] / 2 - 1;
            if (was && !rx) rx_left <= 10;
        end else if (rx_timer == 0) begin
            rx_timer <= divider[15:0] - 1;
            rx_left <= rx_left - 1;
            rx_bits <= {rx, rx_bits[8:1]};
            if (rx_left == 1 && rx) begin  // start bit and data are in rx_bits
                queue[put[9:0]] <= rx_bits[8:1] ^ network[7:0] ^ key[0];
                put <= put + 1;
                if (rx_bits[8:1] == 8'hFE && network[8]) busy <= 1;
                if (rx_bits[8:1] == 8'hFD && network[9]) $finish;
            end
        end

        tx_timer <= tx_timer - 1;
        if (free) begin
            tx_left <= 0;
            tx_timer <= divider[15:0] - 1;
            if (put != got && !busy) begin
                tx_left <= 10;
                tx_bits <= {!network[10], next, 1'b0};
                got <= got + 1;
            end
        end else if (tx_timer == 0) begin
            tx_timer <= divider[15:0] - 1;
            tx_left <= tx_left - 1;
            tx_bits <= {1'b1, tx_bits[9:1]};
        end
    end
endmodule
