"""How long a step of a population keeps its core, and whom it lets go on: the stages of the token model."""

from collections.abc import Callable, Sequence
from functools import partial
from operator import add
from typing import Any

import numpy as np

from spikeloom.hdl.mapping.congestion import Flow, Port, Stalls
from spikeloom.hdl.mapping.latencies import Costs
from spikeloom.hdl.mapping.plan import HOST, Mapping
from spikeloom.hdl.mapping.token_model import Engine, Stage, Times, Tokens
from spikeloom.hdl.mapping.work import Counts, LanesWork, ScatterWork, counts, lanes_work, scatter_work
from spikeloom.hdl.routers.topology import Topology

__all__ = ["Model"]


class Model:
    """Engines, stages and the tokens between them. like: a model of the same work, which is not found out again."""

    def __init__(self, mapping: Mapping, events: Counts, costs: Costs, stalls: Stalls | None = None, like: Any = None):
        self.stalls = stalls or {}
        self.leaves: dict[str, list[tuple[float, float]]] = {place.name: [] for place in mapping.places}
        self.mapping, self.costs = mapping, costs
        found = like.counts if like else {p.name: counts(events, p.name, p.size) for p in mapping.places}
        self.counts: dict[str, np.ndarray] = found
        self.shape = next(iter(self.counts.values())).shape
        steps = self.shape[0] * self.shape[1]
        cores = range(len(mapping.parameters.cores))
        self.flows = {place.name: self._gets(place.name) for place in mapping.places}
        #: of each source's last tick: when it came, and when all that get it had taken what was before it
        self.left = dict.fromkeys(self.flows, (-1.0, -1.0))
        ports = {1 + k: Port(costs.tick) for k in cores} | {HOST: Port(1)}
        self.into = {name: [ports[node] for node in nodes] for name, nodes in self.flows.items()}
        self.ends: dict[str, list[float]] = {}
        self.works: dict[str, LanesWork] = {}
        self.lists: dict[str, list[ScatterWork]] = {}
        self.host = Engine(name="host", look=1)
        self.lanes = [Engine(name=f"core{k}", look=costs.look) for k in cores]
        self.scatters = [
            Engine(name=f"core{k}.scatter", look=costs.look, offers=costs.start - 2, offered=costs.offered)
            for k in cores
        ]
        self.stages: dict[tuple[str, bool], Stage] = {}
        rings = {ring.target for ring in mapping.rings}
        for place in mapping.places:
            if place.core < 0:
                run = partial(self._send, self.counts[place.name].ravel().tolist())
                self._stage(self.host, place.name, False, steps, run)
                continue
            work = like.works[place.name] if like else lanes_work(mapping, place, events, costs)
            self.works[place.name] = work
            self.ends[place.name] = []
            scatter, spent = self.scatters[place.core], self.lanes[place.core].spent
            spent["rows"] += work.groups * sum(work.entries)
            spent["hand_over"] += work.groups * steps
            # lists that the scheduler had not ready, or that were empty
            spent["scheduler"] += work.groups * (sum(work.first) - sum(work.entries))
            run = partial(self._lanes, work, scatter, self.ends[place.name])
            self._stage(self.lanes[place.core], place.name, False, steps, run)
            if place.name in rings:
                lists = like.lists[place.name] if like else scatter_work(mapping, place.name, events, costs)
                self.lists[place.name] = lists
                stage = Stage(name=place.name, engine=scatter, steps=steps)
                stage.part = partial(self._scatter, lists, self.lanes[place.core], stage)
                scatter.stages.append(stage)
                self.stages[place.name, True] = stage
        self._join(rings)

    @property
    def engines(self) -> list[Engine]:
        return [engine for engine in (self.host, *self.lanes, *self.scatters) if engine.stages]

    @property
    def sent(self) -> dict[str, Flow]:
        """What each source sent, and when, had nothing been in its way."""
        found = {}
        for name, leaves in self.leaves.items():
            begin, apart = np.array(leaves).T[:, :, None]
            if name in self.works:
                events = self.works[name].by_group
            else:
                flits = self.counts[name].ravel()
                events = (np.arange(max(1, flits.max())) < flits[:, None]).astype(float)
            found[name] = Flow(times=begin + apart * np.arange(events.shape[1]), events=events, nodes=self.flows[name])
        return found

    def _stage(self, engine: Engine, name: str, event: bool, steps: int, run: Callable[..., Times]) -> None:
        stage = Stage(name=name, engine=engine, steps=steps, run=run)
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
            if r.event:
                target.returns.append((back + costs.done - costs.returned, [credit]))
            else:
                target.frees.append((back, [credit], self.works[r.target].read.get(r.source)))
        for (name, node), tokens in ticks.items():
            own = self._node(name) == node
            way = costs.own if own else self._distance(self._node(name), node)
            self.stages[name, False].ticks.append((partial(self._arrival, name, way + costs.seen), tokens))
        for name in rings:
            adds, takes = self.stages[name, True], self.stages[name, False]
            adds.ticks.append((partial(add, costs.done), [takes.need(0, tick=True)]))
            takes.frees.append((costs.returned, [adds.need(1, tick=False)], None))

    def _node(self, name: str) -> int:
        return 1 + self.mapping.by_name[name].core

    def _gets(self, name: str) -> list[int]:
        """Nodes that take a population's events: its own core, whoever reads it, and of several cores the host."""
        readers = {self._node(r.target) for r in self.mapping.readers if r.source == name}
        own = self._node(name)
        several = len(self.mapping.parameters.cores) > 1
        return sorted(readers | {own} | ({HOST} if several else set()) if own else readers)

    def _sends(self, stage: Stage, begin: float, end: float, events: float) -> None:
        for port in self.into[stage.name]:
            port.expect(stage.name, begin, end, events)

    def _arrival(self, name: str, clocks: float, time: float) -> float:
        """Of the tick that leaves at a time: a packet goes on when all that get the one before have taken it."""
        if self.left[name][0] != time:
            self.left[name] = time, max([port.taken(name, time) for port in self.into[name]])
        return self.left[name][1] + clocks

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
        engine.since = begin = max(time, engine.idle + 1 + self.costs.gate)
        engine.idle = engine.prepared = begin + flits[stage.step]
        self.leaves[stage.name].append((begin, 1))
        self._sends(stage, begin, engine.idle, flits[stage.step])
        return engine.idle, engine.idle, engine.idle

    def _lanes(self, w: LanesWork, scatter: Engine, ends: list[float], stage: Stage, time: float) -> Times:
        engine, step = stage.engine, stage.step
        costs, apart, sending = self.costs, w.apart[step], w.sending[step]
        engine.since = start = max(time + 1, engine.prepared)
        begin = max(start + costs.start - 1, engine.idle + 1)  # the first row
        _wait(stage, begin)
        first = max(begin + w.first[step], engine.last_hand_over + engine.after_step)
        last = first + (w.groups - 1) * apart
        leave = w.pipeline + sending
        stalled = self.stalls[stage.name][step] if self.stalls else 0.0
        sent = max(last + leave, max(engine.sent, first + w.pipeline) + w.groups * sending + stalled)
        held = max(0.0, sent - w.slack[step] - last)
        spent = engine.spent
        if held:
            spent["output"] += held
        spent["neuron_unit"] += last + 1 - begin - w.groups * (w.first[step] + 1)  # beyond what is known before
        last += held
        last_group = last - apart if w.groups > 1 else begin - 1
        # The scheduler is done when the last list waits behind the one before.
        if w.segments > 1:
            before = last_group + w.begun[0][step]
        else:
            before = last - 2 * apart if w.groups > 1 else engine.accepted
        engine.prepared = max(start + costs.segment * w.groups * w.segments, before + 1) + 1
        engine.accepted = last_group + w.begun[1][step]
        engine.idle = engine.last_hand_over = last
        engine.after_step = w.after_step
        engine.sent = sent
        self._sends(stage, first + w.pipeline, sent, w.events[step])
        self.leaves[stage.name].append((first + w.pipeline, apart))
        if w.takes:
            engine.takings.append((begin, last, w.takes))
            put_off = _added(scatter, engine)
            scatter.spent["hand_over"] += put_off
        ends.append(sent)
        return last_group, last, sent

    def _scatter(
        self, lists: Sequence[ScatterWork], lanes: Engine, stage: Stage, step: int, number: int, begin: float
    ) -> None:
        engine, w = stage.engine, lists[number]
        if not number:
            _wait(stage, begin)
        else:
            engine.spent["scheduler"] += begin - engine.idle
        engine.idle = begin + w.clocks[step]
        rows = w.rows[step]
        engine.adding, engine.put_off = (begin + w.lead[step], rows), 0.0
        spent = engine.spent
        spent["rows"] += rows
        spent["scheduler"] += w.clocks[step] - rows
        spent["hand_over"] += _added(engine, lanes)


def _wait(stage: Stage, begin: float) -> None:
    """What an engine waited for: the ticks of the step that it was given then, or what else that had to wait for."""
    engine = stage.engine
    idle = max(0.0, begin - 1 - engine.idle)
    if not idle:
        return
    ticked, ready = stage.came
    tick = min(idle, max(0.0, ticked - engine.idle))
    credit = min(idle - tick, max(0.0, ready - max(ticked, engine.idle)))
    engine.spent["tick"] += tick
    engine.spent["credit"] += credit
    engine.spent["scheduler"] += idle - tick - credit


def _added(scatter: Engine, lanes: Engine) -> float:
    """Puts off the end of rows that are added, by a clock for each row of sums that is taken meanwhile; how much."""
    begin, rows = scatter.adding
    end = begin + rows
    for first, last, taken in lanes.takings:
        # While sums are taken, rows are added in the other clocks.
        if last > first and begin < last and first < end:
            since, share = max(first, begin), min(0.9, taken / (last - first))
            end += min((end - since) * share / (1 - share), (last - since) * share)
    found = end - begin - rows - scatter.put_off
    scatter.put_off += found
    scatter.idle += found
    return found
