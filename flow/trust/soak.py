"""The check "soak": packets through interconnects and events through chips for very long, each of them counted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikeloom.golden.network import Convolution, Dense, Network, Neuron, OneToOne, Population, Projection, Window
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.hdl.routers import Crossbar, Interconnect, Mesh, Ring
from spikeloom.sim.equivalence import verify
from spikeloom.sim.soak import PAYLOAD_BITS, soak
from spikeloom.trust.check import Check, Figure, Job, Row, Rows

__all__ = ["CHECK"]

ROUTERS, CHIPS = "Packets through interconnects", "Events through chips"
WRONG = ("lost", "doubled", "disordered", "unstable", "miscounted")


@dataclass(frozen=True, kw_only=True)
class Routers:
    """An interconnect, for so many clocks in the quick run and in the full one."""

    kind: type[Interconnect]
    nodes: int
    quick: int
    full: int

    def rows(self, job: Job) -> Rows:
        clocks = self.full if job.full else self.quick
        seed = 2 if job.full else 1
        found = soak(self.kind(self.nodes, PAYLOAD_BITS), clocks, seed=seed, progress=job.progress)
        row: Row = {"interconnect": f"{self.kind.kind} of {self.nodes} nodes", "seed": seed, "clocks": found.clocks}
        row |= {"packets": found.packets, "copies that came": found.copies}
        row |= {what: getattr(found, what) for what in WRONG}
        return {ROUTERS: [row | {"clocks in which a link waited": found.stalled}]}


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A small network on several cores, sample after sample, compared with golden in every event and state."""

    topology: str
    order: str
    quick: int
    full: int

    def rows(self, job: Job) -> Rows:
        clocks, least = 0, self.full if job.full else self.quick
        configuration = Configuration.create(
            lanes=LANES, topology=self.topology, order=self.order, cores={"image": 0, "beside": 1, "out": 2}
        )
        folder = job.folder / "design"
        generate(network(), configuration, folder)
        inputs = Design(folder).network.input.size
        row: Row = {"design": f"3 cores, {self.topology}, order {self.order}", "samples": 0, "clocks": 0}
        row |= {"events": 0, "states": 0, "differences": 0, "problems": 0, "clocks that streams were held back": 0}
        while clocks < least:
            rng = np.random.default_rng([2 if job.full else 1, clocks])
            x = rng.random((SAMPLES, STEPS, inputs)) < rng.choice((0.02, 0.1, 0.3, 0.9), (SAMPLES, 1, 1))
            seed = int(rng.integers(1 << 30))
            report = verify(
                folder, x.astype(np.int16), stalls=True, seed=seed, bulk=True, output=job.folder / "mismatch"
            )
            row["samples"] += report.samples
            row["clocks"] = clocks = clocks + report.clocks
            row["events"] += report.events
            row["states"] += report.states
            row["differences"] += report.differences
            row["problems"] += len(report.problems)
            row["clocks that streams were held back"] += report.stalls["i_gaps"] + report.stalls["o_waits"]
            job.progress(min(clocks, least), least)
            if not report.ok:
                break
        return {CHIPS: [row]}


def network() -> Network:
    """An image to another; beside it neurons with a loop; and a read-out of both, a step late of the image."""
    rng = np.random.default_rng(9)
    window = Window(source=(1, 4, 4), kernel=(2, 1, 3, 3), stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1))
    shapes = {"in": (1, 4, 4), "image": (2, 4, 4), "beside": (12,), "out": (6,)}

    def population(name: str, shape: tuple[int, ...]) -> Population:
        if name == "in":
            return Population(name=name, shape=shape, neuron=None, value_bits=1)
        each = rng.integers(20, 60, int(np.prod(shape)))
        parameters = {
            "keep": 200,
            "threshold": each,
            "subtract": each,
            "v_reset": 0,
            "v_min": -40,
            "v_init": 0,
            "bias": 1,
        }
        options = {"reset": "subtract", "reset_when": "same-step", "spikes": "one", "decay_bits": 8, "guard": 0}
        model = Neuron(model="lif", states={"v": 12}, parameters=parameters, options=options)
        return Population(name=name, shape=shape, neuron=model, value_bits=1)

    def dense(source: int, target: int) -> Dense:
        return Dense(weights=rng.integers(-8, 16, (source, target)), bits=5)

    synapses = {
        ("in", "image"): (Convolution(weights=rng.integers(-6, 14, window.kernel), bits=5, window=window), 0),
        ("in", "beside"): (dense(16, 12), 0),
        ("beside", "beside"): (OneToOne(weights=np.array(-9), bits=5, neurons=12), 1),
        ("image", "out"): (dense(32, 6), 1),
        ("beside", "out"): (dense(12, 6), 0),
    }
    return Network(
        populations=[population(name, shape) for name, shape in shapes.items()],
        projections=[Projection(source=a, target=b, synapses=s, delay=d) for (a, b), (s, d) in synapses.items()],
        output="out",
    )


LANES, SAMPLES, STEPS = 2, 400, 10
MILLION = 10**6
PARTS: dict[str, Routers | Chip] = {
    "crossbar of 5": Routers(kind=Crossbar, nodes=5, quick=40 * MILLION, full=2000 * MILLION),
    "ring of 8": Routers(kind=Ring, nodes=8, quick=30 * MILLION, full=1300 * MILLION),
    "mesh of 4": Routers(kind=Mesh, nodes=4, quick=15 * MILLION, full=700 * MILLION),
    "mesh of 16": Routers(kind=Mesh, nodes=16, quick=1 * MILLION, full=50 * MILLION),
    "crossbar of 3": Routers(kind=Crossbar, nodes=3, quick=0, full=4000 * MILLION),
    "ring of 4": Routers(kind=Ring, nodes=4, quick=10 * MILLION, full=2000 * MILLION),
    "chip, crossbar": Chip(topology="crossbar", order="neuron", quick=2 * MILLION, full=250 * MILLION),
    "chip, ring": Chip(topology="ring", order="event", quick=2 * MILLION, full=500 * MILLION),
    "chip, mesh": Chip(topology="mesh", order="auto", quick=0, full=250 * MILLION),
}


def parts(full: bool) -> Sequence[str]:
    return [name for name, part in PARTS.items() if full or part.quick]


def run(part: str, job: Job) -> Rows:
    return PARTS[part].rows(job)


def figures(rows: Rows, full: bool) -> list[Figure]:
    routers, chips = rows.get(ROUTERS, ()), rows.get(CHIPS, ())
    routed, chip = (sum(row["clocks"] for row in found) for found in (routers, chips))
    wrong = sum(row[what] for row in routers for what in WRONG)
    differing = sum(row["differences"] + row["problems"] for row in chips)
    bounds = (10**10, 10**9) if full else (None, None)
    return [
        Figure(what="soak clocks", value=routed + chip, of=ROUTERS, least=10**8),
        Figure(what="clocks of interconnects", value=routed, of=ROUTERS, least=bounds[0]),
        Figure(what="clocks of chips", value=chip, of=CHIPS, least=bounds[1]),
        Figure(what="packets lost, doubled, overtaken, changed or miscounted", value=wrong, of=ROUTERS, most=0),
        Figure(what="events and states that differ, and runs that did not end well", value=differing, of=CHIPS, most=0),
        Figure(what="packets", value=sum(row["packets"] for row in routers), of=ROUTERS, least=10**6),
        Figure(what="events in chips", value=sum(row["events"] for row in chips), of=CHIPS, least=10**4),
    ]


CHECK = Check(
    name="soak",
    title="Soak",
    about="Whole interconnects are given random packets to any number of nodes, with habits of every port that change "
    "all the time and random back-pressure; each copy is missed until it came. Chips of several cores are given random "
    "samples, with random gaps and stalls of both streams and events in random order, and every event of every "
    "population at every step, and the states after each run, are compared with golden's.",
    parts=parts,
    run=run,
    cases=lambda rows: (
        sum(row["packets"] for row in rows.get(ROUTERS, ())) + sum(row["events"] for row in rows.get(CHIPS, ()))
    ),
    figures=figures,
)
