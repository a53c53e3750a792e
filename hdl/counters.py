"""Counts what happens, for the host to read: clocks of every engine by cause, packets and stalls of every link."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.memory import TableMemory

__all__ = ["Counters"]

#: Clocks for which the host's reads keep a counter from its turn, at most.
HELD = 64


class Counters(wiring.Component):
    """``count`` counters of 32 bits, which go round. What happened in the last ``count`` clocks may be missing.

    Each is a few bits in flip-flops, which one after the other are added to its word in a memory.

    events:  a bit per counter. restart: count from 0 again.
    hold, select, address, read_data: while the host holds the cores, the word that it reads.
    """

    def __init__(self, count: int):
        self.count = count
        super().__init__(
            {
                "events": In(count),
                "restart": In(1),
                "hold": In(1),
                "select": In(1),
                "address": In(max(1, ceil_log2(count))),
                "read_data": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.words = words = TableMemory(name="host_counters", width=32, depth=self.count)
        few = [Signal(range(2 * self.count + HELD), name=f"few{k}") for k in range(self.count)]
        turn, first = Signal(range(max(2, self.count))), Signal(init=1)  # in which the words mean nothing
        m.d.comb += [
            words.read_address.eq(Mux(self.hold, self.address, turn)),
            words.write_address.eq(turn),
            words.write_data.eq(Mux(first, 0, words.read_data) + Array(few)[turn]),
            words.write.eq(~self.hold),
        ]
        m.d.sync += self.read_data.eq(Mux(self.select, words.read_data, 0))
        with m.If(~self.hold):
            m.d.sync += turn.eq(turn + 1)
            with m.If(turn == self.count - 1):
                m.d.sync += [turn.eq(0), first.eq(0)]
        for k, counter in enumerate(few):
            added = (turn == k) & ~self.hold
            m.d.sync += counter.eq(Mux(added, 0, counter) + self.events[k])
        with m.If(self.restart):
            m.d.sync += [turn.eq(0), first.eq(1), *(counter.eq(0) for counter in few)]
        return m
