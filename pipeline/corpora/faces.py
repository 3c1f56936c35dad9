"""The corpora that `plus` learns from beside MOSEI, as utterance tables: each has the modalities it has.

MOSI gives words with real COVAREP means; RAVDESS gives acted voices and the photographs faces, both measured by our own
extractors, so what is learnt is what is served. An acted clip carries no MOSEI annotation. It stands for the MOSEI
utterances whose strongest emotion is the acted one: its labels are made of their mean labels (`label_profiles`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual import FACET_NAMES, FACET_VERSION, VisualTracks, track_faces
from mtmm_video.extractors.visual.facet import facet_stream
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import Modality, ModalityFeatures
from mtmm_video.model.labels import EMOTIONS, NO_EMOTION
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.pipeline.corpora.mosei_labels import read_csv
from mtmm_video.pipeline.text_features import SENTENCE, text_features

NEUTRAL = "neutral"  # of RAVDESS and of the photographs: next to no evidence
BLANK_SECONDS = 2.0  # between two photographs, longer than a track survives


@dataclass(frozen=True)
class Profile:
    """What MOSEI says about utterances whose strongest emotion is a given one.

    Attributes
    ----------
    positive : float
        Share with sentiment >= 0.
    emotion : ndarray, shape (7,)
        Share with each emotion present, then with none.
    sentiment_intensity : float
        Mean sentiment.
    emotion_intensity : ndarray, shape (6,)
        Mean intensities.
    share : float
        Of all utterances.
    """

    positive: float
    emotion: NDArray[np.floating]
    sentiment_intensity: float
    emotion_intensity: NDArray[np.floating]
    share: float


def strongest_emotions(labels: Labels) -> NDArray[np.int64]:
    """Index of each row's strongest emotion, 6 ("none") where there is none; -1 where nothing is known."""
    known = ~np.isnan(labels.emotion_intensity).any(axis=1)
    intensity = np.nan_to_num(labels.emotion_intensity)
    strongest = np.where(intensity.max(axis=1) > 0, intensity.argmax(axis=1), len(EMOTIONS))
    return np.where(known, strongest, -1).astype(np.int64)


def label_profiles(mosei_train: UtteranceTable) -> dict[str, Profile]:
    """Return the labels of a clip by its acted emotion: the mean ones of MOSEI's utterances where it is the strongest.

    ``neutral`` lies between "none" and all. An acted emotion says of the others at most what ``neutral`` says: in MOSEI
    .42 of the fearful utterances are sad and .38 happy, but that is of their words, and a network that learns it from
    voices and faces takes every agitated one for sad and for happy.

    Parameters
    ----------
    mosei_train : UtteranceTable
        With the annotators' labels.

    Returns
    -------
    dict of str to Profile
        By the names of the emotions, `NO_EMOTION` and `NEUTRAL`.
    """
    labels = mosei_train.labels
    strongest = strongest_emotions(labels)

    def profile(rows: NDArray[np.bool_]) -> Profile:
        return Profile(
            positive=float(labels.sentiment[rows].mean()),
            emotion=labels.emotion[rows].mean(axis=0),
            sentiment_intensity=float(labels.sentiment_intensity[rows].mean()),
            emotion_intensity=labels.emotion_intensity[rows].mean(axis=0),
            share=float(rows.mean()),
        )

    found = {name: profile(strongest == index) for index, name in enumerate((*EMOTIONS, NO_EMOTION))}
    every, none = profile(strongest >= 0), found[NO_EMOTION]
    found[NEUTRAL] = Profile(
        positive=(every.positive + none.positive) / 2,
        emotion=(every.emotion + none.emotion) / 2,
        sentiment_intensity=(every.sentiment_intensity + none.sentiment_intensity) / 2,
        emotion_intensity=(every.emotion_intensity + none.emotion_intensity) / 2,
        share=none.share,
    )
    return found | {
        name: _own_alone(found[name], index=index, neutral=found[NEUTRAL]) for index, name in enumerate(EMOTIONS)
    }


def _own_alone(profile: Profile, *, index: int, neutral: Profile) -> Profile:
    """Return the profile with the emotions other than the one at `index` no higher than in `neutral`."""
    emotion = np.minimum(profile.emotion, neutral.emotion)
    emotion[index] = profile.emotion[index]
    intensity = np.minimum(profile.emotion_intensity, neutral.emotion_intensity)
    intensity[index] = profile.emotion_intensity[index]
    return replace(profile, emotion=emotion, emotion_intensity=intensity)


def profile_labels(emotions: Sequence[str], profiles: Mapping[str, Profile]) -> Labels:
    """Soft labels for acted clips, one row each."""
    chosen = [profiles[name] for name in emotions]
    return Labels(
        sentiment=np.array([profile.positive for profile in chosen], np.float32),
        emotion=np.array([profile.emotion for profile in chosen], np.float32).reshape(-1, len(EMOTIONS) + 1),
        sentiment_intensity=np.array([profile.sentiment_intensity for profile in chosen], np.float32),
        emotion_intensity=np.array([profile.emotion_intensity for profile in chosen], np.float32).reshape(
            -1, len(EMOTIONS)
        ),
    )


def stream_mean(stream: FeatureStream) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Mean of each column over its valid frames: a clip of one utterance without word times."""
    count = stream.valid.sum(axis=0)
    total = np.where(stream.valid, stream.values, 0.0).sum(axis=0)
    return (total / np.maximum(count, 1)).astype(np.float32), count > 0


def single_utterances(
    names: Sequence[str],
    *,
    corpus: str,
    emotions: Sequence[str],
    splits: Sequence[str],
    modality: Modality,
    features: ModalityFeatures,
) -> UtteranceTable:
    """Make a table in which every clip is a video of one utterance, without labels; corpus names are CORPUS/EMOTION."""
    return UtteranceTable(
        video_ids=tuple(names),
        splits=tuple(splits),
        corpora=tuple(f"{corpus}/{emotion}" for emotion in emotions),
        offsets=np.arange(len(names) + 1, dtype=np.int64),
        modalities={modality: features},
        labels=Labels.unknown(len(names)),
        segments=tuple(names),
        texts=("",) * len(names),
    )


def photograph_tracks(folder: Path, *, landmarker: Path) -> VisualTracks:
    """Find the face of every photograph of ``index.csv``; photograph i is the frame at 4 i seconds."""
    import cv2  # noqa: PLC0415  only this function decodes pictures

    index = read_csv(folder / "index.csv", columns=("path", "emotion"))

    def frames() -> Iterator[Frame]:
        for row, path in enumerate(index["path"]):
            picture = cv2.imread(str(folder / path))
            if picture is None:
                raise DataError(f"{folder / path}: is no picture that can be read")
            image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
            yield Frame(2 * BLANK_SECONDS * row, image)
            # A blank in between, so that the landmarker looks for the next face anew instead of following this one.
            yield Frame(2 * BLANK_SECONDS * row + BLANK_SECONDS, np.zeros((64, 64, 3), np.uint8))

    return track_faces(frames(), landmarker=landmarker, maximum_faces=1)


def faces_table(folder: Path, *, tracks: VisualTracks) -> UtteranceTable:
    """Make one-frame utterances of the photographs.

    Parameters
    ----------
    folder : Path
        With ``index.csv`` (path, emotion).
    tracks : VisualTracks
        From `photograph_tracks`.

    Returns
    -------
    UtteranceTable
        Visual only; corpora ``faces/EMOTION``. Photographs without a face found are left out, contempt too: MOSEI does
        not know it. Every fifth is in valid; two pictures of one person stay together, where the name tells.
    """
    index = read_csv(folder / "index.csv", columns=("path", "emotion"))
    names, emotions, splits, rows, masks = [], [], [], [], []
    for track in np.unique(tracks.track):
        stream = facet_stream(tracks, track=int(track))
        row = round(float(stream.times[0]) / (2 * BLANK_SECONDS))
        emotion = str(index["emotion"].iloc[row])
        if emotion not in (*EMOTIONS, NEUTRAL):
            continue
        path = str(index["path"].iloc[row])
        person = Path(path).stem.rsplit("_", 1)[0]
        mean, valid = stream_mean(stream)
        names.append(path)
        emotions.append(emotion)
        splits.append("valid" if sum(person.encode()) % 5 == 0 else "train")
        rows.append(mean)
        masks.append(valid)
    features = ModalityFeatures(np.array(rows), np.array(masks), FACET_NAMES, FACET_VERSION)
    return single_utterances(
        names, corpus="faces", emotions=emotions, splits=splits, modality="visual", features=features
    )


def joined_text(texts: Sequence[str], *, glove: Path, sentence: Path) -> ModalityFeatures:
    """Return GloVe means and sentence vectors side by side, as the analysis computes them."""
    return text_features(texts, extractors=("glove-6b-50d", SENTENCE), glove=glove, sentence=sentence).features
