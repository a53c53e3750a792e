"""How far each generator is on the way from a draft to something to rely on, by what the checks found."""

from collections.abc import Sequence
from dataclasses import dataclass

from spikeloom.trust.runner import Outcome

__all__ = ["GENERATORS", "STAGES", "Generator", "Stage", "Standing", "standings"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """checks: those that must have held; of ``mutants`` the generator's block, of ``proofs`` its parts."""

    name: str
    about: str
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Generator:
    """A part of the hardware that users choose. block: of mutants. proofs: of these components."""

    name: str
    about: str
    block: str
    proofs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """lacks: why the next stage is not reached; empty at the last."""

    generator: Generator
    stage: Stage
    lacks: str


STAGES = (
    Stage(name="draft", about="it can be generated"),
    Stage(name="simulated", about="random designs with it did what the golden model does", checks=("designs",)),
    Stage(
        name="covered and mutated",
        about="its lines, signals and bins were seen at work, and its mutants were caught",
        checks=("coverage", "mutants"),
    ),
    Stage(
        name="proven and soaked",
        about="its small parts are proven, and nothing was lost in long runs",
        checks=("proofs", "soak"),
    ),
)

GENERATORS = (
    Generator(
        name="neuron-stationary core",
        about="matrices: for each group of neurons, the events of a step",
        block="core",
        proofs=("event_lists.EventLists", "tokens.Tokens"),
    ),
    Generator(
        name="event-stationary core",
        about="convolutions, lists, delays: for each event, its rows",
        block="core",
        proofs=("fan_out.FanOut", "ring.Ring"),
    ),
    Generator(name="LIF neuron units", about="every rule of the LIF family", block="neuron units",
              proofs=("neurons.lif.Unit",)),
    Generator(name="synapse and state memories", about="block RAM; of a single port no coverage", block="memories",
              proofs=("memory.",)),
    Generator(name="crossbar", about="one router between all cores", block="router",
              proofs=("routers.router.Router", "routers.queue.Queue", "routers.arbiter.Arbiter")),
    Generator(name="mesh", about="routers in rows and columns", block="router",
              proofs=("routers.router.Router", "routers.queue.Queue", "routers.arbiter.Arbiter")),
    Generator(name="ring", about="routers in a circle", block="router", proofs=("routers.ring.Stop",)),
    Generator(name="host link", about="frames over a UART; SPI and AXI are simulated alone", block="host link",
              proofs=("host_gate.HostGate", "link.")),
)  # fmt: skip


def standings(outcomes: Sequence[Outcome]) -> list[Standing]:
    """The stage of each generator, and what it lacks for the next one."""
    found = {outcome.check.name: outcome for outcome in outcomes}
    made = []
    for generator in GENERATORS:
        reached, lacks = STAGES[0], ""
        for stage in STAGES[1:]:
            lacks = ", ".join(said for name in stage.checks if (said := _lacking(generator, name, found.get(name))))
            if lacks:
                break
            reached = stage
        made.append(Standing(generator=generator, stage=reached, lacks=lacks))
    return made


def _lacking(generator: Generator, name: str, outcome: Outcome | None) -> str:
    """Why a check does not count for a generator, or nothing."""
    if outcome is None or outcome.state in ("unable", "open"):
        return f"{name} did not run to the end"
    if name == "mutants":
        own = [figure for figure in outcome.figures if figure.what.endswith(f"of the {generator.block}")]
        return "" if own and all(figure.ok for figure in own) else f"mutants of the block {generator.block}"
    if name == "proofs":
        proven = {row["part"] for rows in outcome.rows.values() for row in rows if "claim" in row}
        missing = [part for part in generator.proofs if not any(p.startswith(part) for p in proven)]
        if missing:
            return f"proofs of {', '.join(missing)}"
    return "" if outcome.state == "held" else f"{name} failed"
