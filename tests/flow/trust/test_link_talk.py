"""The host that is to kill mutants of the host link: what a chip may say is right, anything else is not."""

import numpy as np
import pytest

from spikeloom.boards.driver import frames
from spikeloom.boards.link.protocol import Kind
from spikeloom.trust.mutants import DESIGNS
from spikeloom.trust.mutants.link_script import TALKS
from spikeloom.trust.mutants.link_stand_in import Wire, echo
from spikeloom.trust.mutants.link_talk import Talk
from spikeloom.trust.stages import GENERATORS

WIRE = Wire(flit_bits=12, slots=2, slot_size=64)
FLITS = [0x123, 0xFFF, 0x800]


def says(kind, sequence, expected, rest=b""):
    return frames.encode(bytes((kind << 4 | sequence, expected)) + rest)


VALUES = says(Kind.VALUES, 0, 0, (7).to_bytes(4, "little"))
BACK = frames.flit_bytes(np.array([echo(flit, 12) for flit in FLITS], "u8"), 2)
SENT = [says(Kind.SENT, 0, 0, BACK[:2]), says(Kind.SENT, 1, 1, BACK[2:])]
DONE = says(Kind.DONE, 1, 1)


@pytest.fixture
def host():
    """Reads a word; sends flits, and writes a word."""
    made = Talk(WIRE, 1)
    made.memory[5] = 7
    made.phase("first")
    made.read(5)
    made.phase("second")
    made.events(FLITS)
    made.write(6, [1])
    return made


def lines(*phases):
    return [line for said in phases for line in ("mark", *(f"{byte} 0" for byte in b"".join(said)))]


def test_what_is_right_is_right(host):
    assert host.judge(lines([VALUES], [*SENT, DONE])) is None
    assert host.judge(lines([VALUES], [SENT[0], says(Kind.DONE, 1, 0), SENT[1]])) is None


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        ([], [*SENT, DONE], "first: 0 answers, not 1"),
        ([VALUES, VALUES], [*SENT, DONE], "first: 2 answers, not 1"),
        ([says(Kind.VALUES, 0, 0, bytes(4))], [*SENT, DONE], "first: answer 0 is wrong"),
        ([says(Kind.VALUES, 1, 0, VALUES[2:6])], [*SENT, DONE], "first: answer 0 is wrong"),
        ([VALUES[:-3] + b"\x55\x55\0"], [*SENT, DONE], "first: a frame is damaged"),
        ([VALUES[:-1]], [*SENT, DONE], "first: a frame is damaged"),
        ([VALUES, says(Kind.SENT, 0, 0)], [*SENT, DONE], "first: what is expected next is not said, or unasked"),
        ([VALUES], [SENT[0], DONE], "second: 1 flits, not 3"),
        ([VALUES], [says(Kind.SENT, 0, 1, BACK[2:]), says(Kind.SENT, 1, 1, BACK[:2]), DONE], "second: flit 0 is wrong"),
        ([VALUES], [says(Kind.SENT, 1, 0, BACK[:2]), SENT[1], DONE], "second: events have the numbers"),
        ([VALUES], [SENT[0], says(Kind.SENT, 1, 2, BACK[2:]), DONE], "second: data frame 2 is expected, not 1"),
        ([VALUES], [SENT[0], says(Kind.SENT, 1, 0, BACK[2:]), says(Kind.DONE, 1, 0)], "second: what is expected next"),
        ([VALUES], [SENT[0], says(Kind.SENT, 1, 1, BACK[2:] + b"1"), DONE], "second: a part of a flit"),
    ],
)
def test_anything_else_is_a_fault(host, first, second, fault):
    assert host.judge(lines(first, second)).startswith(fault)


def test_a_ragged_line_and_a_chip_that_stays_busy_are_faults(host):
    assert host.judge([*lines([VALUES]), "ragged", *lines([*SENT, DONE])]) == "first: the line changes within a bit"
    assert host.judge(lines([VALUES])) == "first: the chip stays busy"
    assert host.judge(["0 0", *lines([VALUES], [*SENT, DONE])]) == "the chip speaks first"


@pytest.mark.parametrize("slots", [2, 4])
def test_the_script_has_all_of_it(slots):
    made = TALKS["seed 1"](Wire(flit_bits=20, slots=slots, slot_size=64 * slots // 2))
    kinds = {kind for phase in made.phases for kind, *_ in phase.answers}
    assert kinds == {Kind.VALUES, Kind.DONE}
    assert sum(len(phase.flits) for phase in made.phases) > 300
    assert sum(phase.ignored for phase in made.phases) == 16
    assert {"reset", "speed", "low", "network"} <= {line.split()[0] for line in made.script}


def test_every_generator_has_a_block_of_mutants():
    assert {generator.block for generator in GENERATORS} == set(DESIGNS)
