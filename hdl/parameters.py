"""What the components are built for: sizes and widths, derived from networks by ``hdl.mapping``."""

from dataclasses import dataclass, fields, replace
from typing import Any

from amaranth.utils import bits_for, ceil_log2

__all__ = ["AcceleratorParameters", "CoreParameters", "FlitParameters", "covering"]


#: Rows beyond which a block RAM of full width would need a multiplexer behind it.
DEEP = 2048


@dataclass(frozen=True, kw_only=True)
class FlitParameters:
    """sources: populations in the whole design; neurons: of the largest; value_bits: of the widest event."""

    sources: int
    neurons: int
    value_bits: int

    @property
    def source_bits(self) -> int:
        return max(1, ceil_log2(self.sources))

    @property
    def index_bits(self) -> int:
        return bits_for(self.neurons)  # a tick counts 0..neurons events


@dataclass(frozen=True, kw_only=True)
class CoreParameters:
    """One core.

    rows:         weight rows of ``lanes`` synapses.
    populations, projections, channels: served here, into here, and out of populations served here.
    value_bits:   of the widest event that its projections read; 1: they read spikes.
    list_entries: events kept for all channels into here; ``slots``: steps of the channel with most of them.
    tokens:       most ticks or credits that a counter holds.
    unit_words:   neurons per neuron unit.
    nodes:        places that send events: the host and every core; ``node_channels``: channels out of any of them.
    """

    lanes: int
    units: int
    weight_bits: int
    value_bits: int
    accumulator_bits: int
    rows: int
    populations: int
    projections: int
    channels: int
    list_entries: int
    slots: int
    tokens: int
    max_groups: int
    max_delay: int
    unit_words: int
    nodes: int
    node_channels: int
    model: str
    neuron: Any
    flit: FlitParameters

    @property
    def row_bits(self) -> int:
        return ceil_log2(max(2, self.rows))

    @property
    def group_bits(self) -> int:
        return max(1, bits_for(self.max_groups - 1))

    @property
    def lane_bits(self) -> int:
        return max(1, ceil_log2(self.lanes))

    @property
    def unit_address_bits(self) -> int:
        return ceil_log2(max(2, self.unit_words))

    @property
    def projection_bits(self) -> int:
        return max(1, ceil_log2(self.projections))

    @property
    def channel_bits(self) -> int:
        return max(1, ceil_log2(self.node_channels))

    @property
    def list_bits(self) -> int:
        return ceil_log2(max(2, self.list_entries))

    @property
    def slot_bits(self) -> int:
        return max(1, ceil_log2(self.slots))

    @property
    def delay_bits(self) -> int:
        return bits_for(max(1, self.max_delay))

    @property
    def token_bits(self) -> int:
        return bits_for(self.tokens)

    @property
    def node_bits(self) -> int:
        return max(1, ceil_log2(self.nodes))

    @property
    def column_lanes(self) -> int:
        """Lanes whose weights share a memory, which the host writes in one word."""
        return min(self.lanes, 32 // self.weight_bits)

    @property
    def weight_slice_bits(self) -> int | None:
        """Deep synapse memories are made of arrays one lane wide."""
        return self.weight_bits if self.rows > DEEP else None

    @property
    def lane_latency(self) -> int:
        """Clocks from a row's issue to its sum."""
        return 8 + (self.value_bits > 1)

    @property
    def beats(self) -> int:
        """Clocks in which the neuron units take a group's sums."""
        return self.lanes // self.units

    @property
    def columns(self) -> int:
        return -(-self.lanes // self.column_lanes)


@dataclass(frozen=True, kw_only=True)
class AcceleratorParameters:
    """The whole design.

    links: which node's events reach which core, as (node, core); node 0 is the host, node 1 + k is core k.
    host_channels: channels out of the input population.
    """

    cores: tuple[CoreParameters, ...]
    links: tuple[tuple[int, int], ...]
    host_channels: int
    flit: FlitParameters


def covering(a: Any, b: Any) -> Any:
    """Parameters of hardware that serves what ``a`` and what ``b`` serve: the larger of every size.

    Raises ``ValueError`` where they differ in something that has no larger one.
    """
    if type(a) is not type(b):
        raise ValueError(f"Parameters of one kind are needed, not {type(a).__name__} and {type(b).__name__}")
    if hasattr(a, "covering"):
        return a.covering(b)
    values = {}
    for f in fields(a):
        x, y = getattr(a, f.name), getattr(b, f.name)
        if isinstance(x, int) and f.name not in ("lanes", "units"):
            values[f.name] = max(x, y)
        elif f.name == "cores":
            if len(x) != len(y):
                raise ValueError(f"Designs of {len(x)} and {len(y)} cores have no common one")
            values[f.name] = tuple(covering(p, q) for p, q in zip(x, y, strict=True))
        elif f.name == "links":
            values[f.name] = tuple(sorted({*x, *y}))
        elif x != y:
            if isinstance(x, int | str):
                raise ValueError(f"Designs with {f.name} {x} and {y} have no common one")
            values[f.name] = covering(x, y)
    return replace(a, **values)
