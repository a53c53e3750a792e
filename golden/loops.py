"""Populations that lie on common loops, which must run together, step by step."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

__all__ = ["components", "cut"]


def components(order: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Names grouped by the loops that ``edges`` make; groups in the order in which they can run, members as given."""
    index = {name: k for k, name in enumerate(order)}
    reach = np.eye(len(order), dtype=bool)
    for source, target in edges:
        reach[index[source], index[target]] = True
    for middle in range(len(order)):
        reach |= np.outer(reach[:, middle], reach[middle])
    # What another one reaches has more ancestors, unless both lie on one loop.
    groups = {tuple(np.flatnonzero(reach[i] & reach[:, i])) for i in range(len(order))}
    return [[order[i] for i in group] for group in sorted(groups, key=lambda g: (reach[:, g[0]].sum(), g))]


def cut(readers: Mapping[str, Sequence[str]]) -> tuple[list[str], set[tuple[str, str]]]:
    """An order of the names in which all come before their ``readers``, but for the connections that close a loop.

    The search starts at the first name, and goes on in the order given.
    """
    closing: set[tuple[str, str]] = set()
    done: list[str] = []  # last first
    state: dict[str, str] = {}
    for root in readers:
        path = [] if root in state else [(root, iter(readers[root]))]
        state.setdefault(root, "open")
        while path:
            name, left = path[-1]
            target = next(left, None)
            if target is None:
                state[name] = "done"
                done.append(name)
                path.pop()
            elif target not in state:
                state[target] = "open"
                path.append((target, iter(readers[target])))
            elif state[target] == "open":
                closing.add((name, target))
    return done[::-1], closing
