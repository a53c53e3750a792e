"""The synapses that events reached: what hardware that wastes nothing would add."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from spikeloom.golden.network import Convolution, Dense, OneToOne, Sparse, Window
from spikeloom.golden.synapses import places
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.mapping import map_network

__all__ = ["Useful", "fan_outs"]


def fan_outs(synapses: Dense | Sparse | Convolution | OneToOne) -> dict[int, np.ndarray]:
    """By delay: how many synapses each source neuron has. Those there are, whatever their weights; padding has none."""
    sources = synapses.shape[0]
    if synapses.delays is not None:
        source, _, index = places(synapses)
        late = synapses.delays.ravel()[index]
        return {int(d): np.bincount(source[late == d], minlength=sources) for d in np.unique(late)}
    if isinstance(synapses, Convolution):
        return {0: _windows(synapses.window.planar)}
    if isinstance(synapses, Sparse):
        return {0: np.diff(synapses.rows.astype(np.int64))}
    return {0: np.full(sources, synapses.shape[1] if isinstance(synapses, Dense) else 1)}


def _windows(w: Window) -> np.ndarray:
    """Windows that see each neuron, times the output channels that they are of."""
    down, across = (
        np.array([sum(_sees(w, axis, place, tap) for tap in range(w.kernel[2 + axis])) for place in range(size)])
        for axis, size in enumerate(w.source[1:])
    )
    return np.tile(np.outer(down, across).ravel(), w.source[0]) * (w.kernel[0] // w.groups)


def _sees(w: Window, axis: int, place: int, tap: int) -> bool:
    target, rest = divmod(place + w.padding[axis][0] - tap * w.dilation[axis], w.stride[axis])
    return rest == 0 and 0 <= target < w.target[1 + axis]


class Useful:
    """Synaptic operations of a design's engines, counted from the integer model's events and the synapses there are.

    What would arrive after a sample's last step is no operation.
    """

    def __init__(self, design: Design) -> None:
        mapping = map_network(design.network, Configuration.create(**design.manifest["configuration"]))
        self.reads = [
            (f"core{mapping.by_name[r.target].core}{'.scatter' if r.event else ''}", r.projection)
            for r in mapping.readers
            if r.projection
        ]
        self.synapses = [fan_outs(projection.synapses) for _, projection in self.reads]
        self.split = mapping.split

    def count(self, x: np.ndarray, events: Mapping[str, np.ndarray]) -> Counter[str]:
        """By engine. x, events: (samples, steps, neurons)."""
        steps = x.shape[1]
        whole = {**events, self.split.whole.input.name: x}
        sent = {
            part.name: np.count_nonzero(whole[part.population].reshape(*x.shape[:2], -1)[..., part.neurons], axis=0)
            for part in self.split.parts
        }
        found: Counter[str] = Counter()
        for (engine, projection), synapses in zip(self.reads, self.synapses, strict=True):
            for own, count in synapses.items():
                in_time = sent[projection.source][: max(0, steps - projection.delay - own)]
                found[engine] += int(in_time.sum(0) @ count)
        return found
