"""Families of networks that share a binary: its memories are filled at run time.

A core is built for one kind of neurons, so what strategies draw is brought into a family first.
"""

import functools
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from spikeloom.golden.network import Network
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.split import most_parts
from spikeloom.hdl.parameters import AcceleratorParameters, covering
from spikeloom.sim.drawn import strategies

__all__ = ["DRAWN", "Family", "Kind", "mixed"]

DRAWN = settings(
    deadline=None,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
#: Networks that the common hardware is made for, and fewer where each is large.
DRAWS, LARGE, LARGE_DRAWS = 100, 100, 12


class Kind(BaseModel):
    """Neurons that one neuron unit serves, whatever their parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    states: dict[str, int]
    options: dict[str, int | str]
    value_bits: int = 1


class Family(BaseModel):
    """What networks that share a binary have in common; as JSON, a reproducer says which hardware it was found on.

    kinds:  of neurons, of each population in turn.
    parts:  cores over which populations and parts of them are scattered, at random; 0: as the configuration says.
    mixed:  each pair of populations has an order of its own, at random.
    slow:   links between cores pass packets on at random.
    synapses: kinds of them. synapse_delays: the most that one may have.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    seed: int
    configuration: Configuration
    kinds: tuple[Kind, ...]
    parts: int = 0
    mixed: bool = False
    slow: bool = False
    synapses: tuple[str, ...] = ("dense",)
    synapse_delays: int = 0
    populations: tuple[int, int] = (1, 3)
    sizes: tuple[int, int] = (1, 9)
    delays: tuple[int, int] = (0, 2)
    weight_bits: tuple[int, int] = (2, 8)
    input_bits: tuple[int, int] = (1, 4)
    shifts: tuple[int, int] = (0, 2)

    @property
    def networks(self) -> st.SearchStrategy[Network]:
        drawn = strategies.networks(
            populations=self.populations,
            sizes=self.sizes,
            delays=self.delays,
            weight_bits=self.weight_bits,
            input_bits=self.input_bits,
            shifts=self.shifts,
            kinds=self.synapses,
            synapse_delays=self.synapse_delays,
            currents=False,
            potentials=False,
        )
        return drawn.filter(lambda network: sum(_most_parts(network, 1).values()) >= self.parts).map(self.brought)

    def brought(self, network: Network) -> Network:
        """The network with the family's kinds of neurons, its numbers scaled to them."""
        populations = []
        for number, population in enumerate(network.populations):
            if population.neuron:
                kind = self.kinds[(number - 1) % len(self.kinds)]
                old, limit = population.neuron, 1 << kind.states["v"] - 1
                scale = 2.0 ** (kind.options["guard"] - old.options["guard"])
                parameters = {k: np.clip(np.rint(v * scale), -limit, limit - 1) for k, v in old.parameters.items()}
                parameters["subtract"] = np.maximum(1, parameters["subtract"])
                if kind.options["spikes"] == "potential":
                    parameters |= {name: np.zeros(()) for name in ("threshold", "subtract", "v_reset")}
                for name in ("keep", "current_keep"):
                    kept = old.parameters.get(name, np.array(0.7 * 2 ** old.options["decay_bits"]))
                    parameters[name] = np.rint(kept * 2.0 ** (kind.options["decay_bits"] - old.options["decay_bits"]))
                if "i" not in kind.states:
                    del parameters["current_keep"]
                neuron = replace(
                    old,
                    states=kind.states,
                    options=kind.options,
                    parameters={name: value.astype(np.int64) for name, value in parameters.items()},
                )
                population = replace(population, neuron=neuron, value_bits=kind.value_bits)
            populations.append(population)
        return replace(network, populations=tuple(populations))

    def configured(self, network: Network) -> Configuration:
        """What it draws of the configuration depends on the network alone."""
        configuration = self.configuration
        if self.parts:
            configuration = configuration.model_copy(update=_scattered(network, self.parts, configuration.lanes))
        return mixed(network, configuration) if self.mixed else configuration

    @property
    def large(self) -> bool:
        return self.sizes[1] > LARGE

    @functools.cached_property
    def hardware(self) -> AcceleratorParameters:
        """It serves nearly every network of the family."""
        drawn = []

        @seed(self.seed)
        @settings(DRAWN, max_examples=LARGE_DRAWS if self.large else DRAWS, phases=[Phase.generate])
        @given(network=self.networks)
        def draw(network: Network) -> None:
            drawn.append(map_network(network, self.configured(network)).parameters)

        draw()
        return functools.reduce(covering, drawn)

    def serves(self, network: Network, configuration: Configuration) -> bool:
        """The common hardware does; a few networks are too large for it."""
        return covering(self.hardware, map_network(network, configuration).parameters) == self.hardware


def mixed(network: Network, configuration: Configuration) -> Configuration:
    """Each pair of populations in an order of its own, which depends on the network alone."""
    late = {f"{j.source} -> {j.target}" for j in network.projections if j.synapses.delays is not None}
    names = dict.fromkeys(f"{j.source} -> {j.target}" for j in network.projections)
    rng = np.random.default_rng(int(network.hash[:8], 16))
    order = {
        name: str(rng.choice(["auto", "event"] if name in late else ["neuron", "event", "auto"])) for name in names
    }
    return configuration.model_copy(update={"order": order})


def _most_parts(network: Network, lanes: int) -> dict[str, int]:
    return {p.name: most_parts(network, p.name, lanes) for p in network.neurons}


def _scattered(network: Network, cores: int, lanes: int) -> dict[str, dict]:
    """Each population in as many parts as drawn, cut evenly or anywhere, on so many cores, none of which is idle, and
    with as many slots as drawn."""
    rng = np.random.default_rng(int(network.hash[8:16], 16))
    most, evenly = _most_parts(network, 1), _most_parts(network, lanes)
    counts = {name: int(rng.integers(1, 1 + min(max(2, cores), evenly[name]))) for name in most}
    while sum(counts.values()) < cores:
        counts[str(rng.choice([name for name in counts if counts[name] < most[name]]))] += 1
    there = iter([*rng.permutation(cores), *rng.integers(0, cores, sum(counts.values()))])
    cuts = {
        name: sorted(map(int, rng.choice(np.arange(1, most[name]), count - 1, replace=False)))
        for name, count in counts.items()
        if count > 1 and (count > evenly[name] or rng.random() < 0.5)
    }
    return {
        "cores": {name: [int(next(there)) for _ in range(count)] for name, count in counts.items()},
        "cuts": cuts,
        "slots": {p.name: int(rng.integers(1, 4)) for p in network.populations},
    }
