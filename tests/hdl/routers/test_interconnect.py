"""Every packet arrives once, in order, over the links of its route, in the clocks that the docstrings say."""

import random

import pytest
from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from spikeloom.hdl.routers import Crossbar, Mesh, Ring, Topology
from traffic import Traffic, check

#: The smallest legal ones, one with sites that no node has, and larger ones.
SIZES = [(Crossbar, 2), (Crossbar, 5), (Ring, 2), (Ring, 5), (Mesh, 2), (Mesh, 5), (Mesh, 9)]


def draw(dut, count, seed):
    """Packets whose payload says where they come from, and their number there."""
    rng = random.Random(seed)
    sizes = [0, 1, 1, 2, dut.nodes] if dut.multicast else [1]
    targets = [[rng.sample(range(dut.nodes), min(rng.choice(sizes), dut.nodes)) for _ in range(count)] for _ in dut.i]
    return [[(to, k << 8 | n) for n, to in enumerate(each)] for k, each in enumerate(targets)]


@pytest.mark.parametrize("multicast", [False, True])
@pytest.mark.parametrize("stall", [0, 0.6])
@pytest.mark.parametrize("kind, nodes", SIZES)
def test_all_packets_arrive_once_and_in_order(kind, nodes, stall, multicast):
    dut = kind(nodes, unsigned(12), multicast=multicast)
    sent = draw(dut, 40, seed=nodes)
    traffic = Traffic(dut, sent, stall=stall)
    check(dut, sent, traffic)
    assert len(dut.moved) == len(dut.stalled) == len(dut.links)
    ends = {end(node) for end in (dut.topology.into, dut.topology.out) for node in range(nodes)}
    assert not stall or ends <= {link for link, clocks in traffic.stalled.items() if clocks}


def routers_passed(dut, source, target):
    return len(dut.topology.path(source, target)) - 1


def latency(dut, source, target):
    routers = routers_passed(dut, source, target)
    return routers + 1 if isinstance(dut, Ring) else 2 * routers


@pytest.mark.parametrize("multicast", [False, True])
@pytest.mark.parametrize("kind, nodes", [(Crossbar, 3), (Ring, 5), (Mesh, 6)])
def test_one_packet_per_clock_between_any_two(kind, nodes, multicast):
    """One after the other, so that each pair has the links to itself."""
    for source in {0, 1, nodes - 1}:
        dut = kind(nodes, unsigned(12), multicast=multicast)
        sent = [[] for _ in range(nodes)]
        sent[source] = [([n // 20], n) for n in range(20 * nodes)]
        traffic = Traffic(dut, sent)
        assert traffic.entered[source] == list(range(20 * nodes)), "never held up"
        for target in range(nodes):
            delay = latency(dut, source, target)
            assert delay <= 2 * routers_passed(dut, source, target)
            first = 20 * target + delay
            assert [clock for _, clock in traffic.came[target]] == list(range(first, first + 20))


@pytest.mark.parametrize("kind, nodes", [(Crossbar, 4), (Ring, 5), (Mesh, 9)])
def test_all_links_carry_one_packet_per_clock_at_once(kind, nodes):
    """Everybody sends to the next in the ring, or in the row."""
    dut = kind(nodes, unsigned(12))
    row = dut.topology.width if kind is Mesh else nodes
    following = [node // row * row + (node + 1) % row for node in range(nodes)]
    sent = [[([target], k << 8 | n) for n in range(60)] for k, target in enumerate(following)]
    traffic = Traffic(dut, sent)
    check(dut, sent, traffic)
    assert all(clocks == list(range(60)) for clocks in traffic.entered)


def test_a_broadcast_takes_no_longer_than_its_farthest_copy():
    dut = Mesh(9, unsigned(12))
    traffic = Traffic(dut, [[(range(9), n) for n in range(30)], *[[] for _ in range(8)]])
    for target in range(9):
        assert traffic.came[target] == [(n, n + latency(dut, 0, target)) for n in range(30)]


@pytest.mark.parametrize("kind, nodes", [(Crossbar, 5), (Mesh, 9)])
def test_an_output_serves_its_inputs_in_turn(kind, nodes):
    """All send to node 4; of any packets that an input of its last router could send, no other overtakes it twice."""
    dut = kind(nodes, unsigned(12))
    traffic = Traffic(dut, [[([4], k << 8 | n) for n in range(30)] for k in range(nodes)])
    last = {k: dut.topology.path(k, 4)[-2] for k in range(nodes)}
    order = [last[payload >> 8] for payload, _ in traffic.came[4]]
    inputs = set(last.values())
    busy = len(order) // 4  # while every input still has packets
    for n in range(len(inputs), busy):
        assert set(order[n : n + len(inputs)]) == inputs


@pytest.mark.parametrize("kind", [Crossbar, Ring, Mesh])
@pytest.mark.parametrize("multicast", [False, True])
def test_a_payload_has_any_shape(kind, multicast):
    dut = kind(3, data.StructLayout({"number": unsigned(4), "value": signed(8)}), multicast=multicast)
    payloads = [{"number": n, "value": 3 - 2 * n} for n in range(5)]
    traffic = Traffic(dut, [[([2], payload) for payload in payloads], [], []])
    assert [came == due for (came, _), due in zip(traffic.came[2], payloads, strict=True)] == [True] * 5


@pytest.mark.parametrize("kind, nodes", [(Crossbar, 5), (Ring, 8), (Mesh, 16)])
def test_attributes(kind, nodes):
    dut = kind(nodes, unsigned(24))
    assert dut.links == dut.topology.links == Topology(kind=dut.kind, nodes=nodes).links
    assert [len(port.payload.to) for port in (dut.i[0], kind(nodes, 24, multicast=False).i[0])] == [
        nodes,
        (nodes - 1).bit_length(),
    ]
    assert all(port.payload.shape() == unsigned(24) for port in dut.o)
