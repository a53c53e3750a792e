"""The netlist after synthesis, with and without the pass that moves registers, does what golden says.

Beneath it: the models of block RAM and multiplier do what the Verilog does that they were synthesised from.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import small
from compared import compared
from spikeloom.boards.own_registers import absorb
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.sim import netlist
from spikeloom.sim.equivalence import verify
from synthesis import synthesise

#: More than 17 bits of state: the decay takes two multipliers.
NEURON = small.neuron(bits=20, guard=6, keep=231, threshold=1500, subtract=1500)
NETWORK = small.network(sizes=(70, 30), weight_bits=4, neurons=[NEURON])


pytestmark = pytest.mark.usefixtures("quick_compiler")


@pytest.fixture(scope="module")
def design(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("netlist") / "design"
    generate(NETWORK, Configuration(lanes=2, units=1), folder)
    return folder


@pytest.fixture(scope="module")
def synthesised(design) -> str:
    return synthesise(design / "accelerator.v", "accelerator", "ecp5")


@pytest.fixture(scope="module")
def spikes() -> np.ndarray:
    return (np.random.default_rng(3).random((4, 12, 70)) < 0.2).astype(np.int64)


def cells(text: str, kind: str, top: str = "accelerator") -> dict[str, dict]:
    return {name: cell for name, cell in json.loads(text)["modules"][top]["cells"].items() if cell["type"] == kind}


def widths(cell: dict) -> tuple[int, int]:
    return int(cell["parameters"]["DATA_WIDTH_A"], 2), int(cell["parameters"]["DATA_WIDTH_B"], 2)


def checked(design: Path, text: str, spikes: np.ndarray, folder: Path):
    netlist.netlist_folder(design, text, "ecp5", folder / "netlist")
    return verify(folder / "netlist", spikes, stalls=True, seed=3, bulk=True, output=folder / "mismatch")


def test_the_netlist_does_what_golden_says(design, synthesised, spikes, tmp_path):
    memories = cells(synthesised, "DP16KD")
    assert {widths(cell) for cell in memories.values()} == {(9, 9), (36, 36)}
    report = checked(design, synthesised, spikes, tmp_path)
    assert report.ok, report.verdict
    assert report.cells == 4 * 12 * 30 and report.states == 30 and 0.2 < report.fired["layer1"] < 1
    assert report.stalls["i_gaps"] and report.stalls["o_waits"]


def test_the_netlist_with_moved_registers_does_what_golden_says(design, synthesised, spikes, tmp_path):
    text, moved = absorb(synthesised, "accelerator")
    assert moved == {"DP16KD": len(cells(synthesised, "DP16KD")), "MULT18X18D": 2} and moved["DP16KD"] >= 5
    assert {cell["parameters"]["REGMODE_B"] for cell in cells(text, "DP16KD").values()} == {"OUTREG"}
    gone = len(cells(synthesised, "TRELLIS_FF")) - len(cells(text, "TRELLIS_FF"))
    assert gone > 100
    report = checked(design, text, spikes, tmp_path)
    assert report.ok, report.verdict
    assert report.cells == 4 * 12 * 30 and report.states == 30


def a_register_too_many(cell: dict) -> None:
    """The word comes from the memory's register, and goes through its flip-flops as before."""
    cell["parameters"] |= {"REGMODE_A": "OUTREG", "REGMODE_B": "OUTREG"}


def a_flipped_bit(cell: dict) -> None:
    """The sign of the first weight."""
    word = cell["parameters"]["INITVAL_00"]
    cell["parameters"]["INITVAL_00"] = word[:-4] + str(1 - int(word[-4])) + word[-3:]


@pytest.mark.parametrize("plant", [a_register_too_many, a_flipped_bit])
def test_a_fault_in_the_netlist_is_found(design, synthesised, spikes, tmp_path, plant):
    document = json.loads(synthesised)
    weights = document["modules"]["accelerator"]["cells"]["core0.lanes.weights0.core0_weights0.0.0"]
    plant(weights)
    report = checked(design, json.dumps(document), spikes, tmp_path)
    assert spikes[:, :, 0].any() and not report.ok
    assert report.differences > 0 and report.mismatch.population == "layer1"
    assert report.verdict == f"The ecp5 netlist differs from golden: {report.mismatch.text}"
    with np.load(report.reproducer / "sample.npz") as sample:
        again = verify(report.reproducer, sample["x"], stalls=True, seed=3, bulk=True, output=tmp_path / "again")
    assert again.level == "netlist" and again.differences > 0
    with pytest.raises(Refusal, match="A netlist is simulated in Verilator; leave out --simulator amaranth"):
        verify(report.reproducer, spikes, simulator="amaranth")


CLOCK, OTHER = 2, 3


def flip_flop(caught: int, driven: int, parameters: dict | None = None, **pins: int) -> dict:
    plain = {"CEMUX": "1 ", "CLKMUX": "CLK", "GSR": "DISABLED", "LSRMUX": "LSR", "REGSET": "RESET"}
    pins = {"CLK": CLOCK, "LSR": "0", "DI": caught, "Q": driven} | pins
    return cell("TRELLIS_FF", plain | (parameters or {}), pins)


def memory(outputs: dict[str, int], width: int = 9, parameters: dict | None = None, **pins: int) -> dict:
    plain = {"CLKAMUX": "CLKA", "CLKBMUX": "CLKB", "REGMODE_A": "NOREG", "REGMODE_B": "NOREG"}
    plain |= {f"DATA_WIDTH_{side}": f"{width:032b}" for side in "AB"}
    ties = {f"{pin}{side}": bit for side in "AB" for pin, bit in (("CLK", CLOCK), ("CE", "1"), ("RST", "0"))}
    return cell("DP16KD", plain | (parameters or {}), ties | pins | outputs)


def multiplier(**pins: int) -> dict:
    return cell("MULT18X18D", {}, {"SIGNEDA": "0", "SIGNEDB": "0", "A17": "0", **pins})


def cell(kind: str, parameters: dict, pins: dict) -> dict:
    directions = {pin: "output" if pin[0] in "QPZ" or pin[:2] == "DO" else "input" for pin in pins}
    connections = {pin: [bit] for pin, bit in pins.items()}
    return {"type": kind, "parameters": parameters, "port_directions": directions, "connections": connections}


def absorbed(outside: list[int], **cells: dict) -> tuple[dict[str, int], dict[str, dict], bool]:
    """How many registers moved, the cells, and whether they are as before."""
    before = json.dumps({"modules": {"top": {"ports": {"o": {"bits": outside}}, "cells": cells}}})
    text, numbers = absorb(before, "top")
    return numbers, json.loads(text)["modules"]["top"]["cells"], json.loads(text) == json.loads(before)


def test_the_flip_flops_behind_a_memory_become_its_register():
    numbers, cells, _ = absorbed([20, 21], m=memory({"DOB0": 10, "DOB1": 11}), f=flip_flop(10, 20), g=flip_flop(11, 21))
    assert numbers == {"DP16KD": 1} and cells.keys() == {"m"}
    assert cells["m"]["connections"]["DOB0"] == [20] and cells["m"]["connections"]["DOB1"] == [21]
    parameters = cells["m"]["parameters"]
    assert (parameters["REGMODE_A"], parameters["REGMODE_B"]) == ("NOREG", "OUTREG")
    assert cells["m"]["connections"]["OCEB"] == ["1"]


def test_the_widest_word_has_both_registers_even_if_half_of_it_is_read():
    numbers, cells, _ = absorbed([20], m=memory({"DOA0": 10, "DOB0": 11}, width=36), f=flip_flop(10, 20))
    assert numbers == {"DP16KD": 1} and cells.keys() == {"m"}
    assert cells["m"]["parameters"]["REGMODE_A"] == cells["m"]["parameters"]["REGMODE_B"] == "OUTREG"


#: A flip-flop behind a memory or a multiplier, or before the latter, that does more than to catch a net.
BUSY = {
    "reset": {"LSR": 5},
    "clock enable": {"parameters": {"CEMUX": "CE"}, "CE": 5},
    "preset": {"parameters": {"REGSET": "SET"}},
    "falling edge": {"parameters": {"CLKMUX": "INV"}},
    "another clock": {"CLK": OTHER},
}


@pytest.mark.parametrize("what", BUSY)
def test_a_flip_flop_that_does_more_stays(what):
    busy = BUSY[what]
    behind = {"f": flip_flop(10, 20), "g": flip_flop(11, 21, **busy)}
    assert absorbed([20, 21], m=memory({"DOB0": 10, "DOB1": 11}), **behind)[::2] == ({"DP16KD": 0}, True)
    before = {"a": flip_flop(30, 40), "b": flip_flop(31, 41)}
    product = multiplier(A0=40, B0=41, P0=10, P1=11)
    assert absorbed([20, 21], p=product, **before, **behind)[::2] == ({"MULT18X18D": 0}, True)
    behind["g"], before["b"] = flip_flop(11, 21), flip_flop(31, 41, **busy)
    assert absorbed([20, 21], p=product, **before, **behind)[::2] == ({"MULT18X18D": 0}, True)


@pytest.mark.parametrize(
    "pins",
    [{"CLKB": OTHER}, {"CEB": 5}, {"RSTB": 5}, {"parameters": {"CLKBMUX": "INV"}}, {"width": 36, "CLKA": OTHER}],
    ids=str,
)
def test_a_memory_with_other_control_stays(pins):
    assert absorbed([20], m=memory({"DOB0": 10}, **pins), f=flip_flop(10, 20))[::2] == ({"DP16KD": 0}, True)


@pytest.mark.parametrize("outside, reader", [([20, 10], {}), ([20], {"A": 10})], ids=["port", "logic"])
def test_a_net_with_a_second_reader_stays(outside, reader):
    logic = cell("LUT4", {}, {"Z": 50, **reader})
    assert absorbed(outside, m=memory({"DOB0": 10}), f=flip_flop(10, 20), l=logic)[::2] == ({"DP16KD": 0}, True)
    around = {"p": multiplier(A0=40, P0=10), "a": flip_flop(30, 40), "f": flip_flop(10, 20), "l": logic}
    assert absorbed(outside, **around)[::2] == ({"MULT18X18D": 0}, True)


def test_a_net_that_no_flip_flop_catches_stays():
    logic = cell("LUT4", {}, {"A": 10, "Z": 50})
    assert absorbed([50], m=memory({"DOB0": 10}), l=logic)[::2] == ({"DP16KD": 0}, True)
    assert absorbed([50], p=multiplier(A0=40, P0=10), a=flip_flop(30, 40), l=logic)[::2] == ({"MULT18X18D": 0}, True)


def test_multipliers_share_the_flip_flops_before_them():
    """One that others read as well stays for them; one that a sign is made of comes to several pins."""
    first, second = multiplier(A0=40, B0=41, B1=41, P0=10), multiplier(A0=40, B0=42, P0=11)
    flip_flops = {"a": flip_flop(30, 40), "b": flip_flop(31, 41), "c": flip_flop(32, 42)}
    behind = {"f": flip_flop(10, 20), "g": flip_flop(11, 21)}
    numbers, cells, _ = absorbed([20, 21, 42], p=first, q=second, **flip_flops, **behind)
    assert numbers == {"MULT18X18D": 2} and cells.keys() == {"p", "q", "c"}
    pins = {pin: cells["p"]["connections"][pin] for pin in ("A0", "A17", "B0", "B1", "P0", "CLK0", "CE0", "RST0")}
    assert pins == {
        "A0": [30], "A17": ["0"], "B0": [31], "B1": [31], "P0": [20], "CLK0": [CLOCK], "CE0": ["1"], "RST0": ["0"]
    }  # fmt: skip
    assert cells["q"]["connections"]["B0"] == [32] and cells["q"]["parameters"]["REG_INPUTB_CLK"] == "CLK0"


@pytest.mark.parametrize("turn", [1, -1])
def test_a_flip_flop_between_two_cells_moves_once(turn):
    around = {"m": memory({"DOB0": 10, "DOB1": 12}), "p": multiplier(A0=40, P0=11)}
    flip_flops = {"a": flip_flop(10, 40), "f": flip_flop(11, 20), "g": flip_flop(12, 21)}
    numbers, cells, _ = absorbed([20, 21], **dict(list(around.items())[::turn]), **flip_flops)
    first = turn == 1
    assert numbers == {"DP16KD": first, "MULT18X18D": not first}
    assert cells.keys() == ({"m", "p", "f"} if first else {"m", "p", "g"})


def test_both_sides_of_a_memory_have_one_clock():
    behind = {"f": flip_flop(10, 20, CLK=OTHER), "g": flip_flop(11, 21)}
    assert absorbed([20, 21], m=memory({"DOA0": 10, "DOB0": 11}, CLKB=OTHER), **behind)[::2] == ({"DP16KD": 0}, True)


def test_a_product_that_is_its_own_operand_stays():
    assert absorbed([20], p=multiplier(A0=20, P0=10), f=flip_flop(10, 20))[::2] == ({"MULT18X18D": 0}, True)


#: Every width of block RAM, with the address bits that fill one.
SHAPES = {1: 14, 2: 13, 4: 12, 9: 11, 18: 10, 36: 9}
#: What a port that writes reads in the same clock.
READ_WRITE = {
    "reads_old": "if (we_2) reads_old[ra[10:0]] <= wd[8:0]; reads_old_word <= reads_old[ra[10:0]];",
    "reads_new": "if (we_2) reads_new[ra[10:0]] <= wd[8:0]; reads_new_word <= we_2 ? wd[8:0] : reads_new[ra[10:0]];",
    "keeps": "if (we_2) keeps[ra[10:0]] <= wd[8:0]; else keeps_word <= keeps[ra[10:0]];",
}
#: A word that is read at times: the pass leaves such a register alone.
AT_TIMES = "if (we) times[wa[10:0]] <= wd[8:0]; if (we_2) times_word <= times[ra[10:0]];"
PRODUCTS = {"signed": "$signed(a_in) * $signed(b_in)", "unsigned": "a_in * b_in"}


def store() -> tuple[str, dict[str, int]]:
    """Memories of every shape and multipliers, a register behind each; outputs and their bits, lowest first."""
    memories = {f"wide{width}": (width, bits) for width, bits in SHAPES.items()}
    lines, outputs = [], {}
    for name, (width, bits) in memories.items():
        part = min(width, 9)
        writes = (
            f"if (we && be[{k}]) {name}[wa[{bits - 1}:0]][{part * k} +: {part}] <= wd[{part * k} +: {part}];"
            for k in range(width // part)
        )
        lines += [f"always @(posedge clk) begin {' '.join(writes)} {name}_word <= {name}[ra[{bits - 1}:0]]; end"]
    for name, text in {**READ_WRITE, "times": AT_TIMES}.items():
        memories[name] = (9, 11)
        lines.append(f"always @(posedge clk) begin {text} end")
    declared = []
    for name, (width, bits) in memories.items():
        declared.append(
            f'(* no_rw_check, ram_style = "block" *) reg [{width - 1}:0] {name} [0:{(1 << bits) - 1}]; '
            f'initial $readmemh("{name}.mem", {name}); reg [{width - 1}:0] {name}_word, {name}_q;'
        )
        lines.append(f"always @(posedge clk) {name}_q <= {name}_word;")
        outputs[name] = width
    for name, product in PRODUCTS.items():
        declared.append(f"reg [35:0] {name}_q;")
        lines.append(f"always @(posedge clk) {name}_q <= {product};")
        outputs[name] = 36
    q = ", ".join(f"{name}_q" for name in reversed(outputs))
    text = f"""
module store(input clk, we, we_2, input [13:0] wa, ra, input [35:0] wd, input [3:0] be, input [17:0] a, b,
             output [{sum(outputs.values()) - 1}:0] q);
    reg [17:0] a_in, b_in;
    always @(posedge clk) {{a_in, b_in}} <= {{a, b}};
    {chr(10).join(declared + lines)}
    assign q = {{{q}}};
endmodule
"""
    return text, outputs


def test_the_cells_do_what_they_were_synthesised_from(tmp_path):
    text, outputs = store()
    rng = np.random.default_rng(5)
    for name in [name for name in outputs if name not in PRODUCTS]:
        words = rng.integers(1 << outputs[name], size=1 << SHAPES[outputs[name]])
        (tmp_path / f"{name}.mem").write_text("\n".join(f"{word:x}" for word in words))
    (tmp_path / "store.v").write_text(text)
    plain = synthesise(tmp_path / "store.v", "store", "ecp5")
    memories = cells(plain, "DP16KD", "store")
    assert {width for cell in memories.values() for width in widths(cell)} == set(SHAPES)
    modes = {cell["parameters"].get("WRITEMODE_A", "NORMAL") for cell in memories.values()}
    assert modes == {"NORMAL", "READBEFOREWRITE", "WRITETHROUGH"}

    moved, numbers = absorb(plain, "store")
    assert numbers == {"DP16KD": len(memories) - 1, "MULT18X18D": 2}
    texts = {"plain": plain, "moved": moved, "early": moved}
    stores = {name: json.loads(each)["modules"]["store"] for name, each in texts.items()}
    for cell in stores["early"]["cells"].values():  # registers taken away again: the comparison must find each
        if cell["type"] == "DP16KD":
            cell["parameters"] |= {"REGMODE_A": "NOREG", "REGMODE_B": "NOREG"}
        elif cell["type"] == "MULT18X18D":
            cell["parameters"]["REG_OUTPUT_CLK"] = "NONE"
    together = json.dumps({"modules": {f"store_{name}": module for name, module in stores.items()}})
    others = netlist.verilog(together, "ecp5")
    changed, *found = compared(tmp_path, text, others, ("store_plain", "store_moved", "store_early"), outputs, same=8)
    nothing, all_bits = dict.fromkeys(outputs, 0), {name: (1 << width) - 1 for name, width in outputs.items()}
    assert changed == all_bits, "the stimulus changes every bit"
    assert found == [nothing, nothing, {**all_bits, "times": 0}]
