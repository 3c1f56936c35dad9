"""CMU-MOSEI from label tables: transcripts and annotations as CSV, text features through our own extractor."""

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
    """Read a CSV or CSV.GZ file that must have certain columns.

    Raises
    ------
    DataError
        If it cannot be read or lacks a column.
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


def text_features(texts: list[str], *, glove: GloveVectors) -> ModalityFeatures:
    """Return GloVe utterance means of transcripts as the model takes them, u rows."""
    means = glove.utterance_means(texts)
    return ModalityFeatures(values=means.values, valid=means.valid, names=means.names, version=means.version)


def prepare_labels(folder: Path, *, glove: GloveVectors) -> UtteranceTable:
    """Make the table of CMU-MOSEI from ``{train,valid,test}.csv.gz`` (or ``.csv``): text only.

    Parameters
    ----------
    folder : Path
        Holds the three files. Emotion columns are found by name, so the label order of the SDK's own files plays no
        part; utterances are ordered by ``order_by_text_start``.
    glove : GloveVectors
        The extractor that serves as well.

    Raises
    ------
    DataError
        If a file is missing, lacks a column, or holds annotations out of range.
    """
    frames = []
    for split in SPLITS:
        candidates = [folder / f"{split}.csv.gz", folder / f"{split}.csv"]
        path = next((candidate for candidate in candidates if candidate.is_file()), None)
        if path is None:
            raise DataError(f"{folder}: no {split}.csv.gz or {split}.csv; is this the folder of the MOSEI labels?")
        frame = read_csv(path, columns=COLUMNS)
        if set(frame["split"]) != {split}:
            raise DataError(f"{path}: its split column says {sorted(set(frame['split']))}, its name says {split!r}")
        frames.append(frame.sort_values(["video_id", "order_by_text_start"], kind="stable"))
    every = pd.concat(frames, ignore_index=True)
    return table_of_frame(
        every,
        corpus="mosei",
        labels=Labels.from_intensities(
            every["sentiment"].to_numpy(dtype=np.float32), every[list(EMOTIONS)].to_numpy(dtype=np.float32)
        ),
        glove=glove,
    )


def table_of_frame(frame: pd.DataFrame, *, corpus: str, labels: Labels, glove: GloveVectors) -> UtteranceTable:
    """Make a text-only table of a frame whose rows are grouped by video and in order of time.

    Raises
    ------
    DataError
        If a video stands in two splits.
    """
    groups = frame.groupby("video_id", sort=False)
    splits = groups["split"].agg(["first", "nunique"])
    torn = splits.index[splits["nunique"] > 1]
    if len(torn):
        raise DataError(f"{corpus}: the videos {', '.join(map(str, torn[:5]))} stand in more than one split")
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
