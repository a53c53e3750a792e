"""A killer of the host link: all that a host may say to it and what it should not, and all that must come back."""

import subprocess
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from cobs import cobs

from spikeloom.boards.chip import TOP
from spikeloom.boards.driver import frames
from spikeloom.boards.link.protocol import IDENTITY, LONGEST, PAGE, REGISTERS, SEQUENCES, VERSION, Kind
from spikeloom.hdl.design import hardware_id
from spikeloom.sim import verilator
from spikeloom.sim.chip import BENCH
from spikeloom.sim.mutation.trial import Killer, Seen
from spikeloom.trust.coverage.link import LINE
from spikeloom.trust.mutants.link_stand_in import CLOCK_HZ, DIVIDER, Wire
from spikeloom.trust.mutants.link_talk import Talk

__all__ = ["TALKS", "talk"]

#: Clocks from one beat to the next: the power of two from the timeout's 2000 on.
BEAT = 2048
NETWORKS = (0x12345678, 0xFFFFFFFF, 0, 0xEDCBA987)
#: Per thousand of the right length of a bit, on lines that are as far off as both ends together may be.
SPEEDS = (960, 1040)
MOST_READ = (LONGEST - 6) // 4
FORGET, CLEAR = 1, 2
#: Clocks in the middle of a frame that are just not too many, and just too many, soon after a reset.
PAUSES = range(3524, 3552)
#: Frames that are too short, for all bits of their counter.
MANY = 70_000
#: Words of a request that takes longer than the next one does on the line.
EARLY = 40


def many(wire: Wire) -> Talk:
    t = Talk(wire, 1)
    t.phase("very many frames that are dropped")
    for _ in range(10):
        t.put(b"\x01\0" * (MANY // 10))
        t.settle()
        t.dropped = (t.dropped + MANY // 10) % (1 << 16)
        t.count()
    return t


def pauses(wire: Wire) -> Talk:
    """Whatever comes, it comes as without a fault: to the clock it is seen when a frame is given up."""
    t = Talk(wire, 1)
    frame = t.frame(Kind.READ, 0, address=4, marks=b"1")
    for clocks in PAUSES:
        for rest in (frame[3:], frame):
            t.phase(f"a pause of {clocks} clocks", ignored=True)
            t.say("reset", 1)
            t.say("wait", 30 * DIVIDER)
            t.put(frame[:3])
            t.say("wait", clocks)
            t.put(rest)
            t.settle()
    return t


def usual(wire: Wire, seed: int) -> Talk:
    t = Talk(wire, seed)
    _page(t)
    _memory(t)
    _flits(t)
    _window(t)
    _upon_another(t)
    _line(t)
    _damaged(t)
    _kinds(t)
    _cut_off(t)
    _forget(t)
    _resets(t)
    t.phase("faults at the accelerator's ports")
    t.memory[-2] = 0
    t.read(len(t.memory) - 2)
    return t


def _page(t: Talk) -> None:
    t.phase("the link's page")
    layout = VERSION | t.window << 8 | t.slot_bytes << 16 | t.flit_bytes << 24
    for network in NETWORKS:
        t.say("network", network)
        t.page("identity", IDENTITY, layout, hardware_id(t.wire.manifest), network, CLOCK_HZ)
    t.page("network", 0, 0)
    for name, value in (("protocol", layout), ("hardware", hardware_id(t.wire.manifest)), ("clock_hz", CLOCK_HZ)):
        t.page(name, value)
    for network in NETWORKS:
        t.write(PAGE | REGISTERS["network"].address, [network])
        t.page("network", network, 0)
    t.load_page(REGISTERS["network"].address, 5)  # only control writes there
    t.settle()
    t.page("network", NETWORKS[-1])


def _memory(t: Talk) -> None:
    room = (t.slot_bytes - 9) // 4
    most = min(MOST_READ, t.slot_bytes - 9)
    size = len(t.memory) - 2  # the last two are not only memory
    for way in ("written", "loaded"):
        t.phase(f"memory {way}")
        for first in range(0, size, room):
            words = t.words(min(room, size - first))
            if way == "written":
                t.write(first, words)
            else:
                t.load(first, words)
                t.settle()
        for first in range(0, size, most):
            t.read(first, min(most, size - first))
    t.phase("control while words are loaded")
    for k in range(8):
        t.load(k, t.words(room))
        t.read(size - 4, k % 3, settle=False)
        t.settle()
    t.phase("few words, and none")
    for count in (0, 1, 2, 1, 0):
        address = int(t.random.integers(size - 2))
        t.write(address, t.words(count))
        t.load(address + count, t.words(count % 2))
        t.settle()
        t.read(address, count)
    t.phase("longest frame without a zero")
    for word in (0x01020304, 0xFFFFFFFF, 0):
        for first in range(0, most, room):
            t.write(first, [word] * room)
        t.read(0, most)


def _flits(t: Talk) -> None:
    most = (t.slot_bytes - 5) // t.flit_bytes
    t.phase("flits")
    for count in (0, 1, most, 2, most, *[3] * 12):
        t.events(t.flits(count))
        t.settle()
    for pace in (20, 70, 150, 250):
        t.phase(f"flits every {pace} clocks")
        t.set(pace=pace)
        for _ in range(3):
            t.events(t.flits(min(most, 8)))
            t.settle()
    t.phase("flits kept for later")
    t.set(give=False)
    while len(t.held) + most <= 120:
        t.events(t.flits(most))
        t.settle()
    t.phase("many flits at once")
    t.set()
    t.read(3, 4)
    t.phase("control between flits that come")
    t.set(give=False)
    for _ in range(3):
        t.events(t.flits(min(most, 16)))
        t.settle()
    t.set(settle=False, pace=200)
    for k in range(6):
        t.read(k, k, settle=False)
        t.say("wait", 6000)
    t.settle()
    t.set()


def _window(t: Talk) -> None:
    """Frames wait, one of them half carried out; control goes before them; more than there is room for are dropped."""
    for credit in (0, 1, 3):
        t.phase(f"the accelerator takes {credit} flits")
        t.set(credit=credit, settle=False)
        before = t.data
        for k in range(t.window):
            if k == 1:
                t.load(k, t.words(3))
            else:
                t.events(t.flits(5))
        carried_out = t.data
        t.put(t.frame(Kind.EVENTS, t.data, flits=b"\x55" * t.flit_bytes))
        t.dropped += 1
        t.say("wait", 1000)
        # Nothing of these is carried out yet; it is said when control is answered.
        t.now.expected = before
        t.now.flits, late = t.now.flits[:credit], t.now.flits[credit:]
        t.now.news = False
        t.read(64, 8, settle=False)
        t.write(64, t.words(3), settle=False)
        t.read(62, 6, settle=False)
        t.page("dropped", t.dropped, settle=False)
        t.phase("and then all")
        t.now.expected = carried_out
        t.now.news = True
        t.now.flits = late
        t.set(settle=False)
        t.say("wait", 1000)
        t.settle()
        t.read(0, 6)


def _upon_another(t: Talk) -> None:
    """A request comes while the one before is carried out, and flits wait: it is dropped."""
    t.phase("a request too early")
    t.set(credit=1, settle=False)
    before = t.data
    t.events(t.flits(3))
    late, t.now.flits = t.now.flits[1:], t.now.flits[:1]
    t.now.expected, t.now.news = before, False
    t.say("wait", 600)
    t.read(0, EARLY, settle=None)
    t.put(t.frame(Kind.READ, t.control, address=0, marks=b"1"))
    t.dropped += 1
    t.say("wait", 12 * DIVIDER * (4 * EARLY + 16))
    t.phase("and then all flits")
    t.now.expected, t.now.news, t.now.flits = t.data, True, late
    t.set()
    t.count()


def _line(t: Talk) -> None:
    for speed in SPEEDS:
        t.phase(f"bits of {speed / 10:g} %")
        t.say("speed", speed)
        t.write(10, t.words(6))
        t.events(t.flits(6))
        t.settle()
        t.read(8, 10)
        t.say("speed", 1000)
    t.phase("glitches")
    for clocks in (1, 2, 3):
        t.say("low", clocks)
        t.say("wait", 3 * DIVIDER)
        t.read(8, 1)
    t.phase("a byte without a stop bit")
    t.put(t.frame(Kind.READ, 1, address=1, marks=b"1")[:4])
    t.say("low", 10 * DIVIDER)
    t.say("wait", DIVIDER)
    t.wrong(t.frame(Kind.READ, 1, address=1, marks=b"1")[5:])
    t.say("low", 50 * DIVIDER)
    t.say("wait", DIVIDER)
    t.put(bytes(3))
    t.read(8, 2)
    t.count()


def _damaged(t: Talk) -> None:
    t.phase("damaged frames")
    write = frames.body(Kind.WRITE, 3, address=20, words=b"abcdefgh")
    for bit in range(32):  # of the register with the sum
        t.wrong(cobs.encode(_nearly(write, bit)) + b"\0")
    load = frames.body(Kind.LOAD, t.data, address=20, words=b"abcdefgh")
    whole = frames.encode(write)[:-1]
    for bit in (0, 7, 13, 40, 70, *range(8 * len(write), 8 * len(write) + 32, 5)):
        spoilt = bytearray(cobs.decode(whole))
        spoilt[bit // 8] ^= 1 << bit % 8
        if bit // 8 or bit % 8 != 6:
            t.wrong(cobs.encode(bytes(spoilt)) + b"\0")
    spoilt = bytearray(cobs.decode(frames.encode(load)[:-1]))
    spoilt[-1] ^= 0x10
    t.wrong(cobs.encode(bytes(spoilt)) + b"\0", news=True)
    t.count()
    t.phase("frames that end too early, or too late")
    t.wrong(whole[:-1] + b"\0")  # its last code says more
    t.wrong(whole + b"\x01\0")  # a zero too many
    for size in range(1, 5):
        t.wrong(cobs.encode(bytes([0x11] * size)) + b"\0")
    t.wrong(cobs.encode(zlib.crc32(b"").to_bytes(4, "little")) + b"\0")
    for size in (t.slot_bytes + 2, t.slot_bytes + 3, t.wire.slot_size + 1, 2 * t.wire.slot_size + 9):
        for first in (0x11, 0x51):
            body = bytes([first]) + bytes(t.random.integers(1, 256, size - 5, dtype=np.uint8))
            t.wrong(frames.encode(body))
    t.count()
    t.read(20, 2)
    t.phase("the longest frame")
    room = (t.slot_bytes - 9) // 4
    t.load(40, t.words(room))
    t.settle()
    t.read(40, room)
    t.phase("short frames, of which many are dropped")
    t.put(b"\x01\0" * 600)
    t.settle()
    t.dropped += 600
    t.count()
    t.phase("what clears nothing in other registers")
    for name in ("hardware", "clock_hz", "dropped", "network"):
        t.write(PAGE | REGISTERS[name].address, [FORGET | CLEAR])
    t.write(PAGE | REGISTERS["network"].address, [NETWORKS[-1]])
    t.count()
    t.write(PAGE, [CLEAR])
    t.dropped = 0
    t.count()


def _nearly(body: bytes, bit: int) -> bytes:
    """With a sum that leaves the receiver's register wrong in one bit."""

    def left(end: int) -> int:
        return zlib.crc32(body + end.to_bytes(4, "little"))

    right = zlib.crc32(body)
    # Each bit of the sum changes some of the register; a wanted change is what some of them do together.
    done: dict[int, tuple[int, int]] = {}
    wanted, found = 1 << bit, 0
    for one in (1 << k for k in range(32)):
        change, by = left(right ^ one) ^ left(right), one
        while change and (high := change.bit_length()) in done:
            change, by = change ^ done[high][0], by ^ done[high][1]
        done[change.bit_length()] = change, by
    while wanted:
        change, by = done[wanted.bit_length()]
        wanted, found = wanted ^ change, found ^ by
    return body + (right ^ found).to_bytes(4, "little")


def _kinds(t: Talk) -> None:
    for kind in range(16):
        if kind in (Kind.READ, Kind.WRITE):
            continue
        if kind in (Kind.LOAD, Kind.EVENTS):
            for ahead in (1, 3, 8, 15):
                t.phase(f"{Kind(kind).name} that is {ahead} ahead")
                t.wrong(frames.encode(bytes([kind << 4 | (t.data + ahead) % 16]) + bytes(4 + 4)), news=True)
        else:
            t.phase(f"kind {kind}, which there is not")
            t.wrong(frames.encode(bytes([kind << 4 | t.data % 16]) + bytes(4 + 4)), news=bool(kind & 4))
        t.count()
    t.phase("after them")
    t.read(0, 4)


def _cut_off(t: Talk) -> None:
    t.phase("pauses that are not too long")
    frame = t.frame(Kind.WRITE, t.control, address=30, words=b"12345678")
    t.memory[30:32] = np.frombuffer(b"12345678", "<u4")
    for byte in frame[:-1]:
        t.put(bytes([byte]))
        t.say("wait", BEAT - 12 * DIVIDER)
    t.answer(Kind.DONE)
    t.put(b"\0")
    t.settle()
    t.read(30, 2)
    t.count()
    for first in (1, 2, 9):
        t.phase(f"cut off after {first} bytes")
        t.put(frame[:first])
        t.say("wait", 2 * BEAT)
        t.dropped += 1
        t.read(30, 2)
        t.count()


def _forget(t: Talk) -> None:
    t.phase("frames that are to be forgotten")
    t.set(credit=1, settle=False)
    before = t.data
    for _ in range(t.window):
        t.events(t.flits(3))
    t.say("wait", 1000)
    t.now.flits = t.now.flits[:1]
    t.data = before + -before % SEQUENCES
    t.now.expected, t.now.news = t.data, False
    t.write(PAGE, [FORGET], settle=False)
    t.set()
    t.phase("after them all is new")
    for count in (3, 1, 4):
        t.events(t.flits(count))
        t.settle()
    t.count()


def _resets(t: Talk) -> None:
    most = (t.slot_bytes - 5) // t.flit_bytes
    for number in range(16):
        t.phase("a reset", ignored=True)
        t.set(pace=int(t.random.choice([0, 0, 60])), credit=[255, 2][number % 2])
        for _ in range(2):
            t.events(t.flits(most))
        t.put(t.frame(Kind.READ, 5, address=4, marks=bytes(20)))
        t.put(t.frame(Kind.READ, 5, address=4, marks=bytes(9))[: int(t.random.integers(9))])
        t.say("wait", int(t.random.integers(10 * DIVIDER * 30)))
        t.say("reset", 1)
        t.say("wait", 30 * DIVIDER)
        t.restarted()
        t.phase("after a reset")
        t.read(4, 3)
        t.events(t.flits(4))
        t.settle()
        t.page("network", NETWORKS[-1])
        t.write(PAGE, [CLEAR])
        t.dropped = 0
        t.count()


#: What hosts say; first the one that most mutants do not survive.
TALKS: Mapping[str, Callable[[Wire], Talk]] = {
    "seed 1": partial(usual, seed=1),
    "seed 2": partial(usual, seed=2),
    "pauses": pauses,
    "many frames": many,
}


def talk(verilog: str, wire: Wire, name: str) -> Killer:
    """verilog: of :func:`spikeloom.trust.mutants.link_stand_in.link_verilog` for ``wire``, with mutants."""
    host = TALKS[name](wire)
    said = "\n".join(host.script) + "\n"
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as temporary:
        source = Path(temporary) / f"{TOP}.v"
        source.write_text(verilog, "ascii")
        program = verilator.build_program(LINE, [source, BENCH], top="chip_bench")

    def look(plusargs: Sequence[str], folder: Path) -> Seen:
        command = [program, f"+divider={DIVIDER}", "+network=0", "+reset=0", *plusargs]
        command += ["+verilator+rand+reset+2", "+verilator+seed+1"]
        done = subprocess.run(command, cwd=folder, input=said, capture_output=True, text=True)
        if done.returncode:
            return Seen(fault=f"The simulation ended with status {done.returncode}")
        lines = done.stdout.splitlines()
        return Seen(fault=host.judge(lines), clocks=lines)

    return Killer(name=f"host, {name}", look=look)
