"""Who goes first: the one that has waited longest since its last turn."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Arbiter"]


class Arbiter(wiring.Component):
    """Grants one request, that which was served longest ago. Latency: 0.

    A request that stays is granted after ``count - 1`` others at most. Members, a bit per request:

    request: stays high until it is served. grant: at most one is high, and one is if any request is.
    served:  one bit; the grant is used in this clock.
    """

    request: Signal
    grant: Signal
    served: Signal

    def __init__(self, count: int):
        self.count = count
        super().__init__({"request": In(count), "served": In(1), "grant": Out(count)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # A bit per pair, and no search through a list: the grant is two levels of logic behind the requests.
        first: dict[tuple[int, int], Value] = {}
        for a in range(self.count):
            for b in range(a + 1, self.count):
                before = Signal(init=1, name=f"first{a}_{b}")
                first |= {(a, b): before, (b, a): ~before}
                with m.If(self.served & (self.grant[a] | self.grant[b])):
                    m.d.sync += before.eq(self.grant[b])
        for k in range(self.count):
            others = Cat(self.request[j] & first[j, k] for j in range(self.count) if j != k)
            m.d.comb += self.grant[k].eq(self.request[k] & ~others.any())
        return m
