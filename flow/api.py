"""One public function per command. Each takes paths or objects, returns plain results, and raises ``Refusal``.

The command line only adds words: a test compares each command's options with the parameters here. Imports are inside
the functions, so that each needs its own rooms alone. ``progress`` may be any function; it is called with a stage
(str), with counts (done, total), or with both.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloom.files import check_place, new_file, output_errors
from spikeloom.golden.network import Network, Refusal
from spikeloom.health import doctor
from spikeloom.road import demo

if TYPE_CHECKING:
    import numpy as np

    from spikeloom.boards.build import BuildReport
    from spikeloom.boards.flash import FlashReport
    from spikeloom.golden.conventions import Knobs
    from spikeloom.golden.data import Data
    from spikeloom.golden.nir_graph import Inspection
    from spikeloom.golden.quantise import ConversionReport
    from spikeloom.hdl.configuration import Configuration
    from spikeloom.mapped import MapReport
    from spikeloom.page.report import Report
    from spikeloom.sim.equivalence import VerifyReport

    #: A file, or samples as an array or with their classes.
    AnyData = str | Path | np.ndarray | Data
    AnyConfiguration = str | Path | Mapping[str, Any] | Configuration

__all__ = [
    "Conversion",
    "RunReport",
    "build",
    "check",
    "convert",
    "demo",
    "doctor",
    "flash",
    "generate",
    "map",
    "report",
    "run",
    "verify",
]

Progress = Callable[..., None]
TIMED_SAMPLES = 8


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """An integer network, and how it compares with the model it came from."""

    network: Network
    report: "ConversionReport"
    output: Path | None = None

    def summary(self) -> dict[str, Any]:
        return {"network": self.network.hash, "output": self.output, "report": self.report}


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What a network answered.

    spikes: (samples, steps, *output shape), the values of the output's events. counts: their sums over the steps, or
    what else the network's read-out makes of them. prediction: most counts, ties to the lowest. accuracy: None without
    labels. read_out: where the output sends potentials, these as floats in the model's unit, else None.
    clipped: share of analogue samples beyond what the input holds. events, potentials: of every layer, if asked for;
    hardware shows no potentials while it runs. clocks: of a chip, waits for its line included.
    """

    on: str
    spikes: "np.ndarray"
    counts: "np.ndarray"
    prediction: "np.ndarray"
    accuracy: float | None
    events: "Mapping[str, np.ndarray]"
    potentials: "Mapping[str, np.ndarray]"
    read_out: "np.ndarray | None" = None
    clipped: float = 0.0
    clocks: int | None = None
    output: Path | None = None

    def summary(self) -> dict[str, Any]:
        samples, steps = self.spikes.shape[:2]
        return {
            "on": self.on,
            "samples": samples,
            "steps": steps,
            "accuracy": self.accuracy,
            "clipped": self.clipped,
            "clocks": self.clocks,
            "spikes": int(self.spikes.sum()) if self.read_out is None else None,
            "prediction": self.prediction,
            "counts": self.counts,
            "output": self.output,
        }

    def save(self, path: Path) -> None:
        """Write ``path``; the arrays of layers are called ``events_NAME`` and ``potentials_NAME``.

        An output that sends potentials has them in ``potentials``, floats in the model's unit.
        """
        import numpy as np

        arrays = {"spikes": self.spikes, "counts": self.counts, "prediction": self.prediction}
        if self.read_out is not None:
            arrays["potentials"] = self.read_out
        for kind, layers in (("events", self.events), ("potentials", self.potentials)):
            for name, array in layers.items():
                arrays[_member(f"{kind}_{name}", arrays)] = array
        with new_file(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)


def check(model: str | Path, *, knobs: "Knobs | str | None" = None) -> "Inspection":
    """Every node of a .nir file: exact, approximate or unsupported; all problems and open questions at once."""
    from spikeloom.golden import nir_graph

    return nir_graph.inspect(model, knobs)


def convert(
    model: str | Path,
    *,
    data: "AnyData",
    output: str | Path | None = None,
    knobs: "Knobs | str | None" = None,
    weight_bits: int | str | Mapping[str, int] = 8,
    per_channel: bool = False,
    input_bits: int = 8,
    state_bits: int | None = None,
    guard_bits: int | None = None,
    read_out: str = "sum",
    synapses: str = "auto",
    search_bits: float | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Turn a .nir file into an integer network, judged on calibration data against the float model.

    weight_bits: 2..8, of all layers or by layer, or a text like "8,LAYER=4"; of 2 bits ("ternary"), weights are -1, 0
    and 1. per_channel: each neuron, or output channel of a convolution, has a scale of its own. input_bits: of analogue
    samples. read_out: what of the answer decides: its "sum", "last" or "max". synapses: "auto", of the kind that stores
    the fewest bits, or "dense", all written out as matrices. search_bits: find the narrowest weights that lose at most
    so many percentage points, instead of ``weight_bits``.
    """
    from spikeloom.golden import conventions, quantise, search

    if output is not None:
        output = Path(output)
        check_place(output)
    samples = _data(data)

    def made(bits: int | str | Mapping[str, int]) -> "tuple[Network, ConversionReport]":
        return quantise.convert(
            model,
            samples,
            knobs or conventions.Knobs(),
            weight_bits=bits,
            per_channel=per_channel,
            input_bits=input_bits,
            state_bits=state_bits,
            guard_bits=guard_bits,
            read_out=read_out,
            synapses=synapses,
        )

    if search_bits is not None:
        if weight_bits not in (8, "8"):
            raise Refusal("search_bits finds the widths of the weights itself; leave out weight_bits")
        if not isinstance(search_bits, int | float):
            raise Refusal(f"search_bits is a number of percentage points, not {search_bits!r}")
        weight_bits = search.search_bits(made, search_bits, progress)
    network, report = made(weight_bits)
    if output is not None:
        with output_errors(output):
            network.save(output)
    return Conversion(network=network, report=report, output=output)


def run(
    network: str | Path | Network,
    *,
    data: "AnyData",
    output: str | Path | None = None,
    on: str = "golden",
    design: str | Path | None = None,
    record: str = "output",
    progress: Progress | None = None,
) -> RunReport:
    """Run a network on the golden model, on its simulated hardware or on a board.

    on:     "golden"; "rtl", the simulated accelerator; "sim", the complete simulated chip with its link; or a board's
            serial port. design: the folder that the chip was built from; a board has one, and so may "sim".
    """
    from spikeloom.golden import simulate

    if output is not None:
        check_place(Path(output))
    network, samples = _network(network), _data(data)
    if record not in ("output", "all"):
        raise Refusal(f"record is 'output' or 'all', not {record!r}")
    if design is None and on not in ("golden", "rtl", "sim"):
        raise Refusal(
            f"on is 'golden', 'rtl', 'sim' or a port, not {on!r}; a port also needs the folder that the board was "
            "built from: give --design"
        )
    if design is not None and on in ("golden", "rtl"):
        raise Refusal(f"On {on!r} there is no chip that was built from {design}; leave out --design")
    samples.check(network.input, network[network.output])
    x = _analogue(network, samples.x)
    if on == "golden":
        result = simulate.run(network, x, record=record, progress=progress)
    elif on != "rtl":
        from spikeloom.device import Device

        with _generated(network) if design is None else nullcontext(Path(design)) as directory:
            with Device.open(f"sim:{directory}" if on == "sim" else on, design=directory) as device:
                device.hold(network)
                result = device.run(x, record=record, progress=progress)
    else:
        from spikeloom.sim import equivalence

        with _generated(network) as directory:
            result = equivalence.simulate(directory, x, progress=progress)
    report = RunReport(
        on=on,
        spikes=result.spikes,
        counts=result.counts,
        prediction=result.prediction,
        accuracy=accuracy(result.prediction, samples),
        events=result.events if record == "all" else {},
        potentials=result.potentials if record == "all" and on == "golden" else {},
        clipped=simulate.clipped(network.input, x),
        clocks=result.clocks if on not in ("golden", "rtl") else None,
        read_out=_potentials(network, result.spikes),
        output=None if output is None else Path(output),
    )
    if report.output is not None:
        report.save(report.output)
    return report


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

    config: what it says of cores is kept, unless ``cores`` asks for so many to be filled as seems best, or ``topology``
    to be joined in another way. data: its first samples say how often neurons fire; without data a tenth of all do in
    each step. memory_bits: that a core may store. board: whose block RAM must hold all; each core is to fill its equal
    share at most, if that is possible. output: a configuration to write, for ``config`` of other functions. page: a
    picture to write, as HTML.
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
    network, configuration = _network(network), _configuration(config, board, cores, topology)
    check_network(network)
    report = mapped(network, configuration, None if data is None else _data(data), memory_bits, board)
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
    cannot hold.
    host:  also write the module by which a host reaches it: "axi", or a chip with the link over "uart", "spi" or
           "bytes". clock_hz, baud: of that chip; by default the board's or 100 MHz, and 1 Mbaud where that works.
    """
    from functools import partial

    from spikeloom.boards import catalogue
    from spikeloom.boards.soc.handover import write_handover
    from spikeloom.golden.simulate import check_network
    from spikeloom.hdl.generate import generate as write
    from spikeloom.mapped import placed

    network, configuration = _network(network), _configuration(config, board, cores, topology)
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
    """
    from spikeloom.hdl.design import Design
    from spikeloom.sim import equivalence

    if board is not None and _is_folder(source):
        raise Refusal(f"{source}: was generated already, whatever the board; leave out --board")
    x = _data(data).x
    with _generated(source, config, board, cores, topology) as directory, output_errors(Path(output)):
        return equivalence.verify(
            directory,
            _analogue(Design(directory).network, x),
            samples=samples,
            simulator=simulator,
            stalls=stalls,
            seed=seed,
            bulk=bulk,
            waveform=None if waveform is None else Path(waveform),
            output=Path(output),
            progress=progress,
        )


def build(
    source: str | Path | Network,
    *,
    board: str,
    output: str | Path,
    config: "AnyConfiguration | None" = None,
    cores: int | None = None,
    topology: str | None = None,
    data: "AnyData | None" = None,
    seed: int = 1,
    output_registers: bool = False,
    baud: int | None = None,
    progress: Progress | None = None,
) -> "BuildReport":
    """Make a board's bitstream, and read back what the tools say of it.

    source: a folder of ``generate``, or a network; that is generated as ``config``, ``cores`` and ``topology`` say.
    data: measures the clocks of an inference, in simulation on the first few samples, and so latency and rate.
    output_registers: use the block RAMs' own registers (ECP5 only): a faster clock, the same behaviour.
    baud: of the serial link, up to an eighth of the core's clock; by default 1 Mbaud where that clock makes it.
    """
    from spikeloom.boards.build import build as make

    output = Path(output)
    x = None if data is None else _data(data).x[:TIMED_SAMPLES]
    with _generated(source, config, board, cores, topology) as directory, output_errors(output):
        clocks = None if x is None else _clocks(directory, x)
        report = make(
            directory,
            None,
            board,
            output,
            seed=seed,
            output_registers=output_registers,
            baud=baud,
            progress=progress,
        )
        return report if clocks is None else timed(report, clocks, output)


def flash(
    source: str | Path,
    *,
    board: str | None = None,
    cable: str | None = None,
    to: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> "FlashReport":
    """Load a board through openFPGALoader: a folder that ``build`` wrote, or a bitstream alone.

    board: what a bitstream alone is for. cable: openFPGALoader's name of it, if not the board's own. to: "sram", gone
    with the power, or "flash"; by default what is usual for the board. force: although the timing is missed.
    """
    from spikeloom.boards.flash import flash as load

    return load(source, board=board, cable=cable, to=to, force=force, progress=progress)


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


def timed(report: "BuildReport", clocks: float, output: Path) -> "BuildReport":
    """A build's report with the clocks that an inference takes, also in its file."""
    report = report.with_clocks(clocks)
    with new_file(output / "build.json") as partial:
        partial.write_text(report.to_json() + "\n", "utf-8")
    return report


def _clocks(directory: Path, x: "np.ndarray") -> float:
    """Clocks from one sample's end to the next, samples following without a gap."""
    from spikeloom.sim import equivalence

    ends = equivalence.simulate(directory, x).clocks
    return float(ends[-1] / len(ends))


# What the functions have in common --------------------------------------------------------------------------------


def accuracy(prediction: "np.ndarray", data: "Data") -> float | None:
    """Share of predictions that are right; None without labels."""
    return None if data.y is None else float((prediction == data.y).mean())


def _analogue(network: Network, x: "np.ndarray") -> "np.ndarray":
    """Data in the unit of the model: also whole numbers, where the input has a scale."""
    return x.astype(float) if network.input.scale != 1 and x.dtype.kind in "biu" else x


def _potentials(network: Network, values: "np.ndarray") -> "np.ndarray | None":
    """What the output's events say of its potentials, in the model's unit; None of spikes."""
    import numpy as np

    output = network[network.output]
    if output.neuron.options.get("spikes") != "potential":
        return None
    rest = dict(network.origin.get("layers", {})).get(output.name, {}).get("rest", 0.0)
    return (values * output.scale + rest).astype(np.float32)


def _network(network: str | Path | Network) -> Network:
    if isinstance(network, Network):
        return network
    if Path(network).is_dir():
        raise Refusal(f"{network}: is a folder; give the .loom file that `convert` wrote")
    return Network.load(network)


def _is_folder(source: str | Path | Network) -> bool:
    return not isinstance(source, Network) and Path(source).is_dir()


def _data(data: "AnyData") -> "Data":
    import numpy as np

    from spikeloom.golden import data as files

    if isinstance(data, str | Path):
        return files.load(data)
    if isinstance(data, np.ndarray):
        return files.Data(x=data)
    if not isinstance(data, files.Data):
        raise Refusal(f"data is a path, an array x or spikeloom.Data(x=x, y=y), not {type(data).__name__}")
    return data


def _configuration(
    config: "AnyConfiguration | None", board: str | None, cores: int | None = None, topology: str | None = None
) -> "Configuration":
    from spikeloom.hdl.configuration import Configuration

    if isinstance(config, str | Path):
        chosen = Configuration.read(config)
    elif isinstance(config, Mapping):
        chosen = Configuration.create(**{str(name): value for name, value in config.items()})
    elif isinstance(config, Configuration):
        chosen = config
    elif config is not None:
        raise Refusal(
            f"config is a path, a mapping like {{'lanes': 8}} or a Configuration, not {type(config).__name__}"
        )
    elif board is None:
        chosen = Configuration()
    else:
        from spikeloom.boards import catalogue

        chosen = Configuration(lanes=catalogue.find(board).lanes)
    said = {name: value for name, value in (("cores", cores), ("topology", topology)) if value is not None}
    return Configuration.create(**chosen.model_dump() | said) if said else chosen


@contextmanager
def _generated(
    source: str | Path | Network,
    config: "AnyConfiguration | None" = None,
    board: str | None = None,
    cores: int | None = None,
    topology: str | None = None,
) -> Iterator[Path]:
    """The folder to simulate: the one given, or one that lasts as long as the block."""
    said = {"--config": config, "--cores": cores, "--topology": topology}
    if _is_folder(source):
        if given := [option for option, value in said.items() if value is not None]:
            options = " and ".join(given)
            raise Refusal(f"{source}: was generated with a configuration of its own; leave out {options}")
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as folder:
        generate(source, output=Path(folder) / "rtl", config=config, cores=cores, topology=topology, board=board)
        yield Path(folder) / "rtl"


def _member(name: str, taken: Mapping[str, Any]) -> str:
    """A name from a file as an array's: nothing that a file system would read, and no other one's."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    names = (plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3)))
    return next(n for n in names if n not in taken)
