// The chip and its UART line, by a script: the same clocks in every run. From standard input, a line each:
//
//   byte VALUE | wait CLOCKS | low CLOCKS | quiet CLOCKS | settle CLOCKS | network VALUE | speed PERMILLE
//   reset CLOCKS | mark NUMBER
//
// send a byte, do nothing, hold the line low, go on once the chip has not been busy for so long, and with settle end if
// that takes for ever, change the input of that name, send with longer or shorter bits, reset the chip. To standard
// output go the bytes that the chip sends, each with the clock of its end, the marks, and "ragged" where the line
// changes within a bit or has no stop bit. Plusargs: divider, network, and reset, a clock in which there is one beside
// the one at the start.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr unsigned RESET_CLOCKS = 16;
constexpr unsigned PATIENCE = 20000;  // a chip with flits that it has no room for stays busy

class Line {
  public:
    Line(VerilatedContext& context, unsigned divider, uint32_t network, uint64_t reset)
        : top_{&context}, divider_{divider} {
        top_.clk = 0;
        top_.next_rst = 1;
        top_.next_rx = 1;
        top_.next_network = network;
        top_.eval();
        wait(2 * RESET_CLOCKS);
        reset_ = reset;
    }

    ~Line() { top_.final(); }

    void wait(unsigned clocks) {
        while (clocks--) clock();
    }

    void low(unsigned clocks) {
        top_.next_rx = 0;
        wait(clocks);
        top_.next_rx = 1;
    }

    void byte(unsigned value) {
        for (unsigned bits = value << 1 | 1 << 9, k = 0; k < 10; ++k, bits >>= 1) {
            top_.next_rx = bits & 1;
            wait(edge(k + 1) - edge(k));
        }
    }

    void speed(unsigned permille) { permille_ = permille; }

    void reset(unsigned clocks) {
        held_ = clocks;
        wait(clocks);
    }

    void network(unsigned value) { top_.next_network = value; }

    bool quiet(unsigned clocks, unsigned patience = PATIENCE) {
        unsigned since = 0;
        for (unsigned all = 0; since < clocks && all < patience; ++all) {
            clock();
            since = top_.busy || left_ ? 0 : since + 1;
        }
        return since >= clocks;
    }

  private:
    Vtop top_;
    const unsigned divider_;
    unsigned left_ = 0, timer_ = 0, bits_ = 0, held_ = 0, permille_ = 1000;
    uint64_t clock_ = 0, reset_ = 0;
    bool before_ = true;

    unsigned edge(unsigned bit) const { return (bit * divider_ * permille_ + 500) / 1000; }

    void clock() {
        top_.next_rst = clock_ < RESET_CLOCKS || clock_ == reset_ || held_;
        held_ -= held_ != 0;
        ++clock_;
        top_.clk = 1;
        top_.eval();
        top_.clk = 0;
        top_.eval();
        const bool level = top_.tx;
        if (!left_) {
            if (before_ && !level) left_ = 10, timer_ = divider_;
        } else if (!--timer_) {
            timer_ = divider_;
            bits_ = bits_ >> 1 | unsigned(before_) << 9;
            if (!--left_) {
                std::cout << (bits_ >> 1 & 0xFF) << ' ' << clock_ << '\n';
                if (!before_) std::cout << "ragged\n";
                if (!level) left_ = 10;
            }
        } else if (level != before_) {
            std::cout << "ragged\n";
        }
        before_ = level;
    }
};

unsigned long setting(VerilatedContext& context, const char* name) {
    const std::string found = context.commandArgsPlusMatch((std::string{name} + '=').c_str());
    return std::strtoul(found.c_str() + found.find('=') + 1, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Line line{context, unsigned(setting(context, "divider")), uint32_t(setting(context, "network")),
              setting(context, "reset")};
    std::string command, argument;
    while (std::cin >> command >> argument) {
        const unsigned number = unsigned(std::stoul(argument));
        if (command == "byte") line.byte(number);
        if (command == "wait") line.wait(number);
        if (command == "low") line.low(number);
        if (command == "quiet") line.quiet(number);
        if (command == "settle" && !line.quiet(number, 10 * PATIENCE)) break;
        if (command == "speed") line.speed(number);
        if (command == "reset") line.reset(number);
        if (command == "network") line.network(number);
        if (command == "mark") std::cout << "mark\n";
    }
    return EXIT_SUCCESS;
}
