"""Layout ``mmsa``: MOSI, MOSEI and CH-SIMS as the field shares them, clips and one label file.

``Raw/VIDEO/CLIP.mp4`` beside ``label.csv`` with the columns video_id, clip_id, text, label and mode (Mao et al.,
"M-SENA", ACL 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mtmm_video.foundation.errors import DataError, InputError
from mtmm_video.pipeline.corpora.csv_layout import read_rows, read_split
from mtmm_video.pipeline.corpora.label_cells import SENTIMENT_SCALE, Scale, read_sentiment
from mtmm_video.pipeline.corpora.segment import Corpus, LabelledSegment, Problem, SegmentLabels

LABELS = "label.csv"
CLIPS = "Raw"
COLUMNS = ("video_id", "clip_id", "text", "label", "mode")
SIMS_SCALE = Scale(-1, 1)  # Yu et al., "CH-SIMS", ACL 2020
SIMS_COLUMNS = ("label_T", "label_A", "label_V")  # filled in CH-SIMS alone: its labels per modality
CLIP_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".flv", ".wav")


def is_mmsa(folder: Path) -> bool:
    """Tell whether a folder is laid out so."""
    return (folder / LABELS).is_file() and (folder / CLIPS).is_dir()


def read_mmsa(folder: Path, *, sentiment_scale: Scale | None = None) -> Corpus:
    """Read the clips of ``Raw`` with their labels.

    Parameters
    ----------
    folder : Path
        Holds ``label.csv`` and ``Raw``.
    sentiment_scale : Scale, optional
        Range of ``label``; otherwise [-1, 1] where the file has CH-SIMS's labels per modality, [-3, 3] where not.

    Raises
    ------
    DataError
        If the label file is missing or lacks a column.
    """
    path = folder / LABELS
    if not path.is_file():
        raise DataError(f"{folder}: has no {LABELS}; layout mmsa is {CLIPS}/VIDEO/CLIP.mp4 with {LABELS}")
    names, rows = read_rows(path)
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise DataError(f"{path}: lacks the columns {', '.join(missing)}; it has {', '.join(names)}")
    sims = any(cells.get(name, "").strip() for _, cells in rows for name in SIMS_COLUMNS)
    scale = sentiment_scale or (SIMS_SCALE if sims else SENTIMENT_SCALE)
    segments, problems = [], []
    for position, (line, cells) in enumerate(rows):
        origin = f"{path.name}, row {line}"
        try:
            segments.append(_segment(cells, folder=folder, scale=scale, position=position, origin=origin))
        except InputError as error:
            problems.append(Problem(origin, str(error)))
    notes = []
    numbers = [abs(each.labels.sentiment) for each in segments if each.labels.sentiment is not None]
    if sentiment_scale is None and not sims and numbers and max(numbers) <= 1:
        notes.append(
            "No label leaves [-1, 1]: where that is the scale of this corpus, prepare it with --sentiment-range=-1,1."
        )
    return Corpus(folder.name, "mmsa", tuple(segments), tuple(problems), tuple(notes))


def _segment(cells: Mapping[str, str], *, folder: Path, scale: Scale, position: int, origin: str) -> LabelledSegment:
    video, clip = cells["video_id"].strip(), cells["clip_id"].strip()
    if not video or not clip:
        raise InputError("has no video_id or no clip_id")
    sentiment = read_sentiment(cells["label"], scale=scale)
    number, polarity = sentiment if sentiment is not None else (None, None)
    stem = folder / CLIPS / video / clip
    file = next((found for suffix in CLIP_SUFFIXES if (found := stem.with_name(clip + suffix)).is_file()), None)
    return LabelledSegment(
        video=video,
        name=f"{video}[{clip}]",
        file=file or stem.with_name(clip + CLIP_SUFFIXES[0]),
        labels=SegmentLabels(sentiment=number, polarity=polarity),
        text=cells["text"].strip() or None,
        split=read_split(cells["mode"]),
        # Clips are numbered in order of time, but not always listed so.
        position=float(clip) if clip.isdecimal() else float(position),
        origin=origin,
    )
