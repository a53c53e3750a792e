"""A short queue that says in good time that it fills."""

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Queue"]


class Queue(wiring.Component):
    """``places`` entries. Latency: 1 clock. Throughput: 1 per clock.

    All of ``ready``, ``valid``, ``payload`` and ``room`` are registers. room: two places or more are free.
    """

    i: stream.Interface
    o: stream.Interface
    room: Signal

    def __init__(self, shape: ShapeLike, places: int):
        self.shape = shape
        self.places = places
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)), "room": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The first entry is the oldest; bits of `valid` are set from the lowest up.
        valid = Signal(self.places)
        entries = [Signal.like(self.i.payload, name=f"entry{k}", reset_less=True) for k in range(self.places)]
        take = Signal()
        put = Signal()
        m.d.comb += [
            self.o.valid.eq(valid[0]),
            self.o.payload.eq(entries[0]),
            self.i.ready.eq(~valid[-1]),
            self.room.eq(~valid[-2]),
            take.eq(self.o.valid & self.o.ready),
            put.eq(self.i.valid & self.i.ready),
        ]
        with m.If(put & ~take):
            m.d.sync += valid.eq(Cat(1, valid))
        with m.Elif(take & ~put):
            m.d.sync += valid.eq(valid[1:])
        for k, entry in enumerate(entries):
            newer = Mux(valid[k + 1], entries[k + 1], self.i.payload) if k + 1 < self.places else self.i.payload
            with m.If(take | ~valid[k]):
                m.d.sync += entry.eq(newer)
        return m
