"""Layouts of records, of which a search asks for thousands that are alike."""

from collections.abc import Mapping
from functools import cached_property, lru_cache

from amaranth.hdl import ShapeLike
from amaranth.lib import data

__all__ = ["struct"]

MOST = 4096


class _Struct(data.StructLayout):
    """Counts its bits once."""

    @cached_property
    def size(self) -> int:
        return super().size


def struct(members: Mapping[str, ShapeLike]) -> data.StructLayout:
    """The ``StructLayout`` of such members; made once."""
    return _struct(tuple(members.items()))


@lru_cache(MOST, typed=True)
def _struct(members: tuple[tuple[str, ShapeLike], ...]) -> data.StructLayout:
    return _Struct(dict(members))
