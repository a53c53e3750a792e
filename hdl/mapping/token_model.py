"""Engines that pass tokens: when each step of each population begins and ends. Times are clocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

__all__ = ["Engine", "Stage", "Times", "Tokens", "simulate"]

Times = tuple[float, float, float]


@dataclass(eq=False, kw_only=True)
class Tokens:
    """Ticks of steps that wait to be read, or credits for free slots, and the stage that needs one for each step."""

    count: int
    tick: bool
    stage: "Stage"


@dataclass(eq=False, kw_only=True)
class Stage:
    """A population on an engine.

    run: (stage, when it was chosen) -> (when its last group begins, when its slots are read, when its tick leaves).
    read: of tokens that it frees earlier, when in the last group, for each step.
    elastic: what the engine does meanwhile may put that off, to the engine's ``idle``.
    ticks: when tokens come by its tick, if that leaves at a time. frees: those that its end gives, and how much later.
    """

    name: str
    engine: "Engine"
    steps: int
    run: Callable[["Stage", float], Times]
    elastic: bool = False
    needs: list[Tokens] = field(default_factory=list)
    ticks: list[tuple[Callable[[float], float], list[Tokens]]] = field(default_factory=list)
    frees: list[tuple[float, list[Tokens], list[float] | None]] = field(default_factory=list)
    step: int = 0
    missing: int = 0
    ticked: float = 0.0  # when the last tick that was missing came
    ready: float = 0.0

    def need(self, count: int, *, tick: bool) -> Tokens:
        tokens = Tokens(count=count, tick=tick, stage=self)
        self.needs.append(tokens)
        return tokens


@dataclass(eq=False, kw_only=True)
class Engine:
    """Runs one step at a time, of any of its stages that has its tokens; looks at them in turn.

    look: clocks for each. idle: when the last step's rows were all added; ``prepared``: when its scheduler could go on
    to another. sent: when the last event left. spent: clocks by what they went to.
    """

    name: str
    look: int
    stages: list[Stage] = field(default_factory=list)
    idle: float = 0.0
    prepared: float = 0.0
    accepted: float = 0.0
    last_hand_over: float = -1e9
    sent: float = 0.0
    taking: tuple[float, float, int] = (0.0, 0.0, 0)  # rows of sums that are taken: from, to, how many
    after_step: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)
    looks: int = 0  # which search it is
    since: float = 0.0
    first: int = 0  # stage that is looked at first

    def spend(self, cause: str, clocks: float) -> None:
        self.spent[cause] = self.spent.get(cause, 0.0) + clocks

    def seen(self, stage: Stage) -> float:
        """When a stage that is ready is looked at."""
        count = len(self.stages)
        turn = (self.stages.index(stage) - self.first) % count + 1
        rounds = max(0.0, -(-(stage.ready - self.since - self.look * turn) // (self.look * count)))
        return self.since + self.look * (turn + count * rounds)


Event = tuple[float, int, Callable[..., None], tuple[object, ...]]


def simulate(engines: Sequence[Engine]) -> list[Stage]:
    """Run every stage to its last step; those that could not, for want of tokens, are returned."""
    events: list[Event] = []
    number = 0

    def at(time: float, action: Callable[..., None], *about: object) -> None:
        nonlocal number
        number += 1
        heappush(events, (time, number, action, about))

    def arrive(time: float, tokens: list[Tokens]) -> None:
        for one in tokens:
            one.count += 1
            if one.count == 1:
                stage = one.stage
                stage.missing -= 1
                if one.tick:
                    stage.ticked = time
                if not stage.missing and stage.step < stage.steps:
                    stage.ready = time
                    at(stage.engine.seen(stage), found, stage, stage.engine.looks)

    def leave(time: float, stage: Stage) -> None:
        for arrives, tokens in stage.ticks:
            at(arrives(time), arrive, tokens)

    def give(stage: Stage, last_group: float, read: float, ticked: float) -> None:
        at(ticked, leave, stage)
        for clocks, tokens, early in stage.frees:
            at((last_group + early[stage.step - 1] if early else read) + clocks, arrive, tokens)

    def ended(time: float, stage: Stage) -> None:
        if time < stage.engine.idle:
            at(stage.engine.idle, ended, stage)
        else:
            give(stage, time, time, time)

    def found(time: float, stage: Stage, look: int, chosen: float | None = None) -> None:
        engine = stage.engine
        if look != engine.looks:
            return
        if stage.elastic and time < engine.idle:
            at(engine.idle, found, stage, look, chosen or time)
            return
        times = stage.run(stage, chosen or time)
        stage.step += 1
        for one in stage.needs:
            one.count -= 1
            stage.missing += not one.count
        if stage.elastic:
            at(engine.idle, ended, stage)
        else:
            give(stage, *times)
        engine.looks += 1
        engine.first = (engine.stages.index(stage) + 1) % len(engine.stages)
        for other in engine.stages:
            if not other.missing and other.step < other.steps:
                at(engine.seen(other), found, other, engine.looks)

    for engine in engines:
        for stage in engine.stages:
            stage.missing = sum(not one.count for one in stage.needs)
            if not stage.missing:
                at(engine.seen(stage), found, stage, 0)
    while events:
        time, _, action, about = heappop(events)
        action(time, *about)
    return [stage for engine in engines for stage in engine.stages if stage.step < stage.steps]
