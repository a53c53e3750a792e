"""The check of proofs sees what is not so, what has no proof, and what there is to prove."""

import ast
from dataclasses import replace

import pytest

from spikeloom.sim.proofs import streams
from spikeloom.trust import proofs
from spikeloom.trust.check import Job
from spikeloom.trust.proofs import inventory, link, soc


@pytest.mark.parametrize("proof", (*link.PROOFS, *soc.PROOFS), ids=lambda proof: f"{proof.part}: {proof.bug.about}")
def test_every_bug_fits_the_source(proof):
    assert proof.statement(faulty=True)


def test_what_is_not_so_is_counted(monkeypatch):
    def state(hdl, s):
        streams.buffer_flow.state(hdl, s)
        s.claim(s.before(s.any(1, "guess")) == 0)

    right, wrong = streams.fork, replace(streams.buffer_flow, state=state)
    monkeypatch.setattr(proofs, "PROOFS", (right, wrong))
    rows = [proofs.prove(proof) for proof in proofs.PROOFS]
    assert rows[0]["result"] == "holds" and rows[1]["result"] == "Not so: broken in clock 2"
    figures = proofs.figures({proofs.PROVEN: rows, proofs.COVERED: []}, False)
    assert [(figure.value, figure.ok) for figure in figures] == [(1, False), (1, False), (1, False), (0, True)]


def test_every_proof_has_a_group_and_every_group_some(tmp_path):
    groups = {proofs.group(proof) for proof in proofs.PROOFS}
    assert {proofs.INVENTORY, *groups} == set(proofs.parts(False)) and len(groups) == len(proofs.GROUPS)


def test_every_component_has_a_proof_or_a_reason(tmp_path):
    (rows,) = proofs.run(proofs.INVENTORY, Job(full=False, folder=tmp_path)).values()
    assert not [row["part"] for row in rows if not row["proofs"] and not row["none, since"]]
    named = {row["part"] for row in rows}
    assert {proof.part for proof in proofs.PROOFS} - named <= {"memory.SinglePortMemory"}
    assert set(proofs.NOTHING) <= named


def test_a_component_without_a_proof_is_counted(monkeypatch, tmp_path):
    monkeypatch.setattr(proofs, "PROOFS", tuple(p for p in proofs.PROOFS if p.part != "tokens.Tokens"))
    rows = proofs.run(proofs.INVENTORY, Job(full=False, folder=tmp_path))
    assert proofs.figures({proofs.PROVEN: [], **rows}, False)[-1].value == 1


def test_what_counts_is_found_in_the_source():
    text = """
class Part:
    def elaborate(self, platform):
        m.d.sync += [left.eq(left - 1), row.eq(Mux(wrap, 0, row + 1)), kept.eq(other + 1), other.eq(kept)]
        m.submodules.queue = fifo.SyncFIFO(width=1, depth=2)
"""
    (part,) = ast.parse(text).body
    found = sorted(set(inventory._things(part)))
    assert found == [("counter or address", "left"), ("counter or address", "row"), ("queue", "SyncFIFO")]
