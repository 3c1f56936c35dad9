"""Training every system of the paper in several processes; finished runs are kept when the command is interrupted.

Every finished run is one file, with a digest of table, recipe and version in its name, so that runs of other
tables, recipes or versions are not reused.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from mtmm_video.foundation.errors import MtmmError
from mtmm_video.foundation.version import __version__
from mtmm_video.model.checkpoint import save_checkpoint
from mtmm_video.model.fingerprint import table_fingerprint
from mtmm_video.model.paper.run_record import RunRecord
from mtmm_video.model.paper.runs import Run, perform, run_key
from mtmm_video.model.paper.systems import WORD_BY_WORD
from mtmm_video.model.paper.tables import Result
from mtmm_video.model.table import UtteranceTable

# Relative length of a run, for the time left: CPU seconds of one on MOSEI's text (docs/paper_tables.md).
LENGTHS: Mapping[str, float] = {
    "majority": 0.1,
    "svm": 4,
    "random_forest": 140,
    "multiple_kernels": 60,
    "cnn": 14,
    "deep_belief": 30,
    "attention_fusion": 8,
    "ef_lstm": 12,
    "tfn": 10,
    "mv_lstm": 8,
    "marn": 16,
    "mfn": 23,
    "mv_lstm_words": 30,
    "marn_words": 60,
    "mfn_words": 70,
    "graph_mfn": 25,
    "bc_lstm": 30,
    "mmmu_ba": 74,
    "cim_single": 63,
    "cim": 41,
}
KEY_DIGITS = 12  # of a run's key in its file name


@dataclass(frozen=True)
class Place:
    """A run and the path of its result.

    Attributes
    ----------
    run : Run
        The run.
    key : str
        See `model.paper.runs.run_key`.
    path : Path
        Of its record, whether or not it exists.
    """

    run: Run
    key: str
    path: Path

    @property
    def length(self) -> float:
        """Expected duration, relative to other runs."""
        return LENGTHS[self.run.system] * len(self.run.modalities)

    def checkpoint(self, name: str) -> Path:
        """Return the path of a trained network of the run: one for `cim`, one per task for `cim_single`."""
        stem, key = self.path.stem.rsplit("-", 1)
        part = "" if name == self.run.system else f"-{name}"
        return self.path.parent / "networks" / f"{stem}{part}-{key}.safetensors"


RunHook = Callable[[Place, RunRecord], None]


def places(runs: Sequence[Run], table: UtteranceTable, *, folder: Path) -> list[Place]:
    """Return the paths of the results of runs on a table."""
    # What reads utterance means does not change when the table gets words.
    seen = {False: replace(table, words=None), True: table}
    reading = [(run.system in WORD_BY_WORD, run.modalities) for run in runs]
    fingerprints = {
        (words, names): table_fingerprint(seen[words].with_modalities(names)) for words, names in set(reading)
    }
    found = []
    for run, read in zip(runs, reading, strict=True):
        key = run_key(run, fingerprints[read])
        letters = Result(run.system, run.modalities, {}).column
        found.append(Place(run, key, folder / f"{run.system}-{letters}-seed{run.seed}-{key[:KEY_DIGITS]}.safetensors"))
    return found


def train_missing(
    wanted: Sequence[Place], table: UtteranceTable, *, jobs: int = 1, hook: RunHook | None = None
) -> list[RunRecord]:
    """Train the runs without a result, and return the results of all, in the order given.

    Each run has one thread, so that the figures of a seed do not depend on `jobs`.

    Parameters
    ----------
    wanted : sequence of Place
        From `places`, of the same table.
    table : UtteranceTable
        With splits train and valid, and test where it is to be evaluated.
    jobs : int
        Processes. One trains in this process.
    hook : callable or None
        Called after each run that was trained.

    Raises
    ------
    MtmmError
        If a process was killed. Finished runs are kept.
    StoreError
        If a result is damaged or cannot be written.
    """
    missing = [place for place in wanted if not place.path.is_file()]
    for place, record in _trained(missing, table, jobs=min(jobs, len(missing))):
        if hook is not None:
            hook(place, record)
    return [RunRecord.load(place.path) for place in wanted]


def _trained(missing: Sequence[Place], table: UtteranceTable, *, jobs: int) -> Iterator[tuple[Place, RunRecord]]:
    """Train runs and yield them as they end."""
    if jobs <= 1:
        with one_thread():
            for place in missing:
                yield place, train_one(place, table)
        return
    waiting = list(reversed(missing))
    running: dict[Future[RunRecord], Place] = {}
    context = multiprocessing.get_context("spawn")  # a forked process cannot use a GPU that its parent has used
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_start_worker, initargs=(table,)) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    place = waiting.pop()
                    running[pool.submit(_train_in_worker, place)] = place
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        except BrokenProcessPool as error:
            names = "; ".join(str(place.run) for place in running.values())
            raise MtmmError(
                f"a training process was killed, perhaps for want of memory ({names}); finished runs are kept: give "
                "the same command again, with fewer --jobs"
            ) from error


def train_one(place: Place, table: UtteranceTable) -> RunRecord:
    """Train one run and write its networks, then its result: where there is a result, the networks are complete."""
    performed = perform(place.run, table)
    for name, checkpoint in performed.checkpoints.items():
        save_checkpoint(place.checkpoint(name), network=checkpoint.network, specification=checkpoint.specification)
    record = RunRecord(
        key=place.key,
        system=place.run.system,
        modalities=place.run.modalities,
        seed=place.run.seed,
        provenance={
            "version": __version__,
            "torch": torch.__version__,
            "recipe": asdict(place.run.recipe),
            "epochs": dict(performed.epochs),
        },
        thresholds=performed.thresholds,
        scores=performed.scores,
        cpu_seconds=round(performed.cpu_seconds, 1),
    )
    record.save(place.path)
    return record


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch and the linear algebra of NumPy and SciPy to one thread in this block.

    On busy cores the synchronisation of threads costs more than they gain: calibration alone took seconds.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


_worker_table: UtteranceTable | None = None  # set once a process: a table is too large to be pickled with every run


def _start_worker(table: UtteranceTable) -> None:
    """Initialise a worker process: its table, one thread, and its end with the parent process."""
    global _worker_table  # noqa: PLW0603 - a process pool has no other place for what its tasks share
    _worker_table = table
    torch.set_num_threads(1)
    threadpool_limits(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it at once and without a traceback
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent has ended, in whatever way."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _train_in_worker(place: Place) -> RunRecord:
    assert _worker_table is not None
    return train_one(place, _worker_table)
