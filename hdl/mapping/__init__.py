"""A network on cores: sizes of the hardware, contents of its memories, and where everything is."""

from spikeloom.hdl.mapping.plan import Mapping, Place, map_network

__all__ = ["Mapping", "Place", "map_network"]
