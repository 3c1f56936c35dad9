"""Padded batches of videos for training and evaluation, grouped by length to reduce padding."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtmm_video.model.features import Modality
from mtmm_video.model.specification import Columns
from mtmm_video.model.table import UtteranceTable

BUCKET = 40  # batches per group sorted by length: 30 % faster than 8 on MOSEI, without loss on valid


@dataclass(frozen=True)
class Batch:
    """Padded videos.

    Attributes
    ----------
    inputs : mapping of Modality to Tensor, each of shape (B, U, C)
        Normalised features.
    masks : mapping of Modality to Tensor of bool, each of shape (B, U)
        Utterances that exist and have the modality.
    rows : Tensor of int64, shape (B, U)
        Row of each utterance in the table; 0 in the padding.
    exists : Tensor of bool, shape (B, U)
        False in the padding.
    """

    inputs: Mapping[Modality, Tensor]
    masks: Mapping[Modality, Tensor]
    rows: Tensor
    exists: Tensor


class BatchMaker:
    """Normalises a table once and makes batches of its videos.

    Parameters
    ----------
    table : UtteranceTable
        The videos.
    columns : mapping of Modality to Columns
        Input columns of the network; a modality missing in the table is masked throughout.
    device : torch.device
        Device of the batches.

    Raises
    ------
    CheckpointError
        If the table has another version of a modality, or lacks columns.
    """

    def __init__(self, table: UtteranceTable, *, columns: Mapping[Modality, Columns], device: torch.device) -> None:
        self.lengths = table.lengths
        self.offsets = table.offsets
        self.device = device
        self.values: dict[Modality, Tensor] = {}
        self.present: dict[Modality, Tensor] = {}
        for modality, wanted in columns.items():
            if modality in table.modalities:
                values, present = wanted.prepare(table.modalities[modality], speakers=table.speaker_of_row)
            else:
                values = np.zeros((len(table), len(wanted.names)), dtype=np.float32)
                present = np.zeros(len(table), dtype=np.bool_)
            self.values[modality] = torch.from_numpy(values).to(device)
            self.present[modality] = torch.from_numpy(present).to(device)

    def batch(self, videos: NDArray[np.int64]) -> Batch:
        """Return the videos of the given indices, shape (B,), as one padded batch."""
        lengths = self.lengths[videos]
        steps = np.arange(int(lengths.max()))
        exists = steps[None, :] < lengths[:, None]  # (B, U)
        rows = torch.from_numpy(np.where(exists, self.offsets[videos][:, None] + steps[None, :], 0)).to(self.device)
        there = torch.from_numpy(exists).to(self.device)
        return Batch(
            inputs={modality: values[rows] * there[:, :, None] for modality, values in self.values.items()},
            masks={modality: present[rows] & there for modality, present in self.present.items()},
            rows=rows,
            exists=there,
        )

    def epoch(self, *, batch: int, generator: np.random.Generator | None) -> Iterator[Batch]:
        """Yield every video once.

        Parameters
        ----------
        batch : int
            Videos per batch.
        generator : numpy Generator or None
            For shuffling; None sorts the videos by length, for evaluation.
        """
        order = np.flatnonzero(self.lengths > 0)
        if generator is None:
            order = order[np.argsort(self.lengths[order], kind="stable")]
            groups = [order[start : start + batch] for start in range(0, len(order), batch)]
        else:
            order = generator.permutation(order)
            groups = []
            for start in range(0, len(order), batch * BUCKET):
                bucket = order[start : start + batch * BUCKET]
                bucket = bucket[np.argsort(self.lengths[bucket], kind="stable")]
                groups += [bucket[first : first + batch] for first in range(0, len(bucket), batch)]
            groups = [groups[index] for index in generator.permutation(len(groups))]
        for group in groups:
            yield self.batch(group)


def drop_modalities(
    masks: Mapping[Modality, Tensor],
    *,
    probability: float,
    generator: np.random.Generator,
    never: Collection[Modality] = (),
) -> dict[Modality, Tensor]:
    """Apply modality dropout: mask whole modalities of whole videos at random.

    Parameters
    ----------
    masks : mapping of Modality to Tensor of bool, each of shape (B, U)
        Masks of the batch.
    probability : float
        Probability that a modality of a video is masked. At least one modality of a video is kept.
    generator : numpy Generator
        Random number generator.
    never : collection of Modality
        Modalities that are never masked.

    Returns
    -------
    dict of Modality to Tensor of bool, each of shape (B, U)
    """
    names = list(masks)
    device = masks[names[0]].device
    there = np.stack([masks[name].any(dim=1).cpu().numpy() for name in names])  # (M, B)
    spare = np.array([name in never for name in names])[:, None]  # (M, 1)
    kept = there & ((generator.random(there.shape) >= probability) | spare)
    spared = (
        generator.integers(0, 1 << 30, there.shape) * there
    )  # if all would be masked, a random one of the present ones is kept
    lost = ~kept.any(axis=0)
    kept[spared.argmax(axis=0)[lost], np.flatnonzero(lost)] = True
    return {name: masks[name] & torch.from_numpy(kept[index]).to(device)[:, None] for index, name in enumerate(names)}
