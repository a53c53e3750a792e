"""What is searched: the hardware's parameters, the quantisation, the clock, and what a training callback takes."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.boards.board import Board
from spikeloom.golden.network import Network, Refusal
from spikeloom.golden.quantise import SYNAPSES, WIDTHS
from spikeloom.hdl import yaml_file
from spikeloom.hdl.configuration import Configuration

__all__ = ["HARDWARE", "QUANTISATION", "Point", "Space", "default", "read"]

#: A choice for every axis, by its name.
Point = Mapping[str, Any]

HARDWARE = ("lanes", "units", "cores", "topology", "slots", "order", "weights", "pipeline", "counters")
QUANTISATION = ("weight_bits", "per_channel", "state_bits", "guard_bits", "input_bits", "synapses")
STEPS, CLOCK, TRAIN = "steps", "clock_mhz", "train"
#: Of which each single layer or projection may have its own choices.
BY_LAYER = ("weight_bits", "state_bits", "guard_bits")
PARTS = dict.fromkeys(BY_LAYER, "layer") | {"order": "projection", "slots": "population"}
MOST_CHOICES, MOST_MHZ = 64, 1000


@dataclass(frozen=True)
class Space:
    """axes: by name the choices, in an order in which neighbours are alike. ``weight_bits.LAYER``,
    ``order.SOURCE -> TARGET``, ``slots.POPULATION`` and ``train.PARAMETER`` are of one layer, projection, population,
    or of the training callback."""

    axes: Mapping[str, tuple[Any, ...]]

    @cached_property
    def free(self) -> tuple[str, ...]:
        """Axes with more than one choice."""
        return tuple(name for name, choices in self.axes.items() if len(choices) > 1)

    @cached_property
    def size(self) -> int:
        return prod(len(choices) for choices in self.axes.values())

    @cached_property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """By axis, its choices in words."""
        return {name: tuple(map(label, choices)) for name, choices in self.axes.items()}

    @cached_property
    def _numbers(self) -> dict[str, dict[str, int]]:
        return {name: {word: k for k, word in enumerate(words)} for name, words in self.labels.items()}

    def named(self, words: Mapping[str, str]) -> tuple[int, ...]:
        """The numbers of choices in words, by free axis."""
        return tuple(self._numbers[name][words[name]] for name in self.free)

    def like(self, numbers: Sequence[int]) -> tuple[int, ...]:
        """The first of all numbers that mean the same design."""
        return self._like(tuple(numbers))

    @cached_property
    def _like(self) -> Callable[[tuple[int, ...]], tuple[int, ...]]:
        return cache(lambda numbers: self.numbers(self.point(numbers)))

    def numbers(self, point: Point) -> tuple[int, ...]:
        """Which choice it is on each free axis."""
        return tuple(self.axes[name].index(point[name]) for name in self.free)

    def point(self, numbers: Sequence[int]) -> dict[str, Any]:
        """The point of such numbers, as it counts: what makes no difference is as on the first of its like."""
        chosen = {name: choices[0] for name, choices in self.axes.items()}
        chosen |= {name: self.axes[name][k] for name, k in zip(self.free, numbers, strict=True)}
        units, lanes = chosen.get("units"), chosen.get("lanes") or 16
        if units is not None and units > lanes:  # a unit serves whole lanes
            fewer = [u for u in self.axes["units"] if u is None or u <= lanes]
            chosen["units"] = max(fewer, key=lambda u: u or 0, default=None)
        if chosen.get("cores") in ("shared", 1) and "topology" in self.axes:
            chosen["topology"] = self.axes["topology"][0]
        return chosen

    def points(self) -> Iterator[dict[str, Any]]:
        """Every point that differs from all others, in a fixed order."""
        seen = set()
        for numbers in product(*(range(len(self.axes[name])) for name in self.free)):
            point = self.point(numbers)
            if (key := key_of(point)) not in seen:
                seen.add(key)
                yield point

    def drawn(self, rng: np.random.Generator) -> tuple[int, ...]:
        return tuple(int(rng.integers(len(self.axes[name]))) for name in self.free)


def key_of(point: Point) -> str:
    return json.dumps(point, sort_keys=True)


def label(choice: Any) -> str:
    """A choice in a word, as files write it."""
    return choice if isinstance(choice, str) else json.dumps(choice)


def hardware_of(point: Point) -> Configuration:
    """The configuration of a point."""
    values = {name: point[name] for name in HARDWARE if name in point}
    values |= {name: own for name in ("order", "slots") if (own := _parts(point, name))}
    return Configuration.create(**{name: value for name, value in values.items() if value is not None})


def quantisation_of(point: Point) -> dict[str, Any]:
    """What ``convert`` is told at a point, and the ``steps`` of a sample."""
    chosen = {name: point[name] for name in (*QUANTISATION, STEPS) if point.get(name) is not None}
    return chosen | {name: widths for name in BY_LAYER if (widths := _parts(point, name))}


def training_of(point: Point) -> dict[str, Any]:
    return _parts(point, TRAIN)


def _parts(point: Point, whole: str) -> dict[str, Any]:
    """The choices of single parts, where they are made."""
    own = {name.split(".", 1)[1]: choice for name, choice in point.items() if name.startswith(f"{whole}.")}
    return {part: choice for part, choice in own.items() if choice is not None or whole == TRAIN}


def default(network: Network, board: Board) -> Space:
    """What is worth a try with a network on a board, where nobody says otherwise."""
    layers = [p.name for p in network.neurons]
    largest = max(p.size for p in network.neurons)
    # A matrix without delays can be added up in either order.
    either = [j for j in network.projections if j.synapses.kind == "dense" and j.synapses.delays is None]
    axes: dict[str, tuple[Any, ...]] = {
        "lanes": tuple(n for n in (1, 2, 4, 8, 16, 32, 64, 128) if n < 2 * largest),
        "units": (1, 2, 4, 8),
        "cores": ("shared", "per-population") if len(layers) > 1 else ("shared",),
        "slots": (1, 2, 3),
        "weights": ("block", "single-port") if board.single_port_bits else ("block",),
        "pipeline": ("long", "short"),
    }
    axes |= {f"order.{j.source} -> {j.target}": ("neuron", "event") for j in either}
    axes |= {f"weight_bits.{layer}": (8, 7, 6, 5, 4, 3, 2) for layer in layers}
    axes["per_channel"] = (False, True)
    return Space(axes)


def read(given: "str | Path | Mapping[str, Any]", network: Network) -> Space:
    """A space from a YAML file, or from what such a file holds: lists of choices, or a single choice that is fixed.

    Bits may name layers, ``order`` projections and ``slots`` populations; ``train`` names the callback's parameters.
    """
    what = "The space"
    if not isinstance(given, Mapping):
        what, given = str(given), yaml_file.read(Path(given), "a space", "lanes: [4, 8, 16]")
    axes: dict[str, tuple[Any, ...]] = {}
    layers = [p.name for p in network.neurons]
    ends = [f"{j.source} -> {j.target}" for j in network.projections]
    names = {"layer": layers, "projection": ends, "population": [p.name for p in network.populations]}
    for name, value in given.items():
        if name not in (*HARDWARE, *QUANTISATION, STEPS, CLOCK, TRAIN):
            known = ", ".join((*HARDWARE, *QUANTISATION, STEPS, CLOCK, TRAIN))
            raise Refusal(f"{what}: there is nothing to search called {name!r}; there are {known}")
        if name in PARTS and isinstance(value, Mapping):
            for part, choices in value.items():
                if part not in names[PARTS[name]]:
                    there = ", ".join(map(repr, names[PARTS[name]]))
                    raise Refusal(f"{what}: {name}: there is no {PARTS[name]} {part!r}; there are {there}")
                axes[f"{name}.{part}"] = _choices(what, f"{name}.{part}", choices)
        elif name == TRAIN:
            if not isinstance(value, Mapping):
                raise Refusal(f"{what}: train names the callback's parameters and their choices, like hidden: [32, 64]")
            axes |= {f"{TRAIN}.{key}": _choices(what, f"{TRAIN}.{key}", choices) for key, choices in value.items()}
        else:
            axes[name] = _choices(what, name, value)
    for name, choices in axes.items():
        for choice in choices:
            _check(what, name, choice)
    return Space(axes)


def _choices(what: str, name: str, value: Any) -> tuple[Any, ...]:
    choices = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not 1 <= len(choices) <= MOST_CHOICES:
        raise Refusal(f"{what}: {name} has 1 to {MOST_CHOICES} choices, not {len(choices)}")
    try:
        labels = [label(choice) for choice in choices]
    except (TypeError, ValueError, RecursionError):  # such as a list that holds itself
        raise Refusal(f"{what}: {name}: choices are numbers, words, lists or dictionaries") from None
    if twice := [one for one in dict.fromkeys(labels) if labels.count(one) > 1]:
        raise Refusal(f"{what}: {name} has the choice {twice[0]} twice")
    return choices


def _check(what: str, name: str, choice: Any) -> None:
    """Refuse what no configuration can have; what quantisation refuses, it says itself."""
    base = name.split(".", 1)[0]
    whole_number = isinstance(choice, int) and not isinstance(choice, bool)
    if base in HARDWARE and choice is not None:
        given = {name.split(".", 1)[1]: choice} if base != name else choice
        try:
            Configuration.create(**{"lanes": 128, base: given})
        except Refusal as refusal:
            raise Refusal(f"{what}: {refusal}") from None
    elif base == "weight_bits" and not (whole_number and 2 <= choice <= 8):
        raise Refusal(f"{what}: {name} is in 2..8, not {label(choice)}")
    elif base == "per_channel" and not isinstance(choice, bool):
        raise Refusal(f"{what}: per_channel is true or false, not {label(choice)}")
    elif base == STEPS and choice is not None and not (whole_number and choice > 0):
        raise Refusal(f"{what}: steps is a number of steps, not {label(choice)}")
    elif base in WIDTHS and choice is not None:
        low, high = WIDTHS[base]
        if not (whole_number and low <= choice <= high):
            raise Refusal(f"{what}: {name} is in {low}..{high}, not {label(choice)}")
    elif base == "synapses" and choice not in SYNAPSES:
        raise Refusal(f"{what}: synapses is one of {', '.join(SYNAPSES)}, not {label(choice)}")
    elif base == CLOCK and not (type(choice) in (int, float) and 1 <= choice <= MOST_MHZ):
        raise Refusal(f"{what}: clock_mhz is a number of MHz in 1..{MOST_MHZ}, not {label(choice)}")
