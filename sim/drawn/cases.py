"""Designs drawn from families, compared with golden; one that differs is kept, and replayed for ever."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import assume, given, seed, settings
from hypothesis import strategies as st

from spikeloom.golden.network import Network
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.generate import generate
from spikeloom.sim.drawn import strategies
from spikeloom.sim.drawn.families import DRAWN, Family, mixed
from spikeloom.sim.drawn.synapses import KINDS
from spikeloom.sim.equivalence import VerifyReport, verify
from spikeloom.sim.slow_links import slow_links

__all__ = ["Case", "Differs", "compare", "of_any", "of_family", "replay", "run"]


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Case:
    """A design and what it is run on. family: whose hardware it shares; None: it has the smallest of its own."""

    network: Network
    configuration: Configuration
    x: np.ndarray
    family: Family | None = None
    stalls: bool = False
    seed: int = 0

    def generate(self, folder: Path) -> Path:
        """A folder with the design, whose links are slow if its family's are."""
        hardware = self.family.hardware if self.family else None
        generate(self.network, self.configuration, folder / "design", parameters=hardware)
        if self.family and self.family.slow:
            return slow_links(folder / "design", folder / "slow", hardware, seed=1)
        return folder / "design"

    def verify(self, folder: Path, simulator: str = "verilator") -> VerifyReport:
        """Of a folder like the generated one."""
        options = {"simulator": simulator, "bulk": simulator == "verilator", "stalls": self.stalls, "seed": self.seed}
        with TemporaryDirectory(prefix="spikeloom-") as output:
            return verify(folder, self.x, output=Path(output) / "mismatch", **options)

    def keep(self, folder: Path, simulator: str, verdict: str) -> None:
        """As a folder that :func:`replay` reads; what was there before goes."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.network.save(folder / "network.loom")
        np.savez_compressed(folder / "x.npz", x=self.x)
        document = {
            "configuration": self.configuration.model_dump(),
            "family": self.family.model_dump() if self.family else None,
            "simulator": simulator,
            "stalls": self.stalls,
            "seed": self.seed,
            "verdict": verdict,
        }
        (folder / "case.json").write_text(json.dumps(document, indent=1) + "\n")


class Differs(AssertionError):
    """The hardware of a case did other than golden; ``kept``: where the case is."""

    def __init__(self, case: Case, report: VerifyReport, kept: Path) -> None:
        super().__init__(report.verdict)
        self.case, self.report, self.kept = case, report, kept


def compare(case: Case, keep: Path, simulator: str = "verilator") -> VerifyReport:
    """With golden. A case that differs is kept in the folder ``keep`` and raises :class:`Differs`."""
    with TemporaryDirectory(prefix="spikeloom-") as folder:
        report = case.verify(case.generate(Path(folder)), simulator)
    if report.differences or report.problems:
        case.keep(keep, simulator, report.verdict)
        raise Differs(case, report, keep)
    return report


def run(
    cases: st.SearchStrategy[Case], examples: int, number: int, keep: Path, simulator: str = "verilator"
) -> tuple[list[tuple[Case, VerifyReport]], Differs | None]:
    """As many cases as asked for, the same for each number: those that equal golden, and the smallest that does not."""
    done: list[tuple[Case, VerifyReport]] = []

    @seed(number)
    @settings(DRAWN, max_examples=examples)
    @given(case=cases)
    def each(case: Case) -> None:
        done.append((case, compare(case, keep, simulator)))

    try:
        each()
    except Differs as differs:
        return done, differs
    return done, None


def replay(folder: Path) -> VerifyReport:
    """A case that was kept, on the hardware that it was found on as far as it serves it still."""
    document = json.loads((folder / "case.json").read_text())
    with np.load(folder / "x.npz") as file:
        x = file["x"]
    network, family = Network.load(folder / "network.loom"), document["family"] and Family(**document["family"])
    configuration = Configuration.create(**document["configuration"])
    if family and not family.serves(network, configuration):
        family = None
    case = Case(
        network=network,
        configuration=configuration,
        x=x,
        family=family,
        stalls=document["stalls"],
        seed=document["seed"],
    )
    with TemporaryDirectory(prefix="spikeloom-") as name:
        return case.verify(case.generate(Path(name)), document["simulator"] if family else "amaranth")


def of_family(family: Family) -> st.SearchStrategy[Case]:
    """On the hardware that the family shares."""
    assert family.hardware.cores, "drawn before the cases are: drawing does not nest"
    return _of_family(family)


@st.composite
def _of_family(draw: st.DrawFn, family: Family) -> Case:
    network = draw(family.networks)
    configuration = family.configured(network)
    assume(family.serves(network, configuration))
    larger = {"samples": (1, 1), "steps": (4, 8)} if family.large else {}
    return Case(
        network=network,
        configuration=configuration,
        x=draw(strategies.stimuli(network, **larger)),
        family=family,
        stalls=draw(st.booleans()),
        seed=draw(st.integers(0, 2**16)),
    )


@st.composite
def of_any(draw: st.DrawFn) -> Case:
    """On the smallest hardware for each network, whatever its neurons are."""
    kinds = draw(st.sampled_from([{}, {"kinds": KINDS, "synapse_delays": 3, "sizes": (1, 6)}]))
    network = draw(strategies.networks(**kinds))
    configuration = Configuration(
        lanes=draw(st.sampled_from([1, 2, 4])),
        slots=draw(st.integers(1, 3)),
        cores="per-population",
        topology=draw(st.sampled_from(["crossbar", "ring", "mesh"])),
    )
    return Case(
        network=network,
        configuration=mixed(network, configuration),
        x=draw(strategies.stimuli(network, samples=(1, 2), steps=(3, 8))),
        stalls=draw(st.booleans()),
    )
