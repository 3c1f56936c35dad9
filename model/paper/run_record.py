"""`RunRecord`: one finished run of a system as one file, with the scores that all figures are computed from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mtmm_video.foundation.errors import StoreError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.model.features import Modality
from mtmm_video.model.scores import Scores

FORMAT = "mtmm-video-run/1"


@dataclass(frozen=True)
class RunRecord:
    """A finished run.

    Attributes
    ----------
    key : str
        See `model.paper.runs.run_key`.
    system : str
        For instance ``cim``.
    modalities : tuple of Modality
        Its inputs.
    seed : int
        Its seed.
    provenance : mapping of str to value
        Recipe, version, selected epochs.
    thresholds : mapping of purpose to mapping of emotion to float
        Chosen on the valid split.
    scores : mapping of split to Scores
        Probabilities for ``valid`` and ``test``.
    cpu_seconds : float
        CPU time of training and scoring.
    """

    key: str
    system: str
    modalities: tuple[Modality, ...]
    seed: int
    provenance: Mapping[str, Any]
    thresholds: Mapping[str, Mapping[str, float]]
    scores: Mapping[str, Scores]
    cpu_seconds: float

    def save(self, path: Path) -> None:
        """Write the record as one safetensors file, atomically.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        tensors: dict[str, NDArray[np.float64]] = {}
        for split, scores in self.scores.items():
            for name, values in (("positive", scores.positive), ("emotion", scores.emotion)):
                if values is not None:
                    tensors[f"{split}.{name}"] = np.ascontiguousarray(values, dtype=np.float64)
        record = {
            "key": self.key,
            "system": self.system,
            "modalities": self.modalities,
            "seed": self.seed,
            "provenance": self.provenance,
            "thresholds": self.thresholds,
            "splits": tuple(self.scores),
            "cpu_seconds": self.cpu_seconds,
        }
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={"format": FORMAT, "record": json.dumps(record)})

    @classmethod
    def load(cls, path: Path) -> RunRecord:
        """Read a record written by `save`.

        Raises
        ------
        StoreError
            If the file is damaged or not a record.
        """
        try:
            with safe_open(path, framework="np") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != FORMAT:
                    raise StoreError(f"{path}: not a finished run of this version; take another --results folder")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            record = json.loads(metadata["record"])
            return cls(
                key=record["key"],
                system=record["system"],
                modalities=tuple(record["modalities"]),
                seed=record["seed"],
                provenance=record["provenance"],
                thresholds=record["thresholds"],
                scores={
                    split: Scores(
                        positive=tensors.get(f"{split}.positive"),
                        emotion=tensors.get(f"{split}.emotion"),
                    )
                    for split in record["splits"]
                },
                cpu_seconds=record["cpu_seconds"],
            )
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise StoreError(f"{path}: damaged ({error}); delete it and give the same command again") from error
