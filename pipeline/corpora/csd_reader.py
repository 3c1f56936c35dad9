"""Reader for computational sequences of the CMU-MultimodalSDK (``.csd``): HDF5 with features and intervals per video.

Layout: ``/<root name>/data/<video id>/features`` (T, D) and ``.../intervals`` (T, 2) in seconds, metadata as
one-element JSON strings under ``/<root name>/metadata``. Files aligned by the SDK have a key per segment,
``<video id>[n]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from mtmm_video.foundation.errors import DataError

Content = Literal["words", "word_vectors", "labels", "acoustic", "visual"]

ACOUSTIC_COLUMNS = 74  # COVAREP
VISUAL_COLUMNS = 35  # FACET 4.2
LABEL_COLUMNS = 7  # MOSEI: sentiment and six emotions
EMOTION_COLUMNS = 6  # the older of MOSEI's two files, CMU_MOSEI_LabelsEmotions.csd
SENTIMENT_COLUMNS = 1  # MOSI: sentiment alone
LABEL_NAMES = ("label", "sentiment", "opinion", "emotion")  # one of them is in the name of every sequence of labels
PHONE_NAME = "phone"  # CMU_MOSI_TimestampedPhones.csd: text in one column as words are
VECTOR_COLUMNS = (50, 100, 200, 300)  # GloVe; MOSEI's file has 300
MOST_BYTES = 4 << 30  # of one video's features: ten hours of COVAREP take 2.1 GB. A header can claim anything
# What h5py raises on damaged files, and `_own` and `_array` on what a sequence must not have.
DAMAGE = (OSError, KeyError, TypeError, ValueError, RuntimeError, AttributeError, IndexError)
SEGMENT_KEY = re.compile(r"^(?P<video>.+)\[(?P<segment>\d+)\]$")


class OtherContentError(DataError):
    """A computational sequence of features that no table has, such as openSMILE's."""


@dataclass(frozen=True)
class Rows:
    """The rows of one video in a sequence, in order of time.

    Attributes
    ----------
    features : ndarray, shape (t, d)
        Numbers, or bytes in a sequence of words. NaN and infinities occur in the files and are kept.
    intervals : ndarray of float64, shape (t, 2)
        Start and end in seconds.
    """

    features: NDArray[Any]
    intervals: NDArray[np.float64]


class ComputationalSequence:
    """An open ``.csd`` file, read video by video, since the largest have 10 GB.

    Attributes
    ----------
    path : Path
        The file.
    root : str
        Its root name, for instance ``COVAREP``.
    content : Content
        Type of its content, inferred from dtype and width of its features.
    width : int
        Columns of its features.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        groups = {name: _own(file, name) for name in file}
        roots = [name for name, group in groups.items() if isinstance(group, h5py.Group) and "data" in group]
        if len(roots) != 1:
            raise DataError(
                f"{path}: an HDF5 file but not a computational sequence: expected one group with 'data' in it, found "
                f"{len(roots)} among {sorted(file)[:5]}"
            )
        self.root = str(roots[0])
        self._data = _own(groups[self.root], "data")
        self._metadata = _own(groups[self.root], "metadata") if "metadata" in groups[self.root] else {}
        self._keys: dict[str, list[str]] = {}
        for key in self._data:
            match = SEGMENT_KEY.match(key)
            self._keys.setdefault(match["video"] if match else key, []).append(key)
        for keys in self._keys.values():
            keys.sort(key=segment_number)
        if not self._keys:
            raise DataError(f"{path}: has no videos")
        self.content, self.width = self._infer_content()

    @property
    def videos(self) -> tuple[str, ...]:
        """Videos in the file, without segment numbers."""
        return tuple(self._keys)

    def __contains__(self, video: str) -> bool:
        return video in self._keys

    def read(self, video: str) -> Rows:
        """Read one video; segments with separate keys are concatenated.

        Raises
        ------
        DataError
            If the data are damaged, or features and intervals differ in length.
        """
        features: list[NDArray[Any]] = []
        intervals: list[NDArray[np.float64]] = []
        for key in self._keys[video]:
            try:
                group = _own(self._data, key)
                one, span = _columns(_array(group, "features")), _array(group, "intervals").astype(np.float64)
            except DAMAGE as error:
                raise DataError(
                    f"{self.path}: cannot read {key!r} ({_line(error)}); the download may be truncated, fetch the file "
                    "again"
                ) from error
            if one.ndim != 2 or span.shape != (len(one), 2):
                raise DataError(
                    f"{self.path}: {key!r} has features {one.shape} and intervals {span.shape}, expected (t, d) "
                    "and (t, 2)"
                )
            if features and (one.dtype.kind, one.shape[1]) != (features[0].dtype.kind, features[0].shape[1]):
                raise DataError(f"{self.path}: the segments of {video!r} have features of different kinds")
            if not np.isfinite(span).all():
                raise DataError(f"{self.path}: {key!r} has intervals that are NaN or infinite")
            features.append(one)
            intervals.append(span)
        joined, spans = np.concatenate(features), np.concatenate(intervals)
        order = np.argsort(spans[:, 0], kind="stable")
        return Rows(features=joined[order], intervals=spans[order])

    def dimension_names(self) -> tuple[str, ...] | None:
        """Return the names of the columns from the metadata, None if it has none.

        Raises
        ------
        DataError
            If the metadata are damaged.
        """
        try:
            if "dimension names" not in self._metadata:
                return None
            raw = _array(self._metadata, "dimension names").reshape(-1)[0]
        except DAMAGE as error:
            raise DataError(f"{self.path}: its metadata are damaged ({_line(error)}); fetch the file again") from error
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
        try:
            names = json.loads(text)
        except json.JSONDecodeError:
            return None
        return tuple(map(str, names)) if isinstance(names, list) else None

    def _infer_content(self) -> tuple[Content, int]:
        first = self._keys[next(iter(self._keys))][0]
        try:
            dataset = _own(_own(self._data, first), "features")
            dtype, width = dataset.dtype, 1 if len(dataset.shape) == 1 else int(dataset.shape[1])
        except DAMAGE as error:
            raise DataError(f"{self.path}: {first!r} has no features of shape (t, d) ({_line(error)})") from error
        named = " ".join((self.root, *(self.dimension_names() or ()))).casefold()
        if dtype.kind in "SOU":
            if width == 1 and PHONE_NAME not in named:
                return "words", width
        elif width in (SENTIMENT_COLUMNS, EMOTION_COLUMNS) and any(name in named for name in LABEL_NAMES):
            return "labels", width
        widths: dict[int, Content] = {LABEL_COLUMNS: "labels", ACOUSTIC_COLUMNS: "acoustic", VISUAL_COLUMNS: "visual"}
        widths.update(dict.fromkeys(VECTOR_COLUMNS, "word_vectors"))
        if width not in widths:
            raise OtherContentError(
                f"{self.path}: features of {width} columns ({self.root}) are none of words, word vectors "
                f"({', '.join(map(str, VECTOR_COLUMNS))}), COVAREP ({ACOUSTIC_COLUMNS}), FACET ({VISUAL_COLUMNS}) or "
                f"labels ({LABEL_COLUMNS}, or {SENTIMENT_COLUMNS} or {EMOTION_COLUMNS} named so)"
            )
        return widths[width], width


def _own(group: h5py.Group, name: str) -> Any:
    """Return a member that lies in the file itself: soft and external links could name another one.

    Raises
    ------
    ValueError
        If it is a link.
    """
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name!r} is a link to another place; a sequence has its data in itself")  # noqa: TRY004
    return group[name]


def _array(group: h5py.Group, name: str) -> NDArray[Any]:
    """Return the values of a dataset.

    Raises
    ------
    ValueError
        If it is none, has its values in another file, or claims more than fits in memory.
    """
    dataset = _own(group, name)
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external:
        raise ValueError(f"{name!r} is no dataset with values of its own")
    if dataset.nbytes > MOST_BYTES:
        raise ValueError(f"{name!r} claims to have {dataset.nbytes / 1e9:.0f} GB")
    return np.asarray(dataset[()])


def _columns(features: NDArray[Any]) -> NDArray[Any]:
    """Return features of one number per row, shape (t,), as one column, shape (t, 1)."""
    return features[:, None] if features.ndim == 1 else features


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def segment_number(key: str) -> int:
    """Return the n of a key ``<video id>[n]``, 0 if it has none, for sorting in numerical order."""
    match = SEGMENT_KEY.match(key)
    return int(match["segment"]) if match else 0


@contextmanager
def open_sequence(path: Path) -> Iterator[ComputationalSequence]:
    """Open a ``.csd`` file.

    Raises
    ------
    DataError
        If it is missing, truncated, not an HDF5 file, or not a computational sequence.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{path}: not an HDF5 file, or truncated ({_line(error)}); fetch it again") from error
    with file:
        try:
            sequence = ComputationalSequence(path, file)
        except DataError:
            raise
        except DAMAGE as error:
            raise DataError(f"{path}: damaged, or not a sequence ({_line(error)}); fetch it again") from error
        yield sequence


def word_text(value: object) -> str:
    """Decode a word, which files store as bytes or text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
