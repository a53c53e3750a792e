"""Which links join the nodes, which of them a packet takes, and that packets never wait for one another in a circle."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise, product
from math import isqrt
from typing import Literal, NamedTuple

from spikeloom.golden.network import Refusal

__all__ = ["MOST_NODES", "Link", "Topology", "circle"]

MOST_NODES = 65


class Link(NamedTuple):
    """One way, from ``start`` to ``end``: a node, "node 3", or what passes packets on, "router 3"."""

    start: str
    end: str

    def __str__(self) -> str:
        return f"{self.start} -> {self.end}"


@dataclass(frozen=True, kw_only=True)
class Topology:
    """Nodes and what joins them.

    crossbar: one router for all. ring: a stop per node, one direction. mesh: a router for each site of a grid, row by
    row; nodes have the first sites, and XY dimension order: along the row first, then along the column.
    """

    kind: Literal["crossbar", "ring", "mesh"]
    nodes: int

    def __post_init__(self) -> None:
        if self.kind not in ("crossbar", "ring", "mesh"):
            raise Refusal(f"Topology must be crossbar, ring or mesh, not {self.kind!r}")
        if isinstance(self.nodes, bool) or not isinstance(self.nodes, int):
            raise TypeError(f"Nodes must be an integer, not {self.nodes!r}")
        if not 2 <= self.nodes <= MOST_NODES:
            raise Refusal(f"Nodes must be in 2..{MOST_NODES}, not {self.nodes}")

    @property
    def width(self) -> int:
        """Columns of the mesh's grid, the smallest square's or one row less."""
        return isqrt(self.nodes - 1) + 1

    @property
    def height(self) -> int:
        return -(-self.nodes // self.width)

    @property
    def routers(self) -> tuple[str, ...]:
        if self.kind == "crossbar":
            return ("crossbar",)
        if self.kind == "ring":
            return tuple(f"stop {k}" for k in range(self.nodes))
        return tuple(f"router {k}" for k in range(self.width * self.height))

    def into(self, node: int) -> Link:
        """The link by which a node sends."""
        return Link(f"node {node}", self._router(node))

    def out(self, node: int) -> Link:
        """The link by which a node is sent to."""
        return Link(self._router(node), f"node {node}")

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """From the nodes, between routers, to the nodes."""
        nodes = range(self.nodes)
        return (*(self.into(k) for k in nodes), *self._between(), *(self.out(k) for k in nodes))

    @cached_property
    def bubble_rings(self) -> tuple[tuple[Link, ...], ...]:
        """Circles of links in which a place stays free whatever enters them: see ``hdl.routers.ring``."""
        return (tuple(self._between()),) if self.kind == "ring" else ()

    def path(self, source: int, target: int) -> tuple[Link, ...]:
        """The links from one node to another, or round to itself, in order."""
        if self.kind == "crossbar":
            stations = [source]
        elif self.kind == "ring":
            hops = (target - source - 1) % self.nodes + 1  # to itself: all the way round
            stations = [(source + hop) % self.nodes for hop in range(hops + 1)]
        else:
            stations = self._xy(source, target)
        routers = [self._router(k) for k in stations]
        return (self.into(source), *map(Link, routers, routers[1:]), self.out(target))

    def route(self, source: int, targets: Iterable[int]) -> tuple[Link, ...]:
        """The links of a packet to several nodes: a tree, its stem first."""
        return tuple(dict.fromkeys(chain.from_iterable(self.path(source, target) for target in targets)))

    @cached_property
    def reach(self) -> Mapping[Link, frozenset[int]]:
        """The nodes that packets on a link can be for."""
        found: dict[Link, set[int]] = {link: set() for link in self.links}
        for source, target in product(range(self.nodes), repeat=2):
            for link in self.path(source, target):
                found[link].add(target)
        return {link: frozenset(targets) for link, targets in found.items()}

    @cached_property
    def after(self) -> Mapping[Link, frozenset[Link]]:
        """The links that packets on a link can go on to."""
        found: dict[Link, set[Link]] = {link: set() for link in self.links}
        for source, target in product(range(self.nodes), repeat=2):
            path = self.path(source, target)
            for link, following in pairwise(path):
                found[link].add(following)
        return {link: frozenset(following) for link, following in found.items()}

    def check(self) -> None:
        """Refuse what could deadlock.

        A packet in a link's buffer may wait for a place in the buffer of any link after it, also where it has copies
        to give to several. Without a circle of such waits the last buffers drain into the nodes, then those before
        them. A circle with a bubble drains as a whole, so it counts as one buffer.
        """
        whole: dict[Link, Hashable] = {link: link for link in self.links}
        for ring in self.bubble_rings:
            if all(a.end == b.start for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)):
                whole |= dict.fromkeys(ring, ring)
        waits: dict[Hashable, set[Hashable]] = {part: set() for part in whole.values()}
        for link, following in self.after.items():
            waits[whole[link]] |= {whole[other] for other in following} - {whole[link]}
        if found := circle(waits):
            names = ", ".join(map(str, found))
            raise Refusal(
                f"The {self.kind} of {self.nodes} nodes could deadlock: each of these links can wait for the next, and "
                f"the last for the first: {names}; route a mesh in XY order alone, and keep a place free in every ring"
            )

    def _router(self, node: int) -> str:
        return self.routers[0 if self.kind == "crossbar" else node]

    def _between(self) -> Iterator[Link]:
        if self.kind == "ring":
            yield from map(Link, self.routers, (*self.routers[1:], self.routers[0]))
        elif self.kind == "mesh":
            for (k, name), (other, neighbour) in product(enumerate(self.routers), repeat=2):
                (y, x), (v, u) = divmod(k, self.width), divmod(other, self.width)
                if abs(x - u) + abs(y - v) == 1:
                    yield Link(name, neighbour)

    def _xy(self, source: int, target: int) -> list[int]:
        """The sites passed."""
        (y, x), (v, u) = divmod(source, self.width), divmod(target, self.width)
        across, down = (1 if u > x else -1), (1 if v > y else -1)
        row = [y * self.width + column for column in range(x, u + across, across)]
        return [*row, *(line * self.width + u for line in range(y + down, v + down, down) if v != y)]


def circle(waits: Mapping[Hashable, Collection[Hashable]]) -> list[Hashable]:
    """Things of which each waits for the next, and the last for the first; empty if there are none."""
    done: set[Hashable] = set()
    for start in waits:
        trail, ahead = [start], [iter(waits[start])]
        while trail:
            following = next((one for one in ahead[-1] if one not in done), None)
            if following is None:
                done.add(trail.pop())
                ahead.pop()
            elif following in trail:
                return trail[trail.index(following) :]
            else:
                trail.append(following)
                ahead.append(iter(waits[following]))
    return []
