"""What of lines and toggles cannot be reached, each with its reason. One that matches nothing is an error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from spikeloom.sim.coverage.points import Point

__all__ = ["WAIVERS", "Waiver", "waived"]


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """of, what: regular expressions of all of a component's name, and a point's. design: likewise, where it holds."""

    kind: str
    of: str
    what: str
    reason: str
    design: str = ".*"

    @property
    def title(self) -> str:
        return f"{self.kind} of {self.of}: {self.what}" + (f" ({self.design})" if self.design != ".*" else "")

    def matches(self, point: Point, design: str) -> bool:
        return (
            point.kind == self.kind
            and re.fullmatch(self.design, design) is not None
            and re.fullmatch(self.of, point.component) is not None
            and re.fullmatch(self.what, point.what) is not None
        )


def waived(points: Mapping[Point, int], design: str, waivers: "tuple[Waiver, ...]") -> dict[Waiver, list[Point]]:
    """The points that each waiver matches, reached or not."""
    kinds = {kind: [point for point in points if point.kind == kind] for kind in ("line", "toggle")}
    return {waiver: [point for point in kinds[waiver.kind] if waiver.matches(point, design)] for waiver in waivers}


def _toggle(of: str, what: str, reason: str, design: str = ".*") -> Waiver:
    return Waiver(kind="toggle", of=of, what=rf"{what}:.*", reason=reason, design=design)


def _line(of: str, what: str, reason: str, design: str) -> Waiver:
    return Waiver(kind="line", of=of, what=rf"{design}, line \d+, {what}", reason=reason, design=design)


STEPS = "The bits of a step's number that only samples of more than 1,024 steps set."
CLOCKS = "Clocks since the last restart: these bits take more than a million."
ADDRESS = "Addresses are as wide as the map asks for, and no memory of these designs has so many entries."
NARROW = "The host's own memories are narrower than a word of the port."
SOURCE = "The input is the source with number 0, whatever the host says."
ENTRY = "The last word of the widest entry is not full."
SPIKES = "The cores with these numbers send spikes and small counts of them, not values as wide as the third's."
TOKENS = "Counters of tokens are as wide as the most slots of any channel ask for; these have fewer."
OBSERVE = "A register of 32 bits, of which a design has as many as populations."
EVENTS = "Counters count up to here only where something happens more than 65,536 times."

WAIVERS: tuple[Waiver, ...] = (
    _toggle(r"core\.(scatter\.)?scheduler", r"(clock_next|write_data#3)\[1[0-5]\]", STEPS),
    _toggle(r"core\.(scatter\.)?scheduler\.clocks", r"write_data\[1[0-5]\]", STEPS),
    _toggle(r"\(top\)", r"clocks\[(2\d|3[01])\]", CLOCKS),
    _toggle(r"\(top\)|gate|gate\.destinations", r"host__address(#\d+)?\[1[1-5]\]", ADDRESS),
    _toggle(r"\(top\)|gate", r"host__read_data\[([89]|[12]\d|3[01])\]", NARROW),
    _toggle(r"\(top\)", r"(i__payload#[34]|o__payload#[23])\[[0-2]\]", SOURCE, "one core|both orders"),
    _toggle("arriving", r"[io]__payload\[[0-2]\]", SOURCE),
    _toggle("core", r"(i__1__payload|i__payload#2)\[[0-2]\]", SOURCE, "one core|both orders"),
    _toggle(r"core\.merge", r"i__1__payload\[[0-2]\]", SOURCE, "one core|both orders"),
    _toggle("gate", r"o__payload\[[0-2]\]", SOURCE, "one core|both orders"),
    _toggle(
        r"core\.neuron_units\.unit",
        r"given_back",
        "It is 0 where the reset is in the step that fires.",
        "one core",
    ),
    _toggle(r"gate|gate\.destinations", r"o__payload(#1)?\[[0456]\]", SOURCE, "three cores"),
    _toggle("gate", r"i__payload#1\[[0-2]\]", SOURCE, "three cores"),
    _toggle(r"gate\.destinations", r"i__payload\[[0-2]\]", SOURCE, "three cores"),
    _toggle(r"\(top\)", r"(i__0__payload|o__payload#2)\[[0456]\]", SOURCE, "three cores"),
    _toggle(r"\(top\)", r"(i__[12]__payload|o__payload#[35])\[(1[6-9]|2[0-2])\]", SPIKES, "three cores"),
    _toggle(r"core\.scheduler\.(credits|ticks)", r"tokens\d+\[[23]\]", TOKENS, "three cores"),
    _toggle(r"(\(top\)|core|core\..*|gate)", r"host__address(#\d+)?\[9\]", ADDRESS, "both orders|three cores"),
    _toggle("core", r"entry#2\[(4[7-9]|5\d|6[0-3])\]", ENTRY, "one core"),
    _toggle("core", r"entry#3\[(4[6-9]|5\d|6[0-3])\]", ENTRY, "both orders"),
    _toggle("core", r"entry#2\[(5\d|6[0-3])\]", ENTRY, "three cores"),
    _toggle(r"\(top\)|core|core\.destinations", r"observe(#\d+)?\[([7-9]|[12]\d|3[01])\]", OBSERVE, "three cores"),
    _toggle(r"gate\.destinations", r"observe\[\d+\]", "Nobody but cores reads the input's events.", "three cores"),
    _toggle("counters|counters\\.words", r"(write_data|read_data#1)\[(1[7-9]|2\d|3[01])\]", EVENTS),
    _line(
        r"core\.neuron_units",
        r"cond_then: assign .* \? 3'h7 : 3'h6;",
        "The queue of results has room for all that this network can have on its way; in 'one core' it fills.",
        "three cores",
    ),
    _line(
        r"core\.scheduler",
        r"cond_then: assign .* \? 3'h1 : 3'h0;",
        "Each population here waits for events of all others, so credit is never all that lacks; in 'one core' it is.",
        "three cores",
    ),
    _line(
        r"core\.scatter\.scheduler",
        r"else: if \(\\\$57 \) begin",
        "A list that is scattered has one group, so each segment is the step's last.",
        "both orders",
    ),
    _line(
        r"core\.scatter",
        r"case: 3'h([3-5]): done\[\1\] = 1'h1;",
        "Only the projections that read sums, the first three here, have steps of sums that end.",
        "both orders",
    ),
    _line(
        r"link\.executor",
        r"else: if \(o_flits__ready\) begin",
        "A flit is fetched when the accelerator has room, which it keeps until the flit comes.",
        "chip",
    ),
)
