"""The node types of NIR: their fields, what each must satisfy by itself, and what stands for a neuron."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikeloom.golden.nir_file import Node

__all__ = ["AXES", "FIELDS", "NEURONS", "PORT", "SPIKING", "SUPPORTED", "Values", "values"]

#: Larger numbers have no place in a trained network, and squares of them no place in a float.
MAX_NUMBER = 1e30
#: Of windows: strides, paddings and dilations.
MAX_REACH = 1 << 15
FINITE = "only finite numbers are taken: train or export again"
#: Fields of the nodes that become populations. Those that fire may have a v_reset; nir <= 1.0.4 wrote none.
NEURONS = {
    "IF": ("r", "v_threshold"),
    "LIF": ("tau", "r", "v_leak", "v_threshold"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "w_in"),
    "I": ("r",),
    "LI": ("tau", "r", "v_leak"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "Threshold": ("threshold",),
}
SPIKING = ("IF", "LIF", "CubaLIF", "Threshold")
FIELDS = {
    "Input": ("shape",),
    "Output": ("shape",),
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "Scale": ("scale",),
    "Flatten": ("start_dim", "end_dim"),
    "Delay": ("delay",),
    "Conv1d": ("weight", "stride", "padding", "dilation", "groups", "bias"),
    "Conv2d": ("weight", "stride", "padding", "dilation", "groups", "bias"),
    "SumPool2d": ("kernel_size", "stride", "padding"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    **NEURONS,
}
#: Axes over which the windows of a node move.
AXES = {"Conv1d": 1, "Conv2d": 2, "SumPool2d": 2, "AvgPool2d": 2}
SUPPORTED = (*FIELDS, "NIRGraph")
#: What a sub-graph's Input and Output become when it is laid into the graph around it.
PORT = "end of a graph"
#: What nir itself takes where a file says nothing.
DEFAULTS = {"w_in": np.array(1.0)}
#: Convolutions are also written without a bias.
OPTIONAL = {("Conv1d", "bias"), ("Conv2d", "bias")}
_PER_AXIS = ("kernel_size", "stride", "padding", "dilation")
_INTEGERS = ("shape", "start_dim", "end_dim", "groups", *_PER_AXIS)
_ONE = ("start_dim", "end_dim", "groups")
#: What a convolution may have instead of numbers.
_WORDS = ("same", "valid")


@dataclass(frozen=True, kw_only=True)
class Values:
    """The numbers of a node by field, None if some cannot be used, and what is wrong with them."""

    fields: Mapping[str, np.ndarray] | None
    problems: tuple[str, ...] = ()


def values(node: Node) -> Values:
    """Read and check a node by itself, whatever is around it."""
    found, problems = _read(node)
    if not problems:
        found = _checked(node, found, problems)
    return Values(fields=None if problems else found, problems=tuple(problems))


def _read(node: Node) -> tuple[dict[str, np.ndarray], list[str]]:
    found: dict[str, np.ndarray] = {}
    problems: list[str] = []
    endless = False
    fields = FIELDS["Input" if node.type == PORT else node.type]
    for name in fields:
        value = node.fields.get(name, DEFAULTS.get(name))
        if value is None and (node.type, name) in OPTIONAL:
            continue
        if value is None:
            problems.append(f"has no {name}; export it with {', '.join(fields)}")
        elif isinstance(value, str) and name == "padding" and node.type.startswith("Conv") and value in _WORDS:
            found[name] = value
        elif isinstance(value, str):
            problems.append(f"{name} must be numbers, not {value[:40]!r}")
        elif name in _INTEGERS and value.dtype.kind not in "iu":
            problems.append(f"{name} must be integers, not {value.dtype}")
        elif value.dtype.kind == "f" and not np.isfinite(value).all():
            if name.startswith("tau") and (value == np.inf).any():
                endless = True
                problems.append(
                    f"{name} is infinite, as snnTorch exports beta = 1, and the gain of the input is lost with it; "
                    "write a nir.IF node instead (r = 1/dt), or use a beta below 1"
                )
            elif not endless:
                problems.append(f"{name} has NaN or infinite values; {FINITE}")
        elif value.size == 0 or (name in _ONE and value.size != 1):
            wanted = "one integer" if name in _ONE else "at least one number"
            problems.append(f"{name} has the shape {value.shape}, and must hold {wanted}")
        elif np.abs(value.astype(np.float64)).max() > MAX_NUMBER:
            problems.append(f"{name} has values beyond {MAX_NUMBER:g}; export smaller numbers")
        else:
            found[name] = value
    return found, problems


def _checked(node: Node, found: dict[str, np.ndarray], problems: list[str]) -> dict[str, np.ndarray]:
    if node.type in ("Affine", "Linear"):
        weight = found["weight"]
        if weight.ndim != 2 or 0 in weight.shape:
            problems.append(f"weight must have the shape (out, in), not {weight.shape}")
        elif "bias" in found and found["bias"].shape != weight.shape[:1]:
            problems.append(f"bias has the shape {found['bias'].shape}, and weight asks for {weight.shape[:1]}")
    elif node.type == "Scale" and found["scale"].ndim == 0:
        problems.append("scale is one number; export it as one per element")
    elif node.type == "Delay":
        if found["delay"].ndim == 0:
            problems.append("delay is one number; export it as one per element")
        elif found["delay"].min() < 0:
            problems.append(
                f"delay must not be negative, as {found['delay'].min():g} is: nothing is known before it is"
            )
    elif node.type in AXES:
        _window(node.type, found, problems)
    elif node.type in NEURONS:
        found = {name: value.astype(np.float64) for name, value in found.items()}
        if node.type in SPIKING and node.type != "Threshold":
            reset = node.fields.get("v_reset", np.zeros_like(found["v_threshold"]))
            if isinstance(reset, str) or not (np.abs(reset) < MAX_NUMBER).all():
                problems.append(f"v_reset has NaN or infinite values; {FINITE}")
                return found
            found["v_reset"] = reset.astype(np.float64)
        _neuron(found, problems)
        if "tau_mem" in found:
            found["tau"] = found.pop("tau_mem")
        if "threshold" in found:
            found = {"v_threshold": found["threshold"], "v_reset": np.zeros_like(found["threshold"])}
    return found


def _window(kind: str, found: dict[str, np.ndarray], problems: list[str]) -> None:
    axes = AXES[kind]
    for name in (n for n in _PER_AXIS if n in found):
        value, least = found[name], 0 if name == "padding" else 1
        if isinstance(value, str):
            continue
        if value.size not in (1, axes):
            problems.append(f"{name} has the shape {value.shape}, and must hold one integer or {axes}")
        elif value.min() < least or value.max() > MAX_REACH:
            problems.append(f"{name} must be in {least}..{MAX_REACH}, not {', '.join(map(str, value.ravel()))}")
        else:
            found[name] = np.broadcast_to(value.ravel(), (axes,))
    if kind in ("SumPool2d", "AvgPool2d"):
        return
    weight, groups = found["weight"], int(found["groups"].ravel()[0])
    if weight.ndim != axes + 2:
        listed = "(out, in, K)" if axes == 1 else "(out, in, KH, KW)"
        problems.append(f"weight must have the shape {listed}, not {weight.shape}")
        return
    if "bias" in found and found["bias"].shape != weight.shape[:1]:
        problems.append(f"bias has the shape {found['bias'].shape}, and weight asks for {weight.shape[:1]}")
    if groups < 1 or weight.shape[0] % groups:
        problems.append(
            f"groups {groups} does not divide its {weight.shape[0]} output channels; export the layer again"
        )
    if isinstance(found["padding"], str) and found["padding"] == "same" and (found["stride"] != 1).any():
        problems.append("padding 'same' has no meaning with a stride above 1; export the padding as numbers")


def _neuron(found: dict[str, np.ndarray], problems: list[str]) -> None:
    shapes = {name: value.shape for name, value in found.items()}
    # A gain is one number in some files, though the others are one per neuron.
    neurons = max(shapes.values(), key=len)
    if "w_in" in found and shapes["w_in"] == () != neurons:
        found["w_in"] = np.full(neurons, found["w_in"])
        shapes["w_in"] = neurons
    if () in shapes.values():
        problems.append("has single numbers as parameters; export it with one per neuron (tensors)")
        return
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        problems.append(f"its parameters have different shapes: {listed}; export them with one number per neuron each")
        return
    for name in ("tau", "tau_syn", "tau_mem"):
        if name in found and found[name].min() <= 0:
            problems.append(f"{name} must be positive, not {found[name].min():g}")
    if "v_reset" in found and (found["v_threshold"] <= found["v_reset"]).any():
        problems.append("v_threshold must be above v_reset")
    for name in ("r", "w_in"):
        if name in found and (found[name] == 0).any():
            problems.append(f"{name} is 0, so that its input does nothing; give it another value or leave the node out")
