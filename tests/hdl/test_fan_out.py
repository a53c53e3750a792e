"""From lists of events to rows of synapses, against three plain loops, whoever else wants the ports."""

from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.sim import Simulator

from planted import plant
from small import scatter_core
from spikeloom.hdl import fan_out
from spikeloom.hdl.fan_out import FanOut
from spikeloom.hdl.layouts import Tables

PLACES, NEURONS, ENTRIES = 128, 120, 512
SIZES = {"step_rows": 40, "weight_bits": 4, "kernel_rows": 200, "synapses": 300, "places": PLACES, "fan_out": 7}


@dataclass
class Job:
    """A list of (neuron, value) that begins at an address, and the projection's descriptor."""

    descriptor: dict[str, int]
    address: int
    events: list[tuple[int, int]]


def pack(layout, values):
    assert values.keys() <= set(layout.members)
    return sum((value & (1 << layout[name].width) - 1) << layout[name].offset for name, value in values.items())


class Bench:
    """One generator, its places, and the lists that it reads."""

    def __init__(self, seed, lanes=4, value_bits=1, taps=3, idle_places=True):
        self.rng = rng = np.random.default_rng(seed)
        self.lanes, self.value_bits = lanes, value_bits
        self.p, memories = scatter_core(lanes, value_bits, NEURONS, ENTRIES, taps=taps, **SIZES)
        self.tables = Tables(self.p)
        self.places = [
            {
                "valid": int(rng.random() < 0.8 or not idle_places),
                "weights": int(rng.integers(200)),
                "row": int(rng.integers(7)),
                "across": int(rng.integers(taps)),
                "down": int(rng.integers(taps)),
            }
            for _ in range(PLACES)
        ]
        self.listed = [place | {"across": 0, "down": 0} for place in self.places]
        self.memories = memories
        self.list = [(0, 0)] * ENTRIES

    def job(self, count, **options):
        """A projection of any shape."""
        rng = self.rng
        listed, shared = bool(rng.random() < 0.3), bool(rng.random() < 0.5)
        shape = {"listed": listed, "shared": shared and not listed, "groups": 0 if listed else int(rng.integers(4))}
        shape["single"] = shape["shared"] and bool(rng.random() < 0.5)
        steps = ("weights_group", "weights_across", "weights_down", "row_across", "row_down")
        descriptor = {name: int(rng.integers(40)) for name in steps} | {"places": 0} | shape | options
        low, high = (1, 1) if self.value_bits == 1 else (-(1 << self.value_bits - 1), (1 << self.value_bits - 1) - 1)
        events = [(int(rng.integers(NEURONS)), int(rng.integers(low, high, endpoint=True))) for _ in range(count)]
        address = int(rng.integers(ENTRIES - count))
        self.list[address : address + count] = events
        return Job(descriptor=descriptor, address=address, events=events)

    def rows(self, job):
        """What the job's events become, row by row."""
        d = job.descriptor
        for neuron, value in job.events:
            place = (self.listed if d["listed"] else self.places)[
                d["places"] + (neuron // self.lanes if d["shared"] else neuron)
            ]
            if not place["valid"]:
                continue
            lane = neuron % self.lanes
            first = place["weights"] + (lane if d["shared"] and not d["single"] else 0)
            y_step, x_step, step = d["weights_down"], d["weights_across"], d["weights_group"]
            if d["listed"]:
                found = [(first + k * step, 0) for k in range(place["row"] + 1)]
            else:
                found = [
                    (
                        first + y * y_step + x * x_step + group * step,
                        place["row"] + y * d["row_down"] + x * d["row_across"] + group,
                    )
                    for y in range(place["down"] + 1)
                    for x in range(place["across"] + 1)
                    for group in range(d["groups"] + 1)
                ]
            weights_size, row_size = (1 << self.tables.fan_out[name].width for name in ("weights_down", "row_down"))
            for weights, row in found:
                yield weights % weights_size, row % row_size, lane, value

    def run(self, jobs, hold=0.0, granted=1.0):
        """The rows of each job, and the clocks in which each came, those held not counted."""
        by_job = []
        (listed,) = {job.descriptor["listed"] for job in jobs}
        image = [pack(self.tables.place, place) for place in (self.listed if listed else self.places)]
        dut = FanOut(self.p, self.memories({"core0_places": image}))
        rng = self.rng

        async def bench(ctx):
            clock, entry = 0, (0, 0)
            for job in jobs:
                rows, clocks = [], []
                ctx.set(dut.projection, job.descriptor)
                started, quiet = 0, 0
                while quiet < 25:
                    ctx.set(dut.start, not started)
                    ctx.set(dut.address, job.address)
                    ctx.set(dut.left, len(job.events) - 1)
                    held = bool(rng.random() < hold)
                    ctx.set(dut.hold, held)
                    port = bool(rng.random() < granted)
                    ctx.set(dut.granted, port)
                    ctx.set(dut.entry.index, entry[0])
                    if self.value_bits > 1:
                        ctx.set(dut.entry.value, entry[1])
                    read, address = ctx.get(dut.read), ctx.get(dut.list_address)
                    assert not (read and not port), "the port is somebody else's"
                    busy = ctx.get(dut.busy)
                    if ctx.get(dut.valid):
                        assert not held and busy
                        row = ctx.get(dut.row)
                        lane, value = row["lane"], row["value"] if self.value_bits > 1 else 1
                        rows.append((row["weights"], row["row"], lane, value))
                        clocks.append(clock)
                    # Once it is not busy, nothing may come any more.
                    assert not (quiet and busy) or started < 2
                    quiet = quiet + 1 if started > 1 and not busy else 0
                    await ctx.tick()
                    assert not read or job.address <= address < job.address + len(job.events), "it reads its list alone"
                    entry = self.list[address] if read else (0, 0)
                    started += 1
                    clock += not held
                    assert started < 50 * (len(job.events) + 20) / max(0.05, granted * (1 - hold))
                by_job.append((rows, clocks))

        simulator = Simulator(dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()
        return by_job

    def check(self, count=3, events=30, **options):
        listed = bool(self.rng.random() < 0.3)
        jobs = []
        while len(jobs) < count:
            job = self.job(int(self.rng.integers(events)))
            if job.descriptor["listed"] == listed:
                jobs.append(job)
        # Lists that overlap hold what was written last.
        for job in jobs:
            job.events = self.list[job.address : job.address + len(job.events)]
        found = self.run(jobs, **options)
        for job, (rows, _) in zip(jobs, found, strict=True):
            assert rows == list(self.rows(job))
        return jobs, found


@pytest.mark.parametrize(("lanes", "value_bits", "taps"), [(1, 1, 1), (4, 1, 3), (4, 4, 2), (8, 3, 3)])
def test_it_equals_plain_loops(lanes, value_bits, taps):
    rows, kinds = 0, set()
    for seed in range(8):
        bench = Bench(seed, lanes, value_bits, taps)
        hold, granted = bench.rng.choice([0.0, 0.3, 0.7]), bench.rng.choice([1.0, 0.5, 0.1])
        jobs, found = bench.check(hold=hold, granted=granted)
        rows += sum(len(each) for each, _ in found)
        for job in jobs:
            kinds.add(tuple(job.descriptor[name] for name in ("listed", "shared", "single")))
    assert rows > 300
    assert kinds >= {(1, 0, 0), (0, 0, 0), (0, 1, 0), (0, 1, 1)}


@pytest.mark.parametrize("hold", [0.0, 0.5])
@pytest.mark.parametrize("shape", ["one row", "rows", "list"])
def test_no_gap_between_rows(shape, hold):
    """One per clock that is not held, also where every event has one row alone."""
    bench = Bench(1, taps=1 if shape == "one row" else 3, idle_places=False)
    listed, groups = shape == "list", 0 if shape == "one row" else 1
    job = bench.job(100, listed=listed, shared=False, single=False, groups=groups)
    ((rows, clocks),) = bench.run([job], hold=hold)
    assert rows == list(bench.rows(job)) and (len(rows) == 100) == (shape == "one row")
    assert clocks == list(range(clocks[0], clocks[0] + len(rows)))


def more_than_there_is_room_for(m, dut, signals):
    m.d.sync += signals["roomy"].eq(1)


def what_is_held_comes(m, dut, signals):
    m.d.comb += dut.valid.eq(~dut.starved)


def the_port_is_taken_unasked(m, dut, signals):
    m.d.comb += dut.read.eq(~signals["left"][-1] & signals["roomy"])


def later_lines_have_one_tap(m, dut, signals):
    m.d.sync += signals["width"].eq(0)


@pytest.mark.parametrize(
    "fault",
    [more_than_there_is_room_for, what_is_held_comes, the_port_is_taken_unasked, later_lines_have_one_tap],
)
def test_a_fault_is_noticed(fault, monkeypatch):
    plant(monkeypatch, fan_out, "FanOut", fault)
    bench = Bench(3, idle_places=False)
    job = bench.job(40, listed=False, shared=False, single=False, groups=2)
    with pytest.raises(AssertionError):
        ((rows, _),) = bench.run([job], hold=0.3, granted=0.5 if fault is the_port_is_taken_unasked else 1.0)
        assert rows == list(bench.rows(job))
