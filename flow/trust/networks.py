"""The packaged networks, trained by several frameworks, in hardware of several shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import spikeloom
from spikeloom import packaged
from spikeloom.golden import data
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.supported import of_hardware, of_network
from spikeloom.trust.check import Check, Figure, Job, Rows

__all__ = ["CHECK", "SHAPES"]

#: Of each network's test data in the quick run.
SAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A packaged network in hardware of some shape."""

    network: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    weight_bits: int = 8
    stalls: bool = False

    @property
    def name(self) -> str:
        said = ", ".join(f"{name} {value}" for name, value in self.configuration.items())
        return ", ".join(filter(None, [self.network, f"{self.weight_bits} bit", said, "stalls" * self.stalls]))


SHAPES = {
    shape.name: shape
    for shape in (
        *(Shape(network=name, stalls=True) for name in packaged.PACKAGED),
        Shape(network="digits", configuration={"lanes": 1}, weight_bits=2),
        Shape(network="digits", configuration={"lanes": 128, "units": 8}, weight_bits=3),
        Shape(network="digits", configuration={"lanes": 64, "units": 16}, weight_bits=4),
        Shape(network="vowels", configuration={"lanes": 2, "cores": 4, "topology": "ring"}, weight_bits=6),
        Shape(network="cnn", configuration={"lanes": 8, "cores": 4, "topology": "mesh"}, weight_bits=5),
    )
}


def _parts(full: bool) -> Sequence[str]:
    return list(SHAPES)


def _run(part: str, job: Job) -> Rows:
    shape = SHAPES[part]
    network = packaged.find(shape.network)
    made = spikeloom.convert(
        network.model,
        data=network.calibration,
        knobs=network.resolved,
        read_out=network.read_out,
        weight_bits=shape.weight_bits,
    ).network
    x = data.load(network.test).x
    if not job.full:
        x = x[np.linspace(0, len(x) - 1, SAMPLES).astype(int)]
    configuration = Configuration.create(**shape.configuration)
    report = spikeloom.verify(
        made,
        data=x,
        config=configuration,
        stalls=shape.stalls,
        bulk=True,
        output=job.folder / "mismatch",
    )
    ranges = of_network(made) | of_hardware(map_network(made, configuration).parameters)
    row = {
        "network": shape.network,
        "weight_bits": shape.weight_bits,
        "hardware": ", ".join(f"{name} {value}" for name, value in shape.configuration.items()) or "as it comes",
        "stalls": shape.stalls,
        "samples": report.samples,
        "events": report.events,
        "states": report.states,
        "differ": report.differences + len(report.problems),
        "verilog": report.verilog[:12],
        "verdict": report.verdict,
    }
    return {
        "networks": [row],
        "parameters": [
            {"parameter": name, "smallest": low, "largest": high, "of": shape.network}
            for name, (low, high) in ranges.items()
        ],
    }


def _figures(rows: Rows, full: bool) -> Sequence[Figure]:
    tried = rows["networks"]
    return [
        Figure(what="packaged networks and shapes compared", value=len(tried), least=len(_parts(full)), of="networks"),
        Figure(what="of these, without an event", value=sum(not row["events"] for row in tried), most=0, of="networks"),
        Figure(what="events compared", value=sum(row["events"] for row in tried), least=1, of="networks"),
        Figure(what="events and states that differ", value=sum(row["differ"] for row in tried), most=0, of="networks"),
    ]


CHECK = Check(
    name="networks",
    title="Trained networks",
    about="Every packaged network, as the frameworks trained them, is generated and simulated in Verilog; every event "
    "of every neuron and every final state is compared with the golden model. Some run on one lane and on 128, and on "
    "several cores.",
    parts=_parts,
    run=_run,
    cases=lambda rows: sum(row["samples"] for row in rows["networks"]),
    figures=_figures,
)
