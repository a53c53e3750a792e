"""Mutants of a counter: who kills them and who proves that they change nothing is right about it."""

import re
from dataclasses import replace

import pytest
from amaranth.back import verilog
from amaranth.hdl import Elaboratable, Module, Signal

from spikeloom.golden.network import Refusal
from spikeloom.sim.mutation.equal import unseen
from spikeloom.sim.mutation.moment import Hint
from spikeloom.sim.mutation.netlist import _constants, _idle, mutate
from spikeloom.sim.mutation.trial import CLOCKS, Killer, Seen, trial

COUNT = 60


class Counting(Elaboratable):
    """Counts, and has a bit twice, so that a mutant of one changes nothing."""

    def __init__(self):
        self.enable, self.count, self.twice = Signal(), Signal(4), Signal()

    def elaborate(self, platform):
        m = Module()
        with m.If(self.enable):
            m.d.sync += self.count.eq(self.count + 1)
        m.d.comb += self.twice.eq((self.count == 3) | (self.count[:3] == 3) & ~self.count[3])
        return m


def counting():
    dut = Counting()
    return verilog.convert(dut, name="dut", ports=[dut.enable, dut.count, dut.twice], emit_src=False)


@pytest.fixture(scope="module")
def made():
    return mutate(counting(), "dut", within=lambda place: True, count=COUNT, seed=1)


def test_all_mutants_are_in_one_text(made):
    assert [m.number for m in made.mutants] == list(range(1, COUNT + 1))
    assert len({m.command for m in made.mutants}) == COUNT and {m.place for m in made.mutants} == {"top"}
    assert all(f"mutant == 32'd{m.number};" in made.verilog for m in made.mutants)
    assert '$value$plusargs("mutant=%d", mutant)' in made.verilog and "input [31:0] mutant" not in made.verilog


ADDS = """
module dut(input clk, input [7:0] a, b, output reg [7:0] o);
  wire [7:0] sum = a + b;
  always @(posedge clk) o <= sum;
endmodule
"""


def test_a_mutant_makes_no_loop_of_a_signal_that_it_drives_in_part():
    text = mutate(ADDS, "dut", within=lambda place: True, count=40, seed=1).verilog
    assert "= a + b;" in text and not re.findall(r"assign (?:\\\S+ |\w+)\[", text)


ALWAYS = """
module dut(input clk, input [3:0] a, output reg [3:0] o, output p);
  assign p = a > 4'd6;
  always @(posedge clk) o <= {a[3:2], 2'b01} & {4{p}};
endmodule
"""


@pytest.mark.parametrize(
    "fault, idle",
    [
        ("const0 -port B -portbit 0", True),
        ("const1 -port B -portbit 0", False),
        ("const1 -port B -portbit 1", True),
        ("inv -port B -portbit 1", False),
        ("cnot0 -port B -portbit 0 -ctrlbit 1", True),
        ("cnot1 -port B -portbit 0 -ctrlbit 1", False),
        ("cnot1 -port B -portbit 1 -ctrlbit 0", True),
        ("const0 -port A -portbit 0", False),
    ],
)
def test_what_changes_nothing_in_what_is_constant_is_no_mutant(fault, idle):
    flat = mutate(ALWAYS, "dut", within=lambda place: True, count=4, seed=1).flat
    cell = re.findall(r"cell \$gt (\S+)", flat)[0]
    assert _idle(f"mutate -mode {fault.replace(' ', f' -module dut -cell {cell} ', 1)}", _constants(flat)) == idle


def test_constants_are_read_in_all_their_forms():
    text = "  wire width 3 \\a\n  wire \\b\n  cell $x $y\n    connect \\A {{ {} }}\n    connect \\B 5\n  end\n"
    found = _constants(text.format("\\a [1:0] 3'1 \\b \\a 2'x \\a [2]"))
    assert found["$y", "A"] == "..001....xx." and found["$y", "B"] == f"{5:032b}"


def test_lots_are_of_one_list(made):
    lot = mutate(counting(), "dut", within=lambda place: True, count=COUNT, seed=1, first=41, last=50)
    assert lot.mutants == made.mutants[40:50]
    assert "mutant == 32'd50;" in lot.verilog and "mutant == 32'd40;" not in lot.verilog


def test_more_than_there_are_is_refused(made):
    with pytest.raises(Refusal, match="only 0 are in the block"):
        mutate("module dut(output o); assign o = 1; endmodule", "dut", within=lambda place: False, count=1, seed=1)


def test_what_a_table_in_the_logic_starts_with_has_no_mutants():
    """Yosys makes a memory of it, whose words must stay constant."""
    cases = "".join(f"    4'd{k}: o = 16'd{k * k * 37 % 65521};\n" for k in range(16))
    table = f"module dut(input [3:0] a, output reg [15:0] o);\n  always @* case (a)\n{cases}  endcase\nendmodule\n"
    made = mutate(table, "dut", within=lambda place: True, count=20, seed=1)
    assert "$meminit" in made.flat and len(made.mutants) == 20


def test_a_proof_holds_for_some_and_never_for_what_shows(made):
    """The register's bits are outputs; of what is there twice, one is enough."""
    at_register = next(m for m in made.mutants if "-mode inv" in m.command and "-port D" in m.command.replace("\\", ""))
    same = next(m for m in made.mutants if "$eq" in m.command and re.search(r"-mode const0 .* -port \W*Y ", m.command))
    assert unseen(made.flat, made.top, at_register, seconds=5) is None
    assert unseen(made.flat, made.top, same, seconds=5) == "induction"


def killer(name, seen):
    return Killer(name=name, look=lambda plusargs, folder: seen(int(plusargs[0].removeprefix("+mutant="))))


def test_the_first_who_notices_kills_and_clocks_come_last(made):
    first = killer("first", lambda number: Seen(fault="wrong" if number == 1 else None, clocks=number % 2))
    second = killer("second", lambda number: Seen(fault="also wrong" if number == 3 else None))
    outcomes = list(trial(made.mutants[:4], [first, second]))
    found = [(o.killer, o.fault) for o in outcomes]
    assert found == [("first", "wrong"), (None, None), ("second", "also wrong"), (None, None)]
    late = killer("late", lambda number: Seen(fault=None, clocks=number == 2))
    assert [(o.killer, o.fault) for o in trial(made.mutants[:2], [late])] == [(None, None), ("late", CLOCKS)]


def test_who_noticed_last_looks_first_and_others_if_it_notices_nothing(made):
    looked = []

    def seen(name, kills):
        def look(number):
            looked.append((name, number))
            return Seen(fault="wrong" if number in kills else None)

        return killer(name, look)

    one, two = seen("one", {1, 2}), seen("two", {1})
    outcomes = list(trial(made.mutants[:2], [one, two], {1: two, 2: two}))
    assert [o.killer for o in outcomes] == ["two", "one"]
    assert looked == [("two", 0), ("two", 1), ("two", 2), ("one", 0), ("one", 2)]
    late = killer("late", lambda number: Seen(fault=None, clocks=number))
    assert [(o.killer, o.fault) for o in trial(made.mutants[:1], [one], {1: late})] == [("late", CLOCKS)]


def test_who_looks_at_nothing_lets_them_live_and_who_kills_the_right_design_is_refused(made):
    blind = killer("blind", lambda number: Seen(fault=None))
    assert all(o.killer is None for o in trial(made.mutants, [blind]))
    with pytest.raises(RuntimeError, match="eager finds a fault without a mutant: anything"):
        list(trial(made.mutants, [killer("eager", lambda number: Seen(fault="anything"))]))


STORING = """
module dut(input clk, input store, input ask, input [1:0] address, input [3:0] data, output [1:0] o);
  reg [3:0] words [3:0];
  wire [1:0] place;
  wire [3:0] word;
  assign place = address & {ask, ask};
  assign word = words[place];
  assign o = word[1:0] & {ask, ask};
  always @(posedge clk) if (store) words[address] <= data;
endmodule
"""


@pytest.fixture(scope="module")
def stored():
    """Of each word, the upper half is never seen; the lower is where it is asked for."""
    return mutate(STORING, "dut", within=lambda place: True, count=COUNT, seed=1)


@pytest.mark.parametrize(
    "port, fault, method",
    [
        ("DATA", "inv -portbit 3", "induction around words"),
        ("EN", "const0 -portbit 2", "induction around words"),
        ("DATA", "inv -portbit 1", None),
        ("EN", "const0 -portbit 0", None),
        ("ADDR", "inv -portbit 0", None),
    ],
)
def test_what_a_memory_holds_matters_where_it_is_seen(stored, port, fault, method):
    """Proven with the memory alone, whatever it holds at first."""
    found = re.findall(r"-cell (\S*memwr\S*)", " ".join(m.command for m in stored.mutants))
    mode, bit = fault.split(" ", 1)
    command = f"mutate -mode {mode} -module dut -cell {found[0]} -port {port} {bit}"
    mutant = replace(stored.mutants[0], command=command)
    assert unseen(stored.flat, stored.top, mutant, without_memories=True, seconds=5) == method


BACK = """
module dut(input clk, input store, input [1:0] address, input [3:0] data, output [3:0] o, input [1:0] other);
  reg [3:0] words [3:0];
  wire [3:0] back;
  assign back = words[address];
  assign o = back;
  always @(posedge clk) if (store) words[WHERE] <= store ? data : back;
endmodule
"""


@pytest.mark.parametrize("where, method", [("address", "induction around words"), ("other", None)])
def test_a_word_may_be_written_where_it_is_and_nowhere_else(where, method):
    text = BACK.replace("WHERE", where)
    made = mutate(text, "dut", within=lambda place: True, count=4, seed=1)
    cell = re.findall(r"  cell \$memwr\S* (\S+)", made.flat)[0]
    command = f"mutate -mode const1 -module dut -cell {cell} -port EN -portbit 2"
    mutant = replace(made.mutants[0], command=command)
    assert unseen(made.flat, "dut", mutant, without_memories=True, seconds=5) == method


TURNING = """
module dut(input clk, input store, input [1:0] address, output o);
  reg [3:0] words [3:0];
  wire [3:0] word;
  assign word = words[address];
  assign o = word[SEEN];
  always @(posedge clk) if (store) words[address] <= word + 1;
endmodule
"""


@pytest.mark.parametrize("seen, bit, proven", [(0, 1, True), (0, 0, False), (2, 1, False), (2, 3, True)])
def test_bits_of_words_that_only_such_bits_look_at_do_not_matter(seen, bit, proven):
    """A carry goes from each to the next one, which may be seen."""
    made = mutate(TURNING.replace("SEEN", str(seen)), "dut", within=lambda place: True, count=4, seed=1)
    cell = re.findall(r"  cell \$memrd\S* (\S+)", made.flat)[0]
    mutant = replace(made.mutants[0], command=f"mutate -mode inv -module dut -cell {cell} -port DATA -portbit {bit}")
    assert (unseen(made.flat, "dut", mutant, without_memories=True, seconds=5) is not None) == proven


def test_where_it_is_read_matters_when_it_is_seen(stored):
    """While nobody asks, the address could as well be another."""
    cell = next(
        line.split()[2]
        for line in stored.flat.splitlines()
        if "cell $and" in line and "connect \\Y \\place" in stored.flat.split(line)[1].split("end\n")[0]
    )
    commands = [f"mutate -mode const{bit} -module dut -cell {cell} -port B -portbit 0" for bit in (0, 1)]
    mutants = [replace(stored.mutants[0], command=command) for command in commands]
    methods = [unseen(stored.flat, "dut", m, without_memories=True, seconds=5) for m in mutants]
    assert methods == [None, "induction within the top itself"]


NESTED = """
module dut(input clk, input i, output reg [3:0] count);
  reg x = 1, y = 0;
  wire asked;
  inner inner(.clk(clk), .i(x & y), .j(i), .o(asked));
  always @(posedge clk) begin x <= y; y <= x; count <= count + asked; end
endmodule
module inner(input clk, input i, input j, output reg o);
  reg a = 1, b = 0;
  wire never = a & b & j;
  wire seldom = i & a;
  always @(posedge clk) begin a <= b; b <= a; o <= never ^ seldom ^ j; end
endmodule
"""


@pytest.mark.parametrize("wire, method", [("never", "induction within inner"), ("seldom", "induction"), ("o", None)])
def test_a_proof_begins_near_the_fault(wire, method):
    """What never happens is known from the instance's own registers, from others, or not at all."""
    made = mutate(NESTED, "dut", within=lambda place: True, count=20, seed=1)
    cells = re.findall(
        r"^  cell (\S+) (\S+)\n((?:    .*\n)*?)    connect \\[YQ] \\inner\.(\w+)\n", made.flat, re.MULTILINE
    )
    kind, cell = next((kind, cell) for kind, cell, _, driven in cells if driven == wire)
    port = "D" if "dff" in kind else "Y"
    mutant = replace(
        made.mutants[0], place="inner", command=f"mutate -mode inv -module dut -cell {cell} -port {port} -portbit 0"
    )
    mutant = mutant if wire == "o" else replace(mutant, command=mutant.command.replace("inv", "const0"))
    assert unseen(made.flat, "dut", mutant, without_memories=True, seconds=5) == method


LATE = """
module dut(input clk, input i, input store, output reg o);
  inner inner(.clk(clk), .i(i), .store(store), .o(o));
endmodule
module inner(input clk, input i, input store, output reg o);
  reg [1:0] words [3:0];
  reg [1:0] place = 0, read = 0;
  reg begun = 0, first = 0;
  wire wrong = first & read[1];
  always @(posedge clk) begin
    if (store | ~begun) words[place] <= {i & (place != 2), i};
    begun <= begun | (place == 3);
    place <= begun ? {i, store} : place + 1;
    read <= words[place];
    first <= begun & (place == AT);
    o <= wrong ^ read[0];
  end
endmodule
"""


@pytest.mark.parametrize("at, words, never", [(2, (2,), True), (2, (1,), False), (3, (2, 3), False)])
def test_a_hint_says_which_words_matter_and_a_wrong_one_proves_nothing(at, words, never):
    """The upper bit of word 2 is 0 once all were written; that of another is anything."""
    made = mutate(LATE.replace("AT", str(at)), "dut", within=lambda place: True, count=20, seed=1)
    cells = re.findall(r"^  cell \S+ (\S+)\n(?:    .*\n)*?    connect \\Y \\inner\.wrong\n", made.flat, re.MULTILINE)
    command = f"mutate -mode const0 -module dut -cell {cells[0]} -port Y -portbit 0"
    mutant = replace(made.mutants[0], place="inner", command=command)
    hint = Hint(places=("inner",), memory="inner.words", words=words)
    method = unseen(made.flat, "dut", mutant, without_memories=True, hint=hint, seconds=5)
    assert (method or "").endswith("in each clock") == never and bool(method) == never
