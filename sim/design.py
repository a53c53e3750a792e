"""A generated folder as something to run: what its manifest says about driving the design and reading it back."""

from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.golden.network import Network, Refusal
from spikeloom.golden.simulate import check_stimulus
from spikeloom.hdl.generate import load_manifest
from spikeloom.sim.job import Job, Operations, Stalls
from spikeloom.sim.stimulus import Flit, Source, encode

__all__ = ["Design"]


class Design:
    """One generated folder, checked to be whole."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self.manifest: dict[str, Any] = load_manifest(self.directory)
        self.network = Network.load(self.directory / self.manifest["loom"]["file"])
        if self.network.hash != self.manifest["network"]:
            raise Refusal(f"{self.directory}: the network is not the one of the manifest; generate the folder again")
        flit = self.manifest["flit"]
        self.flit = Flit(width=flit["width"], fields={name: tuple(field) for name, field in flit["fields"].items()})
        self.observed = tuple(
            Source(name=s["name"], id=s["id"], size=s["size"])
            for s in self.manifest["sources"]
            if s["role"] == "neurons"
        )
        self._registers = {name: r["address"] for name, r in self.manifest["map"]["registers"].items()}
        self._step_bits = self.manifest["map"]["registers"]["steps"]["bits"]
        self._memories = {memory["name"]: memory for memory in self.manifest["map"]["memories"]}

    @property
    def verilog(self) -> Path:
        return self.directory / self.manifest["verilog"]["file"]

    @property
    def address_bits(self) -> int:
        return self.manifest["map"]["address_bits"]

    @property
    def cores(self) -> int:
        return 1 + max(s["core"] for s in self.manifest["sources"] if s["role"] == "neurons")

    def samples(self, x: np.ndarray) -> np.ndarray:
        """``x`` as (samples, steps, neurons) of at most 16 bits, or a refusal."""
        if np.ndim(x) > 1 and np.shape(x)[1] >= 1 << self._step_bits:
            raise Refusal(
                f"x has {np.shape(x)[1]} steps per sample; the hardware counts to {(1 << self._step_bits) - 1}"
            )
        return check_stimulus(self.network.input, x).astype(np.int16, copy=False)

    def job(self, x: np.ndarray, *, stalls: bool, seed: int) -> Job:
        """Restart, run ``x`` (samples, steps, neurons) back to back, read the status and the last sample's state."""
        samples, steps, _ = x.shape
        source = next(s["id"] for s in self.manifest["sources"] if s["role"] == "input")
        flits = encode(self.flit, source, x, shuffle=seed if stalls else None)
        operations = Operations()
        operations.poll(self._registers["status"], 1)
        operations.write(self._registers["steps"], steps)
        operations.write(self._registers["observe"], sum(1 << s.id for s in self.observed))
        operations.write(self._registers["control"], 1)
        operations.poll(self._registers["status"], 1)
        operations.run(len(flits), samples * steps * len(self.observed))
        operations.read(self._registers["status"])
        operations.poll(self._registers["status"], 1)  # credits may still be on their way back
        for address in self._state_addresses():
            operations.read(address)
        operations.read(self._registers["status"])  # a read that was refused shows here
        work = sum(int(np.prod(p.synapses.shape)) for p in self.network.projections)
        work += sum(memory["entries"] * memory["words"] for memory in self._memories.values())
        return Job(
            operations=operations,
            flits=flits,
            tick_lsb=self.flit.fields["tick"][0],
            # A step takes at most about as many clocks as there are synapses, and setting up as there are words.
            patience=10_000 + 8 * work,
            most=samples * steps * sum(s.size + 1 for s in self.observed) + 1000,
            seed=seed + 1,
            stalls=Stalls.draw(seed) if stalls else Stalls(),
        )

    def _state_entries(self) -> list[tuple[str, dict[str, Any], int]]:
        """(memory, source, entries of the source there), in the order in which they are read."""
        return [
            (f"core{s['core']}.state{unit}", s, len(range(unit, s["size"], s["units"])))
            for s in self.manifest["sources"]
            if s["role"] == "neurons"
            for unit in range(s["units"])
        ]

    def _state_addresses(self) -> list[int]:
        addresses = []
        for name, source, count in self._state_entries():
            memory = self._memories[name]
            for entry in range(source["unit_base"], source["unit_base"] + count):
                base = memory["base"] + entry * memory["stride"]
                addresses += range(base, base + memory["words"])
        return addresses

    def states(self, words: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """The states of every population from the words read at the end of :meth:`job`."""
        states: dict[str, dict[str, np.ndarray]] = {}
        start = 0
        for name, source, count in self._state_entries():
            unit = int(name.rpartition("state")[2])
            per_entry = self._memories[name]["words"]
            entries = words[start : start + count * per_entry].reshape(count, per_entry)
            start += count * per_entry
            for state, (lsb, bits) in source["state"].items():
                array = states.setdefault(source["name"], {}).setdefault(state, np.zeros(source["size"], np.int64))
                array[unit :: source["units"]] = _signed(entries, lsb, bits)
        return states


def _signed(entries: np.ndarray, lsb: int, bits: int) -> np.ndarray:
    """A field of ``bits`` bits (two's complement; one bit is 0 or 1) that may lie across 32-bit words."""
    value = np.zeros(len(entries), np.int64)
    for bit in range(bits):
        word, position = divmod(lsb + bit, 32)
        value |= (entries[:, word].astype(np.int64) >> position & 1) << bit
    return value - ((value >> bits - 1) << bits) if bits > 1 else value
