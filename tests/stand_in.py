"""A plain model of the chip's end of the link, behind a pipe in memory or a pseudo-terminal, with faults on the way.

It shares nothing with the driver but the declared numbers. What its network computes, the integer model says.
"""

import contextlib
import os
import random
import select
import struct
import threading
import tty
import zlib
from collections.abc import Callable

import numpy as np
from cobs import cobs

from spikeloom.boards.link.protocol import IDENTITY, PAGE, REGISTERS, VERSION, Kind
from spikeloom.golden import simulate
from spikeloom.hdl.design import Design, built_id, loaded
from spikeloom.hdl.flits import Source

__all__ = ["MemoryPipe", "Noise", "PseudoTerminal", "StandIn"]


class Noise:
    """What happens to whole frames on their way, each with a probability."""

    def __init__(self, seed: int = 0, **odds: float) -> None:
        self.random, self.odds, self.quiet = random.Random(seed), odds, False
        self.done = dict.fromkeys(odds, 0)

    def __call__(self, frame: bytes) -> bytes:
        if self.quiet:
            return frame
        for kind, odds in self.odds.items():
            if self.random.random() < odds:
                self.done[kind] += 1
                frame = getattr(self, kind)(frame)
        return frame

    def drop(self, frame: bytes) -> bytes:
        return b""

    def cut(self, frame: bytes) -> bytes:
        return frame[: self.random.randrange(len(frame))] if frame else frame

    def corrupt(self, frame: bytes) -> bytes:
        damaged = bytearray(frame)
        for _ in range(self.random.randint(1, 3) if frame else 0):
            damaged[self.random.randrange(len(damaged))] ^= 1 << self.random.randrange(8)
        return bytes(damaged)

    def double(self, frame: bytes) -> bytes:
        """One byte comes twice."""
        at = self.random.randrange(len(frame)) if frame else 0
        return frame[:at] + frame[at : at + 1] + frame[at:]

    def repeat(self, frame: bytes) -> bytes:
        return frame + frame

    def garbage(self, frame: bytes) -> bytes:
        return self.random.randbytes(self.random.randint(1, 40)) + frame


class StandIn:
    """The chip. designs: what it may find in its memories; the first is there from the start.

    stuck: data frames are kept but not carried out. mute: it hears, and says nothing.
    """

    def __init__(self, *designs: Design, window: int = 4, slot_bytes: int = 64, flit_bytes: int | None = None) -> None:
        self.designs, self.design = designs, designs[0]
        self.flit = self.design.flit
        self.flit_bytes = flit_bytes or -(-self.flit.width // 8)
        self.window, self.slot_bytes = window, slot_bytes
        page = {
            "identity": IDENTITY,
            "protocol": VERSION | window << 8 | slot_bytes << 16 | self.flit_bytes << 24,
            "hardware": self.design.hardware_id,
            "built": built_id(self.design.manifest),
            "clock_hz": 25_000_000,
            "network": 0,
            "dropped": 0,
        }
        assert page.keys() == REGISTERS.keys()
        self.page = {REGISTERS[name].address: value for name, value in page.items()}
        self.words: dict[int, int] = {}
        for name, about in self.design.memories.items():
            empty = name in loaded(self.design.manifest)
            for entry, values in enumerate([] if empty else self.design.contents(name)):
                for word, value in enumerate(values.tolist()):
                    self.words[about["base"] + entry * about["stride"] + word] = value
        self.registers = dict.fromkeys(self.design.registers.values(), 0)
        self.stuck = self.mute = False
        self.status = self.reads = self.damaged = self.refused = 0
        self.rest = b""
        self.queue: list[bytes] = []
        self.expected = 0
        self.sent_number = 200
        self.answers: list[bytes] = []
        self._restart()

    def feed(self, data: bytes) -> list[bytes]:
        """Frames that it answers to some bytes."""
        *whole, self.rest = (self.rest + data).split(b"\0")
        self.answers = []
        for frame in filter(None, whole):
            body = self._body(frame)
            if body is None:
                self.damaged += 1
            elif body[0] >> 4 in (Kind.READ, Kind.WRITE):
                self._control(body)
            elif body[0] >> 4 in (Kind.LOAD, Kind.EVENTS):
                self._data(body)
        return [] if self.mute else self.answers

    def _body(self, frame: bytes) -> bytes | None:
        try:
            whole = cobs.decode(frame)
        except cobs.DecodeError:
            return None
        if not 5 <= len(whole) <= self.slot_bytes:
            return None
        body, crc = whole[:-4], int.from_bytes(whole[-4:], "little")
        return body if zlib.crc32(body) == crc else None

    def _say(self, kind: Kind, sequence: int, rest: bytes = b"") -> None:
        body = bytes((kind << 4 | sequence % 16, self.expected % 16)) + rest
        assert len(body) <= 250
        self.answers.append(cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0")

    def _control(self, body: bytes) -> None:
        if body[0] >> 4 == Kind.READ:
            (address,), count = struct.unpack("<I", body[1:5]), len(body[5:])
            assert 1 <= count <= 61
            self._say(Kind.VALUES, body[0], struct.pack(f"<{count}I", *(self._read(address + k) for k in range(count))))
        else:
            self._write_words(body)
            self._say(Kind.DONE, body[0])

    def _write_words(self, body: bytes) -> None:
        (address,) = struct.unpack("<I", body[1:5])
        for k, (value,) in enumerate(struct.iter_unpack("<I", body[5:])):
            self._write(address + k, value)

    def _read(self, address: int) -> int:
        if address & PAGE:
            self.page[REGISTERS["dropped"].address] = (self.damaged + self.refused) & 0xFFFF
            return self.page[address ^ PAGE]
        self.reads += 1
        if address == self.design.registers["status"]:
            return self.status
        if address == self.design.registers["clocks"]:
            return self.clocks
        return self.registers.get(address, self.words.get(address, 0))

    def _write(self, address: int, value: int) -> None:
        if address == PAGE:
            if value & 1:
                self.queue, self.expected = [], 0
            if value & 2:
                self.damaged = self.refused = 0
        elif address & PAGE:
            self.page[address ^ PAGE] = value
        elif address == self.design.registers["control"]:
            self._restart()
        elif address in self.registers:
            self.registers[address] = value
        else:
            self.words[address] = value

    def _data(self, body: bytes) -> None:
        if len(self.queue) >= self.window:
            self.refused += 1
        else:
            self.queue.append(body)
        flits: list[int] = []
        while self.queue and not self.stuck:
            body = self.queue.pop(0)
            if body[0] % 16 != self.expected % 16:
                self.refused += 1
                continue
            self.expected += 1
            if body[0] >> 4 == Kind.LOAD:
                self._write_words(body)
            else:
                flits += self._events(body[1:])
        self._send(flits)

    def _send(self, flits: list[int]) -> None:
        room = 248 // self.flit_bytes
        for first in range(0, max(1, len(flits)), room):
            part = flits[first : first + room]
            self._say(Kind.SENT, self.sent_number, b"".join(f.to_bytes(self.flit_bytes, "little") for f in part))
            self.sent_number += 1

    # The accelerator ------------------------------------------------------------------------------------------------

    def _restart(self) -> None:
        self.clocks = self.step = self.status = 0
        self.events: dict[int, int] = {}
        self.rows: list[np.ndarray] = []
        self.network = next((d.network for d in self.designs if self._holds(d)), None)

    def _holds(self, design: Design) -> bool:
        return all(
            self.words.get(about["base"] + entry * about["stride"] + word) == value
            for name, about in design.memories.items()
            for entry, values in enumerate(design.contents(name))
            for word, value in enumerate(values.tolist())
        )

    def _field(self, flit: int, name: str) -> int:
        return int(self.flit.unpack(np.array([flit], np.uint64), name)[0])

    def _events(self, data: bytes) -> list[int]:
        came = []
        for k in range(0, len(data), self.flit_bytes):
            flit = int.from_bytes(data[k : k + self.flit_bytes], "little")
            index = self._field(flit, "index")
            if not self._field(flit, "tick"):
                self.events[index] = self._field(flit, "value")
            elif index != len(self.events) or self._field(flit, "sequence") != self.step % 4:
                self.status |= 2
            else:
                came += self._tick()
        return came

    def _tick(self) -> list[int]:
        assert self.network is not None, "its memories hold no known network"
        row = np.zeros(self.network.input.size, np.int64)
        numbers = _numbers(self.design.input)
        row[[numbers.index(number) for number in self.events]] = list(self.events.values())
        self.events = {}
        self.rows.append(row)
        self.step += 1
        self.clocks += 100
        steps = self.registers[self.design.registers["steps"]]
        if steps and len(self.rows) < steps:
            return []
        result = simulate.run(self.network, np.array(self.rows)[None], record="all")
        first = self.step - len(self.rows) if steps else self.step - 1
        flits = []
        for source in self.design.observed:
            if not self.registers[self.design.registers["observe"]] >> source.observed & 1:
                continue
            whole = result.events[source.population][0][0 if steps else -1 :]
            for number, values in enumerate(whole[:, source.neurons], first):
                (fired,) = values.nonzero()
                numbers = np.array(_numbers(source))[fired]
                flits += self.flit.pack(source=source.id, index=numbers, value=values[fired]).tolist()
                tick = self.flit.pack(source=source.id, tick=1, sequence=number % 4, index=len(fired))
                flits.append(int(tick))
        if steps:
            self.rows = []
        return flits


def _numbers(source: Source) -> list[int]:
    """What each neuron is called in flits: the channels of a position are side by side."""
    positions = range(source.size // source.channels)
    return [position * source.padded + channel for channel in range(source.channels) for position in positions]


class MemoryPipe:
    """The shortest pipe. to_chip, from_chip: what becomes of the bytes of each frame."""

    def __init__(
        self,
        chip: StandIn,
        to_chip: Callable[[bytes], bytes] = bytes,
        from_chip: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self.chip, self.to_chip, self.from_chip = chip, to_chip, from_chip
        self.change = threading.Condition()
        self.coming = b""
        self.closed = False
        self.broken: Exception | None = None

    def read(self) -> bytes:
        with self.change:
            self.change.wait_for(lambda: self.coming or self.broken, 0.05)
            if self.broken:
                raise self.broken
            data, self.coming = self.coming, b""
            return data

    def write(self, data: bytes) -> None:
        with self.change:
            if self.broken:
                raise self.broken
            for answer in self.chip.feed(self.to_chip(data)):
                self.coming += self.from_chip(answer)
            self.change.notify_all()

    def unplug(self, error: Exception) -> None:
        with self.change:
            self.broken = error
            self.change.notify_all()

    def close(self) -> None:
        self.closed = True


class PseudoTerminal:
    """The chip behind a port with a name. after: bytes from the host after which the plug is pulled."""

    def __init__(self, chip: StandIn | Callable[[bytes], bytes], after: int | None = None) -> None:
        self.chip, self.after = chip, after
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        os.close(self.slave)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        came, poll = 0, select.poll()
        poll.register(self.master, select.POLLIN)
        while not self.ended.is_set() and (self.after is None or came < self.after):
            # Without a program at the other end there is only a hang-up to see, again and again.
            if not any(event & select.POLLIN for _, event in poll.poll(20)):
                self.ended.wait(0.002)
                continue
            with contextlib.suppress(OSError):
                data = os.read(self.master, 4096)
                came += len(data)
                answer = b"".join(self.chip.feed(data)) if isinstance(self.chip, StandIn) else self.chip(data)
                while answer:
                    answer = answer[os.write(self.master, answer) :]
        os.close(self.master)

    def __enter__(self) -> "PseudoTerminal":
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self.thread.join()
