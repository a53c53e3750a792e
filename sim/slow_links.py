"""A design whose links between cores stall at random: what it computes must be the same.

The Verilog is another than the generated one; it shows that no result depends on how long packets take.
"""

import json
import shutil
from functools import cache
from pathlib import Path

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream

from spikeloom.hdl.accelerator import Accelerator
from spikeloom.hdl.design import load_manifest, sha256
from spikeloom.hdl.generate import TOP, convert
from spikeloom.hdl.memory_map import MemoryMap
from spikeloom.hdl.parameters import AcceleratorParameters
from spikeloom.hdl.routers import INTERCONNECTS, Interconnect

__all__ = ["slow_links", "verilog"]

#: A shift register of maximal length with these taps.
BITS, TAPS = 16, (15, 14, 12, 3)


def slow(kind: type[Interconnect], seed: int) -> type[Interconnect]:
    """The same, each of whose links passes a packet on in about three clocks of four, at random."""

    class Slow(kind):  # type: ignore[misc, valid-type]
        def passes(self, m: Module, link: int, sender: stream.Interface) -> Value:
            first = (seed * 7919 + link * 104729 + self.packet.size * 31) % ((1 << BITS) - 1) + 1
            state = Signal(BITS, init=first, name=f"random{link}")
            offered = Signal(name=f"offered{link}")  # what was offered stays so until it is taken
            passes = state[:2].any() | offered
            fed = state[TAPS[0]] ^ state[TAPS[1]] ^ state[TAPS[2]] ^ state[TAPS[3]]
            m.d.sync += [
                state.eq(Mux(state == 0, first, (state << 1) | fed)),
                offered.eq(sender.valid & passes & ~sender.ready),
            ]
            return passes

    return Slow


@cache
def verilog(parameters: AcceleratorParameters, seed: int) -> str:
    filled = {name for region in MemoryMap(parameters).regions for name, _, _ in region.images}
    kinds = {name: slow(kind, seed) for name, kind in INTERCONNECTS.items()}
    return convert(Accelerator(parameters, interconnects=kinds), TOP, filled)


def slow_links(directory: str | Path, output: str | Path, parameters: AcceleratorParameters, seed: int) -> Path:
    """Copy a generated folder, with Verilog for these parameters whose links are slow."""
    folder = Path(shutil.copytree(directory, output))
    manifest = load_manifest(folder)
    file = folder / manifest["verilog"]["file"]
    file.write_text(verilog(parameters, seed), "ascii")
    manifest["verilog"]["sha256"] = sha256(file)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    return folder
