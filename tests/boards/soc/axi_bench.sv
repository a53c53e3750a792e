// Looks at every channel that accelerator_axi drives: what is valid stays, with its payload, until it is ready.
// Everything else is done by cocotb, in axi_bench.py. +fault=N plants one fault between the design and both.

module axi_bench #(
    parameter int DATA_BITS = 16,
    parameter int ADDRESS_BITS = 12
) (
    input  logic aclk /*verilator public_flat_rw*/,
    input  logic aresetn /*verilator public_flat_rw*/,
    input  logic [ADDRESS_BITS-1:0] s_axi_awaddr /*verilator public_flat_rw*/,
    input  logic [2:0] s_axi_awprot /*verilator public_flat_rw*/,
    input  logic s_axi_awvalid /*verilator public_flat_rw*/,
    output logic s_axi_awready /*verilator public_flat_rw*/,
    input  logic [31:0] s_axi_wdata /*verilator public_flat_rw*/,
    input  logic [3:0] s_axi_wstrb /*verilator public_flat_rw*/,
    input  logic s_axi_wvalid /*verilator public_flat_rw*/,
    output logic s_axi_wready /*verilator public_flat_rw*/,
    output logic [1:0] s_axi_bresp /*verilator public_flat_rw*/,
    output logic s_axi_bvalid /*verilator public_flat_rw*/,
    input  logic s_axi_bready /*verilator public_flat_rw*/,
    input  logic [ADDRESS_BITS-1:0] s_axi_araddr /*verilator public_flat_rw*/,
    input  logic [2:0] s_axi_arprot /*verilator public_flat_rw*/,
    input  logic s_axi_arvalid /*verilator public_flat_rw*/,
    output logic s_axi_arready /*verilator public_flat_rw*/,
    output logic [31:0] s_axi_rdata /*verilator public_flat_rw*/,
    output logic [1:0] s_axi_rresp /*verilator public_flat_rw*/,
    output logic s_axi_rvalid /*verilator public_flat_rw*/,
    input  logic s_axi_rready /*verilator public_flat_rw*/,
    input  logic [DATA_BITS-1:0] s_axis_tdata /*verilator public_flat_rw*/,
    input  logic s_axis_tvalid /*verilator public_flat_rw*/,
    output logic s_axis_tready /*verilator public_flat_rw*/,
    input  logic s_axis_tlast /*verilator public_flat_rw*/,
    output logic [DATA_BITS-1:0] m_axis_tdata /*verilator public_flat_rw*/,
    output logic m_axis_tvalid /*verilator public_flat_rw*/,
    input  logic m_axis_tready /*verilator public_flat_rw*/,
    output logic m_axis_tlast /*verilator public_flat_rw*/,
    output logic interrupt /*verilator public_flat_rw*/,
    input  logic [31:0] network /*verilator public_flat_rw*/,
    output logic [31:0] m_violations /*verilator public_flat_rd*/,
    output logic [31:0] r_violations /*verilator public_flat_rd*/,
    output logic [31:0] b_violations /*verilator public_flat_rd*/,
    output logic [31:0] m_waits /*verilator public_flat_rd*/,
    output logic [31:0] r_waits /*verilator public_flat_rd*/,
    output logic [31:0] b_waits /*verilator public_flat_rd*/
);
    int unsigned fault;
    initial if (!$value$plusargs("fault=%d", fault)) fault = 0;

    // What the design says, before the fault.
    logic [DATA_BITS-1:0] data;
    logic m_valid, r_valid, b_valid;
    logic [31:0] rdata;
    logic [1:0] bresp;
    logic m_waited, r_waited, b_waited;  // valid and not ready, a clock ago
    logic [31:0] flits;
    assign m_axis_tdata = data ^ DATA_BITS'((fault == 1 && m_waited) || (fault == 7 && flits == 20));
    assign m_axis_tvalid = m_valid && !(fault == 2 && m_waited);
    assign s_axi_rdata = rdata ^ 32'(fault == 3 && r_waited);
    assign s_axi_rvalid = r_valid && !(fault == 4 && r_waited);
    assign s_axi_bresp = bresp ^ 2'(fault == 5 && b_waited);
    assign s_axi_bvalid = b_valid && !(fault == 6 && b_waited);

    accelerator_axi dut (
        .m_axis_tdata(data), .m_axis_tvalid(m_valid), .m_axis_tready(m_axis_tready && m_axis_tvalid),
        .s_axi_rdata(rdata), .s_axi_rvalid(r_valid), .s_axi_rready(s_axi_rready && s_axi_rvalid),
        .s_axi_bresp(bresp), .s_axi_bvalid(b_valid), .s_axi_bready(s_axi_bready && s_axi_bvalid),
        .*
    );

    logic [DATA_BITS:0] m_held;
    logic [33:0] r_held;
    logic [1:0] b_held;
    always @(posedge aclk) begin
        m_waited <= aresetn && m_axis_tvalid && !m_axis_tready;
        r_waited <= aresetn && s_axi_rvalid && !s_axi_rready;
        b_waited <= aresetn && s_axi_bvalid && !s_axi_bready;
        m_held <= {m_axis_tlast, m_axis_tdata};
        r_held <= {s_axi_rresp, s_axi_rdata};
        b_held <= s_axi_bresp;
        if (m_axis_tvalid && m_axis_tready) flits <= flits + 1;
        m_waits <= m_waits + 32'(m_waited);
        r_waits <= r_waits + 32'(r_waited);
        b_waits <= b_waits + 32'(b_waited);
        if (aresetn) begin
            if (m_waited && !(m_axis_tvalid && {m_axis_tlast, m_axis_tdata} == m_held)) m_violations <= m_violations + 1;
            if (r_waited && !(s_axi_rvalid && {s_axi_rresp, s_axi_rdata} == r_held)) r_violations <= r_violations + 1;
            if (b_waited && !(s_axi_bvalid && s_axi_bresp == b_held)) b_violations <= b_violations + 1;
        end
    end
    initial begin
        {m_waited, r_waited, b_waited} = 0;
        {flits, m_violations, r_violations, b_violations, m_waits, r_waits, b_waits} = 0;
    end
endmodule
