"""Stage: two halves of the texts tune an encoder each, in two processes, and give the other half its vectors."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import queue
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mtmm_video.extractors.text.mpnet import load_transformer
from mtmm_video.extractors.text.word_pieces import WordPieces
from mtmm_video.foundation.errors import DataError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.model.checkpoint import read_tensors
from mtmm_video.model.training_state import load_optimiser, optimiser_tensors
from mtmm_video.pipeline.training.encoder_texts import HALVES, EncoderTexts, read_texts
from mtmm_video.pipeline.training.encoder_tuning import TunedEncoder, Tuning, TuningOptions, schedule, vectors_of
from mtmm_video.pipeline.training.lower_states import LowerStates
from mtmm_video.pipeline.training.out_of_fold import key_of
from mtmm_video.pipeline.training.stages import StageRun

LONGEST = 64  # pieces; 97 % of MOSEI's utterances fit, and the rest keep their beginning
SAVE_EVERY = 20  # steps; about a minute
REPORT_EVERY = 10  # steps
HEADER = "tuning"
HALVES_STAGE = "encoder-halves"


@dataclass(frozen=True)
class TextRows:
    """All texts in one numbering.

    Attributes
    ----------
    parts : list of EncoderTexts
        Corpora, one after the other.
    indices : list of list of int
        Their pieces.
    """

    parts: list[EncoderTexts]
    indices: list[list[int]]

    @classmethod
    def read(cls, sources: Mapping[str, Path], *, vocabulary: Path) -> TextRows:
        """Read the corpora and cut the texts into pieces."""
        parts = read_texts(sources)
        pieces = WordPieces.load(vocabulary)
        return cls(parts, [pieces.encode(text, longest=LONGEST) for part in parts for text in part.texts])

    def rows(self, half: int) -> list[tuple[str, NDArray[np.int64]]]:
        """Return the train rows of a half, by corpus."""
        found, begin = [], 0
        for part in self.parts:
            found.append((part.corpus, begin + np.flatnonzero(part.train & (part.halves == half))))
            begin += len(part)
        return found

    @property
    def targets(self) -> dict[int, NDArray[np.float32]]:
        """Return the targets by row."""
        return dict(enumerate(row for part in self.parts for row in part.targets))


@dataclass(frozen=True)
class Shared:
    """What the processes of the halves have in common.

    Attributes
    ----------
    barrier : Barrier
        Of all halves.
    heads : tuple of Tensor
        In shared memory, one vector a half.
    losses : multiprocessing queue of (int, int, float)
        Steps taken, steps in all, loss; from the first half.
    """

    barrier: Barrier
    heads: tuple[Tensor, ...]
    losses: Any


def tune_encoder(run: StageRun, *, options: TuningOptions) -> None:
    """Stage: tune the encoder on each half of the texts.

    The file holds ``HALF.NAME.down`` and ``HALF.NAME.up`` for each tuned linear layer, ``heads.CORPUS.weight`` and
    ``.bias``, and ``vectors`` (n, 768) in fp16 with ``keys`` (n,): of each train text by the encoder of the other half,
    and its `pipeline.training.out_of_fold.key_of`.
    """
    folder = run.weights["mpnet-base-v2"]
    texts = TextRows.read(run.sources, vocabulary=folder / "vocab.txt")
    lower = run.state.with_name(run.state.name + ".lower")
    transformer = load_transformer(folder)
    states = LowerStates(lower, indices=texts.indices)
    states.fill(transformer, padding=WordPieces.load(folder / "vocab.txt").pad, report=run.report)
    halves = tune_halves(run, folder=folder, lower=lower, options=options)
    vectors: list[Tensor] = []
    keys: list[int] = []
    tensors: dict[str, Tensor] = {}
    strings = [text for part in texts.parts for text in part.texts]
    for half, path in enumerate(halves):
        encoder = TunedEncoder(load_transformer(folder), options)
        learnt, _ = read_tensors(path)
        encoder.load_state_dict(
            {name: value for name, value in learnt.items() if name in encoder.learnt()}, strict=False
        )
        other = 1 - half
        unseen = [int(row) for _, rows in texts.rows(other) for row in rows]
        for rows, found in vectors_of(encoder, states, unseen):
            vectors.append(found.to(torch.float16))
            keys += [key_of(other, strings[row]) for row in rows]
        for name, addition in encoder.additions().items():
            tensors[f"{half}.{name}.down"] = addition.down.detach().clone()
            tensors[f"{half}.{name}.up"] = addition.up.detach().clone()
        tensors |= {name: value.detach().clone() for name, value in encoder.learnt().items() if "heads." in name}
    tensors |= {"vectors": torch.cat(vectors), "keys": torch.tensor(keys)}
    save_file(tensors, run.output, metadata={"options": json.dumps(asdict(options))})
    for path in (lower, *halves):
        path.unlink()


def average_halves(run: StageRun, *, version: str) -> None:
    """Stage: write the mean of what the halves added, as `extractors.text.sentence_encoder.merge_delta` reads it.

    The mean of ``up @ down`` over the halves is one product of twice the rank.
    """
    tensors, metadata = read_tensors(run.inputs[HALVES_STAGE])
    layers = sorted({name.split(".", 1)[1].rsplit(".", 1)[0] for name in tensors if name.endswith(".down")})
    delta: dict[str, Tensor] = {}
    for layer in layers:
        downs = [tensors[f"{half}.{layer}.down"] for half in range(HALVES)]
        ups = [tensors[f"{half}.{layer}.up"] / HALVES for half in range(HALVES)]
        delta[f"{layer}.down"] = torch.cat(downs, dim=0).to(torch.float16)
        delta[f"{layer}.up"] = torch.cat(ups, dim=1).to(torch.float16)
    save_file(delta, run.output, metadata={"version": version, "options": metadata["options"]})


def tune_halves(run: StageRun, *, folder: Path, lower: Path, options: TuningOptions) -> list[Path]:
    """Tune both halves side by side and return the files of what each has learnt.

    Raises
    ------
    DataError
        If a process ended before its work did.
    """
    context = multiprocessing.get_context("spawn")
    heads = list(TunedEncoder(load_transformer(folder), options).heads.parameters())
    size = len(nn.utils.parameters_to_vector(heads))
    shared = Shared(
        barrier=context.Barrier(HALVES),
        heads=tuple(torch.zeros(size).share_memory_() for _ in range(HALVES)),  # type: ignore[no-untyped-call]
        losses=context.Queue(),
    )
    processes = [
        context.Process(
            target=tune_half,
            args=(half, shared),
            kwargs={
                "sources": dict(run.sources),
                "folder": folder,
                "lower": lower,
                "state": run.state,
                "options": options,
            },
            daemon=True,
        )
        for half in range(HALVES)
    ]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        try:
            done, total, loss = shared.losses.get(timeout=1)
        except queue.Empty:
            if any(process.exitcode for process in processes):
                break
            continue
        run.report(done, total, f"loss {loss:.3f}")
    for process in processes:
        if process.exitcode:
            for other in processes:
                other.kill()
            raise DataError(
                f"{run.state}: the tuning of a half ended early (exit code {process.exitcode}); run it again"
            )
        process.join()
    return [_latest(run.state, half=half) for half in range(HALVES)]


def tune_half(
    half: int,
    shared: Shared,
    *,
    sources: Mapping[str, Path],
    folder: Path,
    lower: Path,
    state: Path,
    options: TuningOptions,
) -> None:
    """Tune the encoder of one half, in a process of its own; resumes after the last step that both halves saved."""
    torch.set_num_threads(1)
    texts = TextRows.read(sources, vocabulary=folder / "vocab.txt")
    states = LowerStates(lower, indices=texts.indices)
    plans = [schedule(texts.rows(each), lengths=states.lengths, half=each, options=options) for each in range(HALVES)]
    steps = plans[half][: min(map(len, plans))]  # the halves keep step
    encoder = TunedEncoder(load_transformer(folder), options)
    tuning = Tuning(encoder, states=states, targets=texts.targets, steps=steps, options=options, half=half)
    fingerprint = hashlib.sha256(repr((options, plans)).encode()).hexdigest()
    heads = list(encoder.heads.parameters())
    begin = _resume(tuning, state=state, half=half, fingerprint=fingerprint, steps=len(steps))
    losses: list[float] = []
    for step in range(begin, len(steps)):
        losses.append(tuning.learn(step))
        done = step + 1
        if done % options.average_every == 0 or done == len(steps):
            _average(heads, shared, half=half)
        if done % SAVE_EVERY == 0 or done == len(steps):
            _save(tuning, _state_path(state, half=half, step=done), fingerprint=fingerprint)
            shared.barrier.wait()
            for old in _saved(state, half=half):
                if old != done:
                    _state_path(state, half=half, step=old).unlink()
        if half == 0 and done % REPORT_EVERY == 0:
            shared.losses.put((done, len(steps), float(np.mean(losses[-50:]))))


def _average(heads: Sequence[nn.Parameter], shared: Shared, *, half: int) -> None:
    """Give the heads the mean of all halves' heads."""
    with torch.no_grad():
        shared.heads[half].copy_(nn.utils.parameters_to_vector(heads))
        shared.barrier.wait()
        nn.utils.vector_to_parameters(torch.stack(shared.heads).mean(dim=0), heads)
        shared.barrier.wait()  # before the next one writes


def _state_path(state: Path, *, half: int, step: int) -> Path:
    return state.with_name(f"{state.name}.{half}.{step:05d}")


def _saved(state: Path, *, half: int) -> list[int]:
    """Return the steps after which a half was saved, ascending."""
    return sorted(int(path.name.rsplit(".", 1)[1]) for path in state.parent.glob(f"{state.name}.{half}.[0-9]*[0-9]"))


def _latest(state: Path, *, half: int) -> Path:
    return _state_path(state, half=half, step=_saved(state, half=half)[-1])


def _save(tuning: Tuning, path: Path, *, fingerprint: str) -> None:
    tensors = {name: value.detach().clone() for name, value in tuning.encoder.learnt().items()}
    tensors |= {f"optimiser.{name}": value for name, value in optimiser_tensors(tuning.optimiser).items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={HEADER: fingerprint})


def _resume(tuning: Tuning, *, state: Path, half: int, fingerprint: str, steps: int) -> int:
    """Load the last state that every half has; return the steps taken."""
    common = set.intersection(*(set(_saved(state, half=each)) for each in range(HALVES)))
    if not common:
        return 0
    path = _state_path(state, half=half, step=max(common))
    with safe_open(path, framework="pt") as file:
        if (file.metadata() or {}).get(HEADER) != fingerprint:
            return 0
    tensors, _ = read_tensors(path)
    start = "optimiser."
    learnt = {name: value for name, value in tensors.items() if not name.startswith(start)}
    tuning.encoder.load_state_dict(learnt, strict=False)
    load_optimiser(
        tuning.optimiser,
        {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)},
    )
    return min(max(common), steps)
