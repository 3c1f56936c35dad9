"""How the nouns lie in the store: words, utterances, streams and features as JSON and safetensors, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.speech.speaker_turns import Diarization, SpeakerTurn
from mtmm_video.extractors.speech.transcript import LanguageSpan, Transcript
from mtmm_video.extractors.speech.words import Word
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.model.attention import AttentionMatrix, LargestWeights
from mtmm_video.model.features import Modality, ModalityFeatures, VideoFeatures
from mtmm_video.model.prediction_types import UtterancePrediction, VideoPrediction
from mtmm_video.pipeline.quality import Quality
from mtmm_video.pipeline.source import Source
from mtmm_video.pipeline.store.artefact_file import load_arrays, load_json, save_arrays, save_json
from mtmm_video.pipeline.utterance import Utterance


def save_source(path: Path, source: Source) -> None:
    """Write what probing found, without name and path: two files of the same content share the artefact."""
    save_json(path, dataclasses.asdict(dataclasses.replace(source, name="", path="")))


def load_source(path: Path, *, name: str, video: Path) -> Source:
    """Read what `save_source` wrote, under the name and path of the video at hand."""
    return Source.from_facts({**load_json(path), "name": name, "path": str(video)})


def save_speech(path: Path, speech: NDArray[np.float64]) -> None:
    """Write intervals of speech, shape (n, 2), seconds."""
    save_json(path, speech.tolist())


def load_speech(path: Path) -> NDArray[np.float64]:
    """Read what `save_speech` wrote, shape (n, 2), seconds."""
    return np.array(load_json(path), dtype=np.float64).reshape(-1, 2)


def save_diarization(path: Path, diarization: Diarization) -> None:
    """Write the speakers' turns and where they overlap."""
    turns = [dataclasses.asdict(turn) for turn in diarization.turns]
    save_json(path, {"turns": turns, "overlap": diarization.overlap.tolist()})


def load_diarization(path: Path) -> Diarization:
    """Read what `save_diarization` wrote."""
    content = load_json(path)
    turns = tuple(SpeakerTurn(**turn) for turn in content["turns"])
    return Diarization(turns, np.array(content["overlap"], dtype=np.float64).reshape(-1, 2))


def save_transcript(path: Path, transcript: Transcript) -> None:
    """Write the recognised words and their language."""
    save_json(path, dataclasses.asdict(transcript))


def load_transcript(path: Path) -> Transcript:
    """Read what `save_transcript` wrote."""
    content = load_json(path)
    return Transcript(
        language=content["language"],
        words=tuple(Word(**word) for word in content["words"]),
        spans=tuple(LanguageSpan(**span) for span in content["spans"]),
    )


def save_utterances(path: Path, utterances: Sequence[Utterance], *, notes: Sequence[str] = ()) -> None:
    """Write utterances with their words, and what a reader should know about where they come from, as JSON."""
    save_json(path, {"utterances": [dataclasses.asdict(utterance) for utterance in utterances], "notes": list(notes)})


def load_utterances(path: Path) -> tuple[Utterance, ...]:
    """Read what `save_utterances` wrote."""
    return tuple(
        Utterance(**{**entry, "words": tuple(Word(**word) for word in entry["words"])})
        for entry in load_json(path)["utterances"]
    )


def load_utterance_notes(path: Path) -> tuple[str, ...]:
    """Read the notes that `save_utterances` wrote."""
    return tuple(load_json(path)["notes"])


def save_stream(path: Path, stream: FeatureStream) -> None:
    """Write a feature stream; values as float32, which is what the model sees."""
    save_arrays(
        path,
        {"times": stream.times, "values": stream.values.astype(np.float32, copy=False), "valid": stream.valid},
        metadata={"names": list(stream.names), "version": stream.version},
    )


def load_stream(path: Path) -> FeatureStream:
    """Read what `save_stream` wrote, in its precision: of three hours it has 0.3 GB."""
    arrays, metadata = load_arrays(path)
    return FeatureStream(
        times=arrays["times"],
        values=arrays["values"],
        names=tuple(metadata["names"]),
        valid=arrays["valid"],
        version=metadata["version"],
    )


def save_modality(path: Path, features: ModalityFeatures, *, more: dict[str, NDArray[Any]] | None = None) -> None:
    """Write one modality's utterance means, with further arrays of one entry per utterance."""
    save_arrays(
        path,
        {"values": features.values, "valid": features.valid, **(more or {})},
        metadata={"names": list(features.names), "version": features.version},
    )


def load_modality(path: Path) -> tuple[ModalityFeatures, dict[str, NDArray[Any]]]:
    """Read what `save_modality` wrote: the features and the further arrays."""
    arrays, metadata = load_arrays(path)
    features = ModalityFeatures(
        values=arrays.pop("values"),
        valid=arrays.pop("valid"),
        names=tuple(metadata["names"]),
        version=metadata["version"],
    )
    return features, arrays


def save_features(path: Path, features: VideoFeatures, *, quality: Sequence[Quality]) -> None:
    """Write a video's features with the quality figures of its utterances."""
    arrays: dict[str, NDArray[Any]] = {}
    columns: dict[str, Any] = {}
    for modality, entry in features.modalities.items():
        arrays[f"{modality}.values"], arrays[f"{modality}.valid"] = entry.values, entry.valid
        columns[modality] = {"names": list(entry.names), "version": entry.version}
    metadata = {
        "columns": columns,
        "quality": [dataclasses.asdict(entry) for entry in quality],
        "speakers": features.speakers,
    }
    save_arrays(path, arrays, metadata=metadata)


def load_features(path: Path, *, video_id: str) -> tuple[VideoFeatures, tuple[Quality, ...]]:
    """Read what `save_features` wrote.

    Parameters
    ----------
    path : Path
    video_id : str
        Two files of the same content share an artefact, so the name is not stored in it.
    """
    arrays, metadata = load_arrays(path)
    modalities = {
        cast(Modality, modality): ModalityFeatures(
            values=arrays[f"{modality}.values"],
            valid=arrays[f"{modality}.valid"],
            names=tuple(entry["names"]),
            version=entry["version"],
        )
        for modality, entry in metadata["columns"].items()
    }
    quality = tuple(Quality(**entry) for entry in metadata["quality"])
    speakers = None if metadata["speakers"] is None else tuple(metadata["speakers"])
    return VideoFeatures(video_id=video_id, modalities=modalities, speakers=speakers), quality


def save_prediction(path: Path, prediction: VideoPrediction) -> None:
    """Write a prediction: attention as arrays, labels as metadata."""
    arrays: dict[str, NDArray[Any]] = {}
    pairs = list(prediction.attention)
    for number, (n1, n2) in enumerate(prediction.attention.values()):
        for name, matrix in (("n1", n1), ("n2", n2)):
            if isinstance(matrix, LargestWeights):
                arrays[f"{number}.{name}.columns"] = matrix.columns
                arrays[f"{number}.{name}.weights"] = matrix.weights
            else:
                arrays[f"{number}.{name}"] = matrix
    utterances = [
        {
            **dataclasses.asdict(entry),
            "emotions": list(entry.emotions),
            "modalities_used": list(entry.modalities_used),
        }
        for entry in prediction.utterances
    ]
    save_arrays(path, arrays, metadata={"pairs": [list(pair) for pair in pairs], "utterances": utterances})


def load_prediction(path: Path) -> VideoPrediction:
    """Read what `save_prediction` wrote."""
    arrays, metadata = load_arrays(path)
    utterances = tuple(
        UtterancePrediction(
            **{**entry, "emotions": tuple(entry["emotions"]), "modalities_used": tuple(entry["modalities_used"])}
        )
        for entry in metadata["utterances"]
    )
    attention = {
        (cast(Modality, x), cast(Modality, y)): (
            _stored_attention(arrays, f"{number}.n1"),
            _stored_attention(arrays, f"{number}.n2"),
        )
        for number, (x, y) in enumerate(metadata["pairs"])
    }
    return VideoPrediction(utterances=utterances, attention=attention)


def _stored_attention(arrays: Mapping[str, NDArray[Any]], name: str) -> AttentionMatrix:
    if name in arrays:
        return arrays[name]
    return LargestWeights(arrays[f"{name}.columns"], arrays[f"{name}.weights"])
