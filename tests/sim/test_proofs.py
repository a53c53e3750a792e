"""The bench of proofs: what it proves, and that it sees what is not so."""

from dataclasses import replace

import pytest
from amaranth.hdl import Signal

from spikeloom.golden.network import Refusal
from spikeloom.sim.proofs import catalogue, lif, ring, solver, streams
from spikeloom.sim.proofs.proof import Bug
from spikeloom.sim.proofs.statement import Statement, write

SECONDS = 60


@pytest.mark.parametrize("proof", [streams.merge_order, ring.ring, lif.PROOFS[0]], ids=lambda proof: proof.part)
def test_it_is_proven_and_its_bug_found(proof):
    """One by an invariant, one with memory, and one of a part without feedback."""
    verdict = catalogue.check(proof, seconds=SECONDS)
    assert verdict.bug_clock > 0 and verdict.example_clock > 0


@pytest.mark.parametrize(
    "proof, text",
    [
        (
            replace(streams.fork, bug=Bug("none", "taken = Signal(self.count)", "taken = Signal(self.count,)")),
            "not found",
        ),
        (replace(streams.fork, bug=Bug("none", "no such code", "")), "does not fit"),
    ],
)
def test_a_bug_that_is_none_is_refused(proof, text):
    with pytest.raises((Refusal, AssertionError), match=text):
        catalogue.check(proof, seconds=SECONDS)


@pytest.mark.parametrize("proof", catalogue.PROOFS, ids=lambda proof: f"{proof.part}: {proof.bug.about}")
def test_every_bug_fits_the_source(proof):
    assert proof.statement(faulty=True)


def test_what_is_not_so_is_refused_with_a_trace():
    def state(hdl, s):
        streams.buffer_flow.state(hdl, s)
        s.claim(s.before(s.any(1, "guess")) == 0)

    with pytest.raises(catalogue.Unproven, match="Not so: broken in clock 2") as failure:
        catalogue.check(replace(streams.buffer_flow, state=state), seconds=SECONDS)
    assert "guess" in failure.value.trace


def test_assumptions_that_contradict_each_other_are_refused():
    def state(hdl, s):
        streams.buffer_flow.state(hdl, s)
        s.assume(s.any(2, "number") == 5)

    with pytest.raises(catalogue.Unproven, match="example does not happen"):
        catalogue.check(replace(streams.buffer_flow, state=state), seconds=SECONDS)


def test_a_loop_has_no_number_of_clocks_that_shows_everything():
    with pytest.raises(ValueError, match="has a loop"):
        catalogue.check(replace(streams.buffer_flow, bounded=True), seconds=SECONDS)


@pytest.mark.parametrize("reset_less", [False, True])
def test_only_what_is_reset_has_a_value_at_first(reset_less, tmp_path):
    s = Statement()
    flag = Signal(reset_less=reset_less)
    with s.m.If(s.any(1, "never") & ~flag & flag):
        s.m.d.sync += flag.eq(1)
    with s.m.If(s.any(1, "clear")):
        s.m.d.sync += flag.eq(0)
    s.claim(flag == 0)
    write(s.text(), tmp_path)
    assert solver.never(tmp_path / "broken.aig", bounded=False, seconds=SECONDS).happens is reset_less
