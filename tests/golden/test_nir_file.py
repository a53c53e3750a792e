"""A .nir file is hostile until checked: every way out of it, and every way to break it, ends in one message."""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest

import nir_files
from spikeloom.golden import nir_file
from spikeloom.golden.network import Refusal
from spikeloom.golden.nir_file import read


def test_reads_what_nir_writes(tmp_path: Path) -> None:
    weight, ones = np.arange(6.0).reshape(2, 3), np.ones(2)
    nodes = {
        "input": nir.Input(input_type={"input": np.array([3])}),
        "a.b": nir.Affine(weight=weight, bias=ones),
        "2": nir.LIF(tau=ones, r=ones, v_leak=ones, v_threshold=ones, metadata={"note": "kept out"}),
        "conv": nir.Conv2d((4, 4), np.ones((1, 1, 3, 3)), 1, "same", 1, 1, np.ones(1)),
        "output": nir.Output(output_type={"output": np.array([2])}),
    }
    edges = [("input", "a.b"), ("a.b", "2"), ("2", "output")]
    nir.write(tmp_path / "a.nir", nir.NIRGraph(nodes=nodes, edges=edges, type_check=False))
    graph = read(tmp_path / "a.nir")
    assert set(graph.edges) == set(edges)
    assert {name: node.type for name, node in graph.nodes.items()} == {
        "input": "Input",
        "a.b": "Affine",
        "2": "LIF",
        "conv": "Conv2d",
        "output": "Output",
    }
    assert np.array_equal(graph.nodes["a.b"].fields["weight"], weight)
    assert graph.nodes["conv"].fields["padding"] == "same"
    assert set(graph.nodes["2"].fields) == {"tau", "r", "v_leak", "v_threshold", "v_reset"}
    assert graph.version == nir.version


def test_reads_a_graph_in_the_graph(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "a.nir", nir_files.chain() | {"inner": {"type": "NIRGraph"}})
    with h5py.File(path, "a") as file:
        inner = file["node/nodes/inner"]
        inner["edges"] = np.array([["i", "o"]], dtype=h5py.string_dtype())
        nodes = inner.create_group("nodes")
        for name in "io":
            nodes.create_group(name)["type"] = "Input"
    graph = read(path).nodes["inner"].graph
    assert graph.edges == (("i", "o"),)
    assert set(graph.nodes) == {"i", "o"}


def soft(file: h5py.File) -> None:
    file["node/nodes/fc1/extra"] = h5py.SoftLink("/node/nodes/fc1/weight")


def external(file: h5py.File) -> None:
    file["node/nodes/fc1/extra"] = h5py.ExternalLink("/etc/passwd", "/x")


def dangling(file: h5py.File) -> None:
    file["node/nodes/gone"] = h5py.SoftLink("/nowhere")


def loop(file: h5py.File) -> None:
    file["node/nodes/fc1/again"] = file["node"]


def twice(file: h5py.File) -> None:
    file["node/nodes/fc2/again"] = file["node/nodes/fc1/weight"]


def storage(file: h5py.File) -> None:
    file["node/nodes/fc1"].create_dataset("extra", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    file["node/nodes/fc1"].create_virtual_dataset("extra", layout)


def huge(file: h5py.File) -> None:
    file["node/nodes/fc1"].create_dataset("extra", (1 << 20, 1 << 20), "f8", chunks=(1, 1024), compression="gzip")


def chunky(file: h5py.File) -> None:
    space, chunk = (4,), (1 << 28,)
    file["node/nodes/fc1"].create_dataset("extra", space, "f8", maxshape=(None,), chunks=chunk)


def several(file: h5py.File) -> None:
    for n in range(5):
        file["node/nodes/fc1"].create_dataset(f"extra{n}", (1 << 25,), "f8", chunks=(1024,))


def deep(file: h5py.File) -> None:
    file.create_group("node/nodes/fc1" + "/a" * 20)


def record(file: h5py.File) -> None:
    file["node/nodes/fc1/extra"] = np.zeros(2, [("a", "f4"), ("b", "i4")])


def opaque(file: h5py.File) -> None:
    file["node/nodes/fc1/extra"] = np.zeros(2, h5py.opaque_dtype(np.dtype("M8[s]")))


def reference(file: h5py.File) -> None:
    file["node/nodes/fc1"].create_dataset("extra", data=file["node"].ref, dtype=h5py.ref_dtype)


def ragged(file: h5py.File) -> None:
    file["node/nodes/fc1"].create_dataset("extra", (2,), h5py.vlen_dtype(np.int32))


def imaginary(file: h5py.File) -> None:
    file["node/nodes/fc1/extra"] = np.zeros(2, complex)


def blocks(file: h5py.File) -> None:
    file["node/nodes/fc1"].create_dataset("extra", (2,), np.dtype(("f4", (3,))))


def empty(file: h5py.File) -> None:
    file["node/nodes/fc1/extra"] = h5py.Empty("f4")


def named(file: h5py.File) -> None:
    file["node/nodes/fc1/extra"] = np.dtype("f4")


def filtered(file: h5py.File) -> None:
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_chunk((4,))
    created.set_filter(h5py.h5z.FILTER_NBIT, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(file["node/nodes/fc1"].id, b"extra", h5py.h5t.NATIVE_INT32, space, created)


def without_node(file: h5py.File) -> None:
    del file["node"]


def recorded_data(file: h5py.File) -> None:
    del file["node/type"]
    file["node/type"] = "NIRGraphData"


def untyped(file: h5py.File) -> None:
    del file["node/nodes/fc1/type"]


def without_edges(file: h5py.File) -> None:
    del file["node/edges"]


def triples(file: h5py.File) -> None:
    del file["node/edges"]
    file["node/edges"] = np.array([["a", "b", "c"]], dtype=h5py.string_dtype())


def loose(file: h5py.File) -> None:
    file["node/nodes/loose"] = 1.0


HOSTILE = [
    (soft, "'/node/nodes/fc1/extra' is a link; .nir files have none, and links are not followed"),
    (external, "'/node/nodes/fc1/extra' is a link; .nir files have none, and links are not followed"),
    (dangling, "'/node/nodes/gone' is a link; .nir files have none, and links are not followed"),
    (loop, "'/node/nodes/fc1/again' is linked a second time; .nir files are trees"),
    (twice, "'/node/nodes/fc2/again' is linked a second time; .nir files are trees"),
    (
        storage,
        "'/node/nodes/fc1/extra' keeps its data in another file, which is not opened; export the model with nir.write",
    ),
    (
        virtual,
        "'/node/nodes/fc1/extra' is a virtual dataset; other files are not opened: export the model with nir.write",
    ),
    (
        huge,
        "'/node/nodes/fc1/extra' declares 8796093022208 bytes; 1073741824 are the most that a file may unpack to",
    ),
    (chunky, "'/node/nodes/fc1/extra' declares 2147483648 bytes; 1073741824 are the most that a file may unpack to"),
    (
        several,
        "'/node/nodes/fc1/extra3' declares 268435456 bytes; 1073741824 are the most that a file may unpack to",
    ),
    (deep, f"'/node/nodes/fc1{'/a' * 14}': groups nested deeper than 16"),
    (record, "'/node/nodes/fc1/extra' holds records or opaque bytes; numbers and text are read"),
    (opaque, "'/node/nodes/fc1/extra' holds the type datetime64[s]; numbers and text are read"),
    (reference, "'/node/nodes/fc1/extra' holds references; numbers and text are read"),
    (ragged, "'/node/nodes/fc1/extra' holds lists of varying length; numbers and text are read"),
    (imaginary, "'/node/nodes/fc1/extra' holds complex numbers; numbers and text are read"),
    (blocks, "'/node/nodes/fc1/extra' holds records or opaque bytes; numbers and text are read"),
    (empty, "'/node/nodes/fc1/extra' is empty; export the model with nir.write"),
    (named, "'/node/nodes/fc1/extra' is neither a group nor a dataset; export the model with nir.write"),
    (filtered, "'/node/nodes/fc1/extra' is packed with a filter other than gzip, shuffle, checksum or lzf"),
    (
        without_node,
        "an HDF5 file, but not a .nir file (it has no group '/node'); export the model with nir.write",
    ),
    (recorded_data, "holds 'NIRGraphData', not a network (NIRGraph); write the model itself with nir.write"),
    (untyped, "'/node/nodes/fc1' has no type, so it is not a NIR node; export the model with nir.write"),
    (without_edges, "'/node' is a graph without nodes or edges; export the model with nir.write"),
    (triples, "'/node/edges' must be pairs of names, not object of shape (1, 3)"),
    (loose, "'/node/nodes/loose' is data where a node should be; export the model with nir.write"),
]


@pytest.mark.parametrize(("change", "message"), HOSTILE, ids=lambda value: getattr(value, "__name__", ""))
def test_hostile(tmp_path: Path, change, message: str) -> None:
    path = nir_files.write(tmp_path / "a.nir", nir_files.chain())
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(Refusal) as refusal:
        read(path)
    assert str(refusal.value) == f"{path}: {message}"


def test_too_many_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = nir_files.write(tmp_path / "a.nir", nir_files.chain())
    monkeypatch.setattr(nir_file, "MAX_OBJECTS", 20)
    with pytest.raises(Refusal, match=": more than 20 groups and datasets$"):
        read(path)


def test_not_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "a.nir"
    with pytest.raises(Refusal, match="a.nir: there is no such file$"):
        read(path)
    with pytest.raises(Refusal, match=": not a file$"):
        read(tmp_path)
    path.write_text("a text that is longer than a signature")
    with pytest.raises(Refusal) as refusal:
        read(path)
    assert str(refusal.value) == f"{path}: not an HDF5 file, so not a .nir file; export the model with nir.write"
    path.write_bytes(b"")
    with pytest.raises(Refusal, match="not an HDF5 file"):
        read(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.nir")
    with pytest.raises(Refusal, match=": not a file$"):
        read(tmp_path / "a.nir")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 0.999])
def test_truncated(tmp_path: Path, share: float) -> None:
    path = nir_files.write(tmp_path / "a.nir", nir_files.chain(hidden=50))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(Refusal, match=": damaged or truncated HDF5 file .*; export the model again$"):
        read(path)


def test_unreadable_text(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "a.nir", nir_files.chain())
    with h5py.File(path, "a") as file:
        del file["node/nodes/fc1/type"]
        file["node/nodes/fc1"].create_dataset("type", data=np.bytes_(b"\xff\xfe"))
    with pytest.raises(Refusal, match="damaged or truncated HDF5 file"):
        read(path)


#: What may happen to the process that opens the file, as programs; each uses the reader's own limits.
RESTRAINED = """
import json, os, sys, time
from spikeloom.golden import nir_child
limits = nir_child.Limits(**json.loads(sys.argv[1]))
nir_child.restrain(limits)
"""


def planted(answer: str) -> str:
    """A program that writes this as its answer, with an array of objects and one of numbers beside it."""
    return f"""
import sys, zipfile, numpy
with zipfile.ZipFile(sys.stdout.buffer, "w") as archive:
    archive.writestr("answer.json", {answer!r})
    for name, array in (("0", numpy.array([{{}}])), ("1", numpy.zeros(9)), ("2", numpy.array(["text"]))):
        with archive.open(name + ".npy", "w") as file:
            numpy.lib.format.write_array(file, array)
"""


def with_field(value: object) -> str:
    node = {"type": "Linear", "fields": {"weight": value}}
    return json.dumps({"graph": {"version": "", "nodes": {"a": node}, "edges": []}})


ENDS = [
    ("import time; time.sleep(60)", "reading it takes more than 1 s"),
    (RESTRAINED + "while True: pass", "reading it takes more than 1 s"),
    (RESTRAINED + "os.kill(os.getpid(), 24)", "reading it takes more than 1 s"),  # the processor's time was used up
    (RESTRAINED + "os.kill(os.getpid(), 11)", "reading it crashed with SIGSEGV"),
    (RESTRAINED + "os.abort()", "reading it crashed with SIGABRT"),
    (
        RESTRAINED + "nir_child.h5py.File = lambda *_: bytearray(limits.memory_bytes)\nnir_child.main()",
        "reading it takes more than 4 GiB of memory",
    ),
    ("pass", "reading it gives nonsense"),
    ("print('rubbish')", "reading it gives nonsense"),
    *(
        (planted(answer), "reading it gives nonsense")
        for answer in [
            "",
            "[" * 100_000,
            "{}",
            '{"graph": []}',
            '{"graph": {"version": "", "nodes": {"a": 1}, "edges": []}}',
            '{"graph": {"version": "", "nodes": {}, "edges": [["a"]]}}',
            with_field(0),  # objects, which would have to be unpickled
            with_field(2),
            with_field(3),
            with_field([]),
        ]
    ),
]


@pytest.mark.parametrize(("program", "message"), ENDS, ids=range(len(ENDS)))
def test_no_end_of_the_reader_harms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, message: str
) -> None:
    path = nir_files.write(tmp_path / "a.nir", nir_files.chain())
    monkeypatch.setattr(nir_file, "READER", ("-c", program))
    if "1 s" in message:
        monkeypatch.setattr(nir_file, "MAX_SECONDS", 1)
    with pytest.raises(Refusal) as refusal:
        read(path)
    assert str(refusal.value) == f"{path}: damaged or truncated HDF5 file ({message}); export the model again"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (planted(with_field("text")), None),
        (planted(with_field(1)), None),
        (planted('{"refusal": "is \\u001b[31mred"}'), "is ?[31mred"),
        (
            "import sys; sys.exit('one line\\nno module h5py')",
            "the process that reads it ended with 1 (no module h5py); if that is not about this file, install "
            "Spikeloom again",
        ),
        (
            RESTRAINED + "sys.stdout = open('/dev/full', 'w'); nir_child.main()",
            f"{tempfile.gettempdir()} has no room for its numbers; make room or set TMPDIR",
        ),
    ],
    ids=["text", "numbers", "refusal", "fault", "full"],
)
def test_other_ends_of_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, message: str | None
) -> None:
    path = nir_files.write(tmp_path / "a.nir", nir_files.chain())
    monkeypatch.setattr(nir_file, "READER", ("-c", program))
    if message is None:
        assert set(read(path).nodes["a"].fields) == {"weight"}
        return
    with pytest.raises(Refusal) as refusal:
        read(path)
    assert str(refusal.value) == f"{path}: {message}"


def test_the_answer_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = nir_files.write(tmp_path / "a.nir", nir_files.chain())
    monkeypatch.setattr(nir_file, "MAX_TEXT_BYTES", 100)
    with pytest.raises(Refusal, match=": names and texts take more than 100 bytes$"):
        read(path)
    monkeypatch.setattr(nir_file, "READER", ("-c", planted(with_field(1))))
    monkeypatch.setattr(nir_file, "MAX_TEXT_BYTES", 1000)
    monkeypatch.setattr(nir_file, "MAX_BYTES", 71)
    monkeypatch.setattr(nir_file, "_check", lambda path: None)
    with pytest.raises(Refusal, match="reading it gives nonsense"):
        read(path)


def test_any_damage_of_the_answer_is_refused_or_read() -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("answer.json", with_field(1))
        with archive.open("1.npy", "w") as file:
            np.lib.format.write_array(file, np.arange(9.0))
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(500):
        damaged = bytearray(whole.getvalue())
        for _ in range(2):
            damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        try:
            outcomes.add(type(nir_file._unpack(io.BytesIO(damaged))))
        except Refusal as refusal:
            outcomes.add(str(refusal))
    assert outcomes == {nir_file.Graph, str(nir_file._damaged("reading it gives nonsense"))}


def test_an_interrupt_ends_the_reader_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = nir_files.write(tmp_path / "a.nir", nir_files.chain())
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(
        nir_file,
        "READER",
        ("-c", f"import os, time; print(os.getpid(), file=open({str(tmp_path / 'pid')!r}, 'w'))\ntime.sleep(60)"),
    )

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        with pytest.raises(KeyboardInterrupt):
            read(path)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert not list((tmp_path / "temporary").iterdir())


def test_the_reader_runs_isolated_and_from_anywhere(tmp_path: Path) -> None:
    path = nir_files.write(tmp_path / "a.nir", nir_files.chain())
    (tmp_path / "json.py").write_text("raise SystemExit('anybody wrote this')")
    limits = {"bytes": 1 << 20, "depth": 9, "objects": 99, "text_bytes": 9999, "memory_bytes": 1 << 32, "seconds": 9}
    for flag in ("-I", "-P"):
        command = [sys.executable, flag, *nir_file.READER, json.dumps(limits), path]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        assert set(nir_file._unpack(io.BytesIO(done.stdout)).nodes) == set(nir_files.chain())
