"""A network's hardware on a board: the bitstream, and the way into the chip."""

from pathlib import Path
from typing import TYPE_CHECKING

from spikeloom.api.design import generated
from spikeloom.api.given import Progress, configuration_of, data_of, network_of
from spikeloom.files import new_file, output_errors
from spikeloom.golden.network import Network

if TYPE_CHECKING:
    import numpy as np

    from spikeloom.api.given import AnyConfiguration, AnyData
    from spikeloom.boards.build import BuildReport, ProjectReport
    from spikeloom.boards.flash import FlashReport
    from spikeloom.fitting import Offer

__all__ = ["build", "flash", "offers", "timed"]

TIMED_SAMPLES = 8


def build(
    source: str | Path | Network,
    *,
    board: str,
    output: str | Path,
    config: "AnyConfiguration | None" = None,
    cores: int | None = None,
    topology: str | None = None,
    data: "AnyData | None" = None,
    seed: int = 1,
    output_registers: bool = False,
    baud: int | None = None,
    progress: Progress | None = None,
) -> "BuildReport | ProjectReport":
    """Make a board's bitstream, and read back what the tools say of it; or a project, where the vendor's make it.

    source: a folder of ``generate``, or a network; that is generated as ``config``, ``cores`` and ``topology`` say.
    data: measures the clocks of an inference, in simulation on the first few samples, and so latency and rate.
    output_registers: use the block RAMs' own registers (ECP5 only): a faster clock, the same behaviour.
    baud: of the serial link, up to an eighth of the core's clock; by default 1 Mbaud where that clock makes it.
    """
    from spikeloom.boards.build import BuildReport
    from spikeloom.boards.build import build as make

    output = Path(output)
    x = None if data is None else data_of(data).x[:TIMED_SAMPLES]
    with generated(source, config, board, cores, topology) as directory, output_errors(output):
        clocks = None if x is None else _clocks(directory, x)
        report = make(
            directory,
            None,
            board,
            output,
            seed=seed,
            output_registers=output_registers,
            baud=baud,
            progress=progress,
        )
        return timed(report, clocks, output) if clocks is not None and isinstance(report, BuildReport) else report


def offers(
    network: str | Path | Network | None = None, *, config: "AnyConfiguration | None" = None
) -> "tuple[Offer, ...]":
    """Every board that there is; with a network, how much of each it takes by the model, without synthesis.

    config: of its hardware, the same on every board; by default each board's usual one.
    """
    from spikeloom.fitting import offers as made

    if network is None:
        return made()
    return made(network_of(network), None if config is None else configuration_of(config, None))


def flash(
    source: str | Path,
    *,
    board: str | None = None,
    cable: str | None = None,
    to: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> "FlashReport":
    """Load a board through openFPGALoader: a folder that ``build`` wrote, or a bitstream alone.

    board: what a bitstream alone is for. cable: openFPGALoader's name of it, if not the board's own. to: "sram", gone
    with the power, or "flash"; by default what is usual for the board. force: although the timing is missed.
    """
    from spikeloom.boards.flash import flash as load

    return load(source, board=board, cable=cable, to=to, force=force, progress=progress)


def timed(report: "BuildReport", clocks: float, output: Path) -> "BuildReport":
    """A build's report with the clocks that an inference takes, also in its file."""
    report = report.with_clocks(clocks)
    with new_file(output / "build.json") as partial:
        partial.write_text(report.to_json() + "\n", "utf-8")
    return report


def _clocks(directory: Path, x: "np.ndarray") -> float:
    """Clocks from one sample's end to the next, samples following without a gap."""
    from spikeloom.sim import equivalence

    ends = equivalence.simulate(directory, x).clocks
    return float(ends[-1] / len(ends))
