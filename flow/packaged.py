"""The networks that come with Spikeloom: small, trained, on real data. ``flow/data/README.md`` credits the sources."""

from dataclasses import dataclass
from pathlib import Path

from spikeloom.golden.network import Refusal

__all__ = ["PACKAGED", "Packaged", "find"]

FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """One network: its model, the data to calibrate the conversion with, and test data that it never saw."""

    name: str
    about: str
    convention: str

    @property
    def model(self) -> Path:
        return FOLDER / f"{self.name}.nir"

    @property
    def calibration(self) -> Path:
        return FOLDER / f"{self.name}-calibration.npz"

    @property
    def test(self) -> Path:
        return FOLDER / f"{self.name}.npz"


PACKAGED = {
    network.name: network
    for network in (
        Packaged(
            name="digits",
            about="64-128-10, trained with snnTorch on the 8 x 8 digits of scikit-learn; 360 for testing",
            convention="snntorch",
        ),
        Packaged(
            name="mnist",
            about="784-128-10, trained with snnTorch on 28 x 28 digits of MNIST; 1,000 for testing",
            convention="snntorch",
        ),
    )
}


def find(name: str) -> Packaged:
    """The packaged network of that name."""
    if name not in PACKAGED:
        raise Refusal(f"There is no packaged network {name!r}; there are {', '.join(PACKAGED)}")
    return PACKAGED[name]
