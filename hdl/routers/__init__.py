"""The interconnect between nodes: crossbar, ring and mesh of routers for packets of one flit."""

from spikeloom.hdl.routers.interconnect import Crossbar, Interconnect, Mesh, Ring
from spikeloom.hdl.routers.packet import packet_layout
from spikeloom.hdl.routers.topology import Link, Topology

#: By the name of the topology.
INTERCONNECTS: dict[str, type[Interconnect]] = {kind.kind: kind for kind in (Crossbar, Ring, Mesh)}

__all__ = ["INTERCONNECTS", "Crossbar", "Interconnect", "Link", "Mesh", "Ring", "Topology", "packet_layout"]
