"""What routers carry."""

from amaranth.hdl import ShapeLike, unsigned
from amaranth.lib import data

from spikeloom.hdl.struct import struct

__all__ = ["packet_layout"]


def packet_layout(nodes: int, payload: ShapeLike, *, multicast: bool = True) -> data.StructLayout:
    """``to``: a bit per node that gets the payload, or without multicast the number of the one that does."""
    return struct({"to": unsigned(nodes) if multicast else range(nodes), "payload": payload})
