"""A model as an integer network, and what that answers."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloom.api.design import generated
from spikeloom.api.given import Progress, analogue, data_of, network_of
from spikeloom.files import check_place, new_file, output_errors
from spikeloom.golden.network import Network, Refusal

if TYPE_CHECKING:
    import numpy as np

    from spikeloom.api.given import AnyData
    from spikeloom.golden.conventions import Knobs
    from spikeloom.golden.data import Data
    from spikeloom.golden.nir_graph import Inspection
    from spikeloom.golden.quantise import ConversionReport

__all__ = ["Conversion", "RunReport", "accuracy", "check", "convert", "run"]


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
    state_bits: int | str | Mapping[str, int] | None = None,
    guard_bits: int | str | Mapping[str, int] | None = None,
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
    so many percentage points, instead of ``weight_bits``. state_bits, guard_bits: of a potential, and those of it below
    the unit of the weights; given like ``weight_bits``, but layers of different ones cannot share a core.
    """
    from spikeloom.golden import conventions, quantise, search
    from spikeloom.hdl.supported import beyond, of_network

    if output is not None:
        output = Path(output)
        check_place(output)
    samples = data_of(data)

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
    report = replace(report, notes=(*report.notes, *beyond(of_network(network))))
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
    network, samples = network_of(network), data_of(data)
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
    x = analogue(network, samples.x)
    if on == "golden":
        result = simulate.run(network, x, record=record, progress=progress)
    elif on != "rtl":
        from spikeloom.device import Device

        with generated(network) if design is None else nullcontext(Path(design)) as directory:
            with Device.open(f"sim:{directory}" if on == "sim" else on, design=directory) as device:
                device.hold(network)
                result = device.run(x, record=record, progress=progress)
    else:
        from spikeloom.sim import equivalence

        with generated(network) as directory:
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


def accuracy(prediction: "np.ndarray", data: "Data") -> float | None:
    """Share of predictions that are right; None without labels."""
    return None if data.y is None else float((prediction == data.y).mean())


def _potentials(network: Network, values: "np.ndarray") -> "np.ndarray | None":
    """What the output's events say of its potentials, in the model's unit; None of spikes."""
    import numpy as np

    output = network[network.output]
    if output.neuron.options.get("spikes") != "potential":
        return None
    rest = dict(network.origin.get("layers", {})).get(output.name, {}).get("rest", 0.0)
    return (values * output.scale + rest).astype(np.float32)


def _member(name: str, taken: Mapping[str, Any]) -> str:
    """A name from a file as an array's: nothing that a file system would read, and no other one's."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    names = (plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3)))
    return next(n for n in names if n not in taken)
