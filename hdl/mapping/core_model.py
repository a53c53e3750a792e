"""How long a step of a population keeps its core, and whom it lets go on: the stages of the token model."""

from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from operator import add

from spikeloom.hdl.mapping.latencies import Costs
from spikeloom.hdl.mapping.plan import Mapping
from spikeloom.hdl.mapping.token_model import Engine, Stage, Times, Tokens
from spikeloom.hdl.mapping.work import Counts, LanesWork, ScatterWork, counts, lanes_work, scatter_work
from spikeloom.hdl.routers.topology import Topology

__all__ = ["Model"]

Burst = tuple[float, float, float]


class _Port:
    """Where a core takes packets, one in a clock, in turn from all nodes that send some."""

    def __init__(self) -> None:
        #: by source, of its last steps: from when to when, how many events; and of the last ones of any source
        self.own: defaultdict[str, deque[Burst]] = defaultdict(lambda: deque(maxlen=32))
        self.recent: deque[tuple[str, Burst]] = deque(maxlen=8)

    def sends(self, source: str, burst: Burst) -> None:
        self.own[source].append(burst)
        self.recent.append((source, burst))

    def arrival(self, source: str, clocks: float, time: float) -> float:
        """Of the tick that leaves at a time."""
        begin, events = next((begin, events) for begin, end, events in self.own[source] if end == time)
        others = 0.0
        for other, (first, last, sent) in self.recent:
            if other != source and first < time and last > begin:
                others += min(events, sent * (min(last, time) - max(first, begin)) / max(1.0, last - first))
        return max(time, begin + events + others) + clocks


class Model:
    """Engines, stages and the tokens between them."""

    def __init__(self, mapping: Mapping, events: Counts, costs: Costs):
        self.mapping, self.costs = mapping, costs
        self.counts = {place.name: counts(events, place.name, place.size) for place in mapping.places}
        self.shape = next(iter(self.counts.values())).shape
        steps = self.shape[0] * self.shape[1]
        cores = range(len(mapping.parameters.cores))
        self.flows: dict[str, list[int]] = {place.name: [] for place in mapping.places}
        self.ports = {1 + k: _Port() for k in cores}
        self.ends: dict[str, list[float]] = {}
        self.works: dict[str, LanesWork] = {}
        self.host = Engine(name="host", look=1)
        self.lanes = [Engine(name=f"core{k}", look=costs.look) for k in cores]
        self.scatters = [Engine(name=f"core{k}.scatter", look=costs.look) for k in cores]
        self.stages: dict[tuple[str, bool], Stage] = {}
        rings = {ring.target for ring in mapping.rings}
        for place in mapping.places:
            if place.core < 0:
                run = partial(self._send, self.counts[place.name].ravel().tolist())
                self._stage(self.host, place.name, False, steps, run)
                continue
            work = self.works[place.name] = lanes_work(mapping, place, events, costs)
            self.ends[place.name] = []
            scatter = self.scatters[place.core]
            run = partial(self._lanes, work, scatter, self.ends[place.name])
            self._stage(self.lanes[place.core], place.name, False, steps, run)
            if place.name in rings:
                clocks = scatter_work(mapping, place.name, events, costs)
                run = partial(self._scatter, clocks, self.lanes[place.core])
                self._stage(scatter, place.name, True, steps, run)
        self._join(rings)

    @property
    def engines(self) -> list[Engine]:
        return [engine for engine in (self.host, *self.lanes, *self.scatters) if engine.stages]

    def _stage(self, engine: Engine, name: str, event: bool, steps: int, run: Callable[..., Times]) -> None:
        stage = Stage(name=name, engine=engine, steps=steps, run=run, elastic=event)
        engine.stages.append(stage)
        self.stages[name, event] = stage

    def _join(self, rings: set[str]) -> None:
        """The channels: ticks one way, credits the other."""
        costs = self.costs
        ticks: dict[tuple[str, int], list[Tokens]] = {}
        for r in self.mapping.readers:
            source, target = self.stages[r.source, False], self.stages[r.target, r.event]
            ticks.setdefault((r.source, self._node(r.target)), []).append(target.need(r.delay, tick=True))
            credit = source.need(r.credit, tick=False)
            back: float = costs.returned if self._node(r.source) else costs.opening
            if len(self.lanes) > 1 and self._node(r.source) != self._node(r.target):
                back += costs.queued + self._distance(self._node(r.target), self._node(r.source)) - costs.link
            early = None if r.event else self.works[r.target].read.get(r.source)
            target.frees.append((back, [credit], early))
        for (name, node), tokens in ticks.items():
            own = self._node(name) == node
            way = costs.own if own else self._distance(self._node(name), node)
            self.flows[name].append(node)
            arrival = partial(self.ports[node].arrival, name, way + costs.seen)
            self.stages[name, False].ticks.append((arrival, tokens))
        for name in rings:
            adds, takes = self.stages[name, True], self.stages[name, False]
            adds.ticks.append((partial(add, costs.done), [takes.need(0, tick=True)]))
            takes.frees.append((costs.returned, [adds.need(1, tick=False)], None))

    def _node(self, name: str) -> int:
        return 1 + self.mapping.by_name[name].core

    def _sends(self, stage: Stage, begin: float, end: float, events: float) -> None:
        for node in self.flows[stage.name]:
            self.ports[node].sends(stage.name, (begin, end, events))

    def _distance(self, node: int, other: int) -> float:
        """Clocks that a packet takes from node to node."""
        nodes = 1 + len(self.mapping.parameters.cores)
        if nodes == 2:
            return self.costs.link
        topology = Topology(kind=self.mapping.parameters.topology, nodes=nodes)
        return self.costs.link + self.costs.hop * (len(topology.path(node, other)) - 1)

    # What a step does to its engine: when its slots are read, and when its tick leaves --------------------------------

    def _send(self, flits: list[int], stage: Stage, time: float) -> Times:
        engine = stage.engine
        engine.since = begin = max(time, engine.idle + self.costs.gate)
        engine.idle = engine.prepared = begin + flits[stage.step]
        self._sends(stage, begin, engine.idle, flits[stage.step])
        return engine.idle, engine.idle, engine.idle

    def _lanes(self, w: LanesWork, scatter: Engine, ends: list[float], stage: Stage, time: float) -> Times:
        engine, step = stage.engine, stage.step
        costs, entries, apart, sending = self.costs, w.entries[step], w.apart[step], w.sending[step]
        engine.since = start = max(time + 1, engine.prepared)
        begin = max(start + costs.start - 1, engine.idle + 1)  # the first row
        _wait(stage, begin)
        first = max(begin + entries, engine.last_hand_over + engine.after_step)
        last = first + (w.groups - 1) * apart
        leave = w.pipeline + sending
        sent = max(last + leave, max(engine.sent, first + w.pipeline) + w.groups * sending)
        held = max(0.0, sent - w.slack[step] - last)
        engine.spend("output", held)
        engine.spend("rows", w.groups * entries)
        engine.spend("hand_over", w.groups)
        engine.spend("neuron_unit", last + 1 - begin - w.groups * (entries + 1))
        last += held
        # The scheduler is done when the last list waits behind the one before.
        before = max(begin, last - (2 if w.segments == 1 else 1) * apart)
        if w.groups * w.segments == 1:
            before = engine.accepted
        engine.prepared = max(start + costs.segment * w.groups * w.segments, before + 1) + 1
        engine.accepted = last - apart
        engine.idle = engine.last_hand_over = last
        engine.after_step = w.after_step
        engine.sent = sent
        self._sends(stage, first + w.pipeline, sent, w.events[step])
        if w.takes:
            engine.taking = begin, last, w.takes
            taken = _taken(engine.taking, begin, scatter.idle)
            scatter.spend("hand_over", taken)
            scatter.idle += taken
        ends.append(sent)
        return last - apart if w.groups > 1 else begin - 1, last, sent

    def _scatter(self, w: ScatterWork, lanes: Engine, stage: Stage, time: float) -> Times:
        engine, step = stage.engine, stage.step
        begin = max(time + self.costs.start, engine.idle)
        engine.since = max(time + 1, engine.idle)
        _wait(stage, begin)
        end = begin + w.clocks[step]
        taken = _taken(lanes.taking, begin, end)
        engine.spend("rows", w.rows[step])
        engine.spend("hand_over", taken)
        engine.spend("scheduler", w.clocks[step] - w.rows[step])
        engine.idle = engine.prepared = end + taken
        return engine.idle, engine.idle, engine.idle


def _wait(stage: Stage, begin: float) -> None:
    """What an engine waited for: the ticks of the step that it was given then, or what else that had to wait for."""
    engine = stage.engine
    idle = max(0.0, begin - 1 - engine.idle)
    tick = min(idle, max(0.0, stage.ticked - engine.idle))
    credit = min(idle - tick, max(0.0, stage.ready - max(stage.ticked, engine.idle)))
    engine.spend("tick", tick)
    engine.spend("credit", credit)
    engine.spend("scheduler", idle - tick - credit)


def _taken(taking: tuple[float, float, int], begin: float, end: float) -> float:
    """Rows of sums that are taken between two clocks."""
    first, last, rows = taking
    return rows * max(0.0, min(last, end) - max(first, begin)) / max(1.0, last - first)
