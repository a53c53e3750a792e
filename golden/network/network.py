"""Populations and the projections that join them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from spikeloom.golden.network import loom
from spikeloom.golden.network.base import MAX_DELAY, Refusal, is_whole
from spikeloom.golden.network.population import Population
from spikeloom.golden.network.projection import Projection

__all__ = ["Network"]

READ_OUTS = ("sum", "last", "max")


@dataclass(frozen=True, kw_only=True)
class Network:
    """Populations and projections. The first population without a neuron model is the input.

    output:       name of the population whose events answer.
    output_delay: steps by which the answer is read late (a neuron that reports the step after it fired).
    read_out:     what of the answer decides: the "sum" of a neuron's values over the steps, the "last" or the "max".
    origin:       where it came from (file, convention, scales, messages): for people, outside the content hash.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    output: str
    output_delay: int = 0
    read_out: str = "sum"
    origin: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "populations", tuple(self.populations))
        object.__setattr__(self, "projections", tuple(self.projections))
        names = [p.name for p in self.populations]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise Refusal(f"Population names must differ; more than one is called {twice[0]!r}")
        inputs = [p.name for p in self.populations if p.neuron is None]
        if len(inputs) != 1:
            raise Refusal(f"A network must have exactly one input population, not {len(inputs)}")
        if self.output not in names or self.output == inputs[0]:
            raise Refusal(f"The output {self.output!r} is not a population of neurons")
        if not is_whole(self.output_delay, 0, MAX_DELAY):
            raise Refusal(f"output_delay must be in 0..{MAX_DELAY} steps, not {self.output_delay}")
        if self.read_out not in READ_OUTS:
            raise Refusal(f"read_out must be one of {', '.join(READ_OUTS)}, not {self.read_out!r}")
        for projection in self.projections:
            for end in (projection.source, projection.target):
                if end not in names:
                    raise Refusal(f"{projection}: there is no population {end!r}")
            if projection.target == inputs[0]:
                raise Refusal(f"{projection}: the input receives no projections")
            expected = (self[projection.source].size, self[projection.target].size)
            if projection.synapses.shape != expected:
                raise Refusal(f"{projection}: synapses must have shape {expected}, not {projection.synapses.shape}")
        self.order()

    def __getitem__(self, name: str) -> Population:
        return self._named[name]

    @property
    def input(self) -> Population:
        return next(p for p in self.populations if p.neuron is None)

    @cached_property
    def neurons(self) -> tuple[Population, ...]:
        """The populations that have neurons, in the order in which a step treats them."""
        return tuple(self[name] for name in self.order() if self[name].neuron is not None)

    def into(self, name: str) -> tuple[Projection, ...]:
        return self._into.get(name, ())

    @cached_property
    def _named(self) -> Mapping[str, Population]:
        return {p.name: p for p in self.populations}

    @cached_property
    def _into(self) -> Mapping[str, tuple[Projection, ...]]:
        found: dict[str, list[Projection]] = {}
        for p in self.projections:
            found.setdefault(p.target, []).append(p)
        return {name: tuple(projections) for name, projections in found.items()}

    def order(self) -> tuple[str, ...]:
        """Names in topological order of the projections without delay; ties in the order of declaration."""
        waiting = [p.name for p in self.populations]
        before = {n: {p.source for p in self.into(n) if p.least_delay == 0} for n in waiting}
        done: dict[str, None] = {}
        while waiting:
            free = next((n for n in waiting if before[n] <= done.keys()), None)
            if free is None:
                raise Refusal(f"A cycle of projections has no delay; it goes through {', '.join(map(repr, waiting))}")
            waiting.remove(free)
            done[free] = None
        return tuple(done)

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of everything that decides behaviour."""
        return loom.digest(*loom.document(self))

    def save(self, path: str | Path) -> None:
        """Write a ``.loom`` file; the same network gives the same bytes."""
        loom.save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "Network":
        """Read a ``.loom`` file. Raises :class:`Refusal` for anything that is not one."""
        return loom.load(cls, Path(path))
