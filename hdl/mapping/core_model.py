"""How long a step of a population keeps its core, and whom it lets go on: the stages of the token model."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from spikeloom.hdl.mapping.congestion import Flow, Port, Stalls
from spikeloom.hdl.mapping.latencies import Costs
from spikeloom.hdl.mapping.plan import HOST, Mapping
from spikeloom.hdl.mapping.token_model import Engine, Stage, Times, Tokens
from spikeloom.hdl.mapping.work import Counts, LanesWork, Order, ScatterWork, counts, lanes_work, scatter_work
from spikeloom.hdl.routers.topology import Topology

__all__ = ["Model"]

#: Of a step: until when its engine had been idle, then its first row, its first and last hand-over, and its last event.
Done = tuple[float, float, float, float, float]


class Model:
    """Engines, stages and the tokens between them. like: a model of the same work, which is not found out again."""

    def __init__(
        self,
        mapping: Mapping,
        events: Counts,
        costs: Costs,
        *,
        order: Order = slice(None),
        stalls: Stalls | None = None,
        like: Any = None,
    ):
        self.stalls = stalls or {}
        self.mapping, self.costs = mapping, costs
        found = like.counts if like else {p.name: counts(events, p.name, p.size) for p in mapping.places}
        self.counts: dict[str, np.ndarray] = found
        self.shape = next(iter(self.counts.values())).shape
        self.order, steps = order, len(np.arange(self.shape[0] * self.shape[1])[order])
        cores = range(len(mapping.parameters.cores))
        self.flows = {place.name: self._gets(place.name) for place in mapping.places}
        ports = {}
        for node in {node for nodes in self.flows.values() for node in nodes}:
            sources = [name for name, nodes in self.flows.items() if node in nodes]
            ports[node] = Port(costs.tick if node != HOST else 1, sources)
        self.into = {name: [ports[node] for node in nodes] for name, nodes in self.flows.items()}
        self.done: dict[str, list[Done]] = {place.name: [] for place in mapping.places}
        self.begun: dict[str, list[list[tuple[float, float]]]] = {}
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
                run = partial(self._send, self._flits(place.name).tolist())
                self._stage(self.host, place.name, False, steps, run)
                continue
            work = like.works[place.name] if like else lanes_work(mapping, place, events, self.counts, costs)
            self.works[place.name] = work
            stalled = self.stalls.get(place.name, [0.0] * steps)
            run = partial(self._lanes, work, work.steps(order), stalled, self.scatters[place.core])
            self._stage(self.lanes[place.core], place.name, False, steps, run)
            if place.name in rings:
                lists = (
                    like.lists[place.name] if like else scatter_work(mapping, place.name, events, self.counts, costs)
                )
                self.lists[place.name] = lists
                self.begun[place.name] = [[] for _ in lists]
                stage = self._stage(self.scatters[place.core], place.name, True, steps, None)
                works = [(w.ahead, w.steps(order)) for w in lists]
                stage.part = partial(self._scatter, works, stage, self.lanes[place.core])
        self._join(rings)

    @property
    def engines(self) -> list[Engine]:
        return [engine for engine in (self.host, *self.lanes, *self.scatters) if engine.stages]

    @cached_property
    def topology(self) -> Topology:
        return Topology(kind=self.mapping.parameters.topology, nodes=1 + len(self.lanes))

    def end(self, step: int) -> float:
        """When the last event of a step left."""
        return max([self.done[name][step][-1] for name in self.works])

    @property
    def alone(self) -> dict[str, np.ndarray]:
        """Clocks that each step, of all samples, takes a population that never waits for another: its lists are added
        before its sums are taken."""
        return {name: w.busy + sum(one.clocks for one in self.lists.get(name, ())) for name, w in self.works.items()}

    @property
    def busy(self) -> np.ndarray:
        """Clocks that each step, of all samples, takes the engine or the population that it takes longest, if none ever
        waits."""
        engines: dict[str, Any] = Counter()
        for (name, event), stage in self.stages.items():
            if event:
                clocks = sum(one.clocks for one in self.lists[name])
            else:
                clocks = self.works[name].busy if name in self.works else self.counts[name].ravel()
            engines[stage.engine.name] = engines[stage.engine.name] + clocks
        return np.max([*engines.values(), *self.alone.values()], axis=0)

    @property
    def sent(self) -> dict[str, Flow]:
        """What each source sent, and when, had nothing been in its way."""
        found = {}
        for name, done in self.done.items():
            _, _, begin, *_ = np.array(done).T[:, :, None]
            if name in self.works:
                w, order = self.works[name], self.order
                times = begin + w.pipeline + w.apart[order, None] * np.arange(w.groups)
                events = w.by_group[order]
            else:
                flits = self._flits(name)
                events = (np.arange(max(1, flits.max())) < flits[:, None]).astype(float)
                times = begin + np.arange(events.shape[1])
            found[name] = Flow(times=times, events=events, nodes=self.flows[name])
        return found

    @property
    def spent(self) -> dict[str, dict[str, float]]:
        """Clocks of each engine by what they went to."""
        found: dict[str, dict[str, float]] = {e.name: Counter() for e in self.engines if e is not self.host}
        for name, w in self.works.items():
            stage, idle, begin, first, last, _ = self.stages[name, False], *np.array(self.done[name]).T
            spent, held = found[stage.engine.name], last - (first + (w.groups - 1) * w.apart)
            spent.update(_waits(stage, idle, begin))
            spent["output"] += held.sum()
            spent["rows"] += w.groups * w.entries.sum()
            spent["hand_over"] += w.groups * len(begin)
            # lists that the scheduler had not ready, or that were empty
            spent["scheduler"] += w.groups * (w.first - w.entries).sum()
            # beyond what is known before
            spent["neuron_unit"] += (last - held + 1 - begin - w.groups * (w.first + 1)).sum()
        for name, lists in self.lists.items():
            stage = self.stages[name, True]
            spent = found[stage.engine.name]
            for number, (w, begun) in enumerate(zip(lists, self.begun[name], strict=True)):
                idle, begin = np.array(begun).T
                spent.update({"scheduler": (begin - idle).sum()} if number else _waits(stage, idle, begin))
                spent["rows"] += w.rows.sum()
                spent["scheduler"] += w.clocks.sum() - w.rows.sum()
        for scatter in self.scatters:
            if scatter.stages:
                found[scatter.name]["hand_over"] += scatter.all_put_off
        return found

    def _stage(self, engine: Engine, name: str, event: bool, steps: int, run: Callable[..., Times] | None) -> Stage:
        stage = self.stages[name, event] = Stage(name=name, engine=engine, steps=steps, run=run)
        engine.stages.append(stage)
        return stage

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
                target.returns.append((back + costs.done - costs.returned, credit))
            else:
                read = self.works[r.target].read.get(r.source)
                target.frees.append((back, credit, None if read is None else read[self.order].tolist()))
        for (name, node), tokens in ticks.items():
            own = self._node(name) == node
            way = costs.own if own else self._distance(self._node(name), node)
            ports = self.into[name]
            taken = partial(self._taken, ports) if len(ports) > 1 else ports[0].taken
            self.stages[name, False].taken = partial(taken, name)
            self.stages[name, False].ticks += ((way + costs.seen, one) for one in tokens)
        for name in rings:
            adds, takes = self.stages[name, True], self.stages[name, False]
            adds.ticks.append((costs.done, takes.need(0, tick=True)))
            takes.frees.append((costs.returned, adds.need(1, tick=False), None))

    def _flits(self, name: str) -> np.ndarray:
        """Events of the steps that follow each other."""
        return self.counts[name].ravel()[self.order]

    def _node(self, name: str) -> int:
        return 1 + self.mapping.by_name[name].core

    def _gets(self, name: str) -> list[int]:
        """Nodes that take a population's events: its own core, whoever reads it, and of several cores the host."""
        readers = {self._node(r.target) for r in self.mapping.readers if r.source == name}
        own = self._node(name)
        several = len(self.mapping.parameters.cores) > 1
        return sorted(readers | {own} | ({HOST} if several else set()) if own else readers)

    def _taken(self, ports: Sequence[Port], name: str, time: float) -> float:
        """Of the tick that leaves at a time: a packet goes on when all that get the one before have taken it."""
        return max([port.taken(name, time) for port in ports])

    def _distance(self, node: int, other: int) -> float:
        """Clocks that a packet takes from node to node."""
        if len(self.lanes) == 1:
            return self.costs.link
        return self.costs.link + self.costs.hop * (len(self.topology.path(node, other)) - 1)

    # What a step does to its engine: when its slots are read, and when its tick leaves --------------------------------

    def _send(self, flits: list[int], stage: Stage, time: float) -> Times:
        engine, idle = stage.engine, stage.engine.idle
        engine.since = begin = max(time, idle + 1 + self.costs.gate)
        engine.idle = engine.prepared = end = begin + flits[stage.step]
        self.done[stage.name].append((idle, begin, begin, end, end))
        for port in self.into[stage.name]:
            port.expect(stage.name, begin, end, flits[stage.step])
        return end, end, end

    def _lanes(
        self,
        w: LanesWork,
        steps: Sequence[tuple[float, ...]],
        stalled: Sequence[float],
        scatter: Engine,
        stage: Stage,
        time: float,
    ) -> Times:
        engine, costs, groups, idle = stage.engine, self.costs, w.groups, stage.engine.idle
        until_first, apart, sending, slack, before_last, accepts, reads, events = steps[stage.step]
        engine.since = start = max(time + 1, engine.prepared)
        begin = max(start + costs.start - 1, idle + 1)  # the first row
        first = max(begin + until_first, engine.last_hand_over + engine.after_step)
        last = first + (groups - 1) * apart
        leaves = first + w.pipeline
        sent = max(last + w.pipeline + sending, max(engine.sent, leaves) + groups * sending + stalled[stage.step])
        last = max(last, sent - slack)
        last_group = last - apart if groups > 1 else begin - 1
        # The scheduler is done when the last list waits behind the one before.
        if w.segments > 1:
            before = last_group + before_last
        else:
            before = last - 2 * apart if groups > 1 else engine.accepted
        engine.prepared = max(start + costs.segment * groups * w.segments, before + 1) + 1
        engine.accepted = last_group + accepts
        engine.idle = engine.last_hand_over = last
        engine.after_step = w.after_step
        engine.sent = sent
        for port in self.into[stage.name]:
            port.expect(stage.name, leaves, sent, events)
        self.done[stage.name].append((idle, begin, first, last, sent))
        if scatter.stages:
            engine.takings.append((begin, last, w.takes, reads))
            _added(scatter, engine)
        return last_group, last, sent

    def _scatter(
        self,
        works: Sequence[tuple[float, Sequence[tuple[float, ...]]]],
        stage: Stage,
        lanes: Engine,
        step: int,
        number: int,
        begin: float,
    ) -> None:
        engine, (ahead, steps) = stage.engine, works[number]
        self.begun[stage.name][number].append((engine.idle, begin))
        clocks, lead, rows, events = steps[step]
        engine.idle, first = begin + clocks, begin + lead
        engine.reading = first - ahead, min(events, rows), max(1.0, rows / events) if events else 1.0
        engine.adding, engine.put_off = (first, rows), 0.0
        _added(engine, lanes)


def _waits(stage: Stage, idle: np.ndarray, begin: np.ndarray) -> dict[str, float]:
    """What an engine that was idle from then on waited for: a step's ticks, its credits, or what else that had to."""
    ticked = np.max([0 * idle, *(came[: len(idle)] for came in stage.ticked)], axis=0)
    ready = np.max([0 * idle, *(came[: len(idle)] for came in stage.needs)], axis=0)
    waits = np.maximum(0, begin - 1 - idle)
    tick = np.minimum(waits, np.maximum(0, ticked - idle))
    credit = np.minimum(waits - tick, np.maximum(0, ready - np.maximum(ticked, idle)))
    return {"tick": tick.sum(), "credit": credit.sum(), "scheduler": (waits - tick - credit).sum()}


def _added(scatter: Engine, lanes: Engine) -> None:
    """Puts off the end of rows that are added, by a clock for each row of sums that is taken meanwhile, and by what the
    list is read later since the lanes read theirs."""
    begin, rows = scatter.adding
    end = begin + rows
    for first, last, taken, _ in lanes.takings:
        # While sums are taken, rows are added in the other clocks.
        if last > first and begin < last and first < end:
            since, share = max(first, begin), min(0.9, taken / (last - first))
            end += min((end - since) * share / (1 - share), (last - since) * share)
    found = end + _late(*scatter.reading, lanes) - begin - rows - scatter.put_off
    if found > 0:
        scatter.put_off += found
        scatter.all_put_off += found
        scatter.idle += found


def _late(since: float, events: float, rows: float, lanes: Engine) -> float:
    """Clocks by which a list's last row is later since its events, each of so many rows, are read in clocks in which
    the lanes read nothing."""
    time, read, late = since, 0.0, 0.0
    for first, last, _, reads in lanes.takings:
        if last <= max(time, first):
            continue
        read += max(0.0, first - time)
        if read >= events:
            break
        time, free = max(time, first), 1 - min(0.95, reads / (last - first))
        more = min(events - read, (last - time) * free)
        time, read = time + more / free, read + more
        # The next event is read now, or this was the last one.
        late = max(late, time - since - read * rows + (rows - 1) * (read >= events))
    return late
