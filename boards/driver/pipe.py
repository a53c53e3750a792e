"""The pipe that carries the link's bytes, usually a serial port; what goes wrong with it, in one sentence."""

import contextlib
import errno
import os
import re
from typing import Any, Protocol

import serial
from serial.tools import list_ports

from spikeloom.golden.network import Refusal

__all__ = ["BAUD", "LinkError", "Pipe", "SerialPort"]

#: What boards are built for unless told.
BAUD = 1_000_000
#: How long a read waits, and a write at most, in seconds.
READ_SECONDS = 0.05
WRITE_SECONDS = 1.0


class LinkError(Refusal):
    """The chip cannot be reached, or not as wanted. The text names the port and the remedy."""


class Pipe(Protocol):
    """Anything that carries bytes both ways, one thread reading and one writing; its failures are ``OSError``."""

    def read(self) -> bytes:
        """What has come; nothing after a tenth of a second at most."""

    def write(self, data: bytes) -> Any:
        """Send all of it."""

    def close(self) -> Any: ...


class SerialPort:
    """A serial port that this program alone uses."""

    def __init__(self, name: str, baud: int = BAUD) -> None:
        self.name, self.baud = name, baud
        try:
            self.port = serial.Serial(name, baud, timeout=READ_SECONDS, write_timeout=WRITE_SECONDS, exclusive=True)
        except ValueError:
            raise LinkError(
                f"{name}: cannot run at {baud} baud; build for another rate, and give it with baud="
            ) from None
        except OSError as error:
            raise LinkError(f"{name}: {_problem(error)}") from None
        # Adapters hold bytes back for 16 ms unless asked not to; a platform without this is only slower.
        with contextlib.suppress(AttributeError, NotImplementedError, OSError, ValueError):
            self.port.set_low_latency_mode(True)

    def read(self) -> bytes:
        return self.port.read(max(1, self.port.in_waiting))

    def write(self, data: bytes) -> None:
        self.port.write(data)

    def close(self) -> None:
        self.port.close()


def _problem(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        ports = sorted(port.device for port in list_ports.comports())
        there = f"there are {', '.join(ports)}" if ports else "there is none at all: plug the board in"
        return f"there is no such port; {there}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "permission denied; run 'sudo usermod -aG dialout $USER', and log in again"
    if error.errno in (errno.EWOULDBLOCK, errno.EBUSY):
        return "another program has this port open; close that one"
    code = re.search(r"\((\d+), ", str(error))  # as pyserial quotes it
    number = error.errno or (int(code[1]) if code else 0)
    reason = os.strerror(number) if number else error
    return f"cannot be opened as a serial port ({reason}); name the port that the board is on"
