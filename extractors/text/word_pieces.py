"""WordPiece tokenisation of uncased BERT models (Devlin et al., NAACL 2019; Wu et al., 2016, section 4.1).

MPNet cuts texts as BERT does and names the special pieces as RoBERTa does.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from mtmm_video.foundation.errors import WeightsError

LONGEST_WORD = 100  # characters; the vocabulary maps longer words to [UNK] as a whole
CONTINUATION = "##"  # marks a piece that continues a word
UNKNOWN = "[UNK]"  # stands for a word that no pieces make up
# Unicode blocks whose characters are separate words in BERT: CJK ideographs, extensions and compatibility forms.
IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPieces:
    """Tokeniser to vocabulary indices: lower case, accents removed, punctuation split off, then longest-match pieces.

    Parameters
    ----------
    vocabulary : sequence of str
        One piece per index; must contain ``<pad>``, ``[UNK]``, ``<s>`` and ``</s>``.

    Raises
    ------
    WeightsError
        If one of the four special tokens is missing.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = tuple(vocabulary)
        self._index = {piece: index for index, piece in enumerate(vocabulary)}
        missing = [mark for mark in ("<pad>", UNKNOWN, "<s>", "</s>") if mark not in self._index]
        if missing:
            raise WeightsError(f"the WordPiece vocabulary lacks {', '.join(missing)}: it is not MPNet's")
        self.pad, self.unknown = self._index["<pad>"], self._index[UNKNOWN]
        self.start, self.end = self._index["<s>"], self._index["</s>"]

    @classmethod
    def load(cls, path: Path) -> WordPieces:
        """Read ``vocab.txt``: one piece a line.

        Raises
        ------
        WeightsError
            If the file cannot be read or is not MPNet's vocabulary.
        """
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise WeightsError(f"{path}: cannot be read ({error}); run `mtmm-video weights fetch`") from error
        return cls(lines[:-1] if lines[-1] == "" else lines)

    def encode(self, text: str, *, longest: int) -> list[int]:
        """Return the indices of ``<s> text </s>``, truncated to `longest` indices, both special tokens included."""
        indices: list[int] = []
        for word in split_words(text):
            indices.extend(self._pieces(word))
            if len(indices) >= longest - 2:
                break
        return [self.start, *indices[: longest - 2], self.end]

    def _pieces(self, word: str) -> list[int]:
        """Split a word greedily into the longest pieces of the vocabulary; [UNK] for a word that cannot be split."""
        if len(word) > LONGEST_WORD:
            return [self.unknown]
        pieces: list[int] = []
        begin = 0
        while begin < len(word):
            for end in range(len(word), begin, -1):
                piece = word[begin:end] if begin == 0 else CONTINUATION + word[begin:end]
                if piece in self._index:
                    pieces.append(self._index[piece])
                    begin = end
                    break
            else:
                return [self.unknown]
        return pieces


def split_words(text: str) -> list[str]:
    """Split text into lower-case words and single punctuation marks; accents and control characters are removed."""
    spaced: list[str] = []
    for character in text:
        category = unicodedata.category(character)
        if character in "\t\n\r" or category == "Zs":
            spaced.append(" ")
        elif character in "\0\ufffd" or category.startswith("C"):
            continue
        elif any(low <= ord(character) <= high for low, high in IDEOGRAPHS):
            spaced.append(f" {character} ")
        else:
            spaced.append(character)
    plain = unicodedata.normalize("NFD", "".join(spaced).lower())
    apart = [
        f" {character} " if _is_punctuation(character) else character
        for character in plain
        if unicodedata.category(character) != "Mn"
    ]
    return "".join(apart).split()


def _is_punctuation(character: str) -> bool:
    """Tell whether a character is Unicode punctuation or an ASCII sign other than letter, digit and space ($, +, ~)."""
    return (character.isascii() and character.isprintable() and not (character.isalnum() or character == " ")) or (
        unicodedata.category(character).startswith("P")
    )
