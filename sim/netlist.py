"""A generated folder's Verilog after synthesis, as Verilog again: what checks the one checks the other."""

import difflib
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib import util
from pathlib import Path
from typing import Any

from spikeloom.golden.network import Refusal
from spikeloom.hdl.design import load_manifest
from spikeloom.hdl.folder import new_folder
from spikeloom.sim.yosys import run_yosys

__all__ = ["CELLS", "MODELS", "check_family", "netlist_folder", "verilog"]

#: Family -> Yosys' files with models of its cells. Those that Yosys lacks, or has as Verilator cannot take them, are
#: beside this file.
MODELS = {
    "ecp5": ("lattice/common_sim.vh", "lattice/ccu2c_sim.vh"),
    "ice40": ("ice40/cells_sim.v",),
    "gowin": ("gowin/cells_sim.v",),
}
CELLS = Path(__file__).with_name("cells")


def check_family(family: str) -> None:
    if family not in MODELS:
        near = difflib.get_close_matches(str(family).lower(), MODELS, n=3, cutoff=0.4)
        offer = f"did you mean {' or '.join(near)}?" if near else f"there are models for {', '.join(MODELS)}"
        raise Refusal(f"There are no models of cells for the family {family!r}; {offer}")


def verilog(netlist: str, family: str) -> str:
    """A netlist in Yosys' JSON as Verilog, with the models of its cells."""
    check_family(family)
    models = _models(netlist, family)
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        (folder / "netlist.json").write_text(netlist)
        run_yosys(folder, "read_json netlist.json", "write_verilog -noattr netlist.v")
        text = (folder / "netlist.v").read_text()
    return "\n".join([text.split("*/", 1)[1].lstrip(), *models])


def _models(netlist: str, family: str) -> list[str]:
    """The texts of the modules that a netlist's cells are made of."""
    spec = util.find_spec("pyosys")
    if spec is None or not spec.submodule_search_locations:
        raise Refusal("Yosys is missing; install it with: pip install pyosys")
    share = Path(spec.submodule_search_locations[0]) / "share"
    found: dict[str, str] = {}
    macros: list[str] = []
    for path in (CELLS / f"{family}.v", *(share / name for name in MODELS[family])):
        before, modules = _modules(path.read_text("utf-8"))
        found = modules | found  # our own come first, and count
        macros += before
    designed = {name: m for name, m in json.loads(netlist)["modules"].items() if not _is_box(m)}
    used = {cell["type"] for module in designed.values() for cell in module["cells"].values()} - designed.keys()
    # Cells of Yosys' own are operators to its Verilog writer, but for those that a map was to replace.
    used = {name for name in used if not name.startswith("$") or name.startswith("$__")}
    if missing := sorted(used - found.keys()):
        raise Refusal(f"The netlist for {family} has cells of which there is no model: {', '.join(missing)}")
    while inner := {word for name in used for word in re.findall(r"\w+", found[name])} & found.keys() - used:
        used |= inner
    return [*macros, *(text for name, text in found.items() if name in used)]


def _is_box(module: Mapping[str, Any]) -> bool:
    """Whether it is the outside of a cell, which the synthesiser leaves in the netlist."""
    return any(name in module["attributes"] for name in ("blackbox", "whitebox", "lib_whitebox"))


def _modules(text: str) -> tuple[list[str], dict[str, str]]:
    """The macros before a file's modules, and these by name, but for those that are empty."""
    attributes = r"(?P<box>\(\*[^)]*\bblackbox\b[^)]*\*\)\s*)?"
    whole = re.compile(
        rf"^[ \t]*{attributes}module\s+\\?(?P<name>[^\s(#]+).*?^[ \t]*endmodule", re.DOTALL | re.MULTILINE
    )
    found = list(whole.finditer(text))
    before = text[: found[0].start()]
    modules = {m["name"]: m[0] for m in found if not m["box"]}
    return re.findall(r"^`(?!timescale).*$", before, re.MULTILINE), modules


def netlist_folder(
    directory: str | Path, netlist: str, family: str, output: str | Path, *, tools: Mapping[str, str] | None = None
) -> Path:
    """Write ``output``: a generated folder with this netlist of its Verilog in the Verilog's place.

    Block RAMs have the images' contents in the netlist; the images stay, as a part of the folder that nothing reads.
    tools: the versions of those that made the netlist.
    """
    directory = Path(directory)
    manifest = load_manifest(directory)
    with new_folder(output) as folder:
        for file in (manifest["loom"]["file"], *manifest["images"]):
            shutil.copyfile(directory / file, folder / file)
        path = folder / manifest["verilog"]["file"]
        path.write_text(verilog(netlist, family))
        manifest["verilog"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        manifest["netlist"] = {"family": family, "tools": dict(tools or {})}
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    return Path(output)
