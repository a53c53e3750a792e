"""What each core of a mapping stores, in logical bits, and whether that is allowed."""

from spikeloom.golden.network import Refusal
from spikeloom.hdl.event_lists import entry_layout
from spikeloom.hdl.mapping.plan import Mapping
from spikeloom.hdl.memory_map import core_memories
from spikeloom.hdl.parameters import CoreParameters

__all__ = ["by_memory", "check", "core_bits"]


def by_memory(p: CoreParameters) -> dict[str, int]:
    """Bits of a core's memories, the largest first; those side by side are one."""
    found = {"lists": p.list_entries * entry_layout(p).size}
    if s := p.scatter:
        found["sums"] = s.ring_rows * s.accumulator_bits * p.lanes
    for name, (entries, layout) in core_memories(p).items():
        name = name.rstrip("0123456789")
        found[name] = found.get(name, 0) + entries * layout.size
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def core_bits(mapping: Mapping) -> list[int]:
    return [sum(by_memory(p).values()) for p in mapping.parameters.cores]


def check(mapping: Mapping, most: int) -> None:
    """Refuse a core that stores more than so many bits: the fullest."""
    bits = core_bits(mapping)
    core = max(range(len(bits)), key=lambda k: bits[k])
    if bits[core] <= most:
        return
    name, largest = next(iter(by_memory(mapping.parameters.cores[core]).items()))
    here = sorted({part.population for part in mapping.split.parts if mapping.by_name[part.name].core == core})
    raise Refusal(
        f"Core {core} stores {bits[core]:,} bits, more than {most:,}; its memory {name!r} alone takes {largest:,}. It "
        f"serves {', '.join(map(repr, here))}: use more cores than {len(bits)}, or fewer weight bits when converting, "
        "or move a population, or split it over more cores"
    )
