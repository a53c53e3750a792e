"""What a designer may tune."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from spikeloom.golden.network import Refusal
from spikeloom.hdl import yaml_file
from spikeloom.hdl.yaml_file import shown

__all__ = ["Configuration"]

Order = Literal["auto", "neuron", "event"]
Topology = Literal["crossbar", "ring", "mesh"]

#: That are told at once.
MOST_PROBLEMS = 10
#: Of which each is a node; events are packets with a bit for each.
MOST_CORES = 64
MOST_SLOTS, DEFAULT_SLOTS = 8, 2


def _wrong(value: object, good: Callable[[object], bool]) -> str:
    """Of a dictionary the first wrong entry alone."""
    if not isinstance(value, dict):
        return shown(value)
    return shown(next(({n: v} for n, v in value.items() if not (isinstance(n, str) and good(v))), value))


class Configuration(BaseModel):
    """The hardware's parameters. What is not given is derived from the network.

    lanes: synapses added per clock and core, a power of two in 1..128.
    units: neuron units per core, a power of two that is at most ``lanes``; by default one per eight lanes, at most 8.
    cores: "shared": all populations on one core; "per-population": a core each. A number: so many, populations placed
        and split as ``spikeloom map`` does. Or a dictionary from each population to its core, or to a
        list of cores among which it is split.
    cuts: of a population that is split, with which row of its image, or with which neuron if convolutions see none, its
        parts begin, without the first; by default they are as equal as can be.
    topology: what joins several cores and the host: one "crossbar", or routers in a "ring" or a "mesh".
    counters: the host can read what every engine did and what every link carried.
    slots: steps of events that are kept beyond the longest delay with which they are read; 1 saves memory, 2 lets steps
        overlap. Or a dictionary from populations to theirs. By default 2, or with a number of cores as is best.
    order: of adding weights. "neuron": for each group of neurons, the events of a step; "event": for each event, its
        rows. "auto": the former for matrices without delays of their own, the latter for all others. Or a dictionary
        from "SOURCE -> TARGET" to one of these, for some projections.
    weights: where the rows of matrices are. "block": in block RAM. "single-port": in large memory with one port (iCE40
        UltraPlus: SPRAM), which is empty at power-up until the host loads the network.
    pipeline: "long", or "short" with fewer registers: less logic at a lower clock, for families with slow logic whose
        cell is a LUT and a flip-flop (iCE40).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    lanes: int = Field(16, ge=1, le=128)
    units: int | None = Field(None, ge=1, le=16)
    cores: Literal["shared", "per-population"] | int | dict[str, int | list[int]] = "shared"
    cuts: dict[str, list[int]] = Field(default_factory=dict)
    topology: Topology = "crossbar"
    counters: bool = False
    slots: int | dict[str, int] | None = None
    order: Order | dict[str, Order] = "auto"
    weights: Literal["block", "single-port"] = "block"
    pipeline: Literal["long", "short"] = "long"

    @field_validator("cores", mode="before")
    @classmethod
    def _known_cores(cls, value: object) -> object:
        def core(number: object) -> bool:
            return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < MOST_CORES

        def there(numbers: object) -> bool:
            return core(numbers) or (isinstance(numbers, list) and len(numbers) > 0 and all(map(core, numbers)))

        if isinstance(value, dict):
            good = all(isinstance(name, str) and there(numbers) for name, numbers in value.items())
        elif isinstance(value, int) and not isinstance(value, bool):
            good = value > 0 and core(value - 1)
        else:
            good = isinstance(value, str) and value in ("shared", "per-population")
        if not good:
            raise ValueError(
                f"must be 'shared', 'per-population', a number of cores in 1..{MOST_CORES}, or a dictionary from "
                f"population to core or list of cores in 0..{MOST_CORES - 1}, not {_wrong(value, there)}"
            )
        return value

    @field_validator("slots", mode="before")
    @classmethod
    def _known_slots(cls, value: object) -> object:
        def slots(number: object) -> bool:
            return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MOST_SLOTS

        named = value if isinstance(value, dict) else {"all": DEFAULT_SLOTS if value is None else value}
        if not all(isinstance(name, str) and slots(number) for name, number in named.items()):
            raise ValueError(
                f"must be in 1..{MOST_SLOTS}, or a dictionary from population to such a number, not "
                f"{_wrong(value, slots)}"
            )
        return value

    @field_validator("order", mode="before")
    @classmethod
    def _known_order(cls, value: object) -> object:
        def known(order: object) -> bool:
            return order in get_args(Order)

        named = value if isinstance(value, dict) else {"all": value}
        if not all(isinstance(name, str) and known(order) for name, order in named.items()):
            raise ValueError(
                "must be 'auto', 'neuron' or 'event', or a dictionary from 'SOURCE -> TARGET' to these, not "
                f"{_wrong(value, known)}"
            )
        return value

    @field_validator("lanes", "units")
    @classmethod
    def _power_of_two(cls, value: int | None) -> int | None:
        if value is not None and value & (value - 1):
            raise ValueError(f"must be a power of two, not {value}: a neuron's number is split into lane and group")
        return value

    @model_validator(mode="after")
    def _units_fit(self) -> "Configuration":
        if self.units is not None and self.units > self.lanes:
            raise ValueError(f"units must be at most lanes ({self.lanes}), not {self.units}: a unit serves whole lanes")
        return self

    @property
    def neuron_units(self) -> int:
        # More than 8 cost more than they gain: 16 beside 128 lanes could not be routed on an ECP5.
        return self.units or min(8, max(1, self.lanes // 8))

    def slots_of(self, population: str) -> int:
        if isinstance(self.slots, dict):
            return self.slots.get(population, DEFAULT_SLOTS)
        return self.slots or DEFAULT_SLOTS

    @classmethod
    def create(cls, **values: object) -> "Configuration":
        """Like the constructor, with every error as one :class:`Refusal`."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            fields = f"there is no such field; the fields are {', '.join(cls.model_fields)}"
            problems = [
                f"{'.'.join(str(part)[:80] for part in e['loc']) or 'configuration'}: "
                + (fields if e["type"] == "extra_forbidden" else e["msg"].removeprefix("Value error, "))
                + (f" (given: {shown(e['input'])})" if e["type"] not in ("value_error", "extra_forbidden") else "")
                for e in error.errors()[: MOST_PROBLEMS + 1]
            ]
            if len(problems) > MOST_PROBLEMS:
                problems[-1] = f"and {error.error_count() - MOST_PROBLEMS} problems more"
            raise Refusal("Configuration refused. " + "; ".join(problems)) from None

    @classmethod
    def read(cls, path: str | Path) -> "Configuration":
        """Read a YAML file of the fields above."""
        path = Path(path)
        values = yaml_file.read(path, "a configuration", "lanes: 16")
        try:
            return cls.create(**values)
        except Refusal as refusal:
            raise Refusal(f"{path}: {refusal}") from None
