"""CMU-MOSEI from label tables: transcripts and annotations as CSV, text features by the extractors of inference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mtmm_video.extractors.text.glove import GloveVectors
from mtmm_video.foundation.errors import DataError
from mtmm_video.model.features import ModalityFeatures
from mtmm_video.model.labels import EMOTIONS
from mtmm_video.model.table import SPLITS, Labels, UtteranceTable

COLUMNS = ("video_id", "segment_id", "split", "order_by_text_start", "text", "sentiment", *EMOTIONS)


def read_csv(path: Path, *, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a CSV or CSV.GZ file and check its columns.

    Raises
    ------
    DataError
        If it cannot be read, lacks a column, or has no rows.
    """
    try:
        frame = pd.read_csv(path, dtype={"video_id": str, "text": str}, keep_default_na=False, na_values=[""])
    except (OSError, ValueError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a CSV table ({error})") from error
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise DataError(f"{path}: lacks the columns {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}")
    if frame.empty:
        raise DataError(f"{path}: has no rows")
    return frame


def read_split(folder: Path, split: str, *, columns: tuple[str, ...] = COLUMNS) -> pd.DataFrame:
    """Read the labels of one split of CMU-MOSEI, ``<split>.csv.gz`` or ``<split>.csv``, in the order of the file.

    Raises
    ------
    DataError
        If the file is missing, cannot be read, lacks a column, or has rows of another split.
    """
    candidates = [folder / f"{split}.csv.gz", folder / f"{split}.csv"]
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None:
        raise DataError(f"{folder}: no {split}.csv.gz or {split}.csv; is this the folder of the MOSEI labels?")
    frame = read_csv(path, columns=("split", *columns))
    if set(frame["split"]) != {split}:
        raise DataError(f"{path}: its split column has {sorted(set(frame['split']))}, its name has {split!r}")
    return frame


def text_features(texts: list[str], *, glove: GloveVectors) -> ModalityFeatures:
    """Compute GloVe utterance means of transcripts, u rows."""
    means = glove.utterance_means(texts)
    return ModalityFeatures(values=means.values, valid=means.valid, names=means.names, version=means.version)


def prepare_labels(folder: Path, *, glove: GloveVectors) -> UtteranceTable:
    """Make the table of CMU-MOSEI from ``{train,valid,test}.csv.gz`` (or ``.csv``): text only.

    Parameters
    ----------
    folder : Path
        Contains the three files. Emotion columns are selected by name, independent of their order; utterances are
        ordered by ``order_by_text_start``.
    glove : GloveVectors
        The word vectors, also used for inference.

    Raises
    ------
    DataError
        If a file is missing, lacks a column, or has annotations out of range.
    """
    frames = [read_split(folder, split) for split in SPLITS]
    ordered = [frame.sort_values(["video_id", "order_by_text_start"], kind="stable") for frame in frames]
    every = pd.concat(ordered, ignore_index=True)
    return table_of_frame(
        every,
        corpus="mosei",
        labels=Labels.from_intensities(
            every["sentiment"].to_numpy(dtype=np.float32), every[list(EMOTIONS)].to_numpy(dtype=np.float32)
        ),
        glove=glove,
    )


def table_of_frame(frame: pd.DataFrame, *, corpus: str, labels: Labels, glove: GloveVectors) -> UtteranceTable:
    """Make a text-only table of a frame with rows grouped by video and in order of time.

    Raises
    ------
    DataError
        If a video is in two splits.
    """
    groups = frame.groupby("video_id", sort=False)
    splits = groups["split"].agg(["first", "nunique"])
    torn = splits.index[splits["nunique"] > 1]
    if len(torn):
        raise DataError(f"{corpus}: the videos {', '.join(map(str, torn[:5]))} are in more than one split")
    sizes = groups.size()
    texts = ["" if pd.isna(text) else str(text) for text in frame["text"]]
    return UtteranceTable(
        video_ids=tuple(map(str, sizes.index)),
        splits=tuple(splits["first"]),
        corpora=(corpus,) * len(sizes),
        offsets=np.concatenate([[0], np.cumsum(sizes.to_numpy())]).astype(np.int64),
        modalities={"text": text_features(texts, glove=glove)},
        labels=labels,
        segments=tuple(
            f"{video}[{segment}]" for video, segment in zip(frame["video_id"], frame["segment_id"], strict=True)
        ),
        texts=tuple(texts),
    )
