"""Which core serves what, if only their number is given."""

from spikeloom.golden.network import Network
from spikeloom.hdl.configuration import Configuration

__all__ = ["place"]


def place(network: Network, configuration: Configuration) -> dict[str, int | list[int]]:
    """Populations split over all cores, as far as they have rows or groups."""
    from spikeloom.hdl.mapping.split import most_parts

    return {
        p.name: list(range(min(configuration.cores, most_parts(network, p.name, configuration.lanes))))
        for p in network.neurons
    }
