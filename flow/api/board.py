"""A network's hardware on a board: the bitstream, and the way into the chip."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from spikeloom.api.design import generated
from spikeloom.api.given import Progress, configuration_of, data_of, network_of
from spikeloom.files import new_file, output_errors
from spikeloom.golden.network import Network, Refusal

if TYPE_CHECKING:
    import numpy as np

    from spikeloom.api.given import AnyConfiguration, AnyData
    from spikeloom.boards.build import BuildReport, ProjectReport
    from spikeloom.boards.flash import FlashReport
    from spikeloom.fitting import Offer
    from spikeloom.sim.equivalence import VerifyReport

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
    clock_hz: int | None = None,
    baud: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> "BuildReport | ProjectReport":
    """Make a board's bitstream, and read back what the tools say of it; or a project, where the vendor's make it.

    source: a folder of ``generate``, or a network; that is generated as ``config``, ``cores`` and ``topology`` say.
    data: measures the clocks of an inference, in simulation on the first few samples, and so latency and rate; and what
    it does, for an estimate of energy.
    output_registers: use the block RAMs' own registers (ECP5 only): a faster clock, the same behaviour.
    clock_hz: of the accelerator, by default the board's usual one; the PLL must be able to make it.
    baud: of the serial link, up to an eighth of the core's clock; by default 1 Mbaud where that clock makes it.
    cache: take stages of the tools that were carried out before from the user's cache; else carry them out again.
    """
    from spikeloom.boards.build import BuildReport
    from spikeloom.boards.build import build as make
    from spikeloom.boards.stages import KEPT

    output = Path(output)
    x = None if data is None else data_of(data).x[:TIMED_SAMPLES]
    with generated(source, config, board, cores, topology) as directory, output_errors(output):
        verdict = None if x is None else _simulated(directory, x)
        report = make(
            directory,
            None,
            board,
            output,
            seed=seed,
            output_registers=output_registers,
            core_hz=clock_hz,
            baud=baud,
            kept=KEPT,
            again=not cache,
            progress=progress,
        )
        return timed(report, verdict, output) if verdict and isinstance(report, BuildReport) else report


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


def timed(report: "BuildReport", verdict: "VerifyReport", output: Path) -> "BuildReport":
    """A build's report with the clocks that an inference takes and an estimate of its energy, also in its file."""
    from spikeloom.boards.energy import estimate
    from spikeloom.hdl.design import load_manifest

    energy = estimate(
        load_manifest(output / "rtl"),
        {engine: clocks["rows"] for engine, clocks in verdict.activity.items()},
        neurons=sum(verdict.populations.values()),
        steps=verdict.steps,
        samples=verdict.samples,
        clocks=verdict.clocks_per_inference,
    )
    report = report.with_clocks(verdict.clocks_per_inference, energy)
    with new_file(output / "build.json") as partial:
        partial.write_text(report.to_json() + "\n", "utf-8")
    return report


def _simulated(directory: Path, x: "np.ndarray") -> "VerifyReport":
    """What the Verilog does on ``x``, samples following without a gap. Raises :class:`Refusal` if it does wrong."""
    from spikeloom.sim import equivalence

    with TemporaryDirectory(prefix="spikeloom-") as folder:
        verdict = equivalence.verify(directory, x, output=Path(folder) / "mismatch")
    if verdict.differences or verdict.problems:
        raise Refusal(f"{verdict.verdict}; nothing was built, and `spikeloom verify` shows it again")
    return verdict
