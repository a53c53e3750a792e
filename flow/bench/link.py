"""The host link on the simulated chip: what was asked of it beside what was found."""

import json
import shutil
from collections import Counter
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spikeloom.bench import faults, hardware, results
from spikeloom.bench.cache import sources
from spikeloom.bench.chip import (
    BYTE_CLOCKS,
    WORD_BYTES,
    Parts,
    found,
    opened,
    simulated,
    stimulus,
    use,
)
from spikeloom.bench.figure import Bench, figure
from spikeloom.boards import catalogue
from spikeloom.boards.chip import chip_verilog
from spikeloom.boards.families import FAMILIES
from spikeloom.boards.implementation import Implementation
from spikeloom.boards.link.protocol import TIMEOUT_SECONDS
from spikeloom.boards.link.uart import baud_divider, default_baud
from spikeloom.golden import simulate
from spikeloom.golden.network import Refusal
from spikeloom.hdl.design import Design

__all__ = ["link"]

#: Of the line to the chip, asked for when only the output is recorded.
USE = {"all": None, "output": 0.8}
SMALL_BOARD = "icebreaker"


@figure(
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "run"},
    {"network": "mnist", "weight_bits": 8, "lanes": 16, "item": "load"},
    {"network": "mnist", "weight_bits": 4, "lanes": 16, "item": "load"},
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "noise"},
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "spoilt frames"},
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "unplugged"},
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "half a frame"},
    {"network": "digits", "weight_bits": 8, "lanes": 8, "item": "iCE40"},
    {"network": "digits", "weight_bits": 8, "lanes": 16, "item": "Fmax"},
)
def link(bench: Bench, network: str, weight_bits: int, lanes: int, item: str) -> Parts:
    """The complete chip with its UART, simulated: runs and loads through the driver, noise and spoilt frames on its
    port, a port that is unplugged, and a frame that is never finished; and what the link costs."""
    measurements = {
        "run": _run,
        "load": _load,
        "noise": faults.noise,
        "spoilt frames": faults.spoilt_frames_sent,
        "unplugged": faults.unplugged,
        "half a frame": faults.half_a_frame,
        "iCE40": _area,
        "Fmax": _fmax,
    }
    with hardware.generated(network, weight_bits, lanes=lanes) as made:

        def link_measured() -> dict[str, Any]:
            bench.progress("build the simulator" if item not in ("iCE40", "Fmax") else "")
            return measurements[item](made, bench)

        yield {"verilog_sha256": made.verilog_sha256}
        names = ("boards", "sim", "hdl", "golden", "bench.chip", "bench.faults", "bench.link")
        yield bench.cache.remember(
            link_measured,
            item=item,
            verilog=made.verilog_sha256,
            network=made.network.hash,
            performance=_performance(made, bench) if item == "Fmax" else None,
            code=[sources(f"spikeloom.{name}") for name in names],
        )


# Runs and loads -------------------------------------------------------------------------------------------------------


def _run(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    x = stimulus(made)
    golden = simulate.run(made.network, x, record="all").events
    said = []
    with simulated(made) as chip, closing(opened(chip, made)) as driver:
        for record in ("all", "output"):
            bench.progress(title := f"record {record}")
            chip.statistics(reset=True)
            events, clocks = driver.run(x, record=record, progress=bench.progress)
            statistics = chip.statistics()
            differences = sum(int(np.count_nonzero(events[name] != golden[name])) for name in events)
            spikes = sum(int(np.count_nonzero(golden[name])) for name in events)
            said += [
                found(f"{title}: spikes compared", spikes),
                found(f"{title}: differ from the integer model", differences, most=0),
                found(f"{title}: clocks per sample", round(clocks / len(x))),
                # More comes back than is sent if all is recorded: then the line from the chip is the one that limits.
                found(f"{title}: use of the line to the chip", use(statistics, "in"), least=USE[record]),
                found(f"{title}: use of the line from the chip", use(statistics, "out")),
            ]
        counters = driver.counters()
    return {"samples": len(x), "counters": counters, "found": said}


def _load(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    design = Design(made.directory)
    filled = {name: about for name, about in design.memories.items() if about["images"]}
    words = {name: about["entries"] * about["words"] for name, about in filled.items()}
    weights = sum(count for name, count in words.items() if ".weights" in name)
    said = [found("words of weights", weights), found("words of all memories", sum(words.values()))]
    with simulated(made) as chip, closing(opened(chip, made)) as driver:
        for verify, title in ((False, "loading"), (True, "loading and verifying")):
            bench.progress(title)
            chip.statistics(reset=True)
            driver.load(design, verify=verify)
            clocks = chip.statistics()["clocks"]
            most = None if verify else 1.2
            said += [
                found(f"{title}: clocks", clocks),
                *(
                    found(f"{title}: over the wire time of {what}", round(clocks / count / wire, 3), most=most)
                    for what, count in (("the weights", weights), ("all words", sum(words.values())))
                    for wire in (WORD_BYTES * BYTE_CLOCKS,)
                ),
            ]
        counters = driver.counters()
    return {"counters": counters, "found": said}


# Cost -----------------------------------------------------------------------------------------------------------------

TIED = """
module tied (input clk, input rst, input rx, output tx, output busy, output heartbeat);
    chip chip (.clk(clk), .rst(rst), .rx(rx), .tx(tx), .busy(busy), .heartbeat(heartbeat), .network(32'd{network}));
endmodule
"""
BEAT = """
module beat (input clk, output heartbeat);
    reg [{bits} - 1:0] clocks = 0;
    always @(posedge clk) clocks <= clocks + 1;
    assign heartbeat = clocks[{bits} - 1];
endmodule
"""


def _area(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    board = catalogue.find(SMALL_BOARD)
    slots, slot_size = FAMILIES[board.family].link_slots
    options = {
        "clock_hz": board.core_hz,
        "divider": baud_divider(board.core_hz, default_baud(board.core_hz)),
        "slots": slots,
        "slot_size": slot_size,
    }
    accelerator = Design(made.directory).verilog.read_text("utf-8")
    bits = int(board.core_hz * TIMEOUT_SECONDS - 1).bit_length() + 1  # as in boards.chip
    tied = TIED.format(network=Design(made.directory).network_id)
    texts = {
        "accelerator": accelerator,
        "tied": accelerator + chip_verilog(made.manifest, **options) + tied,
        "beat": BEAT.format(bits=bits),
    }
    used = {}
    for top, text in texts.items():
        with TemporaryDirectory(prefix="spikeloom-") as name:
            rtl, build = Path(name) / "rtl", Path(name) / "build"
            shutil.copytree(made.directory, rtl)
            build.mkdir()
            (rtl / "all.v").write_text(text, "utf-8")
            work = Implementation(board, rtl, build, progress=bench.progress)
            used[top] = work.synthesise_core({"verilog": {"file": "all.v", "top": top}})
    whole, core, beat = used["tied"].lut, used["accelerator"].lut, used["beat"].lut
    return {
        "link_slots": [slots, slot_size],
        "divider": options["divider"],
        "found": [
            found("LUT4 of the core", core),
            found("LUT4 of the core and the link with its UART", whole),
            found("LUT4 of the link with its UART", whole - core, most=600),
            found("of these, the counter for timeouts, which drives the lamp", beat),
            found("LUT4 of the link without that counter", whole - core - beat, most=600),
            found("block RAM of the link", used["tied"].block_ram - used["accelerator"].block_ram),
        ],
    }


def _performance(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    """The row of the figure ``performance`` that is of this hardware."""
    remedy = f"python -m spikeloom.bench performance --only 'digits, weight bits 8, lanes {made.configuration.lanes}'"
    for row in (results.load("performance", bench.folder) or {"rows": []})["rows"]:
        if row.get("verilog_sha256") == made.verilog_sha256 and "board" in row:
            return {"core": row["core"], "board": row["board"], "remedy": remedy}
    raise Refusal(f"There is no figure of the present Verilog on {hardware.BOARD}: {remedy}")


def _fmax(made: hardware.Hardware, bench: Bench) -> dict[str, Any]:
    row, board = _performance(made, bench), catalogue.find(hardware.BOARD)
    with TemporaryDirectory(prefix="spikeloom-") as name:
        rtl, build = Path(name) / "rtl", Path(name) / "build"
        shutil.copytree(made.directory, rtl)
        build.mkdir()
        work = Implementation(board, rtl, build, progress=bench.progress)
        work.synthesise_board(made.manifest, core_hz=board.core_hz, baud=default_baud(board.core_hz))
        cells = json.loads((build / "top.json").read_text("utf-8"))["modules"]["top"]["cells"].values()
    present = Counter(cell["type"] for cell in cells)
    cells = FAMILIES[board.family].needs(present)
    # The Verilog's hash is the core's; that the link was this one, too, is seen by what it takes.
    if any(getattr(cells, name) != row["board"][name] for name in ("ff", "block_ram")):
        raise Refusal(f"Fmax was measured with another link: {row['remedy']}")
    outside = sum("accelerator." not in path["end"] for path in row["board"]["paths"].values())
    core, whole = (list(row[design]["fmax_mhz"].values()) for design in ("core", "board"))
    return {
        "core_mhz": core,
        "board_mhz": whole,
        "found": [
            found("MHz of the core alone, median of seeds", median(core)),
            found("MHz of the whole board, median; asked: the core's slowest", median(whole), least=min(core)),
            found("seeds whose slowest path is in the link", outside, most=0),
        ],
    }
