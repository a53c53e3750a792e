"""A checker that finds nothing may be blind: for each there is a fault that it must find, planted by a test."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spikeloom.trust.check import Check, Figure, Job, Row, Rows, Unable
from spikeloom.trust.checks import NAMES

__all__ = ["CHECK", "PLANTED", "Planted", "verdicts"]

FAULTS, CHECKS = "planted faults", "checks of this page"


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A test, as pytest names it, that plants a fault; all of its cases, if none is named. of: a check of this page."""

    checker: str
    fault: str
    test: str
    of: str = ""


PLANTED = (
    Planted(
        checker="equivalence of Verilog and golden",
        fault="a spike, a count, a state, a stream is wrong, or nothing comes",
        test="tests/sim/test_equivalence.py::test_a_planted_fault_is_found",
    ),
    Planted(
        checker="equivalence of Verilog and golden",
        fault="a weight has the wrong sign",
        test="tests/sim/test_core.py::test_a_wrong_weight_in_an_image_is_found[amaranth]",
    ),
    Planted(
        checker="that something was exercised",
        fault="no neuron fires",
        test="tests/sim/test_equivalence.py::test_nothing_exercised_is_no_success",
    ),
    Planted(
        checker="equivalence of the netlist",
        fault="a bit of a table is flipped",
        test="tests/boards/test_own_registers.py::test_a_fault_in_the_netlist_is_found[a_flipped_bit]",
    ),
    Planted(
        checker="models of the families' cells",
        fault="a cell has no model",
        test="tests/sim/test_cells.py::test_a_cell_without_a_model_is_named",
    ),
    Planted(
        checker="use of memories' ports",
        fault="a read and a write meet",
        test="tests/sim/test_collisions.py::test_a_meeting_is_noticed",
    ),
    Planted(
        checker="regressions",
        fault="one is back",
        test="tests/sim/test_random.py::test_a_regression_that_is_back_is_found",
    ),
    Planted(
        checker="routers' soak",
        fault="packets are lost, doubled, changed, swapped, sent elsewhere, miscounted",
        test="tests/hdl/routers/test_soak.py::test_every_kind_of_fault_is_counted",
    ),
    Planted(
        checker="routers' soak, as a figure",
        fault="the soak counts faults",
        test="tests/flow/bench/test_routers.py::test_a_soak_with_faults_is_no_figure",
    ),
    Planted(
        checker="fan-out engine's test",
        fault="more is read than there is room for",
        test="tests/hdl/test_fan_out.py::test_a_fault_is_noticed",
    ),
    Planted(
        checker="splitting's test",
        fault="parts have other rows than they say",
        test="tests/hdl/mapping/test_split.py::test_a_fault_is_found",
    ),
    Planted(
        checker="fan-outs' test",
        fault="a loop is wrong",
        test="tests/hdl/mapping/test_fan_outs.py::test_a_wrong_loop_is_noticed",
    ),
    Planted(
        checker="AXI's bench",
        fault="a slave breaks the protocol",
        test="tests/boards/soc/test_axi.py::test_planted_faults_are_found",
    ),
    Planted(
        checker="host link",
        fault="bytes are lost, changed, doubled on the way",
        test="tests/boards/driver/test_link.py::test_data_arrives_once_and_in_order",
    ),
    Planted(
        checker="noise of the link's bench",
        fault="the noise is less than was asked for",
        test="tests/flow/bench/test_link.py::test_the_noise_is_what_was_asked_for",
    ),
    Planted(
        checker="proofs",
        fault="a claim is not so",
        test="tests/sim/test_proofs.py::test_what_is_not_so_is_refused_with_a_trace",
    ),
    Planted(
        checker="proofs",
        fault="assumptions contradict each other",
        test="tests/sim/test_proofs.py::test_assumptions_that_contradict_each_other_are_refused",
    ),
    Planted(
        checker="golden's run in batches",
        fault="a decay, a sum, a delay, a reach is wrong",
        test="tests/golden/test_simulate.py::test_a_fault_in_the_batch_run_is_found",
    ),
    Planted(
        checker="golden's synapses of all kinds",
        fault="one kind adds otherwise",
        test="tests/golden/synapses/test_kinds.py::test_a_fault_in_one_kind_is_found",
    ),
    Planted(
        checker="float model",
        fault="a knob of the convention is wrong",
        test="tests/golden/test_float_model.py::test_every_wrong_knob_shows",
    ),
    Planted(
        checker="comparison with frameworks",
        fault="a knob of the convention is wrong",
        test="tests/golden/test_examples.py::test_every_wrong_knob_shows[vowels-{'decay': 'exponential'}]",
    ),
    Planted(
        checker="types of nodes",
        fault="one is computed otherwise",
        test="tests/golden/test_node_types.py::test_the_checks_see_a_fault",
    ),
    Planted(
        checker="generated folder",
        fault="a file is changed",
        test="tests/hdl/test_generate.py::test_a_changed_or_missing_file_is_named",
    ),
    Planted(
        checker="folder's numbers",
        fault="they cannot be",
        test="tests/hdl/test_design.py::test_numbers_that_cannot_be_are_damage",
    ),
    Planted(
        checker="tables of figures",
        fault="a file of results is damaged",
        test="tests/flow/bench/test_tables.py::test_a_damaged_file_gives_one_message",
    ),
    Planted(
        checker="tables of figures",
        fault="a figure is of other Verilog",
        test="tests/flow/bench/test_rows.py::test_a_row_of_other_verilog_is_stale",
    ),
    Planted(
        checker="links between documents",
        fault="one leads nowhere",
        test="tests/flow/test_docs.py::test_the_link_check_sees_faults",
    ),
    Planted(
        checker="names of machines in documents",
        fault="one is there",
        test="tests/flow/test_docs.py::test_the_machine_check_sees_a_fault",
    ),
    Planted(
        checker="commands in documents",
        fault="one has no such option",
        test="tests/flow/test_docs.py::test_the_command_check_sees_faults",
    ),
    Planted(
        checker="messages in documents",
        fault="one is not the code's",
        test="tests/flow/test_docs.py::test_the_message_check_sees_faults",
    ),
    Planted(
        checker="imports between rooms",
        fault="one goes the wrong way",
        test="tests/flow/test_packaging.py::test_the_room_check_sees_a_fault",
    ),
    Planted(
        checker="random designs",
        fault="a register of the hardware is wrong; a shared binary has a wrong image",
        test="tests/flow/trust/test_designs.py::test_a_fault_in_the_hardware_is_found_and_kept",
        of="designs",
    ),
    Planted(
        checker="random designs, as figures",
        fault="a difference, a silent or a missing design",
        test="tests/flow/trust/test_designs.py::test_one_row_that_is_wrong_is_in_the_figures",
        of="designs",
    ),
    Planted(
        checker="trained networks, as figures",
        fault="an event differs, nothing fired, one was not compared",
        test="tests/flow/trust/test_networks.py::test_one_row_that_is_wrong_is_in_the_figures",
        of="networks",
    ),
    Planted(
        checker="mutants of the hardware",
        fault="a killer that looks at nothing lets all of them live",
        test="tests/sim/test_mutation.py::test_who_looks_at_nothing_lets_them_live_and_who_kills_the_right_design_is_refused",
        of="mutants",
    ),
    Planted(
        checker="mutants of the golden model",
        fault="a comparison in the neuron's rule is turned around",
        test="tests/flow/trust/test_specification.py::test_golden_passes_and_a_fault_is_caught",
        of="specification",
    ),
    Planted(
        checker="coverage",
        fault="a bin, a line, a signal, a waiver that is not covered, or is",
        test="tests/flow/trust/test_coverage.py::test_planted_faults",
        of="coverage",
    ),
    Planted(
        checker="proofs",
        fault="a claim that does not hold",
        test="tests/flow/trust/test_proofs.py::test_what_is_not_so_is_counted",
        of="proofs",
    ),
    Planted(
        checker="soak",
        fault="an event of a chip differs, it hangs",
        test="tests/flow/trust/test_soak.py::test_a_fault_of_a_chip_is_counted_and_ends_its_soak",
        of="soak",
    ),
    Planted(
        checker="hostile input",
        fault="a road crashes, hangs, writes elsewhere, unpickles, takes all memory, leaves a file",
        test="tests/flow/trust/test_hostile.py::test_every_kind_of_failure_is_seen",
        of="hostile",
    ),
    Planted(
        checker="reproducible designs",
        fault="a file differs, is missing, is one too many",
        test="tests/flow/trust/test_reproducible.py::test_a_file_that_differs_is_named",
        of="reproducible",
    ),
    Planted(
        checker="locked packages",
        fault="one has no hash, one is not there, one is another version",
        test="tests/flow/trust/test_reproducible.py::test_what_the_lock_lacks_is_named",
        of="reproducible",
    ),
    Planted(
        checker="security of the sources",
        fault="data is unpickled, evaluated, given to a shell",
        test="tests/flow/trust/test_reproducible.py::test_what_makes_code_of_data_is_named",
        of="reproducible",
    ),
    Planted(
        checker="planted faults",
        fault="a test fails, is skipped, or is not there",
        test="tests/flow/trust/test_planted.py::test_what_is_not_caught_is_told",
        of="planted",
    ),
)


def run(part: str, job: Job) -> Rows:
    if not Path("tests").is_dir():
        raise Unable("The planted faults are in the tests; run this in the repository")
    return {
        FAULTS: verdicts(PLANTED, job.folder),
        CHECKS: [{"check": name, "planted": sum(p.of == name for p in PLANTED)} for name in NAMES],
    }


def verdicts(planted: Sequence[Planted], folder: Path) -> list[Row]:
    """A row for each fault: its test's cases, how many passed, and what became of the others."""
    there = _collected({p.test.partition("::")[0] for p in planted})
    wanted = [test for p in planted for test in there if _of(test, p.test)]
    report = folder / "tests.xml"
    _pytest("--junitxml", str(report), "-o", "junit_family=xunit1", "--durations=0", *dict.fromkeys(wanted))
    outcomes = _outcomes(report) if report.is_file() else {}
    rows = []
    for p in planted:
        cases = [test for test in there if _of(test, p.test)]
        became = [outcomes.get(_key(test), "was not run") for test in cases]
        others = sorted(set(became) - {"passed"})
        what = ", ".join(others) if cases else "there is no such test"
        passed = became.count("passed")
        rows.append(
            {
                "checker": p.checker,
                "fault": p.fault,
                "test": p.test,
                "cases": len(cases),
                "caught": passed,
                "otherwise": what,
            }
        )
    return rows


def _of(test: str, wanted: str) -> bool:
    return test == wanted or test.startswith(f"{wanted}[")


def _pytest(*words: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode not in (0, 1, 5):  # passed, failed, none
        raise Unable(f"pytest does not run: {(done.stdout + done.stderr).strip()[-500:]}")
    return done.stdout


def _collected(files: Iterable[str]) -> list[str]:
    """Every test of the files that are there."""
    found = [file for file in sorted(files) if Path(file).is_file()]
    lines = _pytest("--collect-only", *found).splitlines() if found else []
    return [line for line in lines if "::" in line]


def _outcomes(report: Path) -> dict[str, str]:
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314, what pytest wrote
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        found[f"{case.get('file')}::{case.get('name')}"] = kinds[0] if kinds else "passed"
    return found


def _key(test: str) -> str:
    file, _, name = test.partition("::")
    return f"{file}::{name}"


def cases(rows: Rows) -> int:
    return sum(row["cases"] for row in rows.get(FAULTS, ()))


def figures(rows: Rows, full: bool) -> Sequence[Figure]:
    faults, checks = rows.get(FAULTS, ()), rows.get(CHECKS, ())
    caught = [row for row in faults if row["cases"] and row["caught"] == row["cases"]]
    checkers, seeing = {row["checker"] for row in faults}, {row["checker"] for row in caught}
    return (
        Figure(what="checkers", value=len(checkers), of=FAULTS, least=1),
        Figure(
            what="of these, with a planted fault that was caught",
            value=100 * len(seeing) / max(1, len(checkers)),
            unit="%",
            of=FAULTS,
            least=100,
        ),
        Figure(what="planted faults that were not caught", value=len(faults) - len(caught), of=FAULTS, most=0),
        Figure(
            what="checks of this page without a planted fault",
            value=sum(not row["planted"] for row in checks),
            of=CHECKS,
            most=0,
        ),
    )


CHECK = Check(
    name="planted",
    title="Planted faults",
    about="Every checker has a test that plants a fault which it must find. All of these tests are run; one that "
    "fails, is skipped or is not there counts as a fault that was not found.",
    parts=lambda full: ("faults",),
    run=run,
    cases=cases,
    figures=figures,
    whole=True,
)
