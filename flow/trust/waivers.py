"""What of lines and toggles cannot be reached, each with its reason. One that matches nothing is an error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from spikeloom.sim.coverage.points import Point

__all__ = ["WAIVERS", "Waiver", "waived"]


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """of, what: regular expressions that are all of a component's name, and of a point's."""

    kind: str
    of: str
    what: str
    reason: str

    @property
    def title(self) -> str:
        return f"{self.kind} of {self.of}: {self.what}"

    def matches(self, point: Point) -> bool:
        return (
            point.kind == self.kind
            and re.fullmatch(self.of, point.component) is not None
            and re.fullmatch(self.what, point.what) is not None
        )


def waived(points: Mapping[Point, int], waivers: "tuple[Waiver, ...]") -> dict[Waiver, list[Point]]:
    """The points that each waiver matches, reached or not."""
    kinds = {kind: [point for point in points if point.kind == kind] for kind in ("line", "toggle")}
    return {waiver: [point for point in kinds[waiver.kind] if waiver.matches(point)] for waiver in waivers}


WAIVERS: tuple[Waiver, ...] = ()
