import json

import pytest

from spikeloom.boards.families import FAMILIES
from spikeloom.boards.reports import Clock, SlowPath, cell_counts, read_report, utilisation_in_log
from spikeloom.golden.network import Refusal


def hop(kind, delay, start, end):
    return {"type": kind, "delay": delay, "from": {"cell": start, "port": "Q"}, "to": {"cell": end, "port": "D"}}


# Cut down from what nextpnr 0.11.1 wrote.
ECP5 = {
    "critical_paths": [
        {
            "from": "posedge $glbnet$accelerator.clk",
            "to": "posedge $glbnet$accelerator.clk",
            "path": [
                hop("clk-to-q", 5.83, "link.queue.storage.0.0", "link.queue.storage.0.0"),
                hop("routing", 0.997, "link.queue.storage.0.0", "link.o__payload_TRELLIS_FF_Q_5_DI_LUT4_Z"),
                hop(
                    "logic",
                    0.236,
                    "link.o__payload_TRELLIS_FF_Q_5_DI_LUT4_Z",
                    "link.o__payload_TRELLIS_FF_Q_5_DI_LUT4_Z",
                ),
                hop("setup", 0, "link.o__payload_TRELLIS_FF_Q_5", "link.o__payload_TRELLIS_FF_Q_5"),
            ],
        },
        {"from": "<async>", "to": "posedge $glbnet$accelerator.clk", "path": [hop("source", 0, "rx", "rx")]},
    ],
    "fmax": {"$glbnet$accelerator.clk": {"achieved": 94.3501205444336, "constraint": 100}},
    "utilization": {"DP16KD": {"available": 208, "used": 2}, "TRELLIS_COMB": {"available": 83640, "used": 466}},
}
ICE40 = {
    "critical_paths": [
        {
            "from": "posedge clk",
            "to": "posedge clk",
            "path": [
                hop("clk-to-q", 1.39, "link.bridge.fsm_state_SB_DFFESR_Q_2_D_SB_LUT4_O_LC", ""),
                hop("routing", 14.1, "", ""),
                hop("setup", 0.1, "", "link.bridge.left$23_SB_DFFESR_Q_1_D_SB_LUT4_O_LC"),
            ],
        }
    ],
    "fmax": {"clk": {"achieved": 46.46408462524414, "constraint": 24.001535415649414}},
    "utilization": {"ICESTORM_LC": {"available": 5280, "used": 497}},
}

GOWIN = {
    "critical_paths": [
        {
            "from": "posedge clk",
            "to": "posedge clk",
            "path": [
                hop("clk-to-q", 0.46, "link.receiver.control_DFFR_Q", "link.receiver.control_DFFR_Q"),
                hop("setup", 0.1, "", "link.executor.crc$66.crc_reg_DFFSE_Q_31"),
            ],
        }
    ],
    "fmax": {"clk": {"achieved": 97.95278930664062, "constraint": 54}},
    "utilization": {
        "ALU": {"available": 6480, "used": 830},
        "BSRAM": {"available": 26, "used": 13},
        "DFF": {"available": 6480, "used": 2957},
        "LUT4": {"available": 8640, "used": 3830},
        "RAM16SDP4": {"available": 270, "used": 47},
    },
}


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_a_report_for_ecp5(tmp_path):
    report = read_report(written(tmp_path / "report.json", ECP5))
    assert report.utilisation == {"DP16KD": (2, 208), "TRELLIS_COMB": (466, 83640)}
    assert report.clocks == {"accelerator.clk": Clock(achieved_mhz=94.35, constraint_mhz=100)}
    assert not report.clocks["accelerator.clk"].met
    assert report.paths == (
        SlowPath(
            clock="accelerator.clk",
            start="link.queue.storage.0.0",
            end="link.o__payload",
            logic_ns=6.07,
            routing_ns=1.0,
        ),
    )


def test_a_report_for_ice40(tmp_path):
    report = read_report(written(tmp_path / "report.json", ICE40))
    assert report.clocks["clk"].met
    (path,) = report.paths
    assert (path.start, path.end) == ("link.bridge.fsm_state", "link.bridge.left$23")
    assert (path.logic_ns, path.routing_ns) == (1.49, 14.1)


def test_a_report_for_gowin(tmp_path):
    report = read_report(written(tmp_path / "report.json", GOWIN))
    (path,) = report.paths
    assert (path.start, path.end) == ("link.receiver.control", "link.executor.crc$66.crc_reg")
    # A logic cell is a LUT, a bit of an adder, or a quarter of a RAM in logic.
    assert FAMILIES["gowin"].placed(report.utilisation) == {"lut": 3830 + 830 + 4 * 47, "ff": 2957, "block_ram": 13}


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({**ICE40, "fmax": {"clk": 3}}), '{"critical_paths": '])
def test_what_is_no_report_is_refused(tmp_path, content):
    path = written(tmp_path / "report.json", content)
    with pytest.raises(Refusal, match=r"^nextpnr wrote a report\.json that is not its report \(\w+\)$"):
        read_report(path)
    with pytest.raises(Refusal, match=r"^yosys wrote a report\.json that is not its statistics \(\w+\)$"):
        cell_counts(path)


def test_cells(tmp_path):
    content = {"modules": {"\\top": {"num_cells": 3, "num_cells_by_type": {"SB_LUT4": 2, "SB_DFF": 1}}}, "design": {}}
    assert cell_counts(written(tmp_path / "cells.json", content)) == {"SB_LUT4": 2, "SB_DFF": 1}


def test_utilisation_in_a_log():
    log = """
Info: Device utilisation:
Info: 	         ICESTORM_LC:    6120/   5280   115%
Info: 	        ICESTORM_RAM:       5/     30    16%
Info: 	       ICESTORM_DSP:        0/      8     0%

ERROR: Unable to place cell 'x', no BELs remaining to implement cell type 'ICESTORM_LC'
"""
    assert utilisation_in_log(log) == {"ICESTORM_LC": (6120, 5280), "ICESTORM_RAM": (5, 30), "ICESTORM_DSP": (0, 8)}
    assert utilisation_in_log("") == {}
