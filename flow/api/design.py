"""A network as hardware: placed on cores, written, compared with the integer model, shown."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloom.api.given import Progress, analogue, configuration_of, data_of, is_folder, network_of
from spikeloom.files import check_place, output_errors
from spikeloom.golden.network import Network, Refusal

if TYPE_CHECKING:
    from spikeloom.api.given import AnyConfiguration, AnyData
    from spikeloom.mapped import MapReport
    from spikeloom.page.report import Report
    from spikeloom.sim.equivalence import VerifyReport

__all__ = ["generate", "generated", "map", "report", "verify"]


def map(  # noqa: A001
    network: str | Path | Network,
    *,
    config: "AnyConfiguration | None" = None,
    cores: int | None = None,
    topology: str | None = None,
    board: str | None = None,
    data: "AnyData | None" = None,
    memory_bits: int | None = None,
    output: str | Path | None = None,
    page: str | Path | None = None,
) -> "MapReport":
    """Place a network on several cores, and predict the clocks per step and the traffic between them.

    config: what it says of cores is kept, unless ``cores`` asks for so many to be filled as seems best, whatever it
    says of them, of cuts and of single populations' slots, or ``topology`` to be joined in another way. data: its first
    samples say how often neurons fire; without data a tenth of all do in each step. memory_bits: that a core may store.
    board: whose block RAM must hold all; each core is to fill its equal share at most, if that is possible. output: a
    configuration to write, for ``config`` of other functions. page: a picture to write, as HTML.
    """
    from spikeloom.golden.simulate import check_network
    from spikeloom.mapped import mapped, write
    from spikeloom.page import cores as picture

    places = {"output": output, "page": page}
    taken = {Path(network).resolve()} if isinstance(network, str | Path) else set()
    for place in places.values():
        if place is not None:
            check_place(Path(place))
            if Path(place).resolve() in taken:
                raise Refusal(f"{place}: is the network or written twice; give every file a name of its own")
            taken.add(Path(place).resolve())
    network, configuration = network_of(network), configuration_of(config, board, cores, topology)
    check_network(network)
    report = mapped(network, configuration, None if data is None else data_of(data), memory_bits, board)
    report = replace(report, **{name: Path(place) for name, place in places.items() if place is not None})
    if report.output is not None:
        write(report, report.output)
    if report.page is not None:
        picture.write(report, report.page)
    return report


def generate(
    network: str | Path | Network,
    *,
    output: str | Path,
    config: "AnyConfiguration | None" = None,
    cores: int | None = None,
    topology: str | None = None,
    board: str | None = None,
    host: str | None = None,
    clock_hz: int | None = None,
    baud: int | None = None,
) -> dict[str, Any]:
    """Write Verilog, memory images, the network and ``manifest.json`` into a folder; the manifest.

    Also ``registers.json``, the C header ``spikeloom.h`` and the list ``files.f``, for those who build it in.

    config: a file, that of ``map`` too, or a dictionary. cores: so many, filled as ``map`` does, whatever it says.
    topology: what joins them. board: takes its usual configuration where none is given, and refuses what its memories
    cannot hold; where the vendor's tools build for it, also their project is written, if no host is chosen.
    host:  also write the module by which a host reaches it: "axi", or a chip with the link over "uart", "spi" or
           "bytes". clock_hz, baud: of that chip; by default the board's or 100 MHz, and 1 Mbaud where that works.
    """
    from functools import partial

    from spikeloom.boards import catalogue
    from spikeloom.boards.families import FAMILIES
    from spikeloom.boards.soc.handover import write_handover
    from spikeloom.boards.vivado import write_project
    from spikeloom.golden.simulate import check_network
    from spikeloom.hdl.generate import generate as write
    from spikeloom.mapped import placed

    network, configuration = network_of(network), configuration_of(config, board, cores, topology)
    check_network(network)
    configuration = placed(network, configuration, board=board)
    if board is not None:
        from spikeloom.boards.fit import check_fit

        check_fit(network, configuration, board)
    if (baud is not None and host != "uart") or (clock_hz is not None and host in (None, "axi")):
        raise Refusal(
            "A clock is of a chip with a link, and a baud rate of its UART; choose the host uart, or leave them out"
        )
    if board is not None and host not in (None, "axi"):
        clock_hz = clock_hz or catalogue.find(board).core_hz
    also = partial(write_handover, host=host, clock_hz=clock_hz, baud=baud)
    if board is not None and FAMILIES[catalogue.find(board).family].flow == "vendor" and host is None:
        also = partial(write_project, board=catalogue.find(board))
    with output_errors(Path(output)):
        return write(network, configuration, Path(output), also=also)


def verify(
    source: str | Path | Network,
    *,
    data: "AnyData",
    samples: int | None = None,
    config: "AnyConfiguration | None" = None,
    cores: int | None = None,
    topology: str | None = None,
    board: str | None = None,
    level: str = "rtl",
    family: str | None = None,
    output_registers: bool = False,
    simulator: str = "verilator",
    stalls: bool = False,
    seed: int = 0,
    bulk: bool = False,
    waveform: str | Path | None = None,
    output: str | Path = Path("mismatch"),
    progress: Progress | None = None,
) -> "VerifyReport":
    """Compare every event and final state of the simulated Verilog with the golden model's.

    source: a folder of ``generate``, or a network; that is generated as ``config``, ``cores`` and ``topology`` say.
    level: "rtl", or "netlist": what synthesis makes of the Verilog, as a build for a board does it. family: of that
    board, "ecp5", "ice40" or "gowin". output_registers: as of :func:`build`.
    """
    from spikeloom.hdl.design import Design
    from spikeloom.netlist import check_level, netlist
    from spikeloom.sim import equivalence

    if board is not None and is_folder(source):
        raise Refusal(f"{source}: was generated already, whatever the board; leave out --board")
    check_level(level, family, board, output_registers, simulator)
    x = data_of(data).x
    with ExitStack() as stack:
        directory = stack.enter_context(generated(source, config, board, cores, topology))
        if level == "netlist":
            directory = stack.enter_context(netlist(directory, family, board, output_registers, progress))
        stack.enter_context(output_errors(Path(output)))
        return equivalence.verify(
            directory,
            analogue(Design(directory).network, x),
            samples=samples,
            simulator=simulator,
            stalls=stalls,
            seed=seed,
            bulk=bulk,
            waveform=None if waveform is None else Path(waveform),
            output=Path(output),
            progress=progress,
        )


def report(
    directory: str | Path,
    *,
    data: "AnyData | None" = None,
    samples: int | None = None,
    model: str | Path | None = None,
    simulator: str = "verilator",
    output: str | Path | None = None,
    progress: Progress | None = None,
) -> "Report":
    """Write one page that shows what a folder of ``generate``, ``build`` or ``demo`` holds: ``report.html`` in it.

    data:  run on the integer network, on the float model and on the simulated Verilog, and compared; without data the
           page shows what needs none. model: the .nir file that the network came from. Both are at hand for packaged
           networks.
    """
    from spikeloom.page.report import report as make

    return make(
        directory,
        data=data,
        samples=samples,
        model=model,
        simulator=simulator,
        output=output,
        progress=progress,
    )


@contextmanager
def generated(
    source: str | Path | Network,
    config: "AnyConfiguration | None" = None,
    board: str | None = None,
    cores: int | None = None,
    topology: str | None = None,
) -> Iterator[Path]:
    """The folder to simulate: the one given, or one that lasts as long as the block."""
    said = {"--config": config, "--cores": cores, "--topology": topology}
    if is_folder(source):
        if given := [option for option, value in said.items() if value is not None]:
            options = " and ".join(given)
            raise Refusal(f"{source}: was generated with a configuration of its own; leave out {options}")
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as folder:
        generate(source, output=Path(folder) / "rtl", config=config, cores=cores, topology=topology, board=board)
        yield Path(folder) / "rtl"
