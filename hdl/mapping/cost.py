"""Predicted clocks of a mapping: a step begins when its ticks and credits are there and its engine is free."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from spikeloom.hdl.mapping.congestion import stalls
from spikeloom.hdl.mapping.core_model import Model
from spikeloom.hdl.mapping.latencies import Costs
from spikeloom.hdl.mapping.plan import HOST, Mapping
from spikeloom.hdl.mapping.token_model import simulate
from spikeloom.hdl.mapping.work import Counts, of_parts
from spikeloom.hdl.routers.topology import Link, Topology

__all__ = ["Load", "Prediction", "pace", "predict", "traffic"]

#: Steps before those that count, and after them, so that these are neither the first nor the last.
BEFORE, AFTER = 4, 1
#: Of all clocks, what a source may wait on the way and nothing is followed once more for it.
LITTLE = 0.003


@dataclass(frozen=True, kw_only=True)
class Load:
    """What an engine does, in clocks of the whole run, by cause as in hardware."""

    clocks: MappingType[str, float]

    @property
    def busy(self) -> float:
        """The share of clocks in which it waits for no other engine."""
        waits = sum(self.clocks.get(cause, 0.0) for cause in ("tick", "credit"))
        return 1 - waits / max(1.0, sum(self.clocks.values()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """ends: when each sample of ``steps`` steps ends."""

    ends: np.ndarray
    steps: int
    model: Model = field(repr=False)

    @cached_property
    def engines(self) -> dict[str, Load]:
        """What each does."""
        return {name: Load(clocks=clocks) for name, clocks in self.model.spent.items()}

    @cached_property
    def packets(self) -> dict[Link, float]:
        """In a step, over each link between several cores and the host."""
        return traffic(self.model.mapping, {name: float(n.mean()) for name, n in self.model.counts.items()})

    @property
    def clocks_per_sample(self) -> float:
        """Between two samples' ends."""
        return float(np.diff(self.ends).mean()) if len(self.ends) > 1 else float(self.ends[0])

    @property
    def clocks_per_step(self) -> float:
        return self.clocks_per_sample / self.steps


def predict(mapping: Mapping, events: Counts, *, costs: Costs | None = None) -> Prediction:
    """The clocks of samples that follow each other without a gap.

    events: of every population, the input too: how many in each step, (steps,) or (samples, steps), or which neurons
    fire, (samples, steps, neurons).
    """
    model = _run(mapping, events, costs)
    samples, steps = model.shape
    ends = [model.end(step) for step in range(steps - 1, samples * steps, steps)]
    return Prediction(ends=np.array(ends), steps=steps, model=model)


def pace(mapping: Mapping, events: Counts, samples: int, *, costs: Costs | None = None) -> float:
    """Clocks from a sample's end to the next one's, where samples like these follow each other for ever.

    events: as of :func:`predict`. samples: the first so many are followed step by step, round and round; they stand for
    the others, each step of which counts by what it takes whatever it takes longest. So a few steps tell nearly as much
    as all.
    """
    steps = next(iter(events.values())).shape[1]
    followed = samples * steps
    model = _run(mapping, events, costs, order=np.arange(-BEFORE, followed + AFTER) % followed)
    # Some may be ahead of others by more steps at the end than in the beginning: each population tells another time
    # then, which cancels out if a step of each counts by what it takes.
    ends = {name: done[BEFORE + followed - 1][-1] - done[BEFORE - 1][-1] for name, done in model.done.items()}
    share = {name: clocks[:followed].mean() for name, clocks in model.alone.items()}
    clocks = sum(share[name] * ends[name] for name in share) / sum(share.values()) / samples
    busy = model.busy
    return float(clocks * busy[followed:].mean() / busy[:followed].mean())


def _run(mapping: Mapping, events: Counts, costs: Costs | None, **how: Any) -> Model:
    events, costs = of_parts(mapping, events), costs or Costs()
    model = _simulated(Model(mapping, events, costs, **how))
    if mapping.parameters.links:  # what meets on the way is known when all is sent
        waits = stalls(model.sent)
        if max(map(sum, waits.values()), default=0) > LITTLE * model.end(-1):
            model = _simulated(Model(mapping, events, costs, stalls=waits, like=model, **how))
    return model


def _simulated(model: Model) -> Model:
    stuck = simulate(model.engines)
    assert not stuck, f"{stuck[0].name} stops at step {stuck[0].step}: a mapping lets every step run"
    return model


def traffic(mapping: Mapping, rates: MappingType[str, float]) -> dict[Link, float]:
    """Packets per step on each link: those of a part to all cores that read it, and to the host, share their way.

    rates: events of each part in a step; its tick is one packet more.
    """
    if not mapping.parameters.links:
        return {}
    topology = Topology(kind=mapping.parameters.topology, nodes=1 + len(mapping.parameters.cores))
    found = dict.fromkeys(topology.links, 0.0)
    for place in mapping.places:
        node = 1 + place.core
        readers = {1 + mapping.by_name[r.target].core for r in mapping.readers if r.source == place.name}
        # A core's own events take the short way inside it.
        for link in topology.route(node, sorted((readers | {HOST}) - {node})):
            found[link] += rates[place.name] + 1
    return found
