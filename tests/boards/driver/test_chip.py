"""A network on the stand-in: every event is golden's, whatever the line does, and what cannot be is refused."""

import errno
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from host_port import ADDRESS, Host

import small
from folders import seal
from spikeloom.boards.driver.chip import Chip
from spikeloom.boards.driver.link import Link
from spikeloom.boards.driver.pipe import LinkError, SerialPort
from spikeloom.boards.soc.handover import image
from spikeloom.golden import simulate
from spikeloom.golden.network import Refusal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.hdl.mapping import map_network
from spikeloom.hdl.parameters import covering
from stand_in import MemoryPipe, Noise, PseudoTerminal, StandIn
from stand_in_designs import lively


def opened(design, *stand_in, **noise):
    pipe = MemoryPipe(StandIn(*(stand_in or (design,))), **noise)
    return Chip(Link(pipe, wait=0.02, patience=0.3), design)


@pytest.fixture
def chip(design, two):
    chip = opened(design, design, two)
    yield chip
    chip.close()


def check(came, golden):
    for name, array in came.items():
        assert (array == golden.events[name]).all(), name


def test_a_run(chip, x, golden):
    came, clocks = chip.run(x)
    assert list(came) == ["layer2"]
    check(came, golden)
    assert clocks == 100 * x.shape[0] * x.shape[1]
    came, _ = chip.run(x, record="all")
    assert list(came) == ["layer1", "layer2"]
    check(came, golden)
    came, _ = chip.run(x, record=("layer1",))
    assert list(came) == ["layer1"]
    check(came, golden)


def test_batches(chip, x, golden, monkeypatch):
    monkeypatch.setattr("spikeloom.boards.driver.chip.BATCH_CELLS", 5 * 6 * (5 + 3))
    done = []
    came, clocks = chip.run(x, progress=lambda *counts: done.append(counts))
    check(came, golden)
    assert done == [(5, 12), (10, 12), (12, 12)]
    assert clocks == 100 * 12 * 6


@pytest.mark.parametrize("slot_bytes, window", [(63, 3), (127, 7), (254, 15)])
def test_slots_of_other_sizes(design, x, golden, slot_bytes, window):
    chip = Chip(Link(MemoryPipe(StandIn(design, slot_bytes=slot_bytes, window=window))), design)
    check(chip.run(x, record="all")[0], golden)
    chip.close()


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line_both_ways(design, x, golden, seed):
    noises = [
        Noise(2 * seed, drop=0.02, corrupt=0.02, double=0.02, garbage=0.02),
        Noise(2 * seed + 1, drop=0.02, corrupt=0.02, repeat=0.02),
    ]
    for noise in noises:
        noise.quiet = True
    chip = opened(design, to_chip=noises[0], from_chip=noises[1])
    for noise in noises:
        noise.quiet = False
    for _ in range(12):
        check(chip.run(x, record="all")[0], golden)
    for noise in noises:
        noise.quiet = True
        assert sum(noise.done.values()) > 2
    counters = chip.counters()
    assert counters["resent"] > 0
    assert counters["dropped"] > 0
    assert counters["answers_damaged"] + counters["answers_lost"] > 0
    chip.clear_counters()
    assert set(chip.counters().values()) == {0}
    chip.close()


def without(chip, wrong):
    """The stand-in, whose frames of flits are not what they were: ``wrong`` makes others of a list of frames."""
    send = chip._send

    def planted(flits):
        before = len(chip.answers)
        send(flits)
        if flits:
            chip.answers[before:] = wrong(chip.answers[before:])

    chip._send = planted


def test_events_that_are_lost_for_good(design, x):
    chip = opened(design)
    without(chip.link.pipe.chip, lambda answers: [])
    with pytest.raises(LinkError) as caught:
        chip.run(x)
    assert str(caught.value) == ("the pipe: events were lost on their way, 9 times; use a better cable or less baud")
    with pytest.raises(LinkError) as caught:
        list(chip.live(x[0]))
    assert str(caught.value) == ("the pipe: events were lost on their way in step 0, and live steps cannot be repeated")
    chip.close()


def test_events_that_the_chip_gets_wrong(design, x):
    chip = opened(design)
    stand_in = chip.link.pipe.chip
    tick = stand_in._tick

    def wrong():
        flits = tick()
        return [flits[0] ^ 1 << design.flit.fields["sequence"][0], *flits[1:]] if flits else flits

    stand_in._tick = wrong
    with pytest.raises(LinkError, match="the events came damaged .*, 9 times; use a better cable or less baud"):
        chip.run(x)
    chip.close()


def test_a_fault_in_the_chip(chip, x):
    stand_in = chip.link.pipe.chip
    stand_in._tick = lambda: setattr(stand_in, "status", 2) or []
    with pytest.raises(LinkError) as caught:
        chip.run(x)
    assert str(caught.value) == "the pipe: the chip found a fault in its events; load the network again"


def test_an_access_while_busy(chip, x):
    stand_in = chip.link.pipe.chip
    tick = stand_in._tick
    stand_in._tick = lambda: setattr(stand_in, "status", 4) or tick()
    with pytest.raises(LinkError) as caught:
        chip.run(x)
    assert str(caught.value) == "the pipe: a memory was accessed while the network ran; load the network again"


def test_a_chip_that_hangs(chip, x):
    stand_in = chip.link.pipe.chip

    def hang():
        stand_in.step, stand_in.status, stand_in.events = stand_in.step + 1, 1, {}
        return []

    stand_in._tick = hang
    with pytest.raises(LinkError) as caught:
        chip.run(x)
    assert str(caught.value) == "the pipe: the chip has been busy for 0.3 s; reset the board"
    stand_in._restart = lambda: None
    with pytest.raises(LinkError) as caught:
        chip.run(x)
    assert str(caught.value) == "the pipe: the chip does not get idle; reset the board"


# Memories ---------------------------------------------------------------------------------------------------------


def test_another_network_is_loaded(chip, two, x, golden):
    assert chip.identity.network == chip.design.network_id
    chip.load(two)
    assert chip.identity.network == two.network_id
    came, _ = chip.run(x, record="all")
    check(came, simulate.run(two.network, x, record="all"))
    assert any((came[name] != golden.events[name]).any() for name in came)


@pytest.mark.parametrize("road", ["driver", "image", "tables of two networks"])
def test_nothing_starts_while_a_network_is_loaded_over_another(tmp_path, monkeypatch, road):
    """What waits for nothing but delayed events of the one, a population of the other reads."""
    configuration = Configuration(lanes=2, units=1)
    first = small.network((4, 4))
    [forward] = first.projections
    loops = [replace(forward, source="layer1", delay=delay) for delay in (1, 2)]
    networks = {"first": replace(first, projections=(forward, *loops)), "second": small.network((4, 4, 4))}
    parameters = covering(*(map_network(network, configuration).parameters for network in networks.values()))
    for name, network in networks.items():
        generate(network, configuration, tmp_path / name, parameters=parameters)
    one, other = (Design(tmp_path / name) for name in networks)
    if road == "image":
        written, words = [], iter(np.frombuffer(image(other), "<u4").tolist())
        for base in words:
            entries, count, stride = next(words), next(words), next(words)
            written += [(base + k * stride + word, next(words)) for k in range(entries) for word in range(count)]
    else:
        if road != "driver":  # the fault that this test is to find
            monkeypatch.setattr(Design, "still", {})
        chip, written = opened(one, one, other), []
        write = chip.link.pipe.chip._write
        chip.link.pipe.chip._write = lambda *what: written.append(what) or write(*what)
        chip.load(other)
        chip.close()
        written = [(address, value) for address, value in written if address < 1 << one.address_bits]
    host, seen = Host(networks["first"], configuration, parameters), []

    async def bench(host):
        for address, value in written:
            await host.write(address, value)
            while address == ADDRESS["control"] and await host.read(ADDRESS["status"]) & 1:
                pass
        seen.append(await host.read(ADDRESS["status"]))

    host.run(bench)
    assert seen == [4 if road == "tables of two networks" else 0]


@pytest.mark.parametrize("direction", ["to_chip", "from_chip"])
def test_loading_over_a_bad_line(design, two, x, direction):
    noise = Noise(4, drop=0.06, corrupt=0.06, double=0.06)
    noise.quiet = True
    chip = opened(design, design, two, **{direction: noise})
    noise.quiet = False
    chip.load(two)
    noise.quiet = True
    assert sum(noise.done.values()) > 1
    assert chip.link.pipe.chip._holds(two)
    chip.close()


def test_a_memory_that_forgets(chip, two):
    about = two.memories["core0.weights0"]
    write = chip.link.pipe.chip._write
    chip.link.pipe.chip._write = lambda address, value: None if address == about["base"] + 2 else write(address, value)
    chip.link.pipe.chip.words[about["base"] + 2] = 0xFFFF
    with pytest.raises(LinkError) as caught:
        chip.load(two)
    assert str(caught.value) == "the pipe: memory core0.weights0, entry 2 was not kept; load again"
    assert chip.identity.network == 1


def test_memories_by_name(chip, design):
    weights = chip.memory("core0.weights0")
    about = design.memories["core0.weights0"]
    assert list(weights) == list(about["fields"])
    first = design.network.projections[0].synapses.weights  # rows of the first group of neurons come first
    stored = np.array([weights[str(lane)][: len(first)] for lane in range(4)]).T
    assert (stored == first[:, :4] & 15).all()
    words = chip.read_memory("core0.weights0")
    assert (words == design.contents("core0.weights0")).all()
    chip.write_memory("core0.weights0", words ^ 1)
    assert (chip.read_memory("core0.weights0") == words ^ 1).all()
    assert chip.identity.network == 1
    with pytest.raises(Refusal, match="There is no memory 'weights'; there are core0.populations, "):
        chip.memory("weights")
    with pytest.raises(
        Refusal, match=r"Memory core0.weights0 takes words in 0..4294967295 of the shape \(\d+, 1\), not int64"
    ):
        chip.write_memory("core0.weights0", np.zeros((1, 1), np.int64))


def test_channels_side_by_side(tmp_path):
    """Inputs and events have the integer model's numbers, whatever the chip's are."""
    network = lively(sizes=(6, 12, 4))
    rtl = tmp_path / "rtl"
    manifest = generate(network, Configuration(lanes=4), rtl)
    numbered = {"in": (3, 4), "layer1": (3, 4), "layer2": (2, 3)}
    for source in manifest["sources"]:
        source["channels"], source["padded"] = numbered[source["name"]]
    seal(rtl, manifest)
    x = (np.random.default_rng(3).random((12, 6, 6)) < 0.5).astype(np.int64)
    golden = simulate.run(network, x, record="all")
    assert all(0 < events.mean() < 1 for events in golden.events.values())
    chip = opened(Design(rtl))
    came, _ = chip.run(x, record="all")
    assert list(came) == ["layer1", "layer2"]
    check(came, golden)
    for step, came in enumerate(chip.live(iter(x[0]), record="all")):
        assert all((values == golden.events[name][0, step]).all() for name, values in came.items())
    chip.close()


def test_what_the_hardware_counts(tmp_path, chip):
    with pytest.raises(Refusal, match="its hardware counts nothing; generate it with 'counters: true'"):
        chip.activity()
    cores = {"layer1": [0, 1], "layer2": 2}
    generate(lively(), Configuration(lanes=4, cores=cores, topology="mesh", counters=True), tmp_path / "rtl")
    counting = opened(Design(tmp_path / "rtl"))
    region = counting.design.memories["host.counters"]
    for entry in range(region["entries"]):
        counting.link.write(region["base"] + entry * region["stride"], 1000 + entry)
    found = counting.activity()
    assert list(found.values()) == list(range(1000, 1000 + region["entries"]))
    assert list(found)[:2] == ["core0 tick", "core0 credit"]
    assert found["core2 output"] + 1 == found["node 0 -> router 0 moved"]


def test_populations_in_parts(tmp_path):
    """What comes has the names and numbers of the network, which knows of no parts."""
    network = lively(sizes=(6, 12, 4))
    cores = {"layer1": [0, 0, 0], "layer2": 0}
    generate(network, Configuration(lanes=4, cores=cores), tmp_path / "rtl")
    x = (np.random.default_rng(3).random((12, 6, 6)) < 0.5).astype(np.int64)
    golden = simulate.run(network, x, record="all")
    assert all(0 < events.mean() < 1 for events in golden.events.values())
    chip = opened(Design(tmp_path / "rtl"))
    assert [source.name for source in chip.design.observed] == [
        *(f"layer1[{k}]" for k in range(3)),
        "layer2",
    ]
    for record, names in {"all": ["layer1", "layer2"], "output": ["layer2"], "layer1": ["layer1"]}.items():
        came, _ = chip.run(x, record=record)
        assert list(came) == names
        check(came, golden)
    for step, came in enumerate(chip.live(iter(x[0]), record="all")):
        assert all((values == golden.events[name][0, step]).all() for name, values in came.items())
    with pytest.raises(Refusal, match=r"There is no population 'layer1\[0\]' to record; there are layer1, layer2"):
        chip.run(x, record="layer1[0]")
    assert {name: len(states["v"]) for name, states in chip.states().items()} == {"layer1": 12, "layer2": 4}
    chip.close()


def test_states_are_read_from_their_memories(chip, design):
    expected = {}
    for name in (n for n in design.memories if "state" in n):
        about = design.memories[name]
        for entry in range(about["entries"]):
            for word in range(about["words"]):
                chip.link.pipe.chip.words[about["base"] + entry * about["stride"] + word] = 16 * entry + word
    words = np.array([chip.link.pipe.chip.words[a] for a in design.state_addresses()], np.uint32)
    expected = design.states(words)
    states = chip.states()
    assert {name: list(s) for name, s in states.items()} == {"layer1": ["v"], "layer2": ["v"]}
    for name, arrays in states.items():
        assert (arrays["v"] == expected[name]["v"]).all()
    assert states["layer1"]["v"].any()


# Live -------------------------------------------------------------------------------------------------------------


def test_a_closed_loop(chip, design):
    """The next input depends on the last output, so no step may be taken before its turn."""
    sent, got = [np.ones(5, np.int64)], []

    def inputs():
        for _ in range(30):
            yield sent[-1]

    for events in chip.live(inputs(), record="all"):
        got.append(events)
        assert len(got) == len(sent)
        sent.append((np.arange(5) % 2 == events["layer2"].sum() % 2).astype(np.int64))
    expected = simulate.run(design.network, np.array(sent[:-1])[None], record="all")
    assert len(got) == 30
    for name in ("layer1", "layer2"):
        assert ([g[name].tolist() for g in got] == expected.events[name][0]).all()
        assert expected.events[name].any()


def test_a_loop_does_not_go_on_after_a_run(chip, x):
    loop = chip.live(x[0])
    next(loop)
    chip.run(x)
    with pytest.raises(LinkError, match="was used for something else since the last step; begin live again"):
        next(loop)


def test_a_run_after_a_loop_that_was_left(chip, x, golden):
    next(chip.live(iter(x[0])))
    check(chip.run(x)[0], golden)


# Refusals ---------------------------------------------------------------------------------------------------------


def refused(work, *words, **options):
    with pytest.raises(Refusal) as caught:
        work(*words, **options)
    return str(caught.value)


def test_another_network_is_refused_unless_forced(chip, design, x, golden):
    chip.link.write_register("network", 0xABC)
    message = (
        f"the pipe: the chip holds another network (0x00000abc) than 0x{design.network_id:08x}; load that, or run with "
        "force=True"
    )
    assert refused(chip.run, x) == message
    assert refused(list, chip.live(x[0])) == message
    check(chip.run(x, force=True)[0], golden)


def test_other_hardware_is_refused(chip, design, folders):
    other = Design(folders["larger"])
    message = (
        f"{folders['larger']}: was made for other hardware (0x{other.hardware_id:08x}) than the chip on the pipe "
        f"(0x{design.hardware_id:08x}); give the folder that the chip was built from, or build this one"
    )
    assert refused(chip.load, other) == message
    assert refused(Chip, chip.link, folders["larger"]) == message
    assert chip.identity.network == design.network_id


def test_without_a_design_there_is_an_identity_only(design, x):
    chip = Chip(Link(MemoryPipe(StandIn(design))))
    assert chip.identity.hardware == design.hardware_id
    assert chip.identity.clock_hz == 25_000_000
    assert chip.counters()["dropped"] == 0
    assert refused(chip.run, x) == (
        "the pipe: what its memories mean is unknown; give design= the folder it was built from"
    )
    chip.close()


def test_what_cannot_be_sent(chip, x, two):
    assert refused(chip.run, x * 2) == "x has events of 0..2; the input 'in' takes 0..1: scale x"
    assert refused(list, chip.live([x[0, 0], -x[0, 0]])) == "x has events of -1..0; the input 'in' takes 0..1: scale x"
    shape = "x must be integers (samples, steps, 5), not int64 of the shape (12, 6, 4)"
    assert refused(chip.run, x[:, :, :4]) == shape
    assert refused(chip.run, x / 1).startswith("x must be integers (samples, steps, 5), not float64")
    long = np.zeros((1, 65536, 5), np.int8)
    assert refused(chip.run, long) == "x has 65536 steps; the chip counts to 65535: give shorter samples"
    assert refused(chip.run, x, record="layer9") == (
        "There is no population 'layer9' to record; there are layer1, layer2"
    )
    assert refused(chip.run, x, record=()) == "Nothing is recorded; name a population, or 'output' or 'all'"


# Unplugged --------------------------------------------------------------------------------------------------------


def test_unplugged_in_mid_run(design, x):
    many = np.concatenate([x] * 200)
    with PseudoTerminal(StandIn(design), after=5000) as terminal:
        chip = Chip(Link(SerialPort(terminal.port)), design)
        started = time.monotonic()
        with pytest.raises(LinkError, match=f"{terminal.port}: was unplugged, or its adapter failed; plug"):
            chip.run(many)
        assert time.monotonic() - started < 2
        chip.close()


def test_silent_in_mid_run(design, x):
    """A chip without power behind an adapter with it, at the times that are the default."""
    chip = Chip(Link(MemoryPipe(StandIn(design))), design)
    stand_in = chip.link.pipe.chip
    stand_in._tick = lambda: setattr(stand_in, "mute", True) or []
    started = time.monotonic()
    with pytest.raises(LinkError, match="the pipe: the chip stopped answering; check power and cable"):
        chip.run(x)
    assert time.monotonic() - started < 2
    chip.close()


def test_no_thread_is_left(design):
    before = threading.active_count()
    chip = opened(design)
    assert threading.active_count() == before + 2
    chip.link.pipe.unplug(OSError(errno.EIO, "gone"))
    chip.close()
    assert threading.active_count() == before
