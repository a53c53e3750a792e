"""What a build's report says in words of its own: the slowest path, and an estimate of energy."""

import json

import pytest

from spikeloom.boards.board import Resources
from spikeloom.boards.build_report import BuildReport
from spikeloom.boards.critical import named
from spikeloom.boards.energy import estimate
from spikeloom.boards.reports import SlowPath


@pytest.mark.parametrize(
    "cell, name",
    [  # as nextpnr reported them
        ("core0.neuron_units.parameters0.core0_parameters0.0.1", "core0.neuron_units.parameters0"),
        ("chip.accelerator.core0.lanes.weights0.core0_weights0_2.0.0", "core0.lanes.weights0"),
        ("chip.link.receiver.slots.link_slots.0.0", "link.receiver.slots"),
        ("core0.scatter.ring$237.sums.core0_sums_26.0.0", "core0.scatter.ring.sums"),
        ("core0.scatter.ring$237.sums.port$3065$0", "core0.scatter.ring.sums"),
        ("core0.scatter.$18_MULT18X18D_P5", "core0.scatter"),
        ("core0.neuron_units.$signal$259", "core0.neuron_units"),
        ("chip.accelerator.core0.neuron_units.unit0.p.keep", "core0.neuron_units.unit0.p.keep"),
        ("core0.lanes.i__payload.left", "core0.lanes.i__payload.left"),
        ("accelerator.port__address", "port__address"),
        ("$18", "logic without a name"),
    ],
)
def test_places_have_our_own_names(cell, name):
    assert named(cell) == name


def paths(*nanoseconds):
    return tuple(
        SlowPath(clock="clk", start=f"core{k}.lanes.beside", end="core0.p$1", logic_ns=ns / 2, routing_ns=ns / 2)
        for k, ns in enumerate(nanoseconds)
    )


def report(**changes):
    resources = Resources(lut=1, ff=1, block_ram=1, dsp=1)
    given = {"board": "b", "device": "d", "speed": "", "seed": 1, "output_registers": False, "core_mhz": 50.0}
    given |= {"baud": 1, "bitstream": "x", "sha256": "0", "network": "n", "verilog_sha256": "v", "configuration": {}}
    given |= {"used": resources, "available": resources, "clocks": {}, "timing_met": True, "paths": (), "tools": {}}
    return BuildReport(**given | changes)


def test_the_slowest_path_is_named():
    assert report(paths=paths(3, 8, 5)).critical_path == "core1.lanes.beside -> core0.p: 8.0 ns, 4.0 of them wires"
    assert report().critical_path is None


def test_the_file_does_not_say_how_long_it_took():
    quick, slow = report(seconds={"pack": 1.0}, cached=("pack",)), report(seconds={"pack": 2.0})
    assert quick.to_json() == slow.to_json()
    assert json.loads(quick.to_json(run=True))["cached"] == ["pack"]


CORE = {"lanes": 4, "accumulator_bits": 12, "neuron": {"state_bits": 8}, "scatter": None}
SCATTER = {"accumulator_bits": 10, "ring_rows": 16}


def manifest(**core):
    memories = [("core0.weights0", 64, 16), ("core0.weights1", 64, 16), ("core0.parameters0", 4, 32)]
    memories += [("core0.parameters1", 4, 32), ("core0.state0", 4, 8), ("core0.state1", 4, 8)]
    memories += [("core0.synapses", 4096, 32)] if "scatter" in core else []
    return {
        "parameters": {"cores": [CORE | core]},
        "sources": [{"core": -1, "size": 9}, {"core": 0, "size": 6}, {"core": 0, "size": 2}],
        "map": {"memories": [{"name": name, "entries": e, "width": w} for name, e, w in memories]},
    }


def test_energy_is_what_was_counted_times_published_figures():
    found = estimate(manifest(), {"core0": 1000}, neurons=8, steps=5, samples=10, clocks=321.0)
    assert (found.additions, found.neuron_steps, found.clocks) == (400, 40, 321)
    assert found.reads == {"weights": 100, "parameters": 40, "state": 80}
    assert found.read_bits == {"weights": 32, "parameters": 32, "state": 8}
    assert found.nanojoules == {
        "additions": round(400 * 0.05 / 1000, 4),
        "neuron steps": round(40 * (0.2 + 3 * 0.03) / 1000, 4),
        "memory": round((100 * 10 * 32 / 64 + 40 * 10 * 32 / 64 + 80 * 10 * 8 / 64) / 1000, 4),
    }
    assert found.total_nanojoules == pytest.approx(0.02 + 0.0116 + 0.8)
    assert "no measurement" in found.basis


def test_energy_of_the_event_order_has_its_sums_and_its_larger_memory():
    rows = {"core0": 10, "core0.scatter": 20}
    found = estimate(manifest(scatter=SCATTER), rows, neurons=8, steps=0, samples=1, clocks=1.0)
    assert found.reads == {"weights": 10, "synapses": 20, "sums": 40}
    assert found.nanojoules["additions"] == round((10 * 4 * 0.05 + 20 * 4 * 0.05) / 1000, 4)
    assert found.nanojoules["memory"] == round((10 * 10 / 2 + 20 * 20 / 2 + 40 * 10 * 40 / 64) / 1000, 4)
