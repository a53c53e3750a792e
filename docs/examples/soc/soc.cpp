// A system on chip in little: the Verilated accelerator on a bus, a bus master that does AXI4-Lite transactions, and in
// the CPU's place the C driver, compiled for the machine that simulates.
//
// soc IMAGE SAMPLES STEPS: loads the network, runs every sample, and says per line prediction, clocks and counts.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "Vaccelerator_axi.h"
#include "verilated.h"

extern "C" {
#include "driver.h"
}

static Vaccelerator_axi *chip;
static uint64_t now;

static void clock_cycle() {
    chip->aclk = 0;
    chip->eval();
    chip->aclk = 1;
    chip->eval();
    now++;
}

static void wait_for(const uint8_t &signal, const char *what) {
    for (int clocks = 0; !signal; clocks++) {
        if (clocks > 1000) {
            std::fprintf(stderr, "the bus hangs: no %s\n", what);
            std::exit(1);
        }
        clock_cycle();
    }
}

static void check(uint8_t response, const char *what, uint32_t offset) {
    if (response == 0) return;
    std::fprintf(stderr, "%s at 0x%x: response %d\n", what, unsigned(offset), int(response));
    std::exit(1);
}

extern "C" uint32_t read32(uint32_t offset) {
    chip->s_axi_araddr = offset;
    chip->s_axi_arvalid = 1;
    wait_for(chip->s_axi_arready, "arready");
    clock_cycle();
    chip->s_axi_arvalid = 0;
    wait_for(chip->s_axi_rvalid, "rvalid");
    uint32_t value = chip->s_axi_rdata;
    check(chip->s_axi_rresp, "read", offset);
    chip->s_axi_rready = 1;
    clock_cycle();
    chip->s_axi_rready = 0;
    return value;
}

extern "C" void write32(uint32_t offset, uint32_t value) {
    chip->s_axi_awaddr = offset;
    chip->s_axi_wdata = value;
    chip->s_axi_wstrb = 0xf;
    chip->s_axi_awvalid = chip->s_axi_wvalid = 1;
    while (chip->s_axi_awvalid || chip->s_axi_wvalid) {  // each is taken in its own time
        bool address = chip->s_axi_awready, data = chip->s_axi_wready;
        clock_cycle();
        if (address) chip->s_axi_awvalid = 0;
        if (data) chip->s_axi_wvalid = 0;
    }
    wait_for(chip->s_axi_bvalid, "bvalid");
    check(chip->s_axi_bresp, "write", offset);
    chip->s_axi_bready = 1;
    clock_cycle();
    chip->s_axi_bready = 0;
}

template <typename T>
static std::vector<T> read_file(const char *path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const T *first = reinterpret_cast<const T *>(bytes.data());
    return std::vector<T>(first, first + bytes.size() / sizeof(T));
}

static void must(int result, const char *what) {
    if (result == SPIKELOOM_OK) return;
    std::fprintf(stderr, "%s: error %d of driver.h\n", what, result);
    std::exit(1);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    Verilated::commandArgs(argc, argv);
    chip = new Vaccelerator_axi;
    for (int k = 0; k < 4; k++) clock_cycle();  // aresetn is low
    chip->aresetn = 1;
    clock_cycle();

    auto image = read_file<uint32_t>(argv[1]);
    auto samples = read_file<int8_t>(argv[2]);
    uint32_t steps = uint32_t(std::atoi(argv[3]));
    must(spikeloom_init(), "spikeloom_init");
    uint64_t before = now;
    must(spikeloom_load(image.data(), uint32_t(image.size()), SPIKELOOM_NETWORK), "spikeloom_load");
    std::printf("load %llu\n", (unsigned long long)(now - before));
    for (size_t at = 0; at < samples.size(); at += steps * SPIKELOOM_INPUT_SIZE) {
        int32_t counts[SPIKELOOM_OUTPUT_SIZE];
        uint32_t clocks;
        must(spikeloom_run(&samples[at], steps, counts, &clocks), "spikeloom_run");
        std::printf("sample %u %u", unsigned(spikeloom_prediction(counts)), unsigned(clocks));
        for (int32_t count : counts) std::printf(" %d", int(count));
        std::printf("\n");
    }
    chip->final();
    delete chip;
    return 0;
}
