"""The bus of a system on chip around the accelerator, proven as the hardware's parts are."""

from typing import Any

from amaranth.hdl import Cat, Mux, Signal, Value

from spikeloom.boards.soc.axi import AxiParameters
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import in_order, waits

__all__ = ["PROOFS"]

P = AxiParameters(flit_bits=4, tick_bit=3, address_bits=4, hardware=1)
#: Clocks for which the accelerator's port takes to answer here, at most, and the bus then.
ANSWER, LONGEST = 2, 20


class Bus:
    """Anything on a bus whose masters keep to the rules, and a port that answers as the accelerator's does."""

    def __init__(self, hdl: Any, s: Statement):
        m = s.m
        m.submodules.host = self.host = host = hdl.AxiHost(P)
        self.s = s
        for name, member in hdl.bus_members(P).items():
            if member.flow.name == "In":
                m.d.comb += getattr(host, name).eq(s.any(member.shape, name))
        for channel, payload in (("aw", ("awaddr",)), ("w", ("wdata", "wstrb")), ("ar", ("araddr",))):
            valid, ready = (getattr(host, f"s_axi_{channel}{which}") for which in ("valid", "ready"))
            s.assume(self.stays(valid, ready, *(getattr(host, f"s_axi_{name}") for name in payload)))
        self.taken = {
            name: getattr(host, f"s_axi_{name}valid") & getattr(host, f"s_axi_{name}ready")
            for name in ("aw", "w", "ar", "r", "b")
        }
        port = host.port
        waited = Signal(range(ANSWER + 1))
        done = s.any(1, "done")
        m.d.comb += [port.done.eq(done), port.read_data.eq(s.any(32, "read_data"))]
        m.d.sync += waited.eq(Mux(port.request & ~done, waited + 1, 0))
        s.assume(~done | port.request)
        s.assume((waited != ANSWER) | done)

    def stays(self, valid: Value, ready: Value, *payload: Value) -> Value:
        """What was offered and not taken is offered still."""
        what = Cat(payload)
        waited = self.s.before(valid & ~ready & ~self.s.in_reset)
        return ~waited | valid & (what == self.s.before(what))


@proof(
    "soc.axi.AxiHost",
    f"each write that is taken is answered once, and each read; within {LONGEST} clocks after both channels are done, "
    "where answers are taken; an answer that is offered stays; nothing is answered that was not asked",
    size=f"flits of {P.flit_bits} bits, {P.address_bits} bits of address, a port that answers in {ANSWER + 1} clocks",
    bug=Bug("forgets that an address waits", "with m.If(~full):\n            m.d.sync += [held.eq(payload)",
            "with m.If(1):\n            m.d.sync += [held.eq(payload)"),
    room="boards",
)  # fmt: skip
def answers(hdl: Any, s: Statement) -> None:
    bus = Bus(hdl, s)
    host, taken, m = bus.host, bus.taken, s.m
    owed = {name: Signal(3, name=f"owed_{name}") for name in ("aw", "w", "ar")}
    for name, answer in (("aw", "b"), ("w", "b"), ("ar", "r")):
        m.d.sync += owed[name].eq(owed[name] + taken[name] - taken[answer])
        s.claim(owed[name] <= 2)
        s.claim(~getattr(host, f"s_axi_{answer}valid") | (owed[name] != 0))
    s.claim(bus.stays(host.s_axi_bvalid, host.s_axi_bready, host.s_axi_bresp))
    s.claim(bus.stays(host.s_axi_rvalid, host.s_axi_rready, host.s_axi_rresp, host.s_axi_rdata))
    s.assume(host.s_axi_bready & host.s_axi_rready)
    waits(s, (owed["aw"] != 0) & (owed["w"] != 0), Value.cast(1), taken["b"], most=LONGEST)
    clocks = waits(s, owed["ar"] != 0, Value.cast(1), taken["r"], most=LONGEST)
    s.example(taken["r"] & (clocks > 6))


@proof(
    "soc.axi.AxiHost",
    "of the flits that come out on the stream nothing is lost, doubled, altered or overtaken; what it offers stays",
    size=f"flits of {P.flit_bits} bits",
    bug=Bug("takes a flit while one waits", "Mux(self.m_axis_tvalid, self.m_axis_tready, ~waiting | take)",
            "1"),
    room="boards",
)  # fmt: skip
def flits(hdl: Any, s: Statement) -> None:
    bus = Bus(hdl, s)
    host = bus.host
    s.m.d.comb += host.o_flits.ready.eq(s.any(1, "ready"))
    came = s.offer(host.i_flits, "flit")
    streamed = host.m_axis_tvalid & host.m_axis_tready
    s.assume(~host.s_axi_awvalid)  # flits stay on the stream
    in_order(s, came, host.i_flits.payload, streamed, host.m_axis_tdata[: P.flit_bits], most=1)
    s.claim(bus.stays(host.m_axis_tvalid, host.m_axis_tready, host.m_axis_tdata, host.m_axis_tlast))


PROOFS = (answers, flits)
