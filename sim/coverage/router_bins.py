"""Bins of what joins the cores: every turn that a topology allows, and how packets wait."""

from itertools import pairwise, product

from spikeloom.hdl.routers.topology import Link, Topology
from spikeloom.sim.coverage.bins import Bin

__all__ = ["router_bins"]


def router_bins(topology: Topology, path: str, *, multicast: bool = True, between: int | None = None) -> list[Bin]:
    """path: of the interconnect in the design, "" if it is all of it.

    between: nodes send to others alone, and only from this one on.
    """
    kind = topology.kind
    what = f"{kind} of {topology.nodes}{'' if multicast else ' for credits'}"
    path = rf"{path}\." if path else ""
    if kind == "ring":
        return _stops(topology, path, what)
    bins = [
        Bin(of=rf"{path}router\d+\.{part}\d+", name=f"{kind}: {title}", about=about, when=when)
        for part, title, about, when in (
            ("arbiter", "two want one output", "in one clock", "$countones({request}) > 1"),
            ("arbiter", "output is full", "a packet waits for it", "{request} != 0 && !{served}"),
            ("inbox", "empty", "no packet is there", "{left} == 0"),
            ("inbox", "full", "two packets are there, and a third has no room", "{i__valid} && !{i__ready}"),
            ("inbox", "one goes as one comes", "the only packet leaves", "{i__valid} && {i__ready} && {served} != 0"),
            ("inbox", "full, and one goes", "of two packets one leaves", "!{i__ready} && ({left} & ~{served}) == 0"),
        )
    ]
    if multicast:
        bins += [
            Bin(of=rf"{path}router\d+\.inbox\d+", name=f"{kind}: {title}", about=about, when=when)
            for title, about, when in (
                ("copies at once", "several outputs take a packet in one clock", "$countones({left} & {served}) > 1"),
                ("copies one by one", "some outputs take a packet, others not yet", PARTLY),
            )
        ]
    turns = set()
    for source, target in product(range(topology.nodes), repeat=2):
        if between is None or (source != target and source >= between):
            turns |= set(pairwise(topology.path(source, target)))
    for k, router in enumerate(topology.routers):
        inputs = [link for link in topology.links if link.end == router]
        outputs = [link for link in topology.links if link.start == router]
        bins += [
            Bin(
                of=rf"{path}router{k}",
                name=f"{what}: {_turn(came, goes)}",
                about="a packet takes this turn",
                when=f"({{inbox{a}/left}} & {{inbox{a}/served}} & {1 << b}) != 0",
            )
            for (a, came), (b, goes) in product(enumerate(inputs), enumerate(outputs))
            if (came, goes) in turns
        ]
    return bins


PARTLY = "({left} & {served}) != 0 && ({left} & ~{served}) != 0"


def _turn(came: Link, goes: Link) -> str:
    return f"{came.start} to {came.end} to {goes.end}"


def _stops(topology: Topology, path: str, what: str) -> list[Bin]:
    each = [
        ("node to ring", "a packet enters", "{enter}"),
        ("ring to ring", "a packet passes", "{forward} && {ring_o__ready}"),
        ("ring to node", "a packet leaves", "{deliver} && {free}"),
    ]
    some = [
        (
            "no room",
            "a packet waits while the next stop has no two places free",
            "!{buffer/o__ready} && {buffer/o__valid}",
        ),
        ("queue is empty", "nothing passes", "!{queue/o__valid}"),
        ("queue is full", "all places are taken", "!{queue/i__ready}"),
        ("queue: full, and one goes", "of all places one is given up", "!{queue/i__ready} && {queue/take}"),
        ("queue: one goes as one comes", "a place is given up for another", "{queue/put} && {queue/take}"),
        ("quota is used up", "a packet waits for the token", "!{allowed} && {buffer/o__valid}"),
        ("keeps the token", "a packet waits that none was sent before", "{token} && !{token_o}"),
        ("copy", "a packet leaves and passes in one clock", "{deliver} && {free} && {forward} && {ring_o__ready}"),
        ("node does not take", "a packet waits for the node", "{o__valid#last} && !{free}"),
    ]
    return [
        *(
            Bin(of=rf"{path}stop{k}", name=f"{what}: stop {k}: {title}", about=about, when=when)
            for k in range(topology.nodes)
            for title, about, when in each
        ),
        *(Bin(of=rf"{path}stop\d+", name=f"{what}: {title}", about=about, when=when) for title, about, when in some),
    ]
