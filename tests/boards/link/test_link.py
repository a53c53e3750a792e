# amaranth: UnusedElaboratable=no
"""The link between a pipe of bytes and a stand-in for the accelerator, frame by frame."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator

from spikeloom.boards.driver import frames
from spikeloom.boards.link.link import Link
from spikeloom.boards.link.protocol import IDENTITY, PAGE, REGISTERS, SEQUENCES, VERSION, Kind
from spikeloom.boards.link.receiver import Receiver

HARDWARE, NETWORK, CLOCK = 0x12345678, 0x9ABCDEF0, 24_000_000


def words(*values):
    return np.array(values, "<u4").tobytes()


def frame(kind, sequence, **fields):
    return frames.encode(frames.body(kind, sequence, **fields))


def read(sequence, address, count=1):
    return frame(Kind.READ, sequence, address=address, marks=bytes(count))


def write(sequence, address, *values, kind=Kind.WRITE):
    return frame(kind, sequence, address=address, words=words(*values))


class Rig:
    """A link, its pipe, and a stand-in for the accelerator: a memory, and every flit sent back.

    take(clock): whether the accelerator has room for a flit. gap: clocks between bytes.
    """

    def __init__(self, *, flit_bits=16, slots=4, slot_size=128, take=lambda clock: True, gap=20, slow=1):
        self.link = Link(
            flit_bits=flit_bits,
            address_bits=15,
            clock_hz=CLOCK,
            hardware=HARDWARE,
            slots=slots,
            slot_size=slot_size,
        )
        self.flit_bytes = -(-flit_bits // 8)
        self.take, self.gap, self.slow = take, gap, slow
        self.memory, self.taken, self.waiting, self.said = {}, [], [], bytearray()
        self.beat = False

    def run(self, *script):
        """Items: frames to send, clocks to wait, None to wait until all is quiet, or functions to call.

        The link's frames, in order.
        """
        self.script = script
        m = Module()
        m.submodules.link = self.link
        m.d.comb += self.link.network.eq(NETWORK)
        simulator = Simulator(m)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._send)
        for background in (self._listen, self._port, self._in, self._out):
            simulator.add_testbench(background, background=True)
        simulator.run()
        *whole, rest = bytes(self.said).split(b"\0")
        assert not rest
        bodies = [frames.decode(f) for f in whole]
        assert all(bodies), "every frame from the chip is intact"
        return [frames.parse(body) for body in bodies]

    def flits(self, *values):
        return frames.flit_bytes(np.array(values, np.uint64), self.flit_bytes)

    def events(self, sequence, *values):
        return frame(Kind.EVENTS, sequence, flits=self.flits(*values))

    async def _send(self, ctx):
        for item in self.script:
            if item is None:
                await self._quiet(ctx, 60)
            elif callable(item):
                item(ctx)
            elif isinstance(item, int):
                await ctx.tick().repeat(item)
            else:
                for byte in item:
                    ctx.set(self.link.i_bytes.payload, byte)
                    ctx.set(self.link.i_bytes.valid, 1)
                    await ctx.tick().until(self.link.i_bytes.ready)
                    ctx.set(self.link.i_bytes.valid, 0)
                    if self.gap:
                        await ctx.tick().repeat(self.gap)
        await self._quiet(ctx, 400)

    async def _quiet(self, ctx, clocks):
        quiet = 0
        while quiet < clocks:
            *_, busy, valid = await ctx.tick().sample(self.link.busy, self.link.o_bytes.valid)
            quiet = 0 if busy or valid else quiet + 1

    async def _listen(self, ctx):
        clock = 0
        async for *_, valid, ready, byte in ctx.tick().sample(
            self.link.o_bytes.valid, self.link.o_bytes.ready, self.link.o_bytes.payload
        ):
            if valid and ready:
                self.said.append(byte)
            clock += 1
            ctx.set(self.link.o_bytes.ready, clock % self.slow == 0)

    async def _port(self, ctx):
        port, latency, wait, done = self.link.port, Random(1), 0, False
        held = None
        async for *_, request, address, is_write, data in ctx.tick().sample(
            port.request, port.address, port.write, port.write_data
        ):
            if done:
                done, held = False, None
                ctx.set(port.done, 0)
                ctx.set(port.read_data, 0xDEADBEEF)
            elif held is None:
                wait, held = latency.randrange(5), (address, is_write, data) if request else None
            else:
                assert request and held == (address, is_write, data), "held until done"
                wait -= 1
                if wait < 0:
                    if is_write:
                        self.memory[address] = data
                    ctx.set(port.read_data, self.memory.get(address, 0))
                    ctx.set(port.done, 1)
                    done = True

    async def _in(self, ctx):
        clock, ready = 0, False
        async for *_, valid, flit in ctx.tick().sample(self.link.o_flits.valid, self.link.o_flits.payload):
            if valid and ready:
                self.taken.append(flit)
                self.waiting.append(flit)
            clock += 1
            # Once high, it stays so until a flit comes, as the accelerator's does.
            ready = (ready and not valid) or bool(self.take(clock))
            ctx.set(self.link.o_flits.ready, ready)

    async def _out(self, ctx):
        stream = self.link.i_flits
        async for *_, ready in ctx.tick().sample(stream.ready):
            if ready and self.waiting:
                self.waiting.pop(0)
            ctx.set(stream.valid, bool(self.waiting))
            if self.waiting:
                ctx.set(stream.payload, self.waiting[0])


def sent(rig, answers):
    """The flits of all frames of events, which are numbered without a gap."""
    events = [a for a in answers if a.kind == Kind.SENT]
    assert [a.sequence for a in events] == [k % SEQUENCES for k in range(len(events))]
    return frames.flits(b"".join(a.rest for a in events), rig.flit_bytes).tolist()


SHAPES = [(5, 4, 128, 20), (16, 8, 256, 0), (40, 2, 64, 3)]


@pytest.mark.parametrize(("flit_bits", "slots", "slot_size", "gap"), SHAPES)
def test_every_kind_of_frame(flit_bits, slots, slot_size, gap):
    rig = Rig(flit_bits=flit_bits, slots=slots, slot_size=slot_size, gap=gap)
    values = [(0x9E3779B97F4A7C15 * k) % (1 << flit_bits) for k in range(6)]
    answers = rig.run(
        *(read(1, PAGE, 8), 4000),
        *(write(2, 70, 0, 0xFFFFFFFF, 256), 2000),
        *(write(0, 1000, 7, 8, kind=Kind.LOAD), 3000, write(1, 1002, 9, kind=Kind.LOAD), 3000),
        *(rig.events(2, *values[:2]), 3000, rig.events(3, *values[2:]), 3000),
        *(read(3, 69, 4), 2000, read(4, 1000, 3), 2000),
    )
    page = frames.words(answers[0].rest)
    protocol = VERSION | slots - 1 << 8 | min(254, slot_size - 2) << 16 | rig.flit_bytes << 24
    assert page.tolist() == [IDENTITY, protocol, HARDWARE, NETWORK, CLOCK, page[5], 0, 0]
    control = [(a.kind, a.sequence) for a in answers if a.kind != Kind.SENT]
    assert control == [(Kind.VALUES, 1), (Kind.DONE, 2), (Kind.VALUES, 3), (Kind.VALUES, 4)]
    assert frames.words(answers[-2].rest).tolist() == [0, 0, 0xFFFFFFFF, 256]
    assert frames.words(answers[-1].rest).tolist() == [7, 8, 9]
    assert rig.taken == values == sent(rig, answers)
    assert answers[-1].expected == 4


def test_control_does_not_wait_for_data():
    open_at = [1 << 30]
    rig = Rig(take=lambda clock: clock >= open_at[0])
    rig.memory[3] = 33
    first, *_ = rig.run(rig.events(0, 1, 2, 3), 2000, read(5, 3), 3000, lambda ctx: open_at.__setitem__(0, 0), 3000)
    assert (first.kind, first.sequence, frames.words(first.rest).tolist()) == (Kind.VALUES, 5, [33])
    assert first.expected == 0 and rig.taken == [1, 2, 3]


def test_an_interrupted_frame_of_events_goes_on_where_it_was():
    rig = Rig(take=lambda clock: clock % 1500 == 0)
    answers = rig.run(rig.events(0, *range(1, 9)), *(x for k in range(6) for x in (read(k, 0), 1700)), 6000)
    assert rig.taken == list(range(1, 9)) == sent(rig, answers)
    assert sum(a.kind == Kind.VALUES for a in answers) == 6


def damaged(good):
    """Frames that are not to be accepted: a bit changed in each place, bytes lost, bytes doubled, too long."""
    body = good[:-1]
    flipped = [body[:k] + bytes([body[k] ^ bit]) + body[k + 1 :] for k in range(len(body)) for bit in (1, 0x40)]
    cut = [body[:k] + body[k + 1 :] for k in range(len(body))] + [body[:k] for k in range(1, len(body))]
    doubled = [body[: k + 1] + body[k:] for k in range(len(body))]
    return [bytes(b for b in f if b) + b"\0" for f in (*flipped, *cut, *doubled) if f] + [bytes([9] * 300) + b"\0"]


def test_damaged_frames_are_dropped_and_counted_and_the_next_is_carried_out():
    rig = Rig(gap=0)
    bad = [f for good in (write(3, 5, 6), write(0, 5, 7, kind=Kind.LOAD)) for f in damaged(good)[::3]]
    waits = [x for f in bad for x in (f, 1200)]
    answers = rig.run(*waits, write(9, 8, 1), 1000, read(10, PAGE | REGISTERS["dropped"].address))
    assert len(bad) > 45 and rig.memory == {8: 1}
    assert [(a.kind, a.sequence) for a in answers if a.kind != Kind.SENT] == [(Kind.DONE, 9), (Kind.VALUES, 10)]
    assert frames.words(answers[-1].rest).tolist() == [len(bad)]


@pytest.mark.parametrize("gap", [25, 32, 40, 50])
def test_what_an_earlier_frame_left_does_not_mend_a_later_one(gap):
    """The slot becomes free while the damaged frame, the same but for its first bytes, arrives."""
    rig = Rig(gap=gap)
    good = write(3, 5, 6, 7)
    answers = rig.run(good, good[:1] + bytes([good[1] ^ 0x01]) + good[2:], 3000, read(4, PAGE | 7))
    assert [(a.kind, a.sequence) for a in answers] == [(Kind.DONE, 3), (Kind.VALUES, 4)]
    assert frames.words(answers[-1].rest).tolist() == [1]


def test_less_than_a_crc_holds_up_nobody():
    rig = Rig(gap=10)
    answers = rig.run(bytes([1, 0]), write(1, 5, 6), 1000, bytes([3, 9, 9, 0]), read(2, 5), 1000, read(3, PAGE | 7))
    assert [(a.kind, a.sequence) for a in answers] == [(Kind.DONE, 1), (Kind.VALUES, 2), (Kind.VALUES, 3)]
    assert frames.words(answers[-1].rest).tolist() == [2]


def test_half_a_frame_is_forgotten_after_a_silence():
    rig = Rig()

    def beat(value):
        return lambda ctx: ctx.set(rig.link.beat, value)

    silence = (beat(1), 1, beat(0), 100, beat(1), 1, beat(0), 10)
    answers = rig.run(write(1, 5, 6)[:7], *silence, write(2, 7, 8), 2000, read(3, PAGE | 7))
    assert [(a.kind, a.sequence) for a in answers] == [(Kind.DONE, 2), (Kind.VALUES, 3)] and rig.memory == {7: 8}
    assert frames.words(answers[-1].rest).tolist() == [1]


def test_data_out_of_turn_is_refused_and_asked_for_again():
    rig = Rig()
    answers = rig.run(
        *(rig.events(0, 10), 2000, rig.events(2, 12), 2000, rig.events(0, 10), 2000),  # one ahead, and one again
        *(rig.events(1, 11), 2000, rig.events(2, 12), 2000, read(1, PAGE | 7)),
    )
    assert rig.taken == [10, 11, 12] == sent(rig, answers)
    assert answers[-1].expected == 3 and frames.words(answers[-1].rest).tolist() == [2]
    assert [a.expected for a in answers if a.kind == Kind.SENT and not a.rest][:2] == [1, 1]


def test_more_than_the_window_is_dropped_and_what_was_accepted_stays():
    open_at = [1 << 30]
    rig = Rig(take=lambda clock: clock >= open_at[0], slots=4)
    data = [rig.events(k, 100 + k) for k in range(5)]
    rig.run(*data, 2000, lambda ctx: open_at.__setitem__(0, 0), 4000)
    assert rig.taken == [100, 101, 102]


def test_forget_drops_what_waits_and_numbers_begin_again():
    open_at = [1 << 30]
    rig = Rig(take=lambda clock: clock >= open_at[0])
    answers = rig.run(
        *(write(0, 4, 4, kind=Kind.LOAD), 2000, rig.events(1, 1), rig.events(2, 2), 3000),
        *(write(1, PAGE, 1), 2000, lambda ctx: open_at.__setitem__(0, 0), 2000, rig.events(0, 3), 2000),
        *(write(2, PAGE | REGISTERS["network"].address, 77), 2000, read(3, PAGE | REGISTERS["network"].address)),
    )
    assert rig.taken == [3] and rig.memory == {4: 4}
    assert frames.words(answers[-1].rest).tolist() == [77]


@pytest.mark.parametrize(("seed", "flit_bits", "slots", "slot_size"), [(1, 12, 4, 128), (2, 33, 8, 256), (3, 7, 2, 64)])
def test_random_traffic_is_what_a_plain_model_says(seed, flit_bits, slots, slot_size):
    random = Random(seed)
    rig = Rig(
        flit_bits=flit_bits, slots=slots, slot_size=slot_size, gap=seed % 4, take=lambda clock: random.random() < 0.004
    )
    script, memory, taken, dropped, expected, control = [], {}, [], 0, 0, []
    kinds = ["read", "write", "load", "events", "ahead", "spoilt"] * 7
    random.shuffle(kinds)
    for number, (kind, after) in enumerate(pairwise([*kinds, "end"])):
        address, sequence = random.randrange(30, 40), number % SEQUENCES
        values = [random.choice((0, 1, random.getrandbits(32))) for _ in range(random.randrange(1, 5))]
        if kind == "read":
            count = random.randrange(5)
            script.append(read(sequence, address, count))
            control.append((Kind.VALUES, sequence, [memory.get(address + k, 0) for k in range(count)]))
        elif kind == "spoilt":
            good = write(sequence, address, *values)
            place = random.randrange(len(good) - 1)
            other = random.choice([b for b in range(1, 256) if b != good[place]])
            script.append(good[:place] + bytes([other]) + good[place + 1 :])
            dropped += 1
        elif kind in ("events", "ahead"):
            flits = [random.getrandbits(flit_bits) for _ in range(random.randrange(1, 6))]
            script.append(rig.events(expected + (kind == "ahead"), *flits))
            if kind == "ahead":
                dropped += 1
            else:
                taken += flits
                expected += 1
        else:
            data = kind == "load"
            script.append(
                write(expected if data else sequence, address, *values, kind=Kind.LOAD if data else Kind.WRITE)
            )
            memory |= {address + k: value for k, value in enumerate(values)}
            expected += data
            if not data:
                control.append((Kind.DONE, sequence, []))
        # Requests come while the accelerator does not take events; all else waits for its turn.
        script.append(400 if kind == "events" and after in ("read", "write") else None)
    answers = rig.run(*script, None, read(0, PAGE | REGISTERS["dropped"].address))
    *said, last = [(a.kind, a.sequence, frames.words(a.rest).tolist()) for a in answers if a.kind != Kind.SENT]
    assert said == control and last[2] == [dropped]
    assert rig.taken == taken == sent(rig, answers)
    assert {a: v for a, v in rig.memory.items() if v} == {a: v for a, v in memory.items() if v}
    assert answers[-1].expected == expected % SEQUENCES


def test_data_cannot_write_the_page():
    rig = Rig()
    answers = rig.run(write(0, PAGE, 1, kind=Kind.LOAD), 1500, rig.events(1, 4), 1500, read(1, PAGE | 7))
    assert rig.taken == [4] and answers[-1].expected == 2


def test_flits_fill_frames_while_the_pipe_is_slow():
    """A pipe of 80 clocks per byte is busy nearly all the time, and mostly with flits."""
    rig = Rig(slow=40, gap=3, slots=8, slot_size=256)
    values = list(range(1, 301))
    parts = [rig.events(k, *values[100 * k : 100 * k + 100]) for k in range(3)]
    answers = rig.run(*(x for p in parts for x in (p, 3000)))
    assert sent(rig, answers) == values
    assert sum(len(a.rest) for a in answers if len(a.rest) > 150) > 0.6 * 2 * len(values)
    assert all(len(a.rest) <= 254 - 4 - 2 for a in answers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slots": 3}, "Slots must be a power of two from 2 on, not 3"),
        ({"slot_size": 100}, "A slot must have 64, 128 or 256 bytes, not 100"),
        ({"flit_bits": 65}, "Flits must have 1..64 bits, not 65"),
    ],
)
def test_wrong_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        Link(**{"flit_bits": 16, "address_bits": 15, "clock_hz": CLOCK, **options})
    assert Receiver(slots=4, slot_size=128).window == 3
