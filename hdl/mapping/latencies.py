"""What the components take, in clocks."""

from dataclasses import dataclass

__all__ = ["Costs"]


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Clocks that the components take, as their tests check them.

    start:    from a scheduler's choice to the first row; the event-stationary half begins a list 2 clocks sooner.
    look:     of a scheduler at one population.
    segment:  of a scheduler for each list of a group; ``offered``: from the begin of a list until the next but one is
              there, which is made ready when the one between no longer waits.
    seen:     from a tick at a core's lists until a scheduler sees it; ``returned``: from a credit, and ``queued`` more
              before it leaves for another node.
    sent:     from a group's sums at the end of the pipelines until its first event leaves.
    own, link: from a core's output to its own lists (a buffer, the merge's turn and its buffer), and to another core's,
              ``hop`` more for each router.
    first_row: of an event-stationary engine, from a list's begin to its first row: 4 until events are read, 6 from an
              event that was read to its row; those of reading are ``CoreParameters.entry_latency`` more.
    travel:   from an event that was read in vain, beside ``CoreParameters.entry_latency``, until the next list begins.
    drain:    from the last row until the next list begins: 7 to the ring of sums, and 3 until that is seen and the
              credit has left; graded events take one more.
    empty:    of a list without events.
    done:     from the end of a list until a scheduler sees its credit, or the step of sums that it ended.
    tick:     of a core's lists for a tick.
    gate:     in which the host's gate is shut between two steps; ``opening``: from a credit to the first flit: 3 until
              it is seen, 2 until the gate is open.
    """

    row: int = 1
    start: int = 6
    look: int = 3
    segment: int = 3
    offered: int = 2
    seen: int = 5
    returned: int = 3
    queued: int = 1
    sent: int = 4
    own: int = 3
    link: int = 3
    hop: int = 2
    first_row: int = 10
    travel: int = 6
    drain: int = 10
    empty: int = 6
    done: int = 1
    tick: int = 2
    gate: int = 2
    opening: int = 5

    @property
    def projection(self) -> int:
        """Of an event-stationary engine for a list of events, beside its rows."""
        return self.first_row + 1 + self.drain
