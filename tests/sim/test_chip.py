"""The simulated chip's line, faults and process, on a small hand-written chip that says what it hears."""

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import serial

from spikeloom.golden.network import Refusal
from spikeloom.sim import chip as simulated
from spikeloom.sim.chip import Faults, SimulatedChip

ECHO = Path(__file__).parent / "echo" / "chip.v"
KEY = 0x5A
BUSY, FINISH, NO_STOP = (1 << bit for bit in (8, 9, 10))


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "key.mem").write_text(f"{KEY:02x}\n")
    return tmp_path / "images"


@pytest.fixture
def echo(images):
    """Makes chips."""
    return partial(SimulatedChip, [ECHO], images)


@contextmanager
def opened(chip):
    with serial.Serial(chip.port, 1_000_000, timeout=10, write_timeout=10, exclusive=True) as port:
        yield port


def noise(count, seed=1):
    return np.random.default_rng(seed).integers(256, size=count, dtype=np.uint8)


def keyed(data, key=KEY):
    return (np.asarray(data, np.uint8) ^ key).tobytes()


def converse(chip, data, answers, pieces=1):
    """What comes back for ``data``, sent in pieces; ``answers`` bytes are awaited."""
    with opened(chip) as port:
        for piece in np.array_split(data, pieces):
            port.write(piece.tobytes())
        said = port.read(answers)
        return np.frombuffer(said, np.uint8) ^ KEY


def until(condition, seconds=20):
    """Waits, without a fixed time, for what is bound to happen."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("divider", [4, 5, 8, 13, 217])
def test_every_byte_comes_back_in_order(echo, divider):
    data = np.concatenate([np.arange(256, dtype=np.uint8), noise(600)])
    with echo(divider=divider, network=0x33) as chip, opened(chip) as port:
        for size in (1, 2, 3, 256, len(data)):
            port.write(data[:size].tobytes())
            assert port.read(size) == keyed(data[:size], KEY ^ 0x33)
        assert not port.in_waiting
        found = chip.statistics()
    assert found["in_bytes"] == found["out_bytes"] == 262 + len(data) and found["broken"] == found["lost"] == 0


def test_a_byte_is_ten_bits(echo):
    with echo(divider=8) as chip, opened(chip) as port:
        port.write(b"U")
        port.read(1)
        until(lambda: chip.statistics()["out_busy"] == 80)
        found = chip.statistics()
        assert {found[f"{side}_last"] - found[f"{side}_first"] for side in ("in", "out")} == {80} == {found["in_busy"]}
        # The chip answers in the middle of the stop bit, a few clocks later.
        assert 76 <= found["out_first"] - found["in_first"] < 90 and found["out_last"] <= found["clocks"]


def test_a_stream_fills_the_line(echo):
    data = noise(10_000)
    with echo() as chip:
        assert np.array_equal(converse(chip, data[:100], 100), data[:100])
        assert chip.statistics(reset=True)["in_bytes"] == 100
        assert np.array_equal(converse(chip, data, len(data)), data)
        found = chip.statistics()
    for side in ("in", "out"):
        assert found[f"{side}_bytes"] == 10_000 and 0 <= found[f"{side}_busy"] - 80 * 10_000 < 80
        assert 0.95 <= found[f"{side}_busy"] / (found[f"{side}_last"] - found[f"{side}_first"]) <= 1
        assert 0 <= found[f"{side}_first"] < found[f"{side}_last"] <= found["clocks"]


def test_a_window_starts_empty(echo):
    with echo(faults=Faults(flip=0.1, drop=0.1, double=0.1, insert=0.1)) as chip:
        with opened(chip) as port:
            port.write(noise(300).tobytes())
            until(lambda: all_said(chip.statistics(), 300))
        until(lambda: chip.statistics()["clocks"] > 200_000)
        assert sum(value > 0 for value in chip.statistics(reset=True).values()) >= 17
        after = chip.statistics()
        assert {name for name, value in after.items() if value} == {"clocks"} and after["clocks"] < 100_000


def test_a_program_need_not_know_of_terminals(echo):
    with echo() as chip:
        port = os.open(chip.port, os.O_RDWR | os.O_NOCTTY)
        os.write(port, bytes(range(256)))
        until(lambda: chip.statistics()["out_bytes"] == 256)
        assert select.select([port], [], [], 10)[0] and os.read(port, 1000) == keyed(range(256))
        os.close(port)


def test_no_more_is_taken_than_the_line_takes(echo):
    """At 655,350 clocks per byte a program cannot be rid of a million bytes."""
    with echo(divider=0xFFFF) as chip, opened(chip) as port:
        port.write_timeout = 0.3
        with pytest.raises(serial.SerialTimeoutException):
            port.write(bytes(1_000_000))
        assert chip.statistics()["in_bytes"] < 100


def test_a_program_may_read_late(echo):
    """The clock does not wait for it, and nothing is lost, though the kernel holds less."""
    data = noise(100_000)
    with echo(divider=4) as chip, opened(chip) as port:
        port.write(data.tobytes())
        until(lambda: chip.statistics()["out_bytes"] == len(data))
        assert port.read(len(data)) == keyed(data) and chip.statistics()["lost"] == 0


def test_the_port_may_be_closed_and_opened(echo):
    data = noise(100)
    with echo() as chip:
        for again in range(3):
            assert np.array_equal(converse(chip, data, len(data)), data)
            with opened(chip) as port:
                os.kill(chip.pid, signal.SIGSTOP)
                port.write(b"late" + data.tobytes())
            os.kill(chip.pid, signal.SIGCONT)
            # It is heard, and what the chip says to it is for nobody, also not for who comes next.
            until(lambda said=104 * (again + 1): chip.statistics()["lost"] == said)
        assert chip.statistics()["in_bytes"] == 3 * 204


def test_bytes_without_a_stop_bit_are_counted(echo):
    with echo(network=NO_STOP) as chip, opened(chip) as port:
        port.write(b"\x00")
        until(lambda: chip.statistics()["broken"] == 1)
        assert chip.statistics()["out_bytes"] == 0 == port.in_waiting
        chip.statistics(reset=True)
        assert chip.statistics()["broken"] == 0


KINDS = ("flip", "drop", "double", "insert")
COUNTERS = dict(zip(KINDS, ("flipped", "dropped", "doubled", "inserted"), strict=True))
SENT = 4000


def all_said(found, sent):
    """Everything sent has come back, up to the faults on the way back."""
    came = sent + found["in_doubled"] + found["in_inserted"] - found["in_dropped"]
    return found["in_bytes"] == came == found["out_bytes"]


def spoilt(make, faults, pieces=1):
    """What :data:`SENT` bytes become, and the counters."""
    with make(faults=faults) as chip, opened(chip) as port:
        for piece in np.array_split(noise(SENT), pieces):
            port.write(piece.tobytes())
        until(lambda: all_said(chip.statistics(), SENT))
        found = chip.statistics()
        count = found["out_bytes"] + found["out_doubled"] + found["out_inserted"] - found["out_dropped"]
        return np.frombuffer(port.read(count), np.uint8) ^ KEY, found


def holds(longer, shorter):
    """``shorter`` is left of ``longer`` without some of its elements."""
    rest = iter(longer.tolist())
    return all(element in rest for element in shorter.tolist())


@pytest.mark.parametrize("side", ["in", "out"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_does_what_it_says(echo, kind, side):
    data = noise(SENT)
    faults = Faults(**{kind: 0.05}, seed=4, to_chip=side == "in", from_chip=side == "out")
    got, found = spoilt(echo, faults)
    hits = {name: value for name, value in found.items() if name.partition("_")[2] in COUNTERS.values() and value}
    assert list(hits) == [f"{side}_{COUNTERS[kind]}"]
    (count,) = hits.values()
    assert abs(count - 0.05 * SENT) < 5 * (0.05 * SENT) ** 0.5
    assert len(got) == SENT + {"flip": 0, "drop": -count, "double": count, "insert": count}[kind]
    if kind == "flip":
        flipped = got[got != data] ^ data[got != data]
        assert len(flipped) == count and set(flipped.tolist()) == {1 << bit for bit in range(8)}
    elif kind == "drop":
        assert holds(data, got)
    else:
        assert holds(got, data)
    repeated = (got[1:] == got[:-1]).sum() - (data[1:] == data[:-1]).sum()
    assert repeated == count if kind == "double" else repeated < 10


@pytest.mark.parametrize("sides", [("in",), ("out",), ("in", "out")])
def test_faults_depend_on_the_seed_alone(echo, sides):
    mixture = dict.fromkeys(KINDS, 0.02) | {"to_chip": "in" in sides, "from_chip": "out" in sides}
    first, found = spoilt(echo, Faults(**mixture, seed=7))
    assert all((found[f"{s}_{c}"] > 40) == (s in sides) for s in ("in", "out") for c in COUNTERS.values())
    again, found_again = spoilt(echo, Faults(**mixture, seed=7), pieces=50)
    other, _ = spoilt(echo, Faults(**mixture, seed=8))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert all(found[name] == found_again[name] for name in found if name.endswith("ed"))


def test_faults_begin_and_end_when_told(echo):
    data = noise(300)
    with echo() as chip:
        assert np.array_equal(converse(chip, data, 300), data)
        chip.inject(Faults(flip=1.0, from_chip=False))
        spoilt = converse(chip, data, 300)
        assert len(spoilt) == 300 and not (spoilt == data).any()
        chip.inject(None)
        assert np.array_equal(converse(chip, data, 300), data)
        assert chip.statistics()["in_flipped"] == 300


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda echo: echo(divider=3), "Divider must be in 4..65535 clocks per bit, not 3"),
        (lambda echo: echo(divider=65536), "Divider must be in 4..65535 clocks per bit, not 65536"),
        (lambda echo: echo(network=1 << 32), "Network must be a 32-bit number, not 4294967296"),
        (lambda echo: Faults(drop=1.5), "Drop must be a probability in 0..1, not 1.5"),
        (lambda echo: Faults(seed=-1), "Seed must be in 0..4294967295, not -1"),
    ],
)
def test_wrong_parameters(echo, make, text):
    with pytest.raises(ValueError) as caught:
        make(echo)
    assert str(caught.value) == text


def test_a_missing_image_is_refused(echo, images):
    (images / "key.mem").unlink()
    with pytest.raises(Refusal, match="A memory image is missing: .*key.mem"):
        echo()


def test_a_design_that_does_not_compile_is_refused(tmp_path):
    (tmp_path / "chip.v").write_text("module chip(; endmodule")
    with pytest.raises(Refusal, match=r"chip.v: Verilator or the C\+\+ compiler failed: %Error: .*") as caught:
        SimulatedChip([tmp_path / "chip.v"])
    assert "amaranth" not in str(caught.value)


def test_unplugged_the_port_is_gone_and_the_chip_runs_on(echo):
    with echo() as chip, opened(chip) as port:
        port.write(b"x")
        assert port.read(1) == keyed([ord("x")])
        chip.unplug()
        with pytest.raises(serial.SerialException):
            port.read(1)
        with pytest.raises(serial.SerialException):
            port.write(b"x")
        with pytest.raises(serial.SerialException):
            serial.Serial(chip.port)
        before = chip.statistics()["clocks"]
        until(lambda: chip.statistics()["clocks"] > before)
        chip.unplug()


def test_closing_ends_it_once_and_for_all(echo):
    chip = echo()
    assert running(chip.pid) and os.getsid(chip.pid) == chip.pid  # a terminal's interrupt does not reach it
    chip.check()
    chip.close()
    chip.close()
    chip.check()
    assert not running(chip.pid) and chip._child.returncode == 0
    with pytest.raises(RuntimeError, match="^The simulated chip is closed$"):
        chip.statistics()


def test_one_that_does_not_listen_is_ended(echo, monkeypatch):
    monkeypatch.setattr(simulated, "END_SECONDS", 0.1)
    with echo() as chip:
        os.kill(chip.pid, signal.SIGSTOP)
    assert not running(chip.pid)


def test_what_it_said_last_is_told(echo):
    with pytest.raises(
        RuntimeError, match=r"^The simulated chip ended \(1\): (.*\n)*the design ended the simulation in"
    ):
        with echo(network=FINISH) as chip:
            with opened(chip) as port:
                port.write(b"\xfd")
                until(lambda: not running(chip.pid))
            with pytest.raises(RuntimeError, match="what the design prints is no answer"):
                chip.statistics()


def test_an_error_in_the_block_is_not_replaced(echo):
    with pytest.raises(ZeroDivisionError), echo() as chip:
        os.kill(chip.pid, signal.SIGKILL)
        until(lambda: not running(chip.pid))
        raise ZeroDivisionError


def test_it_ends_with_its_parent(echo, images):
    echo().close()  # builds
    program = f"""
import time
from pathlib import Path
from spikeloom.sim.chip import SimulatedChip
chip = SimulatedChip([Path({str(ECHO)!r})], Path({str(images)!r}))
print(chip.pid, flush=True)
time.sleep(100)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        assert running(pid)
        parent.kill()
    until(lambda: not running(pid))


def test_idle_it_leaves_the_machine_to_others(echo):
    """Yet its clock goes on; and one that works for itself runs faster than that."""

    def over(chip, seconds):
        """Clocks and seconds of the processor in so many seconds of ours."""
        clocks, ticks = chip.statistics()["clocks"], cpu(chip.pid)
        time.sleep(seconds)
        return chip.statistics()["clocks"] - clocks, (cpu(chip.pid) - ticks) / os.sysconf("SC_CLK_TCK")

    with echo(network=BUSY) as chip:
        until(lambda: chip.statistics()["clocks"] > 20_000)
        clocks, seconds = over(chip, 1.0)
        assert clocks > 200_000 and seconds < 0.3
        with opened(chip) as port:
            port.write(b"\xfe")
            until(lambda: chip.statistics()["in_bytes"] == 1)
            assert over(chip, 0.5)[0] > 0.75 * clocks


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
