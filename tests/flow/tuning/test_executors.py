"""Workers that are killed, on this machine and on a Dask cluster."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import pytest

import spikeloom
from spikeloom import Refusal
from spikeloom.tuning import executors
from spikeloom.tuning.executors import Pool, one_thread, opened


def _doubled(number, flag=None):
    """Whoever gets the flag first is killed."""
    if flag is not None:
        try:
            flag.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        except FileNotFoundError:
            pass
    return 2 * number


def _killed(number):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_costs_nothing_that_is_finished(tmp_path):
    flag = tmp_path / "flag"
    flag.touch()
    with opened("local", 2) as pool:
        calls = [(k, flag if k == 3 else None) for k in range(8)]
        found = list(pool.results(_doubled, calls))
        assert sorted(found) == [(k, 2 * k) for k in range(8)], "each once"
        assert not flag.exists()


def test_what_ends_its_process_does_not_end_the_search_alone():
    with opened("local", 1) as pool, pytest.raises(Refusal, match="or what they run ends its own process"):
        list(pool.results(os._exit, [(0,)]))


def test_workers_that_are_always_killed_end_the_search():
    made = []

    def make():
        made.append(ProcessPoolExecutor(1))
        return made[-1]

    pool = Pool(make, lambda: 1)
    with pytest.raises(Refusal, match="The workers were killed 5 times"):
        list(pool.results(_killed, [(1,)]))
    for executor in made:
        executor.shutdown()


def test_a_cluster_that_goes_away_is_one_message():
    class Gone(Executor):
        def submit(self, fn, /, *args, **kwargs):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    found = Pool(Gone, lambda: 1).results(_doubled, [(1,), (0,)])
    with pytest.raises(Refusal, match="The cluster is gone, or cancelled what it was to do. What is finished is kept"):
        list(found)


def _threads():
    library = executors._openblas()
    return next(getattr(library, get)() for get, _ in executors.THREADS if hasattr(library, get))


@pytest.mark.skipif(executors._openblas() is None, reason="numpy has another library here")
def test_matrices_are_multiplied_in_one_thread_meanwhile():
    before = _threads()
    with one_thread(), opened("local", 2) as pool:
        assert [found for _, found in pool.results(_threads, [(), ()])] == [1, 1]
        assert _threads() == 1
    assert _threads() == before
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executors, "_openblas", lambda: None)
        with one_thread():
            pass  # nothing changes without a library that is known


@pytest.fixture
def cluster():
    """A scheduler and two workers as processes of their own, on this machine: its address, and the workers."""
    from distributed import Client

    environment = os.environ | {"DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "False"}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    scheduler = subprocess.Popen([*command, "--no-dashboard"], stderr=subprocess.PIPE, text=True, env=environment)
    processes = [scheduler]
    try:
        for line in scheduler.stderr:
            if "Scheduler at:" in line:
                address = line.split()[-1].removeprefix("tcp://")
                break
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
        workers = [
            subprocess.Popen([*command, "--no-dashboard"], stderr=subprocess.DEVNULL, env=environment) for _ in "ab"
        ]
        processes += workers
        with Client(f"tcp://{address}", timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address, workers
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_shares_the_work_and_survives_a_worker(cluster, given):
    address, workers = cluster
    given |= {"executor": f"dask://{address}", "workers": None, "space": given["space"] | {"lanes": [2, 4, 8, 16]}}
    report = spikeloom.tune(**given | {"trials": 16})
    assert len(report.workers) == 2, "each has a share; how large, the figure tune_share measures on a quiet machine"

    def kill(*said):
        if said[1:] == (20, 32):
            workers[0].kill()

    report = spikeloom.tune(**given | {"trials": 32, "resume": True}, progress=kill)
    assert workers[0].poll() is not None, "one was killed while the other half was evaluated"
    assert report.trials == sum(report.workers.values()) == 32, "each once, also those of the killed worker"


def _dawdles(started, left):
    with _half_done(left):
        started.write_text(str(os.getpid()))
        time.sleep(60)


@contextmanager
def _half_done(left):
    try:
        yield
    finally:
        left.write_text("taken away")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_told_to_end_takes_away_what_is_half_done_and_says_nothing(number, tmp_path, capfd):
    started, left = tmp_path / "started", tmp_path / "left"
    with ProcessPoolExecutor(2, mp_context=get_context("fork"), initializer=executors._begin) as executor:
        busy = executor.submit(executors._called, _dawdles, started, left)
        while not started.exists() or not started.read_text():
            time.sleep(0.01)
        os.kill(int(started.read_text()), number)
        with pytest.raises(BrokenExecutor):
            busy.result(timeout=60)
    assert left.exists()
    assert capfd.readouterr().err == ""
