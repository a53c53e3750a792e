"""What is known of a board: its device, its clock, and how a host reaches it."""

import importlib
from dataclasses import dataclass, field
from typing import Any, Literal

from spikeloom.hdl.configuration import Configuration

__all__ = ["Board", "Resources"]


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a device holds, or what a design needs. ``lut`` counts the family's logic cells."""

    lut: int
    ff: int
    block_ram: int
    dsp: int


@dataclass(frozen=True, kw_only=True)
class Board:
    """One board.

    family:     of ``boards.families``: which tools build for it, with which primitives.
    option:     the device as the tools' option.
    speed:      the device's speed grade, "" where the family has none. Every Fmax is for this grade.
    platform:   module and class, of amaranth-boards or of ``boards.platforms``; imported only when a build needs it.
    crystal:    the platform's clock resource, and its frequency.
    crystal_at_pll: its pin is the PLL's own, where the family has such pins.
    core_hz:    the accelerator's clock, made from the crystal by the device's PLL.
    configuration: what a network gets here when nobody says otherwise.
    block_bits: bits in one block RAM. single_port_bits: in all of the large memory with one port (SPRAM).
    transport:  what carries the host's accesses: a ``uart`` on the platform's pins, or ``axi`` inside the device.
    host:       how a host reaches the accelerator, as a sentence's subject.
    loader:     what openFPGALoader calls the board, "" if it does not know it. loader_options: in place of a cable.
    usb:        vendor and product of its cable, as ``lsusb`` shows them.
    loads:      what is loaded when nobody says otherwise: the device's own ``sram``, or the ``flash`` beside it.
    pack_options: further ones of the packer.
    """

    name: str
    title: str
    family: str
    device: str
    option: str
    package: str = ""
    speed: str = ""
    platform: str
    crystal: str
    crystal_hz: int
    crystal_at_pll: bool = False
    core_hz: int
    configuration: Configuration
    resources: Resources
    block_bits: int
    transport: Literal["uart", "axi"] = "uart"
    host: str
    loader: str
    usb: str
    loads: Literal["sram", "flash"]
    pack_options: tuple[str, ...] = ()
    single_port_bits: int = 0
    # Not in what names a build: none depends on it.
    loader_options: tuple[str, ...] = field(default=(), repr=False)

    @property
    def memory_bits(self) -> int:
        return self.resources.block_ram * self.block_bits

    def new_platform(self) -> Any:
        """A fresh Amaranth platform (one serves a single build)."""
        module, name = self.platform.split(":")
        return getattr(importlib.import_module(module), name)()
