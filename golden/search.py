"""The narrowest weights that cost no more than a given loss."""

from collections.abc import Callable, Mapping

from spikeloom.golden.network import Network, Refusal
from spikeloom.golden.quantise import ConversionReport

__all__ = ["search_bits"]

WIDEST, NARROWEST = 8, 2
Convert = Callable[[Mapping[str, int]], tuple[Network, ConversionReport]]


def search_bits(convert: Convert, loss: float, progress: Callable[..., None] | None = None) -> dict[str, int]:
    """Bits of each layer's weights, such that ``convert`` with them loses at most ``loss`` percentage points.

    The loss is of accuracy against the float model on the calibration data, or of agreeing predictions where there are
    no labels. First all layers get narrower together; then each by itself, the one with most weights first, as far as
    it will go. Raises :class:`Refusal` if not even 8 bits are enough.
    """
    if not 0 <= loss <= 100:
        raise Refusal(f"search_bits takes percentage points in 0..100, not {loss:g}")
    network, report = convert({})
    names = [layer.name for layer in report.layers]
    weights = {name: sum(p.synapses.weights.size for p in network.into(name)) for name in names}
    tried = 0

    def lost(bits: Mapping[str, int]) -> float:
        nonlocal tried
        tried += 1
        if progress:
            progress(f"try weights of {', '.join(map(str, bits.values()))} bits")
        made = convert(bits)[1]
        if made.accuracy_float is None:
            return 100 * (1 - made.prediction_agreement)
        return 100 * (made.accuracy_float - made.accuracy_integer)

    kept = dict.fromkeys(names, WIDEST)
    if (least := lost(kept)) > loss:
        raise Refusal(
            f"weights of {WIDEST} bits already lose {least:.2f} points on the calibration data, and {loss:g} are "
            "allowed; allow more, or give more or other calibration data"
        )
    for width in range(WIDEST - 1, NARROWEST - 1, -1):
        narrower = dict.fromkeys(names, width)
        if lost(narrower) > loss:
            break
        kept = narrower
    for name in sorted(names, key=lambda n: -weights[n]):
        while kept[name] > NARROWEST:
            narrower = kept | {name: kept[name] - 1}
            if lost(narrower) > loss:
                break
            kept = narrower
    return kept
