"""The chip behind a link: what it is, its memories by name, and running a network on it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikeloom.boards.driver.link import Link
from spikeloom.boards.driver.pipe import LinkError
from spikeloom.golden.network import Refusal
from spikeloom.hdl.design import PARTLY, Design, loaded
from spikeloom.hdl.flits import Source, decode, encode

__all__ = ["Chip", "Identity"]

#: Bits of the register ``status``.
BUSY, FAULT, REFUSED = 1, 2, 4
#: Cells of input and observed events in a batch: progress is shown after each, and so many are sent again at most.
BATCH_CELLS = 1 << 18
#: A batch that loses events is halved and sent again, so often until it is given up.
RETRIES = 8
#: A chip that is reset under a live run is noticed by its link, or else so soon.
STEPS_BETWEEN_CHECKS = 64
PIECE = 4096

Record = str | tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What answers: hash of the hardware, hash of the network in its memories (1: none as a whole), clock."""

    name: str
    hardware: int | None
    network: int
    clock_hz: int | None


class _Lost(Exception):
    """Events did not come, or not as they were sent."""


class Chip:
    """A chip, and the design that it was built from: without that it tells its identity and counters only."""

    def __init__(self, link: Link, design: Design | str | Path | None = None) -> None:
        self.link, self.name = link, link.name
        self._runs = 0
        self._design = None
        if design is not None:
            design = design if isinstance(design, Design) else Design(design)
            self._check_hardware(design)
            self._design = design

    def close(self) -> None:
        self.link.close()

    @property
    def design(self) -> Design:
        if self._design is None:
            raise LinkError(
                f"{self.name}: what its memories mean is unknown; give design= the folder it was built from"
            )
        return self._design

    @property
    def identity(self) -> Identity:
        hardware, clock_hz = self.link.register("hardware"), self.link.register("clock_hz")
        return Identity(name=self.name, hardware=hardware, network=self._network(), clock_hz=clock_hz)

    @property
    def empty(self) -> bool:
        """Memories that hold nothing at power-up have not been loaded since."""
        return bool(loaded(self.design.manifest)) and self._network() == PARTLY

    def counters(self) -> dict[str, int]:
        """Frames that the chip dropped as damaged or out of turn; and what this end missed, and sent again."""
        link = self.link
        ours = {"answers_damaged": link.damaged, "answers_lost": link.lost, "resent": link.resent}
        return {"dropped": link.register("dropped"), **ours}

    def clear_counters(self) -> None:
        self.link.write_register("identity", 2)
        self.link.damaged = self.link.lost = self.link.resent = 0

    # Memories -------------------------------------------------------------------------------------------------------

    def load(self, design: Design | str | Path, *, verify: bool = True) -> None:
        """Fill all memories from a folder that was generated for this hardware, and read them back."""
        design = design if isinstance(design, Design) else Design(design)
        self._check_hardware(design)
        self._design = design
        filled = {name: design.contents(name) for name, about in design.memories.items() if about["images"]}
        self._restart(0, ())
        self.link.write_register("network", PARTLY)
        self._fill(design.still)
        self._restart(0, ())
        self._fill(filled)
        for name, words in filled.items() if verify else ():
            wrong = self.read_memory(name) != words
            if wrong.any():
                raise LinkError(f"{self.name}: memory {name}, entry {wrong.any(1).argmax()} was not kept; load again")
        self.link.write_register("network", design.network_id)

    def read_memory(self, name: str) -> np.ndarray:
        """A memory as it is: uint32 (entries, words)."""
        about = self._memory(name)
        words = self.link.read(about["base"], about["entries"] * about["stride"])
        return words.reshape(about["entries"], about["stride"])[:, : about["words"]]

    def write_memory(self, name: str, words: np.ndarray) -> None:
        """Fill a memory. The network is unknown then, and ``run`` wants force=True."""
        about, words = self._memory(name), np.asarray(words)
        shape = about["entries"], about["words"]
        if words.shape != shape or words.dtype.kind not in "iu" or words.min() < 0 or words.max() >> 32:
            raise Refusal(
                f"Memory {name} takes words in 0..{2**32 - 1} of the shape {shape}, not {words.dtype} of {words.shape}"
            )
        if about["images"]:
            self.link.write_register("network", PARTLY)
        self._fill({name: words})

    def memory(self, name: str) -> dict[str, np.ndarray]:
        """A memory's fields as they are stored: unsigned, one number per entry."""
        words, fields = self.read_memory(name), {}
        for field, (lsb, bits) in self._memory(name)["fields"].items():
            array = fields[field] = np.zeros(len(words), np.uint64)
            for bit in range(bits):
                word, position = divmod(lsb + bit, 32)
                array |= (words[:, word] >> np.uint32(position) & 1).astype(np.uint64) << np.uint64(bit)
        return fields

    def activity(self) -> dict[str, int]:
        """Clocks of each engine by what it did, and packets of each link, since the last run began, modulo 2**32."""
        names = self.design.manifest["counters"]
        if not names:
            raise Refusal(
                f"{self.name}: its hardware counts nothing; generate it with 'counters: true' in the configuration"
            )
        return dict(zip(names, map(int, self.memory("host.counters")["count"]), strict=True))

    def states(self) -> dict[str, dict[str, np.ndarray]]:
        """The states of every population after the last step that was run."""
        addresses = np.array(self.design.state_addresses())
        parts = np.split(addresses, np.flatnonzero(np.diff(addresses) != 1) + 1)
        return self.design.states(np.concatenate([self.link.read(int(part[0]), len(part)) for part in parts]))

    def _fill(self, memories: Mapping[str, np.ndarray]) -> None:
        """Entries at their addresses, with zeros in the holes between them."""
        for name, words in memories.items():
            about = self._memory(name)
            padded = np.zeros((len(words), about["stride"]), np.uint32)
            padded[:, : about["words"]] = words
            self.link.load(about["base"], padded.ravel())
        self.link.flush()
        self._status()

    def _memory(self, name: str) -> Mapping:
        if name not in self.design.memories:
            raise Refusal(f"There is no memory {name!r}; there are {', '.join(self.design.memories)}")
        return self.design.memories[name]

    # Running --------------------------------------------------------------------------------------------------------

    def run(
        self,
        x: np.ndarray,
        *,
        record: Record = "output",
        force: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[dict[str, np.ndarray], int]:
        """The events of the recorded populations on ``x`` (samples, steps, neurons), and the clocks that it took.

        record: "output", "all", or names. force: whatever network the chip says that it holds.
        """
        x = self._checked(x)
        sources = self._sources(record)
        self._check_network(force)
        if x.shape[1] > self.design.most_steps:
            raise Refusal(
                f"x has {x.shape[1]} steps; the chip counts to {self.design.most_steps}: give shorter samples"
            )
        cells = x.shape[1] * (x.shape[2] + sum(source.size for source in sources))
        size, first, clocks, failures = max(1, BATCH_CELLS // cells), 0, 0, 0
        events = {source.population: np.zeros((*x.shape[:2], source.whole), np.int16) for source in sources}
        while first < len(x):
            part = slice(first, min(first + size, len(x)))
            try:
                came, took = self._batch(x[part], sources)
                self._check_network(force)  # still: a chip that was reset holds what it was built with
            except _Lost as lost:
                failures += 1
                if failures > RETRIES:
                    raise LinkError(f"{self.name}: {lost}, {failures} times; use a better cable or less baud") from None
                size = max(1, (part.stop - part.start) // 2)
                continue
            for name, array in came.items():
                events[name][part] = array
            clocks, first, failures = clocks + took, part.stop, 0
            if progress:
                progress(first, len(x))
        return events, clocks

    def live(
        self, steps: Iterable[np.ndarray], *, record: Record = "output", force: bool = False
    ) -> Iterator[dict[str, np.ndarray]]:
        """One endless sample: sends a step's input (neurons) and yields its events before it takes the next step."""
        sources = self._sources(record)
        self._check_network(force)
        self._restart(0, sources)
        design, flit, mine = self.design, self.design.flit, self._runs
        for number, values in enumerate(steps):
            if self._runs != mine:
                raise LinkError(f"{self.name}: was used for something else since the last step; begin live again")
            if number % STEPS_BETWEEN_CHECKS == 0:
                self._check_network(force)
            sent = encode(flit, design.input, self._checked(np.asarray(values).reshape(1, 1, -1)))
            sent[-1] = flit.pack(source=design.input.id, tick=1, sequence=number % 4, index=len(sent) - 1)
            try:
                words = self._collect(sent, len(sources))
                tick = flit.unpack(words, "tick") == 1
                sequence = (flit.unpack(words[tick], "sequence") - number) % 4  # as if this step were the first
                source, index = (flit.unpack(words[tick], name) for name in ("source", "index"))
                words[tick] = flit.pack(source=source, tick=1, sequence=sequence, index=index)
                decoded = self._decoded(words, sources, 1, 1)
            except _Lost as lost:
                raise LinkError(f"{self.name}: {lost} in step {number}, and live steps cannot be repeated") from None
            yield {name: array[0, 0] for name, array in decoded.items()}

    def _batch(self, x: np.ndarray, sources: tuple[Source, ...]) -> tuple[dict[str, np.ndarray], int]:
        samples, steps = x.shape[:2]
        self._restart(steps, sources)
        began = self._register("clocks")
        words = self._collect(encode(self.design.flit, self.design.input, x), samples * steps * len(sources))
        clocks = (self._register("clocks") - began) % (1 << 32)
        self._status()
        return self._decoded(words, sources, samples, steps), clocks

    def _decoded(
        self, words: np.ndarray, sources: tuple[Source, ...], samples: int, steps: int
    ) -> dict[str, np.ndarray]:
        decoded = decode(self.design.flit, words, np.zeros(len(words), np.int64), sources, samples, steps)
        if decoded.problems:
            raise _Lost(f"the events came damaged ({decoded.problems[0]})")
        return dict(decoded.events)

    def _collect(self, sent: np.ndarray, ticks: int) -> np.ndarray:
        """Send flits, and take what comes until so many ticks were among it."""
        lost, parts, quiet, moved = self.link.lost, [], 0, time.monotonic()
        for first in range(0, len(sent), PIECE):
            self.link.send(sent[first : first + PIECE], idle=self._status)
            if self.link.lost != lost:
                break
        while ticks > 0:
            words = self.link.receive()
            if self.link.lost != lost:
                raise _Lost("events were lost on their way")
            parts.append(words)
            ticks -= int(self.design.flit.unpack(words, "tick").sum())
            if len(words):
                quiet, moved = 0, time.monotonic()
                continue
            # What the chip sent before an answer comes before it: when it is idle and silent twice, nothing will come.
            quiet = 0 if self._status() & BUSY else quiet + 1
            if quiet > 2:
                raise _Lost("events were lost on their way")
            if time.monotonic() - moved > self.link.patience:
                raise LinkError(f"{self.name}: the chip has been busy for {self.link.patience:g} s; reset the board")
        return np.concatenate(parts) if parts else np.zeros(0, np.uint64)

    def _restart(self, steps: int, sources: tuple[Source, ...]) -> None:
        """Initial states, no data and no events on their way."""
        self._runs += 1
        self.link.reset()
        self._write("steps", steps)
        self._write("observe", sum(1 << bit for bit in {source.observed for source in sources}))
        self._write("control", 1)
        started = time.monotonic()
        while self._status() & BUSY:
            if time.monotonic() - started > self.link.patience:
                raise LinkError(f"{self.name}: the chip does not get idle; reset the board")
        self.link.discard()

    def _status(self) -> int:
        status = self._register("status")
        if status & FAULT:
            raise LinkError(f"{self.name}: the chip found a fault in its events; load the network again")
        if status & REFUSED:
            raise LinkError(f"{self.name}: a memory was accessed while the network ran; load the network again")
        return status

    def _register(self, name: str) -> int:
        return int(self.link.read(self.design.registers[name])[0])

    def _write(self, name: str, value: int) -> None:
        self.link.write(self.design.registers[name], value)

    def _sources(self, record: Record) -> tuple[Source, ...]:
        names = list(dict.fromkeys(source.population for source in self.design.observed))
        several = {"all": tuple(names), "output": (self.design.network.output,)}
        wanted = several.get(record, record) if isinstance(record, str) else record
        wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        if unknown := [name for name in wanted if name not in names]:
            raise Refusal(f"There is no population {unknown[0]!r} to record; there are {', '.join(names)}")
        if not wanted:
            raise Refusal("Nothing is recorded; name a population, or 'output' or 'all'")
        return tuple(source for name in dict.fromkeys(wanted) for source in self.design.observed_of(name))

    def _checked(self, x: np.ndarray) -> np.ndarray:
        """``x`` if every value of it can be an event."""
        source, x = self.design.network.input, np.asarray(x)
        if x.ndim != 3 or x.shape[2] != source.size or 0 in x.shape or x.dtype.kind not in "biu":
            raise Refusal(f"x must be integers (samples, steps, {source.size}), not {x.dtype} of the shape {x.shape}")
        low, high = (0, 1) if source.value_bits == 1 else source.value_range
        if x.min() < low or x.max() > high:
            raise Refusal(
                f"x has events of {x.min()}..{x.max()}; the input {source.name!r} takes {low}..{high}: scale x"
            )
        return x

    def _check_hardware(self, design: Design) -> None:
        hardware = self.link.register("hardware")
        if hardware != design.hardware_id:
            raise LinkError(
                f"{design.directory}: was made for other hardware (0x{design.hardware_id:08x}) than the chip on "
                f"{self.name} (0x{hardware:08x}); give the folder that the chip was built from, or build this one"
            )

    def _network(self) -> int:
        """Of the network in the memories: what was loaded, or else what they started with."""
        return self.link.register("network") or self.link.register("built")

    def _check_network(self, force: bool) -> None:
        network, wanted = self._network(), self.design.network_id
        if network != wanted and not force:
            raise LinkError(
                f"{self.name}: the chip holds another network (0x{network:08x}) than 0x{wanted:08x}; "
                "load that, or run with force=True"
            )
