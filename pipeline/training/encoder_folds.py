"""Stages: the encoders of the folds and of all texts are tuned, and the last one is what is shipped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from mtmm_video.extractors.text.mpnet import Transformer, load_transformer
from mtmm_video.extractors.text.sentence_encoder import DELTA_SUFFIXES, add_low_rank, in_whole_numbers
from mtmm_video.extractors.text.word_pieces import WordPieces
from mtmm_video.foundation.files import atomic_path
from mtmm_video.foundation.graphics import torch_device
from mtmm_video.model.checkpoint import read_tensors
from mtmm_video.model.training_state import load_optimiser, optimiser_tensors
from mtmm_video.pipeline.training.encoder_texts import EncoderTexts, read_texts
from mtmm_video.pipeline.training.encoder_tuning import (
    TunedEncoders,
    Tuning,
    TuningOptions,
    TuningRows,
    batches_of,
    schedule,
)
from mtmm_video.pipeline.training.out_of_fold import key_of
from mtmm_video.pipeline.training.stages import StageRun

LONGEST = 128  # pieces; 99.9 % of the texts fit, and the rest keep their beginning
PIECES_A_BATCH = 1600  # padding included, where nothing is learnt
SAVE_EVERY, REPORT_EVERY = 100, 10  # steps
HEADER = "tuning"
FOLDS_STAGE = "encoder-folds"


@dataclass(frozen=True)
class TextRows:
    """All texts in one numbering.

    Attributes
    ----------
    parts : list of EncoderTexts
        Corpora, one after the other.
    rows : TuningRows
        Their texts.
    """

    parts: list[EncoderTexts]
    rows: TuningRows

    @classmethod
    def read(cls, sources: Mapping[str, Path], *, vocabulary: Path) -> TextRows:
        """Read the corpora and cut the texts into pieces."""
        parts = read_texts(sources)
        pieces = WordPieces.load(vocabulary)
        rows = TuningRows(
            indices=[pieces.encode(text, longest=LONGEST) for part in parts for text in part.texts],
            targets=[row for part in parts for row in part.targets],
            folds=np.concatenate([part.folds for part in parts]),
            padding=pieces.pad,
        )
        return cls(parts, rows)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Pieces of each text."""
        return np.array([len(row) for row in self.rows.indices], np.int64)

    @property
    def train(self) -> list[tuple[str, NDArray[np.int64]]]:
        """The train rows, by corpus."""
        found, begin = [], 0
        for part in self.parts:
            found.append((part.corpus, begin + np.flatnonzero(part.train)))
            begin += len(part)
        return found

    def keys(self, rows: Sequence[int]) -> list[int]:
        """Return `pipeline.training.out_of_fold.key_of` of rows."""
        texts = [text for part in self.parts for text in part.texts]
        return [key_of(int(self.rows.folds[row]), texts[row]) for row in rows]


def tune_encoders(run: StageRun, *, options: TuningOptions) -> None:
    """Stage: tune an encoder without each fold of the texts, and one on all; on a GPU where there is one.

    The file holds ``NAME.down`` (encoders, rank, in) and ``NAME.up`` (encoders, out, rank) in fp16 for each tuned
    linear layer, ``heads.CORPUS.weight`` and ``.bias``, and ``vectors`` (n, 768) in fp16 with ``keys`` (n,): of each
    train text by the encoder that has not seen its fold, and its `pipeline.training.out_of_fold.key_of`.
    """
    folder = run.weights["mpnet-base-v2"]
    device = torch.device(torch_device())
    texts = TextRows.read(run.sources, vocabulary=folder / "vocab.txt")
    encoders = tuned(run, texts, transformer=load_transformer(folder), options=options, device=device)
    tensors: dict[str, Tensor] = {}
    for name, addition in encoders.additions().items():
        tensors[f"{name}.down"] = addition.down.detach().to("cpu", torch.float16)
        tensors[f"{name}.up"] = addition.up.detach().to("cpu", torch.float16)
    heads = {name: value for name, value in encoders.learnt().items() if name.startswith("heads.")}
    tensors |= {name: value.detach().to("cpu") for name, value in heads.items()}
    found, order = [], []
    for fold in range(options.folds):
        transformer = merged(load_transformer(folder), tensors, encoder=fold).to(device)
        unseen = [int(row) for _, rows in texts.train for row in rows if texts.rows.folds[row] == fold]
        for rows, vectors in vectors_of(transformer, texts, unseen, device=device):
            found.append(vectors.to(torch.float16))
            order += rows
    tensors |= {"vectors": torch.cat(found), "keys": torch.tensor(texts.keys(order))}
    save_file(tensors, run.output, metadata={"options": json.dumps(asdict(options)), "device": device.type})


def ship_encoder(run: StageRun, *, version: str) -> None:
    """Stage: write what the encoder of all texts adds, as `extractors.text.sentence_encoder.merge_delta` reads it."""
    tensors, metadata = read_tensors(run.inputs[FOLDS_STAGE])
    delta = {name: value[-1].clone() for name, value in tensors.items() if name.endswith(DELTA_SUFFIXES)}
    save_file(in_whole_numbers(delta), run.output, metadata={"version": version, "options": metadata["options"]})


def tuned(
    run: StageRun, texts: TextRows, *, transformer: Transformer, options: TuningOptions, device: torch.device
) -> TunedEncoders:
    """Tune the encoders; an interrupted run resumes after the last step that was saved."""
    steps = schedule(texts.train, lengths=texts.lengths, options=options)
    encoders = TunedEncoders(transformer, options)
    tuning = Tuning(encoders, rows=texts.rows, steps=steps, options=options, device=device)
    fingerprint = hashlib.sha256(repr((options, steps)).encode()).hexdigest()
    for step in range(_resume(tuning, run.state, fingerprint=fingerprint), len(steps)):
        loss = tuning.learn(step)
        done = step + 1
        if done % SAVE_EVERY == 0:
            _save(tuning, run.state, fingerprint=fingerprint, steps=done)
        if done % REPORT_EVERY == 0 or done == len(steps):
            run.report(done, len(steps), f"loss {float(loss):.3f}")
    return encoders


def merged(transformer: Transformer, tensors: Mapping[str, Tensor], *, encoder: int) -> Transformer:
    """Add what one encoder has learnt to the weights of the published transformer."""
    own = {name: value[encoder] for name, value in tensors.items() if name.endswith(DELTA_SUFFIXES)}
    add_low_rank(transformer, own)
    return transformer


def vectors_of(
    transformer: Transformer, texts: TextRows, rows: Sequence[int], *, device: torch.device
) -> Iterator[tuple[list[int], Tensor]]:
    """Yield rows of texts with their vectors (k, 768), a batch at a time."""
    transformer.eval()
    for batch in batches_of(rows, lengths=texts.lengths, pieces=PIECES_A_BATCH):
        with torch.inference_mode():
            yield batch, transformer(*texts.rows.batch(batch, device=device)).cpu()


def _save(tuning: Tuning, path: Path, *, fingerprint: str, steps: int) -> None:
    tensors = {name: value.detach().cpu() for name, value in tuning.encoders.learnt().items()}
    tensors |= {f"optimiser.{name}": value.cpu() for name, value in optimiser_tensors(tuning.optimiser).items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={HEADER: json.dumps({"fingerprint": fingerprint, "steps": steps})})


def _resume(tuning: Tuning, path: Path, *, fingerprint: str) -> int:
    """Load a saved state of the same tuning; return the steps taken."""
    if not path.is_file():
        return 0
    with safe_open(path, framework="pt") as file:
        header = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    if header.get("fingerprint") != fingerprint:
        return 0
    tensors, _ = read_tensors(path)
    start = "optimiser."
    learnt = {name: value for name, value in tensors.items() if not name.startswith(start)}
    tuning.encoders.load_state_dict(learnt, strict=False)
    load_optimiser(
        tuning.optimiser,
        {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)},
    )
    return int(header["steps"])
