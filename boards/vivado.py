"""A project for Vivado: sources, constraints, Tcl that builds it, and Tcl that packages the accelerator as an IP.

Nothing here runs Vivado. What a design needs of the device is Yosys' count; of its clock nothing is known.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spikeloom.boards.board import Board, Resources
from spikeloom.boards.link.uart import default_baud
from spikeloom.boards.soc.handover import HOSTS, write_handover
from spikeloom.boards.top import Top
from spikeloom.hdl.design import network_id
from spikeloom.hdl.folder import add_file

__all__ = ["BUILD", "PACKAGE", "REPORT", "ProjectReport", "write_project"]

FORMAT = 1
REPORT, BUILD, PACKAGE = "project.json", "build.tcl", "package_ip.tcl"
VENDOR, LIBRARY, VERSION = "spikeloom.local", "user", "1.0"


@dataclass(frozen=True, kw_only=True)
class ProjectReport:
    """A project that Vivado builds.

    run:  the command that makes the bitstream, in the folder ``rtl``.
    used: of the whole design, by Yosys. remarks: what it does not say.
    """

    format: int = FORMAT
    board: str
    device: str
    core_mhz: float
    network: str
    verilog_sha256: str
    configuration: Mapping[str, Any]
    run: str
    used: Resources
    available: Resources
    remarks: tuple[str, ...]
    tools: Mapping[str, str]
    seconds: Mapping[str, float]

    def to_json(self, *, run: bool = False) -> str:
        """run: with what is of this run alone."""
        document = asdict(self)
        if not run:
            del document["seconds"]
        return json.dumps(document, indent=1)


def write_project(
    folder: Path,
    manifest: dict[str, Any],
    board: Board,
    *,
    core_hz: int | None = None,
    baud: int | None = None,
) -> list[str]:
    """Write the project into a generated folder; the names of its files, those of the handover included."""
    core_hz = core_hz or board.core_hz
    uart = board.transport == "uart"
    written = write_handover(
        folder, manifest, board.transport, clock_hz=core_hz if uart else None, baud=baud if uart else None
    )
    host = HOSTS[board.transport]
    words = {
        "title": board.title,
        "part": board.option,
        "top": host.top,
        "mhz": f"{core_hz / 1e6:g}",
        "network": f"{network_id(manifest):#010x}",
        "vlnv": f"{VENDOR}:{LIBRARY}:{host.top}:{VERSION}",
        "files": " ".join((f"{host.top}.v", manifest["verilog"]["file"])),
    }
    contents = {PACKAGE: _filled(PACKAGE_IP + (PACKAGE_BUSES if host.page else "") + PACKAGE_END, words)}
    if uart:
        baud = baud or default_baud(core_hz)
        platform = board.new_platform()
        platform.add_file(manifest["verilog"]["file"], (folder / manifest["verilog"]["file"]).read_text("ascii"))
        plan = platform.prepare(
            Top(board, manifest, core_hz=core_hz, baud=baud),
            "top",
            emit_src=False,
            script_after_read="add_files [glob *.mem]",
        )
        contents |= {
            "top.v": _text(plan.files["top.v"]),
            "top.xdc": _text(plan.files["top.xdc"]),
            BUILD: _text(plan.files["top.tcl"]),
        }
    else:
        contents |= {"top.xdc": _filled(CLOCK_ONLY, words), BUILD: _filled(BLOCK_DESIGN, words)}
    for name, content in contents.items():
        (folder / name).write_text(content, "ascii")
        add_file(folder / name)
    return [*written, *contents]


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode("ascii")


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Tcl is full of braces, so a word is ``@name@``."""
    for name, word in words.items():
        template = template.replace(f"@{name}@", word)
    return template


PACKAGE_IP = """\
# Packages the accelerator as the IP @vlnv@, in the folder ip: vivado -mode batch -source package_ip.tcl
set here [file dirname [file normalize [info script]]]
create_project -force packager "$here/vivado/packager" -part @part@
foreach name {@files@} { add_files "$here/$name" }
add_files [glob "$here/*.mem"]
set_property top @top@ [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir "$here/ip" -vendor spikeloom.local -library user -taxonomy /UserIP -import_files \\
    -set_current true -force
set core [ipx::current_core]
set_property name @top@ $core
set_property version 1.0 $core
set_property display_name "Spikeloom accelerator" $core
set_property supported_families {artix7 Production kintex7 Production spartan7 Production zynq Production} $core
"""

PACKAGE_BUSES = """\
foreach bus {s_axi s_axis m_axis} { ipx::associate_bus_interfaces -busif $bus -clock aclk $core }
ipx::infer_bus_interface interrupt xilinx.com:signal:interrupt_rtl:1.0 $core
"""

PACKAGE_END = """\
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
close_project
"""

CLOCK_ONLY = """\
# The processing system makes the clock of @mhz@ MHz and its constraint; no pin of the board is used.
"""

BLOCK_DESIGN = """\
# @title@: processors, accelerator and bitstream: vivado -mode batch -source build.tcl
set here [file dirname [file normalize [info script]]]
source "$here/package_ip.tcl"
create_project -force spikeloom "$here/vivado/spikeloom" -part @part@
# With Digilent's board files the processing system knows the board's memory and pins.
set preset 0
set boards [get_board_parts -quiet *arty-z7-20*]
if {[llength $boards]} {
    set_property board_part [lindex $boards end] [current_project]
    set preset 1
}
set_property ip_repo_paths "$here/ip" [current_project]
update_ip_catalog
create_bd_design system
set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps]
apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \\
    -config [list make_external "FIXED_IO, DDR" apply_board_preset $preset Master Disable Slave Disable] $ps
set_property -dict [list CONFIG.PCW_USE_M_AXI_GP0 1 CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ @mhz@ \\
    CONFIG.PCW_USE_FABRIC_INTERRUPT 1 CONFIG.PCW_IRQ_F2P_INTR 1] $ps
set core [create_bd_cell -type ip -vlnv @vlnv@ accelerator]
apply_bd_automation -rule xilinx.com:bd_rule:axi4 -config {Master /ps/M_AXI_GP0 Clk Auto} \\
    [get_bd_intf_pins accelerator/s_axi]
connect_bd_net [get_bd_pins accelerator/interrupt] [get_bd_pins ps/IRQ_F2P]
set network [create_bd_cell -type ip -vlnv xilinx.com:ip:xlconstant network]
set_property -dict [list CONFIG.CONST_WIDTH 32 CONFIG.CONST_VAL @network@] $network
connect_bd_net [get_bd_pins network/dout] [get_bd_pins accelerator/network]
# The streams are left open, for a DMA: events also pass through the registers event_in and event_out.
validate_bd_design
save_bd_design
make_wrapper -files [get_files system.bd] -top -import
set_property top system_wrapper [current_fileset]
add_files -fileset constrs_1 "$here/top.xdc"
launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
open_run impl_1
report_utilization -file "$here/utilisation.rpt"
report_timing_summary -file "$here/timing.rpt"
write_hw_platform -fixed -include_bit -force "$here/spikeloom.xsa"
if {[get_property STATS.WNS [get_runs impl_1]] < 0} { error "timing is missed: see timing.rpt" }
"""
