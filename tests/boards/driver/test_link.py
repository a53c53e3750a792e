"""The client against the stand-in: right over bad lines, and a sentence for every way in which a port can be wrong."""

import errno
import os
import threading
import time

import numpy as np
import pytest
import serial
from serial.tools import list_ports

from spikeloom.boards.driver import frames, pipe
from spikeloom.boards.driver.link import Link
from spikeloom.boards.driver.pipe import LinkError, SerialPort
from spikeloom.boards.link.protocol import Kind
from stand_in import MemoryPipe, Noise, PseudoTerminal, StandIn

FAULTS = {
    "dropped": {"drop": 0.1},
    "cut": {"cut": 0.1},
    "corrupted": {"corrupt": 0.2},
    "doubled bytes": {"double": 0.2},
    "repeated frames": {"repeat": 0.3},
    "garbage": {"garbage": 0.3},
    "everything": {"drop": 0.03, "cut": 0.03, "corrupt": 0.05, "double": 0.05, "repeat": 0.1, "garbage": 0.1},
}


def opened(chip, to_chip=bytes, from_chip=bytes, **options):
    return Link(MemoryPipe(chip, to_chip, from_chip), **{"wait": 0.02, **options})


@pytest.fixture
def link(design):
    link = opened(StandIn(design))
    yield link
    link.close()


def test_it_says_what_it_found(link):
    assert (link.window, link.slot_bytes, link.flit_bytes) == (4, 64, link.pipe.chip.flit_bytes)
    assert (link.damaged, link.lost, link.resent) == (0, 0, 0)


def test_words(link):
    link.write(100, 1, 2, 0xFFFFFFFF)
    assert link.read(99, 5).tolist() == [0, 1, 2, 0xFFFFFFFF, 0]
    assert len(link.read(100, 150)) == 150
    link.write_register("network", 5)
    assert link.register("network") == 5


@pytest.mark.parametrize("direction", ["to the chip", "from the chip"])
@pytest.mark.parametrize("fault", FAULTS)
def test_data_arrives_once_and_in_order(design, fault, direction):
    chip, noise = StandIn(design), Noise(5, **FAULTS[fault])
    noise.quiet = True
    both = {"to_chip": noise} if direction == "to the chip" else {"from_chip": noise}
    link = opened(chip, **both, wait=0.01)
    written, write = [], chip._write
    chip._write = lambda address, value: written.append((address, value)) or write(address, value)
    noise.quiet = False
    words = np.arange(2000, dtype=np.uint32) * 77777
    link.load(1 << 20, words)
    noise.quiet = fault != "everything"  # what is only said when it happens may be lost as well
    link.flush()
    noise.quiet = True
    assert all(noise.done.values()), "each happened"
    assert written == [((1 << 20) + k, value) for k, value in enumerate(words.tolist())]
    assert link.resent > 0 or direction == "from the chip" or fault == "repeated frames"
    damaged = {"cut", "corrupted", "doubled bytes", "garbage", "everything"}
    if direction == "to the chip":
        assert (chip.damaged > 0) == (fault in damaged)
    else:
        assert (link.damaged > 0) == (fault in damaged)
    link.close()


def test_requests_are_asked_again(design):
    noise = Noise(2, drop=0.2, corrupt=0.2)
    noise.quiet = True
    link = opened(StandIn(design), to_chip=noise, from_chip=Noise(3, repeat=0.5), wait=0.01)
    noise.quiet = False
    for number in range(100):
        try:
            link.write(50, number)
            assert link.read(50).tolist() == [number]
        except LinkError:  # four times in a row, now and then
            continue
    assert all(noise.done.values())
    link.close()


def test_control_never_waits_for_data(design):
    link = opened(StandIn(design))
    link.pipe.chip.stuck = True
    thread = threading.Thread(target=lambda: link.load(1000, np.zeros(500, np.uint32)))
    thread.start()
    assert [link.register("clock_hz") for _ in range(5)] == [25_000_000] * 5
    assert len(link.pipe.chip.queue) <= 4
    link.pipe.chip.stuck = False
    # The next frame carries out those that wait.
    link.pipe.chip._data(frames.body(Kind.EVENTS, 0x77, flits=b""))
    thread.join()
    link.flush()
    assert link.pipe.chip.refused > 0
    link.close()


def test_lost_events_are_counted(link):
    events = [
        frames.encode(bytes((Kind.SENT << 4 | number % 16, 0)) + b"\1\2\3\4\5\6\7\x08")
        for number in (250, 253, 254, 254, 2)
    ]
    link.discard()
    with link.pipe.change:
        link.pipe.coming = b"".join(events)
    came = 0
    while came < 4 * 8 // link.flit_bytes:
        came += len(link.receive())
    assert link.lost == 2 + 3


def test_a_megabyte_of_garbage_costs_no_more_than_itself(link):
    garbage = np.random.default_rng(1).integers(0, 256, 1_000_000).astype(np.uint8)
    for noise in (garbage.tobytes(), np.maximum(garbage, 1).tobytes()):  # with zeros, and without any
        link.damaged = 0
        with link.pipe.change:
            link.pipe.coming = noise
        assert link.read(0).tolist() == [0]
        assert link.damaged > 0
    assert len(noise) == 1_000_000


# A sentence for each fault ----------------------------------------------------------------------------------------


def refusal(open_it, *words, **options):
    with pytest.raises(LinkError) as caught:
        open_it(*words, **options)
    return str(caught.value)


def test_no_such_port(monkeypatch):
    monkeypatch.setattr(list_ports, "comports", list)
    there = "there is no such port; there is none at all: plug the board in"
    assert refusal(SerialPort, "/dev/ttyNONE") == f"/dev/ttyNONE: {there}"
    ports = [type("Port", (), {"device": name}) for name in ("/dev/ttyUSB1", "/dev/ttyUSB0")]
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    there = "there is no such port; there are /dev/ttyUSB0, /dev/ttyUSB1"
    assert refusal(SerialPort, "/dev/ttyNONE") == f"/dev/ttyNONE: {there}"


def test_no_permission(monkeypatch):
    def denied(*_, **__):
        raise serial.SerialException(errno.EACCES, "could not open port")

    monkeypatch.setattr(pipe.serial, "Serial", denied)
    assert refusal(SerialPort, "/dev/ttyUSB0") == (
        "/dev/ttyUSB0: permission denied; run 'sudo usermod -aG dialout $USER', and log in again"
    )


def test_not_a_port(tmp_path):
    (tmp_path / "file").touch()
    message = refusal(SerialPort, str(tmp_path / "file"))
    assert message.startswith(f"{tmp_path}/file: cannot be opened as a serial port (")
    assert message.endswith("); name the port that the board is on")


def test_a_second_program(design):
    with PseudoTerminal(StandIn(design)) as terminal:
        first = Link(SerialPort(terminal.port))
        assert refusal(SerialPort, terminal.port) == (
            f"{terminal.port}: another program has this port open; close that one"
        )
        first.close()
        Link(SerialPort(terminal.port)).close()


def test_a_baud_rate_that_cannot_be():
    with PseudoTerminal(lambda data: b"") as terminal:
        assert refusal(SerialPort, terminal.port, -1) == (
            f"{terminal.port}: cannot run at -1 baud; build for another rate, and give it with baud="
        )


def test_nothing_answers():
    with PseudoTerminal(lambda data: b"") as terminal:
        assert refusal(Link, SerialPort(terminal.port, 9600), wait=0.01) == (
            f"{terminal.port}: nothing answers; is it the board's port, its bitstream loaded, "
            "and of the same baud rate (9600 baud)?"
        )


def test_something_else_answers():
    with PseudoTerminal(lambda data: b"login: \0") as terminal:
        assert refusal(Link, SerialPort(terminal.port), wait=0.01) == (
            f"{terminal.port}: what comes from there is no Spikeloom link, or of another baud rate (1000000 baud)"
        )


def test_another_kind_of_chip(design):
    chip = StandIn(design)
    chip.page[0] = 0x12345678
    assert refusal(opened, chip) == "the pipe: is no Spikeloom chip (it calls itself 0x12345678, not 0x4D4F4F4C)"


def test_another_version(design):
    chip = StandIn(design)
    chip.page[1] += 1
    assert refusal(opened, chip) == (
        "the pipe: the chip's link has version 2, and this driver 1; build the bitstream with the driver's version of "
        "Spikeloom"
    )


def test_it_stops_answering(link):
    link.pipe.chip.mute = True
    assert refusal(link.read, 0) == ("the pipe: the chip stopped answering; check power and cable, and open it again")


def test_it_was_reset(link):
    link.pipe.chip.expected = 9
    refusal(link.read, 0)
    assert refusal(link.receive) == "the pipe: the chip was reset in mid-run; run again"


def test_no_data_is_taken(design):
    link = opened(StandIn(design), patience=0.05)
    link.pipe.chip.stuck = True
    link.load(1000, np.zeros(1, np.uint32))
    assert refusal(link.flush) == "the pipe: the chip has taken no data for 0.05 s; reset the board"
    link.close()


def test_a_closed_link(link):
    link.close()
    assert link.pipe.closed
    assert refusal(link.read, 0) == "the pipe: is closed; open it again"


@pytest.mark.parametrize("waiting", ["read", "flush", "receive"])
def test_whoever_waits_is_told(design, waiting):
    link = opened(StandIn(design), wait=60.0)
    link.pipe.chip.mute = True
    work = {"read": lambda: link.read(0), "flush": link.flush, "receive": link.receive}[waiting]
    link.pipe.chip.stuck = True
    if waiting == "flush":
        link.load(0, np.zeros(1, np.uint32))
    threading.Timer(0.02, link.pipe.unplug, [OSError(errno.EIO, os.strerror(errno.EIO))]).start()
    with pytest.raises(LinkError) as caught:
        work()
    assert str(caught.value) == "the pipe: was unplugged, or its adapter failed; plug it in and open it again"
    assert isinstance(caught.value.__cause__, OSError)
    link.close()


def test_a_pipe_that_raises_anything(link):
    link.pipe.unplug(KeyError("x"))
    assert refusal(link.read, 0) == "the pipe: failed (KeyError: 'x'); open it again"


def test_a_port_that_is_pulled(design):
    with PseudoTerminal(StandIn(design), after=2000) as terminal:
        link = Link(SerialPort(terminal.port))
        with pytest.raises(LinkError, match="was unplugged, or its adapter failed"):
            link.load(1000, np.zeros(100_000, np.uint32))
        pulled = time.monotonic()
        link.close()
        assert time.monotonic() - pulled < 2
