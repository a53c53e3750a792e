"""The host link on the simulated chip: what was asked of it beside what was found."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any

import numpy as np

from spikeloom.bench import hardware, results
from spikeloom.bench.cache import sources
from spikeloom.bench.figure import Bench, figure
from spikeloom.boards import catalogue
from spikeloom.boards.chip import chip_verilog
from spikeloom.boards.driver import frames
from spikeloom.boards.driver.chip import Chip
from spikeloom.boards.driver.link import Link
from spikeloom.boards.driver.pipe import LinkError, SerialPort
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.implementation import Implementation
from spikeloom.boards.link.protocol import IDENTITY, PAGE, REGISTERS, SEQUENCES, TIMEOUT_SECONDS, Kind
from spikeloom.boards.link.uart import baud_divider, default_baud
from spikeloom.golden import simulate
from spikeloom.golden.network import Refusal
from spikeloom.hdl.design import Design
from spikeloom.sim.chip import SimulatedChip

__all__ = ["Host", "frames_in", "link", "noise_pieces", "spoilt", "spoilt_frames"]

CLOCK_HZ, DIVIDER = 25_000_000, 8
BYTE_CLOCKS, WORD_BYTES = 10 * DIVIDER, 4
#: Seconds of simulated chips are long.
WAIT, PATIENCE = 2.0, 120.0
SEED = 1
NOISE_BYTES, LONGEST_PIECE = 1_000_000, 400
SPOILT_FRAMES, SPOILT_BATCH, SPOILT_PART = 100_000, 1000, 100
#: Requests of ours have the upper half of the sequences, what is in the noise the lower.
OURS = SEQUENCES // 2
MOST_TRIES = 10
#: Clocks without a byte on the line after which no answer will come.
QUIET_CLOCKS = 20_000
#: Of the line to the chip, asked for when only the output is recorded.
USE = {"all": None, "output": 0.8}
UNPLUGGED_AFTER = (0.2, 0.5, 1.0)
SMALL_BOARD = "icebreaker"

Parts = Iterator[dict[str, Any]]
Found = dict[str, Any]


def found(what: str, number: float, *, most: float | None = None, least: float | None = None) -> Found:
    """A number, and the bound that was asked for."""
    bounds = {"most": most, "least": least}
    return {"what": what, "found": number, **{name: bound for name, bound in bounds.items() if bound is not None}}


@figure(
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "run"},
    {"network": "mnist", "weight_bits": 8, "lanes": 16, "item": "load"},
    {"network": "mnist", "weight_bits": 4, "lanes": 16, "item": "load"},
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "noise"},
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "spoilt frames"},
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "unplugged"},
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "half a frame"},
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "iCE40"},
    {"network": "digits", "weight_bits": 8, "lanes": 16, "item": "Fmax"},
)
def link(bench: Bench, network: str, weight_bits: int, lanes: int, item: str) -> Parts:
    """The complete chip with its UART, simulated: runs and loads through the driver, noise and spoilt frames on its
    port, a port that is unplugged, and a frame that is never finished; and what the link costs."""
    measurements = {
        "run": _run,
        "load": _load,
        "noise": _noise,
        "spoilt frames": _spoilt_frames,
        "unplugged": _unplugged,
        "half a frame": _half_a_frame,
        "iCE40": _area,
        "Fmax": _fmax,
    }
    with hardware.generated(network, weight_bits, lanes=lanes) as made:

        def link_measured() -> dict[str, Any]:
            bench.progress("build the simulator" if item not in ("iCE40", "Fmax") else "")
            return measurements[item](made, bench)

        yield {"verilog_sha256": made.verilog_sha256}
        names = ("boards", "sim", "hdl", "golden", "bench.link")
        yield bench.cache.remember(
            link_measured,
            item=item,
            verilog=made.verilog_sha256,
            network=made.network.hash,
            performance=_performance(made, bench) if item == "Fmax" else None,
            code=[sources(f"spikeloom.{name}") for name in names],
        )


# The simulated chip ---------------------------------------------------------------------------------------------------


@contextmanager
def _simulated(made: hardware.Hardware) -> Iterator[SimulatedChip]:
    """The chip of a generated folder."""
    design, top = Design(made.directory), made.directory.parent / "chip.v"
    top.write_text(chip_verilog(made.manifest, clock_hz=CLOCK_HZ, divider=DIVIDER), "ascii")
    files = [design.verilog, top]
    with SimulatedChip(files, made.directory.absolute(), divider=DIVIDER, network=design.network_id) as chip:
        yield chip


def _driver(chip: SimulatedChip, made: hardware.Hardware) -> Chip:
    return Chip(Link(SerialPort(chip.port), wait=WAIT, patience=PATIENCE), Design(made.directory))


def _stimulus(made: hardware.Hardware) -> np.ndarray:
    return simulate.check_stimulus(made.network.input, hardware.samples("digits").x)


def _use(statistics: dict[str, int], side: str) -> float:
    """Of what the line towards the chip ("in") or from it can carry, from its first byte to its last."""
    return round(statistics[f"{side}_busy"] / (statistics[f"{side}_last"] - statistics[f"{side}_first"]), 4)


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


# Runs and loads -------------------------------------------------------------------------------------------------------


def _run(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    x = _stimulus(made)
    golden = simulate.run(made.network, x, record="all").events
    said = []
    with _simulated(made) as chip, closing(_driver(chip, made)) as driver:
        for record in ("all", "output"):
            bench.progress(title := f"record {record}")
            chip.statistics(reset=True)
            events, clocks = driver.run(x, record=record, progress=bench.progress)
            statistics = chip.statistics()
            differences = sum(int(np.count_nonzero(events[name] != golden[name])) for name in events)
            spikes = sum(int(np.count_nonzero(golden[name])) for name in events)
            said += [
                found(f"{title}: spikes compared", spikes),
                found(f"{title}: differ from the integer model", differences, most=0),
                found(f"{title}: clocks per sample", round(clocks / len(x))),
                # More comes back than is sent if all is recorded: then the line from the chip is the one that limits.
                found(f"{title}: use of the line to the chip", _use(statistics, "in"), least=USE[record]),
                found(f"{title}: use of the line from the chip", _use(statistics, "out")),
            ]
        counters = driver.counters()
    return {"samples": len(x), "counters": counters, "found": said}


def _load(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    design = Design(made.directory)
    filled = {name: about for name, about in design.memories.items() if about["images"]}
    words = {name: about["entries"] * about["words"] for name, about in filled.items()}
    weights = sum(count for name, count in words.items() if ".weights" in name)
    said = [found("words of weights", weights), found("words of all memories", sum(words.values()))]
    with _simulated(made) as chip, closing(_driver(chip, made)) as driver:
        for verify, title in ((False, "loading"), (True, "loading and verifying")):
            bench.progress(title)
            chip.statistics(reset=True)
            driver.load(design, verify=verify)
            clocks = chip.statistics()["clocks"]
            most = None if verify else 1.2
            said += [
                found(f"{title}: clocks", clocks),
                *(
                    found(f"{title}: over the wire time of {what}", round(clocks / count / wire, 3), most=most)
                    for what, count in (("the weights", weights), ("all words", sum(words.values())))
                    for wire in (WORD_BYTES * BYTE_CLOCKS,)
                ),
            ]
        counters = driver.counters()
    return {"counters": counters, "found": said}


# Noise, and what happens to boards ------------------------------------------------------------------------------------


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


def _noise(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    rng, tries, sent, wrong = np.random.default_rng(SEED), Counter[int](), Counter[str](), 0
    written = 0
    with _simulated(made) as chip, closing(SerialPort(chip.port)) as port:
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


def _spoilt_frames(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    design, rng = Design(made.directory), np.random.default_rng(SEED)
    name = next(name for name in design.memories if ".weights" in name)
    word = design.memories[name]["base"]
    targets = {word: int(design.contents(name)[0, 0]), _page("network"): 0x12345}
    sent = cut = dropped = changed = again = 0
    with _simulated(made) as chip:
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
        with closing(_driver(chip, made)) as driver:
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


def _unplugged(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    x, seconds, said = _stimulus(made), [], ""
    for after in UNPLUGGED_AFTER:
        with _simulated(made) as chip, closing(_driver(chip, made)) as driver:
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


def _half_a_frame(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    tries, silent = [], 2 << int(CLOCK_HZ * TIMEOUT_SECONDS).bit_length()
    with _simulated(made) as chip, closing(SerialPort(chip.port)) as port:
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


# Cost -----------------------------------------------------------------------------------------------------------------

TIED = """
module tied (input clk, input rst, input rx, output tx, output busy, output heartbeat);
    chip chip (.clk(clk), .rst(rst), .rx(rx), .tx(tx), .busy(busy), .heartbeat(heartbeat), .network(32'd{network}));
endmodule
"""
BEAT = """
module beat (input clk, output heartbeat);
    reg [{bits} - 1:0] clocks = 0;
    always @(posedge clk) clocks <= clocks + 1;
    assign heartbeat = clocks[{bits} - 1];
endmodule
"""


def _area(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    board = catalogue.find(SMALL_BOARD)
    slots, slot_size = FAMILIES[board.family].link_slots
    options = {
        "clock_hz": board.core_hz,
        "divider": baud_divider(board.core_hz, default_baud(board.core_hz)),
        "slots": slots,
        "slot_size": slot_size,
    }
    accelerator = Design(made.directory).verilog.read_text("utf-8")
    bits = int(board.core_hz * TIMEOUT_SECONDS - 1).bit_length() + 1  # as in boards.chip
    tied = TIED.format(network=Design(made.directory).network_id)
    texts = {
        "accelerator": accelerator,
        "tied": accelerator + chip_verilog(made.manifest, **options) + tied,
        "beat": BEAT.format(bits=bits),
    }
    used = {}
    for top, text in texts.items():
        with TemporaryDirectory(prefix="spikeloom-") as name:
            rtl, build = Path(name) / "rtl", Path(name) / "build"
            shutil.copytree(made.directory, rtl)
            build.mkdir()
            (rtl / "all.v").write_text(text, "utf-8")
            work = Implementation(board, rtl, build, progress=bench.progress)
            used[top] = work.synthesise_core({"verilog": {"file": "all.v", "top": top}})
    whole, core, beat = used["tied"].lut, used["accelerator"].lut, used["beat"].lut
    return {
        "link_slots": [slots, slot_size],
        "divider": options["divider"],
        "found": [
            found("LUT4 of the core", core),
            found("LUT4 of the core and the link with its UART", whole),
            found("LUT4 of the link with its UART", whole - core, most=600),
            found("of these, the counter for timeouts, which drives the lamp", beat),
            found("LUT4 of the link without that counter", whole - core - beat, most=600),
            found("block RAM of the link", used["tied"].block_ram - used["accelerator"].block_ram),
        ],
    }


def _performance(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    """The row of the figure ``performance`` that is of this hardware."""
    remedy = f"python -m spikeloom.bench performance --only 'digits, weight bits 8, lanes {made.configuration.lanes}'"
    for row in (results.load("performance", bench.folder) or {"rows": []})["rows"]:
        if row.get("verilog_sha256") == made.verilog_sha256 and "board" in row:
            return {"core": row["core"], "board": row["board"], "remedy": remedy}
    raise Refusal(f"There is no figure of the present Verilog on {hardware.BOARD}: {remedy}")


def _fmax(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    row, board = _performance(made, bench), catalogue.find(hardware.BOARD)
    with TemporaryDirectory(prefix="spikeloom-") as name:
        rtl, build = Path(name) / "rtl", Path(name) / "build"
        shutil.copytree(made.directory, rtl)
        build.mkdir()
        work = Implementation(board, rtl, build, progress=bench.progress)
        work.synthesise_board(made.manifest, core_hz=board.core_hz, baud=default_baud(board.core_hz))
        cells = json.loads((build / "top.json").read_text("utf-8"))["modules"]["top"]["cells"].values()
    present = Counter(cell["type"] for cell in cells)
    bels = FAMILIES[board.family].bels
    # The Verilog's hash is the core's; that the link was this one, too, is seen by what it takes.
    if any(present[bels[name]] != row["board"][name] for name in ("ff", "block_ram")):
        raise Refusal(f"Fmax was measured with another link: {row['remedy']}")
    outside = sum("accelerator." not in path["end"] for path in row["board"]["paths"].values())
    core, whole = (list(row[design]["fmax_mhz"].values()) for design in ("core", "board"))
    return {
        "core_mhz": core,
        "board_mhz": whole,
        "found": [
            found("MHz of the core alone, median of seeds", median(core)),
            found("MHz of the whole board, median; asked: the core's slowest", median(whole), least=min(core)),
            found("seeds whose slowest path is in the link", outside, most=0),
        ],
    }
