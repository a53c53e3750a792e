"""Every layout that more than one component knows, declared once."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from spikeloom.hdl.parameters import CoreParameters, FlitParameters
from spikeloom.hdl.struct import struct

__all__ = ["Activity", "ControlPort", "HostPort", "Tables", "credit_layout", "flit_layout", "word_bits"]


class Activity(enum.Enum, shape=3):
    """What a core's lanes do in a clock, or what they wait for."""

    #: No population was found whose inputs have ticked.
    TICK = 0
    #: One was, but a channel out of it has no free slot.
    CREDIT = 1
    #: A population is being started or its next group prepared.
    SCHEDULER = 2
    #: A row of weights is added.
    ROWS = 3
    #: A group's sums are handed over ...
    HAND_OVER = 4
    #: ... and it is the step's last.
    STEP_END = 5
    #: The neuron units still step the group before.
    NEURON_UNIT = 6
    #: ... and have no room, since the events of groups before were not all sent.
    OUTPUT = 7


def flit_layout(p: FlitParameters) -> data.StructLayout:
    """An event of neuron ``index``, or (``tick``) the end of a step with the number of its events in ``index``."""
    return struct(
        {
            "source": unsigned(p.source_bits),
            "tick": unsigned(1),
            "sequence": unsigned(2),
            "index": unsigned(p.index_bits),
            "value": unsigned(1) if p.value_bits == 1 else signed(p.value_bits),
        }
    )


def credit_layout(p: CoreParameters) -> data.StructLayout:
    """One slot of a channel is free again."""
    return struct({"valid": 1, "node": p.node_bits, "channel": p.channel_bits})


class Tables:
    """The descriptor tables that a core executes."""

    def __init__(self, p: CoreParameters):
        #: What a population is: where its weight rows and neurons are, which channels it reads and writes.
        self.population = struct(
            {
                "valid": 1,
                "source": p.flit.source_bits,
                "rows": p.row_bits,
                "groups": p.group_bits,  # less one
                "tail": p.lane_bits,  # neurons of the last group, less one
                "unit_base": p.unit_address_bits,
                "first": p.projection_bits,
                "reads": p.projections,  # one bit per projection of this core
                "writes": p.channels,  # one bit per channel of this core
            }
            | (
                {
                    "parameter_base": p.unit_address_bits,
                    "period": p.group_bits,  # groups, less one, after which the parameters repeat
                }
                if p.folded
                else {}
            )
        )
        #: What a projection reads: the source's channel, `delay` steps late.
        self.projection = struct(
            {
                "last": 1,  # of its population
                "rows": 1,  # 0: only the tick counts
                "source": p.flit.source_bits,
                "stride": p.flit.index_bits,  # weight rows per group
                "delay": p.delay_bits,
                "slots": p.slot_bits,  # less one
                "base": p.list_bits,
                "capacity": p.flit.index_bits,
                "slot": p.slot_bits,  # where reading starts
                "start": p.list_bits,
                "node": p.node_bits,  # who gets the credit
                "channel": p.channel_bits,
            }
            | ({"ring": 1} if p.scatter else {})  # it reads sums
        )
        #: Where a source's events are kept, and who reads them.
        self.source = struct(
            {
                "valid": 1,
                "kept": 1,  # 0: only its ticks are of use here
                "slots": p.slot_bits,
                "base": p.list_bits,
                "capacity": p.flit.index_bits,
                "readers": p.readers,
            }
        )
        self.channel = struct({"valid": 1, "credit": p.token_bits})
        #: Where a source's events go: to which cores, and to the host if that bit of ``observe`` is set.
        self.destination = struct({"cores": p.nodes - 1, "observed": 5})
        if s := p.scatter:
            #: How a projection's rows follow each other; where and in which steps is said in ``hdl.fan_out``.
            self.fan_out = struct(
                {
                    "listed": 1,  # its synapses are a list
                    "single": 1,  # a source neuron has synapses in its own lane alone
                    "shared": 1,  # the neurons of a row of ``lanes`` share a place
                    "places": s.place_bits,
                    "groups": s.step_row_bits,  # less one
                    "weights_group": s.weight_address_bits,
                    "weights_across": s.weight_address_bits,
                    "weights_down": s.weight_address_bits,
                    "row_across": s.step_row_bits,
                    "row_down": s.step_row_bits,
                }
            )
            #: Where a source neuron's rows begin; taps less one. In a list ``row`` is the number of synapses, less one.
            self.place = struct(
                {
                    "valid": 1,
                    "weights": s.weight_address_bits,
                    "row": max(s.step_row_bits, bits_for(max(1, s.fan_out) - 1)),
                    "across": s.tap_bits,
                    "down": s.tap_bits,
                }
            )
            #: A synapse of a list.
            self.synapse = struct(
                {
                    "weight": signed(s.weight_bits),
                    "lane": p.lane_shift,
                    "row": s.step_row_bits,
                    "delay": s.delay_bits,
                }
            )
            #: The sums of one population: the projection by which it reads them; rows of a step and of all steps; the
            #: first and the last of all; the first of the last step.
            self.ring = struct(
                {
                    "reader": p.projection_bits,
                    "rows": bits_for(s.step_rows),
                    "size": bits_for(s.ring_rows),
                    "base": s.ring_bits,
                    "end": s.ring_bits,
                    "last": s.ring_bits,
                }
            )


class ControlPort(wiring.Signature):
    """The internal port: hold the request until ``done`` is high for one clock, then drop it for one."""

    def __init__(self, address_bits: int):
        super().__init__(
            {
                "address": Out(address_bits),
                "write_data": Out(32),
                "request": Out(1),
                "write": Out(1),
                "read_data": In(32),
                "done": In(1),
            }
        )


def word_bits(entry_bits: int) -> int:
    """Bits that number the 32-bit words of an entry."""
    return max(1, ceil_log2(max(1, entry_bits // 32)))


class HostPort(wiring.Signature):
    """A core's share of the internal port: whole entries, one select line per memory.

    write_data: the last words that came, oldest first; an entry of ``n`` words is the last ``n``.
    """

    def __init__(self, memories: int, entry_bits: int, address_bits: int):
        super().__init__(
            {
                "hold": Out(1),
                "select": Out(memories),
                "address": Out(address_bits),
                "word": Out(word_bits(entry_bits)),
                "write": Out(1),
                "write_data": Out(entry_bits),
                "read_data": In(32),
            }
        )
