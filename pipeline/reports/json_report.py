"""The JSON report: a lossless serialisation of an `Analysis`; `pipeline.reports.json_reader` is its inverse.

Its layout is ``schema.json`` (JSON Schema, draft 2020-12) in this folder. `SCHEMA_VERSION` has a major number, raised
for incompatible changes, and a minor number, raised for additions.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.model.attention import DENSE_LIMIT, AttentionMatrix, LargestWeights, largest_weights
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.pipeline.provenance import Provenance

if TYPE_CHECKING:  # `Analysis.to_json` calls this module
    from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance

SCHEMA_VERSION = "2.1"


def to_json(analysis: Analysis) -> str:
    """Serialise an analysis as JSON; `from_json` is its inverse.

    Numbers have the fewest digits that identify the value; a feature that was not measured is null. Of more than
    `DENSE_LIMIT` utterances, the attention is cut down to the largest weights of each row.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    str
        Indented, with one line per word, matrix row and field, so that reports can be compared line by line.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "source": dataclasses.asdict(analysis.source),
        "utterances": [_utterance(labelled) for labelled in analysis.utterances],
        "features": {
            "video_id": analysis.features.video_id,
            "modalities": {name: _modality(features) for name, features in analysis.features.modalities.items()},
        },
        "attention": [
            {"pair": list(pair), "n1": _attention(n1), "n2": _attention(n2)}
            for pair, (n1, n2) in analysis.prediction.attention.items()
        ],
        "notes": list(analysis.notes),
        "provenance": _provenance(analysis.provenance),
    }
    return _lines(content) + "\n"


def _utterance(labelled: LabelledUtterance) -> dict[str, Any]:
    utterance, prediction = labelled.utterance, labelled.prediction
    return {
        "index": utterance.index,
        "start": utterance.start,
        "end": utterance.end,
        "text": utterance.text,
        "speaker": utterance.speaker,
        "sentiment": {
            "label": prediction.sentiment,
            "probabilities": dict(prediction.sentiment_probabilities),
            "intensity": prediction.sentiment_intensity,
            "uncertain": labelled.uncertain,
            "binary": {"label": prediction.sentiment_binary, "positive": prediction.positive_binary},
        },
        "emotions": {
            "labels": list(prediction.emotions),
            "probabilities": dict(prediction.emotion_probabilities),
            "thresholds": dict(prediction.emotion_thresholds),
            "intensities": None if prediction.emotion_intensities is None else dict(prediction.emotion_intensities),
        },
        "modalities_used": list(prediction.modalities_used),
        "flags": list(labelled.flags),
        "quality": dataclasses.asdict(labelled.quality),
        "words": [dataclasses.asdict(word) for word in utterance.words],
    }


def _modality(features: ModalityFeatures) -> dict[str, Any]:
    rows = [
        [number if measured else None for number, measured in zip(numbers, valid, strict=True)]
        for numbers, valid in zip(_matrix(features.values), features.valid.tolist(), strict=True)
    ]
    return {"version": features.version, "names": list(features.names), "values": rows}


def _matrix(array: NDArray[np.float32]) -> list[list[float]]:
    # str() of a float32 has the fewest digits that identify it; tolist() converts to float64 and has up to 17.
    return [[float(str(value)) for value in row] for row in array.astype(np.float32)]


def _attention(matrix: AttentionMatrix) -> list[list[float]] | dict[str, list[list[float]]]:
    # Matrices of attention are quadratic in the utterances: of 3,000 they would be 700 MB of text.
    if isinstance(matrix, LargestWeights):
        columns, weights = matrix.columns, matrix.weights
    elif len(matrix) > DENSE_LIMIT:
        columns, weights = largest_weights(matrix)
    else:
        return _matrix(matrix)
    return {"columns": columns.tolist(), "weights": _matrix(weights)}


def _provenance(provenance: Provenance) -> dict[str, Any]:
    content = {
        entry.name: getattr(provenance, entry.name) for entry in dataclasses.fields(provenance) if entry.name != "steps"
    }
    for name, value in content.items():
        if isinstance(value, Mapping):
            content[name] = dict(value)
    content["steps"] = [dataclasses.asdict(step) for step in provenance.steps]
    return content


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _lines(value: Any, *, depth: int = 0, levels: int = 4) -> str:
    """Indent the outer `levels` of nesting; write deeper levels on one line."""
    inner, outer = " " * (depth + 1), " " * depth
    if depth < levels and value:
        if isinstance(value, dict) and depth < levels - 1:
            items = [f"{inner}{_compact(key)}: {_lines(entry, depth=depth + 1)}" for key, entry in value.items()]
            return "{\n" + ",\n".join(items) + f"\n{outer}}}"
        if isinstance(value, list) and isinstance(value[0], (dict, list)):
            items = [f"{inner}{_lines(entry, depth=depth + 1)}" for entry in value]
            return "[\n" + ",\n".join(items) + f"\n{outer}]"
    return _compact(value)
