"""Features of the single words of measured utterances: the step ``words``, which only a labelled corpus needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.versions import VOICE_FACES_VERSION
from mtmm_video.extractors.visual.names import FACET_VERSION
from mtmm_video.model.features import Modality, ModalityFeatures
from mtmm_video.model.word_features import WordFeatures
from mtmm_video.pipeline.averaging import AVERAGING_VERSION, average_faces, average_words
from mtmm_video.pipeline.job import Job, StepResult
from mtmm_video.pipeline.store.artefact_file import load_arrays, save_arrays
from mtmm_video.pipeline.store.artefacts import load_source, load_speech, load_stream, load_utterances
from mtmm_video.pipeline.utterance import Utterance

WORDS_VERSION = "1"
GLOVE = "glove-6b-50d"
# The steps whose artefacts decide the words: `text` reads nothing of them, but its version says how tokens are made.
READ = ("media", "speech", "utterances", "acoustic", "visual", "text")


def measure_words(job: Job, results: Mapping[str, StepResult]) -> StepResult:
    """Measure every word of a job's utterances, or take them from the store.

    The columns are those that exist for a word: its GloVe vector, and the means of COVAREP and FACET over its frames,
    by the rule of `pipeline.averaging`. A sentence's vector and whisper's states belong to the whole utterance.

    Parameters
    ----------
    job : Job
        Of one track, as a corpus is measured.
    results : mapping of str to StepResult
        Of the steps before, by name.
    """

    def make(path: Path) -> None:
        words = word_features(job, results)
        arrays: dict[str, NDArray[Any]] = {"offsets": words.offsets}
        columns: dict[str, Any] = {}
        for name, block in words.modalities.items():
            arrays |= {f"{name}.values": block.values, f"{name}.valid": block.valid}
            columns[name] = {"names": list(block.names), "version": block.version}
        save_arrays(path, arrays, metadata={"columns": columns})

    parameters = {
        **{name: results[name].key if name in results else None for name in READ},
        "glove": job.fingerprints[GLOVE],
        "averaging": AVERAGING_VERSION,
        "facet": FACET_VERSION,
        "voices": VOICE_FACES_VERSION,
    }
    return job.step("words", version=WORDS_VERSION, parameters=parameters, suffix="safetensors", make=make)


def load_words(path: Path) -> WordFeatures:
    """Read what `measure_words` wrote."""
    arrays, metadata = load_arrays(path)
    return WordFeatures(
        offsets=arrays["offsets"],
        modalities={
            name: ModalityFeatures(
                arrays[f"{name}.values"], arrays[f"{name}.valid"], tuple(entry["names"]), entry["version"]
            )
            for name, entry in metadata["columns"].items()
        },
    )


def word_features(job: Job, results: Mapping[str, StepResult]) -> WordFeatures:
    """Return the words' features; the arguments are those of `measure_words`."""
    # Faces and vectors need libraries that take seconds to load, and a corpus that is in the store needs neither.
    from mtmm_video.extractors.visual.tracks import VisualTracks  # noqa: PLC0415
    from mtmm_video.pipeline.speaker_faces import choose_faces  # noqa: PLC0415
    from mtmm_video.pipeline.text_features import load_glove  # noqa: PLC0415

    source = load_source(results["media"].path, name=job.name, video=job.video)
    spoken = load_utterances(results["utterances"].path)
    words = words_alone(spoken)
    means = load_glove(job.weights[GLOVE]).utterance_means([word.text for word in words])
    modalities: dict[Modality, ModalityFeatures] = {
        "text": ModalityFeatures(means.values, means.valid, means.names, means.version)
    }
    sound = load_stream(results["acoustic"].path)
    if source.has_audio:
        modalities["acoustic"] = average_words(sound, words)
    if source.has_video and "visual" in results:
        tracks = VisualTracks.from_arrays(*load_arrays(results["visual"].path))
        speech = load_speech(results["speech"].path)
        chosen = choose_faces(tracks, spoken, speech=speech, sounds=[sound] if source.has_audio else ())
        faces = [face for face, utterance in zip(chosen, spoken, strict=True) for _word in utterance.words]
        modalities["visual"] = average_faces(faces, words)
    lengths = [len(utterance.words) for utterance in spoken]
    return WordFeatures(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), modalities)


def words_alone(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Return every word as an utterance of its own, in order."""
    return [
        dataclasses.replace(utterance, start=word.start, end=word.end, text=word.text, words=(word,))
        for utterance in utterances
        for word in utterance.words
    ]
