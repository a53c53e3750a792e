"""The search itself: trials that are asked for, evaluated, and kept where a later run finds them."""

import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import optuna
from optuna.trial import TrialState, create_trial

from spikeloom.golden.network import Refusal
from spikeloom.tuning.figures import with_unit
from spikeloom.tuning.front import front
from spikeloom.tuning.goals import Goals
from spikeloom.tuning.sampler import COSTS, EXCESS, FrontSampler, distributions
from spikeloom.tuning.space import Point, Space, key_of

__all__ = ["SAMPLERS", "Search", "Trial", "chosen_sampler", "corners", "quiet"]

NAME, OF = "spikeloom", "of"
#: Asked for together, whatever the number of workers: the same seed gives the same trials.
BATCH = 16
SAMPLERS = ("front", "nsga2", "nsga3", "tpe", "random")
#: Attributes of a trial beside those of the sampler.
FIGURES, REFUSED, POINT, WORKER, SEARCH = "figures", "refused", "point", "worker", "search"
#: What a journal begins with, and for how long a lock on it is waited for.
FIRST, SECONDS = b'{"op_code":', 10


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A point and what is known of it by the model. refused: why there is no such design, else empty. worker: who
    found out; empty for a point that was known before."""

    number: int
    point: Point
    figures: Mapping[str, float] = field(default_factory=dict)
    refused: str = ""
    worker: str = ""


class Search:
    """A study, which is as a whole in memory, and whose finished trials are in the storage too.

    Other processes may work on the same storage: what they finish is taken over. of: what the search is of, by name a
    hash; a storage must be of the same.
    """

    def __init__(
        self,
        *,
        space: Space,
        goals: Goals,
        of: Mapping[str, str],
        storage: str | Path,
        sampler: str,
        seed: int,
        resume: bool,
    ) -> None:
        self.space, self.goals, self.storage = space, goals, storage
        self.axes = distributions(space)
        directions = ["maximize"] * len(goals.maximise) + ["minimize"] * len(goals.minimise)
        with quiet():
            self.kept = _kept(storage, directions, goals.objectives, of, resume)
            self.study = optuna.create_study(
                directions=directions, sampler=chosen_sampler(sampler, space, seed, list(corners(space)))
            )
        self.trials: list[Trial] = []
        self.by_point: dict[str, Trial] = {}
        self.name, self.read = uuid4().hex, 0
        self._take()

    def _take(self) -> None:
        """What is in the storage and not here yet."""
        with self._storage_errors():
            there = self.kept.get_trials(deepcopy=False)
        for trial in there[self.read :]:
            if trial.user_attrs.get(SEARCH) != self.name and POINT in trial.user_attrs:
                self.study.add_trial(trial)
                self._know(trial.user_attrs)
            self.read += 1

    def _know(self, about: Mapping[str, Any]) -> None:
        point = json.loads(about[POINT])
        trial = Trial(
            number=len(self.trials),
            point=point,
            figures=about[FIGURES],
            refused=about[REFUSED],
            worker=about[WORKER],
        )
        self.trials.append(trial)
        self.by_point.setdefault(key_of(point), trial)

    def run(self, trials: int, evaluate: Callable[[Sequence[Point]], Iterator[tuple[int, Any, str]]]) -> Iterator[int]:
        """Evaluate until there are so many trials; yields their number as it grows.

        evaluate: points -> (which of them, its estimate, the worker), as they are found.
        """
        fruitless = 0
        while (left := trials - len(self.trials)) > 0 and fruitless < 3:
            with quiet():
                asked = [self.study.ask(self.axes) for _ in range(min(BATCH, left))]
            points = [self.space.point(self.space.named(trial.params)) for trial in asked]
            new: dict[str, list[int]] = {}
            for k, point in enumerate(points):
                if (known := self.by_point.get(key_of(point))) is not None:
                    self._tell(asked[k], point, known.figures, known.refused, "")
                else:
                    new.setdefault(key_of(point), []).append(k)
            fruitless = 0 if new else fruitless + 1  # every point of a small space may be known
            first = [same[0] for same in new.values()]
            for number, estimate, worker in evaluate([points[k] for k in first]):
                for k in new[key_of(points[first[number]])]:
                    mine = worker if k == first[number] else ""
                    self._tell(asked[k], points[k], estimate.figures, estimate.refused, mine)
                yield len(self.trials)
            self._take()

    def _tell(self, asked: optuna.Trial, point: Point, figures: Mapping[str, float], refused: str, worker: str) -> None:
        if not refused and (unknown := self.goals.unknown(figures)):
            raise Refusal(_unknown(unknown[0]))
        about: dict[str, Any] = {
            POINT: key_of(point),
            FIGURES: dict(figures),
            REFUSED: refused,
            WORKER: worker,
            SEARCH: self.name,
        }
        constraints: dict[str, float] = {}
        values = None
        if not refused:
            constraints = self.goals.excesses(figures)
            values = self.goals.values(figures)
            about |= {COSTS: self.goals.costs(figures), EXCESS: sum(constraints.values())}
        state = TrialState.FAIL if refused else TrialState.COMPLETE
        with quiet():
            for name, value in about.items():
                asked.set_user_attr(name, value)
            for name, value in constraints.items():
                asked.set_constraint(name, value)
            self.study.tell(asked, values, state=state)
            # One record: what is in the storage is finished.
            done = create_trial(
                state=state,
                values=values,
                params=asked.params,
                distributions=self.axes,
                user_attrs=about,
                system_attrs=self.study.trials[asked.number].system_attrs,
            )
            with self._storage_errors():
                self.kept.add_trial(done)
        self._know(about)

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # of as many kinds as there are databases
            raise Refusal(
                f"{_shown(self.storage)}: cannot be used any longer ({_short(error)}). What is finished is kept, and "
                "--resume goes on"
            ) from None

    def front(self) -> list[Trial]:
        """The trials that keep all limits and that no other beats."""
        kept = list({key_of(t.point): t for t in self.trials if not t.refused and self.goals.kept(t.figures)}.values())
        costs = np.array([self.goals.costs(trial.figures) for trial in kept])
        return [kept[k] for k in front(costs)] if kept else []

    def unreached(self) -> str:
        """Where no trial keeps all limits: which are the trouble, and how close a trial came."""
        found = [t for t in self.trials if not t.refused]
        if not found:
            return f"No point of the space is a design; the first: {self.trials[0].refused}" if self.trials else ""
        excesses = [self.goals.excesses(trial.figures) for trial in found]
        never = [limit for limit in excesses[0] if all(each[limit] for each in excesses)]
        nearest = min(range(len(found)), key=lambda k: sum(excesses[k].values()))
        if not never:
            missed = ", ".join(
                self._said(text, "it has", found[nearest]) for text, by in excesses[nearest].items() if by
            )
            return f"Each limit is kept by some trial, and all together by none; the nearest misses {missed}"
        said = []
        for text in never:
            best = min(range(len(found)), key=lambda k: excesses[k][text])
            said.append(self._said(text, "at best", found[best]))
        return f"No trial of {len(found)} keeps {', or '.join(said)}"

    def _said(self, text: str, has: str, trial: Trial) -> str:
        limit = next((one for one in self.goals.limits if one.text == text), None)
        if limit is None:
            clock, fmax = (with_unit(name, trial.figures[name]) for name in ("clock", "fmax"))
            return f"{text} ({has} {fmax}; the clock is {clock})"
        value, bound = (with_unit(limit.name, one) for one in (trial.figures[limit.name], limit.bound))
        return f"{text} ({has} {value}; the limit is {bound})"


def chosen_sampler(name: str, space: Space, seed: int, starts: Sequence[Sequence[int]]) -> optuna.samplers.BaseSampler:
    """The sampler of that name. starts: what our own asks for first."""
    made: Mapping[str, Callable[[], optuna.samplers.BaseSampler]] = {
        "front": lambda: FrontSampler(space, seed, starts),
        "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=seed),
        "nsga3": lambda: optuna.samplers.NSGAIIISampler(seed=seed),
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=True),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    if name not in made:
        raise Refusal(f"sampler is one of {', '.join(SAMPLERS)}, not {name!r}")
    return made[name]()


def corners(space: Space) -> Iterator[tuple[int, ...]]:
    """The first and the last choices of all axes: the extremes of spaces that are in order."""
    yield tuple(0 for _ in space.free)
    yield tuple(len(space.axes[name]) - 1 for name in space.free)


def _kept(
    storage: str | Path, directions: Sequence[str], objectives: Sequence[str], of: Mapping[str, str], resume: bool
) -> optuna.Study:
    """The study in the storage; refused where it is of something else."""
    try:
        opened: Any = str(storage)
        if isinstance(storage, Path):
            from optuna.storages import JournalStorage
            from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

            # A lock whose writer was killed stays for so long; it is a link, which leads nowhere if it is relative.
            lock = JournalFileSymlinkLock(str(storage.resolve()), grace_period=SECONDS)
            backend = JournalFileBackend(str(storage.resolve()), lock)
            lock.acquire()
            try:
                _whole(storage)
            finally:
                lock.release()
            opened = JournalStorage(backend)
        study = optuna.create_study(study_name=NAME, storage=opened, directions=list(directions), load_if_exists=True)
        known = study.user_attrs.get(OF)
        if known is None and not study.get_trials(deepcopy=False):
            study.set_user_attr(OF, dict(of))
            study.set_metric_names(list(objectives))
            return study
    except Exception as error:  # of as many kinds as there are databases
        raise Refusal(f"{_shown(storage)}: not a storage for a search ({_short(error)})") from None
    if other := [name for name in of if not isinstance(known, dict) or known.get(name) != of[name]]:
        said = ", another ".join(other)
        raise Refusal(f"{_shown(storage)}: has a search with another {said}; choose another folder or storage")
    if not resume:
        raise Refusal(f"{_shown(storage)}: has this search already; go on with --resume, or choose another folder")
    return study


def _shown(text: object) -> str:
    """Without the password of a database's URL."""
    return re.sub(r"(://[^:/@\s]*):[^\s]*@", r"\1:***@", str(text))


def _short(error: Exception) -> str:
    return _shown(" ".join(str(error).split()))[:300]


def _whole(journal: Path) -> None:
    """Without a last line that is not all there: its writer was killed, and what is written next would go on in it."""
    content = journal.read_bytes()
    if not content.startswith(FIRST[: len(content)]):
        raise ValueError("it is a file of something else")
    if not content.endswith(b"\n"):
        os.truncate(journal, content.rfind(b"\n") + 1)


def _unknown(name: str) -> str:
    return f"{name}: nothing is known of it on this board before its tools have run; leave it out"


@contextmanager
def quiet() -> Iterator[None]:
    """Without what Optuna says of its own progress and plans."""
    optuna.logging.set_verbosity(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
