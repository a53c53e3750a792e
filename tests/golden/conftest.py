"""Files are read in this process, but where that is what is tested: a process each takes a quarter of a second."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spikeloom.golden import nir_child, nir_file
from spikeloom.golden.nir_file import Graph

IN_A_CHILD = ("test_nir_file",)


def read_here(path: Path) -> Graph:
    limits = nir_file.Limits(
        bytes=nir_file.MAX_BYTES,
        depth=nir_file.MAX_DEPTH,
        objects=nir_file.MAX_OBJECTS,
        text_bytes=nir_file.MAX_TEXT_BYTES,
        memory_bytes=nir_file.MAX_MEMORY_BYTES,
        seconds=nir_file.MAX_SECONDS,
    )
    arrays: list[np.ndarray] = []
    text = json.dumps(nir_child.answer(str(path), limits, arrays))
    with zipfile.ZipFile(archive := io.BytesIO(), "w") as written:
        written.writestr("answer.json", text)
        for number, array in enumerate(arrays):
            with written.open(f"{number}.npy", "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return nir_file._unpack(archive)


@pytest.fixture(autouse=True)
def _read_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.module.__name__.rpartition(".")[2] not in IN_A_CHILD:
        monkeypatch.setattr(nir_file, "_read", read_here)
