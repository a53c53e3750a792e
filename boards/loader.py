"""openFPGALoader, which loads boards: where it is, how it is called, and what its failures mean."""

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from spikeloom.boards.board import Board
from spikeloom.golden.network import Refusal

__all__ = ["INSTALL", "NAME", "VARIABLE", "arguments", "explain", "find", "load"]

NAME = "openFPGALoader"
#: Where the tool is, if not on PATH; Amaranth's own name.
VARIABLE = "OPENFPGALOADER"
INSTALL = (
    "install the package openfpgaloader (Debian, Ubuntu: apt install openfpgaloader; macOS: brew install "
    "openfpgaloader; Fedora: dnf copr enable mobicarte/openFPGALoader, then dnf install openFPGALoader), "
    f"or unpack the OSS CAD Suite and put its bin on PATH, or set {VARIABLE} to where it is"
)
QUOTED_LINES = 8
#: A board that answers is heard of every second.
SILENCE_SECONDS, LONGEST_SECONDS = 120.0, 1800.0
#: By the identification that a device gives through JTAG.
DEVICES = {"41113043": "LFE5U-85F", "41112043": "LFE5U-45F", "41111043": "LFE5U-25F", "21111043": "LFE5U-12F"}

# Its progress is "Loading: [====   ] 42.00%", over and over on one line.
BAR = re.compile(r"(\w[\w ]*?)\s*: \[=* *\] (\d+)\.\d+%")
# Some of its versions end with status 0 whatever happened.
FAILED = re.compile(r"\bFAIL\b|^Fail\b|^Error\b|Verification failed", re.MULTILINE)


def find() -> Path | None:
    """The tool: the user's own choice, then PATH. Raises :class:`Refusal` where the choice is wrong."""
    chosen = os.environ.get(VARIABLE)
    found = shutil.which(chosen or NAME)
    if chosen and found is None:
        raise Refusal(
            f"The tool {NAME} is not at {chosen!r}, where the environment variable {VARIABLE} says; correct or unset it"
        )
    return Path(found) if found else None


def arguments(board: Board, bitstream: Path, to: str, cable: str | None) -> list[str]:
    """What it is called with. A flash is read back and compared; an SRAM checks itself."""
    return [
        *(("--board", board.loader) if board.loader else ()),
        *(("--cable", cable) if cable else board.loader_options),
        *(("--write-flash", "--verify") if to == "flash" else ("--write-sram",)),
        str(bitstream.absolute()),  # no name begins like an option then
    ]


def load(board: Board, bitstream: Path, to: str, cable: str | None, progress: Callable[..., None]) -> None:
    """Load a bitstream into ``sram`` or ``flash``; ``progress`` is called with (stage, percent, 100).

    Raises :class:`Refusal`: a sentence, and beneath it the last that the tool said.
    """
    tool = find()
    if tool is None:
        raise Refusal(f"The tool {NAME} is missing; {INSTALL}")
    status, said = _run([str(tool), *arguments(board, bitstream, to, cable)], progress)
    if status or FAILED.search(said):
        raise _quoting(explain(said, status=status, board=board, to=to, cable=cable), said)


def _quoting(sentence: str, said: str) -> Refusal:
    return Refusal("\n  ".join([f"{sentence}; the last that {NAME} said:", *_last(said)]))


def _run(command: list[str], progress: Callable[..., None]) -> tuple[int, str]:
    """Status, and everything said."""
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
    except OSError as error:
        raise Refusal(f"{command[0]}: cannot be started ({error.strerror}); {INSTALL}") from None
    assert process.stdout is not None
    said = ""
    end = time.monotonic() + LONGEST_SECONDS
    try:
        while True:
            ready, _, _ = select.select([process.stdout], [], [], SILENCE_SECONDS)
            if not ready or time.monotonic() > end:
                why = "it finds no end" if ready else f"it said nothing for {SILENCE_SECONDS:g} s"
                raise _quoting(f"{NAME} was stopped, since {why}: {AGAIN}", said)
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                return process.wait(), said
            said = (said + chunk.decode("utf-8", "replace"))[-(1 << 20) :]
            if bars := BAR.findall(said[-400:]):
                stage, percent = bars[-1]
                progress(stage.lower(), int(percent), 100)
    except KeyboardInterrupt:
        raise Refusal(f"Interrupted, and the board may hold half a bitstream: {AGAIN}") from None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _last(said: str) -> list[str]:
    """The last lines as people read them, of a progress bar only its end."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", said)
    lines = ["".join(c for c in line if c.isprintable()).strip() for line in re.split(r"[\r\n]+", plain)]
    lines = [line for line in lines if line]
    bars = [match[1] if (match := BAR.match(line)) else None for line in lines]
    kept = [line for line, bar, after in zip(lines, bars, [*bars, None][1:], strict=True) if not bar or bar != after]
    return kept[-QUOTED_LINES:] or ["(nothing)"]


# Its failures -----------------------------------------------------------------------------------------------------

AGAIN = "unplug the board, plug it in and load it again"
#: What it says -> what that means and what to do. The first that is found counts.
MEANINGS = (
    (r"error while loading shared libraries", f"{NAME} lacks a library: {INSTALL}"),
    (
        r"cannot find board",
        f"This {NAME} does not know the board {{loader}}: take a later one, for example of the OSS CAD Suite",
    ),
    (r"^error : .* not found", f"There is no cable {{cable}}: `{NAME} --list-cables` lists them"),
    (
        r"-4 \(\w*open\(\) failed\)|libusb_error_access|check permissions|permission denied|access denied",
        "This user may not use the USB cable: write the line '{rule}' to /etc/udev/rules.d/60-openfpgaloader.rules"
        "{ids}, run 'sudo udevadm control --reload' and plug the board in again",
    ),
    (
        r"-5 \(unable to claim|libusb_error_busy|resource busy|claim(ing)? interface",
        "Another program holds the USB cable: end it (a serial console, OpenOCD, another {tool}; "
        "'fuser -v /dev/ttyUSB*' names who has the serial port; if nobody has, 'sudo modprobe -r ftdi_sio' takes the "
        "system's own driver away)",
    ),
    (
        r"-3 \(device not found\)|no cable found|fails? to open device",
        "No {wanted} was found: plug it in with a USB cable that carries data, turn it on, and see that 'lsusb' "
        "lists {usb}",
    ),
    (
        r"no dfu compatible device found",
        "The {wanted} is not in its USB loader: hold its button down while you plug it in, and see that 'lsusb' lists "
        "{usb}; if it does, this user may not use it: write the line '{rule}' to "
        "/etc/udev/rules.d/60-openfpgaloader.rules, run 'sudo udevadm control --reload' and plug the board in again",
    ),
    (
        r"usb bulk (read|write) failed|libusb_error_no_device|problem -?\d+ (written|read)|write error: -?\d+ instead"
        r"|unable to open ftdi device|init failed|failed to claim cable",
        f"The USB cable does not answer any more: {AGAIN}, without a hub between",
    ),
    (
        r"no device found|found 0 devices|device [0-9a-f]+ not supported|read id failed",
        "The cable answers, but nothing that {loader} knows is behind it: see that the board has power and that "
        "--board and --cable are what is plugged in",
    ),
    (
        r"block protection is set",
        f"The flash is write-protected: run '{NAME} --board {{loader}} --unprotect-flash' once, then load it again",
    ),
    (
        r"verification failed|flash ve\w+tion failed|verify fail(ed|ure)|crc check ?: ?fail",
        f"The flash does not hold what was written: {AGAIN}, if need be with another USB cable or port",
    ),
    (r"parse file:? *fail|fail(ed)? to (open|parse)", "The bitstream cannot be read by {tool}: build it again"),
    (
        r"wait for cdone *fail",
        "The FPGA did not start with this bitstream: {cdone}",
    ),
    (
        r"device failed to verify|id err\b|exec error|loading: .*\s+fail\b",
        "The FPGA refused the bitstream: see that the board is a {board}, then " + AGAIN,
    ),
)
CDONE = {
    "sram": "on most iCE40 boards the cable reaches only the flash unless jumpers are moved; use --to flash",
    "flash": f"see that the board is a {{board}}, then {AGAIN}",
}
# A file that sorts before 73-seat-late.rules: later ones cannot give the device to whoever is logged in.
RULE = (
    'SUBSYSTEM=="usb", ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}", '
    'MODE="0660", GROUP="plugdev", TAG+="uaccess"'
)


def explain(said: str, *, status: int, board: Board, to: str, cable: str | None = None) -> str:
    """One sentence, without a full stop: what went wrong and what to do."""
    if status < 0:
        return f"{NAME} was interrupted (signal {-status}), and the board may hold half a bitstream: {AGAIN}"
    ids = re.search(r"bitstream has 0x(\w+) hardware requires 0x(\w+)", said)
    if ids:
        return _mismatch(*(number.lower() for number in ids.groups()), board)
    vendor, product = ("VVVV", "PPPP") if cable else board.usb.split(":")
    words = {
        "board": board.title,
        "loader": board.loader or NAME,
        "cable": cable or "of this name",
        "wanted": f"cable {cable}" if cable else board.title.split(" with ")[0],
        "usb": "the cable" if cable else board.usb,
        "rule": RULE.format(vendor=vendor, product=product),
        "ids": " (with VVVV:PPPP as 'lsusb' shows the cable)" if cable else "",
        "tool": NAME,
        "cdone": CDONE[to].format(board=board.title),
    }
    # Later versions also name every other USB device that they may not look into.
    own = "\n".join(line for line in said.splitlines() if cable or "-> skip" not in line or board.usb in line)
    for pattern, meaning in MEANINGS:
        if re.search(pattern, own, re.IGNORECASE | re.MULTILINE):
            return meaning.format(**words)
    return f"{NAME} ended with status {status} and did not load the board: {AGAIN}"


def _mismatch(bitstream: str, hardware: str, board: Board) -> str:
    if set(hardware) in ({"f"}, {"0"}):
        return (
            f"The FPGA does not say what it is (0x{hardware}): see that the board has power and that no other "
            f"FTDI cable is plugged in, then {AGAIN}"
        )
    found = DEVICES.get(hardware.zfill(8), f"the device 0x{hardware}")
    meant = DEVICES.get(bitstream.zfill(8), f"0x{bitstream}")
    return (
        f"The bitstream is for {meant}, but the FPGA on this board is {found}: plug in a board with {meant}; "
        "'spikeloom boards' lists those that it can build for"
    )
