"""A ring of accumulators in block RAM: rows of weights are added to it, and taken from it, one per clock."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.memory_map import Memories
from spikeloom.hdl.parameters import CoreParameters

__all__ = ["Ring"]

#: Clocks from a row's address to the row as it is read, what is on its way forwarded.
READING = 2


class Ring(wiring.Component):
    """Throughput: one row per clock, any rows in any order; a sum that is on its way is forwarded.

    add, address: a row is added to, by the ``weights`` two clocks later.
    take:         the row at ``address`` is read, and 0 afterwards; it is ``taken`` three clocks later.
    clear:        set all rows to 0, which takes a clock each. clearing: that goes on; nothing else may come.
    """

    def __init__(self, p: CoreParameters, memories: Memories):
        assert p.scatter
        self.p = p
        self.memories = memories
        bits = p.scatter.accumulator_bits
        super().__init__(
            {
                "add": In(1),
                "take": In(1),
                "address": In(p.scatter.ring_bits),
                "weights": In(signed(bits)).array(p.lanes),
                "taken": Out(signed(bits)).array(p.lanes),
                "clear": In(1),
                "clearing": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p, s = self.p, self.p.scatter
        bits, rows = s.accumulator_bits, s.ring_rows
        m.submodules.sums = sums = self.memories.block("sums", bits * p.lanes, rows)

        sweep = Signal(s.ring_bits)
        with m.If(self.clear):
            m.d.sync += [sweep.eq(rows - 1), self.clearing.eq(1)]
        with m.Elif(self.clearing):
            m.d.sync += [sweep.eq(sweep - 1), self.clearing.eq(sweep != 0)]

        # 0: the row is asked for; 1: it is read; 2: it is in the fabric, and added to; 3: it is written. What the three
        # rows before wrote comes from registers: the memory does not have it yet, or is just being given it.
        writes = [Signal(name=f"writes{k}") for k in range(4)]
        takes = [Signal(name=f"takes{k}") for k in range(READING + 1)]
        addresses = [Signal(s.ring_bits, name=f"address{k}", reset_less=True) for k in range(5)]
        m.d.comb += [
            writes[0].eq(self.add | self.take | self.clearing),
            takes[0].eq(self.take | self.clearing),
            addresses[0].eq(Mux(self.clearing, sweep, self.address)),
            sums.read_address.eq(addresses[0]),
            sums.read.eq((self.add | self.take) & ~(writes[3] & (addresses[3] == addresses[0]))),
        ]
        for pipe in (writes, takes, addresses):
            m.d.sync += [b.eq(a) for a, b in zip(pipe, pipe[1:], strict=False)]
        before = Signal()  # the row before the one that is written was written
        m.d.sync += before.eq(writes[3])
        same = [Signal(name=f"same{k}") for k in range(3)]
        written = (writes[2], writes[3], before)
        m.d.sync += [same[k].eq(written[k] & (addresses[k + 2] == addresses[1])) for k in range(3)]
        results = []
        for lane in range(p.lanes):
            old, newest, newer, new = (
                Signal(signed(bits), name=f"{name}{lane}", reset_less=True)
                for name in ("old", "newest", "newer", "new")
            )
            row = Signal(signed(bits), name=f"row{lane}")
            m.d.comb += row.eq(Mux(same[0], newest, Mux(same[1], newer, Mux(same[2], new, old))))
            m.d.sync += [
                old.eq(sums.read_data.word_select(lane, bits)),
                self.taken[lane].eq(row),
                newest.eq(row + self.weights[lane]),
                newer.eq(newest),
                new.eq(newer),
            ]
            with m.If(takes[2]):
                m.d.sync += newest.eq(0)
            results.append(newest)
        m.d.comb += [
            sums.write.eq(writes[3]),
            sums.write_address.eq(addresses[3]),
            sums.write_data.eq(Cat(results)),
        ]
        return m
