"""What is loaded is checked first; then stand-ins say what openFPGALoader says, as its issues and sources quote it."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from spikeloom.boards import loader
from spikeloom.boards.catalogue import BOARDS
from spikeloom.boards.flash import flash
from spikeloom.golden.network import Refusal

ULX3S, ICEBREAKER, UPDUINO, BUTTERSTICK = "ulx3s-85f", "icebreaker", "upduino-v3", "butterstick"
DFU = ["--dfu", "--vid", "0x1209", "--pid", "0x5af1", "--altsetting", "0"]
HEADS = {
    ULX3S: b"\xff\x00Part: LFE5U-85F-6CABGA381\x00\xff\xff\xff\xbd\xb3\xff\xff",
    ICEBREAKER: b"\xff\x00\x00\xff\x7e\xaa\x99\x7e\x51\x00\x01\x05",
}
HEADS |= {UPDUINO: HEADS[ICEBREAKER], BUTTERSTICK: HEADS[ULX3S].replace(b"LFE5U-", b"LFE5UM5G-")}
NAMES = {name: f"spikeloom.{'bit' if b'Part' in head else 'bin'}" for name, head in HEADS.items()}
JTAG = "Jtag probe limited to 3MHz\nJtag frequency : requested 6000000Hz -> real 3000000Hz\nret 0\n"
LOADED = (
    f"write to ram\n{JTAG}Open file: DONE\nParse file: DONE\nEnable configuration: DONE\nSRAM erase: DONE\n"
    "\rLoading: [=====================                             ] 42.00%"
    "\rLoading: [==================================================] 100.00%"
    "\nDone\nDisable configuration: DONE\n"
)


def folder(path, board=ULX3S, changes=None):
    """What ``spikeloom build`` leaves, as far as loading looks at it."""
    path.mkdir()
    bitstream = path / NAMES[board]
    bitstream.write_bytes(HEADS[board] + bytes(100))
    report = {
        "format": 2,
        "board": board,
        "bitstream": bitstream.name,
        "sha256": hashlib.sha256(bitstream.read_bytes()).hexdigest(),
        "timing_met": True,
    }
    (path / "build.json").write_text(json.dumps(report | (changes or {})))
    return path


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Makes a stand-in that prints a text, notes its arguments and ends with a status."""

    def make(said="", status=0, then=""):
        path = tmp_path / "openFPGALoader"
        path.write_text(
            f"#!/bin/sh\nprintf '%s\\n' \"$@\" > '{tmp_path}/words'\ncat '{tmp_path}/said'\n{then}\nexit {status}\n"
        )
        path.chmod(0o755)
        (tmp_path / "said").write_text(said, newline="")
        monkeypatch.setenv("OPENFPGALOADER", str(path))
        return lambda: (tmp_path / "words").read_text().splitlines()

    return make


@pytest.fixture
def no_tool(monkeypatch):
    """Whatever is refused first never gets as far as a tool."""

    def called(*_):
        raise AssertionError("the tool was called")

    monkeypatch.setattr(loader, "load", called)


# How it is called -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "board, options, words",
    [
        (ULX3S, {}, ["--board", "ulx3s", "--write-sram"]),
        (ULX3S, {"to": "flash"}, ["--board", "ulx3s", "--write-flash", "--verify"]),
        (ULX3S, {"cable": "ft232", "board": ULX3S}, ["--board", "ulx3s", "--cable", "ft232", "--write-sram"]),
        (ICEBREAKER, {}, ["--board", "ice40_generic", "--write-flash", "--verify"]),
        (ICEBREAKER, {"to": "sram"}, ["--board", "ice40_generic", "--write-sram"]),
        (UPDUINO, {}, ["--board", "ice40_generic", "--cable", "ft232", "--write-flash", "--verify"]),
        (UPDUINO, {"cable": "x"}, ["--board", "ice40_generic", "--cable", "x", "--write-flash", "--verify"]),
        (BUTTERSTICK, {}, [*DFU, "--write-flash", "--verify"]),
        (BUTTERSTICK, {"to": "sram", "cable": "ft2232"}, ["--cable", "ft2232", "--write-sram"]),
    ],
)
def test_the_tools_arguments(tmp_path, tool, board, options, words):
    called = tool(LOADED)
    report = flash(folder(tmp_path / "out", board), **options)
    assert called() == [*words, str(tmp_path / "out" / NAMES[board])]
    assert (report.board, report.to, report.notes) == (board, "flash" if "--verify" in words else "sram", ())
    assert report.bitstream == tmp_path / "out" / NAMES[board]


def test_a_bitstream_alone_and_one_in_its_folder(tmp_path, tool, monkeypatch):
    called = tool(LOADED)
    monkeypatch.chdir(tmp_path)
    built = folder(tmp_path / "out")
    assert flash(built / "spikeloom.bit").notes == ()
    (built / "spikeloom.bit").rename("-f.bit")
    assert flash("-f.bit", board=ULX3S).notes == ("which clocks and pins it expects is not known",)
    assert called()[-1] == str(tmp_path / "-f.bit")


def test_progress_is_passed_on(tmp_path, tool):
    seen = []
    tool(then="for k in 10 55 100; do printf '\\rRead flash : [==== ] %s.00%%' $k; sleep 0.1; done")
    flash(folder(tmp_path / "out"), progress=lambda *said: seen.append(said))
    assert list(dict.fromkeys(seen)) == [("read flash", percent, 100) for percent in (10, 55, 100)]


# What is refused before -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, options, message",
    [
        ({}, {"board": ICEBREAKER}, ".*/out: was built for ulx3s-85f and would not work on icebreaker; build it again"),
        ({}, {"board": "icebraker"}, "There is no board 'icebraker'; did you mean icebreaker"),
        ({}, {"to": "moon"}, "A bitstream goes to 'sram' or 'flash', not 'moon'"),
        ({}, {"cable": "--unprotect-flash"}, "'--unprotect-flash' is not the name of a cable; .* lists them"),
        ({"board": "zynq"}, {}, ".*/build.json: is for a board 'zynq', which is none of ulx3s-85f, ulx3s-25f, "),
        ({"board": ["ulx3s-85f"]}, {}, ".*/build.json: damaged, or half-written; build it again"),
        ({"timing_met": None}, {}, ".*/build.json: damaged"),
        ({"sha256": "0" * 64}, {}, ".*/spikeloom.bit: missing, or not what build.json says; build it again"),
        ({"bitstream": "../lone.bit"}, {}, ".*/out/lone.bit: missing, or not what build.json says"),
        ({"bitstream": ""}, {}, ".*/out: missing, or not what build.json says"),
        ({"timing_met": False}, {}, ".*/out: its timing is missed, so the chip may answer wrongly; build .* --force"),
    ],
)
def test_a_folder_is_checked(tmp_path, no_tool, changes, options, message):
    (tmp_path / "lone.bit").write_bytes(HEADS[ULX3S])
    with pytest.raises(Refusal, match=f"^{message}"):
        flash(folder(tmp_path / "out", changes=changes), **options)


@pytest.mark.parametrize("text", ["", "[1]", '{"board": ', "[" * 100_000, " " * (1 << 22) + "{}", "\x00\xff"])
def test_a_half_written_report_is_refused(tmp_path, no_tool, text):
    built = folder(tmp_path / "out")
    (built / "build.json").write_text(text, "latin-1")
    for source in (built, built / "spikeloom.bit"):
        with pytest.raises(Refusal, match="build.json: damaged, or half-written; build it again$"):
            flash(source)


def test_missed_timing_is_said_again_when_forced(tmp_path, tool):
    tool(LOADED)
    report = flash(folder(tmp_path / "out", changes={"timing_met": False}), force=True)
    assert report.notes == ("its timing is missed: do not trust what the chip answers",)


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("nothing", {}, "there is no such folder or file; make it with 'spikeloom build'"),
        ("empty", {}, r"not a folder that 'spikeloom build' wrote \(there is no build.json\); make one with"),
        ("demo", {}, r"not a folder .* \(there is no build.json\); did you mean .*/demo/inner\?"),
        ("lone.bit", {}, "nothing says which board it is for; give the folder that .*, or --board"),
        ("lone.bit", {"board": ICEBREAKER}, "is a bitstream for LFE5U-85F-6CABGA381, but icebreaker has iCE40UP5K"),
        ("small.bit", {"board": ULX3S}, "is a bitstream for LFE5U-12F-6CABGA381, but ulx3s-85f has LFE5U-85F"),
        ("lone.bin", {"board": ULX3S}, "is a bitstream for ice40, but ulx3s-85f has LFE5U-85F; build it for that"),
        (
            "text",
            {"board": ULX3S},
            "not a bitstream for ecp5 or ice40 or .*; give what 'spikeloom build' wrote",
        ),
        ("huge", {"board": ULX3S}, "too large to be a bitstream"),
    ],
)
def test_what_is_no_bitstream_is_refused(tmp_path, no_tool, name, options, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "demo").mkdir()
    folder(tmp_path / "demo" / "inner")
    (tmp_path / "lone.bit").write_bytes(HEADS[ULX3S])
    (tmp_path / "small.bit").write_bytes(HEADS[ULX3S].replace(b"85F", b"12F"))
    (tmp_path / "lone.bin").write_bytes(HEADS[ICEBREAKER])
    (tmp_path / "text").write_text("a poem")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate((1 << 26) + 1)
    with pytest.raises(Refusal, match=f"^{tmp_path / name}: {message}"):
        flash(tmp_path / name, **options)


# What the tool says -----------------------------------------------------------------------------------------------

NO_CABLE = "unable to open ftdi device: -3 (device not found)\n"
JTAG_FAILED = "JTAG init failed with: unable to open ftdi device\n"
SPI_FAILED = "Error: Failed to claim cable\n"
MISMATCH = (
    f"{JTAG}Open file: DONE\nParse file: DONE\nmismatch between target's idcode and bitstream idcode\n"
    "\tbitstream has 0x41113043 hardware requires 0x{}\nError: Failed to program FPGA: std::exception\n"
)
SPI_VERIFY = (
    "Writing: [=====] 100.00%\nDone\nVerifying write (May take time)\n\rRead flash : [=====] 100.00%\n"
    "Fail\nVerification failed at 256\nWait for CDONE DONE\n"
)
UDEV = 'SUBSYSTEM=="usb", ATTRS{idVendor}=="0403", ATTRS{idProduct}=="%s", MODE="0660", GROUP="plugdev", TAG+="uaccess"'
FAILURES = {
    "unplugged": (ULX3S, NO_CABLE + JTAG_FAILED, 1, "No ULX3S was found: plug it in .* 'lsusb' lists 0403:6015"),
    "unplugged, SPI": (ICEBREAKER, NO_CABLE + SPI_FAILED, 1, "No iCEBreaker was found: .* 0403:6010"),
    "not in its loader": (
        BUTTERSTICK,
        "Open file DONE\nParse file DONE\nOpen device 1209:5af1 Not found\n"
        "Error: DFU init failed with: No DFU compatible device found\n",
        1,
        "The ButterStick is not in its USB loader: hold its button down .* 'lsusb' lists 1209:5af1; if it does, .*5af1",
    ),
    "no power": (
        ULX3S,
        f"{JTAG}Error: no device found\n",
        1,
        "The cable answers, but nothing that ulx3s knows is behind",
    ),
    "permission": (
        ULX3S,
        "unable to open ftdi device: -4 (usb_open() failed)\n" + JTAG_FAILED,
        1,
        "This user may not use the USB cable: write the line '.*' to /etc/udev/rules.d/60-openfpgaloader.rules, run "
        "'sudo udevadm control --reload' and plug the board in again",
    ),
    "permission, SPI": (
        ICEBREAKER,
        "unable to open ftdi device: -4 (libusb_open() failed)\n" + SPI_FAILED,
        1,
        "This user may not use the USB cable: write the line '.*6010.*' to",
    ),
    "busy": (
        ULX3S,
        "unable to open ftdi device: -5 (unable to claim usb device. Make sure the default FTDI driver is not in use)\n"
        + JTAG_FAILED,
        1,
        "Another program holds the USB cable: end it .* 'fuser -v /dev/ttyUSB.*ftdi_sio",
    ),
    "reset": (
        ULX3S,
        "unable to open ftdi device: -6 (ftdi_usb_reset failed)\n" + JTAG_FAILED,
        1,
        "The USB cable does not answer any more: unplug the board, plug it in",
    ),
    "pulled out": (
        ICEBREAKER,
        "write error: -666 instead of 512\nfail to read data usb bulk read failed\n",
        1,
        "The USB cable does not answer any more",
    ),
    "another size": (
        ULX3S,
        MISMATCH.format("21111043"),
        1,
        "The bitstream is for LFE5U-85F, but the FPGA on this board is LFE5U-12F: plug in a board with LFE5U-85F",
    ),
    "another device": (
        ULX3S,
        MISMATCH.format("0362d093"),
        1,
        "The .* but the FPGA on this board is the device 0x0362d093",
    ),
    "no identification": (
        ULX3S,
        MISMATCH.format("ffffffff"),
        1,
        r"The FPGA does not say what it is \(0xffffffff\): see",
    ),
    "refused": (
        ULX3S,
        "Enable configuration: DONE\nSRAM erase: DONE\n\rLoading: [====] 100.000000%\nFail\ndisplayReadReg\n\tID ERR\n"
        "\tEXEC Error\n",
        1,
        "The FPGA refused the bitstream: see that the board is a ULX3S with LFE5U-85F, then unplug",
    ),
    "verify, status 0": (ICEBREAKER, SPI_VERIFY, 0, "The flash does not hold what was written: unplug the board"),
    "not started": (ICEBREAKER, "Wait for CDONE FAIL\n", 0, "The FPGA did not start with this bitstream: see that"),
    "protected": (
        ULX3S,
        "unlock blocks\nError: block protection is set\n       can't unlock without --unprotect-flash\n",
        0,
        "The flash is write-protected: run 'openFPGALoader --board ulx3s --unprotect-flash' once",
    ),
    "old tool": (
        ULX3S,
        "Error: cannot find board 'ulx3s'\n",
        1,
        "This openFPGALoader does not know the board ulx3s: take",
    ),
    "libraries": (
        ULX3S,
        "openFPGALoader: error while loading shared libraries: libftdi1.so.2: cannot open shared object file: No such "
        "file or directory\n",
        127,
        "openFPGALoader lacks a library: install the package openfpgaloader .*apt install",
    ),
    "unknown": (ULX3S, "what a day\n", 7, "openFPGALoader ended with status 7 and did not load the board: unplug"),
    "silent": (ULX3S, "", 1, "openFPGALoader ended with status 1 and did not load the board: unplug"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_one_sentence_and_the_tools_last_lines(tmp_path, tool, case):
    board, said, status, message = FAILURES[case]
    tool(said, status)
    with pytest.raises(Refusal) as refusal:
        flash(folder(tmp_path / "out", board))
    sentence, *quoted = str(refusal.value).split("\n")
    assert re.match(f"{message}.*; the last that openFPGALoader said:$", sentence), sentence
    spoken = [line.strip() for line in said.replace("\r", "\n").splitlines() if line.strip()]
    assert [line.removeprefix("  ") for line in quoted] == (spoken[-8:] or ["(nothing)"])


def test_every_meaning_was_met():
    cases = [loader.explain(said, status=1, board=BOARDS[board], to="flash") for board, said, _, _ in FAILURES.values()]
    cases += [
        loader.explain(said, status=1, board=BOARDS[ULX3S], to="sram")
        for said in ("error : x not found", "Parse file: FAIL")
    ]
    begins = {meaning.split("{")[0] for _, meaning in loader.MEANINGS}
    assert len(begins) == len(loader.MEANINGS) == 14
    assert all(any(case.startswith(begin) for case in cases) for begin in begins)
    assert not any("{" in case.replace("ATTRS{idVendor}", "").replace("ATTRS{idProduct}", "") for case in cases)


def test_the_udev_line(tmp_path):
    said = FAILURES["permission"][1]
    assert UDEV % "6015" in loader.explain(said, status=1, board=BOARDS[ULX3S], to="sram")
    assert UDEV % "6010" in loader.explain(said, status=1, board=BOARDS[ICEBREAKER], to="flash")
    other = loader.explain(said, status=1, board=BOARDS[ULX3S], to="sram", cable="dirtyJtag")
    assert 'ATTRS{idVendor}=="VVVV"' in other and "(with VVVV:PPPP as 'lsusb' shows the cable), run" in other


def test_other_devices_are_nobodys_business():
    said = "Unable to open device: {} (bus 1, device  5) Error: LIBUSB_ERROR_ACCESS -> skip\n" + NO_CABLE + JTAG_FAILED
    for usb, cable, begin in (("05e3:0610", None, "No ULX3S"), ("0403:6015", None, "This"), ("05e3:0610", "x", "This")):
        assert loader.explain(said.format(usb), status=1, board=BOARDS[ULX3S], to="sram", cable=cable).startswith(begin)


def test_an_sram_behind_jumpers():
    text = loader.explain("Wait for CDONE FAIL", status=0, board=BOARDS[ICEBREAKER], to="sram")
    assert text.endswith("unless jumpers are moved; use --to flash")


def test_of_a_progress_bar_only_the_end_is_quoted(tmp_path, tool):
    bars = "".join(f"\rLoading: [==  ] {k}.00%" for k in range(101))
    tool(f"\x1b[94mSRAM erase: \x1b[0m\x1b[32mDONE\x1b[0m\n{bars}\nFail\n", 1)
    with pytest.raises(Refusal) as refusal:
        flash(folder(tmp_path / "out"))
    assert str(refusal.value).split("\n")[1:] == ["  SRAM erase: DONE", "  Loading: [==  ] 100.00%", "  Fail"]


# Without the tool, or without an end ------------------------------------------------------------------------------


def test_a_missing_tool_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENFPGALOADER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refusal, match="^The tool openFPGALoader is missing; install the package openfpgaloader"):
        flash(folder(tmp_path / "out"))
    (tmp_path / "openFPGALoader").write_text("#!/bin/sh\n")
    (tmp_path / "openFPGALoader").chmod(0o755)
    assert loader.find() == tmp_path / "openFPGALoader"
    monkeypatch.setenv("OPENFPGALOADER", "/nowhere/x")
    with pytest.raises(Refusal, match="is not at '/nowhere/x', where the environment variable OPENFPGALOADER says"):
        flash(tmp_path / "out")


def test_what_cannot_be_started(tmp_path, monkeypatch):
    broken = tmp_path / "broken"
    broken.write_text("#!/nowhere/sh\n")
    broken.chmod(0o755)
    monkeypatch.setenv("OPENFPGALOADER", str(broken))
    with pytest.raises(Refusal, match=r"/broken: cannot be started \(No such file or directory\); install the package"):
        flash(folder(tmp_path / "out"))


def test_silence_ends(tmp_path, tool, monkeypatch):
    monkeypatch.setattr(loader, "SILENCE_SECONDS", 0.3)
    tool("write to ram\n", then="exec sleep 60")
    start = time.monotonic()
    with pytest.raises(Refusal, match=r"was stopped, since it said nothing for 0\.3 s: unplug(?s:.*)\n  write to ram$"):
        flash(folder(tmp_path / "out"))
    monkeypatch.setattr(loader, "LONGEST_SECONDS", 0.5)
    tool(then="while true; do echo again; done")
    with pytest.raises(Refusal, match="was stopped, since it finds no end: unplug"):
        flash(tmp_path / "out")
    assert time.monotonic() - start < 20


def test_a_tool_that_is_killed(tmp_path, tool):
    tool("write to ram\n", then="kill -9 $$")
    with pytest.raises(Refusal, match=r"was interrupted \(signal 9\), and the board may hold half a bitstream: unplug"):
        flash(folder(tmp_path / "out"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_tool_too(tmp_path, tool, number):
    tool(then=f"echo $$ > '{tmp_path}/pid.new'; mv '{tmp_path}/pid.new' '{tmp_path}/pid'; exec sleep 60")
    command = [sys.executable, "-m", "spikeloom", "flash", str(folder(tmp_path / "out"))]

    def default() -> None:  # a background job's children ignore an interrupt
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=default) as process:
        end = time.monotonic() + 60
        while not (tmp_path / "pid").exists():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    if number == signal.SIGINT:
        assert process.returncode == 1
        assert said.startswith("error: Interrupted, and the board may hold half a bitstream: unplug the board")
    else:
        assert process.returncode == 128 + number and "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
