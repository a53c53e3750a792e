"""A generated folder's Verilog after synthesis for ECP5, as Verilog again: what checks the one checks the other."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from importlib import util
from pathlib import Path

from spikeloom.golden.network import Refusal
from spikeloom.hdl.design import load_manifest
from spikeloom.hdl.folder import new_folder

__all__ = ["netlist_folder", "run_yosys", "synthesise", "verilog"]

#: Models of block RAM and multiplier, which Yosys does not have; those of the other cells are its own.
CELLS = Path(__file__).with_name("cells") / "ecp5.v"
YOSYS_CELLS = ("common_sim.vh", "ccu2c_sim.vh")

RUN = "import sys; from pyosys import libyosys as ys; ys.run_pass('script ' + sys.argv[1], ys.Design())"


def run_yosys(folder: Path, *passes: str) -> None:
    (folder / "passes.ys").write_text("\n".join(passes) + "\n")
    try:
        command = [sys.executable, "-P", "-c", RUN, "passes.ys"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        *_, last = (error.stdout + error.stderr).strip().splitlines() or ["no message"]
        raise Refusal(f"Yosys failed ({last.strip()})") from None


def synthesise(source: Path, top: str) -> str:
    """The netlist of a Verilog file and the images beside it, as Yosys' JSON."""
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        for path in source.resolve().parent.iterdir():
            (folder / path.name).symlink_to(path)
        run_yosys(folder, f"read_verilog {source.name}", f"synth_ecp5 -top {top} -json netlist.json")
        return (folder / "netlist.json").read_text()


def verilog(netlist: str) -> str:
    """A netlist in Yosys' JSON as Verilog, with models of its cells."""
    spec = util.find_spec("pyosys")
    if spec is None or not spec.submodule_search_locations:
        raise Refusal("Yosys is missing; install it with: pip install pyosys")
    lattice = Path(spec.submodule_search_locations[0]) / "share" / "lattice"
    with tempfile.TemporaryDirectory(prefix="spikeloom-") as name:
        folder = Path(name)
        (folder / "netlist.json").write_text(netlist)
        run_yosys(folder, "read_json netlist.json", "write_verilog -noattr netlist.v")
        text = (folder / "netlist.v").read_text()
    # What Yosys' files include are other names for the same cells.
    models = [CELLS.read_text(), "`define NO_INCLUDES", *((lattice / name).read_text() for name in YOSYS_CELLS)]
    return "\n".join([text.split("*/", 1)[1].lstrip(), *models])


def netlist_folder(directory: str | Path, netlist: str, output: str | Path) -> Path:
    """Write ``output``: a generated folder with this netlist of its Verilog in the Verilog's place.

    Block RAMs have the images' contents in the netlist; the images stay, as a part of the folder that nothing reads.
    """
    directory = Path(directory)
    manifest = load_manifest(directory)
    with new_folder(output) as folder:
        for file in (manifest["loom"]["file"], *manifest["images"]):
            shutil.copyfile(directory / file, folder / file)
        path = folder / manifest["verilog"]["file"]
        path.write_text(verilog(netlist))
        manifest["verilog"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
    return Path(output)
