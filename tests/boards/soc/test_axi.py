# amaranth: UnusedElaboratable=no
"""The accelerator behind AXI, with third-party bus models; flits of every width without them."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np
import pytest
from amaranth.sim import Simulator
from cocotb_tools.check_results import get_results

import small
from spikeloom.boards.soc.axi import AxiHost, AxiParameters, axi_verilog
from spikeloom.boards.soc.page import PAGE, PAGE_WORDS
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.sim import verilator

HERE = Path(__file__).parent
#: Tests in axi_bench.py that run without a planted fault.
TESTS = 13
FAULTS = {1: "m", 2: "m", 3: "r", 4: "r", 5: "b", 6: "b", 7: "events"}
RIGHT = {"flit_bits": 20, "tick_bit": 2, "address_bits": 12, "hardware": 1}


@pytest.fixture(scope="module")
def design(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("axi") / "design"
    generate(small.network(sizes=(12, 21, 10), weight_bits=5), Configuration(lanes=4, units=2), folder)
    return folder


@pytest.fixture(scope="module")
def bench(design, tmp_path_factory) -> Path:
    """The executable, from the cache or built into it."""
    manifest = Design(design).manifest
    wrapper = tmp_path_factory.mktemp("wrapper") / "accelerator_axi.v"
    wrapper.write_text(axi_verilog(manifest))
    sources = [HERE / "axi_bench.sv", wrapper, design / "accelerator.v"]
    p = AxiParameters.of(manifest)
    parameters = {"DATA_BITS": p.tdata_bits, "ADDRESS_BITS": p.bus_address_bits}
    found = verilator.tools()
    everything = {**found, "flags": verilator.FLAGS, "parameters": parameters, "sources": [_sha256(s) for s in sources]}

    def build(work: Path) -> None:
        path = f"{found['root']}/bin{os.pathsep}{os.environ.get('PATH', '')}"
        with verilator._environment(PATH=path, VERILATOR_ROOT=found["root"], MAKEFLAGS=verilator.MAKEFLAGS):
            verilator._runner().build(
                sources=sources,
                hdl_toplevel="axi_bench",
                parameters=parameters,
                build_dir=work,
                build_args=[*verilator.FLAGS],
                log_file=work.with_suffix(".log"),
            )
        (work / "axi_bench").rename(work / "bench")

    return verilator._cached(everything, build)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def run(bench, design, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(HERE)  # cocotb's runner passes it on

    def simulate(*, plusargs=(), fault="", **options) -> tuple[tuple[int, int], str]:
        """(tests that ran, those that failed), and the log."""
        for image in design.glob("*.mem"):
            (tmp_path / image.name).write_bytes(image.read_bytes())
        samples = (np.random.default_rng(3).random((2, 12, 12)) < 0.4).astype(np.int64)
        np.save(tmp_path / "samples.npy", samples)
        environment = {"AXI_DESIGN": str(design), "AXI_SAMPLES": str(tmp_path / "samples.npy"), "AXI_FAULT": fault}
        environment["COCOTB_ANSI_OUTPUT"] = "0"
        (tmp_path / "axi_bench").symlink_to(bench)
        results = tmp_path / "results.xml"
        with suppress(SystemExit, RuntimeError):  # it ends so if a test fails, and if there is none
            verilator._runner().test(
                test_module="axi_bench",
                hdl_toplevel="axi_bench",
                hdl_toplevel_lang="verilog",
                build_dir=tmp_path,
                test_dir=tmp_path,
                results_xml=str(results),
                seed=1,
                plusargs=["+verilator+rand+reset+2", "+verilator+seed+5", *plusargs],
                extra_env=environment,
                log_file=tmp_path / "simulation.log",
                **options,
            )
        ran = get_results(results) if results.exists() else (0, 0)
        return ran, (tmp_path / "simulation.log").read_text(errors="replace")

    return simulate


def test_bus_models(run):
    ran, log = run(test_filter="^(?!.*planted)")
    assert ran == (TESTS, 0), log[-4000:]


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(run, fault):
    ran, log = run(plusargs=[f"+fault={fault}"], fault=FAULTS[fault], test_filter="planted")
    assert ran == (1, 0), log[-4000:]


def test_no_fault_no_finding(run):
    """The check of the checker: without a fault it says so."""
    ran, log = run(fault="m", test_filter="planted")
    assert ran == (1, 1) and "{'m': 0, 'r': 0, 'b': 0}" in log


class Rig:
    """An :class:`AxiHost` between a bus and a stand-in for the accelerator: a memory, and flits that come back."""

    def __init__(self, **options):
        self.host = AxiHost(AxiParameters(**RIGHT | options))
        self.memory = {}

    def run(self, script):
        simulator = Simulator(self.host)
        simulator.add_clock(1e-6)

        async def main(ctx):
            ctx.set(self.host.network, 77)
            await ctx.tick()
            await script(self, ctx)
            self.ended = True

        self.ended = False
        simulator.add_testbench(main)
        simulator.add_testbench(self._port, background=True)
        simulator.add_testbench(self._echo, background=True)
        simulator.run()
        assert self.ended

    async def _port(self, ctx):
        port, done = self.host.port, 0
        async for *_, request, address, write, data in ctx.tick().sample(
            port.request, port.address, port.write, port.write_data
        ):
            done = request and not done
            if done and write:
                self.memory[address] = data
            ctx.set(port.done, done)
            ctx.set(port.read_data, self.memory.get(address, 0) if done else 0xDEADBEEF)

    async def _echo(self, ctx):
        """One flit at a time, all of its bits turned over."""
        to, back, held = self.host.o_flits, self.host.i_flits, None
        mask = (1 << self.host.p.flit_bits) - 1
        ctx.set(to.ready, 1)
        async for *_, taken, flit, given in ctx.tick().sample(to.valid & to.ready, to.payload, back.valid & back.ready):
            held = flit if taken else None if given else held
            ctx.set(to.ready, held is None)
            ctx.set(back.valid, held is not None)
            ctx.set(back.payload, (held or 0) ^ mask)

    async def write(self, ctx, address, data):
        h = self.host
        for signal, value in ((h.s_axi_awaddr, 4 * address), (h.s_axi_wdata, data), (h.s_axi_wstrb, 15)):
            ctx.set(signal, value)
        ctx.set(h.s_axi_awvalid, 1)
        ctx.set(h.s_axi_wvalid, 1)
        await ctx.tick().until(h.s_axi_awready & h.s_axi_wready)
        ctx.set(h.s_axi_awvalid, 0)
        ctx.set(h.s_axi_wvalid, 0)
        ctx.set(h.s_axi_bready, 1)
        [response] = await ctx.tick().sample(h.s_axi_bresp).until(h.s_axi_bvalid)
        ctx.set(h.s_axi_bready, 0)
        return response

    async def read(self, ctx, address):
        h = self.host
        ctx.set(h.s_axi_araddr, 4 * address)
        ctx.set(h.s_axi_arvalid, 1)
        await ctx.tick().until(h.s_axi_arready)
        ctx.set(h.s_axi_arvalid, 0)
        ctx.set(h.s_axi_rready, 1)
        answer = await ctx.tick().sample(h.s_axi_rresp, h.s_axi_rdata).until(h.s_axi_rvalid)
        ctx.set(h.s_axi_rready, 0)
        return answer


@pytest.mark.parametrize("flit_bits", [1, 31, 32, 33, 64])
@pytest.mark.parametrize("address_bits", [4, 29])
def test_flits_of_every_width_through_registers(flit_bits, address_bits):
    base, mask, random = 1 << address_bits, (1 << flit_bits) - 1, Random(flit_bits)
    flits = [0, mask, *(random.randrange(1 << flit_bits) for _ in range(6))]
    back = []

    async def script(rig, ctx):
        async def page(name):
            response, value = await rig.read(ctx, base + PAGE[name].address)
            assert response == 0
            return value

        assert await rig.read(ctx, base + PAGE_WORDS - 1) == (3, 0)
        assert await page("network") == 77
        assert await rig.write(ctx, base - 1, 0x12345678) == 0 and rig.memory == {base - 1: 0x12345678}
        assert await rig.read(ctx, base - 1) == (0, 0x12345678)
        assert await rig.write(ctx, base + PAGE["page_control"].address, 1) == 0
        for flit in flits:
            assert await rig.write(ctx, base + PAGE["event_in_high"].address, flit >> 32) == 0
            assert await rig.write(ctx, base + PAGE["event_in"].address, flit & 0xFFFFFFFF) == 0
            while not await page("page_status") & 1:
                pass
            high = await page("event_out_high")
            assert await page("event_out_high") == high
            back.append(high << 32 | await page("event_out"))
            assert await rig.read(ctx, base + PAGE["event_out"].address) == (2, 0)
        # No room: the stand-in holds one flit, the register another, and nobody takes them.
        said = [await rig.write(ctx, base + PAGE["event_in"].address, k & mask) for k in range(4)]
        assert said[0] == 0 and said[-1] == 2 and said == sorted(said)

    Rig(flit_bits=flit_bits, tick_bit=0, address_bits=address_bits).run(script)
    assert back == [flit ^ mask for flit in flits]


def test_the_page_has_its_place():
    assert len({register.address for register in PAGE.values()}) == len(PAGE)
    assert max(register.address for register in PAGE.values()) < PAGE_WORDS
    for register in PAGE.values():
        bits = [bit for field in register.fields for bit in range(field.low, field.low + field.bits)]
        assert len(set(bits)) == len(bits) and all(bit < 32 for bit in bits)


def test_the_text_depends_on_the_hardware_alone(design):
    manifest = Design(design).manifest
    text = axi_verilog(manifest)
    assert text == axi_verilog(manifest) == axi_verilog({**manifest, "network": "0" * 64, "tools": {}})
    assert "Amaranth" not in text and "Yosys" not in text and str(design) not in text
    for port in ("input aclk;", "input aresetn;", "output interrupt;", "output [15:0] m_axis_tdata;"):
        assert f"  {port}\n" in text
    assert "posedge aclk" in text and "accelerator accelerator (" in text


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        ({"flit_bits": 65}, ValueError, "Flits must have 1..64 bits, not 65"),
        ({"flit_bits": 0}, ValueError, "Flits must have 1..64 bits, not 0"),
        ({"tick_bit": 20}, ValueError, "The tick must be in bits 0..19 of a flit, not in 20"),
        ({"address_bits": 3}, ValueError, "Addresses must have 4..29 bits, not 3"),
        ({"address_bits": 30}, ValueError, "Addresses must have 4..29 bits, not 30"),
        ({"hardware": 1 << 32}, ValueError, "The hardware's hash must have 32 bits, not 0x100000000"),
        ({"flit_bits": 8.0}, TypeError, "flit_bits must be an integer, not 8.0"),
        ({"tick_bit": True}, TypeError, "tick_bit must be an integer, not True"),
    ],
)
def test_parameters(wrong, error, text):
    with pytest.raises(error) as raised:
        AxiParameters(**RIGHT | wrong)
    assert str(raised.value) == text
