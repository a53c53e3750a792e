"""Data files: ``.npz`` with ``x`` or events, and optionally labels ``y`` (samples,).

=================================  =====================================================================
members                            content
=================================  =====================================================================
``x``                              spikes or small integers (samples, steps, *input shape)
``events``, ``offsets``            events of all samples; sample k has ``events[offsets[k]:offsets[k+1]]``
``events_0``, ``events_1``, ...    events, one array per sample
=================================  =====================================================================

Events are structured arrays with the fields ``t``, ``x``, and where there are any ``y`` and ``p``
(:func:`~spikeloom.golden.events.to_frames`). Beside them, unless :func:`load` is told:

=================================  =====================================================================
``step``                           units of ``t`` per step
``steps``                          steps of every sample; by default those of the longest
``sensor_size``                    (W, H, P) as Tonic has it, and/or
``shape``                          input shape; beside ``sensor_size`` its frames in another shape, as (P*H*W,)
=================================  =====================================================================
"""

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spikeloom.golden import npz
from spikeloom.golden.events import check_shape, shape_of, to_frames
from spikeloom.golden.network import Population, Refusal
from spikeloom.golden.simulate import check_stimulus

__all__ = ["Data", "load"]

MAX_BYTES = 1 << 32
#: Of members, that are told.
MOST_NAMES = 10
SETTINGS = ("step", "steps", "shape", "sensor_size")


@dataclass(frozen=True, kw_only=True)
class Data:
    """Samples, and their classes where they are known. ``path`` is the file that they came from, for messages."""

    x: np.ndarray
    y: np.ndarray | None = None
    path: str = ""

    def __post_init__(self) -> None:
        if self.x.dtype.kind not in "biuf":
            raise Refusal(f"x must hold numbers, not {self.x.dtype}; save spikes (0 and 1) or small integers")
        if self.x.ndim < 3 or 0 in self.x.shape:
            raise Refusal(f"x must have the shape (samples, steps, *input shape) and not be empty, not {self.x.shape}")
        if self.y is None:
            return
        if self.y.dtype.kind not in "iu":
            raise Refusal(f"y must hold class numbers (integers), not {self.y.dtype}")
        if self.y.shape != self.x.shape[:1]:
            raise Refusal(f"y must have one class for each of the {len(self.x)} samples, not the shape {self.y.shape}")

    def check(self, source: Population, output: Population) -> None:
        """Refuse samples that the input ``source`` does not take, and classes that ``output`` has no neuron for."""
        try:
            check_stimulus(source, self.x)
        except Refusal as refusal:
            raise self.refusal(str(refusal)) from None
        if self.y is not None and not (self.y.min() >= 0 and self.y.max() < output.size):
            raise self.refusal(
                f"y has classes in {self.y.min()}..{self.y.max()}; the {output.size} neurons of the output "
                f"{output.name!r} stand for 0..{output.size - 1}: number them so"
            )

    def refusal(self, text: str) -> Refusal:
        """A refusal of this data, with the name of its file."""
        return Refusal(f"{self.path}: {text}" if self.path else text)


def load(
    path: str | Path,
    *,
    step: int | None = None,
    steps: int | None = None,
    shape: Sequence[int] | None = None,
    values: Literal["spikes", "counts"] = "spikes",
) -> Data:
    """Read ``x``, or else events, and ``y``; other members are ignored. :class:`Refusal` for what is not such a file.

    ``step``, ``steps`` and ``shape`` go before what the file says of its events; ``values`` says what they become.
    """
    path = Path(path)
    given = {name: value for name, value in (("step", step), ("steps", steps), ("shape", shape)) if value is not None}
    try:
        with zipfile.ZipFile(path) as archive:
            members = _Members(archive)
            if "x" in members.names:
                if given:
                    raise Refusal(f"has x, which is made of steps already; leave out {', '.join(given)}")
                x = members.array("x")
            elif "events" in members.names or _numbered(members):
                x = _frames(members, given, values)
            else:
                there = [name if len(name) <= 40 else f"{name[:40]}..." for name in archive.namelist()]
                more = [f"and {len(there) - MOST_NAMES} more"] if len(there) > MOST_NAMES else []
                raise Refusal(
                    f"has no array x (it has {', '.join(there[:MOST_NAMES] + more) or 'nothing'}); "
                    "save it with np.savez(..., x=x)"
                )
            y = members.array("y") if "y" in members.names else None
        return Data(x=x, y=y, path=str(path))
    except FileNotFoundError:
        raise Refusal(f"{path}: there is no such file") from None
    except zipfile.BadZipFile:
        raise Refusal(f"{path}: not an .npz file; save the data with np.savez") from None
    except Refusal as refusal:
        raise Refusal(f"{path}: {refusal}") from None
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror or error})") from None
    except npz.DAMAGE:
        raise Refusal(f"{path}: damaged .npz file; save the data again with np.savez") from None


class _Members:
    """Arrays by name, all of them together within one size."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.names = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
        self.bytes = MAX_BYTES

    def array(self, name: str) -> np.ndarray:
        try:
            array = npz.read_array(self.archive, f"{name}.npy", self.bytes)
        except npz.Unsafe as error:
            raise Refusal(f"{name} {error}") from None
        self.bytes -= array.nbytes
        return array


def _frames(members: _Members, given: dict[str, Any], values: Literal["spikes", "counts"]) -> np.ndarray:
    events = _samples(members)
    settings = {name: _setting(name, members.array(name)) for name in SETTINGS if name in members.names} | given
    if "step" not in settings:
        raise Refusal(
            "has events, but not how much time a step is; save it in the units of t with np.savez(..., step=1000)"
        )
    if "sensor_size" in settings:
        shape = shape_of(settings["sensor_size"], events[0].dtype.names)
    elif "shape" in settings:
        shape = settings["shape"]
    else:
        raise Refusal("has events, but not their shape; save it with np.savez(..., sensor_size=(W, H, P))")
    wanted = check_shape("shape", settings.get("shape", shape))
    if int(np.prod(wanted, dtype=object)) != int(np.prod(shape, dtype=object)):
        raise Refusal(f"shape {wanted} and the {shape} of sensor_size differ in inputs; leave out one of them")
    x = to_frames(events, step=settings["step"], steps=settings.get("steps"), shape=shape, values=values)
    return x.reshape(*x.shape[:2], *wanted)


def _numbered(members: _Members) -> list[str]:
    return [name for name in members.names if re.fullmatch("events_[0-9]+", name)]


def _samples(members: _Members) -> list[np.ndarray]:
    """One array of events per sample."""
    if "events" not in members.names:
        names = [f"events_{n}" for n in range(len(_numbered(members)))]
        if missing := [name for name in names if name not in members.names]:
            raise Refusal(f"has {len(names)} samples of events, but not {missing[0]}; number them from 0")
        return [members.array(name) for name in names]
    events = members.array("events")
    if "offsets" not in members.names:
        raise Refusal(
            "has events, but not where each sample begins; save it with np.savez(..., offsets=[0, ..., len(events)])"
        )
    offsets = members.array("offsets")
    if (
        events.ndim != 1
        or offsets.dtype.kind not in "iu"
        or offsets.ndim != 1
        or len(offsets) < 2
        or offsets[0] != 0
        or offsets[-1] != len(events)
        or (offsets[1:] < offsets[:-1]).any()
    ):
        raise Refusal(
            f"offsets must be integers that rise from 0 to the number of events, {len(events) if events.ndim else 1}, "
            "one more than there are samples; events must be one row"
        )
    return np.split(events, offsets[1:-1].astype(np.int64))


def _setting(name: str, array: np.ndarray) -> Any:
    dimensions = 0 if name in ("step", "steps") else 1
    if array.dtype.kind not in "iu" or array.ndim != dimensions or array.size > 8:
        what = ("an integer", "a few integers")[dimensions]
        raise Refusal(f"{name} must be {what}, not {array.dtype} of the shape {array.shape}")
    return array.tolist()
