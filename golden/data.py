"""Data files: ``.npz`` with ``x`` (samples, steps, *input shape) and optionally labels ``y`` (samples,)."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spikeloom.golden import npz
from spikeloom.golden.network import Population, Refusal
from spikeloom.golden.simulate import check_stimulus

__all__ = ["Data", "load"]

MAX_BYTES = 1 << 32


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


def load(path: str | Path) -> Data:
    """Read ``x`` and ``y``; other members are ignored. :class:`Refusal` for what is not such a file."""
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "x.npy" not in names:
                raise Refusal(
                    f"has no array x (it has {', '.join(names) or 'nothing'}); save it with np.savez(..., x=x)"
                )
            arrays = {name: _array(archive, name) for name in ("x", "y") if f"{name}.npy" in names}
        return Data(**arrays, path=str(path))
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


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    try:
        return npz.read_array(archive, f"{name}.npy", MAX_BYTES)
    except npz.Unsafe as error:
        raise Refusal(f"{name} {error}") from None
