"""Folders like generated ones, for tests that change them."""

import hashlib
import json
from pathlib import Path

__all__ = ["seal"]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def seal(folder: Path, manifest: dict) -> None:
    """Write the manifest with the hashes of what is in the folder."""
    manifest["verilog"]["sha256"] = sha256(folder / manifest["verilog"]["file"])
    manifest["loom"]["sha256"] = sha256(folder / manifest["loom"]["file"])
    manifest["images"] = {image: sha256(folder / image) for image in manifest["images"]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
