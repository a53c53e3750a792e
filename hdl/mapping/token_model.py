"""Engines that pass tokens: when each step of each population begins and ends. Times are clocks."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

__all__ = ["Engine", "Stage", "Taking", "Times", "Tokens", "simulate"]

Times = tuple[float, float, float]
#: Rows of sums that are taken: from, to, how many.
Taking = tuple[float, float, int]


@dataclass(eq=False, kw_only=True, slots=True)
class Tokens:
    """Ticks of steps that wait to be read, or credits for free slots, and the stage that needs one for each step.

    came: when each came, or will come, the first first, and in which order in a clock.
    """

    came: deque[tuple[float, int]]
    tick: bool
    stage: "Stage"


@dataclass(eq=False, kw_only=True, slots=True)
class Stage:
    """A population on an engine.

    run: (stage, when it was chosen) -> (when its last group begins, when its slots are read, when its tick leaves).
    part: on an event-stationary half in its place, (step, number, when) a list begins; it sets the engine's ``idle``,
          which what the lanes do may put off. Its end gives what ``returns`` has for it, the last one's the tick.
    ticks: when tokens come by its tick, if that leaves at a time. frees: those that its end gives, how much later, and
          of those that are given earlier, when in the last group, for each step.
    missing: kinds of tokens of which none is known to come; ``waits``: all are there. ticked: when the last tick that a
          step needs comes, and ``ready``: the last token. came: both of the step that is run.
    """

    name: str
    engine: "Engine"
    steps: int
    run: Callable[["Stage", float], Times] | None = None
    part: Callable[[int, int, float], None] | None = None
    returns: list[tuple[float, list[Tokens]]] = field(default_factory=list)
    needs: list[Tokens] = field(default_factory=list)
    ticks: list[tuple[Callable[[float], float], list[Tokens]]] = field(default_factory=list)
    frees: list[tuple[float, list[Tokens], list[float] | None]] = field(default_factory=list)
    step: int = 0
    place: int = 0
    missing: int = 0
    waits: bool = False
    ticked: float = 0.0
    ready: float = 0.0
    came: tuple[float, float] = (0.0, 0.0)

    def need(self, count: int, *, tick: bool) -> Tokens:
        tokens = Tokens(came=deque([(0.0, 0)] * count), tick=tick, stage=self)
        self.needs.append(tokens)
        return tokens


@dataclass(eq=False, kw_only=True, slots=True)
class Engine:
    """Runs one step at a time, of any of its stages that has its tokens; looks at them in turn.

    look: clocks for each; ``offers``: from a stage's choice to its first list, and ``offered`` from a list's begin
    until the next but one is there. idle: when the last step's rows were all added; ``prepared``: when its scheduler
    could go on to another. sent: when the last event left. spent: clocks by what they went to. waiting: lists of an
    event-stationary half that have not begun: when they are there, stage, step, number, and when its tokens came.
    """

    name: str
    look: int
    offers: int = 0
    offered: int = 0
    stages: list[Stage] = field(default_factory=list)
    idle: float = 0.0
    prepared: float = 0.0
    accepted: float = 0.0
    last_hand_over: float = -1e9
    sent: float = 0.0
    takings: deque[Taking] = field(default_factory=lambda: deque(maxlen=4))
    adding: tuple[float, float] = (0.0, 0.0)  # rows of a list: from, how many clocks; ``put_off`` by so many more
    put_off: float = 0.0
    waiting: deque[tuple[float, Stage, int, int, tuple[float, float]]] = field(default_factory=deque)
    chosen: Stage | None = None
    running: bool = False
    after_step: float = 0.0
    spent: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    looks: int = 0  # which search it is
    since: float = 0.0
    first: int = 0  # stage that is looked at first

    def seen(self, stage: Stage) -> float:
        """When a stage that is ready is looked at."""
        count, look, ready = len(self.stages), self.look, stage.ready
        early = self.since + look * ((stage.place - self.first) % count + 1)
        if ready <= early:
            return early
        return early - look * count * ((early - ready) // (look * count))


Event = tuple[float, int, Callable[..., None], tuple[object, ...]]


def simulate(engines: Sequence[Engine]) -> list[Stage]:
    """Run every stage to its last step; those that could not, for want of tokens, are returned.

    When a token will come is known before; of a step's tokens only the last one's coming is an event.
    """
    events: list[Event] = []
    now, present, number = 0.0, 0, 0

    def at(time: float, action: Callable[..., None], *about: object) -> None:
        nonlocal number
        number += 1
        heappush(events, (time, number, action, about))

    def give(time: float, tokens: Iterable[Tokens]) -> None:
        nonlocal number
        for one in tokens:
            number += 1
            one.came.append((time, number))
            if len(one.came) == 1:
                stage = one.stage
                stage.missing -= 1
                if not stage.missing and stage.step < stage.steps:
                    known(stage)

    def known(stage: Stage) -> None:
        """All tokens of its next step are, or will come."""
        last = max([one.came[0] for one in stage.needs])
        stage.ticked = max([one.came[0][0] for one in stage.needs if one.tick], default=0.0)
        stage.ready = last[0]
        if last > (now, present):
            heappush(events, (*last, comes, (stage,)))
        else:
            stage.waits = True

    def comes(time: float, stage: Stage) -> None:
        stage.waits, engine = True, stage.engine
        at(engine.seen(stage), found, stage, engine.looks)

    def leave(time: float, stage: Stage) -> None:
        for arrives, tokens in stage.ticks:
            give(arrives(time), tokens)

    def found(time: float, stage: Stage, looks: int) -> None:
        engine = stage.engine
        if looks != engine.looks:
            return
        engine.looks += 1
        if stage.run is None:
            engine.chosen = stage
            choose(time, engine)
            return
        step, stage.came = stage.step, (stage.ticked, stage.ready)
        last_group, read, ticked = stage.run(stage, time)
        if stage.ticks:
            at(ticked, leave, stage)
        started(stage)
        for clocks, tokens, early in stage.frees:
            give((last_group + early[step] if early else read) + clocks, tokens)

    def started(stage: Stage) -> None:
        """Its tokens are taken, and the next one is looked for."""
        engine = stage.engine
        stage.step += 1
        stage.waits = False
        for one in stage.needs:
            one.came.popleft()
            if not one.came:
                stage.missing += 1
        if not stage.missing and stage.step < stage.steps:
            known(stage)
        engine.first = (stage.place + 1) % len(engine.stages)
        look(engine)

    def look(engine: Engine) -> None:
        """For the stage that is found first."""
        waits = [(engine.seen(stage), stage.place) for stage in engine.stages if stage.waits]
        if waits:
            seen, first = min(waits)
            at(seen, found, engine.stages[first], engine.looks)

    def choose(time: float, engine: Engine) -> None:
        """The stage that was found begins when its engine's scheduler is done: one list at most waits."""
        stage = engine.chosen
        if stage is None or len(engine.waiting) > 1:
            return
        engine.chosen = None
        there, came = time + engine.offers, (stage.ticked, stage.ready)
        engine.waiting.extend((there, stage, stage.step, k, came) for k in range(len(stage.returns)))
        engine.since = time + 1
        started(stage)
        if not engine.running:
            follow(time, engine)

    def follow(time: float, engine: Engine) -> None:
        engine.running = bool(engine.waiting)
        if engine.running:
            at(max(time, engine.waiting[0][0]), begin, engine)

    def begin(time: float, engine: Engine) -> None:
        _, stage, step, number, stage.came = engine.waiting.popleft()
        assert stage.part
        stage.part(step, number, time)
        at(engine.idle, ended, stage, number)
        at(time + engine.offered, choose, engine)

    def ended(time: float, stage: Stage, number: int) -> None:
        if time < stage.engine.idle:
            at(stage.engine.idle, ended, stage, number)
            return
        clocks, tokens = stage.returns[number]
        give(time + clocks, tokens)
        if number == len(stage.returns) - 1:
            leave(time, stage)
        follow(time, stage.engine)

    for engine in engines:
        for place, stage in enumerate(engine.stages):
            stage.place = place
            stage.missing = sum(not one.came for one in stage.needs)
            stage.waits = not stage.missing
        look(engine)
    while events:
        now, present, action, about = heappop(events)
        action(now, *about)
    return [stage for engine in engines for stage in engine.stages if stage.step < stage.steps]
