// Random packets through an interconnect, with random back-pressure at every port, and a reset now and then; each is told
// apart by where it comes from and its number there, and every copy is missed until it came.
//
// Arguments: NODES LINKS CLOCKS SEED. Prints `at CLOCK` now and then, and in the end a line `NAME VALUE` per counter.

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr unsigned PHASE = 256;          // clocks with the same habits of every port
constexpr unsigned SAY = 1 << 20;        // clocks
constexpr unsigned PATIENCE = 1 << 12;   // clocks in which everything arrives once all ports take and nobody sends
constexpr size_t MOST = 512;             // copies on their way between two nodes: more than there are places
constexpr uint32_t NUMBERS = 1 << 24;    // a packet's number is modulo this; above it is the node that it comes from
constexpr uint32_t MIXED = 0x9E3779B1;   // what both are multiplied by on their way, so that no bit is idle
constexpr unsigned ALIKE = 4;            // of so many phases one has all sources send all they can, in the same way
constexpr unsigned RESETS = 8;           // and one begins with a reset, and all of them at once
constexpr unsigned OFFERS[] = {0, 16, 64, 128, 224, 256}, ACCEPTS[] = {0, 16, 64, 128, 224, 256, 256, 256};

constexpr uint32_t inverse(uint32_t odd) {
    uint32_t x = odd;
    for (int k = 0; k < 4; ++k) x *= 2 - odd * x;
    return x;
}

enum Habit { ONE, ITSELF, NEXT, SAME, FEW, MANY, ALL, NOBODY, HABITS };

class Random {  // splitmix64
  public:
    explicit Random(uint64_t seed) : state_{seed} {}

    uint32_t operator()() {
        uint64_t z = state_ += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return (z ^ z >> 31) >> 32;
    }

    bool chance(unsigned of_256) { return (*this)() >> 24 < of_256; }

  private:
    uint64_t state_;
};

struct Counters {
    uint64_t clocks = 0, packets = 0, copies = 0, moved = 0, stalled = 0;
    uint64_t lost = 0, doubled = 0, disordered = 0, unstable = 0, miscounted = 0;
    uint64_t when = 0;          // a hash of what was given, and when
    uint64_t resets = 0;        // with packets on their way
    uint64_t longest_wait = 0;  // packets taken from other nodes while one waited to be taken
};

// The copies between two nodes that are on their way, in order.
class Missed {
  public:
    void sent(uint32_t number, Counters& counters) {
        numbers_.push_back(number);
        if (numbers_.size() > MOST) ++counters.lost, numbers_.pop_front();
    }

    void came(uint32_t number, Counters& counters) {
        const auto found = std::find(numbers_.begin(), numbers_.end(), number);
        if (found == numbers_.end()) {
            ++counters.doubled;
            return;
        }
        numbers_.erase(found);
        if ((number - newest_) % NUMBERS >= NUMBERS / 2) ++counters.disordered;
        else newest_ = number;
    }

    size_t left() const { return numbers_.size(); }

    void forget() { numbers_.clear(); }

  private:
    std::deque<uint32_t> numbers_;
    uint32_t newest_ = 0;
};

class Soak {
  public:
    Counters counters;

    Soak(Vtop& top, unsigned nodes, unsigned links, uint64_t seed)
        : top_{top}, nodes_{nodes}, links_{links}, random_{seed}, missed_(nodes * nodes), sources_(nodes), sinks_(nodes) {
        top_.clk = top_.i_valid = top_.o_ready = 0;
        for (unsigned k = 0; k < nodes_; ++k) top_.i_to[k] = top_.i_payload[k] = 0;
        top_.eval();
        reset();
    }

    void run(uint64_t clocks) {
        for (uint64_t left = clocks; left; --left) {
            if (counters.clocks % PHASE == 0) {
                const bool again = random_() % RESETS == 0;
                if (again) reset();
                change_habits(again || random_() % ALIKE == 0);
            }
            clock();
            if (counters.clocks % SAY == 0) std::printf("at %llu\n", (unsigned long long)counters.clocks), std::fflush(stdout);
        }
        for (Source& source : sources_) source.offers = 0;
        for (Sink& sink : sinks_) sink.accepts = 256;
        for (unsigned left = PATIENCE; left; --left) clock();
        for (const Missed& missed : missed_) counters.lost += missed.left();
    }

  private:
    struct Source {
        unsigned offers = 0;
        Habit habit = ONE;
        uint32_t number = 0;
        uint64_t taken_before = 0;  // of all nodes, when this one began to wait
    };
    struct Sink {
        unsigned accepts = 0;
        bool held = false;
        uint32_t payload = 0;
    };

    Vtop& top_;
    const unsigned nodes_, links_;
    Random random_;
    unsigned same_ = 0;  // the node that some send to
    std::vector<Missed> missed_;
    std::vector<Source> sources_;
    std::vector<Sink> sinks_;

    // What is on its way is forgotten, and nothing of it may come.
    void reset() {
        for (Missed& missed : missed_) {
            if (missed.left() != 0) {
                ++counters.resets;
                break;
            }
        }
        top_.rst = 1;
        for (unsigned left = 1 + random_() % 4; left; --left) tick();
        top_.rst = 0;
        top_.i_valid = 0;
        for (Missed& missed : missed_) missed.forget();
        for (Sink& sink : sinks_) sink.held = false;
    }

    void change_habits(bool alike) {
        const bool open = alike && random_.chance(128);
        const Habit habit = Habit(random_() % HABITS);
        same_ = random_() % nodes_;
        for (Source& source : sources_) {
            source.offers = alike ? 256 : OFFERS[random_() % std::size(OFFERS)];
            source.habit = alike ? habit : Habit(random_() % HABITS);
        }
        for (Sink& sink : sinks_) sink.accepts = open ? 256 : ACCEPTS[random_() % std::size(ACCEPTS)];
    }

    uint32_t targets(unsigned from, Habit habit) {
        const uint32_t all = (uint64_t(1) << nodes_) - 1, one = 1u << random_() % nodes_;
        switch (habit) {
            case ITSELF: return 1u << from;
            case NEXT: return 1u << (from + 1) % nodes_;
            case SAME: return 1u << same_;
            case FEW: return (one | 1u << random_() % nodes_ | 1u << random_() % nodes_) & all;
            case MANY: return random_() & all;
            case ALL: return all;
            case NOBODY: return random_.chance(128) ? 0 : one;
            default: return one;
        }
    }

    void clock() {
        for (unsigned k = 0; k < nodes_; ++k) {
            Source& source = sources_[k];
            if (!(top_.i_valid >> k & 1) && random_.chance(source.offers)) {
                top_.i_valid |= 1u << k;
                top_.i_to[k] = targets(k, source.habit);
                top_.i_payload[k] = (k * NUMBERS | source.number) * MIXED;
                source.taken_before = counters.packets;
            }
        }
        uint32_t ready = 0;
        for (unsigned k = 0; k < nodes_; ++k) ready |= uint32_t(random_.chance(sinks_[k].accepts)) << k;
        top_.o_ready = ready;
        // What is seen of the ports is registers', so it is right before the inputs' logic has run.
        const uint32_t taken = top_.i_valid & top_.i_ready, given = top_.o_valid & ready;
        for (unsigned k = 0; k < nodes_; ++k) {
            if (taken >> k & 1) take(k);
        }
        for (unsigned k = 0; k < nodes_; ++k) look(k, given >> k & 1);
        tick();
        count_links(taken, given);
        top_.i_valid &= ~taken;
        ++counters.clocks;
    }

    void tick() {
        top_.clk = 1;
        top_.eval();
        top_.clk = 0;
        top_.eval();
    }

    void take(unsigned k) {
        Source& source = sources_[k];
        counters.longest_wait = std::max(counters.longest_wait, counters.packets - source.taken_before);
        ++counters.packets;
        for (unsigned to = 0; to < nodes_; ++to) {
            if (top_.i_to[k] >> to & 1) missed_[k * nodes_ + to].sent(source.number, counters);
        }
        source.number = (source.number + 1) % NUMBERS;
    }

    void look(unsigned k, bool given) {
        Sink& sink = sinks_[k];
        const bool valid = top_.o_valid >> k & 1;
        const uint32_t payload = top_.o_payload[k];
        if (sink.held && !(valid && payload == sink.payload)) ++counters.unstable;
        sink.held = valid && !given;
        sink.payload = payload;
        if (!given) return;
        ++counters.copies;
        counters.when = (counters.when ^ (counters.clocks << 40 ^ uint64_t(k) << 32 ^ payload)) * 0x9E3779B97F4A7C15;
        const uint32_t sent = payload * inverse(MIXED);
        const unsigned from = sent / NUMBERS;
        if (from < nodes_) missed_[from * nodes_ + k].came(sent % NUMBERS, counters);
        else ++counters.doubled;
    }

    // Of the clock before. The first links come from the nodes, the last lead to them.
    void count_links(uint32_t taken, uint32_t given) {
        bool right = true;
        for (unsigned word = 0; word * 32 < links_; ++word) {
            const uint32_t moved = top_.moved[word], stalled = top_.stalled[word];
            right &= !(moved & stalled);
            counters.moved += std::bitset<32>(moved).count();
            counters.stalled += std::bitset<32>(stalled).count();
        }
        for (unsigned k = 0; k < nodes_; ++k) {
            const unsigned out = links_ - nodes_ + k;
            right &= (top_.moved[0] >> k & 1) == (taken >> k & 1);
            right &= (top_.moved[out / 32] >> out % 32 & 1) == (given >> k & 1);
        }
        counters.miscounted += !right;
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) return EXIT_FAILURE;
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vtop top{&context};
    Soak soak{top, unsigned(std::atoi(argv[1])), unsigned(std::atoi(argv[2])), std::strtoull(argv[4], nullptr, 10)};
    soak.run(std::strtoull(argv[3], nullptr, 10));
    top.final();
    const Counters& c = soak.counters;
    const std::pair<const char*, uint64_t> lines[] = {
        {"clocks", c.clocks}, {"packets", c.packets}, {"copies", c.copies}, {"moved", c.moved}, {"stalled", c.stalled},
        {"lost", c.lost}, {"doubled", c.doubled}, {"disordered", c.disordered}, {"unstable", c.unstable},
        {"miscounted", c.miscounted}, {"when", c.when}, {"resets", c.resets}, {"longest_wait", c.longest_wait},
    };
    for (const auto& [name, value] : lines) std::printf("%s %llu\n", name, (unsigned long long)value);
    return EXIT_SUCCESS;
}
