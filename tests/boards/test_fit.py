"""A network that cannot fit is refused at once, and only remedies that make it fit are named."""

import re

import numpy as np
import pytest

from small import network as small
from small import neuron
from spikeloom.boards import storage
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.fit import block_rams, check_fit, memory_bits, too_large
from spikeloom.golden.network import (
    Convolution,
    Dense,
    Network,
    Population,
    Projection,
    Refusal,
    Sparse,
    Window,
)
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.mapping.placement import place

BOARD = BOARDS["icebreaker"]
USUAL = "the board's usual configuration (leave out --config)"


def network(inputs, neurons, bits=4):
    return small((inputs, neurons), weight_bits=bits)


def mixed():
    """Every way to store synapses: 1 x 6 x 6 by a kernel to 4 x 6 x 6, by a list to 8, by a matrix to 3."""
    rng = np.random.default_rng(1)
    window = Window(
        source=(1, 6, 6), kernel=(4, 1, 3, 3), stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1), groups=1
    )
    ends = rng.permutation(144 * 8)[:60]
    delays = np.arange(60) % 8
    synapses = {
        ("in", "a"): Convolution(weights=rng.integers(-9, 9, (4, 1, 3, 3)), bits=5, window=window),
        ("a", "b"): Sparse.of(ends // 8, ends % 8, rng.integers(1, 9, 60), shape=(144, 8), bits=5, delays=delays),
        ("b", "c"): Dense(weights=rng.integers(-9, 9, (8, 3)), bits=5),
    }
    shapes = {"in": (1, 6, 6), "a": (4, 6, 6), "b": (8,), "c": (3,)}
    return Network(
        populations=[
            Population(name=name, shape=shape, neuron=None if name == "in" else neuron(threshold=20, subtract=20))
            for name, shape in shapes.items()
        ],
        projections=[Projection(source=a, target=b, synapses=s) for (a, b), s in synapses.items()],
        output="c",
    )


def refused(inputs, neurons, bits, **configuration):
    with pytest.raises(Refusal) as refusal:
        check_fit(network(inputs, neurons, bits), Configuration(**configuration), "icebreaker")
    return str(refusal.value).split("What would help: ")[1]


def needed(bits, *sizes, **configuration):
    return block_rams(map_network(network(*sizes, bits), Configuration(**configuration)).parameters, BOARD)


def test_what_is_counted_is_what_is_generated(tmp_path):
    for configuration in (Configuration(lanes=8), Configuration(lanes=32, units=2)):
        manifest = generate(network(20, 40), configuration, tmp_path / "out")
        kinds = storage.of_manifest(manifest)
        assert memory_bits(network(20, 40), configuration) == sum(kinds.values())
        mapped = sum(memory["entries"] * memory["width"] for memory in manifest["map"]["memories"])
        (core,) = manifest["parameters"]["cores"]
        assert sum(kinds.values()) == mapped + kinds["events"], "all but the lists of events are in the map"
        assert kinds["events"] == core["list_entries"] * 6, "numbers of up to 40 neurons"


def test_a_network_that_fits_is_left_alone():
    check_fit(network(60, 100, bits=8), Configuration(lanes=8), "icebreaker")


def test_remedies_would_work():
    remedies = refused(200, 100, 8, lanes=8)
    bits = int(re.search(r"fewer weight bits \((\d) instead of 8", remedies)[1])
    check_fit(network(200, 100, bits), Configuration(lanes=8), "icebreaker")
    assert needed(bits + 1, 200, 100, lanes=8) > BOARD.resources.block_ram

    remedies = refused(160, 65, 8, lanes=128)
    lanes = int(re.search(r"fewer lanes \((\d+) instead of 128\)", remedies)[1])
    check_fit(network(160, 65, 8), Configuration(lanes=lanes), "icebreaker")
    assert needed(8, 160, 65, lanes=2 * lanes) > BOARD.resources.block_ram


def test_remedies_that_would_not_work_are_not_named():
    larger = "a larger board (tang-primer-20k, ulx3s-25f, orangecrab-25f)"
    assert refused(784, 128, 4, lanes=8) == f"{USUAL}, or 'weights: single-port', or {larger}"
    check_fit(network(784, 128, 4), BOARD.configuration, BOARD)
    check_fit(network(784, 128, 4), Configuration(lanes=8, weights="single-port"), "icebreaker")
    usual, larger = re.fullmatch(r"(.*), or a larger board \((.*)\)", refused(784, 128, 8, lanes=1)).groups()
    assert usual == USUAL, "rows of one weight leave half of every single-port array empty"
    check_fit(network(784, 128, 8), BOARD.configuration, BOARD)
    larger = larger.split(", ")
    assert len(larger) == 3 and all(
        name.startswith(("gatemate", "ulx3s", "ecpix5", "orangecrab", "arty")) for name in larger
    )
    for name in larger:
        check_fit(network(784, 128, 8), Configuration(lanes=1), name)
    assert refused(3000, 2000, 8, lanes=8) == "a smaller network"


def test_block_ram_that_the_tools_count_is_weighed_too():
    """40 of 30 blocks: a quarter must go, though what is counted here alone would fit."""
    message = str(too_large(network(60, 100, bits=8), Configuration(lanes=8), BOARD, {"block_ram": (40, 30)}))
    assert message.endswith(
        "block RAM 40 of 30 (10 too many). Most of its memory takes the matrix of 'in -> layer1', 49920 bits, then the "
        "parameters of 'layer1', 3432. "
        f"What would help: {USUAL}, or 'weights: single-port', or fewer weight bits (4 instead of 8 when converting), "
        "or a larger board (tang-nano-9k, tang-primer-20k, ulx3s-25f)"
    )


def test_what_is_stored_adds_up_and_each_part_is_named():
    """Convolution, list with delays, matrix: everything but the tables belongs to a projection or a population."""
    for configuration in (Configuration(lanes=4), Configuration(lanes=8, cores="per-population", slots=1)):
        mapping = map_network(mixed(), configuration)
        kinds = storage.by_kind(mapping.parameters)
        parts = storage.stored(mapping)
        assert sum(part.bits for part in parts) == sum(kinds.values()) - kinds["tables"]
        assert [part.bits for part in parts] == sorted((part.bits for part in parts), reverse=True)
        found = {part.what: part for part in parts if part.numbers}
        kernel, listed = found["in -> a"], found["a -> b"]
        assert (kernel.kind, kernel.numbers, kernel.own) == ("kernel", 4 * 9, 4 * 9 * 5)
        rows = 9 * configuration.lanes * 5
        assert kernel.bits - kernel.starts == rows, "the kernel once, however many places it has"
        assert (listed.kind, listed.numbers) == ("list", 60)
        assert listed.own == 60 * (5 + 3 + 3), "weight, delay of up to 7 steps, one of 8 targets"
        assert found["b -> c"].kind == "matrix"
    assert storage.block_rams([(600, 36), (512, 37), (16, 1)], "ecp5") == 2 + 2 + 1


def test_fewer_slots_are_offered_where_events_fill_the_memory():
    message = str(too_large(mixed(), Configuration(lanes=4), BOARD, {"memory_bits": (200_000, 122_880)}))
    assert "fewer slots (1 instead of 2, which is slower)" in message
    assert "Most of its memory takes the " in message
    alone = str(too_large(mixed(), Configuration(lanes=4, slots=1), BOARD, {"memory_bits": (200_000, 122_880)}))
    assert "fewer slots" not in alone
    logic = str(too_large(mixed(), Configuration(lanes=4), BOARD, {"lut": (6000, 5280)}))
    assert "Most of its memory" not in logic


def test_the_fullest_core_is_named():
    configuration = Configuration(lanes=8, cores={"layer1": [0, 1, 0]})
    with pytest.raises(Refusal) as refusal:
        check_fit(network(200, 64, 8), configuration, "icebreaker")
    message = str(refusal.value)
    assert re.search(r"block RAM \d+ of 30 \(\d+ too many\)\. Core 0 takes most: \d+ block RAMs, \d+ for", message)
    assert "for its memory 'weights'; it serves 'layer1[0]', 'layer1[2]'. Most of the network's memory takes" in message
    assert "What would help: fewer weight bits (" in message


@pytest.mark.parametrize(
    ("sizes", "configuration", "says"),
    [
        ((140, 64), {"lanes": 8}, r"block RAM \d+ of 30 \(\d+ too many\)\. Core \d takes most: \d+ block RAMs"),
        ((600, 64), {"lanes": 8, "weights": "single-port"}, r"memory 2097152 of 1048576 .*: 1048576 bits, in whole"),
    ],
)
def test_fewer_cores_are_offered_where_they_fit(sizes, configuration, says):
    large, cores = network(*sizes, bits=8), {"layer1": [0, 1]}
    with pytest.raises(Refusal, match=says) as refusal:
        check_fit(large, Configuration(**configuration, cores=cores), "icebreaker")
    assert "What would help: fewer cores (1 instead of 2)" in str(refusal.value)
    assert ("block RAM" in str(refusal.value)) == ("weights" not in configuration), "what is not short is not named"
    check_fit(large, place(large, Configuration(**configuration, cores=1)), "icebreaker")


def test_a_single_port_holds_what_block_ram_does_not():
    large = network(784, 128)
    with pytest.raises(Refusal, match="(block RAM|memory bits) .* What would help: .*, or 'weights: single-port', or "):
        check_fit(large, Configuration(), "upduino-v3")
    with pytest.raises(Refusal, match="What would help: (?!.*single-port)"):
        check_fit(large, Configuration(), "ice40-hx8k")
    with pytest.raises(Refusal, match="What would help: (?!.*single-port)"):
        check_fit(network(784, 1024), Configuration(), "upduino-v3")
    single_port = Configuration.create(weights="single-port")
    check_fit(large, single_port, "upduino-v3")
    kinds = storage.by_kind(map_network(large, single_port).parameters)
    assert kinds[storage.SINGLE_PORT] == 784 * 128 * 4 and "weights" not in kinds
    with pytest.raises(Refusal, match="bits of single-port memory 4194304 of 1048576"):
        check_fit(network(784, 1024), single_port, "upduino-v3")


SINGLE_PORT = Configuration(weights="single-port", units=1, pipeline="short")
#: It keeps more events of 1500 inputs than the block RAM of an iCE40 holds.
LATE = SINGLE_PORT.model_copy(update={"slots": 8})


@pytest.mark.parametrize(
    ("board", "sizes", "configuration", "most", "remedies", "how"),
    [
        ("ulx3s-85f", (784, 128), SINGLE_PORT, "single-port", f"{USUAL}, or 'weights: block'", None),
        ("ecpix5-85f", (784, 128), SINGLE_PORT, "single-port", f"{USUAL}, or 'weights: block'", None),
        ("ice40-hx8k", (784, 128), SINGLE_PORT, "single-port", "", " with 'weights: block'"),
        ("icebreaker", (784, 1024), SINGLE_PORT, "single-port", "", " with 'weights: block'"),
        ("icebreaker", (1500, 64), LATE, "block", "", " with 'weights: block'"),
        ("ulx3s-25f", (784, 512), Configuration(), "block", "", ""),
    ],
)
def test_the_culprit_is_in_the_memory_that_is_short_and_a_larger_board_holds_it_all(
    board, sizes, configuration, most, remedies, how
):
    """how: with what the boards are named, None if none is: another one of the same size would not help."""
    large = network(*sizes)
    with pytest.raises(Refusal) as refusal:
        check_fit(large, configuration, board)
    message = str(refusal.value)
    about = "the matrix" if most == "single-port" or configuration.weights == "block" else "the events"
    which = "single-port memory" if most == "single-port" else "memory"
    assert f"Most of its {which} takes {about} of 'in" in message
    assert ("Whole arrays of 16,384 x 16 bits are counted." in message) == (most == "single-port")
    helps = message.split("What would help: ")[1]
    assert helps.startswith(remedies)
    named = re.search(r"a larger board \((.*)\)(.*)", helps)
    assert (named and named[2]) == how
    if named:
        there = configuration.model_copy(update={"weights": "block"} if how else {})
        for name in named[1].split(", "):
            check_fit(large, there, name)
            assert BOARDS[name].memory_bits > BOARDS[board].memory_bits
