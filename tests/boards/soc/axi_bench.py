"""The cocotb side of ``axi_bench.sv``: third-party bus models around one generated network."""

import logging
import os
from itertools import count
from random import Random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

from spikeloom.boards.soc.page import IDENTITY, PAGE, PAGE_WORDS
from spikeloom.golden import simulate as golden
from spikeloom.hdl.design import Design
from spikeloom.hdl.flits import decode, encode

DESIGN = Design(os.environ["AXI_DESIGN"])
SAMPLES = np.load(os.environ["AXI_SAMPLES"])
EXPECTED = golden.run(DESIGN.network, SAMPLES, record="all")
BASE = 1 << DESIGN.address_bits
NETWORK = 0xC0FFEE01
STATUS, CONTROL = DESIGN.registers["status"], DESIGN.registers["control"]
BUSY, FAULT, REFUSED = 1, 2, 4
logging.getLogger("cocotb.axi_bench").setLevel(logging.WARNING)  # the bus models say every access
#: Bits of the page's status and of its interrupt enable.
WAITING, ROOM, OFFERED, SEEN_FAULT, INTERRUPT = 1, 2, 4, 8, 16
ON_WAITING, ON_FAULT = 1, 2


def pauses(seed):
    """Bursts of clocks in which a bus model does nothing."""
    random = Random(seed)
    paused = False
    for _ in count():
        paused = random.random() < (0.7 if paused else 0.3)
        yield paused


class Host:
    """The bus models, and accesses by word address."""

    def __init__(self, dut, seed=None):
        self.dut = dut
        reset = {"reset": dut.aresetn, "reset_active_level": False}
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, **reset)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, **reset)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, **reset)
        read, write = self.lite.read_if, self.lite.write_if
        self.channels = [write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel]
        self.channels += [self.source, self.sink]
        if seed is not None:
            for k, channel in enumerate(self.channels):
                channel.set_pause_generator(pauses(7 * seed + k))
        self.bytes = len(dut.s_axis_tdata) // 8

    @classmethod
    async def start(cls, dut, seed=None):
        dut.network.value = NETWORK
        dut.aresetn.value = 0
        Clock(dut.aclk, 10, "ns").start()
        host = cls(dut, seed)
        await host.reset()
        return host

    async def reset(self):
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 4)
        self.source.clear()
        self.sink.clear()
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)

    async def read(self, address, response=AxiResp.OKAY):
        answer = await self.lite.read(4 * address, 4)
        assert answer.resp == response, f"read {address:#x}: {answer.resp!r}"
        return int.from_bytes(answer.data, "little")

    async def write(self, address, data, response=AxiResp.OKAY):
        answer = await self.lite.write(4 * address, data.to_bytes(4, "little"))
        assert answer.resp == response, f"write {address:#x}: {answer.resp!r}"

    async def get(self, name, **options):
        return await self.read(BASE + PAGE[name].address, **options)

    async def put(self, name, data, **options):
        await self.write(BASE + PAGE[name].address, data, **options)

    async def restart(self):
        await self.write(DESIGN.registers["steps"], SAMPLES.shape[1])
        await self.write(DESIGN.registers["observe"], sum(1 << source.id for source in DESIGN.observed))
        await self.write(CONTROL, 1)
        await self.idle()

    async def idle(self):
        while await self.read(STATUS) & BUSY:
            pass

    def frame(self, flits):
        return AxiStreamFrame(b"".join(int(flit).to_bytes(self.bytes, "little") for flit in flits))

    async def stream(self):
        """Run every sample through the streams; returns the flits that came."""
        flits = encode(DESIGN.flit, DESIGN.input, SAMPLES)
        for part in np.array_split(flits, 5):  # TLAST falls anywhere
            await self.source.send(self.frame(part))
        said = []
        for _ in range(SAMPLES.shape[0] * SAMPLES.shape[1] * len(DESIGN.observed)):
            data = bytes((await self.sink.recv()).tdata)
            words = [int.from_bytes(data[k : k + self.bytes], "little") for k in range(0, len(data), self.bytes)]
            ticks = [word >> DESIGN.flit.fields["tick"][0] & 1 for word in words]
            assert ticks == [0] * (len(words) - 1) + [1], "TLAST is on ticks, and on nothing else"
            said += words
        return said

    async def through_registers(self):
        """The same without the streams, by a CPU that looks before it acts."""
        left = [int(flit) for flit in encode(DESIGN.flit, DESIGN.input, SAMPLES)]
        ticks = SAMPLES.shape[0] * SAMPLES.shape[1] * len(DESIGN.observed)
        said = []
        while ticks:
            status = await self.get("page_status")
            if status & WAITING:
                said.append(await self.get("event_out"))
                ticks -= said[-1] >> DESIGN.flit.fields["tick"][0] & 1
            if status & ROOM and left:
                await self.put("event_in", left.pop(0))
        assert not left
        return said

    async def states(self):
        await self.idle()
        words = np.array([await self.read(address) for address in DESIGN.state_addresses()], np.uint32)
        assert not await self.read(STATUS) & (BUSY | FAULT | REFUSED)
        return DESIGN.states(words)

    def clean(self):
        for channel in "mrb":
            assert not int(getattr(self.dut, f"{channel}_violations").value), channel


def check(said):
    """Every event of every population at every step is golden's."""
    words = np.array(said, np.uint64)
    decoded = decode(DESIGN.flit, words, np.zeros(len(words), np.int64), DESIGN.observed, *SAMPLES.shape[:2])
    assert not decoded.problems, decoded.problems
    for name, events in EXPECTED.events.items():
        fired = np.count_nonzero(events)
        assert 0 < fired < events.size
        wrong = np.argwhere(decoded.events[name] != events)
        assert not len(wrong), f"population {name!r}: sample, step, neuron {wrong[0]}"


def check_states(states):
    for name, final in EXPECTED.final.items():
        for state, values in final.items():
            assert (states[name][state] == values[-1]).all(), (name, state)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def page(dut):
    """Every register of the page, what is not there, and what is refused without an effect."""
    host = await Host.start(dut, seed=1)
    version = 1 | DESIGN.flit.width << 8 | DESIGN.address_bits << 16
    values = {"identity": IDENTITY, "version": version, "hardware": DESIGN.hardware_id, "network": NETWORK}
    values |= {"page_control": 0, "page_status": 0, "interrupt_enable": 0, "event_out_high": 0}
    for name, value in values.items():
        assert await host.get(name) == value, name
        if PAGE[name].access == "r":
            await host.put(name, 0xFFFFFFFF, response=AxiResp.SLVERR)
            assert await host.get(name) == value
    await host.get("event_in", response=AxiResp.SLVERR)
    await host.put("event_in_high", 5)
    await host.get("event_out", response=AxiResp.SLVERR)
    await host.put("event_in", 5, response=AxiResp.SLVERR)  # the streams have the accelerator
    await host.put("page_control", 1)
    assert await host.get("page_status") == ROOM
    await host.get("event_out", response=AxiResp.SLVERR)
    await host.put("network", 0x12345678)
    await host.reset()
    assert await host.get("network") == 0x12345678 and await host.get("page_control") == 0
    await host.put("network", NETWORK)
    mapped = {BASE + register.address for register in PAGE.values()}
    unmapped = {*range(BASE, BASE + 2 * PAGE_WORDS)} - mapped
    for address in [*sorted(unmapped), 2 * BASE - 1]:
        assert await host.read(address, response=AxiResp.DECERR) == 0
        await host.write(address, 1, response=AxiResp.DECERR)
    used = {0}
    for memory in DESIGN.memories.values():  # each takes a power of two
        size = memory["stride"] << max(1, (memory["entries"] - 1).bit_length())
        used |= set(range(memory["base"], memory["base"] + size))
    holes = [address for address in range(8, BASE) if address not in used]
    assert holes
    for hole in (holes[0], holes[-1]):
        await host.write(hole, 0xFFFFFFFF)
        assert await host.read(hole) == 0
    host.clean()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def strobes(dut):
    """A write of less than a word is an error and changes nothing, in the page and in the accelerator."""
    host = await Host.start(dut)
    steps = DESIGN.registers["steps"]
    for address, before in ((steps, 0x1234), (BASE + PAGE["network"].address, 0x89ABCDEF)):
        await host.write(address, before)
        for offset, size in ((0, 1), (1, 1), (3, 1), (0, 2), (2, 2), (0, 3), (1, 3)):
            answer = await host.lite.write(4 * address + offset, b"\xff" * size)
            assert answer.resp == AxiResp.SLVERR
            assert await host.read(address) == before
    host.clean()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def order(dut):
    """Address and data of writes come in any order; reads and writes do not wait for one another's masters."""
    host = await Host.start(dut)
    write, read = host.lite.write_if, host.lite.read_if
    network = BASE + PAGE["network"].address
    for first in ("aw", "w"):
        for data in (0x1111, 0x2222):
            aw, w = write.aw_channel._transaction_obj(), write.w_channel._transaction_obj()
            aw.awaddr, aw.awprot, w.wdata, w.wstrb = 4 * network, 0, data, 15
            await (write.aw_channel.send(aw) if first == "aw" else write.w_channel.send(w))
            await ClockCycles(dut.aclk, 9)
            assert not dut.s_axi_bvalid.value
            # Half a write holds nothing up.
            assert await host.read(DESIGN.registers["identity"]) == 0x5350494B
            await (write.w_channel.send(w) if first == "aw" else write.aw_channel.send(aw))
            assert (await write.b_channel.recv()).bresp == AxiResp.OKAY
            assert await host.read(network) == data
    # Answers that nobody takes: of the others each is still there, and nothing is lost behind them.
    read.r_channel.pause = write.b_channel.pause = True
    reads = [host.lite.init_read(4 * network, 4) for _ in range(3)]
    writes = [host.lite.init_write(4 * network, k.to_bytes(4, "little")) for k in range(3)]
    await ClockCycles(dut.aclk, 50)
    assert int(dut.s_axi_bvalid.value) + int(dut.s_axi_rvalid.value) == 1
    read.r_channel.pause = write.b_channel.pause = False
    for event in (*reads, *writes):
        await event.wait()
        assert event.data.resp == AxiResp.OKAY
    assert await host.read(network) == 2
    # Both kinds at once take turns: a read waits for at most one of many writes.
    writes = [host.lite.init_write(4 * network, k.to_bytes(4, "little")) for k in range(20)]
    await ClockCycles(dut.aclk, 20)
    await host.read(network)
    assert not writes[-1].is_set()
    for event in writes:
        await event.wait()
    host.clean()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def latency(dut):
    """Clocks from the last of address and data to the answer."""
    host = await Host.start(dut)
    dut.s_axi_bready.value = dut.s_axi_rready.value = 1
    await host.idle()
    memory = next(m for m in DESIGN.memories.values() if m["words"] == 2)
    word, last = memory["base"], memory["base"] + 1
    before = {address: await host.read(address) for address in (word, last)}
    cases = [("read", BASE, 3), ("write", BASE + PAGE["network"].address, 3), ("read", STATUS, 8)]
    cases += [("write", DESIGN.registers["steps"], 8), ("read", last, 27), ("write", word, 7), ("write", last, 27)]

    async def measure(kind, address):
        valid, ready = (dut.s_axi_arvalid, dut.s_axi_rvalid) if kind == "read" else (dut.s_axi_wvalid, dut.s_axi_bvalid)
        task = cocotb.start_soon(host.read(address) if kind == "read" else host.write(address, before.get(address, 0)))
        while not (valid.value and (dut.s_axi_arready if kind == "read" else dut.s_axi_wready).value):
            await RisingEdge(dut.aclk)
        clocks = 0
        while not ready.value:
            await RisingEdge(dut.aclk)
            clocks += 1
        await task
        return clocks

    for kind, address, expected in cases:
        assert await measure(kind, address) == expected, (kind, address)
    await host.put("interrupt_enable", ON_FAULT)
    late = set()
    for pause in range(40):
        await ClockCycles(dut.aclk, 1 + pause)
        late.add(await measure("read", BASE) - 3)
    assert min(late) == 0 and max(late) == 5, late
    host.clean()


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(seed=[None, 2, 3])
async def streams(dut, seed):
    """Every event through the streams, and the final states through the registers."""
    host = await Host.start(dut, seed)
    await host.restart()
    check(await host.stream())
    check_states(await host.states())
    assert seed is None or min(int(getattr(dut, f"{c}_waits").value) for c in "mrb") > 10
    host.clean()


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(seed=[None, 4])
async def registers(dut, seed):
    """Every event through registers alone, although a DMA sends something else meanwhile."""
    host = await Host.start(dut, seed)
    await host.put("page_control", 1)
    await host.restart()
    await host.source.send(host.frame([1, 2, 3]))
    check(await host.through_registers())
    check_states(await host.states())
    assert host.sink.empty() and not int(dut.s_axis_tready.value)
    host.clean()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def memories(dut):
    """Loaded by the generated images; read, written and written back word by word."""
    host = await Host.start(dut, seed=5)
    await host.idle()
    for name, memory in DESIGN.memories.items():
        for entry, words in enumerate(DESIGN.contents(name)[:6]):
            address = memory["base"] + entry * memory["stride"]
            assert [await host.read(address + k) for k in range(len(words))] == words.tolist(), name
            for change in (0xFFFFFFFF, 0):
                for k, word in enumerate(words.tolist()):
                    await host.write(address + k, word ^ change)
                got = [await host.read(address + k) for k in range(len(words))]
                masks = [(1 << min(32, memory["width"] - 32 * k)) - 1 for k in range(len(words))]
                assert got == [(word ^ change) & mask for word, mask in zip(words.tolist(), masks, strict=True)], name
    await host.restart()
    check(await host.stream())
    host.clean()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def reset_in_the_middle(dut):
    """At any moment of a run, with accesses on their way; afterwards everything is as new, but for the memories."""
    host = await Host.start(dut, seed=6)
    await host.put("network", 7)
    for clocks in (37, 150, 411):
        await host.restart()
        for part in np.array_split(encode(DESIGN.flit, DESIGN.input, SAMPLES), 5):
            await host.source.send(host.frame(part))
        pending = [host.lite.init_read(4 * STATUS, 4), host.lite.init_write(4 * CONTROL + 4, b"1234")]
        await ClockCycles(dut.aclk, clocks)
        await host.reset()
        assert all(event.is_set() for event in pending)
        assert not int(dut.m_axis_tvalid.value) and not int(dut.interrupt.value)
    assert await host.get("network") == 7
    await host.restart()
    check(await host.stream())
    check_states(await host.states())
    host.clean()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def interrupts(dut):
    """High while a flit waits or the accelerator is at fault, each only where enabled."""
    host = await Host.start(dut, seed=7)
    await host.put("page_control", 1)
    await host.restart()
    silent = np.zeros((1, 2, SAMPLES.shape[2]), np.int64)
    ticks = [int(flit) for flit in encode(DESIGN.flit, DESIGN.input, silent)]
    await host.put("event_in", ticks[0])
    while not await host.get("page_status") & WAITING:
        pass
    assert not int(dut.interrupt.value), "masked"
    await host.put("interrupt_enable", ON_WAITING)
    assert await host.get("page_status") & INTERRUPT and int(dut.interrupt.value)
    while await host.get("page_status") & WAITING:
        assert int(dut.interrupt.value)
        await host.get("event_out")
        await ClockCycles(dut.aclk, 200)
    assert not int(dut.interrupt.value), "a level"
    await host.put("interrupt_enable", ON_FAULT)
    await host.put("event_in", ticks[0])  # out of sequence: 0 instead of 1
    while not await host.get("page_status") & INTERRUPT:
        pass
    assert await host.get("page_status") & SEEN_FAULT and await host.read(STATUS) & FAULT
    await host.put("interrupt_enable", ON_WAITING)
    assert not await host.get("page_status") & (INTERRUPT | SEEN_FAULT) and not int(dut.interrupt.value)
    await host.put("interrupt_enable", ON_FAULT)
    await ClockCycles(dut.aclk, 20)
    assert int(dut.interrupt.value)
    # While it looks for the fault, accesses and memories are as ever.
    await host.restart()
    assert not await host.get("page_status") & (INTERRUPT | SEEN_FAULT)
    assert await host.read(STATUS) == 0
    check(await host.through_registers())
    check_states(await host.states())
    host.clean()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def owners(dut):
    """A flit goes where from_bus said when it was given, and a restart does not take it back."""
    host = await Host.start(dut)
    silent = np.zeros((1, 1, SAMPLES.shape[2]), np.int64)
    [tick] = (int(flit) for flit in encode(DESIGN.flit, DESIGN.input, silent))
    host.sink.pause = True
    await host.restart()
    await host.source.send(host.frame([tick]))
    while not int(dut.m_axis_tvalid.value):
        await RisingEdge(dut.aclk)
    offered = int(dut.m_axis_tdata.value)
    await host.put("page_control", 1)
    await host.restart()
    assert await host.get("page_status") == OFFERED | ROOM
    assert int(dut.m_axis_tvalid.value) and int(dut.m_axis_tdata.value) == offered
    host.sink.pause = False
    assert bytes((await host.sink.recv()).tdata) == offered.to_bytes(host.bytes, "little")
    assert await host.get("page_status") == ROOM
    await host.put("event_in", tick)
    while not await host.get("page_status") & WAITING:
        pass
    await host.put("page_control", 0)  # the one that waits stays; the others go to the stream
    await ClockCycles(dut.aclk, 100)
    assert await host.get("page_status") == WAITING and host.sink.empty()
    flits = [await host.get("event_out")]
    for _ in DESIGN.observed[1:]:
        flits.append(int.from_bytes(bytes((await host.sink.recv()).tdata), "little"))
    assert sorted(DESIGN.flit.unpack(np.array(flits, np.uint64), "source")) == sorted(s.id for s in DESIGN.observed)
    host.clean()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def planted(dut):
    """Something is wrong between design and bench (``+fault``); it must show in the place that is asked for."""
    host = await Host.start(dut, seed=8)
    where = os.environ["AXI_FAULT"]
    for address, data in ((DESIGN.registers["steps"], SAMPLES.shape[1]), (CONTROL, 1)):
        await host.lite.write(4 * address, data.to_bytes(4, "little"))
    if where == "events":
        said = await host.stream()
        try:
            check(said)
        except AssertionError:
            host.clean()
            return
        raise AssertionError("the planted fault was not found")
    await host.source.send(host.frame(encode(DESIGN.flit, DESIGN.input, SAMPLES)))
    for _ in range(30):
        await host.lite.read(4 * STATUS, 4)
        await host.lite.write(4 * (BASE + PAGE["network"].address), b"1234")
    seen = {channel: int(getattr(dut, f"{channel}_violations").value) for channel in "mrb"}
    assert {channel for channel, number in seen.items() if number} == {where}, seen
