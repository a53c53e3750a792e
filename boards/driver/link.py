"""The client of the link: requests that are asked again, data frames that are sent again, events that are counted."""

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from spikeloom.boards.driver import frames
from spikeloom.boards.driver.pipe import LinkError, Pipe
from spikeloom.boards.link.protocol import (
    BODIES,
    CHIP_FIELDS,
    CRC_BYTES,
    HEADER_BYTES,
    IDENTITY,
    LONGEST,
    PAGE,
    REGISTERS,
    SEQUENCES,
    VERSION,
    Kind,
)

__all__ = ["Link"]

TRIES = 4
#: Words in the longest answer.
MOST_READ = (LONGEST - CRC_BYTES - HEADER_BYTES - len(CHIP_FIELDS)) // 4
#: Frames that wait to be sent, in windows.
BACKLOG = 4


class Link:
    """What the protocol offers, over any pipe. One thread reads and one writes, so neither direction waits.

    wait: seconds after which a request is repeated; data is sent again after a quarter of them, then of twice as many,
    and so on. patience: seconds without any progress, though the chip answers, that are taken for a hang.
    """

    def __init__(self, pipe: Pipe, *, wait: float = 0.25, patience: float = 10.0) -> None:
        self.pipe, self.wait, self.patience = pipe, wait, patience
        self.name = getattr(pipe, "name", "the pipe")
        baud = getattr(pipe, "baud", None)
        self.rate = f" ({baud} baud)" if baud else ""
        self.damaged = self.lost = self.resent = 0
        self._change = threading.Condition()
        self._error: LinkError | None = None
        self._cause: BaseException | None = None
        self._one_request = threading.Lock()
        # An answer to a program that was here before is hardly taken for one of ours.
        self._number = time.monotonic_ns() % SEQUENCES
        self._requests: deque[bytes] = deque()
        self._answer: frames.FromChip | None = None
        self._heard = self._understood = False
        # Data frames by number, which never wraps here: all before `expected` are carried out, and not kept; all before
        # `highest` were sent once; `next` is sent next.
        self._data: deque[bytes] = deque()
        self._expected = self._next = self._highest = 0
        self._in_step = False
        self._again_first = self._again_after = wait / 4
        self._again_at = 0.0
        self._events: list[bytes] = []
        self._events_number: int | None = None
        self.window, self.slot_bytes, self.flit_bytes = 1, LONGEST, 8
        self._threads = [
            threading.Thread(target=self._guarded, args=(f,), daemon=True) for f in (self._read, self._write)
        ]
        for thread in self._threads:
            thread.start()
        try:
            self._greet()
            if baud:  # what is on its way may take longer than an adapter does
                on_its_way = 20 * self.window * self.slot_bytes / baud
                self.wait, self._again_first = self.wait + on_its_way, self._again_first + on_its_way
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the threads and close the pipe. Whoever still waits is told."""
        self._fail(LinkError(f"{self.name}: is closed; open it again"))
        for thread in self._threads:
            thread.join()
        self.pipe.close()

    # Requests -------------------------------------------------------------------------------------------------------

    def read(self, address: int, count: int = 1) -> np.ndarray:
        """Words from an address on."""
        parts = []
        most = min(self._room(Kind.READ), MOST_READ)
        for first in range(0, count, most):
            n = min(most, count - first)
            words = frames.words(self._request(Kind.READ, Kind.VALUES, address=address + first, marks=bytes(n)))
            if len(words) != n:
                raise LinkError(f"{self.name}: the chip answered {len(words)} words, not {n}; update both ends")
            parts.append(words)
        return np.concatenate(parts)

    def write(self, address: int, *words: int) -> None:
        """Write a few words, without waiting for data."""
        data = np.array(words, "<u4").tobytes()
        self._request(Kind.WRITE, Kind.DONE, address=address, words=data)

    def register(self, name: str) -> int:
        return int(self.read(PAGE | REGISTERS[name].address)[0])

    def write_register(self, name: str, value: int) -> None:
        self.write(PAGE | REGISTERS[name].address, value)

    def reset(self) -> None:
        """Forget all data that the chip has not carried out."""
        with self._change:
            self._in_step = False
            self._data.clear()
            self._expected = self._next = self._highest = 0
            self._again_after = self._again_first
        self.write_register("identity", 1)
        with self._change:
            self._in_step = True

    def _request(self, kind: Kind, answer: Kind, **fields: int | bytes) -> bytes:
        with self._one_request:
            self._number = (self._number + 1) % SEQUENCES
            # The zero in front ends whatever noise has begun.
            frame = b"\0" + frames.encode(frames.body(kind, self._number, **fields))

            def answered() -> bool:
                a = self._answer
                return self._error is not None or (a is not None and (a.kind, a.sequence) == (answer, self._number))

            with self._change:
                self._answer = None
                for _ in range(TRIES):
                    self._requests.append(frame)
                    self._change.notify_all()
                    if self._change.wait_for(answered, self.wait):
                        break
                self._check()
                if not answered() or self._answer is None:
                    raise LinkError(f"{self.name}: {self._silence()}")
                return self._answer.rest

    def _silence(self) -> str:
        if self._understood:
            return "the chip stopped answering; check power and cable, and open it again"
        if self._heard:
            return f"what comes from there is no Spikeloom link, or of another baud rate{self.rate}"
        return f"nothing answers; is it the board's port, its bitstream loaded, and of the same baud rate{self.rate}?"

    def _greet(self) -> None:
        identity = self.register("identity")
        if identity != IDENTITY:
            raise LinkError(
                f"{self.name}: is no Spikeloom chip (it calls itself 0x{identity:08X}, not 0x{IDENTITY:08X})"
            )
        version, self.window, self.slot_bytes, self.flit_bytes = self.register("protocol").to_bytes(4, "little")
        if version != VERSION:
            raise LinkError(
                f"{self.name}: the chip's link has version {version}, and this driver {VERSION}; build the bitstream "
                "with the driver's version of Spikeloom"
            )
        self.reset()

    # Data -----------------------------------------------------------------------------------------------------------

    def load(self, address: int, words: np.ndarray) -> None:
        """Write words from an address on, as data; :meth:`flush` waits for the last."""
        room = self._room(Kind.LOAD) // 4
        for first in range(0, len(words), room):
            part = words[first : first + room].astype("<u4")
            self._put(Kind.LOAD, address=address + first, words=part.tobytes())

    def send(self, flits: np.ndarray, idle: Callable[[], object] | None = None) -> None:
        """Put flits into the accelerator. idle: called whenever nothing has moved for a while; it may raise."""
        data = frames.flit_bytes(flits, self.flit_bytes)
        room = self._room(Kind.EVENTS) // self.flit_bytes * self.flit_bytes
        for first in range(0, len(data), room):
            self._put(Kind.EVENTS, idle, flits=data[first : first + room])

    def flush(self) -> None:
        """Wait until all data is carried out."""
        self._until(lambda: not self._data)

    def receive(self) -> np.ndarray:
        """Flits that came, at least one unless none came for a while."""
        with self._change:
            self._change.wait_for(lambda: self._error or self._events, self.wait)
            self._check()
            data, self._events = b"".join(self._events), []
        return frames.flits(data, self.flit_bytes)

    def discard(self) -> None:
        """Forget the flits that came, and begin to count what is lost."""
        with self._change:
            self._events, self._events_number = [], None

    def _room(self, kind: Kind) -> int:
        fixed = sum(field.bytes or 0 for field in BODIES[kind].fields if not field.rest)
        return min(self.slot_bytes, LONGEST) - CRC_BYTES - HEADER_BYTES - fixed

    def _put(self, kind: Kind, idle: Callable[[], object] | None = None, **fields: int | bytes) -> None:
        self._until(lambda: len(self._data) < BACKLOG * self.window, idle)
        with self._change:
            self._data.append(frames.encode(frames.body(kind, self._expected + len(self._data), **fields)))
            self._change.notify_all()

    def _until(self, done: Callable[[], bool], idle: Callable[[], object] | None = None) -> None:
        """Wait while there is progress. What the chip said of it may be lost, so it is asked when all is quiet."""
        moved = time.monotonic()
        while True:
            with self._change:
                before = self._expected
                if self._change.wait_for(lambda: self._error or done(), self.wait):
                    self._check()
                    return
                if self._expected != before:
                    moved = time.monotonic()
            if time.monotonic() - moved > self.patience:
                raise LinkError(f"{self.name}: the chip has taken no data for {self.patience:g} s; reset the board")
            (idle or (lambda: self.register("identity")))()

    # The two threads ------------------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._fail(
                LinkError(f"{self.name}: was unplugged, or its adapter failed; plug it in and open it again"), error
            )
        except Exception as error:  # a pipe of the user's own may raise anything, and nobody may wait for ever
            self._fail(LinkError(f"{self.name}: failed ({type(error).__name__}: {error}); open it again"), error)

    def _fail(self, error: LinkError, cause: BaseException | None = None) -> None:
        with self._change:
            if not self._error:
                self._error, self._cause = error, cause
            self._change.notify_all()

    def _check(self) -> None:
        if self._error:  # a new one: each thread that raises adds its own traceback
            raise type(self._error)(*self._error.args) from self._cause

    def _write(self) -> None:
        while True:
            with self._change:
                while not (frame := self._frame_to_write()):
                    if self._error:
                        return
                    waits = self._next > self._expected
                    self._change.wait(max(0.0, self._again_at - time.monotonic()) if waits else None)
            self.pipe.write(frame)

    def _frame_to_write(self) -> bytes | None:
        """Requests go first; data as far as the window lets it, and again where the chip did not say that it has it."""
        now = time.monotonic()
        if self._error:
            return None
        if self._requests:
            return self._requests.popleft()
        if self._next > self._expected and now >= self._again_at:
            self.resent += self._next - self._expected
            self._next = self._expected
            self._again_after = min(2 * self._again_after, 4 * self.wait)  # the chip may as well be slow
        if self._in_step and self._next - self._expected < min(self.window, len(self._data)):
            frame = self._data[self._next - self._expected]
            self._next += 1
            self._highest = max(self._highest, self._next)
            self._again_at = now + self._again_after
            return frame
        return None

    def _read(self) -> None:
        rest = b""
        while not self._error:
            data = self.pipe.read()
            if not data:
                continue
            self._heard = True
            *whole, rest = (rest + data).split(b"\0")
            rest = rest[-LONGEST - 2 :]  # a frame so long is dropped whatever else comes
            for frame in filter(None, whole):
                body = frames.decode(frame)
                answer = body and frames.parse(body)
                with self._change:
                    if answer:
                        self._take(answer)
                        self._change.notify_all()
                    else:
                        self.damaged += 1

    def _take(self, answer: frames.FromChip) -> None:
        self._understood = True
        if self._in_step:
            carried_out = (answer.expected - self._expected) % SEQUENCES
            if carried_out > self._highest - self._expected:
                self._fail(LinkError(f"{self.name}: the chip was reset in mid-run; run again"))
                return
            if carried_out:
                self._again_after = self._again_first
                self._again_at = time.monotonic() + self._again_first
            self._expected += carried_out
            self._next = max(self._next, self._expected)
            for _ in range(carried_out):
                self._data.popleft()
        if answer.kind != Kind.SENT:
            self._answer = answer
            return
        gap = 0 if self._events_number is None else (answer.sequence - self._events_number) % SEQUENCES
        if gap >= SEQUENCES // 2:  # one that was here already
            return
        self.lost += gap
        self._events_number = answer.sequence + 1
        if answer.rest:
            self._events.append(answer.rest)
