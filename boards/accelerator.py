"""The verified Verilog as a part of a larger design."""

from typing import Any

from amaranth.hdl import ClockSignal, Instance, ResetSignal

__all__ = ["accelerator"]


def accelerator(host: Any) -> Instance:
    """The module ``accelerator`` on the streams and the port of a host: its ``o_flits``, ``i_flits`` and ``port``.

    It is not elaborated here: synthesiser and simulator read the file that was generated.
    """
    return Instance(
        "accelerator",
        i_clk=ClockSignal(),
        i_rst=ResetSignal(),
        i_i__payload=host.o_flits.payload,
        i_i__valid=host.o_flits.valid,
        o_i__ready=host.o_flits.ready,
        o_o__payload=host.i_flits.payload,
        o_o__valid=host.i_flits.valid,
        i_o__ready=host.i_flits.ready,
        i_port__address=host.port.address,
        i_port__write_data=host.port.write_data,
        i_port__request=host.port.request,
        i_port__write=host.port.write,
        o_port__read_data=host.port.read_data,
        o_port__done=host.port.done,
    )
