"""The models of iCE40's and Gowin's cells do what the Verilog does that they were synthesised from. ECP5's are tested
with the pass that moves registers into them."""

import json
import re

import numpy as np
import pytest

from compared import compared
from spikeloom.golden.network import Refusal
from spikeloom.sim import netlist
from synthesis import synthesise

#: Width of a memory -> address bits that fill a block RAM, and the bits that one of its enables writes.
SHAPES = {
    "ice40": {2: (11, 2), 4: (10, 4), 8: (9, 8), 16: (8, 4)},
    "gowin": {1: (14, 1), 2: (13, 2), 4: (12, 4), 9: (11, 9), 18: (10, 9), 36: (9, 9)},
}
#: Of memories that the design has; others may become any kind of block RAM.
BLOCK = '(* no_rw_check, ram_style = "block" *)'
#: What a port that writes reads in the same clock, and a reset of what was read: name -> (bits, depth, text).
PORTS = {
    "old": (9, 2048, "if (we_2) old[ra[10:0]] <= wd[8:0]; old_word <= old[ra[10:0]];"),
    "slim": (4, 4096, "if (we_2) slim[ra[11:0]] <= wd[3:0]; slim_word <= slim[ra[11:0]];"),
    "fresh": (9, 2048, "if (we_2) fresh[ra[10:0]] <= wd[8:0]; fresh_word <= we_2 ? wd[8:0] : fresh[ra[10:0]];"),
    "keeps": (9, 2048, "if (we_2) keeps[ra[10:0]] <= wd[8:0]; else keeps_word <= keeps[ra[10:0]];"),
    "cleared": (4, 4096, "if (we) cleared[wa[11:0]] <= wd[3:0]; cleared_word <= we_2 ? 0 : cleared[ra[11:0]];"),
}
#: One port, and nothing in it at first: read once all 64 words that are used were written, and not after a write.
SINGLE_PORT = """
    (* ram_style = "huge" *) reg [15:0] single [0:16383];
    wire [13:0] sa = {wa[5:0], ~wa[5:0], wa[1:0]};
    reg [13:0] filled = 0;
    reg wrote;
    reg [15:0] single_word, single_q;
    always @(posedge clk) begin
        if (we) begin
            if (be[0]) single[sa][3:0] <= wd[3:0];
            if (be[1]) single[sa][7:4] <= wd[7:4];
            if (be[2]) single[sa][11:8] <= wd[11:8];
            if (be[3]) single[sa][15:12] <= wd[15:12];
        end else single_word <= single[sa];
        wrote <= we;
        if (!filled[13]) filled <= filled + 1;
        single_q <= filled[13] && !wrote ? single_word : 0;
    end
"""
PRODUCTS = {
    "ice40": {"signed": (32, "$signed(a[15:0]) * $signed(b[15:0])"), "unsigned": (32, "a[15:0] * b[15:0]")},
    "gowin": {
        "signed": (36, "$signed(a) * $signed(b)"),
        "unsigned": (36, "a * b"),
        "narrow": (18, "$signed(a[8:0]) * $signed(b[8:0])"),
        "wide": (60, "{a, b[11:0]} * {b, a[11:0]}"),
    },
}
#: A fault in a model -> what must show it.
FAULTS = {
    "ice40": {
        ("WMASK_I[ 5]", "WMASK_I[ 8]"): {"wide2", "wide4", "wide8", "wide16"},
        ("MASKWREN[2]", "1'b1"): {"single"},
    },
    "gowin": {
        ("enables[1:0]", "2'b11"): {"wide18"},
        ("if (reset_", "if (0 && reset_"): {"cleared"},
        ("? new_", "? old_"): {"fresh"},
    },
}
CELLS = {
    "ice40": {"SB_RAM40_4K", "SB_SPRAM256KA", "SB_MAC16"},
    "gowin": {"SDPB", "SDPX9B", "DPB", "SP", "SPX9", "MULT18X18", "MULT36X36"},
}


def store(family: str) -> tuple[str, dict[str, int], dict[str, int]]:
    """Memories of every shape and multipliers. Its outputs' bits, the lowest first; words of those that have images."""
    outputs: dict[str, int] = {}
    depths: dict[str, int] = {}
    memories = {}
    for width, (bits, part) in SHAPES[family].items():
        name = f"wide{width}"
        writes = (
            f"if (we && be[{k}]) {name}[wa[{bits - 1}:0]][{part * k} +: {part}] <= wd[{part * k} +: {part}];"
            for k in range(width // part)
        )
        memories[name] = (width, 1 << bits, f"{' '.join(writes)} {name}_word <= {name}[ra[{bits - 1}:0]];")
    if family == "gowin":
        memories |= PORTS
    lines = []
    for name, (width, depth, text) in memories.items():
        outputs[name], depths[name] = width, depth
        style = BLOCK if name.startswith("wide") else ""
        lines.append(
            f'{style} reg [{width - 1}:0] {name} [0:{depth - 1}]; initial $readmemh("{name}.mem", {name}); '
            f"reg [{width - 1}:0] {name}_word; always @(posedge clk) begin {text} end"
        )
    if family == "ice40":
        outputs["single"] = 16
        lines.append(SINGLE_PORT)
    for name, (width, product) in PRODUCTS[family].items():
        outputs[name] = width
        lines.append(f"reg [{width - 1}:0] {name}_q; always @(posedge clk) {name}_q <= {product};")
    q = ", ".join(f"{name}_word" if name in depths else f"{name}_q" for name in reversed(outputs))
    text = f"""
module store(input clk, we, we_2, input [13:0] wa, ra, input [35:0] wd, input [3:0] be, input [17:0] a, b,
             output [{sum(outputs.values()) - 1}:0] q);
    {chr(10).join(lines)}
    assign q = {{{q}}};
endmodule
"""
    return text, outputs, depths


def renamed(text: str, name: str) -> str:
    """Verilog whose modules are another's."""
    for module in re.findall(r"^[ \t]*module\s+(\w+)", text, re.MULTILINE):
        text = re.sub(rf"\b{module}\b", f"{name}_{module}", text)
    return text


@pytest.mark.parametrize("family", SHAPES)
def test_the_cells_do_what_they_were_synthesised_from(quick_compiler, tmp_path, family):
    text, outputs, depths = store(family)
    rng = np.random.default_rng(5)
    for name, depth in depths.items():
        words = rng.integers(1 << outputs[name], size=depth)
        (tmp_path / f"{name}.mem").write_text("\n".join(f"{word:x}" for word in words))
    (tmp_path / "store.v").write_text(text)
    document = json.loads(synthesise(tmp_path / "store.v", "store", family))
    cells = document["modules"]["store"]["cells"]
    assert {cell["type"] for cell in cells.values()} >= CELLS[family]
    plain = netlist.verilog(json.dumps(document), family)
    for name, cell in cells.items():  # with the block RAMs' output registers
        if family == "gowin" and not name.startswith("cleared"):
            cell["parameters"] |= {each: "1" for each in cell["parameters"] if each.startswith("READ_MODE")}
    late = netlist.verilog(json.dumps(document), family)
    faulty = plain
    for fault in FAULTS[family]:
        assert fault[0] in faulty
        faulty = faulty.replace(*fault)
    texts = {"plain": plain, "faulty": faulty, "late": late}
    others = "\n".join(renamed(one, name) for name, one in texts.items())
    names = tuple(f"{name}_store" for name in texts)
    changed, right, wrong, registered = compared(tmp_path, text, others, names, outputs, same=7, late=1)
    assert changed == {name: (1 << width) - 1 for name, width in outputs.items()}, "the stimulus changes every bit"
    assert right == dict.fromkeys(outputs, 0)
    assert {name for name, bits in wrong.items() if bits} == set.union(*FAULTS[family].values())
    if family == "gowin":
        late = {name for name, bits in registered.items() if not bits}
        assert late == outputs.keys() - PRODUCTS[family].keys() - {"cleared"}


def test_a_cell_without_a_model_is_named():
    cells = {"pll": {"type": "SB_PLL40_CORE"}, "wrapper": {"type": "$__ICE40_CARRY_WRAPPER"}, "sum": {"type": "$add"}}
    boxes = {"SB_LUT4": {"attributes": {"blackbox": "1"}, "cells": {}}}
    document = {"modules": {"top": {"attributes": {}, "cells": {**cells, "lut": {"type": "SB_LUT4"}}}, **boxes}}
    message = r"The netlist for ice40 has cells of which there is no model: \$__ICE40_CARRY_WRAPPER, SB_PLL40_CORE$"
    with pytest.raises(Refusal, match=message):
        netlist.verilog(json.dumps(document), "ice40")
    with pytest.raises(Refusal, match="no models of cells for the family 'ecp6'; did you mean ecp5"):
        netlist.verilog(json.dumps(document), "ecp6")
