// A clock for bench.sv and nothing else: what cocotb does for it, at several times the speed.
// Runs until the bench is done, or for as many clocks as the first argument says.

#include <cstdlib>

#include "Vtop.h"
#include "verilated.h"

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vtop top{&context};
    top.clk = 0;
    top.eval();  // until now `done` is random
    for (unsigned long long left = std::strtoull(argv[1], nullptr, 10); !top.done && left; --left) {
        top.clk = 1;
        top.eval();
        top.clk = 0;
        top.eval();
    }
    top.final();
    return top.done ? EXIT_SUCCESS : EXIT_FAILURE;
}
