"""A bad line to the simulated chip: noise, spoilt frames, frames that are never finished, and a port that is gone."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Timer
from typing import Any

import numpy as np

from spikeloom.bench import hardware
from spikeloom.bench.chip import (
    CLOCK_HZ,
    SEED,
    WORD_BYTES,
    found,
    opened,
    simulated,
    stimulus,
)
from spikeloom.bench.figure import Bench
from spikeloom.boards.driver import frames
from spikeloom.boards.driver.pipe import LinkError, SerialPort
from spikeloom.boards.link.protocol import IDENTITY, PAGE, REGISTERS, SEQUENCES, TIMEOUT_SECONDS, Kind
from spikeloom.golden.network import Refusal
from spikeloom.hdl.design import Design
from spikeloom.sim.chip import SimulatedChip

__all__ = [
    "Host",
    "frames_in",
    "half_a_frame",
    "noise",
    "noise_pieces",
    "spoilt",
    "spoilt_frames",
    "spoilt_frames_sent",
    "unplugged",
]

NOISE_BYTES, LONGEST_PIECE = 1_000_000, 400
SPOILT_FRAMES, SPOILT_BATCH, SPOILT_PART = 100_000, 1000, 100
#: Requests of ours have the upper half of the sequences, what is in the noise the lower.
OURS = SEQUENCES // 2
MOST_TRIES = 10
#: Clocks without a byte on the line after which no answer will come.
QUIET_CLOCKS = 20_000
UNPLUGGED_AFTER = (0.2, 0.5, 1.0)


class Host:
    """A plain host on the port of a chip just started, that may also write what is no frame.

    tries: how often the last request was sent. heard: frames from the chip by kind, beside the answers asked for.
    """

    def __init__(self, chip: SimulatedChip, port: SerialPort) -> None:
        self.chip, self.port = chip, port
        self.sequence = self.tries = self.written = 0
        self.heard: Counter[Kind] = Counter()
        self.rest = b""

    def write(self, data: bytes) -> None:
        for first in range(0, len(data), 1000):
            self.port.write(data[first : first + 1000])
        self.written += len(data)

    def hear(self) -> list[frames.FromChip]:
        """Those that came in the meantime."""
        *whole, self.rest = (self.rest + self.port.read()).split(b"\0")
        bodies = [frames.decode(frame) for frame in whole if frame]
        return [answer for body in bodies if body and (answer := frames.parse(body))]

    def quiet(self) -> bool:
        """All that was written has arrived, and nothing will come."""
        now = self.chip.statistics()
        silent = now["clocks"] - max(now["in_last"], now["out_last"])
        return now["in_bytes"] == self.written and silent > QUIET_CLOCKS

    def answers(self) -> Iterator[frames.FromChip]:
        """Until nothing will come."""
        while True:
            last = self.quiet()
            came = self.hear()
            yield from came
            if last and not came:
                return

    def ask(self, kind: Kind, answer: Kind, *, delimiter: bytes = b"\0", **fields: int | bytes) -> bytes:
        """A request, sent again until it is answered."""
        self.sequence = OURS + (self.sequence + 1) % OURS
        request = delimiter + frames.encode(frames.body(kind, self.sequence, **fields))
        for self.tries in range(1, MOST_TRIES + 1):
            self.write(request)
            for came in self.answers():
                if (came.kind, came.sequence) == (answer, self.sequence):
                    return came.rest
                self.heard[came.kind] += 1
        raise Refusal(f"A good request was not answered, sent {MOST_TRIES} times")

    def read(self, address: int) -> int:
        return int(frames.words(self.ask(Kind.READ, Kind.VALUES, address=address, marks=b"\0"))[0])

    def write_word(self, address: int, word: int) -> None:
        self.ask(Kind.WRITE, Kind.DONE, address=address, words=word.to_bytes(4, "little"))


def _page(name: str) -> int:
    return PAGE | REGISTERS[name].address


def _frame(rng: np.random.Generator) -> bytes:
    """A real frame that changes nothing but the register ``network``: data is never in its turn, which is 0."""
    kind = Kind(rng.choice([Kind.READ, Kind.WRITE, Kind.LOAD, Kind.EVENTS]))
    data = rng.bytes(int(rng.integers(1, 6)) * WORD_BYTES)
    sequence = int(rng.integers(1, OURS))
    address = int(rng.integers(1 << 20))
    fields: dict[Kind, dict[str, int | bytes]] = {
        Kind.READ: {"address": _page("clock_hz"), "marks": b"\0"},
        Kind.WRITE: {"address": _page("network"), "words": data[:WORD_BYTES]},
        Kind.LOAD: {"address": address, "words": data},
        Kind.EVENTS: {"flits": data},
    }
    return frames.encode(frames.body(kind, sequence, **fields[kind]))


def noise_pieces(rng: np.random.Generator, total: int) -> Iterator[tuple[str, bytes]]:
    """Pieces of ``total`` bytes together, and what they are."""

    def many(spoil: Callable[[bytes], bytes], size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += spoil(_frame(rng))
        return data[:size]

    def cut(frame: bytes) -> bytes:
        first, last = sorted(rng.integers(len(frame) + 1, size=2))
        return frame[first:last]

    def doubled(frame: bytes) -> bytes:
        first, last = sorted(rng.integers(len(frame) + 1, size=2))
        return frame[:last] + frame[first:]

    kinds: dict[str, Callable[[int], bytes]] = {
        "random": rng.bytes,
        "random without zeros": lambda size: rng.integers(1, 256, size, np.uint8).tobytes(),
        "frames cut": lambda size: many(cut, size),
        "frames doubled": lambda size: many(doubled, size),
    }
    while total:
        kind = str(rng.choice(list(kinds)))
        piece = kinds[kind](min(total, int(rng.integers(1, LONGEST_PIECE + 1))))
        total -= len(piece)
        yield kind, piece


def noise(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    rng, tries, sent, wrong = np.random.default_rng(SEED), Counter[int](), Counter[str](), 0
    written = 0
    with simulated(made) as chip, closing(SerialPort(chip.port)) as port:
        host = Host(chip, port)
        host.write_word(_page("identity"), 1)
        bench.progress("noise")
        for kind, piece in noise_pieces(rng, NOISE_BYTES):
            host.write(piece)
            wrong += host.read(_page("identity")) != IDENTITY
            tries[host.tries] += 1
            sent[kind] += len(piece)
            written += len(piece)
            bench.progress(written, NOISE_BYTES)
    return {
        "bytes": dict(sent),
        "tries": {str(count): times for count, times in sorted(tries.items())},
        "found": [
            found("bytes of noise", sent.total()),
            found("good requests after a piece of it", tries.total()),
            found("answered at the first try", tries[1]),
            found("tries until the answer", max(tries), most=2),
            found("answers that were wrong", int(wrong), most=0),
        ],
    }


def frames_in(data: bytes) -> list[bytes]:
    """What the chip must take for frames."""
    return [part for part in data.split(b"\0") if part]


def spoilt(rng: np.random.Generator, frame: bytes) -> bytes:
    """A frame without its delimiter, and not as it was: a bit or a byte is another, a part is missing or doubled."""
    at, kind = int(rng.integers(len(frame))), rng.integers(4)
    if kind == 0:
        return frame[:at] + bytes([frame[at] ^ 1 << int(rng.integers(8))]) + frame[at + 1 :]
    if kind == 1:
        return frame[:at] + bytes([frame[at] ^ int(rng.integers(1, 256))]) + frame[at + 1 :]
    last = int(rng.integers(at + 1, len(frame) + 1))
    return frame[:at] + frame[last:] if kind == 2 else frame[:last] + frame[at:]


def spoilt_frames(rng: np.random.Generator, targets: dict[int, int], count: int) -> Iterator[bytes]:
    """Requests to write to one of ``targets`` (address -> what it holds) another word, spoilt, each with its end."""
    while count:
        address = int(rng.choice(list(targets)))
        word = targets[address] ^ int(rng.integers(1, 1 << 16))
        body = frames.body(Kind.WRITE, int(rng.integers(OURS)), address=address, words=word.to_bytes(4, "little"))
        data = spoilt(rng, frames.encode(body)[:-1])
        if any(frames_in(data)) and not any(map(frames.decode, frames_in(data))):
            yield data + b"\0"
            count -= 1


def spoilt_frames_sent(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    design, rng = Design(made.directory), np.random.default_rng(SEED)
    name = next(name for name in design.memories if ".weights" in name)
    word = design.memories[name]["base"]
    targets = {word: int(design.contents(name)[0, 0]), _page("network"): 0x12345}
    sent = cut = dropped = changed = again = 0
    with simulated(made) as chip:
        with closing(SerialPort(chip.port)) as port:
            host = Host(chip, port)
            for address, value in targets.items():  # unspoilt they are accepted
                for other in (value ^ 1, value):
                    host.write_word(address, other)
                    if host.read(address) != other:
                        raise Refusal(f"A good frame did not write {other} to {address:#x}")
            host.write_word(_page("identity"), 2)
            bench.progress("spoilt frames")
            while sent < SPOILT_FRAMES:
                batch = list(spoilt_frames(rng, targets, SPOILT_BATCH))
                for first in range(0, len(batch), SPOILT_PART):
                    host.write(b"".join(batch[first : first + SPOILT_PART]))
                    for came in host.hear():
                        host.heard[came.kind] += 1
                for address, value in targets.items():
                    holds = host.read(address)
                    again += host.tries - 1
                    if holds != value:
                        changed += 1
                        host.write_word(address, value)
                        again += host.tries - 1
                counted = host.read(_page("dropped"))
                again += host.tries - 1
                host.write_word(_page("identity"), 2)
                # A request to clear that must be sent again has cleared what was counted of it.
                sent, cut = sent + len(batch), cut + len(frames_in(b"".join(batch)))
                dropped += counted
                bench.progress(sent, SPOILT_FRAMES)
            answered = host.heard[Kind.DONE]
        with closing(opened(chip, made)) as driver:
            memories = [name for name, about in design.memories.items() if about["images"]]
            wrong = sum(int((driver.read_memory(name) != design.contents(name)).sum()) for name in memories)
    return {
        "requests_again": again,
        "found": [
            found("spoilt frames", sent),
            found("of these, accepted", answered, most=0),
            found("words of theirs that were written", changed, most=0),
            found("words changed elsewhere", wrong, most=0),
            found("pieces between zeros", cut),
            found("of these, not counted as dropped", cut + again - dropped, most=0),
        ],
    }


def unplugged(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    x, seconds, said = stimulus(made), [], ""
    for after in UNPLUGGED_AFTER:
        with simulated(made) as chip, closing(opened(chip, made)) as driver:
            moments: list[float] = []

            def unplug(chip: SimulatedChip = chip, moments: list[float] = moments) -> None:
                moments.append(time.monotonic())
                chip.unplug()

            timer = Timer(after, unplug)
            timer.start()
            try:
                driver.run(x, record="all")
            except LinkError as error:
                seconds.append(time.monotonic() - moments[0])
                said = str(error).replace(chip.port, "PORT")
            finally:
                timer.join()
    if len(seconds) != len(UNPLUGGED_AFTER):
        raise Refusal("A run came to its end before it was unplugged; measure with more samples")
    return {
        "said": said,
        "seconds": [round(value, 4) for value in seconds],
        "found": [
            found("times unplugged in mid-run", len(seconds)),
            found("longest until the error, seconds", round(max(seconds), 4), most=2),
        ],
    }


def half_a_frame(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    tries, silent = [], 2 << int(CLOCK_HZ * TIMEOUT_SECONDS).bit_length()
    with simulated(made) as chip, closing(SerialPort(chip.port)) as port:
        host = Host(chip, port)
        kinds = {
            Kind.WRITE: {"address": _page("network"), "words": bytes(4)},
            Kind.EVENTS: {"flits": bytes(20)},
        }
        host.write_word(_page("identity"), 3)
        for kind, fields in kinds.items():
            whole = frames.encode(frames.body(kind, 0, **fields))
            host.write(whole[: len(whole) // 2])
            bench.progress("wait for the chip's timeout")
            start = chip.statistics()["clocks"]
            while (now := chip.statistics()["clocks"] - start) < silent:
                bench.progress(now, silent)
                time.sleep(0.1)
            # Without a zero before it: the silence has ended the frame.
            host.ask(Kind.READ, Kind.VALUES, delimiter=b"", address=_page("identity"), marks=b"\0")
            tries.append(host.tries)
        dropped = host.read(_page("dropped"))
    return {
        "silent_clocks": silent,
        "found": [
            found("tries until the next frame is answered", max(tries), most=1),
            found("frames left unfinished that were not counted", abs(len(kinds) - dropped), most=0),
        ],
    }
