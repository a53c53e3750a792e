"""One public function per command. Each takes paths or objects, returns plain results, and raises ``Refusal``.

The command line only adds words: a test compares each command's options with the parameters here. Imports are inside
the functions, so that each needs its own rooms alone. ``progress`` may be any function; it is called with a stage
(str), with counts (done, total), or with both.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloom.files import new_file, output_errors
from spikeloom.golden.network import Network, Refusal
from spikeloom.health import doctor
from spikeloom.road import demo

if TYPE_CHECKING:
    import numpy as np

    from spikeloom.boards.build import BuildReport
    from spikeloom.golden.conventions import Knobs
    from spikeloom.golden.data import Data
    from spikeloom.golden.nir_graph import Inspection
    from spikeloom.golden.quantise import ConversionReport
    from spikeloom.hdl.configuration import Configuration
    from spikeloom.sim.equivalence import VerifyReport

__all__ = ["Conversion", "RunReport", "build", "check", "convert", "demo", "doctor", "generate", "run", "verify"]

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

    spikes: (samples, steps, *output shape). counts: their sums over the steps. prediction: most counts, ties to the
    lowest. accuracy: None without labels. events, potentials: of every layer, if asked for; hardware shows no
    potentials while it runs.
    """

    on: str
    spikes: "np.ndarray"
    counts: "np.ndarray"
    prediction: "np.ndarray"
    accuracy: float | None
    events: "Mapping[str, np.ndarray]"
    potentials: "Mapping[str, np.ndarray]"
    output: Path | None = None

    def summary(self) -> dict[str, Any]:
        samples, steps = self.spikes.shape[:2]
        return {
            "on": self.on,
            "samples": samples,
            "steps": steps,
            "accuracy": self.accuracy,
            "spikes": int(self.spikes.sum()),
            "prediction": self.prediction,
            "counts": self.counts,
            "output": self.output,
        }

    def save(self, path: Path) -> None:
        """Write ``path``; the arrays of layers are called ``events_NAME`` and ``potentials_NAME``."""
        import numpy as np

        arrays = {"spikes": self.spikes, "counts": self.counts, "prediction": self.prediction}
        for kind, layers in (("events", self.events), ("potentials", self.potentials)):
            for name, array in layers.items():
                arrays[_member(f"{kind}_{name}", arrays)] = array
        with new_file(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)


def check(model: str | Path, *, knobs: "Knobs | None" = None) -> "Inspection":
    """Every node of a .nir file: exact, approximate or unsupported; all problems and open questions at once."""
    from spikeloom.golden import nir_graph

    return nir_graph.inspect(model, knobs)


def convert(
    model: str | Path,
    *,
    data: "str | Path | Data",
    output: str | Path | None = None,
    knobs: "Knobs | None" = None,
    weight_bits: int = 8,
    state_bits: int | None = None,
    guard_bits: int | None = None,
) -> Conversion:
    """Turn a .nir file into an integer network, judged on calibration data against the float model."""
    from spikeloom.golden import conventions, quantise

    network, report = quantise.convert(
        model,
        _data(data),
        knobs or conventions.Knobs(),
        weight_bits=weight_bits,
        state_bits=state_bits,
        guard_bits=guard_bits,
    )
    if output is not None:
        output = Path(output)
        with output_errors(output):
            network.save(output)
    return Conversion(network=network, report=report, output=output)


def run(
    network: str | Path | Network,
    *,
    data: "str | Path | Data",
    output: str | Path | None = None,
    on: str = "golden",
    record: str = "output",
    progress: Progress | None = None,
) -> RunReport:
    """Run a network on the golden model or on its simulated hardware."""
    from spikeloom.golden import simulate

    network, samples = _network(network), _data(data)
    if on not in ("golden", "rtl") or record not in ("output", "all"):
        raise Refusal(f"on is 'golden' or 'rtl', record is 'output' or 'all'; not {on!r}, {record!r}")
    if on == "golden":
        result = simulate.run(network, samples.x, record=record, progress=progress)
    else:
        from spikeloom.sim import equivalence

        with _generated(network, None, None) as directory:
            result = equivalence.simulate(directory, samples.x, progress=progress)
    report = RunReport(
        on=on,
        spikes=result.spikes,
        counts=result.counts,
        prediction=result.prediction,
        accuracy=accuracy(result.prediction, samples),
        events=result.events if record == "all" else {},
        potentials=result.potentials if record == "all" and on == "golden" else {},
        output=None if output is None else Path(output),
    )
    if report.output is not None:
        report.save(report.output)
    return report


def generate(
    network: str | Path | Network,
    *,
    output: str | Path,
    config: "str | Path | Configuration | None" = None,
    board: str | None = None,
) -> dict[str, Any]:
    """Write Verilog, memory images, the network and ``manifest.json`` into a folder; the manifest."""
    from spikeloom.hdl.generate import generate as write

    network = _network(network)
    with output_errors(Path(output)):
        return write(network, _configuration(config, board), Path(output))


def verify(
    source: str | Path | Network,
    *,
    data: "str | Path | Data",
    samples: int | None = None,
    config: "str | Path | Configuration | None" = None,
    board: str | None = None,
    simulator: str = "verilator",
    stalls: bool = False,
    seed: int = 0,
    waveform: str | Path | None = None,
    output: str | Path = Path("mismatch"),
    progress: Progress | None = None,
) -> "VerifyReport":
    """Compare every event and final state of the simulated Verilog with the golden model's."""
    from spikeloom.sim import equivalence

    x = _data(data).x
    with _generated(source, config, board) as directory, output_errors(Path(output)):
        return equivalence.verify(
            directory,
            x,
            samples=samples,
            simulator=simulator,
            stalls=stalls,
            seed=seed,
            waveform=None if waveform is None else Path(waveform),
            output=Path(output),
            progress=progress,
        )


def build(
    source: str | Path | Network,
    *,
    board: str,
    output: str | Path,
    config: "str | Path | Configuration | None" = None,
    data: "str | Path | Data | None" = None,
    seed: int = 1,
    progress: Progress | None = None,
) -> "BuildReport":
    """Make a board's bitstream, and read back what the tools say of it.

    data: measures the clocks of an inference, in simulation on the first few samples, and so latency and rate.
    """
    from spikeloom.boards.build import build as make

    output = Path(output)
    x = None if data is None else _data(data).x[:TIMED_SAMPLES]
    with _generated(source, config, board) as directory, output_errors(output):
        clocks = None if x is None else _clocks(directory, x)
        report = make(directory, None, board, output, seed=seed, progress=progress)
        return report if clocks is None else timed(report, clocks, output)


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


def _network(network: str | Path | Network) -> Network:
    if isinstance(network, Network):
        return network
    if Path(network).is_dir():
        raise Refusal(f"{network}: is a folder; give the .loom file that `convert` wrote")
    return Network.load(network)


def _data(data: "str | Path | Data") -> "Data":
    from spikeloom.golden import data as files

    return files.load(data) if isinstance(data, str | Path) else data


def _configuration(config: "str | Path | Configuration | None", board: str | None) -> "Configuration":
    from spikeloom.hdl.configuration import Configuration

    defaults = Configuration()
    if board is not None:
        from spikeloom.boards import catalogue

        defaults = Configuration(lanes=catalogue.find(board).lanes)
    if config is None:
        return defaults
    return Configuration.read(config) if isinstance(config, str | Path) else config


@contextmanager
def _generated(
    source: str | Path | Network, config: "str | Path | Configuration | None", board: str | None
) -> Iterator[Path]:
    """The folder to simulate: the one given, or one that lasts as long as the block."""
    if not isinstance(source, Network) and Path(source).is_dir():
        if config is not None:
            raise Refusal(f"{source}: was generated with a configuration of its own; leave out --config")
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as folder:
        generate(source, output=Path(folder) / "rtl", config=config, board=board)
        yield Path(folder) / "rtl"


def _member(name: str, taken: Mapping[str, Any]) -> str:
    """A name from a file as an array's: nothing that a file system would read, and no other one's."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    names = (plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3)))
    return next(n for n in names if n not in taken)
