"""The JSON report: an `Analysis` written out in full, and read back.

The layout is described by `report_schema.json` beside this module; `SCHEMA_VERSION` counts its changes: the first
number when a reader of the old layout would break, the second when something was added.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import InputError
from mtmm_video.model.features import Modality, ModalityFeatures, VideoFeatures
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance, Provenance, Quality, Source, StepRecord
from mtmm_video.pipeline.utterance import Utterance

SCHEMA_VERSION = "1.0"
SCHEMA_FILE = Path(__file__).with_name("schema.json")


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the report."""
    return cast(dict[str, Any], json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def to_json(analysis: Analysis) -> str:
    """Write an analysis as JSON that `from_json` reads back without loss.

    Numbers are written with the fewest digits that give back the same value; a feature that was not measured is null.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    str
        Indented, with one line per word, matrix row and field, so that two reports can be compared by line.
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
            {"pair": list(pair), "n1": _matrix(n1), "n2": _matrix(n2)}
            for pair, (n1, n2) in analysis.prediction.attention.items()
        ],
        "notes": list(analysis.notes),
        "provenance": _provenance(analysis.provenance),
    }
    return _lines(content) + "\n"


def from_json(text: str) -> Analysis:
    """Read a report that `to_json` wrote.

    Parameters
    ----------
    text : str

    Returns
    -------
    Analysis

    Raises
    ------
    InputError
        If the text is no report of this schema's major version.
    """
    try:
        content = json.loads(text)
        found = str(content["schema_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"not a report of mtmm-video: {error}") from error
    if found.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        raise InputError(
            f"the report has schema version {found}, this mtmm-video reads {SCHEMA_VERSION}: analyse the video again"
        )
    try:
        return _read_analysis(content)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"damaged report: {error!r}") from error


def read_report(path: Path) -> Analysis:
    """Read the JSON report at `path`.

    Raises
    ------
    InputError
        If there is no such file, or it is no report of this schema's major version.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such report; make one with `mtmm-video analyze`")
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: the report cannot be read ({error.strerror})") from error
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from error


def _read_analysis(content: Mapping[str, Any]) -> Analysis:
    utterances = tuple(_read_utterance(entry) for entry in content["utterances"])
    attention = {
        (cast(Modality, entry["pair"][0]), cast(Modality, entry["pair"][1])): (
            _read_matrix(entry["n1"]),
            _read_matrix(entry["n2"]),
        )
        for entry in content["attention"]
    }
    provenance = dict(content["provenance"])
    provenance["steps"] = tuple(StepRecord(**step) for step in provenance["steps"])
    return Analysis(
        source=Source(**content["source"]),
        utterances=utterances,
        features=VideoFeatures(
            video_id=content["features"]["video_id"],
            modalities={
                cast(Modality, name): _read_modality(entry) for name, entry in content["features"]["modalities"].items()
            },
            speakers=tuple(entry.utterance.speaker or "" for entry in utterances),
        ),
        prediction=VideoPrediction(utterances=tuple(entry.prediction for entry in utterances), attention=attention),
        provenance=Provenance(**provenance),
        notes=tuple(content["notes"]),
    )


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
        },
        "emotions": {
            "labels": list(prediction.emotions),
            "probabilities": dict(prediction.emotion_probabilities),
            "intensities": None if prediction.emotion_intensities is None else dict(prediction.emotion_intensities),
        },
        "modalities_used": list(prediction.modalities_used),
        "flags": list(labelled.flags),
        "quality": dataclasses.asdict(labelled.quality),
        "words": [dataclasses.asdict(word) for word in utterance.words],
    }


def _read_utterance(entry: Mapping[str, Any]) -> LabelledUtterance:
    return LabelledUtterance(
        utterance=Utterance(
            index=entry["index"],
            start=entry["start"],
            end=entry["end"],
            text=entry["text"],
            words=tuple(Word(**word) for word in entry["words"]),
            speaker=entry["speaker"],
        ),
        prediction=UtterancePrediction(
            sentiment=entry["sentiment"]["label"],
            sentiment_probabilities=entry["sentiment"]["probabilities"],
            sentiment_intensity=entry["sentiment"]["intensity"],
            emotions=tuple(entry["emotions"]["labels"]),
            emotion_probabilities=entry["emotions"]["probabilities"],
            emotion_intensities=entry["emotions"]["intensities"],
            modalities_used=tuple(entry["modalities_used"]),
        ),
        flags=tuple(entry["flags"]),
        quality=Quality(**entry["quality"]),
    )


def _modality(features: ModalityFeatures) -> dict[str, Any]:
    rows = [
        [number if measured else None for number, measured in zip(numbers, valid, strict=True)]
        for numbers, valid in zip(_matrix(features.values), features.valid.tolist(), strict=True)
    ]
    return {"version": features.version, "names": list(features.names), "values": rows}


def _read_modality(entry: Mapping[str, Any]) -> ModalityFeatures:
    names = tuple(entry["names"])
    rows = np.array(entry["values"], dtype=np.float64).reshape(-1, len(names))  # null becomes NaN
    return ModalityFeatures(
        values=np.nan_to_num(rows, nan=0.0).astype(np.float32),
        valid=~np.isnan(rows),
        names=names,
        version=entry["version"],
    )


def _matrix(array: NDArray[np.float32]) -> list[list[float]]:
    # str() of a float32 gives the fewest digits that identify it; tolist() would give the 17 of its float64 neighbour.
    return [[float(str(value)) for value in row] for row in array.astype(np.float32)]


def _read_matrix(rows: list[list[float]]) -> NDArray[np.float32]:
    return np.array(rows, dtype=np.float32).reshape(len(rows), -1 if rows else 0)


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
    """Indent the outer `levels` of nesting; keep what lies deeper on one line."""
    inner, outer = " " * (depth + 1), " " * depth
    if depth < levels and value:
        if isinstance(value, dict) and depth < levels - 1:
            items = [f"{inner}{_compact(key)}: {_lines(entry, depth=depth + 1)}" for key, entry in value.items()]
            return "{\n" + ",\n".join(items) + f"\n{outer}}}"
        if isinstance(value, list) and isinstance(value[0], (dict, list)):
            items = [f"{inner}{_lines(entry, depth=depth + 1)}" for entry in value]
            return "[\n" + ",\n".join(items) + f"\n{outer}]"
    return _compact(value)
