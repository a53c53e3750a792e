"""What of a design is one of few, and what is a number: for saying which were compared."""

from collections import Counter

from spikeloom.hdl.mapping import Mapping, map_network
from spikeloom.hdl.mapping.plan import Place
from spikeloom.hdl.supported import Range, of_hardware, of_network
from spikeloom.sim.drawn.cases import Case
from spikeloom.sim.drawn.synapses import KINDS

__all__ = ["EXPECTED", "ranges", "values"]

YES_NO = ("no", "yes")
#: What must be seen of each thing that varies.
EXPECTED = {
    "lanes": (1, 2, 4, 8, 16, 32),
    "neuron units": (1, 2, 4, 8),
    "cores": (1, 2, 3, 4, 5, 6),
    "parts of populations": ("whole", "even", "at cuts"),
    "topology": ("crossbar", "ring", "mesh"),
    "links": ("as generated", "stalled at random"),
    "streams": ("as generated", "stalled at random"),
    "loop order": ("neuron", "event", "both"),
    "pipeline": ("long", "short"),
    "weights in": ("block", "single-port"),
    "slots": (1, 2, 3, 4),
    "counters": YES_NO,
    "synapses": KINDS,
    "delays of synapses": YES_NO,
    "delay of a projection": (0, 1, 2, 3, 4, 5),
    "shift": (0, 1, 2),
    "weight bits": tuple(range(2, 17)),
    "loops": YES_NO,
    "parallel projections": YES_NO,
    "input event bits": tuple(range(1, 9)),
    "spikes": ("one", "many", "potential"),
    "reset": ("zero", "subtract"),
    "reset when": ("same-step", "next-step"),
    "current": YES_NO,
    "decay bits": tuple(range(15)),
    "guard bits": tuple(range(11)),
    "keep": ("all", "some", "none"),
    "lower bound": YES_NO,
    "initial state": YES_NO,
    "bias": YES_NO,
    "parameters": ("shared", "per neuron"),
    "kinds of neurons on a core": (1, 2, 3),
    "output delay": (0, 1),
}


def values(case: Case) -> dict[str, set[int | str]]:
    """Of each thing that varies, the values that a design has."""
    network, configuration, found = case.network, case.configuration, {name: set() for name in EXPECTED}

    def saw(name: str, *what: int | str) -> None:
        found[name].update(what)

    mapping = map_network(network, configuration)
    cores = mapping.parameters.cores
    saw("lanes", configuration.lanes)
    saw("neuron units", configuration.neuron_units)
    saw("cores", len(cores))
    count = Counter(part.population for part in mapping.split.parts)
    for name, parts in count.items():
        saw("parts of populations", "whole" if parts == 1 else "at cuts" if name in configuration.cuts else "even")
    if len(cores) > 1:
        saw("topology", configuration.topology)
        saw("links", "stalled at random" if case.family and case.family.slow else "as generated")
    saw("streams", "stalled at random" if case.stalls else "as generated")
    orders = {"event" if reader.event else "neuron" for reader in mapping.readers if reader.projection}
    saw("loop order", "both" if len(orders) > 1 else orders.pop())
    saw("pipeline", configuration.pipeline)
    saw("weights in", configuration.weights)
    saw("slots", *(configuration.slots_of(p.name) for p in network.populations))
    saw("counters", YES_NO[configuration.counters])
    ends = [(j.source, j.target) for j in network.projections]
    saw("parallel projections", YES_NO[len(set(ends)) < len(ends)])
    order = [p.name for p in network.populations]
    saw("loops", YES_NO[any(order.index(source) >= order.index(target) for source, target in ends)])
    for j in network.projections:
        saw("synapses", j.synapses.kind)
        saw("delays of synapses", YES_NO[j.synapses.delays is not None])
        saw("delay of a projection", j.delay)
        saw("shift", j.shift)
        saw("weight bits", j.synapses.bits)
    saw("input event bits", network.input.value_bits)
    for p in network.neurons:
        neuron, options = p.neuron, p.neuron.options
        saw("spikes", options["spikes"])
        if options["spikes"] != "potential":
            saw("reset", options["reset"])
            saw("reset when", options["reset_when"])
        saw("current", YES_NO["i" in neuron.states])
        saw("decay bits", options["decay_bits"])
        saw("guard bits", options["guard"])
        keep = neuron.parameters["keep"]
        saw("keep", *("none" if k == 0 else "all" if k == 1 << options["decay_bits"] else "some" for k in keep.flat))
        saw("lower bound", YES_NO[bool((neuron.parameters["v_min"] > -(1 << neuron.states["v"] - 1)).any())])
        saw("initial state", YES_NO[bool(neuron.parameters["v_init"].any())])
        saw("bias", YES_NO[bool(neuron.parameters["bias"].any())])
        saw("parameters", "per neuron" if keep.ndim else "shared")
    on = [{_kind(mapping, place) for place in mapping.places if place.core == core} for core in range(len(cores))]
    saw("kinds of neurons on a core", *map(len, on))
    saw("output delay", network.output_delay)
    return found


def _kind(mapping: Mapping, place: Place) -> tuple:
    neuron = mapping.split.network[place.name].neuron
    return tuple(sorted(neuron.states.items())), tuple(sorted(neuron.options.items()))


def ranges(case: Case) -> dict[str, Range]:
    """Of everything that the product supports in ranges."""
    mapping = map_network(case.network, case.configuration)
    return of_network(case.network) | of_hardware(mapping.parameters)
