"""Where points are evaluated: in a pool of local processes, or on a Dask cluster."""

import ctypes
import gc
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn

from spikeloom.golden.network import Refusal

__all__ = ["Pool", "one_thread", "opened", "worker"]

SECONDS = 10
#: Names of an OpenBLAS's functions; numpy's own begin with scipy_, and end with 64_ where integers have 64 bits.
THREADS = [
    (f"{a}openblas_get_num_threads{b}", f"{a}openblas_set_num_threads{b}") for a in ("scipy_", "") for b in ("64_", "")
]
#: A pool whose workers are killed is made anew so many times.
MOST_POOLS = 5
KEPT = "What is finished is kept, and --resume goes on"
#: New objects after which a worker looks for cycles among them; an estimate makes many, and few cycles.
YOUNG = 20_000
#: What a worker is at.
BUSY: list[Callable[..., Any]] = []


def worker() -> str:
    """The process that this runs in."""
    return f"{socket.gethostname()}:{os.getpid()}"


@contextmanager
def one_thread() -> Iterator[None]:
    """Matrices are multiplied in one thread, here and in processes that are forked meanwhile: they are small, and
    workers would wait for each other's threads. Of numpy's OpenBLAS on Linux; any other library goes on as it is."""
    library = _openblas()
    names = next((names for names in THREADS if hasattr(library, names[0])), None)
    if names is None:
        yield
        return
    get, set_ = (getattr(library, name) for name in names)
    before = get()
    set_(1)
    try:
        yield
    finally:
        set_(before)


def _openblas() -> ctypes.CDLL | None:
    """The one that is loaded."""
    try:
        lines = Path("/proc/self/maps").read_text("utf-8").splitlines()
        found = next((line.split(maxsplit=5)[5] for line in lines if "openblas" in line.rpartition("/")[2]), None)
        return ctypes.CDLL(found) if found else None
    except (OSError, UnicodeDecodeError):
        return None


class _Ended(BaseException):
    """A worker is to end: what is half done is taken away."""


def _begin() -> None:
    """A worker of a local pool ends without a word where it is told to: only the process that it works for speaks."""
    gc.freeze()
    gc.set_threshold(YOUNG)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)


def _end(number: int, frame: object) -> NoReturn:
    if not BUSY:
        os._exit(128 + number)
    raise _Ended


def _called(function: Callable[..., Any], *call: Any) -> Any:
    BUSY.append(function)
    try:
        return function(*call)
    except _Ended:
        os._exit(128 + signal.SIGTERM)
    finally:
        BUSY.pop()


class Pool:
    """Carries out calls, on new workers where old ones were killed. workers: how many there are now."""

    def __init__(self, make: Callable[[], Executor], workers: Callable[[], int]) -> None:
        self.make = make
        self.executor = make()
        self.workers = workers

    def results(self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """The number of each call and what it returns, as they end; what one raises is raised when all have ended."""
        left, raised = dict(enumerate(calls)), None
        for _ in range(MOST_POOLS):
            try:
                futures = {self.executor.submit(_called, function, *call): number for number, call in left.items()}
                for future in as_completed(futures):
                    number = futures[future]
                    try:
                        result = future.result()
                    except BrokenExecutor:
                        raise
                    except CancelledError:
                        raise Refusal(f"The cluster is gone, or cancelled what it was to do. {KEPT}") from None
                    except Exception as error:
                        raised = raised or error
                        del left[number]
                        continue
                    del left[number]
                    yield number, result
            except BrokenExecutor:  # what has ended is kept, the rest goes to new workers
                self.executor.shutdown(wait=False, cancel_futures=True)
                self.executor = self.make()
            if not left:
                if raised is not None:
                    raise raised
                return
        raise Refusal(
            f"The workers were killed {MOST_POOLS} times: there is not enough memory, or what they run ends its own "
            f"process. {KEPT}"
        )


@contextmanager
def opened(where: str | Executor, workers: int | None) -> Iterator[Pool]:
    """``local``, ``dask://host:port``, or an executor that the caller closes."""
    if isinstance(where, Executor):
        yield Pool(lambda: where, lambda: workers or 1)
    elif where == "local":
        count = workers or os.cpu_count() or 1
        # Not a fresh start each: a caller's script needs no guard against being imported.
        fork = get_context("fork")
        pool = Pool(lambda: ProcessPoolExecutor(count, mp_context=fork, initializer=_begin), lambda: count)
        try:
            yield pool
        finally:
            pool.executor.shutdown(wait=False, cancel_futures=True)
    elif where.startswith("dask://"):
        if workers is not None:
            raise Refusal("A Dask cluster has the workers that it has; leave out --workers")
        with _cluster(where.removeprefix("dask://")) as pool:
            yield pool
    else:
        raise Refusal(f"executor is local or dask://HOST:PORT, not {where!r}")


@contextmanager
def _cluster(address: str) -> Iterator[Pool]:
    if not re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}", address):
        raise Refusal(f"executor is local or dask://HOST:PORT, not 'dask://{address}'")
    try:
        from distributed import Client
    except ImportError:
        raise Refusal("A Dask cluster needs the package: pip install 'spikeloom[dask]'") from None
    try:
        client = Client(f"tcp://{address}", timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Refusal(f"dask://{address}: there is no Dask scheduler ({' '.join(str(error).split())[:200]})") from None
    try:
        if not (found := client.scheduler_info(n_workers=-1)["workers"]):
            raise Refusal(f"dask://{address}: the scheduler has no workers; start some with: dask worker {address}")
        yield Pool(lambda: client.get_executor(pure=False), lambda: max(1, len(found)))
    finally:
        client.close()
