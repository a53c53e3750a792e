"""The GateMate evaluation board, and what Amaranth needs to know of GateMate: files for the tools, and buffers."""

from typing import Any

from amaranth.build import Attrs, Clock, Pins, Resource, TemplatedPlatform
from amaranth.hdl import Instance, Module, Signal
from amaranth.lib import io
from amaranth_boards.resources import LEDResources, UARTResource

__all__ = ["GateMateEvaluationPlatform", "GateMatePlatform"]


class GateMateBuffer(io.Buffer):
    """Inputs and outputs; nothing here needs a pin that is both."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        invert = sum(inverted << bit for bit, inverted in enumerate(self.port.invert))
        plain = Signal(len(self.port))
        for bit in range(len(self.port)):
            pin = self.port.io[bit]
            if self.direction is io.Direction.Input:
                m.submodules[f"pin{bit}"] = Instance("CC_IBUF", i_I=pin, o_Y=plain[bit])
            else:
                m.submodules[f"pin{bit}"] = Instance("CC_TOBUF", i_A=plain[bit], i_T=~self.oe, o_O=pin)
        if self.direction is io.Direction.Input:
            m.d.comb += self.i.eq(plain ^ invert)
        else:
            m.d.comb += plain.eq(self.o ^ invert)
        return m


class GateMatePlatform(TemplatedPlatform):
    toolchain = "Peppercorn"
    required_tools = ()
    command_templates = ()
    file_templates = {  # noqa: RUF012
        "{{name}}.il": "{{emit_rtlil()}}",
        "{{name}}.ccf": r"""
            {% for port_name, pin_name, attrs in platform.iter_port_constraints_bits() -%}
                NET "{{port_name}}" Loc = "{{pin_name}}"
                {%- for name, value in attrs.items() %} | {{name}}={{value}}{% endfor %};
            {% endfor %}
        """,
    }

    def get_io_buffer(self, buffer: Any) -> GateMateBuffer:
        if not isinstance(buffer, io.Buffer) or buffer.direction is io.Direction.Bidir:
            raise TypeError(f"Unsupported buffer {buffer!r}")
        result = GateMateBuffer(buffer.direction, buffer.port)
        if buffer.direction is io.Direction.Input:
            result.i = buffer.i
        else:
            result.o, result.oe = buffer.o, buffer.oe
        return result


class GateMateEvaluationPlatform(GateMatePlatform):
    """Its USB only loads it: the UART is that of a Pmod USBUART in PMOD A."""

    device = "CCGM1A1"
    default_clk = "clk10"
    resources = (
        Resource("clk10", 0, Pins("IO_SB_A8", dir="i"), Clock(10e6), Attrs(SCHMITT_TRIGGER="true")),
        UARTResource(0, rx="IO_NB_A2", tx="IO_NB_A1"),
        *LEDResources(pins=" ".join(f"IO_EB_B{number}" for number in range(1, 9)), invert=True),
    )
    connectors = ()
