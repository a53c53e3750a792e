"""Interconnects in Verilator, with every packet counted: random traffic and back-pressure at every port, and resets."""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.back import verilog
from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.golden.network import Refusal
from spikeloom.hdl.routers import Interconnect
from spikeloom.sim import verilator

__all__ = ["PAYLOAD_BITS", "Soaked", "run_soak", "soak", "soak_program", "soak_verilog"]

HARNESS = Path(__file__).with_name("soak.cpp")
TOP = "soak"
#: A packet's number, and above it the node that it comes from.
PAYLOAD_BITS = 32
WORD = 32
#: Verilator has an array of words for what is wider than two.
ARRAY = 3


@dataclass(frozen=True, kw_only=True)
class Soaked:
    """What was counted.

    clocks:       in which packets were sent or on their way, and those at the end in which nothing may be left.
    packets:      taken from nodes. copies: given to nodes, one for each target.
    lost, doubled, disordered: copies that did not come, that were not due, and that a later one had overtaken.
    unstable:     clocks in which ``valid`` or ``payload`` changed before it was taken.
    miscounted:   clocks in which ``moved`` or ``stalled`` was wrong.
    moved, stalled: links in clocks.
    when: a hash of what nodes were given, and when.
    resets: those that met packets on their way, which are then forgotten: none may come.
    longest_wait: packets taken from other nodes while one waited to be taken.
    """

    clocks: int
    packets: int
    copies: int
    lost: int
    doubled: int
    disordered: int
    unstable: int
    miscounted: int
    moved: int
    stalled: int
    when: int
    resets: int
    longest_wait: int

    @property
    def faults(self) -> dict[str, int]:
        counted = {name: getattr(self, name) for name in ("lost", "doubled", "disordered", "unstable", "miscounted")}
        return {name: count for name, count in counted.items() if count}


class _Words(wiring.Component):
    """Ports as C++ likes them: bits and words by number. What links do is told a clock later."""

    def __init__(self, dut: Interconnect):
        self.dut = dut
        self.words = WORD * max(ARRAY, dut.nodes)
        self.link_bits = WORD * max(ARRAY, -(-len(dut.links) // WORD))
        members: dict[str, Any] = {
            "i_valid": In(WORD),
            "i_ready": Out(WORD),
            "i_to": In(self.words),
            "i_payload": In(self.words),
            "o_valid": Out(WORD),
            "o_ready": In(WORD),
            "o_payload": Out(self.words),
            "moved": Out(self.link_bits),
            "stalled": Out(self.link_bits),
        }
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.dut = dut = self.dut
        for k, port in enumerate(dut.i):
            m.d.comb += [
                port.valid.eq(self.i_valid[k]),
                port.payload.to.eq(self.i_to.word_select(k, WORD)),
                port.payload.payload.eq(self.i_payload.word_select(k, WORD)),
            ]
        for k, port in enumerate(dut.o):
            m.d.comb += [port.ready.eq(self.o_ready[k]), self.o_payload.word_select(k, WORD).eq(port.payload)]
        m.d.comb += [
            self.i_ready.eq(Cat(port.ready for port in dut.i)),
            self.o_valid.eq(Cat(port.valid for port in dut.o)),
        ]
        m.d.sync += [self.moved.eq(dut.moved), self.stalled.eq(dut.stalled)]
        return m


def soak_verilog(dut: Interconnect) -> str:
    """The Verilog that :func:`soak` runs."""
    if not dut.multicast or dut.nodes > WORD or len(dut.o[0].payload) != PAYLOAD_BITS:
        raise Refusal(f"Only multicast with a payload of {PAYLOAD_BITS} bits among at most {WORD} nodes can be soaked")
    return verilog.convert(_Words(dut), name=TOP, emit_src=False, strip_internal_attrs=True)


def soak(
    dut: Interconnect, clocks: int, *, seed: int = 1, progress: Callable[[int, int], object] = lambda done, total: None
) -> Soaked:
    """Count packets through ``dut``, whose payload has ``PAYLOAD_BITS``. The same for the same seed."""
    return run_soak(soak_program(soak_verilog(dut)), dut, clocks, seed=seed, progress=progress)


def soak_program(verilog_text: str) -> Path:
    """The executable of Verilog that :func:`soak_verilog` wrote."""
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as folder:
        source = Path(folder) / f"{TOP}.v"
        source.write_text(verilog_text, "ascii")
        return verilator.build_program(HARNESS, [source], top=TOP)


def run_soak(
    executable: Path,
    dut: Interconnect,
    clocks: int,
    *,
    seed: int = 1,
    folder: Path | None = None,
    plusargs: Sequence[str] = (),
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Soaked:
    """What :func:`soak` does with an executable of its Verilog, in a folder. plusargs: for the design."""
    command = [str(word) for word in (executable.resolve(), dut.nodes, len(dut.links), clocks, seed, *plusargs)]
    counters: dict[str, int] = {}
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                name, value = line.split()
                if name == "at":
                    progress(int(value), clocks)
                else:
                    counters[name] = int(value)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError(f"The simulation ended with status {process.returncode}")
    return Soaked(**counters)
