"""The simulated chip: the complete generated chip in Verilator behind a pseudo-terminal.

What opens ``chip.port`` as a serial port talks to the same gateware as on a board, over the same UART, bit for bit;
only the clock is slower. The line limits as a real one does: no more is taken from the pseudo-terminal than the line
has room for.

While something is going on the clock runs as fast as it can; when nothing is, for some thousands of clocks, it runs
for a small part of the time, so that timeouts counted in clocks pass nevertheless.
"""

import select
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from spikeloom.golden.network import Refusal
from spikeloom.sim import verilator

__all__ = ["Faults", "SimulatedChip"]

HARNESS = Path(__file__).with_name("chip.cpp")
BENCH = Path(__file__).with_name("chip.sv")
#: The middle of a bit is sampled.
LEAST_DIVIDER, LARGEST_DIVIDER = 4, 0xFFFF
#: The child answers between two slices of some hundred clocks; a machine may be busy with other things.
ANSWER_SECONDS = 20
END_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Spoils bytes at random, each with these probabilities: the same bytes for the same seed, at any speed.

    flip:   one bit of it is inverted.
    drop:   it is lost.
    double: it comes twice.
    insert: a random byte comes before it.
    to_chip, from_chip: the directions that are hit.
    """

    flip: float = 0.0
    drop: float = 0.0
    double: float = 0.0
    insert: float = 0.0
    seed: int = 1
    to_chip: bool = True
    from_chip: bool = True

    def __post_init__(self) -> None:
        for name in ("flip", "drop", "double", "insert"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name.capitalize()} must be a probability in 0..1, not {getattr(self, name)}")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"Seed must be in 0..{(1 << 32) - 1}, not {self.seed}")


class SimulatedChip:
    """The module ``chip`` of ``sources`` with its clock and its line, as long as the ``with`` block lasts.

    sources: Verilog files. images: the folder of the memory images that they read.
    divider: clocks per bit of the line, as in the Verilog. network: value of the input of that name, if there is one.
    seed:    of what registers and memories hold at power-up.

    ``port`` is the path to open as a serial port, also several times in turn, as on a board that stays on. The process
    ``pid`` that it belongs to ends with this object, and with the process that made it.
    """

    port: str
    pid: int

    def __init__(
        self,
        sources: Sequence[Path],
        images: Path | None = None,
        *,
        divider: int = 8,
        network: int = 0,
        faults: Faults | None = None,
        seed: int = 1,
    ) -> None:
        if not LEAST_DIVIDER <= divider <= LARGEST_DIVIDER:
            raise ValueError(f"Divider must be in {LEAST_DIVIDER}..{LARGEST_DIVIDER} clocks per bit, not {divider}")
        if not 0 <= network < 1 << 32:
            raise ValueError(f"Network must be a 32-bit number, not {network}")
        executable = verilator.build_program(HARNESS, [*sources, BENCH], top="chip_bench")
        plusargs = [f"+divider={divider}", f"+network={network}"]
        plusargs += ["+verilator+rand+reset+2", f"+verilator+seed+{seed % 0x7FFFFFFF + 1}"]
        self._lock = threading.Lock()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        try:
            # A session of its own: what a terminal's interrupt ends is the program, which then ends the chip.
            self._child = subprocess.Popen(
                [executable.resolve(), *plusargs],
                cwd=images,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                bufsize=0,
                start_new_session=True,
            )
        except OSError:
            self._log.close()
            raise
        self.pid = self._child.pid
        try:
            self.port = self._answer()
            if "readmem file not found" in (log := self._text()):  # to Verilator only a warning
                raise Refusal(f"A memory image is missing: {log}")
            self.inject(faults)
        except BaseException:
            self.close()
            raise

    def statistics(self, *, reset: bool = False) -> dict[str, int]:
        """Counters since the start or the last ``reset``; ``in_`` is towards the chip, ``out_`` from it.

        clocks:                 of the chip.
        in_bytes, out_bytes:    that went over the line as a whole, spoilt or not.
        in_busy, out_busy:      clocks with a byte on the line.
        in_first, in_last, …:   the first of those clocks, and the one after the last; so a stream used
                                in_busy / (in_last - in_first) of what the line can carry.
        in_flipped, in_dropped, in_doubled, in_inserted, …: what :class:`Faults` did.
        lost:                   bytes from the chip that nobody had the port open for, or did not read for too long.
        broken:                 start bits from the chip without a byte behind them.
        """
        words = self._ask("reset" if reset else "statistics").split()
        return {name: int(value) for name, value in (word.split("=") for word in words)}

    def inject(self, faults: Faults | None) -> None:
        """Spoil bytes from now on in this way, or not at all."""
        f = faults or Faults()
        rates = (round(rate * (1 << 32)) for rate in (f.flip, f.drop, f.double, f.insert))
        self._ask(" ".join(map(str, ("faults", int(f.to_chip), int(f.from_chip), f.seed, *rates))))

    def unplug(self) -> None:
        """The port is gone from under whoever has it open, and does not come back; the chip runs on."""
        self._ask("unplug")

    def check(self) -> None:
        """Raises :class:`RuntimeError` with what the simulator said if it ended before it was closed."""
        if not self._log.closed and self._child.poll() is not None:
            raise RuntimeError(self._obituary())

    def close(self) -> None:
        """End the child, whatever it is doing."""
        if self._log.closed:
            return
        with self._child, self._lock:
            self._child.stdin.close()
            try:
                self._child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._log.close()

    def __enter__(self) -> "SimulatedChip":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None:
                self.check()
        finally:
            self.close()

    def _ask(self, line: str) -> str:
        if self._log.closed:
            raise RuntimeError("The simulated chip is closed")
        with self._lock:
            try:
                self._child.stdin.write(f"{line}\n".encode())
            except BrokenPipeError:
                raise RuntimeError(self._obituary()) from None
            return self._answer()

    def _answer(self) -> str:
        # An answer is written as a whole, and nothing is unless asked for.
        ready, _, _ = select.select([self._child.stdout], [], [], ANSWER_SECONDS)
        if not ready:
            raise RuntimeError(f"The simulated chip has not answered for {ANSWER_SECONDS} s")
        line = self._child.stdout.read(4096)
        if not line:
            raise RuntimeError(self._obituary())
        return line.decode().rstrip("\n")

    def _obituary(self) -> str:
        status = self._child.wait(END_SECONDS)
        return f"The simulated chip ended ({status}): {self._text() or 'it said nothing'}"

    def _text(self) -> str:
        """The end of what the simulator said."""
        self._log.seek(0)
        return "\n".join(self._log.read().decode(errors="replace").splitlines()[-20:])
