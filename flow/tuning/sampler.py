"""A sampler that learns how a space's axes add up, and asks for what would add most to the front.

Each objective is guessed by kernel ridge regression: points are alike as far as their choices are, axis by axis, and
what few axes do together counts too. Of the neighbours of the front, what lies between its members, and random points,
it asks for those that would add the largest volume behind the front.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from spikeloom.tuning.front import front
from spikeloom.tuning.space import Space

__all__ = ["COSTS", "EXCESS", "FrontSampler", "distributions"]

#: Under these names a trial has its costs, and by how much it is beyond limits.
COSTS, EXCESS = "costs", "excess"
#: Random trials before the first guess; of those after it every so many is random too.
FIRST, RANDOM_EVERY = 12, 8
#: Trials that a guess is made of at most, points that are guessed for each trial, and where volumes are looked at.
MOST_TRIALS, CANDIDATES, PLACES = 250, 300, 1000
#: Axes that act together, and how far trials are followed where they contradict each other.
TOGETHER, RIDGE = 3, 1e-3
BEYOND = 1.1  # of the front's extent, what volumes are counted in


class FrontSampler(optuna.samplers.BaseSampler):
    """starts: points that are asked for first, as numbers of choices."""

    def __init__(self, space: Space, seed: int, starts: Sequence[Sequence[int]] = ()) -> None:
        self.space = space
        self.rng = np.random.default_rng(seed)
        self.starts = list(starts)
        self.sizes = np.array([len(space.axes[name]) for name in space.free])
        self.ordered = np.array([_is_ordered(space.axes[name]) for name in space.free])
        self.waiting: list[tuple[int, ...]] = []
        self.known = -1

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return distributions(self.space)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        numbers = self._next([t for t in study.get_trials(deepcopy=False) if t.number != trial.number])
        return {name: self.space.labels[name][k] for name, k in zip(self.space.free, numbers, strict=True)}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise AssertionError("every axis of the space is drawn together with all others")

    def _next(self, trials: Sequence[FrozenTrial]) -> tuple[int, ...]:
        done = [t for t in trials if t.state == TrialState.COMPLETE]
        taken = {self.space.named(t.params) for t in trials}
        while self.starts:
            if (start := self.space.like(self.starts.pop(0))) not in taken:
                return start
        if len(done) < FIRST or len(trials) % RANDOM_EVERY == 0:
            return self._random(taken)
        if self.known != len(done) or not self.waiting:
            self.known, self.waiting = len(done), self._guessed(done, taken)
        while self.waiting:
            if (best := self.waiting.pop(0)) not in taken:
                return best
        return self._random(taken)

    def _random(self, taken: set[tuple[int, ...]]) -> tuple[int, ...]:
        for _ in range(200):
            if (drawn := self.space.like(self.space.drawn(self.rng))) not in taken:
                return drawn
        return drawn

    def _guessed(self, done: Sequence[FrozenTrial], taken: set[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Points that promise most, the best first."""
        excess = np.array([t.user_attrs[EXCESS] for t in done])
        costs = np.array([t.user_attrs[COSTS] for t in done])
        numbers = np.array([self.space.named(t.params) for t in done])
        good = np.flatnonzero(excess <= 0)
        best = good[front(costs[good])] if len(good) else excess.argsort(kind="stable")[:FIRST]
        candidates = self._candidates(numbers[best], taken)
        if not len(candidates):
            return []
        # What is far from the front says little about it: the last trials and the front itself are enough.
        kept = np.unique(np.concatenate([best, np.arange(len(done))[-MOST_TRIALS:]]))
        targets = np.concatenate([costs, excess[:, None]], axis=1)[kept]
        guess = self._regressed(numbers[kept], targets, candidates)
        if not len(good):
            return [tuple(candidates[k].tolist()) for k in guess[:, -1].argsort(kind="stable")[:FIRST].tolist()]
        order = self._largest(costs[good], costs[best], guess)
        return [tuple(candidates[k].tolist()) for k in order]

    def _candidates(self, best: np.ndarray, taken: set[tuple[int, ...]]) -> np.ndarray:
        """New points: neighbours of the front's, their choices mixed, and random ones."""
        found: dict[tuple[int, ...], None] = {}
        every = [
            (k, axis, choice) for k in range(len(best)) for axis, n in enumerate(self.sizes) for choice in range(n)
        ]
        for number in self.rng.permutation(len(every))[:CANDIDATES].tolist():
            k, axis, choice = every[number]
            one = best[k].copy()
            one[axis] = choice
            found[self.space.like(one.tolist())] = None
        for _ in range(CANDIDATES // 2):
            a, b = best[self.rng.integers(len(best), size=2)]
            mixed = np.where(self.rng.random(len(a)) < 0.5, a, b)
            found[self.space.like(mixed.tolist())] = None
            found[self.space.like(self.space.drawn(self.rng))] = None
        return np.array([one for one in found if one not in taken], int).reshape(-1, len(self.sizes))

    def _alike(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The kernel: 1 for the same point."""
        apart = np.abs(a[:, None, :] - b[None, :, :])
        span = np.maximum(1, self.sizes - 1)
        alike = np.where(self.ordered, np.exp(-3 * apart / span), apart == 0)
        return ((1 + alike.sum(axis=2)) / (1 + len(self.sizes))) ** TOGETHER

    def _regressed(self, known: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> np.ndarray:
        middle, spread = targets.mean(axis=0), targets.std(axis=0) + 1e-12
        kernel = self._alike(known, known) + RIDGE * np.eye(len(known))
        weights = np.linalg.solve(kernel, (targets - middle) / spread)
        return self._alike(asked, known) @ weights * spread + middle

    def _largest(self, good: np.ndarray, best: np.ndarray, guess: np.ndarray) -> list[int]:
        """Which guesses would add most volume, each to those before it; beyond limits a volume counts for less."""
        low = np.minimum(best.min(axis=0), guess[:, :-1].min(axis=0))
        high = best.min(axis=0) + BEYOND * (good.max(axis=0) - best.min(axis=0)) + 1e-9
        places = low + self.rng.random((PLACES, len(low))) * (high - low)
        free = ~(best[None, :, :] <= places[:, None, :]).all(axis=2).any(axis=1)
        places = places[free]
        covers = (guess[:, None, :-1] <= places[None, :, :]).all(axis=2)
        likely = np.exp(-10 * np.maximum(0, guess[:, -1]))
        order: list[int] = []
        for _ in range(RANDOM_EVERY * 2):
            volume = covers.sum(axis=1) * likely
            k = int(volume.argmax())
            if not volume[k]:
                break
            order.append(k)
            covers = covers[:, ~covers[k]]
        return order or [int(guess[:, :-1].mean(axis=1).argmin())]


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The free axes as Optuna knows them."""
    return {name: optuna.distributions.CategoricalDistribution(space.labels[name]) for name in space.free}


def _is_ordered(choices: Sequence[Any]) -> bool:
    numbers = [c for c in choices if isinstance(c, int | float) and not isinstance(c, bool)]
    return len(numbers) == len(choices) > 2
