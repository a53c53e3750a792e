"""Figures of the accelerator, of faked tools: what they keep, what they compute and how it is shown."""

import numpy as np
import pytest

from spikeloom.bench import figures, hardware, results, tables
from spikeloom.golden.network import Refusal

BULK = {"network": "digits", "weight_bits": 8, "lanes": 4}
MOTION = {"network": "motion", "weight_bits": 8, "lanes": 16, "slots": 2, "output_registers": False}


def test_performance_keeps_what_was_found_before_an_error(bench, tools, measured):
    tools.fits, found = False, dict(BULK)
    with pytest.raises(Refusal, match="does not fit"):
        for part in figures.performance.measure(bench, **BULK):
            found |= part
    assert found["rows_per_clock"] == 0.6667
    assert found["shares"]["rows"] == 0.35
    assert found["core"]["fmax_mhz"] == {"1": 90.0, "2": 100.0, "3": 110.0}
    tools.fits = True
    found = measured(figures.performance, **BULK)
    assert tools.measured == ["core", "board"], "the core was kept"
    assert found["interval_us"] == pytest.approx(found["clocks_per_inference"] / 100)
    assert found["latency_us"] == 50
    results.save("performance", "About.", [found])
    assert "| digits, 8 bit | 4 | 1,234 | 2 | 3 | 4 | 100.0 | 1,234 |" in tables.markdown("performance-area")
    assert "| 35.0 % | 10.0 % |" in (clocks := tables.markdown("performance-clocks"))
    assert "| 10.0 % | 5.0 % |\n" in clocks, "step_end is among the others"


def test_the_event_order_keeps_what_is_simulated(bench, tools, measured):
    """Without place and route a row has all the rest, and its tables say what is missing."""
    tools.scatters = True
    bench.cache.without = {"measurement": "not placed and routed yet"}
    found = dict(MOTION)
    with pytest.raises(Refusal, match="not placed and routed yet"):
        for part in figures.event_order.measure(bench, **MOTION):
            found |= part
    assert tools.measured == []
    assert found["engines"]["core0.scatter"]["per_lane"] == 0.25
    assert found["shares"]["rows"] == 0.35, "the lanes' alone"
    results.save("event_order", "About.", [found | {"error": "not placed and routed yet"}])
    start = "| motion, 8 bit | 16 | 2 | "
    clocks = round(found["clocks_per_inference"])
    assert f"{start}300 | 8 | 0 | 0.950 | 0.250 | {clocks:,} | not placed" in tables.markdown("event_order")
    assert f"{start}no | not placed and routed yet |" in tables.markdown("event_order-area")
    assert f"{start}{' | '.join(['16.7 %'] * 6)} |\n" in tables.markdown("event_order-clocks")
    stored = tables.markdown("event_order-storage")
    assert "| input -> lif1 | list | 384 | 18 | 6,912 | 336 | 1.049 |" in stored
    assert stored.count("| motion, 8 bit | 16 | ") == 2, "a row for each projection"

    bench.cache.without = {}
    found = measured(figures.event_order, **MOTION)
    assert tools.measured == ["core", "board"]
    assert found["inferences_per_second"] == pytest.approx(1e8 / found["clocks_per_inference"], abs=0.1)
    bits = sum(found["stored"].values())
    results.save("event_order", "About.", [found, found | {"slots": 1}])
    assert f" | {bits:,} | 3 | " in tables.markdown("event_order-memory")
    assert tables.markdown("event_order-storage").count("| input -> lif1 |") == 1, "slots change nothing of it"
    bench.cache.without = {"measurement": "not placed and routed yet"}
    assert measured(figures.event_order, **MOTION) == found, "what is known is used"


def test_a_large_network_is_compared_without_cocotb(tools, monkeypatch, measured):
    asked = []
    verify = tools.verify
    monkeypatch.setattr(hardware.api, "verify", lambda *a, bulk, **o: asked.append(bulk) or verify(*a, bulk=bulk, **o))
    monkeypatch.setattr(figures, "LARGE", ("digits",))
    for name in ("digits", "delays"):
        keys = {"network": name, "weight_bits": 8, "lanes": 16, "cores": "shared", "stalls": False}
        measured(figures.equivalence, **keys)
    assert asked == [True, False]
    assert {"network": "cnn", "weight_bits": 8, "lanes": 16, "cores": "shared", "stalls": True} in (
        figures.equivalence.rows
    )


def test_a_difference_is_an_error(tools, measured):
    tools.differences = 1
    with pytest.raises(Refusal, match="RTL differs from golden: there; mismatch shows it again"):
        measured(figures.bulk, **BULK)


def test_a_netlist_is_asked_for_and_shown(tools, measured):
    keys = {"network": "digits", "weight_bits": 8, "lanes": 4, "family": "ecp5", "output_registers": True}
    row = measured(figures.netlist, **keys)
    assert tools.options == {"level": "netlist", "family": "ecp5", "output_registers": True}
    results.save("netlist", "About.", [row])
    assert "| digits, 8 bit | 4 | ecp5 | yes | 40 | 8 | 7 | 0 | 1.0 | 2.0 |" in tables.markdown("netlist")
    tools.differences = 1
    with pytest.raises(Refusal, match="RTL differs from golden: there; mismatch shows it again"):
        measured(figures.netlist, **keys | {"output_registers": False})


def test_a_common_size_in_milliseconds(tools, measured):
    row = measured(figures.peer, network="digits", weight_bits=8, lanes=4, units=1, output_registers=True)
    assert row["sample_ms"] == pytest.approx(row["clocks_per_inference"] / 100_000, abs=1e-4)
    assert 0 < row["hidden_rate"] < 1
    results.save("peer", "About.", [row])
    assert "| 4 | yes | 1,234 | 2 | 3 | 100.0 (90.0, 100.0, 110.0) |" in tables.markdown("peer")


def test_the_formula_counts_groups_times_events(tools, measured):
    row = measured(figures.density, network="digits", weight_bits=8, lanes=4, density=0.3)
    x = hardware.bernoulli(figures.DENSITY_SAMPLES, figures.DENSITY_STEPS, 64, 0.3, figures.SEED)
    hidden = row["hidden_rate"] * 128
    # 32 groups read the input's events, 3 the hidden population's.
    assert row["formula_rows"] == pytest.approx(32 * x.sum() / x[..., 0].size + 3 * hidden, abs=0.1)
    middle = hardware.bernoulli(*x.shape, 0.1, figures.SEED)
    sent = hardware.events(hardware.network("digits", 8), middle)
    clocks = 100 + np.count_nonzero(middle[0, 0])
    assert row["formula_constant"] == pytest.approx(clocks - 32 * sent["input"] - 3 * sent["lif1"], abs=0.01)
    assert row["ratio"] == pytest.approx(row["clocks_per_step"] / (row["formula_rows"] + row["formula_constant"]), 1e-3)
