"""The page of registers beside the accelerator's own, for a CPU on a bus: declared once.

The gateware (``boards.soc.axi``), ``registers.json``, the C header and the documentation are made from these tables.
"""

from dataclasses import dataclass

from spikeloom.boards.link.protocol import IDENTITY

__all__ = ["IDENTITY", "PAGE", "PAGE_WORDS", "VERSION", "BitField", "PageRegister"]

#: Of the page: it changes with the meaning of a register.
VERSION = 1
#: Words of the page; those without a register are not mapped.
PAGE_WORDS = 16


@dataclass(frozen=True, kw_only=True)
class BitField:
    name: str
    low: int
    bits: int
    about: str


@dataclass(frozen=True, kw_only=True)
class PageRegister:
    """A word of the page. access: "r", "w" or "rw"."""

    name: str
    address: int
    access: str
    about: str
    fields: tuple[BitField, ...] = ()


PAGE = {
    register.name: register
    for register in (
        PageRegister(name="identity", address=0, access="r", about="0x4D4F4F4C, 'LOOM'"),
        PageRegister(
            name="version",
            address=1,
            access="r",
            about="of this page, and sizes that a driver can compare with its header",
            fields=(
                BitField(name="version", low=0, bits=8, about="of this page: 1"),
                BitField(name="flit_bits", low=8, bits=8, about="bits of a flit"),
                BitField(name="address_bits", low=16, bits=8, about="bits of a word address of the accelerator's map"),
            ),
        ),
        PageRegister(name="hardware", address=2, access="r", about="hash of the accelerator's parameters"),
        PageRegister(
            name="network",
            address=3,
            access="rw",
            about="hash of the network in the memories, kept by software; after configuration, what the input "
            "network has. A reset leaves it, as it leaves the memories",
        ),
        PageRegister(
            name="page_control",
            address=4,
            access="rw",
            about="who has the accelerator's streams",
            fields=(
                BitField(
                    name="from_bus",
                    low=0,
                    bits=1,
                    about="1: event_in and event_out; 0: s_axis and m_axis. Decides for each flit as the accelerator "
                    "takes or gives it",
                ),
            ),
        ),
        PageRegister(
            name="page_status",
            address=5,
            access="r",
            about="what can be done now",
            fields=(
                BitField(name="waiting", low=0, bits=1, about="a flit waits in event_out"),
                BitField(name="room", low=1, bits=1, about="event_in takes a flit: from_bus is 1, and there is room"),
                BitField(name="offered", low=2, bits=1, about="a flit waits at m_axis"),
                BitField(
                    name="fault", low=3, bits=1, about="the accelerator's fault, seen while its interrupt is enabled"
                ),
                BitField(name="interrupt", low=4, bits=1, about="level of the output interrupt"),
            ),
        ),
        PageRegister(
            name="interrupt_enable",
            address=6,
            access="rw",
            about="what makes the output interrupt high, for as long as it lasts",
            fields=(
                BitField(name="waiting", low=0, bits=1, about="a flit waits in event_out"),
                BitField(name="fault", low=1, bits=1, about="bit 1 of the accelerator's status"),
            ),
        ),
        PageRegister(
            name="event_in",
            address=8,
            access="w",
            about="bits 31:0 of a flit, which goes into the accelerator; an error, and nothing, unless room is 1",
        ),
        PageRegister(
            name="event_in_high",
            address=9,
            access="w",
            about="bits 63:32 of the next flits of event_in, held; of use where flits have more than 32 bits",
        ),
        PageRegister(
            name="event_out",
            address=10,
            access="r",
            about="bits 31:0 of the flit that waits, which is taken with this; an error, and 0, unless waiting is 1",
        ),
        PageRegister(
            name="event_out_high",
            address=11,
            access="r",
            about="bits 63:32 of the flit that waits, which stays; 0 where flits have at most 32 bits",
        ),
    )
}
