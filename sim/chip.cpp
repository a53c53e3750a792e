// The complete chip behind a pseudo-terminal: its clock, the other ends of its two UART lines, and what is asked about
// them. It ends with its standard input.
//
// Plusargs: divider (clocks per bit), network (the chip's input of that name). What was standard output gets the
// pseudo-terminal's path, then a line for each line of standard input:
//
//   statistics                    counters since the start or the last `reset`, as name=value
//   reset                         the same, and a new window starts
//   faults IN OUT SEED F D T I    directions; so many of 2^32 bytes are flipped, dropped, come twice, have one inserted
//   unplug                        the pseudo-terminal is gone, for good

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <sstream>
#include <string>
#include <utility>

#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr unsigned RESET_CLOCKS = 16;
constexpr unsigned SLICE = 256;                 // clocks between two looks at the pseudo-terminal
constexpr uint64_t LINGER = 8192;               // clocks at full speed after the last that did something
constexpr int NAP_MS = 3;                       // an idle chip sleeps so long,
constexpr std::chrono::microseconds WAKE{500};  // then runs so long: time passes for it, too
constexpr size_t AHEAD = 128;                   // bytes taken before the line has room: the line is what limits
constexpr size_t HELD = 1 << 20;                // bytes kept for a program that does not read

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(EXIT_FAILURE);
}

// Spoils bytes at random; what it does depends on the seed and on the bytes before, and on nothing else.
class Faults {
  public:
    uint64_t flipped = 0, dropped = 0, doubled = 0, inserted = 0;

    void set(uint64_t seed, uint64_t flip, uint64_t drop, uint64_t twice, uint64_t insert) {
        state_ = seed;
        flip_ = flip, drop_ = drop, twice_ = twice, insert_ = insert;
    }

    template <typename Sink>
    void pass(uint8_t byte, Sink sink) {
        if (!(flip_ | drop_ | twice_ | insert_)) return sink(byte);
        // Always all draws, so that the bytes hit by one kind do not depend on the other kinds' rates.
        const bool flip = draw() < flip_, drop = draw() < drop_, twice = draw() < twice_, insert = draw() < insert_;
        const uint32_t noise = draw();
        if (insert) ++inserted, sink(uint8_t(noise));
        if (drop) {
            ++dropped;
            return;
        }
        if (flip) ++flipped, byte ^= 1 << (noise >> 8 & 7);
        sink(byte);
        if (twice) ++doubled, sink(byte);
    }

    void clear_counters() { flipped = dropped = doubled = inserted = 0; }

  private:
    uint64_t state_ = 0, flip_ = 0, drop_ = 0, twice_ = 0, insert_ = 0;

    uint32_t draw() {  // splitmix64
        uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return (z ^ z >> 31) >> 32;
    }
};

// What is said of one direction: bytes, clocks with one on the line, the first such clock and the one after the last.
struct Line {
    uint64_t bytes = 0, busy = 0, first = 0, last = 0;

    void count(uint64_t clock) {
        if (!busy++) first = clock;
        last = clock + 1;
    }
};

class Sender {
  public:
    std::deque<uint8_t> queue;
    uint64_t bytes = 0;
    bool on_line = false;

    explicit Sender(unsigned divider) : divider_{divider} {}

    bool clock() {
        on_line = left_ || !queue.empty();
        if (!on_line) return true;
        if (!left_) {
            bits_ = queue.front() << 1 | 1 << 9;
            queue.pop_front();
            left_ = 10;
            timer_ = divider_;
        }
        const bool level = bits_ & 1;
        if (!--timer_) {
            timer_ = divider_;
            bits_ >>= 1;
            if (!--left_) ++bytes;
        }
        return level;
    }

  private:
    const unsigned divider_;
    unsigned bits_ = 0, left_ = 0, timer_ = 0;
};

class Receiver {
  public:
    uint64_t bytes = 0, broken = 0;
    bool on_line = false;

    explicit Receiver(unsigned divider) : divider_{divider} {}

    // The byte that is complete in this clock, or -1.
    int clock(bool level) {
        int byte = -1;
        if (!left_) {
            if (before_ && !level) {
                left_ = 10;
                timer_ = divider_ / 2;
                span_ = 10 * divider_;
            }
        } else if (!--timer_) {
            timer_ = divider_;
            bits_ = bits_ >> 1 | unsigned(level) << 9;
            if (--left_ == 9 && level) {  // no start bit
                ++broken;
                left_ = span_ = 0;
            } else if (!left_ && !level) {  // no stop bit
                ++broken;
            } else if (!left_) {
                ++bytes;
                byte = bits_ >> 1 & 0xFF;
            }
        }
        before_ = level;
        on_line = span_;
        if (span_) --span_;
        return byte;
    }

  private:
    const unsigned divider_;
    unsigned bits_ = 0, left_ = 0, timer_ = 0, span_ = 0;
    bool before_ = true;
};

// The end that the chip's lines are soldered to; the path of the other is `path`.
class Terminal {
  public:
    char path[64];
    uint64_t lost = 0;  // bytes for nobody
    bool alone = true;  // nobody has it open

    Terminal() {
        master_ = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (master_ < 0 || grantpt(master_) || unlockpt(master_)) fail("no pseudo-terminal");
        if (ptsname_r(master_, path, sizeof path)) fail("no pseudo-terminal");
        // Only an end that was once open counts as closed.
        const int slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
        termios settings;
        if (slave < 0 || tcgetattr(slave, &settings)) fail(path);
        cfmakeraw(&settings);
        if (tcsetattr(slave, TCSANOW, &settings)) fail(path);
        close(slave);
    }

    void unplug() {
        if (master_ >= 0) close(master_);
        master_ = -1;
        alone = true;
        discard();
    }

    void put(uint8_t byte) {
        if (held_.size() < HELD) held_.push_back(char(byte));
        else ++lost;
    }

    // Moves bytes both ways; waits for something to happen, for `wait` ms. Returns whether standard input has news.
    template <typename Sink>
    bool exchange(int wait, size_t room, Sink sink) {
        pollfd files[] = {{STDIN_FILENO, POLLIN, 0}, {master_, 0, 0}};
        if (room) files[1].events |= POLLIN;
        if (!held_.empty()) files[1].events |= POLLOUT;
        // A closed terminal is always ready to say so.
        if (wait && alone) poll(files, 1, wait);
        if (poll(files, 2, alone ? 0 : wait) < 0 && errno != EINTR) fail("poll");
        if (files[1].revents & POLLIN) {
            uint8_t bytes[AHEAD];
            const ssize_t count = read(master_, bytes, room);
            for (ssize_t k = 0; k < count; ++k) sink(bytes[k]);
        }
        alone = master_ < 0 || files[1].revents & POLLHUP;
        if (alone) {
            discard();
        } else if (files[1].revents & POLLOUT) {
            const ssize_t count = write(master_, held_.data(), held_.size());
            if (count > 0) held_.erase(0, size_t(count));
        }
        return files[0].revents;
    }

  private:
    int master_;
    std::string held_;

    void discard() {
        lost += held_.size();
        held_.clear();
    }
};

class Chip {
  public:
    Chip(VerilatedContext& context, int answers, unsigned divider, uint32_t network)
        : context_{context}, answers_{answers}, top_{&context}, sender_{divider}, receiver_{divider} {
        top_.clk = 0;
        top_.next_rx = 1;
        top_.next_network = network;
        top_.next_rst = 1;
        top_.eval();
        for (unsigned k = 0; k < RESET_CLOCKS; ++k) edge();
        top_.next_rst = 0;
        say(terminal_.path);
    }

    ~Chip() { top_.final(); }

    // Until standard input ends.
    void run() {
        while (!context_.gotFinish()) {
            const bool idle = idles();
            const size_t queued = sender_.queue.size();
            const bool asked = terminal_.exchange(
                idle ? NAP_MS : 0, queued < AHEAD ? AHEAD - queued : 0,
                [&](uint8_t byte) { i_faults_.pass(byte, [&](uint8_t b) { sender_.queue.push_back(b); }); });
            if (asked && !listen()) return;
            const auto until = std::chrono::steady_clock::now() + WAKE;
            do slice();
            while (idle && idles() && std::chrono::steady_clock::now() < until);
        }
        std::fprintf(stderr, "the design ended the simulation in clock %llu\n", (unsigned long long)clock_);
        std::exit(EXIT_FAILURE);
    }

  private:
    VerilatedContext& context_;
    const int answers_;
    Vtop top_;
    Terminal terminal_;
    Sender sender_;
    Receiver receiver_;
    Faults i_faults_, o_faults_;
    Line i_line_, o_line_;
    uint64_t clock_ = 0, active_ = 0, window_ = 0;
    std::string asked_;

    bool idles() const { return clock_ - active_ > LINGER; }

    void edge() {
        top_.clk = 1;
        top_.eval();
        top_.clk = 0;
        top_.eval();
    }

    void slice() {
        for (unsigned k = 0; k < SLICE; ++k) {
            top_.next_rx = sender_.clock();
            edge();
            const int byte = receiver_.clock(top_.tx);
            if (sender_.on_line) i_line_.count(clock_ - window_);
            if (receiver_.on_line) o_line_.count(clock_ - window_);
            if (byte >= 0) o_faults_.pass(uint8_t(byte), [&](uint8_t b) { terminal_.put(b); });
            if (sender_.on_line | receiver_.on_line | top_.busy) active_ = clock_;
            ++clock_;
        }
    }

    // Answers what standard input has; false at its end.
    bool listen() {
        char block[4096];
        const ssize_t count = read(STDIN_FILENO, block, sizeof block);
        if (count <= 0) return false;
        asked_.append(block, size_t(count));
        for (size_t end; (end = asked_.find('\n')) != std::string::npos; asked_.erase(0, end + 1))
            answer(asked_.substr(0, end));
        return true;
    }

    void answer(const std::string& line) {
        std::istringstream words{line};
        std::string command;
        words >> command;
        std::ostringstream said;
        if (command == "statistics" || command == "reset") {
            tell(said);
            if (command == "reset") clear();
        } else if (command == "faults") {
            bool in, out;
            uint64_t seed, flip, drop, twice, insert;
            words >> in >> out >> seed >> flip >> drop >> twice >> insert;
            i_faults_.set(2 * seed, in ? flip : 0, in ? drop : 0, in ? twice : 0, in ? insert : 0);
            o_faults_.set(2 * seed + 1, out ? flip : 0, out ? drop : 0, out ? twice : 0, out ? insert : 0);
        } else if (command == "unplug") {
            terminal_.unplug();
        }
        say(said.str());
    }

    void say(const std::string& line) {
        const std::string text = line + '\n';
        if (write(answers_, text.data(), text.size()) < 0 && errno != EPIPE) fail("answer");
    }

    void tell(std::ostream& said) const {
        said << "clocks=" << clock_ - window_ << " lost=" << terminal_.lost << " broken=" << receiver_.broken;
        tell(said, " in_", sender_.bytes, i_line_, i_faults_);
        tell(said, " out_", receiver_.bytes, o_line_, o_faults_);
    }

    static void tell(std::ostream& said, const char* side, uint64_t bytes, const Line& line, const Faults& faults) {
        const std::pair<const char*, uint64_t> counters[] = {
            {"bytes", bytes},           {"busy", line.busy},         {"first", line.first},
            {"last", line.last},        {"flipped", faults.flipped}, {"dropped", faults.dropped},
            {"doubled", faults.doubled}, {"inserted", faults.inserted}};
        for (const auto& [name, value] : counters) said << side << name << '=' << value;
    }

    void clear() {
        window_ = clock_;
        terminal_.lost = receiver_.broken = sender_.bytes = receiver_.bytes = 0;
        i_line_ = o_line_ = Line{};
        i_faults_.clear_counters();
        o_faults_.clear_counters();
    }
};

unsigned long setting(VerilatedContext& context, const char* name) {
    const std::string found = context.commandArgsPlusMatch((std::string{name} + '=').c_str());
    return std::strtoul(found.c_str() + found.find('=') + 1, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    // What the design prints goes where errors go, not between the answers.
    const int answers = dup(STDOUT_FILENO);
    if (answers < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) fail("standard output");
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Chip chip{context, answers, unsigned(setting(context, "divider")), uint32_t(setting(context, "network"))};
    chip.run();
    return EXIT_SUCCESS;
}
