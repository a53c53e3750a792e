"""The figures of the interconnect: area and clock of its parts, and packets through whole ones, counted one by one."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from amaranth.lib import wiring

from spikeloom.bench import hardware
from spikeloom.bench.cache import sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.boards import catalogue
from spikeloom.boards.measure import measure_component
from spikeloom.golden.network import Refusal
from spikeloom.hdl.routers import Crossbar, Mesh, Ring, Topology, packet_layout
from spikeloom.hdl.routers.ring import Stop, most_before
from spikeloom.hdl.routers.router import Router
from spikeloom.show import jsonable
from spikeloom.sim.soak import PAYLOAD_BITS, soak_verilog
from spikeloom.sim.soak import soak as simulate

__all__ = ["component", "routers", "soak"]

SEEDS = (1, 2, 3)
SOAK_CLOCKS, SOAK_SEED = 10**8, 1
#: Of the 4 x 4 mesh, one with all its neighbours.
MIDDLE = "router 5"


def component(name: str, nodes: int, payload_bits: int, multicast: bool) -> wiring.Component:
    """What is measured: the part that an interconnect has one of per node, or the whole crossbar."""
    packet = packet_layout(nodes, payload_bits, multicast=multicast)
    if name == "mesh router":
        return Router(Topology(kind="mesh", nodes=nodes), MIDDLE, packet, multicast=multicast)
    if name == "ring stop":
        return Stop(1, nodes, packet, multicast=multicast)
    return Crossbar(nodes, payload_bits, multicast=multicast)


@figure(
    *(
        {"part": name, "nodes": nodes, "payload_bits": payload_bits, "multicast": multicast}
        for name, nodes, payload_bits, multicast in (
            ("mesh router", 16, 20, False),
            ("mesh router", 16, 24, True),
            ("ring stop", 8, 24, False),
            ("ring stop", 8, 24, True),
            ("whole crossbar", 2, 24, True),
            ("whole crossbar", 3, 24, True),
            ("whole crossbar", 5, 24, True),
        )
    )
)
def routers(bench: Bench, part: str, nodes: int, payload_bits: int, multicast: bool) -> Iterator[dict[str, Any]]:
    """Area and Fmax of what routes packets, between registers at every port, on an LFE5U-85F of speed grade 6."""

    def measurement() -> dict[str, Any]:
        found = measure_component(
            component(part, nodes, payload_bits, multicast), hardware.BOARD, seeds=SEEDS, progress=bench.progress
        )
        return {
            **asdict(found.used),
            "fmax_mhz": {str(seed): mhz for seed, mhz in found.fmax_mhz.items()},
            "median_mhz": found.median_mhz,
            "paths": jsonable(found.paths),
            "tools": dict(found.tools),
        }

    modules = [*(f"spikeloom.boards.{name}" for name in (*hardware.TOOLS, "alone")), "spikeloom.hdl.streams"]
    yield bench.cache.remember(
        measurement,
        what=[part, nodes, payload_bits, multicast],
        board=repr(catalogue.find(hardware.BOARD)),
        seeds=SEEDS,
        code=[sources(name) for name in (*modules, "spikeloom.hdl.routers")],
    )


@figure(*({"kind": kind.kind, "nodes": nodes} for kind, nodes in ((Crossbar, 5), (Ring, 8), (Mesh, 16))))
def soak(bench: Bench, kind: str, nodes: int) -> Iterator[dict[str, Any]]:
    """Random multicast packets through whole interconnects, with random back-pressure at every port: each copy counted,
    between any two nodes in order."""
    (made,) = (one(nodes, PAYLOAD_BITS) for one in (Crossbar, Ring, Mesh) if one.kind == kind)

    def soaking() -> dict[str, Any]:
        bench.progress("build the simulator, simulate")
        start = time.monotonic()
        found = simulate(made, SOAK_CLOCKS, seed=SOAK_SEED, progress=bench.progress)
        if found.faults:
            raise Refusal(f"{kind} of {nodes} nodes: {found.faults}")
        return {**asdict(found), "seconds": round(time.monotonic() - start, 1)}

    verilog_sha256 = sha256(soak_verilog(made).encode("ascii")).hexdigest()
    yield {
        "clocks_asked": SOAK_CLOCKS,
        "seed": SOAK_SEED,
        "most_before": most_before(nodes) if kind == "ring" else None,
    }
    yield bench.cache.remember(
        soaking, verilog=verilog_sha256, clocks=SOAK_CLOCKS, seed=SOAK_SEED, code=sources("spikeloom.sim")
    )
