"""States of the encoder's lower layers, which the tuning leaves as they are: computed once, read in every pass."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtmm_video.extractors.text.mpnet import WIDTH, Transformer
from mtmm_video.extractors.text.sentence_encoder import pad
from mtmm_video.pipeline.training.stages import Progress, no_progress

FROZEN_LAYERS = 8  # of twelve: the upper four alone learn in a quarter of the time, docs/plus.md
PIECES_A_BATCH = 1600  # padding included


class LowerStates:
    """States after `FROZEN_LAYERS` layers for every piece of every text, fp16 in a file of 1.5 kB a piece.

    Parameters
    ----------
    path : Path
        The file; made when it is not there. What an interrupted `fill` has written is kept.
    indices : sequence of sequence of int, n texts
        Their pieces.
    """

    def __init__(self, path: Path, *, indices: Sequence[Sequence[int]]) -> None:
        self.indices = indices
        self.lengths: NDArray[np.int64] = np.array([len(row) for row in indices], np.int64)
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        shape = (int(self._offsets[-1]), WIDTH)
        size = shape[0] * WIDTH * np.dtype(np.float16).itemsize
        if not path.is_file() or path.stat().st_size != size:
            with path.open("wb") as file:
                os.truncate(file.fileno(), size)
        self._states = np.memmap(path, np.float16, "r+", shape=shape)

    def fill(self, transformer: Transformer, *, padding: int, report: Progress = no_progress) -> None:
        """Compute the states that are not in the file yet; a layer norm's output is never all zero."""
        missing = [row for row in range(len(self.indices)) if not self._states[self._offsets[row]].any()]
        done, total = len(self.indices) - len(missing), len(self.indices)
        for rows in batches_of(missing, lengths=self.lengths, pieces=PIECES_A_BATCH):
            batch, mask = pad([self.indices[row] for row in rows], padding=padding)
            with torch.inference_mode():
                states = transformer.run(transformer.embed(batch), mask, last=FROZEN_LAYERS).to(torch.float16).numpy()
            for place, row in enumerate(rows):
                self._states[self._offsets[row] : self._offsets[row + 1]] = states[place, : self.lengths[row]]
            done += len(rows)
            report(done, total, "lower layers")
        self._states.flush()

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return states (batch, length, WIDTH) of some texts and a mask (batch, length) that is True at the pieces."""
        longest = int(self.lengths[list(rows)].max())
        states = torch.zeros(len(rows), longest, WIDTH)
        mask = torch.zeros(len(rows), longest, dtype=torch.bool)
        for place, row in enumerate(rows):
            length = int(self.lengths[row])
            found = self._states[self._offsets[row] : self._offsets[row + 1]].astype(np.float32)
            states[place, :length] = torch.from_numpy(found)
            mask[place, :length] = True
        return states, mask


def batches_of(rows: Sequence[int], *, lengths: NDArray[np.int64], pieces: int) -> list[list[int]]:
    """Put texts of like length together, so that little is spent on padding; each batch has at most `pieces`."""
    batches: list[list[int]] = []
    current: list[int] = []
    for row in sorted(rows, key=lambda row: int(lengths[row])):
        if current and (len(current) + 1) * int(lengths[row]) > pieces:
            batches.append(current)
            current = []
        current.append(int(row))
    return [*batches, current] if current else batches
