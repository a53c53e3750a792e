"""From a model, a board and aims to designs: explore by the model, settle by building, write it all down."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeloom.api.given import data_of
from spikeloom.bench.cache import digest, sources
from spikeloom.boards import catalogue
from spikeloom.files import new_file, output_errors
from spikeloom.golden.conventions import Knobs, resolve
from spikeloom.golden.network import Network, Refusal
from spikeloom.tuning import calibrate as calibration
from spikeloom.tuning import own_runs, training
from spikeloom.tuning import space as spaces
from spikeloom.tuning.arguments import check, words
from spikeloom.tuning.cost import Estimate, estimates
from spikeloom.tuning.executors import Pool, one_thread, opened, worker
from spikeloom.tuning.goals import Goals, goals
from spikeloom.tuning.own_runs import Costs
from spikeloom.tuning.result import Commands, TuneReport, best, chosen, save_configuration, save_front, variant
from spikeloom.tuning.settle import Design, settle
from spikeloom.tuning.source import Source, integers, placed, shortened
from spikeloom.tuning.space import CLOCK, STEPS, Point, Space, hardware_of, quantisation_of, training_of
from spikeloom.tuning.study import BATCH, Search, Trial

if TYPE_CHECKING:
    from spikeloom.api.given import AnyData, Progress

__all__ = ["tune"]

JOURNAL, COSTS = "journal.log", "costs.json"
#: Beside the models that a callback made, which one it was.
CALLBACK = "callback.txt"
#: What a worker is given at once is so small a share of a batch that none waits long for another.
SHARES = 2


def tune(
    model: str | Path,
    *,
    data: "AnyData",
    board: str,
    output: str | Path,
    knobs: Knobs | str | None = None,
    maximise: str | Sequence[str] = "accuracy",
    minimise: str | Sequence[str] = "latency,lut",
    require: Sequence[str] | None = None,
    space: str | Path | Mapping[str, Any] | None = None,
    trials: int = 300,
    settled: int = 3,
    read_out: str = "sum",
    train: str | None = None,
    sampler: str = "front",
    seed: int = 0,
    storage: str | None = None,
    executor: str | Executor = "local",
    workers: int | None = None,
    resume: bool = False,
    costs: str | Path | None = None,
    calibrate: int = 0,
    progress: "Progress | None" = None,
) -> TuneReport:
    """See :func:`spikeloom.tune`."""
    check(model=model, board=board, output=output, space=space, train=train, storage=storage, executor=executor)
    check(trials=trials, settle=settled, calibrate=calibrate, seed=seed, costs=costs, progress=progress)
    if workers is not None:
        check(workers=workers)
    say = progress or (lambda *said: None)
    output, chosen_board = Path(output), catalogue.find(board)
    limits = words("require", [] if require is None else require)
    aims = goals(_names("maximise", maximise), _names("minimise", minimise), limits, chosen_board)
    runs = Path(costs) if costs else output / COSTS if calibrate else None
    if runs and calibrate:
        calibration.check(chosen_board, runs)
        if storage is None and (output / JOURNAL).exists() and not resume:
            raise Refusal(f"{output}: has a search already, by another model; calibrate for another folder")
    elif runs:
        own_runs.load(runs)  # refused here, before anything is made
    given = _source(model, data, knobs, read_out)
    if given.data.y is None and "accuracy" in aims.wanted:
        raise Refusal("accuracy: the data has no labels y; give some, or take agreement")
    callback = _callback(train, output / "models")
    say("convert")
    first = integers(given, {}).network
    searched = _space(space, first, chosen_board, train)
    for steps in searched.axes.get(STEPS, ()):
        shortened(given.data, steps)
    with output_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    task = _Task(Path(model), given, chosen_board.name, searched, train, callback, output / "models")
    with one_thread(), opened(executor, workers) as pool:
        if runs:
            if calibrate:
                evaluate = partial(task.evaluated, pool)
                calibration.calibrate(searched, chosen_board, calibrate, evaluate, task.made, seed, runs, say)
            say("fit the model")
            task.by = calibration.read(runs, chosen_board)
        search = Search(
            space=searched,
            goals=aims,
            of=_about(task, aims),
            storage=storage or output / JOURNAL,
            sampler=sampler,
            seed=seed,
            resume=resume,
        )
        began, before = time.monotonic(), len(search.trials)
        with _interruptible(search):
            for count in search.run(trials, lambda points: task.evaluated(pool, points)):
                say(_progress(search), min(count, trials), trials)
                if not count % BATCH:
                    say(best(search.front(), aims))
    evaluated = sum(bool(trial.worker) for trial in search.trials[before:])
    spent = evaluated, round(time.monotonic() - began, 2)
    front = search.front()
    if not front:
        _write(search, (), (), {}, task, output, spent)
        raise Refusal(f"{search.unreached()}. What was tried is in {output}; --resume with more --trials goes on")
    designs: list[Design] = []
    if settled:
        with output_errors(output), _interruptible(search):
            designs = settle(front, aims, chosen_board, settled, task.made, output / "designs", say)
    report = _write(search, front, designs, _chosen(front, designs, aims), task, output, spent)
    if not report.ok:
        problems = "; ".join(f"trial {design.number}: {design.problem}" for design in designs)
        raise Refusal(f"No design holds what the model promised: {problems}. All that was found is in {output}")
    return report


@contextmanager
def _interruptible(search: Search) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; --resume goes on after {len(search.trials)} trials") from None


class _Task:
    """What the points of a space are of. by: the model that they are judged by."""

    def __init__(
        self, model: Path, source: Source, board: str, space: Space, train: str | None, callback: str, models: Path
    ) -> None:
        self.model, self.source, self.board, self.space = model, source, board, space
        self.train, self.callback, self.models = train, callback, models
        self.by = calibration.SHIPPED

    def file_of(self, point: Point) -> Path:
        return self.model if self.train is None else self.models / f"{variant(point)}.nir"

    def of(self, point: Point) -> Source:
        """The model of a point: the one given, or one that the callback made before."""
        if self.train is None:
            return self.source
        path = self.file_of(point)
        return replace(self.source, name=path.name, model=path.read_bytes())

    def evaluated(self, pool: Pool, points: Sequence[Point]) -> Iterator[tuple[int, Estimate, str]]:
        if self.train is not None:
            self._train(pool, points)
        by_model: dict[str, list[int]] = {}
        for k, point in enumerate(points):
            by_model.setdefault(variant(point), []).append(k)
        share = max(1, ceil(BATCH / (SHARES * pool.workers())))
        parts = [mine[k : k + share] for mine in by_model.values() for k in range(0, len(mine), share)]
        calls = [(self.of(points[part[0]]), self.board, [points[k] for k in part], self.by.costs) for part in parts]
        for number, (found, who) in pool.results(_estimated, calls):
            for k, estimate in zip(parts[number], found, strict=True):
                yield k, estimate, who

    def _train(self, pool: Pool, points: Sequence[Point]) -> None:
        """The models of these points, made by the callback where they are not there yet."""
        wanted = {variant(point): training_of(point) for point in points}
        new = [name for name in wanted if not (self.models / f"{name}.nir").exists()]
        for number, content in pool.results(training.trained, [(self.train, wanted[name]) for name in new]):
            with output_errors(self.models):
                self.models.mkdir(parents=True, exist_ok=True)
                (self.models / CALLBACK).write_text(self.callback, "utf-8")
            with new_file(self.models / f"{new[number]}.nir") as partial:
                partial.write_bytes(content)

    def made(self, point: Point) -> tuple[Any, Any, Any, int | None]:
        """Network, configuration, data and clock of a point, as a build takes them."""
        source = self.of(point)
        clock_hz = round(point[CLOCK] * 1e6) if point.get(CLOCK) else None
        data = shortened(source.data, point.get(STEPS))
        made = integers(source, quantisation_of(point))
        return made, placed(source, made.network, hardware_of(point)), data, clock_hz


def _estimated(source: Source, board: str, points: Sequence[Point], costs: Costs | None) -> tuple[list[Estimate], str]:
    return estimates(source, board, points, costs), worker()


def _names(option: str, given: str | Sequence[str]) -> tuple[str, ...]:
    names = ",".join(words(option, given)).split(",")
    return tuple(name.strip() for name in names if name.strip())


def _source(model: str | Path, data: "AnyData", knobs: Knobs | str | None, read_out: str) -> Source:
    path = Path(model)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror})") from None
    convention = knobs if isinstance(knobs, Knobs) else resolve(knobs)
    return Source(name=path.name, model=content, data=data_of(data), knobs=convention, read_out=read_out)


def _callback(train: str | None, models: Path) -> str:
    """Its name and the hash of its file; refused where another one made the models that are there."""
    if train is None:
        return ""
    found, kept = f"{train} {training.code(train)}", models / CALLBACK
    try:
        same = not kept.exists() or kept.read_text("utf-8", "replace") == found
    except OSError as error:
        raise Refusal(f"{kept}: cannot be read ({error.strerror}); choose another folder") from None
    if not same:
        raise Refusal(
            f"{models}: has models of another training callback, or of an earlier text of it; choose another folder"
        )
    return found


def _space(given: Any, network: Network, board: Any, train: str | None) -> Space:
    """What is given, or what suits the network; where a callback trains, the names of layers may vary."""
    found = spaces.default(network, board) if given is None else spaces.read(given, network)
    trains = any(name.startswith(f"{spaces.TRAIN}.") for name in found.axes)
    if trains != (train is not None):
        raise Refusal("A training callback and its parameters go together: --train, and train: in the space")
    if not found.free:
        raise Refusal("The space has a single point: give an axis several choices")
    return found


def _about(task: _Task, aims: Goals) -> dict[str, str]:
    """What a storage must be of, for a search to go on in it: by name a hash."""
    source, code = task.source, ("golden", "hdl.mapping", "tuning")
    parts = {
        "version of Spikeloom": [sources(f"spikeloom.{room}") for room in code],
        "model": hashlib.sha256(source.model).hexdigest(),
        "data": [digest(source.data.x), None if source.data.y is None else digest(source.data.y)],
        "convention": [source.knobs.as_dict(), source.read_out],
        "board": repr(catalogue.find(task.board)),
        "space": {name: list(choices) for name, choices in task.space.axes.items()},
        "set of aims": [aims.maximise, aims.minimise, [limit.text for limit in aims.limits]],
        "training callback": task.callback,
        "model of costs": task.by.key,
    }
    return {name: digest(part) for name, part in parts.items()}


def _progress(search: Search) -> str:
    good = [t for t in search.trials if not t.refused and search.goals.kept(t.figures)]
    if not good:
        return "explore: none keeps all limits yet"
    aims = search.goals
    best = [(name, max(t.figures[name] for t in good)) for name in aims.maximise]
    best += [(name, min(t.figures[name] for t in good)) for name in aims.minimise]
    return "explore: best " + ", ".join(f"{name} {value:.4g}" for name, value in best)


def _chosen(front: Sequence[Trial], designs: Sequence[Design], aims: Goals) -> dict[str, Design]:
    return chosen(designs if designs else [_modelled(trial) for trial in front], aims)


def _modelled(trial: Trial) -> Design:
    return Design(number=trial.number, point=trial.point, depth=1, figures=trial.figures, modelled=trial.figures)


def _write(
    search: Search,
    front: Sequence[Trial],
    designs: Sequence[Design],
    roles: Mapping[str, Design],
    task: _Task,
    output: Path,
    spent: tuple[int, float],
) -> TuneReport:
    built = {design.number: design for design in designs}
    refusals = Counter(trial.refused for trial in search.trials if trial.refused)
    report = TuneReport(
        board=task.board,
        model=task.by,
        goals=search.goals,
        trials=len(search.trials),
        refused=refusals.total(),
        why=next((text for text, _ in refusals.most_common(1)), ""),
        front=tuple(built.get(trial.number, _modelled(trial)) for trial in front),
        settled=tuple(designs),
        chosen=roles,
        workers=dict(Counter(trial.worker for trial in search.trials if trial.worker)),
        evaluated=spent[0],
        seconds=spent[1],
        output=output,
    )
    from spikeloom.tuning.page import write as write_page

    with output_errors(output):
        save_front(report, output / "front.json")
        commands = _files(report, task, output)
        write_page(report, search, commands, output / "tune.html")
    return report


def _files(report: TuneReport, task: _Task, output: Path) -> dict[int, str]:
    """The chosen designs' files, a configuration for each of the front, and the commands that make them, by number."""
    said: dict[int, str] = {}
    points = output / "points"
    data = Path(task.source.data.path or points / "data.npz")
    if report.front:
        points.mkdir(exist_ok=True)
        if not task.source.data.path:  # an array: the commands need a file
            _save_data(task.source.data, data)
    lines = []

    def steps(design: Design) -> Path | None:
        """A file of data with fewer steps, where the design is of these."""
        count = design.point.get(STEPS)
        if count is None:
            return None
        path = points / f"steps-{count}.npz"
        if not path.exists():
            _save_data(shortened(task.source.data, count), path)
        return path

    for design in report.front:
        source, number, shorter = task.of(design.point), design.number, steps(design)
        commands = Commands(
            model=task.file_of(design.point),
            data=data,
            knobs=source.knobs,
            read_out=source.read_out,
            board=report.board,
        )
        config, loom = points / f"{number}.yaml", points / f"{number}.loom"
        save_configuration(task.made(design.point)[1], config, f"trial {number} of spikeloom tune for {report.board}")
        convert = commands.convert(design.point, str(loom), data=shorter)
        build = commands.build(design.point, str(loom), str(config), str(output / "built" / str(number)), shorter)
        said[number] = f"{convert} && {build}"
    for name, design in report.chosen.items():
        config, loom = output / f"{name}.yaml", output / f"{name}.loom"
        made, configuration, *_ = task.made(design.point)
        save_configuration(configuration, config, f"{name}: trial {design.number} of spikeloom tune for {report.board}")
        made.network.save(loom)
        lines.append(f"# {name}: trial {design.number}")
        lines.append(commands.build(design.point, str(loom), str(config), str(output / "built" / name), steps(design)))
    with new_file(output / "commands.txt") as partial:
        partial.write_text("\n".join(lines) + "\n", "utf-8")
    return said


def _save_data(data: Any, path: Path) -> None:
    with new_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, x=data.x, **({} if data.y is None else {"y": data.y}))
