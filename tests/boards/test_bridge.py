# amaranth: UnusedElaboratable=no
"""The link at the level of its two lines, with a stand-in for the accelerator."""

from random import Random

import pytest
from amaranth.sim import Simulator

from spikeloom.boards.bridge import Bridge, Link

DIVIDER = 8
TIMEOUT = 1024
LENGTHS = {"w": 0, "r": 4, "i": 0}


class Rig:
    """A link, the host's end of its lines, and a stand-in for the accelerator: a memory, and flits echoed + 1."""

    def __init__(self, flit_bits=20, *, take=lambda clock: True, echo=True, **options):
        self.link = Link(divider=DIVIDER, flit_bits=flit_bits, address_bits=18, timeout_cycles=TIMEOUT, **options)
        self.flit_bits, self.flit_bytes = flit_bits, -(-flit_bits // 8)
        self.take, self.echo = take, echo
        self.memory, self.taken, self.waiting = {}, [], []
        self.said, self.quiet = bytearray(), 0

    def run(self, script):
        """``script`` is bytes to send and integers (clocks of silence). Returns the host's messages."""
        self.script = script
        simulator = Simulator(self.link)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._send)
        simulator.add_testbench(self._listen, background=True)
        simulator.add_testbench(self._port, background=True)
        simulator.add_testbench(self._flits, background=True)
        simulator.run()
        return self._messages()

    async def _send(self, ctx):
        for item in self.script:
            if isinstance(item, int):
                await ctx.tick().repeat(item)
                continue
            for byte in item:
                for bit in (0, *(byte >> k & 1 for k in range(8)), 1):
                    ctx.set(self.link.rx, bit)
                    await ctx.tick().repeat(DIVIDER)
        self.quiet = 0
        while self.quiet < 30 * DIVIDER:
            await ctx.tick()

    # What runs in the background waits for single clocks only: a longer wait cannot be abandoned without a warning.
    async def _listen(self, ctx):
        since, bits = 0, []
        async for *_, bit in ctx.tick().sample(self.link.tx):
            self.quiet = self.quiet + 1 if bit else 0
            if not since:
                since = 0 if bit else 1
                continue
            since += 1
            if since % DIVIDER == DIVIDER // 2:
                bits.append(bit)
            if len(bits) == 10:
                assert (bits[0], bits[9]) == (0, 1), "start and stop bits"
                self.said.append(sum(bit << k for k, bit in enumerate(bits[1:9])))
                since, bits = 0, []

    async def _port(self, ctx):
        port, latency = self.link.port, Random(1)
        wait, held, done = 0, None, False
        async for *_, request, address, write, data in ctx.tick().sample(
            port.request, port.address, port.write, port.write_data
        ):
            if done:
                done, held = False, None
                ctx.set(port.done, 0)
                ctx.set(port.read_data, 0xDEADBEEF)
            elif held is None:
                wait = latency.randrange(5)
                held = (address, write, data) if request else None
            else:
                assert request and held == (address, write, data), "held until done"
                wait -= 1
                if wait <= 0:
                    done = True
                    if write:
                        self.memory[address] = data
                    ctx.set(port.done, 1)
                    ctx.set(port.read_data, self.memory.get(address, 0))

    async def _flits(self, ctx):
        i, o, clock = self.link.i_flits, self.link.o_flits, 0
        async for *_, taken, flit, given in ctx.tick().sample(o.valid & o.ready, o.payload, i.valid & i.ready):
            if taken:
                self.taken.append(flit)
                self.waiting += [flit + 1 & (1 << self.flit_bits) - 1] * self.echo
            if given:
                self.waiting.pop(0)
            ctx.set(o.ready, self.take(clock))
            ctx.set(i.valid, bool(self.waiting))
            ctx.set(i.payload, self.waiting[0] if self.waiting else 0)
            clock += 1

    def _messages(self):
        messages, rest = [], bytes(self.said)
        while rest:
            kind = chr(rest[0])
            length = {**LENGTHS, "o": self.flit_bytes}[kind]
            messages.append((kind, int.from_bytes(rest[1 : 1 + length], "little")))
            rest = rest[1 + length :]
        return messages

    def write(self, address, data):
        return b"W" + address.to_bytes(4, "little") + data.to_bytes(4, "little")

    def read(self, address):
        return b"R" + address.to_bytes(4, "little")

    def flit(self, value):
        return b"I" + value.to_bytes(self.flit_bytes, "little")


def test_memory_words():
    rig, random = Rig(), Random(2)
    words = {random.randrange(1 << 18): random.randrange(1 << 32) for _ in range(8)}
    script = [rig.write(a, d) for a, d in words.items()] + [rig.read(a) for a in words] + [rig.read(3)]
    assert rig.run(script) == [("w", 0)] * 8 + [("r", d) for d in words.values()] + [("r", 0)]
    assert rig.memory == words


@pytest.mark.parametrize("flit_bits", [5, 20, 33, 64])
def test_flits_in_and_out(flit_bits):
    rig, random = Rig(flit_bits), Random(3)
    flits = [0, (1 << flit_bits) - 1, *(random.randrange(1 << flit_bits) for _ in range(8))]
    messages = rig.run([rig.flit(f) for f in flits])
    assert rig.taken == flits
    assert [m for m in messages if m[0] == "i"] == [("i", 0)] * len(flits)
    assert [m for m in messages if m[0] == "o"] == [("o", f + 1 & (1 << flit_bits) - 1) for f in flits]


def test_answers_go_between_observed_flits():
    rig = Rig()
    rig.memory[7] = 0x12345678
    rig.waiting = list(range(100, 130))
    messages = rig.run([rig.read(7), 3000, rig.read(7)])
    assert [m for m in messages if m[0] == "o"] == [("o", f) for f in range(100, 130)]
    answers = [k for k, m in enumerate(messages) if m == ("r", 0x12345678)]
    assert len(answers) == 2 and 0 < answers[0] < answers[1] < len(messages) - 1


def test_commands_sent_ahead_wait_in_the_queue():
    # The bridge holds the first command itself.
    flits = list(range(9))
    sent = sum(len(Rig().flit(f)) for f in flits) * 10 * DIVIDER
    rig = Rig(take=lambda clock: clock > sent, queue_bytes=32)
    messages = rig.run([b"".join(rig.flit(f) for f in flits), 40 * DIVIDER])
    assert rig.taken == flits
    assert messages.count(("i", 0)) == len(flits)


def test_garbage_and_unfinished_commands_are_forgotten():
    rig = Rig(echo=False)
    garbage, cut_write, cut_flit = b"\x00\xff?w", rig.write(5, 6)[:6], b"I\x01"
    messages = rig.run(
        [garbage, rig.write(1, 2), cut_write, 2 * TIMEOUT, rig.read(1), cut_flit, 2 * TIMEOUT, rig.read(1)]
    )
    assert messages == [("w", 0), ("r", 2), ("r", 2)]
    assert rig.memory == {1: 2} and rig.taken == []


def test_a_pause_within_a_command_is_allowed():
    rig = Rig()
    command = rig.write(1, 2)
    assert rig.run([command[:5], TIMEOUT - 12 * DIVIDER, command[5:]]) == [("w", 0)]


def test_parameters():
    with pytest.raises(ValueError, match=r"^Flits must have 1\.\.64 bits, not 65$"):
        Bridge(flit_bits=65, address_bits=8, timeout_cycles=8)
    with pytest.raises(ValueError, match=r"^Addresses must have 1\.\.32 bits, not 0$"):
        Bridge(flit_bits=8, address_bits=0, timeout_cycles=8)
