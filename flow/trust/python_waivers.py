"""Mutants of golden that compute the same, each with its reason. One that matches no mutant fails a test."""

from dataclasses import dataclass

__all__ = ["WAIVERS", "Waiver"]


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """A mutant that computes the same, and why. line: of the source, as it stands there."""

    function: str
    line: str
    became: str
    reason: str


#: Of the line in which a layer's potentials on the calibration data become those that the next layer's rounding sees.
CALIBRATION = "events=(reference.events[s.name] - layer.rest[0]) / unit, unit=unit, rest=float(layer.rest[0])"
WEIGHED = "these events only weigh the errors of rounding: another scale may be taken, none that means something else"
ONE_REST = "a layer that sends its potential has one v_leak, or is refused"
SAMPLES = "events=data.x.reshape(*data.x.shape[:2], -1) / source.scale if source.scale != 1 else _flat(data.x),"
WIDEST = "widest = max(currents, default=2)"
#: The line that chooses between floats and int64.
WIDE = 'wide = max(limit << self.options["decay_bits"], 2 * limit + most) >= 1 << 53'
SOONER = "int64 is taken sooner than need be"
ANY_SIZE = "numpy takes any negative size for the one that is left"
WAIVERS = (
    *(
        Waiver(function=function, line=line, became=line.replace("-1)", "-2)"), reason=ANY_SIZE)
        for function, line in (
            ("Product.__init__", "self.matrices = self.weights.reshape(w.groups, w.kernel[0] // w.groups, -1)"),
            (
                "Product._windows",
                "columns = _seen(self.window, images).transpose(1, 2, 3, 0, 4, 5).reshape(groups, taps, -1)",
            ),
            (
                "Product._windows",
                "sums = np.matmul(self.matrices, columns).reshape(groups * channels, len(images), -1)",
            ),
            ("places.reached", "tap, place = np.indices((taps, count)).reshape(2, -1)"),
            ("windows", "return seen.transpose(1, 2, 3, 0, 4, 5).reshape(w.groups, math.prod(w.kernel[1:]), -1)"),
            ("convert", SAMPLES),
            ("_flat", "return x.reshape(*x.shape[:2], -1)"),
            ("run", "x = x.reshape(*x.shape[:2], -1)"),
            ("QuantisedLayer._weights", "bias = np.abs(self.bias).reshape(columns.channels, -1).max(1)"),
        )
    ),
    *(
        Waiver(function="convert.quantised", line=CALIBRATION, became=CALIBRATION.replace(*change), reason=reason)
        for change, reason in (
            ((" - layer", " + layer"), WEIGHED),
            ((") / unit", ") * unit"), WEIGHED),
            (("rest[0]) /", "rest[1]) /"), ONE_REST),
            (("float(layer.rest[0])", "float(layer.rest[1])"), ONE_REST),
        )
    ),
    Waiver(
        function="Batch.__init__",
        line="most = self.added + self.current_limit  # that a step adds to the current or to the potential",
        became="most = self.added - self.current_limit  # that a step adds to the current or to the potential",
        reason="states have 48 bits or fewer: then only a potential far below 0 goes beyond 2**53, and saturates",
    ),
    *(
        Waiver(function="Batch.__init__", line=WIDE, became=became, reason=reason)
        for became, reason in (
            (WIDE.replace("2 *", "3 *"), SOONER),
            (WIDE.replace("<< 53", "<< 52"), SOONER),
            (WIDE.replace('"', "'").replace(">=", ">"), "2**53 itself is a float, as all integers below"),
        )
    ),
    Waiver(
        function="Batch._decay",
        line='values += (values >> 63) & ((1 << self.options["decay_bits"]) - 1)',
        became='values += (values >> 64) & ((1 << self.options["decay_bits"]) - 1)',
        reason="numpy shifts 64 bits by 64 as by 63: what is left is the sign",
    ),
    Waiver(
        function="n_max",
        line="return 1 if value_bits == 1 else (1 << value_bits - 1) - 1",
        became="return 2 if value_bits == 1 else (1 << value_bits - 1) - 1",
        reason="where one spike is sent, it bounds how far potentials reach; they are clipped sooner than need be",
    ),
    Waiver(
        function="convert",
        line=SAMPLES,
        became=SAMPLES.replace("!= 1", "!= 2"),
        reason=f"a unit of 1 divides nothing; where it is 2, {WEIGHED}",
    ),
    Waiver(
        function="convert.network",
        line=WIDEST,
        became=WIDEST.replace("default=2", "default=3"),
        reason="it is the width of the currents where no layer has a current",
    ),
    Waiver(
        function="_Rounding.least",
        line="clipped=float((np.abs(shown) > scale * (limit + 0.5)).mean()),",
        became="clipped=float((np.abs(shown) >= scale * (limit + 0.5)).mean()),",
        reason="a weight on this edge is half a unit off, clipped or rounded; the share is told, and nothing else",
    ),
    Waiver(
        function="_input",
        line='if x.dtype.kind == "f" and (x != np.rint(x)).any():',
        became='if x.dtype.kind == "f" and (x != np.floor(x)).any():',
        reason="a number that is no integer differs from the nearest one and from the one below",
    ),
    Waiver(
        function="signed_bits",
        line="return 1 + max(v.bit_length() if v >= 0 else (-v - 1).bit_length() for v in values)",
        became="return 1 + max(v.bit_length() if v >= 1 else (-v - 1).bit_length() for v in values)",
        reason="0 gets 2 bits in place of 1, and no state or event of signed numbers has fewer than 2",
    ),
    Waiver(
        function="Sums._without_silent",
        line="if 2 * len(where) > active.size:",
        became="if 2 * len(where) <= active.size:",
        reason="inputs that are silent add nothing: the sums are the same with and without them",
    ),
    Waiver(
        function="Sums._without_silent",
        line="if 2 * len(where) > active.size:",
        became="if 2 * len(where) >= active.size:",
        reason="inputs that are silent add nothing: the sums are the same with and without them",
    ),
)
