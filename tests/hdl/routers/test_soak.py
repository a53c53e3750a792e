"""Whole interconnects in Verilator, each packet counted; and every counter sees the fault that it is for."""

import pytest
from amaranth.hdl import unsigned

from planted import plant
from spikeloom.golden.network import Refusal
from spikeloom.hdl.routers import Crossbar, Mesh, Ring, interconnect, ring
from spikeloom.hdl.routers import queue as queues
from spikeloom.sim.soak import PAYLOAD_BITS, soak

CLOCKS = 100_000
WINDOW = 1 << 14


@pytest.mark.parametrize("kind, nodes", [(Crossbar, 5), (Ring, 8), (Mesh, 16)])
def test_nothing_is_lost_doubled_or_reordered(kind, nodes):
    at = []
    found = soak(kind(nodes, PAYLOAD_BITS), CLOCKS, progress=lambda *clocks: at.append(clocks))
    assert found.faults == {}
    assert found.clocks > CLOCKS and found.copies > found.packets > CLOCKS // 10
    assert found.moved >= found.packets + found.copies and found.stalled > CLOCKS
    if kind is Ring:
        assert 0 < found.longest_wait <= ring.most_before(nodes)


def clocked(m, count):
    """How often the clock ticked, and the window of so many that is now."""
    clocks = interconnect.Signal(32, name="clocks", reset_less=True)
    m.d.sync += clocks.eq(clocks + 1)
    return clocks, clocks // WINDOW == count


#: In the order of their windows.
FAULTS = ("none", "lost", "disordered", "doubled", "unstable", "miscounted")


def test_every_kind_of_fault_is_counted(monkeypatch):
    """One in 1,000 packets, or clocks. Each fault has a window of its own; what was counted until its end tells."""

    def in_queues(m, queue, signals):
        lost, disordered, doubled = (clocked(m, FAULTS.index(name))[1] for name in ("lost", "disordered", "doubled"))
        packets = interconnect.Signal(range(1000), reset_less=True)
        take, entries, valid = signals["take"], [signals["entry0"], signals["entry1"]], signals["valid"]
        due = interconnect.Signal()
        m.d.comb += due.eq(packets == 999)
        with m.If(take & ~(due & (lost | disordered | doubled))):
            m.d.sync += packets.eq(packets + 1)
        with m.If(due & lost & valid[0]):
            m.d.comb += [queue.o.valid.eq(0), take.eq(1)]
            m.d.sync += packets.eq(0)
        with m.If(due & disordered & valid[1] & ~take):
            m.d.sync += [entries[0].eq(entries[1]), entries[1].eq(entries[0]), packets.eq(0)]
        with m.If(due & doubled & queue.o.valid & queue.o.ready):
            m.d.comb += take.eq(0)
            m.d.sync += packets.eq(0)

    def at_ports(m, dut, signals):
        clocks, unstable = clocked(m, FAULTS.index("unstable"))
        _, miscounted = clocked(m, FAULTS.index("miscounted"))
        with m.If(unstable & (clocks % 1000 == 0)):
            m.d.comb += dut.o[0].payload.eq(1)
        with m.If(miscounted & (clocks % 1000 == 0)):
            m.d.comb += dut.moved[0].eq(~(dut.i[0].valid & dut.i[0].ready))

    plant(monkeypatch, queues, "Queue", in_queues)
    plant(monkeypatch, interconnect, "Interconnect", at_ports)
    before = {}
    for windows, name in enumerate(FAULTS, 1):
        # Those at the end, when nobody sends, are in the next fault's window.
        found = soak(Ring(3, PAYLOAD_BITS), windows * WINDOW - 5000).faults
        grown = {kind for kind, count in found.items() if count > before.get(kind, 0)}
        assert (name in grown) if name != "none" else not grown, (name, before, found)
        before = found


@pytest.mark.parametrize("dut", [Ring(3, unsigned(24)), Ring(3, PAYLOAD_BITS, multicast=False), Crossbar(33, 32)])
def test_what_the_harness_cannot_read_is_refused(dut):
    with pytest.raises(
        Refusal, match="^Only multicast with a payload of 32 bits among at most 32 nodes can be soaked$"
    ):
        soak(dut, WINDOW)
