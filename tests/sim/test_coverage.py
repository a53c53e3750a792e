"""Coverage: what Verilator's file says, bins that look into a design, and faults of the checks themselves."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import small
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.sim import amaranth_runner
from spikeloom.sim.coverage.bins import Bin, machine
from spikeloom.sim.coverage.play import FAULTS, Play
from spikeloom.sim.coverage.points import Point, Tally, component
from spikeloom.sim.coverage.probes import modules, probes

VERILOG = r"""module accelerator(clk, rst);
  input clk;
  wire [3:0] \$1 ;
  reg [3:0] \x$7 ;
  reg [3:0] x;
  if (\$auto$verilog_backend.cc:1 ) begin end
  if (go) begin
endmodule

module \accelerator.core0.ring$3 (clk);
  reg [2:0] state;
  reg full;
  wire [1:0] \o.valid ;
  wire [1:0] \o$12.valid ;
endmodule
"""


def key(kind, place, what, line=1):
    fields = {"f": "a.v", "l": line, "n": 1, "t": kind, "page": f"v_{kind}/m", "o": what, "h": place}
    return "".join(f"\1{name}\2{value}" for name, value in fields.items())


def data(tmp_path, *counted):
    file = tmp_path / "coverage.dat"
    file.write_text("# SystemC::Coverage-3\n" + "".join(f"C '{k}' {count}\n" for k, count in counted))
    return file


def points(tmp_path, *runs):
    verilog = tmp_path / "a.v"
    verilog.write_text(VERILOG)
    tally = Tally()
    for counted in runs:
        tally.add(data(tmp_path, *counted))
    return tally.points({"": verilog}, "TOP.bench.dut", "d")


def test_what_counts(tmp_path):
    run = [
        (key("toggle", "TOP.bench.dut", "x[0]:0->1"), 1),
        (key("toggle", "TOP.bench.dut", "x__0247[0]:0->1"), 2),
        (key("toggle", "TOP.bench.dut", "__0241[0]:0->1"), 3),  # has no name
        (key("toggle", "TOP.bench.dut", "o__02evalid[0]:0->1"), 4),  # is a field of what is there
        (key("toggle", "TOP.bench.dut", "memory[3][0]:0->1"), 5),  # is no signal
        (key("toggle", "TOP.bench.dut.core0.unit1", "y:0->1"), 0),
        (key("toggle", "TOP.bench.dut.core1.unit0", "y:0->1"), 6),
        (key("toggle", "TOP.bench", "z:0->1"), 7),  # is not the design's
        (key("branch", "TOP.bench.dut", "if", 6), 8),  # is Yosys' own
        (key("branch", "TOP.bench.dut", "if", 7), 0),
        (key("user", "TOP.bench.coverage_of_all.bin0", "bin0"), 9),
    ]
    assert points(tmp_path, run, run) == Counter(
        {
            Point("toggle", "(top)", "x[0]:0->1"): 2,
            Point("toggle", "(top)", "x#1[0]:0->1"): 4,
            Point("toggle", "core.unit", "y:0->1"): 12,
            Point("line", "(top)", "d, line 7, if: if (go) begin"): 0,
            Point("bin", "", "bin0"): 18,
        }
    )


def test_another_executable_is_refused(tmp_path):
    one, other = [(key("toggle", "TOP.bench.dut", f"{name}:0->1"), 1) for name in "xy"]
    with pytest.raises(ValueError, match="of another executable than those before"):
        points(tmp_path, [one], [other])


@pytest.mark.parametrize(
    ("path", "kind"), [("core0.neuron_units.unit12", "core.neuron_units.unit"), ("a.ring$173", "a.ring"), ("", "")]
)
def test_components(path, kind):
    assert component(path) == kind


def test_signals_are_found():
    found = modules(VERILOG, "accelerator")
    assert found[""] == {"clk": 1, "$1": 4, "x$7": 4, "x": 4}
    assert found["core0.ring$3"] == {"state": 3, "full": 1, "o.valid": 2, "o$12.valid": 2}


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{state} == {state:w}", r"bench.dut.\core0 .\ring$3 .\state  == 3"),
        ("{full}[0]", r"bench.dut.\core0 .\ring$3 .\full "),
        ("{state}[{state:w}-1]", r"bench.dut.\core0 .\ring$3 .\state [3-1]"),
        ("{o#last.valid}", r"bench.dut.\core0 .\ring$3 .\o$12.valid "),
        ("{o.valid}", r"bench.dut.\core0 .\ring$3 .\o.valid "),
    ],
)
def test_references(when, expected):
    made = probes(
        [Bin(of=r"core\d+\.ring", name="n", about="a", when=when)], VERILOG, design="accelerator", bench="bench"
    )
    assert f"bin0: cover property (@(posedge clk) {expected});" in made.verilog
    assert made.places["bin0"][1] == "core0.ring"


def test_references_to_others():
    bins = [
        Bin(of="", name="down", about="a", when="{core0.ring/full}"),
        Bin(of="", name="second", about="a", when="{x#1} > {x}"),
        Bin(of="", name="third", about="a", when="{x#2}"),
        Bin(of=r"core0\.ring", name="nothing", about="a", when="{empty}"),
    ]
    made = probes(bins, VERILOG, design="accelerator", bench="bench")
    assert [bin_.name for bin_, _ in made.places.values()] == ["down", "second"]
    assert r"bench.dut.\x$7  > bench.dut.\x " in made.verilog


def test_machines():
    bins = machine("m", "door", "state", ("open", "shut"), "restart")
    assert [(b.name, b.when) for b in bins] == [
        ("door: open", "{state} == 0"),
        ("door: reset in open", "{restart} && {state} == 0"),
        ("door: shut", "{state} == 1"),
        ("door: reset in shut", "{restart} && {state} == 1"),
    ]


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A run, one that is interrupted, all faults and another run; what the design answered."""
    folder = tmp_path_factory.mktemp("played") / "design"
    generate(small.network(sizes=(3, 4, 2)), Configuration(lanes=2, units=1), folder)
    play = Play(Design(folder), seed=1, quiet=9)
    x = np.random.default_rng(1).random((2, 4, 3)) < 0.7
    play.whole(x, parts=2)
    play.interrupted(x[:1], ticks=1)
    for fault in FAULTS:
        play.faulty(fault, x[:1])
    play.whole(x, endless=False)
    play.finish()
    return play, amaranth_runner.run(play.design, play.job())


def test_a_play_is_compared(played):
    play, answer = played
    verdict = play.judge(answer)
    assert not verdict.problems
    assert verdict.events > 4 and verdict.states == 6 and verdict.words == 6


def test_what_differs_is_noticed(played):
    play, answer = played
    wrong = answer.flits.copy()
    wrong[np.flatnonzero(play.design.flit.unpack(wrong, "tick"))[-1]] ^= np.uint64(
        1 << play.design.flit.fields["sequence"][0]
    )
    for planted in (
        replace(answer, flits=wrong),
        replace(answer, reads=np.append(answer.reads[:-1], answer.reads[-1] ^ 1)),
        replace(answer, reads=answer.reads ^ 2),
        replace(answer, runs=(*answer.runs[:-1], replace(answer.runs[-1], reason="hang"))),
        replace(answer, reason="flood"),
    ):
        assert play.judge(planted).problems
