"""What the components take, in clocks."""

from dataclasses import dataclass

__all__ = ["Costs"]


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Clocks that the components take, as their tests check them.

    start:    from a scheduler's choice to the first row.
    look:     of a scheduler at one population.
    segment:  of a scheduler for each list of a group.
    seen:     from a tick at a core's lists until a scheduler sees it; ``returned``: from a credit, and ``queued`` more
              before it leaves for another node.
    sent:     from a group's sums at the end of the pipelines until its first event leaves.
    own, link: from a core's output to its own lists, and to another core's, ``hop`` more for each router.
    projection: of an event-stationary engine, beside its rows; ``empty``: without any event.
    gate:     of the host's gate between two steps; ``opening``: from a credit to the first flit.
    """

    row: int = 1
    start: int = 6
    look: int = 3
    segment: int = 3
    seen: int = 5
    returned: int = 3
    queued: int = 1
    sent: int = 4
    own: int = 4
    link: int = 3
    hop: int = 2
    projection: int = 21
    empty: int = 6
    done: int = 2
    gate: int = 2
    opening: int = 2
