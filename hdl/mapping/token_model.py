"""Engines that pass tokens: when each step of each population begins and ends. Times are clocks."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf

__all__ = ["Engine", "Stage", "Taking", "Times", "Tokens", "simulate"]

Times = tuple[float, float, float]
#: A step of the lanes: from, to, how many rows of sums they take, and how many entries of lists they read.
Taking = tuple[float, float, int, float]


@dataclass(eq=False, kw_only=True, slots=True)
class Tokens:
    """Ticks of steps that wait to be read, or credits for free slots, and the stage that needs one for each step.

    came: when each came, or will come, by the step that takes it.
    """

    came: list[float]
    stage: "Stage"


@dataclass(eq=False, kw_only=True, slots=True)
class Stage:
    """A population on an engine.

    run: (stage, when it was chosen) -> (when its last group begins, when its slots are read, when its tick leaves).
    part: on an event-stationary half in its place, (step, number, when) a list begins; it sets the engine's ``idle``,
          which what the lanes do may put off. Its end gives what ``returns`` has for it, the last one's the tick.
    needs: when tokens of each kind came, by step; ``ticked``: of these, ticks.
    ticks: when its tick is ``taken``, those that come so much later. frees: those that its end gives, how much later,
          and of those that are given earlier, when in the last group, for each step.
    missing: kinds of tokens of which none is known to come for its next step; ``ready``: when the last of the others.
    """

    name: str
    engine: "Engine"
    steps: int
    run: Callable[["Stage", float], Times] | None = None
    part: Callable[[int, int, float], None] | None = None
    returns: list[tuple[float, Tokens]] = field(default_factory=list)
    needs: list[list[float]] = field(default_factory=list)
    ticked: list[list[float]] = field(default_factory=list)
    taken: Callable[[float], float] | None = None
    ticks: list[tuple[float, Tokens]] = field(default_factory=list)
    frees: list[tuple[float, Tokens, list[float] | None]] = field(default_factory=list)
    step: int = 0
    place: int = 0
    missing: int = 0
    ready: float = 0.0

    def need(self, count: int, *, tick: bool) -> Tokens:
        tokens = Tokens(came=[0.0] * count, stage=self)
        self.needs.append(tokens.came)
        if tick:
            self.ticked.append(tokens.came)
        return tokens

    def look(self) -> None:
        """For the tokens of its next step."""
        step, missing, ready = self.step, 0, 0.0
        for came in self.needs:
            if len(came) <= step:
                missing += 1
            elif came[step] > ready:
                ready = came[step]
        self.missing, self.ready = missing, ready


@dataclass(eq=False, kw_only=True, slots=True)
class Engine:
    """Runs one step at a time, of any of its stages that has its tokens; looks at them in turn.

    clocks: of a look at each; ``offers``: from a stage's choice to its first list, and ``offered`` from a list's begin
    until the next but one is there. idle: when the last step's rows were all added; ``prepared``: when its scheduler
    could go on to another. sent: when the last event left. waiting: lists of an event-stationary half that have not
    begun: when they are there, stage, step, number. since: when it began to look, at the stage in ``first`` place; the
    one that it ``finds`` then and when, and which it has ``chosen`` and cannot begin yet.
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
    takings: deque[Taking] = field(default_factory=lambda: deque(maxlen=6))
    reading: tuple[float, float, float] = (0.0, 0.0, 1.0)  # a list: from, how many events, rows of each
    adding: tuple[float, float] = (0.0, 0.0)  # its rows: from, how many clocks; ``put_off`` by so many more
    put_off: float = 0.0
    all_put_off: float = 0.0
    waiting: deque[tuple[float, Stage, int, int]] = field(default_factory=deque)
    chosen: Stage | None = None
    running: bool = False
    after_step: float = 0.0
    since: float = 0.0
    first: int = 0
    finds: tuple[float, Stage | None] = (inf, None)

    def seen(self, stage: Stage) -> float:
        """When a stage that will be ready is looked at."""
        many, look = len(self.stages), self.look
        early = self.since + look * ((stage.place - self.first) % many + 1)
        if stage.ready <= early:
            return early
        turn = look * many
        return early - turn * ((early - stage.ready) // turn)


Event = tuple[float, float, int, Callable[..., None], object]


def simulate(engines: Sequence[Engine]) -> list[Stage]:
    """Run every stage to its last step; those that could not, for want of tokens, are returned.

    When a token will come is known before.
    """
    events: list[Event] = []
    order, now = count(), 0.0

    def at(time: float, action: Callable[..., None], about: object, ready: float = 0.0) -> None:
        """Of what happens in the same clock, that goes first which was ready first."""
        heappush(events, (time, ready if ready > now else now, next(order), action, about))

    def give(time: float, tokens: Tokens) -> None:
        came, stage = tokens.came, tokens.stage
        came.append(time)
        if len(came) == stage.step + 1:
            stage.missing -= 1
            if time > stage.ready:
                stage.ready = time
            if not stage.missing and not stage.engine.chosen:
                may_find(stage.engine, stage)

    def may_find(engine: Engine, stage: Stage) -> None:
        """When all its tokens are there, unless another is found before."""
        seen = engine.seen(stage)
        if seen < engine.finds[0] and stage.step < stage.steps:
            engine.finds = seen, stage
            at(seen, found, stage, stage.ready)

    def leave(time: float, stage: Stage) -> None:
        taken = stage.taken(time) if stage.taken else time
        for clocks, tokens in stage.ticks:
            give(taken + clocks, tokens)

    def found(time: float, stage: Stage) -> None:
        engine, step = stage.engine, stage.step
        if engine.finds != (time, stage):  # it found another before
            return
        if stage.run is None:
            engine.chosen = stage
            choose(time, engine)
            return
        last_group, read, ticked = stage.run(stage, time)
        if stage.ticks:
            at(ticked, leave, stage)
        started(stage)
        for clocks, tokens, early in stage.frees:
            give((last_group + early[step] if early else read) + clocks, tokens)

    def started(stage: Stage) -> None:
        """Its tokens are taken, and its engine looks for the next one."""
        engine, stage.step = stage.engine, stage.step + 1
        stage.look()
        engine.first = (stage.place + 1) % len(engine.stages)
        look(engine)

    def look(engine: Engine) -> None:
        engine.finds = inf, None
        for stage in engine.stages:
            if not stage.missing:
                may_find(engine, stage)

    def choose(time: float, engine: Engine) -> None:
        """The stage that was found begins when its engine's scheduler is done: one list at most waits."""
        stage = engine.chosen
        if stage is None or len(engine.waiting) > 1:
            return
        engine.chosen = None
        there = time + engine.offers
        engine.waiting.extend((there, stage, stage.step, k) for k in range(len(stage.returns)))
        engine.since = time + 1
        started(stage)
        if not engine.running:
            follow(time, engine)

    def follow(time: float, engine: Engine) -> None:
        engine.running = bool(engine.waiting)
        if engine.running:
            at(max(time, engine.waiting[0][0]), begin, engine)

    def begin(time: float, engine: Engine) -> None:
        _, stage, step, number = engine.waiting.popleft()
        assert stage.part
        stage.part(step, number, time)
        at(engine.idle, ended, (stage, number))
        if engine.chosen:
            at(time + engine.offered, choose, engine)

    def ended(time: float, about: tuple[Stage, int]) -> None:
        stage, number = about
        if time < stage.engine.idle:
            at(stage.engine.idle, ended, about)
            return
        clocks, tokens = stage.returns[number]
        give(time + clocks, tokens)
        if number == len(stage.returns) - 1:
            leave(time, stage)
        follow(time, stage.engine)

    for engine in engines:
        for place, stage in enumerate(engine.stages):
            stage.place = place
            stage.look()
        look(engine)
    while events:
        now, _, _, action, about = heappop(events)
        action(now, about)
    return [stage for engine in engines for stage in engine.stages if stage.step < stage.steps]
