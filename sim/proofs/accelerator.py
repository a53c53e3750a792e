"""The internal port: an address reaches what the map has there, once, and nothing else."""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.layouts import Activity, HostPort, credit_layout, flit_layout
from spikeloom.hdl.memory_map import CONTROL_WORDS, REGISTERS, MemoryMap, core_memories, host_memories
from spikeloom.hdl.parameters import AcceleratorParameters
from spikeloom.sim.proofs.lanes import NEURON
from spikeloom.sim.proofs.lanes import P as SMALL
from spikeloom.sim.proofs.proof import Bug, proof
from spikeloom.sim.proofs.statement import Statement
from spikeloom.sim.proofs.streams import waits

__all__ = ["PROOFS"]

#: With parameters of two words.
CORE = replace(SMALL, neuron=replace(NEURON, state_bits=20))
P = AcceleratorParameters(cores=(CORE,), host_channels=2, observed=2, flit=CORE.flit)
MAP = MemoryMap(P)
#: Clocks from a request to its answer.
LONGEST = 27
CLOCKS = LONGEST + 5


class Empty(wiring.Component):
    """A gate or a core that is ports alone, and runs and fails as it likes."""

    def __init__(self, s: Statement, name: str, members: dict[str, Any], memories: int, host: tuple[int, int]):
        flit = stream.Signature(flit_layout(P.flit))
        super().__init__(
            {
                "i": In(flit),
                "o": Out(flit),
                "returns": In(credit_layout(CORE)).array(1),
                "running": Out(1),
                "fault": Out(1),
                "host": In(HostPort(memories, *host)),
                **members,
            }
        )
        self.p = CORE
        self.anything = [s.any(1, f"{name}_{key}") for key in ("running", "fault")]
        self.read_data = s.any(32, f"{name}_read_data")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [Cat(self.running, self.fault).eq(Cat(self.anything)), self.host.read_data.eq(self.read_data)]
        return m


@proof(
    "accelerator.Accelerator",
    f"a request is answered once, within {LONGEST} clocks; registers are as they were last written; a memory is "
    "written or read only while nothing runs, at the entry and word that the map has at the address, and no other "
    "memory is; an entry is written with its last word, and as its words were given; elsewhere there is nothing, "
    "which reads as 0",
    size=f"{len(MAP.regions)} memories in {1 << MAP.address_bits} words, any address",
    bug=Bug("memories are as large as the next smaller power of 2", "top = region.size.bit_length() - 1",
            "top = region.size.bit_length() - 2 + (region.size < 3)"),
    clocks=CLOCKS,
)  # fmt: skip
def port(hdl: Any, s: Statement) -> None:
    m = s.m
    core_members = {
        "credit": Out(credit_layout(CORE)),
        "steps": In(16),
        "enable": In(1),
        "activity": Out(Activity),
    }
    gate = Empty(s, "gate", {}, len(host_memories(P)), (32, 16))
    core = Empty(s, "core", core_members, len(core_memories(CORE)), (MAP.entry_bits, MAP.address_bits))
    hdl.HostGate, hdl.Core = lambda *_: gate, lambda *_: core
    m.submodules.accelerator = dut = hdl.Accelerator(P)
    port = dut.port
    for name in ("address", "write_data", "request", "write"):
        m.d.comb += getattr(port, name).eq(s.any(len(getattr(port, name)), name))
    # Held until it is answered, then dropped for a clock.
    asked, request = s.before(port.request & ~port.done & ~s.in_reset), Cat(port.address, port.write_data, port.write)
    s.assume(~asked | port.request & (request == s.before(request)))
    s.assume(~s.before(port.done) | ~port.request)
    s.claim(~port.done | port.request)
    clocks = waits(s, port.request, Value.cast(1), port.done, most=LONGEST)

    hold, address = core.host.hold, port.address
    running = core.running | gate.running
    s.claim(~hold | s.before(hold) | ~s.before(running, 2))
    s.claim(~hold | gate.host.hold)
    inside, anywhere, last = [], Signal(), Signal()
    for region in MAP.regions:
        host = core.host if region.core >= 0 else gate.host
        here, offset = Signal(name=region.name), Signal(MAP.address_bits, name=f"offset_{region.name}")
        m.d.comb += [here.eq((address >= region.base) & (address < region.base + region.size))]
        m.d.comb += offset.eq(address - region.base)
        entry, word = offset // region.stride, offset % region.stride
        inside.append(here)
        s.claim(~hold | (host.select[region.select] == here))
        s.claim(~hold | ~here | (host.address == entry[: len(host.address)]))
        s.claim(~hold | ~here | (host.word == word))
        with m.If(here):
            m.d.comb += last.eq(word == region.words - 1)
    m.d.comb += anywhere.eq(Cat(inside).any())
    s.claim((sum(inside) <= 1) & (~anywhere | (address >= CONTROL_WORDS)))
    s.claim(~hold | anywhere)
    s.claim(~port.done | port.write | anywhere | (address < CONTROL_WORDS) | (port.read_data == 0))

    write, before, some = core.host.write, Signal(32), Signal()
    with m.If(port.done & port.write):
        m.d.sync += [before.eq(port.write_data), some.eq(1)]
    s.claim(~write | hold & port.write & last & ~s.before(write))
    s.claim(~write | (core.host.write_data[32:] == port.write_data))
    s.claim(~write | ~some | (core.host.write_data[:32] == before))
    s.claim(gate.host.write == write)
    s.claim(~write | (gate.host.write_data == port.write_data))
    number, bits, *_ = REGISTERS["steps"]
    # Of this request: what ran meanwhile, and whether it came to the memory.
    ran, reached, wrote = Signal(), Signal(), Signal()
    m.d.sync += [
        flag.eq((flag | now) & port.request & ~port.done)
        for flag, now in ((ran, running), (reached, hold), (wrote, write))
    ]
    s.claim(~port.done | ~anywhere | (port.write & ~last) | reached | ran)
    s.claim(~port.done | ~port.write | ~reached | wrote)
    steps, chosen = Signal(bits), address == number
    with m.If(port.done & port.write & chosen):
        m.d.sync += steps.eq(port.write_data)
    s.claim((core.steps == steps) | port.done & port.write & chosen)
    s.claim(~port.done | port.write | ~chosen | (port.read_data == steps))
    s.example((clocks > 20) & port.done & port.write & core.host.select.any())


PROOFS = (port,)
