"""`UtteranceTable`: the utterances of many videos with their labels and splits, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mtmm_video.foundation.errors import DataError, InputError
from mtmm_video.foundation.files import atomic_path
from mtmm_video.model.annotations import Labels
from mtmm_video.model.features import MODALITIES, Modality, ModalityFeatures, VideoFeatures
from mtmm_video.model.word_features import WordFeatures, join_words

FORMAT = "mtmm-video-table/3"
# 1 knew neither speakers nor sentiments by name, 2 no words.
READABLE = (FORMAT, "mtmm-video-table/2", "mtmm-video-table/1")
SPLITS = ("train", "valid", "test")
WORDS = "words."  # before the names of what a file keeps of single words

__all__ = ["SPLITS", "Labels", "UtteranceTable", "absent_features", "concatenate"]


@dataclass(frozen=True)
class UtteranceTable:
    """Utterances of many videos, grouped by video, each video's in order of time.

    Attributes
    ----------
    video_ids, splits, corpora : tuple of str, length v
        Per video: its name, "train", "valid" or "test", and its corpus.
    offsets : ndarray of int64, shape (v + 1,)
        Rows of video k are ``offsets[k]`` to ``offsets[k + 1]``.
    modalities : mapping of Modality to ModalityFeatures
        Utterance means of all n rows, without modalities that are absent in all rows.
    labels : Labels
        Of all n rows.
    segments, texts : tuple of str, length n
        Names of the utterances in their corpus, and transcripts.
    speakers : tuple of str, length n, or None
        Who says each utterance, "" where that is not known; None where it is known of no utterance, and each video is
        taken as one speaker's.
    words : WordFeatures or None
        The words of all n rows, where the corpus was measured word by word; None where only the means are known.

    Raises
    ------
    DataError
        If the parts disagree in length.
    """

    video_ids: tuple[str, ...]
    splits: tuple[str, ...]
    corpora: tuple[str, ...]
    offsets: NDArray[np.int64]
    modalities: Mapping[Modality, ModalityFeatures]
    labels: Labels
    segments: tuple[str, ...]
    texts: tuple[str, ...]
    speakers: tuple[str, ...] | None = None
    words: WordFeatures | None = None

    def __post_init__(self) -> None:
        videos, rows = len(self.video_ids), len(self.labels)
        lengths = {name: len(features.values) for name, features in self.modalities.items()}
        if not (
            len(self.splits) == len(self.corpora) == videos
            and len(self.offsets) == videos + 1
            and len(self.segments) == len(self.texts) == rows == int(self.offsets[-1])
            and (self.speakers is None or len(self.speakers) == rows)
            and (self.words is None or len(self.words) == rows)
            and all(length == rows for length in lengths.values())
        ):
            raise DataError(
                f"UtteranceTable: {videos} videos, {rows} labels, {len(self.segments)} segments and {lengths} feature "
                "rows do not match"
            )
        if self.offsets[0] != 0 or (np.diff(self.offsets) < 0).any():
            raise DataError(f"UtteranceTable: offsets {self.offsets[:5].tolist()}... do not begin at 0 or decrease")
        strange = sorted(set(self.splits) - set(SPLITS))
        if strange:
            raise DataError(f"UtteranceTable: splits {strange} unknown; they are {', '.join(SPLITS)}")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Utterances per video, shape (v,)."""
        return np.diff(self.offsets)

    @property
    def video_of_row(self) -> NDArray[np.int64]:
        """Index of each row's video, shape (n,)."""
        return np.repeat(np.arange(len(self.video_ids)), self.lengths)

    @property
    def speaker_of_row(self) -> NDArray[np.int64]:
        """Number of each row's speaker, from 0, shape (n,); a person has a different number in each video."""
        if self.speakers is None:
            return self.video_of_row
        names = np.array(self.speakers, dtype=np.str_)
        own = np.unique(names, return_inverse=True)[1] if len(names) else np.zeros(0, np.int64)
        pairs = self.video_of_row * (len(names) + 1) + own
        return np.asarray(np.unique(pairs, return_inverse=True)[1], np.int64)

    def video(self, index: int) -> VideoFeatures:
        """Return the features of one video, the input of the model."""
        rows = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        return VideoFeatures(
            video_id=self.video_ids[index],
            modalities={
                name: replace(features, values=features.values[rows], valid=features.valid[rows])
                for name, features in self.modalities.items()
            },
            speakers=None if self.speakers is None else self.speakers[rows],
        )

    def videos(self, indices: Sequence[int]) -> UtteranceTable:
        """Return a table of some videos, in the order of `indices`."""
        chosen = [np.arange(self.offsets[index], self.offsets[index + 1]) for index in indices]
        rows = np.concatenate(chosen).astype(np.intp) if chosen else np.zeros(0, dtype=np.intp)
        return UtteranceTable(
            video_ids=tuple(self.video_ids[index] for index in indices),
            splits=tuple(self.splits[index] for index in indices),
            corpora=tuple(self.corpora[index] for index in indices),
            offsets=np.concatenate([[0], np.cumsum([len(part) for part in chosen])]).astype(np.int64),
            modalities={
                name: replace(features, values=features.values[rows], valid=features.valid[rows])
                for name, features in self.modalities.items()
            },
            labels=self.labels.rows(rows),
            segments=tuple(self.segments[row] for row in rows),
            texts=tuple(self.texts[row] for row in rows),
            speakers=None if self.speakers is None else tuple(self.speakers[row] for row in rows),
            words=None if self.words is None else self.words.utterances(rows),
        )

    def split(self, name: str) -> UtteranceTable:
        """Return the videos of one split.

        Raises
        ------
        DataError
            If the table has no utterance in that split.
        """
        table = self.videos([index for index, split in enumerate(self.splits) if split == name])
        if len(table) == 0:
            present = sorted(set(self.splits))
            raise DataError(
                f"the table has no utterance in split {name!r}; it has {', '.join(present) or 'none at all'}"
            )
        return table

    def with_modalities(self, names: Sequence[Modality]) -> UtteranceTable:
        """Return the table with only some modalities.

        Raises
        ------
        DataError
            If the table lacks one of them.
        """
        missing = [name for name in names if name not in self.modalities]
        if missing:
            raise DataError(f"the table has no {', '.join(missing)} features; it has {', '.join(self.modalities)}")
        return replace(
            self,
            modalities={name: self.modalities[name] for name in MODALITIES if name in names},
            words=None if self.words is None else self.words.with_modalities(names),
        )

    def save(self, path: Path) -> None:
        """Write the table as one safetensors file, atomically.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        tensors: dict[str, NDArray[np.generic]] = {
            "offsets": self.offsets,
            "labels.sentiment": self.labels.sentiment,
            "labels.emotion": self.labels.emotion,
            "labels.sentiment_intensity": self.labels.sentiment_intensity,
            "labels.emotion_intensity": self.labels.emotion_intensity,
            # Strings are stored as UTF-8 JSON: safetensors stores numbers only, and its header is limited in size.
            "strings": np.frombuffer(
                json.dumps(
                    {
                        "video_ids": self.video_ids,
                        "splits": self.splits,
                        "corpora": self.corpora,
                        "segments": self.segments,
                        "texts": self.texts,
                        **({} if self.speakers is None else {"speakers": self.speakers}),
                    }
                ).encode(),
                dtype=np.uint8,
            ),
        }
        if self.labels.named_sentiment is not None:
            tensors["labels.named_sentiment"] = self.labels.named_sentiment
        blocks = _blocks(self)
        for name, features in blocks.items():
            tensors[f"{name}.values"] = features.values
            tensors[f"{name}.valid"] = features.valid
        if self.words is not None:
            tensors["words.offsets"] = self.words.offsets
        # safetensors ignores strides: a transposed array would be stored in the wrong order.
        tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        columns = {name: {"names": f.names, "version": f.version} for name, f in blocks.items()}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={"format": FORMAT, "columns": json.dumps(columns, sort_keys=True)})

    @classmethod
    def load(cls, path: Path) -> UtteranceTable:
        """Read a table written by `save`.

        Raises
        ------
        DataError
            If the file is missing, damaged, or not a table.
        """
        if not path.is_file():
            raise DataError(f"{path}: no such table; make one with `mtmm-video corpus prepare`")
        try:
            with safe_open(path, framework="np") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") not in READABLE:
                    raise DataError(
                        f"{path}: not an utterance table of this version ({metadata.get('format', 'no format given')})"
                        "; make one with `mtmm-video corpus prepare`"
                    )
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            strings = json.loads(tensors["strings"].tobytes())
            if not all(isinstance(text, str) for texts in strings.values() for text in _listed(texts)):
                raise DataError(f"{path}: not an utterance table, or damaged (its texts are no texts)")
            if tensors["offsets"].ndim != 1 or tensors["offsets"].dtype.kind != "i":
                raise DataError(f"{path}: not an utterance table, or damaged (its offsets are no row numbers)")
            columns = json.loads(metadata["columns"])
            words = None
            if "words.offsets" in tensors:
                words = WordFeatures(tensors["words.offsets"], _features(tensors, columns, prefix=WORDS))
            return cls(
                video_ids=tuple(strings["video_ids"]),
                splits=tuple(strings["splits"]),
                corpora=tuple(strings["corpora"]),
                offsets=tensors["offsets"],
                modalities=_features(tensors, columns),
                labels=Labels(
                    sentiment=tensors["labels.sentiment"],
                    emotion=tensors["labels.emotion"],
                    sentiment_intensity=tensors["labels.sentiment_intensity"],
                    emotion_intensity=tensors["labels.emotion_intensity"],
                    named_sentiment=tensors.get("labels.named_sentiment"),
                ),
                segments=tuple(strings["segments"]),
                texts=tuple(strings["texts"]),
                speakers=tuple(strings["speakers"]) if "speakers" in strings else None,
                words=words,
            )
        except (SafetensorError, OSError, LookupError, TypeError, AttributeError, ValueError, InputError) as error:
            if str(path) in str(error):
                raise
            raise DataError(f"{path}: not an utterance table, or damaged ({error})") from error


def _blocks(table: UtteranceTable) -> dict[str, ModalityFeatures]:
    """Return the blocks of columns by the name that they have in the file."""
    blocks: dict[str, ModalityFeatures] = {str(name): features for name, features in table.modalities.items()}
    if table.words is not None:
        blocks |= {f"{WORDS}{name}": features for name, features in table.words.modalities.items()}
    return blocks


def _features(
    tensors: Mapping[str, NDArray[Any]], columns: Mapping[str, Any], *, prefix: str = ""
) -> dict[Modality, ModalityFeatures]:
    """Read the blocks of columns whose name in the file begins with `prefix`."""
    return {
        name: ModalityFeatures(
            values=tensors[f"{prefix}{name}.values"],
            valid=tensors[f"{prefix}{name}.valid"],
            names=tuple(columns[prefix + name]["names"]),
            version=columns[prefix + name]["version"],
        )
        for name in MODALITIES
        if prefix + name in columns
    }


def _listed(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("a list of texts is missing")
    return value


def absent_features(like: ModalityFeatures, count: int) -> ModalityFeatures:
    """Return `count` invalid rows with the columns of `like`."""
    shape = (count, len(like.names))
    return replace(like, values=np.zeros(shape, dtype=np.float32), valid=np.zeros(shape, dtype=np.bool_))


def concatenate(tables: Sequence[UtteranceTable]) -> UtteranceTable:
    """Concatenate tables of several corpora; a modality missing in one of them is invalid in its rows.

    Words are kept where every table has them.

    Raises
    ------
    DataError
        If the columns or versions of a modality differ between tables, or there is no table.
    """
    if not tables:
        raise DataError("concatenate: no table given")
    modalities: dict[Modality, ModalityFeatures] = {}
    for modality in MODALITIES:
        parts = [table.modalities[modality] for table in tables if modality in table.modalities]
        layouts = {(part.version, part.names) for part in parts}
        if len(layouts) > 1:
            versions = ", ".join(sorted(part.version for part in parts))
            raise DataError(f"the tables have different {modality} columns ({versions}); extract them with one version")
        if parts:
            filled = [table.modalities.get(modality) or absent_features(parts[0], len(table)) for table in tables]
            modalities[modality] = replace(
                parts[0],
                values=np.concatenate([part.values for part in filled]),
                valid=np.concatenate([part.valid for part in filled]),
            )
    speakers = None
    if any(table.speakers is not None for table in tables):
        speakers = tuple(name for table in tables for name in table.speakers or ("",) * len(table))
    return UtteranceTable(
        video_ids=tuple(name for table in tables for name in table.video_ids),
        splits=tuple(split for table in tables for split in table.splits),
        corpora=tuple(corpus for table in tables for corpus in table.corpora),
        offsets=np.concatenate([[0], np.cumsum(np.concatenate([table.lengths for table in tables]))]).astype(np.int64),
        modalities=cast("Mapping[Modality, ModalityFeatures]", modalities),
        labels=Labels.concatenated([table.labels for table in tables]),
        segments=tuple(segment for table in tables for segment in table.segments),
        texts=tuple(text for table in tables for text in table.texts),
        speakers=speakers,
        words=join_words([table.words for table in tables]),
    )
