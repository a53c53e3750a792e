"""A host on a line to the host link: what it says, and what must come back."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spikeloom.boards.driver import frames
from spikeloom.boards.link.protocol import LONGEST, PAGE, REGISTERS, SEQUENCES, Kind
from spikeloom.trust.mutants.link_stand_in import DIVIDER, ENDLESS, Wire, echo

__all__ = ["Talk"]


@dataclass(kw_only=True)
class Phase:
    """What must come back from a mark to the next.

    answers:  of control, in order. flits: in order.
    expected: frames of data that are carried out in the end.
    news:     frames of data came, so that something is said of them. ignored: anything may come.
    """

    what: str
    answers: list[tuple[Kind, int, bytes]] = field(default_factory=list)
    flits: list[int] = field(default_factory=list)
    expected: int = 0
    news: bool = False
    ignored: bool = False


class Talk:
    """The script, and the phases that it has. The memory, the flits and the counter are followed beside it."""

    def __init__(self, wire: Wire, seed: int) -> None:
        self.wire = wire
        self.random = np.random.default_rng(seed)
        self.flit_bytes = -(-wire.flit_bits // 8)
        self.window = wire.slots - 1
        self.slot_bytes = min(LONGEST, wire.slot_size - 2)
        self.memory = np.zeros(1 << wire.address_bits, "<u4")
        self.setup = len(self.memory) - 1
        self.script: list[str] = []
        self.phases: list[Phase] = []
        self.control = self.data = self.dropped = 0
        self.held: list[int] = []
        self.giving = True
        self.pace = 0

    # What is said ---------------------------------------------------------------------------------------------------

    def say(self, command: str, number: int) -> None:
        self.script.append(f"{command} {number}")

    def put(self, data: bytes) -> None:
        for byte in data:
            self.say("byte", byte)

    def settle(self) -> None:
        """Go on when nothing has happened for long."""
        self.say("settle", 60 + self.pace)

    def phase(self, what: str, *, ignored: bool = False) -> None:
        self.say("mark", 0)
        self.phases.append(Phase(what=what, ignored=ignored, expected=self.data))

    @property
    def now(self) -> Phase:
        return self.phases[-1]

    def answer(self, kind: Kind, rest: bytes = b"") -> None:
        """This must come."""
        self.now.answers.append((kind, self.control % SEQUENCES, rest))
        self.control += 1

    def _request(self, kind: Kind, rest: bytes, *, settle: bool | None, **fields: int | bytes) -> None:
        """settle: afterwards; or wait for so long as the answer takes, or, if None, not at all."""
        self.put(self.frame(kind, self.control, **fields))
        self.answer(Kind.VALUES if kind == Kind.READ else Kind.DONE, rest)
        if settle:
            self.settle()
        elif settle is not None:
            self.say("wait", 12 * DIVIDER * (len(rest) + 16))

    def read(self, address: int, count: int = 1, *, settle: bool | None = True) -> None:
        words = self.memory[address : address + count]
        marks = self.random.bytes(count)
        self._request(Kind.READ, words.tobytes(), settle=settle, address=address, marks=marks)

    def page(self, name: str, *expected: int, settle: bool = True) -> None:
        words = np.array(expected, "<u4").tobytes()
        address = PAGE | REGISTERS[name].address
        self._request(Kind.READ, words, settle=settle, address=address, marks=bytes(len(expected)))

    def write(self, address: int, words: Sequence[int], *, settle: bool = True) -> None:
        data = np.array(words, "<u4")
        if not address & PAGE:
            self.memory[address : address + len(data)] = data
        self._request(Kind.WRITE, b"", settle=settle, address=address, words=data.tobytes())

    def set(self, *, give: bool = True, pace: int = 0, credit: int = ENDLESS, settle: bool = True) -> None:
        """How the stand-in treats flits."""
        self.pace = pace
        self.giving = give
        self.write(self.setup, [credit << 16 | pace << 8 | give], settle=settle)
        if give:
            self.now.flits += self.held
            self.held = []

    def _next(self) -> int:
        self.data += 1
        self.now.expected = self.data
        self.now.news = True
        return self.data - 1

    def load(self, address: int, words: Sequence[int]) -> None:
        data = np.array(words, "<u4")
        self.memory[address : address + len(data)] = data
        self.put(self.frame(Kind.LOAD, self._next(), address=address, words=data.tobytes()))

    def load_page(self, address: int, word: int) -> None:
        """Which is to have no effect."""
        self.put(self.frame(Kind.LOAD, self._next(), address=PAGE | address, words=word.to_bytes(4, "little")))

    def restarted(self) -> None:
        """All is as at the beginning, but the memory."""
        self.data = self.pace = 0
        self.held, self.giving = [], True

    def events(self, flits: Sequence[int]) -> None:
        back = [echo(int(flit), self.wire.flit_bits) for flit in flits]
        self.held += back
        if self.giving:
            self.now.flits += self.held
            self.held = []
        data = frames.flit_bytes(np.array(flits, np.uint64), self.flit_bytes)
        self.put(self.frame(Kind.EVENTS, self._next(), flits=data))

    @staticmethod
    def frame(kind: Kind, sequence: int, **fields: int | bytes) -> bytes:
        return frames.encode(frames.body(kind, sequence, **fields))

    def flits(self, count: int) -> list[int]:
        return [
            int(flit) >> 64 - self.wire.flit_bits for flit in self.random.integers(1 << 64, size=count, dtype=np.uint64)
        ]

    def words(self, count: int) -> list[int]:
        """With many bytes that are 0."""
        words = self.random.integers(1 << 32, size=count, dtype=np.uint64)
        mask = self.random.choice([0xFFFFFFFF, 0xFFFF0000, 0xFF00FF00, 0x000000FF, 0], count)
        return [int(word) & int(bits) for word, bits in zip(words, mask, strict=True)]

    def wrong(self, data: bytes, *, drops: int = 1, news: bool = False) -> None:
        """Bytes of which nothing comes but that frames are counted."""
        self.put(data)
        self.settle()
        self.dropped += drops
        self.now.news |= news

    def count(self) -> None:
        self.page("dropped", self.dropped)

    # What is heard --------------------------------------------------------------------------------------------------

    def judge(self, lines: Sequence[str]) -> str | None:
        """What is wrong, if anything."""
        heard: list[list[str]] = [[]]
        for line in lines:
            if line == "mark":
                heard.append([])
            else:
                heard[-1].append(line)
        if heard.pop(0):
            return "the chip speaks first"
        sequence = expected = 0
        for phase, said in zip(self.phases, heard, strict=False):
            if phase.ignored:  # a reset
                sequence = expected = 0
                continue
            if "ragged" in said:
                return f"{phase.what}: the line changes within a bit"
            *whole, rest = bytes(int(line.split()[0]) for line in said).split(b"\0")
            bodies = [frames.decode(frame) for frame in whole]
            came = [body and frames.parse(body) for body in bodies]
            if rest or not all(came):
                return f"{phase.what}: a frame is damaged"
            sound = [frame for frame in came if frame]
            for frame in sound:
                expected += (frame.expected - expected) % SEQUENCES
                if expected > phase.expected:
                    return f"{phase.what}: data frame {expected} is expected, not {phase.expected}"
            sent = [frame for frame in sound if frame.kind == Kind.SENT]
            if [frame.sequence for frame in sent] != [(sequence + k) % SEQUENCES for k in range(len(sent))]:
                return (
                    f"{phase.what}: events have the numbers {[frame.sequence for frame in sent]}, not from {sequence}"
                )
            sequence += len(sent)
            flits = frames.flits(b"".join(frame.rest for frame in sent), self.flit_bytes).tolist()
            if flits != phase.flits:
                return f"{phase.what}: {_differ('flit', flits, phase.flits)}"
            if any(len(frame.rest) % self.flit_bytes for frame in sent):
                return f"{phase.what}: a part of a flit"
            answers = [(f.kind, f.sequence, f.rest) for f in sound if f.kind != Kind.SENT]
            if answers != phase.answers:
                return f"{phase.what}: {_differ('answer', answers, phase.answers)}"
            if expected != phase.expected or bool(sent) != (phase.news or bool(phase.flits)):
                return f"{phase.what}: what is expected next is not said, or unasked"
        if len(heard) != len(self.phases):
            return f"{self.phases[len(heard) - 1].what}: the chip stays busy"
        return None


def _differ(what: str, got: Sequence[object], expected: Sequence[object]) -> str:
    pairs = zip(got, expected, strict=False)
    first = next((k for k, (a, b) in enumerate(pairs) if a != b), None)
    return f"{len(got)} {what}s, not {len(expected)}" if first is None else f"{what} {first} is wrong"
