"""Families drawn from their number: every :data:`ROUND` of them in a row have every value of what varies."""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np

from spikeloom.hdl.configuration import Configuration
from spikeloom.sim.drawn.families import Family, Kind
from spikeloom.sim.drawn.synapses import KINDS

__all__ = ["ROUND", "family"]

SEED = 20
ROUND = 22
SMALL, MEDIUM, LARGE = (1, 12), (8, 40), (100, 256)
#: (lanes, cores, neurons per population): many lanes on many cores take minutes to compile, and large populations
#: take as long to simulate on few lanes. A number of cores is one over which parts are scattered.
HARDWARE: Sequence[tuple[int, str | int, tuple[int, int]]] = (
    *((lanes, "shared", SMALL) for lanes in (1, 1, 1, 2, 2, 4, 4, 8)),
    *((lanes, "shared", MEDIUM) for lanes in (8, 32)),
    (16, "shared", LARGE),
    *((lanes, "per-population", SMALL) for lanes in (1, 2, 4)),
    *((lanes, cores, SMALL) for lanes, cores in ((8, 1), (4, 2), (2, 2), (4, 3), (1, 3), (2, 4))),
    *((1, cores, MEDIUM) for cores in (5, 6)),
)
#: (spikes, reset, reset_when), which stand for all that the rule allows.
RULES = (
    ("one", "zero", "same-step"),
    ("one", "subtract", "same-step"),
    ("one", "subtract", "next-step"),
    ("many", "subtract", "same-step"),
    ("many", "subtract", "next-step"),
    ("potential", "subtract", "same-step"),
)
LEAST_STATE_BITS, MOST_STATE_BITS, MOST_WEIGHT_BITS = 5, 48, 16


def family(number: int) -> Family:
    """The family of this number, the same for ever."""

    def one_of(name: str, values: Sequence[Any]) -> Any:
        round_, place = divmod(number, ROUND)
        order = np.random.default_rng([SEED, crc32(name.encode()), round_]).permutation(ROUND)
        return values[order[place] % len(values)]

    lanes, cores, sizes = one_of("hardware", HARDWARE)
    order = one_of("order", ("auto", "event", "mixed", "neuron", "mixed"))
    single_port = one_of("weights", (False, False, False, True))
    weight_bits = one_of("weight bits", ((2, 8), (2, 8), (2, 4), (9, 16), (6, 12)))
    input_bits = one_of("input bits", ((1, 4), (1, 4), (1, 1), (4, 8), (6, 16)))
    scale = weight_bits[1] + input_bits[1] - 1

    def kind(place: int, common: Kind | None = None, **other: Any) -> Kind:
        """One of its own, or with what neurons have in common that share a unit."""
        spikes, reset, reset_when = other.get("rule") or one_of(f"rule {place}", RULES)
        bits = {"one": (1,), "many": (2, 3, 4, 5), "potential": (2, 4, 8, 12, 3, 6)}[spikes]
        value_bits = one_of(f"value bits {place}", bits)
        if common:
            guard, decay_bits, state_bits = common.options["guard"], common.options["decay_bits"], common.states["v"]
        else:
            guard, decay_bits = one_of(f"guard {place}", range(11)), one_of(f"decay {place}", range(15))
            state_bits = scale + guard + one_of(f"margin {place}", (0, 1, 2, 3, 4, -MOST_STATE_BITS, 8, 16, -2))
        state_bits = max(min(state_bits, MOST_STATE_BITS), LEAST_STATE_BITS)
        value_bits = min(value_bits, state_bits - 1)
        states = {"v": state_bits}
        options = {"reset": reset, "reset_when": reset_when, "spikes": spikes, "decay_bits": decay_bits, "guard": guard}
        if spikes == "potential":  # one bit less than would never saturate
            options["cut"] = state_bits - value_bits - 1
        if reset_when == "next-step":
            states["n"] = value_bits
        if other.get("current", one_of(f"current {place}", (False, True))):
            states["i"] = state_bits - one_of(f"current bits {place}", (0, 1, 2, 3))
        return Kind(states=states, options=options, value_bits=value_bits)

    kinds = [kind(0)]
    if cores == "per-population":
        kinds += [kind(1), kind(2)]
    elif one_of("mixture", (False, True)):
        # On one unit, neurons may differ in whether they have a current and whether they send their potential.
        rule = RULES[-1]
        some, other = kinds[0], kind(0, kinds[0], rule=rule, current=True)
        plain = some.model_copy(update={"states": {k: v for k, v in some.states.items() if k != "i"}})
        kinds = [some, kind(0, some, rule=rule, current=False), plain, other]
        if some.options["spikes"] == "potential":
            kinds = [some, plain]

    return Family(
        name=f"binary {number}",
        seed=number,
        configuration=Configuration(
            lanes=lanes,
            units=max(1, min(16, lanes >> one_of("units", range(4)))),
            cores=cores if isinstance(cores, str) else "shared",
            topology=one_of("topology", ("crossbar", "ring", "mesh")),
            counters=one_of("counters", (False, False, True)),
            slots=one_of("slots", (None, 1, 2, 3, 4)),
            order=order if order != "mixed" else "auto",
            weights="single-port" if single_port else "block",
            pipeline=one_of("pipeline", ("long", "short")),
        ),
        kinds=tuple(kinds),
        parts=cores if isinstance(cores, int) else 0,
        mixed=order == "mixed",
        slow=cores not in ("shared", 1) and one_of("links", (False, True)),
        synapses=("dense",) if sizes == LARGE else one_of("synapses", (KINDS, KINDS, ("dense",))),
        synapse_delays=0 if order == "neuron" or sizes == LARGE else one_of("synapse delays", (3, 0, 7)),
        populations=(1, 3) if cores == "shared" else (3, 3),
        sizes=sizes,
        delays=one_of("delays", ((0, 2), (0, 0), (0, 2), (1, 5))),
        weight_bits=weight_bits,
        shifts=(0, min(2, MOST_WEIGHT_BITS - weight_bits[1])),
        input_bits=input_bits,
    )
