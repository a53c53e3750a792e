// Drives the design from files and records what it says, so that no Python runs between two clocks. Its clock is all
// that it is given: an input that reaches the design's logic would have Verilator evaluate that logic twice per clock.
//
// All files lie in the working directory. operations.bin holds three big-endian 32-bit words per operation (kind,
// address, data), stimulus.bin one big-endian 64-bit word per flit. record.bin gets (flit, clock) as two
// little-endian 64-bit words per observed flit, reads.bin one 32-bit word per read operation, summary.txt a line per
// run, one per core with what its lanes did, one per link with its packets and waits, before these one for every
// INTERVAL clocks with each link's packets (INTERVALS at most), and a last line with the reason why the bench stopped.
//
// Stalls are two-state: per clock, a running stream begins to stall with probability enter/256, and a stalled one goes
// on with probability leave/256; so stalls come in bursts of mean length 256/leave.

module bench #(
    parameter int WIDTH = 16,
    parameter int ADDRESS_BITS = 12,
    parameter int CORES = 1,
    parameter int LINKS = 0
) (
    input  logic clk  /*verilator public_flat_rw*/,
    output logic done /*verilator public_flat_rd*/
);
    localparam bit [31:0] END = 0, WRITE = 1, READ = 2, POLL = 3, RUN = 4, RESET = 5;
    typedef enum logic [2:0] {FETCH, PORT, PAUSE, RUNNING, QUIET} state_t;

    // Settings
    int unsigned seed, i_enter, i_leave, o_enter, o_leave;  // stalls
    longint unsigned patience;                              // clocks without progress that count as a hang
    longint unsigned most;                                  // recorded flits that count as a flood
    int unsigned quiet;                                     // clocks after a run in which nothing may come
    int unsigned tick_lsb;                                  // position of the flit's tick bit
    int operations, stimulus, record, reads, summary;       // files

    // The design
    logic i_valid, i_ready, o_valid, o_ready, port_request, port_write, port_done;
    logic [WIDTH-1:0] i_payload, o_payload;
    logic [ADDRESS_BITS-1:0] port_address;
    logic [31:0] port_write_data, port_read_data;

    accelerator dut (
        .clk(clk), .rst(rst),
        .i__payload(i_payload), .i__valid(i_valid), .i__ready(i_ready),
        .o__payload(o_payload), .o__valid(o_valid), .o__ready(o_ready),
        .port__address(port_address), .port__write_data(port_write_data), .port__request(port_request),
        .port__write(port_write), .port__read_data(port_read_data), .port__done(port_done), .activity(activity)
    );

    // What the cores did in this run; a step's span is from its first row of weights to its last.
    localparam bit [2:0] ROWS = 3, STEP_END = 5;
    logic [3*CORES-1:0] activity;
    longint unsigned clocks[CORES][8], spans[CORES], span[CORES], gap[CORES];

    // What the links carried in this run, and in the interval that is going on.
    localparam int INTERVAL = 64, INTERVALS = 1024, COUNTED = LINKS > 0 ? LINKS : 1;
    logic [2*COUNTED-1:0] traffic;
    longint unsigned packets[COUNTED], waits[COUNTED];
    int unsigned lately[COUNTED], ticking, intervals;
`ifdef LINKED
    assign traffic = dut.traffic;
`else
    assign traffic = 0;
`endif

    state_t state;
    logic [95:0] operation;
    logic [31:0] kind, address, data;  // its parts
    logic [63:0] flit;
    longint unsigned clock, idle, recorded;
    longint unsigned started, ended, first, i_gaps, i_waits, o_waits;  // of this run
    logic [31:0] flits_left, ticks_left, left, random;
    logic i_stalled, o_stalled, held, stopped, rst;
    logic [1:0] resets_left;
    logic [WIDTH-1:0] held_payload;

    function automatic logic stall(input logic stalled, input logic [7:0] draw, input int unsigned enter, leave);
        return stalled ? 32'(draw) >= leave : 32'(draw) < enter;
    endfunction

    function automatic logic [31:0] xorshift(input logic [31:0] x);
        x ^= x << 13;
        x ^= x >> 17;
        return x ^ (x << 5);
    endfunction

    initial begin
        if (!$value$plusargs("seed=%d", seed)) seed = 1;
        if (!$value$plusargs("i_enter=%d", i_enter)) i_enter = 0;
        if (!$value$plusargs("i_leave=%d", i_leave)) i_leave = 256;
        if (!$value$plusargs("o_enter=%d", o_enter)) o_enter = 0;
        if (!$value$plusargs("o_leave=%d", o_leave)) o_leave = 256;
        if (!$value$plusargs("patience=%d", patience)) patience = 100000;
        if (!$value$plusargs("most=%d", most)) most = 64'h7fffffff;
        if (!$value$plusargs("quiet=%d", quiet)) quiet = 64;
        if (!$value$plusargs("tick_lsb=%d", tick_lsb)) tick_lsb = 0;
        operations = $fopen("operations.bin", "rb");
        stimulus = $fopen("stimulus.bin", "rb");
        record = $fopen("record.bin", "wb");
        reads = $fopen("reads.bin", "wb");
        summary = $fopen("summary.txt", "w");
        state = FETCH;
        rst = 1;
        resets_left = 3;
        random = seed | 1;
        {clock, idle, recorded} = 0;
        {done, i_valid, o_ready, port_request, port_write, i_stalled, o_stalled, held, stopped} = 0;
    end

    task automatic finish(input string reason);
        if (stopped) return;
        stopped = 1;
        $fdisplay(summary, "end %s %0d %0d", reason, clock, recorded);
        $fclose(operations);
        $fclose(stimulus);
        $fclose(record);
        $fclose(reads);
        $fclose(summary);
        done <= 1;
    endtask

    task automatic count_activity;
        for (int core = 0; core < CORES; core++) begin
            automatic bit [2:0] now = activity[3*core+:3];
            clocks[core][now] <= clocks[core][now] + 1;
            if (now == ROWS) begin
                span[core] <= span[core] + gap[core] + 1;
                gap[core] <= 0;
            end else if (now == STEP_END) begin
                spans[core] <= spans[core] + span[core];
                {span[core], gap[core]} <= 0;
            end else if (span[core] != 0) gap[core] <= gap[core] + 1;
        end
    endtask

    task automatic count_traffic;
        automatic bit last = ticking == INTERVAL - 1;
        ticking <= last ? 0 : ticking + 1;
        if (last && intervals < INTERVALS) begin
            intervals <= intervals + 1;
            $fwrite(summary, "interval");
            for (int link = 0; link < LINKS; link++)
                $fwrite(summary, " %0d", lately[link] + 32'(traffic[link]));
            $fdisplay(summary);
        end
        for (int link = 0; link < LINKS; link++) begin
            packets[link] <= packets[link] + 64'(traffic[link]);
            waits[link] <= waits[link] + 64'(traffic[LINKS+link]);
            lately[link] <= last ? 0 : lately[link] + 32'(traffic[link]);
        end
    endtask

    task automatic end_run(input string reason);
        if (flits_left != 0) void'($fseek(stimulus, 8 * int'(flits_left), 1));  // the next run has its own
        $fdisplay(summary, "run %s %0d %0d %0d %0d %0d %0d %0d %0d %0d", reason, started, ended, first, recorded,
                  ticks_left, flits_left + 32'(i_valid && !i_ready), i_gaps, i_waits, o_waits);
        for (int core = 0; core < CORES; core++) begin
            $fwrite(summary, "core");
            for (int k = 0; k < 8; k++) $fwrite(summary, " %0d", clocks[core][k]);
            $fdisplay(summary, " %0d", spans[core]);
        end
        for (int link = 0; link < LINKS; link++) $fdisplay(summary, "link %0d %0d", packets[link], waits[link]);
        i_valid <= 0;
        state <= FETCH;
    endtask

    always @(posedge clk) if (rst) begin
        resets_left <= resets_left - 1;
        rst <= resets_left != 0;
    end else if (!stopped) begin
        clock <= clock + 1;
        idle <= idle + 1;
        random <= xorshift(random);
        i_stalled <= stall(i_stalled, random[7:0], i_enter, i_leave);
        o_stalled <= stall(o_stalled, random[23:16], o_enter, o_leave);

        // Everything the design says is recorded, also when nothing should come.
        o_ready <= !o_stalled;
        held <= o_valid && !o_ready;
        held_payload <= o_payload;
        if (o_valid && o_ready) begin
            $fwrite(record, "%u", {clock, 64'(o_payload)});
            recorded = recorded + 1;  // blocking, for what is said about this clock below
            idle <= 0;
            if (o_payload[tick_lsb] && ticks_left != 0) begin
                ended <= clock;
                ticks_left <= ticks_left - 1;
            end
        end

        case (state)
            FETCH: begin
                idle <= 0;
                if ($fread(operation, operations) != 12) operation = {END, 64'd0};
                {kind, address, data} = operation;
                left <= data;
                case (kind)
                    WRITE, READ, POLL: begin
                        port_address <= address[ADDRESS_BITS-1:0];
                        port_write_data <= data;
                        port_write <= kind == WRITE;
                        port_request <= 1;
                        state <= PORT;
                    end
                    RUN: begin
                        flits_left <= address;
                        ticks_left <= data;
                        first <= recorded;
                        {started, ended, i_gaps, i_waits, o_waits} <= 0;
                        for (int core = 0; core < CORES; core++) begin
                            for (int k = 0; k < 8; k++) clocks[core][k] <= 0;
                            {spans[core], span[core], gap[core]} <= 0;
                        end
                        for (int link = 0; link < COUNTED; link++) {packets[link], waits[link], lately[link]} <= 0;
                        {ticking, intervals} <= 0;
                        state <= RUNNING;
                    end
                    RESET: begin
                        rst <= 1;
                        resets_left <= 3;
                        held <= 0;
                    end
                    default: finish("done");
                endcase
            end
            PORT: if (port_done) begin
                port_request <= 0;
                if (kind == READ) $fwrite(reads, "%u", port_read_data);
                state <= kind == POLL && (port_read_data & data) != 0 ? PAUSE : FETCH;
            end
            PAUSE: begin
                port_request <= 1;
                state <= PORT;
            end
            RUNNING: begin
                if (started != 0 && ticks_left != 0) begin
                    count_activity();
                    if (LINKS > 0) count_traffic();
                end
                if (i_valid && !i_ready) i_waits <= i_waits + 1;
                if (o_valid && !o_ready) o_waits <= o_waits + 1;
                if (i_valid && i_ready) begin
                    if (started == 0) started <= clock;
                    idle <= 0;
                end
                if (!i_valid || i_ready) begin
                    i_valid <= flits_left != 0 && !i_stalled;
                    if (flits_left != 0 && i_stalled) i_gaps <= i_gaps + 1;
                    if (flits_left != 0 && !i_stalled) begin
                        if ($fread(flit, stimulus) != 8) finish("stimulus");
                        i_payload <= flit[WIDTH-1:0];
                        flits_left <= flits_left - 1;
                    end
                end
                if (ticks_left == 0) begin
                    left <= quiet;
                    state <= QUIET;
                end else if (idle > patience) begin
                    end_run("hang");
                end
            end
            QUIET: begin
                if (i_valid && i_ready) i_valid <= 0;
                left <= left - 1;
                if (left == 0) end_run("done");
            end
            default: ;
        endcase

        if (held && (!o_valid || o_payload != held_payload)) finish("protocol");
        else if (port_done && !(state == PORT && port_request)) finish("port-done-without-request");
        else if ((state == PORT || state == PAUSE) && idle > patience) finish("port-hang");
        else if (recorded > most) finish("flood");
    end
endmodule
