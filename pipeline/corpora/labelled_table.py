"""From measured files to the table that `train`, `evaluate` and `explain` take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import MODALITIES, Modality, ModalityFeatures
from mtmm_video.model.labels import EMOTIONS, SENTIMENT_CLASSES
from mtmm_video.model.table import SPLITS, Labels, UtteranceTable
from mtmm_video.model.word_features import join_words
from mtmm_video.pipeline.corpora.measuring import MeasuredFile, Segment
from mtmm_video.pipeline.corpora.segment import LabelledSegment, SegmentLabels


@dataclass(frozen=True)
class MeasuredSegment:
    """A labelled segment and where it was measured: the file's measurements and the row in them."""

    segment: LabelledSegment
    measured: MeasuredFile
    row: int

    @property
    def text(self) -> str:
        """What is said: as the corpus has it, or as recognised."""
        return self.measured.utterances[self.row].text


def segments_by_file(segments: Sequence[LabelledSegment]) -> dict[Path, list[LabelledSegment]]:
    """Group segments by file, each file's in the order in which they are measured."""
    files: dict[Path, list[LabelledSegment]] = {}
    for segment in segments:
        files.setdefault(segment.file, []).append(segment)
    return files


def segment_of(segment: LabelledSegment) -> Segment:
    """Return what of a segment decides its measurements."""
    return Segment(start=segment.start, end=segment.end, text=segment.text, speaker=segment.speaker)


def make_table(measured: Sequence[MeasuredSegment], *, corpus: str) -> UtteranceTable:
    """Put measured segments together: videos in order of their splits, each video's utterances in order of time.

    Parameters
    ----------
    measured : sequence of MeasuredSegment
        With splits.
    corpus : str
        Name of the corpus.

    Raises
    ------
    DataError
        If there is none, or two files were measured with different columns.
    """
    if not measured:
        raise DataError(f"{corpus}: nothing could be measured")
    order = sorted(
        measured,
        key=lambda each: (
            SPLITS.index(str(each.segment.split)),
            each.segment.video,
            each.segment.position,
            each.segment.name,
        ),
    )
    videos: dict[str, list[MeasuredSegment]] = {}
    for each in order:
        videos.setdefault(each.segment.video, []).append(each)
    known = any(each.segment.speaker is not None for each in order)
    return UtteranceTable(
        video_ids=tuple(videos),
        splits=tuple(str(members[0].segment.split) for members in videos.values()),
        corpora=(corpus,) * len(videos),
        offsets=np.concatenate([[0], np.cumsum([len(members) for members in videos.values()])]).astype(np.int64),
        modalities=_modalities(order),
        labels=labels_of([each.segment.labels for each in order]),
        segments=tuple(each.segment.name for each in order),
        texts=tuple(each.text for each in order),
        speakers=tuple(each.segment.speaker or "" for each in order) if known else None,
        words=join_words([each.measured.words.utterances([each.row]) for each in order]),
    )


def _modalities(order: Sequence[MeasuredSegment]) -> Mapping[Modality, ModalityFeatures]:
    found: dict[Modality, ModalityFeatures] = {}
    for modality in MODALITIES:
        parts = [each.measured.features.modalities.get(modality) for each in order]
        schemas = {(part.version, part.names) for part in parts if part is not None}
        if len(schemas) > 1:
            raise DataError(f"the files have different {modality} columns; prepare the corpus with one version")
        if not schemas:
            continue
        version, names = next(iter(schemas))
        values = np.zeros((len(order), len(names)), np.float32)
        valid = np.zeros(values.shape, np.bool_)
        for row, (each, part) in enumerate(zip(order, parts, strict=True)):
            if part is not None:
                values[row], valid[row] = part.values[each.row], part.valid[each.row]
        if valid.any():
            found[modality] = ModalityFeatures(values, valid, names, version)
    return found


def labels_of(labels: Sequence[SegmentLabels]) -> Labels:
    """Return annotations as the table keeps them.

    A neutral sentiment counts as positive, as 0 does in MOSEI (paper, section 5.1). A sentiment that has a name and no
    number has no intensity, and its name is kept.
    """
    unknown = Labels.unknown(len(labels))
    named = np.full(len(labels), np.nan, np.float32)
    for row, each in enumerate(labels):
        if each.polarity is not None:
            unknown.sentiment[row] = float(each.polarity != "negative")
            if each.sentiment is None:
                named[row] = SENTIMENT_CLASSES.index(each.polarity)
        if each.sentiment is not None:
            unknown.sentiment_intensity[row] = each.sentiment
        if each.emotions is not None:
            present = [each.emotions[name] for name in EMOTIONS]
            unknown.emotion[row] = [*present, float(not any(present))]
        if each.intensities is not None:
            unknown.emotion_intensity[row] = [each.intensities[name] for name in EMOTIONS]
    return unknown if np.isnan(named).all() else replace(unknown, named_sentiment=named)
