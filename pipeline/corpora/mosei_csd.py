"""CMU-MOSEI and MOSI from the SDK's ``.csd`` files: three streams averaged over words, then utterances."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtmm_video.extractors.acoustic.columns import COVAREP_NAMES, COVAREP_VERSION
from mtmm_video.extractors.speech.words import Word
from mtmm_video.extractors.stream import FeatureStream
from mtmm_video.extractors.text.glove import SILENCE_MARK, GloveVectors
from mtmm_video.extractors.visual.names import FACET_NAMES, FACET_VERSION
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import MODALITIES, Modality, ModalityFeatures
from mtmm_video.model.labels import EMOTIONS, SENTIMENT_RANGE
from mtmm_video.model.table import SPLITS, Labels, UtteranceTable
from mtmm_video.pipeline.averaging import average_words
from mtmm_video.pipeline.corpora.csd_reader import (
    EMOTION_COLUMNS,
    SENTIMENT_COLUMNS,
    ComputationalSequence,
    Content,
    OtherContentError,
    Rows,
    open_sequence,
    word_text,
)
from mtmm_video.pipeline.corpora.mosei_labels import text_features
from mtmm_video.pipeline.utterance import Utterance

# Splits by corpus. MOSI's test is the official one, its valid part that of `pipeline.corpora.mosi`.
FOLDS = {corpus: Path(__file__).parent / f"{corpus}_folds.json" for corpus in ("mosei", "mosi")}
# The order of the SDK's label file, which differs from the paper's; used if the metadata does not specify it.
SDK_LABELS = ("sentiment", "happy", "sad", "anger", "surprise", "disgust", "fear")
SYNONYMS = {"happiness": "happy", "sadness": "sad", "angry": "anger", "surprised": "surprise"}
VECTORS_VERSION = "glove-840b-{width}d/sdk"  # the SDK's word vectors, which no extractor of mtmm-video computes


@dataclass(frozen=True)
class Missing:
    """Missing data in the files.

    Attributes
    ----------
    no_fold : tuple of str
        Labelled videos that are in no official fold; omitted from the table.
    segments : mapping of Modality to tuple of str
        Segments without data of the modality; kept in the table and masked.
    not_finite : mapping of Modality to int
        Number of NaN and infinite values in the files; marked invalid.
    left_out : tuple of str
        Why files of the folder are not in the table: their features are none of its modalities.
    """

    no_fold: tuple[str, ...]
    segments: Mapping[Modality, tuple[str, ...]]
    not_finite: Mapping[Modality, int]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Video:
    """The rows of one video in the table."""

    labels: Labels
    texts: tuple[str, ...]
    modalities: Mapping[Modality, ModalityFeatures]
    segments: tuple[str, ...]
    not_finite: Mapping[Modality, int]


def official_folds(corpus: str = "mosei") -> dict[str, str]:
    """Return the split of every video of ``mosei`` or ``mosi``, by video id."""
    folds = json.loads(FOLDS[corpus].read_text(encoding="utf-8"))
    return {video: split for split in SPLITS for video in folds[split]}


def find_sequences(folder: Path, stack: ExitStack) -> tuple[dict[Content, ComputationalSequence], tuple[str, ...]]:
    """Open every ``.csd`` file of a folder, and identify each by its content.

    Returns
    -------
    sequences : dict of Content to ComputationalSequence
    left_out : tuple of str
        Why other files of the folder are none of these: the SDK's folder has openSMILE's features, too, for instance.

    Raises
    ------
    DataError
        If there is none, one is damaged, two have the same content, or words or labels are missing.
    """
    found: dict[Content, ComputationalSequence] = {}
    left_out: list[str] = []
    paths = sorted(folder.glob("*.csd"))
    if not paths:
        raise DataError(f"{folder}: has no .csd file")
    for path in paths:
        try:
            sequence = stack.enter_context(open_sequence(path))
        except OtherContentError as error:
            left_out.append(str(error))
            continue
        if sequence.content in found:
            raise DataError(
                f"{path}: has {sequence.content}, and so does {found[sequence.content].path}; keep one of them"
            )
        found[sequence.content] = sequence
    if "labels" not in found:
        others = "".join(f"; {reason}" for reason in left_out)
        raise DataError(
            f"{folder}: none of its .csd files has labels ({len(SDK_LABELS)} columns, or one of sentiment){others}"
        )
    if "words" not in found and "word_vectors" not in found:
        raise DataError(f"{folder}: none of its .csd files has words or word vectors; their intervals are needed")
    return found, tuple(left_out)


def prepare_sequences(
    folder: Path, *, glove: GloveVectors | None, folds: Mapping[str, str] | None = None
) -> tuple[UtteranceTable, Missing]:
    """Make the table of CMU-MOSEI or CMU-MOSI from a folder of ``.csd`` files.

    Each stream is averaged by `pipeline.averaging.average_words`, as in the analysis of a video: over each word of an
    utterance first, then over the utterance (paper, section 5.2). A word is assigned to the segment that contains its
    middle. One video is in memory at a time.

    Parameters
    ----------
    folder : Path
        Labels, and words or word vectors, are required; COVAREP and FACET are optional.
    glove : GloveVectors or None
        Required for a sequence of words; not used for word vectors.
    folds : mapping of str to str, or None
        Split by video id; None takes those of the corpus that most of the labelled videos belong to.

    Raises
    ------
    DataError
        If a file is damaged or has other contents, or labels are out of range.
    """
    with ExitStack() as stack:
        sequences, left_out = find_sequences(folder, stack)
        if "words" in sequences and glove is None:
            raise DataError(f"{sequences['words'].path}: words need GloVe vectors: run `mtmm-video weights fetch`")
        labelled = sequences["labels"].videos
        known = {corpus: official_folds(corpus) for corpus in FOLDS}
        corpus = max(known, key=lambda name: sum(video in known[name] for video in labelled))
        folds = known[corpus] if folds is None else folds
        order = [video for split in SPLITS for video in sorted(labelled) if folds.get(video) == split]
        if not order:
            raise DataError(
                f"{sequences['labels'].path}: none of its {len(labelled)} videos is in a fold of MOSEI or MOSI"
            )
        videos = [read_video(video, sequences, glove=glove) for video in order]
    modalities: dict[Modality, ModalityFeatures] = {}
    for modality in MODALITIES:
        parts = [video.modalities[modality] for video in videos if modality in video.modalities]
        if parts:
            modalities[modality] = ModalityFeatures(
                values=np.concatenate([part.values for part in parts]),
                valid=np.concatenate([part.valid for part in parts]),
                names=parts[0].names,
                version=parts[0].version,
            )
    segments = tuple(segment for video in videos for segment in video.segments)
    table = UtteranceTable(
        video_ids=tuple(order),
        splits=tuple(folds[video] for video in order),
        corpora=(corpus,) * len(order),
        offsets=np.concatenate([[0], np.cumsum([len(video.segments) for video in videos])]).astype(np.int64),
        modalities=modalities,
        labels=Labels(
            sentiment=np.concatenate([video.labels.sentiment for video in videos]),
            emotion=np.concatenate([video.labels.emotion for video in videos]),
            sentiment_intensity=np.concatenate([video.labels.sentiment_intensity for video in videos]),
            emotion_intensity=np.concatenate([video.labels.emotion_intensity for video in videos]),
        ),
        segments=segments,
        texts=tuple(text for video in videos for text in video.texts),
    )
    missing = Missing(
        no_fold=tuple(sorted(video for video in labelled if video not in folds)),
        segments={
            modality: tuple(segments[row] for row in np.flatnonzero(~features.present))
            for modality, features in modalities.items()
        },
        not_finite={modality: sum(video.not_finite.get(modality, 0) for video in videos) for modality in modalities},
        left_out=left_out,
    )
    return table, missing


def read_video(video: str, sequences: Mapping[Content, ComputationalSequence], *, glove: GloveVectors | None) -> Video:
    """Read, align and average one video."""
    label_rows = sequences["labels"].read(video)
    labels = read_labels(label_rows, sequences["labels"], video=video)
    utterances = cut_utterances(video, label_rows.intervals, sequences)
    texts = tuple(utterance.text for utterance in utterances)
    modalities: dict[Modality, ModalityFeatures] = {}
    not_finite: dict[Modality, int] = {}
    if "words" in sequences and glove is not None:
        modalities["text"] = text_features(list(texts), glove=glove)
        texts_known = texts
    else:
        texts_known = ("",) * len(texts)
    streams: list[tuple[Modality, Content, tuple[str, ...], str]] = [
        ("acoustic", "acoustic", COVAREP_NAMES, COVAREP_VERSION),
        ("visual", "visual", FACET_NAMES, FACET_VERSION),
    ]
    if "words" not in sequences:
        width = sequences["word_vectors"].width
        names = tuple(f"glove840b_{index:03d}" for index in range(width))
        streams.insert(0, ("text", "word_vectors", names, VECTORS_VERSION.format(width=width)))
    for modality, content, names, version in streams:
        source = sequences.get(content)
        if source is None:
            continue
        if video in source:
            stream, not_finite[modality] = stream_of(source.read(video), names=names, version=version, source=source)
        else:
            stream = FeatureStream.empty(names, version=version)
        modalities[modality] = average_words(stream, utterances)
    return Video(
        labels=labels,
        texts=texts_known,
        modalities=modalities,
        segments=tuple(f"{video}[{index}]" for index in range(len(utterances))),
        not_finite=not_finite,
    )


def read_labels(rows: Rows, sequence: ComputationalSequence, *, video: str) -> Labels:
    """Convert the annotations of one video to the paper's order.

    Raises
    ------
    DataError
        If the metadata names other columns, or an annotation is out of range.
    """
    if sequence.width == SENTIMENT_COLUMNS:
        return _sentiment_alone(rows.features[:, 0].astype(np.float32), sequence, video=video)
    expected = SDK_LABELS[1:] if sequence.width == EMOTION_COLUMNS else SDK_LABELS
    plain = [name.strip().casefold() for name in sequence.dimension_names() or expected]
    given = tuple(SYNONYMS.get(name, name) for name in plain)
    if sorted(given) != sorted(expected):
        raise DataError(f"{sequence.path}: its label columns are {', '.join(given)}, expected {', '.join(expected)}")
    values = rows.features.astype(np.float32)
    sentiment = values[:, given.index("sentiment")] if "sentiment" in given else np.zeros(len(values), np.float32)
    emotions = values[:, [given.index(emotion) for emotion in EMOTIONS]]
    low, high = SENTIMENT_RANGE
    outside = np.flatnonzero((sentiment < low) | (sentiment > high) | (emotions < 0).any(axis=1))
    if len(outside):
        raise DataError(
            f"{sequence.path}: {video}[{outside[0]}] has labels {values[outside[0]].tolist()}; sentiment must lie in "
            f"[{low:g}, {high:g}] and emotions must not be negative"
        )
    labels = Labels.from_intensities(sentiment, emotions)
    if "sentiment" in given:
        return labels
    unknown = Labels.unknown(len(values))
    return replace(labels, sentiment=unknown.sentiment, sentiment_intensity=unknown.sentiment_intensity)


def _sentiment_alone(sentiment: NDArray[np.float32], sequence: ComputationalSequence, *, video: str) -> Labels:
    low, high = SENTIMENT_RANGE
    outside = np.flatnonzero(~((sentiment >= low) & (sentiment <= high)))
    if len(outside):
        raise DataError(
            f"{sequence.path}: {video}[{outside[0]}] has sentiment {sentiment[outside[0]]:g}; it must lie in "
            f"[{low:g}, {high:g}]"
        )
    positive = (sentiment >= 0).astype(np.float32)
    return replace(Labels.unknown(len(sentiment)), sentiment=positive, sentiment_intensity=sentiment)


def cut_utterances(
    video: str, intervals: NDArray[np.float64], sequences: Mapping[Content, ComputationalSequence]
) -> tuple[Utterance, ...]:
    """Assign every word to the segment that contains its middle.

    Parameters
    ----------
    video : str
        Id of the video.
    intervals : ndarray, shape (u, 2)
        Segments in seconds, in order of time.
    sequences : mapping of Content to ComputationalSequence
        Words, or word vectors, of which only the intervals are used.
    """
    source = sequences.get("words") or sequences["word_vectors"]
    words: list[Word] = []
    if video in source:
        rows = source.read(video)
        for feature, (start, end) in zip(rows.features, rows.intervals, strict=True):
            # A vector of zeros is a pause or an unknown word.
            text = word_text(feature[0]).strip() if source.content == "words" else "*" * bool(np.any(feature))
            if text and text != SILENCE_MARK and end >= start:
                words.append(Word(text=text, start=float(start), end=float(end)))
    middles = np.asarray([(word.start + word.end) / 2 for word in words], dtype=np.float64)
    utterances = []
    for index, (start, end) in enumerate(intervals):
        inside = np.flatnonzero((middles >= start) & (middles < end))
        own = tuple(words[position] for position in inside)
        utterances.append(
            Utterance(
                index=index, start=float(start), end=float(end), text=" ".join(word.text for word in own), words=own
            )
        )
    return tuple(utterances)


def stream_of(
    rows: Rows, *, names: tuple[str, ...], version: str, source: ComputationalSequence
) -> tuple[FeatureStream, int]:
    """Convert a video's rows to a stream; NaN and infinities are marked invalid and counted.

    Raises
    ------
    DataError
        If the number of columns is not that of `names`.
    """
    if rows.features.shape[1] != len(names):
        raise DataError(f"{source.path}: a video has {rows.features.shape[1]} columns, expected {len(names)}")
    values = rows.features.astype(np.float64)
    finite = np.isfinite(values)
    # A row of zeros is a frame without a face in FACET, and an unknown word in word vectors.
    valid = finite if source.content == "acoustic" else finite & values.any(axis=1, keepdims=True)
    stream = FeatureStream(
        times=rows.intervals.mean(axis=1),
        values=np.where(finite, values, 0.0),
        names=names,
        valid=valid,
        version=version,
    )
    return stream, int((~finite).sum())
