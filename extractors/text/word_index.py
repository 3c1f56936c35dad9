"""The rows of a word list, in a tenth of the memory of a dict of strings: GloVe has 400,000 words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

HASHED = 8  # bytes at either end of a word that, with its length, decide where it is looked for
FACTOR = 0x100000001B3  # of the FNV hash (Fowler, Noll, Vo), whose products spread over 64 bits
BITS_64 = 0xFFFF_FFFF_FFFF_FFFF


class WordIndex(Mapping[str, int]):
    """From words to their line numbers in a file of one word a line.

    Parameters
    ----------
    content : bytes
        The file, UTF-8. If a word stands there twice, its first line counts.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        ends = np.flatnonzero(np.frombuffer(content, np.uint8) == ord("\n"))
        if content and not content.endswith(b"\n"):
            ends = np.append(ends, len(content))
        self._bounds = np.concatenate([[-1], ends]).astype(np.int64)  # word k lies between bounds k and k + 1
        hashes = _hashes(np.frombuffer(content, np.uint8), self._bounds[:-1] + 1, self._bounds[1:])
        self._order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._hashes = hashes[self._order]

    def line(self, row: int) -> bytes:
        """Return a word as the file has it."""
        return self._content[self._bounds[row] + 1 : self._bounds[row + 1]]

    def __getitem__(self, word: str) -> int:
        wanted = word.encode("utf-8", "surrogatepass")
        value = np.uint64(_hash(wanted))
        first, last = (int(np.searchsorted(self._hashes, value, side=side)) for side in ("left", "right"))
        for row in self._order[first:last].tolist():
            if self.line(row) == wanted:
                return int(row)
        raise KeyError(word)

    def __iter__(self) -> Iterator[str]:
        return (self.line(row).decode("utf-8") for row in range(len(self)))

    def __len__(self) -> int:
        return len(self._bounds) - 1


def _hash(word: bytes) -> int:
    """Hash one word, as `_hashes` does."""
    value = len(word)
    for byte in word[:HASHED] + word[: -HASHED - 1 : -1]:
        value = value * FACTOR + byte & BITS_64
    return value


def _hashes(content: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hash many words at once: a loop over 400,000 of them takes half a second.

    Parameters
    ----------
    content : ndarray of uint8, shape (bytes,)
    starts, ends : ndarray of int64, shape (words,)
        Of each word in `content`.

    Returns
    -------
    ndarray of uint64, shape (words,)
    """
    lengths = ends - starts
    values = lengths.astype(np.uint64)
    for first, direction in ((starts, 1), (ends - 1, -1)):
        for step in range(HASHED):
            has = np.flatnonzero(lengths > step)
            values[has] = values[has] * np.uint64(FACTOR) + content[first[has] + direction * step]
    return values
