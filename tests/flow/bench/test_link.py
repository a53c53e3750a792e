"""Figures of the link: the noise that it stands, and that they are of the link there is."""

import json

import numpy as np
import pytest

from spikeloom.bench import faults, hardware, link, results, tables
from spikeloom.boards.driver import frames
from spikeloom.boards.link.protocol import Kind
from spikeloom.golden.network import Refusal

LINK = {"network": "digits", "weight_bits": 8, "lanes": 16}


def test_the_noise_is_what_was_asked_for():
    pieces = list(faults.noise_pieces(np.random.default_rng(2), 20_000))
    assert sum(len(piece) for _, piece in pieces) == 20_000
    assert len({kind for kind, _ in pieces}) == 4
    assert all(b"\0" not in piece for kind, piece in pieces if kind == "random without zeros")
    assert any(frames.decode(part) for kind, piece in pieces if kind == "frames doubled" for part in piece.split(b"\0"))


def test_no_spoilt_frame_is_a_frame():
    """And unspoilt they are writes to what is known, of what is not there."""
    targets = {0x40: 7, 0x8000_0006: 8}
    sent = list(faults.spoilt_frames(np.random.default_rng(2), targets, 1000))
    assert len(sent) == 1000 == sum(data.endswith(b"\0") for data in sent)
    parts = [part for data in sent for part in faults.frames_in(data)]
    assert len(parts) > 1000, "a zero cuts some in two"
    assert not any(map(frames.decode, parts))
    good = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faults, "spoilt", lambda rng, frame: good.append(frame) or b"\1\1")
        list(faults.spoilt_frames(np.random.default_rng(2), targets, 100))
    bodies = [frames.decode(frame) for frame in good]
    written = {(body[0] >> 4, int.from_bytes(body[1:5], "little")) for body in bodies}
    assert written == {(Kind.WRITE, address) for address in targets}
    assert all(int.from_bytes(body[5:], "little") != targets[int.from_bytes(body[1:5], "little")] for body in bodies)


def test_what_was_asked_is_beside_what_was_found(repository):
    said = [
        link.found("wrong", 0, most=0),
        link.found("wrong, too", 3, most=0),
        link.found("use", 0.81234, least=0.8),
        link.found("ratio", 1.25, most=1.2),
        link.found("bytes", 1_000_000),
    ]
    failed = {**LINK, "item": "Fmax", "error": "run another | first"}
    results.save("link", "About.", [{**LINK, "item": "run", "found": said, "verilog_sha256": "f" * 64}, failed])
    lines = tables.markdown("link", hash_of=lambda row: "e" * 64).splitlines()
    row = "| digits, 8 bit (**stale**: the Verilog has changed) | 16 | "
    assert lines[2:8] == [
        f"{row}wrong | 0 | 0 |",
        f"{row}wrong, too | 0 | 3 (missed) |",
        f"{row}use | ≥ 0.8 | 0.8123 |",
        f"{row}ratio | ≤ 1.2 | 1.25 (missed) |",
        f"{row}bytes |  | 1,000,000 |",
        "| digits, 8 bit | 16 | Fmax |  | run another \\| first |",
    ]


def test_the_fmax_of_another_link_is_not_taken(bench, monkeypatch, measured):
    """The Verilog's hash is the core's alone; what the whole board takes tells one link from another."""

    def synthesise(work, manifest, **options):
        cells = {str(number): {"type": "TRELLIS_FF"} for number in range(20)} | {"ram": {"type": "DP16KD"}}
        (work.build / "top.json").write_text(json.dumps({"modules": {"top": {"cells": cells}}}))

    monkeypatch.setattr(link.Implementation, "synthesise_board", synthesise)
    keys = {**LINK, "item": "Fmax"}
    with pytest.raises(Refusal, match="There is no figure of the present Verilog on ulx3s-85f: python -m spikeloom"):
        measured(link.link, **keys)
    with hardware.generated("digits", 8, lanes=16) as made:
        core = {"fmax_mhz": {"1": 101.0, "2": 99.0, "3": 100.0}}
        paths = {"1": {"end": "accelerator.core0.x"}, "2": {"end": "link.y"}, "3": {"end": "accelerator.core0.x"}}
        board = {"ff": 20, "block_ram": 2, "paths": paths, "fmax_mhz": {"1": 98.0, "2": 99.5, "3": 100.0}}
        row = {**LINK, "verilog_sha256": made.verilog_sha256, "core": core, "board": board}
    results.save("performance", "About.", [row])
    with pytest.raises(Refusal, match="Fmax was measured with another link: python -m spikeloom.bench performance"):
        measured(link.link, **keys)
    board["block_ram"] = 1
    results.save("performance", "About.", [row])
    said = {one["what"]: one for one in measured(link.link, **keys)["found"]}
    assert [one["found"] for one in said.values()] == [100.0, 99.5, 1]
    assert [one.get("least", one.get("most")) for one in said.values()] == [None, 99.0, 0]
