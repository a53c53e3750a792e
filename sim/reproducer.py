"""A folder that shows a mismatch again: the design as it was, and the shortest stimulus found."""

import shutil
from pathlib import Path

import numpy as np

from spikeloom.golden.network import Refusal
from spikeloom.hdl.design import Design
from spikeloom.hdl.folder import free_folder, new_folder

__all__ = ["write_reproducer"]

TITLE = "A mismatch between the Verilog of this folder and the golden model"


def write_reproducer(design: Design, x: np.ndarray, text: str, options: str, output: Path) -> Path:
    """Write the folder and return where: ``output``, or a numbered sibling if something else is there."""
    manifest = design.manifest
    shape = design.network.input.shape
    try:
        output = free_folder(output)
        with new_folder(output) as folder:
            files = ["manifest.json", manifest["verilog"]["file"], manifest["loom"]["file"], *manifest["images"]]
            for file in files:
                shutil.copyfile(design.directory / file, folder / file)
            x = x.reshape(*x.shape[:2], *shape).astype(np.int16)
            scale = design.network.input.scale
            np.savez_compressed(folder / "sample.npz", x=x if scale == 1 else x * scale)
            (folder / "README.txt").write_text(
                f"{TITLE}\n\n{text}\n\nSee it again, from within this folder:\n\n"
                f"    spikeloom verify . --data sample.npz {options}\n\n"
                "Add --waveform mismatch.fst for a waveform.\n"
            )
    except (OSError, Refusal) as error:
        raise Refusal(f"{output}: the reproducer cannot be written ({error}); it was to say: {text}") from None
    return output
