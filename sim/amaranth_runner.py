"""The same jobs on Amaranth's own simulator: no compiler, no Verilog in between, about a hundred times slower."""

from collections import deque
from importlib import metadata
from itertools import islice
from pathlib import Path

import numpy as np
from amaranth.hdl import Value
from amaranth.sim import Simulator

from spikeloom.golden.network import Refusal
from spikeloom.hdl.accelerator import Accelerator
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import manifest
from spikeloom.hdl.mapping import map_network
from spikeloom.sim.job import ACTIVITIES, END, INTERVAL, INTERVALS, POLL, READ, RESET, RUN, WRITE, Answer, Job, Run

__all__ = ["run", "versions"]


def versions() -> dict[str, str]:
    return {"amaranth": metadata.version("amaranth")}


def run(design: Design, job: Job, *, waveform: Path | None = None) -> Answer:
    """Run one job on the components from which the folder's Verilog was written."""
    if waveform and waveform.suffix != ".vcd":
        raise Refusal(f"{waveform}: Amaranth's simulator writes only .vcd waveforms")
    configuration = Configuration.create(**design.manifest["configuration"])
    mapping = map_network(design.network, configuration)
    if manifest(mapping, mapping.parameters, configuration)["parameters"] != design.manifest["parameters"]:
        raise Refusal(f"{design.directory}: its hardware serves other networks too; use --simulator verilator")
    dut = Accelerator(mapping.parameters, images=_images(design))
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    bench = _Bench(dut, job)
    simulator.add_testbench(bench.run)
    if waveform:
        with simulator.write_vcd(str(waveform)):
            simulator.run()
    else:
        simulator.run()
    return bench.answer()


def _images(design: Design) -> dict[str, list[int]]:
    """What the folder's image files hold, so that this is a witness of them too."""
    images: dict[str, list[int]] = {}
    for memory in design.manifest["map"]["memories"]:
        words = [0] * memory["entries"]
        for file, low, _ in memory["images"]:
            parts = (design.directory / file).read_text("ascii").split()
            words = [word | int(part, 16) << low for word, part in zip(words, parts, strict=False)]
        if memory["images"] and not memory.get("loaded"):
            images[memory["name"].replace(".", "_")] = words
    return images


class _Core:
    """What one core did in a run."""

    def __init__(self) -> None:
        self.clocks = [0] * len(ACTIVITIES)
        self.spans = self.span = self.gap = 0

    def count(self, now: int) -> None:
        self.clocks[now] += 1
        if ACTIVITIES[now] == "rows":
            self.span += self.gap + 1
            self.gap = 0
        elif ACTIVITIES[now] == "step_end":
            self.spans += self.span
            self.span = self.gap = 0
        elif self.span:
            self.gap += 1

    @property
    def activity(self) -> tuple[int, ...]:
        return (*self.clocks, self.spans)


class _Links:
    """What the links carried in a run."""

    def __init__(self, count: int) -> None:
        self.totals = np.zeros((2, count), np.int64)
        self.lately = np.zeros(count, np.int64)
        self.intervals: list[tuple[int, ...]] = []
        self.clocks = 0

    def count(self, now: int) -> None:
        bits = np.array([now >> k & 1 for k in range(self.totals.size)]).reshape(self.totals.shape)
        self.totals += bits
        self.lately += bits[0]
        self.clocks += 1
        if self.clocks % INTERVAL == 0:
            if len(self.intervals) < INTERVALS:
                self.intervals.append(tuple(self.lately.tolist()))
            self.lately[:] = 0


class _Bench:
    """``bench.sv`` in Python, state for state."""

    def __init__(self, dut: Accelerator, job: Job) -> None:
        self.dut, self.job = dut, job
        self.generator = np.random.default_rng(job.seed)
        self.records: list[tuple[int, int]] = []
        self.reads: list[int] = []
        self.runs: list[Run] = []
        self.reason = ""
        self.clock = 0

    def answer(self) -> Answer:
        records = np.array(self.records, np.uint64).reshape(-1, 2)
        return Answer(
            reason=self.reason,
            clock=self.clock,
            runs=tuple(self.runs),
            flits=records[:, 0],
            clocks=records[:, 1],
            reads=np.array(self.reads, np.uint32),
        )

    def _stalled(self, stalled: bool, enter: int, leave: int) -> bool:
        draw = self.generator.integers(256) if enter else 256
        return bool(draw >= leave) if stalled else bool(draw < enter)

    async def run(self, ctx) -> None:
        dut, job, stalls = self.dut, self.job, self.job.stalls
        i_payload, o_payload = Value.cast(dut.i.payload), Value.cast(dut.o.payload)
        operations = iter([*job.operations.words, (END, 0, 0)])
        flits = iter(job.flits.tolist())
        state, kind, data, left = "fetch", END, 0, 0
        i_valid = o_ready = i_stalled = o_stalled = request = False
        held: int | None = None
        idle = flits_left = ticks_left = ended = 0
        counts: dict[str, int] = {}
        cores: list[_Core] = []
        links = _Links(0)
        traffic = [dut.traffic] if dut.p.links else []

        def end_run(reason: str) -> None:
            unsent = flits_left + (i_valid and not i_ready)
            deque(islice(flits, flits_left), maxlen=0)  # the next run has its own
            self.runs.append(
                Run(
                    reason=reason,
                    ended=ended,
                    last=len(self.records),
                    missing=ticks_left,
                    unsent=unsent,
                    activity=tuple(core.activity for core in cores),
                    links=tuple(map(tuple, links.totals.T.tolist())),
                    intervals=tuple(links.intervals),
                    **counts,
                )
            )

        while not self.reason:
            ctx.set(dut.i.valid, i_valid)
            ctx.set(dut.o.ready, o_ready)
            ctx.set(dut.port.request, request)
            _, _, i_ready, o_valid, payload, done, read_data, activity, *carried = await ctx.tick().sample(
                dut.i.ready, dut.o.valid, o_payload, dut.port.done, dut.port.read_data, dut.activity, *traffic
            )
            clock, self.clock = self.clock, self.clock + 1
            idle += 1
            i_stalled = self._stalled(i_stalled, stalls.i_enter, stalls.i_leave)
            o_stalled = self._stalled(o_stalled, stalls.o_enter, stalls.o_leave)
            if held is not None and not (o_valid and payload == held):
                self.reason = "protocol"
            elif done and not (state == "port" and request):
                self.reason = "port-done-without-request"
            elif state == "port" and idle > job.patience:
                self.reason = "port-hang"
            held = payload if o_valid and not o_ready else None
            if o_valid and o_ready:
                self.records.append((payload, clock))
                idle = 0
                if payload >> job.tick_lsb & 1 and ticks_left:
                    ended, ticks_left = clock, ticks_left - 1
                if len(self.records) > job.most:
                    self.reason = "flood"

            if state == "fetch":
                idle = 0
                kind, address, data = next(operations)
                if kind == END:
                    self.reason = self.reason or "done"
                elif kind == RUN:
                    flits_left, ticks_left, state = address, data, "run"
                    counts = {"started": 0, "first": len(self.records), "i_gaps": 0, "i_waits": 0, "o_waits": 0}
                    cores = [_Core() for _ in dut.p.engines]
                    links = _Links(len(dut.p.links))
                elif kind == RESET:
                    raise ValueError("Amaranth's simulator does not reset a design that runs")
                else:
                    ctx.set(dut.port.address, address)
                    ctx.set(dut.port.write, kind == WRITE)
                    ctx.set(dut.port.write_data, data)
                    request, state = True, "port"
            elif state == "port":
                if done and request:
                    request = False
                    if kind == READ:
                        self.reads.append(read_data)
                    if not (kind == POLL and read_data & data):
                        state = "fetch"
                else:
                    request = True
            elif state == "run":
                if counts["started"]:
                    for k, core in enumerate(cores):
                        core.count(activity >> 3 * k & 7)
                    for now in carried:
                        links.count(now)
                counts["i_waits"] += i_valid and not i_ready
                counts["o_waits"] += bool(o_valid and not o_ready)
                if i_valid and i_ready:
                    counts["started"] = counts["started"] or clock
                    idle = 0
                if not i_valid or i_ready:
                    i_valid = flits_left > 0 and not i_stalled
                    counts["i_gaps"] += flits_left > 0 and i_stalled
                    if i_valid:
                        ctx.set(i_payload, next(flits))
                        flits_left -= 1
                if not ticks_left:
                    state, left = "quiet", job.quiet
                elif idle > job.patience:
                    end_run("hang")
                    state, i_valid = "fetch", False
            else:
                i_valid = i_valid and not i_ready
                left -= 1
                if not left:
                    end_run("done")
                    state, i_valid = "fetch", False
            o_ready = not o_stalled
