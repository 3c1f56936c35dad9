"""Digests that say whether a training would give what is already on disk: of a table, and of a whole training."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.recipes import Recipe
from mtmm_video.model.table import UtteranceTable

# Of the code between a table and a checkpoint; to be raised when the same recipe and data give other weights.
TRAINING_VERSION = 1


def table_fingerprint(table: UtteranceTable) -> str:
    """Return a digest of everything in a table.

    That is: videos, splits, corpora and offsets; names and version of the columns; values and masks; the label
    sets; segments, transcripts, speakers and words, in their order.

    Parameters
    ----------
    table : UtteranceTable
        Any table.

    Returns
    -------
    str
        64 hexadecimal digits of a SHA-256.
    """
    labels = table.labels
    arrays: dict[str, NDArray[np.generic]] = {
        "offsets": table.offsets,
        "sentiment": labels.sentiment,
        "emotion": labels.emotion,
        "sentiment_intensity": labels.sentiment_intensity,
        "emotion_intensity": labels.emotion_intensity,
    }
    for modality, features in table.modalities.items():
        arrays |= {f"{modality}.values": features.values, f"{modality}.valid": features.valid}
    if labels.named_sentiment is not None:
        arrays["named_sentiment"] = labels.named_sentiment
    header: dict[str, Any] = {
        "videos": [table.video_ids, table.splits, table.corpora],
        "utterances": [table.segments, table.texts],
        "columns": {name: [features.version, features.names] for name, features in table.modalities.items()},
        "arrays": {name: [array.dtype.str, array.shape] for name, array in arrays.items()},
    }
    if table.speakers is not None:
        header["speakers"] = [table.speakers]
    if table.words is not None:
        words = {f"words.{name}": features for name, features in table.words.modalities.items()}
        header["words"] = {name: [block.version, block.names] for name, block in words.items()}
        arrays["words.offsets"] = table.words.offsets
        for name, block in words.items():
            arrays |= {f"{name}.values": block.values, f"{name}.valid": block.valid}
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def training_fingerprint(
    *, train: UtteranceTable, valid: UtteranceTable, recipe: Recipe, network: str = "CimNetwork"
) -> str:
    """Return a digest of all that decides a training besides the machine.

    Parameters
    ----------
    train, valid : UtteranceTable
        The rows that are learnt from, and those that epoch, calibration and thresholds are chosen on. Modalities that
        the recipe does not take have no part in it.
    recipe : Recipe
        The configuration.
    network : str
        Name of the network's class.

    Returns
    -------
    str
        64 hexadecimal digits of a SHA-256.

    Raises
    ------
    DataError
        If a table lacks a modality of the recipe.
    """
    content = {
        "version": TRAINING_VERSION,
        "network": network,
        "recipe": asdict(recipe),
        "train": table_fingerprint(train.with_modalities(recipe.modalities)),
        "valid": table_fingerprint(valid.with_modalities(recipe.modalities)),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
