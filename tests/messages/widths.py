"""Widths and sizes."""

from typing import Any
from unittest import mock

import numpy as np

from messages.cases import Nodes, converted, gain, refused, with_
from nir_files import chain, complete, lif, minimal
from spikeloom import api
from spikeloom.golden import storage
from spikeloom.golden.conventions import resolve
from spikeloom.golden.search import search_bits


def lossy(loss: float, allowed: float) -> None:
    class Report:
        layers = ()
        accuracy_float, accuracy_integer = 1.0, 1.0 - loss

    search_bits(lambda bits: (None, Report), allowed)  # type: ignore[arg-type, return-value]


def integrators(**fields: Any) -> Nodes:
    nodes = minimal("LI", complete("euler"))
    return nodes | {"n": nodes["n"] | fields}


def delayed() -> Nodes:
    """Integrators whose potential goes to neurons, late."""
    nodes = integrators()
    end = nodes.pop("output")
    late = {"type": "Delay", "delay": np.full(4, 2.0)}
    return nodes | {"late": late, "neurons": minimal("IF", complete("euler"))["n"], "output": end}


def busy() -> Nodes:
    nodes = minimal("IF", complete("sinabs"))
    return nodes | {"n": nodes["n"] | {"v_threshold": np.full(4, 1e-5), "v_reset": np.full(4, -1.0)}}


def as_matrices(limit: int) -> None:
    with mock.patch.object(storage, "MAX_WEIGHTS", limit):
        converted(minimal("Conv2d", complete("euler")), complete("euler"), synapses="dense")


def loop_at_n() -> list[tuple[str, str]]:
    names = list(integrators())
    return [*zip(names, names[1:], strict=False), ("n", "n")]


refused(
    "widths",
    "a convolution that is too large to be written out as a matrix",
    "'input' to 'neurons': 60 x 27 weights are more than the 100 that are written out",
    lambda: as_matrices(100),
    "Leave out `--synapses dense`",
)
refused(
    "widths",
    "another kind of synapses (Python)",
    "synapses must be one of auto, dense, not 'sparse'",
    lambda: converted(chain(), synapses="sparse"),
    "Name one of these",
)
refused(
    "widths",
    "weights of too few or too many bits",
    "weight_bits must be in 2..8, not 9",
    lambda: converted(chain(), weight_bits=9),
    "Give 2 to 8",
)
refused(
    "widths",
    "widths that cannot be read",
    "weight_bits takes widths like 8, ternary or 8,LAYER=4, each layer once, not '8,lif1'",
    lambda: converted(chain(), weight_bits="8,lif1"),
    "Write `LAYER=BITS` after a comma",
)
refused(
    "widths",
    "a width for a layer that is not there",
    "weight_bits: there is no layer 'fc1'; there are 'lif1', 'lif2'",
    lambda: converted(chain(), weight_bits={"fc1": 4}),
    "Name the neurons that the weights lead to, as `convert` lists them",
)
refused(
    "widths",
    "analogue input of too many bits",
    "input_bits must be in 2..16, not 1",
    lambda: converted(chain(), input_bits=1),
    "Give 2 to 16",
)
refused(
    "widths",
    "states of too few or too many bits",
    "state_bits must be in 4..38, not 39",
    lambda: converted(chain(), state_bits=39),
    "Give 4 to 38, or leave it out",
)
refused(
    "widths",
    "widths of states that cannot be read",
    "state_bits takes widths like 12 or 12,LAYER=10, each layer once, not 'ternary'",
    lambda: converted(chain(), state_bits="ternary"),
    "Write `LAYER=BITS` after a comma",
)
refused(
    "widths",
    "bits below the unit of the weights of a layer that is not there",
    "guard_bits: there is no layer 'fc1'; there are 'lif1', 'lif2'",
    lambda: converted(chain(), guard_bits="4,fc1=6"),
    "Name neurons, as `convert` lists them",
)
refused(
    "widths",
    "too many bits below the unit of the weights",
    "guard_bits must be in 0..16, not 17",
    lambda: converted(chain(), guard_bits=17),
    "Give 0 to 16, or leave it out",
)
refused(
    "widths",
    "a read-out that is not there (Python)",
    "read_out must be one of sum, last, max, not 'mean'",
    lambda: converted(chain(), read_out="mean"),
    "Give one of these",
)
refused(
    "widths",
    "a state that is too narrow",
    "'lif1': its threshold 29691 does not fit a state of 8 bits; use --state-bits 16 or more, fewer --guard-bits "
    "(now 8) or fewer --weight-bits",
    lambda: converted(chain(), state_bits=8),
)
refused(
    "widths",
    "a search that may lose too little",
    "weights of 8 bits already lose 25.00 points on the calibration data, and 0 are allowed; allow more, or give more "
    "or other calibration data",
    lambda: lossy(0.25, 0),
)
refused(
    "widths",
    "a search for more than is there to lose",
    "search_bits takes percentage points in 0..100, not 101",
    lambda: lossy(0, 101),
    "Give percentage points of accuracy",
)
refused(
    "widths",
    "thresholds and weights of very different sizes",
    "'lif1': its threshold is 2.97e+13 times the unit of its potential, more than a state can hold; bring its weights "
    "and its parameters to similar sizes",
    lambda: converted(with_(lif1=lif(5, v_threshold=1e9))),
)
refused(
    "widths",
    "integrators with different rest potentials",
    "model.nir cannot be built:\n  'n' (LI): its neurons have different v_leak, and the potentials that they send "
    "could not be compared; export it with one v_leak",
    lambda: converted(integrators(v_leak=np.array([0, 0.5, 0, 0])), complete("euler")),
)
refused(
    "widths",
    "integrators with a rest potential that is delayed",
    "model.nir cannot be built:\n  'n' to 'neurons': potentials around v_leak = 0.25 that arrive a step or more late "
    "are not built; export v_leak = 0",
    lambda: converted(delayed(), complete("euler")),
)
refused(
    "widths",
    "a loop of integrators",
    "model.nir cannot be built:\n  'n': a loop in which no neuron spikes; put neurons with a threshold in it",
    lambda: converted(integrators(), complete("euler"), edges=loop_at_n()),
)
refused(
    "knobs",
    "a synaptic current that keeps nothing",
    "model.nir cannot be built:\n  'n' (CubaLIF): with tau_syn = dt nothing of its input is left (--synapse-gain "
    "decayed); give the dt of the training (--dt) in the file's unit",
    lambda: converted(gain("CubaLIF", tau_syn=1.0), resolve("euler", {"dt": 1.0, "synapse_gain": "decayed"})),
)
refused(
    "knobs",
    "a late reset to zero of snnTorch's neurons with currents or loops",
    "model.nir cannot be built:\n  'n' (CubaLIF): snnTorch's Synaptic, RLeaky and RSynaptic with a late reset to zero "
    "drop what arrives in the step after a spike, which is not built; train with reset_delay=False (--reset-when "
    "same-step), or with the reset 'subtract'",
    lambda: converted(minimal("CubaLIF", complete("snntorch")), resolve("snntorch", {"reset": "zero"})),
)
refused(
    "widths",
    "widths to be searched and given",
    "search_bits finds the widths of the weights itself; leave out weight_bits",
    lambda: api.convert("model.nir", data=np.zeros((1, 1, 1)), search_bits=1.0, weight_bits=4),
)
refused(
    "widths",
    "more spikes in a step than an event can count",
    "'n' fires 32767 times in a step, and an event of 16 bits counts 16383 with headroom; raise its threshold, or use "
    "spikes 'one'",
    lambda: converted(busy(), complete("sinabs")),
)
