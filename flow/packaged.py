"""The networks that come with Spikeloom: small, and trained. ``flow/data/README.md`` credits the sources."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloom.golden.network import Refusal

if TYPE_CHECKING:
    from spikeloom.golden.conventions import Knobs

__all__ = ["PACKAGED", "Packaged", "find"]

FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """One network: its model, the data to calibrate the conversion with, and test data that it never saw.

    framework: that trained it and whose spikes are recorded. knobs: beyond its convention. samples: the network whose
    data it shares, by default its own. read_out: what of its answer decides. demo: how many test samples the demo takes
    where nobody says otherwise, by default all.
    """

    name: str
    about: str
    framework: str
    convention: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    samples: str | None = None
    read_out: str = "sum"
    demo: int | None = None

    @property
    def model(self) -> Path:
        return FOLDER / f"{self.name}.nir"

    @property
    def calibration(self) -> Path:
        return FOLDER / f"{self.samples or self.name}-calibration.npz"

    @property
    def test(self) -> Path:
        return FOLDER / f"{self.samples or self.name}.npz"

    @property
    def resolved(self) -> "Knobs":
        """Every knob of the conversion."""
        from spikeloom.golden.conventions import resolve

        return resolve(self.convention, self.knobs)


PACKAGED = {
    network.name: network
    for network in (
        Packaged(
            name="digits",
            about="64-128-10, trained with snnTorch on the 8 x 8 digits of scikit-learn; 360 for testing",
            framework="snnTorch",
            convention="snntorch",
        ),
        Packaged(
            name="mnist",
            about="784-128-10, trained with snnTorch on 28 x 28 digits of MNIST; 1,000 for testing",
            framework="snnTorch",
            convention="snntorch",
        ),
        Packaged(
            name="cnn",
            about="784-12544-6272-10, convolutions and means of 2 x 2 (snnTorch): the images of mnist in 4 steps",
            framework="snnTorch",
            convention="snntorch",
            demo=100,  # all of them are minutes in simulation
        ),
        Packaged(
            name="vowels",
            about="12-64-9, recurrent neurons with synaptic currents (snnTorch), analogue input: nine speakers' vowels",
            framework="snnTorch",
            convention="snntorch",
        ),
        Packaged(
            name="movements",
            about="6-48-4, synaptic currents in both layers (snnTorch), analogue input: a smartwatch's movements",
            framework="snnTorch",
            convention="snntorch",
        ),
        Packaged(
            name="delays",
            about="16-40-5, three branches with delays of 0, 3 and 7 steps (snnTorch): orders of pulses in time",
            framework="snnTorch",
            convention="snntorch",
        ),
        Packaged(
            name="motion",
            about="24-48-6, a sparse layer with a learned delay per synapse (snnTorch): a spot's direction and pace",
            framework="snnTorch",
            convention="snntorch",
        ),
        Packaged(
            name="connectome",
            about="22-302-6, the neurons of the worm C. elegans and their measured synapses (snnTorch): what it senses",
            framework="snnTorch",
            convention="snntorch",
        ),
        Packaged(
            name="readout",
            about="64-64-10, spiking layer and leaky integrators whose potential answers (Norse): the digits",
            framework="Norse",
            convention="norse",
            knobs={"dt": 1e-3},
            samples="digits",
        ),
        Packaged(
            name="converted",
            about="64-64-10, an ANN converted to neurons of several spikes per step (Sinabs): the digits in 16 steps",
            framework="Sinabs",
            convention="sinabs",
            knobs={"v_min": -1.0},
        ),
        Packaged(
            name="converted-cnn",
            about="64-1024-512-10, a convolutional ANN converted like that (Sinabs), pooling by sums: the digits",
            framework="Sinabs",
            convention="sinabs",
            knobs={"v_min": -1.0},
            samples="converted",
            demo=100,
        ),
        Packaged(
            name="lagged",
            about="64-64-10, recurrent neurons that report a step late (Spyx): the digits",
            framework="Spyx",
            convention="spyx",
            knobs={"dt": 1.0},
            samples="digits",
        ),
        Packaged(
            name="hardreset",
            about="64-64-10, LIF and IF neurons with hard reset (SpikingJelly): the digits",
            framework="SpikingJelly",
            convention="spikingjelly",
            knobs={"dt": 1e-4},
            samples="digits",
        ),
    )
}


def find(name: str) -> Packaged:
    """The packaged network of that name."""
    if name not in PACKAGED:
        raise Refusal(f"There is no packaged network {name!r}; there are {', '.join(PACKAGED)}")
    return PACKAGED[name]
