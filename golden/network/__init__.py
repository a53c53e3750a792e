"""The integer network: what is computed, as data. Nothing in this package computes a result.

A :class:`Network` is populations joined by projections, all integers, immutable once built. It is saved as one
``.loom`` file (JSON and ``.npy`` members in a zip archive; loading never unpickles) and named by a content hash.
The behaviour these objects stand for is stated in ``docs/contract.md``.
"""

from spikeloom.golden.network.base import Refusal
from spikeloom.golden.network.convolution import Convolution, Window
from spikeloom.golden.network.dense import Dense
from spikeloom.golden.network.network import READ_OUTS, Network
from spikeloom.golden.network.one_to_one import OneToOne
from spikeloom.golden.network.population import MAX_NAME, Neuron, Population
from spikeloom.golden.network.projection import Projection
from spikeloom.golden.network.sparse import Sparse

__all__ = [
    "MAX_NAME",
    "READ_OUTS",
    "Convolution",
    "Dense",
    "Network",
    "Neuron",
    "OneToOne",
    "Population",
    "Projection",
    "Refusal",
    "Sparse",
    "Window",
]
