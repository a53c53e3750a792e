"""Stream plumbing: a buffer that cuts every combinational path, a fair merge, a fork."""

from amaranth.hdl import Array, Module, Mux, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["Buffer", "Fork", "Merge"]


class Buffer(wiring.Component):
    """Two entries; ``ready`` and ``valid`` are registers. Latency: 1 clock. Throughput: 1 per clock."""

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: ShapeLike):
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spare, payload = (Signal.like(self.i.payload, reset_less=True) for _ in range(2))
        spare_valid = Signal()
        m.d.comb += [self.i.ready.eq(~spare_valid), self.o.payload.eq(payload)]
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [
                self.o.valid.eq(spare_valid | self.i.valid),
                payload.eq(Mux(spare_valid, spare, self.i.payload)),
                spare_valid.eq(0),
            ]
        with m.Elif(self.i.valid & ~spare_valid):
            m.d.sync += [spare_valid.eq(1), spare.eq(self.i.payload)]
        return m


class Merge(wiring.Component):
    """``i[k]`` into one, taking turns. Latency: 1 clock, and 1 to turn to another input. Throughput: 1 per clock.

    ``ready`` is a register's.
    """

    o: stream.Interface

    def __init__(self, shape: ShapeLike, count: int):
        self.shape = shape
        self.count = count
        super().__init__({"i": In(stream.Signature(shape)).array(count), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = Buffer(self.shape)
        wiring.connect(m, buffer.o, wiring.flipped(self.o))
        turn = Signal(max(1, ceil_log2(self.count)))
        valid, payload = Array(port.valid for port in self.i), Array(port.payload for port in self.i)
        m.d.comb += [buffer.i.valid.eq(valid[turn]), buffer.i.payload.eq(payload[turn])]
        for k, port in enumerate(self.i):
            m.d.comb += port.ready.eq((turn == k) & buffer.i.ready)
        # The next other input that is valid; the later assignment wins.
        with m.If(~buffer.i.valid | buffer.i.ready):
            with m.Switch(turn):
                for now in range(self.count):
                    with m.Case(now):
                        for k in reversed(range(1, self.count)):
                            other = (now + k) % self.count
                            with m.If(self.i[other].valid):
                                m.d.sync += turn.eq(other)
        return m


class Fork(wiring.Component):
    """One into every ``o[k]``; each output takes an item once, in its own time. Latency: 0."""

    i: stream.Interface

    def __init__(self, shape: ShapeLike, count: int):
        self.count = count
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)).array(count)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        taken = Signal(self.count)
        ready = Signal(self.count)
        for k, port in enumerate(self.o):
            m.d.comb += [
                port.valid.eq(self.i.valid & ~taken[k]),
                port.payload.eq(self.i.payload),
                ready[k].eq(port.ready | taken[k]),
            ]
        m.d.comb += self.i.ready.eq(ready.all())
        with m.If(self.i.valid):
            m.d.sync += taken.eq(Mux(ready.all(), 0, ready))
        return m
