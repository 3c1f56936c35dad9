"""Acted corpora as utterance tables, with soft labels derived from MOSEI; the photographs of faces.

The checkpoint `plus` is also trained on MOSI (words with COVAREP means), RAVDESS (acted voices) and photographs (acted
faces), the last two measured by the extractors of inference. Acted clips have no MOSEI annotation: their labels are
means over the MOSEI utterances whose strongest emotion is the acted one (`label_profiles`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.frame import Frame
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.visual.facet import facet_stream
from mtmm_video.extractors.visual.names import FACET_NAMES, FACET_VERSION
from mtmm_video.extractors.visual.tracking import track_faces
from mtmm_video.extractors.visual.tracks import VisualTracks
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import Modality, ModalityFeatures
from mtmm_video.model.labels import EMOTIONS, NO_EMOTION
from mtmm_video.model.table import Labels, UtteranceTable
from mtmm_video.pipeline.averaging import masked_mean
from mtmm_video.pipeline.corpora.mosei_labels import read_csv

NEUTRAL = "neutral"  # label of RAVDESS and of the photographs
BLANK_SECONDS = 2.0  # between two photographs, longer than the longest gap in a track


@dataclass(frozen=True)
class Profile:
    """Mean labels of the MOSEI utterances whose strongest emotion is a given one.

    Attributes
    ----------
    positive : float
        Share with sentiment >= 0.
    emotion : ndarray, shape (7,)
        Share with each emotion present, then share with none.
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
    """Return the index of each row's strongest emotion, 6 ("none") without one; -1 without annotation."""
    known = ~np.isnan(labels.emotion_intensity).any(axis=1)
    intensity = np.nan_to_num(labels.emotion_intensity)
    strongest = np.where(intensity.max(axis=1) > 0, intensity.argmax(axis=1), len(EMOTIONS))
    return np.where(known, strongest, -1).astype(np.int64)


def label_profiles(mosei_train: UtteranceTable) -> dict[str, Profile]:
    """Compute soft labels for acted emotions: the mean labels of MOSEI's utterances in which each is the strongest.

    ``neutral`` is the mean of the profiles of "none" and of all utterances. The other emotions in a profile are limited
    to their values in ``neutral``: in MOSEI .42 of the fearful utterances are sad and .38 happy, but because of their
    words; a network trained on voices and faces with these labels predicts sad and happy for all agitated ones.

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
    """Limit the emotions of a profile other than the one at `index` to those of `neutral`."""
    emotion = np.minimum(profile.emotion, neutral.emotion)
    emotion[index] = profile.emotion[index]
    intensity = np.minimum(profile.emotion_intensity, neutral.emotion_intensity)
    intensity[index] = profile.emotion_intensity[index]
    return replace(profile, emotion=emotion, emotion_intensity=intensity)


def profile_labels(emotions: Sequence[str], profiles: Mapping[str, Profile]) -> Labels:
    """Make soft labels for acted clips, one row each."""
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
    """Average each column over its valid frames: a clip of one utterance without word times."""
    mean, valid = masked_mean(stream.values, stream.valid)
    return mean.astype(np.float32), valid


def single_utterances(
    names: Sequence[str],
    *,
    corpus: str,
    emotions: Sequence[str],
    splits: Sequence[str],
    modality: Modality,
    features: ModalityFeatures,
) -> UtteranceTable:
    """Make a table of clips with one utterance each, without labels; corpus names are CORPUS/EMOTION."""
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
    """Detect the face in every photograph of ``index.csv``; photograph i is the frame at 4 i seconds."""
    import cv2  # noqa: PLC0415  only this function decodes images

    index = read_csv(folder / "index.csv", columns=("path", "emotion"))

    def frames() -> Iterator[Frame]:
        for row, path in enumerate(index["path"]):
            picture = cv2.imread(str(folder / path))
            if picture is None:
                raise DataError(f"{folder / path}: is not an image that can be read")
            image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
            yield Frame(2 * BLANK_SECONDS * row, image)
            # A blank frame in between, so that the landmarker detects the next face instead of tracking this one.
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
        Visual only; corpora ``faces/EMOTION``. Photographs without a detected face are omitted, and those of contempt,
        which MOSEI does not annotate. One fifth is in valid; photographs of one person, identified by the file name,
        are in one split.
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
