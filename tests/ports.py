"""The two ports of a block memory, watched: a word that is read while it is written may be anything."""

from amaranth.hdl import Assert

from spikeloom.hdl.memory import BlockMemory, SinglePortMemory

__all__ = ["watch"]


def watch(monkeypatch):
    """Every block memory asserts that its ports do not meet; gives the names of those made."""
    names = set()
    elaborate = BlockMemory.elaborate

    def watched(self, platform):
        m = elaborate(self, platform)
        names.add(self.name)
        same = self.write_address == self.read_address
        if isinstance(self, SinglePortMemory):  # there is one address, so no word at all is of use meanwhile
            m.d.sync += Assert(~self.write | (same & ~self.read), self.name)
        else:
            m.d.sync += Assert(~(self.write & self.read & same), self.name)
        return m

    monkeypatch.setattr(BlockMemory, "elaborate", watched)
    return names
