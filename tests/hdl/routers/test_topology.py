"""Routes are trees that reach their targets, and what could deadlock is refused."""

import re
from dataclasses import FrozenInstanceError
from itertools import pairwise, product

import pytest

from spikeloom.golden.network import Refusal
from spikeloom.hdl.routers import Link, Topology
from spikeloom.hdl.routers.topology import circle

KINDS = ("crossbar", "ring", "mesh")


class Turned(Topology):
    """Odd nodes of a mesh go along the column first."""

    def _xy(self, source, target):
        return super()._xy(target, source)[::-1] if source % 2 else super()._xy(source, target)


class ColumnsFirst(Topology):
    def _xy(self, source, target):
        return super()._xy(target, source)[::-1]


class WithoutBubble(Topology):
    bubble_rings = ()


class WrongBubble(Topology):
    """What is no circle is none by being called one."""

    @property
    def bubble_rings(self):
        return (self.links,)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nodes", [2, 3, 4, 5, 7, 8, 12, 16])
def test_routes_are_trees_over_links(kind, nodes):
    topology = Topology(kind=kind, nodes=nodes)
    topology.check()
    assert len(set(topology.links)) == len(topology.links)
    for source, target in product(range(nodes), repeat=2):
        path = topology.path(source, target)
        assert path[0] == Link(f"node {source}", path[0].end) and path[-1] == Link(path[-1].start, f"node {target}")
        assert all(a.end == b.start for a, b in pairwise(path))
        assert all(target in topology.reach[link] for link in path)
    for source in range(nodes):
        targets = range(source % 3, nodes, 2) or [0]
        route = topology.route(source, targets)
        assert set(route) <= set(topology.links)
        if kind != "ring" or source not in targets:  # all the way round a ring passes its first stop again
            assert len({link.end for link in route}) == len(route), "nothing is entered twice"
        assert {link.end for link in route if link.end.startswith("node")} == {f"node {k}" for k in targets}
        assert route[0] == topology.into(source)


def test_topologies_by_hand():
    mesh = Topology(kind="mesh", nodes=7)
    assert (mesh.width, mesh.height, len(mesh.routers), len(mesh.links)) == (3, 3, 9, 7 + 24 + 7)
    names = ["node 6", "router 6", "router 7", "router 8", "router 5", "router 2", "node 2"]
    assert mesh.path(6, 2) == tuple(map(Link, names, names[1:]))
    assert sorted(mesh.reach[Link("router 0", "router 1")]) == [1, 2, 4, 5]
    assert not mesh.reach[Link("router 8", "router 7")], "no node sends from there"
    ring = Topology(kind="ring", nodes=4)
    assert [str(link) for link in ring.route(3, [0, 3])] == [
        "node 3 -> stop 3",
        "stop 3 -> stop 0",
        "stop 0 -> node 0",
        "stop 0 -> stop 1",
        "stop 1 -> stop 2",
        "stop 2 -> stop 3",
        "stop 3 -> node 3",
    ]
    assert Topology(kind="crossbar", nodes=5).path(4, 4) == (Link("node 4", "crossbar"), Link("crossbar", "node 4"))


def test_either_dimension_order_alone_is_safe():
    for nodes in (4, 9, 16):
        ColumnsFirst(kind="mesh", nodes=nodes).check()


@pytest.mark.parametrize("nodes", [6, 9, 16])
def test_a_mesh_with_yx_turns_is_refused(nodes):
    with pytest.raises(Refusal, match=f"^The mesh of {nodes} nodes could deadlock: ") as refused:
        Turned(kind="mesh", nodes=nodes).check()
    named = [Link(*link) for link in re.findall(r"(router \d+) -> (router \d+)", str(refused.value))]
    assert len(named) >= 4 and all(a.end == b.start for a, b in zip(named, (*named[1:], named[0]), strict=True))


@pytest.mark.parametrize("topology", [WithoutBubble, WrongBubble])
def test_a_ring_without_bubble_is_refused(topology):
    text = (
        "The ring of 3 nodes could deadlock: each of these links can wait for the next, and the last for the first: "
        "stop 1 -> stop 2, stop 2 -> stop 0, stop 0 -> stop 1; "
        "route a mesh in XY order alone, and keep a place free in every ring"
    )
    with pytest.raises(Refusal) as refused:
        topology(kind="ring", nodes=3).check()
    links = "stop 0 -> stop 1, stop 1 -> stop 2, stop 2 -> stop 0"
    turns = [", ".join(links.split(", ")[k:] + links.split(", ")[:k]) for k in range(3)]
    assert str(refused.value) in {text.replace(turns[1], turn) for turn in turns}


def test_circles_are_found():
    assert circle({1: [2, 3], 2: [4], 3: [4], 4: []}) == []
    assert circle({1: [2], 2: [3], 3: [4, 2], 4: []}) == [2, 3]
    assert circle({1: [], 2: [2]}) == [2]


@pytest.mark.parametrize(
    "options, error, text",
    [
        ({"kind": "tree", "nodes": 4}, Refusal, "Topology must be crossbar, ring or mesh, not 'tree'"),
        ({"kind": "mesh", "nodes": 1}, Refusal, "Nodes must be in 2..65, not 1"),
        ({"kind": "ring", "nodes": 66}, Refusal, "Nodes must be in 2..65, not 66"),
        ({"kind": "ring", "nodes": 4.0}, TypeError, "Nodes must be an integer, not 4.0"),
        ({"kind": "ring", "nodes": True}, TypeError, "Nodes must be an integer, not True"),
    ],
)
def test_what_is_no_topology_is_refused(options, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        Topology(**options)


def test_a_topology_stays_as_it_is():
    with pytest.raises(FrozenInstanceError):
        Topology(kind="ring", nodes=4).nodes = 5
