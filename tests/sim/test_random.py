"""Random networks against golden, with random stalls: many on few binaries, whose memories are filled at run time.

A core is built for one kind of neuron, so drawn networks are brought into a family before they share a binary. A
failing case is kept in ``tests/regressions`` (the last one written is the smallest) and replayed here for ever.
"""

import functools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import strategies
from spikeloom.golden.network import Network
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.split import most_parts
from spikeloom.hdl.parameters import AcceleratorParameters, covering
from spikeloom.sim.equivalence import VerifyReport, verify

REGRESSIONS = Path(__file__).parents[1] / "regressions"
DRAWN = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def kind(bits, decay_bits, guard, reset="subtract", reset_when="same-step", spikes="one", value_bits=1, i=0):
    options = {"reset": reset, "reset_when": reset_when, "spikes": spikes, "decay_bits": decay_bits, "guard": guard}
    options |= {"cut": bits - value_bits - 1} if spikes == "potential" else {}  # one less than would never saturate
    states = {"v": bits} | ({"n": value_bits} if reset_when == "next-step" else {}) | ({"i": i} if i else {})
    return states, options, value_bits


def mixed(network: Network, configuration: Configuration) -> Configuration:
    """Each pair of populations in an order of its own, which depends on the network alone."""
    late = {f"{j.source} -> {j.target}" for j in network.projections if j.synapses.delays is not None}
    names = dict.fromkeys(f"{j.source} -> {j.target}" for j in network.projections)
    rng = np.random.default_rng(int(network.hash[:8], 16))
    order = {
        name: str(rng.choice(["auto", "event"] if name in late else ["neuron", "event", "auto"])) for name in names
    }
    return configuration.model_copy(update={"order": order})


#: Families of :data:`FAMILIES` that have all kinds of synapses, and those of them in which both orders are mixed.
EVENTS = {"one lane, all kinds", "core each, all kinds", "eight lanes, all kinds", "three cores, all kinds"}
MIXED = EVENTS - {"one lane, all kinds"}

THREE = 3

#: name -> configuration, and the kind of neuron of each population in turn.
FAMILIES = {
    "one lane": (Configuration(lanes=1), [kind(14, 8, 3)]),
    "eight lanes": (
        Configuration(lanes=8, units=2, weights="single-port", pipeline="short"),
        [kind(10, 6, 0, reset="zero")],
    ),
    "core each": (
        Configuration(lanes=4, units=2, cores="per-population"),
        [
            kind(12, 0, 2, reset_when="next-step"),
            kind(13, 10, 1, spikes="many", value_bits=4),
            kind(16, 12, 5, spikes="many", value_bits=3, reset_when="next-step"),
        ],
    ),
    "currents and potentials": (
        Configuration(lanes=4, units=2),
        [
            kind(13, 8, 2, reset_when="next-step", i=11),
            kind(13, 8, 2, spikes="potential", value_bits=4),
            kind(13, 8, 2, reset_when="next-step"),
            kind(13, 8, 2, spikes="potential", value_bits=4, i=11),
        ],
    ),
    "one lane, all kinds": (Configuration(lanes=1, slots=1), [kind(14, 8, 3)]),
    "core each, all kinds": (
        Configuration(lanes=4, units=2, cores="per-population", topology="ring"),
        [
            kind(12, 0, 2, reset_when="next-step"),
            kind(13, 8, 2, spikes="potential", value_bits=4, i=11),
            kind(13, 10, 1, spikes="many", value_bits=3),
        ],
    ),
    "eight lanes, all kinds": (
        Configuration(lanes=8, units=2, pipeline="short"),
        [kind(13, 6, 1, spikes="many", value_bits=3)],
    ),
    "three cores, all kinds": (
        Configuration(lanes=2, cores=THREE, topology="mesh"),
        [kind(12, 6, 1, reset_when="next-step")],
    ),
}


def configured(family: str, network: Network) -> Configuration:
    configuration = FAMILIES[family][0]
    if configuration.cores == THREE:
        configuration = configuration.model_copy(update=scattered(network, configuration.lanes))
    return mixed(network, configuration) if family in MIXED else configuration


def scattered(network: Network, lanes: int) -> dict[str, dict]:
    """Each population in as many parts as drawn, cut evenly or anywhere, on three cores, none of which is idle, and
    with as many slots as drawn; all depends on the network."""
    rng = np.random.default_rng(int(network.hash[8:16], 16))
    counts = {p.name: int(rng.integers(1, 1 + min(THREE, most_parts(network, p.name, lanes)))) for p in network.neurons}
    cores = iter([*rng.permutation(THREE), *rng.integers(0, THREE, sum(counts.values()))])
    cuts = {
        name: sorted(map(int, rng.choice(np.arange(1, most_parts(network, name, 1)), count - 1, replace=False)))
        for name, count in counts.items()
        if count > 1 and rng.random() < 0.5
    }
    return {
        "cores": {name: [int(next(cores)) for _ in range(count)] for name, count in counts.items()},
        "cuts": cuts,
        "slots": {p.name: int(rng.integers(1, 4)) for p in network.populations},
    }


def into_family(network: Network, kinds: list) -> Network:
    """The network with these kinds of neurons, its numbers scaled to them."""
    populations = []
    for number, population in enumerate(network.populations):
        if population.neuron:
            states, options, value_bits = kinds[(number - 1) % len(kinds)]
            old, limit = population.neuron, 1 << states["v"] - 1
            scale = 2.0 ** (options["guard"] - old.options["guard"])
            parameters = {k: np.clip(np.rint(v * scale), -limit, limit - 1) for k, v in old.parameters.items()}
            parameters["subtract"] = np.maximum(1, parameters["subtract"])
            if options["spikes"] == "potential":
                parameters |= {name: np.zeros(()) for name in ("threshold", "subtract", "v_reset")}
            for name in ("keep", "current_keep"):
                kept = old.parameters.get(name, np.array(0.7 * 2 ** old.options["decay_bits"]))
                parameters[name] = np.rint(kept * 2.0 ** (options["decay_bits"] - old.options["decay_bits"]))
            if "i" not in states:
                del parameters["current_keep"]
            neuron = replace(
                old,
                states=states,
                options=options,
                parameters={name: value.astype(np.int64) for name, value in parameters.items()},
            )
            population = replace(population, neuron=neuron, value_bits=value_bits)
        populations.append(population)
    return replace(network, populations=tuple(populations))


def family_networks(family: str) -> st.SearchStrategy[Network]:
    configuration, kinds = FAMILIES[family]
    count = (1, 3) if configuration.cores == "shared" else (3, 3)
    more = {"kinds": strategies.KINDS, "synapse_delays": 3, "sizes": (1, 12)} if family in EVENTS else {}
    networks = strategies.networks(populations=count, currents=False, potentials=False, **more)
    return networks.map(lambda network: into_family(network, kinds))


@functools.cache
def common_parameters(family: str) -> AcceleratorParameters:
    """Hardware for nearly every network of the family."""
    drawn = []

    @settings(DRAWN, max_examples=150, phases=[Phase.generate])
    @given(network=family_networks(family))
    def draw(network):
        drawn.append(map_network(network, configured(family, network)).parameters)

    draw()
    return functools.reduce(covering, drawn)


def fits(network: Network, family: str) -> bool:
    common = common_parameters(family)
    return covering(common, map_network(network, configured(family, network)).parameters) == common


def check(
    name: str,
    folder: Path,
    network: Network,
    x: np.ndarray,
    configuration: Configuration,
    common: str | None,
    **options,
) -> VerifyReport:
    """Verify; a case that differs becomes a regression."""
    generate(network, configuration, folder / "design", parameters=common_parameters(common) if common else None)
    report = verify(folder / "design", x, output=folder / "mismatch", **options)
    if report.differences or report.problems:
        case = REGRESSIONS / name.replace(" ", "-")
        shutil.rmtree(case, ignore_errors=True)
        case.mkdir(parents=True)
        network.save(case / "network.loom")
        np.savez_compressed(case / "x.npz", x=x)
        document = {"configuration": configuration.model_dump(), "common": common, "options": options}
        (case / "case.json").write_text(json.dumps(document | {"verdict": report.verdict}, indent=1) + "\n")
    return report


def test_regressions(tmp_path):
    for path in sorted(REGRESSIONS.glob("*/case.json")):
        document = json.loads(path.read_text())
        network = Network.load(path.parent / "network.loom")
        with np.load(path.parent / "x.npz") as file:
            x = file["x"]
        configuration, folder = Configuration.create(**document["configuration"]), tmp_path / path.parent.name
        common = document["common"]
        common = common if common and fits(network, common) else None
        generate(network, configuration, folder, parameters=common_parameters(common) if common else None)
        options = document["options"] | ({} if common else {"simulator": "amaranth"})
        report = verify(folder, x, output=tmp_path / "mismatch", **options)
        assert not report.differences and not report.problems, f"{path.parent.name}: {report.verdict}"


@pytest.mark.parametrize("family", FAMILIES)
def test_networks_of_a_family_on_one_binary(family, tmp_path_factory):
    reports: list[VerifyReport] = []
    networks: list[Network] = []
    common_parameters(family)

    examples = 25

    @settings(DRAWN, max_examples=examples)
    @given(data=st.data(), network=family_networks(family), stalls=st.booleans(), seed=st.integers(0, 2**16))
    def run(data, network, stalls, seed):
        assume(fits(network, family))
        x = data.draw(strategies.stimuli(network))
        folder = tmp_path_factory.mktemp("case")
        report = check(
            f"random {family}",
            folder,
            network,
            x,
            configured(family, network),
            common=family,
            stalls=stalls,
            seed=seed,
            bulk=family in EVENTS,
        )
        assert not report.differences and not report.problems, report.verdict
        reports.append(report)
        networks.append(network)

    run()
    assert len(reports) >= examples
    assert len({report.verilog for report in reports}) == 1
    assert len({report.network for report in reports}) >= 0.6 * examples
    assert sum(report.events for report in reports) > 200
    assert sum(report.ok for report in reports) > 0.48 * examples  # the others were silent
    fired = [share for report in reports for share in report.fired.values()]
    assert 0.1 < np.mean(fired) < 0.9
    if family in EVENTS:
        scattered = [name for name in reports[0].activity if name.endswith(".scatter")]
        assert scattered == [f"core{k}.scatter" for k in range(len(common_parameters(family).cores))]
        for name in scattered:
            rows = [report.activity[name]["rows"] for report in reports]
            assert sum(n > 0 for n in rows) > 8 and sum(rows) > 300, name
            assert sum(report.activity[name]["hand_over"] for report in reports) > 50, name  # sums taken meanwhile
        stored = {
            (reader.projection.synapses.kind, fan_out.listed)
            for network in networks
            for reader, fan_out in map_network(network, configured(family, network)).fan_outs.items()
        }
        never = {("sparse", False)} | (set() if family in MIXED else {("dense", False)})
        possible = {(name, listed) for name in strategies.KINDS for listed in (False, True)} - never
        assert stored <= possible and len(stored) >= len(possible) - 1
    if family == "currents and potentials":
        assert len({len(report.populations) for report in reports}) == 3, "on one core, of one to three kinds"


def test_any_network_on_amaranths_simulator(tmp_path_factory):
    """The third witness, on the smallest hardware for each network: every kind of neuron, whatever was drawn."""
    reports: list[VerifyReport] = []
    currents, potentials, kinds, rows = set(), set(), set(), 0

    @settings(DRAWN, max_examples=16)
    @given(
        data=st.data(),
        network=st.one_of(
            strategies.networks(), strategies.networks(kinds=strategies.KINDS, synapse_delays=3, sizes=(1, 6))
        ),
        lanes=st.sampled_from([1, 2, 4]),
        slots=st.integers(1, 3),
        topology=st.sampled_from(["crossbar", "ring", "mesh"]),
        stalls=st.booleans(),
    )
    def run(data, network, lanes, slots, topology, stalls):
        nonlocal rows
        x = data.draw(strategies.stimuli(network, samples=(1, 2), steps=(3, 8)))
        own = Configuration(lanes=lanes, slots=slots, cores="per-population", topology=topology)
        configuration = mixed(network, own)
        folder = tmp_path_factory.mktemp("case")
        report = check(
            "random any", folder, network, x, configuration, common=None, stalls=stalls, simulator="amaranth"
        )
        assert not report.differences and not report.problems, report.verdict
        reports.append(report)
        currents.update(p.name for p in network.neurons if "i" in p.neuron.states)
        sending = {p.name for p in network.neurons if p.neuron.options["spikes"] == "potential"}
        potentials.update((name, any(j.source == name for j in network.projections)) for name in sending)
        kinds.update(j.synapses.kind for j in network.projections)
        rows += sum(clocks["rows"] for name, clocks in report.activity.items() if name.endswith(".scatter"))

    run()
    assert len(reports) >= 12 and sum(report.events for report in reports) > 50
    assert len(currents) >= 2 and {read for _, read in potentials} == {False, True}
    assert len(kinds) >= 3 and rows > 100
