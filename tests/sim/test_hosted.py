"""Killers that load other tables, or send an event too many: quiet only where all is right."""

import json
import re

import numpy as np
import pytest

import small
from folders import seal
from spikeloom.hdl.configuration import Configuration
from spikeloom.hdl.design import Design
from spikeloom.hdl.generate import generate
from spikeloom.sim.mutation.hosted import interrupted, surplus, tabled


@pytest.fixture
def folder(tmp_path):
    generate(small.network(sizes=(12, 21, 10), weight_bits=5), Configuration(lanes=4, units=2), tmp_path / "design")
    return tmp_path / "design"


def fault(killer, tmp_path):
    (tmp_path / killer.name).mkdir()
    return killer.look((), tmp_path / killer.name).fault


def test_tables_that_say_another_network_are_noticed(folder, tmp_path):
    x = np.random.default_rng(3).integers(0, 2, (2, 12, 12))
    words = [int(word, 16) for word in (folder / "core0_weights0.mem").read_text().split()]
    words = words[: Design(folder).memories["core0.weights0"]["entries"]]
    options = {"stalls": False, "seed": 1}
    assert fault(tabled("same", folder, x, {"core0_weights0": words}, **options), tmp_path) is None
    assert "differs" in fault(tabled("other", folder, x, {"core0_weights0": [0] * len(words)}, **options), tmp_path)


def test_an_event_that_differs_after_one_too_many_is_noticed(folder, tmp_path):
    assert fault(surplus("right", folder, seed=1), tmp_path) is None
    image = folder / "core0_weights0.mem"
    image.write_text("0\n" * len(image.read_text().split()))
    seal(folder, json.loads((folder / "manifest.json").read_text()))
    assert "differs after one that was too many" in fault(surplus("wrong", folder, seed=1), tmp_path)


def test_what_a_reset_leaves_behind_is_noticed(folder, tmp_path):
    x = np.random.default_rng(3).integers(0, 2, (2, 12, 12))
    assert fault(interrupted("right", folder, x, seed=1), tmp_path) is None
    verilog = folder / "accelerator.v"
    before, scheduler, after = re.split(
        r"(?ms)(^module \\accelerator.core0.scheduler .*?^endmodule)", verilog.read_text()
    )
    assert "if (rst)" in scheduler
    verilog.write_text(before + scheduler.replace("if (rst)", "if (1'b0)") + after)
    seal(folder, json.loads((folder / "manifest.json").read_text()))
    assert fault(interrupted("wrong", folder, x, seed=1), tmp_path)
