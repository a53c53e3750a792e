"""The accelerator in a LiteX system on chip. Nothing else here needs LiteX (written with 2024.12).

In the SoC's ``__init__``, with the folder of ``spikeloom generate`` for the host "axi"::

    self.spikeloom = Spikeloom(platform, "rtl")
    region = SoCRegion(origin=0x9000_0000, size=self.spikeloom.size, cached=False)
    self.bus.add_slave("spikeloom", self.spikeloom.bus, region)  # LiteX bridges it to its own bus
    self.irq.add("spikeloom")

Then ``driver.c`` runs on the SoC's CPU, with ``read32(offset)`` as a volatile load from ``SPIKELOOM_BASE + offset``.
The tools read the ``.mem`` files from where they run: copy them into the folder of the gateware, or load the network by
the driver. A DMA moves many events with less of the CPU's time: connect its streams to ``sink`` and ``source`` (LiteX's
``WishboneDMAReader`` and ``WishboneDMAWriter``), and leave ``from_bus`` at 0.
"""

import json
from pathlib import Path

from litex.gen import LiteXModule
from litex.soc.interconnect import axi, stream
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceLevel
from migen import ClockSignal, Constant, Instance, ResetSignal

__all__ = ["Spikeloom"]


class Spikeloom(LiteXModule):
    """bus: registers, memories, and events one by one. sink, source: events as streams. ev: the interrupt."""

    def __init__(self, platform, folder):
        folder = Path(folder)
        about = json.loads((folder / "registers.json").read_text())
        for name in about["files"]:
            platform.add_source(str(folder / name))
        address_bits = about["address_bits"] + 2
        data_bits = -(-about["flit"]["bits"] // 8) * 8
        self.size = 1 << address_bits
        self.bus = bus = axi.AXILiteInterface(data_width=32, address_width=32)
        self.sink = sink = stream.Endpoint([("data", data_bits)])
        self.source = source = stream.Endpoint([("data", data_bits)])
        self.ev = EventManager()
        self.ev.interrupt = EventSourceLevel()
        self.ev.finalize()
        self.specials += Instance(
            about["top"],
            i_aclk=ClockSignal("sys"),
            i_aresetn=~ResetSignal("sys"),
            i_network=about["network"],
            o_interrupt=self.ev.interrupt.trigger,
            i_s_axi_awaddr=bus.aw.addr[:address_bits],
            i_s_axi_awprot=Constant(0, 3),
            i_s_axi_awvalid=bus.aw.valid,
            o_s_axi_awready=bus.aw.ready,
            i_s_axi_wdata=bus.w.data,
            i_s_axi_wstrb=bus.w.strb,
            i_s_axi_wvalid=bus.w.valid,
            o_s_axi_wready=bus.w.ready,
            o_s_axi_bresp=bus.b.resp,
            o_s_axi_bvalid=bus.b.valid,
            i_s_axi_bready=bus.b.ready,
            i_s_axi_araddr=bus.ar.addr[:address_bits],
            i_s_axi_arprot=Constant(0, 3),
            i_s_axi_arvalid=bus.ar.valid,
            o_s_axi_arready=bus.ar.ready,
            o_s_axi_rdata=bus.r.data,
            o_s_axi_rresp=bus.r.resp,
            o_s_axi_rvalid=bus.r.valid,
            i_s_axi_rready=bus.r.ready,
            i_s_axis_tdata=sink.data,
            i_s_axis_tvalid=sink.valid,
            o_s_axis_tready=sink.ready,
            i_s_axis_tlast=sink.last,
            o_m_axis_tdata=source.data,
            o_m_axis_tvalid=source.valid,
            i_m_axis_tready=source.ready,
            o_m_axis_tlast=source.last,
        )
