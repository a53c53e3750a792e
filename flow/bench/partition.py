"""The mapper's own search against simple placements and a partitioner of graphs."""

from collections.abc import Iterator
from time import process_time
from typing import Any

import networkx

from spikeloom import mapped, packaged
from spikeloom.bench import hardware
from spikeloom.bench.cache import sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.golden import data as files
from spikeloom.golden.network import Network
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.cost import predict
from spikeloom.hdl.mapping.loads import Loads, Placed
from spikeloom.hdl.mapping.placement import candidates, chosen, judged
from spikeloom.hdl.mapping.work import Counts

__all__ = ["placement"]

SAMPLES = 8


@figure(
    *(
        {"network": name, "weight_bits": 8, "lanes": 16, "cores": cores, "topology": "mesh"}
        for name in ("digits", "delays", "connectome", "converted-cnn", "cnn")
        for cores in ((2, 4, 8) if name in ("digits", "cnn") else (2, 4))
    )
)
def placement(
    bench: Bench, network: str, weight_bits: int, lanes: int, cores: int, topology: str
) -> Iterator[dict[str, Any]]:
    """Clocks per step that the token model predicts for placements: whole populations in turn, all populations in equal
    parts on all cores, those parts placed by networkx (Kernighan and Lin's bisection, again and again, so that few
    events go between cores), and by `spikeloom map`."""
    source = hardware.network(network, weight_bits)
    seen = files.load(packaged.find(network).calibration)
    configuration = Configuration.create(lanes=lanes, cores=cores, topology=topology)

    def compared() -> dict[str, Any]:
        events = hardware.fires(source, seen.x[:SAMPLES])
        loads = Loads(source, configuration, {name: e.mean(axis=(0, 1)) for name, e in events.items()})
        simple = candidates(loads, cores)
        bench.progress("networkx")
        placed = {
            "whole": simple["whole"],
            "even": simple["even"],
            "networkx": _bisected(source, chosen(configuration, loads, simple["even"]), loads, events, simple["even"]),
        }
        clocks = {how: judged(source, chosen(configuration, loads, one), events) for how, one in placed.items()}
        bench.progress("map")
        begin = process_time()
        found = mapped.placed(source, configuration, events=events)
        seconds = process_time() - begin
        clocks["map"] = predict(map_network(source, found), events).clocks_per_step
        return {**{how: round(one, 1) for how, one in clocks.items()}, "seconds": round(seconds, 2)}

    code = [sources("spikeloom.hdl"), sources("spikeloom.mapped"), networkx.__version__]
    yield bench.cache.remember(compared, network=source.hash, configuration=repr(configuration), code=code)


def _bisected(network: Network, split: Configuration, loads: Loads, events: Counts, even: Placed) -> Placed:
    """Equal parts in as many groups as there are cores, cut where few events cross."""
    mapping = map_network(network, split)
    graph = networkx.Graph()
    graph.add_nodes_from(place.name for place in mapping.places if place.core >= 0)
    size = {part.name: len(part.neurons) / part.share.size for part in mapping.split.parts}
    population = {part.name: part.population for part in mapping.split.parts}
    for reader in mapping.readers:
        if reader.source in graph and reader.projection and reader.source != reader.target:
            before = graph.get_edge_data(reader.source, reader.target, {"weight": 0.0})["weight"]
            rate = loads.rates[population[reader.source]] * size[reader.source]
            graph.add_edge(reader.source, reader.target, weight=before + rate)
    groups = [set(graph)]
    while len(groups) < len(mapping.parameters.cores):
        groups.sort(key=len)
        most = groups.pop()
        groups += networkx.community.kernighan_lin_bisection(graph.subgraph(most), weight="weight", seed=1)
    core_of = {name: core for core, group in enumerate(groups) for name in group}
    cores = {
        name: tuple(core_of[part.name] for part in mapping.split.parts if part.population == name)
        for name in even.cores
    }
    return Placed(cores=cores, cuts=even.cuts)
