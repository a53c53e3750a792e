"""What the components are built for: sizes and widths, derived from networks by ``hdl.mapping``."""

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from amaranth.utils import bits_for, ceil_log2

from spikeloom.hdl.routers.topology import Link, Topology

__all__ = ["AcceleratorParameters", "CoreParameters", "FlitParameters", "ScatterParameters", "covering"]


#: What an engine does in a clock, in the order of ``Activity``.
ACTIVITIES = ("tick", "credit", "scheduler", "rows", "hand_over", "step_end", "neuron_unit", "output")
#: Rows beyond which a block RAM of full width would need a multiplexer behind it.
DEEP = 2048
#: Words of one bit that a block RAM holds.
DEEPEST = 1 << 14
#: A field that manifests name only where it is not the default: a new option leaves other hardware its identity.
OPTION = {"option": True}


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
class ScatterParameters:
    """The event-stationary half of a core.

    rings, projections: populations for which it adds up, and what it adds to them.
    accumulator_bits, ring_rows: of a sum; rows of ``lanes`` sums for all steps that are in work; ``step_rows``: for one
                 step of the population that needs most.
    weight_bits, kernel_rows: rows of ``lanes`` weights.
    synapses:    in lists; ``max_delay``: of any of them.
    places:      where source neurons' rows or synapses begin; ``fan_out``: most synapses in a list; ``taps``: most
                 along an axis.
    """

    rings: int
    projections: int
    accumulator_bits: int
    ring_rows: int
    step_rows: int
    weight_bits: int
    kernel_rows: int
    synapses: int
    max_delay: int
    places: int
    fan_out: int
    taps: int

    @property
    def ring_bits(self) -> int:
        return ceil_log2(max(2, self.ring_rows))

    @property
    def step_row_bits(self) -> int:
        return max(1, bits_for(self.step_rows - 1))

    @property
    def weight_address_bits(self) -> int:
        return ceil_log2(max(2, self.kernel_rows, self.synapses))

    @property
    def place_bits(self) -> int:
        return ceil_log2(max(2, self.places))

    @property
    def tap_bits(self) -> int:
        return bits_for(self.taps - 1) if self.taps > 1 else 0

    @property
    def delay_bits(self) -> int:
        return bits_for(self.max_delay) if self.max_delay else 0


@dataclass(frozen=True, kw_only=True)
class CoreParameters:
    """One core.

    rows:         weight rows of ``lanes`` synapses.
    populations, projections, channels: served here, into here, and out of populations served here.
    value_bits:   of the widest event that its projections read; 1: they read spikes.
    list_entries: events kept for all channels into here; ``slots``: steps of the channel with most of them.
    tokens:       most ticks or credits that a counter holds.
    unit_words:   neurons per neuron unit; ``parameter_words``: sets of their parameters, which the places of a
                  convolution share.
    scatter:      the event-stationary half, if there is one.
    delay_limit:  of the steps that are left of a sample, the most that a schedule must tell; 0: none.
    nodes:        places that send events: the host and every core; ``node_channels``: channels out of any of them, and
                  ``ring_channels`` of sums inside any core.
    foreign_slots: of channels into here from other nodes; as many credits may wait to leave.
    single_port:  weight rows are in memory with one port, which the host fills.
    short:        fewer registers between memories and what they feed.
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
    parameter_words: int
    nodes: int
    node_channels: int
    ring_channels: int
    foreign_slots: int
    model: str
    neuron: Any
    flit: FlitParameters
    scatter: ScatterParameters | None = None
    delay_limit: int = 0
    single_port: bool = field(default=False, metadata=OPTION)
    short: bool = field(default=False, metadata=OPTION)

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
    def readers(self) -> int:
        """Projections that wait for ticks; those of the event-stationary half come last."""
        return self.projections + (self.scatter.projections if self.scatter else 0)

    @property
    def channel_bits(self) -> int:
        return max(1, ceil_log2(self.node_channels + self.ring_channels))

    @property
    def list_bits(self) -> int:
        """Of an address in the lists, or of a row in the ring, which is read as one."""
        return ceil_log2(max(2, self.list_entries, self.scatter.ring_rows if self.scatter else 0))

    @property
    def entry_latency(self) -> int:
        """Clocks from an address in the lists to its entry: one more where they are deeper than a block RAM."""
        return 1 + (self.list_entries > DEEPEST)

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
    def alone(self) -> bool:
        """It is the only core."""
        return self.nodes == 2

    @property
    def returns(self) -> int:
        """Ways on which credits come back: from the core itself, and from all others."""
        return 1 if self.alone else 2

    @property
    def column_lanes(self) -> int:
        """Lanes whose weights share a memory, which the host writes in one word."""
        return min(self.lanes, 32 // self.weight_bits)

    @property
    def weight_slice_bits(self) -> int | None:
        """Deep synapse memories are made of arrays one lane wide, but where a single array is deep enough."""
        if self.single_port:
            return self.column_lanes * self.weight_bits
        return self.weight_bits if self.rows > DEEP else None

    @property
    def lane_latency(self) -> int:
        """Clocks from a row's issue to its sum."""
        return (12 if self.scatter else self.row_latency) + (self.value_bits > 1)

    @property
    def row_latency(self) -> int:
        """The same of a row of weights that nothing holds back."""
        return 5 if self.short else 8

    @property
    def unit_latency(self) -> int:
        """Clocks from a unit's address to its results: its memories' one, and of registers beside and before them."""
        return self.neuron.latency + 1 + (not self.short) + self.folded

    @property
    def beats(self) -> int:
        """Clocks in which the neuron units take a group's sums."""
        return self.lanes // self.units

    @property
    def columns(self) -> int:
        return -(-self.lanes // self.column_lanes) if self.rows else 0

    @property
    def lane_shift(self) -> int:
        """Bits of a neuron's number that name its lane."""
        return ceil_log2(self.lanes)

    @property
    def folded(self) -> bool:
        """Some neurons share their parameters."""
        return self.parameter_words != self.unit_words

    @property
    def kernel_lanes(self) -> int:
        """Lanes whose weights share a memory of the event-stationary half."""
        return min(self.lanes, 32 // self.scatter.weight_bits) if self.scatter else 0

    @cached_property
    def scatter_core(self) -> "CoreParameters":
        """The event-stationary half as its scheduler sees it: populations of one group, whose rows are descriptors."""
        s = self.scatter
        assert s
        return replace(
            self,
            rows=max(2, s.projections),
            populations=s.rings,
            projections=s.projections,
            channels=s.rings,
            max_groups=1,
            unit_words=s.rings,
            parameter_words=s.rings,
            delay_limit=s.max_delay,
            scatter=None,
        )


@dataclass(frozen=True, kw_only=True)
class AcceleratorParameters:
    """The whole design.

    host_channels: channels out of the input population.
    observed: bits of the register ``observe``: one for each source of flits, or for each population if several cores
        share its parts.
    topology: how the nodes are joined if there are several cores; node 0 is the host, node 1 + k is core k.
    counts: what happens is counted, for the host to read.
    """

    cores: tuple[CoreParameters, ...]
    host_channels: int
    observed: int
    flit: FlitParameters
    topology: str = "crossbar"
    counts: bool = False

    @property
    def counters(self) -> tuple[str, ...]:
        """What is counted: clocks of each engine by :class:`Activity`, and packets and waits of each link."""
        if not self.counts:
            return ()
        engines = (f"{engine} {what}" for engine in self.engines for what in ACTIVITIES)
        links = (f"{link} {what}" for what in ("moved", "stalled") for link in self.links)
        return (*engines, *links)

    @property
    def links(self) -> tuple[Link, ...]:
        """Ways of events between nodes, in the order of the port ``traffic``; none if there is one core."""
        return Topology(kind=self.topology, nodes=1 + len(self.cores)).links if len(self.cores) > 1 else ()

    @property
    def engines(self) -> tuple[str, ...]:
        """What adds weights: the lanes of each core, and its event-stationary half if it has one."""
        each = (
            (f"core{k}", f"core{k}.scatter") if core.scatter else (f"core{k}",) for k, core in enumerate(self.cores)
        )
        return tuple(name for names in each for name in names)


def covering(a: Any, b: Any) -> Any:
    """Parameters of hardware that serves what ``a`` and what ``b`` serve: the larger of every size.

    Raises ``ValueError`` where they differ in something that has no larger one.
    """
    if a is None or b is None:
        return b if a is None else a
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
        elif x != y:
            if isinstance(x, str) or f.name in ("lanes", "units"):
                raise ValueError(f"Designs with {f.name} {x} and {y} have no common one")
            values[f.name] = covering(x, y)
    return replace(a, **values)
