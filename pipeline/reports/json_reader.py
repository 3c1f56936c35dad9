"""Parsing of JSON reports to an `Analysis`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.speech.words import Word
from mtmm_video.foundation.errors import InputError
from mtmm_video.model.attention import AttentionMatrix, LargestWeights
from mtmm_video.model.features import Modality, ModalityFeatures, VideoFeatures
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.pipeline.analysis import Analysis, LabelledUtterance
from mtmm_video.pipeline.provenance import Provenance, StepRecord
from mtmm_video.pipeline.quality import Quality
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.utterance import Utterance

# Exceptions of reading fields of the wrong type or shape.
DAMAGE = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)
# Major versions. Reports of 1 have two sentiment classes, the paper's, and neither thresholds nor `uncertain`.
READABLE = ("1", "2")


def from_json(text: str) -> Analysis:
    """Parse a report of `to_json`.

    Parameters
    ----------
    text : str

    Returns
    -------
    Analysis

    Raises
    ------
    InputError
        If the text is no report, or one of a layout that this version does not know.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not a report of mtmm-video: no JSON ({error})") from error
    if not isinstance(content, dict) or "schema_version" not in content:
        raise InputError("not a report of mtmm-video, but JSON of another program; name the .json beside a report")
    found = str(content["schema_version"])
    if found.partition(".")[0] not in READABLE:
        raise InputError(
            f"the report has schema version {found}, this mtmm-video reads {', '.join(READABLE)}: analyse the video "
            "again"
        )
    try:
        return _read_analysis(content)
    except DAMAGE as error:
        raise InputError(f"damaged report: {error!r}") from error


def read_report(path: Path) -> Analysis:
    """Read the JSON report at `path`.

    Raises
    ------
    InputError
        If the file does not exist, or is not a report of this schema's major version.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such report; make one with `mtmm-video analyze`")
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: the report cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is no JSON report but binary, perhaps the video itself; name the .json that an analysis wrote"
        ) from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read_analysis(content: Mapping[str, Any]) -> Analysis:
    utterances = tuple(_read_utterance(entry) for entry in content["utterances"])
    attention = {
        (cast(Modality, entry["pair"][0]), cast(Modality, entry["pair"][1])): (
            _read_attention(entry["n1"]),
            _read_attention(entry["n2"]),
        )
        for entry in content["attention"]
    }
    provenance = dict(content["provenance"])
    provenance["steps"] = tuple(StepRecord(**step) for step in provenance["steps"])
    return Analysis(
        source=Source.from_facts(content["source"]),
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
            emotion_thresholds=entry["emotions"].get("thresholds", {}),
        ),
        flags=tuple(entry["flags"]),
        quality=Quality(**entry["quality"]),
        uncertain=entry["sentiment"].get("uncertain", False),
    )


def _read_modality(entry: Mapping[str, Any]) -> ModalityFeatures:
    names = tuple(entry["names"])
    rows = np.array(entry["values"], dtype=np.float64).reshape(-1, len(names))  # null becomes NaN
    return ModalityFeatures(
        values=np.nan_to_num(rows, nan=0.0).astype(np.float32),
        valid=~np.isnan(rows),
        names=names,
        version=entry["version"],
    )


def _read_attention(entry: list[list[float]] | dict[str, list[list[float]]]) -> AttentionMatrix:
    if isinstance(entry, list):
        return _read_matrix(entry)
    return LargestWeights(np.array(entry["columns"], dtype=np.int32), _read_matrix(entry["weights"]))


def _read_matrix(rows: list[list[float]]) -> NDArray[np.float32]:
    return np.array(rows, dtype=np.float32).reshape(len(rows), -1 if rows else 0)
