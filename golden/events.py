"""Events of sensors (structured arrays with a time each, as Tonic gives them) made into steps."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from spikeloom.golden.network import Refusal

__all__ = ["check_shape", "shape_of", "to_frames"]

MAX_BYTES = 1 << 32
MAX_NUMBER = 1 << 62
MAX_COUNT = 255
#: Fields of an event that say where it is, in the order in which frames have them.
AXES = ("p", "y", "x")


def to_frames(
    events: Sequence[np.ndarray],
    *,
    step: int,
    steps: int | None = None,
    shape: Sequence[int],
    values: Literal["spikes", "counts"] = "spikes",
) -> np.ndarray:
    """Frames (samples, steps, *shape), uint8, of one structured array per sample.

    ==========  ======================  ===================================
    fields      shape                   example
    ==========  ======================  ===================================
    x, y, t, p  (P, H, W), or (H, W)    event cameras: N-MNIST, DVS Gesture
    x, y, t     (H, W)                  a camera without polarity
    x, t, p     (P, W), or (W,)         a silicon cochlea: SHD, SSC
    x, t        (W,)                    spike trains
    ==========  ======================  ===================================

    Fields are integers, in any order; others are ignored. ``x``, ``y`` and ``p`` count from 0. ``p`` is ignored where
    P is 1 or left out, as in Tonic. ``t`` may be in any unit (in Tonic's data sets microseconds), counts from the start
    of the sample, and needs not be sorted.

    step:   units of ``t`` per step: step k has the events with k*step <= t < (k+1)*step.
    steps:  of every sample; later events are left out. By default those of the longest sample.
    values: "spikes", 1 where there are events; or "counts", how many (at most 255).
    """
    step, shape = _positive("step", step), check_shape("shape", shape)
    if values not in ("spikes", "counts"):
        raise Refusal(f"values is 'spikes' or 'counts', not {values!r}")
    if not len(events):
        raise Refusal("there are no samples; save at least one")
    # Times first: how much memory is asked for is known before any is taken.
    checked = [_events(f"sample {number}", sample, shape) for number, sample in enumerate(events)]
    if steps is None:
        steps = max((int(sample["t"].max()) // step + 1 for sample, _ in checked if len(sample)), default=0)
        if not steps:
            raise Refusal("no sample has an event; give the number of steps")
    steps = _positive("steps", steps)
    size = int(np.prod(shape, dtype=object))
    if (wanted := len(checked) * steps * size) > MAX_BYTES:
        raise Refusal(
            f"{len(checked)} samples of {steps} steps of {size} inputs take {wanted} bytes, and {MAX_BYTES} are the "
            "most; let times start at 0 in each sample, or give a longer step, fewer steps or fewer samples"
        )
    frames = np.zeros((len(checked), steps, *shape), np.uint8)
    for number, (sample, axes) in enumerate(checked):
        times = _wide(sample["t"]) // step
        sample, times = sample[times < steps], times[times < steps].astype(np.int64)
        where = (times, *(sample[axis].astype(np.int64) if axis else np.zeros_like(times) for axis in axes))
        flat = np.ravel_multi_index(where, (steps, *shape))
        cells = frames[number].reshape(-1)
        if values == "spikes":
            cells[flat] = 1
            continue
        flat, counts = np.unique(flat, return_counts=True)
        if counts.size and counts.max() > MAX_COUNT:
            raise Refusal(
                f"sample {number}: {counts.max()} events of one input in one step, and {MAX_COUNT} are the most; "
                "give a shorter step, or take them as spikes"
            )
        cells[flat] = counts
    return frames


def shape_of(sensor_size: Sequence[int], names: Sequence[str] | None) -> tuple[int, ...]:
    """The shape of frames for Tonic's ``sensor_size`` (W, H, P) and events with these fields."""
    sizes = check_shape("sensor_size", sensor_size)
    if len(sizes) != 3:
        raise Refusal(f"sensor_size must be (W, H, P), not {sizes}")
    given = dict(zip("xyp", sizes, strict=True))
    for axis in "yp":
        if axis not in (names or ()) and given[axis] > 1:
            raise Refusal(f"sensor_size {sizes} has {given[axis]} for {axis}, which is no field of the events; use 1")
    return tuple(given[axis] for axis in AXES if axis == "x" or axis in (names or ()))


def check_shape(what: str, shape: Sequence[int]) -> tuple[int, ...]:
    """Sizes as a tuple, or a :class:`Refusal` of ``what``."""
    return tuple(_positive(what, size) for size in shape)


def _positive(what: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= MAX_NUMBER:
        raise Refusal(f"{what} must be whole and positive, not {value}")
    return int(value)


def _wide(times: np.ndarray) -> np.ndarray:
    """Times that any step divides; they are not negative."""
    return times.astype(np.uint64)


def _events(what: str, sample: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[str | None, ...]]:
    """One sample, and by which field each axis of ``shape`` is counted (None: the axis has one place)."""
    sample = np.asarray(sample)
    names = sample.dtype.names or ()
    if sample.ndim != 1 or not {"x", "t"} <= set(names):
        raise Refusal(
            f"{what} must be a row of events with the fields x and t, and y and p where there are any, "
            f"not {_kind(sample)}; save a structured array"
        )
    axes = tuple(axis for axis in AXES if axis in names)
    for name in ("t", *axes):
        kind = sample.dtype[name]
        if kind.subdtype or kind.kind not in ("iu" if name == "t" else "biu"):
            raise Refusal(f"{what}: {name} must be an integer of each event, not {kind}; convert it")
    if "p" in axes and len(shape) == len(axes) - 1:
        axes = axes[1:]
    if len(shape) != len(axes):
        wanted = "(" + ", ".join({"p": "P", "y": "H", "x": "W"}[axis] for axis in axes) + ("," * (len(axes) == 1)) + ")"
        raise Refusal(f"{what} has events of the shape {wanted}; the shape {shape} was given")
    places = {axis: size for axis, size in zip(axes, shape, strict=True) if axis != "p" or size > 1}
    for name, size in places.items() if len(sample) else ():
        low, high = int(sample[name].min()), int(sample[name].max())
        if low < 0 or high >= size:
            raise Refusal(
                f"{what}: {name} is in {low}..{high}; the shape {shape} takes 0..{size - 1}: "
                "give the shape of the sensor, or leave such events out"
            )
    if len(sample) and (least := int(sample["t"].min())) < 0:
        raise Refusal(f"{what}: t begins at {least}; times count from 0, the start of the sample: subtract the first")
    return sample, tuple(axis if axis in places else None for axis in axes)


def _kind(sample: np.ndarray) -> str:
    if sample.ndim != 1:
        return f"the shape {sample.shape}"
    return f"the fields {', '.join(sample.dtype.names)}" if sample.dtype.names else f"the type {sample.dtype}"
