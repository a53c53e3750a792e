"""The designs of the coverage check: small, and between them with all that a design can have."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikeloom.golden.network import (
    Convolution,
    Dense,
    Network,
    Neuron,
    OneToOne,
    Population,
    Projection,
    Sparse,
    Window,
)
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.routers.topology import Topology
from spikeloom.sim.coverage.bins import Bin
from spikeloom.sim.coverage.core_bins import CORE
from spikeloom.sim.coverage.neuron_bins import neuron_bins
from spikeloom.sim.coverage.play import FAULTS, Play
from spikeloom.sim.coverage.router_bins import router_bins
from spikeloom.sim.job import Stalls

__all__ = ["CHIP", "DESIGNS", "CoveredDesign"]


@dataclass(frozen=True, kw_only=True)
class CoveredDesign:
    """What it is built of, and what is looked for in it."""

    name: str
    network: Callable[[], Network]
    configuration: Mapping[str, object]

    def made(self, folder: Path) -> Design:
        generate(self.network(), Configuration.create(**self.configuration), folder)
        return Design(folder)

    def plays(self, design: Design, full: bool = False) -> Iterator[Play]:
        """Runs that are compared with golden, and between them all that a host may do to the design. full: more."""
        population = design.network.input
        low, high = population.value_range if population.value_bits > 1 else (0, 1)

        values = np.array([value for value in range(low, high + 1) if value])

        def drawn(seed: int, samples: int, steps: int, rate: float) -> np.ndarray:
            rng = np.random.default_rng([seed, 4])
            shape = (samples, steps, *population.shape)
            return rng.choice(values, shape) * (rng.random(shape) < rate)

        for seed, enter in enumerate((0, 4, 32, 160) * (4 if full else 1)):
            play = Play(design, seed=seed, stalls=Stalls(i_enter=enter, i_leave=64), quiet=3 + 20 * (seed < 2))
            if seed == 0:
                play.sweep()
            play.whole(drawn(seed, 3, 12, 0.4))
            for k in range(60):
                play.interrupted(
                    drawn(k, 1, 1 + k % 8, (0.1, 0.4, 1)[k % 3]), ticks=k % 11 + 1, meddle=k % 4 == 0, observe=k % 3 - 1
                )
            play.whole(drawn(seed, 1, 12, 0.2))
            for fault in FAULTS:
                play.faulty(fault, drawn(seed, 1, 4, 0.4))
            play.whole(drawn(seed, 1, 40, 0.5), endless=True)
            play.whole(drawn(seed, 3, 1, 0.6))
            play.finish()
            yield play
        for seed, stalls in enumerate((Stalls.draw(7), Stalls.draw(8), Stalls(o_enter=128, o_leave=2), Stalls()), 20):
            play = Play(design, seed=seed, stalls=stalls)
            for rate in (0.02, 0.2, 0.5, 1.0):
                play.whole(drawn(seed, 3, 20, rate))
            if stalls == Stalls():
                play.whole(drawn(seed, 1, 530, 0.05))  # more steps than nine bits count
            play.finish()
            yield play

    def bins(self) -> list[Bin]:
        p = map_network(self.network(), Configuration.create(**self.configuration)).parameters
        bins = list(CORE)
        for k, core in enumerate(p.cores):
            bins += neuron_bins(core, f"core{k}")
        if len(p.cores) > 1:
            topology = Topology(kind=p.topology, nodes=len(p.cores) + 1)
            bins += router_bins(topology, "events", between=0)
            bins += router_bins(topology, "credits", between=1, multicast=False)  # the host reads without credits
        return bins


def _neuron(
    rng: np.random.Generator,
    size: int,
    bits: int,
    drive: int,
    *,
    guard: int = 1,
    i: int = 0,
    n: int = 0,
    **given: object,
) -> Neuron:
    """LIF neurons with parameters of their own, whose thresholds are about ``drive``.

    bits, i, n: of their states. given: their options and parameters.
    """
    limit = 1 << bits - 1
    options = {"reset": "subtract", "reset_when": "same-step", "spikes": "one", "decay_bits": 6, "guard": guard}
    parameters = {
        "keep": rng.integers(20, 64, size),
        "threshold": rng.integers(drive // 2, drive * 2 + 1, size),
        "subtract": rng.integers(drive // 3, drive + 1, size),
        "v_reset": 0,
        "v_min": -limit,
        "v_init": 0,
        "bias": 0,
    }
    states = {"v": bits}
    if i:
        states["i"], parameters["current_keep"] = i, rng.integers(10, 60, size)
    if n:
        states["n"] = n
    for name, value in given.items():
        (parameters if name in parameters else options)[name] = value
    if options["spikes"] == "potential":
        parameters |= {"threshold": 0, "subtract": 0, "v_reset": 0}
    return Neuron(model="lif", states=states, parameters=parameters, options=options)


def _weights(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> np.ndarray:
    limit = 1 << bits - 1
    return np.maximum(rng.integers(-limit, limit, shape), rng.integers(-limit, limit, shape))


def _one_core() -> Network:
    """Matrices, loops, delays of no, one and three steps; neurons reset to a value and bounded, some of bias alone."""
    rng = np.random.default_rng(1)
    sizes = {"in": 12, "a": 70, "b": 10, "c": 6, "d": 4}

    def population(name: str, size: int) -> Population:
        values = {
            "reset": "zero",
            "v_reset": rng.integers(-20, 8, size),
            "v_min": rng.integers(-128, -20, size),
            "v_init": rng.integers(-40, 40, size),
            "bias": rng.integers(3 if name == "d" else -6, 7, size),
            "subtract": 0,
        }
        return Population(
            name=name,
            shape=(size,),
            neuron=None if name == "in" else _neuron(rng, size, 8, 6 if name == "d" else 35, **values),
        )

    def projection(source: str, target: str, delay: int) -> Projection:
        weights = rng.integers(-16, 16, (sizes[source], sizes[target]))
        return Projection(source=source, target=target, synapses=Dense(weights=weights, bits=5), delay=delay)

    return Network(
        populations=[population(name, size) for name, size in sizes.items()],
        projections=[
            projection("in", "a", 0),
            projection("a", "b", 0),
            projection("b", "a", 1),
            projection("in", "b", 3),
            projection("b", "c", 0),
            projection("d", "d", 1),
            projection("d", "c", 0),
        ],
        output="c",
    )


def _both_orders() -> Network:
    """Convolutions, lists with delays of their own, one to one, and a matrix; graded events; currents; potentials."""
    rng = np.random.default_rng(2)
    window = Window(source=(2, 6, 2), kernel=(3, 2, 3, 3), stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1))
    shapes = {"in": (2, 6, 2), "a": (3, 6, 2), "b": (36,), "c": (8,), "out": (5,)}
    many = {"spikes": "many", "reset_when": "next-step", "n": 3, "v_init": 3}

    def population(name: str, shape: tuple[int, ...]) -> Population:
        size = int(np.prod(shape))
        if name == "in":
            return Population(name=name, shape=shape, value_bits=3)
        if name == "out":
            neuron = _neuron(rng, size, 8, 0, spikes="potential", cut=3, v_init=3)
            return Population(name=name, shape=shape, neuron=neuron, value_bits=4)
        neuron = _neuron(rng, size, 8, 25 if name == "c" else 10, i=7 if name == "b" else 0, **many)
        return Population(name=name, shape=shape, neuron=neuron, value_bits=3)

    count = 150
    source, target = np.divmod(rng.permutation(24 * 8)[:count], 8)
    synapses = {
        ("in", "a"): Convolution(weights=_weights(rng, window.kernel, 4), bits=4, window=window),
        ("a", "b"): OneToOne(weights=_weights(rng, (36,), 4), bits=4, neurons=36),
        ("b", "b"): OneToOne(weights=np.array(-3), bits=4, neurons=36),
        ("in", "c"): Sparse.of(
            source,
            target,
            _weights(rng, (count,), 4),
            shape=(24, 8),
            bits=4,
            delays=rng.integers(0, 4, count),
        ),
        ("b", "out"): Dense(weights=_weights(rng, (36, 5), 4), bits=4),
        ("c", "out"): Dense(weights=_weights(rng, (8, 5), 4), bits=4),
    }
    return Network(
        populations=[population(name, shape) for name, shape in shapes.items()],
        projections=[Projection(source=a, target=b, synapses=s, delay=int(a == b)) for (a, b), s in synapses.items()],
        output="out",
    )


def _three_cores() -> Network:
    """Two populations on each core, all of which read each other; and on each core another kind of neuron."""
    rng = np.random.default_rng(3)
    sizes = {"in": 7, "a1": 9, "a2": 4, "b1": 6, "b2": 5, "c1": 3, "c2": 5}

    def population(name: str) -> Population:
        size = sizes[name]
        if name == "in":
            return Population(name=name, shape=(size,), value_bits=2)
        neuron, bits = {
            "a": lambda: (_neuron(rng, size, 9, 20, reset_when="next-step", n=1), 1),
            "b": lambda: (_neuron(rng, size, 9, 12, spikes="many", v_min=rng.integers(-200, -10, size)), 3),
            "c": lambda: (_neuron(rng, size, 20, 0, guard=10, spikes="potential", cut=8), 9),
        }[name[0]]()
        return Population(name=name, shape=(size,), neuron=neuron, value_bits=bits)

    names = list(sizes)
    return Network(
        populations=[population(name) for name in names],
        projections=[
            Projection(
                source=a,
                target=b,
                delay=int(a != "in"),
                synapses=Dense(
                    weights=rng.integers(-2 if a[0] == "c" else -8, 3 if a[0] == "c" else 8, (sizes[a], sizes[b])),
                    bits=4,
                ),
            )
            for a in names
            for b in names[1:]
            # One that only the host reads, one whose readers are on one core, and a core that only waits for the host.
            if a != "c2" and (a != "b2" or b[0] == "a") and (a != "in" or b[0] != "c")
        ],
        output="c2",
    )


DESIGNS = {
    design.name: design
    for design in (
        CoveredDesign(
            name="one core",
            network=_one_core,
            configuration={
                "lanes": 4,
                "units": 2,
                "counters": True,
                # The host runs ahead, so that populations wait for room at those that are slower.
                "slots": {"in": 4, "a": 1, "b": 1, "c": 1, "d": 1},
            },
        ),
        CoveredDesign(name="both orders", network=_both_orders, configuration={"lanes": 4, "units": 2}),
        CoveredDesign(
            name="three cores",
            network=_three_cores,
            configuration={
                "lanes": 2,
                "units": 2,
                "slots": 1,
                "cores": {name: "abc".index(name[0]) for name in ("a1", "a2", "b1", "b2", "c1", "c2")},
            },
        ),
    )
}


def _chain() -> Network:
    """What fits a chip with a short pipeline."""
    rng = np.random.default_rng(6)
    sizes = {"in": 5, "a": 7, "b": 3}
    return Network(
        populations=[
            Population(name=name, shape=(size,), neuron=None if name == "in" else _neuron(rng, size, 8, 20))
            for name, size in sizes.items()
        ],
        projections=[
            Projection(source=a, target=b, synapses=Dense(weights=_weights(rng, (sizes[a], sizes[b]), 4), bits=4))
            for a, b in (("in", "a"), ("a", "b"))
        ],
        output="b",
    )


CHIP = CoveredDesign(
    name="chip", network=_chain, configuration={"lanes": 2, "units": 1, "pipeline": "short", "counters": True}
)
