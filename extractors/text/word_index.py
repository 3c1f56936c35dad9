"""The rows of a word list, in a tenth of the memory of a dict of strings: GloVe has 400,000 words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np


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
        hashes = np.fromiter((hash(self.line(row)) for row in range(len(ends))), np.int64, len(ends))
        self._order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._hashes = hashes[self._order]

    def line(self, row: int) -> bytes:
        """Return a word as the file has it."""
        return self._content[self._bounds[row] + 1 : self._bounds[row + 1]]

    def __getitem__(self, word: str) -> int:
        wanted = word.encode("utf-8", "surrogatepass")
        first, last = (int(np.searchsorted(self._hashes, hash(wanted), side=side)) for side in ("left", "right"))
        for row in self._order[first:last].tolist():
            if self.line(row) == wanted:
                return int(row)
        raise KeyError(word)

    def __iter__(self) -> Iterator[str]:
        return (self.line(row).decode("utf-8") for row in range(len(self)))

    def __len__(self) -> int:
        return len(self._bounds) - 1
