"""Mutants of golden, against what is not golden: recorded frameworks, plain references, examples worked out by hand."""

import gc
import json
import math
import os
import random
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module, util
from pathlib import Path
from typing import Any

from spikeloom.trust import python_mutants
from spikeloom.trust.check import Check, Figure, Job, Row, Rows, Unable
from spikeloom.trust.python_mutants import Mutant
from spikeloom.trust.python_waivers import WAIVERS

__all__ = ["CHECK"]

ROOT = Path(__file__).parents[2]
TESTS = "tests/golden"
SEED = 9
#: Mutants of all parts together.
QUICK, FULL = 100, 1000
#: A mutant that takes so much more of the processor, or of the memory, does not end.
CPU_SECONDS, MEMORY_BYTES = 120, 4 << 30


@dataclass(frozen=True, kw_only=True)
class Part:
    """Modules of golden with the functions, and names in functions, let alone in each; tests that must catch the rest.

    Let alone is what refuses, describes, bounds an assertion, chooses how much is worked on at a time, or chooses among
    what is right: scales and widths of states, by what the calibration data reaches.
    """

    modules: Mapping[str, Sequence[str]]
    comparisons: Sequence[str]


#: The expected values of all comparisons come from elsewhere: worked out by hand, of a reference in plain Python
#: (tests/plain_*.py), or recorded in a framework.
BY_HAND = (
    *(f"neurons/test_lif.py::test_{kind}by_hand" for kind in ("", "many_", "current_", "potential_")),
    "neurons/test_lif.py::test_sums_beyond_float64_by_hand",
    "neurons/test_lif.py::test_each_neuron_has_its_own_bounds",
    "neurons/test_lif.py::test_every_state_decays_to_rest",
    "test_simulate.py::test_refused_stimulus",
    "test_simulate.py::test_accepted_stimulus",
    "test_simulate.py::test_analogue_samples_become_the_nearest_values",
    "test_simulate.py::test_what_of_the_answer_counts",
    "test_simulate.py::test_prediction_is_the_first_of_the_largest_counts",
)
CONTRACT = (
    "test_simulate.py::test_sums_are_exact_beyond_float32",
    "test_simulate.py::test_potentials_are_exact_beyond_float64",
    "test_simulate.py::test_silent_inputs_change_nothing",
    "synapses/test_kinds.py::test_many_delays",
    "synapses/test_kinds.py::test_convolutions_are_what_loops_say",
    "test_simulate.py::test_batch_and_definition_are_the_contract",
)
FRAMEWORKS = (
    "test_float_model.py::test_by_hand",
    "test_quantise.py::test_input_value_bits",
    "test_units.py::test_a_layer_without_a_width_has_8_bits",
    "test_quantise.py::test_unequal_parameters_stay_one_integer_each",
    "test_units.py::test_what_no_event_of_a_potential_stands_for_reaches_each_synapse",
    "test_units.py::test_three_tenths_reach_a_threshold_of_three_tenths",
    "test_units.py::test_a_single_potential_that_grows_is_sent_whole",
    "test_units.py::test_a_neuron_without_weights_fires_by_its_bias",
    "test_units.py::test_a_reset_a_little_below_a_whole_number_is_that_number",
    "test_units.py::test_a_threshold_beyond_half_of_the_widest_state_is_refused",
    "test_convolutions.py::test_analogue_samples_reach_a_kernel",
    "test_convolutions.py::test_pooling_between_neurons_has_weights_of_one",
    "test_convolutions.py::test_weights_of_one_need_whole_parameters",
    "test_node_types.py::test_what_is_built_equals_the_float_rule",
    "test_convolutions.py::test_convolutions_are_those_of_plain_loops",
    "test_quantise.py::test_equals_the_float_rule_where_integers_are_exact",
    "test_units.py::test_potentials_that_feed_a_layer",
    "test_units.py::test_analogue_samples_are_rounded_to_the_inputs_bits",
    "test_convolutions.py::test_reproduces_snntorch",
    "test_float_model.py::test_reproduces_snntorch",
    "test_examples.py::test_reproduces_its_framework",
)
PARTS = {
    "rule": Part(
        modules={
            "neurons.lif": ["check"],
            "simulate": [
                *("check_network", "_assert_range", "_Batch._block.(low, high)", "_Batch._component.block"),
                *("run.size", "run.chunk"),
            ],
            "loops": [],
        },
        comparisons=(*BY_HAND, *CONTRACT, *FRAMEWORKS),
    ),
    "sums": Part(
        modules={
            "sums": ["Sums.__call__.group"],
            "synapses": [],
            "synapses.dense": [],
            "synapses.sparse": ["Product.__call__.block"],
            "synapses.convolution": ["Product.__call__.seen", "Product.__call__.block"],
            "synapses.one_to_one": [],
        },
        comparisons=(*CONTRACT, *FRAMEWORKS),
    ),
    "conversion": Part(
        modules={
            "dynamics": ["_thresholds", "_potentials", "discretise.steps.notes.append", "_cut.notes.append"],
            "float_model": ["run.widest", "run.chunk"],
            "quantise": [
                "parse_widths",
                "_report",
                "_relative",
                "_mean",
                "_ends",
                "_by_layer",
                "_check_width",
                "convert._check_width",
                "convert.notes",
            ],
            "quantised_layer": [
                *("_shifts", "Widths.common"),
                *(f"_Rounding.least.{name}" for name in ("clips", "reached", "errors", "judged", "best", "methods")),
                *(f"QuantisedLayer.{name}" for name in ("state_bits", "current_bits", "cut_bits", "_ends")),
                *(f"QuantisedLayer.{name}" for name in ("summary", "told", "rounded")),
                "QuantisedLayer._weights.self.weight_error",
            ],
        },
        comparisons=FRAMEWORKS,
    ),
}


def skipped(part: Part) -> dict[str, list[str]]:
    """What is let alone, by the full name of the module."""
    return {f"spikeloom.golden.{name}": list(names) for name, names in part.modules.items()}


def every(part: Part) -> list[Mutant]:
    """All mutants of a part, in an order drawn with a fixed seed."""
    found = [m for name, names in skipped(part).items() for m in python_mutants.mutants(name, frozenset(names))]
    return random.Random(SEED).sample(found, len(found))  # noqa: S311


def chosen(name: str, full: bool) -> list[Mutant]:
    """The part's share of the mutants, rounded up."""
    made = {name: every(part) for name, part in PARTS.items()}
    share = math.ceil((FULL if full else QUICK) * len(made[name]) / sum(map(len, made.values())))
    return sorted(made[name][:share], key=lambda m: (m.module, m.site, m.way))


# The server: pytest with the comparisons collected, which forks for each mutant ---------------------------------------


class Server:
    """A pytest plugin: in place of one run of the tests, one for each mutant, up to the first test that fails."""

    def __init__(self, asked: Mapping[str, Any], answers: Path) -> None:
        self.comparisons, self.answers = asked["comparisons"], answers
        self.modules = {name: frozenset(skipped) for name, skipped in asked["modules"].items()}
        self.tried = [None, *(Mutant(**each) for each in asked["mutants"])]

    def pytest_configure(self) -> None:
        from hypothesis import Phase, settings

        # The first failure is enough, as it is.
        settings.register_profile("first", phases=[Phase.generate], report_multiple_bugs=False, database=None)
        settings.load_profile("first")

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        order = {f"{TESTS}/{name}": k for k, name in enumerate(self.comparisons)}
        items.sort(key=lambda item: order[item.nodeid.partition("[")[0]])

    def pytest_runtestloop(self, session: Any) -> bool:
        self.functions = {name: python_mutants.loaded(name) for name in self.modules}
        gc.freeze()
        with self.answers.open("a") as file:
            for mutant in self.tried:
                file.write(json.dumps(self._forked(session.items, mutant)) + "\n")
                file.flush()
        return True

    def _forked(self, items: Sequence[Any], mutant: Mutant | None) -> Row:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
                if mutant:
                    python_mutants.plant(mutant, self.functions[mutant.module], self.modules[mutant.module])
                os.write(write, json.dumps(_first_failure(items)).encode())
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        return json.loads(text) if text else {"by": "it does not end, or takes all memory", "how": ""}


def _first_failure(items: Sequence[Any]) -> Row:
    from _pytest.runner import runtestprotocol

    for k, item in enumerate(items):
        following = items[k + 1] if k + 1 < len(items) else None
        for report in runtestprotocol(item, log=False, nextitem=following):
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                how = crash.message.splitlines()[0] if crash and crash.message else str(report.longrepr)[-200:]
                return {"by": item.nodeid.removeprefix(f"{TESTS}/"), "how": how[:160]}
    return {"by": "", "how": ""}


def serve(asked: Path, answers: Path) -> int:
    """Runs the comparisons for no mutant at first, and then for each that is asked for."""
    import pytest

    given = json.loads(asked.read_text())
    words = ["-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), "--durations=0"]
    words += [str(ROOT / TESTS / name) for name in given["comparisons"]]
    return int(pytest.main(words, plugins=[Server(given, answers)]))


# The check ------------------------------------------------------------------------------------------------------------


def row(mutant: Mutant, answer: Row) -> Row:
    """What the page says of a mutant."""
    path = Path(import_module(mutant.module).__file__)
    line = path.read_text("utf-8").splitlines()[mutant.line - 1].strip()
    here = (mutant.function, line, mutant.what)
    reason = next((w.reason for w in WAIVERS if (w.function, w.line, w.became) == here), "")
    name = ".".join(mutant.module.split(".")[1:]).replace(".", "/")
    name += "/__init__" if path.name == "__init__.py" else ""
    return {
        "place": f"{name}.py:{mutant.line}",
        "function": mutant.function,
        "line": line,
        "became": mutant.what,
        "killed by": answer["by"],
        "how": answer["how"],
        "computes the same": "" if answer["by"] else reason,
    }


def answers(part: Part, tried: Sequence[Mutant], job: Job) -> list[Row]:
    """What the part's comparisons say of each mutant: by which it was killed, and how; or by none."""
    for needed in ("pytest", "hypothesis"):
        if util.find_spec(needed) is None:
            raise Unable(f"{needed} is missing, with which the comparisons run; make venv")
    if not (ROOT / TESTS).is_dir():
        raise Unable(f"the comparisons are in the folder tests of the repository, and {ROOT} has none")
    asked, found, log = job.folder / "tried.json", job.folder / "answers.jsonl", job.folder / "pytest.log"
    mutants = [asdict(mutant) for mutant in tried]
    asked.write_text(json.dumps({**asdict(part), "modules": skipped(part), "mutants": mutants}))
    # A fork carries no threads of a library along.
    alone = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "spikeloom.trust.specification", str(asked), str(found)]
    with log.open("w") as file, subprocess.Popen(command, env=os.environ | alone, stdout=file, stderr=file) as server:
        while True:
            try:
                status = server.wait(1)
            except subprocess.TimeoutExpired:
                status = None
            done = found.read_text().count("\n") if found.exists() else 0
            job.progress(max(0, done - 1), len(tried))
            if status is not None:
                break
    told = [json.loads(line) for line in found.read_text().splitlines()] if found.exists() else []
    if status or len(told) != len(tried) + 1:
        raise RuntimeError(f"the comparisons ended with {status}:\n{log.read_text()[-2000:]}")
    if told[0]["by"]:
        raise RuntimeError(f"golden itself fails {told[0]['by']}: {told[0]['how']}")
    return told[1:]


def run(part: str, job: Job) -> Rows:
    tried = chosen(part, job.full)
    found = answers(PARTS[part], tried, job)
    return {TITLE: [row(mutant, answer) for mutant, answer in zip(tried, found, strict=True)]}


def figures(rows: Rows, full: bool) -> list[Figure]:
    tried = rows[TITLE]
    killed = sum(bool(each["killed by"]) for each in tried)
    same = sum(bool(each["computes the same"]) for each in tried)
    return [
        Figure(
            what="mutants of golden caught by a comparison with what is not golden",
            value=100 * killed / len(tried),
            unit="%",
            of=TITLE,
            least=95 if full else 92,
            note=f"{killed} of {len(tried)}",
        ),
        Figure(
            what="of those that do not compute the same",
            value=100 * killed / max(1, len(tried) - same),
            unit="%",
            of=TITLE,
            least=100,
            note=f"{same} compute the same, each for a reason that stands beside it",
        ),
    ]


TITLE = "Mutants of golden"
CHECK = Check(
    name="specification",
    title="Mutants of the golden model",
    about=(
        "Small changes of golden's arithmetic (a comparison, an operator, a constant, a condition, an axis, a "
        "statement left out), drawn with a fixed seed, one at a time. Each must be caught by a comparison with "
        "something that is not golden: spikes that snnTorch, Norse, Sinabs, SpikingJelly and Spyx recorded, the "
        "contract and the frameworks' neurons written down once more in plain Python, examples worked out by hand. "
        "Neither the hardware nor golden's other half counts. Code that only refuses, describes, asserts, or chooses "
        "how much is worked on at a time is left as it is."
    ),
    parts=lambda full: list(PARTS),
    run=run,
    cases=lambda rows: len(rows[TITLE]),
    figures=figures,
    needs=lambda: None,
)


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), Path(sys.argv[2])))
